//! Overload resolution.
//!
//! In: a name and what is written behind it. Out: the schema it means and an operand for each parameter (`call`); how a single operand
//! fits a single parameter is in `fit`.

mod call;
mod fit;
#[cfg(test)]
mod tests;

pub use call::{Argument, Call, Candidate, Operand, ResolveError, Resolved};
