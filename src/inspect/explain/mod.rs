//! How the nodes of a result came to be: rules, in order, with their source, and the nodes of the model they were made of.
//!
//! In: a run of a pipeline, looked into step by step. Out: for each node of the result its derivation through all steps, and the rules that
//! acted in vain with what taking their work would have cost.
//!
//! Invariant: a derivation names only applications that came before, so following it ends at nodes of the model.

mod answer;
mod page;
mod record;
mod rests;
mod unused;

pub use answer::{Answer, Explanation, Method, NodeAnswer, Original, RuleAnswer, Use, explain};
pub use page::page;
pub use unused::{Unused, Why};
