//! Sums and products of quantized tensors, and joining tensors.
//!
//! In: tensors of shapes that broadcast, or a tensor and a number. Out: a contiguous tensor.
//! Invariant: quantized sums are taken of reals, products of integers; a number combines with the scale, not the elements.
//!
//! Sources: `BinaryOps.cpp`, `qmul.cpp`, `QuantizedOpKernels.cpp` of PyTorch.

use crate::graph::Tensor;

use super::Value;
use super::activation::integers;
use super::affine::Affine;
use super::arguments::Arguments;
use super::elements;
use super::elementwise::combine;
use super::error::Fault;
use super::quantize::reals;
use super::shape::broadcast;
use super::table::Kernel;

/// The kernels of this file.
pub(super) fn kernel(op: &str) -> Option<Kernel> {
    Some(match op {
        "quantized::add" => |a| quantized_add(a, false),
        "quantized::add_relu" => |a| quantized_add(a, true),
        "quantized::mul" => |a| quantized_multiply(a, false),
        "quantized::mul_relu" => |a| quantized_multiply(a, true),
        "quantized::add_scalar" | "quantized::add_scalar.Tensor" | "quantized::add.Scalar" => {
            |a| add_number(a, 0, false)
        }
        "quantized::add.Scalar2" => |a| add_number(a, 1, false),
        "quantized::add_scalar_relu"
        | "quantized::add_scalar_relu.Tensor"
        | "quantized::add_relu.Scalar" => |a| add_number(a, 0, true),
        "quantized::add_relu.Scalar2" => |a| add_number(a, 1, true),
        "quantized::mul_scalar" | "quantized::mul_scalar.Tensor" | "quantized::mul.Scalar" => {
            |a| multiply_by_number(a, 0, false)
        }
        "quantized::mul.Scalar2" => |a| multiply_by_number(a, 1, false),
        "quantized::mul_scalar_relu"
        | "quantized::mul_scalar_relu.Tensor"
        | "quantized::mul_relu.Scalar" => |a| multiply_by_number(a, 0, true),
        "quantized::mul_relu.Scalar2" => |a| multiply_by_number(a, 1, true),
        "aten::cat" => cat,
        "aten::stack" => stack,
        "quantized::cat" => |a| quantized_cat(a, false),
        "quantized::cat_relu" => |a| quantized_cat(a, true),
        _ => return None,
    })
}

/// Operands 0 and 1 quantized alike, the output's parameters from 2 on, and the common shape.
fn quantized_pair(a: Arguments) -> Result<([Affine; 2], Affine, Vec<usize>), Fault> {
    let (left, right) = (a.tensor(0)?, a.tensor(1)?);
    if left.dtype != right.dtype {
        return Err(Fault::new(format!(
            "operands have types {} and {}",
            left.dtype, right.dtype
        )));
    }
    Ok((
        [Affine::of(left)?, Affine::of(right)?],
        Affine::new(left.dtype, a.float(2)?, a.int(3)?)?,
        broadcast(&left.shape, &right.shape)?,
    ))
}

/// `add(Tensor qa, Tensor qb, float scale, int zero_point)`, with `relu` fused or not: dequantized, added, quantized.
fn quantized_add(a: Arguments, relu: bool) -> Result<Vec<Value>, Fault> {
    let (left, right) = (a.tensor(0)?, a.tensor(1)?);
    let (_, out, shape) = quantized_pair(a)?;
    let sum = |x: f32, y: f32| {
        let sum = x + y;
        out.quantize(if relu { sum.max(0.0) } else { sum })
    };
    let codes = combine((left, &reals(left)?), (right, &reals(right)?), &shape, sum);
    Ok(vec![out.tensor(shape, &codes).into()])
}

/// `mul(Tensor qa, Tensor qb, float scale, int zero_point)`, with `relu` fused or not: the product of the integers times the product of
/// the scales and the inverse of the output's, `rint(((qa - za) * (qb - zb)) * ((sa * sb) * (1 / so))) + zo`.
fn quantized_multiply(a: Arguments, relu: bool) -> Result<Vec<Value>, Fault> {
    let (left, right) = (a.tensor(0)?, a.tensor(1)?);
    let ([x, y], out, shape) = quantized_pair(a)?;
    let multiplier = x.step() * y.step() * out.inverse();
    let least = if relu { out.zero } else { out.range().0 };
    let product = |p: i32, q: i32| {
        let (p, q) = (
            i64::from(p) - i64::from(x.zero),
            i64::from(q) - i64::from(y.zero),
        );
        out.round(p.wrapping_mul(q) as f32 * multiplier).max(least)
    };
    let codes = combine(
        (left, &elements::read_quantized(left)?),
        (right, &elements::read_quantized(right)?),
        &shape,
        product,
    );
    Ok(vec![out.tensor(shape, &codes).into()])
}

/// `add_scalar(Tensor qa, Scalar b)`: the number, rounded to whole steps, moves the zero point. Where that would leave the type's range
/// the scale grows until it fits, and the integers are rounded anew.
fn add_number(a: Arguments, tensor: usize, relu: bool) -> Result<Vec<Value>, Fault> {
    let (input, number) = (a.tensor(tensor)?, a.float(1 - tensor)?);
    let affine = Affine::of(input)?;
    let (low, high) = affine.range();
    let (low, high) = (i64::from(low), i64::from(high));
    let steps = (number / affine.scale).round_ties_even() as i64;
    let moved = i64::from(affine.zero).saturating_sub(steps);
    let span = (high - low) as f64;
    let (scale, zero) = if moved < low {
        ((high as f64 - moved as f64) / span * affine.scale, low)
    } else if moved > high {
        ((moved as f64 - low as f64) / span * affine.scale, high)
    } else {
        (affine.scale, moved)
    };
    let out = Affine::new(affine.dtype, scale, zero)?;
    let least = if relu { out.zero } else { out.range().0 };
    let multiplier = (affine.scale / scale) as f32;
    let result = integers(input, out, |q| {
        let q = if zero == moved {
            q
        } else {
            let sum = (i64::from(q) - i64::from(affine.zero)).saturating_add(steps);
            out.clamp(zero.saturating_add((sum as f32 * multiplier).round_ties_even() as i64))
        };
        q.max(least)
    })?;
    Ok(vec![result.into()])
}

/// `mul_scalar(Tensor qa, Scalar b)`: the number multiplies the scale. A negative one mirrors the integers; zero gives zeros of scale 1.
fn multiply_by_number(a: Arguments, tensor: usize, relu: bool) -> Result<Vec<Value>, Fault> {
    let (input, number) = (a.tensor(tensor)?, a.float(1 - tensor)?);
    let affine = Affine::of(input)?;
    let (low, high) = affine.range();
    let result = if number > 0.0 {
        let out = Affine::new(affine.dtype, number * affine.scale, affine.zero.into())?;
        let least = if relu { out.zero } else { low };
        integers(input, out, |q| q.max(least))?
    } else if number < 0.0 {
        let mirror = i64::from(high) + i64::from(low);
        let out = Affine::new(
            affine.dtype,
            -number * affine.scale,
            mirror - i64::from(affine.zero),
        )?;
        let least = if relu { out.zero } else { low };
        integers(input, out, |q| out.clamp(mirror - i64::from(q)).max(least))?
    } else {
        integers(input, Affine::new(affine.dtype, 1.0, 0)?, |_| 0)?
    };
    Ok(vec![result.into()])
}

/// Shapes that join along a dimension: the joint shape. Tensors of shape `[0]` join anything and are left out.
fn joint(tensors: &[Tensor], dim: i64) -> Result<(Vec<&Tensor>, Vec<usize>, usize), Fault> {
    let kept: Vec<&Tensor> = tensors.iter().filter(|t| t.shape != [0]).collect();
    let Some(first) = kept.first().copied().or(tensors.first()) else {
        return Err(Fault::new("there is nothing to join"));
    };
    let dim = super::arguments::dimension(dim, first.shape.len())?;
    let mut shape = first.shape.clone();
    if shape.is_empty() {
        return Err(Fault::new("tensors without dimensions cannot be joined"));
    }
    shape[dim] = 0;
    for tensor in &kept {
        let fits = tensor.shape.len() == shape.len()
            && (0..shape.len()).all(|i| i == dim || tensor.shape[i] == shape[i]);
        if !fits {
            return Err(Fault::new(format!(
                "shapes {:?} and {:?} do not join along dimension {dim}",
                first.shape, tensor.shape
            )));
        }
        shape[dim] = shape[dim].saturating_add(tensor.shape[dim]);
    }
    elements::count(&shape)?;
    Ok((kept, shape, dim))
}

/// Elements of the joint tensor from those of the parts.
fn join<T: Copy>(parts: &[(&[usize], &[T])], dim: usize, width: usize) -> Vec<T> {
    let outer: usize = parts
        .first()
        .map_or(0, |(shape, _)| shape[..dim].iter().product());
    let mut joined = Vec::new();
    for row in 0..outer {
        for (shape, elements) in parts {
            let run = shape[dim..].iter().product::<usize>() * width;
            joined.extend_from_slice(&elements[row * run..][..run]);
        }
    }
    joined
}

/// `cat(Tensor[] tensors, int dim)` of tensors of one type; quantized ones take the parameters of the first.
fn cat(a: Arguments) -> Result<Vec<Value>, Fault> {
    let tensors = a.tensors(0)?;
    Ok(vec![concatenate(&tensors, a.int_or(1, 0)?)?.into()])
}

fn concatenate(tensors: &[Tensor], dim: i64) -> Result<Tensor, Fault> {
    let (kept, shape, dim) = joint(tensors, dim)?;
    let Some(first) = kept.first() else {
        return tensors
            .first()
            .cloned()
            .ok_or_else(|| Fault::new("there is nothing to join"));
    };
    let dtype = first.dtype;
    if dtype.is_quantized() {
        return quantized_join(&kept, shape, dim, Affine::of(first)?, false);
    }
    if kept.iter().any(|tensor| tensor.dtype != dtype) {
        return Err(Fault::new("tensors of several types are not joined"));
    }
    let bytes = kept
        .iter()
        .map(|tensor| elements::row_major(tensor))
        .collect::<Result<Vec<_>, _>>()?;
    let parts: Vec<(&[usize], &[u8])> = kept
        .iter()
        .zip(&bytes)
        .map(|(tensor, bytes)| (tensor.shape.as_slice(), bytes.as_ref()))
        .collect();
    Ok(Tensor::contiguous(
        dtype,
        shape,
        join(&parts, dim, dtype.size()),
    ))
}

/// `stack(Tensor[] tensors, int dim)`.
fn stack(a: Arguments) -> Result<Vec<Value>, Fault> {
    let mut tensors = a.tensors(0)?;
    let rank = tensors.first().map_or(0, |t| t.shape.len()) + 1;
    let dim = super::arguments::dimension(a.int_or(1, 0)?, rank)?;
    for tensor in &mut tensors {
        if tensor.shape.len() + 1 != rank {
            return Err(Fault::new("tensors of different shapes are not stacked"));
        }
        tensor.shape.insert(dim, 1);
        tensor.strides.insert(dim.min(tensor.strides.len()), 1);
    }
    Ok(vec![concatenate(&tensors, dim as i64)?.into()])
}

/// `cat(Tensor[] qx, int dim, float? scale, int? zero_point)`, with `relu` fused or not; parameters default to those of the first.
fn quantized_cat(a: Arguments, relu: bool) -> Result<Vec<Value>, Fault> {
    let tensors = a.tensors(0)?;
    let (kept, shape, dim) = joint(&tensors, a.int(1)?)?;
    let first = Affine::of(kept.first().ok_or_else(|| Fault::new("nothing to join"))?)?;
    let scale = a.float_or(2, first.scale)?;
    let out = Affine::new(first.dtype, scale, a.int_or(3, first.zero.into())?)?;
    Ok(vec![quantized_join(&kept, shape, dim, out, relu)?.into()])
}

fn quantized_join(
    kept: &[&Tensor],
    shape: Vec<usize>,
    dim: usize,
    out: Affine,
    relu: bool,
) -> Result<Tensor, Fault> {
    let mut codes = Vec::new();
    for tensor in kept {
        let affine = Affine::of(tensor)?;
        if tensor.dtype != out.dtype {
            return Err(Fault::new("tensors of several types are not joined"));
        }
        let requantized = integers(tensor, out, |q| {
            let real = affine.dequantize(q);
            out.quantize(if relu { real.max(0.0) } else { real })
        })?;
        codes.push(elements::read_quantized(&requantized)?);
    }
    let parts: Vec<(&[usize], &[i32])> = kept
        .iter()
        .zip(&codes)
        .map(|(tensor, codes)| (tensor.shape.as_slice(), codes.as_slice()))
        .collect();
    Ok(out.tensor(shape, &join(&parts, dim, 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::call;
    use crate::eval::elements::tensor_f32;
    use crate::graph::DType;

    fn quantized(scale: f64, zero: i64, codes: &[i32]) -> Value {
        let affine = Affine::new(DType::QU8, scale, zero).unwrap();
        affine.tensor(vec![codes.len()], codes).into()
    }

    fn run(op: &str, operands: &[Value]) -> (f64, i32, Vec<i32>) {
        let out = call(op, operands).unwrap().remove(0);
        let out = out.as_tensor().unwrap();
        let affine = Affine::of(out).unwrap();
        (
            affine.scale,
            affine.zero,
            elements::read_quantized(out).unwrap(),
        )
    }

    #[test]
    fn quantized_sums_round_once() {
        let operands = [
            quantized(0.5, 10, &[0, 10, 20]),
            quantized(0.25, 0, &[1, 2, 3]),
            Value::float(0.5),
            Value::int(10),
        ];
        // -4.75, 0.5, 5.75 in steps of a half: -9.5, 1, 11.5.
        assert_eq!(run("quantized::add", &operands).2, [0, 11, 22]);
        assert_eq!(run("quantized::add_relu", &operands).2, [10, 11, 22]);
        assert_eq!(run("quantized::mul", &operands).2, [8, 10, 18]);
    }

    #[test]
    fn numbers_move_zero_point_and_scale() {
        let q = quantized(0.5, 10, &[0, 10, 255]);
        let add = |c: f64| run("quantized::add_scalar", &[q.clone(), Value::float(c)]);
        assert_eq!(add(2.0), (0.5, 6, vec![0, 10, 255]));
        assert_eq!(add(0.2), (0.5, 10, vec![0, 10, 255]));
        // Zero point -10 is below the range: scale (255 + 10) / 255 * 0.5.
        let (scale, zero, codes) = add(10.0);
        assert_eq!((scale, zero), (265.0 / 255.0 * 0.5, 0));
        assert_eq!(codes, [10, 19, 255]);
        let mul = |c: f64| run("quantized::mul_scalar", &[q.clone(), Value::float(c)]);
        assert_eq!(mul(3.0), (1.5, 10, vec![0, 10, 255]));
        assert_eq!(mul(-3.0), (1.5, 245, vec![255, 245, 0]));
        assert_eq!(mul(0.0), (1.0, 0, vec![0, 0, 0]));
        let relu = run(
            "quantized::mul_scalar_relu",
            &[q.clone(), Value::float(-3.0)],
        );
        assert_eq!(relu, (1.5, 245, vec![255, 245, 245]));
    }

    #[test]
    fn joining_requantizes_to_the_given_scale() {
        let list = Value::list(vec![quantized(0.5, 10, &[12]), quantized(1.0, 0, &[3])]);
        let operands = [list, Value::int(0), Value::float(1.0), Value::int(1)];
        assert_eq!(run("quantized::cat", &operands), (1.0, 1, vec![2, 4]));
        assert_eq!(
            run("quantized::cat", &operands[..2]),
            (0.5, 10, vec![12, 16])
        );
        let x = |shape: &[usize], v: &[f32]| Value::from(tensor_f32(shape.to_vec(), v));
        let parts = Value::list(vec![
            x(&[2, 1], &[1.0, 2.0]),
            x(&[2, 2], &[3.0, 4.0, 5.0, 6.0]),
        ]);
        let out = call("aten::cat", &[parts.clone(), Value::int(-1)]).unwrap();
        let out = out[0].as_tensor().unwrap();
        assert_eq!(
            elements::read_f32(out).unwrap(),
            [1.0, 3.0, 4.0, 2.0, 5.0, 6.0]
        );
        assert!(call("aten::cat", &[parts, Value::int(0)]).is_err());
        let stacked = call(
            "aten::stack",
            &[Value::list(vec![x(&[2], &[1.0, 2.0]); 2]), Value::int(1)],
        );
        let stacked = stacked.unwrap().remove(0);
        assert_eq!(
            elements::read_f32(stacked.as_tensor().unwrap()).unwrap(),
            [1.0, 1.0, 2.0, 2.0]
        );
    }
}
