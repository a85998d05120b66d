//! Near misses in groups: those that stopped at one place of the rule for one reason are told once, with their number.
//!
//! In: the best attempt at each class. Out: [`Group`]s, nearest first.
//! Invariant: a class is in one group, by the variant that came furthest there.

use std::cmp::Reverse;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use serde::Serialize;

use crate::egraph::{Attempt, Class, MetKind, Miss, Missing};
use crate::graph::text::LiteralText;
use crate::rules::RuleSet;
use crate::source::Span;

use super::model_nodes::{ModelNode, ModelNodes};

/// Operators named of those that would have done; with more, their number.
const MOST_NAMED: usize = 4;

/// Near misses of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// How many classes stopped here.
    pub count: usize,
    /// How much of the rule matched there.
    pub matched: usize,
    /// How much there is.
    pub of: usize,
    /// What kind of thing failed: `guard`, `operator`, `literal` and so on.
    pub kind: &'static str,
    /// Why, without the values of one place.
    pub reason: String,
    /// What there was instead of an operator, with how many, most first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<(String, usize)>,
    /// Instances of the rule that stopped here.
    pub instances: Vec<String>,
    /// The statement or guard in the rule file; several where the rule has a choice.
    #[serde(skip)]
    pub spans: Vec<Span>,
    /// The same as file, line and column from 1.
    pub places: Vec<RulePlace>,
    /// Places in the model, nearest first; only the first unless all were asked for.
    pub examples: Vec<Example>,
    /// What would make the first of them match, where that is certain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// Rules that took these places instead, with how many.
    pub taken_by: Vec<(String, usize)>,
}

/// A place in a rule file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RulePlace {
    /// The file.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// In bytes, from 1.
    pub column: u32,
    /// Behind the last byte.
    pub end_line: u32,
    /// Behind the last byte.
    pub end_column: u32,
}

/// A near miss.
#[derive(Clone, Debug, Serialize)]
pub struct Example {
    /// The instance of the rule.
    pub instance: String,
    /// What the rule was tried at: its root.
    pub root: ModelNode,
    /// Where it failed.
    pub at: ModelNode,
    /// What failed, with values.
    pub miss: String,
    /// Of a guard that compares: the part that is not true, and what both sides are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared: Option<Compared>,
    /// What the rule's names held.
    pub captures: Vec<Held>,
    /// What matched before, in the order of the rule.
    pub met: Vec<Looked>,
}

/// A comparison in a guard.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// The part of the guard.
    pub part: String,
    /// The left side and its value.
    pub left: (String, String),
    /// The right side and its value.
    pub right: (String, String),
}

/// A name of the rule with what it held.
#[derive(Clone, Debug, Serialize)]
pub struct Held {
    /// The name.
    pub name: String,
    /// The value of the model, if it is one.
    pub value: String,
    /// What is known of it.
    pub text: String,
}

/// Something that matched.
#[derive(Clone, Debug, Serialize)]
pub struct Looked {
    /// What it was.
    pub what: String,
    /// Where it is written.
    #[serde(skip)]
    pub span: Span,
    /// Where it was met; empty for a guard.
    pub node: ModelNode,
}

/// The best attempts at one class: several where instances or variants came equally far and stopped alike.
#[derive(Clone, Debug)]
pub(super) struct Nearest {
    pub(super) attempts: Vec<Attempt>,
}

impl Nearest {
    /// The nearest of the attempts at a class, none of which matched. Nothing if none met anything, unless the class was asked for.
    pub(super) fn of(attempts: Vec<Attempt>, is_asked: bool) -> Option<Nearest> {
        let rank = |attempt: &Attempt| (attempt.is_guard(), attempt.met.len());
        let best = attempts.iter().map(rank).max()?;
        if best.1 == 0 && !is_asked {
            return None;
        }
        let mut left: Vec<Attempt> = attempts.into_iter().filter(|a| rank(a) == best).collect();
        left.sort_by_key(|attempt| attempt.of);
        // Those that stopped at the same place for want of an operator are one; of others the first.
        let first = left.first()?;
        let class = first.missed.as_ref()?.class;
        let wants_operator = |attempt: &Attempt| {
            attempt.missed.as_ref().is_some_and(|missed| {
                missed.class == class && matches!(missed.miss, Miss::Operator { .. })
            })
        };
        if wants_operator(first) {
            left.retain(wants_operator);
        } else {
            left.truncate(1);
        }
        Some(Nearest { attempts: left })
    }

    pub(super) fn first(&self) -> &Attempt {
        &self.attempts[0]
    }

    fn missing(&self) -> &Missing {
        let missed = &self.first().missed;
        missed
            .as_ref()
            .unwrap_or_else(|| unreachable!("a nearest attempt did not match"))
    }

    /// Why, without the values of one place.
    fn reason(&self) -> String {
        if !matches!(self.missing().miss, Miss::Operator { .. }) {
            return self.missing().miss.kind();
        }
        let mut wanted: Vec<&str> = Vec::new();
        for attempt in &self.attempts {
            if let Some(Missing {
                miss: Miss::Operator { expected, .. },
                ..
            }) = &attempt.missed
                && !wanted.contains(&expected.as_str())
            {
                wanted.push(expected.as_str());
            }
        }
        match wanted.as_slice() {
            many if many.len() > MOST_NAMED => {
                let named = many[..2].join(", ");
                format!("expected one of {} operators ({named}, ...)", many.len())
            }
            few => format!("expected {}", few.join(" or ")),
        }
    }

    /// What there was instead of an operator: the model's, whatever else rules found equal to it.
    fn found(&self, nodes: &ModelNodes<'_>) -> Option<String> {
        let missing = self.missing();
        let Miss::Operator { found, .. } = &missing.miss else {
            return None;
        };
        let node = nodes.of(missing.class);
        Some(match node.place.as_str() {
            "" => found.clone(),
            _ => node.op,
        })
    }

    fn spans(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for missed in self.attempts.iter().filter_map(|a| a.missed.as_ref()) {
            if !spans.contains(&missed.span) {
                spans.push(missed.span);
            }
        }
        spans
    }

    fn instances(&self, set: &RuleSet) -> Vec<String> {
        let mut labels: Vec<String> = Vec::new();
        for attempt in &self.attempts {
            let label = set.label(set.variant(attempt.variant)).to_string();
            if !labels.contains(&label) {
                labels.push(label);
            }
        }
        labels
    }
}

/// What a miss is, in one word.
fn kind(miss: &Miss) -> &'static str {
    match miss {
        Miss::Guard { .. } => "guard",
        Miss::Operator { .. } => "operator",
        Miss::Operands { .. } => "operands",
        Miss::Result { .. } => "result",
        Miss::Literal { .. } => "literal",
        Miss::NotLiteral { .. } => "not-literal",
        Miss::Different { .. } => "different",
        Miss::Type { .. } => "type",
        Miss::Root { .. } => "root",
        Miss::Attribute { .. } => "attribute",
    }
}

/// Groups with the attempts in each, nearest first.
pub(super) fn grouped(
    near: Vec<Nearest>,
    set: &RuleSet,
    nodes: &ModelNodes<'_>,
) -> Vec<(Group, Vec<Nearest>)> {
    let mut groups: IndexMap<(Vec<Span>, String), Vec<Nearest>, FxBuildHasher> =
        IndexMap::default();
    for nearest in near {
        let key = (nearest.spans(), nearest.reason());
        groups.entry(key).or_default().push(nearest);
    }
    let mut found: Vec<(Group, Vec<Nearest>)> = groups
        .into_iter()
        .map(|((spans, reason), mut members)| {
            members.sort_by_key(|nearest| Reverse(nearest.first().met.len()));
            let first = &members[0];
            let mut found: Vec<(String, usize)> = Vec::new();
            for what in members.iter().filter_map(|member| member.found(nodes)) {
                match found.iter_mut().find(|(known, _)| *known == what) {
                    Some((_, count)) => *count += 1,
                    None => found.push((what, 1)),
                }
            }
            found.sort_by_key(|(_, count)| Reverse(*count));
            let group = Group {
                count: members.len(),
                matched: first.first().met.len(),
                of: first.first().of,
                kind: kind(&first.missing().miss),
                reason,
                found,
                instances: first.instances(set),
                spans,
                places: Vec::new(),
                examples: Vec::new(),
                suggestion: None,
                taken_by: Vec::new(),
            };
            (group, members)
        })
        .collect();
    found.sort_by_key(|(group, _)| {
        let left = group.of - group.matched;
        (group.kind != "guard", left, Reverse(group.count))
    });
    found
}

/// An attempt with the model's names.
pub(super) fn example(nearest: &Nearest, set: &RuleSet, nodes: &ModelNodes<'_>) -> Example {
    let attempt = nearest.first();
    let missing = nearest.missing();
    let compared = match &missing.miss {
        Miss::Guard { part, .. } => part.sides.clone().map(|[left, right]| Compared {
            part: part.text.clone(),
            left,
            right,
        }),
        _ => None,
    };
    let miss = match &missing.miss {
        Miss::Operator { found, .. } => {
            let found = nearest.found(nodes).unwrap_or_else(|| found.clone());
            format!("{}, found {found}", nearest.reason())
        }
        other => other.to_string(),
    };
    Example {
        instance: set.label(set.variant(attempt.variant)).to_string(),
        root: nodes.of(attempt.root),
        at: nodes.of(missing.class),
        miss,
        compared,
        captures: held(attempt, nodes),
        met: met(attempt, set, nodes),
    }
}

/// The names of an attempt.
pub(super) fn held(attempt: &Attempt, nodes: &ModelNodes<'_>) -> Vec<Held> {
    let name = |class: Class| nodes.of(class).name;
    attempt
        .captures
        .iter()
        .map(|capture| Held {
            name: capture.name.to_string(),
            value: capture.class.map(name).unwrap_or_default(),
            text: capture.text.clone(),
        })
        .collect()
}

/// What an attempt met.
pub(super) fn met(attempt: &Attempt, set: &RuleSet, nodes: &ModelNodes<'_>) -> Vec<Looked> {
    let rule = &set.rules()[set.variant(attempt.variant).rule as usize];
    let looked = attempt.met.iter().map(|met| Looked {
        what: match &met.what {
            MetKind::Operator(op) => op.to_string(),
            MetKind::Result(result) => format!("result {result}"),
            MetKind::Link(op) => format!("a link {op}"),
            MetKind::Literal(literal) => LiteralText(literal).to_string(),
            MetKind::Bare(name) => format!("{name}, known at compile time"),
            MetKind::Same(name) => format!("{name} again"),
            MetKind::Typed(name, ty) => format!("{name}: {ty}"),
            MetKind::Guard(reason) => format!("guard: {}", rule.reasons[*reason].text),
        },
        span: met.span,
        node: met.class.map(|class| nodes.of(class)).unwrap_or_default(),
    });
    looked.collect()
}
