//! Statements and graphs: the same in patterns, replacements, tests, `rulefold show` and PyTorch's dumps.
//!
//! In: statements and what they nest. Out: what each binds, the term it binds, and the blocks below it.
//!
//! Invariant: ` = op()` and `op()` are the same statement: one that binds nothing.

use super::{Name, Term, Type, Value};
use crate::source::Span;

/// `%a, %b: T = term`, or an op call that binds nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// What it binds; nothing for an effect.
    pub binds: Vec<Bind>,
    /// What is bound. An effect's term is always an op call.
    pub term: Term,
    /// `...` behind the term: what it gives is a list.
    pub each: bool,
    /// PyTorch's `, scope: a/b`.
    pub scope: Option<Scope>,
    /// The blocks of an `If` or `Loop`.
    pub blocks: Vec<Block>,
    /// The whole statement, blocks included.
    pub span: Span,
}

/// A left side: `%x`, `%x...`, `_`, each with or without `: type`.
#[derive(Clone, Debug, PartialEq)]
pub struct Bind {
    /// What is bound.
    pub target: Target,
    /// `...`: a list of values.
    pub each: bool,
    /// Its type, where written.
    pub ty: Option<Type>,
    /// Where it stands.
    pub span: Span,
}

/// A value, or a place where one is not named.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// `%x`
    Value(Value),
    /// `_`
    Wildcard,
}

/// Where a traced op came from, as PyTorch writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Scope {
    /// The text behind `scope:`.
    pub text: String,
    /// Where that stands.
    pub span: Span,
}

/// `block0(%i : int): statements -> (%v)`
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The number in its label.
    pub index: u32,
    /// What it takes.
    pub params: Vec<Param>,
    /// What it does.
    pub statements: Vec<Statement>,
    /// What it gives.
    pub returns: Vec<Value>,
    /// From the label to the closing bracket.
    pub span: Span,
}

/// `%x: T`
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// Its name.
    pub value: Value,
    /// Its type, where written.
    pub ty: Option<Type>,
    /// Where it stands.
    pub span: Span,
}

/// `graph(...) { ... return (%y) }`, or PyTorch's `graph(...): ... return (%y)`
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// Which way it is written.
    pub form: GraphForm,
    /// What it takes.
    pub params: Vec<Param>,
    /// What it does.
    pub statements: Vec<Statement>,
    /// What it gives.
    pub returns: Vec<Value>,
    /// Where it stands.
    pub span: Span,
}

/// The two ways to write a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GraphForm {
    /// Ours, with braces.
    Braces,
    /// PyTorch's, with a colon.
    Colon,
}

impl Statement {
    /// Whether it binds nothing.
    pub fn is_effect(&self) -> bool {
        self.binds.is_empty()
    }

    /// The name that `as` gives to the statement's node: where the term is one op, not a choice.
    pub fn node_tag(&self) -> Option<&Name> {
        let is_node = self.term.as_op().is_some_and(|call| call.repeat.is_none());
        self.term.tag.as_ref().filter(|_| is_node)
    }
}

impl Target {
    /// The value, if one is named.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Target::Value(value) => Some(value),
            Target::Wildcard => None,
        }
    }
}
