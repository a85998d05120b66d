//! Replacing without equality: each match once, in the order of the text. For rules that change numbers on purpose.
//!
//! In: an e-graph that no rule has touched, compiled rules. Out: which class takes the place of which.
//! Invariant: nothing is made equal, so facts of the two sides may differ.
//! Invariant: a class is replaced once, by the first rule that matches it.

use rustc_hash::FxHashMap;

use crate::rules::RuleSet;

use super::apply::build;
use super::classes::EGraph;
use super::language::Class;
use super::link::Linked;
use super::matches::Matches;
use super::search::Search;
use super::statistics::{Counts, RuleStatistics};

/// What was replaced.
#[derive(Clone, Debug)]
pub struct Replaced {
    /// Classes with those that take their places.
    pub classes: FxHashMap<Class, Class>,
    /// What each rule did.
    pub rules: Vec<RuleStatistics>,
}

/// Replaces each match of these rules once. The e-graph must be rebuilt.
pub fn replace(graph: &mut EGraph, set: &RuleSet) -> Replaced {
    let linked = Linked::new(graph, set);
    let mut counts = Counts::new(set, usize::MAX);
    let mut search = Search::new(graph, set, &linked, None, Matches::default(), &mut counts);
    for class in graph.classes() {
        search.class(class);
    }
    let matches = search.matches;
    let mut order: Vec<usize> = (0..matches.len()).collect();
    order.sort_by_key(|&at| matches.get(at).variant);
    let mut classes: FxHashMap<Class, Class> = FxHashMap::default();
    for at in order {
        let found = matches.get(at);
        if matches
            .roots(found)
            .any(|root| classes.contains_key(&graph.find(root)))
        {
            continue;
        }
        let before = graph.inner.nodes().len();
        let rule = counts.rule(set.variant(found.variant));
        let Some((_, built)) = build(graph, set, &matches, at) else {
            rule.unbuilt += 1;
            continue;
        };
        rule.applications += 1;
        for (root, replacement) in built {
            classes.insert(graph.find(root), replacement);
        }
        graph.close(before);
    }
    Replaced {
        classes,
        rules: counts.rules,
    }
}
