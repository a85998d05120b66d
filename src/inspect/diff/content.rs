//! What two models hold: attributes by their paths, constants by path and content.
//!
//! In: two models. Out: what went, what came, and what changed under one path.
//! Invariant: a constant that only moved is no removed and added one: it is told with both paths.

use indexmap::IndexMap;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

use crate::graph::text::{LiteralText, TypeText, constant_type};
use crate::graph::{AttributeValue, ConstantId, Model, ModuleId};

use super::hashing::constant_hash;

/// A constant that differs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ConstantChange {
    /// `removed`, `added`, `changed` or `moved`.
    pub change: &'static str,
    /// Path of the attribute that holds it.
    pub path: String,
    /// Where it is now, if it moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Its type in the first model, or in the second if it was added.
    pub ty: String,
    /// Its type in the second model, if it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_ty: Option<String>,
    /// Bytes in the first model.
    pub before: u64,
    /// Bytes in the second model.
    pub after: u64,
}

/// An attribute without tensors that differs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct AttributeChange {
    /// Its path.
    pub path: String,
    /// Its value in the first model.
    pub before: Option<String>,
    /// Its value in the second model.
    pub after: Option<String>,
}

/// What the modules of a model hold.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// Constants by path.
    constants: IndexMap<String, Held>,
    /// Other attributes by path, as text with their types.
    attributes: IndexMap<String, String>,
    /// The first path of each content.
    paths: FxHashMap<u128, String>,
}

#[derive(Clone, Debug)]
struct Held {
    hash: u128,
    ty: String,
    bytes: u64,
}

impl Content {
    /// What a model holds, walked from the root.
    pub(super) fn of(model: &Model) -> Content {
        let mut content = Content::default();
        let mut met = FxHashSet::default();
        if !model.modules.is_empty() {
            content.module(model, Model::ROOT, "", &mut met);
        }
        content
    }

    /// The first path under which a content is held.
    pub(super) fn path(&self, hash: u128) -> Option<&str> {
        self.paths.get(&hash).map(String::as_str)
    }

    /// Bytes of all constants, each content once.
    pub(super) fn bytes(&self) -> u64 {
        let mut met = FxHashSet::default();
        let held = self.constants.values();
        held.filter(|held| met.insert(held.hash))
            .map(|held| held.bytes)
            .sum()
    }

    fn module(&mut self, model: &Model, id: ModuleId, path: &str, met: &mut FxHashSet<ModuleId>) {
        if !met.insert(id) {
            self.attributes
                .insert(path.to_owned(), "a module met before".into());
            return;
        }
        for (name, attribute) in &model.module(id).attributes {
            let path = if path.is_empty() {
                name.to_string()
            } else {
                format!("{path}.{name}")
            };
            let ty = TypeText(&attribute.ty).to_string();
            self.value(model, &attribute.value, &path, &ty, met);
        }
    }

    fn value(
        &mut self,
        model: &Model,
        value: &AttributeValue,
        path: &str,
        ty: &str,
        met: &mut FxHashSet<ModuleId>,
    ) {
        match value {
            AttributeValue::Module(inner) => self.module(model, *inner, path, met),
            AttributeValue::Constant(id) => self.constant(model, *id, path),
            AttributeValue::Literal(literal) => {
                let text = format!("{} : {ty}", LiteralText(literal));
                self.attributes.insert(path.to_owned(), text);
            }
            AttributeValue::List(items) | AttributeValue::Tuple(items) => {
                let text = format!("{} items : {ty}", items.len());
                self.attributes.insert(path.to_owned(), text);
                for (i, item) in items.iter().enumerate() {
                    self.value(model, item, &format!("{path}[{i}]"), "", met);
                }
            }
            AttributeValue::Dict(items) => {
                let text = format!("{} items : {ty}", items.len());
                self.attributes.insert(path.to_owned(), text);
                for (i, (key, item)) in items.iter().enumerate() {
                    self.value(model, key, &format!("{path}.keys[{i}]"), "", met);
                    self.value(model, item, &format!("{path}[{i}]"), "", met);
                }
            }
        }
    }

    fn constant(&mut self, model: &Model, id: ConstantId, path: &str) {
        let entry = model.constants.get(id);
        let held = Held {
            hash: constant_hash(&model.constants, id),
            ty: constant_type(&entry.facts),
            bytes: entry.bytes,
        };
        self.paths
            .entry(held.hash)
            .or_insert_with(|| path.to_owned());
        self.constants.insert(path.to_owned(), held);
    }
}

/// Constants that differ.
pub(super) fn constants(a: &Content, b: &Content) -> Vec<ConstantChange> {
    let mut found = Vec::new();
    let mut arrived = FxHashSet::default();
    for (path, held) in &a.constants {
        let mut change = ConstantChange {
            change: "removed",
            path: path.clone(),
            to: None,
            ty: held.ty.clone(),
            new_ty: None,
            before: held.bytes,
            after: 0,
        };
        if let Some(now) = b.constants.get(path) {
            if now.hash == held.hash {
                continue;
            }
            change.change = "changed";
            change.new_ty = Some(now.ty.clone());
            change.after = now.bytes;
        } else if let Some(to) = b
            .path(held.hash)
            .filter(|to| !a.constants.contains_key(*to))
        {
            change.change = "moved";
            change.to = Some(to.to_owned());
            change.after = held.bytes;
            arrived.insert(to);
        }
        found.push(change);
    }
    for (path, held) in &b.constants {
        if !a.constants.contains_key(path) && !arrived.contains(path.as_str()) {
            found.push(ConstantChange {
                change: "added",
                path: path.clone(),
                to: None,
                ty: held.ty.clone(),
                new_ty: None,
                before: 0,
                after: held.bytes,
            });
        }
    }
    found
}

/// Other attributes that differ.
pub(super) fn attributes(a: &Content, b: &Content) -> Vec<AttributeChange> {
    let mut found = Vec::new();
    for (path, value) in &a.attributes {
        let after = b.attributes.get(path);
        if after != Some(value) {
            found.push(AttributeChange {
                path: path.clone(),
                before: Some(value.clone()),
                after: after.cloned(),
            });
        }
    }
    for (path, value) in &b.attributes {
        if !a.attributes.contains_key(path) {
            found.push(AttributeChange {
                path: path.clone(),
                before: None,
                after: Some(value.clone()),
            });
        }
    }
    found
}
