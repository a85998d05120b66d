//! Which layer each box goes to: all edges go down, and edges over several layers get a point in each.
//!
//! In: a frame. Out: vertices (boxes first, then points) with their layers, and edges between neighbouring layers only.
//! Layers are longest paths from the top; boxes that take no more values than they give are then moved down to their users. The points of
//! all edges that leave one box are shared, so that a value read in many places is one line with branches.
//! Source: Sugiyama, Tagawa, Toda: "Methods for visual understanding of hierarchical system structures" (1981).
//!
//! Invariant: there are never more than [`MOST_POINTS`] points; edges that would need more are listed as cut, the longest first.

use super::outline::{Frame, Role};

/// Points of long edges before the longest edges are cut.
const MOST_POINTS: usize = 40_000;

/// Boxes and points in layers.
#[derive(Debug, Default)]
pub(super) struct Net {
    /// Number of boxes; vertices from here on are points.
    pub(super) boxes: usize,
    /// Vertices of each layer, from the top.
    pub(super) layers: Vec<Vec<usize>>,
    /// The layer of each vertex.
    pub(super) layer: Vec<usize>,
    /// Neighbours in the layer above.
    pub(super) above: Vec<Vec<usize>>,
    /// Neighbours in the layer below.
    pub(super) below: Vec<Vec<usize>>,
    /// The points of the edges that leave each box, from the top.
    pub(super) trunks: Vec<Vec<usize>>,
    /// Pairs of boxes whose edge is too long to be drawn.
    pub(super) cut: Vec<(usize, usize)>,
}

/// Puts the boxes of a frame into layers.
pub(super) fn layers(frame: &Frame) -> Net {
    let count = frame.items.len();
    let mut edges: Vec<(usize, usize)> = frame
        .edges
        .iter()
        .map(|edge| (edge.from, edge.to))
        .collect();
    edges.sort_unstable();
    edges.dedup();
    let layer = assign(frame, &edges);
    let mut net = Net {
        boxes: count,
        layers: vec![Vec::new(); layer.iter().max().map_or(0, |last| last + 1)],
        above: vec![Vec::new(); count],
        below: vec![Vec::new(); count],
        trunks: vec![Vec::new(); count],
        layer,
        cut: Vec::new(),
    };
    for (vertex, &layer) in net.layer.iter().enumerate() {
        net.layers[layer].push(vertex);
    }
    let longest = longest_kept(&edges, &net.layer);
    for (from, to) in edges {
        let span = net.layer[to] - net.layer[from];
        if span > longest {
            net.cut.push((from, to));
            continue;
        }
        while net.trunks[from].len() + 1 < span {
            net.extend_trunk(from);
        }
        let last = match span.checked_sub(2) {
            Some(at) => net.trunks[from][at],
            None => from,
        };
        net.connect(last, to);
    }
    net
}

impl Net {
    fn extend_trunk(&mut self, from: usize) {
        let last = self.trunks[from].last().copied().unwrap_or(from);
        let layer = self.layer[last] + 1;
        let point = self.layer.len();
        self.layer.push(layer);
        self.above.push(Vec::new());
        self.below.push(Vec::new());
        self.layers[layer].push(point);
        self.trunks[from].push(point);
        self.connect(last, point);
    }

    fn connect(&mut self, upper: usize, lower: usize) {
        self.below[upper].push(lower);
        self.above[lower].push(upper);
    }

    /// Whether a vertex is a point of a long edge.
    pub(super) fn is_point(&self, vertex: usize) -> bool {
        vertex >= self.boxes
    }
}

/// The layer of each box.
fn assign(frame: &Frame, edges: &[(usize, usize)]) -> Vec<usize> {
    let count = frame.items.len();
    let mut layer = vec![0usize; count];
    let mut makers = vec![0usize; count];
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); count];
    // Sorted by where they begin: by the time an edge is met, the layer of its beginning is settled.
    for &(from, to) in edges {
        layer[to] = layer[to].max(layer[from] + 1);
        if frame.items[from].role == Role::Operator {
            makers[to] += 1;
        }
        users[from].push(to);
    }
    let last = layer.iter().copied().max().unwrap_or(0);
    for item in (0..count).rev() {
        match frame.items[item].role {
            Role::Returned => layer[item] = last,
            Role::Parameter => {}
            Role::Operator | Role::Outside => {
                let nearest = users[item].iter().map(|&user| layer[user]).min();
                if let Some(nearest) = nearest
                    && makers[item] <= 1
                {
                    layer[item] = nearest - 1;
                }
            }
        }
    }
    layer
}

/// The longest edge that may be drawn so that there are not too many points.
fn longest_kept(edges: &[(usize, usize)], layer: &[usize]) -> usize {
    let mut spans: Vec<usize> = Vec::new();
    let mut at = 0;
    while let Some(&(from, _)) = edges.get(at) {
        let of_one = edges[at..]
            .iter()
            .take_while(|(other, _)| *other == from)
            .map(|&(from, to)| layer[to] - layer[from]);
        let (count, longest) = of_one.fold((0, 0), |(n, most), span| (n + 1, most.max(span)));
        spans.push(longest);
        at += count;
    }
    spans.sort_unstable();
    let mut points = 0;
    for &span in &spans {
        points += span;
        if points > MOST_POINTS {
            return span.saturating_sub(1).max(1);
        }
    }
    usize::MAX
}
