//! Graphs and modules to a TorchScript archive.
//!
//! In: a model and what its file held beside it. Out: an archive that PyTorch loads.
//! Invariant: what was read and not changed is written with the same names, order and numbers, so that writing twice gives the same bytes.

mod archive;
mod code;
mod constants;
mod expression;
mod function;
mod literal;
mod names;
mod objects;
mod storages;

pub use archive::write;
