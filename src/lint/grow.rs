//! Rules that never come to an end: what they write they match again, larger each time.
//!
//! Each variant is run alone on the smallest graph that it matches. One that is not done after a few rounds grows itself.

use crate::check::SELF_GROWING;
use crate::check::rule::{Apply, Build, BuildOperand, Expr, Numerics, Pattern, Rule, Variant};
use crate::diagnostic::Diagnostic;
use crate::egraph::{SaturationLimits, Stop, saturate};
use crate::ops::Catalogue;
use crate::rules::RuleSet;

use super::named::Rules;
use super::solve::{At, Solved, solve};
use super::term::{Slots, Terms};

/// Rounds after which a rule that still finds something new does not stop.
const ROUNDS: usize = 12;

/// A warning for each rule that grows itself.
pub(super) fn growing(rules: &Rules<'_>, catalogue: &Catalogue) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for rule in rules.asked() {
        if rule.is_equality()
            && !rule.has_effects()
            && let Some(text) = grows(rule, catalogue)
        {
            let message = format!("`{}` matches what it writes, without end", rule.name);
            found.push(
                Diagnostic::warning(SELF_GROWING, message)
                    .primary(
                        rules.name_span(rule),
                        "each match makes a larger one, until a limit stops the search",
                    )
                    .note(format!("it begins with\n{text}"))
                    .help("write it in the other direction, or demand something that its result is not"),
            );
        }
    }
    found
}

/// The graph from which a rule grows.
fn grows(rule: &Rule, catalogue: &Catalogue) -> Option<String> {
    let set = RuleSet::compile([rule]).ok()?;
    let limits = SaturationLimits {
        nodes: 5_000,
        rounds: ROUNDS,
        ..SaturationLimits::default()
    };
    (0..).zip(set.variants()).find_map(|(number, of)| {
        let variant = &rule.instances[of.instance as usize].variants[of.variant as usize];
        if !writes_new(variant) {
            return None;
        }
        let solved = smallest(&set, catalogue, number, variant)?;
        let done = saturate(&mut solved.egraph(), &set, &limits, &mut || false).ok()?;
        matches!(done.stop, Stop::Rounds | Stop::Nodes).then_some(solved.text)
    })
}

/// Whether something of what a variant writes is no part of what it matches; without that there is nothing to grow.
fn writes_new(variant: &Variant) -> bool {
    let mut nodes = Vec::new();
    for root in &variant.roots {
        applied(&root.pattern, &mut nodes);
    }
    let builds = variant.roots.iter().filter_map(|r| r.replacement.as_ref());
    builds.into_iter().any(|build| match build {
        Build::Slot(_) | Build::Expr(_) => false,
        build => !nodes.iter().any(|node| is_built(build, node)),
    })
}

/// The operators of a pattern.
fn applied<'p>(pattern: &'p Pattern, into: &mut Vec<&'p Apply>) {
    match pattern {
        Pattern::Apply(apply) => {
            into.push(apply);
            apply
                .operands
                .iter()
                .for_each(|operand| applied(operand, into));
        }
        Pattern::Project { of, .. } => applied(of, into),
        Pattern::Chain { inner, .. } => applied(inner, into),
        _ => {}
    }
}

/// Whether a node of the pattern is what is built.
fn is_built(build: &Build, node: &Apply) -> bool {
    let Build::Apply {
        op,
        operands,
        attributes,
        ..
    } = build
    else {
        return matches!(build, Build::Slot(slot) if *slot == node.slot);
    };
    *op == node.op
        && node.rest.is_none()
        && attributes.is_empty()
        && node.attributes.is_empty()
        && operands.len() == node.operands.len()
        && operands.iter().zip(&node.operands).all(|(built, matched)| {
            let BuildOperand::One(built) = built else {
                return false;
            };
            match (built, matched) {
                (Build::Slot(a), Pattern::Value(b, _) | Pattern::Bare(b) | Pattern::Again(b))
                | (Build::Expr(Expr::Slot(a)), Pattern::Bare(b)) => a == b,
                (Build::Expr(Expr::Literal(a)), Pattern::Literal(b)) => a.same_value(b),
                (built, Pattern::Apply(node)) => is_built(built, node),
                _ => false,
            }
        })
}

/// The smallest graph that a variant matches.
fn smallest<'a>(
    set: &RuleSet,
    catalogue: &'a Catalogue,
    number: u32,
    variant: &Variant,
) -> Option<Solved<'a>> {
    let [root] = variant.roots.as_slice() else {
        return None;
    };
    let (mut terms, mut slots) = (Terms::default(), Slots::default());
    let top = terms.pattern(variant, &root.pattern, &mut slots)?;
    let at = At {
        variant: number,
        slots,
        root: top,
    };
    solve(set, catalogue, terms, top, &[at])
}

/// A rule as it is matched, whatever it promises about numbers.
pub(super) fn matched_only(rule: &Rule) -> Rule {
    Rule {
        numerics: Numerics::Exact,
        ..rule.clone()
    }
}
