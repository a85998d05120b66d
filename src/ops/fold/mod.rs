//! Results of operators that are known before the model runs.
//!
//! In: an operator with literals, or with facts, as operands. Out: literals, exactly those that TorchScript computes, or nothing.
//! `literals` has the table of operators on literals, with their kernels in `number`, `sequence` and `text`; `facts` answers questions
//! about tensors (`aten::size`, `aten::q_scale`) from what is known of them.
//! Invariant: what fails when run (division by zero, an index out of range, an overflow) gives nothing: it stays in the model.

mod facts;
mod literals;
mod number;
mod sequence;
#[cfg(test)]
mod tests;
mod text;

pub use facts::fold_from_facts;
pub use literals::{fold_literals, folds_literals};
