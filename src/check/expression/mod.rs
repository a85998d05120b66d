//! Expressions as written to resolved ones.
//!
//! In: an expression, the module it stands in and the names around it. Out: an [`Expr`](super::rule::Expr) that is as short as what
//! is known at compile time allows; constants of modules and functions of users are gone from it.
//! Invariant: an expression that is known at compile time is one literal.

mod call;
mod context;
mod fold;
mod resolve;

pub(super) use context::{Context, Key, builtin};
pub(super) use resolve::Resolver;
