//! The whole way from a problem to a solution.
//!
//! In: a problem, roots, limits. Out: the cheapest choice found, with a lower bound.
//!
//! Reach and feasibility, then candidates that can be dropped, then independent components, each by bounds and search. Extraction with
//! shared costs is NP-hard; what makes it quick here is that little is left after dropping, in narrow components.
//!
//! Invariant: the cost reported is [`cost_of`] the choice reported.

use super::components::choose;
use super::dominance::simplify;
use super::network::NONE;
use super::problem::{CandidateId, ClassId, Cost, Problem};
use super::reduced::Reduced;
use super::solution::{ExtractError, Limits, Proof, Solution, Work, cost_of};

/// The cheapest acyclic choice for `roots`, each class paid once.
///
/// # Errors
/// When a root cannot be finished, or the costs do not fit.
pub fn solve(
    problem: &Problem,
    roots: &[ClassId],
    limits: &Limits,
) -> Result<Solution, ExtractError> {
    solve_with(problem, roots, None, limits)
}

/// The cheapest acyclic choice for `roots` and the class of `candidate`, among those that choose `candidate`: what it would have cost to
/// take a rewrite that [`solve`] did not take. Small limits give a cheap lower bound instead of the exact cost.
///
/// # Errors
/// As for [`solve`]; the candidate's own class is named where it cannot be finished with it.
pub fn solve_choosing(
    problem: &Problem,
    roots: &[ClassId],
    candidate: CandidateId,
    limits: &Limits,
) -> Result<Solution, ExtractError> {
    solve_with(problem, roots, Some(candidate), limits)
}

fn solve_with(
    problem: &Problem,
    roots: &[ClassId],
    forced: Option<CandidateId>,
    limits: &Limits,
) -> Result<Solution, ExtractError> {
    let reduced = Reduced::new(problem, roots, forced)?;
    let mut work = Work {
        reachable: reduced.class_count(),
        ..Work::default()
    };
    let largest_cycle = largest_cycle(&reduced);
    let simplified = simplify(reduced);
    work.mandatory = simplified.mandatory.iter().filter(|&&at| at).count();
    work.dropped = simplified.dropped;
    let chosen = choose(&simplified, limits, &mut work);
    let reduced = &simplified.reduced;
    let mut choice = vec![None; problem.class_count()];
    let mut open = reduced.roots.clone();
    while let Some(class) = open.pop() {
        let place = &mut choice[reduced.class(class).index()];
        if place.is_none() {
            let candidate = chosen.candidate[class as usize];
            debug_assert!(
                candidate != NONE,
                "a part chooses all that its classes need"
            );
            *place = Some(reduced.candidate(candidate));
            open.extend_from_slice(reduced.children(candidate));
        }
    }
    let mut all_roots = roots.to_vec();
    all_roots.extend(forced.map(|candidate| problem.class_of(candidate)));
    let Some(cost) = cost_of(problem, &all_roots, &choice) else {
        unreachable!("the parts were joined until their choice was complete and acyclic");
    };
    let lower_bound = Cost::unpacked(chosen.lower);
    Ok(Solution {
        choice,
        cost,
        lower_bound: lower_bound.min(cost),
        proof: match cost <= lower_bound {
            true => Proof::Optimal,
            false => Proof::Gap,
        },
        largest_cycle,
        work,
    })
}

/// The members of the largest group of classes that reach each other, ascending.
fn largest_cycle(reduced: &Reduced) -> Vec<ClassId> {
    let groups = reduced.groups().filter(|group| group.len() > 1);
    // Of groups with the same size the last one wins, which is the one nearest to the roots.
    let largest = groups.max_by_key(|group| group.len()).unwrap_or(0..0);
    let mut classes: Vec<ClassId> = largest.map(|class| reduced.class(class)).collect();
    classes.sort_unstable();
    classes
}
