//! What an expression is evaluated to, and what it is evaluated in.
//!
//! Invariant: a list or tuple all of whose elements are literals is a literal itself, never `Val::List` or `Val::Tuple`.

use std::convert::Infallible;
use std::sync::Arc;

use super::Term;
use crate::check::rule::{Function, Slot};
use crate::graph::{DType, Literal, Name};

/// The value of an expression.
#[derive(Clone, PartialEq, Debug)]
pub enum Val<V> {
    /// A literal.
    Literal(Literal),
    /// A value of the graph.
    Value(V),
    /// A list that holds values of the graph, or elements that are not known.
    List(Vec<Val<V>>),
    /// A tuple that holds such.
    Tuple(Vec<Val<V>>),
    /// A constant tensor that is computed when somebody wants it.
    Tensor(Arc<Term<V>>),
    /// Not known.
    Unknown,
}

/// What an expression may look at.
pub trait Scope {
    /// A value of the graph.
    type Value: Clone + PartialEq;

    /// What a slot holds. A bare name is a [`Val::Literal`]; an element type, where the slot says so, is a [`Literal::DType`].
    fn slot(&self, slot: Slot) -> Val<Self::Value>;

    /// A setting or `let` of a pipeline.
    fn setting(&self, _name: Name) -> Val<Self::Value> {
        Val::Unknown
    }

    /// The literal that a value is.
    fn literal(&self, value: &Self::Value) -> Option<Literal>;

    /// The elements of a value that is a list or tuple, if they are known.
    fn elements(&self, _value: &Self::Value) -> Option<Vec<Val<Self::Value>>> {
        None
    }

    /// Element type and sizes of a value that is a constant tensor.
    fn tensor(&self, _value: &Self::Value) -> Option<(DType, Vec<i64>)> {
        None
    }

    /// Whether two values that are not both literals are equal: the same value, or equal constants. `None` if they might become so.
    fn same(&self, a: &Self::Value, b: &Self::Value) -> Option<bool>;

    /// Whether a value that is no literal is equal to one; `Some(false)` if it certainly is not, as a tensor is not `none`.
    fn same_as_literal(&self, _value: &Self::Value, _literal: &Literal) -> Option<bool> {
        None
    }

    /// Names of the model's methods; only the steps of a pipeline know.
    fn methods(&self) -> Option<Vec<Name>> {
        None
    }

    /// Names of the root's attributes; only the steps of a pipeline know.
    fn attributes(&self) -> Option<Vec<Name>> {
        None
    }

    /// A fact about a value: one of the functions of which [`Function::is_about_values`] is true.
    fn fact(&self, function: Function, value: &Self::Value) -> Val<Self::Value>;
}

/// The scope in which nothing is known: for constants.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Scope for Nothing {
    type Value = Infallible;

    fn slot(&self, _slot: Slot) -> Val<Infallible> {
        Val::Unknown
    }

    fn literal(&self, value: &Infallible) -> Option<Literal> {
        match *value {}
    }

    fn same(&self, a: &Infallible, _b: &Infallible) -> Option<bool> {
        match *a {}
    }

    fn fact(&self, _function: Function, value: &Infallible) -> Val<Infallible> {
        match *value {}
    }
}

impl<V> Val<V> {
    /// A truth value, or unknown.
    pub fn truth(truth: Option<bool>) -> Val<V> {
        truth.map_or(Val::Unknown, |truth| Val::Literal(Literal::Bool(truth)))
    }

    /// Whether it is certainly true: what a guard asks.
    pub fn is_true(&self) -> bool {
        matches!(self, Val::Literal(Literal::Bool(true)))
    }

    /// A literal, or unknown.
    pub fn literal(literal: Option<Literal>) -> Val<V> {
        literal.map_or(Val::Unknown, Val::Literal)
    }

    /// The literal, if it is one already; values of the graph are not asked.
    pub fn into_literal(self) -> Option<Literal> {
        match self {
            Val::Literal(literal) => Some(literal),
            _ => None,
        }
    }

    /// A list of these.
    pub fn list(items: Vec<Val<V>>) -> Val<V> {
        match literals(&items) {
            Some(all) => Val::Literal(Literal::list(all)),
            None => Val::List(items),
        }
    }

    /// A tuple of these.
    pub fn tuple(items: Vec<Val<V>>) -> Val<V> {
        match literals(&items) {
            Some(all) => Val::Literal(Literal::Tuple(all.into())),
            None => Val::Tuple(items),
        }
    }
}

fn literals<V>(items: &[Val<V>]) -> Option<Vec<Literal>> {
    items
        .iter()
        .map(|item| match item {
            Val::Literal(literal) => Some(literal.clone()),
            _ => None,
        })
        .collect()
}
