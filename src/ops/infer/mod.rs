//! Facts of results from facts of operands.
//!
//! In: an operator and what is known of its operands. Out: what is then known of its results.
//! Rules are rows of a table (`table`): which operators, and functions for element type (`element`), quantization parameters (`element`)
//! and dimensions (`shape`, `window`), or one function for all results (`several`). `operands` is what the functions see, `answer` asks
//! them, `constants` describes constants.

mod answer;
mod constants;
mod element;
mod operands;
mod several;
mod shape;
mod table;
#[cfg(test)]
mod tests;
mod window;

pub use answer::infer;
pub use constants::{facts_of_constant, result_bytes};
