//! XNNPACK's operators: a float weight with the bounds of the output, and what runs on it.
//!
//! In: weights, geometry and bounds; inputs. Out: packed objects; convolutions and products, clamped.
//! Invariant: sums are those of the float operators, so results are within rounding of what XNNPACK computes.
//!
//! Source: `aten/src/ATen/native/xnnpack` of PyTorch 1.13.

use std::sync::Arc;

use crate::graph::{DType, Name, Packed, PackedConfig};

use super::Value;
use super::arguments::Arguments;
use super::elements;
use super::error::Fault;
use super::table::{self, Kernel};

const LINEAR: &str = "xnnpack_linear";
const CONV: &str = "xnnpack_conv2d";
const TRANSPOSED: &str = "xnnpack_conv_transpose2d";

/// The kernels of this file.
pub(super) fn kernel(op: &str) -> Option<Kernel> {
    Some(match op {
        "prepacked::linear_clamp_prepack" => |a| pack(a, LINEAR, 2, None, 2),
        "prepacked::conv2d_clamp_prepack" => |a| {
            let config = PackedConfig {
                stride: a.spatial(2, 2, 1)?,
                padding: a.spatial(3, 2, 0)?,
                output_padding: vec![0; 2],
                dilation: a.spatial(4, 2, 1)?,
                groups: a.int(5)?,
                transposed: false,
            };
            pack(a, CONV, 4, Some(config), 6)
        },
        "prepacked::conv2d_transpose_clamp_prepack" => |a| {
            let config = PackedConfig {
                stride: a.spatial(2, 2, 1)?,
                padding: a.spatial(3, 2, 0)?,
                output_padding: a.spatial(4, 2, 0)?,
                dilation: a.spatial(5, 2, 1)?,
                groups: a.int(6)?,
                transposed: true,
            };
            pack(a, TRANSPOSED, 4, Some(config), 7)
        },
        "prepacked::linear_clamp_run" => |a| run(a, LINEAR),
        "prepacked::conv2d_clamp_run" => |a| run(a, CONV),
        "prepacked::conv2d_transpose_clamp_run" => |a| run(a, TRANSPOSED),
        _ => return None,
    })
}

/// Weight, bias and geometry; the bounds are the operands from `bounds` on.
fn pack(
    a: Arguments,
    family: &str,
    rank: usize,
    config: Option<PackedConfig>,
    bounds: usize,
) -> Result<Vec<Value>, Fault> {
    let (weight, bias) = (a.tensor(0)?, a.optional_tensor(1)?);
    if weight.dtype != DType::F32 || weight.shape.len() != rank {
        return Err(Fault::new(format!(
            "the weight has type f32 and {rank} dimensions, not {} and {}",
            weight.dtype,
            weight.shape.len()
        )));
    }
    let bound = |at: usize| match a.is_none(at) {
        true => Ok(None),
        false => a.float(at).map(Some),
    };
    let packed = Packed {
        family: Name::new(family),
        weight: weight.clone(),
        bias: bias.cloned(),
        config,
        range: (bound(bounds)?, bound(bounds + 1)?),
    };
    Ok(vec![Value::Packed(Arc::new(packed))])
}

/// The float operator, then the bounds.
fn run(a: Arguments, family: &str) -> Result<Vec<Value>, Fault> {
    let packed = a.packed(1, family)?;
    let bias = packed.bias.clone().map_or(Value::NONE, Value::from);
    let mut operands = vec![a.value(0).clone(), packed.weight.clone().into(), bias];
    let op = match &packed.config {
        None => "aten::linear",
        Some(config) => {
            let ints = |list: &[i64]| Value::ints(list.iter().copied());
            operands.extend([ints(&config.stride), ints(&config.padding)]);
            let (dilation, groups) = (ints(&config.dilation), Value::int(config.groups));
            if config.transposed {
                operands.extend([ints(&config.output_padding), groups, dilation]);
                "aten::conv_transpose2d.input"
            } else {
                operands.extend([dilation, groups]);
                "aten::conv2d"
            }
        }
    };
    let inner = |error: super::EvalError| Fault::new(error.to_string());
    let results = table::call(op, &operands).map_err(inner)?;
    let (least, most) = packed.range;
    let Some(result) = results.first().and_then(Value::as_tensor) else {
        return Err(Fault::new("the float operator gives no tensor"));
    };
    let clamped: Vec<f32> = elements::read_f32(result)?
        .into_iter()
        .map(|x| x.max(least.map_or(f32::NEG_INFINITY, |least| least as f32)))
        .map(|x| x.min(most.map_or(f32::INFINITY, |most| most as f32)))
        .collect();
    Ok(vec![
        elements::tensor_float(result.dtype, result.shape.clone(), &clamped)?.into(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::elements::tensor_f32;
    use crate::graph::Literal;

    #[test]
    fn the_output_has_bounds() {
        let weight = tensor_f32(vec![1, 2], &[1.0, -1.0]);
        let pack = |least: Literal, most: Literal| {
            let operands = [
                Value::from(weight.clone()),
                Value::NONE,
                least.into(),
                most.into(),
            ];
            table::call("prepacked::linear_clamp_prepack", &operands).expect("a packed weight")
        };
        let run = |packed: &[Value]| {
            let input = tensor_f32(vec![3, 2], &[1.0, 4.0, 2.0, 2.0, 9.0, 1.0]);
            let operands = [input.into(), packed[0].clone()];
            let result = table::call("prepacked::linear_clamp_run", &operands).expect("a result");
            elements::read_f32(result[0].as_tensor().expect("a tensor")).expect("floats")
        };
        let free = pack(Literal::None, Literal::None);
        assert_eq!(run(&free), [-3.0, 0.0, 8.0]);
        let both = pack(Literal::Int(0), Literal::Float(6.0));
        assert_eq!(run(&both), [0.0, 0.0, 6.0]);
        let relu = pack(Literal::Float(0.0), Literal::None);
        assert_eq!(run(&relu), [0.0, 0.0, 8.0]);
    }
}
