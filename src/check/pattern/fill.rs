//! Operands as written to the parameters of a schema.
//!
//! In: the operands of a node and one overload. Out: what stands for each parameter.
//! Invariant: every parameter has something: what was written, its default, or anything where `..` is written.

use super::sketch::SketchNode;
use crate::graph::Literal;
use crate::ops::Schema;

/// What stands for a parameter.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::check) enum Fill {
    /// The operand written at this index.
    Operand(usize),
    /// An element of the operand written as `P...` at this index: its number among them.
    Element(usize, u32),
    /// The default: an operand that is not written has it.
    Default(Literal),
    /// Whatever it is.
    Any,
}

/// The operands of a node in the order of a schema.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::check) struct Filled {
    pub(in crate::check) params: Vec<Fill>,
    /// Operands beyond the parameters.
    pub(in crate::check) extra: Vec<usize>,
    /// How any number of others is written: `P...` at this index, or `..`.
    pub(in crate::check) rest: Option<Option<usize>>,
}

/// Why operands do not fit a schema.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::check) struct Unfit(pub(in crate::check) String);

/// Puts the operands of a node in the order of a schema.
pub(super) fn fill(node: &SketchNode<'_>, schema: &Schema) -> Result<Filled, Unfit> {
    let params = &schema.params;
    let mut filled: Vec<Option<Fill>> = vec![None; params.len()];
    let mut extra = Vec::new();
    let mut open = None;
    let mut next = 0;
    for (index, operand) in node.operands.iter().enumerate() {
        if let Some(label) = operand.label {
            let place = schema.param(&label.text).and_then(|at| filled.get_mut(at));
            match place {
                Some(place @ None) => *place = Some(Fill::Operand(index)),
                Some(Some(_)) => return Err(Unfit(format!("`{label}` is written twice"))),
                None => return Err(Unfit(format!("it has no operand `{label}`"))),
            }
        } else if operand.piece.is_none() {
            open = Some(None);
        } else if operand.each {
            if open.is_some() {
                return Err(Unfit("`...` stands twice".to_owned()));
            }
            open = Some(Some(index));
        } else if open.is_some() {
            return Err(Unfit("operands behind `...` need their names".to_owned()));
        } else {
            match filled.get_mut(next) {
                Some(place) => *place = Some(Fill::Operand(index)),
                None if schema.vararg => extra.push(index),
                None => return Err(Unfit(too_many(node, schema))),
            }
            next += 1;
        }
    }
    let mut elements = 0;
    let mut complete = Vec::with_capacity(params.len());
    for (param, fill) in params.iter().zip(filled) {
        complete.push(match (fill, open, &param.default) {
            (Some(fill), _, _) => fill,
            (None, Some(Some(index)), _) => {
                elements += 1;
                Fill::Element(index, elements - 1)
            }
            (None, Some(None), _) => Fill::Any,
            (None, None, Some(default)) => Fill::Default(default.clone()),
            (None, None, None) => {
                return Err(Unfit(format!(
                    "its operand `{}` is not written",
                    param.name
                )));
            }
        });
    }
    Ok(Filled {
        params: complete,
        extra,
        rest: if schema.vararg { open } else { None },
    })
}

fn too_many(node: &SketchNode<'_>, schema: &Schema) -> String {
    let most = schema.params.len();
    let written = node
        .operands
        .iter()
        .filter(|o| o.piece.is_some() && !o.each);
    let written = written.count();
    let are = if written == 1 { "is" } else { "are" };
    format!("it takes {most}, and {written} {are} written")
}
