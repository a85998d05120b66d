//! Rules cut out of models: they check, their test waits for a rewrite, and wrong nodes are refused.

use crate::command::{model, program};
use rulefold::diagnostic::{has_errors, plain};
use rulefold::pipeline::library::{RuleText, load};

fn new_rule(nodes: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let done = program()
        .args(["new", "rule", "pool", "--nodes", nodes, "--from"])
        .arg(model("resnet18"))
        .args(more)
        .output()
        .expect("the program runs");
    (
        done.status.code(),
        String::from_utf8_lossy(&done.stdout).into_owned(),
        String::from_utf8_lossy(&done.stderr).into_owned(),
    )
}

#[test]
fn a_rule_is_cut_and_checks() {
    let (code, text, _) = new_rule("x0..%input25", &[]);
    assert_eq!(code, Some(0));
    let loaded = load(vec![RuleText {
        module: "cut".into(),
        path: "cut.fold".into(),
        bytes: text.clone().into_bytes(),
    }]);
    let said = plain(&loaded.sources, &loaded.diagnostics);
    assert!(!has_errors(&loaded.diagnostics), "{said}\n{text}");
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("new_rule", text);
    });
}

#[test]
fn a_node_alone_and_a_file() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let path = folder.path().join("mine.fold");
    let target = path.to_str().expect("a plain path");
    let (code, text, _) = new_rule("x0", &["-o", target]);
    assert_eq!((code, text.as_str()), (Some(0), ""));
    let written = std::fs::read_to_string(&path).expect("it was written");
    assert!(
        written.contains("rewrite { %out = aten::adaptive_avg_pool2d(%x, [1, 1]) }"),
        "{written}"
    );
    let (code, _, said) = new_rule("x0", &["-o", target]);
    assert_eq!(code, Some(2));
    assert!(said.contains("is there already"), "{said}");
}

#[test]
fn wrong_nodes_are_refused() {
    let refused = |nodes: &str, why: &str| {
        let (code, text, said) = new_rule(nodes, &[]);
        assert_eq!((code, text.as_str()), (Some(2), ""), "{nodes}");
        assert!(said.contains(why), "{nodes}: {said}");
    };
    refused(
        "x0..input26",
        "no node makes `%input26`; did you mean `%input",
    );
    refused("input25..x0", "`%x0` is not computed from `%input25`");
}
