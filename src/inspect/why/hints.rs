//! What would make a near miss match: tried, not guessed.
//!
//! In: an attempt that failed. Out: a sentence, if a small change of the rule makes it match at this very class.
//! Invariant: what is suggested was run and matched.

use crate::check::rule::{Pattern, Rest};
use crate::egraph::{Attempt, Miss, Missing, attempt_with};
use crate::graph::Name;
use crate::pipeline::observe::Acted;
use crate::source::Span;

/// What would make the attempt match.
pub(super) fn suggestion(step: &Acted<'_>, attempt: &Attempt) -> Option<String> {
    let missing = attempt.missed.as_ref()?;
    let variant = step.set.variant(attempt.variant);
    let patterns = &variant.patterns;
    let matches = |patterns: &[Pattern]| {
        let found = attempt_with(
            &step.built.egraph,
            step.set,
            attempt.variant,
            patterns,
            attempt.root,
        );
        found.is_some_and(|attempt| attempt.missed.is_none())
    };
    match &missing.miss {
        Miss::Guard { .. } => guard(step, attempt, missing),
        Miss::Operator { expected, .. } => {
            if let Some(text) = swapped(patterns, missing.span, &matches) {
                return Some(text);
            }
            let egraph = &step.built.egraph;
            let there = egraph.operators_of(missing.class);
            for op in there {
                let changed = changed(patterns, missing.span, &|pattern| match pattern {
                    Pattern::Apply(apply) if apply.op == *expected => {
                        apply.op = op;
                        true
                    }
                    _ => false,
                });
                if changed.is_some_and(|patterns| matches(&patterns)) {
                    return Some(format!(
                        "with `{op}` for `{expected}` the rule matches here"
                    ));
                }
            }
            None
        }
        Miss::Literal { expected, found } => {
            if let Some(text) = swapped(patterns, missing.span, &matches) {
                return Some(text);
            }
            let open = changed(patterns, missing.span, &|pattern| {
                let is_it = matches!(pattern, Pattern::Literal(literal) if literal == expected);
                if is_it {
                    *pattern = Pattern::Any;
                }
                is_it
            });
            open.is_some_and(|patterns| matches(&patterns)).then(|| {
                let expected = crate::graph::text::LiteralText(expected);
                format!("with {found} for {expected} the rule matches here")
            })
        }
        Miss::NotLiteral { name, .. } => {
            let open = changed(patterns, missing.span, &|pattern| match pattern {
                Pattern::Bare(slot) => {
                    *pattern = Pattern::Value(*slot, None);
                    true
                }
                _ => false,
            });
            open.is_some_and(|patterns| matches(&patterns)).then(|| {
                format!("with `%{name}`, which takes any value, for `{name}` the rule matches here")
            })
        }
        Miss::Different { .. } => swapped(patterns, missing.span, &matches),
        _ => None,
    }
}

/// For a guard that compares two known values: what would pass.
fn guard(step: &Acted<'_>, attempt: &Attempt, missing: &Missing) -> Option<String> {
    let Miss::Guard { part, reason, .. } = &missing.miss else {
        return None;
    };
    let variant = step.set.variant(attempt.variant);
    let is_last = variant
        .guards
        .last()
        .is_some_and(|guard| guard.reason == *reason);
    if part.is_unknown {
        let [left, right] = part.sides.as_ref()?;
        let unknown = if left.1 == "not known" { left } else { right };
        return Some(format!("nothing in the model says what `{}` is", unknown.0));
    }
    let [(left, found), (right, wanted)] = part.sides.as_ref()?;
    let only = if is_last { "" } else { "this guard " };
    let equals = part.text.contains("==");
    (equals && found != wanted).then(|| {
        if left == wanted || right == wanted {
            format!("{only}passes where `{left}` is {wanted}; here it is {found}")
        } else {
            format!("{only}passes where `{left}` is {wanted}, as `{right}` is; here it is {found}")
        }
    })
}

/// Whether two operands in another order make it match.
fn swapped(
    patterns: &[Pattern],
    span: Span,
    matches: &dyn Fn(&[Pattern]) -> bool,
) -> Option<String> {
    for number in 0.. {
        let mut at = number;
        let mut changed = patterns.to_vec();
        let op = changed
            .iter_mut()
            .find_map(|pattern| swap(pattern, span, &mut at))?;
        if matches(&changed) {
            let (op, a, b) = op;
            return Some(format!(
                "with operands {} and {} of `{op}` in the other order the rule matches here",
                a + 1,
                b + 1
            ));
        }
    }
    None
}

/// Swaps the pair with this number, counted over all operators that hold the span in one of two operands.
fn swap(pattern: &mut Pattern, span: Span, at: &mut usize) -> Option<(Name, usize, usize)> {
    match pattern {
        Pattern::Apply(apply) => {
            let count = apply.operands.len();
            for a in 0..count {
                for b in a + 1..count {
                    let is_near = [a, b]
                        .iter()
                        .any(|&of| holds(&apply.operands[of], apply.operand_span(of), span));
                    if !is_near {
                        continue;
                    }
                    if *at == 0 {
                        apply.operands.swap(a, b);
                        return Some((apply.op, a, b));
                    }
                    *at -= 1;
                }
            }
            apply
                .operands
                .iter_mut()
                .find_map(|operand| swap(operand, span, at))
        }
        Pattern::Project { of, .. } => swap(of, span, at),
        Pattern::Chain { inner, .. } => swap(inner, span, at),
        _ => None,
    }
}

/// Whether a pattern written at `own` is, or has in it, what is written at `span`.
fn holds(pattern: &Pattern, own: Span, span: Span) -> bool {
    own == span
        || match pattern {
            Pattern::Apply(apply) => {
                apply.span == span
                    || (0..)
                        .zip(&apply.operands)
                        .any(|(at, operand)| holds(operand, apply.operand_span(at), span))
            }
            Pattern::Project { of, .. } => holds(of, own, span),
            Pattern::Chain { inner, .. } => holds(inner, own, span),
            _ => false,
        }
}

/// The patterns with the first one at a place changed, if the change took it.
fn changed(
    patterns: &[Pattern],
    span: Span,
    change: &dyn Fn(&mut Pattern) -> bool,
) -> Option<Vec<Pattern>> {
    let mut patterns = patterns.to_vec();
    let done = patterns
        .iter_mut()
        .any(|pattern| change_at(pattern, None, span, change));
    done.then_some(patterns)
}

fn change_at(
    pattern: &mut Pattern,
    own: Option<Span>,
    span: Span,
    change: &dyn Fn(&mut Pattern) -> bool,
) -> bool {
    let here = match pattern {
        Pattern::Apply(apply) => apply.span == span,
        _ => own == Some(span),
    };
    if here && change(pattern) {
        return true;
    }
    match pattern {
        Pattern::Apply(apply) => {
            let spans: Vec<Span> = (0..=apply.operands.len())
                .map(|at| apply.operand_span(at))
                .collect();
            let mut operands = apply.operands.iter_mut().zip(&spans);
            operands.any(|(operand, own)| change_at(operand, Some(*own), span, change))
                || match &mut apply.rest {
                    Some(Rest::Each { pattern, .. }) => {
                        change_at(pattern, spans.last().copied(), span, change)
                    }
                    _ => false,
                }
        }
        Pattern::Project { of, .. } => change_at(of, own, span, change),
        Pattern::Chain { inner, .. } => change_at(inner, own, span, change),
        _ => false,
    }
}
