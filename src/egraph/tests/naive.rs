//! Saturation without trie, change tracking or climbing: every rule at every class, again and again.

use crate::check::evaluate::evaluate;
use crate::check::rule::{Build, BuildOperand, Expr, Rule, Slot, Variant};
use crate::egraph::binding::Bound;
use crate::egraph::pattern::walk;
use crate::egraph::scope::{MatchScope, Slots};
use crate::egraph::watch::{Bindings, Missed, Watch};
use crate::egraph::{ApplicationId, AttributesId, Class, EGraph};

/// A match: what the slots hold, lists written out, and the roots.
type Match = (Vec<(Bound, Vec<Bound>)>, Vec<Class>);

struct Collect<'a> {
    variant: &'a Variant,
    matches: Vec<Match>,
}

impl Watch<'_> for Collect<'_> {
    fn found(&mut self, walk: &Bindings<'_, '_>) -> bool {
        let scope = MatchScope {
            graph: walk.graph,
            infos: walk.infos,
            slots: walk,
        };
        let mut guards = self.variant.guards.iter();
        if !guards.all(|guard| evaluate(&guard.condition, &[], &scope).is_true()) {
            return true;
        }
        let slots = (0..walk.infos.len()).map(|slot| {
            let bound = walk.bound(Slot(slot as u32));
            let items = bound.items(walk.pool()).unwrap_or_default().to_vec();
            (bound, items)
        });
        self.matches.push((slots.collect(), walk.roots.clone()));
        true
    }

    fn failed(&mut self, _: &Bindings<'_, '_>, _: Missed<'_>) {}
}

/// All matches of a variant.
pub(super) fn matches(graph: &EGraph, variant: &Variant) -> Vec<Match> {
    let patterns: Vec<_> = variant.roots.iter().map(|root| &root.pattern).collect();
    let mut collect = Collect {
        variant,
        matches: Vec::new(),
    };
    for class in graph.classes() {
        walk(graph, &variant.slots, &patterns, class, &mut collect);
    }
    collect.matches
}

/// Applies the rules until nothing changes, or `rounds` are over; whether nothing changes and nothing disagrees.
pub(super) fn saturate(graph: &mut EGraph, rules: &[Rule], rounds: usize) -> bool {
    graph.rebuild().unwrap();
    for _ in 0..rounds {
        let before = (graph.class_count(), graph.node_count());
        if before.1 > 300 {
            return false;
        }
        let mut found = Vec::new();
        for rule in rules {
            let variant = &rule.instances[0].variants[0];
            for hit in matches(graph, variant) {
                found.push((variant, hit));
            }
        }
        for (variant, (slots, roots)) in found {
            for (root, class) in variant.roots.iter().zip(roots) {
                if let Some(build) = &root.replacement {
                    let built = make(graph, build, &slots, &[]);
                    graph.union(class, built, ApplicationId::IMPORT);
                }
            }
        }
        if graph.rebuild().is_err() {
            return false;
        }
        if before == (graph.class_count(), graph.node_count()) {
            return true;
        }
    }
    false
}

fn make(
    graph: &mut EGraph,
    build: &Build,
    slots: &[(Bound, Vec<Bound>)],
    elements: &[(Slot, Bound)],
) -> Class {
    match build {
        Build::Slot(slot) => {
            let element = elements.iter().find(|(of, _)| of == slot);
            let bound = element.map_or(slots[slot.0 as usize].0, |(_, bound)| *bound);
            bound.class().expect("terms only bind classes")
        }
        Build::Expr(Expr::Literal(literal)) => graph.add_literal(literal),
        Build::Apply {
            op,
            operands,
            results,
            index,
            ..
        } => {
            let mut classes = Vec::new();
            for operand in operands {
                match operand {
                    BuildOperand::One(build) => classes.push(make(graph, build, slots, elements)),
                    BuildOperand::Each { each, over } => {
                        for at in 0..slots[over[0].1.0 as usize].1.len() {
                            let elements: Vec<(Slot, Bound)> = over
                                .iter()
                                .map(|(slot, list)| (*slot, slots[list.0 as usize].1[at]))
                                .collect();
                            classes.push(make(graph, each, slots, &elements));
                        }
                    }
                }
            }
            let class = graph.add_op(*op, &classes, AttributesId::default(), *results);
            if *results == 1 {
                class
            } else {
                graph.add_projection(class, *index)
            }
        }
        _ => unreachable!("terms compute nothing"),
    }
}
