//! `rulefold test --derive`: tests written from rules, over the shipped library and as a user runs it.

use crate::command::{Place, Ran, program};
use rulefold::pipeline::library::{Loaded, RuleText, load};
use rulefold::rules::SHIPPED;
use rulefold::testing::derive::{Derived, Fate, derive};
use std::path::{Path, PathBuf};

fn texts() -> Vec<RuleText> {
    let all = SHIPPED.iter().map(|file| RuleText {
        module: file.module.to_owned(),
        path: file.path.to_owned(),
        bytes: file.text.as_bytes().to_vec(),
    });
    all.collect()
}

fn missing(derived: &Derived) -> Vec<String> {
    let tests = derived.tests.iter();
    let missing = tests.filter_map(|test| match &test.fate {
        Fate::NotWritten(why) => Some(format!("{}: {}: {why}", derived.rule, test.name)),
        Fate::Written | Fate::Present(_) => None,
    });
    missing.collect()
}

/// What every shipped rule gives is held where the release build runs all of them; these rules have what is hard to derive: effects,
/// chains, several roots, packed objects, results of operators with several.
#[test]
fn rules_of_every_form_give_their_tests() {
    let texts = texts();
    let loaded: Loaded = load(texts.clone());
    let modules = [
        "torch.packing",
        "torch.hoisting",
        "torch.linear",
        "torch.linear_dynamic",
    ];
    let mut found = Vec::new();
    let mut count = 0;
    for rule in &loaded.library.rules {
        let module = rule.name.as_str().rsplit_once('.');
        if !module.is_some_and(|(module, _)| modules.contains(&module)) {
            continue;
        }
        match derive(&loaded, &texts, rule.name.as_str()) {
            Ok(derived) => {
                count += derived.tests.len();
                found.extend(missing(&derived));
            }
            Err(refused) => found.push(format!("{}: {refused:?}", rule.name)),
        }
    }
    assert_eq!(found, Vec::<String>::new());
    assert!(count > 30, "only {count} tests");
}

const RULES: &str = "/// What: a matrix is flat from its second dimension on.
rule flat
  : aten::flatten(%x, 1, -1) => %x
  numerics exact
  where rank(%x) == 2 else \"there are dimensions to join\"  // and more

const AFTER = 1
";

fn test(folder: &Path, words: &[&str]) -> Ran {
    let mut command = program();
    command.arg("test").args(words).current_dir(folder);
    command.output().expect("the program can be run").into()
}

fn read(place: &Place, name: &str) -> String {
    std::fs::read_to_string(place.path(name)).expect("it is text")
}

fn folder(place: &Place) -> PathBuf {
    let path = place.path("x");
    path.parent().expect("it is in the folder").to_path_buf()
}

#[test]
fn derived_tests_pass_are_formatted_and_written_once() {
    let place = Place::new();
    let name = "sch\u{f6}ne regeln.fold";
    place.write(name, RULES);
    let folder = folder(&place);
    let ran = test(&folder, &["--derive", "sch\u{f6}ne regeln.flat", name]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(
        ran.out,
        format!(
            "{name}: wrote 4 tests of sch\u{f6}ne regeln.flat\n  smallest match\n  refused: there are dimensions to join\n  \
             2 for 1 in aten::flatten\n  0 for -1 in aten::flatten\n"
        )
    );
    let text = read(&place, name);
    assert!(
        text.starts_with(
            RULES
                .strip_suffix("\nconst AFTER = 1\n")
                .expect("it ends so")
        )
    );
    assert!(text.ends_with("}\n\nconst AFTER = 1\n"), "{text}");
    assert!(text.contains("expect no match because \"there are dimensions to join\""));
    let ran = test(&folder, &[name]);
    assert!(ran.out.contains("4 passed"), "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("guards tested both ways 1/1"),
        "{}",
        ran.out
    );
    let formatted = program()
        .args(["fmt", "--check", name])
        .current_dir(&folder)
        .output();
    assert!(formatted.expect("the program can be run").status.success());
    let again = test(&folder, &["--derive", "sch\u{f6}ne regeln.flat", name]);
    assert_eq!(again.code, 0);
    assert!(
        again.out.contains("nothing new") && again.out.contains("4 tests stand there already"),
        "{}",
        again.out
    );
    assert_eq!(read(&place, name), text);
    let quiet = test(
        &folder,
        &["-q", "--derive", "sch\u{f6}ne regeln.flat", name],
    );
    assert_eq!(
        (quiet.code, quiet.out.as_str(), quiet.err.as_str()),
        (0, "", "")
    );
}

#[test]
fn what_cannot_be_derived_is_said_and_the_file_stays() {
    let place = Place::new();
    place.write("my.fold", RULES);
    let folder = folder(&place);
    let unknown = test(&folder, &["--derive", "my.flatt", "my.fold"]);
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.err.contains("did you mean `my.flat`?"),
        "{}",
        unknown.err
    );
    let shipped = test(&folder, &["--derive", "torch.clean.dropout", "my.fold"]);
    assert_eq!(shipped.code, 2);
    assert!(
        shipped.err.contains("patterns/torch/clean.fold"),
        "{}",
        shipped.err
    );
    let nowhere = test(&folder, &["--derive", "my.flat"]);
    assert_eq!(nowhere.code, 2);
    assert_eq!(read(&place, "my.fold"), RULES);
    // No tensor has two element types.
    let never = RULES.replace("rank(%x) == 2", "dtype(%x) == f32 and dtype(%x) == i8");
    place.write("my.fold", &never);
    let impossible = test(
        &folder,
        &["--derive", "my.flat", "my.fold", "--format", "json"],
    );
    assert_eq!(impossible.code, 1);
    let told: serde_json::Value = serde_json::from_str(&impossible.out).expect("it is JSON");
    assert_eq!(told["tests"][0]["fate"], "not-written");
    assert_eq!(
        told["tests"][0]["why"],
        "no graph was found for which all guards hold"
    );
    assert_eq!(read(&place, "my.fold"), never);
}

#[test]
fn an_instance_may_be_named_and_lines_end_as_they_did() {
    let place = Place::new();
    let family = "rule twice for op in [\"relu\", \"abs\"] : aten::{op}(aten::{op}(%x)) => aten::{op}(%x)   numerics exact";
    place.write("my.fold", format!("// mine\r\n{family}\r\n"));
    let folder = folder(&place);
    let ran = test(&folder, &["--derive", "my.twice[op = abs]", "my.fold"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let text = read(&place, "my.fold");
    assert!(text.contains("of twice[op = \"abs\"] {\r\n"), "{text}");
    assert!(text.contains("expect equal\r\n"), "{text}");
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    let wrong = test(&folder, &["--derive", "my.twice[op = neg]", "my.fold"]);
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.err.contains("there are twice[op = \"relu\"]")
            || wrong.err.contains("there are twice[op = relu]"),
        "{}",
        wrong.err
    );
}
