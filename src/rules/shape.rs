//! What a pattern asks of a node before it looks at operands: the operator, how many operands, how many results.
//!
//! In: operators as patterns write them. Out: small numbers, equal for equal shapes, over all rules of a set.
//! Invariant: numbers follow the order in which rules are compiled, so the order of matches does not depend on hashing.

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use crate::graph::Name;

/// What a node must be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Shape {
    /// An operator with exactly this many operands.
    Operator {
        /// With its overload.
        op: Name,
        /// Number of operands.
        operands: u32,
        /// Number of results.
        results: u32,
    },
    /// An operator with at least this many operands.
    Variadic {
        /// With its overload.
        op: Name,
        /// Number of operands that the pattern names one by one.
        least: u32,
        /// Number of results.
        results: u32,
    },
    /// This result of an operator with several.
    Projection(u32),
}

/// A shape by number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ShapeId(pub u32);

/// All shapes of a rule set.
#[derive(Clone, Debug, Default)]
pub struct Shapes {
    shapes: IndexSet<Shape, FxBuildHasher>,
}

impl Shapes {
    pub(super) fn intern(&mut self, shape: Shape) -> ShapeId {
        let (at, _) = self.shapes.insert_full(shape);
        ShapeId(u32::try_from(at).expect("fewer than four billion shapes"))
    }

    /// The number of a shape, if a pattern asks for it.
    pub fn find(&self, shape: &Shape) -> Option<ShapeId> {
        let at = self.shapes.get_index_of(shape)?;
        Some(ShapeId(at as u32))
    }

    /// The shape with this number.
    pub fn get(&self, id: ShapeId) -> Shape {
        self.shapes[id.0 as usize]
    }

    /// All shapes, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (ShapeId, Shape)> + '_ {
        (0..).map(ShapeId).zip(self.shapes.iter().copied())
    }
}
