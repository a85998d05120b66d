//! Applications of rules that the result does not rest on.
//!
//! In: a saturation, and the applications that the chosen nodes rest on. Out: for each rule how many others it had, and why: with the cost
//! of the best model that takes one of them, as a difference.
//!
//! Invariant: costs are compared as the extractor does: operations first, then bytes of constants.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::egraph::choose::{Choice, Posed, cost_parts};
use crate::egraph::extract::{CandidateId, Limits};
use crate::egraph::{ApplicationId, NodeKind};
use crate::graph::Name;
use crate::pipeline::observe::Acted;

/// Applications of a rule whose cost is computed; those of one rule mostly cost the same.
const PRICED: usize = 8;

/// Applications of a rule that had no part in the result.
#[derive(Clone, Debug, Serialize)]
pub struct Unused {
    /// The rule.
    pub rule: String,
    /// How many there were.
    pub count: usize,
    /// Why, each with how many of them.
    pub why: Vec<Why>,
}

/// Why applications had no part in the result.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum Why {
    /// Taking one costs this much more.
    Cost {
        /// How many were asked.
        count: usize,
        /// Convolutions, matrix products and recurrent layers more, at least, than without.
        products: i64,
        /// Operations more, with as many products more.
        operations: i64,
        /// Bytes of constants more, with as many operations more.
        bytes: i64,
    },
    /// As many more were not asked what they cost.
    NotAsked {
        /// How many.
        count: usize,
    },
    /// What they compute is not needed by anything that could be chosen.
    NotNeeded {
        /// How many.
        count: usize,
    },
    /// They wrote an operator that may not be in a file.
    NotWritable {
        /// How many.
        count: usize,
    },
    /// What they wrote rests on what it would replace.
    Circular {
        /// How many were found to be so.
        count: usize,
    },
    /// They only found values equal that were there before.
    OnlyEqual {
        /// How many.
        count: usize,
    },
}

/// The applications of a saturation that are not among `used`, by rule in the order of the text.
pub(super) fn unused(
    acted: &Acted<'_>,
    choice: &Choice,
    used: &BTreeSet<ApplicationId>,
) -> Vec<Unused> {
    let egraph = &acted.built.egraph;
    let posed = Posed::of(
        egraph,
        acted.candidates,
        &acted.built.skeleton,
        acted.redirect,
        acted.target,
    );
    let mut offered: FxHashMap<ApplicationId, CandidateId> = FxHashMap::default();
    for (candidate, class, node) in posed.candidates() {
        let origin = acted.candidates.origin(node);
        let roots = egraph.application(origin).map(|of| of.roots.iter());
        if roots.is_some_and(|mut roots| roots.any(|&root| egraph.find(root) == class)) {
            offered.entry(origin).or_insert(candidate);
        }
    }
    // For each application that made a node, whether all that it made may be written.
    let mut writable: FxHashMap<ApplicationId, bool> = FxHashMap::default();
    for class in egraph.classes() {
        for node in egraph.nodes(class) {
            let may = match egraph.kind(node) {
                NodeKind::Operator { op, .. } => acted.target.allows(op),
                _ => true,
            };
            *writable
                .entry(acted.candidates.origin(node))
                .or_insert(true) &= may;
        }
    }
    let mut by_rule: IndexMap<Name, Vec<ApplicationId>> = acted
        .rules
        .iter()
        .map(|rule| (rule.name, Vec::new()))
        .collect();
    for id in (1..).map(ApplicationId) {
        let Some(application) = egraph.application(id) else {
            break;
        };
        if !used.contains(&id) {
            by_rule.entry(application.rule).or_default().push(id);
        }
    }
    let mut found = Vec::new();
    for (rule, applications) in by_rule {
        if applications.is_empty() {
            continue;
        }
        let mut why = Vec::new();
        let mut priced: Vec<CandidateId> = Vec::new();
        let (mut not_needed, mut not_writable, mut only_equal, mut circular) = (0, 0, 0, 0);
        for id in &applications {
            match (offered.get(id), writable.get(id)) {
                (Some(&candidate), _) => priced.push(candidate),
                (None, None) => only_equal += 1,
                (None, Some(false)) => not_writable += 1,
                (None, Some(true)) => not_needed += 1,
            }
        }
        let mut best: Option<[i64; 3]> = None;
        let mut asked = 0;
        let all = priced.len();
        for candidate in priced.into_iter().take(PRICED) {
            let limits = Limits {
                expansions: 2_000,
                ..Limits::default()
            };
            let Ok(solution) = posed.cost_taking(candidate, &limits) else {
                circular += 1;
                continue;
            };
            asked += 1;
            let more = |with: u64, without: u64| {
                i64::try_from(i128::from(with) - i128::from(without)).unwrap_or(i64::MAX)
            };
            let (with, without) = (cost_parts(solution.cost), cost_parts(choice.cost));
            let cost = [0, 1, 2].map(|part| more(with[part], without[part]));
            best = Some(best.map_or(cost, |best| best.min(cost)));
        }
        if let Some([products, operations, bytes]) = best {
            why.push(Why::Cost {
                count: asked,
                products,
                operations,
                bytes,
            });
        }
        if all > PRICED {
            why.push(Why::NotAsked {
                count: all - PRICED,
            });
        }
        let others = [
            (not_needed, Why::NotNeeded { count: not_needed }),
            (
                not_writable,
                Why::NotWritable {
                    count: not_writable,
                },
            ),
            (circular, Why::Circular { count: circular }),
            (only_equal, Why::OnlyEqual { count: only_equal }),
        ];
        why.extend(
            others
                .into_iter()
                .filter(|(n, _)| *n > 0)
                .map(|(_, why)| why),
        );
        found.push(Unused {
            rule: rule.to_string(),
            count: applications.len(),
            why,
        });
    }
    found
}
