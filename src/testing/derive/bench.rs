//! Graphs tried as tests try them.
//!
//! In: the text of a graph. Out: how far the rule came at it, and what it made of it.
//! Invariant: contents are drawn as a test draws them.

use crate::check::graph::{self, TextGraph};
use crate::check::rule::{Numerics, Rule};
use crate::egraph::{Attempt, Miss};
use crate::graph::{ConstantStore, Name};
use crate::ops::Schema;
use crate::pipeline::library::Loaded;
use crate::rules::RuleSet;
use crate::syntax::parse_graph;
use crate::testing::act::{Acted, Actor, nearest};
use crate::testing::canonical::signature;
use crate::testing::content::Style;
use crate::testing::equal::{Comparison, Rewritten, Runnable, Unequal};
use crate::testing::given::{Given, Instance, Sample};
use crate::testing::random::Random;
use crate::testing::same_graph::{Side, against, graph_text};

/// How many inputs both sides must agree on before `expect equal` is written; a test compares that many.
const SAMPLES: usize = 20;

/// An instance of a rule, and what it needs to be tried.
pub(super) struct Bench<'a> {
    loaded: &'a Loaded,
    pub(super) rule: &'a Rule,
    actor: Actor<'a>,
}

/// A graph with contents.
struct Started {
    given: Given,
    sample: Sample,
    instance: Instance,
    store: ConstantStore,
}

/// What came of a graph.
#[derive(Clone, Debug)]
pub(super) struct Looked {
    attempts: Vec<Attempt>,
}

impl Looked {
    /// Whether a variant matches somewhere.
    pub(super) fn matches(&self, variant: u32) -> bool {
        let mut own = self.attempts.iter();
        own.any(|attempt| attempt.variant == variant && attempt.missed.is_none())
    }

    /// Whether anything matches.
    pub(super) fn matches_at_all(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.missed.is_none())
    }

    /// The guard that the best attempt of a variant failed on, with how many held.
    pub(super) fn failed_guard(&self, variant: u32) -> Option<(usize, usize)> {
        let own: Vec<Attempt> = self
            .attempts
            .iter()
            .filter(|one| one.variant == variant)
            .cloned()
            .collect();
        guard_of(nearest(&own)?)
    }

    /// The guard that a test would say refuses the graph.
    pub(super) fn refused_by(&self) -> Option<usize> {
        match self.matches_at_all() {
            true => None,
            false => guard_of(nearest(&self.attempts)?).map(|(reason, _)| reason),
        }
    }
}

fn guard_of(attempt: &Attempt) -> Option<(usize, usize)> {
    match &attempt.missed.as_ref()?.miss {
        Miss::Guard { reason, .. } => Some((*reason, attempt.met.len())),
        _ => None,
    }
}

impl<'a> Bench<'a> {
    pub(super) fn new(
        loaded: &'a Loaded,
        rule: &'a Rule,
        instance: usize,
    ) -> Result<Bench<'a>, String> {
        let actor = Actor::new(loaded, rule, instance)?;
        Ok(Bench {
            loaded,
            rule,
            actor,
        })
    }

    pub(super) fn set(&self) -> &RuleSet {
        self.actor.set()
    }

    pub(super) fn loaded(&self) -> &'a Loaded {
        self.loaded
    }

    fn read(&self, text: &str) -> Result<TextGraph, String> {
        let first = |all: Vec<crate::diagnostic::Diagnostic>| {
            let words = all.first().map(|one| one.message.clone());
            words.unwrap_or_default()
        };
        let tree = parse_graph(self.rule.span.source, text).map_err(first)?;
        graph::read(&tree, &self.loaded.catalogue).map_err(first)
    }

    /// The graph with operators without their overloads, where that reads the same.
    pub(super) fn plain(&self, text: &str) -> String {
        let operators = |text: &str| {
            let read = self.read(text).ok()?;
            let nodes = read.graph.walk().into_iter();
            let all: Vec<Name> = nodes.map(|id| read.graph.node(id).op).collect();
            Some(all)
        };
        let Some(wanted) = operators(text) else {
            return text.to_owned();
        };
        let mut found = text.to_owned();
        for op in &wanted {
            let (base, overload) = Schema::split(op.as_str());
            if overload.is_empty() {
                continue;
            }
            let shorter = found.replace(&format!(" {op}("), &format!(" {base}("));
            if operators(&shorter).as_ref() == Some(&wanted) {
                found = shorter;
            }
        }
        found
    }

    fn start(&self, text: &str, purpose: &str) -> Result<Started, String> {
        let given = Given::new(&self.read(text)?);
        let sample = given.draw(Style::Tame, &mut Random::new(0, purpose))?;
        let (instance, store) = given.start(&sample)?;
        Ok(Started {
            given,
            sample,
            instance,
            store,
        })
    }

    /// How far the rule comes.
    pub(super) fn look(&self, text: &str) -> Result<Looked, String> {
        let started = self.start(text, "")?;
        let attempts = self
            .actor
            .attempts(&started.instance.graph, started.store)?;
        Ok(Looked { attempts })
    }

    /// What a test of this graph may expect, for a test with this full name: `expect` clauses that hold, if the rule matches.
    pub(super) fn expectations(&self, text: &str, purpose: &str) -> Result<Vec<String>, String> {
        let started = self.start(text, purpose)?;
        let graph = &started.instance.graph;
        let acted = self.actor.act(graph, started.store.clone())?;
        if acted.applied == 0 {
            return Err("the rule matches, but its replacement is not taken".into());
        }
        let mut found = vec![format!("expect applied == {}", acted.applied)];
        let result = self.result(&started, &acted);
        if let Ok(true) = self.is_result(&result, &started, acted) {
            found.push(format!("expect {result}"));
        }
        if self.is_equal(&started.given, purpose) {
            found.push("expect equal".into());
        }
        Ok(found)
    }

    /// Whether nothing is replaced.
    pub(super) fn is_left_alone(&self, text: &str, purpose: &str) -> Result<bool, String> {
        let started = self.start(text, purpose)?;
        let acted = self.actor.act(&started.instance.graph, started.store)?;
        Ok(acted.applied == 0)
    }

    fn result(&self, started: &Started, acted: &Acted) -> String {
        let parameters = started.given.parameters.iter();
        let parameters = parameters.map(|p| (p.name, p.constant, &p.ty));
        let names = &started.instance.constants;
        graph_text(
            self.loaded,
            &acted.graph,
            &acted.constants,
            names,
            &signature(parameters),
        )
    }

    /// Whether the text of a result, read again, is that result.
    fn is_result(&self, text: &str, started: &Started, acted: Acted) -> Result<bool, String> {
        let expected = self.read(text)?;
        let side = Side {
            graph: &acted.graph,
            constants: &started.instance.constants,
        };
        let (given, sample) = (&started.given, &started.sample);
        let (answer, _) = against(
            self.loaded,
            &expected,
            given,
            sample,
            &side,
            acted.constants,
        );
        Ok(matches!(answer, Ok(None)))
    }

    fn is_equal(&self, given: &Given, purpose: &str) -> bool {
        if matches!(self.rule.numerics, Numerics::Changes(_)) || self.rule.has_effects() {
            return false;
        }
        let comparison = Comparison {
            given,
            rewrite: &|graph, constants| {
                let acted = self.actor.act(graph, constants)?;
                Ok(Rewritten {
                    applied: acted.applied,
                    numerics: self.rule.numerics.clone(),
                    result: Runnable::Graph(acted.graph, acted.constants),
                })
            },
            numerics: &self.rule.numerics,
            samples: SAMPLES,
        };
        match comparison.run(0, purpose) {
            Ok(()) => true,
            Err(Unequal::NotRun(_) | Unequal::Differ(..)) => false,
        }
    }
}
