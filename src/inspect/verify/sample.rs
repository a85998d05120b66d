//! Inputs to run models on.
//!
//! In: a method's parameters, and the shapes the user names. Out: seeded samples.
//! Invariant: the same seed gives the same inputs on every machine.

use crate::eval::Value;
use crate::graph::text::TypeText;
use crate::graph::{DType, Literal, Model, Tensor, Type};
use crate::testing::Random;

/// Inputs of one run.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Where they are from: a folder, or the number of a random sample.
    pub name: String,
    /// One for each parameter without `self`; parameters behind the last have their defaults.
    pub inputs: Vec<Value>,
}

/// Why no inputs can be made.
#[derive(thiserror::Error, Clone, PartialEq, Eq, Debug)]
pub enum SampleError {
    /// The method is not there.
    #[error("the model has no method `{0}`")]
    NoMethod(String),
    /// A tensor whose shape nobody says.
    #[error(
        "the shape of `{parameter}` is not known; give one --shape for each tensor, such as --shape 1,3,224,224, or --inputs DIR"
    )]
    NoShape {
        /// The parameter.
        parameter: String,
    },
    /// A parameter that random numbers cannot fill.
    #[error("`{parameter}` is of type {ty}, for which nothing is drawn; give --inputs DIR")]
    Type {
        /// The parameter.
        parameter: String,
        /// Its type.
        ty: String,
    },
    /// More shapes than tensors.
    #[error("{given} shapes are given, the method takes {tensors} tensors")]
    Shapes {
        /// Shapes given.
        given: usize,
        /// Tensors the method takes.
        tensors: usize,
    },
}

/// `count` samples of normally distributed tensors of these shapes, one shape for each tensor that the method takes. Parameters with
/// defaults that are no tensors keep them.
pub fn random_samples(
    model: &Model,
    method: &str,
    shapes: &[Vec<usize>],
    count: usize,
    seed: u64,
) -> Result<Vec<Sample>, SampleError> {
    let name = model.root_method(method);
    let function = name.and_then(|name| model.functions.get(&name));
    let function = function.ok_or_else(|| SampleError::NoMethod(method.to_owned()))?;
    let graph = &function.graph;
    let parameters: Vec<(String, &Type, Option<&Literal>)> = graph
        .body()
        .parameters
        .iter()
        .enumerate()
        .skip(1)
        .map(|(at, &id)| {
            let value = graph.value(id);
            let name = value
                .name
                .map_or_else(|| at.to_string(), |name| name.to_string());
            let default = function.defaults.get(at).and_then(Option::as_ref);
            (name, &value.ty, default)
        })
        .collect();
    let tensors = parameters
        .iter()
        .filter(|(_, ty, _)| ty.is_tensor())
        .count();
    if shapes.len() > tensors {
        return Err(SampleError::Shapes {
            given: shapes.len(),
            tensors,
        });
    }
    (0..count)
        .map(|number| {
            let mut random = Random::new(seed, &format!("sample {number}"));
            let mut shapes = shapes.iter();
            let mut inputs = Vec::with_capacity(parameters.len());
            for (name, ty, default) in &parameters {
                inputs.push(match (ty.is_tensor(), default) {
                    (true, _) => {
                        let shape = shapes.next().ok_or_else(|| SampleError::NoShape {
                            parameter: name.clone(),
                        })?;
                        Value::Tensor(normal(shape, &mut random))
                    }
                    (false, Some(default)) => Value::Literal((*default).clone()),
                    (false, None) => {
                        return Err(SampleError::Type {
                            parameter: name.clone(),
                            ty: TypeText(ty).to_string(),
                        });
                    }
                });
            }
            Ok(Sample {
                name: format!("sample {}", number + 1),
                inputs,
            })
        })
        .collect()
}

/// A tensor of normally distributed floats, by the method of Box and Muller.
fn normal(shape: &[usize], random: &mut Random) -> Tensor {
    let count: usize = shape.iter().product();
    let mut bytes = Vec::with_capacity(count * 4);
    for _ in 0..count {
        let radius = (-2.0 * (1.0 - random.unit()).ln()).sqrt();
        let x = radius * (std::f64::consts::TAU * random.unit()).cos();
        bytes.extend((x as f32).to_le_bytes());
    }
    Tensor::contiguous(DType::F32, shape.to_vec(), bytes)
}
