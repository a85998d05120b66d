//! The integration tests: one module for each stage, one binary for all.

mod syntax;
