//! The stable names of diagnostics.
//!
//! In: nothing. Out: a number and a word for each kind of message, which tests, `@allow` and the book refer to.
//!
//! Invariant: a code keeps its number and its word for ever; ranges: `F00` texts, `F01` syntax, `F02` names, `F03` types and arity,
//! `F04` rules, `F05` pipelines and tests, `F08` tests that fail, `F09` warnings.

use std::fmt;

/// The kind of a diagnostic: `F0101`, `unexpected-token`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code {
    /// The letter `F` and four digits.
    pub number: &'static str,
    /// Words in kebab case, as `@allow(...)` takes them with `_` for `-`.
    pub name: &'static str,
}

impl Code {
    /// A code; made as a constant by the stage that owns the message.
    pub const fn new(number: &'static str, name: &'static str) -> Self {
        Self { number, name }
    }

    /// A file is not UTF-8 text.
    pub const NOT_TEXT: Self = Self::new("F0001", "not-text");
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.number)
    }
}
