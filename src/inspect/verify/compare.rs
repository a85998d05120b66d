//! One run held against another.
//!
//! In: the outputs of both. Out: what differs, for each tensor or number in them.
//! Invariant: two NaN are equal; a NaN and a number are infinitely far apart.

use serde::Serialize;

use crate::eval::{Value, numbers};
use crate::graph::text::LiteralText;
use crate::graph::{Quantization, Tensor};

/// How far an output of one model is from that of the other, over all samples.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct OutputDifference {
    /// Which output: `0`, or `0.1` for the second element of a tuple.
    pub output: String,
    /// Elements compared.
    pub elements: usize,
    /// Elements that are not bit for bit equal numbers.
    pub different: usize,
    /// Largest absolute difference.
    pub absolute: f64,
    /// Largest difference relative to the larger magnitude.
    pub relative: f64,
    /// Largest difference in steps of the grid that the output lies on, where it lies on one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<f64>,
    /// Where the largest absolute difference is: the sample, the index, and both numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Place>,
    /// What cannot be compared as numbers: another kind, type or shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlike: Option<String>,
}

/// Where two outputs are furthest apart.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Place {
    /// The sample.
    pub sample: String,
    /// The index of the element.
    pub index: Vec<usize>,
    /// The first model's number.
    pub first: f64,
    /// The second model's number.
    pub second: f64,
}

impl OutputDifference {
    /// Whether nothing differs.
    pub fn is_equal(&self) -> bool {
        self.different == 0 && self.unlike.is_none()
    }

    fn new(output: &str) -> OutputDifference {
        OutputDifference {
            output: output.to_owned(),
            elements: 0,
            different: 0,
            absolute: 0.0,
            relative: 0.0,
            steps: None,
            at: None,
            unlike: None,
        }
    }

    /// Takes in what another sample showed of the same output.
    pub(super) fn add(&mut self, other: OutputDifference) {
        self.elements += other.elements;
        self.different += other.different;
        self.relative = self.relative.max(other.relative);
        self.steps = match (self.steps, other.steps) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        if other.absolute > self.absolute || self.at.is_none() {
            self.absolute = self.absolute.max(other.absolute);
            self.at = other.at.or(self.at.take());
        }
        self.unlike = self.unlike.take().or(other.unlike);
    }
}

/// The differences of two runs. `steps` are the grids of the outputs, by name, where they lie on one.
pub fn differences(
    sample: &str,
    first: &[Value],
    second: &[Value],
    steps: &[(String, f64)],
) -> Vec<OutputDifference> {
    let mut found = Vec::new();
    for (at, value) in first.iter().enumerate() {
        let name = at.to_string();
        match second.get(at) {
            Some(other) => walk(&name, sample, value, other, steps, &mut found),
            None => found.push(unlike(&name, "only the first model returns it".to_owned())),
        }
    }
    for at in first.len()..second.len() {
        let only = "only the second model returns it".to_owned();
        found.push(unlike(&at.to_string(), only));
    }
    found
}

fn unlike(output: &str, why: String) -> OutputDifference {
    OutputDifference {
        unlike: Some(why),
        ..OutputDifference::new(output)
    }
}

fn walk(
    output: &str,
    sample: &str,
    first: &Value,
    second: &Value,
    steps: &[(String, f64)],
    found: &mut Vec<OutputDifference>,
) {
    if let (Value::Tensor(a), Value::Tensor(b)) = (first, second) {
        let step = steps.iter().find(|(name, _)| name == output);
        found.push(tensors(output, sample, a, b, step.map(|(_, step)| *step)));
        return;
    }
    if let (Some(a), Some(b)) = (number(first), number(second)) {
        let mut difference = OutputDifference::new(output);
        element(&mut difference, sample, &[], a, b);
        found.push(difference);
        return;
    }
    match (first.items(), second.items()) {
        (Some(a), Some(b)) if a.len() == b.len() => {
            for (at, (a, b)) in a.iter().zip(&b).enumerate() {
                walk(&format!("{output}.{at}"), sample, a, b, steps, found);
            }
        }
        (Some(a), Some(b)) => found.push(unlike(
            output,
            format!("{} elements, the second model has {}", a.len(), b.len()),
        )),
        _ => {
            let same = match (first, second) {
                (Value::Literal(a), Value::Literal(b)) => a == b,
                _ => false,
            };
            if same {
                let mut difference = OutputDifference::new(output);
                difference.elements = 1;
                found.push(difference);
            } else {
                found.push(unlike(
                    output,
                    format!("{}, the second model has {}", shown(first), shown(second)),
                ));
            }
        }
    }
}

fn number(value: &Value) -> Option<f64> {
    use crate::graph::Literal;
    match value.as_literal()? {
        Literal::Int(n) => Some(*n as f64),
        Literal::Float(x) => Some(*x),
        Literal::Bool(b) => Some(f64::from(u8::from(*b))),
        _ => None,
    }
}

fn shown(value: &Value) -> String {
    match value.as_literal() {
        Some(literal) => LiteralText(literal).to_string(),
        None => value.kind().to_owned(),
    }
}

fn tensors(
    output: &str,
    sample: &str,
    a: &Tensor,
    b: &Tensor,
    step: Option<f64>,
) -> OutputDifference {
    if a.shape != b.shape {
        return unlike(
            output,
            format!("shape {:?}, the second model has {:?}", a.shape, b.shape),
        );
    }
    if a.dtype != b.dtype {
        return unlike(
            output,
            format!("{}, the second model has {}", a.dtype, b.dtype),
        );
    }
    let own = scale(a);
    if own.is_some() && own.map(f64::to_bits) != scale(b).map(f64::to_bits) {
        return unlike(
            output,
            "quantized on another scale than in the second model".to_owned(),
        );
    }
    let (Some(x), Some(y)) = (numbers(a), numbers(b)) else {
        return unlike(
            output,
            format!("elements of type {} cannot be compared", a.dtype),
        );
    };
    let mut difference = OutputDifference::new(output);
    // The integers of a quantized tensor are a step apart.
    let size = if own.is_some() { own } else { step };
    let unit = own.unwrap_or(1.0);
    for (at, (&x, &y)) in x.iter().zip(&y).enumerate() {
        let before = difference.absolute;
        element(&mut difference, sample, &[at], x * unit, y * unit);
        if difference.absolute > before
            && let Some(place) = &mut difference.at
        {
            place.index = index(&a.shape, at);
        }
    }
    difference.steps = size.map(|size| difference.absolute / size);
    difference
}

/// The step of a tensor that is quantized with one scale.
fn scale(tensor: &Tensor) -> Option<f64> {
    match tensor.quantization {
        Some(Quantization::PerTensor { scale, .. }) => Some(scale),
        _ => None,
    }
}

fn element(difference: &mut OutputDifference, sample: &str, index: &[usize], a: f64, b: f64) {
    difference.elements += 1;
    if a == b || a.is_nan() && b.is_nan() {
        return;
    }
    difference.different += 1;
    let (absolute, relative) = match (a - b).abs() {
        apart if apart.is_nan() => (f64::INFINITY, f64::INFINITY),
        apart => (apart, apart / a.abs().max(b.abs())),
    };
    difference.relative = difference.relative.max(relative);
    if absolute > difference.absolute {
        difference.absolute = absolute;
        difference.at = Some(Place {
            sample: sample.to_owned(),
            index: index.to_vec(),
            first: a,
            second: b,
        });
    }
}

/// The index of an element of a row-major array.
fn index(shape: &[usize], mut at: usize) -> Vec<usize> {
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&size| {
            let here = at % size.max(1);
            at /= size.max(1);
            here
        })
        .collect();
    index.reverse();
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{DType, Literal};

    fn floats(shape: &[usize], elements: &[f32]) -> Value {
        let bytes = elements.iter().flat_map(|x| x.to_le_bytes()).collect();
        Value::Tensor(Tensor::contiguous(DType::F32, shape.to_vec(), bytes))
    }

    #[test]
    fn the_largest_difference_is_found_with_its_place() {
        let a = floats(&[2, 2], &[1.0, 2.0, f32::NAN, 4.0]);
        let b = floats(&[2, 2], &[1.0, 2.5, f32::NAN, 4.25]);
        let steps = [("0".to_owned(), 0.25)];
        let found = differences("in", &[a], &[b], &steps);
        let [one] = found.as_slice() else {
            panic!("one output");
        };
        assert_eq!((one.elements, one.different, one.absolute), (4, 2, 0.5));
        assert_eq!((one.relative, one.steps), (0.2, Some(2.0)));
        assert_eq!(one.at.as_ref().map(|at| at.index.clone()), Some(vec![0, 1]));
    }

    #[test]
    fn what_has_another_form_is_unlike() {
        let number = |n| Value::Literal(Literal::Int(n));
        let pair = Value::tuple(vec![floats(&[1], &[1.0]), number(3)]);
        let other = Value::tuple(vec![floats(&[1, 1], &[1.0]), number(4)]);
        let found = differences("in", std::slice::from_ref(&pair), &[other, number(1)], &[]);
        let said: Vec<(&str, bool)> = found
            .iter()
            .map(|d| (d.output.as_str(), d.unlike.is_some()))
            .collect();
        assert_eq!(said, [("0.0", true), ("0.1", false), ("1", true)]);
        assert!(
            differences(
                "in",
                std::slice::from_ref(&pair),
                std::slice::from_ref(&pair),
                &[]
            )
            .iter()
            .all(OutputDifference::is_equal)
        );
        let nan = differences(
            "in",
            &[floats(&[1], &[f32::NAN])],
            &[floats(&[1], &[1.0])],
            &[],
        );
        assert_eq!(nan.first().map(|d| d.absolute), Some(f64::INFINITY));
    }
}
