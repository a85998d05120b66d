//! Attempts of rules to match a class: how far each variant came, what it held then, and what ended it.
//!
//! In: an e-graph, a rule set, some of its variants, a class. Out: for each variant its best [`Attempt`]. Found by the plain matcher
//! with a record, on demand; the search pays nothing for it.
//! Invariant: of two attempts the better one failed on a guard, or else met more before it failed.
//! Invariant: what an attempt has met is in the order of the rule's text, guards last.

use crate::check::evaluate::evaluate;
use crate::check::rule::{Pattern, Rest, Slot, SlotKind};
use crate::graph::{Literal, Name};
use crate::ops;
use crate::rules::{CompiledVariant, RuleSet, slots_of};
use crate::source::Span;

use super::binding::Bound;
use super::classes::EGraph;
use super::guard_text::failing_part;
use super::language::Class;
use super::miss::{Miss, constraint_text};
use super::pattern::walk;
use super::scope::{MatchScope, Slots};
use super::watch::{Bindings, Failure, Looked, Missed, Watch};

/// The best attempt of a variant at a class.
#[derive(Clone, PartialEq, Debug)]
pub struct Attempt {
    /// The variant's number in its set.
    pub variant: u32,
    /// The class that its first root was tried at.
    pub root: Class,
    /// What it met, in order.
    pub met: Vec<Met>,
    /// What its names held.
    pub captures: Vec<Capture>,
    /// How much there was to meet, guards included.
    pub of: usize,
    /// How it ended; nothing if it matched.
    pub missed: Option<Missing>,
}

/// Something that an attempt met.
#[derive(Clone, PartialEq, Debug)]
pub struct Met {
    /// What it was.
    pub what: MetKind,
    /// Where it is written.
    pub span: Span,
    /// Where it was met; nothing for a guard.
    pub class: Option<Class>,
}

/// What an attempt met.
#[derive(Clone, PartialEq, Debug)]
pub enum MetKind {
    /// An operator.
    Operator(Name),
    /// A result of an operator with several.
    Result(u32),
    /// A link of a chain of this operator.
    Link(Name),
    /// A literal.
    Literal(Literal),
    /// A name that stands for a literal.
    Bare(Name),
    /// A name that held this value already.
    Same(Name),
    /// A type, as text.
    Typed(Name, String),
    /// A guard, with its number among the rule's reasons.
    Guard(usize),
}

/// A name with what it held.
#[derive(Clone, PartialEq, Debug)]
pub struct Capture {
    /// The name as written.
    pub name: Name,
    /// Its class, if it held one.
    pub class: Option<Class>,
    /// What is known of it.
    pub text: String,
}

/// What ended an attempt.
#[derive(Clone, PartialEq, Debug)]
pub struct Missing {
    /// What it was.
    pub miss: Miss,
    /// Where it is written.
    pub span: Span,
    /// Where it was met; the root for a guard.
    pub class: Class,
}

impl Attempt {
    /// Whether it failed on a guard: the whole pattern matched.
    pub fn is_guard(&self) -> bool {
        let missed = self.missed.as_ref();
        missed.is_some_and(|missed| matches!(missed.miss, Miss::Guard { .. }))
    }
}

/// The best attempt of each of these variants at a class. The e-graph must be rebuilt.
pub fn attempts(
    graph: &EGraph,
    set: &RuleSet,
    variants: impl IntoIterator<Item = u32>,
    class: Class,
) -> Vec<Attempt> {
    let class = graph.find(class);
    let of = variants.into_iter().filter_map(|number| {
        let variant = set.variant(number);
        attempt_with(graph, set, number, &variant.patterns, class)
    });
    of.collect()
}

/// The best attempt of a variant with these patterns in place of its own, which bind the same slots.
pub fn attempt_with(
    graph: &EGraph,
    set: &RuleSet,
    number: u32,
    patterns: &[Pattern],
    class: Class,
) -> Option<Attempt> {
    let variant = set.variant(number);
    let class = graph.find(class);
    let roots: Vec<&Pattern> = patterns.iter().collect();
    let mut record = Record {
        set,
        variant,
        number,
        best: None,
    };
    walk(graph, &variant.slots, &roots, class, &mut record);
    let mut best = record.best?;
    let of = roots.iter().map(|pattern| size(pattern)).sum::<usize>() + variant.guards.len();
    // Elements of a list count one by one, and a pattern does not say how many there are.
    best.of = of.max(best.met.len() + usize::from(best.missed.is_some()));
    Some(best)
}

/// Watches the attempts of one variant.
struct Record<'p> {
    set: &'p RuleSet,
    variant: &'p CompiledVariant,
    number: u32,
    best: Option<Attempt>,
}

impl<'p> Record<'p> {
    fn is_better(&self, met: usize, guard: bool) -> bool {
        self.best.as_ref().is_none_or(|best| {
            best.missed.is_some() && (best.is_guard(), best.met.len()) < (guard, met)
        })
    }

    fn attempt(&self, walk: &Bindings<'p, '_>, missed: Option<Missing>) -> Attempt {
        let name = |slot: Slot| self.variant.slots[slot.0 as usize].name;
        let met = walk.trail.iter().map(|passed| Met {
            what: match passed.looked {
                Looked::Operator(apply) => MetKind::Operator(apply.op),
                Looked::Projection(result) => MetKind::Result(result),
                Looked::Link(op) => MetKind::Link(op),
                Looked::Literal(literal) => MetKind::Literal(literal.clone()),
                Looked::Bare(slot) => MetKind::Bare(name(slot)),
                Looked::Same(slot) => MetKind::Same(name(slot)),
                Looked::Typed(slot, constraint) => {
                    MetKind::Typed(name(slot), constraint_text(constraint, &self.variant.slots))
                }
            },
            span: passed.span,
            class: Some(passed.class),
        });
        Attempt {
            variant: self.number,
            root: walk.roots[0],
            met: met.collect(),
            captures: captures(walk),
            of: 0,
            missed,
        }
    }
}

impl<'p> Watch<'p> for Record<'p> {
    fn found(&mut self, walk: &Bindings<'p, '_>) -> bool {
        let scope = MatchScope {
            graph: walk.graph,
            infos: walk.infos,
            slots: walk,
        };
        let rule = &self.set.rules()[self.variant.rule as usize];
        let (mut held, mut missed) = (Vec::new(), None);
        for guard in &self.variant.guards {
            let reason = &rule.reasons[guard.reason];
            if evaluate(&guard.condition, &self.variant.lets, &scope).is_true() {
                held.push(Met {
                    what: MetKind::Guard(guard.reason),
                    span: reason.span,
                    class: None,
                });
                continue;
            }
            let slots = slots_of(&guard.condition, &self.variant.lets);
            let values = slots.into_iter().map(|slot| {
                (
                    self.variant.slots[slot.0 as usize].name,
                    held_text(walk, slot),
                )
            });
            missed = Some(Missing {
                miss: Miss::Guard {
                    text: reason.text.clone(),
                    reason: guard.reason,
                    part: failing_part(&guard.condition, self.variant, &scope),
                    values: values.collect(),
                },
                span: reason.span,
                class: walk.roots[0],
            });
            break;
        }
        let is_match = missed.is_none();
        if is_match || self.is_better(walk.trail.len() + held.len(), true) {
            let mut attempt = self.attempt(walk, missed);
            attempt.met.extend(held);
            self.best = Some(attempt);
        }
        !is_match
    }

    fn failed(&mut self, walk: &Bindings<'p, '_>, missed: Missed<'p>) {
        if !self.is_better(walk.trail.len(), false) {
            return;
        }
        let missing = Missing {
            miss: described(walk, &missed),
            span: missed.span,
            class: missed.class,
        };
        self.best = Some(self.attempt(walk, Some(missing)));
    }
}

/// The names of the rule that hold something, in the order they were met.
fn captures(walk: &Bindings<'_, '_>) -> Vec<Capture> {
    let held = (0..).map(Slot).zip(walk.infos);
    held.filter(|(slot, info)| {
        walk.bound(*slot) != Bound::Nothing && is_written(info.name.as_str())
    })
    .map(|(slot, info)| Capture {
        name: info.name,
        class: walk.bound(slot).class(),
        text: held_text(walk, slot),
    })
    .collect()
}

/// What a slot holds, for messages. TorchScript writes element types as numbers.
fn held_text(walk: &Bindings<'_, '_>, slot: Slot) -> String {
    let bound = walk.bound(slot);
    let literal = walk.graph.bound_literal(bound);
    let literal = literal.map(|id| walk.graph.inner.analysis.tables.get_literal(id));
    match (&walk.infos[slot.0 as usize].kind, literal) {
        (SlotKind::Literal { dtype: true }, Some(Literal::Int(code))) => ops::torch_dtype(*code)
            .map_or_else(|| code.to_string(), |dtype| dtype.name().to_owned()),
        _ => walk.graph.bound_text(bound, &walk.pool),
    }
}

/// Whether the author gave the name; the checker makes up others, of what they stand for.
fn is_written(name: &str) -> bool {
    !name.contains(':') && name != "%_"
}

fn described(walk: &Bindings<'_, '_>, missed: &Missed<'_>) -> Miss {
    let (graph, class) = (walk.graph, missed.class);
    let found = || graph.value_text(class);
    let name = |slot: Slot| walk.infos[slot.0 as usize].name;
    match missed.failure {
        Failure::Operator(apply) => match graph.operands_of(class, apply.op) {
            Some(found) => Miss::Operands {
                op: apply.op,
                expected: apply.operands.len(),
                found,
            },
            None => Miss::Operator {
                expected: apply.op,
                found: found(),
            },
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
            first: graph.bound_text(walk.bound(slot), &walk.pool),
            found: found(),
        },
        Failure::Typed(slot, constraint) => Miss::Type {
            name: name(slot),
            expected: constraint_text(constraint, walk.infos),
            found: graph.facts_text(class),
        },
        Failure::Attribute(name) => Miss::Attribute { name },
        Failure::Root(pattern) => Miss::Root {
            expected: first_operator(pattern),
        },
    }
}

/// The operator that a root begins with.
fn first_operator(pattern: &Pattern) -> Name {
    match pattern {
        Pattern::Apply(apply) => apply.op,
        Pattern::Chain { op, .. } => *op,
        Pattern::Project { of, .. } => first_operator(of),
        _ => unreachable!("a root is an operator, a projection of one, or a chain"),
    }
}

/// How much a pattern looks for.
fn size(pattern: &Pattern) -> usize {
    match pattern {
        Pattern::Any => 0,
        Pattern::Value(_, constraint) => usize::from(constraint.is_some()),
        Pattern::Literal(_) | Pattern::Bare(_) | Pattern::Again(_) => 1,
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
