//! Which classes every solution contains.
//!
//! In: a working copy. Out: by class, the nearest classes that every acyclic derivation of it contains; from the roots, the mandatory
//! classes.
//!
//! A class needs itself, and what all its candidates need through any of their children: dominators on an and-or graph. Sets are cut to
//! the nearest members, so they say less than the truth, never more.
//!
//! Invariant: `needs(class) ⊆ {class} ∪ ⋂ over candidates ⋃ over children needs(child)` holds at the end for every class, which by induction
//! over an acyclic derivation is all that soundness takes.

use std::ops::Range;

use super::reduced::Reduced;

/// Members kept of each set.
const NEAREST: usize = 32;

/// Times a group is gone through before a weaker answer is taken.
const SWEEPS: usize = 12;

/// By class, classes that every derivation of it contains; descending, so nearest first.
#[derive(Debug)]
pub(super) struct Needs {
    start: Vec<u32>,
    members: Vec<u32>,
}

impl Needs {
    /// Finds the sets. A class in `known` is needed by all solutions anyway, and is left out of the sets where it is on no cycle.
    pub fn new(reduced: &Reduced, known: &[bool]) -> Needs {
        let mut needs = Needs {
            start: vec![0],
            members: Vec::with_capacity(reduced.class_count() * 4),
        };
        let mut work = Intersection::default();
        for group in reduced.groups() {
            if group.len() == 1 {
                let class = group.start;
                for candidate in reduced.candidates(class) {
                    for &child in reduced.children(candidate) {
                        work.include(needs.of(child));
                    }
                    if work.close_candidate() {
                        break;
                    }
                }
                if !known[class as usize] {
                    needs.members.push(class);
                }
                needs.members.extend_from_slice(work.take(NEAREST));
                needs.start.push(needs.members.len() as u32);
            } else {
                let sets = group_needs(reduced, &needs, &group, &mut work);
                for set in sets {
                    needs.members.extend(set);
                    needs.start.push(needs.members.len() as u32);
                }
            }
        }
        needs
    }

    /// What every derivation of the class contains, descending.
    pub fn of(&self, class: u32) -> &[u32] {
        let class = class as usize;
        &self.members[self.start[class] as usize..self.start[class + 1] as usize]
    }

    /// Whether every derivation of `class` contains `other`.
    pub fn contains(&self, class: u32, other: u32) -> bool {
        contains(self.of(class), other)
    }

    /// Adds to `mandatory` what its members need.
    pub fn spread(&self, mandatory: &mut [bool]) {
        let mut open: Vec<u32> = (0..mandatory.len() as u32)
            .filter(|&class| mandatory[class as usize])
            .collect();
        while let Some(class) = open.pop() {
            for &needed in self.of(class) {
                if !mandatory[needed as usize] {
                    mandatory[needed as usize] = true;
                    open.push(needed);
                }
            }
        }
    }
}

/// The greatest sets that agree with each other, found from "everything" downwards; after too many sweeps, sets in which a member of
/// the group stands for itself only. A candidate with a child that needs the class is in no acyclic derivation of it, and says nothing.
fn group_needs(
    reduced: &Reduced,
    outside: &Needs,
    group: &Range<u32>,
    work: &mut Intersection,
) -> Vec<Vec<u32>> {
    let mut sets: Vec<Option<Vec<u32>>> = vec![None; group.len()];
    let local = |class: u32| (class - group.start) as usize;
    let order = finishing_order(reduced, group);
    for _ in 0..SWEEPS {
        let mut changed = false;
        for &class in &order {
            let mut any = false;
            for candidate in reduced.candidates(class) {
                let children = reduced.children(candidate);
                let mut members = children.iter().filter(|child| group.contains(child));
                let silent = members.any(|&child| {
                    sets[local(child)]
                        .as_ref()
                        .is_none_or(|set| contains(set, class))
                });
                if silent {
                    continue;
                }
                any = true;
                for &child in children {
                    match group.contains(&child) {
                        true => work.include(sets[local(child)].as_deref().unwrap_or_default()),
                        false => work.include(outside.of(child)),
                    }
                }
                if work.close_candidate() {
                    break;
                }
            }
            if any {
                let set = with_self(class, work.take(NEAREST));
                let old = &mut sets[local(class)];
                changed |= old.as_ref() != Some(&set);
                *old = Some(set);
            }
        }
        if !changed && sets.iter().all(Option::is_some) {
            return sets.into_iter().flatten().collect();
        }
    }
    group
        .clone()
        .map(|class| {
            for candidate in reduced.candidates(class) {
                for &child in reduced.children(candidate) {
                    match group.contains(&child) {
                        true => work.include(&[child]),
                        false => work.include(outside.of(child)),
                    }
                }
                if work.close_candidate() {
                    break;
                }
            }
            with_self(class, work.take(NEAREST))
        })
        .collect()
}

/// The members of a group, each after all children of one of its candidates: an order in which sets are soon right.
fn finishing_order(reduced: &Reduced, group: &Range<u32>) -> Vec<u32> {
    let first = reduced.candidates(group.start).start;
    let last = reduced.candidates(group.end - 1).end;
    let mut missing = vec![0u32; (last - first) as usize];
    let mut users: Vec<Vec<(u32, u32)>> = vec![Vec::new(); group.len()];
    let mut order = Vec::with_capacity(group.len());
    let mut placed = vec![false; group.len()];
    let mut place = |order: &mut Vec<u32>, class: u32| {
        let done = &mut placed[(class - group.start) as usize];
        if !*done {
            *done = true;
            order.push(class);
        }
    };
    for class in group.clone() {
        for candidate in reduced.candidates(class) {
            let children = reduced.children(candidate).iter();
            for &child in children.filter(|child| group.contains(child)) {
                missing[(candidate - first) as usize] += 1;
                users[(child - group.start) as usize].push((class, candidate));
            }
            if missing[(candidate - first) as usize] == 0 {
                place(&mut order, class);
            }
        }
    }
    let mut at = 0;
    while let Some(&class) = order.get(at) {
        at += 1;
        for &(user, waiting) in &users[(class - group.start) as usize] {
            missing[(waiting - first) as usize] -= 1;
            if missing[(waiting - first) as usize] == 0 {
                place(&mut order, user);
            }
        }
    }
    order
}

/// Whether a descending set has this member.
fn contains(set: &[u32], member: u32) -> bool {
    set.binary_search_by(|at| member.cmp(at)).is_ok()
}

/// A set in descending order with the class itself in its place.
fn with_self(class: u32, others: &[u32]) -> Vec<u32> {
    let mut set = Vec::with_capacity(others.len() + 1);
    set.extend_from_slice(others);
    if let Err(place) = set.binary_search_by(|at| class.cmp(at)) {
        set.insert(place, class);
    }
    set
}

/// The intersection over candidates of unions over children, with buffers that are used again.
#[derive(Debug, Default)]
struct Intersection {
    common: Vec<u32>,
    union: Vec<u32>,
    merged: Vec<u32>,
    started: bool,
}

impl Intersection {
    /// Adds a child's descending set to the current candidate's union.
    fn include(&mut self, set: &[u32]) {
        if self.union.is_empty() {
            self.union.extend_from_slice(set);
            return;
        }
        self.merged.clear();
        let (mut left, mut right) = (self.union.as_slice(), set);
        while let (Some(&first), Some(&second)) = (left.first(), right.first()) {
            self.merged.push(first.max(second));
            if first >= second {
                left = &left[1..];
            }
            if second >= first {
                right = &right[1..];
            }
        }
        self.merged.extend_from_slice(left);
        self.merged.extend_from_slice(right);
        std::mem::swap(&mut self.union, &mut self.merged);
    }

    /// Ends the current candidate. True when nothing is common any more.
    fn close_candidate(&mut self) -> bool {
        if self.started {
            let mut others = self.union.as_slice();
            self.common.retain(|member| {
                while others.first().is_some_and(|other| other > member) {
                    others = &others[1..];
                }
                others.first() == Some(member)
            });
        } else {
            std::mem::swap(&mut self.common, &mut self.union);
            self.started = true;
        }
        self.union.clear();
        self.common.is_empty()
    }

    /// The nearest members common to all candidates; the next candidate starts anew.
    fn take(&mut self, nearest: usize) -> &[u32] {
        self.started = false;
        self.merged.clear();
        std::mem::swap(&mut self.common, &mut self.merged);
        self.merged.truncate(nearest);
        &self.merged
    }
}
