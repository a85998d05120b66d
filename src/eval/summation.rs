//! Sums of 32-bit floats in the order PyTorch's x86 kernels take, so that means that lie between two integers round the same way.
//!
//! In: floats. Out: their sum.
//! Invariant: the order depends on the number of floats only: eight lanes of four accumulators each, which cascade through four levels.
//!
//! Source: `cascade_sum`, `row_sum` and `multi_row_sum` of PyTorch's `SumKernel.cpp`, compiled for vectors of eight floats.

const LANES: usize = 8;
const ACCUMULATORS: usize = 4;
const LEVELS: usize = 4;

/// The sum of floats that lie one after the other, as PyTorch reduces innermost dimensions.
pub(super) fn inner(floats: &[f32]) -> f32 {
    let (vectors, rest) = floats.as_chunks::<LANES>();
    let mut total = row(rest.len(), |i| [rest[i]])[0];
    for lane in row(vectors.len(), |i| vectors[i]) {
        total += lane;
    }
    total
}

/// The sum of floats one after the other, as PyTorch reduces outer dimensions: one accumulator that cascades.
pub(super) fn outer(floats: impl ExactSizeIterator<Item = f32>) -> f32 {
    let floats: Vec<f32> = floats.collect();
    cascade(floats.len(), |i| [[floats[i]]])[0][0]
}

/// Sums of vectors: four accumulators take turns, what is left goes to the first, then they add up.
fn row<const N: usize>(size: usize, vector: impl Fn(usize) -> [f32; N]) -> [f32; N] {
    let turns = size / ACCUMULATORS;
    let sums: [[f32; N]; ACCUMULATORS] = cascade(turns, |turn| {
        std::array::from_fn(|k| vector(turn * ACCUMULATORS + k))
    });
    let [mut total, rest @ ..] = sums;
    for i in turns * ACCUMULATORS..size {
        add(&mut total, &vector(i));
    }
    for part in &rest {
        add(&mut total, part);
    }
    total
}

/// Sums of rows of vectors. The first level takes a power of two of them before it empties into the next, and so on.
fn cascade<const N: usize, const K: usize>(
    size: usize,
    rows: impl Fn(usize) -> [[f32; N]; K],
) -> [[f32; N]; K] {
    let bits = usize::BITS - size.saturating_sub(1).leading_zeros();
    let power = (bits as usize / LEVELS).max(4);
    let step = 1usize << power;
    let mut levels = [[[0.0f32; N]; K]; LEVELS];
    let take = |level: &mut [[f32; N]; K], row: [[f32; N]; K]| {
        for (sum, vector) in level.iter_mut().zip(&row) {
            add(sum, vector);
        }
    };
    let mut at = 0;
    while at + step <= size {
        for _ in 0..step {
            take(&mut levels[0], rows(at));
            at += 1;
        }
        for level in 1..LEVELS {
            let full = std::mem::replace(&mut levels[level - 1], [[0.0; N]; K]);
            take(&mut levels[level], full);
            if at & ((step - 1) << (level * power)) != 0 {
                break;
            }
        }
    }
    for i in at..size {
        take(&mut levels[0], rows(i));
    }
    let [mut total, rest @ ..] = levels;
    for level in rest {
        take(&mut total, level);
    }
    total
}

fn add<const N: usize>(sum: &mut [f32; N], vector: &[f32; N]) {
    for (sum, x) in sum.iter_mut().zip(vector) {
        *sum += x;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_integers_are_exact_in_any_order() {
        for n in [0, 1, 7, 8, 9, 31, 32, 33, 100, 512, 1000, 5000] {
            let floats: Vec<f32> = (0..n).map(|i| (i % 13) as f32).collect();
            let want: f32 = (0..n).map(|i| i % 13).sum::<i32>() as f32;
            assert_eq!(inner(&floats), want, "{n}");
            assert_eq!(outer(floats.iter().copied()), want, "{n}");
        }
    }

    #[test]
    fn small_floats_are_not_lost_beside_large_sums() {
        let floats = vec![0.1f32; 1 << 20];
        let want = 0.1 * f64::from(1 << 20);
        assert!((f64::from(inner(&floats)) - want).abs() < 0.2);
        assert!((f64::from(outer(floats.iter().copied())) - want).abs() < 0.2);
        assert!((f64::from(floats.iter().sum::<f32>()) - want).abs() > 10.0);
    }
}
