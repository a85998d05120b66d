//! Which part of a guard is not true, with the values on both sides.
//!
//! In: a guard, a match. Out: a [`GuardPart`].
//! Invariant: the part named is not true at the match, and making it true is needed for the guard.

use crate::check::evaluate::{Val, evaluate};
use crate::check::expr_text;
use crate::check::rule::{Binary, Expr};
use crate::graph::text::LiteralText;
use crate::rules::CompiledVariant;

use super::classes::EGraph;
use super::language::Class;
use super::scope::{MatchScope, Slots};

/// The part of a guard that is not true.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GuardPart {
    /// What it says: `dtype(%x) == quint8`.
    pub text: String,
    /// For a comparison, both sides: what each says, and its value.
    pub sides: Option<[(String, String); 2]>,
    /// Whether it is not known rather than false.
    pub is_unknown: bool,
}

/// The first part of a guard that is not true.
pub(super) fn failing_part<S: Slots>(
    guard: &Expr,
    variant: &CompiledVariant,
    scope: &MatchScope<'_, S>,
) -> GuardPart {
    let value = |expr: &Expr| evaluate(expr, &variant.lets, scope);
    let mut part = guard;
    loop {
        part = match part {
            Expr::Binary(Binary::And, left, right) => {
                if value(left).is_true() {
                    right
                } else {
                    left
                }
            }
            Expr::Let(index) => match variant.lets.get(*index as usize) {
                Some(named) => &named.value,
                None => break,
            },
            _ => break,
        };
    }
    let text = |expr: &Expr| expr_text(expr, &variant.slots, &variant.lets);
    let side = |expr: &Expr| (text(expr), scope.graph.val_text(&value(expr)));
    let sides = match part {
        Expr::Binary(op, left, right)
            if !matches!(
                op,
                Binary::And | Binary::Or | Binary::Add | Binary::Sub | Binary::Mul | Binary::Div
            ) =>
        {
            Some([side(left), side(right)])
        }
        _ => None,
    };
    GuardPart {
        text: text(part),
        sides,
        is_unknown: value(part) == Val::Unknown,
    }
}

impl EGraph {
    /// A value of an expression, for messages.
    fn val_text(&self, value: &Val<Class>) -> String {
        let list = |items: &[Val<Class>]| {
            let texts: Vec<String> = items.iter().map(|item| self.val_text(item)).collect();
            texts.join(", ")
        };
        match value {
            Val::Literal(literal) => LiteralText(literal).to_string(),
            Val::Value(class) => self.facts_text(*class),
            Val::List(items) => format!("[{}]", list(items)),
            Val::Tuple(items) => format!("({})", list(items)),
            Val::Tensor(term) => format!("a computed Tensor<{}, {:?}>", term.dtype, term.sizes),
            Val::Unknown => "not known".to_owned(),
        }
    }
}
