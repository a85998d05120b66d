//! Which types fit where: schema types with variables, unified.
//!
//! In: types of schemas and literals. Out: whether one fits another, and what variables stand for.
//! Invariant: stricter than a call: an overload takes part in a pattern only for operands it would be resolved for.

use crate::graph::{Literal, Name, Type};
use crate::ops::{Param, Schema, torch_dtype_code};

/// Type variables of one attempt to fit a pattern.
#[derive(Clone, Debug, Default)]
pub(in crate::check) struct Unifier {
    bindings: Vec<Option<Type>>,
}

/// Variables of our own are named so; no schema uses it.
const MARK: char = '\'';

impl Unifier {
    /// A new variable.
    pub(in crate::check) fn fresh(&mut self) -> Type {
        let name = format!("{MARK}{}", self.bindings.len());
        self.bindings.push(None);
        Type::Variable(Name::new(&name))
    }

    fn index(name: Name) -> Option<usize> {
        name.as_str().strip_prefix(MARK)?.parse().ok()
    }

    fn bound(&self, name: Name) -> Option<&Type> {
        self.bindings.get(Self::index(name)?)?.as_ref()
    }

    /// The type with all variables replaced by what they stand for.
    pub(in crate::check) fn resolved(&self, ty: &Type) -> Type {
        match ty {
            Type::Variable(name) => match self.bound(*name) {
                Some(bound) => self.resolved(bound),
                None => ty.clone(),
            },
            Type::Optional(inner) => self.resolved(inner).optional(),
            Type::List(inner) => self.resolved(inner).list_of(),
            Type::Tuple(items) => Type::Tuple(items.iter().map(|t| self.resolved(t)).collect()),
            _ => ty.clone(),
        }
    }

    /// Whether a value of type `given` may stand where `expected` is written.
    pub(in crate::check) fn accepts(&mut self, expected: &Type, given: &Type) -> bool {
        match (expected, given) {
            (Type::Variable(name), _) => match self.bound(*name).cloned() {
                Some(bound) => self.accepts(&bound, given),
                None => self.bind(*name, given),
            },
            (_, Type::Variable(name)) => match self.bound(*name).cloned() {
                Some(bound) => self.accepts(expected, &bound),
                None => self.bind(*name, expected),
            },
            (Type::Any, _) => true,
            (Type::Optional(_), Type::None) => true,
            (Type::Optional(expected), Type::Optional(given)) => self.accepts(expected, given),
            (Type::Optional(expected), given) => self.accepts(expected, given),
            (Type::Tensor(_), Type::Tensor(_)) => true,
            (Type::Scalar, Type::Int | Type::Float | Type::Complex | Type::Bool) => true,
            (Type::List(expected), Type::List(given)) => self.accepts(expected, given),
            (Type::Tuple(expected), Type::Tuple(given)) => {
                expected.len() == given.len()
                    && expected.iter().zip(given).all(|(e, g)| self.accepts(e, g))
            }
            (Type::Union(members), given) => members.iter().any(|m| self.accepts(m, given)),
            (expected, given) => expected == given,
        }
    }

    fn bind(&mut self, name: Name, ty: &Type) -> bool {
        let ty = self.resolved(ty);
        if ty == Type::Variable(name) {
            return true;
        }
        if mentions(&ty, name) {
            return false;
        }
        match Self::index(name).and_then(|index| self.bindings.get_mut(index)) {
            Some(slot) => {
                *slot = Some(ty);
                true
            }
            None => false,
        }
    }

    /// The type of a value that stands in both places.
    pub(in crate::check) fn meet(&mut self, a: &Type, b: &Type) -> Option<Type> {
        if self.accepts(a, b) {
            Some(self.resolved(b))
        } else if self.accepts(b, a) {
            Some(self.resolved(a))
        } else {
            None
        }
    }

    /// A literal as it stands in the operand of a parameter: element types as their codes, a number for a list of fixed length as that
    /// list.
    pub(in crate::check) fn literal(
        &mut self,
        param: &Param,
        literal: &Literal,
    ) -> Option<Literal> {
        let ty = self.resolved(&param.ty);
        self.fit(&ty, param, literal)
    }

    fn fit(&mut self, ty: &Type, param: &Param, literal: &Literal) -> Option<Literal> {
        match (ty, literal) {
            (Type::Optional(_), Literal::None) => Some(Literal::None),
            (Type::Optional(inner), literal) => self.fit(inner, param, literal),
            (Type::Any, literal) => Some(literal.clone()),
            (Type::Int, Literal::DType(dtype)) => param
                .is_dtype
                .then(|| Literal::Int(torch_dtype_code(*dtype))),
            (Type::Float, Literal::Int(n)) => Some(Literal::Float(*n as f64)),
            (Type::Device, Literal::Str(text)) => Some(Literal::Device(text.clone())),
            (Type::List(element), Literal::List(items) | Literal::Tuple(items)) => {
                let items: Option<Vec<Literal>> = items
                    .iter()
                    .map(|item| self.fit(element, param, item))
                    .collect();
                Some(Literal::list(items?))
            }
            (Type::List(element), number @ (Literal::Int(_) | Literal::Float(_))) => {
                let one = self.fit(element, param, number)?;
                let len = param.fixed_len?;
                Some(Literal::list((0..len).map(|_| one.clone())))
            }
            (ty, literal) => {
                let of_literal = literal_type(literal)?;
                self.accepts(ty, &of_literal).then(|| literal.clone())
            }
        }
    }
}

fn mentions(ty: &Type, name: Name) -> bool {
    match ty {
        Type::Variable(other) => *other == name,
        Type::Optional(inner) | Type::List(inner) => mentions(inner, name),
        Type::Tuple(items) | Type::Union(items) => items.iter().any(|item| mentions(item, name)),
        _ => false,
    }
}

/// The type of a literal; nothing for an empty list or one of mixed types.
pub(in crate::check) fn literal_type(literal: &Literal) -> Option<Type> {
    Some(match literal {
        Literal::None => Type::None,
        Literal::Bool(_) => Type::Bool,
        Literal::Int(_) | Literal::DType(_) => Type::Int,
        Literal::Float(_) => Type::Float,
        Literal::Complex(..) => Type::Complex,
        Literal::Str(_) => Type::Str,
        Literal::Device(_) => Type::Device,
        Literal::List(items) => {
            let mut types = items.iter().map(literal_type);
            let first = types.next()??;
            types
                .all(|ty| ty.as_ref() == Some(&first))
                .then(|| first.list_of())?
        }
        Literal::Tuple(items) => {
            Type::Tuple(items.iter().map(literal_type).collect::<Option<_>>()?)
        }
        Literal::Dict(_) => return None,
    })
}

/// A schema whose type variables are those of one attempt, and where nothing is said (`Any` of a `prim` op) may be anything.
pub(in crate::check) struct Instantiated {
    pub(in crate::check) params: Vec<Type>,
    pub(in crate::check) results: Vec<Type>,
    /// The type of operands beyond the parameters, where they have one.
    pub(in crate::check) rest: Type,
}

/// The types of a schema for one node.
pub(in crate::check) fn instantiate(types: &mut Unifier, schema: &Schema) -> Instantiated {
    let mut names: Vec<(Name, Type)> = Vec::new();
    let params = schema
        .params
        .iter()
        .map(|param| renamed(types, &mut names, &param.ty))
        .collect();
    match schema.base.as_str() {
        "prim::ListConstruct" => {
            let element = types.fresh();
            return Instantiated {
                params,
                results: vec![element.clone().list_of()],
                rest: element,
            };
        }
        // The parts of a tuple have types of their own; they are not followed.
        "prim::TupleConstruct" | "prim::DictConstruct" => {
            let result = types.fresh();
            return Instantiated {
                params,
                results: vec![result],
                rest: Type::Any,
            };
        }
        _ => {}
    }
    let is_prim = schema.base.as_str().starts_with("prim::");
    let results = schema.results.iter().map(|result| match &result.ty {
        Type::Any if is_prim => types.fresh(),
        ty => renamed(types, &mut names, ty),
    });
    let results = results.collect();
    Instantiated {
        params,
        results,
        rest: Type::Any,
    }
}

fn renamed(types: &mut Unifier, names: &mut Vec<(Name, Type)>, ty: &Type) -> Type {
    match ty {
        Type::Variable(name) => match names.iter().find(|(known, _)| known == name) {
            Some((_, variable)) => variable.clone(),
            None => {
                let variable = types.fresh();
                names.push((*name, variable.clone()));
                variable
            }
        },
        Type::Optional(inner) => renamed(types, names, inner).optional(),
        Type::List(inner) => renamed(types, names, inner).list_of(),
        Type::Tuple(items) => Type::Tuple(
            items
                .iter()
                .map(|item| renamed(types, names, item))
                .collect(),
        ),
        Type::Dict(key, value) => Type::Dict(
            Box::new(renamed(types, names, key)),
            Box::new(renamed(types, names, value)),
        ),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_what_they_meet_first() {
        let mut types = Unifier::default();
        let element = types.fresh();
        let list = element.clone().list_of();
        assert!(types.accepts(&list, &Type::tensor().list_of()));
        assert_eq!(types.resolved(&element), Type::tensor());
        assert!(!types.accepts(&list, &Type::Int.list_of()));
    }

    #[test]
    fn an_optional_does_not_stand_for_what_must_be_there() {
        let mut types = Unifier::default();
        let optional = Type::tensor().optional();
        assert!(types.accepts(&optional, &Type::tensor()));
        assert!(!types.accepts(&Type::tensor(), &optional));
        assert_eq!(types.meet(&optional, &Type::tensor()), Some(Type::tensor()));
        assert_eq!(types.meet(&Type::Float, &Type::Int), None);
    }
}
