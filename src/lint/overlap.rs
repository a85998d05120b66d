//! Rules that match the same graph, or one a part of what the other matches, and write different things.
//!
//! In one e-graph no match is lost: what was matched stays beside what was written, and where all numbers are exact both results are
//! equal, so that it does not matter which is taken. It matters where the rules promise less: the numbers of the result then depend
//! on costs alone. Two rules with the same pattern are told in any case: one of them is probably meant for something else.
//! Invariant: what is told was matched by both, and no rule that they act with makes the results equal.

use crate::check::OVERLAP;
use crate::check::rule::{Numerics, Pattern, Rule, Slot, Variant};
use crate::diagnostic::Diagnostic;
use crate::egraph::{Class, EGraph, SaturationLimits, saturate};
use crate::graph::Name;
use crate::ops::Catalogue;
use crate::rules::RuleSet;

use super::grow::matched_only;
use super::joined::Results;
use super::named::Rules;
use super::solve::{At, Solved, solve};
use super::term::{Slots, TermId, Terms};

/// A warning for each pair of rules that overlap, but those of which one is shadowed.
pub(super) fn overlapping(
    rules: &Rules<'_>,
    catalogue: &Catalogue,
    shadowed: &[(usize, usize)],
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (a, b) in rules.pairs() {
        if shadowed.contains(&(a, b)) || shadowed.contains(&(b, a)) {
            continue;
        }
        let Some(overlap) = overlap(rules, (a, b), catalogue) else {
            continue;
        };
        let (outer, inner) = match overlap.is_swapped {
            false => (&rules.all()[a], &rules.all()[b]),
            true => (&rules.all()[b], &rules.all()[a]),
        };
        let (message, label) = match overlap.is_inside {
            false => (
                format!(
                    "`{}` and `{}` write different things for the same graph",
                    outer.name, inner.name
                ),
                "matches it too",
            ),
            true => (
                format!(
                    "`{}` matches a part of what `{}` matches, and the results differ",
                    inner.name, outer.name
                ),
                "matches a part of it",
            ),
        };
        found.push(
            Diagnostic::warning(OVERLAP, message)
                .primary(rules.name_span(inner), label)
                .secondary(rules.name_span(outer), "matches it")
                .note(format!("the smallest such graph:\n{}", overlap.text))
                .help("say with a guard which of them is meant, or allow it if either will do"),
        );
    }
    found
}

/// A graph that two rules match.
struct Overlap {
    text: String,
    /// The second rule of the pair is the outer one.
    is_swapped: bool,
    /// The inner one matches a part of what the outer one matches.
    is_inside: bool,
}

/// The smallest graph that both match and for which they write different things, if that matters.
fn overlap(rules: &Rules<'_>, (a, b): (usize, usize), catalogue: &Catalogue) -> Option<Overlap> {
    let (first, second) = (&rules.all()[a], &rules.all()[b]);
    if first.has_effects() || second.has_effects() {
        return None;
    }
    let exact = [first, second].map(|rule| rule.numerics == Numerics::Exact);
    let pair = Pair {
        rules,
        numbers: (a, b),
        catalogue,
    };
    if let Some(text) = pair.with(first, second, &|outer, inner| {
        same_place(outer, inner, exact == [true, true])
    }) {
        return Some(Overlap {
            text,
            is_swapped: false,
            is_inside: false,
        });
    }
    // A part that is rewritten bit for bit leaves the outer rule what it had, and an outer rule of that kind any part.
    if exact.contains(&true) {
        return None;
    }
    let ways = [(first, second, false), (second, first, true)];
    ways.into_iter().find_map(|(outer, inner, is_swapped)| {
        let text = pair.with(outer, inner, &inside)?;
        Some(Overlap {
            text,
            is_swapped,
            is_inside: true,
        })
    })
}

/// Patterns of two variants made one.
struct Unified {
    terms: Terms,
    /// The roots of both, of which the first holds the second.
    roots: [TermId; 2],
    slots: [Slots; 2],
}

/// Two rules that act together.
struct Pair<'a> {
    rules: &'a Rules<'a>,
    numbers: (usize, usize),
    catalogue: &'a Catalogue,
}

impl Pair<'_> {
    /// The first graph, of those that come from making patterns one, for which the rules write different things.
    fn with(
        &self,
        outer: &Rule,
        inner: &Rule,
        unified: &dyn Fn(&Variant, &Variant) -> Vec<Unified>,
    ) -> Option<String> {
        let (of_outer, of_inner) = (variants(outer), variants(inner));
        let count = of_outer.len() as u32;
        let mut compiled = None;
        for (x, one) in (0..).zip(&of_outer) {
            for (y, other) in (count..).zip(&of_inner) {
                for unified in unified(one, other) {
                    let sets = compiled.get_or_insert_with(|| Sets::new(outer, inner));
                    let [p, q] = unified.roots;
                    let [left, right] = unified.slots;
                    let both = [
                        At {
                            variant: x,
                            slots: left,
                            root: p,
                        },
                        At {
                            variant: y,
                            slots: right,
                            root: q,
                        },
                    ];
                    let solved = solve(&sets.both, self.catalogue, unified.terms, p, &both);
                    if let Some(solved) = solved
                        && self.differ(&solved, sets, [outer.name, inner.name])
                    {
                        return Some(solved.text);
                    }
                }
            }
        }
        None
    }

    /// Whether both rules write something, and not the same.
    fn differ(&self, solved: &Solved<'_>, sets: &Sets, names: [Name; 2]) -> bool {
        let [top, place] = solved.roots[..] else {
            unreachable!("both have a root")
        };
        let is_inside = top != place;
        let limits = SaturationLimits {
            rounds: 1,
            ..SaturationLimits::default()
        };
        let mut egraph = solved.egraph();
        // What contradicts the other is different.
        if saturate(&mut egraph, &sets.both, &limits, &mut || false).is_err() {
            return true;
        }
        let [outer, inner] = names;
        if !applied(&egraph, top, outer) || !applied(&egraph, place, inner) {
            return false;
        }
        let each = [(&sets.outer, top), (&sets.inner, place)];
        let Some(results) = Results::new(solved, top, each, self.catalogue) else {
            return false;
        };
        // What spares more is taken, as everybody expects of the rule that matches more.
        if is_inside && results.operations[0] < results.operations[1] {
            return false;
        }
        let all = self.rules.acting_with(self.numbers.0, self.numbers.1);
        RuleSet::compile(all).is_ok_and(|all| !results.are_joined(&all))
    }
}

/// Two rules compiled, together and alone.
struct Sets {
    both: RuleSet,
    outer: RuleSet,
    inner: RuleSet,
}

impl Sets {
    fn new(outer: &Rule, inner: &Rule) -> Sets {
        let compiled = |rules: &[Rule]| {
            RuleSet::compile(rules)
                .unwrap_or_else(|error| unreachable!("each was checked: {error}"))
        };
        let (outer, inner) = (matched_only(outer), matched_only(inner));
        Sets {
            outer: compiled(std::slice::from_ref(&outer)),
            inner: compiled(std::slice::from_ref(&inner)),
            both: compiled(&[outer, inner]),
        }
    }
}

fn variants(rule: &Rule) -> Vec<&Variant> {
    let instances = rule.instances.iter();
    instances.flat_map(|instance| &instance.variants).collect()
}

/// The only pattern of a variant.
fn pattern(variant: &Variant) -> Option<&Pattern> {
    match variant.roots.as_slice() {
        [root] => Some(&root.pattern),
        _ => None,
    }
}

/// Both patterns as one; the very same ones only, if `alike`.
fn same_place(outer: &Variant, inner: &Variant, alike: bool) -> Vec<Unified> {
    let unified = || {
        let (p, q) = (pattern(outer)?, pattern(inner)?);
        if top(p).is_none() || top(p) != top(q) {
            return None;
        }
        let mut terms = Terms::default();
        let (mut left, mut right) = (Slots::default(), Slots::default());
        let p = terms.pattern(outer, p, &mut left)?;
        let q = terms.pattern(inner, q, &mut right)?;
        let is_one = terms.unify(p, q) && !(alike && terms.is_narrowed);
        is_one.then_some(Unified {
            terms,
            roots: [p, q],
            slots: [left, right],
        })
    };
    unified().into_iter().collect()
}

/// The inner pattern as each part of the outer one that it can be.
fn inside(outer: &Variant, inner: &Variant) -> Vec<Unified> {
    let (Some(p), Some(q)) = (pattern(outer), pattern(inner)) else {
        return Vec::new();
    };
    let mut places = Vec::new();
    if let Pattern::Apply(apply) = p
        && let Some(op) = top(q)
    {
        apply
            .operands
            .iter()
            .for_each(|operand| parts(operand, op, &mut places));
    }
    let unified = |place: &Slot| {
        let mut terms = Terms::default();
        let (mut left, mut right) = (Slots::default(), Slots::default());
        let p = terms.pattern(outer, p, &mut left)?;
        let q = terms.pattern(inner, q, &mut right)?;
        let part = *left.get(place)?;
        terms.unify(part, q).then_some(Unified {
            terms,
            roots: [p, q],
            slots: [left, right],
        })
    };
    places.iter().filter_map(unified).collect()
}

/// Where an operator stands in a pattern.
fn parts(pattern: &Pattern, wanted: Name, into: &mut Vec<Slot>) {
    match pattern {
        Pattern::Apply(apply) => {
            if apply.op == wanted {
                into.push(apply.slot);
            }
            apply
                .operands
                .iter()
                .for_each(|operand| parts(operand, wanted, into));
        }
        Pattern::Project { of, .. } => parts(of, wanted, into),
        _ => {}
    }
}

/// Whether a rule found something equal to a class.
fn applied(egraph: &EGraph, class: Class, rule: Name) -> bool {
    let class = egraph.find(class);
    egraph.applications().any(|(_, application)| {
        application.rule == rule && application.roots.iter().any(|&of| egraph.find(of) == class)
    })
}

/// The operator that a pattern begins with.
fn top(pattern: &Pattern) -> Option<Name> {
    match pattern {
        Pattern::Apply(apply) => Some(apply.op),
        _ => None,
    }
}
