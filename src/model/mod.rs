//! Model files to graphs and back.

pub mod archive;
pub mod inputs;
pub mod npy;
pub mod pickle;
pub mod torchscript;
