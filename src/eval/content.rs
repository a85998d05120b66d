//! Elements of tensors as numbers, for those who compare or show them.
//!
//! In: tensors of any real, integer, truth or quantized type, whatever their strides. Out: their elements in row-major order.
//! Invariant: never fails loudly: a tensor that cannot be read has no elements to show.

use crate::graph::{DType, Tensor};

use super::elements::{read_f64, read_i64};

/// The elements as doubles; of a quantized tensor the integers that are stored.
///
/// `None` for complex types, and for a tensor that reaches outside of its storage.
pub fn numbers(tensor: &Tensor) -> Option<Vec<f64>> {
    if tensor.dtype.is_float() {
        read_f64(tensor).ok()
    } else {
        let integers = read_i64(tensor).ok()?;
        Some(integers.into_iter().map(|n| n as f64).collect())
    }
}

/// The elements of a tensor that holds integers, truth values or quantized numbers.
pub fn integers(tensor: &Tensor) -> Option<Vec<i64>> {
    match tensor.dtype {
        DType::F16 | DType::F32 | DType::F64 | DType::BF16 => None,
        _ => read_i64(tensor).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_by_type() {
        let floats = Tensor::contiguous(DType::F32, vec![1], 1.5f32.to_le_bytes().to_vec());
        assert_eq!(numbers(&floats), Some(vec![1.5]));
        assert_eq!(integers(&floats), None);
        let bytes = Tensor::contiguous(DType::QI8, vec![2], vec![255, 3]);
        assert_eq!(integers(&bytes), Some(vec![-1, 3]));
        let mut outside = bytes.clone();
        outside.offset = 9;
        assert_eq!(numbers(&outside), None);
    }
}
