//! Whether two models compute the same: both run on the same inputs, output by output.
//!
//! In: two models, a method, samples of inputs. Out: the largest difference of each output: absolute, relative and in quantization steps.
//! The way: `sample` makes inputs, `steps` finds the grid that an output lies on, `compare` holds one run against the other.
//! Invariant: outputs of another kind or shape are a difference, never left out.

mod compare;
mod run;
mod sample;
mod steps;

pub use compare::{OutputDifference, differences};
pub use run::{Verified, VerifyError, verify};
pub use sample::{Sample, SampleError, random_samples};
