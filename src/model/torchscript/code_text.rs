//! Code that stays text: what the container keeps of the code members after reading.
//!
//! In: the code base with its parsed members. Out: classes and functions as text, without their indent.
//! Invariant: text keeps its lines; only the indent of its first line is taken from all of them.

#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use indexmap::{IndexMap, IndexSet};

use super::code_ast::{Class, Item, Member};
use super::code_base::{CodeBase, Source};
use super::container::{ClassText, CodeFile, CodeItem, MemberText};
use super::error::ReadError;
use crate::graph::{Model, Name, Type, ValueId};

/// All code members, by module name.
pub(super) fn code_files(code: &CodeBase<'_>) -> IndexMap<Name, CodeFile> {
    code.rows()
        .map(|(module, text, parsed)| {
            let file = match parsed {
                None => CodeFile::Text(text.to_owned()),
                Some(source) => CodeFile::Items(items(module, &source)),
            };
            (Name::new(module), file)
        })
        .collect()
}

/// Parses the members of classes that the model's types name, so that they stay known apart from other text.
pub(super) fn parse_named_types(code: &mut CodeBase<'_>, model: &Model) -> Result<(), ReadError> {
    let mut wanted: IndexSet<Name> = IndexSet::new();
    for module in &model.modules {
        for attribute in module.attributes.values() {
            classes_of(&attribute.ty, &mut wanted);
        }
    }
    for function in model.functions.values() {
        classes_of(&function.result, &mut wanted);
        let values = u32::try_from(function.graph.value_count()).unwrap_or(u32::MAX);
        for value in (0..values).map(ValueId) {
            classes_of(&function.graph.value(value).ty, &mut wanted);
        }
    }
    let mut next = 0;
    while let Some(&name) = wanted.get_index(next) {
        next += 1;
        let Some(class) = code.class(name)? else {
            continue;
        };
        for member in &class.class().members {
            match member {
                Member::Attribute { ty, .. } => classes_of(ty, &mut wanted),
                Member::Method(signature)
                    if class
                        .class()
                        .base
                        .is_some_and(|b| b == "Interface" || b == "ModuleInterface") =>
                {
                    classes_of(&signature.result, &mut wanted);
                    let types = signature.parameters.iter().filter_map(|p| p.ty.as_ref());
                    types.for_each(|ty| classes_of(ty, &mut wanted));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn classes_of(ty: &Type, found: &mut IndexSet<Name>) {
    match ty {
        Type::Class(name) => {
            found.insert(*name);
        }
        Type::Optional(inner) | Type::List(inner) => classes_of(inner, found),
        Type::Dict(key, value) => {
            classes_of(key, found);
            classes_of(value, found);
        }
        Type::Tuple(types) | Type::Union(types) => {
            types.iter().for_each(|ty| classes_of(ty, found));
        }
        _ => {}
    }
}

fn items(module: &str, source: &Source<'_>) -> Vec<CodeItem> {
    let qualified = |name: Name| Name::new(&format!("{module}.{name}"));
    source
        .file
        .items
        .iter()
        .map(|item| match item {
            Item::Class(class) => CodeItem::Class(class_text(qualified(class.name), class, source)),
            Item::Function(signature) => CodeItem::Function {
                name: qualified(signature.name),
                text: cut(source.text, signature.text),
            },
        })
        .collect()
}

fn class_text(name: Name, class: &Class, source: &Source<'_>) -> ClassText {
    let members = class.members.iter().filter_map(|member| match member {
        Member::Names { name, .. } if *name == "__parameters__" || *name == "__buffers__" => None,
        Member::Names { name, names } => Some(MemberText::Names(*name, names.clone())),
        Member::Attribute { .. } => None,
        Member::Final { text } | Member::Other { text } => {
            Some(MemberText::Line(cut(source.text, *text)))
        }
        Member::Method(signature) => Some(MemberText::Method {
            name: signature.name,
            text: cut(source.text, signature.text),
        }),
    });
    ClassText {
        name,
        base: class.base,
        members: members.collect(),
        text: cut(source.text, class.text),
    }
}

/// A range of text whose lines lose the indent of the first.
fn cut(text: &str, (start, end): (usize, usize)) -> String {
    let before = text.get(..start).unwrap_or_default();
    let indent = before.len() - before.rfind('\n').map_or(0, |at| at + 1);
    let lines = text.get(start..end).unwrap_or_default().lines().enumerate();
    let lines = lines.map(|(i, line)| {
        let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
        let cut = if i == 0 { 0 } else { blank.min(indent) };
        line.get(cut..).unwrap_or_default().trim_end()
    });
    lines.collect::<Vec<_>>().join("\n")
}
