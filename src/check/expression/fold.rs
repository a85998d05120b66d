//! Makes resolved expressions shorter where what is known decides.
//!
//! In: an expression whose parts are folded. Out: an equal one.
//! Invariant: folding asks the same evaluator that runs later, so it can never decide otherwise.

use crate::check::evaluate::{Nothing, evaluate};
use crate::check::rule::{Binary, Expr, Function};
use crate::graph::Literal;

/// The expression, folded at its top.
pub(in crate::check) fn fold(expr: Expr) -> Expr {
    let expr = match expr {
        Expr::Literal(_) | Expr::Slot(_) | Expr::Let(_) | Expr::Element(_) | Expr::Setting(_) => {
            return expr;
        }
        Expr::If(condition, yes, no) => match *condition {
            Expr::Literal(Literal::Bool(true)) => return *yes,
            Expr::Literal(Literal::Bool(false)) => return *no,
            condition => Expr::If(Box::new(condition), yes, no),
        },
        Expr::Binary(op @ (Binary::And | Binary::Or), left, right) => {
            // `true and x` is x if x is a truth value; as a condition it is x anyway.
            let neutral = Literal::Bool(op == Binary::And);
            match (&*left, &*right) {
                (Expr::Literal(l), _) if *l == neutral => return *right,
                (_, Expr::Literal(r)) if *r == neutral => return *left,
                _ => Expr::Binary(op, left, right),
            }
        }
        Expr::Call(function @ (Function::All | Function::Any), arguments) => {
            let arguments = without_neutral(function, arguments);
            match arguments.as_slice() {
                [Expr::List(items)] if items.len() == 1 => return items[0].clone(),
                _ => Expr::Call(function, arguments),
            }
        }
        Expr::Index(base, index) => match element(&base, &index) {
            Some(element) => return element,
            None => Expr::Index(base, index),
        },
        other => other,
    };
    match evaluate(&expr, &[], &Nothing).into_literal() {
        Some(literal) => Expr::Literal(literal),
        None => expr,
    }
}

/// The elements of a list or tuple that is written out, or of a literal one.
pub(super) fn elements(expr: &Expr) -> Option<Vec<Expr>> {
    match expr {
        Expr::List(items) | Expr::Tuple(items) => Some(items.clone()),
        Expr::Literal(literal) => {
            let items = literal.items()?;
            Some(items.iter().cloned().map(Expr::Literal).collect())
        }
        _ => None,
    }
}

fn element(base: &Expr, index: &Expr) -> Option<Expr> {
    let Expr::Literal(index) = index else {
        return None;
    };
    let (items, at) = (elements(base)?, index.as_int()?);
    let from_end = if at < 0 { items.len() as i64 } else { 0 };
    let place = usize::try_from(at.checked_add(from_end)?).ok()?;
    items.get(place).cloned()
}

/// Elements that cannot decide `all` or `any` are left out.
fn without_neutral(function: Function, arguments: Vec<Expr>) -> Vec<Expr> {
    let neutral = Expr::Literal(Literal::Bool(function == Function::All));
    match <[Expr; 1]>::try_from(arguments) {
        Ok([Expr::List(items)]) => {
            let left = items.into_iter().filter(|item| !is(item, &neutral));
            vec![Expr::List(left.collect())]
        }
        Ok([other]) => vec![other],
        Err(arguments) => arguments,
    }
}

fn is(a: &Expr, b: &Expr) -> bool {
    matches!((a, b), (Expr::Literal(a), Expr::Literal(b)) if a == b)
}
