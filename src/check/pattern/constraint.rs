//! Types as written to types of values, and to what a pattern demands of them.
//!
//! In: `const Tensor<i8 | u8, [N, C, ..]>`, `Tensor?`, `int[2]`. Out: a [`Type`] and a [`Constraint`].
//! Invariant: what is not demanded is left out; dimensions that are not known bind names.

use crate::check::codes::{TYPE_MISMATCH, UNKNOWN_TYPE};
use crate::check::expression::Context;
use crate::check::family::Frame;
use crate::check::modules::with_meant;
use crate::check::rule::{Constraint, DimPattern, Expr};
use crate::check::sink::Checked;
use crate::diagnostic::{Diagnostic, closest};
use crate::graph::text::LiteralText;
use crate::graph::{DType, Literal, Name, Type};
use crate::source::Span;
use crate::syntax::ast::{self, DimKind, ExprKind, TypeKind};

/// Names of types without a dot.
const NAMES: [(&str, Type); 14] = [
    ("int", Type::Int),
    ("SymInt", Type::Int),
    ("ScalarType", Type::Int),
    ("float", Type::Float),
    ("double", Type::Float),
    ("complex", Type::Complex),
    ("bool", Type::Bool),
    ("Scalar", Type::Scalar),
    ("number", Type::Scalar),
    ("str", Type::Str),
    ("Device", Type::Device),
    ("NoneType", Type::None),
    ("None", Type::None),
    ("Any", Type::Any),
];

/// The type itself, without element types and dimensions. `None` where nothing is said but `const`.
pub(in crate::check) fn plain_type(cx: &Context<'_>, ty: &ast::Type) -> Checked<Option<Type>> {
    Ok(Some(match &ty.kind {
        TypeKind::Any => return Ok(None),
        TypeKind::Named(path) => named(cx, path)?,
        TypeKind::Refined(refined) => match named(cx, &refined.name)? {
            tensor @ Type::Tensor(_) => tensor,
            _ => {
                return cx.sink.stop(
                    Diagnostic::error(TYPE_MISMATCH, "only a tensor has element types and sizes")
                        .primary(ty.span, "here")
                        .help("write `Tensor<...>`"),
                );
            }
        },
        TypeKind::Tuple(members) => {
            let members: Checked<Vec<Type>> = members.iter().map(|m| member(cx, m)).collect();
            Type::Tuple(members?)
        }
        TypeKind::Optional(inner) => member(cx, inner)?.optional(),
        TypeKind::List(inner, _) => member(cx, inner)?.list_of(),
        TypeKind::Dumped(dumped) => {
            return cx.sink.stop(
                Diagnostic::error(
                    UNKNOWN_TYPE,
                    format!("`{}(...)` is a type of PyTorch's dumps", dumped.name),
                )
                .primary(ty.span, "stands in a rule")
                .help("write `Tensor<f32, [1, 3, ..]>`"),
            );
        }
    }))
}

fn member(cx: &Context<'_>, ty: &ast::Type) -> Checked<Type> {
    Ok(plain_type(cx, ty)?.unwrap_or(Type::Any))
}

fn named(cx: &Context<'_>, path: &ast::Path) -> Checked<Type> {
    let text = path.text.as_str();
    if text == "Tensor" {
        return Ok(Type::tensor());
    }
    if let Some((_, ty)) = NAMES.iter().find(|(name, _)| *name == text) {
        return Ok(ty.clone());
    }
    if text.contains('.') {
        return Ok(Type::Class(Name::new(text)));
    }
    let names = NAMES.iter().map(|(name, _)| *name).chain(["Tensor"]);
    let diagnostic = Diagnostic::error(UNKNOWN_TYPE, format!("no type is named `{text}`"))
        .primary(path.span, "not found");
    cx.sink.stop(match DType::from_name(text) {
        Some(_) => diagnostic.help(format!(
            "write `Tensor<{text}>` for a tensor of such elements"
        )),
        None => with_meant(diagnostic, closest(text, names)),
    })
}

/// What a pattern demands. `bind` gives the slot of a dimension's name.
pub(super) fn constraint<'a>(
    frame: &Frame<'_, 'a>,
    ty: &'a ast::Type,
    bind: &mut dyn FnMut(&'a str, Span) -> DimPattern,
) -> Checked<Constraint> {
    let mut demanded = Constraint {
        constant: ty.constant,
        ty: plain_type(frame.cx, ty)?,
        span: Some(ty.span),
        ..Constraint::default()
    };
    if let TypeKind::Refined(refined) = &ty.kind {
        for path in &refined.dtypes {
            demanded.dtypes.extend(dtypes(frame, path)?);
        }
        if let Some(dims) = &refined.dims {
            let dims: Checked<Vec<DimPattern>> = dims.iter().map(|d| dim(frame, d, bind)).collect();
            demanded.dims = Some(dims?);
        }
    }
    Ok(demanded)
}

/// An element type, or a name for one or several.
fn dtypes(frame: &Frame<'_, '_>, path: &ast::Path) -> Checked<Vec<DType>> {
    let known = match frame.known(&path.text) {
        Some(known) => known?,
        None => Literal::None,
    };
    let as_dtype = |literal: &Literal| match literal {
        Literal::DType(dtype) => Some(*dtype),
        Literal::Str(text) => DType::from_name(text),
        _ => None,
    };
    let found = match known.items() {
        Some(items) => items.iter().map(as_dtype).collect(),
        None => as_dtype(&known).map(|dtype| vec![dtype]),
    };
    match found {
        Some(found) => Ok(found),
        None => frame.cx.sink.stop(
            Diagnostic::error(UNKNOWN_TYPE, format!("`{path}` is no element type"))
                .primary(path.span, "not found")
                .help("element types are f32, f16, i8, u8, qint8, quint8, ..."),
        ),
    }
}

fn dim<'a>(
    frame: &Frame<'_, 'a>,
    dim: &'a ast::Dim,
    bind: &mut dyn FnMut(&'a str, Span) -> DimPattern,
) -> Checked<DimPattern> {
    let expr = match &dim.kind {
        DimKind::Rest => return Ok(DimPattern::Rest),
        DimKind::Wildcard => return Ok(DimPattern::Any),
        DimKind::Expr(expr) => expr,
    };
    if let ExprKind::Name(path) = &expr.kind
        && frame.known(&path.text).is_none()
    {
        return Ok(bind(&path.text, path.span));
    }
    match frame.resolver().resolve(expr)? {
        Expr::Literal(Literal::Int(n)) => Ok(DimPattern::Equal(n)),
        Expr::Literal(other) => frame.cx.sink.stop(
            Diagnostic::error(
                TYPE_MISMATCH,
                format!("a size is an integer, not {}", LiteralText(&other)),
            )
            .primary(dim.span, "here"),
        ),
        _ => frame.cx.sink.stop(
            Diagnostic::error(TYPE_MISMATCH, "a size in a match is a number or a name")
                .primary(dim.span, "would have to be computed")
                .help("bind it to a name and compare it in `where`"),
        ),
    }
}
