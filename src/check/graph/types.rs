//! Types in graphs: ours and those of PyTorch's dumps.
//!
//! In: a type as written. Out: a [`Type`] with element type and sizes as far as they are written.

use crate::check::codes::UNKNOWN_TYPE;
use crate::check::modules::with_meant;
use crate::diagnostic::{Diagnostic, closest};
use crate::graph::{DType, Dim, Literal, Name, TensorType, Type};
use crate::syntax::ast::{self, DimKind, DumpedArgKind, ExprKind, NumberValue, TypeKind};

/// What a bare name means.
pub(super) type Known<'k> = &'k dyn Fn(&str) -> Option<Literal>;

/// Tensor types of dumps by their element.
const DUMPED: [(&str, DType); 16] = [
    ("Float", DType::F32),
    ("Double", DType::F64),
    ("Half", DType::F16),
    ("BFloat16", DType::BF16),
    ("Long", DType::I64),
    ("Int", DType::I32),
    ("Short", DType::I16),
    ("Char", DType::I8),
    ("Byte", DType::U8),
    ("Bool", DType::Bool),
    ("QInt8", DType::QI8),
    ("QUInt8", DType::QU8),
    ("QInt32", DType::QI32),
    ("ComplexHalf", DType::C32),
    ("ComplexFloat", DType::C64),
    ("ComplexDouble", DType::C128),
];

/// Types by their names.
const NAMED: [(&str, Type); 12] = [
    ("int", Type::Int),
    ("SymInt", Type::Int),
    ("float", Type::Float),
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

/// A type, or why it is none.
type Typed<T> = Result<T, Box<Diagnostic>>;

/// The type that is written. A dump may hold types that only PyTorch knows; in our own form they are mistakes.
pub(super) fn read(ty: &ast::Type, form: ast::GraphForm, known: Known<'_>) -> Typed<Type> {
    let inner = |ty: &ast::Type| read(ty, form, known);
    Ok(match &ty.kind {
        TypeKind::Any => Type::Any,
        TypeKind::Named(path) => named(path, form)?,
        TypeKind::Refined(refined) => Type::Tensor(refined_tensor(refined, known)?),
        TypeKind::Optional(of) => inner(of)?.optional(),
        TypeKind::List(of, _) => inner(of)?.list_of(),
        TypeKind::Tuple(members) => {
            Type::Tuple(members.iter().map(inner).collect::<Result<_, _>>()?)
        }
        TypeKind::Dumped(dumped) => dumped_type(dumped, form, known)?,
    })
}

fn named(path: &ast::Path, form: ast::GraphForm) -> Typed<Type> {
    let text = path.text.as_str();
    if text == "Tensor" {
        return Ok(Type::tensor());
    }
    if let Some((_, ty)) = NAMED.iter().find(|(name, _)| *name == text) {
        return Ok(ty.clone());
    }
    if text.contains('.') {
        return Ok(Type::Class(Name::new(text)));
    }
    if form == ast::GraphForm::Colon {
        return Ok(Type::Other(Name::new(text)));
    }
    let names = NAMED.iter().map(|(name, _)| *name).chain(["Tensor"]);
    Err(Box::new(with_meant(
        Diagnostic::error(UNKNOWN_TYPE, format!("no type is named `{text}`"))
            .primary(path.span, "not found"),
        closest(text, names),
    )))
}

fn refined_tensor(refined: &ast::RefinedType, known: Known<'_>) -> Typed<TensorType> {
    let mut tensor = TensorType::default();
    match refined.dtypes.as_slice() {
        [] => {}
        [path] => match known(&path.text) {
            Some(Literal::DType(dtype)) => tensor.dtype = Some(dtype),
            _ => {
                let words = format!("`{path}` is no element type");
                let diagnostic = Diagnostic::error(UNKNOWN_TYPE, words)
                    .primary(path.span, "not found")
                    .help("element types are f32, f16, i8, u8, qint8, quint8, ...");
                return Err(Box::new(diagnostic));
            }
        },
        [_, second, ..] => {
            let words = "a tensor of a graph has one element type";
            let diagnostic = Diagnostic::error(UNKNOWN_TYPE, words);
            return Err(Box::new(diagnostic.primary(second.span, "the second")));
        }
    }
    let Some(dims) = &refined.dims else {
        return Ok(tensor);
    };
    let mut shape = Vec::with_capacity(dims.len());
    for dim in dims {
        match &dim.kind {
            DimKind::Rest => return Ok(tensor),
            DimKind::Wildcard => shape.push(Dim::Unknown),
            DimKind::Expr(expr) => shape.push(Dim::Known(size(expr, known)?)),
        }
    }
    tensor.shape = Some(shape.into());
    Ok(tensor)
}

fn size(expr: &ast::Expr, known: Known<'_>) -> Typed<u64> {
    let literal = match &expr.kind {
        ExprKind::Number(number) => match number.value {
            NumberValue::Int(n) => Some(Literal::Int(n)),
            NumberValue::Float(_) => None,
        },
        ExprKind::Name(path) => known(&path.text),
        _ => None,
    };
    let n = literal
        .and_then(|l| l.as_int())
        .and_then(|n| u64::try_from(n).ok());
    n.ok_or_else(|| {
        let diagnostic = Diagnostic::error(UNKNOWN_TYPE, "a size is a number");
        Box::new(diagnostic.primary(expr.span, "here"))
    })
}

fn dumped_type(dumped: &ast::DumpedType, form: ast::GraphForm, known: Known<'_>) -> Typed<Type> {
    let name = dumped.name.text.as_str();
    let mut inner = Vec::new();
    let mut dims = Vec::new();
    for arg in &dumped.args {
        match &arg.kind {
            DumpedArgKind::Size(n) => {
                dims.push(u64::try_from(*n).map_or(Dim::Unknown, Dim::Known));
            }
            DumpedArgKind::Unknown => dims.push(Dim::Unknown),
            // `a` of `Tensor(a!)` is the name of an alias set, no type.
            DumpedArgKind::Type { ty, .. } if name != "Tensor" => {
                inner.push(read(ty, form, known)?);
            }
            _ => {}
        }
    }
    if name == "Tensor" {
        return Ok(Type::tensor());
    }
    if let Some((_, dtype)) = DUMPED.iter().find(|(known, _)| *known == name) {
        // `Float()` has rank 0, but a dump writes `Float(...)` only with what it knows, so nothing is nothing known.
        let shape = (!dims.is_empty()).then(|| dims.into());
        return Ok(Type::Tensor(TensorType {
            dtype: Some(*dtype),
            shape,
        }));
    }
    let mut parts = inner.into_iter();
    Ok(match (name, parts.next(), parts.next()) {
        ("Dict", Some(key), Some(value)) => Type::Dict(Box::new(key), Box::new(value)),
        ("Optional", Some(of), None) => of.optional(),
        ("List", Some(of), None) => of.list_of(),
        ("Union", Some(first), Some(second)) => {
            Type::Union([first, second].into_iter().chain(parts).collect())
        }
        _ => Type::Other(Name::new(name)),
    })
}
