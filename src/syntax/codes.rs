//! The codes of this stage.
//!
//! In: nothing. Out: constants for the diagnostics of the parser.
//!
//! Invariant: all are in the range `F01`.

use crate::diagnostic::Code;

/// Something else was expected here.
pub const UNEXPECTED: Code = Code::new("F0101", "unexpected-token");
/// A word in column 0 that starts no item.
pub const UNKNOWN_ITEM: Code = Code::new("F0102", "unknown-item");
/// A bracket without its partner.
pub const UNBALANCED: Code = Code::new("F0103", "unbalanced-bracket");
/// A string without its closing quote.
pub const OPEN_STRING: Code = Code::new("F0104", "open-string");
/// A character that the language does not use.
pub const UNKNOWN_CHARACTER: Code = Code::new("F0105", "unknown-character");
/// Brackets or operators beyond any use.
pub const TOO_DEEP: Code = Code::new("F0106", "too-deep");
/// A number that does not fit 64 bits.
pub const BAD_NUMBER: Code = Code::new("F0107", "bad-number");
/// A string whose escapes make no text.
pub const BAD_STRING: Code = Code::new("F0108", "bad-string");
/// A note or trait that does not exist, or is written wrong.
pub const UNKNOWN_MARK: Code = Code::new("F0109", "unknown-mark");
/// Doc lines or notes with no item behind them.
pub const DANGLING_DOCS: Code = Code::new("F0110", "dangling-docs");
/// Something that the grammar reads and that has no meaning there.
pub const MISPLACED: Code = Code::new("F0111", "misplaced");
