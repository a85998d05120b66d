//! The two steps that use rules: `saturate`, all equalities together, and `apply`, one match after the other.
//!
//! In: the graph of a method, constants, names of rules. Out: the graph rewritten; the report says what was done.

use std::cell::LazyCell;

use rustc_hash::FxHashSet;

use crate::check::rule::{Keep, Numerics, Rule};
use crate::egraph::build::{Built, View, build_with};
use crate::egraph::choose::{Choice, Redirect, Target, choose, least_operations};
use crate::egraph::extract::{Limits, Proof};
use crate::egraph::place::{Placed, place};
use crate::egraph::{
    self, Candidates, EGraph, Restriction, RuleStatistics, SaturationLimits, SaturationReport, Stop,
};
use crate::graph::{ConstantStore, Graph, Name};
use crate::ops;
use crate::rules::RuleSet;
use crate::source::Span;

use super::islands::islands;
use super::job::{JobError, NumericsLimit, Options};
use super::library::Loaded;
use super::norms::norms;
use super::observe::{Acted, Observer};
use super::report::{Applied, Bound, Island, Report};

/// Operators that PyTorch 1.13 has, and those that rule files declare, unless they are notes for the search.
struct Writable<'a>(&'a Loaded);

impl Target for Writable<'_> {
    fn allows(&self, op: Name) -> bool {
        match self.0.catalogue.custom(op.as_str()) {
            Some(custom) => !custom.is_virtual,
            None => ops::available_in_1_13(op.as_str()),
        }
    }
}

/// Where a step stands, and who is told what it did.
pub(super) struct Scene<'a> {
    /// The step's place.
    pub(super) span: Span,
    /// The method it works on.
    pub(super) method: &'a str,
    /// What the run tells in the end.
    pub(super) report: &'a mut Report,
    /// Who looks into the run.
    pub(super) observer: Option<&'a mut dyn Observer>,
}

impl Scene<'_> {
    /// Shows the step to the observer; an error if that has seen enough.
    fn show(&mut self, step: &Acted<'_>) -> Result<(), JobError> {
        if let Some(observer) = &mut self.observer
            && observer.wants(step.named)
            && observer.acted(step).is_break()
        {
            return Err(JobError::Observed);
        }
        Ok(())
    }
}

/// What a `saturate` step works with, by full names.
pub(super) struct Saturation<'a> {
    /// Rules.
    pub(super) rules: &'a [Name],
    /// Constants that are not folded.
    pub(super) keeps: &'a [Name],
    /// Groups of module paths whose operators may be matched; everything if there are none.
    pub(super) modules: &'a [Vec<String>],
    /// Rules that the steps before it applied: they too could have taken in what is left.
    pub(super) applied: &'a [Name],
}

/// What is known of a method's graph once it is the smallest.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Whether nothing smaller can be chosen.
    pub(super) proof: Proof,
    /// What no choice is below.
    pub(super) bound: Bound,
    /// What stayed float.
    pub(super) islands: Vec<Island>,
}

/// A method's graph with the constants that it and all others refer to.
pub(super) struct Graphs<'a> {
    /// The graph.
    pub(super) graph: &'a mut Graph,
    /// The constants.
    pub(super) constants: &'a mut ConstantStore,
    /// Attributes that calls in the graph may change; nothing if that is not known.
    pub(super) called: Option<&'a FxHashSet<Name>>,
}

/// Saturates with these rules and takes the smallest model.
pub(super) fn saturate(
    of: Graphs,
    loaded: &Loaded,
    options: &Options,
    names: &Saturation,
    scene: &mut Scene<'_>,
) -> Result<Outcome, JobError> {
    let rules: Vec<&Rule> = named(loaded, options, names.rules);
    let keeps: Vec<&Keep> = loaded
        .library
        .keeps
        .iter()
        .filter(|keep| names.keeps.contains(&keep.name))
        .collect();
    let set = RuleSet::compile(rules.iter().copied())
        .map_err(|error| JobError::Step(error.to_string()))?;
    let view = View {
        called: of.called,
        ..View::default()
    };
    let mut built = build_with(
        of.graph,
        EGraph::new(std::mem::take(of.constants)).with_keeps(keeps.iter().copied()),
        &loaded.catalogue,
        &view,
    );
    restrict(&mut built, names.modules);
    let mut totals: Vec<RuleStatistics> = Vec::new();
    let mut saturations: Vec<SaturationReport> = Vec::new();
    loop {
        let done = egraph::saturate(
            &mut built.egraph,
            &set,
            &SaturationLimits::default(),
            &mut || false,
        )?;
        note_limits(&done, scene.report);
        add_up(&mut totals, &done.rules);
        saturations.push(done);
        if !built.skeleton.take_known_branches(&mut built.egraph) {
            break;
        }
    }
    let redirect = Redirect::default();
    let candidates = built.egraph.candidates();
    let (choice, placed) = extract(&built, &candidates, &redirect, loaded)?;
    scene.show(&Acted {
        method: scene.method,
        span: scene.span,
        named: names.rules,
        rules: &rules,
        set: &set,
        graph: of.graph,
        built: &built,
        candidates: &candidates,
        redirect: &redirect,
        roots: None,
        target: &Writable(loaded),
        chosen: Some((&choice, &placed)),
        saturations: &saturations,
    })?;
    note_rules(&rules, &totals, &built, &placed, scene.report);
    let islands = unfused(&placed, &built, loaded, options, names);
    *of.graph = placed.graph;
    *of.constants = built.egraph.into_constants();
    let (operations, bytes) = least_operations(&choice);
    Ok(Outcome {
        proof: choice.proof,
        bound: Bound { operations, bytes },
        islands,
    })
}

/// Islands that stayed, asked of the rules that saturated, of those that were applied before, and of those that the options leave out:
/// they too could have taken one in.
fn unfused(
    placed: &Placed,
    built: &Built,
    loaded: &Loaded,
    options: &Options,
    names: &Saturation,
) -> Vec<Island> {
    let is_named = |rule: &&Rule| names.rules.contains(&rule.name);
    let is_applied = |rule: &&Rule| names.applied.contains(&rule.name);
    let rules = || loaded.library.rules.iter();
    let left_out: Vec<Name> = rules()
        .filter(|rule| is_named(rule) && !allowed(rule, options))
        .map(|rule| rule.name)
        .collect();
    let set = LazyCell::new(|| {
        let asked = rules().filter(is_named).chain(rules().filter(is_applied));
        let asked: Vec<Rule> = asked.map(matched_only).collect();
        RuleSet::compile(&asked)
            .unwrap_or_else(|error| unreachable!("they were checked together: {error}"))
    });
    let mut found = islands(placed, &built.egraph, &set, &left_out);
    found.extend(norms(placed, &built.egraph, &set, &left_out, names.modules));
    found
}

/// A rule that is only matched, or replaces without making anything equal: what it promises about numbers does not matter.
fn matched_only(rule: &Rule) -> Rule {
    Rule {
        numerics: Numerics::Exact,
        ..rule.clone()
    }
}

/// Applies these rules once each, in the order of the text.
pub(super) fn apply(
    of: Graphs,
    loaded: &Loaded,
    options: &Options,
    rules: &[Name],
    modules: &[Vec<String>],
    scene: &mut Scene<'_>,
) -> Result<(), JobError> {
    for rule in named(loaded, options, rules) {
        // Nothing is made equal here, so a rule that changes numbers may be matched like any other.
        let matched = matched_only(rule);
        let set =
            RuleSet::compile([&matched]).map_err(|error| JobError::Step(error.to_string()))?;
        let mut built = build_with(
            of.graph,
            EGraph::new(std::mem::take(of.constants)).with_keeps(&loaded.library.keeps),
            &loaded.catalogue,
            &View {
                effects: set.effects(),
                called: of.called,
            },
        );
        built.egraph.rebuild()?;
        restrict(&mut built, modules);
        let replaced = egraph::replace(&mut built, &set);
        if !replaced.changed && scene.observer.is_none() {
            *of.constants = built.egraph.into_constants();
            continue;
        }
        built.egraph.rebuild()?;
        let redirect = Redirect(replaced.classes);
        let candidates = built.egraph.candidates();
        let chosen = if replaced.changed {
            Some(extract(&built, &candidates, &redirect, loaded)?)
        } else {
            None
        };
        scene.show(&Acted {
            method: scene.method,
            span: scene.span,
            named: &[rule.name],
            rules: &[rule],
            set: &set,
            graph: of.graph,
            built: &built,
            candidates: &candidates,
            redirect: &redirect,
            roots: Some(&replaced.roots),
            target: &Writable(loaded),
            chosen: chosen.as_ref().map(|(choice, placed)| (choice, placed)),
            saturations: &[],
        })?;
        if let Some((_, placed)) = chosen {
            note_rules(&[rule], &replaced.rules, &built, &placed, scene.report);
            *of.graph = placed.graph;
        }
        *of.constants = built.egraph.into_constants();
    }
    Ok(())
}

fn restrict(built: &mut Built, modules: &[Vec<String>]) {
    if !modules.is_empty() {
        let operators = &built.skeleton.module_paths;
        built.egraph.restrict(Restriction::new(operators, modules));
    }
}

/// Drops what nothing needs: values that no effect and no result rests on.
pub(super) fn tidy(of: Graphs, loaded: &Loaded) -> Result<(), JobError> {
    let keeps = &loaded.library.keeps;
    let egraph = EGraph::new(std::mem::take(of.constants)).with_keeps(keeps);
    let view = View {
        called: of.called,
        ..View::default()
    };
    let mut built = build_with(of.graph, egraph, &loaded.catalogue, &view);
    built.egraph.rebuild()?;
    let candidates = built.egraph.candidates();
    let (_, placed) = extract(&built, &candidates, &Redirect::default(), loaded)?;
    *of.graph = placed.graph;
    *of.constants = built.egraph.into_constants();
    Ok(())
}

/// The rules with these names that the options allow, in the order of the library.
fn named<'a>(loaded: &'a Loaded, options: &Options, names: &[Name]) -> Vec<&'a Rule> {
    loaded
        .library
        .rules
        .iter()
        .filter(|rule| names.contains(&rule.name) && allowed(rule, options))
        .collect()
}

/// Whether the options let a rule act.
pub(super) fn allowed(rule: &Rule, options: &Options) -> bool {
    let needs = match rule.numerics {
        Numerics::Exact => NumericsLimit::Exact,
        Numerics::Real => NumericsLimit::Real,
        Numerics::Within(_) => NumericsLimit::Lsb,
        Numerics::Changes(_) => return options.numerics.is_none(),
    };
    options.numerics.is_none_or(|limit| needs <= limit)
}

fn extract(
    built: &Built,
    candidates: &Candidates<'_>,
    redirect: &Redirect,
    loaded: &Loaded,
) -> Result<(Choice, Placed), JobError> {
    let choice = choose(
        &built.egraph,
        candidates,
        &built.skeleton,
        redirect,
        &Writable(loaded),
        &Limits::default(),
    )?;
    let placed = place(
        &built.egraph,
        candidates,
        &built.skeleton,
        &choice,
        &loaded.catalogue,
    );
    placed
        .graph
        .verify()
        .map_err(|error| JobError::Step(error.to_string()))?;
    Ok((choice, placed))
}

fn add_up(totals: &mut Vec<RuleStatistics>, rules: &[RuleStatistics]) {
    if totals.is_empty() {
        *totals = rules.to_vec();
        return;
    }
    for (total, rule) in totals.iter_mut().zip(rules) {
        total.matches += rule.matches;
        total.applications += rule.applications;
        total.no_ops += rule.no_ops;
        total.unbuilt += rule.unbuilt;
        total.refused += rule.refused;
        total.limited |= rule.limited;
        for (all, more) in total.rejections.iter_mut().zip(&rule.rejections) {
            *all += *more;
        }
    }
}

fn note_limits(done: &SaturationReport, report: &mut Report) {
    let mut note = |limit: String| {
        if !report.limits.contains(&limit) {
            report.limits.push(limit);
        }
    };
    match done.stop {
        Stop::Saturated | Stop::Interrupted => {}
        Stop::Nodes => note(format!("the search stopped at {} nodes", done.nodes.1)),
        Stop::Rounds => note(format!("the search stopped after {} rounds", done.rounds)),
    }
    if done.ways_cut > 0 {
        note(format!(
            "{} lists had more ways to match than were tried",
            done.ways_cut
        ));
    }
    for rule in done.rules.iter().filter(|rule| rule.limited) {
        note(format!(
            "{} stopped after {} matches",
            rule.rule, rule.matches
        ));
    }
}

fn places(count: u64) -> String {
    match count {
        1 => "a place".to_owned(),
        _ => format!("{count} places"),
    }
}

/// How a label is written in a rule.
pub(super) fn label(numerics: &Numerics) -> String {
    match numerics {
        Numerics::Exact => "exact".into(),
        Numerics::Real => "real".into(),
        Numerics::Within(steps) => format!("within {steps} lsb"),
        Numerics::Changes(why) => format!("changes: {why}"),
    }
}

fn note_rules(
    rules: &[&Rule],
    totals: &[RuleStatistics],
    built: &Built,
    placed: &Placed,
    report: &mut Report,
) {
    let made = |rule: &Rule| {
        let by_rule = |id| {
            built
                .egraph
                .application(id)
                .is_some_and(|application| application.rule == rule.name)
        };
        placed
            .origins
            .iter()
            .filter(|(_, id, _)| by_rule(*id))
            .count()
    };
    for (rule, total) in rules.iter().zip(totals) {
        if total.refused > 0 {
            report.notes.push(format!(
                "{} left {} alone: something still reads what it would erase",
                rule.name,
                places(total.refused)
            ));
        }
        if total.applications == 0 {
            continue;
        }
        let (count, kept) = (
            usize::try_from(total.applications).unwrap_or(usize::MAX),
            made(rule),
        );
        // Another method, or an earlier step, may have used it.
        if let Some(known) = report
            .rules
            .iter_mut()
            .find(|known| rule.name == known.rule.as_str())
        {
            known.count = known.count.saturating_add(count);
            known.kept += kept;
            continue;
        }
        report.rules.push(Applied {
            rule: rule.name.to_string(),
            count,
            kept,
            numerics: label(&rule.numerics),
        });
    }
}
