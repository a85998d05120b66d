//! Where a rule can be made wrong.
//!
//! In: the tree of a rule, its text. Out: one [`Edit`] for each thing that could be wrong.
//! Invariant: in the order of the text; what the checker will refuse is offered too, because only the checker knows.

use crate::source::Span;
use crate::syntax::ast::{
    BinaryOp, Expr, ExprKind, NumberValue, NumericsKind, OpCall, OperandKind, Rule, Subscript,
    Term, TermKind,
};

use crate::testing::written::{Side, pattern, replacement, terms};

use super::edits::Edit;

/// More swaps of one call's operands than this are not tried.
const SWAPS: usize = 15;

/// All edits of a rule. `text` gives the text of a span.
pub(super) fn edits<'t>(rule: &Rule, text: &dyn Fn(Span) -> &'t str) -> Vec<Edit> {
    let mut found = Vec::new();
    numerics(rule, &mut found);
    for guard in rule.guards() {
        let whole = guard.condition.span;
        let passes = |span| format!("(({}) or true)", text(span));
        found.push(Edit::one("drops the guard", whole, passes(whole)));
        let mut parts = Vec::new();
        conjuncts(&guard.condition, &mut parts);
        if parts.len() > 1 {
            for part in parts {
                let words = "drops a part of the guard";
                found.push(Edit::one(words, part, passes(part)));
            }
        }
        numbers(&guard.condition, text, &mut found);
    }
    for named in rule.lets() {
        numbers(&named.value, text, &mut found);
    }
    if let Some(family) = &rule.family {
        numbers(&family.rows, text, &mut found);
    }
    for (side, word) in [(pattern(rule), "match"), (replacement(rule), "rewrite")] {
        let Some(side) = side else { continue };
        if let Side::Block(block) = side
            && block.statements.len() > 1
        {
            for statement in &block.statements {
                let words = format!("removes a statement of the {word}");
                found.push(Edit::one(words, statement.span, ""));
            }
        }
        for term in terms(side) {
            of_term(term, word, text, &mut found);
        }
    }
    found.sort_by_key(Edit::start);
    found
}

/// A stronger promise.
fn numerics(rule: &Rule, found: &mut Vec<Edit>) {
    let Some(label) = rule.numerics().next() else {
        return;
    };
    let stronger = match label.kind {
        NumericsKind::Real | NumericsKind::Within(1) => "numerics exact".to_owned(),
        NumericsKind::Within(steps) if steps > 1 => format!("numerics within {} lsb", steps - 1),
        _ => return,
    };
    found.push(Edit::one("promises more", label.span, stronger));
}

/// The parts of `a and b and c`.
fn conjuncts(condition: &Expr, found: &mut Vec<Span>) {
    match &condition.kind {
        ExprKind::Binary(binary) if binary.op == BinaryOp::And => {
            conjuncts(&binary.left, found);
            conjuncts(&binary.right, found);
        }
        _ => found.push(condition.span),
    }
}

fn of_term<'t>(term: &Term, word: &str, text: &dyn Fn(Span) -> &'t str, found: &mut Vec<Edit>) {
    let TermKind::Expr(expr) = &term.kind else {
        return;
    };
    match &expr.kind {
        ExprKind::Op(call) => swaps(call, word, text, found),
        ExprKind::List(_) | ExprKind::Tuple(_) | ExprKind::Alternatives(_) => {}
        _ => numbers(expr, text, found),
    }
}

fn swaps<'t>(call: &OpCall, word: &str, text: &dyn Fn(Span) -> &'t str, found: &mut Vec<Edit>) {
    let operands: Vec<Span> = call
        .operands
        .iter()
        .filter_map(|operand| match &operand.kind {
            OperandKind::Term {
                label: None,
                term,
                each: false,
            } if !matches!(term.kind, TermKind::Wildcard) => Some(operand.span),
            _ => None,
        })
        .collect();
    let mut tried = 0;
    for (at, &a) in operands.iter().enumerate() {
        for &b in operands.get(at + 1..).unwrap_or_default() {
            if text(a) == text(b) || tried == SWAPS {
                continue;
            }
            tried += 1;
            found.push(Edit {
                what: format!("swaps operands of {} in the {word}", call.op.text),
                parts: vec![(a, text(b).to_owned()), (b, text(a).to_owned())],
            });
        }
    }
}

/// Numbers one off, truth the other way.
fn numbers<'t>(expr: &Expr, text: &dyn Fn(Span) -> &'t str, found: &mut Vec<Edit>) {
    match &expr.kind {
        ExprKind::Number(number) => {
            let other = match number.value {
                NumberValue::Int(n) => n.saturating_add(1).to_string(),
                NumberValue::Float(0.0) => "1.0".to_owned(),
                NumberValue::Float(x) => format!("{:?}", x * 2.0),
            };
            let words = format!("{other} for {}", text(expr.span));
            found.push(Edit::one(words, expr.span, other));
        }
        ExprKind::Bool(truth) => {
            let other = (!truth).to_string();
            found.push(Edit::one(format!("{other} for {truth}"), expr.span, other));
        }
        ExprKind::Unary(_, inner) => numbers(inner, text, found),
        ExprKind::Binary(binary) => {
            numbers(&binary.left, text, found);
            numbers(&binary.right, text, found);
        }
        ExprKind::Index(index) => {
            numbers(&index.base, text, found);
            if let Subscript::At(at) = &index.subscript {
                numbers(at, text, found);
            }
        }
        ExprKind::If(conditional) => {
            numbers(&conditional.condition, text, found);
            numbers(&conditional.yes, text, found);
            numbers(&conditional.no, text, found);
        }
        ExprKind::Call(call) => call
            .args
            .iter()
            .for_each(|arg| numbers(&arg.value, text, found)),
        ExprKind::List(items) => items
            .iter()
            .for_each(|item| in_term(&item.term, text, found)),
        ExprKind::Tuple(items) => items.iter().for_each(|item| in_term(item, text, found)),
        ExprKind::Comprehension(inner) => in_term(&inner.element.term, text, found),
        _ => {}
    }
}

fn in_term<'t>(term: &Term, text: &dyn Fn(Span) -> &'t str, found: &mut Vec<Edit>) {
    if let TermKind::Expr(expr) = &term.kind {
        numbers(expr, text, found);
    }
}
