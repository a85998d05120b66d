//! The working copy of a problem: only what the roots reach and what can be finished, children first.
//!
//! In: a [`Problem`] and roots, or a working copy and the candidates to drop. Out: a [`Reduced`].
//!
//! Invariant: every class has a candidate, and every class has an acyclic choice of candidates below it.
//! Invariant: a child has a smaller index than its parent, except within a group of classes that reach each other.

use std::ops::Range;

use super::problem::{CandidateId, ClassId, Problem};
use super::scc;
use super::solution::ExtractError;

/// Classes in an order in which children come first, with the candidates still possible.
#[derive(Debug)]
pub(super) struct Reduced {
    class_start: Vec<u32>,
    cost: Vec<u128>,
    child_start: Vec<u32>,
    children: Vec<u32>,
    candidate: Vec<CandidateId>,
    class: Vec<u32>,
    group: Vec<u32>,
    group_start: Vec<u32>,
    /// The roots, ascending, each once.
    pub roots: Vec<u32>,
}

impl Reduced {
    /// Keeps of `problem` what `roots` can use. With `forced`, its class has this candidate only.
    pub fn new(
        problem: &Problem,
        roots: &[ClassId],
        forced: Option<CandidateId>,
    ) -> Result<Reduced, ExtractError> {
        let classes = problem.class_count();
        let mut whole = Reduced {
            class_start: vec![0],
            cost: Vec::with_capacity(problem.candidate_count()),
            child_start: vec![0],
            children: Vec::new(),
            candidate: Vec::with_capacity(problem.candidate_count()),
            class: (0..classes as u32).collect(),
            group: Vec::new(),
            group_start: Vec::new(),
            roots: roots.iter().map(|root| root.0).collect(),
        };
        let forced = forced.map(|only| (problem.class_of(only), only));
        whole.roots.extend(forced.map(|(class, _)| class.0));
        let (mut primary, mut secondary) = (0u128, 0u128);
        for class in (0..classes as u32).map(ClassId) {
            let (mut most_primary, mut most_secondary) = (0, 0);
            for candidate in problem.candidates(class) {
                if forced.is_some_and(|(at, only)| at == class && only != candidate) {
                    continue;
                }
                let children = problem.children(candidate);
                if children.binary_search(&class).is_ok() {
                    continue;
                }
                let cost = problem.cost(candidate);
                most_primary = most_primary.max(cost.primary);
                most_secondary = most_secondary.max(cost.secondary);
                whole
                    .children
                    .extend(children.iter().map(|child| match child {
                        child if child.index() < classes => child.0,
                        _ => unreachable!("a candidate names a class that was never added"),
                    }));
                whole.child_start.push(whole.children.len() as u32);
                whole.cost.push(cost.packed());
                whole.candidate.push(candidate);
            }
            primary += u128::from(most_primary);
            secondary += u128::from(most_secondary);
            whole.class_start.push(whole.cost.len() as u32);
        }
        if primary >> 56 != 0 || secondary >> 64 != 0 {
            return Err(ExtractError::CostOverflow);
        }
        let (class_done, candidate_done) = whole.finishable();
        match roots.iter().find(|root| !class_done[root.index()]) {
            Some(&class) => Err(ExtractError::NoFiniteChoice { class }),
            None => match forced {
                Some((class, _)) if !class_done[class.index()] => {
                    Err(ExtractError::NoFiniteChoice { class })
                }
                _ => Ok(whole.keep(&candidate_done).0),
            },
        }
    }

    /// Which classes and candidates need, in the end, only what can be chosen.
    fn finishable(&self) -> (Vec<bool>, Vec<bool>) {
        let parents = self.parents();
        let mut missing: Vec<u32> = (0..self.cost.len() as u32)
            .map(|candidate| self.children(candidate).len() as u32)
            .collect();
        let mut class_done = vec![false; self.class_count()];
        let mut ready: Vec<u32> = Vec::new();
        for class in 0..self.class_count() as u32 {
            if self.candidates(class).any(|at| missing[at as usize] == 0) {
                class_done[class as usize] = true;
                ready.push(class);
            }
        }
        while let Some(class) = ready.pop() {
            for &(parent, candidate) in parents.of(class) {
                missing[candidate as usize] -= 1;
                if missing[candidate as usize] == 0 && !class_done[parent as usize] {
                    class_done[parent as usize] = true;
                    ready.push(parent);
                }
            }
        }
        let candidate_done = missing.iter().map(|&count| count == 0).collect();
        (class_done, candidate_done)
    }

    /// The working copy with only the candidates in `alive`, and what the roots then reach. Also says, by new class, the old one.
    pub fn keep(&self, alive: &[bool]) -> (Reduced, Vec<u32>) {
        let mut thin_start = vec![0u32];
        let mut thin_children: Vec<u32> = Vec::with_capacity(self.children.len());
        for class in 0..self.class_count() as u32 {
            for candidate in self.candidates(class).filter(|&at| alive[at as usize]) {
                thin_children.extend_from_slice(self.children(candidate));
            }
            thin_start.push(thin_children.len() as u32);
        }
        let found = scc::components(self.class_count(), &self.roots, |class| {
            let class = class as usize;
            &thin_children[thin_start[class] as usize..thin_start[class + 1] as usize]
        });
        let mut renumbered = vec![u32::MAX; self.class_count()];
        for (new, &old) in found.order.iter().enumerate() {
            renumbered[old as usize] = new as u32;
        }
        let mut kept = Reduced {
            class_start: vec![0],
            cost: Vec::with_capacity(self.cost.len()),
            child_start: vec![0],
            children: Vec::with_capacity(thin_children.len()),
            candidate: Vec::with_capacity(self.cost.len()),
            class: Vec::with_capacity(found.order.len()),
            group: Vec::with_capacity(found.order.len()),
            group_start: found.bounds,
            roots: self
                .roots
                .iter()
                .map(|&root| renumbered[root as usize])
                .collect(),
        };
        kept.roots.sort_unstable();
        kept.roots.dedup();
        for (group, bounds) in kept.group_start.windows(2).enumerate() {
            kept.group
                .extend((bounds[0]..bounds[1]).map(|_| group as u32));
        }
        for &old in &found.order {
            for candidate in self.candidates(old).filter(|&at| alive[at as usize]) {
                let from = kept.children.len();
                kept.children.extend(
                    self.children(candidate)
                        .iter()
                        .map(|&child| renumbered[child as usize]),
                );
                kept.children[from..].sort_unstable();
                kept.child_start.push(kept.children.len() as u32);
                kept.cost.push(self.cost[candidate as usize]);
                kept.candidate.push(self.candidate[candidate as usize]);
            }
            kept.class_start.push(kept.cost.len() as u32);
            kept.class.push(self.class[old as usize]);
        }
        (kept, found.order)
    }

    /// How many classes are left.
    pub fn class_count(&self) -> usize {
        self.class.len()
    }

    /// How many candidates are left.
    pub fn candidate_count(&self) -> usize {
        self.cost.len()
    }

    /// The candidates of a class, in the problem's order.
    pub fn candidates(&self, class: u32) -> Range<u32> {
        self.class_start[class as usize]..self.class_start[class as usize + 1]
    }

    /// The children of a candidate, ascending.
    pub fn children(&self, candidate: u32) -> &[u32] {
        let at = candidate as usize;
        &self.children[self.child_start[at] as usize..self.child_start[at + 1] as usize]
    }

    /// The children of all candidates of a class, one candidate after another.
    pub fn all_children(&self, class: u32) -> &[u32] {
        let range = self.candidates(class);
        let start = self.child_start[range.start as usize] as usize;
        &self.children[start..self.child_start[range.end as usize] as usize]
    }

    /// The packed cost of a candidate.
    pub fn cost(&self, candidate: u32) -> u128 {
        self.cost[candidate as usize]
    }

    /// The problem's name of a class.
    pub fn class(&self, class: u32) -> ClassId {
        ClassId(self.class[class as usize])
    }

    /// The problem's name of a candidate.
    pub fn candidate(&self, candidate: u32) -> CandidateId {
        self.candidate[candidate as usize]
    }

    /// The groups of classes that reach each other, children first.
    pub fn groups(&self) -> impl Iterator<Item = Range<u32>> + '_ {
        self.group_start
            .windows(2)
            .map(|bounds| bounds[0]..bounds[1])
    }

    /// Whether two classes reach each other.
    pub fn same_group(&self, left: u32, right: u32) -> bool {
        self.group[left as usize] == self.group[right as usize]
    }

    /// Whether a class reaches another class that reaches it.
    pub fn in_cycle(&self, class: u32) -> bool {
        let group = self.group[class as usize] as usize;
        self.group_start[group + 1] - self.group_start[group] > 1
    }

    /// Whether any class reaches itself.
    pub fn has_cycle(&self) -> bool {
        self.group_start.len() <= self.class_count()
    }

    /// Who uses each class.
    fn parents(&self) -> Parents {
        let mut start = vec![0u32; self.class_count() + 1];
        for &child in &self.children {
            start[child as usize + 1] += 1;
        }
        for at in 1..start.len() {
            start[at] += start[at - 1];
        }
        let mut next = start.clone();
        let mut users = vec![(0, 0); self.children.len()];
        for class in 0..self.class_count() as u32 {
            for candidate in self.candidates(class) {
                for &child in self.children(candidate) {
                    let slot = &mut next[child as usize];
                    users[*slot as usize] = (class, candidate);
                    *slot += 1;
                }
            }
        }
        Parents { start, users }
    }
}

/// The candidates that name a class, with their own classes.
struct Parents {
    start: Vec<u32>,
    users: Vec<(u32, u32)>,
}

impl Parents {
    fn of(&self, class: u32) -> &[(u32, u32)] {
        let class = class as usize;
        &self.users[self.start[class] as usize..self.start[class + 1] as usize]
    }
}
