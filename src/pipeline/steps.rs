//! A pipeline's steps, one after the other.
//!
//! In: a pipeline, settings, the model. Out: the model as the steps leave it.
//! Invariant: a step sees what the one before it left; between steps the method is one frozen graph, or the model as read.

use rustc_hash::FxHashMap;

use crate::check::evaluate::{Scope, Val, evaluate};
use crate::check::pipeline::{Pipeline, Step};
use crate::check::rule::{Expr, Function, Slot};
use crate::graph::{AttributeValue, Literal, Model, Module, ModuleId, Name};
use crate::model::torchscript::TorchScript;
use crate::source::Span;

use super::job::{JobError, Options};
use super::library::Loaded;
use super::observe::Observer;
use super::report::Report;
use super::{freeze, rewrite, store};

/// A run of a pipeline.
pub(super) struct Run<'a> {
    file: TorchScript,
    loaded: &'a Loaded,
    options: &'a Options,
    report: &'a mut Report,
    progress: &'a mut dyn FnMut(&'static str),
    /// Who looks into the run.
    observer: Option<&'a mut dyn Observer>,
    /// The frozen method, once there is one.
    frozen: Option<freeze::Frozen>,
    /// Rules that were applied so far.
    applied: Vec<Name>,
    method: &'static str,
}

/// Settings and names of a pipeline.
struct Settings(FxHashMap<Name, Val<std::convert::Infallible>>);

impl Scope for Settings {
    type Value = std::convert::Infallible;

    fn slot(&self, _: Slot) -> Val<Self::Value> {
        Val::Unknown
    }

    fn setting(&self, name: Name) -> Val<Self::Value> {
        self.0.get(&name).cloned().unwrap_or(Val::Unknown)
    }

    fn literal(&self, value: &Self::Value) -> Option<Literal> {
        match *value {}
    }

    fn same(&self, a: &Self::Value, _: &Self::Value) -> Option<bool> {
        match *a {}
    }

    fn fact(&self, _: Function, value: &Self::Value) -> Val<Self::Value> {
        match *value {}
    }
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
            frozen: None,
            applied: Vec::new(),
            method: "forward",
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
        let mut settings = Settings(FxHashMap::default());
        for (name, default) in &pipeline.settings {
            let value = given
                .iter()
                .find(|(given, _)| given == name)
                .map(|(_, value)| value)
                .or(default.as_ref());
            let value = value.ok_or_else(|| JobError::Setting {
                pipeline: pipeline.name,
                what: name.to_string(),
            })?;
            settings.0.insert(*name, Val::Literal(value.clone()));
        }
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
            match step {
                Step::Freeze { keep } => {
                    (self.progress)("freezing");
                    let keep = self.texts(pipeline, settings, keep, "freeze(keep)")?;
                    self.freeze(&keep)?;
                }
                Step::Apply { rules, span, .. } => {
                    (self.progress)("applying rules");
                    let frozen = self.frozen()?;
                    let constants = std::mem::take(&mut self.file.model.constants);
                    let (frozen, constants) = rewrite::apply(
                        frozen,
                        constants,
                        self.loaded,
                        self.options,
                        rules,
                        &mut self.scene(*span),
                    )?;
                    self.file.model.constants = constants;
                    self.frozen = Some(frozen);
                    self.applied.extend(rules);
                }
                Step::Saturate {
                    rules, keeps, span, ..
                } => {
                    (self.progress)("saturating");
                    let frozen = self.frozen()?;
                    let constants = std::mem::take(&mut self.file.model.constants);
                    let mut rules = rules.clone();
                    if last_saturation.is_some_and(|last| std::ptr::eq(last, step)) {
                        rules.extend(self.added_rules(&rules, pipeline));
                    }
                    let (frozen, constants) = rewrite::saturate(
                        frozen,
                        constants,
                        self.loaded,
                        self.options,
                        &rewrite::Saturation {
                            rules: &rules,
                            keeps,
                            applied: &self.applied.clone(),
                        },
                        &mut self.scene(*span),
                    )?;
                    self.file.model.constants = constants;
                    self.frozen = Some(frozen);
                }
                Step::Store { ops, prefix } => {
                    let ops = self.texts(pipeline, settings, ops, "store(OPS)")?;
                    let prefix = self
                        .texts(pipeline, settings, prefix, "store(prefix)")?
                        .join("");
                    self.store(&ops, &prefix)?;
                }
                Step::Let(name, value) => {
                    let value = evaluate(value, &[], settings);
                    settings.0.insert(*name, value);
                }
                Step::If(condition, steps) => match evaluate(condition, &[], settings) {
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
                            Ok((*name, self.value(pipeline, settings, value, name.as_str())?))
                        })
                        .collect::<Result<Vec<_>, JobError>>()?;
                    self.pipeline(found, &given)?;
                }
                Step::Demand(condition, message) => {
                    if !matches!(
                        evaluate(condition, &[], settings),
                        Val::Literal(Literal::Bool(true))
                    ) {
                        let message = self.texts(pipeline, settings, message, "demand")?.join("");
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

    fn scene(&mut self, span: Span) -> rewrite::Scene<'_> {
        rewrite::Scene {
            span,
            method: self.method,
            report: &mut *self.report,
            observer: match &mut self.observer {
                Some(observer) => Some(&mut **observer),
                None => None,
            },
        }
    }

    fn value(
        &self,
        pipeline: &Pipeline,
        settings: &Settings,
        expr: &Expr,
        what: &str,
    ) -> Result<Literal, JobError> {
        evaluate(expr, &[], settings)
            .into_literal()
            .ok_or_else(|| JobError::Setting {
                pipeline: pipeline.name,
                what: what.to_owned(),
            })
    }

    /// A text, or a list of texts.
    fn texts(
        &self,
        pipeline: &Pipeline,
        settings: &Settings,
        expr: &Expr,
        what: &str,
    ) -> Result<Vec<String>, JobError> {
        let wrong = || JobError::Setting {
            pipeline: pipeline.name,
            what: what.to_owned(),
        };
        match self.value(pipeline, settings, expr, what)? {
            Literal::Str(text) => Ok(vec![text.to_string()]),
            list => list
                .items()
                .ok_or_else(wrong)?
                .iter()
                .map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong))
                .collect(),
        }
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

    fn freeze(&mut self, keep: &[String]) -> Result<(), JobError> {
        let model = &mut self.file.model;
        let mut frozen = freeze::freeze(model, self.method, keep, &self.loaded.catalogue)?;
        freeze::detach(&mut frozen.graph, &mut model.constants);
        self.frozen = Some(frozen);
        Ok(())
    }

    fn frozen(&mut self) -> Result<freeze::Frozen, JobError> {
        if self.frozen.is_none() {
            self.freeze(&[])?;
        }
        self.frozen
            .take()
            .ok_or_else(|| JobError::Step("there is nothing to work on".into()))
    }

    fn store(&mut self, ops: &[String], prefix: &str) -> Result<(), JobError> {
        let mut frozen = self.frozen()?;
        let stored = store::store(
            &mut frozen.graph,
            &self.file.model.constants,
            ops,
            prefix,
            self.method,
        );
        frozen.stored.extend(stored);
        self.frozen = Some(frozen);
        Ok(())
    }

    /// Puts the frozen method, if there is one, into the model: one method, and only the modules and attributes it still reads.
    pub(super) fn finish(mut self) -> Result<TorchScript, JobError> {
        let Some(frozen) = self.frozen.take() else {
            return Ok(self.file);
        };
        let model = &mut self.file.model;
        let Some(name) = model.root_method(self.method) else {
            return Ok(self.file);
        };
        let dropped = freeze::root_methods(model).filter(|other| *other != name);
        self.report.methods_dropped = dropped.map(|name| name.name.to_string()).collect();
        let mut function = model.functions[&name].clone();
        function.graph = frozen.graph;
        let kept = kept_modules(model, &frozen.attributes);
        model.modules = kept;
        model.modules[0].attributes.extend(frozen.stored);
        model.functions = indexmap::IndexMap::from([(name, function)]);
        let forgotten = self.file.container.forget_text(&self.file.model);
        for name in forgotten {
            if !self
                .report
                .methods_dropped
                .iter()
                .any(|known| *known == name.as_str())
            {
                self.report.methods_dropped.push(name.to_string());
            }
        }
        Ok(self.file)
    }
}

/// The last saturation of a pipeline, outside of conditions.
fn last_saturation(steps: &[Step]) -> Option<&Step> {
    steps
        .iter()
        .rev()
        .find(|step| matches!(step, Step::Saturate { .. }))
}

/// The modules that still hold one of these attributes, with those on the way to them, renumbered.
fn kept_modules(model: &Model, attributes: &[(ModuleId, Name)]) -> Vec<Module> {
    let mut order = vec![Model::ROOT];
    let mut edges: Vec<(ModuleId, Name)> = Vec::new();
    for (module, _) in attributes {
        let mut at = Model::ROOT;
        for name in model.path(*module).unwrap_or_default() {
            edges.push((at, name));
            if let AttributeValue::Module(inner) = model.module(at).attributes[&name].value {
                at = inner;
                if !order.contains(&at) {
                    order.push(at);
                }
            }
        }
    }
    let renumbered = |id: ModuleId| {
        order
            .iter()
            .position(|known| *known == id)
            .map(|at| ModuleId(at as u32))
    };
    order
        .iter()
        .map(|&id| {
            let module = model.module(id);
            let mut kept = Module {
                class: module.class,
                attributes: indexmap::IndexMap::new(),
            };
            for (name, attribute) in &module.attributes {
                let wanted = attributes.contains(&(id, *name)) || edges.contains(&(id, *name));
                if !wanted {
                    continue;
                }
                let mut attribute = attribute.clone();
                if let AttributeValue::Module(inner) = attribute.value {
                    let Some(inner) = renumbered(inner) else {
                        continue;
                    };
                    attribute.value = AttributeValue::Module(inner);
                }
                kept.attributes.insert(*name, attribute);
            }
            kept
        })
        .collect()
}
