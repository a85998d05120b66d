//! Static types of values, as wide as the formats need.

use super::{DType, Name, Shape};

/// What is declared about a tensor. Each part may be unknown.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct TensorType {
    /// Element type.
    pub dtype: Option<DType>,
    /// Dimensions.
    pub shape: Option<Shape>,
}

/// The type of a value.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Type {
    /// A tensor.
    Tensor(TensorType),
    /// A 64-bit integer.
    Int,
    /// A double.
    Float,
    /// A complex double.
    Complex,
    /// A truth value.
    Bool,
    /// An integer, double, complex or truth value (`Scalar` in schemas, `number` in TorchScript).
    Scalar,
    /// Text.
    Str,
    /// A device.
    Device,
    /// Only `None`.
    None,
    /// `None` or a value.
    Optional(Box<Type>),
    /// Values of one type.
    List(Box<Type>),
    /// Values of these types.
    Tuple(Vec<Type>),
    /// A dictionary.
    Dict(Box<Type>, Box<Type>),
    /// An object of a class, by its qualified name (a module, a packed object).
    Class(Name),
    /// One of these.
    Union(Vec<Type>),
    /// A type variable of a schema, such as `t`.
    Variable(Name),
    /// Anything.
    Any,
    /// A type that only its format understands, by its text there.
    Other(Name),
}

impl Type {
    /// A tensor of which nothing is known.
    pub fn tensor() -> Type {
        Type::Tensor(TensorType::default())
    }

    /// Whether it is a tensor type.
    pub fn is_tensor(&self) -> bool {
        matches!(self, Type::Tensor(_))
    }

    /// A list of this type.
    pub fn list_of(self) -> Type {
        Type::List(Box::new(self))
    }

    /// This type or `None`.
    pub fn optional(self) -> Type {
        Type::Optional(Box::new(self))
    }
}
