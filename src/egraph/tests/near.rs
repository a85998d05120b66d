//! Near misses.

use super::text::{add, graph, quint8_guard, rule, rule_of, variant};
use crate::check::rule::Rule;
use crate::egraph::{EGraph, Miss, near_misses};
use crate::graph::{DType, Facts, Name};
use crate::rules::RuleSet;

/// `relu(conv(dq(x))) => conv_relu(x)` where x is quint8.
fn guarded() -> Rule {
    let mut variant = variant("(relu (conv (dq ?x))) => (conv_relu ?x)");
    variant.guards.extend(quint8_guard(&variant, "?x"));
    rule_of("m.conv_relu", variant)
}

fn misses(graph: &EGraph, rules: &[Rule], class: crate::egraph::Class) -> Vec<(String, String)> {
    let set = RuleSet::compile(rules).unwrap();
    near_misses(graph, &set, class)
        .into_iter()
        .map(|near| (near.rule.to_string(), near.miss.to_string()))
        .collect()
}

#[test]
fn a_guard_that_says_no_is_nearest_and_shows_values() {
    let mut g = graph();
    let x = add(&mut g, "x");
    g.learn(x, Facts::tensor(Some(DType::QI8), None));
    let class = add(&mut g, "(relu (conv (dq x)))");
    g.rebuild().unwrap();
    let rules = [
        rule("m.add_relu", "(relu (add ?a ?b)) => (add_relu ?a ?b)"),
        rule("m.unrelated", "(tanh ?x) => ?x"),
        guarded(),
    ];
    let expected = [
        ("m.conv_relu", "the guard says no (?x = qint8)"),
        ("m.add_relu", "expected add, found conv"),
    ];
    let expected = expected.map(|(rule, text)| (rule.to_owned(), text.to_owned()));
    assert_eq!(misses(&g, &rules, class), expected);
}

#[test]
fn a_rule_that_matches_is_no_near_miss() {
    let mut g = graph();
    let x = add(&mut g, "x");
    g.learn(x, Facts::tensor(Some(DType::QU8), None));
    let class = add(&mut g, "(relu (conv (dq x)))");
    g.rebuild().unwrap();
    assert_eq!(misses(&g, &[guarded()], class), []);
}

#[test]
fn the_deepest_attempt_is_told() {
    let mut g = graph();
    let class = add(&mut g, "(f (g 3 a) (h b))");
    g.rebuild().unwrap();
    let cases = [
        ("(f (g 4 ?x) ?y) => ?x", "expected 4, found 3"),
        (
            "(f (g 3 !n) ?y) => ?y",
            "!n has to be known at compile time, found a value from outside",
        ),
        (
            "(f (g 3 ?x) (h ?x)) => ?x",
            "?x is another value where it is met again: a value from outside",
        ),
        ("(f (g 3 ?x) (k ?y)) => ?x", "expected k, found h"),
        (
            "(f (g ?x) ?y) => ?y",
            "expected g with 1 operands, found it with 2",
        ),
        (
            "(f (#0 (u:2 ?x)) ?y) => ?y",
            "expected result 0 of an operator, found g",
        ),
    ];
    for (text, expected) in cases {
        let found = misses(&g, &[rule("m.r", text)], class);
        assert_eq!(found, [("m.r".to_owned(), expected.to_owned())], "{text}");
    }
}

#[test]
fn a_second_root_that_is_missing_is_told() {
    let mut g = graph();
    let class = add(&mut g, "(quantize (f a) 3)");
    add(&mut g, "(relu b)");
    g.rebuild().unwrap();
    let set = RuleSet::compile(&[rule("m.r", "(quantize ?x !s) ; (relu ?x) => ?x")]).unwrap();
    let near = near_misses(&g, &set, class);
    assert_eq!(near.len(), 1);
    let expected = Name::new("relu");
    assert_eq!(near[0].miss, Miss::Root { expected });
}
