//! Packed weights: made and taken apart. Packing here keeps handles; nothing is reordered, and only half
//! precision is copied.
//!
//! In: a quantized weight, a bias, the geometry. Out: a `Packed`, or its parts.
//! Invariant: `unpack(prepack(w, b))` is `w, b`, the same storage; in half precision `w` is rounded.
//! Invariant: a packed convolution has two or three spatial dimensions; one over one dimension has height 1.
//!
//! Source: schemas of `quantized::*_prepack`; families are named by the operator, as `Packed` says.

use std::sync::Arc;

use crate::graph::{DType, Name, Packed, PackedConfig, Tensor};

use super::Value;
use super::arguments::Arguments;
use super::elements::{self, tensor_f32};
use super::error::Fault;
use super::table::Kernel;

/// The kernels of this file.
pub(super) fn kernel(op: &str) -> Option<Kernel> {
    Some(match op {
        "quantized::linear_prepack" => |a| linear(a, "linear", DType::QI8),
        "quantized::linear_prepack_fp16" => linear_half,
        "aten::_saturate_weight_to_fp16" => |a| Ok(vec![in_half_range(a.tensor(0)?)?.into()]),
        "quantized::conv1d_prepack" => |a| convolution(a, "conv1d", 1),
        "quantized::conv2d_prepack" | "quantized::conv_prepack" => |a| convolution(a, "conv2d", 2),
        "quantized::conv3d_prepack" => |a| convolution(a, "conv3d", 3),
        "quantized::conv_transpose1d_prepack" => |a| transposed(a, "conv_transpose1d", 1),
        "quantized::conv_transpose2d_prepack" => |a| transposed(a, "conv_transpose2d", 2),
        "quantized::conv_transpose3d_prepack" => |a| transposed(a, "conv_transpose3d", 3),
        "quantized::linear_unpack" | "quantized::linear_unpack.legacy" => |a| unpack(a, "linear"),
        "quantized::linear_unpack_fp16" => |a| unpack(a, "linear_fp16"),
        "quantized::conv1d_unpack" => |a| unpack_of_height_1(a, "conv2d"),
        "quantized::conv2d_unpack" | "quantized::conv_unpack" => |a| unpack(a, "conv2d"),
        "quantized::conv3d_unpack" => |a| unpack(a, "conv3d"),
        "quantized::conv_transpose1d_unpack" => |a| unpack_of_height_1(a, "conv_transpose2d"),
        "quantized::conv_transpose2d_unpack" => |a| unpack(a, "conv_transpose2d"),
        "quantized::conv_transpose3d_unpack" => |a| unpack(a, "conv_transpose3d"),
        "quantized::conv2d_stride" | "quantized::conv3d_stride" => {
            |a| Ok(vec![Value::ints(geometry(a)?.stride.clone())])
        }
        "quantized::conv2d_padding" | "quantized::conv3d_padding" => {
            |a| Ok(vec![Value::ints(geometry(a)?.padding.clone())])
        }
        "quantized::conv2d_output_padding" | "quantized::conv3d_output_padding" => {
            |a| Ok(vec![Value::ints(geometry(a)?.output_padding.clone())])
        }
        "quantized::conv2d_dilation" | "quantized::conv3d_dilation" => {
            |a| Ok(vec![Value::ints(geometry(a)?.dilation.clone())])
        }
        "quantized::conv2d_groups" | "quantized::conv3d_groups" => {
            |a| Ok(vec![Value::int(geometry(a)?.groups)])
        }
        "quantized::conv2d_transpose" | "quantized::conv3d_transpose" => {
            |a| Ok(vec![Value::int(geometry(a)?.transposed.into())])
        }
        _ => return None,
    })
}

/// `linear_prepack(Tensor W, Tensor? B)`: weight `[out, in]`, bias `[out]`.
fn linear(a: Arguments, family: &str, dtype: DType) -> Result<Vec<Value>, Fault> {
    pack(a, family, dtype, 2, 0, None)
}

/// `linear_prepack_fp16(Tensor W, Tensor? B)`: the weight is rounded to half precision, beyond its range to its ends, and kept as floats.
fn linear_half(a: Arguments) -> Result<Vec<Value>, Fault> {
    let weight = in_half_range(a.tensor(0)?)?;
    let rounded: Vec<f32> = elements::read_f32(&weight)?
        .into_iter()
        .map(|w| half::f16::from_f32(w).to_f32())
        .collect();
    let weight = tensor_f32(weight.shape, &rounded).into();
    let operands = [weight, a.value(1).clone()];
    pack(Arguments(&operands), "linear_fp16", DType::F32, 2, 0, None)
}

/// `_saturate_weight_to_fp16(Tensor weight)`: what is beyond the range of half precision becomes its ends.
fn in_half_range(weight: &Tensor) -> Result<Tensor, Fault> {
    let most = half::f16::MAX.to_f32();
    let clamped: Vec<f32> = elements::read_f32(weight)?
        .into_iter()
        .map(|w| w.clamp(-most, most))
        .collect();
    elements::tensor_float(weight.dtype, weight.shape.clone(), &clamped)
}

/// `conv*_prepack(Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] dilation, int groups)`.
fn convolution(a: Arguments, family: &str, rank: usize) -> Result<Vec<Value>, Fault> {
    let config = PackedConfig {
        stride: a.spatial(2, rank, 1)?,
        padding: a.spatial(3, rank, 0)?,
        output_padding: vec![0; rank],
        dilation: a.spatial(4, rank, 1)?,
        groups: a.int_or(5, 1)?,
        transposed: false,
    };
    pack(a, family, DType::QI8, rank + 2, 0, Some(config))
}

/// `conv_transpose*_prepack(Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] output_padding, int[] dilation, int groups)`.
fn transposed(a: Arguments, family: &str, rank: usize) -> Result<Vec<Value>, Fault> {
    let config = PackedConfig {
        stride: a.spatial(2, rank, 1)?,
        padding: a.spatial(3, rank, 0)?,
        output_padding: a.spatial(4, rank, 0)?,
        dilation: a.spatial(5, rank, 1)?,
        groups: a.int_or(6, 1)?,
        transposed: true,
    };
    pack(a, family, DType::QI8, rank + 2, 1, Some(config))
}

fn pack(
    a: Arguments,
    family: &str,
    dtype: DType,
    rank: usize,
    output_dim: usize,
    config: Option<PackedConfig>,
) -> Result<Vec<Value>, Fault> {
    let weight = a.tensor(0)?;
    let bias = a.optional_tensor(1)?;
    if weight.dtype != dtype || weight.shape.len() != rank {
        return Err(Fault::new(format!(
            "a {family} weight has type {dtype} and {rank} dimensions, not {} and {}",
            weight.dtype,
            weight.shape.len()
        )));
    }
    let groups = match &config {
        Some(config) if config.groups < 1 => {
            return Err(Fault::new(format!("{} groups", config.groups)));
        }
        Some(config) if config.transposed => config.groups as usize,
        _ => 1,
    };
    let outputs = weight.shape[output_dim].saturating_mul(groups);
    if let Some(bias) = bias
        && (bias.dtype != DType::F32 || bias.shape != [outputs])
    {
        return Err(Fault::new(format!(
            "the bias should be f32 of shape [{outputs}], not {} of shape {:?}",
            bias.dtype, bias.shape
        )));
    }
    let packed = Packed {
        family: Name::new(family),
        weight: weight.clone(),
        bias: bias.cloned(),
        config,
        range: (None, None),
    };
    Ok(vec![Value::Packed(Arc::new(packed.of_height_1()))])
}

/// `*_unpack(packed) -> (Tensor weight, Tensor? bias)`.
fn unpack(a: Arguments, family: &str) -> Result<Vec<Value>, Fault> {
    let packed = a.packed(0, family)?;
    let bias = packed.bias.clone().map_or(Value::NONE, Value::from);
    Ok(vec![packed.weight.clone().into(), bias])
}

/// The same of a convolution over one dimension.
fn unpack_of_height_1(a: Arguments, family: &str) -> Result<Vec<Value>, Fault> {
    let packed = a.packed(0, family)?;
    let mut weight = packed.weight.clone();
    if weight.shape.get(2) != Some(&1) {
        return Err(Fault::new("the weight was packed for two dimensions"));
    }
    weight.shape.remove(2);
    weight.strides.remove(2);
    let bias = packed.bias.clone().map_or(Value::NONE, Value::from);
    Ok(vec![weight.into(), bias])
}

fn geometry(a: Arguments<'_>) -> Result<&PackedConfig, Fault> {
    match a.value(0) {
        Value::Packed(packed) => packed
            .config
            .as_ref()
            .ok_or_else(|| Fault::new("a packed linear weight has no geometry")),
        _ => Err(a.wrong(0, "a packed weight")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::affine::Affine;
    use crate::eval::call;

    #[test]
    fn unpacking_gives_the_same_storage() {
        let affine = Affine::new(DType::QI8, 0.5, 0).unwrap();
        let weight = affine.tensor(vec![2, 3, 1], &[1, 2, 3, 4, 5, 6]);
        let bias = tensor_f32(vec![2], &[0.5, -0.5]);
        let operands = [
            Value::from(weight.clone()),
            bias.clone().into(),
            Value::ints([2]),
            Value::ints([1]),
            Value::ints([1]),
            Value::int(1),
        ];
        let packed = call("quantized::conv1d_prepack", &operands).unwrap();
        let parts = call("quantized::conv1d_unpack", &packed).unwrap();
        assert!(
            parts[0]
                .as_tensor()
                .unwrap()
                .storage
                .is_same(&weight.storage)
        );
        assert!(parts[1].as_tensor().unwrap().storage.is_same(&bias.storage));
        let stride = call("quantized::conv2d_stride", &packed).unwrap();
        assert_eq!(stride[0].as_literal().unwrap().as_ints(), Some(vec![1, 2]));
        assert!(call("quantized::linear_unpack", &packed).is_err());
    }

    #[test]
    fn half_precision_rounds_and_saturates() {
        let weight = tensor_f32(vec![1, 3], &[0.1, -1e6, 65504.0]);
        let packed = call("quantized::linear_prepack_fp16", &[weight.into()]).unwrap();
        let parts = call("quantized::linear_unpack_fp16", &packed).unwrap();
        let rounded = elements::read_f32(parts[0].as_tensor().unwrap()).unwrap();
        assert_eq!(rounded, [0.099_975_586, -65504.0, 65504.0]);
        assert!(call("quantized::linear_unpack", &packed).is_err());
    }

    #[test]
    fn weights_that_do_not_fit_are_errors() {
        let weight = tensor_f32(vec![2, 3], &[0.0; 6]);
        assert!(call("quantized::linear_prepack", &[weight.into()]).is_err());
        let affine = Affine::new(DType::QI8, 0.5, 0).unwrap();
        let weight = affine.tensor(vec![2, 3], &[0; 6]);
        let bias = tensor_f32(vec![3], &[0.0; 3]);
        assert!(
            call(
                "quantized::linear_prepack",
                &[weight.clone().into(), bias.into()]
            )
            .is_err()
        );
        assert!(call("quantized::conv2d_prepack", &[weight.into()]).is_err());
    }
}
