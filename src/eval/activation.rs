//! Operators that act on each element alone.
//!
//! In: a float tensor, or a quantized one with one scale. Out: a contiguous tensor of the same shape and type.
//! Invariant: on quantized tensors a real function is `quantize(f(dequantize(q)))`; what only compares stays on the integers.
//! PyTorch's vector code fuses the multiplication of the dequantization, its scalar code for the last few elements does not: near ties its
//! results are off by one step from these, and from its own at other places of a tensor.
//! Invariant: `exp` is taken in doubles and rounded to `f32`; every other step is `f32`.
//!
//! Sources: `QuantizedOpKernels.cpp` and `Activation.cpp` of PyTorch.

use std::f64::consts::FRAC_1_SQRT_2;

use crate::graph::{DType, Tensor};

use super::Value;
use super::affine::Affine;
use super::arguments::Arguments;
use super::elements::{self, tensor_float};
use super::error::Fault;
use super::exponential::{erf, exp_f32, sigmoid_f32, tanh_f32};
use super::table::Kernel;

/// The kernels of this file.
pub(super) fn kernel(op: &str) -> Option<Kernel> {
    Some(match op {
        "aten::relu" => |a| clamped(a, Some(0.0), None),
        "aten::relu6" | "quantized::relu6" => |a| clamped(a, Some(0.0), Some(6.0)),
        "aten::hardtanh" => |a| clamped(a, Some(a.float_or(1, -1.0)?), Some(a.float_or(2, 1.0)?)),
        "aten::clamp" | "quantized::clamp" => {
            |a| clamped(a, optional_float(a, 1)?, optional_float(a, 2)?)
        }
        "aten::clamp_min" => |a| clamped(a, Some(a.float(1)?), None),
        "aten::clamp_max" => |a| clamped(a, None, Some(a.float(1)?)),
        "aten::hardswish" => |a| real(a, hardswish),
        "aten::silu" => |a| real(a, |x| x / (1.0 + exp_f32(-x))),
        "aten::gelu" => gelu,
        "aten::neg" => |a| real_or_double(a, |x| -x, |x| -x),
        "aten::abs" => |a| real_or_double(a, f32::abs, f64::abs),
        "aten::sqrt" => |a| real_or_double(a, f32::sqrt, f64::sqrt),
        "aten::rsqrt" => |a| real_or_double(a, |x| 1.0 / x.sqrt(), |x| 1.0 / x.sqrt()),
        "aten::exp" => |a| real(a, exp_f32),
        "aten::reciprocal" => |a| real_or_double(a, |x| 1.0 / x, |x| 1.0 / x),
        "aten::floor" => |a| real_or_double(a, f32::floor, f64::floor),
        "aten::ceil" => |a| real_or_double(a, f32::ceil, f64::ceil),
        "aten::round" => |a| real_or_double(a, f32::round_ties_even, f64::round_ties_even),
        "aten::hardsigmoid" => |a| bounded(a, hardsigmoid, 256.0, false),
        "aten::sigmoid" => |a| bounded(a, sigmoid_f32, 256.0, false),
        "aten::tanh" => |a| bounded(a, tanh_f32, 128.0, true),
        "aten::elu" => |a| {
            let f = elu(a, 1)?;
            real(a, f)
        },
        "aten::leaky_relu" => |a| {
            let slope = a.float_or(1, 0.01)? as f32;
            same_parameters(a, |x| leaky(x, slope))
        },
        "aten::prelu" => prelu,
        "quantized::hardswish" => |a| requantized(a, 1, hardswish),
        "quantized::sigmoid" => |a| requantized(a, 1, sigmoid_f32),
        "quantized::elu" => |a| {
            let f = elu(a, 3)?;
            requantized(a, 1, f)
        },
        "quantized::celu" => |a| {
            let alpha = a.float_or(3, 1.0)?;
            requantized(a, 1, elu_of(alpha as f32, 1.0, (1.0 / alpha) as f32))
        },
        "quantized::leaky_relu" => |a| {
            let slope = a.float(1)? as f32;
            requantized(a, 3, |x| leaky(x, slope))
        },
        "aten::dropout"
        | "aten::feature_dropout"
        | "aten::alpha_dropout"
        | "aten::feature_alpha_dropout" => |a| off_while_training(a, 2),
        "quantized::dropout" => |a| off_while_training(a, 4),
        _ => return None,
    })
}

fn optional_float(a: Arguments, position: usize) -> Result<Option<f64>, Fault> {
    if a.is_none(position) {
        return Ok(None);
    }
    a.float(position).map(Some)
}

fn hardswish(x: f32) -> f32 {
    x * six(x) / 6.0
}

fn hardsigmoid(x: f32) -> f32 {
    six(x) / 6.0
}

/// `x + 3` between 0 and 6.
fn six(x: f32) -> f32 {
    (x + 3.0).clamp(0.0, 6.0)
}

fn leaky(x: f32, slope: f32) -> f32 {
    if x > 0.0 { x } else { x * slope }
}

/// `elu` with `alpha`, `scale` and `input_scale` from these operands on.
fn elu(a: Arguments, at: usize) -> Result<impl Fn(f32) -> f32, Fault> {
    let (alpha, scale) = (a.float_or(at, 1.0)?, a.float_or(at + 1, 1.0)?);
    let input_scale = a.float_or(at + 2, 1.0)?;
    Ok(elu_of(alpha as f32, scale as f32, input_scale as f32))
}

fn elu_of(alpha: f32, scale: f32, input_scale: f32) -> impl Fn(f32) -> f32 {
    let negative = alpha * scale;
    move |x| {
        if x > 0.0 {
            x * scale
        } else {
            (exp_f32(x * input_scale) - 1.0) * negative
        }
    }
}

/// `f` of each element of a float tensor.
fn real(a: Arguments, f: impl Fn(f32) -> f32) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    let elements: Vec<f32> = elements::read_f32(tensor)?.into_iter().map(f).collect();
    Ok(vec![
        tensor_float(tensor.dtype, tensor.shape.clone(), &elements)?.into(),
    ])
}

/// A function of each element of a float tensor, doubles included.
fn real_or_double(
    a: Arguments,
    single: impl Fn(f32) -> f32,
    double: impl Fn(f64) -> f64,
) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    if tensor.dtype != DType::F64 {
        return real(a, single);
    }
    let elements: Vec<f64> = elements::read_f64(tensor)?
        .into_iter()
        .map(double)
        .collect();
    Ok(vec![
        elements::tensor_f64(tensor.shape.clone(), &elements).into(),
    ])
}

/// `gelu(Tensor self, *, str approximate)`.
fn gelu(a: Arguments) -> Result<Vec<Value>, Fault> {
    let by_tanh = !a.is_none(1) && a.str(1)? == "tanh";
    real(a, |x| {
        let inner = 0.797_884_6 * (x + 0.044_715 * x * x * x);
        match by_tanh {
            true => 0.5 * x * (1.0 + tanh_f32(inner)),
            false => (0.5 * f64::from(x) * (1.0 + erf(f64::from(x) * FRAC_1_SQRT_2))) as f32,
        }
    })
}

/// Each integer of a quantized tensor through `f`, computed once for each of the 256 integers of the small types.
pub(super) fn integers(
    tensor: &Tensor,
    out: Affine,
    f: impl Fn(i32) -> i32,
) -> Result<Tensor, Fault> {
    let (low, _) = super::affine::range(tensor.dtype);
    let codes = elements::read_quantized(tensor)?;
    let mapped: Vec<i32> = if tensor.dtype.size() == 1 && codes.len() > 256 {
        let table: Vec<i32> = (low..low + 256).map(f).collect();
        codes
            .into_iter()
            .map(|q| table[(q - low) as usize])
            .collect()
    } else {
        codes.into_iter().map(f).collect()
    };
    Ok(out.tensor(tensor.shape.clone(), &mapped))
}

/// `quantize(f(dequantize(q)))`.
fn mapped(tensor: &Tensor, out: Affine, f: impl Fn(f32) -> f32) -> Result<Vec<Value>, Fault> {
    let affine = Affine::of(tensor)?;
    let result = integers(tensor, out, |q| out.quantize(f(affine.dequantize(q))))?;
    Ok(vec![result.into()])
}

/// A quantized operator with output scale and zero point as operands.
fn requantized(a: Arguments, scale: usize, f: impl Fn(f32) -> f32) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    let out = Affine::new(tensor.dtype, a.float(scale)?, a.int(scale + 1)?)?;
    mapped(tensor, out, f)
}

/// An operator that keeps scale and zero point of a quantized input.
fn same_parameters(a: Arguments, f: impl Fn(f32) -> f32) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    if tensor.dtype.is_quantized() {
        return mapped(tensor, Affine::of(tensor)?, f);
    }
    real(a, f)
}

/// An operator whose range is known: on quantized inputs the steps are `1 / steps`, and zero is in the middle if `signed`.
fn bounded(
    a: Arguments,
    f: impl Fn(f32) -> f32,
    steps: f64,
    signed: bool,
) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    let zero = match (tensor.dtype, signed) {
        (DType::QU8, false) | (DType::QI8, true) => 0,
        (DType::QU8, true) => 128,
        (DType::QI8, false) => -128,
        (DType::QI32, _) => return Err(Fault::new("inputs of type qint32 are not supported")),
        _ => return real(a, f),
    };
    mapped(tensor, Affine::new(tensor.dtype, 1.0 / steps, zero)?, f)
}

/// Between two bounds: on quantized inputs a comparison of integers with the quantized bounds.
fn clamped(a: Arguments, least: Option<f64>, most: Option<f64>) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    if !tensor.dtype.is_quantized() {
        let (least, most) = (least.map(|x| x as f32), most.map(|x| x as f32));
        // Comparisons, unlike `max` and `min`, let not-a-number through.
        return real(a, |x| {
            let x = match least {
                Some(least) if x < least => least,
                _ => x,
            };
            match most {
                Some(most) if x > most => most,
                _ => x,
            }
        });
    }
    let affine = Affine::of(tensor)?;
    let (low, high) = affine.range();
    let least = least.map_or(low, |x| affine.quantize(x as f32));
    let most = most.map_or(high, |x| affine.quantize(x as f32));
    let out = integers(tensor, affine, |q| q.max(least).min(most))?;
    Ok(vec![out.into()])
}

/// `prelu(Tensor self, Tensor weight)`: one slope, or one for each channel (dimension 1).
fn prelu(a: Arguments) -> Result<Vec<Value>, Fault> {
    let (tensor, slopes) = (a.tensor(0)?, elements::read_f32(a.tensor(1)?)?);
    let channels = tensor.shape.get(1).copied().unwrap_or(1);
    if slopes.len() != 1 && slopes.len() != channels {
        return Err(Fault::new(format!(
            "{} slopes for {channels} channels",
            slopes.len()
        )));
    }
    let run = match slopes.len() {
        1 => usize::MAX,
        _ => tensor.shape.iter().skip(2).product::<usize>().max(1),
    };
    let elements: Vec<f32> = elements::read_f32(tensor)?
        .chunks(run)
        .zip(slopes.iter().cycle())
        .flat_map(|(run, &slope)| run.iter().map(move |&x| leaky(x, slope)))
        .collect();
    Ok(vec![
        tensor_float(tensor.dtype, tensor.shape.clone(), &elements)?.into(),
    ])
}

/// `dropout(Tensor input, float p, bool train)`: the input itself unless training, which is random and refused.
fn off_while_training(a: Arguments, train: usize) -> Result<Vec<Value>, Fault> {
    if a.bool_or(train, false)? {
        return Err(Fault::new("dropout while training is random"));
    }
    Ok(vec![a.tensor(0)?.clone().into()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::call;
    use crate::eval::elements::tensor_f32;

    fn floats(op: &str, input: &[f32], rest: &[Value]) -> Vec<f32> {
        let mut operands = vec![tensor_f32(vec![input.len()], input).into()];
        operands.extend_from_slice(rest);
        let out = call(op, &operands).unwrap().remove(0);
        elements::read_f32(out.as_tensor().unwrap()).unwrap()
    }

    fn codes(op: &str, input: &[i32], rest: &[Value]) -> (Affine, Vec<i32>) {
        let affine = Affine::new(DType::QU8, 0.5, 10).unwrap();
        let mut operands = vec![affine.tensor(vec![input.len()], input).into()];
        operands.extend_from_slice(rest);
        let out = call(op, &operands).unwrap().remove(0);
        let out = out.as_tensor().unwrap();
        (
            Affine::of(out).unwrap(),
            elements::read_quantized(out).unwrap(),
        )
    }

    #[test]
    fn floats_follow_the_formulas() {
        let x = [-4.0, -1.0, 0.0, 1.5, 8.0];
        assert_eq!(floats("aten::relu", &x, &[]), [0.0, 0.0, 0.0, 1.5, 8.0]);
        assert_eq!(floats("aten::relu6_", &x, &[]), [0.0, 0.0, 0.0, 1.5, 6.0]);
        assert_eq!(
            floats("aten::hardswish", &x, &[]),
            [-0.0, -1.0 / 3.0, 0.0, 1.125, 8.0]
        );
        assert_eq!(floats("aten::hardsigmoid", &x[2..4], &[]), [0.5, 0.75]);
        let slope = [Value::float(0.25)];
        assert_eq!(
            floats("aten::leaky_relu_", &x, &slope),
            [-1.0, -0.25, 0.0, 1.5, 8.0]
        );
        let bounds = [Value::NONE, Value::int(1)];
        assert_eq!(
            floats("aten::clamp", &x, &bounds),
            [-4.0, -1.0, 0.0, 1.0, 1.0]
        );
        assert!(floats("aten::relu", &[f32::NAN], &[])[0].is_nan());
        let elu = floats(
            "aten::elu",
            &[-1.0, 2.0],
            &[Value::float(2.0), Value::int(3)],
        );
        assert_eq!(elu, [((-1.0f64).exp() as f32 - 1.0) * 6.0, 6.0]);
    }

    #[test]
    fn comparisons_stay_on_the_integers() {
        let (affine, q) = codes("aten::relu", &[0, 9, 10, 200], &[]);
        assert_eq!((affine.scale, affine.zero), (0.5, 10));
        assert_eq!(q, [10, 10, 10, 200]);
        let (_, q) = codes(
            "aten::hardtanh",
            &[0, 9, 13, 200],
            &[Value::int(-1), Value::int(2)],
        );
        assert_eq!(q, [8, 9, 13, 14]);
    }

    #[test]
    fn bounded_functions_choose_their_own_scale() {
        let (affine, q) = codes("aten::sigmoid", &[10, 0, 255], &[]);
        assert_eq!((affine.scale, affine.zero), (1.0 / 256.0, 0));
        assert_eq!(q, [128, 2, 255]);
        let (affine, q) = codes("aten::tanh", &[10, 0, 255], &[]);
        assert_eq!((affine.scale, affine.zero), (2.0 / 256.0, 128));
        assert_eq!(q, [128, 0, 255]);
    }

    #[test]
    fn large_tensors_take_the_table() {
        let input: Vec<i32> = (0..512).map(|i| i % 256).collect();
        let out = [Value::float(0.3), Value::int(7)];
        let (_, long) = codes("quantized::hardswish", &input, &out);
        let (_, short) = codes("quantized::hardswish", &input[..256], &out);
        assert_eq!(long[..256], short);
        assert_eq!(long[256..], short);
    }

    #[test]
    fn training_is_refused() {
        let x = Value::from(tensor_f32(vec![1], &[1.0]));
        let operands = [x, Value::float(0.5), Value::bool(true)];
        assert!(call("aten::dropout", &operands).is_err());
    }
}
