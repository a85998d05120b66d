//! What cannot stand on a side that is written: nothing there may be open.
//!
//! In: the written side of a rule. Out: a diagnostic for each place that only a pattern may have.

use super::codes::PATTERN_ONLY;
use super::expression::Context;
use super::plan::Side;
use super::sink::{Checked, Stop};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::ast::{self, AttrKind, ExprKind, OperandKind, TermKind};

/// Refuses what only a pattern may have.
pub(super) fn check(cx: &Context<'_>, side: Side<'_>) -> Checked<()> {
    let mut found = Vec::new();
    match side {
        Side::Term(one) => term(one, &mut found),
        Side::Statements(block) => {
            for statement in &block.statements {
                if let Some(bind) = statement.binds.iter().find_map(|bind| bind.ty.as_ref()) {
                    found.push((bind.span, "a type", "types are known from the ops"));
                }
                term(&statement.term, &mut found);
            }
        }
        Side::Nothing(_) => {}
    }
    for (span, what, help) in &found {
        cx.sink.tell(
            Diagnostic::error(
                PATTERN_ONLY,
                format!("{what} cannot stand on a side that is written"),
            )
            .primary(*span, "the new graph must be complete")
            .help(*help),
        );
    }
    if found.is_empty() { Ok(()) } else { Err(Stop) }
}

type Found = Vec<(Span, &'static str, &'static str)>;

fn term(term: &ast::Term, found: &mut Found) {
    match &term.kind {
        TermKind::Wildcard => found.push((term.span, "`_`", "name the value in the match")),
        TermKind::Typed(_, ty) => {
            found.push((ty.span, "a type", "types are known from the ops"));
        }
        TermKind::Expr(inner) => expr(inner, found),
    }
    if let Some(tag) = &term.tag {
        found.push((tag.span, "`as`", "name the result in a statement instead"));
    }
}

fn expr(expr_: &ast::Expr, found: &mut Found) {
    match &expr_.kind {
        ExprKind::Op(call) => op(call, found),
        ExprKind::Alternatives(branches) => match branches.as_slice() {
            [only] if only.label.is_none() => term(&only.term, found),
            _ => found.push((expr_.span, "a choice", "write `if c then a else b`")),
        },
        ExprKind::If(conditional) => {
            expr(&conditional.yes, found);
            expr(&conditional.no, found);
        }
        ExprKind::List(items) => items.iter().for_each(|item| term(&item.term, found)),
        ExprKind::Tuple(items) => items.iter().for_each(|item| term(item, found)),
        _ => {}
    }
}

fn op(call: &ast::OpCall, found: &mut Found) {
    if call.repeat.is_some() {
        let span = Span::at(call.op.span.source, call.op.span.end as usize);
        found.push((
            call.op.span.to(span),
            "an op with `?`, `*` or `+`",
            "write `if tag then ... else ...`, with the tag the match gives it by `as`",
        ));
    }
    for attr in &call.attrs {
        match &attr.kind {
            AttrKind::Rest => found.push((attr.span, "`..`", "bind the others as `[rest...]`")),
            AttrKind::Is { value, .. } => term(value, found),
            AttrKind::Bundle { .. } | AttrKind::Name(_) | AttrKind::Verbatim { .. } => {}
        }
    }
    for operand in &call.operands {
        match &operand.kind {
            OperandKind::Rest => found.push((
                operand.span,
                "`..`",
                "bind the others in the match, `args...`, and write them",
            )),
            OperandKind::Term { term: one, .. } => term(one, found),
        }
    }
}
