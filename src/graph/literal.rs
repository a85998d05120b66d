//! Values known as text: numbers, strings, lists of them. Tensors are constants, not literals.
//!
//! Invariant: equality and hash are by type and bits (`1` and `1.0` differ, so do `0.0` and `-0.0`; a NaN equals itself).
//! What a pattern means by "equal" is [`Literal::same_value`].

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::DType;

/// A literal value.
#[derive(Clone, Debug)]
pub enum Literal {
    /// Absent.
    None,
    /// Truth.
    Bool(bool),
    /// Integer.
    Int(i64),
    /// Double.
    Float(f64),
    /// Complex number: real and imaginary part.
    Complex(f64, f64),
    /// Text.
    Str(Arc<str>),
    /// Element type, where the format has such values (TorchScript writes them as integers).
    DType(DType),
    /// Device such as `cpu` or `cuda:0`.
    Device(Arc<str>),
    /// List of values.
    List(Arc<[Literal]>),
    /// Tuple of values.
    Tuple(Arc<[Literal]>),
    /// Dictionary in order.
    Dict(Arc<[(Literal, Literal)]>),
}

impl Literal {
    /// A text.
    pub fn str(text: &str) -> Literal {
        Literal::Str(text.into())
    }

    /// A list.
    pub fn list(items: impl IntoIterator<Item = Literal>) -> Literal {
        Literal::List(items.into_iter().collect())
    }

    /// A list of integers.
    pub fn ints(items: impl IntoIterator<Item = i64>) -> Literal {
        Literal::list(items.into_iter().map(Literal::Int))
    }

    /// The integer, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Literal::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// The number as a double, if it is an integer or a double.
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Literal::Int(n) => Some(*n as f64),
            Literal::Float(x) => Some(*x),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Literal::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Literal::Str(s) => Some(s),
            _ => None,
        }
    }

    /// The elements of a list or tuple.
    pub fn items(&self) -> Option<&[Literal]> {
        match self {
            Literal::List(items) | Literal::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// Integers of a list of integers.
    pub fn as_ints(&self) -> Option<Vec<i64>> {
        self.items()?.iter().map(Literal::as_int).collect()
    }

    /// Equality as patterns mean it: numbers by value whatever their type, lists and tuples element by element.
    pub fn same_value(&self, other: &Literal) -> bool {
        match (self, other) {
            (Literal::Int(a), Literal::Float(b)) | (Literal::Float(b), Literal::Int(a)) => {
                *b == *a as f64 && *b as i64 == *a
            }
            (Literal::Float(a), Literal::Float(b)) => a == b || a.to_bits() == b.to_bits(),
            (Literal::List(a) | Literal::Tuple(a), Literal::List(b) | Literal::Tuple(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.same_value(b))
            }
            (a, b) => a == b,
        }
    }
}

impl PartialEq for Literal {
    fn eq(&self, other: &Literal) -> bool {
        match (self, other) {
            (Literal::None, Literal::None) => true,
            (Literal::Bool(a), Literal::Bool(b)) => a == b,
            (Literal::Int(a), Literal::Int(b)) => a == b,
            (Literal::Float(a), Literal::Float(b)) => a.to_bits() == b.to_bits(),
            (Literal::Complex(a, b), Literal::Complex(c, d)) => {
                a.to_bits() == c.to_bits() && b.to_bits() == d.to_bits()
            }
            (Literal::Str(a), Literal::Str(b)) | (Literal::Device(a), Literal::Device(b)) => a == b,
            (Literal::DType(a), Literal::DType(b)) => a == b,
            (Literal::List(a), Literal::List(b)) | (Literal::Tuple(a), Literal::Tuple(b)) => a == b,
            (Literal::Dict(a), Literal::Dict(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Literal {}

impl Hash for Literal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Literal::None => {}
            Literal::Bool(b) => b.hash(state),
            Literal::Int(n) => n.hash(state),
            Literal::Float(x) => x.to_bits().hash(state),
            Literal::Complex(a, b) => (a.to_bits(), b.to_bits()).hash(state),
            Literal::Str(s) | Literal::Device(s) => s.hash(state),
            Literal::DType(d) => d.hash(state),
            Literal::List(items) | Literal::Tuple(items) => items.hash(state),
            Literal::Dict(items) => items.hash(state),
        }
    }
}
