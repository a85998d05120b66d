//! Pipelines and tests.
//!
//! In: `pipeline` and `test` items, and tests inside rules. Out: steps, and what is given and expected.
//!
//! Invariant: which steps and settings exist is for `check`; a step's name may be another pipeline's.

use super::{Call, Expr, Graph, Let, Name, Path, Text};
use crate::source::Span;

/// `pipeline name(settings) { steps }`
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// Its name.
    pub name: Name,
    /// What the caller may set.
    pub settings: Vec<Setting>,
    /// What it does, in order.
    pub steps: Vec<Step>,
    /// The whole item, from its word.
    pub span: Span,
}

/// `name = default`
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its name.
    pub name: Name,
    /// What it is unless set; without one it must be set.
    pub default: Option<Expr>,
    /// Where it stands.
    pub span: Span,
}

/// A step of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// `let name = EXPR`
    Let(Let),
    /// `if EXPR { steps }`
    If(StepIf),
    /// `saturate(...)`, `static(keep)`, ...
    Call(Call),
}

/// `if condition { steps }`
#[derive(Clone, Debug, PartialEq)]
pub struct StepIf {
    /// What is asked.
    pub condition: Expr,
    /// What is done if it is true.
    pub steps: Vec<Step>,
    /// Where it stands.
    pub span: Span,
}

/// `test "name" of rule[D = 2] { given ... expect ... }`
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// What it shows.
    pub name: Text,
    /// The rule or pipeline; none for a test inside a rule.
    pub of: Option<Path>,
    /// The instance it is for; all of them, if empty.
    pub instance: Vec<Binding>,
    /// What goes in.
    pub given: Given,
    /// What must come out; at least one.
    pub expects: Vec<Expect>,
    /// The whole test, from its word.
    pub span: Span,
}

/// `D = 2`
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The template parameter.
    pub name: Name,
    /// Its value.
    pub value: Expr,
    /// Where it stands.
    pub span: Span,
}

/// What a test starts from.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// `given graph(...) ...`
    Graph(Graph),
    /// `given file "..."`
    File(Text),
}

/// `expect ...`
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// What is expected.
    pub kind: ExpectKind,
    /// Where it stands.
    pub span: Span,
}

/// What a test may expect.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpectKind {
    /// This graph.
    Graph(Graph),
    /// `no match because "reason"`
    NoMatch(Option<Text>),
    /// `applied == n`
    Applied(Comparison, i64),
    /// `snapshot`
    Snapshot,
    /// `equal`: the same numbers, by the rule's label.
    Equal,
    /// `error "text"`
    Error(Text),
}

/// How a count is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
}
