//! Exact reference kernels on tensors, and an interpreter of graphs over them.
//!
//! In: operators by name with values, constants that are expressions, whole graphs with inputs. Out: values, or an error that names
//! the operator and why.
//! Invariant: plain loops, nothing fused or reordered by the machine: the same bits everywhere.
//! Invariant: operands that do not fit are errors, never panics.
//! Invariant: knows no file format; operands stand in the order of the schema.

mod activation;
mod affine;
mod arguments;
mod arithmetic;
mod constant;
mod content;
mod convolution;
mod convolve;
mod elements;
mod elementwise;
mod error;
mod exponential;
mod fill;
mod host;
mod interpret;
mod layout;
mod linear;
mod lists;
mod mutation;
mod normalization;
mod pack;
mod pooling;
mod quantize;
mod queries;
mod recurrent;
mod reduction;
mod resample;
mod sections;
mod shape;
mod summation;
mod table;
mod value;
mod views;
mod xnnpack;

pub use constant::{force, force_all};
pub use content::{integers, numbers};
pub use error::EvalError;
pub use host::{Host, ModelHost};
pub use interpret::{run, run_method, run_on};
pub use table::{call, supports};
pub use value::Value;
