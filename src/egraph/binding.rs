//! What a match holds: a few words for each register or slot, and the lists behind them.
//!
//! In: classes, literals and lists as a matcher meets them. Out: the same, compared as patterns compare.
//! Invariant: a list is a range of a pool, so that a match is copied without following anything.

use super::classes::EGraph;
use super::intern::{Known, LiteralId};
use super::language::Class;

/// What a register of the matcher or a slot of a rule holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Bound {
    /// Nothing: the slot belongs to a list's elements, or to a part of the rule that this variant does not have.
    Nothing,
    /// A class.
    Class(Class),
    /// A literal that is no class of its own: an attribute, a dimension.
    Literal(LiteralId),
    /// A node, by its place in its class. Only registers hold it, and only as long as nothing is merged.
    Node(Class, u32),
    /// A list, as a range of the pool that belongs to the match.
    List {
        /// Where it begins.
        start: u32,
        /// How many there are.
        len: u32,
    },
}

impl Bound {
    /// The class, if it is one.
    pub fn class(self) -> Option<Class> {
        match self {
            Bound::Class(class) => Some(class),
            _ => None,
        }
    }

    /// The elements of a list.
    pub fn items(self, pool: &[Bound]) -> Option<&[Bound]> {
        match self {
            Bound::List { start, len } => {
                let start = start as usize;
                Some(&pool[start..start + len as usize])
            }
            _ => None,
        }
    }
}

impl EGraph {
    /// The literal that a bound is, or that its class is.
    pub(super) fn bound_literal(&self, bound: Bound) -> Option<LiteralId> {
        match bound {
            Bound::Literal(id) => Some(id),
            Bound::Class(class) => match self.data(class).known {
                Known::Literal(id) => Some(id),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether two bounds are equal as patterns mean it: one class, equal literals, or lists of such. Their lists lie in `pool`.
    pub(super) fn bound_equal(&self, a: Bound, b: Bound, pool: &[Bound]) -> bool {
        if let (Some(x), Some(y)) = (a.items(pool), b.items(pool)) {
            return x.len() == y.len()
                && x.iter().zip(y).all(|(&a, &b)| self.bound_equal(a, b, pool));
        }
        if let (Bound::Class(x), Bound::Class(y)) = (a, b)
            && self.find(x) == self.find(y)
        {
            return true;
        }
        match (self.bound_literal(a), self.bound_literal(b)) {
            (Some(x), Some(y)) => {
                let tables = &self.inner.analysis.tables;
                tables.value_key(x) == tables.value_key(y)
            }
            _ => false,
        }
    }
}
