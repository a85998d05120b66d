//! Freezing: one method with all its calls, as one graph in which what never changes is a literal or a constant.
//!
//! In: a model as read and the name of a method. Out: a graph without calls, without attribute reads that can be known, without
//! branches on literals, and with in-place operators made functional where that is proved safe.
//! Invariant: an attribute that any reached function writes, or that the caller keeps, stays an attribute read.
//! Invariant: an in-place operator that stays has its place in the order of effects.

mod alias;
mod detach;
mod error;
mod inline;
mod node;

pub use detach::detach;
pub use error::FreezeError;
pub(crate) use inline::root_methods;
pub use inline::{Frozen, freeze};
