//! The entries of `constants.pkl`, numbered as code refers to them.
//!
//! In: the entries that text refers to, then constants in the order of printing. Out: references, and the entries at last.
//! Invariant: one constant has one number; entries that were read keep theirs.

use rustc_hash::FxHashMap;

use crate::graph::{AttributeValue, ConstantId};

/// Entries by number.
pub(super) struct ConstantTable {
    entries: Vec<AttributeValue>,
    numbers: FxHashMap<ConstantId, usize>,
}

impl ConstantTable {
    pub(super) fn new(entries: &[AttributeValue]) -> ConstantTable {
        let mut numbers = FxHashMap::default();
        for (number, entry) in entries.iter().enumerate() {
            if let AttributeValue::Constant(id) = entry {
                numbers.entry(*id).or_insert(number);
            }
        }
        ConstantTable {
            entries: entries.to_vec(),
            numbers,
        }
    }

    /// `CONSTANTS.c3`.
    pub(super) fn reference(&mut self, id: ConstantId) -> String {
        let number = *self.numbers.entry(id).or_insert_with(|| {
            self.entries.push(AttributeValue::Constant(id));
            self.entries.len() - 1
        });
        format!("CONSTANTS.c{number}")
    }

    pub(super) fn entries(&self) -> &[AttributeValue] {
        &self.entries
    }
}
