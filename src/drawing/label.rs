//! What stands in a node's box: the operands that are no edges, attributes, and the result.
//!
//! In: a node. Out: rows of a label and a text, short enough to read.
//! Invariant: an operand whose value is the schema's default is not shown; everything else is.

use crate::graph::text::{LiteralText, TypeText, attribute_text, constant_type};
use crate::graph::{Def, Literal, NodeId, Type, ValueId};

use super::escape::clipped;
use super::outline::{Row, Subject};

/// Longest text of a row.
const MOST: usize = 34;
/// Most rows before the rest is counted only.
const ROWS: usize = 8;

/// The rows of a node.
pub(super) fn rows(subject: &Subject, id: NodeId) -> Vec<Row> {
    let graph = subject.graph;
    let node = graph.node(id);
    let schema = subject.catalogue.schema(node.op.as_str());
    let mut rows: Vec<Row> = Vec::new();
    for (name, value) in &node.attributes {
        rows.push(row(name.as_str(), &attribute_text(value)));
    }
    for (i, &operand) in node.operands.iter().enumerate() {
        let parameter = schema.and_then(|schema| schema.params.get(i));
        let label = parameter.map_or("", |parameter| parameter.name.as_str());
        match &graph.value(operand).def {
            Def::Literal(literal) => {
                let default = parameter.and_then(|parameter| parameter.default.as_ref());
                if !default.is_some_and(|default| default.same_value(literal)) {
                    rows.push(row(label, &literal_text(literal)));
                }
            }
            Def::Constant(constant) => {
                let ty = constant_type(&subject.constants.get(*constant).facts);
                rows.push(row(label, &short_type(&ty)));
            }
            Def::Parameter { .. } if is_module(subject, operand) => {
                rows.push(row(label, &subject.name(operand)));
            }
            Def::Parameter { .. } | Def::Result { .. } => {}
        }
    }
    if rows.len() > ROWS {
        let more = rows.len() - (ROWS - 1);
        rows.truncate(ROWS - 1);
        rows.push(row("", &format!("… {more} more")));
    }
    for &result in &node.results {
        rows.push(Row {
            is_result: true,
            ..row("", &result_text(subject, result))
        });
    }
    rows
}

/// `%x`, with its type where that says more than that it is a tensor.
pub(super) fn result_text(subject: &Subject, value: ValueId) -> String {
    let ty = &subject.graph.value(value).ty;
    let name = subject.name(value);
    if *ty == Type::tensor() {
        return name;
    }
    format!("{name}: {}", short_type(&TypeText(ty).to_string()))
}

/// Whether a value is an object handed in from outside: no data flows along it.
pub(super) fn is_module(subject: &Subject, value: ValueId) -> bool {
    let value = subject.graph.value(value);
    matches!(
        (&value.def, &value.ty),
        (Def::Parameter { .. }, Type::Class(_))
    )
}

fn row(label: &str, text: &str) -> Row {
    Row {
        label: clipped(label, MOST / 2),
        text: clipped(text, MOST),
        is_result: false,
    }
}

fn literal_text(literal: &Literal) -> String {
    match literal {
        // Many numbers say less than how many they are.
        Literal::List(items) if items.len() > 8 => format!("[… {} items]", items.len()),
        _ => LiteralText(literal).to_string(),
    }
}

/// `Tensor<f32, [64, 3]>` as `f32 [64, 3]`, a class by the end of its name.
fn short_type(ty: &str) -> String {
    if let Some(inner) = ty
        .strip_prefix("Tensor<")
        .and_then(|ty| ty.strip_suffix('>'))
    {
        return inner.replacen(", [", " [", 1);
    }
    let is_path = ty.chars().all(|c| c.is_alphanumeric() || "._".contains(c));
    match ty.rsplit_once('.') {
        Some((_, last)) if is_path => last.to_owned(),
        _ => ty.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_short() {
        assert_eq!(short_type("Tensor<f32, [64, 3]>"), "f32 [64, 3]");
        assert_eq!(short_type("Tensor<f32>"), "f32");
        assert_eq!(
            short_type("__torch__.torch.classes.quantized.Conv2dPackedParamsBase"),
            "Conv2dPackedParamsBase"
        );
        assert_eq!(short_type("(Tensor, int)"), "(Tensor, int)");
    }
}
