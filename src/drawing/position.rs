//! Where vertices stand from left to right, in the order their layers have.
//!
//! In: a net in order, the width of each vertex. Out: the middle of each.
//! Each layer is put as near as it can be to the neighbours above, then below, several times, the longest paths first; within a layer that is a least-squares fit
//! under "no two closer than their widths allow", solved exactly by pooling neighbours that would overlap.
//!
//! Invariant: vertices of a layer keep their order and do not overlap.

use super::layers::Net;

/// Space between two boxes, and around a point.
const GAP: f64 = 24.0;
const POINT_GAP: f64 = 10.0;
/// Sweeps down and up.
const ROUNDS: usize = 10;

/// Force of a point, and of any other vertex that is not on a spine; a vertex of a spine has that spine's length squared.
const LINE: f64 = 8.0;
const OTHER: f64 = 1.0;

/// The middle of each vertex.
pub(super) fn positions(net: &Net, widths: &[f64]) -> Vec<f64> {
    let mut x = vec![0.0; net.layer.len()];
    for layer in &net.layers {
        let wanted: Vec<(f64, f64)> = layer.iter().map(|_| (0.0, 1.0)).collect();
        settle(net, layer, widths, &wanted, &mut x);
    }
    let spines = Spines::of(net);
    for round in 0..2 * ROUNDS {
        if round % 2 == 0 {
            for layer in &net.layers {
                sweep(net, layer, widths, (&spines, true), &mut x);
            }
        } else {
            for layer in net.layers.iter().rev() {
                sweep(net, layer, widths, (&spines, false), &mut x);
            }
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

/// For each vertex the neighbour above it, and the one below it, that it stands in line with. Where the two agree they are a spine: what
/// joins it from the side does not push it aside.
struct Spines {
    above: Vec<Option<usize>>,
    below: Vec<Option<usize>>,
    /// How long the spine is that a vertex is on.
    length: Vec<f64>,
}

impl Spines {
    /// Above is whom the longest path from the top comes through; below is the tallest tree of those that look up to the vertex.
    fn of(net: &Net) -> Spines {
        let count = net.layer.len();
        let mut depth = vec![0usize; count];
        let mut above = vec![None; count];
        for &vertex in net.layers.iter().flatten() {
            let near = net.above[vertex].iter().copied();
            let through = near.min_by_key(|&other| (std::cmp::Reverse(depth[other]), other));
            depth[vertex] = through.map_or(0, |other| depth[other] + 1);
            above[vertex] = through;
        }
        let mut height = vec![0usize; count];
        let mut below = vec![None; count];
        for &vertex in net.layers.iter().rev().flatten() {
            let near = net.below[vertex].iter().copied();
            let order = |&other: &usize| {
                let looks_up = above[other] == Some(vertex);
                (!looks_up, std::cmp::Reverse(height[other]), other)
            };
            let next = near.min_by_key(order);
            below[vertex] = next;
            height[vertex] = match next {
                Some(other) if above[other] == Some(vertex) => height[other] + 1,
                _ => 0,
            };
        }
        let mut length = vec![0.0; count];
        for &vertex in net.layers.iter().flatten() {
            length[vertex] = match above[vertex] {
                Some(other) if below[other] == Some(vertex) => length[other],
                _ => height[vertex] as f64 + 1.0,
            };
        }
        Spines {
            above,
            below,
            length,
        }
    }
}

/// Places a layer by its neighbours above (going down) or below.
fn sweep(
    net: &Net,
    layer: &[usize],
    widths: &[f64],
    (spines, down): (&Spines, bool),
    x: &mut [f64],
) {
    let (near, back) = if down {
        (&spines.above, &spines.below)
    } else {
        (&spines.below, &spines.above)
    };
    let wish = |&vertex: &usize| {
        let Some(other) = near[vertex] else {
            return (x[vertex], 0.05);
        };
        let force = match (back[other] == Some(vertex), net.is_point(vertex)) {
            (true, _) => spines.length[vertex].powi(2).max(LINE),
            (false, true) => LINE,
            (false, false) => OTHER,
        };
        (x[other], force)
    };
    let wanted: Vec<(f64, f64)> = layer.iter().map(wish).collect();
    settle(net, layer, widths, &wanted, x);
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
