//! A laid-out graph as SVG.
//!
//! In: frames with their layouts. Out: one SVG document, or the part of one that a page puts into its own.
//! Colours follow the reader's scheme; nothing is loaded from anywhere.
//!
//! Invariant: every text of a model is escaped; numbers are rounded to tenths, so that no platform prints other digits.

use std::fmt::Write;

use crate::graph::NodeId;

use super::escape::xml;
use super::layout::{HEAD, Layout, PADDING, Place, Point, ROW, TITLE, layout};
use super::outline::{Frame, Item, Role, Row};
use super::routes::{Route, Stroke};

/// The style of all pictures.
pub const STYLE: &str = include_str!("style.css");

/// Space around a picture and between the frames of one.
const MARGIN: f64 = 24.0;

/// A document with these frames, one below the other.
pub fn svg(frames: &[Frame]) -> String {
    let mut body = String::new();
    let (mut width, mut y) = (0f64, MARGIN);
    for frame in frames {
        let layout = layout(frame);
        let _ = writeln!(
            body,
            "<text class=\"method\" x=\"{}\" y=\"{}\">{}</text>",
            Tenths(MARGIN),
            Tenths(y + 12.0),
            xml(&frame.title)
        );
        y += 32.0;
        let _ = writeln!(
            body,
            "<g transform=\"translate({} {})\">",
            Tenths(MARGIN),
            Tenths(y)
        );
        body.push_str(&group(frame, &layout, &|_| String::new()));
        body.push_str("</g>\n");
        let title = frame.title.chars().count() as f64 * 9.0;
        width = width.max(layout.width).max(title);
        y += layout.height + MARGIN;
    }
    let (width, height) = (Tenths(width + 2.0 * MARGIN), Tenths(y));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"rulefold\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <style>\n{STYLE}</style>\n<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n{body}</svg>\n"
    )
}

/// The boxes and lines of a frame, from its upper left corner. `attributes` are added to the element of a node, which has its number in
/// `data-node`; they must be escaped.
pub fn group(frame: &Frame, layout: &Layout, attributes: &dyn Fn(NodeId) -> String) -> String {
    let mut writer = Writer {
        out: String::new(),
        attributes,
    };
    writer.frame(frame, layout);
    writer.out
}

struct Writer<'a> {
    out: String,
    attributes: &'a dyn Fn(NodeId) -> String,
}

impl Writer<'_> {
    fn frame(&mut self, frame: &Frame, layout: &Layout) {
        for route in &layout.routes {
            self.route(frame, route);
        }
        for &(from, to) in &layout.cut {
            self.stub(&frame.items[from], layout.boxes[to]);
        }
        for (i, item) in frame.items.iter().enumerate() {
            self.item(item, layout, i);
        }
    }

    fn route(&mut self, frame: &Frame, route: &Route) {
        let mut path = String::new();
        let mut at = Point::default();
        for stroke in &route.strokes {
            let _ = match *stroke {
                Stroke::Move(to) => write!(path, "M{} {}", Tenths(to.x), Tenths(to.y)),
                Stroke::Line(to) => write!(path, "L{} {}", Tenths(to.x), Tenths(to.y)),
                Stroke::Bend(to) => {
                    let middle = Tenths((at.y + to.y) / 2.0);
                    write!(
                        path,
                        "C{} {middle} {} {middle} {} {}",
                        Tenths(at.x),
                        Tenths(to.x),
                        Tenths(to.x),
                        Tenths(to.y)
                    )
                }
            };
            let (Stroke::Move(to) | Stroke::Line(to) | Stroke::Bend(to)) = *stroke;
            at = to;
        }
        let mut heads = String::new();
        for end in &route.ends {
            let _ = write!(heads, "M{} {}l-3.5 -7h7z", Tenths(end.x), Tenths(end.y));
        }
        let from = node_of(&frame.items[route.from]);
        let to: Vec<String> = route
            .to
            .iter()
            .filter_map(|&to| frame.items[to].node)
            .map(|node| node.0.to_string())
            .collect();
        let _ = writeln!(
            self.out,
            "<g class=\"edge\"{from} data-to=\"{}\"><path class=\"line\" d=\"{path}\"/><path class=\"head\" d=\"{heads}\"/></g>",
            to.join(" ")
        );
    }

    /// A line too long to follow: its name above the box that takes it.
    fn stub(&mut self, from: &Item, to: Place) {
        let name = from
            .rows
            .iter()
            .find(|row| row.is_result)
            .map_or(from.title.as_str(), |row| row.text.as_str());
        let _ = writeln!(
            self.out,
            "<text class=\"row label\" x=\"{}\" y=\"{}\">{}</text>",
            Tenths(to.x + 4.0),
            Tenths(to.y - 4.0),
            xml(name)
        );
    }

    fn item(&mut self, item: &Item, layout: &Layout, at: usize) {
        let place = layout.boxes[at];
        let class = match item.role {
            Role::Operator => format!("node {}", item.category.name()),
            Role::Parameter => "node parameter".to_owned(),
            Role::Outside => "node outside".to_owned(),
            Role::Returned => "node returned".to_owned(),
        };
        let own = item.node.map(self.attributes).unwrap_or_default();
        let _ = write!(
            self.out,
            "<g class=\"{class}\"{}{own} transform=\"translate({} {})\"><title>{}</title>",
            node_of(item),
            Tenths(place.x),
            Tenths(place.y),
            xml(&item.tip)
        );
        let (width, height) = (Tenths(place.width), Tenths(place.height));
        let radius = if item.role == Role::Operator { 6 } else { 11 };
        let _ = write!(
            self.out,
            "<rect class=\"box\" width=\"{width}\" height=\"{height}\" rx=\"{radius}\"/>"
        );
        if item.role == Role::Operator {
            let _ = write!(
                self.out,
                "<path class=\"band\" d=\"M0 {HEAD}V6a6 6 0 0 1 6 -6H{}a6 6 0 0 1 6 6V{HEAD}z\"/>",
                Tenths(place.width - 6.0)
            );
            if item.rows.is_empty() && item.frames.is_empty() {
                let _ = write!(
                    self.out,
                    "<rect class=\"band\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>"
                );
            }
        }
        let _ = write!(
            self.out,
            "<text class=\"title\" x=\"{}\" y=\"16\">{}</text>",
            Tenths(PADDING),
            xml(&item.title)
        );
        for (i, row) in item.rows.iter().enumerate() {
            self.row(row, HEAD + ROW * (i as f64 + 1.0) - 1.0);
        }
        for (frame, inner) in item.frames.iter().zip(&layout.inner[at]) {
            let Place {
                x,
                y,
                width,
                height,
            } = inner.place;
            let _ = writeln!(
                self.out,
                "<g transform=\"translate({} {})\"><rect class=\"frame\" width=\"{}\" height=\"{}\" rx=\"5\"/>\
                 <text class=\"row label\" x=\"{}\" y=\"14\">{}</text><g transform=\"translate({} {})\">",
                Tenths(x),
                Tenths(y),
                Tenths(width),
                Tenths(height),
                Tenths(PADDING),
                xml(&frame.title),
                Tenths((width - inner.layout.width) / 2.0),
                Tenths(TITLE + PADDING)
            );
            self.frame(frame, &inner.layout);
            self.out.push_str("</g></g>");
        }
        self.out.push_str("</g>\n");
    }

    fn row(&mut self, row: &Row, y: f64) {
        let class = if row.is_result { "row result" } else { "row" };
        let x = Tenths(PADDING);
        let _ = write!(
            self.out,
            "<text class=\"{class}\" x=\"{x}\" y=\"{}\">",
            Tenths(y)
        );
        if row.label.is_empty() {
            self.out.push_str(&xml(&row.text));
        } else {
            let _ = write!(
                self.out,
                "<tspan class=\"label\">{}</tspan><tspan dx=\"12\">{}</tspan>",
                xml(&row.label),
                xml(&row.text)
            );
        }
        self.out.push_str("</text>");
    }
}

fn node_of(item: &Item) -> String {
    item.node
        .map_or(String::new(), |node| format!(" data-node=\"{}\"", node.0))
}

/// A number with at most one digit behind the point.
struct Tenths(f64);

impl std::fmt::Display for Tenths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tenths = (self.0 * 10.0).round() as i64;
        if tenths % 10 == 0 {
            return write!(f, "{}", tenths / 10);
        }
        let sign = if tenths < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{}", (tenths / 10).abs(), (tenths % 10).abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_tenths() {
        let texts = [0.0, 1.04, -0.26, -12.0, 3.96].map(|x| Tenths(x).to_string());
        assert_eq!(texts, ["0", "1", "-0.3", "-12", "4"]);
    }
}
