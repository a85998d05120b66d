//! The lines between boxes.
//!
//! In: a net with places for its vertices. Out: for each box with users one line that branches to all of them.
//!
//! Invariant: lines go down only, so they enter boxes from above and leave them below.

use super::layers::Net;
use super::layout::{Place, Point};

/// A stroke of a line.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Stroke {
    /// Begins here.
    Move(Point),
    /// Straight to here.
    Line(Point),
    /// Bends from where it is to here, leaving and arriving vertically.
    Bend(Point),
}

/// The line from a box to all that use it.
#[derive(Clone, Debug, Default)]
pub struct Route {
    /// The box that makes the value.
    pub from: usize,
    /// The boxes that take it.
    pub to: Vec<usize>,
    /// Strokes, in order.
    pub strokes: Vec<Stroke>,
    /// Where arrows point to.
    pub ends: Vec<Point>,
}

/// Distance between the ends of two lines at a box.
const STEP: f64 = 18.0;

/// The lines of a net. `bands` are the top and bottom of each layer.
pub(super) fn routes(net: &Net, x: &[f64], places: &[Place], bands: &[(f64, f64)]) -> Vec<Route> {
    let ports = ports(net, x, places);
    let mut routes = Vec::new();
    for from in 0..net.boxes {
        if net.below[from].is_empty() {
            continue;
        }
        let mut route = Route {
            from,
            ..Route::default()
        };
        let place = places[from];
        let foot = Point {
            x: x[from],
            y: bands[net.layer[from]].1,
        };
        let mut start = vec![Stroke::Move(Point {
            x: x[from],
            y: place.y + place.height,
        })];
        if foot.y > place.y + place.height {
            start.push(Stroke::Line(foot));
        }
        for (upper, mut begin) in std::iter::once((from, start)).chain(
            net.trunks[from]
                .iter()
                .map(|&point| (point, vec![Stroke::Move(foot_of(net, point, x, bands))])),
        ) {
            for &lower in &net.below[upper] {
                if begin.is_empty() {
                    begin = vec![Stroke::Move(foot_of(net, upper, x, bands))];
                }
                route.strokes.append(&mut begin);
                if net.is_point(lower) {
                    let top = Point {
                        x: x[lower],
                        y: bands[net.layer[lower]].0,
                    };
                    route.strokes.push(Stroke::Bend(top));
                    route
                        .strokes
                        .push(Stroke::Line(foot_of(net, lower, x, bands)));
                    continue;
                }
                let at = net.above[lower].iter().position(|&other| other == upper);
                let end = Point {
                    x: at.map_or(x[lower], |at| ports[lower][at]),
                    y: places[lower].y,
                };
                let top = Point {
                    x: end.x,
                    y: bands[net.layer[lower]].0,
                };
                route.strokes.push(Stroke::Bend(top));
                if end.y > top.y {
                    route.strokes.push(Stroke::Line(end));
                }
                route.to.push(lower);
                route.ends.push(end);
            }
        }
        routes.push(route);
    }
    routes
}

fn foot_of(net: &Net, vertex: usize, x: &[f64], bands: &[(f64, f64)]) -> Point {
    Point {
        x: x[vertex],
        y: bands[net.layer[vertex]].1,
    }
}

/// For each box and each neighbour above, where the line from there ends.
fn ports(net: &Net, x: &[f64], places: &[Place]) -> Vec<Vec<f64>> {
    (0..net.boxes)
        .map(|lower| {
            let above = &net.above[lower];
            let mut order: Vec<usize> = (0..above.len()).collect();
            order.sort_by(|&a, &b| x[above[a]].total_cmp(&x[above[b]]));
            let room = (places[lower].width - 16.0).max(0.0);
            let step = STEP.min(room / above.len().max(1) as f64);
            let middle = (above.len().max(1) - 1) as f64 / 2.0;
            let mut ports = vec![0.0; above.len()];
            for (rank, at) in order.into_iter().enumerate() {
                ports[at] = x[lower] + (rank as f64 - middle) * step;
            }
            ports
        })
        .collect()
}
