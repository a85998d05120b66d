//! Operators that only look at elements in another order, and the ones that say what a tensor is like.
//!
//! In: a tensor. Out: a view of the same storage wherever strides can express it, as in PyTorch; a contiguous copy where they cannot.
//! Invariant: no element changes; quantization with one scale stays, with a scale for each channel it is refused where axes move.

use crate::graph::{DType, Quantization, Tensor};

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
        "aten::select.int" => select,
        "aten::slice.Tensor" => slice,
        "aten::narrow" => |a| {
            let start = a.int(2)?;
            let end = start.checked_add(a.int(3)?);
            let end = end.ok_or_else(|| Fault::new("a length that is too large"))?;
            let tensor = a.tensor(0)?;
            one(sliced(
                tensor,
                a.dim(1, tensor.shape.len())?,
                start,
                end,
                1,
            )?)
        },
        "aten::chunk" => chunk,
        "aten::split.Tensor" => split,
        "aten::split_with_sizes" | "aten::split.sizes" => split_with_sizes,
        "aten::unbind.int" => unbind,
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
        "prim::dtype" => |a| {
            Ok(vec![Value::int(elements::code_of_dtype(
                a.tensor(0)?.dtype,
            ))])
        },
        "prim::device" => |a| {
            a.tensor(0)?;
            Ok(vec![Value::Literal(crate::graph::Literal::Device(
                "cpu".into(),
            ))])
        },
        "aten::item"
        | "aten::Int.Tensor"
        | "aten::Float.Tensor"
        | "aten::Bool.Tensor"
        | "aten::ScalarImplicit"
        | "aten::IntImplicit"
        | "aten::FloatImplicit" => item,
        "aten::scalar_tensor" => scalar_tensor,
        "aten::to.dtype" => |a| one(converted(a.tensor(0)?, a.dtype(1)?)?),
        _ => return None,
    })
}

fn one(tensor: Tensor) -> Result<Vec<Value>, Fault> {
    Ok(vec![tensor.into()])
}

fn sizes(tensor: &Tensor) -> impl Iterator<Item = i64> {
    tensor.shape.iter().map(|&n| n as i64)
}

/// Refuses tensors whose axes cannot move because scales run along one of them, and those whose strides are not one for each dimension.
fn movable(tensor: &Tensor) -> Result<(), Fault> {
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

fn viewed(tensor: &Tensor, shape: Vec<usize>, strides: Vec<usize>, offset: usize) -> Tensor {
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

/// `select(Tensor self, int dim, int index)`.
fn select(a: Arguments) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    let dim = a.dim(1, tensor.shape.len())?;
    one(selected(tensor, dim, a.int(2)?)?)
}

fn selected(tensor: &Tensor, dim: usize, index: i64) -> Result<Tensor, Fault> {
    movable(tensor)?;
    let size = tensor.shape.get(dim).copied().unwrap_or(0) as i64;
    let at = if index < 0 {
        index.saturating_add(size)
    } else {
        index
    };
    if !(0..size).contains(&at) {
        return Err(Fault::new(format!(
            "index {index} of a dimension of size {size}"
        )));
    }
    let mut view = sliced(tensor, dim, at, at + 1, 1)?;
    view.shape.remove(dim);
    view.strides.remove(dim);
    Ok(view)
}

/// `slice(Tensor self, int dim, int? start, int? end, int step)`: bounds beyond the tensor are clipped.
fn slice(a: Arguments) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    let dim = dimension(a.int_or(1, 0)?, tensor.shape.len())?;
    let (start, end) = (a.int_or(2, 0)?, a.int_or(3, i64::MAX)?);
    one(sliced(tensor, dim, start, end, a.int_or(4, 1)?)?)
}

fn sliced(tensor: &Tensor, dim: usize, start: i64, end: i64, step: i64) -> Result<Tensor, Fault> {
    movable(tensor)?;
    if dim >= tensor.shape.len() || step < 1 {
        return Err(Fault::new(format!("step {step} along dimension {dim}")));
    }
    let size = tensor.shape[dim] as i64;
    let clip = |at: i64| if at < 0 { at.saturating_add(size) } else { at }.clamp(0, size);
    let (start, end) = (clip(start), clip(end));
    let kept = (end - start)
        .max(0)
        .unsigned_abs()
        .div_ceil(step.unsigned_abs());
    let too_far = || Fault::new("a tensor reaches outside its storage");
    let mut view = viewed(
        tensor,
        tensor.shape.clone(),
        tensor.strides.clone(),
        tensor.offset,
    );
    view.shape[dim] = kept as usize;
    view.offset = (start as usize)
        .checked_mul(tensor.strides[dim])
        .and_then(|skipped| skipped.checked_add(tensor.offset))
        .ok_or_else(too_far)?;
    view.strides[dim] = tensor.strides[dim]
        .checked_mul(step as usize)
        .ok_or_else(too_far)?;
    Ok(view)
}

/// Parts of these lengths along a dimension.
fn parts(tensor: &Tensor, dim: usize, lengths: &[i64]) -> Result<Vec<Value>, Fault> {
    let mut start = 0;
    let mut views = Vec::new();
    for &length in lengths {
        views.push(sliced(tensor, dim, start, start + length, 1)?.into());
        start += length;
    }
    Ok(vec![Value::list(views)])
}

/// `chunk(Tensor self, int chunks, int dim)`: equal parts, the last may be shorter.
fn chunk(a: Arguments) -> Result<Vec<Value>, Fault> {
    let (tensor, chunks) = (a.tensor(0)?, a.int(1)?);
    let dim = dimension(a.int_or(2, 0)?, tensor.shape.len())?;
    let size = tensor.shape.get(dim).copied().unwrap_or(0) as i64;
    if chunks < 1 {
        return Err(Fault::new(format!("{chunks} chunks")));
    }
    let length = size.unsigned_abs().div_ceil(chunks.unsigned_abs()) as i64;
    if length == 0 {
        // All of an empty dimension's chunks are empty.
        return parts(tensor, dim, &vec![0; chunks.min(1 << 16) as usize]);
    }
    parts(tensor, dim, &pieces(size, length))
}

fn pieces(size: i64, length: i64) -> Vec<i64> {
    (0..size)
        .step_by(length as usize)
        .map(|start| length.min(size - start))
        .collect()
}

/// `split(Tensor self, int split_size, int dim)`.
fn split(a: Arguments) -> Result<Vec<Value>, Fault> {
    let (tensor, length) = (a.tensor(0)?, a.int(1)?);
    let dim = dimension(a.int_or(2, 0)?, tensor.shape.len())?;
    if length < 1 {
        return Err(Fault::new(format!("parts of length {length}")));
    }
    let size = tensor.shape.get(dim).copied().unwrap_or(0) as i64;
    match pieces(size, length).as_slice() {
        [] => parts(tensor, dim, &[0]),
        lengths => parts(tensor, dim, lengths),
    }
}

/// `split_with_sizes(Tensor self, int[] split_sizes, int dim)`.
fn split_with_sizes(a: Arguments) -> Result<Vec<Value>, Fault> {
    let (tensor, lengths) = (a.tensor(0)?, a.ints(1)?);
    let dim = dimension(a.int_or(2, 0)?, tensor.shape.len())?;
    let size = tensor.shape.get(dim).copied().unwrap_or(0) as i64;
    let total = lengths
        .iter()
        .try_fold(0i64, |sum, &length| sum.checked_add(length));
    if lengths.iter().any(|&length| length < 0) || total != Some(size) {
        return Err(Fault::new(format!("{lengths:?} does not add up to {size}")));
    }
    parts(tensor, dim, &lengths)
}

/// `unbind(Tensor self, int dim)`.
fn unbind(a: Arguments) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    let dim = dimension(a.int_or(1, 0)?, tensor.shape.len())?;
    let size = tensor.shape.get(dim).copied().unwrap_or(0);
    let views = (0..size)
        .map(|i| Ok(selected(tensor, dim, i as i64)?.into()))
        .collect::<Result<_, Fault>>()?;
    Ok(vec![Value::list(views)])
}

/// `item(Tensor self)`: the only element as a number.
fn item(a: Arguments) -> Result<Vec<Value>, Fault> {
    let tensor = match a.value(0) {
        // TorchScript lets numbers pass where it expects a tensor of one.
        Value::Literal(number) if number.as_float().is_some() => {
            return Ok(vec![number.clone().into()]);
        }
        _ => a.tensor(0)?,
    };
    if elements::count(&tensor.shape)? != 1 {
        return Err(Fault::new(format!(
            "a tensor of shape {:?} is not one number",
            tensor.shape
        )));
    }
    let value = match tensor.dtype {
        DType::Bool => Value::bool(elements::read_i64(tensor)? == [1]),
        dtype if dtype.is_float() => Value::float(a.float(0)?),
        dtype if dtype.is_quantized() => {
            let real = super::quantize::reals(tensor)?;
            Value::float(real.first().copied().unwrap_or(0.0).into())
        }
        _ => Value::int(a.int(0)?),
    };
    Ok(vec![value])
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
        Value::Literal(crate::graph::Literal::Int(n)) => elements::tensor_i64(vec![], &[*n]),
        _ => double,
    };
    one(converted(&number, dtype)?)
}

/// `to(Tensor self, ScalarType dtype)` between floats and integers; floats truncate to integers.
fn converted(tensor: &Tensor, dtype: DType) -> Result<Tensor, Fault> {
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

    #[test]
    fn numbers_and_tensors_of_one_convert() {
        let one = call("aten::scalar_tensor", &[Value::int(13)]).unwrap();
        assert_eq!(one[0].as_tensor().unwrap().dtype, DType::F32);
        let back = call("aten::item", &one).unwrap();
        assert_eq!(back[0].as_literal().unwrap().as_float(), Some(13.0));
        assert!(call("aten::item", &[cube()]).is_err());
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
}
