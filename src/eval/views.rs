//! Operators that only look at elements in another order or shape.
//!
//! In: a tensor. Out: a view of the same storage wherever strides can express it, as in PyTorch; a contiguous copy where they cannot.
//! Invariant: no element changes; quantization with one scale stays, with a scale for each channel it is refused where axes move.

use crate::graph::{Quantization, Tensor};

use super::Value;
use super::arguments::{Arguments, dimension};
use super::elements::{self, row_major};
use super::error::Fault;
use super::table::Kernel;

/// The kernels of this file.
pub(super) fn kernel(op: &str) -> Option<Kernel> {
    Some(match op {
        "aten::reshape" | "aten::view" | "aten::_reshape_alias" => {
            |a| one(reshaped(a.tensor(0)?, &a.ints(1)?)?)
        }
        "aten::view_as" | "aten::reshape_as" => |a| {
            let shape: Vec<i64> = a.tensor(1)?.shape.iter().map(|&n| n as i64).collect();
            one(reshaped(a.tensor(0)?, &shape)?)
        },
        "aten::flatten.using_ints" | "aten::flatten" => flatten,
        "aten::unflatten.int" => unflatten,
        "aten::permute" => |a| one(permuted(a.tensor(0)?, &a.ints(1)?)?),
        "aten::transpose.int" => transpose,
        "aten::t" | "aten::numpy_T" => |a| {
            let rank = a.tensor(0)?.shape.len() as i64;
            one(permuted(
                a.tensor(0)?,
                &(0..rank).rev().collect::<Vec<_>>(),
            )?)
        },
        "aten::contiguous" => |a| one(contiguous(a.tensor(0)?)?),
        "aten::clone" => |a| one(copied(a.tensor(0)?)?),
        "aten::detach" | "aten::alias" | "aten::cpu" => |a| one(a.tensor(0)?.clone()),
        "aten::squeeze" => |a| squeeze(a, None),
        "aten::squeeze.dim" => |a| squeeze(a, Some(vec![a.int(1)?])),
        "aten::squeeze.dims" => |a| squeeze(a, Some(a.ints(1)?)),
        "aten::unsqueeze" => unsqueeze,
        "aten::expand" => expand,
        _ => return None,
    })
}

fn one(tensor: Tensor) -> Result<Vec<Value>, Fault> {
    Ok(vec![tensor.into()])
}

pub(super) fn sizes(tensor: &Tensor) -> impl Iterator<Item = i64> {
    tensor.shape.iter().map(|&n| n as i64)
}

/// Refuses tensors whose axes cannot move because scales run along one of them, and those whose strides are not one for each dimension.
pub(super) fn movable(tensor: &Tensor) -> Result<(), Fault> {
    if matches!(tensor.quantization, Some(Quantization::PerChannel { .. })) {
        return Err(Fault::new(
            "a tensor with a scale for each channel cannot be viewed",
        ));
    }
    if tensor.strides.len() != tensor.shape.len() {
        return Err(Fault::new("a tensor has not one stride for each dimension"));
    }
    elements::count(&tensor.shape).map(|_| ())
}

pub(super) fn viewed(
    tensor: &Tensor,
    shape: Vec<usize>,
    strides: Vec<usize>,
    offset: usize,
) -> Tensor {
    Tensor {
        dtype: tensor.dtype,
        shape,
        strides,
        offset,
        storage: tensor.storage.clone(),
        quantization: tensor.quantization.clone(),
        requires_grad: false,
    }
}

/// The same elements in memory of their own, in row-major order.
pub(super) fn copied(tensor: &Tensor) -> Result<Tensor, Fault> {
    let bytes = row_major(tensor)?.into_owned();
    let mut copy = Tensor::contiguous(tensor.dtype, tensor.shape.clone(), bytes);
    copy.quantization = tensor.quantization.clone();
    Ok(copy)
}

fn contiguous(tensor: &Tensor) -> Result<Tensor, Fault> {
    if tensor.contiguous_bytes().is_some() {
        return Ok(tensor.clone());
    }
    copied(tensor)
}

/// The tensor with this shape, in which one size may be -1.
fn reshaped(tensor: &Tensor, shape: &[i64]) -> Result<Tensor, Fault> {
    movable(tensor)?;
    let total = elements::count(&tensor.shape)?;
    let wrong = || Fault::new(format!("{total} elements do not make a shape of {shape:?}"));
    let known = shape
        .iter()
        .filter(|&&n| n != -1)
        .try_fold(1usize, |product, &n| {
            product.checked_mul(usize::try_from(n).ok()?)
        })
        .ok_or_else(wrong)?;
    let free = shape.iter().filter(|&&n| n == -1).count();
    let rest = match free {
        0 => 1,
        1 if known != 0 => total / known,
        _ => return Err(wrong()),
    };
    if known.checked_mul(rest) != Some(total) {
        return Err(wrong());
    }
    let shape: Vec<usize> = shape
        .iter()
        .map(|&n| usize::try_from(n).unwrap_or(rest))
        .collect();
    let flat = contiguous(tensor)?;
    let mut strides = vec![1; shape.len()];
    for dim in (1..shape.len()).rev() {
        strides[dim - 1] = strides[dim] * shape[dim].max(1);
    }
    Ok(viewed(&flat, shape, strides, flat.offset))
}

/// `flatten(Tensor self, int start_dim, int end_dim)`.
fn flatten(a: Arguments) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    let rank = tensor.shape.len();
    let start = dimension(a.int_or(1, 0)?, rank)?;
    let end = dimension(a.int_or(2, -1)?, rank)?;
    if start > end {
        return Err(Fault::new("the first dimension comes after the last"));
    }
    if rank == 0 {
        return one(reshaped(tensor, &[1])?);
    }
    let all: Vec<i64> = sizes(tensor).collect();
    let mut shape = all[..start].to_vec();
    shape.push(tensor.shape[start..=end].iter().product::<usize>() as i64);
    shape.extend(&all[end + 1..]);
    one(reshaped(tensor, &shape)?)
}

/// `unflatten(Tensor self, int dim, int[] sizes)`.
fn unflatten(a: Arguments) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    let dim = a.dim(1, tensor.shape.len())?;
    let mut shape: Vec<i64> = sizes(tensor).collect();
    if dim >= shape.len() {
        return Err(Fault::new("a tensor without dimensions"));
    }
    shape.splice(dim..=dim, a.ints(2)?);
    one(reshaped(tensor, &shape)?)
}

/// `permute(Tensor self, int[] dims)`.
fn permuted(tensor: &Tensor, dims: &[i64]) -> Result<Tensor, Fault> {
    movable(tensor)?;
    let rank = tensor.shape.len();
    let dims = dims
        .iter()
        .map(|&dim| dimension(dim, rank))
        .collect::<Result<Vec<_>, _>>()?;
    let mut sorted = dims.clone();
    sorted.sort_unstable();
    if sorted != (0..rank).collect::<Vec<_>>() {
        return Err(Fault::new(format!(
            "{dims:?} is no order of {rank} dimensions"
        )));
    }
    let shape = dims.iter().map(|&dim| tensor.shape[dim]).collect();
    let strides = dims.iter().map(|&dim| tensor.strides[dim]).collect();
    Ok(viewed(tensor, shape, strides, tensor.offset))
}

fn transpose(a: Arguments) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    let rank = tensor.shape.len();
    let (i, j) = (a.dim(1, rank)?, a.dim(2, rank)?);
    let mut dims: Vec<i64> = (0..rank as i64).collect();
    if rank > 0 {
        dims.swap(i, j);
    }
    one(permuted(tensor, &dims)?)
}

/// Drops dimensions of size 1: all, or those of the given ones that have it.
fn squeeze(a: Arguments, dims: Option<Vec<i64>>) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    movable(tensor)?;
    let rank = tensor.shape.len();
    let dims = match dims {
        None => (0..rank).collect(),
        Some(dims) => dims
            .into_iter()
            .map(|dim| dimension(dim, rank))
            .collect::<Result<Vec<_>, _>>()?,
    };
    let (shape, strides) = (0..rank)
        .filter(|dim| tensor.shape[*dim] != 1 || !dims.contains(dim))
        .map(|dim| (tensor.shape[dim], tensor.strides[dim]))
        .unzip();
    one(viewed(tensor, shape, strides, tensor.offset))
}

fn unsqueeze(a: Arguments) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    movable(tensor)?;
    let dim = a.dim(1, tensor.shape.len() + 1)?;
    let (mut shape, mut strides) = (tensor.shape.clone(), tensor.strides.clone());
    let stride = match (shape.get(dim), strides.get(dim)) {
        (Some(&size), Some(&stride)) => size.saturating_mul(stride),
        _ => 1,
    };
    shape.insert(dim, 1);
    strides.insert(dim, stride);
    one(viewed(tensor, shape, strides, tensor.offset))
}

/// `expand(Tensor self, int[] size)`: dimensions of size 1 repeat with stride 0; -1 keeps a size.
fn expand(a: Arguments) -> Result<Vec<Value>, Fault> {
    let (tensor, size) = (a.tensor(0)?, a.ints(1)?);
    movable(tensor)?;
    let wrong = || {
        Fault::new(format!(
            "shape {:?} does not expand to {size:?}",
            tensor.shape
        ))
    };
    let lead = size
        .len()
        .checked_sub(tensor.shape.len())
        .ok_or_else(wrong)?;
    let (mut shape, mut strides) = (Vec::new(), Vec::new());
    for (i, &wanted) in size.iter().enumerate() {
        let (have, stride) = match i.checked_sub(lead) {
            Some(dim) => (Some(tensor.shape[dim]), tensor.strides[dim]),
            None => (None, 0),
        };
        let wanted = match (wanted, have) {
            (-1, Some(have)) => have,
            _ => usize::try_from(wanted).map_err(|_| wrong())?,
        };
        match have {
            Some(have) if have == wanted => strides.push(stride),
            None | Some(1) => strides.push(0),
            Some(_) => return Err(wrong()),
        }
        shape.push(wanted);
    }
    elements::count(&shape)?;
    one(viewed(tensor, shape, strides, tensor.offset))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::call;
    use crate::eval::elements::{read_f32, tensor_f32};

    fn cube() -> Value {
        let floats: Vec<f32> = (0..12).map(|i| i as f32).collect();
        tensor_f32(vec![2, 3, 2], &floats).into()
    }

    fn run(op: &str, rest: &[Value]) -> Result<(Vec<usize>, Vec<f32>), crate::eval::EvalError> {
        let mut operands = vec![cube()];
        operands.extend_from_slice(rest);
        let out = call(op, &operands)?.remove(0);
        let out = match out.items() {
            Some(items) => items.last().cloned().expect("an item"),
            None => out,
        };
        let tensor = out.as_tensor().expect("a tensor");
        Ok((tensor.shape.clone(), read_f32(tensor).expect("floats")))
    }

    #[test]
    fn views_look_at_the_right_elements() {
        let ints = |items: &[i64]| Value::ints(items.iter().copied());
        let int = Value::int;
        assert_eq!(run("aten::reshape", &[ints(&[-1, 4])]).unwrap().0, [3, 4]);
        assert_eq!(
            run("aten::flatten.using_ints", &[int(1)]).unwrap().0,
            [2, 6]
        );
        let (shape, x) = run("aten::permute", &[ints(&[2, 0, 1])]).unwrap();
        assert_eq!((shape, &x[..4]), (vec![2, 2, 3], &[0.0, 2.0, 4.0, 6.0][..]));
        let (shape, x) = run("aten::select.int", &[int(1), int(-1)]).unwrap();
        assert_eq!((shape, x), (vec![2, 2], vec![4.0, 5.0, 10.0, 11.0]));
        let slice = [int(1), int(-2), int(99), int(2)];
        assert_eq!(run("aten::slice.Tensor", &slice).unwrap().0, [2, 1, 2]);
        assert_eq!(run("aten::chunk", &[int(2), int(1)]).unwrap().0, [2, 1, 2]);
        assert_eq!(
            run("aten::split.Tensor", &[int(2), int(1)]).unwrap().1,
            [4.0, 5.0, 10.0, 11.0]
        );
        assert_eq!(
            run("aten::split_with_sizes", &[ints(&[1, 2]), int(1)])
                .unwrap()
                .0,
            [2, 2, 2]
        );
        assert_eq!(run("aten::unsqueeze", &[int(-1)]).unwrap().0, [2, 3, 2, 1]);
        assert_eq!(
            run("aten::expand", &[ints(&[4, -1, 3, 2])]).unwrap().0,
            [4, 2, 3, 2]
        );
        assert_eq!(
            run("aten::unflatten.int", &[int(1), ints(&[3, -1])])
                .unwrap()
                .0,
            [2, 3, 1, 2]
        );
    }

    #[test]
    fn impossible_views_are_errors() {
        let ints = |items: &[i64]| Value::ints(items.iter().copied());
        let int = Value::int;
        for (op, rest) in [
            ("aten::reshape", vec![ints(&[5, -1])]),
            ("aten::reshape", vec![ints(&[-1, -1])]),
            ("aten::reshape", vec![ints(&[-2, 6])]),
            ("aten::permute", vec![ints(&[0, 0, 1])]),
            ("aten::select.int", vec![int(0), int(2)]),
            ("aten::slice.Tensor", vec![int(0), int(0), int(1), int(0)]),
            ("aten::split_with_sizes", vec![ints(&[1, 1]), int(1)]),
            ("aten::chunk", vec![int(0)]),
            ("aten::expand", vec![ints(&[2, 4, 2])]),
            ("aten::squeeze.dim", vec![int(7)]),
        ] {
            assert!(run(op, &rest).is_err(), "{op} {rest:?}");
        }
    }

    #[test]
    fn views_share_storage_and_reshapes_of_views_copy() {
        let cube = cube();
        let turned = call(
            "aten::transpose.int",
            &[cube.clone(), Value::int(0), Value::int(1)],
        )
        .unwrap();
        let shares = |a: &Value, b: &Value| {
            let (a, b) = (a.as_tensor().unwrap(), b.as_tensor().unwrap());
            a.storage.is_same(&b.storage)
        };
        assert!(shares(&cube, &turned[0]));
        let flat = call("aten::reshape", &[turned[0].clone(), Value::ints([12])]).unwrap();
        assert!(!shares(&cube, &flat[0]));
        assert_eq!(
            read_f32(flat[0].as_tensor().unwrap()).unwrap()[2..4],
            [6.0, 7.0]
        );
    }
}
