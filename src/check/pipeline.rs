//! Checked pipelines: the steps of a whole job, with their rules resolved.
//!
//! Invariant: every rule, keep and pipeline that a step names exists, and may stand there.

use crate::graph::{Literal, Name};
use crate::source::Span;

use super::rule::Expr;

/// A pipeline.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// Full name: `torch.static`.
    pub name: Name,
    /// The item's place.
    pub span: Span,
    /// Documentation lines.
    pub doc: String,
    /// Settings with their defaults, in order; `None` must be given.
    pub settings: Vec<(Name, Option<Literal>)>,
    /// The steps.
    pub steps: Vec<Step>,
}

/// A step of a pipeline. Expressions may use settings and earlier `let`s.
#[derive(Clone, Debug)]
pub enum Step {
    /// Attributes that nothing writes become literals and constants; calls are inlined. `keep` lists attributes and methods to leave.
    Freeze {
        /// Names to leave.
        keep: Expr,
    },
    /// One pass in text order, each match replaced once.
    Apply {
        /// Full names of rules.
        rules: Vec<Name>,
        /// The method to work on; each one if not given.
        method: Option<Expr>,
        /// The step's place.
        span: Span,
    },
    /// All equalities together, then the smallest model.
    Saturate {
        /// Full names of rules.
        rules: Vec<Name>,
        /// Full names of keeps.
        keeps: Vec<Name>,
        /// The method to work on; each one if not given.
        method: Option<Expr>,
        /// The step's place.
        span: Span,
    },
    /// Results of these operators on constants become attributes of the root.
    Store {
        /// Operators, by base name.
        ops: Expr,
        /// What the attributes' names begin with.
        prefix: Expr,
        /// The method to work on; each one if not given.
        method: Option<Expr>,
    },
    /// A name for an expression.
    Let(Name, Expr),
    /// Steps under a condition.
    If(Expr, Vec<Step>),
    /// Another pipeline's steps.
    Run {
        /// Full name.
        pipeline: Name,
        /// Settings given.
        settings: Vec<(Name, Expr)>,
    },
    /// An error unless the condition holds.
    Demand(Expr, Expr),
}
