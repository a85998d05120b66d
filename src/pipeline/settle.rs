//! The steps that use rules, and what freezing can do with their results, until nothing changes.
//!
//! In: the held methods, a step. Out: the same methods, settled: freezing does nothing to them that the steps so far could build on.
//! What a saturation learns, freezing may need: a number of steps, a condition, that nothing else reads what is written in place. Then all
//! steps since the model was frozen have something new to look at. Graphs of values alone have nothing of that kind; they are saturated once.
//! Invariant: running the steps again changes nothing, unless the report says that a limit was hit.

use crate::graph::{Graph, Name, same};
use crate::ops::{Catalogue, Purity};
use crate::source::Span;

use super::freeze;
use super::job::JobError;
use super::rewrite;
use super::steps::Run;

/// How often freezing may go on where a saturation stopped.
const ROUNDS: usize = 20;

/// A step that uses rules, its expressions evaluated.
#[derive(Clone, Debug)]
pub(super) struct Act {
    /// The rules.
    pub(super) rules: Vec<Name>,
    /// Constants that a saturation does not fold; `None` for rules that are applied once each.
    pub(super) keeps: Option<Vec<Name>>,
    /// The methods.
    pub(super) methods: Vec<Name>,
    /// Groups of module paths whose operators may be matched; everything if there are none.
    pub(super) modules: Vec<Vec<String>>,
    /// The step's place.
    pub(super) span: Span,
}

impl Run<'_> {
    /// Does a step. A saturation is followed by freezing, and by all steps so far while that changes something.
    pub(super) fn act(&mut self, act: Act) -> Result<(), JobError> {
        let settles = act.keeps.is_some();
        let mut first = self.acts.len();
        self.acts.push(act);
        for _ in 0..ROUNDS {
            for at in first..self.acts.len() {
                self.act_once(at)?;
            }
            if !settles || !self.freeze_again()? {
                return Ok(());
            }
            first = 0;
        }
        let limit = format!("freezing and saturation took turns {ROUNDS} times");
        if !self.report.limits.contains(&limit) {
            self.report.limits.push(limit);
        }
        Ok(())
    }

    fn act_once(&mut self, at: usize) -> Result<(), JobError> {
        let act = self.acts[at].clone();
        let before = self.acts[..at].iter();
        let applied: Vec<Name> = before
            .filter(|act| act.keeps.is_none())
            .flat_map(|act| act.rules.iter().copied())
            .collect();
        for &method in &act.methods {
            let outcome = self.rewrite(method, |run, of| {
                let (loaded, options) = (run.loaded, run.options);
                let mut scene = run.scene(method, act.span);
                let Some(keeps) = &act.keeps else {
                    let (rules, modules) = (&act.rules, &act.modules);
                    rewrite::apply(of, loaded, options, rules, modules, &mut scene)?;
                    return Ok(None);
                };
                let names = rewrite::Saturation {
                    rules: &act.rules,
                    keeps,
                    modules: &act.modules,
                    applied: &applied,
                };
                rewrite::saturate(of, loaded, options, &names, &mut scene).map(Some)
            })?;
            if let Some(outcome) = outcome {
                self.outcomes.insert(method, outcome);
            }
            self.register(method)?;
        }
        Ok(())
    }

    /// Freezes the held methods once more, if they are frozen; whether that changed anything.
    fn freeze_again(&mut self) -> Result<bool, JobError> {
        let catalogue = &self.loaded.catalogue;
        if !self.held.is_frozen || self.graphs().all(|graph| is_plain(graph, catalogue)) {
            return Ok(false);
        }
        let model = &self.file.model;
        let frozen = freeze::freeze(model, &self.held.frozen_with, catalogue)?;
        let unchanged = |(name, graph): (&Name, &Graph)| {
            same(&model.functions[&self.function_name(*name)].graph, graph)
        };
        if frozen.methods.iter().all(unchanged) {
            return Ok(false);
        }
        self.hold(frozen.methods);
        Ok(true)
    }
}

/// Whether a graph is one of values alone: no branch, no loop, no effect.
fn is_plain(graph: &Graph, catalogue: &Catalogue) -> bool {
    graph.walk().into_iter().all(|id| {
        let node = graph.node(id);
        let literal = |at: usize| graph.literal(*node.operands.get(at)?);
        node.blocks.is_empty() && catalogue.purity(node.op.as_str(), literal) == Purity::Pure
    })
}
