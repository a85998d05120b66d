//! Places for boxes and lines.
//!
//! In: a frame. Out: its size, and where each box, each line and each inner frame goes, in units of a pixel.
//! A box that holds frames is laid out after them and is as large as they need.
//!
//! Invariant: boxes of a frame do not overlap; inner frames lie inside of their box.

use super::layers::layers;
use super::order::reduce_crossings;
use super::outline::{Frame, Item, Role};
use super::position::positions;
use super::routes::{Route, routes};

/// A place.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Point {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// A rectangle.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Place {
    /// Its left side.
    pub x: f64,
    /// Its top.
    pub y: f64,
    /// From left to right.
    pub width: f64,
    /// From top to bottom.
    pub height: f64,
}

/// A frame inside of a box; its place counts from the box around it.
#[derive(Clone, Debug)]
pub struct Inner {
    /// Where it is.
    pub place: Place,
    /// What is in it.
    pub layout: Layout,
}

/// Where everything of a frame goes.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// From left to right.
    pub width: f64,
    /// From top to bottom.
    pub height: f64,
    /// The boxes, as the frame has them.
    pub boxes: Vec<Place>,
    /// The lines.
    pub routes: Vec<Route>,
    /// Pairs of boxes whose line would be too long to follow.
    pub cut: Vec<(usize, usize)>,
    /// For each box the frames in it.
    pub inner: Vec<Vec<Inner>>,
}

/// Height of a box's heading.
pub(super) const HEAD: f64 = 24.0;
/// Height of a row.
pub(super) const ROW: f64 = 15.0;
/// Space around rows and frames.
pub(super) const PADDING: f64 = 10.0;
/// Height of a frame's title.
pub(super) const TITLE: f64 = 20.0;
/// Widths of a character in a heading and in a row: those of common monospaced fonts at 12 and 10.5 pixels.
const HEAD_CHARACTER: f64 = 7.3;
const ROW_CHARACTER: f64 = 6.4;
/// Space between layers.
const BETWEEN: f64 = 34.0;

/// Lays out a frame.
pub fn layout(frame: &Frame) -> Layout {
    let inner: Vec<Vec<Inner>> = frame.items.iter().map(inner_frames).collect();
    let mut net = layers(frame);
    reduce_crossings(&mut net);
    let sizes: Vec<(f64, f64)> = frame
        .items
        .iter()
        .zip(&inner)
        .map(|(item, inner)| size(item, inner))
        .collect();
    let mut widths: Vec<f64> = sizes.iter().map(|size| size.0).collect();
    widths.resize(net.layer.len(), 0.0);
    let x = positions(&net, &widths);
    let mut bands = Vec::with_capacity(net.layers.len());
    let mut y = 0.0;
    for layer in &net.layers {
        let heights = layer.iter().filter_map(|&vertex| sizes.get(vertex));
        let height = heights.map(|size| size.1).fold(0.0, f64::max);
        bands.push((y, y + height));
        y += height + BETWEEN;
    }
    let boxes: Vec<Place> = sizes
        .iter()
        .enumerate()
        .map(|(item, &(width, height))| {
            let (top, bottom) = bands[net.layer[item]];
            Place {
                x: x[item] - width / 2.0,
                y: top + (bottom - top - height) / 2.0,
                width,
                height,
            }
        })
        .collect();
    let right = x
        .iter()
        .zip(&widths)
        .map(|(x, width)| x + width / 2.0)
        .fold(0.0, f64::max);
    Layout {
        width: right,
        height: (y - BETWEEN).max(0.0),
        routes: routes(&net, &x, &boxes, &bands),
        boxes,
        cut: net.cut,
        inner,
    }
}

/// The frames of a box, side by side below its rows.
fn inner_frames(item: &Item) -> Vec<Inner> {
    let mut x = PADDING;
    let y = HEAD + rows_height(item) + PADDING;
    let mut inner = Vec::new();
    for frame in &item.frames {
        let layout = layout(frame);
        let title = frame.title.chars().count() as f64 * ROW_CHARACTER;
        let place = Place {
            x,
            y,
            width: layout.width.max(title) + 2.0 * PADDING,
            height: layout.height + TITLE + 2.0 * PADDING,
        };
        x += place.width + PADDING;
        inner.push(Inner { place, layout });
    }
    let tallest = inner
        .iter()
        .map(|inner| inner.place.height)
        .fold(0.0, f64::max);
    for inner in &mut inner {
        inner.place.height = tallest;
    }
    inner
}

fn rows_height(item: &Item) -> f64 {
    if item.rows.is_empty() {
        0.0
    } else {
        item.rows.len() as f64 * ROW + 6.0
    }
}

fn size(item: &Item, inner: &[Inner]) -> (f64, f64) {
    let title = item.title.chars().count() as f64 * HEAD_CHARACTER;
    let row = |row: &super::outline::Row| {
        let label = row.label.chars().count();
        let blank = usize::from(label > 0) * 2;
        (label + blank + row.text.chars().count()) as f64 * ROW_CHARACTER
    };
    let rows = item.rows.iter().map(row).fold(0.0, f64::max);
    let frames = inner
        .last()
        .map_or(0.0, |last| last.place.x + last.place.width + PADDING);
    let width = (title.max(rows) + 2.0 * PADDING).max(frames).max(48.0);
    let below = inner
        .first()
        .map_or(0.0, |first| first.place.height + 2.0 * PADDING);
    let head = if item.role == Role::Operator {
        HEAD
    } else {
        HEAD - 2.0
    };
    (width, head + rows_height(item) + below)
}
