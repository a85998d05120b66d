//! Counting what rules did.
//!
//! In: events of the search and of the application of matches. Out: a [`RuleStatistics`] for each rule.
//! Invariant: a match is counted once, whether it is found from one root or another.

use crate::graph::Name;
use crate::rules::{CompiledVariant, RuleSet};

/// What a rule did in a saturation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleStatistics {
    /// Full name.
    pub rule: Name,
    /// Matches whose guards held.
    pub matches: u64,
    /// Matches that made something equal or new.
    pub applications: u64,
    /// Matches whose replacement was known to be equal already.
    pub no_ops: u64,
    /// Matches that were left alone, because somebody reads what they would erase, or what they add has no place.
    pub refused: u64,
    /// Matches whose replacement could not be computed, because something it rests on is unknown.
    pub unbuilt: u64,
    /// How often each guard said no, in the order of the rule's reasons. A guard is asked as soon as it can be, which may be before
    /// the rest of the pattern is matched.
    pub rejections: Vec<u64>,
    /// Whether the limit on matches was hit.
    pub limited: bool,
}

/// Counters of one saturation.
#[derive(Debug)]
pub(super) struct Counts {
    pub(super) rules: Vec<RuleStatistics>,
    limit: u64,
    /// Lists that had more ways to match than were tried.
    pub(super) ways_cut: u64,
}

impl Counts {
    pub(super) fn new(set: &RuleSet, matches_per_rule: usize) -> Counts {
        Counts {
            rules: set
                .rules()
                .iter()
                .map(|rule| RuleStatistics {
                    rule: rule.name,
                    matches: 0,
                    applications: 0,
                    no_ops: 0,
                    refused: 0,
                    unbuilt: 0,
                    rejections: vec![0; rule.reasons.len()],
                    limited: false,
                })
                .collect(),
            limit: matches_per_rule as u64,
            ways_cut: 0,
        }
    }

    pub(super) fn rule(&mut self, variant: &CompiledVariant) -> &mut RuleStatistics {
        &mut self.rules[variant.rule as usize]
    }

    pub(super) fn rejected(&mut self, variant: &CompiledVariant, reason: usize) {
        self.rule(variant).rejections[reason] += 1;
    }

    pub(super) fn may_match(&mut self, variant: &CompiledVariant) -> bool {
        let limit = self.limit;
        let rule = self.rule(variant);
        rule.limited |= rule.matches >= limit;
        !rule.limited
    }

    pub(super) fn matched(&mut self, variant: &CompiledVariant) {
        self.rule(variant).matches += 1;
    }
}
