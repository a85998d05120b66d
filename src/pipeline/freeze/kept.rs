//! Names that a caller wants to find again: attributes, whole submodules, methods.
//!
//! In: names as given, attributes by dotted path. Out: what each is.
//! Invariant: a name that is nothing of the model is refused with the one that was probably meant.

use rustc_hash::FxHashSet;

use crate::diagnostic::closest;
use crate::graph::{AttributeValue, Model, ModuleId, Name};

use super::FreezeError;
use super::methods::root_methods;

/// What is kept.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Methods of the root, in the order given.
    pub methods: Vec<Name>,
    /// Attributes, submodules among them, with the module that has them, in the order given.
    pub named: Vec<(ModuleId, Name)>,
    /// Submodules on the way to those, with the module that has them.
    pub on_the_way: Vec<(ModuleId, Name)>,
}

impl Kept {
    /// Looks all names up.
    pub(super) fn find(model: &Model, names: &[String]) -> Result<Kept, FreezeError> {
        let mut kept = Kept::default();
        for name in names {
            if model.root_method(name).is_some() {
                let method = Name::new(name);
                if !kept.methods.contains(&method) {
                    kept.methods.push(method);
                }
                continue;
            }
            let (way, found) = attribute(model, name).ok_or_else(|| unknown(model, name))?;
            kept.on_the_way.extend(way);
            if !kept.named.contains(&found) {
                kept.named.push(found);
            }
        }
        Ok(kept)
    }

    /// All attributes that are no modules: those that are named, and those of named modules.
    pub(super) fn attributes<'a>(
        &self,
        model: &'a Model,
    ) -> impl Iterator<Item = (ModuleId, Name)> + 'a {
        let all = self.with_what_is_inside(model);
        all.into_iter().filter(|&(module, name)| {
            let attribute = model.module(module).attributes.get(&name);
            !attribute.is_some_and(|a| matches!(a.value, AttributeValue::Module(_)))
        })
    }

    /// What is named, and of named modules all that is in them.
    pub(crate) fn with_what_is_inside(&self, model: &Model) -> Vec<(ModuleId, Name)> {
        let mut found = Vec::new();
        let mut met: FxHashSet<(ModuleId, Name)> = FxHashSet::default();
        let mut waiting = self.named.clone();
        while let Some((module, name)) = waiting.pop() {
            if !met.insert((module, name)) {
                continue;
            }
            found.push((module, name));
            let attribute = model.module(module).attributes.get(&name);
            if let Some(AttributeValue::Module(inner)) = attribute.map(|a| &a.value) {
                let names = model.module(*inner).attributes.keys();
                waiting.extend(names.map(|&name| (*inner, name)));
            }
        }
        found
    }
}

type Place = (ModuleId, Name);

/// The attribute at a dotted path, and the submodules on the way; a name of the root may itself hold dots.
fn attribute(model: &Model, path: &str) -> Option<(Vec<Place>, Place)> {
    let whole = Name::new(path);
    if model.module(Model::ROOT).attributes.contains_key(&whole) {
        return Some((Vec::new(), (Model::ROOT, whole)));
    }
    let (modules, leaf) = path.rsplit_once('.')?;
    let (way, module) = module_at(model, modules)?;
    let leaf = Name::new(leaf);
    let attributes = &model.module(module).attributes;
    attributes
        .contains_key(&leaf)
        .then_some((way, (module, leaf)))
}

fn module_at(model: &Model, path: &str) -> Option<(Vec<Place>, ModuleId)> {
    let mut way = Vec::new();
    let mut module = Model::ROOT;
    for name in path.split('.') {
        let name = Name::new(name);
        match model.module(module).attributes.get(&name)?.value {
            AttributeValue::Module(inner) => {
                way.push((module, name));
                module = inner;
            }
            _ => return None,
        }
    }
    Some((way, module))
}

fn unknown(model: &Model, path: &str) -> FreezeError {
    let (owner, prefix, leaf) = match path.rsplit_once('.') {
        Some((modules, leaf)) => match module_at(model, modules) {
            Some((_, owner)) => (owner, format!("{modules}."), leaf),
            None => (Model::ROOT, String::new(), path),
        },
        None => (Model::ROOT, String::new(), path),
    };
    let class = model.module(owner).class;
    let is_method = model
        .functions
        .keys()
        .any(|name| name.class == Some(class) && name.name == leaf);
    if is_method && owner != Model::ROOT {
        return FreezeError::InnerMethod {
            name: path.to_owned(),
            module: prefix.trim_end_matches('.').to_owned(),
        };
    }
    let attributes = model.module(owner).attributes.keys().map(|n| n.as_str());
    let methods = root_methods(model).map(|name| name.name.as_str());
    let methods = methods.filter(|_| owner == Model::ROOT);
    FreezeError::UnknownName {
        name: path.to_owned(),
        meant: closest(leaf, methods.chain(attributes)).map(|meant| format!("{prefix}{meant}")),
    }
}
