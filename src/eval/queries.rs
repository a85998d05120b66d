//! What a tensor says about itself, and numbers from tensors and back.
//!
//! In: a tensor or a number. Out: sizes, types, numbers; tensors of one element; tensors of another element type.
//! Invariant: types are the numbers TorchScript writes for them.

use crate::graph::{DType, Literal, Tensor};

use super::Value;
use super::arguments::Arguments;
use super::elements;
use super::error::Fault;
use super::quantize::reals;
use super::table::Kernel;
use super::views::sizes;

/// The kernels of this file.
pub(super) fn kernel(op: &str) -> Option<Kernel> {
    Some(match op {
        "aten::size" => |a| Ok(vec![Value::ints(sizes(a.tensor(0)?))]),
        "aten::size.int" => |a| {
            let tensor = a.tensor(0)?;
            let dim = a.dim(1, tensor.shape.len())?;
            let size = tensor.shape.get(dim).copied();
            let size = size.ok_or_else(|| Fault::new("a tensor without dimensions"))?;
            Ok(vec![Value::int(size as i64)])
        },
        "aten::dim" => |a| Ok(vec![Value::int(a.tensor(0)?.shape.len() as i64)]),
        "aten::numel" => |a| {
            Ok(vec![Value::int(
                elements::count(&a.tensor(0)?.shape)? as i64
            )])
        },
        "aten::len.Tensor" => |a| {
            let size = a.tensor(0)?.shape.first().copied();
            let size = size.ok_or_else(|| Fault::new("a tensor without dimensions"))?;
            Ok(vec![Value::int(size as i64)])
        },
        "aten::is_contiguous" => |a| Ok(vec![Value::bool(a.tensor(0)?.is_contiguous())]),
        "aten::is_floating_point" => |a| Ok(vec![Value::bool(a.tensor(0)?.dtype.is_float())]),
        "aten::is_complex" => |a| Ok(vec![Value::bool(a.tensor(0)?.dtype.is_complex())]),
        "prim::dtype" => |a| {
            Ok(vec![Value::int(crate::ops::torch_dtype_code(
                a.tensor(0)?.dtype,
            ))])
        },
        "prim::device" => |a| {
            a.tensor(0)?;
            Ok(vec![Value::Literal(Literal::Device("cpu".into()))])
        },
        "aten::item" | "aten::ScalarImplicit" => |a| Ok(vec![item(a)?.into()]),
        "aten::Int.Tensor" | "aten::IntImplicit" => |a| {
            Ok(vec![match item(a)? {
                // A cast that truncates and saturates.
                Literal::Float(x) => Value::int(x as i64),
                Literal::Bool(b) => Value::int(b.into()),
                other => other.into(),
            }])
        },
        "aten::Float.Tensor" | "aten::FloatImplicit" => |a| {
            let number = item(a)?.as_float();
            number
                .map(|x| vec![Value::float(x)])
                .ok_or_else(|| a.wrong(0, "a number"))
        },
        "aten::Bool.Tensor" => |a| {
            Ok(vec![Value::bool(match item(a)? {
                Literal::Bool(b) => b,
                number => number.as_float() != Some(0.0),
            })])
        },
        "aten::scalar_tensor" => scalar_tensor,
        "aten::tensor.int" | "aten::tensor.bool" => number_of_type,
        "prim::NumToTensor.Scalar" | "prim::NumToTensor.bool" => number_tensor,
        "aten::to.dtype" => |a| one(converted(a.tensor(0)?, a.dtype(1)?)?),
        "aten::type_as" => |a| one(converted(a.tensor(0)?, a.tensor(1)?.dtype)?),
        _ => return None,
    })
}

fn one(tensor: Tensor) -> Result<Vec<Value>, Fault> {
    Ok(vec![tensor.into()])
}

/// `item(Tensor self)`: the only element as a number.
fn item(a: Arguments) -> Result<Literal, Fault> {
    let tensor = match a.value(0) {
        // TorchScript lets numbers pass where it expects a tensor of one.
        Value::Literal(number) if number.as_float().is_some() => return Ok(number.clone()),
        _ => a.tensor(0)?,
    };
    if elements::count(&tensor.shape)? != 1 {
        return Err(Fault::new(format!(
            "a tensor of shape {:?} is not one number",
            tensor.shape
        )));
    }
    Ok(match tensor.dtype {
        DType::Bool => Literal::Bool(elements::read_i64(tensor)? == [1]),
        dtype if dtype.is_float() => Literal::Float(a.float(0)?),
        dtype if dtype.is_quantized() => {
            let real = reals(tensor)?.first().copied();
            Literal::Float(real.unwrap_or(0.0).into())
        }
        _ => Literal::Int(a.int(0)?),
    })
}

/// `scalar_tensor(Scalar s, ScalarType? dtype, ..)`: `f32` unless told otherwise.
fn scalar_tensor(a: Arguments) -> Result<Vec<Value>, Fault> {
    let dtype = if a.is_none(1) {
        DType::F32
    } else {
        a.dtype(1)?
    };
    let double = elements::tensor_f64(vec![], &[a.float(0)?]);
    let number = match a.value(0) {
        Value::Literal(Literal::Int(n)) => elements::tensor_i64(vec![], &[*n]),
        _ => double,
    };
    one(converted(&number, dtype)?)
}

/// `NumToTensor(Scalar a)`: a tensor of rank 0 whose type is the widest of the number's kind.
fn number_tensor(a: Arguments) -> Result<Vec<Value>, Fault> {
    one(match a.value(0) {
        Value::Literal(Literal::Int(n)) => elements::tensor_i64(vec![], &[*n]),
        Value::Literal(Literal::Bool(truth)) => {
            Tensor::contiguous(DType::Bool, vec![], vec![u8::from(*truth)])
        }
        _ => elements::tensor_f64(vec![], &[a.float(0)?]),
    })
}

/// `tensor(int t, ScalarType? dtype, ..)` and the same of a truth value: a tensor of rank 0, of the widest type unless told otherwise.
fn number_of_type(a: Arguments) -> Result<Vec<Value>, Fault> {
    let widest = number_tensor(a)?;
    match widest.first().and_then(Value::as_tensor) {
        Some(tensor) if !a.is_none(1) => one(converted(tensor, a.dtype(1)?)?),
        _ => Ok(widest),
    }
}

/// `to(Tensor self, ScalarType dtype)` between floats and integers; floats truncate to integers.
pub(super) fn converted(tensor: &Tensor, dtype: DType) -> Result<Tensor, Fault> {
    if tensor.dtype == dtype {
        return Ok(tensor.clone());
    }
    if tensor.dtype.is_quantized() || dtype.is_quantized() {
        return Err(Fault::new(format!(
            "{} does not convert to {dtype}",
            tensor.dtype
        )));
    }
    let shape = tensor.shape.clone();
    let integers = || -> Result<Vec<i64>, Fault> {
        if tensor.dtype.is_float() {
            let doubles = elements::read_f64(tensor)?;
            return Ok(doubles.into_iter().map(|x| x as i64).collect());
        }
        elements::read_i64(tensor)
    };
    let bytes: Vec<u8> = match dtype {
        DType::F64 => return Ok(elements::tensor_f64(shape, &elements::read_f64(tensor)?)),
        DType::F32 | DType::F16 | DType::BF16 => {
            let singles: Vec<f32> = elements::read_f64(tensor)?
                .into_iter()
                .map(|x| x as f32)
                .collect();
            return elements::tensor_float(dtype, shape, &singles);
        }
        DType::I64 => return Ok(elements::tensor_i64(shape, &integers()?)),
        DType::I32 => integers()?
            .into_iter()
            .flat_map(|n| (n as i32).to_le_bytes())
            .collect(),
        DType::I16 => integers()?
            .into_iter()
            .flat_map(|n| (n as i16).to_le_bytes())
            .collect(),
        DType::U8 | DType::I8 => integers()?.into_iter().map(|n| n as u8).collect(),
        DType::Bool => elements::read_f64(tensor)?
            .into_iter()
            .map(|x| u8::from(x != 0.0))
            .collect(),
        _ => return Err(Fault::new(format!("nothing converts to {dtype}"))),
    };
    Ok(Tensor::contiguous(dtype, shape, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::call;
    use crate::eval::elements::tensor_f32;

    #[test]
    fn numbers_and_tensors_of_one_convert() {
        let number = call("prim::NumToTensor.Scalar", &[Value::int(13)]).unwrap();
        let tensor = number[0].as_tensor().unwrap();
        assert_eq!((tensor.dtype, tensor.shape.len()), (DType::I64, 0));
        let back = call("aten::Int.Tensor", &number).unwrap();
        assert_eq!(back[0].as_literal(), Some(&Literal::Int(13)));
        let one = call("aten::scalar_tensor", &[Value::int(13)]).unwrap();
        assert_eq!(one[0].as_tensor().unwrap().dtype, DType::F32);
        let back = call("aten::item", &one).unwrap();
        assert_eq!(back[0].as_literal().unwrap().as_float(), Some(13.0));
        assert!(call("aten::item", &[tensor_f32(vec![2], &[1.0; 2]).into()]).is_err());
        let int = call(
            "aten::to.dtype",
            &[tensor_f32(vec![2], &[-1.5, 2.5]).into(), Value::int(4)],
        )
        .unwrap();
        assert_eq!(
            elements::read_i64(int[0].as_tensor().unwrap()).unwrap(),
            [-1, 2]
        );
    }

    #[test]
    fn tensors_describe_themselves() {
        let x = Value::from(tensor_f32(vec![2, 3], &[0.0; 6]));
        let ask = |op: &str, rest: &[Value]| {
            let mut operands = vec![x.clone()];
            operands.extend_from_slice(rest);
            let answer = call(op, &operands).ok()?.remove(0);
            answer.as_literal().cloned()
        };
        assert_eq!(ask("aten::size", &[]), Some(Literal::ints([2, 3])));
        assert_eq!(
            ask("aten::size.int", &[Value::int(-1)]),
            Some(Literal::Int(3))
        );
        assert_eq!(ask("aten::size.int", &[Value::int(2)]), None);
        assert_eq!(ask("aten::dim", &[]), Some(Literal::Int(2)));
        assert_eq!(ask("aten::numel", &[]), Some(Literal::Int(6)));
        assert_eq!(ask("aten::len.Tensor", &[]), Some(Literal::Int(2)));
        assert_eq!(ask("prim::dtype", &[]), Some(Literal::Int(6)));
        let half = [Value::from(tensor_f32(vec![1], &[0.5]))];
        let truth = call("aten::Bool.Tensor", &half).unwrap();
        assert_eq!(truth[0].as_literal(), Some(&Literal::Bool(true)));
        let int = call("aten::Int.Tensor", &half).unwrap();
        assert_eq!(int[0].as_literal(), Some(&Literal::Int(0)));
    }
}
