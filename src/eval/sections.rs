//! Operators that take parts of a tensor.
//!
//! In: a tensor, a dimension, and where to cut. Out: views of the same storage.
//! Invariant: no element is copied; a part that would lie outside is a fault, bounds of a slice are clipped as in Python.

use crate::graph::Tensor;

use super::Value;
use super::arguments::{Arguments, dimension};
use super::error::Fault;
use super::table::Kernel;
use super::views::{movable, viewed};

/// The kernels of this file.
pub(super) fn kernel(op: &str) -> Option<Kernel> {
    Some(match op {
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
        _ => return None,
    })
}

fn one(tensor: Tensor) -> Result<Vec<Value>, Fault> {
    Ok(vec![tensor.into()])
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
