//! Tests in rule files, run through the library: all that are shipped, and files of tests that fail on purpose.

use rulefold::diagnostic::plain;
use rulefold::pipeline::library::{Loaded, RuleText, load};
use rulefold::rules::SHIPPED;
use rulefold::testing::coverage::coverage;
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

/// Faults planted into a copy of the library: what is wrong, the module, the text, and what takes its place.
const FAULTS: [(&str, &str, &str, &str); 10] = [
    (
        "two paddings in the wrong order",
        "torch.quantized",
        "_prepack(%w, %b, stride, padding, output_padding, dilation, groups)",
        "_prepack(%w, %b, stride, output_padding, padding, dilation, groups)",
    ),
    (
        "stride and padding in the wrong order",
        "torch.clean",
        "=> aten::conv_transpose{D}d(%x, %w, %b, stride, padding, output_padding, groups, dilation)",
        "=> aten::conv_transpose{D}d(%x, %w, %b, padding, stride, output_padding, groups, dilation)",
    ),
    (
        "mean and variance in the wrong order",
        "torch.quantized",
        "quantized::{fused}(%x, %weight, %bias, %mean, %var, eps",
        "quantized::{fused}(%x, %weight, %bias, %var, %mean, eps",
    ),
    (
        "weight and bias in the wrong order",
        "torch.quantized",
        "quantized::{op}(%x, %size, %weight, %bias, eps",
        "quantized::{op}(%x, %size, %bias, %weight, eps",
    ),
    (
        "no guard on alpha",
        "torch.quantized",
        "where all([n == 1 for n in alpha])                              else \"the fused kernel has no alpha\"",
        "where len(alpha) >= 0 else \"the fused kernel has no alpha\"",
    ),
    (
        "no guard on the type of weights",
        "torch.quantized",
        "where dtype(%w) == qint8                      else \"packed weights are qint8\"\n  let",
        "where rank(%w) > 0 else \"packed weights are qint8\"\n  let",
    ),
    (
        "no guard on the scale",
        "torch.quantized",
        "where qparams(%q) == (%scale, %zero_point, dtype) else",
        "where [%scale, %zero_point, dtype] == [%scale, %zero_point, dtype] and dtype(%q) == quint8 else",
    ),
    (
        "a zero point off by one",
        "torch.quantized",
        "(\"tanh\", 2 / 256, 128)",
        "(\"tanh\", 2 / 256, 127)",
    ),
    (
        "a largest value off by one",
        "torch.quantized",
        "+ qparams(%x)[1] >= 255",
        "+ qparams(%x)[1] >= 253",
    ),
    (
        "a scale twice as large",
        "torch.quantized",
        "(\"sigmoid\", 1 / 256, 0)",
        "(\"sigmoid\", 2 / 256, 0)",
    ),
];

/// Each is found by the tests in the rule files alone.
#[test]
fn planted_faults_are_caught() {
    for (what, module, right, wrong) in FAULTS {
        let shipped = SHIPPED.iter().find(|file| file.module == module);
        let shipped = shipped.expect("the module is shipped");
        assert!(shipped.text.contains(right), "{what}: {right}");
        let loaded = load(vec![RuleText {
            module: module.to_owned(),
            path: shipped.path.to_owned(),
            bytes: shipped.text.replacen(right, wrong, 1).into_bytes(),
        }]);
        assert_eq!(plain(&loaded.sources, &loaded.diagnostics), "", "{what}");
        let settings = Settings {
            samples: 6,
            ..Settings::default()
        };
        let found = outcomes(&loaded, &settings, &[module.to_owned()]);
        assert!(
            found.iter().any(|outcome| !outcome.passed()),
            "{what} is not caught"
        );
    }
}

/// Every shipped rule has a test, every guard was seen true and false, every optional node there and not, every alternative met.
#[test]
fn the_shipped_library_is_covered() {
    let loaded = load(vec![]);
    let modules = loaded.library.modules.iter();
    let modules: Vec<String> = modules.map(|module| module.name.to_string()).collect();
    let settings = Settings {
        samples: 1,
        ..Settings::default()
    };
    let all = outcomes(&loaded, &settings, &modules);
    let covered = coverage(&loaded, &modules, &all);
    let left: Vec<String> = covered
        .left
        .iter()
        .map(|left| format!("{}:{} {} {}", left.file, left.line, left.rule, left.what))
        .collect();
    assert_eq!(left, [""; 0]);
    assert_eq!(covered.rules_tested, loaded.library.rules.len());
    assert!(covered.guards > 70 && covered.choices > 10, "{covered:?}");
}
