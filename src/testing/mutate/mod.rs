//! Rules with one thing wrong, to see whether their tests notice.
//!
//! In: a rule file. Out: its mutants, each killed by some test, explained in the text, or a survivor.
//! Invariant: a mutant that the checker refuses, or that means the same as the rule, is no mutant.

mod edits;
mod sites;
mod trial;

pub use trial::{Fate, Mutant, Mutated, mutate};
