//! What the tests of rules have not seen: guards that were never true or never false, optional nodes and alternatives that were always
//! or never there, rules without tests.
//!
//! In: what each test saw of its rule. Out: counts, and what is left with its place.
//! Invariant: a guard that the checker decides for every instance is not counted: nothing of it is left to test.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::check::rule::Rule;
use crate::egraph::{Attempt, MetKind, Miss};
use crate::graph::Name;
use crate::pipeline::library::Loaded;
use crate::source::Span;

use super::outcome::Outcome;
use super::written::{Trees, choices};

/// What a test saw of its rule.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Guards that held, by number.
    pub held: BTreeSet<usize>,
    /// Guards that did not.
    pub refused: BTreeSet<usize>,
    /// What each match met.
    pub matches: Vec<Passed>,
}

/// What a match met.
#[derive(Clone, Debug, Default)]
pub struct Passed {
    /// Where it is written.
    pub spans: Vec<Span>,
    /// Operators of the links of chains; a link is written where its chain is read.
    pub links: Vec<Name>,
}

impl Seen {
    pub(super) fn of(attempts: &[Attempt]) -> Seen {
        let mut seen = Seen::default();
        // A node that may be absent is not, where a match at the same place has met it.
        let longest = |attempt: &Attempt| {
            let same = attempts.iter().filter(|other| other.root == attempt.root);
            let met = same
                .filter(|other| other.missed.is_none())
                .map(|other| other.met.len());
            met.max() == Some(attempt.met.len())
        };
        for attempt in attempts {
            for met in &attempt.met {
                if let MetKind::Guard(number) = met.what {
                    seen.held.insert(number);
                }
            }
            match &attempt.missed {
                None if !longest(attempt) => {}
                None => {
                    let spans = attempt.met.iter().map(|met| met.span);
                    let links = attempt.met.iter().filter_map(|met| match met.what {
                        MetKind::Link(op) => Some(op),
                        _ => None,
                    });
                    seen.matches.push(Passed {
                        spans: spans.collect(),
                        links: links.collect(),
                    });
                }
                Some(missing) => {
                    if let Miss::Guard { reason, .. } = missing.miss {
                        seen.refused.insert(reason);
                    }
                }
            }
        }
        seen
    }
}

/// How much of the rules is tested.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Coverage {
    /// Rules of the modules tested.
    pub rules: usize,
    /// Rules with a test.
    pub rules_tested: usize,
    /// Guards.
    pub guards: usize,
    /// Guards that were seen true and false.
    pub guards_both: usize,
    /// Optional nodes, and branches of alternatives.
    pub choices: usize,
    /// Optional nodes seen present and absent, and branches seen.
    pub choices_seen: usize,
    /// What is left, in the order of the texts.
    pub left: Vec<Left>,
}

/// Something that no test has seen.
#[derive(Clone, Debug, Serialize)]
pub struct Left {
    /// Full name of the rule.
    pub rule: String,
    /// What it is: `guard "reason" was never false`.
    pub what: String,
    /// The rule file.
    pub file: String,
    /// From 1.
    pub line: u32,
}

/// Sums up what the tests of these modules saw.
pub fn coverage(loaded: &Loaded, modules: &[String], outcomes: &[Outcome]) -> Coverage {
    let trees = Trees::of(loaded);
    let mut counts = Coverage::default();
    for module in &loaded.library.modules {
        if !modules.iter().any(|name| module.name == name.as_str()) {
            continue;
        }
        let rules = loaded.library.rules.get(module.rules.clone());
        for rule in rules.unwrap_or_default() {
            of_rule(loaded, &trees, rule, outcomes, &mut counts);
        }
    }
    counts
}

fn of_rule(
    loaded: &Loaded,
    trees: &Trees,
    rule: &Rule,
    outcomes: &[Outcome],
    counts: &mut Coverage,
) {
    let label = format!("{}[", rule.name);
    let own = |outcome: &&Outcome| {
        rule.name == outcome.target.as_str() || outcome.target.starts_with(&label)
    };
    let seen: Vec<&Seen> = outcomes.iter().filter(own).map(|o| &o.seen).collect();
    let has_test = loaded.library.tests.iter().any(|t| t.target == rule.name);
    counts.rules += 1;
    counts.rules_tested += usize::from(has_test);
    let left = &mut counts.left;
    let mut add = |what: String, span: Span| {
        let file = loaded.sources.file(span.source);
        left.push(Left {
            rule: rule.name.to_string(),
            what,
            file: file.map_or(String::new(), |file| file.name().to_owned()),
            line: file.map_or(0, |file| file.place(span.range().start).line + 1),
        });
    };
    if !has_test {
        add("has no test".into(), rule.span);
    }
    let variants = rule
        .instances
        .iter()
        .flat_map(|instance| &instance.variants);
    let asked: BTreeSet<usize> = variants
        .flat_map(|variant| variant.guards.iter().map(|guard| guard.reason))
        .collect();
    for number in asked {
        let Some(reason) = rule.reasons.get(number) else {
            continue;
        };
        let held = seen.iter().any(|seen| seen.held.contains(&number));
        let refused = seen.iter().any(|seen| seen.refused.contains(&number));
        counts.guards += 1;
        counts.guards_both += usize::from(held && refused);
        let never = match (held, refused) {
            (true, true) => continue,
            (true, false) => "never false",
            (false, true) => "never true",
            (false, false) => "never asked",
        };
        if has_test {
            add(
                format!("guard {:?} was {never}", &*reason.text),
                reason.span,
            );
        }
    }
    let Some((_, tree)) = trees.rule(rule.name.as_str()) else {
        return;
    };
    let matches: Vec<&Passed> = seen.iter().flat_map(|seen| &seen.matches).collect();
    for choice in choices(tree) {
        for way in &choice.ways {
            let text = loaded.sources.text(*way);
            let met = |passed: &&Passed| match choice.chain {
                true => passed.links.iter().any(|op| op.as_str() == text),
                false => reached(way, &passed.spans, choice.optional),
            };
            let present = matches.iter().any(&met);
            let absent = matches.iter().any(|passed| !met(passed));
            let covered = present && (absent || !choice.optional);
            counts.choices += 1;
            counts.choices_seen += usize::from(covered);
            let never = match (present, absent) {
                _ if covered => continue,
                (true, _) => "was never absent",
                (false, _) => "was never there",
            };
            if has_test {
                add(format!("{text} {never}"), *way);
            }
        }
    }
}

/// Whether a match met an op, whose call begins with its name, or something of a branch.
fn reached(way: &Span, spans: &[Span], optional: bool) -> bool {
    let mut here = spans.iter().filter(|span| span.source == way.source);
    match optional {
        true => here.any(|span| span.start == way.start),
        false => here.any(|span| way.start <= span.start && span.end <= way.end),
    }
}

/// `guards 31/34 tested both ways, choices 9/10, rules without test: 2`.
pub fn summary(coverage: &Coverage) -> String {
    let mut parts = Vec::new();
    if coverage.guards > 0 {
        let (both, all) = (coverage.guards_both, coverage.guards);
        parts.push(format!("guards tested both ways {both}/{all}"));
    }
    if coverage.choices > 0 {
        let (seen, all) = (coverage.choices_seen, coverage.choices);
        parts.push(format!("optional nodes and alternatives {seen}/{all}"));
    }
    let (tested, all) = (coverage.rules_tested, coverage.rules);
    parts.push(format!("rules with tests {tested}/{all}"));
    parts.join(", ") + "\n"
}

/// What is left, one line each.
pub fn listed(coverage: &Coverage) -> String {
    let lines = coverage.left.iter();
    lines
        .map(|left| {
            format!(
                "{}:{}: {}: {}\n",
                left.file, left.line, left.rule, left.what
            )
        })
        .collect()
}
