//! Rule text to tokens to tree.
//!
//! In: the text of a `.fold` file, or of a graph as `rulefold show` and PyTorch print it. Out: the tree of [`ast`] and diagnostics.
//!
//! Invariant: parsing never fails as a whole: a broken item costs its own diagnostics, the others stay.
//! Invariant: nothing here knows what an op, a type or a function is; names are names.

pub mod ast;
