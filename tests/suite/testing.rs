//! Tests in rule files, run through the library: all that are shipped, and files of tests that fail on purpose.

use rulefold::diagnostic::plain;
use rulefold::pipeline::library::{Loaded, RuleText, load};
use rulefold::rules::SHIPPED;
use rulefold::testing::{Outcome, Settings, cases, run};
use std::fmt::Write;
use std::path::Path;

/// Runs the tests of some modules.
fn outcomes(loaded: &Loaded, settings: &Settings, modules: &[String]) -> Vec<Outcome> {
    let cases = cases(loaded, settings, modules);
    cases
        .into_iter()
        .map(|case| run(loaded, settings, case))
        .collect()
}

/// What a run says, without times.
fn told(loaded: &Loaded, outcomes: &[Outcome]) -> String {
    let mut out = String::new();
    for outcome in outcomes {
        let _ = writeln!(out, "{} {}", outcome.letter(), outcome.name());
    }
    for outcome in outcomes {
        let failures = outcome.diagnostics();
        out += &plain(&loaded.sources, &failures);
    }
    out
}

#[test]
fn shipped_tests_pass() {
    let loaded = load(vec![]);
    let modules: Vec<String> = SHIPPED.iter().map(|file| file.module.to_owned()).collect();
    let settings = Settings::default();
    let all = outcomes(&loaded, &settings, &modules);
    assert!(all.len() > 4);
    let failed: Vec<Outcome> = all.into_iter().filter(|o| !o.passed()).collect();
    assert!(failed.is_empty(), "{}", told(&loaded, &failed));
}

/// Each file of tests that fail, or do not, with what is said of them.
#[test]
fn files_of_tests_are_judged() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testing");
    let mut paths: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder is part of the package")
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|e| e == "fold"))
        .collect();
    paths.sort();
    for path in paths {
        let name = path
            .file_stem()
            .expect("files have names")
            .to_string_lossy();
        let loaded = load(vec![RuleText {
            module: name.to_string(),
            path: format!("{name}.fold"),
            bytes: std::fs::read(&path).expect("a rule file"),
        }]);
        assert_eq!(plain(&loaded.sources, &loaded.diagnostics), "", "{name}");
        let settings = Settings {
            root: Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models")),
            ..Settings::default()
        };
        let found = outcomes(&loaded, &settings, &[name.to_string()]);
        let root = env!("CARGO_MANIFEST_DIR");
        let told = told(&loaded, &found).replace(root, "");
        insta::assert_snapshot!(name.to_string(), told);
    }
}
