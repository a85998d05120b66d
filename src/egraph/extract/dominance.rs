//! Candidates that no cheapest solution needs.
//!
//! In: a working copy and what is known of its classes. Out: the candidates to drop.
//!
//! A candidate goes for one of two reasons. Its own class is needed by one of its children, so it can only close a cycle. Or another
//! candidate of the class *beats* it: put in its place in any solution, with the classes that are missing derived as cheaply as a tree
//! allows, the solution costs no more. The replacement must not close a cycle, so what it adds or leans on lies outside the class's group,
//! or is a child of the beaten candidate as well.
//!
//! Why several may go at once: take a cheapest solution and replace beaten candidates from the roots down. A replacement changes its class
//! and adds classes of later groups only, so this ends, at the same cost, without a dropped candidate.
//!
//! Invariant: each class keeps a candidate; of two that beat each other the earlier one stays.

use super::completion::{Derivations, Lean, derive};
use super::mandatory::Needs;
use super::reduced::Reduced;

/// Rounds of dropping; each makes more classes mandatory, which makes more candidates beaten.
const ROUNDS: usize = 8;

/// A working copy from which nothing more can be dropped cheaply.
#[derive(Debug)]
pub(super) struct Simplified {
    /// What is left.
    pub reduced: Reduced,
    /// By class: every solution contains it, or a cheapest solution can contain it at no cost.
    pub mandatory: Vec<bool>,
    /// How many candidates were dropped for one of the two reasons.
    pub dropped: usize,
}

/// Drops candidates until nothing changes.
pub(super) fn simplify(mut reduced: Reduced) -> Simplified {
    let mut mandatory = vec![false; reduced.class_count()];
    for &root in &reduced.roots {
        mandatory[root as usize] = true;
    }
    for class in 0..reduced.class_count() as u32 {
        let literal =
            |candidate: u32| reduced.cost(candidate) == 0 && reduced.children(candidate).is_empty();
        mandatory[class as usize] |= reduced.candidates(class).any(literal);
    }
    let mut dropped = 0;
    for round in 1.. {
        let unrelated: Vec<bool> = (0..reduced.class_count() as u32)
            .map(|class| mandatory[class as usize] && !reduced.in_cycle(class))
            .collect();
        let needs = Needs::new(&reduced, &unrelated);
        needs.spread(&mut mandatory);
        let derivations = derive(&reduced, &mandatory, Lean::OnSolution);
        for (flag, &cost) in mandatory.iter_mut().zip(&derivations.cost) {
            *flag |= cost == 0;
        }
        if round == ROUNDS {
            break;
        }
        let facts = Facts {
            reduced: &reduced,
            mandatory: &mandatory,
            needs: &needs,
            derivations: &derivations,
        };
        let mut alive = vec![true; reduced.candidate_count()];
        let before = dropped;
        for class in 0..reduced.class_count() as u32 {
            dropped += facts.drop_in(class, &mut alive);
        }
        if dropped == before {
            break;
        }
        let (kept, old) = reduced.keep(&alive);
        mandatory = old.iter().map(|&old| mandatory[old as usize]).collect();
        reduced = kept;
    }
    Simplified {
        reduced,
        mandatory,
        dropped,
    }
}

struct Facts<'a> {
    reduced: &'a Reduced,
    mandatory: &'a [bool],
    needs: &'a Needs,
    derivations: &'a Derivations,
}

impl Facts<'_> {
    /// Marks the candidates of a class that can go, and counts them.
    fn drop_in(&self, class: u32, alive: &mut [bool]) -> usize {
        let range = self.reduced.candidates(class);
        if range.len() < 2 {
            return 0;
        }
        let mut dropped = 0;
        if self.reduced.in_cycle(class) {
            for candidate in range.clone() {
                let children = self.reduced.children(candidate);
                if children
                    .iter()
                    .any(|&child| self.needs.contains(child, class))
                {
                    alive[candidate as usize] = false;
                    dropped += 1;
                }
            }
        }
        let brought: Vec<Vec<u32>> = range.clone().map(|at| self.brought(at)).collect();
        for winner in range.clone() {
            for loser in range.clone() {
                if winner == loser || !alive[winner as usize] || !alive[loser as usize] {
                    continue;
                }
                let brought = &brought[(loser - range.start) as usize];
                if self.beats(class, winner, loser, brought) {
                    alive[loser as usize] = false;
                    dropped += 1;
                }
            }
        }
        dropped
    }

    /// What every solution with this candidate contains because of it, ascending.
    fn brought(&self, candidate: u32) -> Vec<u32> {
        let children = self.reduced.children(candidate).iter();
        let mut brought: Vec<u32> = children
            .flat_map(|&child| self.needs.of(child))
            .copied()
            .collect();
        brought.sort_unstable();
        brought.dedup();
        brought
    }

    fn beats(&self, class: u32, winner: u32, loser: u32, brought: &[u32]) -> bool {
        let allowed = self.reduced.cost(loser);
        let mut cost = self.reduced.cost(winner);
        for &child in self.reduced.children(winner) {
            if cost > allowed {
                return false;
            }
            if self.reduced.same_group(class, child) {
                if self.reduced.children(loser).binary_search(&child).is_err() {
                    return false;
                }
            } else if !self.mandatory[child as usize] && brought.binary_search(&child).is_err() {
                cost += self.derivations.cost[child as usize];
            }
        }
        cost <= allowed
    }
}
