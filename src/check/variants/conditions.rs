//! Guards and lets of a variant.
//!
//! In: clauses as written, the names of the variant. Out: what must be looked at when it runs.
//! Invariant: a guard that cannot become true removes the variant; one that is always true is gone.

use crate::check::codes::TYPE_MISMATCH;
use crate::check::expression::{Key, Resolver};
use crate::check::plan::Plan;
use crate::check::rule::{Expr, Guard, Let};
use crate::check::sink::Checked;
use crate::diagnostic::Diagnostic;
use crate::graph::text::LiteralText;
use crate::graph::{Literal, Name};
use crate::syntax::ast;

/// Binds the lets of a rule; those that are not known now are computed when the rule runs.
pub(super) fn lets<'a>(resolver: &mut Resolver<'_, 'a>, plan: &Plan<'a>) -> Checked<Vec<Let>> {
    let mut kept = Vec::new();
    for named in &plan.lets {
        let value = resolver.resolve(&named.value)?;
        let value = match value {
            known @ (Expr::Literal(_) | Expr::Slot(_) | Expr::Let(_)) => known,
            computed => {
                kept.push(Let {
                    name: Name::new(&named.name.text),
                    value: computed,
                });
                Expr::Let(kept.len() as u32 - 1)
            }
        };
        resolver.bind(Key::bare(&named.name.text), value);
    }
    Ok(kept)
}

/// The guards that are left, or the first one that is false.
pub(super) fn guards<'a>(
    resolver: &mut Resolver<'_, 'a>,
    plan: &Plan<'a>,
) -> Checked<Result<Vec<Guard>, usize>> {
    let mut kept = Vec::new();
    for (reason, guard) in plan.guards.iter().enumerate() {
        match decided(resolver, guard)? {
            Decided::Always => {}
            Decided::Never => return Ok(Err(reason)),
            Decided::Later(condition) => kept.push(Guard { condition, reason }),
        }
    }
    Ok(Ok(kept))
}

/// What is known of a guard.
pub(super) enum Decided {
    Always,
    Never,
    Later(Expr),
}

/// What is known of a guard with the names around it.
pub(super) fn decided<'a>(
    resolver: &mut Resolver<'_, 'a>,
    guard: &'a ast::Guard,
) -> Checked<Decided> {
    match resolver.resolve(&guard.condition)? {
        Expr::Literal(Literal::Bool(true)) => Ok(Decided::Always),
        Expr::Literal(Literal::Bool(false)) => Ok(Decided::Never),
        Expr::Literal(other) => resolver.stop(
            Diagnostic::error(
                TYPE_MISMATCH,
                format!("a guard is true or false, not {}", LiteralText(&other)),
            )
            .primary(guard.condition.span, "here")
            .help("compare it with something"),
        ),
        // Nothing that runs later can make it known.
        closed if is_closed(&closed) => Ok(Decided::Never),
        later => Ok(Decided::Later(later)),
    }
}

/// Whether the expression looks at nothing that a match or a setting gives.
fn is_closed(expr: &Expr) -> bool {
    let maybe = |e: &Option<Box<Expr>>| e.as_deref().is_none_or(is_closed);
    match expr {
        Expr::Slot(_) | Expr::Let(_) | Expr::Setting(_) => false,
        Expr::Literal(_) | Expr::Element(_) => true,
        Expr::List(items) | Expr::Tuple(items) | Expr::Call(_, items) => {
            items.iter().all(is_closed)
        }
        Expr::Comprehension {
            element,
            over,
            condition,
        } => is_closed(element) && is_closed(over) && maybe(condition),
        Expr::If(a, b, c) => is_closed(a) && is_closed(b) && is_closed(c),
        Expr::Not(a) | Expr::Negate(a) => is_closed(a),
        Expr::Binary(_, a, b) | Expr::Index(a, b) => is_closed(a) && is_closed(b),
        Expr::Slice(a, b, c) => is_closed(a) && maybe(b) && maybe(c),
    }
}
