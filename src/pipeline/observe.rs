//! Looking into a run: what each step that uses rules did, with its e-graph, for whoever explains it.
//!
//! In: steps as they run. Out: each of them shown to an [`Observer`], which may say that it has seen enough.
//! Invariant: an observer changes nothing; without one nothing is kept for it.

use std::ops::ControlFlow;

use rustc_hash::FxHashSet;

use crate::check::rule::Rule;
use crate::egraph::build::Built;
use crate::egraph::choose::{Choice, Redirect, Target};
use crate::egraph::place::Placed;
use crate::egraph::{Candidates, Class, SaturationReport};
use crate::graph::{Graph, Name};
use crate::rules::RuleSet;
use crate::source::Span;

/// A step that used rules, after it did.
pub struct Acted<'a> {
    /// The method it worked on.
    pub method: &'a str,
    /// The step's place in its rule file.
    pub span: Span,
    /// Rules that the step names, whether the options allow them or not.
    pub named: &'a [Name],
    /// Rules that ran, compiled in this order. An `apply` step is shown once for each of its rules.
    pub rules: &'a [&'a Rule],
    /// The same, compiled.
    pub set: &'a RuleSet,
    /// The method before the step.
    pub graph: &'a Graph,
    /// The e-graph as the step left it.
    pub built: &'a Built,
    /// What may be chosen, with its origins.
    pub candidates: &'a Candidates<'a>,
    /// Classes that others take the place of: matches of an `apply` step.
    pub redirect: &'a Redirect,
    /// Roots of the matches that an `apply` step carried out, and of those it left alone: somebody reads what they would erase, or what
    /// they add could stand nowhere.
    pub roots: Option<&'a [FxHashSet<Class>; 2]>,
    /// What may be written.
    pub target: &'a dyn Target,
    /// What was chosen, and the method made of it; nothing if an `apply` step found no match.
    pub chosen: Option<(&'a Choice, &'a Placed)>,
    /// Saturations, one for each time that branches were taken in between; none in an `apply` step.
    pub saturations: &'a [SaturationReport],
}

impl Acted<'_> {
    /// Whether it was an `apply` step.
    pub fn is_apply(&self) -> bool {
        self.saturations.is_empty()
    }
}

/// Who looks into a run.
pub trait Observer {
    /// Whether a step that names these rules is worth showing.
    fn wants(&self, named: &[Name]) -> bool;
    /// Shows a step. [`ControlFlow::Break`] ends the run.
    fn acted(&mut self, step: &Acted<'_>) -> ControlFlow<()>;
}
