//! Instances of rules and keeps, written out.
//!
//! In: a plan and a frame. Out: the variants of an instance, and what is wrong with it.
//! Invariant: each variant is checked alone: its ops fit each other on both sides, and no guard of it is false for certain.

mod build;
mod canonical;
mod conditions;
mod instance;
mod tensors;
mod typing;
mod write;

pub(super) use instance::{instance, keep_patterns};
