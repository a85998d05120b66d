//! What a run did and what it left behind, for people who ask: how a result came to be, what differs between two models, why a rule
//! matched or did not.
//!
//! In: models, rules, runs. Out: answers as values that serialise; `cli` writes them as text.
//! Invariant: changes nothing that it looks at.

pub mod diff;
pub mod explain;
pub mod verify;
pub mod why;
