//! New trees: values go in from the leaves up, a [`Pickle`] comes out. Defaults are those of PyTorch's C++ pickler.
//!
//! Invariant: a value can only hold values made before it, so no tree has a cycle.

use super::tree::{Memo, Node, NodeId, Pickle, Slot, Style};

/// Makes the values of one tree.
#[derive(Default)]
pub struct PickleBuilder {
    slots: Vec<Slot>,
}

impl PickleBuilder {
    /// A tree without values.
    #[must_use]
    pub fn new() -> PickleBuilder {
        PickleBuilder::default()
    }

    fn push(&mut self, node: Node, style: Style) -> NodeId {
        let Ok(index) = u32::try_from(self.slots.len()) else {
            unreachable!("a tree of 4 billion values does not fit into a pickle PyTorch reads")
        };
        self.slots.push(Slot {
            node,
            style,
            offset: 0,
        });
        NodeId(index)
    }

    fn plain(&mut self, node: Node) -> NodeId {
        self.push(node, Style::default())
    }

    fn marked(&mut self, node: Node) -> NodeId {
        self.push(
            node,
            Style {
                memo: Memo::No,
                marked: true,
            },
        )
    }

    /// `None`.
    pub fn none(&mut self) -> NodeId {
        self.plain(Node::None)
    }

    /// `True` or `False`.
    pub fn bool(&mut self, value: bool) -> NodeId {
        self.plain(Node::Bool(value))
    }

    /// An integer.
    pub fn int(&mut self, value: i64) -> NodeId {
        self.plain(Node::Int(value))
    }

    /// A float.
    pub fn float(&mut self, value: f64) -> NodeId {
        self.plain(Node::Float(value))
    }

    /// A string. Equal strings are written once and then referred to, whether they are one node or several.
    pub fn str(&mut self, value: &str) -> NodeId {
        self.plain(Node::Str(value.into()))
    }

    /// A class or function. Equal ones are written once and then referred to.
    ///
    /// # Panics
    /// When a name holds a line break, which no Python name does and a pickle cannot express.
    pub fn global(&mut self, module: &str, name: &str) -> NodeId {
        assert!(
            !module.contains('\n') && !name.contains('\n'),
            "`{module}.{name}` is not the name of a class or function"
        );
        self.plain(Node::Global {
            module: module.into(),
            name: name.into(),
        })
    }

    /// A tuple as PyTorch writes tuples of a model: up to three items without a mark.
    pub fn tuple(&mut self, items: Vec<NodeId>) -> NodeId {
        self.plain(Node::Tuple(items))
    }

    /// A tuple gathered behind a mark however short it is, as PyTorch writes the arguments of its calls, sizes and strides.
    pub fn marked_tuple(&mut self, items: Vec<NodeId>) -> NodeId {
        self.marked(Node::Tuple(items))
    }

    /// A list.
    pub fn list(&mut self, items: Vec<NodeId>) -> NodeId {
        self.marked(Node::List(items))
    }

    /// A dictionary; an empty one is written without a mark.
    pub fn dict(&mut self, pairs: Vec<(NodeId, NodeId)>) -> NodeId {
        let style = Style {
            memo: Memo::No,
            marked: !pairs.is_empty(),
        };
        self.push(Node::Dict(pairs), style)
    }

    /// The result of calling `module.name` with the arguments `args`, a tuple.
    pub fn call(&mut self, module: &str, name: &str, args: NodeId) -> NodeId {
        let callable = self.global(module, name);
        self.reduce(callable, args)
    }

    /// The result of calling `callable` with the arguments `args`, a tuple. (The callable comes first in the bytes, so make it first
    /// when the order of the values matters to you.)
    pub fn reduce(&mut self, callable: NodeId, args: NodeId) -> NodeId {
        self.plain(Node::Reduce { callable, args })
    }

    /// An instance of the class `module.name` with this state, which for a module is the dictionary of its attributes.
    pub fn object(&mut self, module: &str, name: &str, state: NodeId) -> NodeId {
        let class = self.global(module, name);
        self.plain(Node::Object {
            class,
            state: Some(state),
        })
    }

    /// A storage, by the tuple `args` that identifies it. Use the same node wherever the same storage is meant.
    pub fn persistent_id(&mut self, args: NodeId) -> NodeId {
        self.push(
            Node::PersistentId(args),
            Style {
                memo: Memo::Late,
                marked: false,
            },
        )
    }

    /// Puts the value into the memo even when it is used once. A value used several times needs no such call.
    pub fn memoize(&mut self, id: NodeId) {
        match self.slots.get_mut(id.index()) {
            Some(slot) => slot.style.memo = Memo::Late,
            None => unreachable!("{id:?} is of another tree"),
        }
    }

    /// The tree under `root`.
    #[must_use]
    pub fn finish(self, root: NodeId) -> Pickle {
        Pickle {
            slots: self.slots,
            root,
        }
    }
}
