//! What fills the open places of a sketch so that guards hold, or one of them does not.
//!
//! In: a draft. Out: the draft with other contents, as few of them changed as can be.
//! Contents are tried by how far they are from the plainest ones, all places that a guard looks at together; those tried are few, so
//! that a graph may be missed.
//! Invariant: what is found was tried.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::check::rule::Guard;

use super::bench::{Bench, Looked};
use super::draft::Draft;
use super::sketch::PartId;

/// Graphs tried for one guard.
const MOST_TRIES: usize = 3000;

/// Looks for contents.
pub(super) struct Search<'a> {
    pub(super) bench: &'a Bench<'a>,
    /// The variant, by number.
    pub(super) variant: u32,
    /// What is not returned.
    pub(super) hidden: BTreeSet<PartId>,
}

impl Search<'_> {
    /// Contents with which the variant matches.
    pub(super) fn matched(&self, mut draft: Draft) -> Option<Draft> {
        // Each round settles one more guard.
        let rounds = self.bench.set().variant(self.variant).guards.len() + 1;
        for _ in 0..rounds {
            let looked = self.look(&draft);
            let reached = looked
                .as_ref()
                .and_then(|looked| looked.failed_guard(self.variant));
            if looked.is_some_and(|looked| looked.matches(self.variant)) {
                return Some(draft);
            }
            let better = |looked: &Looked| {
                let now = looked.failed_guard(self.variant);
                let held = |guard: Option<(usize, usize)>| guard.map(|(_, held)| held + 1);
                looked.matches(self.variant) || held(now) > held(reached)
            };
            draft = match reached.and_then(|(reason, _)| self.guard(reason)) {
                Some(guard) => self.near(&draft, guard, &better)?,
                None => self.among(
                    &draft,
                    &(0..draft.coordinates.len()).collect::<Vec<_>>(),
                    &better,
                )?,
            };
        }
        None
    }

    /// Contents with which the rule is refused for this reason alone.
    pub(super) fn refused(&self, draft: &Draft, reason: usize) -> Option<Draft> {
        let guard = self.guard(reason)?;
        let wanted = |looked: &Looked| looked.refused_by() == Some(reason);
        let found = self.near(draft, guard, &wanted);
        // What makes this guard false may make the node another one, unless something else is different too.
        found.or_else(|| self.among(draft, &draft.apart_from_sizes(), &wanted))
    }

    /// Contents, of some places, with which nothing matches.
    pub(super) fn missed(&self, draft: &Draft, coordinates: &[usize]) -> Option<Draft> {
        self.among(draft, coordinates, &|looked| !looked.matches_at_all())
    }

    fn guard(&self, reason: usize) -> Option<&Guard> {
        let variant = self.bench.set().variant(self.variant);
        variant.guards.iter().find(|guard| guard.reason == reason)
    }

    fn look(&self, draft: &Draft) -> Option<Looked> {
        self.bench.look(&draft.text(&self.hidden)).ok()
    }

    /// Changes what a guard asks about, else all that its values rest on.
    fn near(
        &self,
        draft: &Draft,
        guard: &Guard,
        wanted: &dyn Fn(&Looked) -> bool,
    ) -> Option<Draft> {
        let variant = self.bench.set().variant(self.variant);
        let asked = draft.below(&guard.condition, variant, false);
        let all = draft.below(&guard.condition, variant, true);
        let found = self.among(draft, &asked, wanted);
        found.or_else(|| match all == asked {
            true => None,
            false => self.among(draft, &all, wanted),
        })
    }

    fn among(
        &self,
        draft: &Draft,
        coordinates: &[usize],
        wanted: &dyn Fn(&Looked) -> bool,
    ) -> Option<Draft> {
        let lengths = coordinates
            .iter()
            .map(|&at| draft.coordinates[at].options.len());
        let lengths: Vec<usize> = lengths.collect();
        let farthest: usize = lengths.iter().map(|n| n.saturating_sub(1)).sum();
        let mut tries = 0;
        for far in 0..=farthest {
            let mut steps = vec![0; coordinates.len()];
            let found = each(&lengths, far, 0, &mut steps, &mut |steps| {
                let mut other = draft.clone();
                for ((&at, &step), &length) in coordinates.iter().zip(steps).zip(&lengths) {
                    let coordinate = &mut other.coordinates[at];
                    coordinate.chosen = (coordinate.chosen + step) % length.max(1);
                }
                tries += 1;
                if self.look(&other).is_some_and(|looked| wanted(&looked)) {
                    return ControlFlow::Break(Some(other));
                }
                match tries < MOST_TRIES {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(None),
                }
            });
            if let ControlFlow::Break(found) = found {
                return found;
            }
        }
        None
    }
}

/// All ways to go this far in all, in order.
fn each<B>(
    lengths: &[usize],
    left: usize,
    at: usize,
    steps: &mut Vec<usize>,
    then: &mut dyn FnMut(&[usize]) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let Some(&length) = lengths.get(at) else {
        return match left {
            0 => then(steps),
            _ => ControlFlow::Continue(()),
        };
    };
    let rest: usize = lengths[at + 1..].iter().map(|n| n.saturating_sub(1)).sum();
    let most = left.min(length.saturating_sub(1));
    // What later places cannot take must be taken here.
    for step in left.saturating_sub(rest)..=most {
        steps[at] = step;
        each(lengths, left - step, at + 1, steps, then)?;
    }
    steps[at] = 0;
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_tried_by_how_far_they_go_and_each_once() {
        let lengths = [2, 3, 1];
        let mut seen = Vec::new();
        for far in 0..=3 {
            let mut steps = vec![0; 3];
            let done = each::<()>(&lengths, far, 0, &mut steps, &mut |steps| {
                assert_eq!(steps.iter().sum::<usize>(), far);
                seen.push(steps.to_vec());
                ControlFlow::Continue(())
            });
            assert_eq!(done, ControlFlow::Continue(()));
        }
        assert_eq!(seen.len(), 6);
        assert_eq!(seen[0], [0, 0, 0]);
        assert_eq!(seen[5], [1, 2, 0]);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 6);
    }
}
