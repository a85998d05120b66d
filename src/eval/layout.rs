//! Memory formats: which strides PyTorch gives a result.
//!
//! In: shapes and strides. Out: strides.
//! Invariant: equal to `suggest_memory_format` of PyTorch's `TensorImpl`, because strides are written to files.

use crate::graph::Tensor;

/// Order of dimensions in memory, innermost last, for each format that PyTorch keeps.
const CHANNELS_LAST: [&[usize]; 2] = [&[0, 2, 3, 1], &[0, 2, 3, 4, 1]];

/// The strides of a new tensor that keeps this one's memory format: channels-last if it looks so, row-major otherwise.
pub(super) fn kept_strides(tensor: &Tensor) -> Vec<usize> {
    match order(tensor) {
        Some(order) => dense_strides(&tensor.shape, order),
        None => dense_strides(&tensor.shape, &(0..tensor.shape.len()).collect::<Vec<_>>()),
    }
}

/// Whether the elements lie densely in the strides that [`kept_strides`] gives.
pub(super) fn is_dense(tensor: &Tensor) -> bool {
    let kept = kept_strides(tensor);
    tensor
        .shape
        .iter()
        .zip(tensor.strides.iter().zip(&kept))
        .all(|(&size, (a, b))| size == 1 || a == b)
}

fn dense_strides(shape: &[usize], order: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    let mut step = 1usize;
    for &dim in order.iter().rev() {
        strides[dim] = step;
        step = step.saturating_mul(shape[dim].max(1));
    }
    strides
}

fn order(tensor: &Tensor) -> Option<&'static [usize]> {
    CHANNELS_LAST
        .into_iter()
        .find(|order| order.len() == tensor.shape.len() && looks_like(tensor, order))
}

/// PyTorch's `is_channels_last_strides_{2,3}d_s4`: strides grow along the order, and a lone channel with row-major strides is row-major.
fn looks_like(tensor: &Tensor, order: &[usize]) -> bool {
    if tensor.strides.len() != tensor.shape.len() || tensor.strides[1] == 0 {
        return false;
    }
    let mut least = 0;
    for &dim in order.iter().rev() {
        let (size, stride) = (tensor.shape[dim], tensor.strides[dim]);
        if size == 0 || stride < least {
            return false;
        }
        // N111 tensors are taken for row-major, and so are those whose batch and channel strides are equal.
        if dim == 0 && least == tensor.strides[1] {
            return false;
        }
        least = stride;
        if size > 1 {
            least = least.saturating_mul(size);
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::DType;

    fn tensor(shape: &[usize], strides: &[usize]) -> Tensor {
        let numel: usize = shape.iter().product();
        let mut t = Tensor::contiguous(DType::U8, shape.to_vec(), vec![0; numel]);
        t.strides = strides.to_vec();
        t
    }

    #[test]
    fn channels_last_is_kept() {
        let t = tensor(&[2, 3, 4, 5], &[60, 1, 15, 3]);
        assert_eq!(kept_strides(&t), [60, 1, 15, 3]);
        assert!(is_dense(&t));
        let t = tensor(&[2, 3, 2, 2, 2], &[24, 1, 12, 6, 3]);
        assert_eq!(kept_strides(&t), [24, 1, 12, 6, 3]);
    }

    #[test]
    fn everything_else_becomes_row_major() {
        let t = tensor(&[2, 3, 4, 5], &[60, 20, 5, 1]);
        assert_eq!(kept_strides(&t), [60, 20, 5, 1]);
        let t = tensor(&[3, 4], &[1, 3]);
        assert_eq!(kept_strides(&t), [4, 1]);
        assert!(!is_dense(&t));
        let t = tensor(&[7, 1, 1, 1], &[1, 1, 1, 1]);
        assert_eq!(kept_strides(&t), [1, 1, 1, 1]);
    }
}
