//! Convolution operators, float and quantized.
//!
//! In: input `[batch, channels, spatial..]` (float ones may lack the batch), weight or packed weight. Out: a contiguous result.
//! Invariant: float sums are taken in doubles and rounded to `f32` once, so no order of summation is better; PyTorch's own differ in the
//! last bits.
//! Invariant: quantized sums are exact integers; everything after is `f32`, each step rounded.
//!
//! Source of the quantized formulas: oneDNN and fbgemm as PyTorch's x86 engine chooses between them (`should_use_onednn_quant`).

use crate::graph::{DType, Packed, Tensor};

use super::Value;
use super::affine::Affine;
use super::arguments::Arguments;
use super::convolution::{Geometry, Plan, dot_floats, dot_integers};
use super::elements;
use super::error::Fault;
use super::quantize::weight_parameters;
use super::table::Kernel;

/// The kernels of this file.
pub(super) fn kernel(op: &str) -> Option<Kernel> {
    Some(match op {
        "aten::conv1d" | "aten::conv1d.padding" => |a| float(a, 1),
        "aten::conv2d" | "aten::conv2d.padding" => |a| float(a, 2),
        "aten::conv3d" | "aten::conv3d.padding" => |a| float(a, 3),
        "aten::conv_transpose1d" => |a| float_transposed(a, 1),
        "aten::conv_transpose2d" | "aten::conv_transpose2d.input" => |a| float_transposed(a, 2),
        "aten::conv_transpose3d" | "aten::conv_transpose3d.input" => |a| float_transposed(a, 3),
        "aten::_convolution" | "aten::_convolution.deprecated" | "aten::convolution" => {
            float_general
        }
        "quantized::conv1d" => |a| quantized(a, 1, false, false),
        "quantized::conv1d_relu" => |a| quantized(a, 1, false, true),
        "quantized::conv2d" | "quantized::conv2d.new" => |a| quantized(a, 2, false, false),
        "quantized::conv2d_relu" | "quantized::conv2d_relu.new" => |a| quantized(a, 2, false, true),
        "quantized::conv3d" | "quantized::conv3d.new" => |a| quantized(a, 3, false, false),
        "quantized::conv3d_relu" | "quantized::conv3d_relu.new" => |a| quantized(a, 3, false, true),
        "quantized::conv_transpose1d" => |a| quantized(a, 1, true, false),
        "quantized::conv_transpose2d" => |a| quantized(a, 2, true, false),
        "quantized::conv_transpose3d" => |a| quantized(a, 3, true, false),
        _ => return None,
    })
}

/// `conv*d(Tensor input, Tensor weight, Tensor? bias, int[] stride, (int[] or str) padding, int[] dilation, int groups)`.
fn float(a: Arguments, rank: usize) -> Result<Vec<Value>, Fault> {
    let dilation = a.spatial(5, rank, 1)?;
    let padding = match a.str(4) {
        Ok("valid") => vec![(0, 0); rank],
        Ok("same") => same_padding(&a.tensor(1)?.shape, &dilation)?,
        Ok(other) => return Err(Fault::new(format!("padding \"{other}\""))),
        Err(_) => both(a.spatial(4, rank, 0)?),
    };
    let geometry = Geometry {
        stride: a.spatial(3, rank, 1)?,
        padding,
        output_padding: vec![0; rank],
        dilation,
        groups: a.int_or(6, 1)?,
        transposed: false,
    };
    float_convolution(a, &geometry)
}

/// `conv_transpose*d(input, weight, bias, stride, padding, output_padding, groups, dilation)`.
fn float_transposed(a: Arguments, rank: usize) -> Result<Vec<Value>, Fault> {
    let geometry = Geometry {
        stride: a.spatial(3, rank, 1)?,
        padding: both(a.spatial(4, rank, 0)?),
        output_padding: a.spatial(5, rank, 0)?,
        dilation: a.spatial(7, rank, 1)?,
        groups: a.int_or(6, 1)?,
        transposed: true,
    };
    float_convolution(a, &geometry)
}

/// `_convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups, ..)`.
fn float_general(a: Arguments) -> Result<Vec<Value>, Fault> {
    let rank = a.tensor(1)?.shape.len().saturating_sub(2);
    let geometry = Geometry {
        stride: a.spatial(3, rank, 1)?,
        padding: both(a.spatial(4, rank, 0)?),
        output_padding: a.spatial(7, rank, 0)?,
        dilation: a.spatial(5, rank, 1)?,
        groups: a.int_or(8, 1)?,
        transposed: a.bool_or(6, false)?,
    };
    float_convolution(a, &geometry)
}

fn both(padding: Vec<i64>) -> Vec<(i64, i64)> {
    padding.into_iter().map(|n| (n, n)).collect()
}

/// PyTorch's `padding="same"`: what is odd goes to the end.
fn same_padding(weight: &[usize], dilation: &[i64]) -> Result<Vec<(i64, i64)>, Fault> {
    weight
        .iter()
        .skip(2)
        .zip(dilation)
        .map(|(&kernel, &dilation)| {
            let total = (kernel as i64 - 1).checked_mul(dilation)?;
            Some((total / 2, total - total / 2))
        })
        .collect::<Option<_>>()
        .ok_or_else(|| Fault::new("a dilation that is too large"))
}

fn float_convolution(a: Arguments, geometry: &Geometry) -> Result<Vec<Value>, Fault> {
    let (input, weight, bias) = (a.tensor(0)?, a.tensor(1)?, a.optional_tensor(2)?);
    let mut shape = input.shape.clone();
    let unbatched = shape.len() == geometry.stride.len() + 1;
    if unbatched {
        shape.insert(0, 1);
    }
    let plan = Plan::new(geometry, &shape, &weight.shape)?;
    let doubles = |t| -> Result<Vec<f64>, Fault> {
        Ok(elements::read_f32(t)?.into_iter().map(f64::from).collect())
    };
    let runs = plan.weight_runs(&doubles(weight)?);
    let bias = bias_of(bias, plan.shape[1])?;
    let result = plan.run(&doubles(input)?, &runs, dot_floats, |channel, sum| {
        (sum + f64::from(bias[channel])) as f32
    });
    let mut shape = plan.shape;
    if unbatched {
        shape.remove(0);
    }
    Ok(vec![
        elements::tensor_float(input.dtype, shape, &result)?.into(),
    ])
}

/// The bias, or zeros.
pub(super) fn bias_of(bias: Option<&Tensor>, channels: usize) -> Result<Vec<f32>, Fault> {
    match bias {
        None => Ok(vec![0.0; channels]),
        Some(bias) if bias.shape == [channels] => elements::read_f32(bias),
        Some(bias) => Err(Fault::new(format!(
            "a bias of shape {:?} for {channels} output channels",
            bias.shape
        ))),
    }
}

/// `conv*d(Tensor qx, packed, float output_scale, int output_zero_point)`, with `relu` fused or not. Files of before 2020 repeat the
/// geometry, which the packed weight knows, before the scale.
fn quantized(a: Arguments, rank: usize, transposed: bool, relu: bool) -> Result<Vec<Value>, Fault> {
    let Value::Packed(packed) = a.value(1) else {
        return Err(a.wrong(1, "a packed weight"));
    };
    let input = a.tensor(0)?;
    let affine = Affine::of(input)?;
    let at = if a.0.len() >= 8 { 6 } else { 2 };
    let out = Affine::new(affine.dtype, a.float(at)?, a.int(at + 1)?)?;
    let (geometry, kernel) = packed_geometry(packed, rank, transposed)?;
    let plan = Plan::new(&geometry, &input.shape, &kernel)?;
    let channels = plan.shape[1];
    let (scales, zeros) = weight_parameters(&packed.weight, channels)?;
    let bias = bias_of(packed.bias.as_ref(), channels)?;

    let weight = centered_weight(&packed.weight, &geometry, &zeros)?;
    let runs = plan.weight_runs(&weight);
    let centered = centered_input(input, affine)?;
    let fbgemm = uses_fbgemm(&geometry, &zeros);
    let per_channel = Requantization::new(affine, &scales, &bias, out, relu, fbgemm);
    let result = plan.run(&centered, &runs, dot_integers, |channel, sum| {
        per_channel.finish(channel, sum)
    });
    Ok(vec![out.tensor(plan.shape, &result).into()])
}

/// Geometry and weight shape of a packed convolution. A file keeps one-dimensional ones as two-dimensional ones of height 1.
fn packed_geometry(
    packed: &Packed,
    rank: usize,
    transposed: bool,
) -> Result<(Geometry, Vec<usize>), Fault> {
    let wrong = || {
        Fault::new(format!(
            "a weight packed for {} does not serve this operator",
            packed.family
        ))
    };
    let config = packed.config.as_ref().ok_or_else(wrong)?;
    let mut kernel = packed.weight.shape.clone();
    let stored = kernel.len().checked_sub(2).ok_or_else(wrong)?;
    if config.transposed != transposed {
        return Err(wrong());
    }
    let lead = match stored.checked_sub(rank) {
        Some(0) => 0,
        Some(1) if rank == 1 && kernel[2] == 1 => {
            kernel.remove(2);
            1
        }
        _ => return Err(wrong()),
    };
    let last = |numbers: &[i64]| -> Result<Vec<i64>, Fault> {
        match numbers.len() {
            n if n == rank => Ok(numbers.to_vec()),
            n if n == rank + lead => Ok(numbers[lead..].to_vec()),
            _ => Err(wrong()),
        }
    };
    let geometry = Geometry {
        stride: last(&config.stride)?,
        padding: both(last(&config.padding)?),
        output_padding: match config.output_padding.as_slice() {
            [] => vec![0; rank],
            numbers => last(numbers)?,
        },
        dilation: last(&config.dilation)?,
        groups: config.groups,
        transposed,
    };
    Ok((geometry, kernel))
}

/// Whether PyTorch's x86 engine takes fbgemm, which scales the bias before the sum and not after it.
fn uses_fbgemm(geometry: &Geometry, zeros: &[i64]) -> bool {
    geometry.groups > 100
        || geometry.output_padding.iter().any(|&n| n != 0)
        || zeros.iter().any(|&zero| zero != 0)
}

/// Integers of the input less its zero point.
pub(super) fn centered_input(input: &Tensor, affine: Affine) -> Result<Vec<i16>, Fault> {
    if affine.dtype == DType::QI32 {
        return Err(Fault::new("inputs of type qint32 are not supported"));
    }
    let zero = affine.zero;
    let integers = elements::read_quantized(input)?;
    Ok(integers.into_iter().map(|q| (q - zero) as i16).collect())
}

/// Integers of the weight less the zero points of its output channels.
fn centered_weight(weight: &Tensor, geometry: &Geometry, zeros: &[i64]) -> Result<Vec<i16>, Fault> {
    let integers = elements::read_quantized(weight)?;
    if weight.dtype != DType::QI8 {
        return Err(Fault::new(format!("a weight of type {}", weight.dtype)));
    }
    if zeros.iter().all(|&zero| zero == 0) {
        return Ok(integers.into_iter().map(|q| q as i16).collect());
    }
    let kernel: usize = weight.shape.iter().skip(2).product();
    let (first, second) = (weight.shape[0].max(1), weight.shape[1].max(1));
    let groups = geometry.groups.max(1) as usize;
    let inputs = (first / groups).max(1);
    let run = kernel.max(1);
    Ok(integers
        .chunks(run)
        .enumerate()
        .flat_map(|(row, run)| {
            let channel = if geometry.transposed {
                // Row `input, output within the group`.
                row / second / inputs * second + row % second
            } else {
                row / second
            };
            let zero = zeros.get(channel).copied().unwrap_or(0) as i32;
            run.iter().map(move |q| (q - zero) as i16)
        })
        .collect())
}

/// From integer sums to output integers, by output channel.
pub(super) struct Requantization {
    out: Affine,
    least: i32,
    channels: Vec<Channel>,
}

enum Channel {
    /// oneDNN: `rint((sum * (sx * sw) + bias) * (1 / so) + zo)`: the zero point is added before rounding.
    After { scale: f32, bias: f32, inverse: f32 },
    /// fbgemm: `rint((sum + bias / (sx * sw)) * (sx * sw / so)) + zo`.
    Before { bias: f32, multiplier: f32 },
}

impl Requantization {
    /// For an input and output quantized so, a weight of these scales, and this bias.
    pub(super) fn new(
        input: Affine,
        scales: &[f64],
        bias: &[f32],
        out: Affine,
        relu: bool,
        fbgemm: bool,
    ) -> Requantization {
        let channel = |(&scale, &bias): (&f64, &f32)| {
            let scale = input.step() * scale as f32;
            if !fbgemm {
                return Channel::After {
                    scale,
                    bias,
                    inverse: out.inverse(),
                };
            }
            Channel::Before {
                bias: bias / scale,
                multiplier: scale / out.step(),
            }
        };
        Requantization {
            out,
            least: if relu { out.zero } else { out.range().0 },
            channels: scales.iter().zip(bias).map(channel).collect(),
        }
    }

    /// The output integer for a sum in an output channel.
    pub(super) fn finish(&self, channel: usize, sum: i32) -> i32 {
        let zero = self.out.zero;
        let q = match &self.channels[channel] {
            Channel::After {
                scale,
                bias,
                inverse,
            } => {
                let real = sum as f32 * scale + bias;
                (real * inverse + zero as f32).round_ties_even() as i64
            }
            Channel::Before { bias, multiplier } => {
                let scaled = (sum as f32 + bias) * multiplier;
                scaled.round_ties_even() as i64 + i64::from(zero)
            }
        };
        self.out.clamp(q.max(self.least.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::call;
    use crate::eval::elements::tensor_f32;

    fn requantize(fbgemm: bool, relu: bool, bias: f32) -> Vec<i32> {
        let input = Affine::new(DType::QU8, 0.5, 0).unwrap();
        let out = Affine::new(DType::QU8, 2.0, 11).unwrap();
        let made = Requantization::new(input, &[1.0], &[bias], out, relu, fbgemm);
        [-30, -2, 2, 6, 10_000]
            .map(|sum| made.finish(0, sum))
            .into()
    }

    #[test]
    fn the_zero_point_is_added_before_or_after_rounding() {
        // Scaled sums are -7.5, -0.5, 0.5, 1.5: ties that an odd zero point turns around.
        assert_eq!(requantize(false, false, 0.0), [4, 10, 12, 12, 255]);
        assert_eq!(requantize(true, false, 0.0), [3, 11, 11, 13, 255]);
        assert_eq!(requantize(true, true, 0.0), [11, 11, 11, 13, 255]);
        assert_eq!(requantize(false, false, 4.0), [6, 12, 14, 14, 255]);
        assert_eq!(requantize(true, false, 4.0), [5, 13, 13, 15, 255]);
    }

    #[test]
    fn one_dimensional_weights_may_be_stored_with_height_one() {
        let input = Affine::new(DType::QU8, 1.0, 1).unwrap();
        let x = input.tensor(vec![1, 1, 4], &[1, 2, 3, 4]);
        let weight = Affine::new(DType::QI8, 1.0, 0).unwrap();
        let run = |shape: Vec<usize>, op: &str, geometry: [&[i64]; 3]| {
            let mut operands = vec![Value::from(weight.tensor(shape, &[1, 2])), Value::NONE];
            operands.extend(geometry.map(|g| Value::ints(g.iter().copied())));
            operands.push(Value::int(1));
            let packed = call(op, &operands).unwrap().remove(0);
            let operands = [x.clone().into(), packed, Value::float(1.0), Value::int(0)];
            let out = call("quantized::conv1d", &operands).unwrap().remove(0);
            let out = out.as_tensor().unwrap().clone();
            (out.shape.clone(), elements::read_quantized(&out).unwrap())
        };
        let flat = run(
            vec![1, 1, 2],
            "quantized::conv1d_prepack",
            [&[1], &[1], &[1]],
        );
        let tall = run(
            vec![1, 1, 1, 2],
            "quantized::conv2d_prepack",
            [&[1, 1], &[0, 1], &[1, 1]],
        );
        assert_eq!(flat, (vec![1, 1, 5], vec![0, 2, 5, 8, 3]));
        assert_eq!(flat, tall);
    }

    #[test]
    fn same_padding_puts_the_odd_one_last() {
        let x = tensor_f32(vec![1, 3], &[1.0, 2.0, 3.0]);
        let w = tensor_f32(vec![1, 1, 2], &[1.0, 10.0]);
        let operands = [
            x.into(),
            w.into(),
            Value::NONE,
            Value::int(1),
            Value::str("same"),
            Value::int(1),
            Value::int(1),
        ];
        let out = call("aten::conv1d.padding", &operands).unwrap().remove(0);
        let out = out.as_tensor().unwrap().clone();
        assert_eq!(out.shape, [1, 3]);
        assert_eq!(elements::read_f32(&out).unwrap(), [21.0, 32.0, 3.0]);
    }
}
