//! Outcomes for people and programs.
//!
//! In: outcomes, as they come or all together. Out: texts.
//! Invariant: writes to no stream; whoever prints says whether colours are wanted and how wide a line may be.

mod json;
mod junit;
mod mutants;
mod text;

pub use json::json;
pub use junit::junit;
pub use mutants::{mutants, mutants_json};
pub use text::{Dots, legend, summary};
