//! Limits, reports, subsumption and provenance.

use super::text::{add, graph, rule};
use crate::egraph::{EGraph, SaturationLimits, Stop, saturate};
use crate::rules::RuleSet;

const GROWS: &str = "(f ?x) => (f (g ?x))";

fn limited(limits: SaturationLimits) -> (EGraph, crate::egraph::SaturationReport) {
    let mut g = graph();
    for leaf in ["a", "b", "c"] {
        add(&mut g, &format!("(f {leaf})"));
    }
    let rules = [rule("m.grows", GROWS)];
    let set = RuleSet::compile(&rules).unwrap();
    let report = saturate(&mut g, &set, &limits, &mut || false).unwrap();
    (g, report)
}

#[test]
fn limits_end_what_never_saturates_and_say_so() {
    let none = SaturationLimits::default();
    let rounds = SaturationLimits { rounds: 5, ..none };
    let (_, report) = limited(rounds);
    assert_eq!((report.stop, report.rounds), (Stop::Rounds, 5));
    assert!(!report.is_complete());
    let nodes = SaturationLimits { nodes: 50, ..none };
    let (g, report) = limited(nodes);
    assert_eq!(report.stop, Stop::Nodes);
    assert!(g.node_count() > 50 && g.node_count() < 60);
    let matches = SaturationLimits {
        matches_per_rule: 4,
        ..none
    };
    let (_, report) = limited(matches);
    assert_eq!(report.stop, Stop::Saturated);
    assert!(report.rules[0].limited && report.rules[0].matches == 4);
    assert!(!report.is_complete());
    let mut asked = 0;
    let mut g = graph();
    add(&mut g, "(f a)");
    let rules = [rule("m.grows", GROWS)];
    let set = RuleSet::compile(&rules).unwrap();
    let report = saturate(&mut g, &set, &none, &mut || {
        asked += 1;
        asked == 3
    });
    let report = report.unwrap();
    assert_eq!((report.stop, report.rounds), (Stop::Interrupted, 3));
}

#[test]
fn a_variable_on_the_right_leaves_no_cycle_to_choose() {
    let mut g = graph();
    let outer = add(&mut g, "(quantize (dequantize (f a)))");
    let inner = add(&mut g, "(f a)");
    let rules = [rule("m.requantize", "(quantize (dequantize ?q)) => ?q")];
    let set = RuleSet::compile(&rules).unwrap();
    let limits = SaturationLimits::default();
    let report = saturate(&mut g, &set, &limits, &mut || false).unwrap();
    assert!(report.is_complete());
    assert_eq!(
        (report.rules[0].matches, report.rules[0].applications),
        (2, 1)
    );
    assert_eq!(g.find(outer), g.find(inner));
    assert_eq!(g.nodes(inner).len(), 2);
    assert_eq!(g.candidates().of(g.find(inner)).count(), 1);
}

#[test]
fn new_nodes_know_the_rule_that_made_them() {
    let mut g = graph();
    let root = add(&mut g, "(relu (relu (conv a)))");
    let rules = [
        rule("m.relu_relu", "(relu (relu ?x)) => (relu ?x)"),
        rule("m.fuse", "(relu (conv ?x)) => (conv_relu ?x)"),
    ];
    let set = RuleSet::compile(&rules).unwrap();
    let limits = SaturationLimits::default();
    saturate(&mut g, &set, &limits, &mut || false).unwrap();
    let candidates = g.candidates();
    let mut origins: Vec<(String, Option<String>)> = candidates
        .of(g.find(root))
        .map(|node| {
            let rule = g.application(candidates.origin(node));
            let rule = rule.map(|application| application.rule.to_string());
            (format!("{:?}", g.kind(node)), rule)
        })
        .collect();
    origins.sort();
    let made = |name: &str| {
        let node = origins.iter().find(|(kind, _)| kind.contains(name));
        node.unwrap().1.as_deref()
    };
    assert_eq!(made("conv_relu"), Some("m.fuse"));
    assert_eq!(made("\"relu\""), None);
}

#[test]
fn a_rule_that_is_wrong_is_named() {
    use crate::graph::{DType, Facts};
    let mut g = graph();
    let (a, b) = (add(&mut g, "a"), add(&mut g, "b"));
    g.learn(a, Facts::tensor(Some(DType::F32), None));
    g.learn(b, Facts::tensor(Some(DType::QU8), None));
    add(&mut g, "(pair a b)");
    let rules = [
        rule("m.fine", "(pair ?x ?y) => (both ?x ?y)"),
        rule("m.wrong", "(pair ?x ?y) ; (both ?x ?y) => ?x"),
        rule("m.worse", "(both ?x ?y) => ?y"),
    ];
    let set = RuleSet::compile(&rules).unwrap();
    let limits = SaturationLimits::default();
    let error = saturate(&mut g, &set, &limits, &mut || false).unwrap_err();
    assert!(
        error
            .rule
            .is_some_and(|rule| rule == "m.wrong" || rule == "m.worse")
    );
    assert_eq!(error.clash.about, "dtype");
}

#[test]
fn roots_that_share_nothing_are_refused() {
    let rules = [rule("m.apart", "(f ?x) ; (g ?y) => ?y")];
    let error = RuleSet::compile(&rules).unwrap_err();
    let text = "m.apart: root 1 shares no value with the roots before it";
    assert_eq!(error.to_string(), text);
}
