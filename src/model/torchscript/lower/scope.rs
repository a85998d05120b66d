//! Local names of a function while it is lowered, as a stack of blocks.
//!
//! In: assignments in the order of the code. Out: what a name means now, and what a block assigned.
//! Invariant: an assignment in a block changes the name for that block only; its owner decides what comes out.

#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use indexmap::IndexMap;

use crate::graph::{Name, Type, ValueId};

/// What a local name stands for.
#[derive(Clone, Debug)]
pub(super) enum Binding {
    /// A value, and the type the code declares for it here, which may be wider than the value's.
    Value(ValueId, Type),
    /// A free function, by its qualified name: `_0 = __torch__.f`.
    Function(Name),
    /// A name that has a meaning on some paths only; the text says why.
    Undefined(String),
}

/// What a block assigned, in order of first assignment.
pub(super) type Assigned = IndexMap<Name, Binding>;

/// The stack.
#[derive(Default)]
pub(super) struct Scopes {
    blocks: Vec<Assigned>,
}

impl Scopes {
    pub(super) fn enter(&mut self) {
        self.blocks.push(Assigned::default());
    }

    pub(super) fn leave(&mut self) -> Assigned {
        self.blocks.pop().unwrap_or_default()
    }

    pub(super) fn assign(&mut self, name: Name, binding: Binding) {
        if let Some(block) = self.blocks.last_mut() {
            block.insert(name, binding);
        }
    }

    pub(super) fn get(&self, name: Name) -> Option<&Binding> {
        self.blocks.iter().rev().find_map(|block| block.get(&name))
    }
}
