//! What the plain matcher tells who watches it: what is bound, what has matched so far and where it is written, and what failed.
//!
//! In: a walk as it goes. Out: calls of a [`Watch`].
//! Invariant: the trail holds what an attempt has met in the order of the rule's text, so its length says how far the attempt came.

use crate::check::rule::{Apply, Constraint, Pattern, Slot, SlotInfo};
use crate::graph::{Literal, Name};
use crate::source::Span;

use super::binding::Bound;
use super::classes::EGraph;
use super::language::Class;
use super::scope::Slots;

/// What an attempt failed on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Failure<'p> {
    /// No node of the class is this operator with as many operands and results.
    Operator(&'p Apply),
    /// No node of the class is this result of an operator.
    Projection(u32),
    /// No chain of this operator.
    Chain(Name),
    /// The class is another literal, or none.
    Literal(&'p Literal),
    /// The class is no literal.
    Bare(Slot),
    /// The slot holds something else already.
    Different(Slot),
    /// The class is not of this type.
    Typed(Slot, &'p Constraint),
    /// The attribute of a node is another.
    Attribute(Name),
    /// No value that shares something with what is matched already begins like this further root.
    Root(&'p Pattern),
}

/// A failure with its places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Missed<'p> {
    /// What was wrong.
    pub(super) failure: Failure<'p>,
    /// Where it is written.
    pub(super) span: Span,
    /// Where it was met.
    pub(super) class: Class,
}

/// What an attempt has met.
#[derive(Clone, Copy, Debug)]
pub(super) enum Looked<'p> {
    /// An operator.
    Operator(&'p Apply),
    /// A result of an operator with several.
    Projection(u32),
    /// A link of a chain.
    Link(Name),
    /// A literal.
    Literal(&'p Literal),
    /// A literal that a bare name stands for.
    Bare(Slot),
    /// The value that the slot held already.
    Same(Slot),
    /// A type.
    Typed(Slot, &'p Constraint),
}

/// Something met, with its places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passed<'p> {
    /// What it was.
    pub(super) looked: Looked<'p>,
    /// Where it is written.
    pub(super) span: Span,
    /// Where it was met.
    pub(super) class: Class,
}

/// Who watches a walk.
pub(super) trait Watch<'p> {
    /// All patterns matched; whether to look for more.
    fn found(&mut self, walk: &Bindings<'p, '_>) -> bool;
    /// An attempt failed, with this bound and met before.
    fn failed(&mut self, walk: &Bindings<'p, '_>, missed: Missed<'p>);
}

/// What is bound so far.
pub(super) struct Bindings<'p, 'g> {
    pub(super) graph: &'g EGraph,
    pub(super) infos: &'p [SlotInfo],
    pub(super) slots: Vec<Bound>,
    pub(super) pool: Vec<Bound>,
    /// Classes of the roots matched so far.
    pub(super) roots: Vec<Class>,
    /// What was met so far.
    pub(super) trail: Vec<Passed<'p>>,
}

impl Slots for Bindings<'_, '_> {
    fn bound(&self, slot: Slot) -> Bound {
        self.slots[slot.0 as usize]
    }

    fn pool(&self) -> &[Bound] {
        &self.pool
    }
}
