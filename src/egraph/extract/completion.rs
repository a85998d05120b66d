//! What a class costs at most, when only the mandatory classes are there already.
//!
//! In: a working copy and the mandatory classes. Out: by class, the cost of one acyclic derivation of it, in which mandatory classes are
//! free (Knuth, "A generalization of Dijkstra's algorithm", 1977, within each group; a plain minimum elsewhere).
//!
//! The cost is that of a tree: what a derivation uses twice is paid twice. It bounds what *adding* the class to any solution costs: the
//! classes it adds hang below it, no class of the solution leads to them, so no cycle arises.
//!
//! Invariant: sums saturate at [`UNBOUNDED`]; deep sharing doubles a tree's cost at each level.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::reduced::Reduced;

/// More than any sum of costs.
pub(super) const UNBOUNDED: u128 = 1 << 127;

/// A derivation of each class.
#[derive(Debug)]
pub(super) struct Derivations {
    /// By class, what the derivation costs beyond the mandatory classes.
    pub cost: Vec<u128>,
    /// By class, the candidate it starts with.
    pub candidate: Vec<u32>,
}

/// Whether a derivation may lean on a mandatory class of its own group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lean {
    /// Yes: the class is added to a solution that has one. All derivations together may be cyclic.
    OnSolution,
    /// No: all derivations together are an acyclic choice.
    OnDerivations,
}

/// The cheapest derivation of each class.
pub(super) fn derive(reduced: &Reduced, mandatory: &[bool], lean: Lean) -> Derivations {
    let mut found = Derivations {
        cost: vec![UNBOUNDED; reduced.class_count()],
        candidate: vec![u32::MAX; reduced.class_count()],
    };
    for group in reduced.groups() {
        if group.len() == 1 {
            let class = group.start;
            for candidate in reduced.candidates(class) {
                let cost = found.of(reduced, candidate, mandatory);
                if found.candidate[class as usize] == u32::MAX || cost < found.cost[class as usize]
                {
                    found.cost[class as usize] = cost;
                    found.candidate[class as usize] = candidate;
                }
            }
        } else {
            derive_group(reduced, mandatory, lean, group, &mut found);
        }
    }
    found
}

impl Derivations {
    fn of(&self, reduced: &Reduced, candidate: u32, mandatory: &[bool]) -> u128 {
        let mut cost = reduced.cost(candidate);
        for &child in reduced.children(candidate) {
            if !mandatory[child as usize] {
                cost += self.cost[child as usize];
                if cost >= UNBOUNDED {
                    return UNBOUNDED;
                }
            }
        }
        cost
    }
}

/// Classes of one group are finished cheapest first; a candidate is ready once the members it waits for are finished.
fn derive_group(
    reduced: &Reduced,
    mandatory: &[bool],
    lean: Lean,
    group: Range<u32>,
    found: &mut Derivations,
) {
    let first = reduced.candidates(group.start).start;
    let last = reduced.candidates(group.end - 1).end;
    let waits_for = |child: u32| {
        group.contains(&child) && (lean == Lean::OnDerivations || !mandatory[child as usize])
    };
    let mut missing = vec![0u32; (last - first) as usize];
    let mut users: Vec<Vec<(u32, u32)>> = vec![Vec::new(); group.len()];
    let mut ready = BinaryHeap::new();
    for class in group.clone() {
        for candidate in reduced.candidates(class) {
            for &child in reduced.children(candidate) {
                if waits_for(child) {
                    missing[(candidate - first) as usize] += 1;
                    users[(child - group.start) as usize].push((class, candidate));
                }
            }
            if missing[(candidate - first) as usize] == 0 {
                let cost = found.of(reduced, candidate, mandatory);
                ready.push(Reverse((cost, class, candidate)));
            }
        }
    }
    while let Some(Reverse((cost, class, candidate))) = ready.pop() {
        if found.candidate[class as usize] != u32::MAX {
            continue;
        }
        found.cost[class as usize] = cost;
        found.candidate[class as usize] = candidate;
        for &(user, waiting) in &users[(class - group.start) as usize] {
            let left = &mut missing[(waiting - first) as usize];
            *left -= 1;
            if *left == 0 {
                let cost = found.of(reduced, waiting, mandatory);
                ready.push(Reverse((cost, user, waiting)));
            }
        }
    }
}
