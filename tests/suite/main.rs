//! The integration tests: one module for each stage, one binary for all.

mod book;
mod catalogue;
mod check;
mod editor;
mod syntax;
mod syntax_limits;
mod syntax_tree;
