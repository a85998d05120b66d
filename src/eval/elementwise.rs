//! Sums, products, quotients and extremes of two tensors, or of a tensor and a number.
//!
//! In: operands of shapes that broadcast. Out: a contiguous tensor of the type that PyTorch promotes them to.
//! Invariant: `f16`, `bf16` and `f32` compute in `f32`, `f64` in `f64`, integers in 64 bits that wrap; each step rounds (`alpha * b` before
//! the sum), and the result rounds once more to a half type.
//! Invariant: an operand of another type is converted before anything is computed: a number beside a half tensor rounds to half.
//!
//! Sources: `BinaryOps.cpp`, `BinaryOpsKernel.cpp` of PyTorch 1.13.

use crate::graph::{DType, Literal, Tensor};
use crate::ops::{Promoted, promoted};

use super::Value;
use super::arguments::Arguments;
use super::elements::{self, tensor_f64, tensor_float};
use super::error::Fault;
use super::queries::converted;
use super::shape::{broadcast, broadcast_indices};
use super::table::{self, Kernel};

/// The kernels of this file.
pub(super) fn kernel(op: &str) -> Option<Kernel> {
    Some(match op {
        "aten::add.Tensor" | "aten::add.Scalar" => |a| {
            let (alpha, whole) = alpha(a)?;
            both(
                a,
                |x, y| x + alpha as f32 * y,
                |x, y| x + alpha * y,
                |x, y| x.wrapping_add(y.wrapping_mul(whole)),
            )
        },
        "aten::_add_relu.Tensor" | "aten::_add_relu.Scalar" => |a| {
            let added = table::call("aten::add.Tensor", a.0);
            let clamped = added.and_then(|sum| table::call("aten::relu", &sum));
            clamped.map_err(|error| Fault::new(error.to_string()))
        },
        "aten::sub.Tensor" | "aten::sub.Scalar" => |a| {
            let (alpha, whole) = alpha(a)?;
            both(
                a,
                |x, y| x - alpha as f32 * y,
                |x, y| x - alpha * y,
                |x, y| x.wrapping_sub(y.wrapping_mul(whole)),
            )
        },
        "aten::rsub.Tensor" | "aten::rsub.Scalar" => |a| {
            let (alpha, whole) = alpha(a)?;
            both(
                a,
                |x, y| y - alpha as f32 * x,
                |x, y| y - alpha * x,
                |x, y| y.wrapping_sub(x.wrapping_mul(whole)),
            )
        },
        "aten::mul.Tensor" | "aten::mul.Scalar" => {
            |a| both(a, |x, y| x * y, |x, y| x * y, i64::wrapping_mul)
        }
        "aten::div.Tensor" | "aten::div.Scalar" => divide,
        "aten::maximum" | "aten::max.other" => |a| {
            both(
                a,
                |x, y| if x > y || x.is_nan() { x } else { y },
                |x, y| if x > y || x.is_nan() { x } else { y },
                i64::max,
            )
        },
        "aten::minimum" | "aten::min.other" => |a| {
            both(
                a,
                |x, y| if x < y || x.is_nan() { x } else { y },
                |x, y| if x < y || x.is_nan() { x } else { y },
                i64::min,
            )
        },
        "aten::clamp.Tensor" => clamp_between,
        _ => return None,
    })
}

/// `clamp.Tensor(Tensor self, Tensor? min, Tensor? max)`: the larger of both, then the smaller.
fn clamp_between(a: Arguments) -> Result<Vec<Value>, Fault> {
    let mut value = a.value(0).clone();
    for (at, op) in [(1, "aten::maximum"), (2, "aten::minimum")] {
        if !a.is_none(at) {
            let both = [value, a.value(at).clone()];
            let found = table::call(op, &both).map_err(|error| Fault::new(error.to_string()))?;
            value = found.into_iter().next().unwrap_or(Value::NONE);
        }
    }
    Ok(vec![value])
}

/// The third operand, as a double and as an integer.
fn alpha(a: Arguments) -> Result<(f64, i64), Fault> {
    let alpha = a.float_or(2, 1.0)?;
    Ok((alpha, alpha as i64))
}

/// An operand: a tensor, or a number as a tensor without dimensions, and what it is for promotion.
fn operand(a: Arguments, position: usize) -> Result<(Tensor, Promoted), Fault> {
    Ok(match a.value(position) {
        Value::Tensor(tensor) => {
            let kind = Promoted::tensor(tensor.dtype, tensor.shape.len());
            (tensor.clone(), kind)
        }
        Value::Literal(Literal::Int(n)) => (elements::tensor_i64(vec![], &[*n]), Promoted::Int),
        _ => (tensor_f64(vec![], &[a.float(position)?]), Promoted::Float),
    })
}

/// Both operands, the type they are converted to, and the common shape.
fn operands(a: Arguments) -> Result<([Tensor; 2], DType, Vec<usize>), Fault> {
    let ((left, of_left), (right, of_right)) = (operand(a, 0)?, operand(a, 1)?);
    if left.dtype.is_quantized() || right.dtype.is_quantized() {
        return Err(Fault::new("quantized operands need a quantized operator"));
    }
    let none = || {
        Fault::new(format!(
            "{} and {} do not take part in arithmetic",
            left.dtype, right.dtype
        ))
    };
    let dtype = promoted(of_left, of_right).ok_or_else(none)?;
    let shape = broadcast(&left.shape, &right.shape)?;
    Ok(([left, right], dtype, shape))
}

/// Elements as `f32`, rounded to `dtype` first where the tensor is of another type.
fn singles(tensor: &Tensor, dtype: DType) -> Result<Vec<f32>, Fault> {
    if tensor.dtype == dtype || dtype == DType::F32 {
        let doubles = elements::read_f64(tensor)?;
        return Ok(doubles.into_iter().map(|x| x as f32).collect());
    }
    elements::read_f32(&converted(tensor, dtype)?)
}

fn both(
    a: Arguments,
    on_singles: impl Fn(f32, f32) -> f32,
    on_doubles: impl Fn(f64, f64) -> f64,
    on_integers: impl Fn(i64, i64) -> i64,
) -> Result<Vec<Value>, Fault> {
    let ([left, right], dtype, shape) = operands(a)?;
    if dtype == DType::Bool {
        return Err(Fault::new("truth values do not take part in arithmetic"));
    }
    if dtype.is_float() {
        return floats([left, right], dtype, shape, on_singles, on_doubles);
    }
    let (x, y) = (elements::read_i64(&left)?, elements::read_i64(&right)?);
    let results = combine((&left, &x), (&right, &y), &shape, on_integers);
    let wide = elements::tensor_i64(shape, &results);
    Ok(vec![converted(&wide, dtype)?.into()])
}

fn floats(
    [left, right]: [Tensor; 2],
    dtype: DType,
    shape: Vec<usize>,
    on_singles: impl Fn(f32, f32) -> f32,
    on_doubles: impl Fn(f64, f64) -> f64,
) -> Result<Vec<Value>, Fault> {
    if dtype == DType::F64 {
        let (x, y) = (elements::read_f64(&left)?, elements::read_f64(&right)?);
        let results = combine((&left, &x), (&right, &y), &shape, on_doubles);
        return Ok(vec![tensor_f64(shape, &results).into()]);
    }
    let (x, y) = (singles(&left, dtype)?, singles(&right, dtype)?);
    let results = combine((&left, &x), (&right, &y), &shape, on_singles);
    Ok(vec![tensor_float(dtype, shape, &results)?.into()])
}

/// `div(Tensor self, Tensor or Scalar other)`: true division, so the result is float; that of integers is `f32`.
fn divide(a: Arguments) -> Result<Vec<Value>, Fault> {
    let (pair, dtype, shape) = operands(a)?;
    let dtype = if dtype.is_float() { dtype } else { DType::F32 };
    floats(pair, dtype, shape, |x, y| x / y, |x, y| x / y)
}

/// `f` of the elements that broadcasting brings together.
pub(super) fn combine<T: Copy, R>(
    left: (&Tensor, &[T]),
    right: (&Tensor, &[T]),
    shape: &[usize],
    f: impl Fn(T, T) -> R,
) -> Vec<R> {
    if left.0.shape == right.0.shape {
        return left.1.iter().zip(right.1).map(|(&x, &y)| f(x, y)).collect();
    }
    broadcast_indices(&left.0.shape, shape)
        .into_iter()
        .zip(broadcast_indices(&right.0.shape, shape))
        .map(|(i, j)| f(left.1[i], right.1[j]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::call;
    use crate::eval::elements::{tensor_f32, tensor_i64};

    fn one(op: &str, operands: &[Value]) -> Tensor {
        let out = call(op, operands).unwrap().remove(0);
        out.as_tensor().unwrap().clone()
    }

    #[test]
    fn floats_broadcast_and_integers_stay_integers() {
        let x = Value::from(tensor_f32(vec![2, 1], &[1.0, 2.0]));
        let y = Value::from(tensor_f32(vec![2], &[10.0, 20.0]));
        let out = one("aten::add_.Tensor", &[x.clone(), y, Value::int(2)]);
        assert_eq!(out.shape, [2, 2]);
        assert_eq!(elements::read_f32(&out).unwrap(), [21.0, 41.0, 22.0, 42.0]);
        let n = Value::from(tensor_i64(vec![], &[41]));
        let out = one("aten::add.Scalar", &[n, Value::int(1)]);
        assert_eq!(
            (out.dtype, elements::read_i64(&out).unwrap()),
            (DType::I64, vec![42])
        );
        let quantized = super::super::affine::Affine::new(DType::QU8, 1.0, 0).unwrap();
        let quantized = quantized.tensor(vec![1], &[1]);
        assert!(call("aten::add.Tensor", &[x, quantized.into()]).is_err());
    }

    #[test]
    fn halves_round_numbers_and_results_but_not_steps_between() {
        let half = tensor_float(DType::BF16, vec![1], &[1.0]).unwrap();
        // 0.3333 is 0.33398 in bf16, and 1.33398 rounds to 1.3359.
        let sum = one(
            "aten::add.Scalar",
            &[half.clone().into(), Value::float(0.3333)],
        );
        assert_eq!(sum.dtype, DType::BF16);
        assert_eq!(elements::read_f32(&sum).unwrap(), [1.335_937_5]);
        let single = tensor_f32(vec![1], &[0.3333]);
        let wide = one("aten::mul.Tensor", &[half.into(), single.into()]);
        assert_eq!(
            (wide.dtype, elements::read_f32(&wide).unwrap()),
            (DType::F32, vec![0.3333])
        );
    }

    #[test]
    fn doubles_stay_doubles_and_narrow_integers_wrap() {
        let third = tensor_f64(vec![1], &[1.0 / 3.0]);
        let sum = one("aten::rsub.Scalar", &[third.into(), Value::int(1)]);
        assert_eq!(elements::read_f64(&sum).unwrap(), [1.0 - 1.0 / 3.0]);
        let bytes = converted(&tensor_i64(vec![2], &[250, 3]), DType::U8).unwrap();
        let sum = one("aten::add.Scalar", &[bytes.clone().into(), Value::int(10)]);
        assert_eq!(
            (sum.dtype, elements::read_i64(&sum).unwrap()),
            (DType::U8, vec![4, 13])
        );
        let half = one("aten::div.Scalar", &[bytes.into(), Value::int(4)]);
        assert_eq!(
            (half.dtype, elements::read_f32(&half).unwrap()),
            (DType::F32, vec![62.5, 0.75])
        );
    }

    #[test]
    fn clamp_takes_tensors_as_bounds() {
        let x = Value::from(tensor_f32(vec![2, 2], &[-1.0, 5.0, 0.5, f32::NAN]));
        let low = Value::from(tensor_f32(vec![2], &[0.0, 1.0]));
        let high = Value::from(tensor_f32(vec![], &[2.0]));
        let clamp = |rest: [Value; 2]| {
            let [min, max] = rest;
            elements::read_f32(&one("aten::clamp.Tensor", &[x.clone(), min, max])).unwrap()
        };
        let out = clamp([low.clone(), high.clone()]);
        assert_eq!(out[..3], [0.0, 2.0, 0.5]);
        assert!(out[3].is_nan());
        assert_eq!(clamp([Value::NONE, high])[..3], [-1.0, 2.0, 0.5]);
        assert_eq!(clamp([low, Value::NONE])[..3], [0.0, 5.0, 0.5]);
    }

    #[test]
    fn extremes_let_not_a_number_through() {
        let x = Value::from(tensor_f32(vec![3], &[1.0, f32::NAN, 3.0]));
        let y = Value::from(tensor_f32(vec![3], &[2.0, 2.0, f32::NAN]));
        let out = elements::read_f32(&one("aten::maximum", &[x.clone(), y.clone()])).unwrap();
        assert!(out[0] == 2.0 && out[1].is_nan() && out[2].is_nan());
        let out = elements::read_f32(&one("aten::minimum", &[x, y])).unwrap();
        assert!(out[0] == 1.0 && out[1].is_nan() && out[2].is_nan());
    }
}
