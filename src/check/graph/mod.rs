//! Graphs as text to graphs.
//!
//! In: a parsed graph: of a test, of `rulefold show`, or a dump of PyTorch. Out: a [`Graph`](crate::graph::Graph) with overloads chosen
//! and defaults filled in, or all that is wrong with it.
//! Invariant: what the text leaves open is resolved as in a model; what it says is kept, names and types included.

mod nodes;
mod read;
mod types;

pub(super) use read::read_with;
pub use read::{TextGraph, read};
