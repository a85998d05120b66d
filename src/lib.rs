//! rulefold: rewrite rules for neural-network graphs.
//!
//! Rules are text (`*.fold`), models are files (TorchScript `.pt`); a model goes into an e-graph, the rules saturate it, and the
//! smallest equal model comes out in the format it came in. `book/src/architecture.md` shows how the modules hang together.

pub mod authoring;
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
pub mod diagnostic;
pub mod drawing;
pub mod egraph;
pub mod eval;
pub mod graph;
pub mod inspect;
pub mod lint;
pub mod model;
pub mod ops;
pub mod pipeline;
pub mod rules;
pub mod source;
pub mod syntax;
pub mod testing;
