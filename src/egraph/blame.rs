//! Naming the rule behind two facts that disagree.
//!
//! In: a contradiction that the analysis met. Out: a [`Disagreement`] that says which application made values equal that differ.
//! Invariant: the rule named took part in the merge; where several did, it is the one nearest to the values that disagree.

use std::fmt;

use crate::graph::Name;

use super::analysis::Contradiction;
use super::classes::EGraph;
use super::join::Clash;
use super::language::Class;
use super::provenance::ApplicationId;

/// Two facts about one class that cannot both be true: a rule made two values equal that are not.
#[derive(Clone, Debug, thiserror::Error)]
pub struct Disagreement {
    /// What disagrees.
    pub clash: Clash,
    /// The application that made it so.
    pub application: ApplicationId,
    /// The rule of that application; `None` where the model itself disagrees with the catalogue.
    pub rule: Option<Name>,
    /// Operators of the class.
    pub at: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule {
            Some(rule) => write!(f, "rule {rule} makes values equal that differ: ")?,
            None => f.write_str("the model contradicts itself: ")?,
        }
        write!(f, "{} at {}", self.clash, self.at)
    }
}

impl EGraph {
    /// Names the application behind a contradiction. One that shows while congruence is restored is traced downwards from the nodes
    /// that became equal to operands that an application had merged.
    pub(super) fn blame(&self, contradiction: Contradiction) -> Disagreement {
        let provenance = &self.inner.analysis.provenance;
        let merged_by = |class: Class| {
            let class = self.find(class);
            let merged = provenance.merged.iter().rev();
            merged
                .filter(|(_, _, application)| *application != ApplicationId::IMPORT)
                .find(|(a, _, _)| self.find(*a) == class)
                .map(|(_, _, application)| *application)
        };
        let mut application = contradiction.during;
        if application == ApplicationId::IMPORT {
            const REACH: usize = 1000;
            let mut queue: Vec<Class> = contradiction
                .pair
                .into_iter()
                .flat_map(|(a, b)| [a, b])
                .collect();
            let mut at = 0;
            while at < queue.len().min(REACH) {
                if let Some(found) = merged_by(queue[at]) {
                    application = found;
                    break;
                }
                queue.extend(&self.inner.id_to_node(queue[at]).children);
                at += 1;
            }
        }
        if application == ApplicationId::IMPORT
            && let Some((_, _, last)) = provenance.merged.last()
        {
            application = *last;
        }
        let at = contradiction
            .pair
            .map(|(a, _)| self.describe(a))
            .unwrap_or_default();
        Disagreement {
            clash: contradiction.clash,
            application,
            rule: provenance.get(application).map(|a| a.rule),
            at,
        }
    }
}
