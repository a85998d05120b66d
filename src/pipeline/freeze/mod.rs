//! Freezing: methods with all their calls, as one graph each in which what never changes is a literal or a constant.
//!
//! In: a model as read and the names of methods. Out: graphs without calls, without attribute reads that can be known, without
//! branches on literals, and with in-place operators made functional where that is proved safe. Inlining alone leaves the reads.
//! Invariant: an attribute that any of the methods writes, or that the caller keeps, stays an attribute read in all of them.
//! Invariant: an in-place operator that stays has its place in the order of effects.

mod alias;
mod around;
mod detach;
mod error;
mod inline;
mod kept;
mod methods;
mod node;
mod paths;
mod repeat;

pub use around::{Around, inline_around};
pub use detach::detach;
pub use error::FreezeError;
pub use kept::Kept;
pub(crate) use methods::root_methods;
pub use methods::{Frozen, freeze, inline};
