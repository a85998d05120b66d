//! Texts of files: names, spans, and lines and columns in bytes and UTF-16.
//!
//! In: the name and the text (or bytes) of each file that a run reads. Out: a [`SourceId`] for each, [`Span`]s that point into
//! them, and the [`Place`] (line, column) of any offset.
//!
//! Invariant: a text never changes once it has an id, so spans stay valid for the life of their [`Sources`].
//! Invariant: offsets are bytes; everything else (columns, UTF-16) is computed from them on demand.

mod file;
mod sources;
mod span;

pub use file::{Place, SourceFile};
pub use sources::{NotText, Sources};
pub use span::{SourceId, Span};
