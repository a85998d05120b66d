//! Model files to graphs and back.

pub mod archive;
pub mod pickle;
pub mod torchscript;
