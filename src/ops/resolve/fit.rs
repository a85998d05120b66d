//! How one written operand fits one parameter.
//!
//! In: the parameter's type and what is known of the operand. Out: what the operand becomes there and what that costs, or nothing.
//! Invariant: type variables of one call stand for one type each.

use smallvec::SmallVec;

use super::call::Argument;
use crate::graph::{Literal, Name, Type};
use crate::ops::element_type::torch_dtype_code;

/// Costs of one conversion, far enough apart that a later kind never beats an earlier one by number.
const GENERIC: u32 = 1;
const OPTIONAL: u32 = 1 << 3;
const NUMBER: u32 = 1 << 6;
const LIST: u32 = 1 << 9;
const SCALAR: u32 = 1 << 12;
const ANY: u32 = 1 << 15;
pub(super) const BEHIND_STAR: u32 = 1 << 18;

/// What the type variables of a schema stand for in one call.
pub(super) type Bindings = SmallVec<[(Name, Type); 2]>;

/// How an argument fits a slot.
pub(super) struct Fit {
    pub(super) cost: u32,
    pub(super) becomes: Becomes,
}

/// What an argument is in its slot.
pub(super) enum Becomes {
    Itself,
    Literal(Literal),
    Repeated(u32),
}

impl Fit {
    fn itself(cost: u32) -> Option<Fit> {
        Some(Fit {
            cost,
            becomes: Becomes::Itself,
        })
    }

    fn literal(cost: u32, literal: Literal) -> Option<Fit> {
        Some(Fit {
            cost,
            becomes: Becomes::Literal(literal),
        })
    }

    fn plus(self, cost: u32) -> Fit {
        Fit {
            cost: self.cost + cost,
            ..self
        }
    }
}

/// A parameter waiting for its operand.
pub(super) struct Slot<'a> {
    pub(super) bindings: &'a mut Bindings,
    pub(super) fixed_len: Option<u32>,
    pub(super) is_dtype: bool,
}

impl Slot<'_> {
    pub(super) fn fit(&mut self, param: &Type, argument: &Argument) -> Option<Fit> {
        match param {
            Type::Any => return Fit::itself(ANY),
            Type::Union(members) => {
                let fits = members.iter().filter_map(|m| self.fit(m, argument));
                return fits.min_by_key(|fit| fit.cost).map(|f| f.plus(OPTIONAL));
            }
            Type::Optional(inner) => return self.fit_optional(inner, argument),
            Type::List(element) => return self.fit_list(element, argument),
            _ => {}
        }
        if argument.items.is_some() {
            return None;
        }
        match (&argument.literal, &argument.ty) {
            (Some(literal), ty) => self.fit_literal(param, literal, ty.as_ref()),
            (None, Some(ty)) => self.fit_type(param, ty).and_then(Fit::itself),
            (None, None) => Fit::itself(match param {
                Type::Tensor(_) => 0,
                Type::Scalar => SCALAR,
                _ => GENERIC,
            }),
        }
    }

    fn fit_optional(&mut self, inner: &Type, argument: &Argument) -> Option<Fit> {
        let is_none = argument.literal == Some(Literal::None) || argument.ty == Some(Type::None);
        if is_none {
            return Fit::itself(OPTIONAL);
        }
        if let (Some(Type::Optional(ty)), None) = (&argument.ty, &argument.literal) {
            return self.fit(inner, &Argument::typed((**ty).clone()));
        }
        self.fit(inner, argument).map(|fit| fit.plus(OPTIONAL))
    }

    fn fit_list(&mut self, element: &Type, argument: &Argument) -> Option<Fit> {
        let fixed_len = self.fixed_len.take();
        if let Some(items) = &argument.items {
            return self.fit_items(element, items.iter());
        }
        if let Some(Literal::List(items)) = &argument.literal {
            let arguments: Vec<Argument> = items.iter().cloned().map(Argument::literal).collect();
            return self.fit_items(element, arguments.iter());
        }
        if let Some(Literal::Tuple(items)) = &argument.literal {
            let list = Literal::List(items.clone());
            let fit = self.fit_list(element, &Argument::literal(list.clone()))?;
            let cost = fit.cost + LIST;
            return match fit.becomes {
                Becomes::Literal(converted) => Fit::literal(cost, converted),
                _ => Fit::literal(cost, list),
            };
        }
        match &argument.ty {
            Some(Type::List(given)) if argument.literal.is_none() => {
                let cost = match (element, &**given) {
                    (Type::Variable(_), given) => self.fit_type(element, given)?,
                    (Type::Any, _) => ANY,
                    (Type::Optional(inner), given) if **inner == *given => OPTIONAL,
                    (Type::List(inner), Type::List(given)) => self.fit_type(inner, given)?,
                    (element, given) => self.fit_exactly(element, given)?,
                };
                Fit::itself(cost)
            }
            Some(Type::Tuple(given)) if argument.literal.is_none() => {
                let mut cost = LIST;
                for ty in given {
                    cost = cost.max(LIST + self.fit_exactly(element, ty)?);
                }
                Fit::itself(cost)
            }
            None if argument.literal.is_none() => Fit::itself(GENERIC),
            _ => {
                let fit = self.fit_number_as_list(element, argument, fixed_len?)?;
                Some(fit.plus(LIST))
            }
        }
    }

    /// `2` in an `int[2]` slot is `[2, 2]`.
    fn fit_number_as_list(
        &mut self,
        element: &Type,
        argument: &Argument,
        count: u32,
    ) -> Option<Fit> {
        if !matches!(element, Type::Int | Type::Float) {
            return None;
        }
        let fit = self.fit(element, argument)?;
        let repeated = |literal: &Literal| Literal::list((0..count).map(|_| literal.clone()));
        match (&fit.becomes, &argument.literal) {
            (Becomes::Literal(literal), _) | (Becomes::Itself, Some(literal)) => {
                Fit::literal(fit.cost, repeated(literal))
            }
            _ => Some(Fit {
                cost: fit.cost,
                becomes: Becomes::Repeated(count),
            }),
        }
    }

    /// A list written in place fits if each of its elements does; its cost is that of its worst element.
    fn fit_items<'i>(
        &mut self,
        element: &Type,
        items: impl Iterator<Item = &'i Argument>,
    ) -> Option<Fit> {
        let mut cost = match element {
            Type::Any => ANY,
            Type::Variable(_) => GENERIC,
            _ => 0,
        };
        let mut literals = Vec::new();
        let mut all_literal = true;
        let mut changed = false;
        for item in items {
            let fit = self.fit(element, item)?;
            cost = cost.max(fit.cost);
            match (fit.becomes, &item.literal) {
                (Becomes::Literal(literal), _) => {
                    changed = true;
                    literals.push(literal);
                }
                (Becomes::Itself, Some(literal)) => literals.push(literal.clone()),
                _ => all_literal = false,
            }
        }
        match (changed, all_literal) {
            (true, true) => Fit::literal(cost, Literal::list(literals)),
            // Mixed lists would need a conversion inside the list, which no operator of the file does.
            (true, false) => None,
            (false, _) => Fit::itself(cost),
        }
    }

    fn fit_literal(&mut self, param: &Type, literal: &Literal, ty: Option<&Type>) -> Option<Fit> {
        match (param, literal) {
            (Type::Float, Literal::Int(n)) => Fit::literal(NUMBER, Literal::Float(*n as f64)),
            (Type::Int, Literal::DType(dtype)) if self.is_dtype => {
                Fit::literal(0, Literal::Int(torch_dtype_code(*dtype)))
            }
            (Type::Device, Literal::Str(text)) => Fit::literal(LIST, Literal::Device(text.clone())),
            (Type::Tuple(types), Literal::Tuple(items)) if types.len() == items.len() => {
                let mut cost = 0;
                for (ty, item) in types.iter().zip(items.iter()) {
                    cost = cost.max(self.fit(ty, &Argument::literal(item.clone()))?.cost);
                }
                Fit::itself(cost)
            }
            _ => {
                let of_literal = type_of(literal);
                let ty = of_literal.as_ref().or(ty)?;
                self.fit_type(param, ty).and_then(Fit::itself)
            }
        }
    }

    fn fit_type(&mut self, param: &Type, given: &Type) -> Option<u32> {
        match (param, given) {
            (Type::Any, _) => Some(ANY),
            (Type::Scalar, Type::Scalar) => Some(0),
            (Type::Scalar, Type::Int | Type::Float | Type::Complex | Type::Bool) => Some(SCALAR),
            (Type::Other(name), Type::Class(_)) if *name == "AnyClassType" => Some(ANY),
            (Type::Other(name), Type::Other(_)) if *name == "AnyEnumType" => Some(ANY),
            (Type::Variable(name), given) => {
                match self.bindings.iter().find(|(bound, _)| bound == name) {
                    Some((_, bound)) if *bound == *given => Some(GENERIC),
                    Some((_, bound)) if bound.is_tensor() && given.is_tensor() => Some(GENERIC),
                    Some(_) => None,
                    None => {
                        self.bindings.push((*name, given.clone()));
                        Some(GENERIC)
                    }
                }
            }
            (Type::Tuple(params), Type::Tuple(given)) if params.len() == given.len() => {
                let mut cost = 0;
                for (param, given) in params.iter().zip(given) {
                    cost += self.fit_type(param, given)?;
                }
                Some(cost)
            }
            (Type::List(param), Type::List(given)) => self.fit_type(param, given),
            (Type::Optional(param), Type::Optional(given)) => self.fit_type(param, given),
            _ => self.fit_exactly(param, given),
        }
    }

    fn fit_exactly(&mut self, param: &Type, given: &Type) -> Option<u32> {
        match (param, given) {
            (Type::Tensor(_), Type::Tensor(_)) => Some(0),
            (Type::Optional(param), Type::Optional(given))
            | (Type::List(param), Type::List(given)) => self.fit_exactly(param, given),
            (Type::Dict(key, value), Type::Dict(given_key, given_value)) => {
                let key = self.fit_type(key, given_key)?;
                Some(key + self.fit_type(value, given_value)?)
            }
            (Type::Tuple(_), Type::Tuple(_)) => self.fit_type(param, given),
            (Type::Variable(_), _) => self.fit_type(param, given),
            _ => (param == given).then_some(0),
        }
    }
}

fn type_of(literal: &Literal) -> Option<Type> {
    Some(match literal {
        Literal::None => Type::None,
        Literal::Bool(_) => Type::Bool,
        Literal::Int(_) | Literal::DType(_) => Type::Int,
        Literal::Float(_) => Type::Float,
        Literal::Complex(..) => Type::Complex,
        Literal::Str(_) => Type::Str,
        Literal::Device(_) => Type::Device,
        Literal::Tuple(items) => Type::Tuple(items.iter().map(type_of).collect::<Option<_>>()?),
        Literal::List(_) | Literal::Dict(_) => return None,
    })
}
