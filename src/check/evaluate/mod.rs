//! The value of an expression: guards, lets and builders of rules, steps of pipelines, and constants of modules.
//!
//! In: a resolved [`Expr`](super::rule::Expr) and a [`Scope`] that answers for slots, facts and settings. Out: a [`Val`].
//! Invariant: total and pure; what is not known is [`Val::Unknown`], and nothing here fails or panics.
//! Invariant: one evaluator for all: what the checker folds is what the engine would have computed.

mod arithmetic;
mod functions;
mod scope;
mod tensors;
mod walk;

pub use scope::{Nothing, Scope, Val};
pub use tensors::Term;
pub use walk::evaluate;
