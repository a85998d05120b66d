//! Calls inlined around modules that keep theirs, such as observers: what they do is nobody's business, and others call them too.
//!
//! In: a model, the beginnings of names of attributes that hold such modules. Out: a graph for each method, in which calls of these
//! modules' methods stay calls.
//! Invariant: a literal that no function of the model sets is known; every other attribute is read when the graph runs.

use indexmap::IndexMap;
use rustc_hash::FxHashSet;

use crate::egraph::build::Memory;
use crate::graph::{AttributeValue, Graph, Model, ModuleId, Name, Type};
use crate::ops::Catalogue;

use super::super::count;
use super::FreezeError;
use super::inline::{Reads, walk};
use super::kept::Kept;
use super::methods::method;
use super::paths::Paths;

/// Methods with calls inlined but for those of some modules.
#[derive(Debug)]
pub struct Around {
    /// Their graphs by name.
    pub methods: IndexMap<Name, Graph>,
    /// The modules whose methods are still called, where they are,
    pub kept: Kept,
    /// and which.
    pub whole: FxHashSet<ModuleId>,
    /// Attributes that those calls may change; nothing if that is not known.
    pub changed: Option<FxHashSet<Name>>,
}

/// Inlines the calls of these methods of the root, but for those of modules in attributes whose names begin with one of `keep`.
pub fn inline_around(
    model: &Model,
    names: &[Name],
    keep: &[String],
    catalogue: &Catalogue,
) -> Result<Around, FreezeError> {
    let paths = Paths::of_model(model);
    let mut opaque: FxHashSet<ModuleId> = FxHashSet::default();
    let mut places: Vec<String> = Vec::new();
    for (owner, module) in (0..).map(ModuleId).zip(&model.modules) {
        for (name, attribute) in &module.attributes {
            let is_kept = keep.iter().any(|start| name.as_str().starts_with(start));
            if let (true, AttributeValue::Module(inner)) = (is_kept, &attribute.value) {
                opaque.insert(*inner);
                places.push(match paths.text(owner) {
                    Some(path) => format!("{path}.{name}"),
                    None => name.to_string(),
                });
            }
        }
    }
    let set = set_names(model);
    let mut methods = IndexMap::new();
    for &name in names {
        let of = method(model, name)?;
        let walked = walk(model, &paths, of, Reads::State(&set), &opaque, catalogue)?;
        methods.insert(name, walked.graph);
    }
    let classes: FxHashSet<Name> = opaque.iter().map(|&id| model.module(id).class).collect();
    let changed = methods
        .values()
        .all(|graph| calls_only(graph, &classes))
        .then(|| changed(model, &classes, catalogue))
        .flatten();
    Ok(Around {
        methods,
        kept: Kept::find(model, &places)?,
        whole: opaque,
        changed,
    })
}

/// Names of attributes that some function sets.
fn set_names(model: &Model) -> FxHashSet<Name> {
    let mut names = FxHashSet::default();
    for function in model.functions.values() {
        let graph = &function.graph;
        let nodes = graph.walk().into_iter().map(|id| graph.node(id));
        let set = nodes.filter(|node| node.op == "prim::SetAttr");
        names.extend(set.filter_map(|node| node.text_attribute("name").map(Name::new)));
    }
    names
}

/// Whether all calls of a graph are of methods of these classes.
fn calls_only(graph: &Graph, classes: &FxHashSet<Name>) -> bool {
    let nodes = graph.walk().into_iter().map(|id| graph.node(id));
    let mut calls =
        nodes.filter(|node| node.op == "prim::CallMethod" || node.op == "prim::CallFunction");
    calls.all(|node| {
        let owner = node.operands.first().map(|&owner| &graph.value(owner).ty);
        node.op == "prim::CallMethod"
            && matches!(owner, Some(Type::Class(class)) if classes.contains(class))
    })
}

/// Attributes that methods of these classes may change; nothing if they may change what they are given.
fn changed(
    model: &Model,
    classes: &FxHashSet<Name>,
    catalogue: &Catalogue,
) -> Option<FxHashSet<Name>> {
    let own = |name: &crate::graph::FunctionName| name.class.is_some_and(|c| classes.contains(&c));
    let own = model.functions.keys().copied().filter(own);
    let mut names = FxHashSet::default();
    for name in count::reached(model, own) {
        let graph = &model.functions[&name].graph;
        let memory = Memory::of(graph, catalogue);
        if graph
            .body()
            .parameters
            .iter()
            .any(|&value| memory.is_written(value))
        {
            return None;
        }
        names.extend(memory.written_attributes());
        let nodes = graph.walk().into_iter().map(|id| graph.node(id));
        let set = nodes.filter(|node| node.op == "prim::SetAttr");
        names.extend(set.filter_map(|node| node.text_attribute("name").map(Name::new)));
    }
    Some(names)
}
