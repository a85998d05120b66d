//! Roots of a rule with several: where each is written, and which classes it may be once others are matched.
//!
//! In: what is bound, the pattern of a further root. Out: the classes worth trying.
//! Invariant: no match is missed; classes are ascending.

use crate::check::rule::{Constraint, Pattern, SlotInfo};
use crate::source::Span;

use super::binding::Bound;
use super::language::{Class, HeadKind};
use super::pattern::is_operator;
use super::scope::Slots;
use super::watch::Bindings;

/// Where a root is written.
pub(super) fn root_span(pattern: &Pattern, infos: &[SlotInfo]) -> Span {
    match pattern {
        Pattern::Apply(apply) => apply.span,
        Pattern::Project { of, .. } => root_span(of, infos),
        Pattern::Value(
            _,
            Some(Constraint {
                span: Some(span), ..
            }),
        ) => *span,
        Pattern::Chain { slot, .. }
        | Pattern::Value(slot, _)
        | Pattern::Bare(slot)
        | Pattern::Again(slot) => infos[slot.0 as usize].span,
        Pattern::Any | Pattern::Literal(_) => {
            unreachable!("a root is an operator, a projection of one, or a chain")
        }
    }
}

/// The classes that a further root may be: those above the value it shares with what is bound, or all if it shares none.
pub(super) fn root_candidates(bindings: &Bindings<'_, '_>, pattern: &Pattern) -> Vec<Class> {
    let graph = bindings.graph;
    let mut shared: Option<(usize, Class)> = None;
    nearest_shared(bindings, pattern, 0, &mut shared);
    let mut classes = match shared {
        None => graph.classes(),
        Some((depth, class)) => {
            let mut level = vec![graph.find(class)];
            for _ in 0..depth {
                level = level.iter().flat_map(|&class| graph.users(class)).collect();
                level.sort_unstable();
                level.dedup();
            }
            level
        }
    };
    classes.retain(|&class| {
        graph.nodes(class).iter().any(|node| match pattern {
            Pattern::Apply(apply) => is_operator(graph, node, apply),
            Pattern::Project { index, .. } => {
                graph.inner.analysis.heads.kind(node.head) == HeadKind::Projection(*index)
            }
            _ => true,
        })
    });
    classes
}

/// The bound value, no literal, that stands highest in a pattern, outside of lists and chains.
fn nearest_shared(
    bindings: &Bindings<'_, '_>,
    pattern: &Pattern,
    depth: usize,
    best: &mut Option<(usize, Class)>,
) {
    let slot = match pattern {
        Pattern::Apply(apply) => Some(apply.slot),
        Pattern::Project { slot, .. } | Pattern::Value(slot, _) | Pattern::Again(slot) => {
            Some(*slot)
        }
        _ => None,
    };
    if let Some(Bound::Class(class)) = slot.map(|slot| bindings.bound(slot))
        && bindings.graph.literal(class).is_none()
        && best.is_none_or(|(known, _)| depth < known)
    {
        *best = Some((depth, class));
    }
    match pattern {
        Pattern::Apply(apply) => apply
            .operands
            .iter()
            .for_each(|operand| nearest_shared(bindings, operand, depth + 1, best)),
        Pattern::Project { of, .. } => nearest_shared(bindings, of, depth + 1, best),
        _ => {}
    }
}
