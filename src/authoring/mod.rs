//! What an author starts from: the catalogue of the rules there are, rules cut out of a model or taken over from
//! PyTorch's pattern strings.
//!
//! In: a loaded library, or foreign text. Out: entries and text for people, and rule files.
//! Invariant: reads and writes no file.

mod cut;
mod foreign;
mod import;
mod listing;
mod page;
mod retell;

pub use cut::{CutError, cut};
pub use import::{Imported, import};
pub use listing::{Entry, EntryKind, entries, search};
pub use page::{markdown, whole};
