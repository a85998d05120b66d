//! Floats to quantized tensors and back, and what a quantized tensor says about itself.
//!
//! In: float tensors and parameters. Out: quantized tensors that keep the memory format of their input, as PyTorch's do.
//! Invariant: one rounding rule, that of `affine`; results are the same on every machine.
//!
//! Sources: `QuantizedOpKernels.cpp`, `quant_utils.h` (`ChooseQuantizationParams`) of PyTorch.

use std::borrow::Cow;
use std::sync::Arc;

use crate::graph::{DType, Quantization, Storage, Tensor};

use super::affine::{Affine, quantize_run};
use super::arguments::Arguments;
use super::elements::{self, row_major, tensor_f32};
use super::error::Fault;
use super::layout::{is_dense, kept_strides};
use super::table::Kernel;
use super::{Value, affine};

/// The kernels of this file.
pub(super) fn kernel(op: &str) -> Option<Kernel> {
    Some(match op {
        "aten::quantize_per_tensor" => |a| one(per_tensor(a)?),
        // Scale and zero point as tensors of one element read as numbers.
        "aten::quantize_per_tensor.tensor_qparams" => |a| one(per_tensor(a)?),
        "aten::quantize_per_tensor.tensors" => each_per_tensor,
        "aten::quantize_per_channel" => |a| one(per_channel(a)?),
        "aten::quantize_per_tensor_dynamic" => dynamic,
        "aten::_choose_qparams_per_tensor" => choose,
        "aten::dequantize" | "aten::dequantize.self" | "aten::dequantize.tensor" => {
            |a| one(dequantize(a.tensor(0)?)?)
        }
        "aten::dequantize.tensors" | "aten::dequantize.list" | "aten::dequantize.any" => {
            dequantize_all
        }
        "aten::q_scale" => |a| Ok(vec![Value::float(per_tensor_parameters(a)?.scale)]),
        "aten::q_zero_point" => |a| Ok(vec![Value::int(per_tensor_parameters(a)?.zero.into())]),
        "aten::q_per_channel_scales" => |a| one(channel_parameters(a)?.0),
        "aten::q_per_channel_zero_points" => |a| one(channel_parameters(a)?.1),
        "aten::q_per_channel_axis" => |a| Ok(vec![Value::int(channel_parameters(a)?.2)]),
        "aten::int_repr" => |a| one(int_repr(a)?),
        "aten::is_quantized" => |a| Ok(vec![Value::bool(a.tensor(0)?.dtype.is_quantized())]),
        _ => return None,
    })
}

fn one(tensor: Tensor) -> Result<Vec<Value>, Fault> {
    Ok(vec![tensor.into()])
}

/// `quantize_per_tensor(Tensor self, float scale, int zero_point, ScalarType dtype)`.
fn per_tensor(a: Arguments) -> Result<Tensor, Fault> {
    let affine = Affine::new(a.dtype(3)?, a.float(1)?, a.int(2)?)?;
    quantize_all(a.tensor(0)?, affine)
}

/// `quantize_per_tensor.tensors(Tensor[] tensors, Tensor scales, Tensor zero_points, ScalarType dtype)`.
fn each_per_tensor(a: Arguments) -> Result<Vec<Value>, Fault> {
    let (tensors, scales, zeros) = (a.tensors(0)?, a.floats(1)?, read_zeros(a, 2)?);
    if scales.len() != tensors.len() || zeros.len() != tensors.len() {
        return Err(Fault::new(
            "as many scales and zero points as tensors are needed",
        ));
    }
    let dtype = a.dtype(3)?;
    let mut quantized = Vec::new();
    for (tensor, (scale, zero)) in tensors.iter().zip(scales.into_iter().zip(zeros)) {
        quantized.push(quantize_all(tensor, Affine::new(dtype, scale, zero)?)?.into());
    }
    Ok(vec![Value::list(quantized)])
}

/// The input's bytes in the order of the result's strides, and those strides.
fn source(tensor: &Tensor) -> Result<(Cow<'_, [u8]>, Vec<usize>), Fault> {
    if tensor.dtype != DType::F32 {
        return Err(Fault::new(format!(
            "only f32 tensors are quantized, not {}",
            tensor.dtype
        )));
    }
    elements::count(&tensor.shape)?;
    if tensor.strides.len() != tensor.shape.len() {
        return Err(Fault::new("a tensor has not one stride for each dimension"));
    }
    let strides = kept_strides(tensor);
    if is_dense(tensor) {
        let bytes = tensor
            .offset
            .checked_mul(4)
            .and_then(|start| Some(start..start.checked_add(tensor.size_in_bytes())?))
            .and_then(|range| tensor.storage.bytes().get(range))
            .ok_or_else(|| Fault::new("a tensor reaches outside its storage"))?;
        return Ok((bytes.into(), strides));
    }
    Ok((reordered(tensor, &strides)?, strides))
}

/// The elements in the order of these dense strides.
fn reordered<'a>(tensor: &'a Tensor, strides: &[usize]) -> Result<Cow<'a, [u8]>, Fault> {
    let mut order: Vec<usize> = (0..strides.len()).collect();
    order.sort_by_key(|&dim| (std::cmp::Reverse(strides[dim]), dim));
    let mut moved = tensor.clone();
    moved.shape = order.iter().map(|&dim| tensor.shape[dim]).collect();
    moved.strides = order.iter().map(|&dim| tensor.strides[dim]).collect();
    Ok(row_major(&moved)?.into_owned().into())
}

/// Quantizes a whole tensor with one scale.
pub(super) fn quantize_all(tensor: &Tensor, affine: Affine) -> Result<Tensor, Fault> {
    let (floats, strides) = source(tensor)?;
    let mut out = vec![0; tensor.numel() * affine.dtype.size()];
    quantize_run(&floats, affine, &mut out);
    Ok(quantized(
        tensor,
        affine.dtype,
        strides,
        out,
        affine.quantization(),
    ))
}

fn quantized(
    source: &Tensor,
    dtype: DType,
    strides: Vec<usize>,
    bytes: Vec<u8>,
    quantization: Quantization,
) -> Tensor {
    Tensor {
        dtype,
        shape: source.shape.clone(),
        strides,
        offset: 0,
        storage: Storage::owned(bytes),
        quantization: Some(quantization),
        requires_grad: false,
    }
}

fn read_zeros(a: Arguments, position: usize) -> Result<Vec<i64>, Fault> {
    match a.value(position) {
        Value::Tensor(t) if t.dtype.is_float() => Ok(elements::read_f64(t)?
            .into_iter()
            // PyTorch converts with a cast, which truncates.
            .map(|zero| zero as i64)
            .collect()),
        Value::Tensor(t) => elements::read_i64(t),
        _ => a.ints(position),
    }
}

/// `quantize_per_channel(Tensor self, Tensor scales, Tensor zero_points, int axis, ScalarType dtype)`.
///
/// The result carries the scales as doubles and the zero points as 64-bit integers, whatever types they came in.
fn per_channel(a: Arguments) -> Result<Tensor, Fault> {
    let tensor = a.tensor(0)?;
    let (scales, zeros) = (a.floats(1)?, read_zeros(a, 2)?);
    let axis = a.dim(3, tensor.shape.len())?;
    let dtype = a.dtype(4)?;
    let channels = tensor.shape.get(axis).copied().unwrap_or(1);
    if scales.len() != channels || zeros.len() != channels {
        return Err(Fault::new(format!(
            "{channels} channels, but {} scales and {} zero points",
            scales.len(),
            zeros.len()
        )));
    }
    let affines = scales
        .iter()
        .zip(&zeros)
        .map(|(&scale, &zero)| Affine::new(dtype, scale, zero))
        .collect::<Result<Vec<_>, _>>()?;
    let (floats, strides) = source(tensor)?;
    let mut out = vec![0; tensor.numel() * dtype.size()];
    // In memory the channel changes every `run` elements.
    let run = strides.get(axis).copied().unwrap_or(1).max(1);
    let runs = floats
        .chunks(run * 4)
        .zip(out.chunks_mut(run * dtype.size()))
        .zip(affines.iter().cycle());
    for ((floats, out), &affine) in runs {
        quantize_run(floats, affine, out);
    }
    let quantization = Quantization::PerChannel {
        scales: scales.into(),
        zero_points: zeros.into(),
        axis,
    };
    Ok(quantized(tensor, dtype, strides, out, quantization))
}

/// `dequantize(Tensor self)`: `(q - zero point) * scale` in `f32`. A float tensor is returned as `f32`.
pub(super) fn dequantize(tensor: &Tensor) -> Result<Tensor, Fault> {
    if tensor.dtype == DType::F32 {
        return Ok(tensor.clone());
    }
    Ok(tensor_f32(tensor.shape.clone(), &reals(tensor)?))
}

/// The reals that a quantized tensor stands for, or the elements of a float tensor, in row-major order.
pub(super) fn reals(tensor: &Tensor) -> Result<Vec<f32>, Fault> {
    match &tensor.quantization {
        Some(Quantization::PerTensor { .. }) => {
            let affine = Affine::of(tensor)?;
            Ok(elements::read_quantized(tensor)?
                .into_iter()
                .map(|q| affine.dequantize(q))
                .collect())
        }
        Some(Quantization::PerChannel {
            scales,
            zero_points,
            axis,
        }) => {
            if tensor.shape.get(*axis) != Some(&scales.len()) || scales.len() != zero_points.len() {
                return Err(Fault::new("a tensor has not one scale for each channel"));
            }
            let inner: usize = tensor.shape.iter().skip(axis.saturating_add(1)).product();
            let mut reals = Vec::with_capacity(elements::count(&tensor.shape)?);
            let integers = elements::read_quantized(tensor)?;
            let affines = scales
                .iter()
                .zip(zero_points.iter())
                .map(|(&scale, &zero)| Affine::new(tensor.dtype, scale, zero))
                .collect::<Result<Vec<_>, _>>()?;
            let runs = integers.chunks(inner.max(1)).zip(affines.iter().cycle());
            for (run, affine) in runs {
                reals.extend(run.iter().map(|&q| affine.dequantize(q)));
            }
            Ok(reals)
        }
        None => elements::read_f32(tensor),
    }
}

fn dequantize_all(a: Arguments) -> Result<Vec<Value>, Fault> {
    fn deep(value: &Value) -> Result<Value, Fault> {
        match value {
            Value::Tensor(tensor) => Ok(dequantize(tensor)?.into()),
            Value::List(items) => Ok(Value::list(
                items.iter().map(deep).collect::<Result<_, _>>()?,
            )),
            Value::Tuple(items) => Ok(Value::tuple(
                items.iter().map(deep).collect::<Result<_, _>>()?,
            )),
            other => Ok(other.clone()),
        }
    }
    Ok(vec![deep(a.value(0))?])
}

fn per_tensor_parameters(a: Arguments) -> Result<Affine, Fault> {
    Affine::of(a.tensor(0)?)
}

fn channel_parameters(a: Arguments) -> Result<(Tensor, Tensor, i64), Fault> {
    match &a.tensor(0)?.quantization {
        Some(Quantization::PerChannel {
            scales,
            zero_points,
            axis,
        }) => Ok((
            elements::tensor_f64(vec![scales.len()], scales),
            elements::tensor_i64(vec![zero_points.len()], zero_points),
            *axis as i64,
        )),
        _ => Err(Fault::new(
            "a tensor with a scale for each channel is needed",
        )),
    }
}

/// `int_repr(Tensor self)`: the stored integers as a plain tensor over the same bytes.
fn int_repr(a: Arguments) -> Result<Tensor, Fault> {
    let mut tensor = a.tensor(0)?.clone();
    tensor.dtype = match tensor.dtype {
        DType::QU8 => DType::U8,
        DType::QI8 => DType::I8,
        DType::QI32 => DType::I32,
        other => return Err(Fault::new(format!("{other} is no quantized type"))),
    };
    tensor.quantization = None;
    Ok(tensor)
}

/// `_choose_qparams_per_tensor(Tensor self, bool reduce_range)`: scale and zero point for an unsigned byte.
fn choose(a: Arguments) -> Result<Vec<Value>, Fault> {
    let chosen = choose_parameters(a.tensor(0)?, DType::QU8, a.bool_or(1, false)?)?;
    Ok(vec![
        Value::float(chosen.scale),
        Value::int(chosen.zero.into()),
    ])
}

/// `quantize_per_tensor_dynamic(Tensor self, ScalarType dtype, bool reduce_range)`.
fn dynamic(a: Arguments) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    let chosen = choose_parameters(tensor, a.dtype(1)?, a.bool(2)?)?;
    one(quantize_all(tensor, chosen)?)
}

/// Scale and zero point that cover a tensor's range and zero; half of the integers if `reduce_range`.
///
/// Minimum and maximum are `f32`, everything after is in doubles; a scale too small for `f32` becomes 0.1, one below 6.1e-5 is raised
/// to it. The zero point is taken from the end with the smaller error.
pub(super) fn choose_parameters(
    tensor: &Tensor,
    dtype: DType,
    reduce_range: bool,
) -> Result<Affine, Fault> {
    const SMALLEST_SCALE: f32 = 6.1e-5;
    if dtype.size() != 1 {
        return Err(Fault::new(format!(
            "parameters for {dtype} cannot be chosen"
        )));
    }
    let (mut low, mut high) = affine::range(dtype);
    if reduce_range {
        (low, high) = (low / 2, high / 2);
    }
    let (low, high) = (f64::from(low), f64::from(high));
    let floats = elements::read_f32(tensor)?;
    let mut least = floats.iter().fold(0.0, |least: f32, &x| least.min(x));
    let mut most = floats.iter().fold(0.0, |most: f32, &x| most.max(x));
    let mut scale = (f64::from(most) - f64::from(least)) / (high - low);
    if scale as f32 == 0.0 || (1.0 / scale as f32).is_infinite() {
        scale = 0.1;
    }
    if scale < f64::from(SMALLEST_SCALE) {
        let amplifier = SMALLEST_SCALE / scale as f32;
        scale = SMALLEST_SCALE.into();
        if least == 0.0 {
            most = SMALLEST_SCALE * (high - low) as f32;
        } else if most == 0.0 {
            least = -SMALLEST_SCALE * (high - low) as f32;
        } else {
            least *= amplifier;
            most *= amplifier;
        }
    }
    let from_least = low - f64::from(least) / scale;
    let from_most = high - f64::from(most) / scale;
    let least_error = low.abs() - (f64::from(least) / scale).abs();
    let most_error = high.abs() - (f64::from(most) / scale).abs();
    let exact = if least_error < most_error {
        from_least
    } else {
        from_most
    };
    Affine::new(
        dtype,
        scale,
        exact.clamp(low, high).round_ties_even() as i64,
    )
}

/// Scales and zero points, one of each for an output channel.
type ChannelParameters = (Arc<[f64]>, Arc<[i64]>);

/// Quantization parameters of a weight by output channel: one pair for all becomes equal pairs for each.
pub(super) fn weight_parameters(
    tensor: &Tensor,
    channels: usize,
) -> Result<ChannelParameters, Fault> {
    match &tensor.quantization {
        Some(Quantization::PerTensor { scale, zero_point }) => Ok((
            vec![*scale; channels].into(),
            vec![*zero_point; channels].into(),
        )),
        Some(Quantization::PerChannel {
            scales,
            zero_points,
            ..
        }) if scales.len() == channels && zero_points.len() == channels => {
            Ok((scales.clone(), zero_points.clone()))
        }
        Some(Quantization::PerChannel { scales, .. }) => Err(Fault::new(format!(
            "a weight with {channels} output channels has {} scales",
            scales.len()
        ))),
        None => Err(Fault::new("the weight is not quantized")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::call;

    fn codes(value: &Value) -> Vec<i32> {
        elements::read_quantized(value.as_tensor().expect("a tensor")).expect("quantized")
    }

    fn channels(axis: i64) -> Vec<Value> {
        vec![
            tensor_f32(vec![2, 2, 2], &[0.1, 0.2, 0.3, 0.4, 1.0, 2.0, 3.0, 4.0]).into(),
            tensor_f32(vec![2], &[0.1, 1.0]).into(),
            elements::tensor_i64(vec![2], &[0, 1]).into(),
            Value::int(axis),
            Value::int(12),
        ]
    }

    #[test]
    fn channels_run_along_the_axis() {
        let got = |axis| codes(&call("aten::quantize_per_channel", &channels(axis)).unwrap()[0]);
        assert_eq!(got(0), [1, 2, 3, 4, 2, 3, 4, 5]);
        assert_eq!(got(1), [1, 2, 1, 1, 10, 20, 4, 5]);
        assert_eq!(got(2), [1, 1, 3, 1, 10, 3, 30, 5]);
        assert_eq!(got(-1), got(2));
    }

    #[test]
    fn channels_last_weights_stay_so() {
        let mut weight = tensor_f32(
            vec![2, 3, 2, 1],
            &(0..12).map(|i| i as f32).collect::<Vec<_>>(),
        );
        weight.strides = vec![6, 1, 3, 3];
        let operands = |axis: i64, n: usize| {
            vec![
                Value::from(weight.clone()),
                tensor_f32(vec![n], &[1.0, 2.0, 4.0][..n]).into(),
                elements::tensor_i64(vec![n], &vec![0; n]).into(),
                Value::int(axis),
                Value::int(12),
            ]
        };
        for (axis, n) in [(0, 2), (1, 3), (2, 2)] {
            let out = call("aten::quantize_per_channel", &operands(axis, n)).unwrap();
            let out = out[0].as_tensor().unwrap();
            assert_eq!(out.strides, [6, 1, 3, 3]);
            let mut plain = operands(axis, n);
            plain[0] =
                tensor_f32(weight.shape.clone(), &elements::read_f32(&weight).unwrap()).into();
            let want = call("aten::quantize_per_channel", &plain).unwrap();
            assert_eq!(codes(&out.clone().into()), codes(&want[0]));
        }
    }

    #[test]
    fn wrong_operands_are_errors() {
        let mut operands = channels(0);
        operands[1] = tensor_f32(vec![3], &[1.0; 3]).into();
        assert!(call("aten::quantize_per_channel", &operands).is_err());
        let mut operands = channels(3);
        assert!(call("aten::quantize_per_channel", &operands).is_err());
        operands[0] = Value::int(1);
        assert!(call("aten::quantize_per_channel", &operands).is_err());
        assert!(call("aten::quantize_per_channel", &[]).is_err());
        let per_tensor = [
            channels(0)[0].clone(),
            Value::float(1.0),
            Value::int(300),
            Value::int(13),
        ];
        assert!(call("aten::quantize_per_tensor", &per_tensor).is_err());
    }

    #[test]
    fn dequantize_undoes_quantize_on_the_grid() {
        let x = tensor_f32(vec![4], &[-1.5, 0.0, 0.25, 3.0]);
        let q = quantize_all(&x, Affine::new(DType::QU8, 0.25, 10).unwrap()).unwrap();
        assert_eq!(reals(&q).unwrap(), [-1.5, 0.0, 0.25, 3.0]);
        let again = dequantize(&x).unwrap();
        assert!(again.storage.is_same(&x.storage));
    }

    #[test]
    fn chosen_parameters_cover_range_and_zero() {
        let x = tensor_f32(vec![3], &[-1.0, 0.5, 3.0]);
        let chosen = choose_parameters(&x, DType::QU8, false).unwrap();
        assert_eq!((chosen.scale, chosen.zero), (4.0 / 255.0, 64));
        let chosen = choose_parameters(&x, DType::QU8, true).unwrap();
        assert_eq!((chosen.scale, chosen.zero), (4.0 / 127.0, 32));
        let zero = tensor_f32(vec![1], &[0.0]);
        let chosen = choose_parameters(&zero, DType::QU8, false).unwrap();
        assert_eq!((chosen.scale, chosen.zero), (0.1, 0));
    }
}
