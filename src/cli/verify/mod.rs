//! `rulefold verify`: whether two models compute the same.

mod command;
mod inputs;
mod python;

pub use command::{Verify, run};
