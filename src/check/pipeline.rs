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
    /// Attributes that nothing writes become literals and constants; calls are inlined.
    Freeze {
        /// Attributes and methods to leave.
        keep: Expr,
        /// The step's place.
        span: Span,
    },
    /// Calls are inlined, but for those of modules that keep theirs.
    Inline {
        /// What the names of attributes begin with that hold such modules.
        keep: Expr,
        /// The step's place.
        span: Span,
    },
    /// An error with its place if a method holds one of these operators.
    Forbid {
        /// Operators, by base name.
        ops: Expr,
        /// What the error says.
        error: Expr,
        /// The method; each one if not given.
        method: Option<Expr>,
        /// The step's place.
        span: Span,
    },
    /// One pass in text order, each match replaced once.
    Apply {
        /// Full names of rules.
        rules: Vec<Name>,
        /// The method to work on; each one if not given.
        method: Option<Expr>,
        /// Paths of the modules whose operators may be matched, or lists of such that are matched together; all if not given or empty.
        modules: Option<Expr>,
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
        /// As for `apply`.
        modules: Option<Expr>,
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
        /// The step's place.
        span: Span,
    },
    /// A method of another name that does the same.
    Clone {
        /// The method.
        method: Expr,
        /// The new name.
        new: Expr,
        /// The step's place.
        span: Span,
    },
    /// A method is only run for its effects.
    ReturnNone {
        /// The method.
        method: Expr,
        /// The step's place.
        span: Span,
    },
    /// The root gets an attribute.
    SetAttribute {
        /// Its name.
        name: Expr,
        /// A literal.
        value: Expr,
        /// The step's place.
        span: Span,
    },
    /// Attributes that hold the same constant and that nobody writes become one.
    ShareConstants,
    /// The report gets attributes of modules.
    Fetch {
        /// Tuples of a class, the newest version known, and names of attributes.
        rows: Expr,
        /// The step's place.
        span: Span,
    },
    /// Lists of modules that must be sequences of classes that are known; the report says what became of each.
    Sequences {
        /// Lists of module paths.
        modules: Expr,
        /// Tuples of names of classes.
        known: Expr,
        /// The step's place.
        span: Span,
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
        /// The step's place.
        span: Span,
    },
    /// An error unless the condition holds.
    Demand {
        /// The condition.
        condition: Expr,
        /// What the error says.
        error: Expr,
        /// The step's place.
        span: Span,
    },
}

impl Step {
    /// The step's place; `None` for those that only hold others or name a value.
    pub fn span(&self) -> Option<Span> {
        match self {
            Step::Freeze { span, .. }
            | Step::Inline { span, .. }
            | Step::Forbid { span, .. }
            | Step::Apply { span, .. }
            | Step::Saturate { span, .. }
            | Step::Store { span, .. }
            | Step::Clone { span, .. }
            | Step::ReturnNone { span, .. }
            | Step::SetAttribute { span, .. }
            | Step::Fetch { span, .. }
            | Step::Sequences { span, .. }
            | Step::Run { span, .. }
            | Step::Demand { span, .. } => Some(*span),
            Step::ShareConstants | Step::Let(..) | Step::If(..) => None,
        }
    }
}
