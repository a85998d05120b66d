//! Depth-first branch and bound over the variables of one component.
//!
//! In: a network, its bounds, the cost to beat. Out: the cheapest acyclic assignment below that cost, and what is proved.
//!
//! Variables are decided in the reverse of the elimination order, cheapest bound first; a branch ends where its bound reaches the best cost
//! known or where a choice would close a cycle.
//!
//! Invariant: when the search is not stopped by its limit, no acyclic assignment costs less than the best one known.
//! Invariant: equal bounds are tried in the order of values: absent, then candidates in the problem's order.

use super::buckets::Buckets;
use super::cycles::Acyclic;
use super::network::Network;
use super::reduced::Reduced;

/// Classes walked through in search of cycles that count as one search node.
const WALK: u64 = 16;

/// Cycles handed back from one search; the rest is found again by the next one.
const CYCLES: usize = 64;

/// The outcome of a search.
#[derive(Debug)]
pub(super) struct Found {
    /// The cheapest assignment below the cost to beat, with its cost: (class, candidate) for each class present.
    pub best: Option<(u128, Vec<(u32, u32)>)>,
    /// No assignment costs less.
    pub lower: u128,
    /// Search nodes taken, and walks for cycles in steps of [`WALK`].
    pub expansions: u64,
    /// Whether the limit stopped the search.
    pub limited: bool,
    /// Cycles that ended branches, each once.
    pub cycles: Vec<Vec<u32>>,
}

/// A variable being decided: its options from `next` on are still to be tried.
struct Level {
    start: usize,
    next: usize,
    end: usize,
    /// The class to release before the next option.
    chosen: Option<u32>,
}

/// Searches for an assignment that costs less than `best`, taking at most `limit` nodes.
pub(super) fn search(
    reduced: &Reduced,
    network: &Network,
    buckets: &Buckets,
    acyclic: &mut Acyclic,
    best: u128,
    limit: u64,
) -> Found {
    let mut found = Found {
        best: None,
        lower: best.min(buckets.bound),
        expansions: 0,
        limited: false,
        cycles: Vec::new(),
    };
    if buckets.bound >= best {
        return found;
    }
    let count = network.variables.len();
    let variable_at = |depth: usize| buckets.order[count - 1 - depth];
    let mut best = best;
    let mut assignment = vec![0u32; count];
    let mut options: Vec<(u128, u32)> = Vec::new();
    let mut levels: Vec<Level> = Vec::with_capacity(count);
    for &(class, candidate) in &network.fixed {
        acyclic.fix(reduced, class, candidate);
    }
    let enter = |levels: &mut Vec<Level>,
                 options: &mut Vec<(u128, u32)>,
                 assignment: &[u32],
                 bound: u128,
                 best: u128| {
        let start = options.len();
        let variable = variable_at(levels.len());
        buckets.extend(variable, assignment, bound, best, options);
        levels.push(Level {
            start,
            next: start,
            end: options.len(),
            chosen: None,
        });
    };
    enter(&mut levels, &mut options, &assignment, buckets.bound, best);
    while let Some(level) = levels.last_mut() {
        if let Some(class) = level.chosen.take() {
            acyclic.release(reduced, class);
        }
        let option = options[level.next..level.end].first().copied();
        let Some((bound, value)) = option.filter(|&(bound, _)| bound < best) else {
            options.truncate(level.start);
            levels.pop();
            continue;
        };
        if found.expansions >= limit {
            found.limited = true;
            break;
        }
        found.expansions += 1;
        level.next += 1;
        let variable = variable_at(levels.len() - 1);
        assignment[variable as usize] = value;
        let decided = network.variables[variable as usize];
        if let Some(candidate) = decided.candidate(value) {
            let before = acyclic.steps;
            let outcome = acyclic.choose(reduced, decided.class, candidate);
            found.expansions += (acyclic.steps - before) / WALK;
            match outcome {
                Ok(()) => {
                    if let Some(level) = levels.last_mut() {
                        level.chosen = Some(decided.class);
                    }
                }
                Err(cycle) => {
                    if found.cycles.len() < CYCLES && !found.cycles.contains(&cycle) {
                        found.cycles.push(cycle);
                    }
                    continue;
                }
            }
        }
        if levels.len() < count {
            enter(&mut levels, &mut options, &assignment, bound, best);
            continue;
        }
        best = bound;
        let choices = network.variables.iter().zip(&assignment);
        let mut chosen = network.fixed.clone();
        chosen.extend(choices.filter_map(|(variable, &value)| {
            let candidate = variable.candidate(value)?;
            Some((variable.class, candidate))
        }));
        found.best = Some((best, chosen));
        if best == buckets.bound {
            break;
        }
    }
    let untried = levels
        .iter()
        .flat_map(|level| &options[level.next..level.end]);
    let untried = untried.map(|&(bound, _)| bound).min();
    found.lower = match found.limited {
        true => untried.map_or(best, |bound| bound.min(best)),
        false => best,
    };
    for level in &levels {
        if let Some(class) = level.chosen {
            acyclic.release(reduced, class);
        }
    }
    for &(class, _) in &network.fixed {
        acyclic.release(reduced, class);
    }
    found
}
