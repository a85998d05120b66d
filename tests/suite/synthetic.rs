//! The synthetic networks of the benchmarks: what is measured is right.

#[path = "../bench/synthetic.rs"]
mod networks;

use networks::{Network, convolutional, rule_text, rules, transformer};
use rulefold::egraph::build::build;
use rulefold::egraph::choose::{Anything, Redirect, choose};
use rulefold::egraph::extract::{Limits, Proof};
use rulefold::egraph::{EGraph, NodeKind, SaturationLimits, saturate};
use rulefold::rules::RuleSet;

/// Operators of the smallest equal network, by name, with their numbers.
fn smallest(network: Network, count: usize) -> Vec<(String, usize)> {
    let rules = rules(&rule_text(count));
    assert_eq!(rules.library.rules.len(), count);
    let set = RuleSet::compile(&rules.library.rules).unwrap();
    let egraph = EGraph::new(network.constants).with_keeps(&rules.library.keeps);
    let mut built = build(&network.graph, egraph, &rules.catalogue);
    let limits = SaturationLimits::default();
    let report = saturate(&mut built.egraph, &set, &limits, &mut || false).unwrap();
    assert!(report.is_complete());
    let candidates = built.egraph.candidates();
    let choice = choose(
        &built.egraph,
        &candidates,
        &built.skeleton,
        &Redirect::default(),
        &Anything,
        &Limits::default(),
    )
    .unwrap();
    assert_eq!(choice.proof, Proof::Optimal);
    let mut counts: Vec<(String, usize)> = Vec::new();
    for class in built.egraph.classes() {
        let Some(node) = choice.get(class) else {
            continue;
        };
        if let NodeKind::Operator { op, .. } = built.egraph.kind(node) {
            match counts.iter_mut().find(|(name, _)| op == name.as_str()) {
                Some((_, count)) => *count += 1,
                None => counts.push((op.to_string(), 1)),
            }
        }
    }
    counts.sort();
    counts
}

fn count(counts: &[(String, usize)], part: &str) -> usize {
    let matching = counts.iter().filter(|(op, _)| op.contains(part));
    matching.map(|(_, count)| count).sum()
}

#[test]
fn what_costs_less_is_fused() {
    let counts = smallest(convolutional(2000), 300);
    for activation in ["relu", "hardswish", "relu6", "silu", "sigmoid", "dropout"] {
        let op = format!("aten::{activation}");
        assert_eq!(count(&counts, &op), 0, "{counts:?}");
    }
    assert!(count(&counts, "fused::conv2d") > 150, "{counts:?}");
    // A batch norm with nothing behind it is folded where that saves an operator.
    assert_eq!(
        count(&counts, "aten::conv2d"),
        count(&counts, "aten::batch_norm")
    );
}

#[test]
fn the_transformer_loses_its_dropouts() {
    let counts = smallest(transformer(2000), 300);
    assert_eq!(count(&counts, "aten::dropout"), 0, "{counts:?}");
    assert!(count(&counts, "aten::linear") > 50, "{counts:?}");
}
