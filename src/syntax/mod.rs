//! Rule text to tokens to tree.
//!
//! In: the text of a `.fold` file, or of a graph as `rulefold show` and PyTorch print it. Out: the tree of [`ast`] and diagnostics.
//! The way: [`lexer`] makes tokens that lose nothing, [`split`] cuts the text into items at column 0, `nesting` refuses what is too
//! deep, `grammar` (pest) reads an item, `build` makes the tree of it; what the grammar refuses goes to `recover`, which tries the
//! parts alone, and `explain`, which says what was expected.
//!
//! Invariant: parsing never fails as a whole: a broken item costs its own diagnostics, the others stay.
//! Invariant: nothing here knows what an op, a type or a function is; names are names.
//! Invariant: any text gives an answer in time linear in its length, on a bounded stack.

pub mod ast;
mod build;
mod codes;
mod explain;
pub mod format;
mod grammar;
pub mod lexer;
mod nesting;
mod parse;
mod passage;
mod recover;
pub mod split;
mod untested;

pub use codes::*;
pub use parse::{parse, parse_graph};
pub use untested::without_tests;
