//! What differs between two models.
//!
//! In: two models. Out: methods, attributes, constants and operators that differ, and the regions of the graphs that were replaced.
//! Graphs are compared with calls inlined and attributes read, so that it does not matter how a file cuts its code into functions.
//!
//! Invariant: `equal` means that both models do the same operators on the same values in the same order, as far as order matters.

mod align;
mod content;
mod hashing;
mod models;
mod regions;

pub use content::{AttributeChange, ConstantChange};
pub use models::{Difference, Method, OperatorCount, Shape, models};
pub use regions::{Line, Region, Sign};
