//! Rules that match the same graph and write different things.
//!
//! Both may be right, and where all numbers are exact it does not matter which is taken. It matters where they promise less: the
//! result's numbers then depend on costs alone. Two rules with the same pattern are told in any case: one of them is probably meant
//! for something else.

use std::cell::LazyCell;

use crate::check::OVERLAP;
use crate::check::rule::{Numerics, Pattern, Rule, Variant};
use crate::diagnostic::Diagnostic;
use crate::egraph::{EGraph, SaturationLimits, saturate};
use crate::graph::Name;
use crate::ops::Catalogue;
use crate::rules::RuleSet;

use super::grow::matched_only;
use super::named::Rules;
use super::solve::solve;
use super::term::{Slots, Terms};

/// A warning for each pair of rules that overlap, but those of which one is shadowed.
pub(super) fn overlapping(
    rules: &Rules<'_>,
    catalogue: &Catalogue,
    shadowed: &[(usize, usize)],
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (a, b) in rules.pairs() {
        let (first, second) = (&rules.all()[a], &rules.all()[b]);
        if shadowed.contains(&(a, b)) || shadowed.contains(&(b, a)) {
            continue;
        }
        if let Some(text) = overlap(first, second, catalogue) {
            let message = format!(
                "`{}` and `{}` write different things for the same graph",
                first.name, second.name
            );
            found.push(
                Diagnostic::warning(OVERLAP, message)
                    .primary(rules.name_span(second), "matches it too")
                    .secondary(rules.name_span(first), "matches it")
                    .note(format!("the smallest such graph:\n{text}"))
                    .help("say with a guard which of them is meant, or allow it if either will do"),
            );
        }
    }
    found
}

/// The smallest graph that both match and for which they write different things, if that matters.
fn overlap(first: &Rule, second: &Rule, catalogue: &Catalogue) -> Option<String> {
    if first.has_effects() || second.has_effects() {
        return None;
    }
    let is_exact = |rule: &Rule| rule.numerics == Numerics::Exact;
    let both_exact = is_exact(first) && is_exact(second);
    let set = LazyCell::new(|| {
        RuleSet::compile(&[matched_only(first), matched_only(second)])
            .unwrap_or_else(|error| unreachable!("each was checked: {error}"))
    });
    let numbered = |rule: &'_ Rule| {
        let variants = rule
            .instances
            .iter()
            .flat_map(|instance| &instance.variants);
        variants.cloned().collect::<Vec<Variant>>()
    };
    let (of_first, of_second) = (numbered(first), numbered(second));
    for (x, one) in (0..).zip(&of_first) {
        for (y, other) in (of_first.len() as u32..).zip(&of_second) {
            let ([p], [q]) = (one.roots.as_slice(), other.roots.as_slice()) else {
                continue;
            };
            if top(&p.pattern).is_none() || top(&p.pattern) != top(&q.pattern) {
                continue;
            }
            let mut terms = Terms::default();
            let (mut left, mut right) = (Slots::default(), Slots::default());
            let (Some(p), Some(q)) = (
                terms.pattern(one, &p.pattern, &mut left),
                terms.pattern(other, &q.pattern, &mut right),
            ) else {
                continue;
            };
            if !terms.unify(p, q) || both_exact && terms.is_narrowed {
                continue;
            }
            let both = [(x, left), (y, right)];
            let Some(mut solved) = solve(&set, catalogue, &terms, p, &both) else {
                continue;
            };
            let limits = SaturationLimits {
                rounds: 1,
                ..SaturationLimits::default()
            };
            let root = solved.root;
            let ran = saturate(&mut solved.egraph, &set, &limits, &mut || false);
            // What contradicts the other is different.
            if ran.is_err() || both_applied(&solved.egraph, root, [first.name, second.name]) {
                return Some(solved.text);
            }
        }
    }
    None
}

/// Whether both rules made something equal to a class that the other had not.
fn both_applied(egraph: &EGraph, root: crate::egraph::Class, rules: [Name; 2]) -> bool {
    let root = egraph.find(root);
    rules.iter().all(|&rule| {
        egraph.applications().any(|(_, application)| {
            application.rule == rule && application.roots.iter().any(|&of| egraph.find(of) == root)
        })
    })
}

/// The operator that a pattern begins with.
fn top(pattern: &Pattern) -> Option<Name> {
    match pattern {
        Pattern::Apply(apply) => Some(apply.op),
        _ => None,
    }
}
