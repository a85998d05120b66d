//! Shapes: broadcasting, and walking two tensors as one.
//!
//! In: shapes. Out: the common shape, or for each element of it the elements it comes from.
//! Invariant: a size of 1 stretches, a missing leading dimension counts as 1, everything else must be equal.

use super::elements::count;
use super::error::Fault;

/// The shape that both broadcast to.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, Fault> {
    let rank = a.len().max(b.len());
    let at = |shape: &[usize], dim: usize| match (dim + shape.len()).checked_sub(rank) {
        Some(dim) => shape[dim],
        None => 1,
    };
    let shape = (0..rank)
        .map(|dim| match (at(a, dim), at(b, dim)) {
            (a, b) if a == b => Ok(a),
            (1, b) => Ok(b),
            (a, 1) => Ok(a),
            _ => Err(Fault::new(format!("shapes {a:?} and {b:?} do not fit"))),
        })
        .collect::<Result<Vec<_>, _>>()?;
    count(&shape)?;
    Ok(shape)
}

/// For each element of `shape` in row-major order, the row-major index of the element of a tensor of shape `from`, which broadcasts to it.
pub(super) fn broadcast_indices(from: &[usize], shape: &[usize]) -> Vec<usize> {
    let lead = shape.len() - from.len();
    let mut steps = vec![0; shape.len()];
    let mut step = 1;
    for dim in (0..from.len()).rev() {
        if from[dim] != 1 {
            steps[lead + dim] = step;
        }
        step *= from[dim];
    }
    walk(shape, &steps)
}

/// For each element of `shape` in row-major order, the sum of its indices times `steps`.
pub(super) fn walk(shape: &[usize], steps: &[usize]) -> Vec<usize> {
    let mut indices = vec![0];
    for (&size, &step) in shape.iter().zip(steps) {
        let mut next = Vec::with_capacity(indices.len() * size);
        for base in indices {
            next.extend((0..size).map(|i| base + i * step));
        }
        indices = next;
    }
    indices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_one_stretch() {
        assert_eq!(broadcast(&[2, 1, 3], &[4, 1]).unwrap(), [2, 4, 3]);
        assert_eq!(broadcast(&[], &[0]).unwrap(), [0]);
        assert!(broadcast(&[2], &[3]).is_err());
        assert_eq!(broadcast_indices(&[2, 1], &[2, 3]), [0, 0, 0, 1, 1, 1]);
        assert_eq!(broadcast_indices(&[3], &[2, 3]), [0, 1, 2, 0, 1, 2]);
        assert_eq!(broadcast_indices(&[], &[2]), [0, 0]);
    }
}
