//! Trees to checked rules: names, arity, types, instances.

pub mod pipeline;
pub mod rule;
