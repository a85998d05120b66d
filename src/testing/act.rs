//! One rule on one graph: each match replaced once, and what came near where nothing matched.
//!
//! In: an instance of a rule, a graph, its constants. Out: the graph rewritten, and how often the rule was applied.
//! Invariant: nothing else runs, and the rewritten side is taken whatever it costs, so that a test sees what its rule writes.

use rustc_hash::FxHashSet;

use crate::check::rule::{Numerics, Rule};
use crate::egraph::build::{Built, View, build_with};
use crate::egraph::choose::{Anything, Redirect, choose};
use crate::egraph::extract::Limits;
use crate::egraph::place::place;
use crate::egraph::{Attempt, EGraph, attempts, replace};
use crate::graph::{ConstantStore, Graph, Name};
use crate::pipeline::library::Loaded;
use crate::rules::RuleSet;

/// An instance of a rule, ready to act.
pub(super) struct Actor<'a> {
    loaded: &'a Loaded,
    set: RuleSet,
}

/// What a rule did.
#[derive(Debug)]
pub(super) struct Acted {
    pub(super) graph: Graph,
    pub(super) constants: ConstantStore,
    pub(super) applied: u64,
}

impl<'a> Actor<'a> {
    /// An instance of a rule, by index.
    pub(super) fn new(
        loaded: &'a Loaded,
        rule: &Rule,
        instance: usize,
    ) -> Result<Actor<'a>, String> {
        // Nothing is made equal, so a rule that changes numbers may be matched like any other.
        let alone = Rule {
            numerics: Numerics::Exact,
            instances: rule.instances.get(instance).cloned().into_iter().collect(),
            ..rule.clone()
        };
        let set = RuleSet::compile([&alone]).map_err(|error| error.to_string())?;
        Ok(Actor { loaded, set })
    }

    /// The rule, compiled alone.
    pub(super) fn set(&self) -> &RuleSet {
        &self.set
    }

    /// Applies the rule wherever it matches.
    pub(super) fn act(&self, graph: &Graph, constants: ConstantStore) -> Result<Acted, String> {
        let mut built = self.build(graph, constants)?;
        let replaced = replace(&mut built, &self.set);
        built.egraph.rebuild().map_err(|error| error.to_string())?;
        let applied = replaced.rules.iter().map(|rule| rule.applications).sum();
        let graph = placed(&built, &Redirect(replaced.classes), self.loaded)?;
        Ok(Acted {
            graph,
            constants: built.egraph.into_constants(),
            applied,
        })
    }

    /// How far the rule came at each value of the graph.
    pub(super) fn attempts(
        &self,
        graph: &Graph,
        constants: ConstantStore,
    ) -> Result<Vec<Attempt>, String> {
        let mut built = self.build(graph, constants)?;
        built.egraph.enter_bundles(&self.set);
        let variants = u32::try_from(self.set.variants().len()).unwrap_or(u32::MAX);
        let at = |class| attempts(&built.egraph, &self.set, 0..variants, class);
        Ok(built.egraph.classes().into_iter().flat_map(at).collect())
    }

    fn build(&self, graph: &Graph, constants: ConstantStore) -> Result<Built, String> {
        built(graph, constants, self.loaded, self.set.effects())
    }
}

fn built(
    graph: &Graph,
    constants: ConstantStore,
    loaded: &Loaded,
    effects: FxHashSet<Name>,
) -> Result<Built, String> {
    let egraph = EGraph::new(constants).with_keeps(&loaded.library.keeps);
    let view = View {
        effects,
        ..View::default()
    };
    let mut built = build_with(graph, egraph, &loaded.catalogue, &view);
    built.egraph.rebuild().map_err(|error| error.to_string())?;
    Ok(built)
}

fn placed(built: &Built, redirect: &Redirect, loaded: &Loaded) -> Result<Graph, String> {
    let candidates = built.egraph.candidates();
    let choice = choose(
        &built.egraph,
        &candidates,
        &built.skeleton,
        redirect,
        &Anything,
        &Limits::default(),
    )
    .map_err(|error| error.to_string())?;
    let placed = place(
        &built.egraph,
        &candidates,
        &built.skeleton,
        &choice,
        &loaded.catalogue,
    );
    placed.graph.verify().map_err(|error| error.to_string())?;
    Ok(placed.graph)
}

/// A graph as it looks when no rule did anything: constants folded, equal operators one.
pub(super) fn untouched(
    graph: &Graph,
    constants: ConstantStore,
    loaded: &Loaded,
) -> Result<(Graph, ConstantStore), String> {
    let built = built(graph, constants, loaded, FxHashSet::default())?;
    let graph = placed(&built, &Redirect::default(), loaded)?;
    Ok((graph, built.egraph.into_constants()))
}

/// The attempt that came furthest without matching: one that failed on a guard, else the one that met most.
pub(super) fn nearest(attempts: &[Attempt]) -> Option<&Attempt> {
    let missed = attempts
        .iter()
        .filter(|a| a.missed.is_some() && !a.met.is_empty());
    missed.fold(None, |best: Option<&Attempt>, one| {
        let rank = |attempt: &Attempt| (attempt.is_guard(), attempt.met.len());
        match best {
            Some(best) if rank(best) >= rank(one) => Some(best),
            _ => Some(one),
        }
    })
}
