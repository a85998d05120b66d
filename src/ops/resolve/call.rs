//! Overload resolution: which schema a call means, and what stands in each of its slots.
//!
//! In: a name and the types (and literals) of what is written. Out: the schema, one operand for each parameter, the types of its results.
//! Invariant: exact types come first, then an integer literal as a float, a value as optional, a number as a list of fixed length; `Scalar`
//! and `Any` last; fewest conversions win, then the overload without `out`, then the first in byte order.
//! Invariant: a call that fits nothing is an error that says why for each overload.

use std::fmt;

use thiserror::Error;

use super::fit::{BEHIND_STAR, Becomes, Bindings, Slot};
use crate::graph::{Literal, Name, Type};
use crate::ops::catalogue::Catalogue;
use crate::ops::schema::{LiteralText, Schema, TypeText};
use crate::ops::table::base_of;

/// What is known of one written operand.
#[derive(Clone, Debug, Default)]
pub struct Argument {
    /// Its type; `None` fits everything.
    pub ty: Option<Type>,
    /// Its value, where it is a literal.
    pub literal: Option<Literal>,
    /// Its elements, where it is a list written in place.
    pub items: Option<Vec<Argument>>,
}

impl Argument {
    /// A value of a type.
    pub fn typed(ty: Type) -> Argument {
        Argument {
            ty: Some(ty),
            ..Argument::default()
        }
    }

    /// A literal; its type follows from it.
    pub fn literal(literal: Literal) -> Argument {
        Argument {
            literal: Some(literal),
            ..Argument::default()
        }
    }

    /// A list written in place.
    pub fn list(items: Vec<Argument>) -> Argument {
        Argument {
            items: Some(items),
            ..Argument::default()
        }
    }
}

impl From<Type> for Argument {
    fn from(ty: Type) -> Argument {
        Argument::typed(ty)
    }
}

impl From<Literal> for Argument {
    fn from(literal: Literal) -> Argument {
        Argument::literal(literal)
    }
}

/// A call as written.
#[derive(Clone, Debug, Default)]
pub struct Call<'a> {
    /// Operands by position. They may fill parameters behind `*`, as PyTorch's graph text does.
    pub positional: &'a [Argument],
    /// Operands by name.
    pub keywords: &'a [(&'a str, Argument)],
    /// Whether operands may be missing without default (a pattern that ends in `..`).
    pub open: bool,
}

/// What stands in the slot of a parameter.
#[derive(Clone, PartialEq, Debug)]
pub enum Operand {
    /// What was written: by position, then (counted on) by name.
    Given(usize),
    /// A literal: a default, or what a written literal becomes in its slot.
    Literal(Literal),
    /// A list of fixed length that repeats the written number.
    Repeated {
        /// Which was written.
        given: usize,
        /// How often it stands in the list.
        count: u32,
    },
    /// Nothing was written and the call is open.
    Open,
}

/// A call with its overload.
#[derive(Clone, Debug)]
pub struct Resolved<'a> {
    /// The overload.
    pub schema: &'a Schema,
    /// One for each parameter, then what a variadic schema takes beyond.
    pub operands: Vec<Operand>,
    /// Types of the results, with type variables replaced by what they stand for here.
    pub results: Vec<Type>,
    /// How far the written types are from the schema's; 0 is exact.
    pub conversions: u32,
}

/// An overload that does not fit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Its full name.
    pub full: Name,
    /// Its schema as text.
    pub signature: String,
    /// Why it does not fit.
    pub reason: String,
}

/// A call that fits no overload.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub struct ResolveError {
    /// The name as written.
    pub name: String,
    /// All overloads; empty if there is no such operator.
    pub candidates: Vec<Candidate>,
    /// The nearest known name, if the written one is not known.
    pub suggestion: Option<String>,
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.candidates.is_empty() {
            write!(f, "no operator is named `{}`", self.name)?;
            if let Some(suggestion) = &self.suggestion {
                write!(f, "; did you mean `{suggestion}`?")?;
            }
            return Ok(());
        }
        write!(f, "no overload of `{}` takes these operands", self.name)?;
        for candidate in &self.candidates {
            write!(f, "\n  {}: {}", candidate.signature, candidate.reason)?;
        }
        Ok(())
    }
}

impl Catalogue {
    /// The overload a call means. A name with overload (`aten::add.Tensor`) allows only that one.
    ///
    /// # Errors
    /// The name is not known, or no overload takes these operands.
    pub fn resolve(&self, name: &str, call: &Call) -> Result<Resolved<'_>, ResolveError> {
        let overloads: Vec<&Schema> = match self.schema(name) {
            Some(schema) if base_of(name) != name => vec![schema],
            _ => self.schemas(name).iter().collect(),
        };
        let mut best: Option<(Resolved<'_>, (u32, bool, usize))> = None;
        let mut candidates = Vec::new();
        for schema in overloads {
            match fit_call(schema, call) {
                Ok(resolved) => {
                    let open = |o: &&Operand| matches!(o, Operand::Open);
                    let missing = resolved.operands.iter().filter(open).count();
                    let rank = (resolved.conversions, schema.is_out(), missing);
                    if best.as_ref().is_none_or(|(_, least)| rank < *least) {
                        best = Some((resolved, rank));
                    }
                }
                Err(reason) => candidates.push(Candidate {
                    full: schema.full,
                    signature: schema.to_string(),
                    reason,
                }),
            }
        }
        best.map(|(resolved, _)| resolved).ok_or_else(|| {
            let suggestion = candidates.is_empty().then(|| self.did_you_mean(name));
            ResolveError {
                name: name.to_owned(),
                candidates,
                suggestion: suggestion.flatten(),
            }
        })
    }
}

fn fit_call<'a>(schema: &'a Schema, call: &Call) -> Result<Resolved<'a>, String> {
    let params = &schema.params;
    if call.positional.len() > params.len() && !schema.vararg {
        return Err(format!(
            "takes {} operands, {} are written",
            params.len(),
            call.positional.len()
        ));
    }
    for (k, (name, _)) in call.keywords.iter().enumerate() {
        match schema.param(name) {
            None => return Err(format!("has no operand `{name}`")),
            Some(i) if i < call.positional.len() => {
                return Err(format!("`{name}` is written twice"));
            }
            Some(_) if call.keywords[..k].iter().any(|(n, _)| n == name) => {
                return Err(format!("`{name}` is written twice"));
            }
            Some(_) => {}
        }
    }
    let mut operands = Vec::with_capacity(params.len().max(call.positional.len()));
    let mut conversions = 0;
    let mut bindings = Bindings::new();
    for (i, param) in params.iter().enumerate() {
        let given = match call.positional.get(i) {
            Some(argument) => Some((i, argument)),
            None => call
                .keywords
                .iter()
                .position(|(name, _)| param.name == **name)
                .map(|k| (call.positional.len() + k, &call.keywords[k].1)),
        };
        let operand = match (given, &param.default) {
            (Some((index, argument)), _) => {
                if param.keyword_only && i < call.positional.len() {
                    conversions += BEHIND_STAR;
                }
                let mut slot = Slot {
                    bindings: &mut bindings,
                    fixed_len: param.fixed_len,
                    is_dtype: param.is_dtype,
                };
                let fit = slot
                    .fit(&param.ty, argument)
                    .ok_or_else(|| format!("`{param}` does not take {}", describe(argument)))?;
                conversions += fit.cost;
                match fit.becomes {
                    Becomes::Itself => Operand::Given(index),
                    Becomes::Literal(literal) => Operand::Literal(literal),
                    Becomes::Repeated(count) => Operand::Repeated {
                        given: index,
                        count,
                    },
                }
            }
            (None, Some(default)) => Operand::Literal(default.clone()),
            (None, None) if call.open => Operand::Open,
            (None, None) => return Err(format!("`{param}` is missing")),
        };
        operands.push(operand);
    }
    operands.extend((params.len()..call.positional.len()).map(Operand::Given));
    Ok(Resolved {
        schema,
        operands,
        results: schema
            .results
            .iter()
            .map(|result| substitute(&result.ty, &bindings))
            .collect(),
        conversions,
    })
}

fn substitute(ty: &Type, bindings: &Bindings) -> Type {
    match ty {
        Type::Variable(name) => bindings
            .iter()
            .find(|(bound, _)| bound == name)
            .map_or_else(|| ty.clone(), |(_, bound)| bound.clone()),
        Type::Optional(inner) => substitute(inner, bindings).optional(),
        Type::List(inner) => substitute(inner, bindings).list_of(),
        Type::Tuple(items) => Type::Tuple(
            items
                .iter()
                .map(|item| substitute(item, bindings))
                .collect(),
        ),
        Type::Dict(key, value) => Type::Dict(
            Box::new(substitute(key, bindings)),
            Box::new(substitute(value, bindings)),
        ),
        other => other.clone(),
    }
}

fn describe(argument: &Argument) -> String {
    if let Some(items) = &argument.items {
        let items: Vec<String> = items.iter().map(describe).collect();
        return format!("[{}]", items.join(", "));
    }
    match (&argument.literal, &argument.ty) {
        (Some(literal), _) => format!("the literal {}", LiteralText(literal)),
        (None, Some(ty)) => format!("a value of type {}", TypeText(ty)),
        (None, None) => "a value of unknown type".to_owned(),
    }
}
