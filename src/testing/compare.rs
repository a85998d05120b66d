//! Results of two runs, compared by what a rule promises about numbers.
//!
//! In: values that both sides computed, a numerics label. Out: nothing, or the place where they differ most.
//! `exact`: bits. `within N lsb`: the integers of quantized results. `real`: the largest difference of a tensor, relative to the largest
//! number on the way to it (`magnitude`): what cancels leaves the rounding of what it was.
//!
//! Invariant: type, sizes, scales and zero points are equal under every label.
//! Invariant: one NaN is as good as another.

use crate::check::rule::Numerics;
use crate::eval::{Value, integers, numbers};
use crate::graph::text::LiteralText;
use crate::graph::{DType, Literal, Quantization, Tensor};

/// Under `real`, differences up to this many units in the last place of the largest number are rounding.
///
/// A sum of n products rounds n times at most (Higham, Accuracy and Stability of Numerical Algorithms, 3.1), each time by half a unit of
/// what all terms sum up to without their signs; scaling and shifting add a few. Two sides differ by (n + few) units at most. Sums in tests
/// have some two hundred terms at most.
const ULPS: f64 = 256.0;

/// Where two results differ.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Difference {
    /// One sentence.
    pub(super) what: String,
}

/// What may differ.
#[derive(Clone, Copy)]
pub(super) struct Allowed<'a> {
    /// The promise.
    pub(super) numerics: &'a Numerics,
    /// The largest number that the results were computed from.
    pub(super) largest: f64,
}

/// Compares results one by one.
pub(super) fn compare(
    allowed: Allowed<'_>,
    before: &[Value],
    after: &[Value],
) -> Result<(), Difference> {
    if before.len() != after.len() {
        let what = format!("{} results before, {} after", before.len(), after.len());
        return Err(Difference { what });
    }
    for (at, (a, b)) in before.iter().zip(after).enumerate() {
        let place = match before.len() {
            1 => "the result".to_owned(),
            _ => format!("result {at}"),
        };
        value(allowed, a, b, &place)?;
    }
    Ok(())
}

fn differ<T>(what: String) -> Result<T, Difference> {
    Err(Difference { what })
}

fn value(allowed: Allowed<'_>, a: &Value, b: &Value, place: &str) -> Result<(), Difference> {
    match (a, b) {
        (Value::Tensor(a), Value::Tensor(b)) => tensor(allowed, a, b, place),
        (Value::Literal(a), Value::Literal(b)) => literal(allowed.numerics, a, b, place),
        _ => match (a.items(), b.items()) {
            (Some(x), Some(y)) if x.len() == y.len() => {
                for (at, (a, b)) in x.iter().zip(&y).enumerate() {
                    value(allowed, a, b, &format!("{place}[{at}]"))?;
                }
                Ok(())
            }
            _ => differ(format!("{place}: before {}, after {}", a.kind(), b.kind())),
        },
    }
}

fn literal(numerics: &Numerics, a: &Literal, b: &Literal, place: &str) -> Result<(), Difference> {
    let same = match (a, b, numerics) {
        (Literal::Float(a), Literal::Float(b), Numerics::Real) => {
            (a - b).abs() <= ULPS * f64::EPSILON * a.abs().max(b.abs()) || a == b
        }
        (Literal::Float(a), Literal::Float(b), _) => {
            a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
        }
        (Literal::List(a), Literal::List(b), _) | (Literal::Tuple(a), Literal::Tuple(b), _) => {
            if a.len() == b.len() {
                for (at, (a, b)) in a.iter().zip(b.iter()).enumerate() {
                    literal(numerics, a, b, &format!("{place}[{at}]"))?;
                }
                return Ok(());
            }
            false
        }
        (a, b, _) => a == b,
    };
    if same {
        return Ok(());
    }
    let (a, b) = (LiteralText(a), LiteralText(b));
    differ(format!("{place}: before {a}, after {b}"))
}

fn tensor(promise: Allowed<'_>, a: &Tensor, b: &Tensor, place: &str) -> Result<(), Difference> {
    let numerics = promise.numerics;
    if a.dtype != b.dtype {
        let (a, b) = (a.dtype, b.dtype);
        return differ(format!("{place}: element type {a} before, {b} after"));
    }
    if a.shape != b.shape {
        let (a, b) = (&a.shape, &b.shape);
        return differ(format!("{place}: sizes {a:?} before, {b:?} after"));
    }
    if a.quantization != b.quantization {
        let text = |q: &Option<Quantization>| q.as_ref().map_or("none".into(), quantization_text);
        let (a, b) = (text(&a.quantization), text(&b.quantization));
        return differ(format!("{place}: {a} before, {b} after"));
    }
    let (Some(x), Some(y)) = (numbers(a), numbers(b)) else {
        return differ(format!(
            "{place}: elements of type {} cannot be compared",
            a.dtype
        ));
    };
    let allowed = match numerics {
        Numerics::Within(steps) => match integers(a) {
            Some(_) => f64::from(*steps),
            None => {
                return differ(format!(
                    "{place} is {}, and `within` counts steps of quantized results: return the quantized value",
                    a.dtype
                ));
            }
        },
        Numerics::Real if a.dtype.is_float() => {
            let largest = x
                .iter()
                .fold(promise.largest, |most: f64, x| most.max(x.abs()));
            ULPS * epsilon(a.dtype) * largest
        }
        _ => 0.0,
    };
    let exact = allowed == 0.0;
    let apart = |x: f64, y: f64| {
        let same_bits = x.to_bits() == y.to_bits() || (x.is_nan() && y.is_nan());
        match (same_bits, exact) {
            (true, _) => 0.0,
            // Zeros of two signs, or a number that is one in one place only, are a difference of bits.
            (false, true) if x == y => f64::MIN_POSITIVE,
            _ if x == y => 0.0,
            _ => {
                let difference = (x - y).abs();
                if difference.is_nan() {
                    f64::INFINITY
                } else {
                    difference
                }
            }
        }
    };
    let worst = x
        .iter()
        .zip(&y)
        .enumerate()
        .map(|(at, (&x, &y))| (apart(x, y), at))
        .fold(None, |worst: Option<(f64, usize)>, one| match worst {
            Some(old) if old.0 >= one.0 => Some(old),
            _ => Some(one),
        });
    match worst {
        Some((most, at)) if most > allowed => {
            let index = index_text(&a.shape, at);
            let unit = match a.quantization {
                _ if most == f64::MIN_POSITIVE => "another sign".to_owned(),
                Some(_) => format!("{most} steps apart"),
                None => format!("{most:e} apart"),
            };
            let (x, y) = (x[at], y[at]);
            let bound = match numerics {
                Numerics::Real => format!("; {allowed:e} is allowed"),
                Numerics::Within(steps) => format!("; {steps} is allowed"),
                _ => String::new(),
            };
            differ(format!(
                "{place}{index}: {x} before, {y} after ({unit}{bound})"
            ))
        }
        _ => Ok(()),
    }
}

/// Distance from 1 to the next number.
fn epsilon(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => f64::EPSILON,
        DType::F16 => 1.0 / 1024.0,
        DType::BF16 => 1.0 / 128.0,
        _ => f64::from(f32::EPSILON),
    }
}

/// `[0, 3, 1]`: the place of an element; nothing for a tensor of rank 0.
fn index_text(shape: &[usize], at: usize) -> String {
    let mut left = at;
    let mut index: Vec<String> = Vec::new();
    for &size in shape.iter().rev() {
        index.push((left % size.max(1)).to_string());
        left /= size.max(1);
    }
    index.reverse();
    match index.is_empty() {
        true => String::new(),
        false => format!("[{}]", index.join(", ")),
    }
}

/// `scale 0.1, zero point 3`.
pub(super) fn quantization_text(quantization: &Quantization) -> String {
    match quantization {
        Quantization::PerTensor { scale, zero_point } => {
            format!("scale {scale}, zero point {zero_point}")
        }
        Quantization::PerChannel {
            scales,
            zero_points,
            axis,
        } => format!("scales {scales:?} and zero points {zero_points:?} along dimension {axis}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(elements: &[f32]) -> Value {
        let bytes = elements.iter().flat_map(|x| x.to_le_bytes()).collect();
        Tensor::contiguous(DType::F32, vec![elements.len()], bytes).into()
    }

    fn quantized(elements: &[u8], zero_point: i64) -> Value {
        let mut tensor = Tensor::contiguous(DType::QU8, vec![elements.len()], elements.to_vec());
        tensor.quantization = Some(Quantization::PerTensor {
            scale: 0.5,
            zero_point,
        });
        tensor.into()
    }

    fn says(numerics: &Numerics, a: &Value, b: &Value) -> Option<String> {
        let allowed = Allowed {
            numerics,
            largest: 0.0,
        };
        let answer = compare(allowed, std::slice::from_ref(a), std::slice::from_ref(b));
        answer.err().map(|difference| difference.what)
    }

    #[test]
    fn labels_allow_what_they_say() {
        let (one, next) = (floats(&[1.0, 2.0]), floats(&[1.0, 2.000_000_2]));
        assert_eq!(says(&Numerics::Real, &one, &next), None);
        assert!(says(&Numerics::Exact, &one, &next).is_some());
        let far = floats(&[1.0, 2.1]);
        let said = says(&Numerics::Real, &one, &far);
        assert!(said.is_some_and(|said| said.starts_with("the result[1]: 2 before, 2.0999")));
        let (a, b, c) = (
            quantized(&[3, 4], 0),
            quantized(&[3, 5], 0),
            quantized(&[3, 6], 0),
        );
        assert_eq!(says(&Numerics::Within(1), &a, &b), None);
        assert_eq!(
            says(&Numerics::Within(1), &a, &c).as_deref(),
            Some("the result[1]: 4 before, 6 after (2 steps apart; 1 is allowed)")
        );
        assert!(says(&Numerics::Exact, &a, &b).is_some());
        assert!(says(&Numerics::Within(1), &one, &one).is_some());
    }

    #[test]
    fn zero_points_sizes_and_signs_count() {
        let said = says(
            &Numerics::Within(9),
            &quantized(&[3], 0),
            &quantized(&[3], 1),
        );
        assert_eq!(
            said.as_deref(),
            Some("the result: scale 0.5, zero point 0 before, scale 0.5, zero point 1 after")
        );
        assert!(says(&Numerics::Real, &floats(&[1.0]), &floats(&[1.0, 1.0])).is_some());
        assert!(says(&Numerics::Exact, &floats(&[0.0]), &floats(&[-0.0])).is_some());
        assert_eq!(
            says(&Numerics::Real, &floats(&[0.0, 1.0]), &floats(&[-0.0, 1.0])),
            None
        );
        assert_eq!(
            says(
                &Numerics::Exact,
                &floats(&[f32::NAN]),
                &floats(&[-f32::NAN])
            ),
            None
        );
        assert!(says(&Numerics::Real, &floats(&[f32::NAN]), &floats(&[1.0])).is_some());
    }
}
