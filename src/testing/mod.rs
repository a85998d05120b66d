//! Tests that stand in rule files, run.
//!
//! In: a checked library. Out: what became of each test, with the place in the rule file and what was found instead.
//! The way of a test: `given` draws contents for its graph, `act` lets the one rule rewrite it, `judge` holds what came out against what
//! is expected: `canonical` compares graphs, `equal` and `compare` numbers (`recorded` those of models in files), `magnitude` says by what rounding is measured, `shrink` finds the smallest input that shows a difference,
//! `snapshot` reads what was accepted. Pipelines go through `job`. `coverage` says what the tests have not seen, `mutate` whether they
//! would notice if the rule were wrong, `derive` writes tests from the rule itself.
//! Invariant: the same rules, files and seed give the same outcomes.
//! Invariant: beside `cli` and `model` the only module that opens files: those that lie beside rule files.

mod act;
mod canonical;
mod codes;
mod compare;
mod content;
pub mod coverage;
pub mod derive;
mod equal;
mod file;
mod given;
mod job;
mod judge;
mod lines;
mod magnitude;
pub mod mutate;
mod outcome;
mod random;
mod recorded;
pub mod report;
mod run;
mod same_graph;
mod shrink;
mod snapshot;
mod written;

pub use codes::*;
pub use lines::text as difference_text;
pub use lines::{Change, Line};
pub use outcome::{Failure, FailureKind, Outcome, Snapshot};
pub(crate) use random::Random;
pub use run::{Case, Settings, cases, run};
pub use snapshot::accept;
