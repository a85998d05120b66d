//! Cycles of a choice: found while it is made, or in a choice already made.
//!
//! In: candidates chosen one after another, or a whole choice. Out: the cycles that a choice closes, as classes each of which chose a
//! candidate that needs the next one, the last one the first.
//!
//! Invariant: classes on no cycle of the problem cost nothing here.

use super::network::NONE;
use super::reduced::Reduced;

/// A choice that grows and shrinks and never has a cycle.
#[derive(Debug)]
pub(super) struct Acyclic {
    chosen: Vec<u32>,
    seen: Vec<u32>,
    stamp: u32,
    via: Vec<u32>,
    open: Vec<u32>,
    /// Classes walked through so far, for a limit that counts work.
    pub steps: u64,
}

impl Acyclic {
    /// Nothing chosen.
    pub fn new(reduced: &Reduced) -> Acyclic {
        let classes = if reduced.has_cycle() {
            reduced.class_count()
        } else {
            0
        };
        Acyclic {
            chosen: vec![NONE; classes],
            seen: vec![0; classes],
            stamp: 0,
            via: vec![NONE; classes],
            open: Vec::new(),
            steps: 0,
        }
    }

    /// Chooses a candidate for a class without one; or chooses nothing and says what cycle that would have closed.
    pub fn choose(
        &mut self,
        reduced: &Reduced,
        class: u32,
        candidate: u32,
    ) -> Result<(), Vec<u32>> {
        if !reduced.in_cycle(class) {
            return Ok(());
        }
        self.stamp += 1;
        self.open.clear();
        self.open.push(class);
        while let Some(at) = self.open.pop() {
            let from = if at == class {
                candidate
            } else {
                self.chosen[at as usize]
            };
            if from == NONE {
                continue;
            }
            self.steps += 1;
            for &child in reduced.children(from) {
                if child == class {
                    return Err(self.path(class, at));
                }
                if reduced.same_group(class, child) && self.seen[child as usize] != self.stamp {
                    self.seen[child as usize] = self.stamp;
                    self.via[child as usize] = at;
                    self.open.push(child);
                }
            }
        }
        self.chosen[class as usize] = candidate;
        Ok(())
    }

    /// Chooses a candidate that is part of every choice, so that no cycle need be looked for.
    pub fn fix(&mut self, reduced: &Reduced, class: u32, candidate: u32) {
        if reduced.in_cycle(class) {
            self.chosen[class as usize] = candidate;
        }
    }

    /// Takes a choice back.
    pub fn release(&mut self, reduced: &Reduced, class: u32) {
        if reduced.in_cycle(class) {
            self.chosen[class as usize] = NONE;
        }
    }

    fn path(&self, first: u32, last: u32) -> Vec<u32> {
        let mut path = vec![last];
        let mut at = last;
        while at != first {
            at = self.via[at as usize];
            path.push(at);
        }
        path.reverse();
        path
    }
}

/// Cycles of a whole choice below the roots, one for each edge that closes one in a walk; none if and only if it is acyclic.
pub(super) fn cycles_of(reduced: &Reduced, chosen: &[u32]) -> Vec<Vec<u32>> {
    const DONE: u32 = u32::MAX;
    let mut cycles = Vec::new();
    if !reduced.has_cycle() {
        return cycles;
    }
    // Depth on the path plus one while a class is open.
    let mut mark = vec![0u32; reduced.class_count()];
    let mut path: Vec<(u32, &[u32])> = Vec::new();
    for &root in &reduced.roots {
        let mut enter = (mark[root as usize] == 0).then_some(root);
        loop {
            if let Some(class) = enter.take() {
                path.push((class, reduced.children(chosen[class as usize])));
                mark[class as usize] = path.len() as u32;
            }
            let Some((class, rest)) = path.last_mut() else {
                break;
            };
            match rest.split_first() {
                Some((&child, others)) => {
                    *rest = others;
                    match mark[child as usize] {
                        0 => enter = Some(child),
                        DONE => {}
                        depth => {
                            let closed = &path[depth as usize - 1..];
                            cycles.push(closed.iter().map(|&(class, _)| class).collect());
                        }
                    }
                }
                None => {
                    mark[*class as usize] = DONE;
                    path.pop();
                }
            }
        }
    }
    cycles
}
