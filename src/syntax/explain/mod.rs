//! Refusals of the grammar, in words.
//!
//! In: a passage and where the grammar stopped in it. Out: a diagnostic with place, expectation and cure.
//!
//! Invariant: no name of a grammar rule is ever shown.

mod cure;
mod expected;
mod failure;

pub(super) use expected::{CLAUSES, Follow};
pub(super) use failure::explain;
