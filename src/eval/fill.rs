//! Tensors made from sizes and a number.
//!
//! In: sizes, or a tensor to be like. Out: a contiguous tensor of one number everywhere.
//! Invariant: an element type that is not given is `f32` for sizes, and that of the number for `full`, as in PyTorch.

use crate::graph::{DType, Literal, Tensor};

use super::Value;
use super::arguments::Arguments;
use super::elements;
use super::error::Fault;
use super::queries::converted;
use super::table::Kernel;

/// The kernels of this file.
pub(super) fn kernel(op: &str) -> Option<Kernel> {
    Some(match op {
        "aten::zeros" => |a| sized(a, 0.0),
        "aten::ones" => |a| sized(a, 1.0),
        "aten::full" => full,
        "aten::zeros_like" => |a| like(a, 0.0),
        "aten::zero" => |a| {
            let tensor = a.tensor(0)?;
            filled(tensor.shape.clone(), 0.0, tensor.dtype)
        },
        "aten::ones_like" => |a| like(a, 1.0),
        _ => return None,
    })
}

fn shape(a: Arguments, position: usize) -> Result<Vec<usize>, Fault> {
    let sizes = a.ints(position)?;
    let shape: Result<Vec<usize>, _> = sizes.iter().map(|&n| usize::try_from(n)).collect();
    let shape = shape.map_err(|_| a.wrong(position, "sizes that are not negative"))?;
    elements::count(&shape)?;
    Ok(shape)
}

fn filled(shape: Vec<usize>, number: f64, dtype: DType) -> Result<Vec<Value>, Fault> {
    let elements = vec![number; elements::count(&shape)?];
    let tensor: Tensor = converted(&elements::tensor_f64(shape, &elements), dtype)?;
    Ok(vec![tensor.into()])
}

/// `zeros(int[] size, ScalarType? dtype, ..)`.
fn sized(a: Arguments, number: f64) -> Result<Vec<Value>, Fault> {
    let dtype = if a.is_none(1) {
        DType::F32
    } else {
        a.dtype(1)?
    };
    filled(shape(a, 0)?, number, dtype)
}

/// `full(int[] size, Scalar fill_value, ScalarType? dtype, ..)`.
fn full(a: Arguments) -> Result<Vec<Value>, Fault> {
    let dtype = match (a.is_none(2), a.value(1)) {
        (false, _) => a.dtype(2)?,
        (true, Value::Literal(Literal::Int(_))) => DType::I64,
        (true, Value::Literal(Literal::Bool(_))) => DType::Bool,
        (true, _) => DType::F32,
    };
    filled(shape(a, 0)?, a.float(1)?, dtype)
}

/// `zeros_like(Tensor self, ScalarType? dtype, ..)`.
fn like(a: Arguments, number: f64) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    let dtype = if a.is_none(1) {
        tensor.dtype
    } else {
        a.dtype(1)?
    };
    filled(tensor.shape.clone(), number, dtype)
}

#[cfg(test)]
mod tests {
    use crate::eval::{Value, call};
    use crate::graph::DType;

    #[test]
    fn sizes_and_numbers_make_tensors() {
        let made = |op: &str, operands: &[Value]| {
            let tensor = call(op, operands).unwrap()[0].as_tensor().unwrap().clone();
            (
                tensor.dtype,
                tensor.shape.clone(),
                tensor.contiguous_bytes().unwrap().to_vec(),
            )
        };
        let sizes = Value::ints([1, 2]);
        let zeros = made("aten::zeros", std::slice::from_ref(&sizes));
        assert_eq!(zeros, (DType::F32, vec![1, 2], vec![0; 8]));
        let ones = made("aten::ones", &[sizes.clone(), Value::int(1)]);
        assert_eq!(ones, (DType::I8, vec![1, 2], vec![1, 1]));
        let full = made("aten::full", &[sizes.clone(), Value::bool(true)]);
        assert_eq!(full, (DType::Bool, vec![1, 2], vec![1, 1]));
        assert!(call("aten::zeros", &[Value::ints([-1])]).is_err());
        assert!(call("aten::zeros", &[Value::ints([i64::MAX, i64::MAX])]).is_err());
    }
}
