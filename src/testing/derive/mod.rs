//! Tests written from the rule itself: the smallest graph that it matches, and graphs that just miss it.
//!
//! In: checked rules, the name of one. Out: the text of its file with tests behind the rule.
//! The way: `sketch` takes a pattern for a graph with open places, `contents` says what may fill them, `draft` writes that as text,
//! `search` fills them so that guards hold, or one does not, `goals` lists what there is to show of a rule, `bench` tries a graph as a
//! test would, `splice` puts the tests into the file, `write` goes from one to the other.
//! Invariant: every test that is written passed before it was written.

mod bench;
mod contents;
mod draft;
mod goals;
mod search;
mod sketch;
mod splice;
mod write;

pub use write::{Derived, Fate, Refused, Written, derive};
