//! What guards and replacements see of a match: slots, and facts about the classes in them.
//!
//! In: the bounds of a match. Out: answers for the evaluator of expressions.
//! Invariant: looks only at the classes that the match bound, so an answer changes from unknown to known and never back.

use crate::check::evaluate::{Scope, Val};
use crate::check::rule::{Function, Slot, SlotInfo, SlotKind};
use crate::graph::{DType, Dim, Facts, Literal, QParams, unmangled};
use crate::ops;

use super::binding::Bound;
use super::classes::EGraph;
use super::language::Class;

/// The slots of a match, however they are stored.
pub(super) trait Slots {
    /// What a slot holds.
    fn bound(&self, slot: Slot) -> Bound;
    /// The pool that lists lie in.
    fn pool(&self) -> &[Bound];
}

/// A match as a scope of expressions.
pub(super) struct MatchScope<'a, S> {
    pub(super) graph: &'a EGraph,
    pub(super) infos: &'a [SlotInfo],
    pub(super) slots: &'a S,
}

impl<S: Slots> MatchScope<'_, S> {
    fn val(&self, bound: Bound, kind: &SlotKind) -> Val<Class> {
        match (bound, kind) {
            (Bound::Class(class), SlotKind::Value | SlotKind::Values | SlotKind::Results) => {
                Val::Value(class)
            }
            (Bound::Class(_) | Bound::Literal(_), _) => {
                let literal = self.graph.bound_literal(bound);
                let literal = literal.map(|id| self.graph.inner.analysis.tables.get_literal(id));
                Val::literal(literal.map(|literal| match (kind, literal) {
                    (SlotKind::Literal { dtype: true }, Literal::Int(code)) => {
                        ops::torch_dtype(*code).map_or(Literal::Int(*code), Literal::DType)
                    }
                    _ => literal.clone(),
                }))
            }
            (Bound::List { .. }, _) => {
                let items = bound.items(self.slots.pool()).unwrap_or_default();
                Val::list(items.iter().map(|&item| self.val(item, kind)).collect())
            }
            (Bound::Nothing, _) => Val::Literal(Literal::None),
            (Bound::Node(..), _) => Val::Unknown,
        }
    }
}

impl<S: Slots> Scope for MatchScope<'_, S> {
    type Value = Class;

    fn slot(&self, slot: Slot) -> Val<Class> {
        self.val(self.slots.bound(slot), &self.infos[slot.0 as usize].kind)
    }

    fn literal(&self, value: &Class) -> Option<Literal> {
        self.graph.literal(*value).cloned()
    }

    fn elements(&self, value: &Class) -> Option<Vec<Val<Class>>> {
        let elements = self.graph.list_elements(*value)?;
        Some(elements.iter().copied().map(Val::Value).collect())
    }

    fn tensor(&self, value: &Class) -> Option<(DType, Vec<i64>)> {
        self.graph.constant_tensor(*value)
    }

    fn same(&self, a: &Class, b: &Class) -> Option<bool> {
        let equal = self
            .graph
            .bound_equal(Bound::Class(*a), Bound::Class(*b), &[]);
        if equal {
            return Some(true);
        }
        match (self.graph.literal(*a), self.graph.literal(*b)) {
            (Some(_), Some(_)) => Some(false),
            _ => None,
        }
    }

    fn same_as_literal(&self, value: &Class, literal: &Literal) -> Option<bool> {
        let is_none = *literal == Literal::None;
        (is_none && self.graph.is_certainly_tensor(*value)).then_some(false)
    }

    fn fact(&self, function: Function, value: &Class) -> Val<Class> {
        let facts = self.graph.facts(*value);
        match function {
            Function::DType => Val::literal(facts.dtype.map(Literal::DType)),
            Function::Shape => shape(&facts),
            Function::Rank => Val::literal(facts.rank().map(|n| Literal::Int(n as i64))),
            Function::QParams => qparams(&facts),
            // What is not constant now may be found to be later.
            Function::IsConst => Val::truth(self.graph.is_const(*value).then_some(true)),
            Function::IsRoot => Val::truth(self.graph.is_module_root(*value)),
            Function::Class => Val::literal(
                facts
                    .class
                    .map(|name| Literal::str(&unmangled(name.as_str()))),
            ),
            Function::PackedArgs => Val::literal(packed_args(&facts)),
            _ => Val::Unknown,
        }
    }
}

/// The configuration of a packed weight in the order of its packing operator's operands after weight and bias.
fn packed_args(facts: &Facts) -> Option<Literal> {
    facts.class?;
    let [_, _, config @ ..] = facts.elements.as_deref()? else {
        return None;
    };
    let [
        stride,
        padding,
        output_padding,
        dilation,
        groups,
        transposed,
    ] = config
    else {
        return config.is_empty().then(|| Literal::list([]));
    };
    let output_padding = match transposed.literal {
        Some(Literal::Bool(true)) => Some(output_padding),
        Some(Literal::Bool(false)) => None,
        _ => return None,
    };
    let args = [stride, padding].into_iter().chain(output_padding);
    let args = args.chain([dilation, groups]);
    let args: Option<Vec<Literal>> = args.map(|facts| facts.literal.clone()).collect();
    args.map(Literal::list)
}

fn shape(facts: &Facts) -> Val<Class> {
    let Some(shape) = &facts.shape else {
        return Val::Unknown;
    };
    let dims = shape.iter().map(|dim| match dim {
        Dim::Known(n) => Val::literal(i64::try_from(*n).ok().map(Literal::Int)),
        Dim::Unknown => Val::Unknown,
    });
    Val::list(dims.collect())
}

fn qparams(facts: &Facts) -> Val<Class> {
    match (facts.qparams, facts.dtype) {
        (QParams::PerTensor { scale, zero_point }, Some(dtype)) => Val::Literal(Literal::Tuple(
            [
                Literal::Float(scale),
                Literal::Int(zero_point),
                Literal::DType(dtype),
            ]
            .into(),
        )),
        _ => Val::Unknown,
    }
}
