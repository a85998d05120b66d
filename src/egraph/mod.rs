//! The e-graph: build, saturate, extract, provenance. egg lives here and nowhere else.
//!
//! In: a graph and compiled rules. Out: an equal graph that costs least, and what it rests on.
//! Invariant: values only; effects stay in an ordered list outside, with the classes they read as roots.

mod analysis;
mod apply;
mod attempt;
mod binding;
mod blame;
pub mod build;
mod candidates;
pub mod choose;
mod classes;
mod computed;
pub mod extract;
mod fold;
mod guard_text;
mod infer;
mod intern;
mod join;
mod keep;
mod language;
mod link;
mod matches;
mod miss;
mod near_miss;
mod pattern;
mod perform;
pub mod place;
mod provenance;
mod replace;
mod restriction;
mod roots;
mod saturate;
mod scope;
mod search;
mod statistics;
mod structure;
mod truth;
mod typed;
mod watch;

pub use attempt::{Attempt, Capture, Met, MetKind, Missing, attempt_with, attempts};
pub use binding::Bound;
pub use blame::Disagreement;
pub use candidates::Candidates;
pub use classes::EGraph;
pub use guard_text::GuardPart;
pub use intern::LiteralId;
pub use join::Clash;
pub use language::{AttributesId, Class, Head, LeafId, Node, NodeKind};
pub use miss::Miss;
pub use near_miss::{NearMiss, matching, near_misses};
pub use provenance::{Application, ApplicationId};
pub use replace::{Replaced, replace};
pub use restriction::Restriction;
pub use saturate::{SaturateError, SaturationLimits, SaturationReport, Stop, saturate};
pub use statistics::RuleStatistics;
pub use truth::truth;

#[cfg(test)]
mod tests;
