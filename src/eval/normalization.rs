//! Batch, layer, group and instance normalization, float and quantized.
//!
//! In: `[batch, channels, ..]` (layer: any shape that ends in the normalized one), with running or own statistics.
//! Out: a contiguous tensor of the same shape.
//! Invariant: float statistics are taken in doubles; quantized ones are sums of integers, then `f32` in the order PyTorch takes.
//!
//! Sources: `Normalization.cpp` and `quantized_normalize_kernel` of PyTorch.

use crate::graph::Tensor;

use super::Value;
use super::affine::Affine;
use super::arguments::Arguments;
use super::elements::{self, tensor_float};
use super::error::Fault;
use super::table::Kernel;

/// The kernels of this file.
pub(super) fn kernel(op: &str) -> Option<Kernel> {
    Some(match op {
        "aten::batch_norm" => batch_norm,
        "aten::layer_norm" => layer_norm,
        "aten::group_norm" => |a| {
            let (groups, eps) = (a.int(1)?, a.float_or(4, 1e-5)?);
            float(a, &Grouping::channels(a.tensor(0)?, Some(groups))?, 2, eps)
        },
        "aten::instance_norm" => instance_norm,
        "quantized::batch_norm"
        | "quantized::batch_norm1d"
        | "quantized::batch_norm2d"
        | "quantized::batch_norm3d" => |a| quantized_batch_norm(a, false),
        "quantized::batch_norm_relu"
        | "quantized::batch_norm1d_relu"
        | "quantized::batch_norm2d_relu"
        | "quantized::batch_norm3d_relu" => |a| quantized_batch_norm(a, true),
        "quantized::layer_norm" => {
            |a| quantized(a, &Grouping::trailing(a.tensor(0)?, &a.ints(1)?)?, 2)
        }
        "quantized::group_norm" => {
            |a| quantized(a, &Grouping::channels(a.tensor(0)?, Some(a.int(1)?))?, 2)
        }
        "quantized::instance_norm" => |a| quantized(a, &Grouping::channels(a.tensor(0)?, None)?, 1),
        _ => return None,
    })
}

/// Which elements share statistics, and which share a weight.
struct Grouping {
    /// Elements of one group; groups follow each other in row-major order.
    group: usize,
    /// Elements in a row that share a weight.
    run: usize,
    /// Number of weights; they repeat.
    weights: usize,
    /// Whether scaling is multiplied with the weight first, as PyTorch does where a weight serves a whole channel.
    by_channel: bool,
}

impl Grouping {
    /// The last dimensions, which must have these sizes.
    fn trailing(tensor: &Tensor, sizes: &[i64]) -> Result<Grouping, Fault> {
        let rank = tensor.shape.len();
        let last = rank.checked_sub(sizes.len()).map(|at| &tensor.shape[at..]);
        let fits = last.is_some_and(|last| last.iter().zip(sizes).all(|(&n, &m)| n as i64 == m));
        if !fits || sizes.is_empty() {
            return Err(Fault::new(format!(
                "a tensor of shape {:?} does not end in {sizes:?}",
                tensor.shape
            )));
        }
        let group = elements::count(last.unwrap_or(&[]))?;
        Ok(Grouping {
            group,
            run: 1,
            weights: group,
            by_channel: false,
        })
    }

    /// Groups of channels (dimension 1) of one image; `None` takes each channel alone.
    fn channels(tensor: &Tensor, groups: Option<i64>) -> Result<Grouping, Fault> {
        let [_, channels, space @ ..] = tensor.shape.as_slice() else {
            return Err(Fault::new("an input without channels"));
        };
        elements::count(&tensor.shape)?;
        let run = space.iter().product();
        let groups = groups.unwrap_or(*channels as i64);
        if groups < 1
            || !(*channels as i64)
                .unsigned_abs()
                .is_multiple_of(groups.unsigned_abs())
        {
            return Err(Fault::new(format!(
                "{channels} channels in {groups} groups"
            )));
        }
        Ok(Grouping {
            group: channels / groups as usize * run,
            run,
            weights: *channels,
            by_channel: true,
        })
    }

    /// Which weight an element takes.
    fn weight_of(&self, element: usize) -> usize {
        element / self.run.max(1) % self.weights.max(1)
    }
}

/// One number for each channel, or this one for all.
fn by_channel(tensor: Option<&Tensor>, channels: usize, default: f32) -> Result<Vec<f32>, Fault> {
    match tensor {
        None => Ok(vec![default; channels]),
        Some(tensor) => {
            let numbers = super::quantize::reals(tensor)?;
            if numbers.len() != channels {
                return Err(Fault::new(format!(
                    "{} weights for {channels} channels",
                    numbers.len()
                )));
            }
            Ok(numbers)
        }
    }
}

fn channels_of(tensor: &Tensor) -> Result<(usize, usize), Fault> {
    elements::count(&tensor.shape)?;
    match tensor.shape.as_slice() {
        [_, channels, space @ ..] => Ok((*channels, space.iter().product())),
        _ => Err(Fault::new("an input without channels")),
    }
}

/// `batch_norm(input, weight?, bias?, running_mean?, running_var?, bool training, float momentum, float eps, bool cudnn_enabled)`:
/// `x * alpha + beta` with `alpha = weight / sqrt(var + eps)`, `beta = bias - mean * alpha`.
fn batch_norm(a: Arguments) -> Result<Vec<Value>, Fault> {
    if a.bool_or(5, false)? {
        return Err(Fault::new(
            "batch normalization while training changes the model",
        ));
    }
    let tensor = a.tensor(0)?;
    let (channels, space) = channels_of(tensor)?;
    let eps = a.float_or(7, 1e-5)?;
    let weight = by_channel(a.optional_tensor(1)?, channels, 1.0)?;
    let bias = by_channel(a.optional_tensor(2)?, channels, 0.0)?;
    let mean = by_channel(Some(a.tensor(3)?), channels, 0.0)?;
    let variance = by_channel(Some(a.tensor(4)?), channels, 1.0)?;
    let terms: Vec<(f32, f32)> = (0..channels)
        .map(|c| {
            let inverse = (1.0 / (f64::from(variance[c]) + eps).sqrt()) as f32;
            let alpha = inverse * weight[c];
            (alpha, bias[c] - mean[c] * alpha)
        })
        .collect();
    let x = elements::read_f32(tensor)?;
    let out: Vec<f32> = x
        .chunks(space.max(1))
        .zip(terms.iter().cycle())
        .flat_map(|(run, (alpha, beta))| run.iter().map(move |x| x * alpha + beta))
        .collect();
    Ok(vec![
        tensor_float(tensor.dtype, tensor.shape.clone(), &out)?.into(),
    ])
}

/// `layer_norm(Tensor input, int[] normalized_shape, Tensor? weight, Tensor? bias, float eps, ..)`.
fn layer_norm(a: Arguments) -> Result<Vec<Value>, Fault> {
    let grouping = Grouping::trailing(a.tensor(0)?, &a.ints(1)?)?;
    float(a, &grouping, 2, a.float_or(4, 1e-5)?)
}

/// `instance_norm(input, weight?, bias?, running_mean?, running_var?, bool use_input_stats, float momentum, float eps, ..)`.
fn instance_norm(a: Arguments) -> Result<Vec<Value>, Fault> {
    if !a.bool_or(5, true)? {
        return Err(Fault::new("instance normalization with running statistics"));
    }
    let grouping = Grouping::channels(a.tensor(0)?, None)?;
    float(a, &grouping, 1, a.float_or(7, 1e-5)?)
}

/// Normalizes each group with its own statistics; weight and bias are operands `at` and `at + 1`.
fn float(a: Arguments, grouping: &Grouping, at: usize, eps: f64) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    let weight = by_channel(a.optional_tensor(at)?, grouping.weights, 1.0)?;
    let bias = by_channel(a.optional_tensor(at + 1)?, grouping.weights, 0.0)?;
    let x = elements::read_f32(tensor)?;
    let mut out = Vec::with_capacity(x.len());
    for group in x.chunks(grouping.group.max(1)) {
        let n = group.len() as f64;
        let mean = group.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let squares = group.iter().map(|&x| (f64::from(x) - mean).powi(2));
        let inverse = 1.0 / (squares.sum::<f64>() / n + eps).sqrt();
        for &x in group {
            let w = grouping.weight_of(out.len());
            let normal = (f64::from(x) - mean) * inverse;
            out.push((normal * f64::from(weight[w]) + f64::from(bias[w])) as f32);
        }
    }
    Ok(vec![
        tensor_float(tensor.dtype, tensor.shape.clone(), &out)?.into(),
    ])
}

/// `batch_norm(qx, weight?, bias?, mean, var, float eps, float output_scale, int output_zero_point)`, with `relu` fused or not:
/// `rint(alpha * (q - z) + beta) + zo`.
fn quantized_batch_norm(a: Arguments, relu: bool) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    let affine = Affine::of(tensor)?;
    let out = Affine::new(affine.dtype, a.float(6)?, a.int(7)?)?;
    let (channels, space) = channels_of(tensor)?;
    let weight = by_channel(a.optional_tensor(1)?, channels, 1.0)?;
    let bias = by_channel(a.optional_tensor(2)?, channels, 0.0)?;
    let mean = by_channel(Some(a.tensor(3)?), channels, 0.0)?;
    let variance = by_channel(Some(a.tensor(4)?), channels, 1.0)?;
    let eps = a.float(5)? as f32;
    let least = if relu { out.zero } else { out.range().0 };
    let terms: Vec<(f32, f32)> = (0..channels)
        .map(|c| {
            let inverse = (1.0 / f64::from((variance[c] + eps).sqrt())) as f32;
            let alpha = f64::from(inverse * weight[c]) * (affine.scale / out.scale);
            let beta = f64::from(bias[c] - mean[c] * inverse * weight[c]) / out.scale;
            (alpha as f32, beta as f32)
        })
        .collect();
    let codes: Vec<i32> = elements::read_quantized(tensor)?
        .chunks(space.max(1))
        .zip(terms.iter().cycle())
        .flat_map(|(run, (alpha, beta))| {
            run.iter().map(move |q| {
                let centered = (i64::from(*q) - i64::from(affine.zero)) as f32;
                out.round(alpha * centered + beta).max(least)
            })
        })
        .collect();
    Ok(vec![out.tensor(tensor.shape.clone(), &codes).into()])
}

/// Normalizes each group of a quantized tensor. Weight and bias are operands `at` and `at + 1`; eps, output scale and zero point follow.
fn quantized(a: Arguments, grouping: &Grouping, at: usize) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    let affine = Affine::of(tensor)?;
    let eps = a.float(at + 2)?;
    let out = Affine::new(affine.dtype, a.float(at + 3)?, a.int(at + 4)?)?;
    let weight = by_channel(a.optional_tensor(at)?, grouping.weights, 1.0)?;
    let bias = by_channel(a.optional_tensor(at + 1)?, grouping.weights, 0.0)?;
    let scale = affine.step();
    let mut codes = Vec::new();
    for group in elements::read_quantized(tensor)?.chunks(grouping.group.max(1)) {
        let n = group.len() as f32;
        let sum: i64 = group.iter().map(|&q| i64::from(q)).sum();
        let squares: i64 = group.iter().map(|&q| i64::from(q) * i64::from(q)).sum();
        // Mean and variance in steps of the scale, the mean not yet less the zero point.
        let shifted = sum as f32 / n;
        let mean = shifted - affine.zero as f32;
        let variance = (squares as f32 / n - shifted * shifted).max(0.0);
        let deviation = (f64::from(variance * scale * scale) + eps).sqrt();
        let factor = (f64::from(scale) / deviation) as f32;
        for &q in group {
            let w = grouping.weight_of(codes.len());
            let centered = (i64::from(q) - i64::from(affine.zero)) as f32 - mean;
            let scaled = if grouping.by_channel {
                centered * (factor * weight[w])
            } else {
                centered * factor * weight[w]
            };
            codes.push(out.quantize(scaled + bias[w]));
        }
    }
    Ok(vec![out.tensor(tensor.shape.clone(), &codes).into()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::call;
    use crate::eval::elements::{read_f32, read_quantized, tensor_f32};
    use crate::graph::DType;

    fn x(shape: &[usize], floats: &[f32]) -> Value {
        tensor_f32(shape.to_vec(), floats).into()
    }

    fn floats(op: &str, operands: &[Value]) -> Vec<f32> {
        read_f32(call(op, operands).unwrap()[0].as_tensor().unwrap()).unwrap()
    }

    #[test]
    fn batch_norm_uses_running_statistics() {
        let ones = |v: f32| x(&[2], &[v, v]);
        let mut operands = vec![
            x(&[1, 2, 2], &[1.0, 2.0, 3.0, 4.0]),
            x(&[2], &[1.0, 2.0]),
            ones(0.5),
            ones(1.0),
            ones(4.0),
            Value::bool(false),
            Value::float(0.1),
            Value::float(0.0),
        ];
        assert_eq!(floats("aten::batch_norm", &operands), [0.5, 1.0, 2.5, 3.5]);
        operands[5] = Value::bool(true);
        assert!(call("aten::batch_norm", &operands).is_err());
    }

    #[test]
    fn groups_have_their_own_statistics() {
        let input = x(&[1, 2, 2], &[1.0, 3.0, 10.0, 30.0]);
        let (none, eps) = (Value::NONE, Value::float(0.0));
        let layer = [
            input.clone(),
            Value::ints([2]),
            x(&[2], &[1.0, 2.0]),
            none.clone(),
            eps.clone(),
        ];
        assert_eq!(floats("aten::layer_norm", &layer), [-1.0, 2.0, -1.0, 2.0]);
        let group = [
            input.clone(),
            Value::int(2),
            x(&[2], &[1.0, 2.0]),
            none.clone(),
            eps.clone(),
        ];
        assert_eq!(floats("aten::group_norm", &group), [-1.0, 1.0, -2.0, 2.0]);
        let mut wrong = group.clone();
        wrong[1] = Value::int(3);
        assert!(call("aten::group_norm", &wrong).is_err());
        wrong[1] = Value::int(0);
        assert!(call("aten::group_norm", &wrong).is_err());
        let instance = [input, none.clone(), none.clone(), none.clone(), none];
        let got = floats("aten::instance_norm", &instance);
        assert!((got[0] + 1.0).abs() < 1e-4 && (got[3] - 1.0).abs() < 1e-4);
    }

    #[test]
    fn quantized_norms_are_close_to_their_float_formula() {
        let affine = Affine::new(DType::QU8, 0.5, 100).unwrap();
        let q = Value::from(affine.tensor(vec![1, 2, 2], &[102, 106, 90, 94]));
        let out = [Value::float(0.25), Value::int(50)];
        let codes = |op: &str, front: &[Value]| {
            let mut operands = vec![q.clone()];
            operands.extend_from_slice(front);
            operands.extend_from_slice(&out);
            read_quantized(call(op, &operands).unwrap()[0].as_tensor().unwrap()).unwrap()
        };
        let (none, eps) = (Value::NONE, Value::float(1e-5));
        let per_channel = [none.clone(), none.clone(), eps.clone()];
        assert_eq!(
            codes("quantized::instance_norm", &per_channel),
            [46, 54, 46, 54]
        );
        let layer = [
            Value::ints([2]),
            x(&[2], &[1.0, 2.0]),
            none.clone(),
            eps.clone(),
        ];
        assert_eq!(codes("quantized::layer_norm", &layer), [46, 58, 46, 58]);
        let one = x(&[2], &[1.0, 1.0]);
        let batch = [none.clone(), none, one.clone(), one, eps];
        assert_eq!(codes("quantized::batch_norm", &batch), [50, 58, 26, 34]);
        assert_eq!(
            codes("quantized::batch_norm2d_relu", &batch),
            [50, 58, 50, 50]
        );
    }
}
