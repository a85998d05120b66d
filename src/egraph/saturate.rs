//! Saturation: searching for all rules and applying what was found, until nothing changes.
//!
//! In: an e-graph, a rule set, limits. Out: the same e-graph with every equality the rules imply, and a [`SaturationReport`].
//! After the first round only classes are searched that changed (new, merged, or better known) and those above them as far as any
//! pattern reaches down.
//!
//! Invariant: the same e-graph and rules give the same classes, in the same order, on every machine.
//! Invariant: a limit that was hit is in the report. Time is no limit of its own; a caller who has a clock may interrupt.

use crate::rules::{RuleSet, RuleSetError};

use super::apply::{Outcome, apply};
use super::blame::Disagreement;
use super::classes::EGraph;
use super::language::Class;
use super::link::Linked;
use super::matches::Matches;
use super::search::{Changed, Search};
use super::statistics::{Counts, RuleStatistics};

/// How far a saturation may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SaturationLimits {
    /// Nodes in the e-graph, those that became equal to others included.
    pub nodes: usize,
    /// Rounds of searching and applying.
    pub rounds: usize,
    /// Matches of one rule, over all rounds.
    pub matches_per_rule: usize,
}

impl Default for SaturationLimits {
    fn default() -> SaturationLimits {
        SaturationLimits {
            nodes: 10_000_000,
            rounds: 200,
            matches_per_rule: 5_000_000,
        }
    }
}

/// Why a saturation ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// Nothing more follows from the rules.
    Saturated,
    /// [`SaturationLimits::nodes`].
    Nodes,
    /// [`SaturationLimits::rounds`].
    Rounds,
    /// The caller.
    Interrupted,
}

/// What a saturation did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SaturationReport {
    /// Why it ended. If a rule hit its limit on matches, [`RuleStatistics::limited`] says so too.
    pub stop: Stop,
    /// Rounds.
    pub rounds: usize,
    /// Classes searched, over all rounds.
    pub searched: usize,
    /// Nodes before and after.
    pub nodes: (usize, usize),
    /// Classes before and after.
    pub classes: (usize, usize),
    /// Lists of which only the first ways to match were tried.
    pub ways_cut: u64,
    /// What each rule did, in the order of the set.
    pub rules: Vec<RuleStatistics>,
}

impl SaturationReport {
    /// Whether everything the rules imply was found.
    pub fn is_complete(&self) -> bool {
        self.stop == Stop::Saturated
            && self.ways_cut == 0
            && !self.rules.iter().any(|rule| rule.limited)
    }
}

/// Why a saturation failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SaturateError {
    /// A rule made values equal that differ.
    #[error(transparent)]
    Disagreement(#[from] Disagreement),
    /// The rules could not be compiled.
    #[error(transparent)]
    Rules(#[from] RuleSetError),
}

/// Applies the rules until nothing changes. `interrupt` is asked after every round.
///
/// # Errors
/// A rule that makes values equal of which different things are known.
pub fn saturate(
    graph: &mut EGraph,
    set: &RuleSet,
    limits: &SaturationLimits,
    interrupt: &mut dyn FnMut() -> bool,
) -> Result<SaturationReport, Disagreement> {
    graph.rebuild()?;
    graph.take_changed();
    let nodes_before = graph.node_count();
    let classes_before = graph.class_count();
    let mut linked = Linked::new(graph, set);
    let mut counts = Counts::new(set, limits.matches_per_rule);
    let mut matches = Matches::default();
    let mut todo = graph.classes();
    let mut changed: Option<Changed> = None;
    let mut rounds = 0;
    let mut searched = 0;
    let stop = loop {
        if todo.is_empty() {
            break Stop::Saturated;
        }
        if rounds == limits.rounds {
            break Stop::Rounds;
        }
        rounds += 1;
        searched += todo.len();
        linked.extend(graph, set);
        graph.inner.analysis.searched = graph.inner.nodes().len();
        graph.follow_merges();
        matches.clear();
        let mut search = Search::new(graph, set, &linked, changed.as_ref(), matches, &mut counts);
        todo.iter().for_each(|&class| search.class(class));
        matches = search.matches;
        let within = apply_all(graph, set, &matches, &mut counts, limits.nodes);
        graph.rebuild()?;
        if !within {
            break Stop::Nodes;
        }
        linked.extend(graph, set);
        let now = graph.changed();
        todo = reach(graph, set, &linked, &now);
        changed = Some(now);
        if interrupt() {
            break Stop::Interrupted;
        }
    };
    Ok(SaturationReport {
        stop,
        rounds,
        searched,
        nodes: (nodes_before, graph.node_count()),
        classes: (classes_before, graph.class_count()),
        ways_cut: counts.ways_cut,
        rules: counts.rules,
    })
}

/// Applies all matches of a round; whether the e-graph stayed within its limit.
fn apply_all(
    graph: &mut EGraph,
    set: &RuleSet,
    matches: &Matches,
    counts: &mut Counts,
    limit: usize,
) -> bool {
    for at in 0..matches.len() {
        if graph.entered_count() > limit {
            return false;
        }
        let rule = counts.rule(set.variant(matches.get(at).variant));
        match apply(graph, set, matches, at) {
            Outcome::Applied => rule.applications += 1,
            Outcome::NoOp => rule.no_ops += 1,
            Outcome::Unbuilt => rule.unbuilt += 1,
        }
    }
    graph.entered_count() <= limit
}

impl EGraph {
    /// Takes what changed since it was taken last.
    fn changed(&mut self) -> Changed {
        let size = self.inner.nodes().len();
        let mut changed = Changed {
            nodes: vec![false; size],
            known: vec![false; size],
        };
        let (nodes, known) = self.take_changed();
        for class in nodes {
            changed.nodes[usize::from(self.find(class))] = true;
        }
        for class in known {
            changed.known[usize::from(self.find(class))] = true;
        }
        changed
    }
}

/// The classes to search: those that changed and those above them, as far as patterns look down at nodes, and at what is known. A link
/// of a chain does not count as a level.
fn reach(graph: &EGraph, set: &RuleSet, linked: &Linked, changed: &Changed) -> Vec<Class> {
    let depth = set.depth();
    let higher = depth - set.node_depth();
    // By class, how many levels above a change it is; a class met again on fewer levels is walked again. What changed in its nodes only
    // begins above what is better known, because patterns look less far down for it.
    let mut levels = vec![usize::MAX; graph.inner.nodes().len()];
    let mut reached: Vec<Class> = Vec::new();
    let mut begin: Vec<Class> = Vec::new();
    let mut late: Vec<Class> = Vec::new();
    for (number, (&nodes, &known)) in changed.nodes.iter().zip(&changed.known).enumerate() {
        if nodes || known {
            let class = Class::from(number);
            levels[number] = if known { 0 } else { higher };
            reached.push(class);
            if known || higher == 0 {
                begin.push(class);
            } else {
                late.push(class);
            }
        }
    }
    let mut level = begin;
    for now in 0..=depth {
        if now == higher {
            level.append(&mut late);
        }
        let mut above = Vec::new();
        let mut at = 0;
        while at < level.len() {
            let class = level[at];
            at += 1;
            if levels[usize::from(class)] < now {
                continue;
            }
            for user in graph.inner[class].parents() {
                let head = graph.inner.id_to_node(user).head;
                let is_link = linked.shapes(head).any(|shape| set.is_chain_link(shape));
                let next = if is_link { now } else { now + 1 };
                let top = graph.find(user);
                let known = &mut levels[usize::from(top)];
                if next > depth || *known <= next {
                    continue;
                }
                if std::mem::replace(known, next) == usize::MAX {
                    reached.push(top);
                }
                if is_link {
                    level.push(top);
                } else {
                    above.push(top);
                }
            }
        }
        level = above;
    }
    reached.sort_unstable();
    reached
}
