//! A `saturate` step: saturation, and what freezing can do with its result, until nothing changes.
//!
//! In: the held methods. Out: the same, settled: freezing does nothing to them that another saturation could build on.
//! What a saturation learns, freezing may need: a number of steps, a condition, that nothing else reads what is written in place. Graphs of
//! values alone have nothing of that kind; they are saturated once. What freezing found is given to the steps before, too.
//! Invariant: running the step again changes nothing, unless the report says that a limit was hit.

use crate::graph::{Graph, Name, same};
use crate::ops::{Catalogue, Purity};
use crate::source::Span;

use super::freeze;
use super::job::JobError;
use super::rewrite;
use super::steps::Run;

/// How often freezing may go on where a saturation stopped.
const ROUNDS: usize = 20;

/// A `saturate` step that was done.
#[derive(Clone)]
pub(super) struct Saturated {
    rules: Vec<Name>,
    keeps: Vec<Name>,
    modules: Vec<Vec<String>>,
    methods: Vec<Name>,
    span: Span,
}

impl Run<'_> {
    /// Saturates methods until they are settled.
    pub(super) fn saturate(
        &mut self,
        names: &rewrite::Saturation<'_>,
        methods: &[Name],
        span: Span,
    ) -> Result<(), JobError> {
        for _ in 0..ROUNDS {
            self.saturate_once(names, methods, span)?;
            if !self.freeze_again()? {
                self.saturated.push(Saturated {
                    rules: names.rules.to_vec(),
                    keeps: names.keeps.to_vec(),
                    modules: names.modules.to_vec(),
                    methods: methods.to_vec(),
                    span,
                });
                return Ok(());
            }
            // What is new now is new to the steps before, too.
            for at in 0..self.saturated.len() {
                let before = self.saturated[at].clone();
                let names = rewrite::Saturation {
                    rules: &before.rules,
                    keeps: &before.keeps,
                    modules: &before.modules,
                    applied: names.applied,
                };
                self.saturate_once(&names, &before.methods, before.span)?;
            }
        }
        let limit = format!("freezing and saturation took turns {ROUNDS} times");
        if !self.report.limits.contains(&limit) {
            self.report.limits.push(limit);
        }
        Ok(())
    }

    fn saturate_once(
        &mut self,
        names: &rewrite::Saturation<'_>,
        methods: &[Name],
        span: Span,
    ) -> Result<(), JobError> {
        for &method in methods {
            let outcome = self.rewrite(method, |run, of| {
                let (loaded, options) = (run.loaded, run.options);
                let mut scene = run.scene(method, span);
                rewrite::saturate(of, loaded, options, names, &mut scene)
            })?;
            self.outcomes.insert(method, outcome);
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
