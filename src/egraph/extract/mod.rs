//! Extraction: from many equal candidates for every class, the cheapest acyclic choice, with sharing counted once.
//!
//! In: a [`Problem`] (classes, candidates, lexicographic costs) and roots. Out: a [`Solution`] with a choice, its cost and a lower
//! bound that equals it where the search finished.
//!
//! Invariant: no egg, no graph, no clock; the same problem gives the same choice on every machine.
//! Invariant: nothing recurses over classes: a chain of a million nodes needs no stack.

mod buckets;
mod completion;
mod components;
mod cycles;
mod dominance;
mod mandatory;
mod network;
mod problem;
mod reduced;
mod scc;
mod search;
mod solution;
mod solve;
#[cfg(test)]
mod synthetic;
#[cfg(test)]
mod tests;

pub use problem::{CandidateId, ClassId, Cost, Problem};
pub use solution::{ExtractError, Limits, Proof, Solution, Work, cost_of};
pub use solve::{solve, solve_choosing};
