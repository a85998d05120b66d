//! The step `fetch`: attributes of modules, as a table of classes asks for them, into the report.
//!
//! In: rows of a class, the newest version known, and names of attributes. Out: for each module of such a class its values.
//! Source: `torch/fx/passes/param_fetch.py`, whose table and order `torch.lowering.BOOK` has.
//! Invariant: everything that is wrong is told at once, and nothing is fetched then.

use rustc_hash::FxHashMap;

use crate::graph::text::{LiteralText, TypeText};
use crate::graph::{AttributeValue, ConstantStore, Dim, Literal, Model, ModuleId, Name};

use super::job::JobError;
use super::report::{Fetched, FetchedValue};
use super::settings::Settings;
use super::steps::Run;

/// A row of the table.
struct Row<'a> {
    class: &'a str,
    fields: Vec<&'a str>,
}

impl Run<'_> {
    /// Puts attributes of modules into the report.
    pub(super) fn fetch(&mut self, settings: &Settings, rows: &Literal) -> Result<(), JobError> {
        let wrong = || settings.wrong("fetch(ROWS)", "a list of (class, version, [attributes])");
        let rows = rows.items().ok_or_else(wrong)?;
        let rows: Vec<Row> = rows
            .iter()
            .map(row)
            .collect::<Option<_>>()
            .ok_or_else(wrong)?;
        let by_class: FxHashMap<&str, &Row> = rows.iter().map(|row| (row.class, row)).collect();
        let model = &self.file.model;
        let mut fetched = Vec::new();
        let mut missing = Vec::new();
        for (path, id) in modules(model) {
            let class = plain_class(model.module(id).class.as_str());
            let Some(row) = by_class.get(class.as_str()) else {
                continue;
            };
            let constants = self
                .file
                .container
                .declared_constants(model.module(id).class);
            let mut values = Vec::new();
            for field in &row.fields {
                let attribute = model.module(id).attributes.get(&Name::new(field));
                let value = match attribute {
                    Some(attribute) => Some(shown(&attribute.value, &model.constants)),
                    None => constants
                        .iter()
                        .find(|(name, _)| name == field)
                        .map(|(_, text)| (*text).to_owned()),
                };
                match value {
                    Some(value) => values.push(FetchedValue {
                        name: (*field).to_owned(),
                        value,
                    }),
                    None => missing.push(format!("`{path}` of class {class} has no `{field}`")),
                }
            }
            fetched.push(Fetched {
                module: path,
                class,
                attributes: values,
            });
        }
        if !missing.is_empty() {
            return Err(JobError::Fetch { wrong: missing });
        }
        self.report.fetched.extend(fetched);
        Ok(())
    }
}

fn row(row: &Literal) -> Option<Row<'_>> {
    let [class, version, fields] = row.items()? else {
        return None;
    };
    version.as_int()?;
    Some(Row {
        class: class.as_str()?,
        fields: fields
            .items()?
            .iter()
            .map(Literal::as_str)
            .collect::<Option<_>>()?,
    })
}

/// All modules below the root with their paths, owners before what they hold.
fn modules(model: &Model) -> Vec<(String, ModuleId)> {
    let mut found = Vec::new();
    let mut met = vec![false; model.modules.len()];
    let mut stack = vec![(String::new(), Model::ROOT)];
    while let Some((path, id)) = stack.pop() {
        if std::mem::replace(&mut met[id.0 as usize], true) {
            continue;
        }
        let attributes = model.module(id).attributes.iter().rev();
        stack.extend(
            attributes.filter_map(|(name, attribute)| match attribute.value {
                AttributeValue::Module(inner) if path.is_empty() => Some((name.to_string(), inner)),
                AttributeValue::Module(inner) => Some((format!("{path}.{name}"), inner)),
                _ => None,
            }),
        );
        if id != Model::ROOT {
            found.push((path, id));
        }
    }
    found
}

/// A class as Python knows it: without `__torch__` and without mangling.
fn plain_class(class: &str) -> String {
    let parts = class.split('.');
    let parts = parts.filter(|part| *part != "__torch__" && !part.starts_with("___torch_mangle_"));
    parts.collect::<Vec<_>>().join(".")
}

fn shown(value: &AttributeValue, constants: &ConstantStore) -> String {
    let all = |items: &[AttributeValue]| {
        let items: Vec<String> = items.iter().map(|item| shown(item, constants)).collect();
        items.join(", ")
    };
    match value {
        AttributeValue::Literal(literal) => LiteralText(literal).to_string(),
        AttributeValue::Constant(id) => {
            let facts = &constants.get(*id).facts;
            let dims = facts
                .shape
                .iter()
                .flat_map(|dims| dims.iter().map(Dim::to_string));
            let dims: Vec<String> = dims.collect();
            match (facts.dtype, &facts.ty) {
                (Some(dtype), _) => format!("Tensor<{dtype}, [{}]>", dims.join(", ")),
                (None, Some(ty)) => TypeText(ty).to_string(),
                (None, None) => "Tensor".to_owned(),
            }
        }
        AttributeValue::List(items) => format!("[{}]", all(items)),
        AttributeValue::Tuple(items) => format!("({})", all(items)),
        AttributeValue::Dict(_) => "a dictionary".to_owned(),
        AttributeValue::Module(_) => "a module".to_owned(),
    }
}
