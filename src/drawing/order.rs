//! The order of vertices in their layers, so that few edges cross.
//!
//! In: a net. Out: the same net with its layers reordered.
//! Sweeps down and up put each vertex where its neighbours are on average; the best order met is kept.
//!
//! Invariant: ties keep the order before, which is the order of the text, so the result depends on the graph alone.

use super::layers::Net;

/// Most sweeps.
const SWEEPS: usize = 16;
/// Sweeps without fewer crossings before giving up.
const PATIENCE: usize = 4;

/// Reorders the layers.
pub(super) fn reduce_crossings(net: &mut Net) {
    let mut at = vec![0usize; net.layer.len()];
    number(net, &mut at);
    // Points were added last; the first sweep brings them to where they belong.
    sweep(net, &mut at, true);
    let mut fewest = crossings(net, &at);
    let mut best = net.layers.clone();
    let mut stale = 0;
    for round in 0..SWEEPS {
        if fewest == 0 || stale == PATIENCE {
            break;
        }
        sweep(net, &mut at, round % 2 == 1);
        let now = crossings(net, &at);
        stale += 1;
        if now < fewest {
            fewest = now;
            best.clone_from(&net.layers);
            stale = 0;
        }
    }
    net.layers = best;
}

fn number(net: &Net, at: &mut [usize]) {
    for layer in &net.layers {
        for (i, &vertex) in layer.iter().enumerate() {
            at[vertex] = i;
        }
    }
}

fn sweep(net: &mut Net, at: &mut [usize], down: bool) {
    let count = net.layers.len();
    for step in 1..count {
        let layer = if down { step } else { count - 1 - step };
        let neighbours = if down { &net.above } else { &net.below };
        let mut keyed: Vec<(f64, usize)> = net.layers[layer]
            .iter()
            .map(|&vertex| {
                let near = &neighbours[vertex];
                let key = if near.is_empty() {
                    at[vertex] as f64
                } else {
                    let sum: usize = near.iter().map(|&other| at[other]).sum();
                    sum as f64 / near.len() as f64
                };
                (key, vertex)
            })
            .collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (i, (_, vertex)) in keyed.into_iter().enumerate() {
            net.layers[layer][i] = vertex;
            at[vertex] = i;
        }
    }
}

/// Number of crossing pairs of edges, counted as inversions.
fn crossings(net: &Net, at: &[usize]) -> u64 {
    let mut total = 0;
    let mut ends: Vec<usize> = Vec::new();
    let mut tree: Vec<u64> = Vec::new();
    for (upper, lower) in net.layers.iter().zip(net.layers.iter().skip(1)) {
        ends.clear();
        for &vertex in upper {
            let from = ends.len();
            ends.extend(net.below[vertex].iter().map(|&other| at[other]));
            ends[from..].sort_unstable();
        }
        tree.clear();
        tree.resize(lower.len() + 1, 0);
        for (seen, &end) in ends.iter().enumerate() {
            // Edges before this one that end at or left of it do not cross it.
            let mut left = 0;
            let mut i = end + 1;
            while i > 0 {
                left += tree[i];
                i &= i - 1;
            }
            total += seen as u64 - left;
            let mut i = end + 1;
            while i < tree.len() {
                tree[i] += 1;
                i += i & i.wrapping_neg();
            }
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(layers: Vec<Vec<usize>>, edges: &[(usize, usize)]) -> Net {
        let count = layers.iter().flatten().count();
        let mut layer = vec![0; count];
        for (i, of) in layers.iter().enumerate() {
            of.iter().for_each(|&vertex| layer[vertex] = i);
        }
        let mut net = Net {
            boxes: count,
            layers,
            layer,
            above: vec![Vec::new(); count],
            below: vec![Vec::new(); count],
            ..Net::default()
        };
        for &(a, b) in edges {
            net.below[a].push(b);
            net.above[b].push(a);
        }
        net
    }

    fn counted(net: &Net) -> u64 {
        let mut at = vec![0; net.layer.len()];
        number(net, &mut at);
        crossings(net, &at)
    }

    #[test]
    fn crossings_are_counted() {
        let crossed = net(
            vec![vec![0, 1, 2], vec![3, 4, 5]],
            &[(0, 5), (1, 4), (2, 3)],
        );
        assert_eq!(counted(&crossed), 3);
        let shared = net(vec![vec![0, 1], vec![2, 3]], &[(0, 2), (0, 3), (1, 3)]);
        assert_eq!(counted(&shared), 0);
    }

    #[test]
    fn crossed_edges_are_untangled() {
        let mut net = net(
            vec![vec![0, 1, 2], vec![3, 4, 5], vec![6, 7, 8]],
            &[(0, 5), (1, 4), (2, 3), (3, 8), (4, 6), (5, 7)],
        );
        reduce_crossings(&mut net);
        assert_eq!(counted(&net), 0);
    }
}
