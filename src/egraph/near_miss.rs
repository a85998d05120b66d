//! Why a rule did not match: for each rule that looks for what a class has, the attempt that came furthest and what ended it.
//!
//! In: an e-graph, a rule set, a class. Out: near misses, nearest first.
//! Invariant: a rule that matches the class is no near miss.
//! Invariant: an attempt that failed on a guard is nearer than one whose pattern did not match, and of those the one that matched more.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::graph::Name;
use crate::rules::RuleSet;
use crate::source::Span;

use super::attempt::attempts;
use super::classes::EGraph;
use super::language::Class;
use super::miss::Miss;

/// A rule that nearly matched.
#[derive(Clone, PartialEq, Debug)]
pub struct NearMiss {
    /// Full name.
    pub rule: Name,
    /// The instance: `packed[op = conv2d]`.
    pub instance: Arc<str>,
    /// How many operators, literals and conditions of the pattern matched.
    pub matched: usize,
    /// How many there are.
    pub of: usize,
    /// What ended it.
    pub miss: Miss,
    /// Where that is written.
    pub span: Span,
}

/// The rules that match at a class, each with its first instance that does, in the order of the set. The e-graph must be rebuilt.
pub fn matching(graph: &EGraph, set: &RuleSet, class: Class) -> Vec<(Name, Arc<str>)> {
    let mut found: Vec<(Name, Arc<str>)> = Vec::new();
    for attempt in attempts(graph, set, all(set), class) {
        let variant = set.variant(attempt.variant);
        let rule = set.rules()[variant.rule as usize].name;
        if attempt.missed.is_none() && found.last().is_none_or(|(last, _)| *last != rule) {
            found.push((rule, set.label(variant).clone()));
        }
    }
    found
}

fn all(set: &RuleSet) -> std::ops::Range<u32> {
    0..u32::try_from(set.variants().len()).unwrap_or(u32::MAX)
}

/// The rules that nearly matched at a class, nearest first, each once. The e-graph must be rebuilt.
pub fn near_misses(graph: &EGraph, set: &RuleSet, class: Class) -> Vec<NearMiss> {
    let mut seen: Vec<u32> = Vec::new();
    let mut found: Vec<(u32, bool, NearMiss)> = Vec::new();
    for attempt in attempts(graph, set, all(set), class) {
        let variant = set.variant(attempt.variant);
        let is_guard = attempt.is_guard();
        match attempt.missed {
            None => seen.push(variant.rule),
            Some(_) if attempt.met.is_empty() => {}
            Some(missed) => {
                let near = NearMiss {
                    rule: set.rules()[variant.rule as usize].name,
                    instance: set.label(variant).clone(),
                    matched: attempt.met.len(),
                    of: attempt.of,
                    miss: missed.miss,
                    span: missed.span,
                };
                found.push((variant.rule, is_guard, near));
            }
        }
    }
    found.sort_by_key(|(rule, guard, near)| {
        let left = near.of - near.matched;
        (!guard, Reverse(near.matched), left, *rule)
    });
    found.retain(|(rule, _, _)| {
        let new = !seen.contains(rule);
        seen.push(*rule);
        new
    });
    found.into_iter().map(|(_, _, near)| near).collect()
}
