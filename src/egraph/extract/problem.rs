//! What there is to choose from: classes, their candidates, what each candidate costs and needs.
//!
//! In: classes and candidates, one after another. Out: a [`Problem`] in flat arrays, ready for [`solve`](super::solve()).
//!
//! A thing that several different candidates use and that costs once (the bytes of a tensor that two operators read) is a class of its
//! own with one leaf candidate ([`Problem::add_resource`]); every candidate that uses it names it as a child. Because a class is paid
//! once however many need it, nothing else is required to share a cost.
//!
//! Invariant: knows nothing of e-graphs, operators or rules; a class and a candidate are numbers.
//! Invariant: candidates of one class are contiguous and keep the order in which they were added; ties are broken by that order.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Range};

/// A class of equal candidates: its index in the order of adding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub u32);

/// A candidate: its index over the candidates of all classes, in the order of adding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CandidateId(pub u32);

impl ClassId {
    /// The position in an array with one element a class.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl CandidateId {
    /// The position in an array with one element a candidate.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A cost in two parts, compared lexicographically: the secondary part decides only where the primary parts are equal.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost {
    /// What is minimised first, e.g. operations.
    pub primary: u64,
    /// What is minimised among solutions with the same primary part, e.g. bytes.
    pub secondary: u64,
}

impl Cost {
    /// The cost of a literal.
    pub const ZERO: Cost = Cost {
        primary: 0,
        secondary: 0,
    };

    /// A cost of `primary`, then `secondary`.
    pub const fn new(primary: u64, secondary: u64) -> Cost {
        Cost { primary, secondary }
    }

    /// Both parts as one number, in which the lexicographic order is the order of numbers and sums are sums.
    pub(super) fn packed(self) -> u128 {
        (u128::from(self.primary) << 64) | u128::from(self.secondary)
    }

    /// The inverse of [`Cost::packed`].
    pub(super) fn unpacked(packed: u128) -> Cost {
        Cost {
            primary: (packed >> 64) as u64,
            secondary: packed as u64,
        }
    }
}

impl Add for Cost {
    type Output = Cost;

    fn add(self, other: Cost) -> Cost {
        Cost {
            primary: self.primary + other.primary,
            secondary: self.secondary + other.secondary,
        }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Cost) {
        *self = *self + other;
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Cost>>(costs: I) -> Cost {
        costs.fold(Cost::ZERO, Add::add)
    }
}

/// Classes with candidates, in flat arrays.
#[derive(Debug, Clone)]
pub struct Problem {
    class_start: Vec<u32>,
    costs: Vec<Cost>,
    child_start: Vec<u32>,
    children: Vec<ClassId>,
}

impl Default for Problem {
    fn default() -> Problem {
        Problem::new()
    }
}

impl Problem {
    /// A problem without classes.
    pub fn new() -> Problem {
        Problem {
            class_start: Vec::new(),
            costs: Vec::new(),
            child_start: vec![0],
            children: Vec::new(),
        }
    }

    /// Opens the next class; candidates added from here on are its candidates. A class may stay empty: nothing can then choose it.
    pub fn add_class(&mut self) -> ClassId {
        self.class_start.push(index(self.costs.len()));
        ClassId(index(self.class_start.len() - 1))
    }

    /// Adds a candidate to the class opened last. `children` are the classes it needs, in any order; they may be opened later, and
    /// naming one twice is naming it once. Candidates added earlier are preferred where the cost is the same.
    ///
    /// # Panics
    /// When no class was opened.
    pub fn add_candidate(
        &mut self,
        cost: Cost,
        children: impl IntoIterator<Item = ClassId>,
    ) -> CandidateId {
        assert!(
            !self.class_start.is_empty(),
            "a candidate belongs to the class opened last, and none was"
        );
        let from = self.children.len();
        self.children.extend(children);
        self.children[from..].sort_unstable();
        let mut kept = from;
        for at in from..self.children.len() {
            if kept == from || self.children[kept - 1] != self.children[at] {
                self.children[kept] = self.children[at];
                kept += 1;
            }
        }
        self.children.truncate(kept);
        self.child_start.push(index(kept));
        self.costs.push(cost);
        CandidateId(index(self.costs.len() - 1))
    }

    /// Adds a class that stands for something shared: one candidate, no children, paid once by all who need it.
    pub fn add_resource(&mut self, cost: Cost) -> ClassId {
        let class = self.add_class();
        self.add_candidate(cost, []);
        class
    }

    /// How many classes there are.
    pub fn class_count(&self) -> usize {
        self.class_start.len()
    }

    /// How many candidates there are, over all classes.
    pub fn candidate_count(&self) -> usize {
        self.costs.len()
    }

    /// The candidates of a class, in the order of adding.
    pub fn candidates(&self, class: ClassId) -> impl ExactSizeIterator<Item = CandidateId> + use<> {
        self.candidate_range(class).map(CandidateId)
    }

    /// The class that a candidate belongs to.
    pub fn class_of(&self, candidate: CandidateId) -> ClassId {
        ClassId(index(
            self.class_start
                .partition_point(|&start| start <= candidate.0)
                - 1,
        ))
    }

    /// What choosing this candidate costs, without its children.
    pub fn cost(&self, candidate: CandidateId) -> Cost {
        self.costs[candidate.index()]
    }

    /// The classes this candidate needs, ascending, each once.
    pub fn children(&self, candidate: CandidateId) -> &[ClassId] {
        let at = candidate.index();
        &self.children[self.child_start[at] as usize..self.child_start[at + 1] as usize]
    }

    fn candidate_range(&self, class: ClassId) -> Range<u32> {
        let at = class.index();
        let end = self.class_start.get(at + 1).copied();
        self.class_start[at]..end.unwrap_or_else(|| index(self.costs.len()))
    }
}

/// Every count of this module fits 32 bits; 2^32 candidates would be hundreds of gigabytes.
fn index(count: usize) -> u32 {
    u32::try_from(count)
        .unwrap_or_else(|_| unreachable!("more than 2^32 candidates or edges do not fit memory"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_know_their_class_past_empty_classes() {
        let mut problem = Problem::new();
        let empty = problem.add_class();
        let full = problem.add_class();
        let first = problem.add_candidate(Cost::new(1, 2), [empty, full, empty]);
        let resource = problem.add_resource(Cost::new(0, 9));
        assert_eq!(problem.class_of(first), full);
        assert_eq!(problem.candidates(empty).len(), 0);
        assert_eq!(problem.children(first), [empty, full]);
        let only: Vec<_> = problem.candidates(resource).collect();
        assert_eq!(problem.class_of(only[0]), resource);
        assert_eq!(problem.cost(only[0]), Cost::new(0, 9));
    }

    #[test]
    fn packing_keeps_order_and_sums() {
        let small = Cost::new(1, u64::MAX / 2);
        let large = Cost::new(2, 3);
        assert!(small < large && small.packed() < large.packed());
        assert_eq!(
            Cost::unpacked(small.packed() + large.packed()),
            small + large
        );
    }
}
