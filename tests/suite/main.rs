//! The integration tests: one module for each stage, one binary for all.

mod bad_models;
mod book;
mod catalogue;
mod check;
mod check_limits;
mod cli;
mod cli_rules;
mod command;
mod console;
mod editor;
mod fixtures;
mod islands;
mod kernels;
mod npy;
mod operators;
mod recorded;
mod shown;
mod structure;
mod syntax;
mod syntax_limits;
mod syntax_tree;
mod synthetic;
mod torchscript_archive;
mod torchscript_bad;
mod torchscript_code;
mod torchscript_fixtures;
