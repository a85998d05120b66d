//! Trees to checked rules: names, arity, types, instances.

pub mod evaluate;
pub mod pipeline;
pub mod rule;
