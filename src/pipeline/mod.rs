//! Load, rewrite, verify, save: the whole job, one step after the other.
//!
//! In: a model and checked rules. Out: a rewritten model and a report.
//! Invariant: what a pipeline does is text under `patterns/`; here are only the steps it can name.

mod attribute;
pub mod compare;
mod count;
mod edit;
mod fetch;
pub mod freeze;
mod held;
mod islands;
pub mod job;
pub mod library;
mod live;
mod norms;
pub mod observe;
mod register;
pub mod report;
mod rewrite;
mod sequences;
mod settings;
mod settle;
mod steps;
mod store;
