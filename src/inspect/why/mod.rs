//! Why a rule matches nothing in a model, or what became of its matches.
//!
//! In: a model, loaded rules, a question. Out: a [`Why`].
//! Invariant: the model is run through the same pipeline as `rulefold optimize`, and nothing of the result is kept.

mod answer;
mod fate;
mod groups;
mod hints;
mod model_nodes;
mod subject;
mod witness;

pub use answer::{MissingOperator, Question, StepWhy, Verdict, Why, WhyError, why};
pub use fate::{Costs, Fate, FateKind};
pub use groups::{Compared, Example, Group, Held, Looked, RulePlace};
pub use model_nodes::{ModelNode, ModelNodes};
pub use subject::{Subject, subject};
pub use witness::{Asked, step_why};
