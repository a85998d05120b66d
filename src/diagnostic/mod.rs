//! What we tell people: severity, code, labels, help; rendered for a terminal or as JSON.
//!
//! In: what a stage found wrong in a user's text, with spans. Out: [`Diagnostic`] values that stages collect, and the texts that the
//! rims show.
//!
//! Invariant: a diagnostic is about the user's text only; failures of files and models are errors of their own stages.
//! Invariant: codes are stable and never reused.

mod closest;
mod code;
mod json;
mod message;
mod terminal;

pub use closest::closest;
pub use code::Code;
pub use json::{json, json_object};
pub use message::{Diagnostic, Label, Role, Severity, has_errors};
pub use terminal::{coloured, excerpt, plain};
