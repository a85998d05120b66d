//! The steps of a match: a pattern is a sequence of them, and the trie shares what sequences begin with.
//!
//! A matcher that runs steps keeps a file of registers. It starts with the class to match in register 0; each step says how many
//! registers it adds behind those there are. Because two sequences that begin alike number their registers alike, a shared
//! beginning is run once for all of them.
//!
//! Invariant: a step names registers that earlier steps of its sequence have added.

use crate::check::rule::DimPattern;
use crate::graph::{DType, Literal, Name, Type};

use super::shape::ShapeId;

/// A place of the register file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Register(pub u16);

/// One step.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    /// For each node of this shape in the class. Adds the node; its operands (of a variadic shape those named one by one, then the
    /// list of the others); then each attribute that is bound.
    Bind {
        /// The class.
        at: Register,
        /// What the node must be.
        shape: ShapeId,
        /// What its attributes must be.
        attributes: Box<[AttributeTest]>,
    },
    /// Only if the class is a literal of this value.
    Literal {
        /// The class.
        at: Register,
        /// The value, by its number among the literals of the set.
        literal: usize,
    },
    /// Only if the class, or each of a list of classes, is a literal.
    IsLiteral {
        /// The class or list.
        at: Register,
    },
    /// Only if both hold the same class, equal literals, or lists of such.
    Same {
        /// One.
        a: Register,
        /// The other.
        b: Register,
    },
    /// Only if the class is of this type. Adds each dimension that is bound.
    Typed {
        /// The class.
        at: Register,
        /// The type.
        test: TypeTest,
    },
    /// For each way in which every element of the list passes these steps (which number an element's registers behind those there
    /// are). Adds a list for each register collected.
    Each {
        /// The list.
        list: Register,
        /// Steps of one element.
        steps: Box<[Step]>,
        /// Registers of an element that become lists.
        collect: Box<[Register]>,
    },
    /// For each length of a chain of this operator that begins at the class, longest first. Adds what the innermost link is applied
    /// to, then the list of the collected attributes, innermost link first, so that a path reads from its root.
    Chain {
        /// The class.
        at: Register,
        /// One link.
        link: ShapeId,
        /// Whether there may be none.
        may_be_empty: bool,
        /// The attribute collected.
        collect: Option<Name>,
    },
    /// For each class from which this path leads down to the class. Adds it.
    Climb {
        /// The class at the bottom.
        from: Register,
        /// Shape and operand of each node on the way, topmost first.
        path: Box<[(ShapeId, u32)]>,
    },
}

/// What attributes must be. One that is absent is `none`.
#[derive(Clone, PartialEq, Debug)]
pub enum AttributeTest {
    /// This value.
    Equal(Name, Literal),
    /// Any literal, which is bound.
    Bind(Name),
    /// All but these are literals, which are bound as a dictionary by name.
    Others(Box<[Name]>),
}

/// A type that a pattern demands, see [`Constraint`](crate::check::rule::Constraint).
#[derive(Clone, PartialEq, Debug)]
pub struct TypeTest {
    /// Must be known before the model runs.
    pub constant: bool,
    /// What kind of value it must be.
    pub ty: Option<Type>,
    /// Element types, one of which it must have.
    pub dtypes: Vec<DType>,
    /// Dimensions.
    pub dims: Option<Vec<DimTest>>,
}

/// One dimension that a pattern demands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DimTest {
    /// Any one.
    Any,
    /// Any further ones.
    Rest,
    /// This size.
    Equal(i64),
    /// Any known one, which is bound.
    Bind,
}

impl From<&DimPattern> for DimTest {
    fn from(dim: &DimPattern) -> DimTest {
        match dim {
            DimPattern::Any => DimTest::Any,
            DimPattern::Rest => DimTest::Rest,
            DimPattern::Equal(n) => DimTest::Equal(*n),
            DimPattern::Bind(_) => DimTest::Bind,
        }
    }
}
