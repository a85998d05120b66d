//! Ops that rule files declare.
//!
//! In: `op` items. Out: schemas for the catalogue.
//! Invariant: a declared op is pure and deterministic unless it says `effect`.

use super::codes::{DUPLICATE_NAME, NOT_YET, UNKNOWN_NAME};
use super::expression::Context;
use super::modules::with_meant;
use super::pattern::plain_type;
use super::sink::Checked;
use crate::diagnostic::{Diagnostic, closest};
use crate::graph::{Name, Type};
use crate::ops::{CustomOp, Param, ResultInfo, Schema};
use crate::source::Span;
use crate::syntax::ast::{self, ItemKind, TraitKind, TypeKind};

/// All ops that the modules declare.
pub(super) fn declared(cx: &Context<'_>) -> Vec<CustomOp> {
    let mut ops: Vec<(CustomOp, Span)> = Vec::new();
    for (index, module) in cx.modules.list.iter().enumerate() {
        for item in &module.file.items {
            let ItemKind::Op(declaration) = &item.kind else {
                continue;
            };
            let Ok(op) = custom(cx, index, declaration) else {
                continue;
            };
            let span = declaration.name.span;
            match ops
                .iter()
                .find(|(other, _)| other.schema.full == op.schema.full)
            {
                None => ops.push((op, span)),
                Some((_, first)) => cx.sink.tell(
                    Diagnostic::error(
                        DUPLICATE_NAME,
                        format!("`{}` is declared twice", declaration.name),
                    )
                    .primary(span, "the second time")
                    .secondary(*first, "the first time")
                    .help("remove one, or give it an overload: `ns::name.overload`"),
                ),
            }
        }
    }
    ops.into_iter().map(|(op, _)| op).collect()
}

fn custom<'a>(
    cx: &Context<'a>,
    module: usize,
    declaration: &'a ast::OpDeclaration,
) -> Checked<CustomOp> {
    let Some(full) = declaration.name.plain() else {
        return cx.sink.stop(
            Diagnostic::error(UNKNOWN_NAME, "a declared op has a name of its own")
                .primary(declaration.name.span, "nothing fills this")
                .help("declare each op by itself"),
        );
    };
    if let Some(attr) = declaration.attrs.first() {
        return cx.sink.stop(
            Diagnostic::error(NOT_YET, "an `op` item declares operands and results only")
                .primary(attr.name.span, "an attribute")
                .help("leave it out: rules match and write any attribute, and one that is absent is `none`"),
        );
    }
    let mut params = Vec::with_capacity(declaration.operands.len());
    let mut vararg = false;
    for operand in &declaration.operands {
        if operand.each {
            vararg = true;
            continue;
        }
        let default = match &operand.default {
            Some(default) => Some(cx.literal(module, default, "a default")?),
            None => None,
        };
        let name = &operand.value.name;
        if params.iter().any(|p: &Param| p.name == name.as_str()) {
            return cx.sink.stop(
                Diagnostic::error(DUPLICATE_NAME, format!("two operands are named `{name}`"))
                    .primary(operand.value.span, "the second"),
            );
        }
        params.push(Param {
            name: Name::new(name),
            ty: plain_type(cx, &operand.ty)?.unwrap_or(Type::Any),
            default,
            keyword_only: false,
            alias: None,
            is_dtype: is_dtype(&operand.ty),
            fixed_len: fixed_len(&operand.ty),
        });
    }
    let results: Checked<Vec<ResultInfo>> = declaration
        .result
        .results()
        .into_iter()
        .map(|ty| {
            Ok(ResultInfo {
                name: None,
                ty: plain_type(cx, ty)?.unwrap_or(Type::Any),
                alias: None,
            })
        })
        .collect();
    let full = Name::new(full);
    let (base, overload) = Schema::split(full.as_str());
    let mut op = CustomOp {
        schema: Schema {
            full,
            base: Name::new(base),
            overload,
            params,
            results: results?,
            vararg,
            varret: false,
        },
        commutative: None,
        effect: false,
        is_virtual: false,
    };
    for one in &declaration.traits {
        match &one.kind {
            TraitKind::Effect => op.effect = true,
            TraitKind::Virtual => op.is_virtual = true,
            TraitKind::Commutative(names) => {
                op.commutative = Some(commutative(cx, &op.schema, names, one.span)?);
            }
        }
    }
    Ok(op)
}

fn commutative(
    cx: &Context<'_>,
    schema: &Schema,
    names: &[ast::Name],
    span: Span,
) -> Checked<(usize, usize)> {
    let place = |name: &ast::Name| match schema.param(&name.text) {
        Some(place) => Ok(place),
        None => {
            let params = schema.params.iter().map(|param| param.name.as_str());
            cx.sink.stop(with_meant(
                Diagnostic::error(UNKNOWN_NAME, format!("no operand is named `{name}`"))
                    .primary(name.span, "not found"),
                closest(&name.text, params),
            ))
        }
    };
    match names {
        [a, b] => Ok((place(a)?, place(b)?)),
        _ => cx.sink.stop(
            Diagnostic::error(NOT_YET, "two operands may change places")
                .primary(span, "names another number of them")
                .help("write `commutative(a, b)`"),
        ),
    }
}

/// Whether the integer is a code for an element type.
fn is_dtype(ty: &ast::Type) -> bool {
    match &ty.kind {
        TypeKind::Named(path) => path.text == "ScalarType",
        TypeKind::Optional(inner) => is_dtype(inner),
        _ => false,
    }
}

/// The 2 of `int[2]`.
fn fixed_len(ty: &ast::Type) -> Option<u32> {
    match &ty.kind {
        TypeKind::List(_, len) => len.and_then(|len| u32::try_from(len).ok()),
        TypeKind::Optional(inner) => fixed_len(inner),
        _ => None,
    }
}
