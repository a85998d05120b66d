//! The tree of a rule file: what was written, resolved as far as the text alone allows.
//!
//! In: built by the parser. Out: read by `check`.
//!
//! Invariant: every node has the span of its text, without blanks around it.
//! Invariant: strings are unescaped, numbers parsed, words with a fixed meaning are enums; no node needs its source text.
//! Invariant: brackets in expressions are dropped once precedence is in the tree; `-1` is a number.

mod expr;
mod file;
mod graph;
mod job;
mod name;
mod rule;
mod types;

pub use expr::*;
pub use file::*;
pub use graph::*;
pub use job::*;
pub use name::*;
pub use rule::*;
pub use types::*;
