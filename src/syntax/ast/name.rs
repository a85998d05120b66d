//! Leaves of the tree: names, values, op names, strings, numbers.
//!
//! In: the text of single tokens. Out: their meaning as text.
//!
//! Invariant: a name holds what it means (no `%`, no quotes, no escapes); the span covers what was written.

use crate::source::Span;
use std::fmt;

/// A bare word: `dtype`, `packed`, `eps`.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// The word.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// Dotted words: `torch.modules.PACKED`, or a single one.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// The words with the dots between them.
    pub text: String,
    /// Where they stand.
    pub span: Span,
}

/// A value of the graph: `%x`, `%self.conv1.weight`, `%"any text"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// The name without `%` and quotes.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// The name of an op: `aten::conv{D}d`, `aten::mean.dim`.
#[derive(Clone, Debug, PartialEq)]
pub struct OpName {
    /// The name as written, holes included.
    pub text: String,
    /// The same cut at its holes.
    pub pieces: Vec<OpNamePiece>,
    /// Where it stands.
    pub span: Span,
}

/// A part of an op's name.
#[derive(Clone, Debug, PartialEq)]
pub enum OpNamePiece {
    /// Letters that stay.
    Text(String),
    /// `{name}`: replaced in each instance.
    Hole(Name),
}

/// A string.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// What it says, without quotes and escapes.
    pub value: String,
    /// Where it stands, quotes included.
    pub span: Span,
}

/// A number; a minus directly before it belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// Its value.
    pub value: NumberValue,
    /// As written, without blanks.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// The value of a number. Only digits make an integer; `1.`, `1.0` and `1e3` are floats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NumberValue {
    /// An integer of 64 bits.
    Int(i64),
    /// A float of 64 bits.
    Float(f64),
}

impl NumberValue {
    /// The value as a float; integers beyond 2^53 are rounded.
    pub fn as_f64(self) -> f64 {
        match self {
            NumberValue::Int(value) => value as f64,
            NumberValue::Float(value) => value,
        }
    }
}

impl Path {
    /// The words.
    pub fn words(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.text.split('.')
    }

    /// The word, if it is only one.
    pub fn single(&self) -> Option<&str> {
        (!self.text.contains('.')).then_some(self.text.as_str())
    }

    /// What stands before the last dot, and the last word.
    pub fn split_last(&self) -> (Option<&str>, &str) {
        match self.text.rsplit_once('.') {
            Some((module, name)) => (Some(module), name),
            None => (None, &self.text),
        }
    }
}

impl OpName {
    /// The name, if it has no holes.
    pub fn plain(&self) -> Option<&str> {
        self.holes().next().is_none().then_some(self.text.as_str())
    }

    /// The names in its holes, in order.
    pub fn holes(&self) -> impl Iterator<Item = &Name> {
        self.pieces.iter().filter_map(|piece| match piece {
            OpNamePiece::Hole(name) => Some(name),
            OpNamePiece::Text(_) => None,
        })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for OpName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Value {
    /// As the language writes it: quoted where a plain name would not read back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |word: &str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        if self.name.split('.').all(word) {
            return write!(f, "%{}", self.name);
        }
        f.write_str("%\"")?;
        for c in self.name.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                '\n' => f.write_str("\\n")?,
                _ => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}
