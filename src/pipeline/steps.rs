//! A pipeline's steps, one after the other.
//!
//! In: a pipeline, settings, the model. Out: the model as the steps leave it.
//! Invariant: a step sees what the one before it left.

use indexmap::IndexMap;

use crate::check::evaluate::Val;
use crate::check::pipeline::{Pipeline, Step};
use crate::check::rule::Expr;
use crate::graph::{Literal, Name};
use crate::model::torchscript::TorchScript;
use crate::source::Span;

use super::held::Held;
use super::job::{JobError, Options};
use super::library::Loaded;
use super::observe::Observer;
use super::report::Report;
use super::rewrite;
use super::settings::Settings;

/// A run of a pipeline.
pub(super) struct Run<'a> {
    pub(super) file: TorchScript,
    pub(super) loaded: &'a Loaded,
    pub(super) options: &'a Options,
    pub(super) report: &'a mut Report,
    pub(super) progress: &'a mut dyn FnMut(&'static str),
    /// Who looks into the run.
    pub(super) observer: Option<&'a mut dyn Observer>,
    pub(super) held: Held,
    /// Rules that were applied so far.
    pub(super) applied: Vec<Name>,
    /// What the last saturation of each method found.
    pub(super) outcomes: IndexMap<Name, rewrite::Outcome>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        file: TorchScript,
        loaded: &'a Loaded,
        options: &'a Options,
        report: &'a mut Report,
        progress: &'a mut dyn FnMut(&'static str),
    ) -> Run<'a> {
        Run {
            file,
            loaded,
            options,
            report,
            progress,
            observer: None,
            held: Held::default(),
            applied: Vec::new(),
            outcomes: IndexMap::new(),
        }
    }

    /// The run with somebody who looks into it.
    pub(super) fn observed(mut self, observer: &'a mut dyn Observer) -> Run<'a> {
        self.observer = Some(observer);
        self
    }

    /// Runs the steps of a pipeline with these settings.
    pub(super) fn pipeline(
        &mut self,
        pipeline: &Pipeline,
        given: &[(Name, Literal)],
    ) -> Result<(), JobError> {
        let mut settings = Settings::new(pipeline, given)?;
        self.steps(pipeline, &pipeline.steps, &mut settings)
    }

    fn steps(
        &mut self,
        pipeline: &Pipeline,
        steps: &[Step],
        settings: &mut Settings,
    ) -> Result<(), JobError> {
        let last_saturation = last_saturation(&pipeline.steps);
        for step in steps {
            let methods = self.method_names();
            match step {
                Step::Freeze { keep } => {
                    (self.progress)("freezing");
                    let keep = settings.texts(keep, &methods, "freeze(keep)")?;
                    self.freeze(&keep)?;
                }
                Step::Apply {
                    rules,
                    method,
                    span,
                } => {
                    (self.progress)("applying rules");
                    for method in self.step_methods(settings, method.as_ref(), "apply(method)")? {
                        self.rewrite(method, |run, of| {
                            let (loaded, options) = (run.loaded, run.options);
                            rewrite::apply(
                                of,
                                loaded,
                                options,
                                rules,
                                &mut run.scene(method, *span),
                            )
                        })?;
                    }
                    self.applied.extend(rules);
                }
                Step::Saturate {
                    rules,
                    keeps,
                    method,
                    span,
                } => {
                    (self.progress)("saturating");
                    let mut rules = rules.clone();
                    if last_saturation.is_some_and(|last| std::ptr::eq(last, step)) {
                        rules.extend(self.added_rules(&rules, pipeline));
                    }
                    let what = "saturate(method)";
                    for method in self.step_methods(settings, method.as_ref(), what)? {
                        let outcome = self.rewrite(method, |run, of| {
                            let applied = run.applied.clone();
                            let names = rewrite::Saturation {
                                rules: &rules,
                                keeps,
                                applied: &applied,
                            };
                            let (loaded, options) = (run.loaded, run.options);
                            let mut scene = run.scene(method, *span);
                            rewrite::saturate(of, loaded, options, &names, &mut scene)
                        })?;
                        self.outcomes.insert(method, outcome);
                    }
                }
                Step::Store {
                    ops,
                    prefix,
                    method,
                } => {
                    let ops = settings.texts(ops, &methods, "store(OPS)")?;
                    let prefix = settings.text(prefix, &methods, "store(prefix)")?;
                    let of = self.step_methods(settings, method.as_ref(), "store(method)")?;
                    self.store(&of, &ops, &prefix)?;
                }
                Step::Let(name, value) => {
                    let value = settings.evaluate(value, &methods);
                    settings.bind(*name, value);
                }
                Step::If(condition, steps) => match settings.evaluate(condition, &methods) {
                    Val::Literal(Literal::Bool(true)) => self.steps(pipeline, steps, settings)?,
                    Val::Literal(Literal::Bool(false)) => {}
                    _ => {
                        return Err(JobError::Setting {
                            pipeline: pipeline.name,
                            what: "if".into(),
                        });
                    }
                },
                Step::Run {
                    pipeline: inner,
                    settings: given,
                } => {
                    let found = self
                        .loaded
                        .library
                        .pipelines
                        .iter()
                        .find(|candidate| candidate.name == *inner);
                    let found = found.ok_or_else(|| JobError::NoPipeline {
                        name: inner.to_string(),
                        known: Vec::new(),
                    })?;
                    let given = given
                        .iter()
                        .map(|(name, value)| {
                            let value = settings.value(value, &methods, name.as_str())?;
                            Ok((*name, value))
                        })
                        .collect::<Result<Vec<_>, JobError>>()?;
                    self.pipeline(found, &given)?;
                }
                Step::Demand(condition, message) => {
                    let met = settings.evaluate(condition, &methods);
                    if !matches!(met, Val::Literal(Literal::Bool(true))) {
                        let message = settings.texts(message, &methods, "demand")?.join("");
                        return Err(JobError::Demand {
                            pipeline: pipeline.name,
                            message,
                        });
                    }
                }
            }
        }
        Ok(())
    }

    fn scene(&mut self, method: Name, span: Span) -> rewrite::Scene<'_> {
        rewrite::Scene {
            span,
            method: method.as_str(),
            report: &mut *self.report,
            observer: match &mut self.observer {
                Some(observer) => Some(&mut **observer),
                None => None,
            },
        }
    }

    /// The methods that a step with this `method =` works on.
    fn step_methods(
        &mut self,
        settings: &Settings,
        method: Option<&Expr>,
        what: &str,
    ) -> Result<Vec<Name>, JobError> {
        let method = match method {
            Some(method) => Some(settings.text(method, &self.method_names(), what)?),
            None => None,
        };
        self.methods(method.as_deref())
    }

    /// Rules of added modules that no pipeline of theirs names.
    fn added_rules(&self, have: &[Name], pipeline: &Pipeline) -> Vec<Name> {
        let library = &self.loaded.library;
        let of_added = |name: Name| {
            let module = name
                .as_str()
                .rsplit_once('.')
                .map_or("", |(module, _)| module);
            self.loaded.added.iter().any(|added| *added == module)
        };
        let own_pipeline = |module: &str| {
            library.pipelines.iter().any(|p| {
                p.name
                    .as_str()
                    .rsplit_once('.')
                    .is_some_and(|(m, _)| m == module)
            })
        };
        let rules = library
            .rules
            .iter()
            .filter(|rule| of_added(rule.name) && !have.contains(&rule.name));
        rules
            .filter(|rule| rule.is_equality())
            .filter(|rule| {
                let module = rule
                    .name
                    .as_str()
                    .rsplit_once('.')
                    .map_or("", |(module, _)| module);
                !own_pipeline(module) || pipeline.name.as_str().starts_with(module)
            })
            .map(|rule| rule.name)
            .collect()
    }
}

/// The last saturation of a pipeline, outside of conditions.
fn last_saturation(steps: &[Step]) -> Option<&Step> {
    steps
        .iter()
        .rev()
        .find(|step| matches!(step, Step::Saturate { .. }))
}
