//! Several methods at once: what one of them writes stays an attribute in all.
//!
//! In: a model, names of methods, names to keep. Out: a graph for each method.
//! Invariant: walks until no constant of any graph may share memory with what some method writes.

use indexmap::IndexMap;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::egraph::build::Memory;
use crate::egraph::place::sweep;
use crate::graph::{
    Attribute, AttributeValue, FunctionName, Graph, Literal, Model, ModuleId, Name, ValueId,
};
use crate::ops::Catalogue;

use super::FreezeError;
use super::inline::{Reads, Walked, walk};
use super::kept::Kept;
use super::paths::Paths;

/// Frozen methods.
#[derive(Debug)]
pub struct Frozen {
    /// Their graphs by name. The first parameter of each is the root module.
    pub methods: IndexMap<Name, Graph>,
    /// What was to be kept.
    pub kept: Kept,
}

/// Freezes `forward`, if there is one, and each method that `keep` names.
///
/// Attributes named in `keep` stay reads (a dotted path, or a name of the root). Fails if the model is in training mode, if the archive's
/// code and attributes do not fit, or if modules are used as values.
pub fn freeze(
    model: &Model,
    keep: &[String],
    catalogue: &Catalogue,
) -> Result<Frozen, FreezeError> {
    let kept = Kept::find(model, keep)?;
    let forward = Name::new("forward");
    let mut names: Vec<Name> = Vec::new();
    if model.root_method("forward").is_some() {
        names.push(forward);
    }
    names.extend(kept.methods.iter().filter(|name| **name != forward));
    if names.is_empty() {
        return Err(FreezeError::NoMethod {
            method: "forward".into(),
            methods: listed(model),
        });
    }
    refuse_training(model)?;
    let (paths, none) = (Paths::of_model(model), FxHashSet::default());
    let mut read: FxHashSet<(ModuleId, Name)> = kept.attributes(model).collect();
    loop {
        let mut walked: IndexMap<Name, Walked> = IndexMap::new();
        for &name in &names {
            let method = method(model, name)?;
            walked.insert(
                name,
                walk(model, &paths, method, Reads::Only(&read), &none, catalogue)?,
            );
        }
        // What is written was found by walking: read it as an attribute instead, and walk again.
        let mut written = written(&walked, catalogue);
        written.retain(|attribute| !read.contains(attribute));
        if written.is_empty() {
            let methods = walked.into_iter().map(|(name, mut walked)| {
                sweep(&mut walked.graph, catalogue);
                (name, walked.graph)
            });
            return Ok(Frozen {
                methods: methods.collect(),
                kept,
            });
        }
        read.extend(written);
    }
}

/// Inlines all calls of these methods of the root. Every attribute of every module stays a read, and every write a write.
pub fn inline(
    model: &Model,
    names: &[Name],
    catalogue: &Catalogue,
) -> Result<IndexMap<Name, Graph>, FreezeError> {
    let (paths, none) = (Paths::of_model(model), FxHashSet::default());
    let mut graphs = IndexMap::new();
    for &name in names {
        let method = method(model, name)?;
        let walked = walk(model, &paths, method, Reads::Every, &none, catalogue)?;
        graphs.insert(name, walked.graph);
    }
    Ok(graphs)
}

/// Methods of the root, in order.
pub(crate) fn root_methods(model: &Model) -> impl Iterator<Item = FunctionName> + '_ {
    let class = model.modules.first().map(|root| root.class);
    model
        .functions
        .keys()
        .copied()
        .filter(move |name| name.class.is_some() && name.class == class)
}

fn listed(model: &Model) -> Vec<String> {
    root_methods(model)
        .map(|name| format!("`{}`", name.name))
        .collect()
}

pub(super) fn method(model: &Model, name: Name) -> Result<FunctionName, FreezeError> {
    model
        .root_method(name.as_str())
        .ok_or_else(|| FreezeError::NoMethod {
            method: name.to_string(),
            methods: listed(model),
        })
}

fn refuse_training(model: &Model) -> Result<(), FreezeError> {
    let training = model
        .modules
        .first()
        .and_then(|root| root.attributes.get(&Name::new("training")));
    match training {
        Some(Attribute {
            value: AttributeValue::Literal(Literal::Bool(true)),
            ..
        }) => Err(FreezeError::Training {
            path: "model".into(),
        }),
        _ => Ok(()),
    }
}

/// Attributes that a method sets, and those whose memory one writes, be it through another attribute that was set to share it.
fn written(walked: &IndexMap<Name, Walked>, catalogue: &Catalogue) -> FxHashSet<(ModuleId, Name)> {
    let mut written: FxHashSet<(ModuleId, Name)> = FxHashSet::default();
    let mut names: FxHashSet<Name> = FxHashSet::default();
    let mut memories: Vec<Memory> = walked
        .values()
        .map(|method| Memory::of(&method.graph, catalogue))
        .collect();
    loop {
        let before = names.len();
        for memory in &mut memories {
            memory.write_attributes(&names);
            names.extend(memory.written_attributes());
        }
        if names.len() == before {
            break;
        }
    }
    for (method, memory) in walked.values().zip(&memories) {
        written.extend(&method.set);
        let origin: &FxHashMap<ValueId, (ModuleId, Name)> = &method.origin;
        let touched = origin
            .iter()
            .filter(|(value, _)| memory.is_written(**value));
        written.extend(touched.map(|(_, attribute)| *attribute));
    }
    written
}
