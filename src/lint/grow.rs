//! Rules that never come to an end: what they write they match again, larger each time.
//!
//! Each variant is run alone on the smallest graph that it matches. One that is not done after a few rounds grows itself.

use crate::check::SELF_GROWING;
use crate::check::rule::{Numerics, Rule, Variant};
use crate::diagnostic::Diagnostic;
use crate::egraph::{SaturationLimits, Stop, saturate};
use crate::ops::Catalogue;
use crate::rules::RuleSet;

use super::named::Rules;
use super::solve::{Solved, solve};
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
        let mut solved = smallest(&set, catalogue, number, variant)?;
        let done = saturate(&mut solved.egraph, &set, &limits, &mut || false).ok()?;
        matches!(done.stop, Stop::Rounds | Stop::Nodes).then_some(solved.text)
    })
}

/// The smallest graph that a variant matches.
fn smallest(
    set: &RuleSet,
    catalogue: &Catalogue,
    number: u32,
    variant: &Variant,
) -> Option<Solved> {
    let [root] = variant.roots.as_slice() else {
        return None;
    };
    let (mut terms, mut slots) = (Terms::default(), Slots::default());
    let top = terms.pattern(variant, &root.pattern, &mut slots)?;
    solve(set, catalogue, &terms, top, &[(number, slots)])
}

/// A rule as it is matched, whatever it promises about numbers.
pub(super) fn matched_only(rule: &Rule) -> Rule {
    Rule {
        numerics: Numerics::Exact,
        ..rule.clone()
    }
}
