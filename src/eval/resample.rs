//! Upsampling: nearest in one to three dimensions, bilinear in two.
//!
//! In: `[batch, channels, spatial..]` and sizes or factors. Out: a contiguous tensor.
//! Invariant: positions and weights are `f32`, in the order PyTorch computes them; a quantized tensor keeps its parameters.
//!
//! Sources: `UpSample.h`, `UpSampleBilinear2d.cpp` of PyTorch.

use crate::graph::{Literal, Tensor};

use super::Value;
use super::affine::Affine;
use super::arguments::Arguments;
use super::elements::{self, tensor_float};
use super::error::Fault;
use super::table::Kernel;

/// The kernels of this file.
pub(super) fn kernel(op: &str) -> Option<Kernel> {
    Some(match op {
        "aten::upsample_nearest1d" => |a| nearest(a, 1, 2),
        "aten::upsample_nearest2d" => |a| nearest(a, 2, 2),
        "aten::upsample_nearest3d" => |a| nearest(a, 3, 2),
        "aten::upsample_nearest1d.vec" => |a| nearest_by_list(a, 1),
        "aten::upsample_nearest2d.vec" => |a| nearest_by_list(a, 2),
        "aten::upsample_nearest3d.vec" => |a| nearest_by_list(a, 3),
        "aten::upsample_bilinear2d" => bilinear_to_size,
        "aten::upsample_bilinear2d.vec" => bilinear_by_list,
        _ => return None,
    })
}

/// Target sizes, and the factors if they were given.
struct Target {
    sizes: Vec<usize>,
    factors: Vec<Option<f64>>,
}

/// The input's last sizes.
fn space(tensor: &Tensor, rank: usize) -> Result<&[usize], Fault> {
    elements::count(&tensor.shape)?;
    match tensor.shape.as_slice() {
        [_, _, space @ ..] if space.len() == rank && !space.contains(&0) => Ok(space),
        shape => Err(Fault::new(format!(
            "an input of shape {shape:?} for upsampling over {rank} dimensions"
        ))),
    }
}

fn sizes(given: &[i64], rank: usize) -> Result<Vec<usize>, Fault> {
    given
        .iter()
        .map(|&n| usize::try_from(n).ok().filter(|&n| n > 0))
        .collect::<Option<Vec<_>>>()
        .filter(|sizes| sizes.len() == rank)
        .ok_or_else(|| Fault::new(format!("output sizes {given:?}")))
}

/// Sizes as a list at 1, factors one by one from `at` on.
fn by_size(a: Arguments, rank: usize, at: usize) -> Result<Target, Fault> {
    let factors = (at..at + rank)
        .map(|at| match a.is_none(at) {
            true => Ok(None),
            false => a.float(at).map(Some),
        })
        .collect::<Result<_, _>>()?;
    Ok(Target {
        sizes: sizes(&a.ints(1)?, rank)?,
        factors,
    })
}

/// Sizes as a list at 1 or factors as a list at `at`.
fn by_list(a: Arguments, rank: usize, at: usize) -> Result<Target, Fault> {
    let space = space(a.tensor(0)?, rank)?;
    if !a.is_none(1) {
        return Ok(Target {
            sizes: sizes(&a.ints(1)?, rank)?,
            factors: vec![None; rank],
        });
    }
    let factors = a
        .value(at)
        .as_literal()
        .and_then(Literal::items)
        .and_then(|items| {
            items
                .iter()
                .map(Literal::as_float)
                .collect::<Option<Vec<_>>>()
        })
        .filter(|factors| factors.len() == rank)
        .ok_or_else(|| a.wrong(at, "a list of factors"))?;
    let scaled: Vec<i64> = space
        .iter()
        .zip(&factors)
        .map(|(&size, factor)| (size as f64 * factor) as i64)
        .collect();
    Ok(Target {
        sizes: sizes(&scaled, rank)?,
        factors: factors.into_iter().map(Some).collect(),
    })
}

fn nearest(a: Arguments, rank: usize, at: usize) -> Result<Vec<Value>, Fault> {
    to_nearest(a.tensor(0)?, rank, &by_size(a, rank, at)?)
}

fn nearest_by_list(a: Arguments, rank: usize) -> Result<Vec<Value>, Fault> {
    to_nearest(a.tensor(0)?, rank, &by_list(a, rank, 2)?)
}

/// Steps of the input for one of the output.
fn step(factor: Option<f64>, size: usize, target: usize) -> f32 {
    match factor {
        Some(factor) if factor > 0.0 => (1.0 / factor) as f32,
        _ => size as f32 / target as f32,
    }
}

/// Source `min(floor(position * step), size - 1)` along each dimension.
fn to_nearest(tensor: &Tensor, rank: usize, target: &Target) -> Result<Vec<Value>, Fault> {
    let space = space(tensor, rank)?;
    let mut shape = tensor.shape[..2].to_vec();
    shape.extend(&target.sizes);
    elements::count(&shape)?;
    let mut offsets = vec![0];
    let dims = space.iter().zip(&target.sizes).zip(&target.factors);
    for ((&size, &wanted), &factor) in dims {
        let step = step(factor, size, wanted);
        let sources: Vec<usize> = (0..wanted)
            .map(|position| match size == wanted {
                true => position,
                false => ((position as f32 * step) as usize).min(size - 1),
            })
            .collect();
        offsets = offsets
            .iter()
            .flat_map(|base| sources.iter().map(move |source| base * size + source))
            .collect();
    }
    let plane: usize = space.iter().product();
    let planes = shape[0] * shape[1];
    let places = (0..planes).flat_map(|p| offsets.iter().map(move |offset| p * plane + offset));
    if tensor.dtype.is_quantized() {
        let affine = Affine::of(tensor)?;
        let codes = elements::read_quantized(tensor)?;
        let out: Vec<i32> = places.map(|at| codes[at]).collect();
        return Ok(vec![affine.tensor(shape, &out).into()]);
    }
    let x = elements::read_f32(tensor)?;
    let out: Vec<f32> = places.map(|at| x[at]).collect();
    Ok(vec![tensor_float(tensor.dtype, shape, &out)?.into()])
}

/// `upsample_bilinear2d(Tensor self, int[2] output_size, bool align_corners, float? scales_h, float? scales_w)`.
fn bilinear_to_size(a: Arguments) -> Result<Vec<Value>, Fault> {
    bilinear(a.tensor(0)?, &by_size(a, 2, 3)?, a.bool(2)?)
}

/// `upsample_bilinear2d.vec(Tensor input, int[]? output_size, bool align_corners, float[]? scale_factors)`.
fn bilinear_by_list(a: Arguments) -> Result<Vec<Value>, Fault> {
    bilinear(a.tensor(0)?, &by_list(a, 2, 3)?, a.bool(2)?)
}

/// Two neighbours along a dimension and their weights.
struct Blend {
    near: usize,
    far: usize,
    near_weight: f32,
    far_weight: f32,
}

fn blends(size: usize, target: usize, factor: Option<f64>, align_corners: bool) -> Vec<Blend> {
    let step = match align_corners {
        true if target > 1 => (size - 1) as f32 / (target - 1) as f32,
        true => 0.0,
        false => step(factor, size, target),
    };
    (0..target)
        .map(|position| {
            let place = match align_corners {
                true => step * position as f32,
                false => (step * (position as f32 + 0.5) - 0.5).max(0.0),
            };
            let near = (place as usize).min(size - 1);
            let far_weight = (place - near as f32).clamp(0.0, 1.0);
            Blend {
                near,
                far: (near + 1).min(size - 1),
                near_weight: 1.0 - far_weight,
                far_weight,
            }
        })
        .collect()
}

fn bilinear(tensor: &Tensor, target: &Target, align_corners: bool) -> Result<Vec<Value>, Fault> {
    let (height, width) = match space(tensor, 2)? {
        [height, width] => (*height, *width),
        _ => return Err(Fault::new("two spatial dimensions are needed")),
    };
    let mut shape = tensor.shape[..2].to_vec();
    shape.extend(&target.sizes);
    elements::count(&shape)?;
    let rows = blends(height, target.sizes[0], target.factors[0], align_corners);
    let columns = blends(width, target.sizes[1], target.factors[1], align_corners);
    let planes = shape[0] * shape[1];
    let same = target.sizes == [height, width];
    let blend = |x: &[f32]| -> Vec<f32> {
        if same {
            return x.to_vec();
        }
        let mut out = Vec::with_capacity(planes * rows.len() * columns.len());
        for plane in x.chunks(height * width).take(planes) {
            for row in &rows {
                let (upper, lower) = (&plane[row.near * width..], &plane[row.far * width..]);
                for c in &columns {
                    let across =
                        |line: &[f32]| c.near_weight * line[c.near] + c.far_weight * line[c.far];
                    out.push(row.near_weight * across(upper) + row.far_weight * across(lower));
                }
            }
        }
        out
    };
    if tensor.dtype.is_quantized() {
        let affine = Affine::of(tensor)?;
        let codes = elements::read_quantized(tensor)?;
        if same {
            return Ok(vec![affine.tensor(shape, &codes).into()]);
        }
        // The blend of the stored integers, less the zero point at the end.
        let x: Vec<f32> = codes.iter().map(|&q| q as f32).collect();
        let zero = affine.zero as f32;
        let out: Vec<i32> = blend(&x).iter().map(|&q| affine.round(q - zero)).collect();
        return Ok(vec![affine.tensor(shape, &out).into()]);
    }
    let out = blend(&elements::read_f32(tensor)?);
    Ok(vec![tensor_float(tensor.dtype, shape, &out)?.into()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::call;
    use crate::eval::elements::{read_f32, read_quantized, tensor_f32};
    use crate::graph::DType;

    fn run(op: &str, rest: &[Value]) -> (Vec<usize>, Vec<f32>) {
        let x = tensor_f32(vec![1, 1, 2, 2], &[1.0, 2.0, 3.0, 4.0]);
        let mut operands = vec![x.into()];
        operands.extend_from_slice(rest);
        let out = call(op, &operands).unwrap().remove(0);
        let out = out.as_tensor().unwrap();
        (out.shape.clone(), read_f32(out).unwrap())
    }

    #[test]
    fn nearest_repeats() {
        let (shape, x) = run("aten::upsample_nearest2d", &[Value::ints([2, 4])]);
        assert_eq!(shape, [1, 1, 2, 4]);
        assert_eq!(x, [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]);
        let factors = Value::list(vec![Value::float(1.5), Value::float(1.0)]);
        let (shape, x) = run("aten::upsample_nearest2d.vec", &[Value::NONE, factors]);
        assert_eq!(
            (shape, x),
            (vec![1, 1, 3, 2], vec![1.0, 2.0, 1.0, 2.0, 3.0, 4.0])
        );
    }

    #[test]
    fn bilinear_blends_with_and_without_corners() {
        let size = Value::ints([2, 3]);
        let (_, x) = run(
            "aten::upsample_bilinear2d",
            &[size.clone(), Value::bool(true)],
        );
        assert_eq!(x, [1.0, 1.5, 2.0, 3.0, 3.5, 4.0]);
        let (_, x) = run(
            "aten::upsample_bilinear2d",
            &[Value::ints([2, 4]), Value::bool(false)],
        );
        assert_eq!(x, [1.0, 1.25, 1.75, 2.0, 3.0, 3.25, 3.75, 4.0]);
    }

    #[test]
    fn quantized_blends_round_to_even() {
        let affine = Affine::new(DType::QU8, 0.5, 3).unwrap();
        let q = affine.tensor(vec![1, 1, 1, 2], &[4, 7]);
        let operands = [q.into(), Value::ints([1, 3]), Value::bool(true)];
        let out = call("aten::upsample_bilinear2d", &operands).unwrap();
        // 5.5 less 3 is 2.5, which rounds to 2.
        assert_eq!(
            read_quantized(out[0].as_tensor().unwrap()).unwrap(),
            [4, 5, 7]
        );
    }
}
