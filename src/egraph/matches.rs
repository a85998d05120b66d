//! The matches of one round, packed.
//!
//! In: bounds as the search finds them. Out: the same, each match once, in the order they were found.
//! Invariant: two matches of one variant with the same slots and roots are one.

use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHasher};
use smallvec::SmallVec;

use super::binding::Bound;
use super::language::{Class, Node};

/// Matches in flat arrays.
#[derive(Debug, Default)]
pub(super) struct Matches {
    list: Vec<Match>,
    /// Of each match its slots, then its roots; lists lie behind, with ranges that count from here.
    pool: Vec<Bound>,
    /// Nodes that a match finds equal to a variable: match, root, node.
    subsumed: Vec<(u32, Node)>,
    known: FxHashMap<u64, SmallVec<[u32; 1]>>,
}

/// One match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    pub(super) variant: u32,
    start: u32,
    slots: u32,
    roots: u32,
    end: u32,
}

impl Matches {
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.pool.clear();
        self.subsumed.clear();
        self.known.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Adds a match whose lists lie in `items`; whether it is new.
    pub(super) fn add(
        &mut self,
        variant: u32,
        bound: impl Iterator<Item = Bound>,
        roots: impl Iterator<Item = Class>,
        subsumed: impl Iterator<Item = Option<Node>>,
        items: &[Bound],
    ) -> bool {
        let start = self.pool.len();
        self.pool.extend(bound);
        let slots = self.pool.len() - start;
        self.pool.extend(roots.map(Bound::Class));
        let roots = self.pool.len() - start - slots;
        for at in start..start + slots {
            self.pool[at] = self.copy(self.pool[at], start, items);
        }
        let mut hasher = FxHasher::default();
        (variant, &self.pool[start..]).hash(&mut hasher);
        let same = self.known.entry(hasher.finish()).or_default();
        let is_known = same.iter().any(|&at| {
            let other = self.list[at as usize];
            other.variant == variant
                && self.pool[other.start as usize..other.end as usize] == self.pool[start..]
        });
        if is_known {
            self.pool.truncate(start);
            return false;
        }
        let number = self.list.len() as u32;
        same.push(number);
        self.list.push(Match {
            variant,
            start: start as u32,
            slots: slots as u32,
            roots: roots as u32,
            end: self.pool.len() as u32,
        });
        self.subsumed
            .extend(subsumed.flatten().map(|node| (number, node)));
        true
    }

    /// Copies a list behind the match, its range counted from the match's start.
    fn copy(&mut self, bound: Bound, start: usize, items: &[Bound]) -> Bound {
        let Some(list) = bound.items(items) else {
            return bound;
        };
        let copied: SmallVec<[Bound; 8]> = list
            .iter()
            .map(|&item| self.copy(item, start, items))
            .collect();
        let from = self.pool.len() - start;
        self.pool.extend(copied);
        Bound::List {
            start: from as u32,
            len: list.len() as u32,
        }
    }

    pub(super) fn get(&self, at: usize) -> Match {
        self.list[at]
    }

    /// Slots, roots, then lists of a match. Ranges of lists count from the start of this.
    pub(super) fn bounds(&self, of: Match) -> &[Bound] {
        &self.pool[of.start as usize..of.end as usize]
    }

    /// The root classes of a match.
    pub(super) fn roots(&self, of: Match) -> impl Iterator<Item = Class> + '_ {
        let start = (of.start + of.slots) as usize;
        let roots = &self.pool[start..start + of.roots as usize];
        roots.iter().filter_map(|root| root.class())
    }

    /// The nodes that a match finds equal to a variable.
    pub(super) fn subsumed(&self, at: usize) -> impl Iterator<Item = &Node> + '_ {
        let at = at as u32;
        let from = self.subsumed.partition_point(|(of, _)| *of < at);
        self.subsumed[from..]
            .iter()
            .take_while(move |(of, _)| *of == at)
            .map(|(_, node)| node)
    }
}
