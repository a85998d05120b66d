//! Graphs to pictures: SVG with a layout of its own, DOT for Graphviz, JSON for programs.
//!
//! In: a graph with its constants, and optionally which of its nodes are wanted. Out: text.
//! A graph becomes nested frames of boxes and edges first ([`outline()`]); a layered layout gives these places; each format writes them
//! down in its own way.
//!
//! Invariant: the same graph gives the same bytes, whatever else the program did.
//! Invariant: whatever text a model holds, the output is well-formed; nothing of a model can end an element, a string or a script.

mod around;
mod category;
mod dot;
mod escape;
mod json;
mod label;
mod layers;
mod layout;
mod order;
mod outline;
mod position;
mod routes;
mod svg;

pub use around::{Wanted, around};
pub use category::Category;
pub use dot::dot;
pub use escape::{quoted, xml};
pub use json::json;
pub use layout::{Layout, layout};
pub use outline::{Edge, Frame, Item, Role, Row, Subject, outline};
pub use svg::{STYLE, group, svg};
