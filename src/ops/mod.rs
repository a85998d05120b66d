//! The operator catalogue: schemas with defaults, purity, in-place partners, commutativity, result types.
