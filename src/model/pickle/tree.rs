//! The tree of values a pickle stands for, in one arena: ids go in, nodes come out.
//!
//! Invariant: a tree has no cycle; only the reader, which checks, and the builder, which cannot make one, make trees.
//! Invariant: dropping or walking never recurses; a node's children are ids.

use std::fmt;

/// A node of a [`Pickle`]. Meaningful only together with the pickle it came from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

impl NodeId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float; every bit pattern is kept.
    Float(f64),
    /// A string.
    Str(Box<str>),
    /// A class or function, by name only.
    Global {
        /// Its module, such as `torch._utils`.
        module: Box<str>,
        /// Its name in the module, such as `_rebuild_tensor_v2`.
        name: Box<str>,
    },
    /// A tuple.
    Tuple(Vec<NodeId>),
    /// A list.
    List(Vec<NodeId>),
    /// A dictionary, its pairs in order.
    Dict(Vec<(NodeId, NodeId)>),
    /// The result of a call that was not made.
    Reduce {
        /// What would be called.
        callable: NodeId,
        /// The arguments: a tuple.
        args: NodeId,
    },
    /// An instance of a class, made without arguments.
    Object {
        /// The class: a global.
        class: NodeId,
        /// What `__setstate__` would get; for a module the dictionary of its attributes.
        state: Option<NodeId>,
    },
    /// What the pickle's surroundings hold under an id, such as a storage.
    PersistentId(NodeId),
}

impl Node {
    /// Child number `at`, counted in the order of the bytes.
    #[must_use]
    pub fn child(&self, at: usize) -> Option<NodeId> {
        match self {
            Node::Tuple(items) | Node::List(items) => items.get(at).copied(),
            Node::Dict(pairs) => pairs
                .get(at / 2)
                .map(|&(key, value)| if at.is_multiple_of(2) { key } else { value }),
            Node::Reduce { callable, args } => [*callable, *args].get(at).copied(),
            Node::Object { class, state } => [Some(*class), *state].get(at).copied().flatten(),
            Node::PersistentId(args) => (at == 0).then_some(*args),
            Node::None
            | Node::Bool(_)
            | Node::Int(_)
            | Node::Float(_)
            | Node::Str(_)
            | Node::Global { .. } => None,
        }
    }

    /// What kind of value this is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Node::None => "None",
            Node::Bool(_) => "a bool",
            Node::Int(_) => "an integer",
            Node::Float(_) => "a float",
            Node::Str(_) => "a string",
            Node::Global { .. } => "a class or function",
            Node::Tuple(_) => "a tuple",
            Node::List(_) => "a list",
            Node::Dict(_) => "a dictionary",
            Node::Reduce { .. } => "the result of a call",
            Node::Object { .. } => "an object",
            Node::PersistentId(_) => "a storage",
        }
    }
}

/// Whether and when a value is put into the memo, where later uses of it would find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Memo {
    /// Not at all, unless it turns out to be used twice.
    #[default]
    No,
    /// When it is complete, as PyTorch does.
    Late,
    /// While it is still empty, as Python's own pickler does.
    Early,
}

/// The choices a pickler has for one and the same value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Whether it is put into the memo.
    pub memo: Memo,
    /// Whether a short tuple, a list or a dictionary is gathered behind a mark.
    pub marked: bool,
}

pub(super) struct Slot {
    pub(super) node: Node,
    pub(super) style: Style,
    pub(super) offset: u32,
}

/// A tree of values with sharing: a value used twice is one node.
pub struct Pickle {
    pub(super) slots: Vec<Slot>,
    pub(super) root: NodeId,
}

/// A call that was not made: module and name of what would be called, and the arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    /// Module of the callable.
    pub module: &'a str,
    /// Name of the callable.
    pub name: &'a str,
    /// The arguments.
    pub args: &'a [NodeId],
}

impl Pickle {
    /// The value the whole pickle stands for.
    #[must_use]
    pub fn root(&self) -> NodeId {
        self.root
    }

    pub(super) fn slot(&self, id: NodeId) -> &Slot {
        match self.slots.get(id.index()) {
            Some(slot) => slot,
            None => unreachable!("{id:?} is of another pickle"),
        }
    }

    /// The value of this id.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.slot(id).node
    }

    /// How the value was written.
    #[must_use]
    pub fn style(&self, id: NodeId) -> Style {
        self.slot(id).style
    }

    /// Byte offset of the opcode that began the value; 0 for a tree that was built.
    #[must_use]
    pub fn offset(&self, id: NodeId) -> usize {
        self.slot(id).offset as usize
    }

    /// The string, if it is one.
    #[must_use]
    pub fn str(&self, id: NodeId) -> Option<&str> {
        match self.node(id) {
            Node::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, if it is one.
    #[must_use]
    pub fn int(&self, id: NodeId) -> Option<i64> {
        match self.node(id) {
            Node::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The float, if it is one.
    #[must_use]
    pub fn float(&self, id: NodeId) -> Option<f64> {
        match self.node(id) {
            Node::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The bool, if it is one.
    #[must_use]
    pub fn bool(&self, id: NodeId) -> Option<bool> {
        match self.node(id) {
            Node::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The items, if it is a tuple.
    #[must_use]
    pub fn tuple(&self, id: NodeId) -> Option<&[NodeId]> {
        match self.node(id) {
            Node::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The items, if it is a list.
    #[must_use]
    pub fn list(&self, id: NodeId) -> Option<&[NodeId]> {
        match self.node(id) {
            Node::List(items) => Some(items),
            _ => None,
        }
    }

    /// The pairs, if it is a dictionary.
    #[must_use]
    pub fn dict(&self, id: NodeId) -> Option<&[(NodeId, NodeId)]> {
        match self.node(id) {
            Node::Dict(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// Module and name, if it is a class or function.
    #[must_use]
    pub fn global(&self, id: NodeId) -> Option<(&str, &str)> {
        match self.node(id) {
            Node::Global { module, name } => Some((module, name)),
            _ => None,
        }
    }

    /// The call, if it is the result of calling a global.
    #[must_use]
    pub fn call(&self, id: NodeId) -> Option<Call<'_>> {
        let Node::Reduce { callable, args } = self.node(id) else {
            return None;
        };
        let (module, name) = self.global(*callable)?;
        Some(Call {
            module,
            name,
            args: self.tuple(*args)?,
        })
    }
}
