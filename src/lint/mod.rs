//! Warnings about rules that need the whole library or the engine: what overlaps, is shadowed, grows itself, is needless or untested.
//!
//! In: a checked library without errors. Out: diagnostics, which an `@allow` before the item silences.
//! Invariant: what is said to match or to grow was run and did.
//! Invariant: reads no text but to find where a rule's name stands.

mod general;
mod grow;
mod joined;
mod named;
mod needless;
mod overlap;
mod run;
mod shadow;
mod solve;
mod term;
mod untested;

pub use run::lint;
