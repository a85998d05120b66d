//! What a test expects, held against what its rule does.
//!
//! In: a test of a rule for one instance. Out: the expectations that are not met.
//! Invariant: only the rule named runs; what it rests on is drawn from the seed and the names of rule and test.

use crate::check::rule::Rule;
use crate::check::{Test, Trial};
use crate::egraph::{Attempt, Miss};
use crate::graph::ConstantStore;
use crate::pipeline::library::Loaded;
use crate::source::Span;
use crate::syntax::ast::{Comparison as Compared, Expect, ExpectKind};

use super::act::{Acted, Actor, nearest};
use super::canonical::signature;
use super::content::Style;
use super::coverage::Seen;
use super::equal::{Comparison, Rewritten, Runnable, Unequal};
use super::file;
use super::given::{Given, Instance, Sample};
use super::outcome::{Failure, FailureKind};
use super::random::Random;
use super::recorded::{self, Recorded};
use super::run::Settings;
use super::same_graph::{Side, against, graph_text, lines};

/// What a test of a rule found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) failures: Vec<Failure>,
    /// Texts for `expect snapshot`, with the place of each.
    pub(super) snapshots: Vec<(Span, String)>,
    /// What was seen of the rule.
    pub(super) seen: Seen,
}

impl Findings {
    /// Findings of a test that cannot be run.
    pub(super) fn not_run(span: Span, label: &str, reason: impl Into<String>) -> Findings {
        let failure = Failure::new(FailureKind::NotRun, span, label);
        Findings {
            failures: vec![failure.note(reason)],
            ..Findings::default()
        }
    }
}

/// A test of a rule, ready to be judged.
pub(super) struct Judge<'a> {
    loaded: &'a Loaded,
    settings: &'a Settings,
    rule: &'a Rule,
    test: &'a Test,
    trial: &'a Trial,
    purpose: String,
    actor: Actor<'a>,
    given: Given,
    sample: Sample,
    instance: Instance,
    before: ConstantStore,
    attempts: Vec<Attempt>,
    acted: Acted,
}

/// Runs a test of a rule.
pub(super) fn judge(
    loaded: &Loaded,
    settings: &Settings,
    rule: &Rule,
    test: &Test,
    trial: &Trial,
    purpose: String,
) -> Findings {
    let span = test.test.name.span;
    match Judge::new(loaded, settings, rule, test, trial, purpose) {
        Ok(judge) => judge.all(),
        Err(reason) => Findings::not_run(span, "cannot be run", reason),
    }
}

impl<'a> Judge<'a> {
    fn new(
        loaded: &'a Loaded,
        settings: &'a Settings,
        rule: &'a Rule,
        test: &'a Test,
        trial: &'a Trial,
        purpose: String,
    ) -> Result<Judge<'a>, String> {
        let actor = Actor::new(loaded, rule, trial.instance)?;
        let (given, sample) = match &trial.given {
            Some(text) => {
                let given = Given::new(text);
                let mut random = Random::new(settings.seed, &purpose);
                let sample = given.draw(Style::Tame, &mut random)?;
                (given, sample)
            }
            None => {
                let given = file::frozen(loaded, settings, test)?;
                let sample = given.nothing_drawn();
                (given, sample)
            }
        };
        let (instance, before) = given.start(&sample)?;
        let attempts = actor.attempts(&instance.graph, before.clone())?;
        let acted = actor.act(&instance.graph, before.clone())?;
        Ok(Judge {
            loaded,
            settings,
            rule,
            test,
            trial,
            purpose,
            actor,
            given,
            sample,
            instance,
            before,
            attempts,
            acted,
        })
    }

    fn all(mut self) -> Findings {
        let mut findings = Findings {
            seen: Seen::of(&self.attempts),
            ..Findings::default()
        };
        for (at, expect) in self.test.test.expects.iter().enumerate() {
            if let ExpectKind::Snapshot = expect.kind {
                findings.snapshots.push((expect.span, self.result_text()));
            } else if let Err(failure) = self.one(at, expect) {
                findings.failures.push(failure);
            }
        }
        findings
    }

    fn one(&mut self, at: usize, expect: &Expect) -> Result<(), Failure> {
        match &expect.kind {
            ExpectKind::Applied(how, count) => self.applied(expect.span, *how, *count),
            ExpectKind::NoMatch(reason) => {
                let reason = reason.as_ref().map(|text| text.value.as_str());
                self.no_match(expect.span, reason)
            }
            ExpectKind::Graph(_) => self.graph(at, expect.span),
            ExpectKind::Equal => self.equal(expect.span),
            // The checker refuses `error` for rules; a snapshot is taken by the caller.
            ExpectKind::Error(_) | ExpectKind::Snapshot => Ok(()),
        }
    }

    fn applied(&self, span: Span, how: Compared, count: i64) -> Result<(), Failure> {
        let found = i64::try_from(self.acted.applied).unwrap_or(i64::MAX);
        if holds(how, found, count) {
            return Ok(());
        }
        let kind = if found < count {
            FailureKind::Missing
        } else {
            FailureKind::Noisy
        };
        let failure = Failure::new(kind, span, applied_text(found));
        Err(match found {
            0 => self.with_nearest(failure),
            _ => failure.note(self.result_note()),
        })
    }

    fn no_match(&self, span: Span, reason: Option<&str>) -> Result<(), Failure> {
        if self.acted.applied > 0 {
            let found = i64::try_from(self.acted.applied).unwrap_or(i64::MAX);
            let failure = Failure::new(FailureKind::Noisy, span, applied_text(found));
            let failure = failure.note(self.result_note());
            return Err(match reason {
                Some(reason) => self.with_guard(failure, reason, "this guard let it pass"),
                None => failure,
            });
        }
        let Some(reason) = reason else {
            return Ok(());
        };
        let missed = nearest(&self.attempts).and_then(|attempt| attempt.missed.as_ref());
        match missed.map(|missing| &missing.miss) {
            Some(Miss::Guard { text, .. }) if **text == *reason => Ok(()),
            _ => {
                let failure = Failure::new(FailureKind::Noisy, span, "refused for another reason");
                let failure = self.with_guard(failure, reason, "this guard is not what refuses it");
                Err(self.with_nearest(failure))
            }
        }
    }

    fn with_guard(&self, failure: Failure, reason: &str, words: &str) -> Failure {
        let guard = self.rule.reasons.iter().find(|r| *r.text == *reason);
        match guard {
            Some(guard) => failure.other(guard.span, words),
            None => failure,
        }
    }

    /// With the attempt that came furthest, and what its names held.
    fn with_nearest(&self, failure: Failure) -> Failure {
        let nearest = nearest(&self.attempts);
        let Some((attempt, missing)) = nearest.and_then(|a| Some((a, a.missed.as_ref()?))) else {
            return failure.note("nothing in the graph looks like what the rule matches");
        };
        let (met, of) = (attempt.met.len(), attempt.of);
        let mut failure = failure.note(format!(
            "the nearest attempt met {met} of {of}: {}",
            missing.miss
        ));
        let captures = attempt.captures.iter();
        let captures: Vec<String> = captures
            .map(|capture| format!("{} = {}", capture.name, capture.text))
            .collect();
        if !captures.is_empty() {
            failure = failure.note(format!("captures so far:\n{}", captures.join("\n")));
        }
        match failure.other {
            Some(_) => failure,
            None => failure.other(missing.span, "the attempt ended here"),
        }
    }

    fn graph(&mut self, at: usize, span: Span) -> Result<(), Failure> {
        let not_run = |reason: String| {
            Failure::new(FailureKind::NotRun, span, "cannot be compared").note(reason)
        };
        let Some(Some(text)) = self.trial.expected.get(at) else {
            return Err(not_run("the graph was not read".into()));
        };
        let side = Side {
            graph: &self.acted.graph,
            constants: &self.instance.constants,
        };
        let store = std::mem::take(&mut self.acted.constants);
        let (given, sample) = (&self.given, &self.sample);
        let (answer, store) = against(self.loaded, text, given, sample, &side, store);
        self.acted.constants = store;
        let Some(found) = answer.map_err(|answer| answer.into_failure(span))? else {
            return Ok(());
        };
        let label = match self.acted.applied {
            0 => "the rule did not match",
            _ => "another graph came out",
        };
        let mut failure = Failure::new(FailureKind::WrongGraph, span, label);
        failure.difference = found;
        Err(match self.acted.applied {
            0 => self.with_nearest(failure),
            _ => failure,
        })
    }

    fn equal(&self, span: Span) -> Result<(), Failure> {
        if self.acted.applied == 0 {
            let failure = Failure::new(FailureKind::Missing, span, "the rule did not match");
            let failure = failure.note("without a match there is nothing to compare");
            return Err(self.with_nearest(failure));
        }
        if self.trial.given.is_none() {
            return self.equal_in_file(span);
        }
        let actor = &self.actor;
        let comparison = Comparison {
            given: &self.given,
            rewrite: &|graph, constants| {
                let acted = actor.act(graph, constants)?;
                Ok(Rewritten {
                    applied: acted.applied,
                    numerics: self.rule.numerics.clone(),
                    result: Runnable::Graph(acted.graph, acted.constants),
                })
            },
            numerics: &self.rule.numerics,
            samples: self.settings.samples,
        };
        comparison
            .run(self.settings.seed, &self.purpose)
            .map_err(|unequal| unequal_failure(unequal, span, self.settings.seed))
    }

    fn equal_in_file(&self, span: Span) -> Result<(), Failure> {
        let not_run = |reason| Unequal::NotRun(reason);
        let compared = file::model(self.loaded, self.settings, self.test)
            .map_err(not_run)
            .and_then(|file| {
                let side = |graph, constants| recorded::Side {
                    model: &file.model,
                    graph,
                    constants,
                };
                let recorded = Recorded {
                    folder: &file::beside(self.loaded, self.settings, self.test)
                        .map_err(not_run)?,
                    before: side(&self.instance.graph, &self.before),
                    after: side(&self.acted.graph, &self.acted.constants),
                    numerics: &self.rule.numerics,
                    samples: self.settings.samples,
                };
                recorded.run(self.settings.seed, &self.purpose)
            });
        compared.map_err(|unequal| unequal_failure(unequal, span, self.settings.seed))
    }

    /// The result as a graph in a text of its own, for snapshots.
    fn result_text(&self) -> String {
        let parameters = self.given.parameters.iter();
        let parameters = parameters.map(|p| (p.name, p.constant, &p.ty));
        let names = &self.instance.constants;
        let (graph, store) = (&self.acted.graph, &self.acted.constants);
        graph_text(self.loaded, graph, store, names, &signature(parameters))
    }

    fn result_note(&self) -> String {
        let text = match self.acted.applied {
            0 => &self.instance.graph,
            _ => &self.acted.graph,
        };
        let store = match self.acted.applied {
            0 => &self.before,
            _ => &self.acted.constants,
        };
        let lines = lines(self.loaded, text, store, &self.instance.constants, true);
        format!("this came out:\n{}", lines.join("\n"))
    }
}

/// The failure of an `expect equal`.
pub(super) fn unequal_failure(unequal: Unequal, span: Span, seed: u64) -> Failure {
    match unequal {
        Unequal::NotRun(reason) => {
            Failure::new(FailureKind::NotRun, span, "cannot be compared").note(reason)
        }
        Unequal::Differ(what, inputs) => {
            let failure = Failure::new(FailureKind::Numbers, span, "the numbers differ");
            let inputs = inputs.join("\n");
            failure
                .note(what)
                .note(format!("smallest failing input (seed {seed}):\n{inputs}"))
        }
    }
}

/// Whether a count is as expected.
pub(super) fn holds(how: Compared, found: i64, count: i64) -> bool {
    match how {
        Compared::Equal => found == count,
        Compared::AtLeast => found >= count,
        Compared::AtMost => found <= count,
    }
}

/// `applied twice`.
pub(super) fn applied_text(found: i64) -> String {
    match found {
        0 => "did not match".to_owned(),
        1 => "applied once".to_owned(),
        2 => "applied twice".to_owned(),
        n => format!("applied {n} times"),
    }
}
