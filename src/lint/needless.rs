//! Guards that are true wherever the rest of the rule matches.
//!
//! A guard is needless if, in every variant that still has it, each part of it is said by the pattern (a type that is written, a name
//! compared with itself) or by another guard.

use crate::check::rule::{
    Binary, Constraint, DimPattern, Expr, Function, Pattern, Rule, Slot, Variant,
};
use crate::check::{NEEDLESS_GUARD, expr_text};
use crate::diagnostic::Diagnostic;
use crate::graph::Literal;

use super::named::Rules;

/// A warning for each guard that says nothing.
pub(super) fn needless(rules: &Rules<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for rule in rules.asked() {
        for (number, reason) in rule.reasons.iter().enumerate() {
            if let Some(why) = why_needless(rule, number) {
                let message = format!("this guard of `{}` is always true", rule.name);
                let mut diagnostic = Diagnostic::warning(NEEDLESS_GUARD, message)
                    .primary(reason.span, why.words())
                    .help("remove it; what it says is said already");
                if let Why::Guard(other) = why
                    && let Some(other) = rule.reasons.get(other)
                {
                    diagnostic = diagnostic.secondary(other.span, "here");
                }
                found.push(diagnostic);
            }
        }
    }
    found
}

/// What makes a part of a guard true.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// A type in the pattern.
    Pattern,
    /// Both sides are one.
    Same,
    /// Another guard, by number.
    Guard(usize),
}

impl Why {
    fn words(self) -> &'static str {
        match self {
            Why::Pattern => "the pattern says so",
            Why::Same => "both sides are the same",
            Why::Guard(_) => "another guard says so",
        }
    }
}

/// Why a guard is true wherever the rule matches without it.
fn why_needless(rule: &Rule, number: usize) -> Option<Why> {
    let mut why = None;
    let variants = rule
        .instances
        .iter()
        .flat_map(|instance| &instance.variants);
    for variant in variants {
        for guard in variant.guards.iter().filter(|guard| guard.reason == number) {
            let mut parts = Vec::new();
            conjuncts(&guard.condition, &mut parts);
            for part in parts {
                why = Some(implied(variant, number, part)?);
            }
        }
    }
    why
}

/// The conditions that must all hold.
fn conjuncts<'e>(condition: &'e Expr, into: &mut Vec<&'e Expr>) {
    match condition {
        Expr::Binary(Binary::And, left, right) => {
            conjuncts(left, into);
            conjuncts(right, into);
        }
        other => into.push(other),
    }
}

fn implied(variant: &Variant, number: usize, part: &Expr) -> Option<Why> {
    let text = |expr: &Expr| expr_text(expr, &variant.slots, &variant.lets);
    if let Expr::Binary(Binary::Eq | Binary::Le | Binary::Ge, left, right) = part
        && text(left) == text(right)
        && is_known(left)
    {
        return Some(Why::Same);
    }
    let mut types = Vec::new();
    for root in &variant.roots {
        typed(&root.pattern, &mut types);
    }
    if types.iter().any(|(slot, ty)| says(*slot, ty, part)) {
        return Some(Why::Pattern);
    }
    let wanted = text(part);
    for guard in &variant.guards {
        let mut others = Vec::new();
        conjuncts(&guard.condition, &mut others);
        // Of two guards that say the same, the later one is needless.
        if guard.reason < number && others.iter().any(|other| text(other) == wanted) {
            return Some(Why::Guard(guard.reason));
        }
    }
    None
}

/// Whether an expression is never unknown, so that it is equal to itself.
fn is_known(expr: &Expr) -> bool {
    matches!(expr, Expr::Slot(_) | Expr::Literal(_))
}

/// Values with the types written on them.
fn typed<'p>(pattern: &'p Pattern, into: &mut Vec<(Slot, &'p Constraint)>) {
    match pattern {
        Pattern::Value(slot, Some(constraint)) => into.push((*slot, constraint)),
        Pattern::Apply(apply) => {
            // Types of a list's elements are known of each alone.
            apply
                .operands
                .iter()
                .for_each(|operand| typed(operand, into));
        }
        Pattern::Project { of, .. } => typed(of, into),
        Pattern::Chain { inner, .. } => typed(inner, into),
        _ => {}
    }
}

/// Whether a written type makes a condition true.
fn says(slot: Slot, ty: &Constraint, part: &Expr) -> bool {
    let is_about = |arguments: &[Expr]| matches!(arguments, [Expr::Slot(of)] if *of == slot);
    match part {
        Expr::Call(Function::IsConst, arguments) => ty.constant && is_about(arguments),
        Expr::Binary(op, left, right) => {
            let (call, value) = match (&**left, &**right) {
                (Expr::Call(function, arguments), value)
                | (value, Expr::Call(function, arguments))
                    if is_about(arguments) =>
                {
                    (*function, value)
                }
                _ => return false,
            };
            match (call, op, value) {
                (Function::DType, Binary::Eq, Expr::Literal(Literal::DType(dtype))) => {
                    ty.dtypes == [*dtype]
                }
                (Function::DType, Binary::In, Expr::Literal(list)) => {
                    let items = list.items().unwrap_or_default();
                    let among = |dtype| items.contains(&Literal::DType(dtype));
                    !ty.dtypes.is_empty() && ty.dtypes.iter().all(|&dtype| among(dtype))
                }
                (Function::Rank, Binary::Eq, Expr::Literal(Literal::Int(rank))) => {
                    ty.dims.as_ref().is_some_and(|dims| {
                        let open = dims.iter().any(|dim| matches!(dim, DimPattern::Rest));
                        !open && usize::try_from(*rank) == Ok(dims.len())
                    })
                }
                _ => false,
            }
        }
        _ => false,
    }
}
