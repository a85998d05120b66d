//! The formatter: one way to write a rule file.
//!
//! In: the text of a `.fold` file. Out: the same tokens, comments included, with other blanks between them.
//! The way: `words` are the tokens with the grammar's view of each, `breaks` says where lines begin and how far in, `gap` what stands
//! between two words of a line, `line` renders one line and folds it where it is too long, `file` puts the items together.
//!
//! Invariant: the tokens that are no blanks stay as they are, in their order; formatting twice changes nothing.
//! Invariant: an item that does not parse is copied as it stands.

mod breaks;
mod file;
mod gap;
mod line;
mod words;

pub use file::{Formatted, WIDTH, format};
