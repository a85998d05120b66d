//! Independent parts of a problem, and the cheapest choice in each.
//!
//! In: a simplified problem. Out: a choice for every class that a part needs, a lower bound, and what the search took.
//!
//! Two classes belong together when one can need the other and the other is not mandatory: only then does a decision at one change what
//! the other costs. Cycles are not looked at when parts are made; where the choices of several parts close a cycle together, the parts it
//! runs through become one part that knows of it.
//!
//! Invariant: the sum of the parts' lower bounds is a lower bound of the whole, because each part forgets only some cycles.

use super::buckets::Buckets;
use super::completion::{Derivations, Lean, derive};
use super::cycles::{Acyclic, cycles_of};
use super::dominance::Simplified;
use super::network::{NONE, Network, Places};
use super::reduced::Reduced;
use super::search::search;
use super::solution::{Limits, Work};

/// Searches of one part that may end early because they found cycles to forbid by tables.
const CUT_ROUNDS: usize = 24;

/// Search nodes that all these searches may take, so that a large part does not make its tables many times.
const CUT_WORK: usize = 1 << 19;

/// The choice of all parts together.
#[derive(Debug)]
pub(super) struct Chosen {
    /// By class: a candidate, or [`NONE`].
    pub candidate: Vec<u32>,
    /// No choice costs less.
    pub lower: u128,
}

/// One part: its classes ascending, the cycles it must avoid, its answer.
#[derive(Debug)]
struct Part {
    classes: Vec<u32>,
    cycles: Vec<Vec<u32>>,
    answer: Option<Answer>,
}

#[derive(Debug)]
struct Answer {
    chosen: Vec<(u32, u32)>,
    lower: u128,
    limited: bool,
}

/// Chooses for every part, joining parts until the choice is acyclic.
pub(super) fn choose(simplified: &Simplified, limits: &Limits, work: &mut Work) -> Chosen {
    let reduced = &simplified.reduced;
    let mut partition = Partition::new(simplified);
    let mut parts = partition.parts();
    let mut solver = Solver {
        reduced,
        mandatory: &simplified.mandatory,
        known: derive(reduced, &simplified.mandatory, Lean::OnDerivations),
        limits,
        places: Places::new(reduced.class_count()),
        acyclic: Acyclic::new(reduced),
    };
    let mut candidate = vec![NONE; reduced.class_count()];
    loop {
        for part in parts.iter_mut().filter(|part| part.answer.is_none()) {
            for &class in &part.classes {
                candidate[class as usize] = NONE;
            }
            let answer = solver.solve(part, work);
            for &(class, chosen) in &answer.chosen {
                candidate[class as usize] = chosen;
            }
            part.answer = Some(answer);
        }
        let cycles = cycles_of(reduced, &candidate);
        if cycles.is_empty() {
            break;
        }
        work.cycle_cuts += cycles.len();
        let before = parts.len();
        parts = partition.join(parts, cycles);
        if parts.len() == before {
            unreachable!("the search of one part makes no cycle inside it");
        }
    }
    let decides = |part: &&Part| {
        part.classes
            .iter()
            .any(|&at| reduced.candidates(at).len() > 1)
    };
    work.components = parts.iter().filter(decides).count();
    let answers = parts.iter().filter_map(|part| part.answer.as_ref());
    work.limited = answers.clone().filter(|answer| answer.limited).count();
    Chosen {
        candidate,
        lower: answers.map(|answer| answer.lower).sum(),
    }
}

/// Which classes are in one part: a union-find.
struct Partition {
    parent: Vec<u32>,
}

impl Partition {
    fn new(simplified: &Simplified) -> Partition {
        let reduced = &simplified.reduced;
        let mut partition = Partition {
            parent: (0..reduced.class_count() as u32).collect(),
        };
        for class in 0..reduced.class_count() as u32 {
            for &child in reduced.all_children(class) {
                if !simplified.mandatory[child as usize] {
                    partition.unite(class, child);
                }
            }
        }
        partition
    }

    fn find(&mut self, mut class: u32) -> u32 {
        while self.parent[class as usize] != class {
            let above = self.parent[self.parent[class as usize] as usize];
            self.parent[class as usize] = above;
            class = above;
        }
        class
    }

    fn unite(&mut self, left: u32, right: u32) {
        let (left, right) = (self.find(left), self.find(right));
        self.parent[left.max(right) as usize] = left.min(right);
    }

    /// The parts by their smallest class.
    fn parts(&mut self) -> Vec<Part> {
        let mut part_of = vec![NONE; self.parent.len()];
        let mut parts: Vec<Part> = Vec::new();
        for class in 0..self.parent.len() as u32 {
            let root = self.find(class) as usize;
            if part_of[root] == NONE {
                part_of[root] = parts.len() as u32;
                parts.push(Part {
                    classes: Vec::new(),
                    cycles: Vec::new(),
                    answer: None,
                });
            }
            parts[part_of[root] as usize].classes.push(class);
        }
        parts
    }

    /// Joins the parts that each cycle runs through; parts on no cycle keep their answers.
    fn join(&mut self, old: Vec<Part>, cycles: Vec<Vec<u32>>) -> Vec<Part> {
        for cycle in &cycles {
            for pair in cycle.windows(2) {
                self.unite(pair[0], pair[1]);
            }
        }
        let mut parts = self.parts();
        let mut part_of = vec![NONE; self.parent.len()];
        for (at, part) in parts.iter().enumerate() {
            for &class in &part.classes {
                part_of[class as usize] = at as u32;
            }
        }
        for part in old {
            let into = &mut parts[part_of[part.classes[0] as usize] as usize];
            if part.classes.len() == into.classes.len() {
                *into = part;
            } else {
                into.cycles.extend(part.cycles);
            }
        }
        for cycle in cycles {
            let into = &mut parts[part_of[cycle[0] as usize] as usize];
            into.cycles.push(cycle);
        }
        parts
    }
}

struct Solver<'a> {
    reduced: &'a Reduced,
    mandatory: &'a [bool],
    /// Derivations that together are acyclic: the choice to beat.
    known: Derivations,
    limits: &'a Limits,
    places: Places,
    acyclic: Acyclic,
}

impl Solver<'_> {
    fn solve(&mut self, part: &mut Part, work: &mut Work) -> Answer {
        let open = part.classes.iter();
        let open = open.filter(|&&class| self.reduced.candidates(class).len() > 1);
        work.largest_component = work.largest_component.max(open.count());
        let (mut cost, mut chosen) = self.known_choice(&part.classes);
        let cheapest: u128 = part.classes.iter().map(|&class| self.least(class)).sum();
        let mut answer = Answer {
            chosen: Vec::new(),
            lower: cheapest,
            limited: false,
        };
        let mut left = self.limits.expansions;
        let mut rounds = 0;
        while answer.lower < cost {
            let entries = self.limits.table_entries;
            let mut network = Network::new(
                self.reduced,
                self.mandatory,
                &part.classes,
                &part.cycles,
                entries / 16,
                &mut self.places,
            );
            let buckets = Buckets::new(&mut network, entries);
            let first_look = 2 * network.variables.len() as u64 + 256;
            let early =
                rounds < CUT_ROUNDS.min(CUT_WORK / first_look as usize) && self.reduced.has_cycle();
            let limit = if early { first_look.min(left) } else { left };
            let found = search(
                self.reduced,
                &network,
                &buckets,
                &mut self.acyclic,
                cost,
                limit,
            );
            work.expansions += found.expansions;
            left = left.saturating_sub(found.expansions);
            answer.lower = answer.lower.max(found.lower);
            if let Some((better, choices)) = found.best {
                cost = better;
                chosen = choices;
            }
            answer.limited = found.limited;
            if !found.limited || left == 0 {
                break;
            }
            let known = part.cycles.len();
            for cycle in found.cycles {
                if !part.cycles.contains(&cycle) {
                    part.cycles.push(cycle);
                }
            }
            work.cycle_cuts += part.cycles.len() - known;
            rounds = if part.cycles.len() > known {
                rounds + 1
            } else {
                CUT_ROUNDS
            };
        }
        answer.lower = answer.lower.min(cost);
        answer.limited &= answer.lower < cost;
        answer.chosen = chosen;
        answer
    }

    /// What the class adds to every choice of its part.
    fn least(&self, class: u32) -> u128 {
        if !self.mandatory[class as usize] {
            return 0;
        }
        let costs = self.reduced.candidates(class);
        costs.map(|at| self.reduced.cost(at)).min().unwrap_or(0)
    }

    /// The part's share of the choice that is acyclic by construction, and its cost.
    fn known_choice(&self, classes: &[u32]) -> (u128, Vec<(u32, u32)>) {
        let mut cost = 0;
        let mut chosen = Vec::new();
        let mut present: Vec<bool> = classes
            .iter()
            .map(|&class| self.mandatory[class as usize])
            .collect();
        let mut open: Vec<usize> = (0..classes.len()).filter(|&at| present[at]).collect();
        while let Some(at) = open.pop() {
            let candidate = self.known.candidate[classes[at] as usize];
            cost += self.reduced.cost(candidate);
            chosen.push((classes[at], candidate));
            for child in self.reduced.children(candidate) {
                if self.mandatory[*child as usize] {
                    continue;
                }
                if let Ok(place) = classes.binary_search(child)
                    && !present[place]
                {
                    present[place] = true;
                    open.push(place);
                }
            }
        }
        (cost, chosen)
    }
}
