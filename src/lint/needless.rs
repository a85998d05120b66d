//! Guards that are true wherever the rest of the rule matches, and rules of which no variant can match.
//!
//! A guard is needless if it never removed a way to match, and if, in every variant that still has it, each part of it is said by the
//! pattern (a type that is written, a literal, what an operator makes, a name compared with itself) or by a guard before it.
//! A rule never matches if each way to match has a guard that is false there whatever a model holds.

use crate::check::rule::{
    Binary, Constraint, DimPattern, Expr, Function, Pattern, Rule, Slot, Variant,
};
use crate::check::{NEEDLESS_GUARD, NEVER_MATCHES, expr_text};
use crate::diagnostic::Diagnostic;
use crate::graph::Literal;
use crate::ops::Catalogue;

use super::general::General;
use super::named::Rules;

/// A warning for each guard that says nothing, and for each rule that one keeps from matching.
pub(super) fn needless(rules: &Rules<'_>, catalogue: &Catalogue) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for rule in rules.asked() {
        let never = never(rule, catalogue);
        if let Some((first, others)) = never.split_first() {
            let message = format!("`{}` never matches", rule.name);
            let mut diagnostic = Diagnostic::warning(NEVER_MATCHES, message)
                .primary(
                    rule.reasons[*first].span,
                    "this guard is false wherever the rest of the rule matches",
                )
                .help("demand something that can be, or remove the rule");
            for &other in others {
                diagnostic = diagnostic.secondary(rule.reasons[other].span, "and so is this one");
            }
            found.push(diagnostic);
            continue;
        }
        for (number, reason) in rule.reasons.iter().enumerate() {
            if let Some(why) = why_needless(rule, number, catalogue) {
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
    /// Names that are known without a model.
    Known,
    /// The pattern.
    Pattern,
    /// Both sides are one.
    Same,
    /// Another guard, by number.
    Guard(usize),
}

impl Why {
    fn words(self) -> &'static str {
        match self {
            Why::Known => "it is true for each way to match, whatever a model holds",
            Why::Pattern => "the pattern says so",
            Why::Same => "both sides are the same",
            Why::Guard(_) => "another guard says so",
        }
    }
}

fn variants(rule: &Rule) -> impl Iterator<Item = &Variant> {
    let instances = rule.instances.iter();
    instances.flat_map(|instance| &instance.variants)
}

/// Why a guard is true wherever the rule matches without it.
fn why_needless(rule: &Rule, number: usize, catalogue: &Catalogue) -> Option<Why> {
    let removed = rule
        .instances
        .iter()
        .any(|instance| instance.removed_by.contains(&number));
    if removed || variants(rule).next().is_none() {
        return None;
    }
    let mut why = Why::Known;
    for variant in variants(rule) {
        let mut general = None;
        for guard in variant.guards.iter().filter(|guard| guard.reason == number) {
            let mut parts = Vec::new();
            conjuncts(&guard.condition, &mut parts);
            for part in parts {
                why = match said(variant, number, part) {
                    Some(why) => why,
                    None => general
                        .get_or_insert_with(|| Known::new(variant, catalogue))
                        .why(number, part)?,
                };
            }
        }
    }
    Some(why)
}

/// Guards that are false wherever the rest of their rule matches, if that leaves no way for it to match.
fn never(rule: &Rule, catalogue: &Catalogue) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    for instance in &rule.instances {
        found.extend(&instance.removed_by);
    }
    for variant in variants(rule) {
        let known = Known::new(variant, catalogue);
        let guards = variant.guards.iter();
        let mut of_variant = guards.filter(|guard| known.is_false(guard.reason, &guard.condition));
        match of_variant.next() {
            Some(guard) => found.push(guard.reason),
            None => return Vec::new(),
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// What is known at each match of a variant: by its pattern, and by each number of its guards.
struct Known<'a> {
    variant: &'a Variant,
    catalogue: &'a Catalogue,
    pattern: Option<General<'a>>,
}

impl<'a> Known<'a> {
    fn new(variant: &'a Variant, catalogue: &'a Catalogue) -> Known<'a> {
        Known {
            variant,
            catalogue,
            pattern: General::new(variant, catalogue),
        }
    }

    /// Why a part of a guard is true.
    fn why(&self, number: usize, part: &Expr) -> Option<Why> {
        if self.pattern.as_ref()?.truth(part) == Some(true) {
            return Some(Why::Pattern);
        }
        let before = |reason: usize| reason < number;
        let mut general = General::new(self.variant, self.catalogue)?;
        for (reason, other) in self.others(before) {
            if !general.assume(other) {
                return None;
            }
            if general.truth(part) == Some(true) {
                return Some(Why::Guard(reason));
            }
        }
        None
    }

    /// Whether a guard is false where the pattern matches and the other guards hold.
    fn is_false(&self, number: usize, condition: &Expr) -> bool {
        let Some(pattern) = &self.pattern else {
            return false;
        };
        if pattern.truth(condition) == Some(false) {
            return true;
        }
        let Some(mut general) = General::new(self.variant, self.catalogue) else {
            return false;
        };
        let others = self.others(|reason| reason < number);
        let hold = others.into_iter().all(|(_, other)| general.assume(other));
        hold && general.truth(condition) == Some(false)
    }

    /// Parts of guards, by their numbers.
    fn others(&self, wanted: impl Fn(usize) -> bool) -> Vec<(usize, &'a Expr)> {
        let mut found = Vec::new();
        for guard in self.variant.guards.iter().filter(|g| wanted(g.reason)) {
            let mut parts = Vec::new();
            conjuncts(&guard.condition, &mut parts);
            found.extend(parts.into_iter().map(|part| (guard.reason, part)));
        }
        found
    }
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

/// What in the text of a rule says a part of a guard.
fn said(variant: &Variant, number: usize, part: &Expr) -> Option<Why> {
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
