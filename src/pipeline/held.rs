//! The methods that a pipeline's steps work on.
//!
//! In: a model as read. Out: its methods with calls inlined, frozen or not; at last a model with these methods and what they need.
//! Invariant: the graphs of held methods stand in the model, so that every step sees what the one before it left.
//! Invariant: an attribute that a held method still reads is never given another value.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::egraph::extract::Proof;
use crate::graph::{AttributeValue, ConstantId, FunctionName, Graph, Model, ModuleId, Name};
use crate::model::torchscript::TorchScript;

use super::freeze::{self, Kept};
use super::job::JobError;
use super::report::{Bound, Island, MethodChange};
use super::rewrite::Graphs;
use super::settings::Names;
use super::steps::Run;
use super::{attribute, count, live, register, store};

/// Methods whose calls are inlined.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Their names, in order; none before a step needs them.
    pub(super) names: Vec<Name>,
    /// Whether attributes that nothing writes are constants.
    pub(super) is_frozen: bool,
    /// What was to be kept when they were frozen.
    pub(super) frozen_with: Vec<String>,
    kept: Kept,
    /// Modules whose methods are still called.
    whole: FxHashSet<ModuleId>,
    /// Attributes that calls left in the graphs may change; nothing if that is not known.
    called: Option<FxHashSet<Name>>,
    /// Attributes that a `store` step made, by what they hold.
    stored: FxHashMap<ConstantId, Name>,
}

impl Held {
    /// Keeps an attribute, whoever reads it.
    pub(super) fn keep(&mut self, module: ModuleId, name: Name) {
        if !self.keeps(module, name) {
            self.kept.named.push((module, name));
        }
    }

    /// Whether an attribute was named to be kept.
    pub(super) fn keeps(&self, module: ModuleId, name: Name) -> bool {
        self.kept.named.contains(&(module, name))
    }
}

impl Run<'_> {
    /// Names of the root's methods, those that the result will have.
    pub(super) fn method_names(&self) -> Vec<Name> {
        if !self.held.names.is_empty() {
            return self.held.names.clone();
        }
        let methods = freeze::root_methods(&self.file.model);
        methods.map(|name| name.name).collect()
    }

    /// What steps may ask of the model.
    pub(super) fn names(&self) -> Names {
        let root = self.file.model.modules.first();
        let attributes = root.map(|root| root.attributes.keys().copied().collect());
        Names {
            methods: self.method_names(),
            attributes: attributes.unwrap_or_default(),
        }
    }

    /// A method of the root, by its full name.
    pub(super) fn function_name(&self, method: Name) -> FunctionName {
        FunctionName {
            class: Some(self.file.model.module(Model::ROOT).class),
            name: method,
        }
    }

    /// The graphs of the held methods.
    pub(super) fn graphs(&self) -> impl Iterator<Item = &Graph> {
        let functions = &self.file.model.functions;
        let held = self.held.names.iter();
        held.map(|&method| &functions[&self.function_name(method)].graph)
    }

    fn graph_mut(&mut self, method: Name) -> &mut Graph {
        let name = self.function_name(method);
        match self.file.model.functions.get_mut(&name) {
            Some(function) => &mut function.graph,
            None => unreachable!("held methods are functions of the model"),
        }
    }

    pub(super) fn hold(&mut self, graphs: impl IntoIterator<Item = (Name, Graph)>) {
        self.held.names.clear();
        for (method, mut graph) in graphs {
            if self.held.is_frozen {
                freeze::detach(&mut graph, &mut self.file.model.constants);
            }
            *self.graph_mut(method) = graph;
            self.held.names.push(method);
        }
    }

    /// Freezes `forward` and what `keep` names.
    pub(super) fn freeze(&mut self, keep: &[String]) -> Result<(), JobError> {
        let frozen = freeze::freeze(&self.file.model, keep, &self.loaded.catalogue)?;
        self.held.is_frozen = true;
        self.held.frozen_with = keep.to_vec();
        let kept = std::mem::replace(&mut self.held.kept, frozen.kept);
        kept.named
            .into_iter()
            .for_each(|(module, name)| self.held.keep(module, name));
        self.held.kept.on_the_way.extend(kept.on_the_way);
        self.hold(frozen.methods);
        Ok(())
    }

    /// Inlines the calls of all methods, but for those of modules in attributes whose names begin with one of `keep`.
    pub(super) fn inline(&mut self, keep: &[String]) -> Result<(), JobError> {
        if !self.held.names.is_empty() {
            let message = "`inline` comes before the steps that inline all calls";
            return Err(JobError::Step(message.into()));
        }
        let names = self.method_names();
        let model = &self.file.model;
        let around = freeze::inline_around(model, &names, keep, &self.loaded.catalogue)?;
        self.held.kept = around.kept;
        self.held.whole = around.whole;
        self.held.called = around.changed;
        self.hold(around.methods);
        Ok(())
    }

    /// The methods that a step works on: those held, or the one named. Before any freeze, calls are inlined.
    pub(super) fn methods(&mut self, method: Option<&str>) -> Result<Vec<Name>, JobError> {
        if self.held.names.is_empty() {
            let names = self.method_names();
            let graphs = freeze::inline(&self.file.model, &names, &self.loaded.catalogue)?;
            self.hold(graphs);
        }
        match method {
            None => Ok(self.held.names.clone()),
            Some(method) => self.method(method).map(|method| vec![method]),
        }
    }

    /// The method of this name.
    pub(super) fn method(&self, method: &str) -> Result<Name, JobError> {
        let methods = self.method_names();
        let found = methods.iter().copied().find(|name| *name == method);
        found.ok_or_else(|| JobError::NoMethod {
            method: method.to_owned(),
            methods: methods.iter().map(|name| format!("`{name}`")).collect(),
        })
    }

    /// Rewrites the graph of a method.
    pub(super) fn rewrite<T>(
        &mut self,
        method: Name,
        act: impl FnOnce(&mut Self, Graphs) -> Result<T, JobError>,
    ) -> Result<T, JobError> {
        let mut graph = std::mem::take(self.graph_mut(method));
        let mut constants = std::mem::take(&mut self.file.model.constants);
        let called = self.held.called.take();
        let done = act(
            self,
            Graphs {
                graph: &mut graph,
                constants: &mut constants,
                called: called.as_ref(),
            },
        )?;
        self.held.called = called;
        register::register(&mut self.file.model.modules, &graph)?;
        self.file.model.constants = constants;
        *self.graph_mut(method) = graph;
        Ok(done)
    }

    /// Registers the attributes that rules made in the graph of a method.
    pub(super) fn register(&mut self, method: Name) -> Result<(), JobError> {
        let mut set: FxHashSet<Name> = FxHashSet::default();
        for function in self.file.model.functions.values() {
            let nodes = function.graph.walk().into_iter();
            let nodes = nodes.map(|id| function.graph.node(id));
            let writes = nodes.filter(|node| node.op == "prim::SetAttr");
            set.extend(writes.filter_map(|node| node.text_attribute("name").map(Name::new)));
        }
        let mut graph = std::mem::take(self.graph_mut(method));
        attribute::register(&mut graph, &mut self.file.model.modules, &set)?;
        *self.graph_mut(method) = graph;
        Ok(())
    }

    /// Makes results of operators attributes of the root; equal ones are one attribute for all methods.
    pub(super) fn store(
        &mut self,
        methods: &[Name],
        ops: &[String],
        prefix: &str,
    ) -> Result<(), JobError> {
        for &method in methods {
            let live = self.live();
            let mut known = std::mem::take(&mut self.held.stored);
            let mut attributes = self.rewrite(method, |_, of| {
                let is_taken = |name: Name| live.contains(&(Model::ROOT, name));
                let naming = store::Naming {
                    prefix: &format!("{prefix}_{method}"),
                    is_taken: &is_taken,
                };
                Ok(store::store(
                    of.graph,
                    of.constants,
                    ops,
                    &naming,
                    &mut known,
                ))
            })?;
            self.held.stored = known;
            self.file.model.modules[0]
                .attributes
                .extend(attributes.drain(..));
        }
        Ok(())
    }

    /// The attributes that held methods read or set, and those that are kept.
    fn live(&self) -> live::Attributes {
        let model = &self.file.model;
        let mut live = live::Attributes::default();
        for &method in &self.held.names {
            let function = &model.functions[&self.function_name(method)];
            live::add_read(model, &function.graph, &mut live);
        }
        live.extend(self.held.kept.with_what_is_inside(model));
        live.extend(&self.held.kept.on_the_way);
        if !self.held.is_frozen {
            // Nobody asked to lose state that only the caller reads.
            let own = &model.module(Model::ROOT).attributes;
            let own = own
                .iter()
                .filter(|(_, a)| !matches!(a.value, AttributeValue::Module(_)));
            live.extend(own.map(|(&name, _)| (Model::ROOT, name)));
        }
        live
    }

    /// The held methods, if there are any, and only the modules and attributes that they need.
    pub(super) fn finish(mut self) -> Result<TorchScript, JobError> {
        self.sum_up();
        self.judge_sequences();
        if self.held.names.is_empty() {
            return Ok(self.file);
        }
        let live = self.live();
        let held: Vec<FunctionName> = self
            .held
            .names
            .iter()
            .map(|&method| self.function_name(method))
            .collect();
        let model = &mut self.file.model;
        let dropped = freeze::root_methods(model).filter(|name| !held.contains(name));
        let mut dropped: Vec<Name> = dropped.map(|name| name.name).collect();
        if self.held.whole.is_empty() {
            model.functions.retain(|name, _| held.contains(name));
        } else {
            let needed = count::reached(model, held.iter().copied());
            model.functions.retain(|name, _| needed.contains(name));
        }
        live::prune(model, &live, &self.held.whole);
        let forgotten = self.file.container.forget_text(&self.file.model);
        for name in forgotten {
            if !dropped.contains(&name) {
                dropped.push(name);
            }
        }
        self.report.methods_dropped = dropped.iter().map(Name::to_string).collect();
        Ok(self.file)
    }

    /// What is known of all methods together.
    fn sum_up(&mut self) {
        let many = self.held.names.len() > 1;
        let mut bound: Option<Bound> = None;
        let mut is_optimal = true;
        let mut islands: Vec<Island> = Vec::new();
        for (method, outcome) in std::mem::take(&mut self.outcomes) {
            is_optimal &= outcome.proof == Proof::Optimal;
            // Methods may share constants.
            bound = Some(bound.map_or(outcome.bound, |all| Bound {
                operations: all.operations + outcome.bound.operations,
                bytes: all.bytes.max(outcome.bound.bytes),
            }));
            islands.extend(outcome.islands.into_iter().map(|island| Island {
                method: many.then(|| method.to_string()),
                ..island
            }));
        }
        if let Some(bound) = bound {
            self.report.proof = if is_optimal { "optimal" } else { "gap" }.into();
            self.report.lower_bound = (!is_optimal).then_some(bound);
        }
        self.report.islands = islands;
    }
}

/// Operations of each method of the root, calls included.
pub(super) fn operations(model: &Model) -> Vec<(Name, u64)> {
    freeze::root_methods(model)
        .map(|name| (name.name, count::operations_with_calls(model, name)))
        .collect()
}

/// What became of the methods that there are in the end.
pub(super) fn changes(before: &[(Name, u64)], after: Vec<(Name, u64)>) -> Vec<MethodChange> {
    let was = |method: Name| before.iter().find(|(name, _)| *name == method);
    let changes = after.into_iter().map(|(method, after)| MethodChange {
        method: method.to_string(),
        before: was(method).map(|(_, before)| *before),
        after,
    });
    changes.collect()
}
