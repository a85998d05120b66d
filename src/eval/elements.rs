//! Elements of tensors: strided bytes to vectors in row-major order and back.
//!
//! In: tensors as a file declared them. Out: vectors of numbers; tensors over memory of our own.
//! Invariant: a tensor that reaches outside its storage is a fault, never a panic.
//! Invariant: every reader walks the tensor in row-major order whatever its strides are.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::graph::{DType, Quantization, Tensor};

use super::error::Fault;

/// Tensors beyond this many elements are refused, so that a wrong stride cannot eat all memory.
const MOST_ELEMENTS: usize = 1 << 31;

/// Number of elements of a shape.
pub(super) fn count(shape: &[usize]) -> Result<usize, Fault> {
    shape
        .iter()
        .try_fold(1usize, |n, &size| n.checked_mul(size.max(1)))
        .filter(|&n| n <= MOST_ELEMENTS)
        .map(|_| shape.iter().product())
        .ok_or_else(|| Fault::new(format!("a tensor of shape {shape:?} is too large")))
}

/// Bytes of the elements in row-major order: the tensor's own if they lie so, a gathered copy otherwise.
pub(super) fn row_major(tensor: &Tensor) -> Result<std::borrow::Cow<'_, [u8]>, Fault> {
    count(&tensor.shape)?;
    if let Some(bytes) = tensor.contiguous_bytes() {
        return Ok(bytes.into());
    }
    let size = tensor.dtype.size();
    let outside = || Fault::new("a tensor reaches outside its storage");
    if tensor.shape.len() != tensor.strides.len() {
        return Err(Fault::new("a tensor has not one stride for each dimension"));
    }
    let bytes = tensor.storage.bytes();
    let total = tensor.numel();
    let mut gathered = Vec::with_capacity(total * size);
    let (&inner, outer) = match tensor.shape.split_last() {
        Some(split) => split,
        None => return Err(outside()),
    };
    let step = tensor.strides.last().copied().unwrap_or(1);
    let mut index = vec![0usize; outer.len()];
    let rows = total.checked_div(inner).unwrap_or(0);
    for _ in 0..rows {
        let row = index
            .iter()
            .zip(&tensor.strides)
            .try_fold(tensor.offset, |at, (&i, &stride)| {
                at.checked_add(i.checked_mul(stride)?)
            })
            .ok_or_else(outside)?;
        for i in 0..inner {
            let at = i
                .checked_mul(step)
                .and_then(|d| d.checked_add(row)?.checked_mul(size))
                .ok_or_else(outside)?;
            let end = at.checked_add(size).ok_or_else(outside)?;
            gathered.extend_from_slice(bytes.get(at..end).ok_or_else(outside)?);
        }
        for (i, &size) in index.iter_mut().zip(outer).rev() {
            *i += 1;
            if *i < size {
                break;
            }
            *i = 0;
        }
    }
    Ok(gathered.into())
}

fn decode<const N: usize, T>(bytes: &[u8], element: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|&chunk| element(chunk))
        .collect()
}

fn unreadable(dtype: DType, wanted: &str) -> Fault {
    Fault::new(format!("elements of type {dtype} are no {wanted}"))
}

/// Elements of a floating point tensor as `f32`; half types widen exactly, doubles are refused.
pub(super) fn read_f32(tensor: &Tensor) -> Result<Vec<f32>, Fault> {
    let bytes = row_major(tensor)?;
    Ok(match tensor.dtype {
        DType::F32 => decode(&bytes, f32::from_le_bytes),
        DType::F16 => decode(&bytes, |b| half::f16::from_le_bytes(b).to_f32()),
        DType::BF16 => decode(&bytes, |b| half::bf16::from_le_bytes(b).to_f32()),
        other => return Err(unreadable(other, "32-bit floats")),
    })
}

/// Elements of a real tensor as doubles. Integers beyond 2^53 round.
pub(super) fn read_f64(tensor: &Tensor) -> Result<Vec<f64>, Fault> {
    Ok(match tensor.dtype {
        DType::F64 => decode(&row_major(tensor)?, f64::from_le_bytes),
        DType::F32 | DType::F16 | DType::BF16 => {
            read_f32(tensor)?.into_iter().map(f64::from).collect()
        }
        _ => read_i64(tensor)?.into_iter().map(|n| n as f64).collect(),
    })
}

/// Elements of an integer or truth tensor, or the stored integers of a quantized one.
pub(super) fn read_i64(tensor: &Tensor) -> Result<Vec<i64>, Fault> {
    let bytes = row_major(tensor)?;
    Ok(match tensor.dtype {
        DType::U8 | DType::QU8 => bytes.iter().map(|&b| b.into()).collect(),
        DType::I8 | DType::QI8 => bytes.iter().map(|&b| (b as i8).into()).collect(),
        DType::Bool => bytes.iter().map(|&b| (b != 0).into()).collect(),
        DType::I16 => decode(&bytes, |b| i16::from_le_bytes(b).into()),
        DType::I32 | DType::QI32 => decode(&bytes, |b| i32::from_le_bytes(b).into()),
        DType::I64 => decode(&bytes, i64::from_le_bytes),
        DType::U16 => decode(&bytes, |b| u16::from_le_bytes(b).into()),
        DType::U32 => decode(&bytes, |b| u32::from_le_bytes(b).into()),
        other => return Err(unreadable(other, "integers")),
    })
}

/// The stored integers of a quantized tensor.
pub(super) fn read_quantized(tensor: &Tensor) -> Result<Vec<i32>, Fault> {
    let bytes = row_major(tensor)?;
    Ok(match tensor.dtype {
        DType::QU8 => bytes.iter().map(|&b| b.into()).collect(),
        DType::QI8 => bytes.iter().map(|&b| (b as i8).into()).collect(),
        DType::QI32 => decode(&bytes, i32::from_le_bytes),
        other => return Err(unreadable(other, "quantized numbers")),
    })
}

/// A contiguous tensor of these elements.
pub(super) fn tensor_f32(shape: Vec<usize>, elements: &[f32]) -> Tensor {
    let bytes = elements.iter().flat_map(|x| x.to_le_bytes()).collect();
    Tensor::contiguous(DType::F32, shape, bytes)
}

/// A contiguous tensor of these elements.
pub(super) fn tensor_f64(shape: Vec<usize>, elements: &[f64]) -> Tensor {
    let bytes = elements.iter().flat_map(|x| x.to_le_bytes()).collect();
    Tensor::contiguous(DType::F64, shape, bytes)
}

/// A contiguous tensor of these elements.
pub(super) fn tensor_i64(shape: Vec<usize>, elements: &[i64]) -> Tensor {
    let bytes = elements.iter().flat_map(|x| x.to_le_bytes()).collect();
    Tensor::contiguous(DType::I64, shape, bytes)
}

/// A contiguous tensor of a floating point type; the elements round to it.
pub(super) fn tensor_float(
    dtype: DType,
    shape: Vec<usize>,
    elements: &[f32],
) -> Result<Tensor, Fault> {
    let bytes = match dtype {
        DType::F32 => return Ok(tensor_f32(shape, elements)),
        DType::F16 => elements
            .iter()
            .flat_map(|&x| half::f16::from_f32(x).to_le_bytes())
            .collect(),
        DType::BF16 => elements
            .iter()
            .flat_map(|&x| half::bf16::from_f32(x).to_le_bytes())
            .collect(),
        other => return Err(unreadable(other, "32-bit floats")),
    };
    Ok(Tensor::contiguous(dtype, shape, bytes))
}

/// A contiguous quantized tensor. The integers are in the range of the type.
pub(super) fn tensor_quantized(
    dtype: DType,
    shape: Vec<usize>,
    elements: &[i32],
    quantization: Quantization,
) -> Tensor {
    let bytes = if dtype.size() == 1 {
        elements.iter().map(|&q| q as u8).collect()
    } else {
        elements.iter().flat_map(|q| q.to_le_bytes()).collect()
    };
    let mut tensor = Tensor::contiguous(dtype, shape, bytes);
    tensor.quantization = Some(quantization);
    tensor
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn strided_views_read_in_row_major_order() {
        let mut t = tensor_f32(vec![2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        t.shape = vec![3, 2];
        t.strides = vec![1, 3];
        assert_eq!(read_f32(&t).unwrap(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        t.shape = vec![2];
        t.strides = vec![3];
        t.offset = 2;
        assert_eq!(read_f32(&t).unwrap(), [2.0, 5.0]);
        t.shape = vec![];
        t.strides = vec![];
        assert_eq!(read_f32(&t).unwrap(), [2.0]);
    }

    #[test]
    fn views_outside_the_storage_are_faults() {
        let mut t = tensor_f32(vec![2, 3], &[0.0; 6]);
        t.strides = vec![4, 1];
        assert!(read_f32(&t).is_err());
        t.strides = vec![3, 1];
        t.offset = 1;
        assert!(read_f32(&t).is_err());
        t.offset = usize::MAX;
        assert!(read_f32(&t).is_err());
        t.shape = vec![1 << 40, 1 << 40];
        assert!(read_f32(&t).is_err());
        t.shape = vec![2, 3];
        t.strides = vec![usize::MAX, 2];
        t.offset = 3;
        assert!(read_f32(&t).is_err());
    }
}
