//! Objects of PyTorch's own classes that are carried along: what a file says of them, and nothing more is known.
//!
//! In: the state as a file holds it. Out: the same state, with an identity.
//! Invariant: a state is a finite tree whose form is kept, so that what is written is what was read.

use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use super::constant::{packed_bytes, packed_hash, tensor_bytes};
use super::{Name, Packed, Tensor};

/// An object, such as the weights of one cell of a dynamically quantized LSTM.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its class, `__torch__.torch.classes.rnn.CellParamsBase`.
    pub class: Name,
    /// What `__getstate__` gave.
    pub state: ObjectState,
}

/// The state of an object, or a part of it.
#[derive(Clone, Debug)]
pub enum ObjectState {
    /// The absent value.
    None,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A text.
    Str(Arc<str>),
    /// A tensor.
    Tensor(Tensor),
    /// A packed weight.
    Packed(Arc<Packed>),
    /// A tuple.
    Tuple(Vec<ObjectState>),
    /// A list.
    List(Vec<ObjectState>),
    /// A container whose element type a function of the file format gives: the function's name and its operands.
    Typed(Name, Vec<ObjectState>),
}

impl Object {
    /// Bytes that the file needs for its tensors.
    pub fn size_in_bytes(&self) -> u64 {
        self.state.size_in_bytes()
    }

    /// Content identity: equal for objects of one class with equal states.
    pub fn content_hash(&self) -> u128 {
        let mut hasher = Xxh3::new();
        hasher.update(self.class.as_str().as_bytes());
        self.state.hash(&mut hasher);
        hasher.digest128()
    }
}

impl ObjectState {
    /// The elements of a tuple or list, whatever gives it its element type.
    pub fn items(&self) -> Option<&[ObjectState]> {
        match self {
            ObjectState::Tuple(items) | ObjectState::List(items) => Some(items),
            ObjectState::Typed(_, operands) => operands.first()?.items(),
            _ => None,
        }
    }

    /// The tensor, if it is one.
    pub fn tensor(&self) -> Option<&Tensor> {
        match self {
            ObjectState::Tensor(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// The tensor, or that there is none, if it is one of these.
    pub fn optional_tensor(&self) -> Option<Option<&Tensor>> {
        match self {
            ObjectState::None => Some(None),
            other => other.tensor().map(Some),
        }
    }

    fn size_in_bytes(&self) -> u64 {
        match self {
            ObjectState::Tensor(tensor) => tensor_bytes(tensor),
            ObjectState::Packed(packed) => packed_bytes(packed),
            ObjectState::Tuple(items) | ObjectState::List(items) | ObjectState::Typed(_, items) => {
                items.iter().map(ObjectState::size_in_bytes).sum()
            }
            _ => 0,
        }
    }

    fn hash(&self, hasher: &mut Xxh3) {
        let items = |hasher: &mut Xxh3, kind: &[u8], items: &[ObjectState]| {
            hasher.update(kind);
            hasher.update(&(items.len() as u64).to_le_bytes());
            items.iter().for_each(|item| item.hash(hasher));
        };
        let text = |hasher: &mut Xxh3, kind: &[u8], text: &str| {
            hasher.update(kind);
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        match self {
            ObjectState::None => hasher.update(b"none"),
            ObjectState::Bool(value) => hasher.update(&[b'b', (*value).into()]),
            ObjectState::Int(value) => {
                hasher.update(b"i");
                hasher.update(&value.to_le_bytes());
            }
            ObjectState::Float(value) => {
                hasher.update(b"f");
                hasher.update(&value.to_bits().to_le_bytes());
            }
            ObjectState::Str(value) => text(hasher, b"s", value),
            ObjectState::Tensor(tensor) => {
                hasher.update(b"t");
                hasher.update(&tensor.content_hash().to_le_bytes());
            }
            ObjectState::Packed(packed) => {
                hasher.update(b"p");
                hasher.update(&packed_hash(packed).to_le_bytes());
            }
            ObjectState::Tuple(parts) => items(hasher, b"(", parts),
            ObjectState::List(parts) => items(hasher, b"[", parts),
            ObjectState::Typed(function, parts) => {
                text(hasher, b"c", function.as_str());
                items(hasher, b"<", parts);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(state: Vec<ObjectState>) -> Object {
        Object {
            class: Name::new("__torch__.torch.classes.rnn.CellParamsBase"),
            state: ObjectState::Tuple(state),
        }
    }

    #[test]
    fn equal_states_are_one_content() {
        use ObjectState as S;
        let kind = || S::Str("quantized_dynamic".into());
        let numbers =
            |numbers: &[i64]| S::List(numbers.iter().copied().map(ObjectState::Int).collect());
        let a = object(vec![kind(), numbers(&[1, 2])]);
        assert_eq!(
            a.content_hash(),
            object(vec![kind(), numbers(&[1, 2])]).content_hash()
        );
        for other in [
            object(vec![kind(), numbers(&[1, 3])]),
            object(vec![kind(), numbers(&[1]), numbers(&[2])]),
            object(vec![kind(), S::Tuple(vec![S::Int(1), S::Int(2)])]),
            object(vec![
                kind(),
                S::Typed(Name::new("build_intlist"), vec![numbers(&[1, 2])]),
            ]),
        ] {
            assert_ne!(a.content_hash(), other.content_hash(), "{other:?}");
        }
    }
}
