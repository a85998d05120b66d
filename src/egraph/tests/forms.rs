//! Every form of a pattern, on the graph it is meant for and on one beside it.

use super::text::{add, graph, rule};
use crate::egraph::{EGraph, SaturationLimits, SaturationReport, saturate};
use crate::rules::RuleSet;

fn run(graph: &mut EGraph, rules: &[(&str, &str)]) -> SaturationReport {
    let rules: Vec<_> = rules.iter().map(|(name, text)| rule(name, text)).collect();
    let set = RuleSet::compile(&rules).unwrap();
    saturate(graph, &set, &SaturationLimits::default(), &mut || false).unwrap()
}

/// Whether a rule makes the two terms equal.
fn equal(rule: &str, a: &str, b: &str) -> bool {
    let mut g = graph();
    let (x, y) = (add(&mut g, a), add(&mut g, b));
    run(&mut g, &[("r", rule)]);
    g.find(x) == g.find(y)
}

#[test]
fn operators_and_values() {
    let rule = "(relu (relu ?x)) => (relu ?x)";
    assert!(equal(rule, "(relu (relu (relu (f a))))", "(relu (f a))"));
    assert!(!equal(rule, "(relu (f (relu a)))", "(relu (f a))"));
}

#[test]
fn a_name_written_twice_is_one_value() {
    let rule = "(sub ?x ?x) => 0";
    assert!(equal(rule, "(sub (f a) (f a))", "0"));
    assert!(!equal(rule, "(sub (f a) (f b))", "0"));
}

#[test]
fn literals_match_by_value() {
    let rule = "(add ?x 1 !alpha) => (inc ?x !alpha)";
    assert!(equal(rule, "(add a 1.0 2)", "(inc a 2)"));
    assert!(!equal(rule, "(add a 2 2)", "(inc a 2)"));
    assert!(!equal(rule, "(add a 1 b)", "(inc a b)"));
}

#[test]
fn a_bare_name_written_twice_is_compared_by_value() {
    let rule = "(f !n !n) => (g)";
    assert!(equal(rule, "(f 2 2.0)", "(g)"));
    assert!(!equal(rule, "(f 2 3)", "(g)"));
}

#[test]
fn further_operands_are_ignored_or_each_matched() {
    let rule = "(cat (list (dq ?q)...) !d) => (qcat (list ?q...) !d)";
    assert!(equal(
        rule,
        "(cat (list (dq a) (dq b) (dq c)) 1)",
        "(qcat (list a b c) 1)"
    ));
    assert!(equal(rule, "(cat (list (dq a)) 1)", "(qcat (list a) 1)"));
    assert!(!equal(
        rule,
        "(cat (list (dq a) b) 1)",
        "(qcat (list a b) 1)"
    ));
    let rule = "(call ?f ..) => (first ?f)";
    assert!(equal(rule, "(call a b c d)", "(first a)"));
    assert!(equal(rule, "(call a)", "(first a)"));
    assert!(!equal(rule, "(call)", "(first a)"));
    let rule = "(call ?f ?rest...) => (invoke ?rest... ?f)";
    assert!(equal(rule, "(call a b c)", "(invoke b c a)"));
    let rule = "(call ?f !rest...) => (known ?f !rest...)";
    assert!(equal(rule, "(call a 1 2)", "(known a 1 2)"));
    assert!(!equal(rule, "(call a 1 b)", "(known a 1 b)"));
}

#[test]
fn several_results() {
    let rule = "(linear ?x (#0 (p= (unpack:2 ?p))) (#1 &p)) => (packed ?x ?p)";
    assert!(equal(
        rule,
        "(linear a (#0 (unpack:2 w)) (#1 (unpack:2 w)))",
        "(packed a w)"
    ));
    assert!(!equal(
        rule,
        "(linear a (#0 (unpack:2 w)) (#1 (unpack:2 v)))",
        "(packed a w)"
    ));
    let rule = "(split ?x) => (#1 (chunk:2 ?x))";
    assert!(equal(rule, "(split a)", "(#1 (chunk:2 a))"));
}

#[test]
fn several_roots_meet_in_what_they_share() {
    let rule = "(#0 (n= (unpack:2 ?p))) => (weight ?p) ; (#1 &n) => (bias ?p)";
    let mut g = graph();
    let terms = [
        "(#0 (unpack:2 w))",
        "(#1 (unpack:2 w))",
        "(weight w)",
        "(bias w)",
    ];
    let [w, b, weight, bias] = terms.map(|term| add(&mut g, term));
    let lonely = add(&mut g, "(#0 (unpack:2 v))");
    let other = add(&mut g, "(weight v)");
    run(&mut g, &[("r", rule)]);
    assert_eq!((g.find(w), g.find(b)), (g.find(weight), g.find(bias)));
    assert_ne!(g.find(lonely), g.find(other));
}

#[test]
fn a_root_may_be_matched_only() {
    let rule = "(quantize ?x !s) ; (relu ?x) => (relu_at ?x !s)";
    let mut g = graph();
    let terms = [
        "(quantize (f a) 3)",
        "(relu (f a))",
        "(relu_at (f a) 3)",
        "(relu (f b))",
    ];
    let [_, relu, made, other] = terms.map(|term| add(&mut g, term));
    let unmade = add(&mut g, "(relu_at (f b) 3)");
    run(&mut g, &[("r", rule)]);
    assert_eq!(g.find(relu), g.find(made));
    assert_ne!(g.find(other), g.find(unmade));
}

#[test]
fn a_second_root_that_appears_later_is_found() {
    let rules = [
        ("later", "(silu ?x) => (relu ?x)"),
        ("join", "(quantize ?x !s) ; (relu ?x) => (relu_at ?x !s)"),
    ];
    let mut g = graph();
    let terms = ["(quantize (f a) 3)", "(silu (f a))", "(relu_at (f a) 3)"];
    let [_, silu, made] = terms.map(|term| add(&mut g, term));
    run(&mut g, &rules);
    assert_eq!(g.find(silu), g.find(made));
}

#[test]
fn chains_take_any_number_of_links() {
    let rule = "(read (attr+ ?m)) => (read_from ?m)";
    for text in ["(read (attr m))", "(read (attr (attr (attr m))))"] {
        assert!(equal(rule, text, "(read_from m)"), "{text}");
    }
    assert!(equal(
        rule,
        "(read (attr (attr m)))",
        "(read_from (attr m))"
    ));
    assert!(!equal(rule, "(read m)", "(read_from m)"));
}

#[test]
fn a_link_that_appears_far_below_is_found() {
    let rules = [
        ("link", "(field ?m) => (attr ?m)"),
        ("chain", "(read (attr+ (self))) => (found)"),
    ];
    let mut g = graph();
    let read = add(&mut g, "(read (attr (attr (attr (attr (field (self)))))))");
    let found = add(&mut g, "(found)");
    run(&mut g, &rules);
    assert_eq!(g.find(read), g.find(found));
}
