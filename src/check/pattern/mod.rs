//! Patterns as written to patterns as matched.
//!
//! In: the matched side of a rule in one instance. Out: concrete patterns with their slots, and what each name stands for.
//! The way: `choices` says which optional nodes and alternatives are taken, `sketch` writes the pattern without them, `overloads`
//! finds all ways to give its ops overloads that fit each other, `swap` which operands
//! may change places, `lower` numbers the slots.
//! Invariant: the order of what comes out is the order of the text: present before absent, first branch first, overloads by name.

mod attributes;
mod choices;
mod constraint;
mod fill;
mod lower;
mod overloads;
mod sketch;
mod swap;
mod types;

pub(super) use attributes::bundle_type;
pub(super) use choices::Choices;
pub(super) use constraint::plain_type;
pub(super) use lower::{Lowered, LoweredRoot, lower};
pub(super) use overloads::{Failure, Solution, keep_furthest, misfit, solve, unknown_op};
pub(super) use sketch::{Sketch, sketch};
pub(super) use swap::swaps;
pub(super) use types::{Instantiated, Unifier, instantiate, literal_type};
