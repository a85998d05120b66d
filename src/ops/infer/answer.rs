//! Facts of results: the table's rule where there is one, else what the schema says.
//!
//! Invariant: an unknown operator, or one with unknown operands, gives what its schema says and nothing more.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::operands::Operands;
use super::table::{ROWS, Row, Rule};
use crate::graph::{Facts, QParams, Type};
use crate::ops::catalogue::Catalogue;
use crate::ops::partners::in_place_partner;
use crate::ops::schema::Schema;
use crate::ops::table::{base_of, schema};

static INDEX: LazyLock<FxHashMap<&'static str, &'static Row>> = LazyLock::new(|| {
    ROWS.iter()
        .flat_map(|row| row.ops.iter().map(move |op| (*op, row)))
        .collect()
});

/// What is known of the results of a carried operator. One entry for each result; operators whose number of results depends on the node
/// (`prim::ListUnpack`) give as many as are known.
pub fn infer(op: &str, operands: &[Facts]) -> Vec<Facts> {
    match schema(op) {
        Some(schema) => by_rule(schema, operands),
        None => Vec::new(),
    }
}

impl Catalogue {
    /// What is known of the results of an operator.
    pub fn infer(&self, op: &str, operands: &[Facts]) -> Vec<Facts> {
        match self.custom(op) {
            Some(custom) => declared(&custom.schema),
            None => infer(op, operands),
        }
    }
}

fn by_rule(schema: &Schema, operands: &[Facts]) -> Vec<Facts> {
    let full = schema.full.as_str();
    if let Some(row) = row(full)
        && !schema.writes()
    {
        return apply(row, schema, operands);
    }
    // What an in-place operator leaves in its target: the partner's values in the target's element type.
    let partner = in_place_partner(full).and_then(|op| row(op).zip(self::schema(op)));
    let Some((row, partner)) = partner else {
        return declared(schema);
    };
    let mut results = apply(row, partner, operands);
    if let (Some(result), Some(target)) = (results.first_mut(), operands.first()) {
        result.dtype = target.dtype;
        if !target.dtype.is_some_and(|d| d.is_quantized()) {
            result.qparams = QParams::Unknown;
        }
    }
    results
}

fn row(full: &str) -> Option<&'static Row> {
    INDEX
        .get(full)
        .or_else(|| INDEX.get(base_of(full)))
        .copied()
}

fn apply(row: &Row, schema: &Schema, operands: &[Facts]) -> Vec<Facts> {
    let o = Operands {
        schema,
        facts: operands,
    };
    match row.rule {
        Rule::Several(rule) => rule(o),
        Rule::Tensor {
            dtype,
            qparams,
            shape,
        } if matches!(schema.results.as_slice(), [one] if one.ty.is_tensor()) => {
            let dtype = dtype(o);
            let quantized = dtype.is_some_and(|d| d.is_quantized());
            vec![Facts {
                qparams: if quantized {
                    qparams(o)
                } else {
                    QParams::Unknown
                },
                ..Facts::tensor(dtype, shape(o))
            }]
        }
        // Another overload of the name: on numbers or lists.
        Rule::Tensor { .. } => declared(schema),
    }
}

/// What the schema alone says.
fn declared(schema: &Schema) -> Vec<Facts> {
    let known = |ty: &Type| !matches!(ty, Type::Any | Type::Variable(_));
    schema
        .results
        .iter()
        .map(|result| match &result.ty {
            ty if known(ty) => Facts::of_type(ty.clone()),
            _ => Facts::default(),
        })
        .collect()
}
