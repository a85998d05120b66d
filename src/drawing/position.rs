//! Where vertices stand from left to right, in the order their layers have.
//!
//! In: a net in order, the width of each vertex. Out: the middle of each.
//! Each layer is put as near as it can be to the neighbours above, then below, several times; within a layer that is a least-squares fit
//! under "no two closer than their widths allow", solved exactly by pooling neighbours that would overlap.
//!
//! Invariant: vertices of a layer keep their order and do not overlap.

use super::layers::Net;

/// Space between two boxes, and around a point.
const GAP: f64 = 24.0;
const POINT_GAP: f64 = 10.0;
/// Sweeps down and up.
const ROUNDS: usize = 10;

/// The middle of each vertex.
pub(super) fn positions(net: &Net, widths: &[f64]) -> Vec<f64> {
    let mut x = vec![0.0; net.layer.len()];
    for layer in &net.layers {
        let wanted: Vec<(f64, f64)> = layer.iter().map(|_| (0.0, 1.0)).collect();
        settle(net, layer, widths, &wanted, &mut x);
    }
    let count = net.layers.len();
    for round in 0..2 * ROUNDS {
        let down = round % 2 == 0;
        for step in 0..count {
            let at = if down { step } else { count - 1 - step };
            let layer = &net.layers[at];
            let last = round + 1 == 2 * ROUNDS;
            let wanted: Vec<(f64, f64)> = layer
                .iter()
                .map(|&vertex| wish(net, vertex, down, last, &x))
                .collect();
            settle(net, layer, widths, &wanted, &mut x);
        }
    }
    let left = x
        .iter()
        .zip(widths)
        .map(|(x, width)| x - width / 2.0)
        .fold(f64::INFINITY, f64::min);
    x.iter_mut().for_each(|x| *x -= left);
    x
}

/// Where a vertex would like to be, and how much.
fn wish(net: &Net, vertex: usize, down: bool, both: bool, x: &[f64]) -> (f64, f64) {
    let (mut sum, mut weight) = (0.0, 0.0);
    let mut draw = |near: &[usize]| {
        for &other in near {
            // Long edges are to be straight.
            let force = match (net.is_point(vertex), net.is_point(other)) {
                (true, true) => 8.0,
                (true, false) | (false, true) => 2.0,
                (false, false) => 1.0,
            };
            sum += force * x[other];
            weight += force;
        }
    };
    if down || both {
        draw(&net.above[vertex]);
    }
    if !down || both {
        draw(&net.below[vertex]);
    }
    if weight > 0.0 {
        (sum / weight, weight)
    } else {
        (x[vertex], 0.05)
    }
}

/// Places a layer: the nearest positions to what is wanted that keep order and distances.
fn settle(net: &Net, layer: &[usize], widths: &[f64], wanted: &[(f64, f64)], x: &mut [f64]) {
    /// Vertices that stand as close as they may, with the mean of what they want.
    struct Pool {
        mean: f64,
        weight: f64,
        count: usize,
    }
    let gap = |vertex: usize| if net.is_point(vertex) { POINT_GAP } else { GAP };
    // How far each vertex is at least to the right of the first.
    let mut offsets: Vec<f64> = Vec::with_capacity(layer.len());
    for (i, &vertex) in layer.iter().enumerate() {
        let offset = match i
            .checked_sub(1)
            .map(|before| (layer[before], offsets[before]))
        {
            Some((before, offset)) => {
                let halves = (widths[before] + widths[vertex]) / 2.0;
                offset + halves + gap(before).max(gap(vertex))
            }
            None => 0.0,
        };
        offsets.push(offset);
    }
    let mut pools: Vec<Pool> = Vec::new();
    for (&(want, weight), offset) in wanted.iter().zip(&offsets) {
        let mut pool = Pool {
            mean: want - offset,
            weight,
            count: 1,
        };
        while let Some(last) = pools.last()
            && last.mean > pool.mean
        {
            let weight = last.weight + pool.weight;
            pool = Pool {
                mean: (last.mean * last.weight + pool.mean * pool.weight) / weight,
                weight,
                count: last.count + pool.count,
            };
            pools.pop();
        }
        pools.push(pool);
    }
    let means = pools
        .iter()
        .flat_map(|pool| std::iter::repeat_n(pool.mean, pool.count));
    for ((&vertex, offset), mean) in layer.iter().zip(&offsets).zip(means) {
        x[vertex] = mean + offset;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_that_want_one_place_share_it() {
        let net = Net {
            boxes: 3,
            layers: vec![vec![0, 1, 2]],
            layer: vec![0; 3],
            ..Net::default()
        };
        let mut x = vec![0.0; 3];
        settle(
            &net,
            &[0, 1, 2],
            &[10.0; 3],
            &[(50.0, 1.0), (50.0, 1.0), (500.0, 1.0)],
            &mut x,
        );
        assert_eq!(x, [33.0, 67.0, 500.0]);
    }
}
