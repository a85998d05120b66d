//! Expressions that are literals, in the type that their place wants.
//!
//! In: an expression and the type expected there. Out: the literal, an integer as a float where a float is expected.
//! Invariant: what holds anything but literals is none; nothing is evaluated.

#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::graph::{Literal, Type};
use crate::model::torchscript::code_ast::{Expr, ExprKind};

/// The literal that an expression spells.
pub(super) fn literal(expr: &Expr, ty: Option<&Type>) -> Option<Literal> {
    let ty = match ty {
        Some(Type::Optional(inner)) => Some(&**inner),
        other => other,
    };
    let all = |items: &[Expr], ty: &dyn Fn(usize) -> Option<Type>| -> Option<Vec<Literal>> {
        let items = items.iter().enumerate();
        items
            .map(|(i, item)| literal(item, ty(i).as_ref()))
            .collect()
    };
    match &expr.kind {
        ExprKind::Literal(Literal::Int(n)) if matches!(ty, Some(Type::Float)) => {
            Some(Literal::Float(*n as f64))
        }
        ExprKind::Literal(literal) => Some(literal.clone()),
        ExprKind::Name(name) if *name == "inf" => Some(Literal::Float(f64::INFINITY)),
        ExprKind::Name(name) if *name == "nan" => Some(Literal::Float(f64::NAN)),
        ExprKind::List(items) => {
            let element = match ty {
                Some(Type::List(element)) => Some((**element).clone()),
                _ => None,
            };
            Some(Literal::List(all(items, &|_| element.clone())?.into()))
        }
        ExprKind::Tuple(items) => {
            let types = match ty {
                Some(Type::Tuple(types)) => types.clone(),
                _ => Vec::new(),
            };
            Some(Literal::Tuple(
                all(items, &|i| types.get(i).cloned())?.into(),
            ))
        }
        ExprKind::Annotate(ty, inner) => literal(inner, Some(ty)),
        ExprKind::Call {
            callee, operands, ..
        } => match (&callee.kind, operands.as_slice()) {
            (ExprKind::Attribute(root, name), [device]) if *name == "device" => {
                match (&root.kind, &device.kind) {
                    (ExprKind::Name(root), ExprKind::Literal(Literal::Str(device)))
                        if *root == "torch" =>
                    {
                        Some(Literal::Device(device.clone()))
                    }
                    _ => None,
                }
            }
            _ => None,
        },
        _ => None,
    }
}

/// The type of a literal that stands alone.
pub(super) fn type_of(literal: &Literal) -> Type {
    match literal {
        Literal::None => Type::None,
        Literal::Bool(_) => Type::Bool,
        Literal::Int(_) | Literal::DType(_) => Type::Int,
        Literal::Float(_) => Type::Float,
        Literal::Complex(..) => Type::Complex,
        Literal::Str(_) => Type::Str,
        Literal::Device(_) => Type::Device,
        Literal::List(items) => items.first().map_or(Type::tensor(), type_of).list_of(),
        Literal::Tuple(items) => Type::Tuple(items.iter().map(type_of).collect()),
        Literal::Dict(items) => match items.first() {
            Some((key, value)) => Type::Dict(type_of(key).into(), type_of(value).into()),
            None => Type::Dict(Type::Str.into(), Type::tensor().into()),
        },
    }
}
