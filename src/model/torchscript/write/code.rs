//! Code members: classes of the module tree with their attributes and methods, functions, and what stayed text.
//!
//! In: the model and the code it came with. Out: member names and texts, in order.
//! Invariant: a class declares exactly the attributes that its modules have; two modules of a class have the same.
//! Invariant: once text is forgotten, only what the root class reaches is written.

use indexmap::{IndexMap, IndexSet};
use rustc_hash::FxHashMap;

use super::constants::ConstantTable;
use super::function::write_function;
use super::literal::quoted;
use super::names::is_identifier;
use crate::graph::{AttributeValue, FunctionName, Model, Module, ModuleId, Name, ParameterKind};
use crate::model::torchscript::code_types::spell;
use crate::model::torchscript::container::{
    ClassText, CodeFile, CodeItem, Container, MemberText, TorchScript,
};
use crate::model::torchscript::error::WriteError;
use crate::ops::Catalogue;

/// The code members: names and texts.
pub(super) fn write_code(
    script: &TorchScript,
    catalogue: &Catalogue,
    constants: &mut ConstantTable,
) -> Result<Vec<(String, String)>, WriteError> {
    let mut writer = CodeWriter {
        container: &script.container,
        model: &script.model,
        catalogue,
        constants,
        classes: classes(&script.model)?,
    };
    let pieces = match script.container.has_text() {
        true => writer.all()?,
        false => writer.reached()?,
    };
    let mut files: IndexMap<String, String> = IndexMap::new();
    for (module, text) in pieces {
        let name = format!("code/{}.py", module.replace('.', "/"));
        let file = files.entry(name).or_default();
        file.push_str(&text);
        if !text.ends_with('\n') {
            file.push('\n');
        }
    }
    Ok(files.into_iter().collect())
}

/// The first module of each class in the tree below the root, after checking that the others are alike.
fn classes(model: &Model) -> Result<IndexMap<Name, &Module>, WriteError> {
    let mut classes: IndexMap<Name, &Module> = IndexMap::new();
    for id in reachable(model) {
        let module = model.module(id);
        let first = *classes.entry(module.class).or_insert(module);
        let alike = first.attributes.len() == module.attributes.len()
            && first
                .attributes
                .iter()
                .zip(&module.attributes)
                .all(|(a, b)| {
                    a.0 == b.0 && a.1.kind == b.1.kind && spell(&a.1.ty) == spell(&b.1.ty)
                });
        if !alike {
            return Err(WriteError::Model {
                place: module.class.to_string(),
                what: "two modules of this class have different attributes".to_owned(),
                cure: "give one of them another class".to_owned(),
            });
        }
    }
    Ok(classes)
}

/// The modules that the root holds, in the order of their attributes.
pub(super) fn reachable(model: &Model) -> Vec<ModuleId> {
    let mut found = IndexSet::new();
    let mut stack = vec![Model::ROOT];
    while let Some(id) = stack.pop() {
        if !found.insert(id) {
            continue;
        }
        let mut inner = Vec::new();
        for attribute in model.module(id).attributes.values() {
            submodules(&attribute.value, &mut inner);
        }
        stack.extend(inner.into_iter().rev());
    }
    found.into_iter().collect()
}

fn submodules(value: &AttributeValue, found: &mut Vec<ModuleId>) {
    match value {
        AttributeValue::Module(id) => found.push(*id),
        AttributeValue::List(items) | AttributeValue::Tuple(items) => {
            items.iter().for_each(|item| submodules(item, found));
        }
        AttributeValue::Dict(pairs) => pairs.iter().for_each(|(key, value)| {
            submodules(key, found);
            submodules(value, found);
        }),
        AttributeValue::Literal(_) | AttributeValue::Constant(_) => {}
    }
}

struct CodeWriter<'a> {
    container: &'a Container,
    model: &'a Model,
    catalogue: &'a Catalogue,
    constants: &'a mut ConstantTable,
    classes: IndexMap<Name, &'a Module>,
}

/// Module name and text of a class, a function, or a whole member.
type Piece = (String, String);

impl CodeWriter<'_> {
    /// Everything the file had, and what is new.
    fn all(&mut self) -> Result<Vec<Piece>, WriteError> {
        let mut pieces = Vec::new();
        let mut written = IndexSet::new();
        for (module, file) in &self.container.code {
            let items = match file {
                CodeFile::Text(text) => {
                    if !text.trim().is_empty() {
                        pieces.push((module.to_string(), text.clone()));
                    }
                    continue;
                }
                CodeFile::Items(items) => items,
            };
            for item in items {
                let (name, text) = match item {
                    CodeItem::Class(class) => (class.name, self.class(class.name, Some(class))?),
                    CodeItem::Function { name, text } => (*name, self.free(*name, text)?),
                };
                written.insert(name);
                pieces.push((module.to_string(), text));
            }
        }
        let new: Vec<Name> = self.classes.keys().copied().collect();
        for class in new {
            if written.insert(class) {
                pieces.push((module_of(class), self.class(class, None)?));
            }
        }
        Ok(pieces)
    }

    /// The root class and all that its text mentions, directly or not.
    fn reached(&mut self) -> Result<Vec<Piece>, WriteError> {
        let mut known: FxHashMap<Name, Option<&ClassText>> = FxHashMap::default();
        for file in self.container.code.values() {
            if let CodeFile::Items(items) = file {
                for item in items {
                    match item {
                        CodeItem::Class(class) => known.insert(class.name, Some(class)),
                        CodeItem::Function { name, .. } => known.insert(*name, None),
                    };
                }
            }
        }
        let root = self.model.module(Model::ROOT).class;
        let mut wanted: IndexSet<Name> = IndexSet::from([root]);
        let mut pieces: IndexMap<Name, String> = IndexMap::new();
        let mut next = 0;
        while let Some(&name) = wanted.get_index(next) {
            next += 1;
            let is_function = self.model.functions.contains_key(&free(name));
            let text = match known.get(&name) {
                _ if is_function => self.free(name, "")?,
                Some(Some(class)) => self.class(name, Some(class))?,
                _ if self.classes.contains_key(&name) => self.class(name, None)?,
                _ => continue,
            };
            wanted.extend(mentioned(&text));
            pieces.insert(name, text);
        }
        let pieces = pieces
            .into_iter()
            .map(|(name, text)| (module_of(name), text));
        Ok(pieces.collect())
    }

    fn free(&mut self, name: Name, text: &str) -> Result<String, WriteError> {
        match self.function(free(name))? {
            Some(text) => Ok(text),
            None => Ok(text.to_owned()),
        }
    }

    fn function(&mut self, name: FunctionName) -> Result<Option<String>, WriteError> {
        let Some(definition) = self.model.functions.get(&name) else {
            return Ok(None);
        };
        let defaults = &self.container.constant_defaults;
        let default = |i| defaults.get(&(name, i)).copied();
        write_function(name, definition, self.catalogue, self.constants, &default).map(Some)
    }

    fn class(&mut self, name: Name, text: Option<&ClassText>) -> Result<String, WriteError> {
        let Some(module) = self.classes.get(&name).copied() else {
            return Ok(text.map(|class| class.text.clone()).unwrap_or_default());
        };
        let base = text.map_or(Some(Name::new("Module")), |class| class.base);
        let own = name
            .as_str()
            .rsplit_once('.')
            .map_or(name.as_str(), |(_, last)| last);
        let mut lines = vec![match base {
            Some(base) => format!("class {own}({base}):"),
            None => format!("class {own}:"),
        }];
        if base.is_some_and(|base| base == "Module") {
            for (list, kind) in [
                ("__parameters__", ParameterKind::Parameter),
                ("__buffers__", ParameterKind::Buffer),
            ] {
                let listed = module.attributes.iter().filter(|(_, a)| a.kind == kind);
                lines.push(format!(
                    "  {list} = [{}]",
                    names(listed.map(|(name, _)| *name))
                ));
            }
        }
        let members: &[MemberText] = text.map_or(&[], |class| &class.members);
        for member in members {
            if let MemberText::Names(name, list) = member
                && !list.is_empty()
            {
                lines.push(format!("  {name} = [{}]", names(list.iter().copied())));
            }
        }
        let plain = module
            .attributes
            .keys()
            .next()
            .is_none_or(|n| is_identifier(n.as_str()));
        if !plain {
            lines.push("  __annotations__ = []".to_owned());
        }
        for (name, attribute) in &module.attributes {
            let ty = spell(&attribute.ty);
            lines.push(match is_identifier(name.as_str()) {
                true => format!("  {name} : {ty}"),
                false => format!("  __annotations__[{}] = {ty}", quoted(name.as_str())),
            });
        }
        let mut written = IndexSet::new();
        for member in members {
            match member {
                MemberText::Names(..) => {}
                MemberText::Line(line) if line.is_empty() => {}
                MemberText::Line(line) => lines.push(format!("  {line}")),
                MemberText::Method { name: method, text } => {
                    let function = FunctionName {
                        class: Some(name),
                        name: *method,
                    };
                    written.insert(function);
                    match self.function(function)? {
                        Some(text) => lines.push(indented(&text)),
                        None if text.is_empty() => {}
                        None => lines.push(indented(text)),
                    }
                }
            }
        }
        let new: Vec<FunctionName> = self.model.functions.keys().copied().collect();
        for function in new {
            if function.class == Some(name) && written.insert(function) {
                lines.extend(self.function(function)?.map(|text| indented(&text)));
            }
        }
        if lines.len() == 1 {
            lines.push("  pass".to_owned());
        }
        Ok(lines.join("\n"))
    }
}

fn free(name: Name) -> FunctionName {
    FunctionName { class: None, name }
}

fn module_of(name: Name) -> String {
    let name = name.as_str();
    name.rsplit_once('.')
        .map_or(name, |(module, _)| module)
        .to_owned()
}

fn names(names: impl Iterator<Item = Name>) -> String {
    names
        .map(|name| format!("{}, ", quoted(name.as_str())))
        .collect()
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("  {line}")).collect();
    lines.join("\n")
}

/// The qualified names in a text, in order.
fn mentioned(text: &str) -> Vec<Name> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("__torch__.") {
        let rest = &text[at..];
        let end = rest
            .find(|c: char| c != '_' && c != '.' && !c.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        found.push(Name::new(&rest[..end]));
    }
    found
}
