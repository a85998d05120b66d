//! Frames as a DOT file, for Graphviz and its relatives.
//!
//! In: frames. Out: one directed graph; frames are clusters.
//! An edge of a box that holds frames ends at the border of its cluster.
//!
//! Invariant: names of vertices are made here; text of a model is in quoted strings only.

use std::fmt::Write;

use super::escape::quoted;
use super::outline::{Frame, Item, Role};

/// A document with these frames.
pub fn dot(frames: &[Frame]) -> String {
    let mut writer = Writer {
        out: String::new(),
        names: 0,
    };
    writer.out.push_str(
        "digraph model {\n  compound=true;\n  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"monospace\", fontsize=10];\n  \
         edge [color=gray40, arrowsize=0.6, fontname=\"monospace\", fontsize=8];\n",
    );
    for frame in frames {
        writer.cluster(frame, 1);
    }
    writer.out.push_str("}\n");
    writer.out
}

/// A vertex, and the cluster that an edge ends at if the vertex only stands for one.
#[derive(Clone, Debug)]
struct Anchor {
    vertex: String,
    cluster: Option<String>,
}

struct Writer {
    out: String,
    names: usize,
}

impl Writer {
    fn fresh(&mut self) -> usize {
        self.names += 1;
        self.names
    }

    fn indent(&mut self, depth: usize) {
        for _ in 0..depth {
            self.out.push_str("  ");
        }
    }

    fn cluster(&mut self, frame: &Frame, depth: usize) {
        let number = self.fresh();
        self.indent(depth);
        let _ = writeln!(
            self.out,
            "subgraph cluster_{number} {{ label={}; labeljust=l; color=gray70; fontname=\"monospace\";",
            quoted(&frame.title)
        );
        let anchors: Vec<Anchor> = frame
            .items
            .iter()
            .map(|item| self.item(item, depth + 1))
            .collect();
        for edge in &frame.edges {
            let (from, to) = (&anchors[edge.from], &anchors[edge.to]);
            self.indent(depth + 1);
            let _ = write!(self.out, "{} -> {}", from.vertex, to.vertex);
            let ends = [("ltail", &from.cluster), ("lhead", &to.cluster)];
            let ends: Vec<String> = ends
                .iter()
                .filter_map(|(end, cluster)| Some(format!("{end}={}", cluster.as_ref()?)))
                .collect();
            if !ends.is_empty() {
                let _ = write!(self.out, " [{}]", ends.join(", "));
            }
            self.out.push_str(";\n");
        }
        self.indent(depth);
        self.out.push_str("}\n");
    }

    fn item(&mut self, item: &Item, depth: usize) -> Anchor {
        let vertex = match item.node {
            Some(node) => format!("n{}_{}", node.0, self.fresh()),
            None => format!("v{}", self.fresh()),
        };
        let shape = match item.role {
            Role::Operator => "",
            Role::Parameter => ", shape=ellipse, fillcolor=gray90",
            Role::Outside => ", style=dashed",
            Role::Returned => ", shape=ellipse",
        };
        let vertex_line = format!("{vertex} [label={}{shape}];\n", quoted(&label(item)));
        if item.frames.is_empty() {
            self.indent(depth);
            self.out.push_str(&vertex_line);
            return Anchor {
                vertex,
                cluster: None,
            };
        }
        let cluster = format!("cluster_{}", self.fresh());
        self.indent(depth);
        let _ = writeln!(self.out, "subgraph {cluster} {{ label=\"\"; color=gray50;");
        self.indent(depth + 1);
        self.out.push_str(&vertex_line);
        for frame in &item.frames {
            self.cluster(frame, depth + 1);
        }
        self.indent(depth);
        self.out.push_str("}\n");
        Anchor {
            vertex,
            cluster: Some(cluster),
        }
    }
}

fn label(item: &Item) -> String {
    let mut label = item.title.clone();
    if item.rows.is_empty() {
        return label;
    }
    label.push('\n');
    for row in &item.rows {
        if !row.label.is_empty() {
            label.push_str(&row.label);
            label.push_str(": ");
        }
        label.push_str(&row.text);
        label.push('\n');
    }
    label
}
