//! Values that kernels take and give back.
//!
//! In: literals, tensors and packed weights of a graph. Out: the same, computed.
//! Invariant: a list or tuple of literals is one literal, so that equal values have one form.

use std::sync::Arc;

use crate::graph::{Constant, Literal, ModuleId, Object, Packed, Tensor};

/// A value of a run.
#[derive(Clone, Debug)]
pub enum Value {
    /// A number, text, or list of them.
    Literal(Literal),
    /// A tensor.
    Tensor(Tensor),
    /// A packed weight.
    Packed(Arc<Packed>),
    /// An object that is only carried along.
    Object(Arc<Object>),
    /// A module of the model.
    Module(ModuleId),
    /// A list that holds something other than literals. Build it with [`Value::list`].
    List(Vec<Value>),
    /// A tuple that holds something other than literals. Build it with [`Value::tuple`].
    Tuple(Vec<Value>),
}

impl Value {
    /// The absent value.
    pub const NONE: Value = Value::Literal(Literal::None);

    /// An integer.
    pub fn int(n: i64) -> Value {
        Value::Literal(Literal::Int(n))
    }

    /// A double.
    pub fn float(x: f64) -> Value {
        Value::Literal(Literal::Float(x))
    }

    /// A truth value.
    pub fn bool(b: bool) -> Value {
        Value::Literal(Literal::Bool(b))
    }

    /// A text.
    pub fn str(text: &str) -> Value {
        Value::Literal(Literal::str(text))
    }

    /// A list of integers.
    pub fn ints(items: impl IntoIterator<Item = i64>) -> Value {
        Value::Literal(Literal::ints(items))
    }

    /// A list; one literal if all items are.
    pub fn list(items: Vec<Value>) -> Value {
        match literals(&items) {
            Some(all) => Value::Literal(Literal::List(all)),
            None => Value::List(items),
        }
    }

    /// A tuple; one literal if all items are.
    pub fn tuple(items: Vec<Value>) -> Value {
        match literals(&items) {
            Some(all) => Value::Literal(Literal::Tuple(all)),
            None => Value::Tuple(items),
        }
    }

    /// The items of a list or tuple.
    pub fn items(&self) -> Option<Vec<Value>> {
        match self {
            Value::List(items) | Value::Tuple(items) => Some(items.clone()),
            Value::Literal(literal) => {
                Some(literal.items()?.iter().cloned().map(Value::from).collect())
            }
            _ => None,
        }
    }

    /// The literal, if it is one.
    pub fn as_literal(&self) -> Option<&Literal> {
        match self {
            Value::Literal(literal) => Some(literal),
            _ => None,
        }
    }

    /// The tensor, if it is one.
    pub fn as_tensor(&self) -> Option<&Tensor> {
        match self {
            Value::Tensor(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// What kind of value it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Literal(Literal::None) => "None",
            Value::Literal(Literal::Bool(_)) => "a truth value",
            Value::Literal(Literal::Int(_)) => "an integer",
            Value::Literal(Literal::Float(_)) => "a float",
            Value::Literal(Literal::Complex(..)) => "a complex number",
            Value::Literal(Literal::Str(_)) => "a text",
            Value::Literal(Literal::DType(_)) => "an element type",
            Value::Literal(Literal::Device(_)) => "a device",
            Value::Literal(Literal::Dict(_)) => "a dictionary",
            Value::Literal(Literal::List(_)) | Value::List(_) => "a list",
            Value::Literal(Literal::Tuple(_)) | Value::Tuple(_) => "a tuple",
            Value::Tensor(_) => "a tensor",
            Value::Packed(_) => "a packed weight",
            Value::Object(_) => "an object of a class of PyTorch's own",
            Value::Module(_) => "a module",
        }
    }
}

impl From<Literal> for Value {
    fn from(literal: Literal) -> Value {
        Value::Literal(literal)
    }
}

impl From<Tensor> for Value {
    fn from(tensor: Tensor) -> Value {
        Value::Tensor(tensor)
    }
}

impl From<Constant> for Value {
    fn from(constant: Constant) -> Value {
        match constant {
            Constant::Tensor(tensor) => Value::Tensor(tensor),
            Constant::Packed(packed) => Value::Packed(packed),
            Constant::Object(object) => Value::Object(object),
        }
    }
}

fn literals(items: &[Value]) -> Option<Arc<[Literal]>> {
    items
        .iter()
        .map(|item| item.as_literal().cloned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_literals_is_one_literal() {
        let list = Value::list(vec![Value::int(1), Value::float(2.0)]);
        assert!(matches!(&list, Value::Literal(Literal::List(items)) if items.len() == 2));
        let mixed = Value::tuple(vec![Value::int(1), Value::Module(ModuleId(0))]);
        assert_eq!(mixed.items().map(|items| items.len()), Some(2));
        assert_eq!(mixed.kind(), "a tuple");
    }
}
