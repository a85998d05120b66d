//! Types as code members spell them, read and written.
//!
//! In: tokens, or a graph type. Out: a graph type, or its spelling.
//! Invariant: `spell(parse(text))` means the same to PyTorch as `text`.

#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::code_lexer::TokenKind;
use super::code_parser::Parser;
use super::error::ReadError;
use crate::graph::{Name, Type};

impl Parser<'_> {
    /// A type: `Tensor`, `List[int]`, `__torch__.m.Net`.
    pub(super) fn ty(&mut self) -> Result<Type, ReadError> {
        self.deeper(|parser| parser.ty_inner())
    }

    fn ty_inner(&mut self) -> Result<Type, ReadError> {
        if matches!(self.peek(), TokenKind::Name("None")) {
            self.advance();
            return Ok(Type::None);
        }
        let mut name = self.name("a type")?.as_str().to_owned();
        while self.eat(".") {
            name.push('.');
            name.push_str(self.name("the rest of a type's name")?.as_str());
        }
        if !self.eat("[") {
            return Ok(plain(&name));
        }
        let mut inner = Vec::new();
        // `Tuple[()]` is the empty tuple.
        if self.eat("(") {
            self.expect(")")?;
            self.expect("]")?;
        } else {
            while !self.eat("]") {
                inner.push(self.ty()?);
                if !self.eat(",") && !matches!(self.peek(), TokenKind::Sign("]")) {
                    return Err(self.unexpected("`,` or `]`"));
                }
            }
        }
        let mut types = inner.into_iter();
        let mut next = || types.next();
        Ok(match (name.as_str(), next(), next()) {
            ("Tuple", None, None) => Type::Tuple(Vec::new()),
            ("Tuple", Some(a), None) => Type::Tuple(vec![a]),
            ("Tuple", Some(a), Some(b)) => Type::Tuple([a, b].into_iter().chain(types).collect()),
            ("Union", Some(a), None) => a,
            ("Union", Some(a), Some(b)) => Type::Union([a, b].into_iter().chain(types).collect()),
            ("Optional", Some(a), None) => a.optional(),
            ("List", Some(a), None) => a.list_of(),
            ("Dict", Some(a), Some(b)) if types.len() == 0 => Type::Dict(a.into(), b.into()),
            (other, Some(a), None) => Type::Other(Name::new(&format!("{other}[{}]", spell(&a)))),
            (other, ..) => return Err(self.unexpected(&format!("a type; `{other}[...]` is not"))),
        })
    }
}

fn plain(name: &str) -> Type {
    match name {
        "Tensor" => Type::tensor(),
        "int" => Type::Int,
        "float" => Type::Float,
        "complex" => Type::Complex,
        "bool" => Type::Bool,
        "number" => Type::Scalar,
        "str" => Type::Str,
        "Device" => Type::Device,
        "NoneType" => Type::None,
        "Any" => Type::Any,
        _ if name.starts_with("__torch__.") => Type::Class(Name::new(name)),
        _ => Type::Other(Name::new(name)),
    }
}

/// The spelling of a type in code.
pub(super) fn spell(ty: &Type) -> String {
    let list = |types: &[Type]| types.iter().map(spell).collect::<Vec<_>>().join(", ");
    match ty {
        Type::Tensor(_) => "Tensor".to_owned(),
        Type::Int => "int".to_owned(),
        Type::Float => "float".to_owned(),
        Type::Complex => "complex".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Scalar => "number".to_owned(),
        Type::Str => "str".to_owned(),
        Type::Device => "Device".to_owned(),
        Type::None => "NoneType".to_owned(),
        Type::Any => "Any".to_owned(),
        Type::Optional(inner) => format!("Optional[{}]", spell(inner)),
        Type::List(inner) => format!("List[{}]", spell(inner)),
        Type::Tuple(items) if items.is_empty() => "Tuple[()]".to_owned(),
        Type::Tuple(items) => format!("Tuple[{}]", list(items)),
        Type::Dict(key, value) => format!("Dict[{}, {}]", spell(key), spell(value)),
        Type::Union(items) => format!("Union[{}]", list(items)),
        Type::Class(name) | Type::Variable(name) | Type::Other(name) => name.as_str().to_owned(),
    }
}

/// Whether values of both types are the same to PyTorch's checker: tensors whatever is known about them.
pub(super) fn same(a: &Type, b: &Type) -> bool {
    let all =
        |a: &[Type], b: &[Type]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b));
    match (a, b) {
        (Type::Tensor(_), Type::Tensor(_)) => true,
        (Type::Optional(a), Type::Optional(b)) | (Type::List(a), Type::List(b)) => same(a, b),
        (Type::Dict(a, b), Type::Dict(c, d)) => same(a, c) && same(b, d),
        (Type::Tuple(a), Type::Tuple(b)) | (Type::Union(a), Type::Union(b)) => all(a, b),
        (a, b) => a == b,
    }
}

/// Whether a type names type variables, which mean nothing outside of a schema.
pub(super) fn is_generic(ty: &Type) -> bool {
    match ty {
        Type::Variable(_) => true,
        Type::Optional(inner) | Type::List(inner) => is_generic(inner),
        Type::Dict(key, value) => is_generic(key) || is_generic(value),
        Type::Tuple(items) | Type::Union(items) => items.iter().any(is_generic),
        _ => false,
    }
}

/// The type that both can be used as, for the results of an `if`.
pub(super) fn join(a: &Type, b: &Type) -> Option<Type> {
    match (a, b) {
        (a, b) if same(a, b) => Some(a.clone()),
        (Type::Any, _) | (_, Type::Any) => Some(Type::Any),
        (Type::Scalar, other) | (other, Type::Scalar) if is_number(other) => Some(Type::Scalar),
        (Type::None, Type::Optional(_)) => Some(b.clone()),
        (Type::Optional(_), Type::None) => Some(a.clone()),
        (Type::None, other) | (other, Type::None) => Some(other.clone().optional()),
        (Type::Optional(inner), other) | (other, Type::Optional(inner))
            if !matches!(other, Type::Optional(_)) =>
        {
            Some(join(inner, other)?.optional())
        }
        (Type::Optional(a), Type::Optional(b)) => Some(join(a, b)?.optional()),
        (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => Some(Type::Tuple(
            a.iter()
                .zip(b)
                .map(|(a, b)| join(a, b))
                .collect::<Option<_>>()?,
        )),
        _ => None,
    }
}

/// Whether a type is one of those that `number` stands for.
pub(super) fn is_number(ty: &Type) -> bool {
    matches!(ty, Type::Int | Type::Float | Type::Complex)
}
