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
use super::sequences::Given;
use super::settings::Settings;
use super::settle::Act;

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
    /// What was done with rules since the model was frozen.
    pub(super) acts: Vec<Act>,
    /// Sequences of modules that a step named.
    pub(super) sequences: Vec<Given>,
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
            acts: Vec::new(),
            sequences: Vec::new(),
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
        for step in steps {
            self.step(pipeline, step, settings)
                .map_err(|error| self.with_place(error, step))?;
        }
        Ok(())
    }

    /// Errors that a step's text may be the cause of say where that is.
    fn with_place(&self, error: JobError, step: &Step) -> JobError {
        let place = step.span().and_then(|span| {
            let file = self.loaded.sources.file(span.source)?;
            let line = file.place(span.range().start).line + 1;
            Some(format!("{}:{line}", file.name()))
        });
        match (error.is_of_step(), place) {
            (true, Some(place)) => JobError::At {
                place,
                error: Box::new(error),
            },
            _ => error,
        }
    }

    fn step(
        &mut self,
        pipeline: &Pipeline,
        step: &Step,
        settings: &mut Settings,
    ) -> Result<(), JobError> {
        let names = self.names();
        match step {
            Step::Freeze { keep, .. } => {
                (self.progress)("freezing");
                let keep = settings.texts(keep, &names, "freeze(keep)")?;
                self.acts.clear();
                self.freeze(&keep)
            }
            Step::Inline { keep, .. } => {
                let keep = settings.texts(keep, &names, "inline(keep)")?;
                self.inline(&keep)
            }
            Step::Forbid {
                ops, error, method, ..
            } => {
                let ops = settings.texts(ops, &names, "forbid(OPS)")?;
                let methods = self.step_methods(settings, method.as_ref(), "forbid(method)")?;
                match self.first_of(&methods, &ops) {
                    None => Ok(()),
                    Some((op, place)) => Err(JobError::Forbidden {
                        pipeline: pipeline.name,
                        message: settings.texts(error, &names, "forbid(error)")?.join(""),
                        op,
                        place,
                    }),
                }
            }
            Step::Apply {
                rules,
                method,
                modules,
                span,
            } => {
                (self.progress)("applying rules");
                let methods = self.step_methods(settings, method.as_ref(), "apply(method)")?;
                let modules = self.step_modules(settings, modules.as_ref(), "apply(modules)")?;
                self.act(Act {
                    rules: rules.clone(),
                    keeps: None,
                    methods,
                    modules,
                    span: *span,
                })
            }
            Step::Saturate {
                rules,
                keeps,
                method,
                modules,
                span,
            } => {
                (self.progress)("saturating");
                let methods = self.step_methods(settings, method.as_ref(), "saturate(method)")?;
                let modules = self.step_modules(settings, modules.as_ref(), "saturate(modules)")?;
                let mut rules = rules.clone();
                let last = last_saturation(&pipeline.steps);
                if last.is_some_and(|last| std::ptr::eq(last, step)) {
                    rules.extend(self.added_rules(&rules, pipeline));
                }
                self.act(Act {
                    rules,
                    keeps: Some(keeps.clone()),
                    methods,
                    modules,
                    span: *span,
                })
            }
            Step::Store {
                ops,
                prefix,
                method,
                ..
            } => {
                let ops = settings.texts(ops, &names, "store(OPS)")?;
                let prefix = settings.text(prefix, &names, "store(prefix)")?;
                let methods = self.step_methods(settings, method.as_ref(), "store(method)")?;
                self.store(&methods, &ops, &prefix)
            }
            Step::Clone { method, new, .. } => {
                let method = settings.text(method, &names, "clone(method)")?;
                let new = settings.text(new, &names, "clone(new)")?;
                self.clone_method(&method, &new)
            }
            Step::ReturnNone { method, .. } => {
                let method = settings.text(method, &names, "return_none(method)")?;
                self.return_none(&method)
            }
            Step::SetAttribute { name, value, .. } => {
                let name = settings.text(name, &names, "set_attribute(name)")?;
                let value = settings.value(value, &names, "set_attribute(value)")?;
                self.set_attribute(&name, value)
            }
            Step::ShareConstants => self.share_constants(),
            Step::Fetch { rows, .. } => {
                let rows = settings.value(rows, &names, "fetch(ROWS)")?;
                self.fetch(settings, &rows)
            }
            Step::Sequences { modules, known, .. } => self.note_sequences(settings, modules, known),
            Step::Let(name, value) => {
                let value = settings.evaluate(value, &names);
                settings.bind(*name, value);
                Ok(())
            }
            Step::If(condition, steps) => match settings.evaluate(condition, &names) {
                Val::Literal(Literal::Bool(true)) => self.steps(pipeline, steps, settings),
                Val::Literal(Literal::Bool(false)) => Ok(()),
                _ => Err(settings.no_value("if")),
            },
            Step::Run {
                pipeline: inner,
                settings: given,
                ..
            } => {
                let pipelines = &self.loaded.library.pipelines;
                let Some(found) = pipelines.iter().find(|other| other.name == *inner) else {
                    unreachable!("the checker looked pipelines up")
                };
                let given = given.iter().map(|(name, value)| {
                    let value = settings.value(value, &names, name.as_str())?;
                    Ok((*name, value))
                });
                let given = given.collect::<Result<Vec<_>, JobError>>()?;
                self.pipeline(found, &given)
            }
            Step::Demand {
                condition, error, ..
            } => match settings.evaluate(condition, &names) {
                Val::Literal(Literal::Bool(true)) => Ok(()),
                _ => Err(JobError::Demand {
                    pipeline: pipeline.name,
                    message: settings.texts(error, &names, "demand(error)")?.join(""),
                }),
            },
        }
    }

    pub(super) fn scene(&mut self, method: Name, span: Span) -> rewrite::Scene<'_> {
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
            Some(method) => Some(settings.text(method, &self.names(), what)?),
            None => None,
        };
        self.methods(method.as_deref())
    }

    /// The groups of modules that a step with this `modules =` may match.
    fn step_modules(
        &self,
        settings: &Settings,
        modules: Option<&Expr>,
        what: &str,
    ) -> Result<Vec<Vec<String>>, JobError> {
        let Some(modules) = modules else {
            return Ok(Vec::new());
        };
        let groups = settings.groups(modules, &self.names(), what)?;
        for path in groups.iter().flatten() {
            self.refuse_unknown_module(path)?;
        }
        Ok(groups)
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
