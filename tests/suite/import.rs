//! Pattern strings taken over from Python, C++ and text: what is made of them, and that it checks.

use crate::command::{program, root};
use rulefold::authoring::import;
use rulefold::diagnostic::{has_errors, plain};
use rulefold::pipeline::library::{RuleText, load};
use std::fmt::Write;
use std::fs;

#[test]
fn files_of_three_languages() {
    let mut out = String::new();
    for name in ["fusions.h", "passes.py", "graphs.txt"] {
        let text = fs::read_to_string(root().join("tests/import").join(name)).expect("a test file");
        let imported = import(name, &text);
        let loaded = load(vec![RuleText {
            module: "imported".into(),
            path: format!("{name}.fold"),
            bytes: imported.text.clone().into_bytes(),
        }]);
        assert!(
            !has_errors(&loaded.diagnostics),
            "{name}: {}\n{}",
            plain(&loaded.sources, &loaded.diagnostics),
            imported.text
        );
        let _ = writeln!(out, "==== {name}: {} rules", imported.rules);
        for (line, reason) in &imported.skipped {
            let _ = writeln!(out, "line {line} left out: {reason}");
        }
        out += &imported.text;
    }
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("import", out);
    });
}

#[test]
fn nothing_to_take_over_is_said() {
    let done = program()
        .args(["import", "README.md"])
        .output()
        .expect("it runs");
    assert_eq!(done.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&done.stderr),
        "0 rules made, 0 left out\n"
    );
    assert!(done.stdout.is_empty());
    let done = program()
        .args(["import", "no such file"])
        .output()
        .expect("it runs");
    assert_eq!(done.status.code(), Some(2));
}

#[test]
fn any_text_gets_an_answer() {
    for text in [
        "graph(",
        "graph(%x): return (",
        "\"graph(%x):\\n\" \"return (%x)",
        "a = \"graph(%x):\\",
        "graph(%x): return (%x) graph(%é): return (%é)",
        "x = '''graph(%x):\n %y = if(%x)\n return (%y)''' = graph(%y): return(%y)",
    ] {
        let imported = import("x", text);
        assert_eq!(imported.rules, 0, "{text}: {}", imported.text);
    }
}
