//! TorchScript archives (`.pt`) to graphs and back.
//!
//! In: an archive that `torch.jit.save` made. Out: a [`crate::graph::Model`] and what of the file is no graph, so that it can be written again.
//! Invariant: what is not understood is refused with file, line and construct, never guessed.

mod code_ast;
mod code_base;
mod code_expression;
mod code_lexer;
mod code_parser;
mod code_statement;
mod code_text;
mod code_types;
mod container;
mod error;
mod lower;
mod objects;
mod packed;
mod read;
mod state;
mod tensors;
mod write;

pub use container::{Container, TorchScript};
pub use error::{CodePlace, ReadError, WriteError};
pub use read::{read, read_archive};
pub use write::write;
