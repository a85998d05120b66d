//! Watching a run for what one rule does in it.
//!
//! In: steps as they run, a rule. Out: a [`StepWhy`] for each step that has the rule.
//! Invariant: the matcher asked is the plain one, over the e-graph as the step left it: what other rules made counts too.

use std::ops::ControlFlow;

use rustc_hash::FxHashSet;

use crate::check::rule::Pattern;
use crate::diagnostic::closest;
use crate::egraph::{Attempt, Class, SaturationReport, Stop, attempts};
use crate::graph::Name;
use crate::pipeline::observe::{Acted, Observer};
use crate::rules::CompiledVariant;
use crate::source::{Sources, Span};

use super::answer::{MissingOperator, Question, StepWhy};
use super::fate::{fates, taker};
use super::groups::{Example, Group, Nearest, RulePlace, example, grouped, held, met};
use super::model_nodes::ModelNodes;
use super::subject::Subject;

/// Groups whose cure is looked for.
const MOST_SUGGESTED: usize = 8;
/// Matches told one by one.
const MOST_MATCHES: usize = 3;

/// What is asked, of which rule, and the texts its spans point into.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The rule.
    pub subject: &'a Subject<'a>,
    /// The question.
    pub question: &'a Question,
    /// The texts.
    pub sources: &'a Sources,
}

/// Watches for one rule.
pub(super) struct Witness<'a> {
    asked: Asked<'a>,
    pub(super) steps: Vec<StepWhy>,
    /// What was wrong with the node asked for.
    pub(super) error: Option<String>,
}

impl<'a> Witness<'a> {
    pub(super) fn new(asked: Asked<'a>) -> Witness<'a> {
        Witness {
            asked,
            steps: Vec::new(),
            error: None,
        }
    }
}

impl Observer for Witness<'_> {
    fn wants(&self, named: &[Name]) -> bool {
        named.contains(&self.asked.subject.rule.name)
    }

    fn acted(&mut self, step: &Acted<'_>) -> ControlFlow<()> {
        match step_why(step, &self.asked) {
            Ok(told) => self.steps.extend(told),
            Err(message) => {
                self.error = Some(message);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

/// What a rule did in a step; nothing if the step does not have it.
///
/// # Errors
/// The node that was asked for does not exist.
pub fn step_why(step: &Acted<'_>, asked: &Asked<'_>) -> Result<Option<StepWhy>, String> {
    let Asked {
        subject,
        question,
        sources,
    } = *asked;
    let rule = subject.rule.name;
    let set = step.set;
    let is_asked = |variant: &CompiledVariant| {
        set.rules()[variant.rule as usize].name == rule
            && subject.instances.contains(&variant.instance)
    };
    let variants: Vec<u32> = (0..)
        .zip(set.variants())
        .filter(|(_, variant)| is_asked(variant))
        .map(|(number, _)| number)
        .collect();
    if variants.is_empty() {
        return Ok(None);
    }
    let nodes = ModelNodes::new(step.graph, step.built, step.candidates);
    let only = match &question.at {
        Some(words) => Some(nodes.named(words)?),
        None => None,
    };
    let (matches, near) = tried(step, &variants, only.as_deref());
    let matched = matches.len();
    let near_count = near.len();
    let mut groups = Vec::new();
    for (number, (group, members)) in grouped(near, set, &nodes).into_iter().enumerate() {
        groups.push(told(asked, step, &nodes, group, &members, number));
    }
    let fates = fates(step, &matches, &nodes);
    let shown = if question.all {
        usize::MAX
    } else {
        MOST_MATCHES
    };
    let told = matches.iter().take(shown).map(|attempt| Example {
        instance: set.label(set.variant(attempt.variant)).to_string(),
        root: nodes.of(attempt.root),
        at: nodes.of(attempt.root),
        miss: String::new(),
        compared: None,
        captures: held(attempt, &nodes),
        met: met(attempt, set, &nodes),
    });
    Ok(Some(StepWhy {
        verb: if step.is_apply() { "apply" } else { "saturate" },
        method: step.method.to_owned(),
        span: step.span,
        place: place(sources, step.span),
        matches: matched,
        fates,
        matched: told.collect(),
        near_misses: near_count,
        groups,
        missing_operators: missing_operators(step, &variants, &nodes),
        limits: limits(step.saturations, rule),
    }))
}

/// A group with its places in the model, its cure, and who took the places.
fn told(
    asked: &Asked<'_>,
    step: &Acted<'_>,
    nodes: &ModelNodes<'_>,
    mut group: Group,
    members: &[Nearest],
    number: usize,
) -> Group {
    let shown = if asked.question.all { usize::MAX } else { 1 };
    let examples = members.iter().take(shown);
    group.examples = examples.map(|one| example(one, step.set, nodes)).collect();
    group.places = group
        .spans
        .iter()
        .map(|&span| place(asked.sources, span))
        .collect();
    if number < MOST_SUGGESTED
        && let Some(first) = members.first()
    {
        group.suggestion = super::hints::suggestion(step, first.first());
    }
    let mut taken: Vec<(String, usize)> = Vec::new();
    for member in members {
        if let Some(by) = taker(step, asked.subject.rule.name, member.first().root) {
            match taken.iter_mut().find(|(known, _)| *known == by) {
                Some((_, count)) => *count += 1,
                None => taken.push((by, 1)),
            }
        }
    }
    group.taken_by = taken;
    group
}

/// The attempts of these variants: those that matched, the first at each class, and the nearest at each other class.
fn tried(
    step: &Acted<'_>,
    variants: &[u32],
    asked: Option<&[Class]>,
) -> (Vec<Attempt>, Vec<Nearest>) {
    let egraph = &step.built.egraph;
    let tops: FxHashSet<Name> = variants
        .iter()
        .filter_map(|&variant| step.set.variant(variant).patterns.first())
        .map(top)
        .collect();
    let projects = projects(step, variants);
    let (mut matches, mut near) = (Vec::new(), Vec::new());
    for class in egraph.classes() {
        let is_top = egraph
            .operators_of(class)
            .iter()
            .any(|op| tops.contains(op));
        let is_asked = asked.is_some_and(|asked| asked.contains(&class));
        // The operator of a projection stands below it.
        if !is_top && !is_asked && !projects {
            continue;
        }
        let mut of = attempts(egraph, step.set, variants.iter().copied(), class);
        if let Some(asked) = asked {
            of.retain(|attempt| is_asked || touches(step, attempt, asked));
        }
        if let Some(at) = of.iter().position(|attempt| attempt.missed.is_none()) {
            matches.push(of.swap_remove(at));
        } else {
            near.extend(Nearest::of(of, is_asked));
        }
    }
    (matches, near)
}

/// Whether some variant begins with a result of an operator with several.
fn projects(step: &Acted<'_>, variants: &[u32]) -> bool {
    variants.iter().any(|&variant| {
        let patterns = &step.set.variant(variant).patterns;
        matches!(patterns.first(), Some(Pattern::Project { .. }))
    })
}

/// Whether an attempt came to one of these classes.
fn touches(step: &Acted<'_>, attempt: &Attempt, classes: &[Class]) -> bool {
    let egraph = &step.built.egraph;
    let met = attempt.met.iter().filter_map(|met| met.class);
    let missed = attempt.missed.as_ref().map(|missed| missed.class);
    met.chain(missed)
        .any(|class| classes.contains(&egraph.find(class)))
}

/// The operator that a pattern begins with.
fn top(pattern: &Pattern) -> Name {
    match pattern {
        Pattern::Apply(apply) => apply.op,
        Pattern::Chain { op, .. } => *op,
        Pattern::Project { of, .. } => top(of),
        _ => unreachable!("a root is an operator, a projection of one, or a chain"),
    }
}

/// Operators that every variant needs and that nothing in the e-graph is.
fn missing_operators(
    step: &Acted<'_>,
    variants: &[u32],
    nodes: &ModelNodes<'_>,
) -> Vec<MissingOperator> {
    let there = nodes.operators();
    let known: FxHashSet<&str> = there.iter().copied().collect();
    let mut absent: Vec<Vec<Name>> = Vec::new();
    for &variant in variants {
        let mut needed = Vec::new();
        for pattern in &step.set.variant(variant).patterns {
            operators(pattern, &mut needed);
        }
        needed.retain(|op| !known.contains(op.as_str()));
        if needed.is_empty() {
            return Vec::new();
        }
        absent.push(needed);
    }
    let none = Vec::new();
    // What all variants want says most; else what each wants first.
    let (first, others) = absent.split_first().unwrap_or((&none, &[]));
    let by_all = first
        .iter()
        .filter(|op| others.iter().all(|of| of.contains(op)));
    let mut missing: Vec<Name> = by_all.copied().collect();
    if missing.is_empty() {
        missing.extend(absent.iter().filter_map(|of| of.first()));
    }
    missing.sort_by_key(|op| op.as_str());
    missing.dedup();
    missing
        .into_iter()
        .map(|op| MissingOperator {
            instead: closest(op.as_str(), there.iter().copied()).map(str::to_owned),
            op: op.to_string(),
        })
        .collect()
}

/// Operators that a pattern cannot do without; elements of a list may be none.
fn operators(pattern: &Pattern, into: &mut Vec<Name>) {
    match pattern {
        Pattern::Apply(apply) => {
            into.push(apply.op);
            apply
                .operands
                .iter()
                .for_each(|operand| operators(operand, into));
        }
        Pattern::Project { of, .. } => operators(of, into),
        Pattern::Chain {
            op,
            may_be_empty,
            inner,
            ..
        } => {
            if !may_be_empty {
                into.push(*op);
            }
            operators(inner, into);
        }
        Pattern::Any
        | Pattern::Value(..)
        | Pattern::Literal(_)
        | Pattern::Bare(_)
        | Pattern::Again(_) => {}
    }
}

/// Limits that stopped the search, as far as they matter to a rule.
fn limits(saturations: &[SaturationReport], rule: Name) -> Vec<String> {
    let mut told = Vec::new();
    for done in saturations {
        match done.stop {
            Stop::Saturated | Stop::Interrupted => {}
            Stop::Nodes => told.push(format!("the search stopped at {} nodes", done.nodes.1)),
            Stop::Rounds => told.push(format!("the search stopped after {} rounds", done.rounds)),
        }
        if done.ways_cut > 0 {
            told.push(format!(
                "{} lists had more ways to match than were tried",
                done.ways_cut
            ));
        }
        let of = done.rules.iter().find(|of| of.rule == rule);
        if let Some(of) = of.filter(|of| of.limited) {
            told.push(format!("the rule stopped after {} matches", of.matches));
        }
    }
    told
}

/// A place in a rule file for programs.
fn place(sources: &Sources, span: Span) -> RulePlace {
    let Some(file) = sources.file(span.source) else {
        return RulePlace::default();
    };
    let (start, end) = (file.place(span.range().start), file.place(span.range().end));
    RulePlace {
        file: file.name().to_owned(),
        line: start.line + 1,
        column: start.column + 1,
        end_line: end.line + 1,
        end_column: end.column + 1,
    }
}
