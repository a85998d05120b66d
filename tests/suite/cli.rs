//! The command line: what it takes, what it prints where, and its exit codes.

use crate::command::{Place, model, program};
use serde_json::Value;
use std::io::Write;
use std::process::Stdio;

/// A small model under a plain name.
pub fn with_model() -> Place {
    let place = Place::new();
    std::fs::copy(model("linear"), place.path("in.pt")).expect("the model can be copied");
    place
}

#[test]
fn help_says_what_there_is() {
    let place = Place::new();
    let mut shown = String::new();
    for words in [
        "--help",
        "help optimize",
        "help check",
        "help show",
        "help why",
        "--version",
    ] {
        let ran = place.run(words);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{words}");
        shown += &format!("$ rulefold {words}\n{}\n", ran.out);
    }
    let shown = shown.replace(env!("CARGO_PKG_VERSION"), "[version]");
    insta::with_settings!({ snapshot_path => "../snapshots/cli", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("help", shown);
    });
}

#[test]
fn wrong_calls_are_refused_with_a_hint() {
    let place = with_model();
    let unknown = place.run("optimise in.pt -o out.pt");
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("optimize"), "{}", unknown.err);
    let without_output = place.run("optimize in.pt");
    assert_eq!(without_output.code, 2);
    assert!(
        without_output.err.contains("--output"),
        "{}",
        without_output.err
    );
    let label = place.run("optimize in.pt -o out.pt --numerics rough");
    assert_eq!(label.code, 2);
    assert!(label.err.contains("exact, real, lsb"), "{}", label.err);
    assert_eq!(place.names(), ["in.pt"]);
}

#[test]
fn unknown_pipelines_and_files_are_named() {
    let place = with_model();
    let pipeline = place.run("optimize in.pt -o out.pt --pipeline torch.statik");
    assert_eq!((pipeline.code, pipeline.out.as_str()), (2, ""));
    assert!(
        pipeline.err.contains("`torch.statik`") && pipeline.err.contains("`torch.static`"),
        "{}",
        pipeline.err
    );
    let file = place.run("optimize none.pt -o out.pt");
    assert_eq!((file.code, file.out.as_str()), (2, ""));
    assert!(file.err.starts_with("error: none.pt: "), "{}", file.err);
    let rules = place.run("optimize in.pt -o out.pt --rules none.fold");
    assert_eq!(rules.code, 2);
    assert!(rules.err.starts_with("error: none.fold: "), "{}", rules.err);
    let method = place.run("show in.pt --method backward");
    assert_eq!(method.code, 2);
    assert!(
        method.err.contains("`backward`") && method.err.contains("`forward`"),
        "{}",
        method.err
    );
    assert_eq!(place.names(), ["in.pt"]);
}

#[test]
fn the_output_may_be_the_input_a_pipe_or_anything_unicode() {
    let place = with_model();
    let first = place.run("optimize in.pt -o Ünï_コード.pt -q");
    assert_eq!(
        (first.code, first.out, first.err),
        (0, String::new(), String::new())
    );
    let written = std::fs::read(place.path("Ünï_コード.pt")).expect("it was written");

    let piped = program()
        .args(["optimize", "in.pt", "-o", "-"])
        .current_dir(place.path(""))
        .output()
        .expect("the program runs");
    assert!(piped.status.success());
    assert!(
        piped.stdout == written,
        "the pipe gets other bytes than the file"
    );
    let report = String::from_utf8_lossy(&piped.stderr);
    assert!(report.contains("operations"), "{report}");

    let in_place = place.run("optimize in.pt -o in.pt -q");
    assert_eq!(in_place.code, 0, "{}", in_place.err);
    let replaced = std::fs::read(place.path("in.pt")).expect("it is there");
    assert!(replaced == written, "in place gives other bytes");

    let again = place.run("optimize in.pt -o again.pt -q");
    assert_eq!(again.code, 0, "{}", again.err);
    let again = std::fs::read(place.path("again.pt")).expect("it was written");
    assert!(again == written, "the job on its own output changes it");
    assert_eq!(place.names(), ["again.pt", "in.pt", "Ünï_コード.pt"]);
}

#[test]
fn a_closed_pipe_is_no_error() {
    let place = with_model();
    let mut child = program()
        .args(["show", "in.pt"])
        .current_dir(place.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program ends");
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    let place = with_model();
    let ran = place.run("optimize in.pt -o no/such/folder/out.pt");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("no/such/folder/out.pt"), "{}", ran.err);
    std::fs::create_dir(place.path("folder")).expect("a folder can be made");
    let ran = place.run("optimize in.pt -o folder");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert_eq!(place.names(), ["folder", "in.pt"]);
}

#[test]
fn json_is_json() {
    let place = with_model();
    let ran = place.run("optimize in.pt -o out.pt --format json");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let report: Value = serde_json::from_str(&ran.out).expect("the report is JSON");
    assert_eq!(report["input"]["path"], "in.pt");
    assert_eq!(report["pipeline"]["name"], "torch.static");
    assert_eq!(report["proof"], "optimal");
    let (before, after) = (
        report["operations"]["before"].as_u64(),
        report["operations"]["after"].as_u64(),
    );
    assert!(before > after && after > Some(0), "{before:?} {after:?}");
    let fields: Vec<&String> = report.as_object().expect("an object").keys().collect();
    let page = std::fs::read_to_string(crate::command::root().join("book/src/report.md"))
        .expect("the page is part of the book");
    for field in fields {
        let known = [format!("`{field}"), format!("`{field}[]")];
        assert!(
            known.iter().any(|name| page.contains(name)),
            "the book does not know `{field}`"
        );
    }

    place.write(
        "wrong.fold",
        "rule wrong : aten::rellu(%x) => %x numerics exact\n",
    );
    let ran = place.run("check wrong.fold --format json");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    let found: Value = serde_json::from_str(&ran.out).expect("diagnostics are JSON");
    assert_eq!(found[0]["code"], "F0204");
    assert_eq!(found[0]["file"], "wrong.fold");
    assert_eq!(
        (found[0]["line"].as_u64(), found[0]["column"].as_u64()),
        (Some(1), Some(14))
    );
}

#[test]
fn quiet_prints_nothing() {
    let place = with_model();
    place.write(
        "right.fold",
        "rule r : aten::t(aten::t(aten::t(%x))) => aten::t(%x) numerics exact\n",
    );
    for words in [
        "optimize in.pt -o out.pt -q",
        "optimize in.pt -o out.pt --quiet --format json",
        "check right.fold -q",
    ] {
        let ran = place.run(words);
        assert_eq!(
            (ran.code, ran.out.as_str(), ran.err.as_str()),
            (0, "", ""),
            "{words}"
        );
    }
}

#[test]
fn colours_are_for_terminals_or_those_who_ask() {
    let place = with_model();
    place.write(
        "wrong.fold",
        "rule wrong : aten::rellu(%x) => %x numerics exact\n",
    );
    let coloured = |words: &str, no_color: Option<&str>| {
        let mut command = program();
        command.args(words.split(' ')).current_dir(place.path(""));
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        let output = command.output().expect("the program runs");
        output.stdout.contains(&0x1b) || output.stderr.contains(&0x1b)
    };
    for words in [
        "check wrong.fold",
        "optimize in.pt -o out.pt",
        "optimize none.pt -o out.pt",
    ] {
        assert!(!coloured(words, None), "{words}");
        assert!(!coloured(words, Some("1")), "{words}");
        assert!(
            !coloured(&format!("{words} --color never"), None),
            "{words}"
        );
        assert!(
            coloured(&format!("--color always {words}"), None),
            "{words}"
        );
        assert!(
            coloured(&format!("{words} --color always"), Some("1")),
            "{words}"
        );
    }
}

#[test]
fn wrong_rules_stop_everything_before_the_model_is_looked_at() {
    let place = Place::new();
    place.write(
        "wrong.fold",
        "rule wrong : aten::rellu(%x) => %x numerics exact\n",
    );
    let ran = place.run("optimize none.pt -o out.pt --rules wrong.fold");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(
        ran.err.contains("error[F0204]") && ran.err.contains("wrong.fold:1:14"),
        "{}",
        ran.err
    );
    assert_eq!(place.names(), ["wrong.fold"]);
}

#[test]
fn five_mistakes_are_five_diagnostics() {
    let place = Place::new();
    let five = include_str!("../syntax/bad/five.fold");
    place.write("five.fold", five);
    let ran = place.run("check five.fold");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    for line in [4, 8, 14, 20, 26] {
        assert!(
            ran.err.contains(&format!("five.fold:{line}:")),
            "{}",
            ran.err
        );
    }
}

#[test]
fn rules_come_from_standard_places_and_say_so() {
    let place = Place::new();
    place.write("rules/a.fold", "const ONE = 1\n");
    place.write("rules/deep/b.fold", "use a.{ONE}\nconst TWO = ONE + 1\n");
    let ran = place.run("check rules");
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (0, "2 files: no errors\n", "")
    );
    std::fs::create_dir(place.path("empty")).expect("a folder can be made");
    let ran = place.run("check empty");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("*.fold"), "{}", ran.err);
}

#[test]
fn a_rule_file_of_random_bytes_gets_an_answer() {
    let place = Place::new();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..20 {
        let bytes: Vec<u8> = (0..500)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                // Half of the rounds are text.
                if round % 2 == 0 {
                    (state >> 32) as u8
                } else {
                    32 + (state >> 32) as u8 % 95
                }
            })
            .collect();
        place.write("random.fold", &bytes);
        let ran = place.run("check random.fold");
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{bytes:?}");
        assert!(
            ran.err.contains("error[F0") && ran.err.contains("random.fold:"),
            "{}",
            ran.err
        );
    }
}

/// The shipped library in a folder of its own, and a model.
pub fn with_library() -> Place {
    let place = with_model();
    for shipped in rulefold::rules::SHIPPED {
        place.write(shipped.path, shipped.text);
    }
    place
}

#[test]
fn a_misspelled_op_of_the_library_says_rule_instance_and_the_name_meant() {
    let place = with_library();
    let path = "patterns/torch/quantized.fold";
    let text = std::fs::read_to_string(place.path(path)).expect("it was written");
    assert!(text.contains("[\"hardswish\", \"elu\"]"));
    place.write(
        path,
        text.replace("[\"hardswish\", \"elu\"]", "[\"hardswich\", \"elu\"]"),
    );
    let ran = place.run("check patterns");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("`aten::hardswich`"), "{}", ran.err);
    assert!(
        ran.err.contains("did you mean `aten::hardswish`"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("activation[op = \"hardswich\"]")
            || ran.err.contains("activation[op = hardswich]"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("patterns/torch/quantized.fold:"),
        "{}",
        ran.err
    );
}

#[test]
fn show_prints_what_check_can_read() {
    let place = with_model();
    for words in [
        "show in.pt",
        "show in.pt --method forward",
        "show in.pt --frozen",
    ] {
        let ran = place.run(words);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{words}");
        assert!(
            ran.out.contains("aten::quantize_per_tensor"),
            "{words}: {}",
            ran.out
        );
        if words != "show in.pt" {
            let read = rulefold::syntax::parse_graph(rulefold::source::SourceId::new(0), &ran.out);
            assert!(read.is_ok(), "{words}: {:?}\n{}", read.err(), ran.out);
        }
    }
}

#[test]
fn progress_stays_off_pipes() {
    let place = with_model();
    let mut child = program()
        .args(["optimize", "in.pt", "-o", "out.pt"])
        .current_dir(place.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    // Nothing reads standard input; a program that is gone already is fine too.
    let _ = stdin.write_all(b"ignored");
    drop(stdin);
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
}
