//! Both models on all samples.
//!
//! In: two models and samples. Out: the largest difference of each output.

use serde::Serialize;

use crate::eval::run_method;
use crate::graph::Model;
use crate::ops::Catalogue;

use super::compare::{OutputDifference, differences};
use super::sample::Sample;
use super::steps::steps;

/// What two models differ in.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Verified {
    /// The method that was run.
    pub method: String,
    /// Number of samples.
    pub samples: usize,
    /// Each output, in order.
    pub outputs: Vec<OutputDifference>,
}

impl Verified {
    /// Adds what one sample showed.
    pub fn add(&mut self, found: Vec<OutputDifference>) {
        self.samples += 1;
        for difference in found {
            match self
                .outputs
                .iter_mut()
                .find(|known| known.output == difference.output)
            {
                Some(known) => known.add(difference),
                None => self.outputs.push(difference),
            }
        }
    }
}

/// A model that does not run.
#[derive(thiserror::Error, Clone, PartialEq, Debug)]
#[error("{model} cannot be run on {sample}: {why}")]
pub struct VerifyError {
    /// `the first model` or `the second model`.
    pub model: &'static str,
    /// The sample.
    pub sample: String,
    /// What the interpreter says.
    pub why: String,
}

/// Runs a method of both models on all samples. `progress` is told the number of the sample that begins.
pub fn verify(
    first: &Model,
    second: &Model,
    method: &str,
    samples: &[Sample],
    catalogue: &Catalogue,
    progress: &mut dyn FnMut(usize),
) -> Result<Verified, VerifyError> {
    let mut verified = Verified {
        method: method.to_owned(),
        samples: 0,
        outputs: Vec::new(),
    };
    for (number, sample) in samples.iter().enumerate() {
        progress(number);
        let run = |which: &'static str, model: &Model| {
            run_method(model, method, sample.inputs.clone()).map_err(|error| VerifyError {
                model: which,
                sample: sample.name.clone(),
                why: error.to_string(),
            })
        };
        let (a, b) = (
            run("the first model", first)?,
            run("the second model", second)?,
        );
        let grid = steps(first, method, &sample.inputs, catalogue);
        verified.add(differences(&sample.name, &a, &b, &grid));
    }
    Ok(verified)
}
