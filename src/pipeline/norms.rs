//! Batch norms that stayed behind a convolution or linear, each with the reason of the rule that came nearest to folding it.
//!
//! In: the graph that a saturation gave, its e-graph, the rules. Out: [`Island`]s, equal ones counted together.
//! Invariant: where no rule folds batch norms nothing is said of them; rules are only looked at if such a norm is left.

use std::ops::Deref;

use rustc_hash::FxHashMap;

use crate::egraph::place::Placed;
use crate::egraph::{Class, EGraph, matching, near_misses};
use crate::graph::{Graph, Name, NodeId, ValueId};
use crate::ops;
use crate::rules::RuleSet;

use super::islands::{Grouped, Reason, described, full_label, why_it_stayed};
use super::report::Island;

/// The batch norms whose input is the result of a convolution or matrix product, in the graph's order.
pub(super) fn norms(
    placed: &Placed,
    egraph: &EGraph,
    set: &impl Deref<Target = RuleSet>,
    left_out: &[Name],
    modules: &[Vec<String>],
) -> Vec<Island> {
    let graph = &placed.graph;
    let mut readers: FxHashMap<ValueId, usize> = FxHashMap::default();
    let inner = graph
        .walk()
        .into_iter()
        .flat_map(|node| &graph.node(node).blocks);
    let blocks = std::iter::once(&Graph::BODY).chain(inner);
    let returned = blocks.flat_map(|&block| &graph.block(block).returns);
    let read = graph
        .walk()
        .into_iter()
        .flat_map(|node| &graph.node(node).operands);
    for value in returned.chain(read) {
        *readers.entry(*value).or_default() += 1;
    }
    let classes: FxHashMap<NodeId, Class> = placed.origins.iter().map(|of| (of.0, of.2)).collect();
    let mut grouped = Grouped::default();
    for node in graph.walk() {
        let Some((input, product)) = behind_product(graph, node) else {
            continue;
        };
        let module = graph.node(node).scope;
        let both = [module, graph.node(product).scope];
        let are_named = |group: &Vec<String>| {
            let named = |of: &Option<Name>| {
                group
                    .iter()
                    .any(|path| of.is_some_and(|of| of.as_str() == path))
            };
            both.iter().all(named)
        };
        if !modules.is_empty() && !modules.iter().any(are_named) {
            continue;
        }
        let is_shared = readers.get(&input).is_some_and(|&n| n > 1);
        let Some((rule, reason)) = (match classes.get(&node) {
            Some(&class) => why(egraph, set, left_out, class, is_shared),
            // What writes to its operands is not searched.
            None => set
                .operators()
                .any(|op| op == graph.node(node).op)
                .then(|| (String::new(), Reason::of(TRAINS.into()))),
        }) else {
            continue;
        };
        grouped.add(graph, &[product, node], node, module, rule, reason);
    }
    grouped.islands
}

const TRAINS: &str = "in training mode a batch norm takes the statistics of the batch";

/// The rule that came nearest to folding a norm, and why it did not; `None` if no rule folds norms.
fn why(
    egraph: &EGraph,
    set: &RuleSet,
    left_out: &[Name],
    class: Class,
    is_shared: bool,
) -> Option<(String, Reason)> {
    let matched = matching(egraph, set, class);
    let Some((rule, instance)) = matched.first() else {
        let near = near_misses(egraph, set, class).into_iter().next()?;
        return Some((full_label(near.rule, &near.instance), described(&near.miss)));
    };
    let why = match left_out.contains(rule) {
        false if is_shared => "others read what it normalizes too, which would be computed twice",
        is_left_out => why_it_stayed(is_left_out),
    };
    Some((full_label(*rule, instance), Reason::of(why.into())))
}

/// The input of a batch norm and the product that it is the result of.
fn behind_product(graph: &Graph, node: NodeId) -> Option<(ValueId, NodeId)> {
    let of = graph.node(node);
    if of.op != "aten::batch_norm" {
        return None;
    }
    let input = *of.operands.first()?;
    let product = graph.producer(input)?;
    ops::is_product(graph.node(product).op.as_str()).then_some((input, product))
}
