//! What is known of a condition where only some of its names are.
//!
//! In: an e-graph, classes for some slots of a variant. Out: true, false, or neither.
//! Invariant: what is true or false here stays so however much more becomes known.

use crate::check::evaluate::{Val, evaluate};
use crate::check::rule::{Expr, Slot, Variant};
use crate::graph::Literal;

use super::binding::Bound;
use super::classes::EGraph;
use super::language::Class;
use super::scope::{MatchScope, Slots};

/// Slots that hold classes; of the others nothing is known.
struct Partial<'a>(&'a [Option<Class>]);

impl Slots for Partial<'_> {
    fn bound(&self, slot: Slot) -> Bound {
        match self.0.get(slot.0 as usize) {
            Some(Some(class)) => Bound::Class(*class),
            // What is looked for is in none of these places, so that nothing is known of it.
            _ => Bound::Node(Class::from(0), 0),
        }
    }

    fn pool(&self) -> &[Bound] {
        &[]
    }
}

/// What a condition of a variant is, as far as that is certain. The e-graph must be rebuilt.
pub fn truth(
    graph: &EGraph,
    variant: &Variant,
    held: &[Option<Class>],
    condition: &Expr,
) -> Option<bool> {
    let scope = MatchScope {
        graph,
        infos: &variant.slots,
        slots: &Partial(held),
    };
    match evaluate(condition, &variant.lets, &scope) {
        Val::Literal(Literal::Bool(truth)) => Some(truth),
        _ => None,
    }
}
