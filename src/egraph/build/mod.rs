//! A graph into an e-graph: values become classes, effects stay in order outside.
//!
//! In: a frozen graph. Out: an e-graph of its values, and a [`Skeleton`] of its effects with the classes they read.
//! A branch or loop without effects is an operator like any other: its children are what it is given and what its blocks return. One
//! with an effect inside is one item of the skeleton, never split, and its results are leaves.
//!
//! Invariant: whatever reads or writes memory that somebody writes is an item, in its place; everything else is a node.

mod import;
mod memory;
mod object;
mod skeleton;
mod steady;

pub use import::{Built, View, build, build_with};
pub use memory::Memory;
pub use object::{Object, keeps_operand};
pub use skeleton::{Item, ItemId, LeafInfo, Named, Scope, ScopeId, Sequence, SequenceId, Skeleton};

/// The attribute of a loop node that says which [`Skeleton::regions`] its body's parameters are.
pub(super) const REGION: &str = "region";

/// The attribute of a node whose result's type does not follow from operator and operands, such as a cast or an empty list.
pub(in crate::egraph) const RESULT: &str = "rulefold::result";

/// The last attribute of a node that only stands for an effect, so that patterns find it: the number of its [`Item`]. It is never chosen.
pub(super) const EFFECT: &str = "<effect>";

/// The last attribute of a node that stands for a value in what takes the value's place.
pub(super) const AGAIN: &str = "<again>";
