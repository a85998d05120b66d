//! `rulefold test` as a user runs it: exit codes, snapshots, watching, other formats.

use crate::command::{Place, Ran, program};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

const RULES: &str = "/// What: relu twice is relu once.
rule relu_twice {
  numerics exact
  match   { %y = aten::relu(aten::relu(%x)) }
  rewrite { %y = aten::relu(%x) }

  test \"a snapshot\" {
    given graph(%x: Tensor<f32, [2, 3]>) {
      %y = aten::relu(aten::relu(%x))
      return (%y)
    }
    expect applied == 1
    expect snapshot
  }
}
";

const SNAPSHOT: &str = "my__relu_twice__a_snapshot.snap";

fn test(folder: &Path, words: &[&str], input: &str) -> Ran {
    let mut child = program()
        .arg("test")
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be run");
    let mut stdin = child.stdin.take().expect("it was asked for");
    stdin
        .write_all(input.as_bytes())
        .expect("the program reads");
    drop(stdin);
    let output = child.wait_with_output().expect("the program ends");
    output.into()
}

fn place() -> Place {
    let place = Place::new();
    place.write("my.fold", RULES);
    place
}

fn folder(place: &Place) -> std::path::PathBuf {
    place
        .path("my.fold")
        .parent()
        .expect("it is in the folder")
        .to_path_buf()
}

#[test]
fn exit_codes_say_how_it_ended() {
    let place = Place::new();
    let folder = |place: &Place| place.path("x").parent().expect("a folder").to_path_buf();
    let passing = RULES.replace("    expect snapshot\n", "");
    place.write("good.fold", &passing);
    place.write("bad.fold", passing.replace("applied == 1", "applied == 2"));
    place.write("wrong.fold", "rule x\n");
    let code = |words: &[&str]| test(&folder(&place), words, "").code;
    assert_eq!(code(&["good.fold"]), 0);
    assert_eq!(code(&["bad.fold"]), 1);
    assert_eq!(code(&["wrong.fold"]), 1);
    assert_eq!(code(&["nowhere.fold"]), 2);
    assert_eq!(code(&["good.fold", "--seed", "x"]), 2);
    assert_eq!(code(&["bad.fold", "--filter", "no such test"]), 0);
    let quiet = test(&folder(&place), &["good.fold", "-q"], "");
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
    let told = test(&folder(&place), &["good.fold"], "");
    assert_eq!(
        told.out,
        "good  .\n1 passed (seed 0)\nrules with tests 1/1\n"
    );
}

#[test]
fn snapshots_are_reviewed_line_by_line_in_a_pipe() {
    let place = place();
    let at = folder(&place);
    let new = test(&at, &["my.fold"], "");
    assert_eq!(new.code, 1);
    assert!(new.out.starts_with("my  S\n(S snapshot)\n"), "{}", new.out);
    assert!(
        new.out.contains("1 snapshot to review (seed 0)"),
        "{}",
        new.out
    );
    // The end of the input is no answer.
    let skipped = test(&at, &["my.fold", "--review"], "x\n");
    assert_eq!(skipped.code, 1);
    assert!(skipped.out.contains("skipped"), "{}", skipped.out);
    let rejected = test(&at, &["my.fold", "--review"], "r\n");
    assert_eq!(rejected.code, 1);
    assert!(!at.join("snapshots").exists());
    let accepted = test(&at, &["my.fold", "--review"], "a\n");
    assert_eq!(accepted.code, 0, "{}", accepted.out);
    let written = std::fs::read_to_string(at.join("snapshots").join(SNAPSHOT));
    assert_eq!(
        written.expect("it was accepted"),
        "---\nsource: \"my.fold\"\nexpression: \"relu_twice: a snapshot\"\n---\ngraph(%x: Tensor<f32, [2, 3]>) {\n  %1 = aten::relu(%x)\n  return (%1)\n}\n"
    );
    assert_eq!(test(&at, &["my.fold"], "").code, 0);
    place.write(
        "my.fold",
        RULES.replace("%y = aten::relu(%x) }", "%y = aten::abs(aten::relu(%x)) }"),
    );
    let differs = test(&at, &["my.fold"], "");
    assert_eq!(differs.code, 1);
    assert!(
        differs.out.contains("+   %2 = aten::abs(%1)"),
        "{}",
        differs.out
    );
    assert_eq!(test(&at, &["my.fold", "--update"], "").code, 0);
    assert_eq!(test(&at, &["my.fold"], "").code, 0);
}

#[test]
fn a_change_runs_the_tests_again_until_the_input_ends() {
    let place = place();
    let at = folder(&place);
    assert_eq!(test(&at, &["my.fold", "--update"], "").code, 0);
    let mut child = program()
        .args(["test", "my.fold", "--watch"])
        .current_dir(&at)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program can be run");
    let mut out = child.stdout.take().expect("it was asked for");
    let until = |text: &str, out: &mut std::process::ChildStdout| {
        let mut seen = String::new();
        let mut bytes = [0; 1024];
        while !seen.contains(text) {
            let n = std::io::Read::read(out, &mut bytes).expect("the program writes");
            assert!(n > 0, "the program ended after {seen:?}");
            seen += &String::from_utf8_lossy(&bytes[..n]);
        }
    };
    until("1 passed", &mut out);
    // Two changes within one tick of a coarse clock would look like one.
    std::thread::sleep(Duration::from_millis(20));
    place.write("my.fold", RULES.replace("applied == 1", "applied == 2"));
    until("1 failed", &mut out);
    drop(child.stdin.take());
    let status = child.wait().expect("the program ends");
    assert_eq!(status.code(), Some(1));
}

#[test]
fn programs_read_json_and_junit() {
    let place = Place::new();
    let failing = RULES
        .replace("    expect snapshot\n", "")
        .replace("applied == 1", "applied == 2");
    place.write("my.fold", failing);
    let at = folder(&place);
    let words = ["my.fold", "--format", "json", "--junit", "out.xml"];
    let ran = test(&at, &words, "");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect("one object");
    assert_eq!(json["failed"], 1);
    assert_eq!(json["coverage"]["rules_tested"], 1);
    let one = &json["tests"][0];
    assert_eq!(one["target"], "my.relu_twice");
    assert_eq!(one["line"], 7);
    assert_eq!(one["diagnostics"][0]["name"], "test-missing");
    assert_eq!(one["diagnostics"][0]["line"], 12);
    let xml = std::fs::read_to_string(at.join("out.xml")).expect("it was written");
    assert!(
        xml.contains("<testsuite name=\"my\" tests=\"1\" failures=\"1\""),
        "{xml}"
    );
    assert!(
        xml.contains("<failure type=\"test-missing\" message=\"applied once\">"),
        "{xml}"
    );
    let shipped = test(&at, &["--filter", "conv and relu", "--format", "json"], "");
    assert_eq!(shipped.code, 0);
    let json: serde_json::Value = serde_json::from_str(&shipped.out).expect("one object");
    assert_eq!(
        (&json["passed"], &json["coverage"]),
        (&1.into(), &serde_json::Value::Null)
    );
}

#[test]
fn what_no_test_covers_is_listed() {
    let place = Place::new();
    let text = RULES
        .replace("    expect snapshot\n", "")
        .replace("aten::relu(aten::relu(%x))", "aten::relu(aten::neg?(%x))")
        .replace(
            "  rewrite",
            "  where rank(%x) == 2 else \"no matrix\"\n  rewrite",
        );
    place.write(
        "my.fold",
        text.replace(
            "given graph(%x: Tensor<f32, [2, 3]>) {\n      %y = aten::relu(aten::neg?(%x))",
            "given graph(%x: Tensor<f32, [2, 3]>) {\n      %y = aten::relu(aten::neg(%x))",
        )
        .replace(
            "rewrite { %y = aten::relu(%x) }",
            "rewrite { %y = aten::abs(%x) }",
        ),
    );
    let ran = test(&folder(&place), &["my.fold", "--uncovered"], "");
    assert_eq!(ran.code, 0, "{}", ran.out);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(
        lines,
        [
            "my  .",
            "my.fold:5: my.relu_twice: guard \"no matrix\" was never false",
            "my.fold:4: my.relu_twice: aten::neg was never absent",
            "1 passed (seed 0)",
            "guards tested both ways 0/1, optional nodes and alternatives 0/1, rules with tests 1/1"
        ]
    );
}

const WEAK: &str = "/// What: a rule whose tests see only a part of it.
rule weak {
  numerics real
  match { %y = aten::sub(aten::relu?(%a) as act, %b, alpha) }
  where alpha == 1 and rank(%a) == 2 else \"not so\"
  rewrite { %y = aten::add(%a, aten::neg(%b), 1) }

  test \"without relu\" {
    given graph(%a: Tensor<f32, [2, 3]>, %b: Tensor<f32, [2, 3]>) {
      %y = aten::sub(%a, %b, 1)
      return (%y)
    }
    expect applied == 1
    expect equal
  }
}
";

#[test]
fn mutants_that_no_test_kills_are_listed() {
    let place = Place::new();
    place.write("my.fold", WEAK.replace(" as act", ""));
    let at = folder(&place);
    let ran = test(&at, &["my.fold", "--mutate"], "");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{}", ran.out);
    insta::assert_snapshot!(ran.out);
    // A comment at the place explains what is left there.
    let explained = WEAK.replace(" as act", "").replace(
        "  where alpha",
        "  // mutate: survives because nobody looks\n  where alpha",
    );
    place.write("my.fold", explained);
    let ran = test(&at, &["my.fold", "--mutate", "my.weak"], "");
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(!ran.out.contains("drops"), "{}", ran.out);
    assert_eq!(
        test(&at, &["my.fold", "--mutate", "my.nothing"], "").code,
        2
    );
    place.write(
        "my.fold",
        WEAK.replace(" as act", "")
            .replace("applied == 1", "applied == 2"),
    );
    let ran = test(&at, &["my.fold", "--mutate"], "");
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("fails without any mutation"),
        "{}",
        ran.err
    );
}
