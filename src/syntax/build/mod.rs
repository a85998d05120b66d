//! Pest's pairs to the tree.
//!
//! In: pairs of an item, a clause, a statement or a graph. Out: nodes of [`super::ast`], and diagnostics for what the grammar lets
//! through and that means nothing (a number beyond 64 bits, a note nobody knows).
//!
//! Invariant: every pair the grammar makes has a node; shapes it cannot make are `unreachable!`.

mod builder;
mod item;
mod job;
mod leaf;
mod rule;
mod statement;
mod term;
mod types;

pub(super) use builder::{Builder, Cursor};
