//! What a choice is, what it costs, and what is known about it.
//!
//! In: a [`Problem`], roots, a choice. Out: its cost, or that it is none; the answer of [`solve`](super::solve()) as [`Solution`].
//!
//! Invariant: a cost is summed over the chosen classes that the roots reach, each once.
//! Invariant: `Proof::Optimal` is only said where the lower bound equals the cost.

use super::problem::{CandidateId, ClassId, Cost, Problem};

/// How hard [`solve`](super::solve()) tries. Both limits count work, never time, so that the answer is the same on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Search nodes an independent component may take before the best found so far is kept.
    pub expansions: u64,
    /// Entries that all bound tables of one component may have together; 16 bytes each. More tables, tighter bounds.
    pub table_entries: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            expansions: 200_000,
            table_entries: 1 << 21,
        }
    }
}

/// What is known about the cost of a solution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// No choice costs less.
    Optimal,
    /// A limit was hit: no choice costs less than [`Solution::lower_bound`], which is less than the cost.
    Gap,
}

/// The choice made, its cost and the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solution {
    /// The chosen candidate by class; `None` where the roots do not reach the class through chosen candidates.
    pub choice: Vec<Option<CandidateId>>,
    /// The sum over the chosen candidates.
    pub cost: Cost,
    /// No choice at all costs less than this.
    pub lower_bound: Cost,
    /// Whether the lower bound is the cost.
    pub proof: Proof,
    /// The largest set of classes that reach each other, ascending; empty where the problem has no cycle. A rule whose candidates lie
    /// here made something equal to a part of itself.
    pub largest_cycle: Vec<ClassId>,
    /// Where the work went.
    pub work: Work,
}

impl Solution {
    /// How many classes the largest set of classes that reach each other has: 1 where the problem has no cycle.
    pub fn max_scc(&self) -> usize {
        self.largest_cycle.len().max(1)
    }
}

/// Counts for a report: how far the reductions came and what was left to search.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Classes that the roots reach through candidates that can be finished.
    pub reachable: usize,
    /// Of them, classes that every solution contains, or that cost nothing.
    pub mandatory: usize,
    /// Candidates that another candidate of the class beats in every solution, or that need their own class.
    pub dropped: usize,
    /// Independent components in which something was left to decide.
    pub components: usize,
    /// Classes with a decision, in the largest component.
    pub largest_component: usize,
    /// Search nodes, over all components.
    pub expansions: u64,
    /// Cycles that had to be forbidden one by one.
    pub cycle_cuts: usize,
    /// Components whose search stopped at [`Limits::expansions`].
    pub limited: usize,
}

/// Why there is no solution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// Every candidate of a root needs, in the end, a class without candidates or itself.
    #[error("class {} has no candidate that can be finished: each one needs itself or a class that nothing can be chosen for", class.0)]
    NoFiniteChoice {
        /// The root.
        class: ClassId,
    },
    /// The costs of one solution could exceed what a [`Cost`] holds.
    #[error(
        "the costs do not fit: their sum over all classes exceeds 2^56 in the first part or 2^64 in the second"
    )]
    CostOverflow,
}

/// What a choice costs: the sum over the classes that the roots reach through it, each once. `None` where a reached class has no
/// chosen candidate, a chosen candidate of another class, or lies on a cycle of the choice.
pub fn cost_of(
    problem: &Problem,
    roots: &[ClassId],
    choice: &[Option<CandidateId>],
) -> Option<Cost> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        Unseen,
        Open,
        Done,
    }
    let mut marks = vec![Mark::Unseen; problem.class_count()];
    let mut total = Cost::ZERO;
    let mut path: Vec<(ClassId, &[ClassId])> = Vec::new();
    for root in roots {
        let mut enter = Some(*root);
        loop {
            if let Some(class) = enter.take() {
                match marks[class.index()] {
                    Mark::Done => {}
                    Mark::Open => return None,
                    Mark::Unseen => {
                        let candidate = choice[class.index()]?;
                        if problem.class_of(candidate) != class {
                            return None;
                        }
                        marks[class.index()] = Mark::Open;
                        total += problem.cost(candidate);
                        path.push((class, problem.children(candidate)));
                    }
                }
            }
            match path.last_mut() {
                None => break,
                Some((class, rest)) => match rest.split_first() {
                    Some((child, others)) => {
                        enter = Some(*child);
                        *rest = others;
                    }
                    None => {
                        marks[class.index()] = Mark::Done;
                        path.pop();
                    }
                },
            }
        }
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_class_is_paid_once() {
        let mut problem = Problem::new();
        let shared = problem.add_resource(Cost::new(1, 100));
        let left = problem.add_class();
        problem.add_candidate(Cost::new(1, 1), [shared]);
        let root = problem.add_class();
        problem.add_candidate(Cost::new(1, 1), [left, shared]);
        let choice: Vec<_> = (0..3).map(|at| Some(CandidateId(at))).collect();
        assert_eq!(
            cost_of(&problem, &[root, left], &choice),
            Some(Cost::new(3, 102))
        );
    }

    #[test]
    fn cyclic_incomplete_and_foreign_choices_cost_nothing_sensible() {
        let mut problem = Problem::new();
        let first = problem.add_class();
        problem.add_candidate(Cost::ZERO, [ClassId(1)]);
        let second = problem.add_class();
        problem.add_candidate(Cost::ZERO, [first]);
        let leaf = problem.add_candidate(Cost::ZERO, []);
        assert_eq!(
            cost_of(
                &problem,
                &[first],
                &[Some(CandidateId(0)), Some(CandidateId(1))]
            ),
            None
        );
        assert_eq!(
            cost_of(&problem, &[first], &[Some(CandidateId(0)), None]),
            None
        );
        assert_eq!(cost_of(&problem, &[first], &[Some(leaf), Some(leaf)]), None);
        assert_eq!(
            cost_of(&problem, &[second], &[None, Some(leaf)]),
            Some(Cost::ZERO)
        );
    }
}
