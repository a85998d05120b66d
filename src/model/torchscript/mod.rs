//! TorchScript archives (`.pt`) to graphs and back.
//!
//! In: an archive that `torch.jit.save` made. Out: a [`crate::graph::Model`] and what of the file is no graph, so that it can be written again.
//! Invariant: what is not understood is refused with file, line and construct, never guessed.

mod code_ast;
mod code_expression;
mod code_lexer;
mod code_parser;
mod code_statement;
mod code_types;
mod error;

pub use error::{CodePlace, ReadError, WriteError};
