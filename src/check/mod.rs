//! Trees to checked rules: names, arity, types, instances.
//!
//! In: the trees of rule files, and the operator catalogue. Out: a [`Library`] of rules, keeps, pipelines and tests, and diagnostics.
//! The way of a rule: `plan` puts its clauses in their places and looks at its names, `family` writes out its instances, `pattern` finds
//! the concrete patterns of one, `variants` joins them with what is written; `expression` and [`evaluate`] serve all of them.
//! Invariant: what is in the library is right; who uses it never looks at a tree again.
//! Invariant: one mistake gives one diagnostic, wherever it shows.

mod codes;
mod declared;
pub mod evaluate;
mod expression;
mod family;
pub mod graph;
mod items;
mod library;
mod mentions;
mod modules;
mod notes;
mod pattern;
pub mod pipeline;
mod pipelines;
mod plan;
pub mod rule;
mod run;
mod show;
mod sink;
mod step;
mod trials;
mod variants;
mod written;

pub use codes::*;
pub use library::{Item, Library, ModuleInfo, ModuleSource, Test, Trial};
pub use run::{check, literal};
pub use show::expr_text;
