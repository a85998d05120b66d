//! The e-graph: build, saturate, extract, provenance. egg lives here and nowhere else.

pub mod extract;
