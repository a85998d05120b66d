//! The pickles PyTorch puts into its archives (protocol 2): bytes go in, a tree of values comes out; a tree goes in, bytes in PyTorch's own
//! opcode style come out. A pickle is a program; here it is only ever taken down, never run.
//!
//! Invariant: nothing is imported, called or constructed. What PyTorch would call is a [`Node::Reduce`] or a [`Node::Object`].
//! Invariant: a [`Pickle`] has no cycle and is at most [`DEPTH_LIMIT`] deep when it was read; what was shared in the bytes is one node.
//! Invariant: `write(&read(bytes)?) == bytes` for what PyTorch's C++ pickler writes.
//! Invariant: knows nothing of tensors or modules.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

mod build;
mod error;
mod opcode;
mod reader;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
mod tree;
mod writer;

pub use build::PickleBuilder;
pub use error::{PickleError, PickleFault};
pub use reader::{DEPTH_LIMIT, read};
pub use tree::{Call, Memo, Node, NodeId, Pickle, Style};
pub use writer::write;
