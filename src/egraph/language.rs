//! Nodes of the e-graph: what egg stores, and the table that says what a head means.
//!
//! In: operators by name, number of operands and results. Out: a [`Node`] of a head, a payload and child classes.
//! A node is small because egg keeps three copies of each: what an operator is called and how many operands it has is one interned
//! number (the [`Head`]); which literal, constant or leaf it is, or which attributes an operator has, is another (the payload).
//!
//! Invariant: the head alone is the discriminant, so that a million literals share one index entry.
//! Invariant: heads are numbered in the order they are met in one e-graph, so the order of nodes depends on nothing else.

use std::fmt;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::eval;
use crate::graph::{AttributeLiteral, ConstantId, Literal, Name};

/// A class of equal nodes. Two classes found equal keep different numbers; `EGraph::find` gives the one that stands for both.
pub type Class = egg::Id;

/// What a node is, without its payload: an index into the e-graph's table of heads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Head(pub(super) u32);

/// A value that the e-graph does not look into: a graph input, a block parameter, a result of an effect. Numbered by whoever builds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LeafId(pub u32);

/// An interned bundle of attributes. Bundle 0 is the empty one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct AttributesId(pub(super) u32);

/// A node: an operator on classes, a projection, or a leaf.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    pub(super) head: Head,
    pub(super) payload: u32,
    pub(super) children: SmallVec<[Class; 4]>,
}

impl Node {
    pub(super) fn new(head: Head, payload: u32, children: &[Class]) -> Node {
        Node {
            head,
            payload,
            children: SmallVec::from_slice(children),
        }
    }

    /// The head.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The operands of an operator in the order of its schema; the node behind a projection; nothing for leaves.
    pub fn children(&self) -> &[Class] {
        &self.children
    }
}

impl egg::Language for Node {
    type Discriminant = Head;

    fn discriminant(&self) -> Head {
        self.head
    }

    fn matches(&self, other: &Node) -> bool {
        self.head == other.head && self.payload == other.payload
    }

    fn children(&self) -> &[Class] {
        &self.children
    }

    fn children_mut(&mut self) -> &mut [Class] {
        &mut self.children
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}{:?}", self.head.0, self.payload, self.children)
    }
}

/// What a node is, with its payload looked up.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum NodeKind<'a> {
    /// A literal.
    Literal(&'a Literal),
    /// A tensor or packed object.
    Constant(ConstantId),
    /// A value from outside.
    Leaf(LeafId),
    /// A result of the operator with several results that its only child holds.
    Projection(u32),
    /// An operator.
    Operator {
        /// With its overload.
        op: Name,
        /// Number of results. With one, the class is that result; with several, [`NodeKind::Projection`]s of the class are.
        results: u32,
        /// Attributes.
        attributes: &'a [(Name, AttributeLiteral)],
    },
}

/// What a head stands for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum HeadKind {
    Literal,
    Constant,
    Leaf,
    Projection(u32),
    Operator {
        op: Name,
        operands: u32,
        results: u32,
    },
}

/// Operators whose meaning the e-graph itself knows: they only arrange values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    None,
    ListConstruct,
    TupleConstruct,
    DictConstruct,
    Unpack,
    /// One element of a list, tuple or dictionary, by its position or key.
    Index,
    /// Some elements of a list, from one position to another.
    Slice,
    /// How many keys a dictionary has.
    Length,
}

/// All heads of one e-graph.
#[derive(Clone, Debug)]
pub(super) struct Heads {
    kinds: Vec<HeadKind>,
    roles: Vec<Role>,
    may_fold: Vec<bool>,
    index: FxHashMap<HeadKind, Head>,
}

impl Heads {
    pub(super) const LITERAL: Head = Head(0);
    pub(super) const CONSTANT: Head = Head(1);
    pub(super) const LEAF: Head = Head(2);

    pub(super) fn new() -> Heads {
        let mut heads = Heads {
            kinds: Vec::new(),
            roles: Vec::new(),
            may_fold: Vec::new(),
            index: FxHashMap::default(),
        };
        assert_eq!(heads.intern(HeadKind::Literal), Heads::LITERAL);
        assert_eq!(heads.intern(HeadKind::Constant), Heads::CONSTANT);
        assert_eq!(heads.intern(HeadKind::Leaf), Heads::LEAF);
        heads
    }

    pub(super) fn intern(&mut self, kind: HeadKind) -> Head {
        if let Some(&head) = self.index.get(&kind) {
            return head;
        }
        let head = Head(u32::try_from(self.kinds.len()).expect("fewer than four billion heads"));
        self.kinds.push(kind);
        self.roles.push(role(kind));
        self.may_fold.push(match kind {
            HeadKind::Operator { op, .. } => eval::supports(op.as_str()),
            _ => false,
        });
        self.index.insert(kind, head);
        head
    }

    pub(super) fn kind(&self, head: Head) -> HeadKind {
        self.kinds[head.0 as usize]
    }

    pub(super) fn role(&self, head: Head) -> Role {
        self.roles[head.0 as usize]
    }

    /// Whether there is a kernel that computes the operator.
    pub(super) fn may_fold(&self, head: Head) -> bool {
        self.may_fold[head.0 as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Whether anything is taken apart in this e-graph, which is when the structural rule has work to do.
    pub(super) fn has_unpack(&self) -> bool {
        [Role::Unpack, Role::Index, Role::Slice, Role::Length]
            .iter()
            .any(|role| self.roles.contains(role))
    }
}

fn role(kind: HeadKind) -> Role {
    match kind {
        HeadKind::Operator { op, .. } => match op.as_str() {
            "prim::ListConstruct" => Role::ListConstruct,
            "prim::TupleConstruct" => Role::TupleConstruct,
            "prim::DictConstruct" => Role::DictConstruct,
            "prim::ListUnpack" | "prim::TupleUnpack" => Role::Unpack,
            "prim::TupleIndex" | "aten::__getitem__.t" => Role::Index,
            op if op.starts_with("aten::__getitem__.Dict_") => Role::Index,
            "aten::slice.t" => Role::Slice,
            op if op.starts_with("aten::len.Dict_") => Role::Length,
            _ => Role::None,
        },
        _ => Role::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_differ_by_operator_operands_and_results() {
        let mut heads = Heads::new();
        let mut operator = |op: &str, operands, results| {
            heads.intern(HeadKind::Operator {
                op: Name::new(op),
                operands,
                results,
            })
        };
        let two = operator("prim::ListConstruct", 2, 1);
        assert_eq!(two, operator("prim::ListConstruct", 2, 1));
        assert_ne!(two, operator("prim::ListConstruct", 3, 1));
        let unpack = operator("prim::ListUnpack", 1, 2);
        assert_ne!(unpack, operator("prim::ListUnpack", 1, 3));
        assert_eq!(heads.role(two), Role::ListConstruct);
        assert_eq!(heads.role(unpack), Role::Unpack);
        assert!(heads.has_unpack());
    }

    #[test]
    fn a_node_with_four_operands_needs_no_allocation() {
        let children: Vec<Class> = (0..4).map(Class::from).collect();
        assert!(!Node::new(Heads::LEAF, 0, &children).children.spilled());
        assert!(size_of::<Node>() <= 32);
    }
}
