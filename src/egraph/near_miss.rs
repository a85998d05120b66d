//! Why a rule did not match: for each rule that looks for what a class has, the attempt that came furthest and what ended it.
//!
//! In: an e-graph, a rule set, a class. Out: near misses, nearest first. Found by the plain matcher with a record, on demand; the search
//! pays nothing for it.
//! Invariant: a rule that matches the class is no near miss.
//! Invariant: an attempt that failed on a guard is nearer than one whose pattern did not match, and of those the one that matched more.

use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

use crate::check::evaluate::evaluate;
use crate::check::rule::{Constraint, Pattern, Rest};
use crate::graph::text::{LiteralText, TypeText};
use crate::graph::{DType, Literal, Name};
use crate::rules::{CompiledVariant, RuleSet, slots_of};

use super::binding::Bound;
use super::classes::EGraph;
use super::language::{Class, NodeKind};
use super::pattern::{Bindings, Failure, Watch, walk};
use super::scope::{MatchScope, Slots};

/// A rule that nearly matched.
#[derive(Clone, PartialEq, Debug)]
pub struct NearMiss {
    /// Full name.
    pub rule: Name,
    /// The instance: `packed[op = conv2d]`.
    pub instance: Arc<str>,
    /// How many operators, literals and conditions of the pattern matched.
    pub matched: usize,
    /// How many there are.
    pub of: usize,
    /// What ended it.
    pub miss: Miss,
}

/// What ended an attempt to match.
#[derive(Clone, PartialEq, Debug)]
pub enum Miss {
    /// A guard: what it says, and what the names in it hold.
    Guard {
        /// The text behind `else`.
        text: Arc<str>,
        /// Names and values.
        values: Vec<(Name, String)>,
    },
    /// The operator, with another number of operands or results.
    Operands {
        /// The operator.
        op: Name,
        /// Number of operands that the rule writes.
        expected: usize,
    },
    /// Another operator.
    Operator {
        /// What the rule looks for.
        expected: Name,
        /// What there is.
        found: String,
    },
    /// Not this result of an operator.
    Result {
        /// Which one.
        expected: u32,
        /// What there is.
        found: String,
    },
    /// Another literal, or none.
    Literal {
        /// What the rule looks for.
        expected: Literal,
        /// What there is.
        found: String,
    },
    /// A name that stands for something known at compile time met a value that is not.
    NotLiteral {
        /// The name.
        name: Name,
        /// What there is.
        found: String,
    },
    /// A name written twice met two values.
    Different {
        /// The name.
        name: Name,
        /// What there is the second time.
        found: String,
    },
    /// Not of the type written.
    Type {
        /// The name.
        name: Name,
        /// The type.
        expected: String,
        /// What is known.
        found: String,
    },
    /// An attribute is another.
    Attribute {
        /// Its name.
        name: Name,
    },
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Miss::Guard { text, values } => {
                f.write_str(text)?;
                for (at, (name, value)) in values.iter().enumerate() {
                    let before = if at == 0 { " (" } else { ", " };
                    write!(f, "{before}{name} = {value}")?;
                }
                f.write_str(if values.is_empty() { "" } else { ")" })
            }
            Miss::Operands { op, expected } => {
                write!(
                    f,
                    "expected {op} with {expected} operands, found it with others"
                )
            }
            Miss::Operator { expected, found } => write!(f, "expected {expected}, found {found}"),
            Miss::Result { expected, found } => {
                write!(
                    f,
                    "expected result {expected} of an operator, found {found}"
                )
            }
            Miss::Literal { expected, found } => {
                write!(f, "expected {}, found {found}", LiteralText(expected))
            }
            Miss::NotLiteral { name, found } => {
                write!(f, "{name} has to be known at compile time, found {found}")
            }
            Miss::Different { name, found } => {
                write!(f, "{name} is another value where it is met again: {found}")
            }
            Miss::Type {
                name,
                expected,
                found,
            } => write!(f, "{name} has to be {expected}, found {found}"),
            Miss::Attribute { name } => write!(f, "attribute {name} is another"),
        }
    }
}

/// The rules that nearly matched at a class, nearest first, each once. The e-graph must be rebuilt.
pub fn near_misses(graph: &EGraph, set: &RuleSet, class: Class) -> Vec<NearMiss> {
    let class = graph.find(class);
    let mut found: Vec<(u32, bool, NearMiss)> = Vec::new();
    let mut matched: Vec<u32> = Vec::new();
    for variant in set.variants() {
        let patterns: Vec<&Pattern> = variant.patterns.iter().collect();
        let mut record = Record {
            set,
            variant,
            best: None,
            holds: false,
        };
        walk(graph, &variant.slots, &patterns, class, &mut record);
        if record.holds {
            matched.push(variant.rule);
            continue;
        }
        let Some(best) = record.best.filter(|best| best.matched > 0) else {
            continue;
        };
        let is_guard = matches!(best.why, Why::Guard(..));
        let near = NearMiss {
            rule: set.rules()[variant.rule as usize].name,
            instance: set.label(variant).clone(),
            matched: best.matched,
            of: patterns.iter().map(|pattern| size(pattern)).sum::<usize>() + variant.guards.len(),
            miss: best.into_miss(graph, variant),
        };
        found.push((variant.rule, is_guard, near));
    }
    found.sort_by_key(|(rule, guard, near)| {
        (
            !guard,
            Reverse(near.matched),
            near.of - near.matched.min(near.of),
            *rule,
        )
    });
    let mut seen = matched;
    found.retain(|(rule, _, _)| {
        let new = !seen.contains(rule);
        seen.push(*rule);
        new
    });
    found.into_iter().map(|(_, _, near)| near).collect()
}

/// Watches the attempts of one variant.
struct Record<'p> {
    set: &'p RuleSet,
    variant: &'p CompiledVariant,
    best: Option<Best<'p>>,
    holds: bool,
}

struct Best<'p> {
    matched: usize,
    class: Class,
    why: Why<'p>,
}

enum Why<'p> {
    Pattern(Failure<'p>),
    Guard(Arc<str>, Vec<(Name, String)>),
}

impl<'p> Watch<'p> for Record<'p> {
    fn found(&mut self, walk: &Bindings<'p, '_>) -> bool {
        let scope = MatchScope {
            graph: walk.graph,
            infos: walk.infos,
            slots: walk,
        };
        for (at, guard) in self.variant.guards.iter().enumerate() {
            if evaluate(&guard.condition, &self.variant.lets, &scope).is_true() {
                continue;
            }
            let matched = walk.matched + at;
            let is_better = match &self.best {
                Some(best) => !matches!(best.why, Why::Guard(..)) || best.matched < matched,
                None => true,
            };
            if is_better {
                let rule = &self.set.rules()[self.variant.rule as usize];
                let text = rule.reasons[guard.reason].text.clone();
                let slots = slots_of(&guard.condition, &self.variant.lets);
                let values = slots.into_iter().map(|slot| {
                    let bound = walk.bound(slot);
                    let text = walk.graph.bound_text(bound, walk.pool());
                    (self.variant.slots[slot.0 as usize].name, text)
                });
                self.best = Some(Best {
                    matched,
                    class: walk.roots[0],
                    why: Why::Guard(text, values.collect()),
                });
            }
            return true;
        }
        self.holds = true;
        false
    }

    fn failed(&mut self, matched: usize, class: Class, failure: Failure<'p>) {
        let is_better = match &self.best {
            Some(best) => !matches!(best.why, Why::Guard(..)) && best.matched < matched,
            None => true,
        };
        if is_better {
            self.best = Some(Best {
                matched,
                class,
                why: Why::Pattern(failure),
            });
        }
    }
}

impl Best<'_> {
    fn into_miss(self, graph: &EGraph, variant: &CompiledVariant) -> Miss {
        let found = || graph.value_text(self.class);
        let name = |slot: crate::check::rule::Slot| variant.slots[slot.0 as usize].name;
        match self.why {
            Why::Guard(text, values) => Miss::Guard { text, values },
            Why::Pattern(failure) => match failure {
                Failure::Operator(apply) if graph.has_operator(self.class, apply.op) => {
                    Miss::Operands {
                        op: apply.op,
                        expected: apply.operands.len(),
                    }
                }
                Failure::Operator(apply) => Miss::Operator {
                    expected: apply.op,
                    found: found(),
                },
                Failure::Chain(op) => Miss::Operator {
                    expected: op,
                    found: found(),
                },
                Failure::Projection(result) => Miss::Result {
                    expected: result,
                    found: found(),
                },
                Failure::Literal(literal) => Miss::Literal {
                    expected: literal.clone(),
                    found: found(),
                },
                Failure::Bare(slot) => Miss::NotLiteral {
                    name: name(slot),
                    found: found(),
                },
                Failure::Different(slot) => Miss::Different {
                    name: name(slot),
                    found: found(),
                },
                Failure::Typed(slot, constraint) => Miss::Type {
                    name: name(slot),
                    expected: constraint_text(constraint),
                    found: graph.facts_text(self.class),
                },
                Failure::Attribute(name) => Miss::Attribute { name },
            },
        }
    }
}

impl EGraph {
    /// What a bound holds, for messages.
    fn bound_text(&self, bound: Bound, pool: &[Bound]) -> String {
        if let Some(items) = bound.items(pool) {
            let texts: Vec<String> = items.iter().map(|&b| self.bound_text(b, pool)).collect();
            return format!("[{}]", texts.join(", "));
        }
        match (bound, self.bound_literal(bound)) {
            (_, Some(id)) => LiteralText(self.inner.analysis.tables.get_literal(id)).to_string(),
            (Bound::Class(class), None) => self.facts_text(class),
            _ => "none".to_owned(),
        }
    }

    fn has_operator(&self, class: Class, wanted: Name) -> bool {
        self.nodes(class)
            .iter()
            .any(|node| matches!(self.kind(node), NodeKind::Operator { op, .. } if op == wanted))
    }

    /// A literal, or the operators of a class.
    fn value_text(&self, class: Class) -> String {
        if let Some(literal) = self.literal(class) {
            return LiteralText(literal).to_string();
        }
        let mut texts: Vec<String> = Vec::new();
        for node in self.nodes(class) {
            let text = match self.kind(node) {
                NodeKind::Operator { op, .. } => op.to_string(),
                NodeKind::Projection(result) => format!("result {result} of an operator"),
                NodeKind::Constant(_) => "a constant".to_owned(),
                NodeKind::Leaf(_) | NodeKind::Literal(_) => "a value from outside".to_owned(),
            };
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        texts.join(" or ")
    }

    /// What is known of a class: `const quint8 [1, 3, _, _] (scale 0.1, zero point 0)`.
    fn facts_text(&self, class: Class) -> String {
        let facts = self.facts(class);
        if let Some(literal) = &facts.literal {
            return LiteralText(literal).to_string();
        }
        let mut text = String::new();
        if self.is_const(class) {
            text.push_str("const ");
        }
        text.push_str(facts.dtype.map_or("unknown type", DType::name));
        if let Some(shape) = &facts.shape {
            let dims: Vec<String> = shape.iter().map(|dim| dim.to_string()).collect();
            text.push_str(&format!(" [{}]", dims.join(", ")));
        }
        if let crate::graph::QParams::PerTensor { scale, zero_point } = facts.qparams {
            text.push_str(&format!(" (scale {scale}, zero point {zero_point})"));
        }
        text
    }
}

/// How much a pattern looks for.
fn size(pattern: &Pattern) -> usize {
    match pattern {
        Pattern::Any | Pattern::Again(_) => 0,
        Pattern::Value(_, constraint) => usize::from(constraint.is_some()),
        Pattern::Literal(_) | Pattern::Bare(_) => 1,
        Pattern::Apply(apply) => {
            let rest = match &apply.rest {
                Some(Rest::Each { pattern, .. }) => size(pattern),
                _ => 0,
            };
            1 + rest + apply.operands.iter().map(size).sum::<usize>()
        }
        Pattern::Project { of, .. } => 1 + size(of),
        Pattern::Chain { inner, .. } => 1 + size(inner),
    }
}

fn constraint_text(constraint: &Constraint) -> String {
    let mut parts: Vec<String> = Vec::new();
    if constraint.constant {
        parts.push("const".to_owned());
    }
    if let Some(ty) = &constraint.ty {
        parts.push(TypeText(ty).to_string());
    }
    let dtypes: Vec<&str> = constraint.dtypes.iter().map(|dtype| dtype.name()).collect();
    if !dtypes.is_empty() {
        parts.push(format!("of {}", dtypes.join(" or ")));
    }
    if let Some(dims) = &constraint.dims {
        parts.push(format!("with {} dimensions as written", dims.len()));
    }
    parts.join(" ")
}
