//! Tests of pipelines: the whole job on the `forward` of a model.
//!
//! In: a test of a pipeline; its graph becomes the `forward` of a model without attributes, unless it names a file. Out: the expectations
//! that are not met.
//! Invariant: the pipeline runs as `rulefold optimize` runs it.

use crate::check::rule::{Numerics, Rule};
use crate::check::{Test, Trial};
use crate::graph::{
    ConstantStore, Def, Function, FunctionName, Graph, Literal, Model, Module, Name, Type,
};
use crate::model::torchscript::TorchScript;
use crate::pipeline::job::{Options, optimize};
use crate::pipeline::library::Loaded;
use crate::pipeline::report::Report;
use crate::source::Span;
use crate::syntax::ast::{Expect, ExpectKind};

use super::canonical::signature;
use super::content::{Drawn, Style};
use super::equal::{Comparison, Rewritten, Runnable, Unequal};
use super::file;
use super::given::{Given, Instance, Parameter, Sample};
use super::judge::{Findings, applied_text, holds, unequal_failure};
use super::outcome::{Failure, FailureKind};
use super::random::Random;
use super::recorded::{self, Recorded};
use super::run::Settings;
use super::same_graph::{Side, against, graph_text};

/// The class of the model that a given graph becomes a method of.
const CLASS: &str = "__torch__.Given";

/// A test of a pipeline, ready to be judged.
struct Job<'a> {
    loaded: &'a Loaded,
    settings: &'a Settings,
    test: &'a Test,
    trial: &'a Trial,
    purpose: String,
    given: Given,
    sample: Sample,
    instance: Instance,
    done: Result<(Model, Report), String>,
}

/// Runs a test of a pipeline.
pub(super) fn judge(
    loaded: &Loaded,
    settings: &Settings,
    test: &Test,
    trial: &Trial,
    purpose: String,
) -> Findings {
    let span = test.test.name.span;
    match Job::new(loaded, settings, test, trial, purpose) {
        Ok(job) => job.all(),
        Err(reason) => Findings::not_run(span, "cannot be run", reason),
    }
}

impl<'a> Job<'a> {
    fn new(
        loaded: &'a Loaded,
        settings: &'a Settings,
        test: &'a Test,
        trial: &'a Trial,
        purpose: String,
    ) -> Result<Job<'a>, String> {
        let (given, sample, instance, model) = match &trial.given {
            Some(text) => {
                let given = Given::new(text);
                let mut random = Random::new(settings.seed, &purpose);
                let sample = given.draw(Style::Tame, &mut random)?;
                let (instance, store) = given.start(&sample)?;
                let model = TorchScript::new(model_of(&instance.graph, store));
                (given, sample, instance, model)
            }
            None => {
                let given = file::frozen(loaded, settings, test)?;
                let sample = given.nothing_drawn();
                let (instance, _) = given.start(&sample)?;
                (
                    given,
                    sample,
                    instance,
                    file::model(loaded, settings, test)?,
                )
            }
        };
        let done = run(loaded, test.target, model);
        Ok(Job {
            loaded,
            settings,
            test,
            trial,
            purpose,
            given,
            sample,
            instance,
            done,
        })
    }

    fn all(mut self) -> Findings {
        let mut findings = Findings::default();
        for (at, expect) in self.test.test.expects.iter().enumerate() {
            match self.one(at, expect) {
                Ok(None) => {}
                Ok(Some(snapshot)) => findings.snapshots.push((expect.span, snapshot)),
                Err(failure) => findings.failures.push(failure),
            }
        }
        findings
    }

    /// Holds one expectation; the text of a snapshot.
    fn one(&mut self, at: usize, expect: &Expect) -> Result<Option<String>, Failure> {
        let span = expect.span;
        if let ExpectKind::Error(text) = &expect.kind {
            return self.error(span, &text.value).map(|()| None);
        }
        let (model, report) = match &mut self.done {
            Ok(done) => done,
            Err(error) => {
                let failure = Failure::new(FailureKind::Missing, span, "the pipeline failed");
                return Err(failure.note(error.clone()));
            }
        };
        match &expect.kind {
            ExpectKind::Applied(how, count) => {
                let applied: usize = report.rules.iter().map(|rule| rule.count).sum();
                let applied = i64::try_from(applied).unwrap_or(i64::MAX);
                if holds(*how, applied, *count) {
                    return Ok(None);
                }
                let kind = match applied < *count {
                    true => FailureKind::Missing,
                    false => FailureKind::Noisy,
                };
                let failure = Failure::new(kind, span, format!("rules {}", applied_text(applied)));
                let rules = report.rules.iter();
                let rules: Vec<String> = rules
                    .map(|rule| format!("{} x {}", rule.count, rule.rule))
                    .collect();
                Err(match rules.is_empty() {
                    true => failure,
                    false => failure.note(rules.join("\n")),
                })
            }
            ExpectKind::Graph(_) => {
                let Some(Some(text)) = self.trial.expected.get(at) else {
                    unreachable!("the checker reads every graph of a test");
                };
                let store = std::mem::take(&mut model.constants);
                let graph = forward(model);
                let side = Side {
                    graph,
                    constants: &self.instance.constants,
                };
                let given = with_self(&self.given, graph);
                let mut sample = self.sample.clone();
                if given.parameters.len() > sample.len() {
                    sample.insert(0, Drawn::Literal(Literal::None));
                }
                let (answer, store) = against(self.loaded, text, &given, &sample, &side, store);
                model.constants = store;
                match answer.map_err(|answer| answer.into_failure(span))? {
                    None => Ok(None),
                    Some(difference) => {
                        let mut failure =
                            Failure::new(FailureKind::WrongGraph, span, "another graph came out");
                        failure.difference = difference;
                        Err(failure)
                    }
                }
            }
            ExpectKind::Snapshot => Ok(Some(snapshot(self.loaded, model, &self.instance))),
            ExpectKind::Equal => self.equal(span).map(|()| None),
            // The checker refuses `no match` for pipelines.
            ExpectKind::NoMatch(_) | ExpectKind::Error(_) => Ok(None),
        }
    }

    fn error(&self, span: Span, text: &str) -> Result<(), Failure> {
        match &self.done {
            Ok(_) => Err(Failure::new(
                FailureKind::Missing,
                span,
                "the pipeline ran without an error",
            )),
            Err(error) if error.contains(text) => Ok(()),
            Err(error) => {
                let failure = Failure::new(FailureKind::Noisy, span, "another error");
                Err(failure.note(error.clone()))
            }
        }
    }

    fn equal(&self, span: Span) -> Result<(), Failure> {
        if self.trial.given.is_none() {
            return self.equal_in_file(span);
        }
        let comparison = Comparison {
            given: &self.given,
            rewrite: &|graph, constants| {
                let model = TorchScript::new(model_of(graph, constants));
                let (model, report) = run(self.loaded, self.test.target, model)?;
                Ok(Rewritten {
                    // A pipeline that changes nothing is equal, too.
                    applied: 1,
                    numerics: weakest(self.loaded, &report),
                    result: Runnable::Model(Box::new(model)),
                })
            },
            numerics: &Numerics::Real,
            samples: self.settings.samples,
        };
        comparison
            .run(self.settings.seed, &self.purpose)
            .map_err(|unequal| unequal_failure(unequal, span, self.settings.seed))
    }

    fn equal_in_file(&self, span: Span) -> Result<(), Failure> {
        let Ok((result, report)) = &self.done else {
            unreachable!("a failed pipeline was told before")
        };
        let not_run = |reason| Unequal::NotRun(reason);
        let compared = file::model(self.loaded, self.settings, self.test)
            .map_err(not_run)
            .and_then(|file| {
                let (frozen, constants) = self.given.start(&self.sample).map_err(not_run)?;
                let before = recorded::Side {
                    model: &file.model,
                    graph: &frozen.graph,
                    constants: &constants,
                };
                let after = recorded::Side {
                    model: result,
                    graph: forward(result),
                    constants: &result.constants,
                };
                let recorded = Recorded {
                    folder: &file::beside(self.loaded, self.settings, self.test)
                        .map_err(not_run)?,
                    before,
                    after,
                    numerics: &weakest(self.loaded, report),
                    samples: self.settings.samples,
                };
                recorded.run(self.settings.seed, &self.purpose)
            });
        compared.map_err(|unequal| unequal_failure(unequal, span, self.settings.seed))
    }
}

fn run(loaded: &Loaded, pipeline: Name, model: TorchScript) -> Result<(Model, Report), String> {
    let options = Options {
        pipeline: Some(pipeline.to_string()),
        ..Options::default()
    };
    match optimize(model, loaded, &options, &mut |_| {}) {
        Ok((file, report)) => Ok((file.model, report)),
        Err(error) => Err(error.to_string()),
    }
}

/// The weakest promise of the rules that made something of the result.
fn weakest(loaded: &Loaded, report: &Report) -> Numerics {
    let applied = report.rules.iter();
    let rules = applied.filter_map(|rule| loaded.library.rule(&rule.rule));
    rules.fold(Numerics::Exact, |weakest, rule: &Rule| {
        match (weakest, &rule.numerics) {
            (Numerics::Changes(why), _) => Numerics::Changes(why),
            (_, Numerics::Changes(why)) => Numerics::Changes(why.clone()),
            (Numerics::Within(a), Numerics::Within(b)) => Numerics::Within(a.max(*b)),
            (Numerics::Within(a), _) => Numerics::Within(a),
            (_, Numerics::Within(b)) => Numerics::Within(*b),
            (Numerics::Real, _) | (_, Numerics::Real) => Numerics::Real,
            (Numerics::Exact, Numerics::Exact) => Numerics::Exact,
        }
    })
}

fn method() -> FunctionName {
    FunctionName {
        class: Some(Name::new(CLASS)),
        name: Name::new("forward"),
    }
}

/// A model whose `forward` is this graph. A first parameter of a class is the model itself.
fn model_of(graph: &Graph, constants: ConstantStore) -> Model {
    let mut graph = graph.clone();
    let first = graph.body().parameters.first();
    let class = first.and_then(|&value| match graph.value(value).ty {
        Type::Class(class) => Some(class),
        _ => None,
    });
    if class.is_none() {
        let name = Some(Name::new("self"));
        graph.add_parameter(Graph::BODY, Type::Class(Name::new(CLASS)), name);
        let parameters = &mut graph.block_mut(Graph::BODY).parameters;
        parameters.rotate_right(1);
        for (at, value) in (0..).zip(parameters.clone()) {
            graph.value_mut(value).def = Def::Parameter {
                block: Graph::BODY,
                index: at,
            };
        }
    }
    let class = class.unwrap_or(Name::new(CLASS));
    let defaults = graph.body().parameters.iter().map(|_| None).collect();
    let returns = &graph.body().returns;
    let types = returns.iter().map(|&value| graph.value(value).ty.clone());
    let mut types: Vec<Type> = types.collect();
    let result = match types.len() {
        1 => types.remove(0),
        _ => Type::Tuple(types),
    };
    let function = Function {
        graph,
        defaults,
        result,
    };
    Model {
        modules: vec![Module {
            class,
            attributes: indexmap::IndexMap::new(),
        }],
        functions: indexmap::IndexMap::from([(
            FunctionName {
                class: Some(class),
                ..method()
            },
            function,
        )]),
        constants,
    }
}

fn forward(model: &Model) -> &Graph {
    let name = model.root_method("forward");
    let function = name.and_then(|name| model.functions.get(&name));
    // A pipeline may leave a model without `forward`; then another method is what came out.
    let function = function.or_else(|| model.functions.values().next());
    match function {
        Some(function) => &function.graph,
        None => unreachable!("a model keeps the method it was run for"),
    }
}

/// The given graph as seen from a method: with the model itself as first parameter.
fn with_self(given: &Given, method: &Graph) -> Given {
    let mut given = given.clone();
    let has_self = given
        .parameters
        .first()
        .is_some_and(|p| matches!(p.ty, Type::Class(_)));
    if let (false, Some(&value)) = (has_self, method.body().parameters.first()) {
        let of = method.value(value);
        given.parameters.insert(
            0,
            Parameter {
                value,
                name: of.name.unwrap_or(Name::new("self")),
                ty: of.ty.clone(),
                constant: false,
            },
        );
    }
    given
}

/// Every method of the root as text, the one after the other.
fn snapshot(loaded: &Loaded, model: &Model, instance: &Instance) -> String {
    let mut text = String::new();
    for (name, function) in &model.functions {
        let graph = &function.graph;
        let parameters = graph.body().parameters.iter().map(|&value| {
            let of = graph.value(value);
            (of.name.unwrap_or(Name::new("self")), false, &of.ty)
        });
        let head = signature(parameters);
        if model.functions.len() > 1 {
            text += &format!("// {}\n", name.name);
        }
        text += &graph_text(loaded, graph, &model.constants, &instance.constants, &head);
    }
    text
}
