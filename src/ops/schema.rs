//! What an operator takes and gives.
//!
//! In: parts read from schema text (`parse`) or declared by a rule file. Out: one value that prints as the schema text.
//! Invariant: `full` is `base`, or `base.overload` where the overload has a name.

use std::fmt;

use crate::graph::{Literal, Name, Type};

/// How a parameter or result shares memory with others: `(a)`, `(a!)`, `(a -> *)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AliasInfo {
    /// The set's text without `!`: `a`, `*`, `b|a`, `a -> *`.
    pub set: Name,
    /// Whether the operator writes to it.
    pub write: bool,
}

impl AliasInfo {
    /// Whether values of these two sets may share memory. `*` may be anything.
    pub fn overlaps(self, other: AliasInfo) -> bool {
        let sets = |info: AliasInfo| {
            info.set
                .as_str()
                .split(['|', ' ', '>', '-'])
                .filter(|s| !s.is_empty())
        };
        sets(self).any(|a| sets(other).any(|b| a == b || a == "*" || b == "*"))
    }
}

/// A parameter.
#[derive(Clone, PartialEq, Debug)]
pub struct Param {
    /// Its name.
    pub name: Name,
    /// Its type. `ScalarType`, `Layout`, `MemoryFormat` and `SymInt` are integers here.
    pub ty: Type,
    /// What is meant where it is not written.
    pub default: Option<Literal>,
    /// Whether it stands behind `*`: PyTorch's code writes it with its name.
    pub keyword_only: bool,
    /// How it shares memory.
    pub alias: Option<AliasInfo>,
    /// Whether the integer is a code for an element type.
    pub is_dtype: bool,
    /// The 2 of `int[2]`: a single number stands for a list of that length.
    pub fixed_len: Option<u32>,
}

/// A result.
#[derive(Clone, PartialEq, Debug)]
pub struct ResultInfo {
    /// Its name, where the schema gives one.
    pub name: Option<Name>,
    /// Its type.
    pub ty: Type,
    /// How it shares memory.
    pub alias: Option<AliasInfo>,
}

/// One overload of an operator.
#[derive(Clone, PartialEq, Debug)]
pub struct Schema {
    /// Name with overload: `aten::add.Tensor`.
    pub full: Name,
    /// Name without overload: `aten::add`.
    pub base: Name,
    /// The overload's name, empty for the one without.
    pub overload: &'static str,
    /// Parameters in order.
    pub params: Vec<Param>,
    /// Results in order.
    pub results: Vec<ResultInfo>,
    /// Whether any number of operands follow the parameters.
    pub vararg: bool,
    /// Whether the number and types of results depend on the node.
    pub varret: bool,
}

impl Schema {
    /// Splits `ns::base.overload` into base and overload.
    pub fn split(full: &'static str) -> (&'static str, &'static str) {
        let start = full.find("::").map_or(0, |at| at + 2);
        match full.get(start..).and_then(|rest| rest.find('.')) {
            Some(dot) => (&full[..start + dot], &full[start + dot + 1..]),
            None => (full, ""),
        }
    }

    /// Position of the parameter with this name.
    pub fn param(&self, name: &str) -> Option<usize> {
        self.params.iter().position(|p| p.name == name)
    }

    /// Whether some operand is written to.
    pub fn writes(&self) -> bool {
        self.params.iter().any(|p| p.alias.is_some_and(|a| a.write))
    }

    /// Whether it writes its results to operands that exist for that (`out=`).
    pub fn is_out(&self) -> bool {
        self.params
            .iter()
            .any(|p| p.keyword_only && p.alias.is_some_and(|a| a.write))
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.full)?;
        let mut keyword_only = false;
        for (i, param) in self.params.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            if param.keyword_only && !keyword_only {
                f.write_str("*, ")?;
                keyword_only = true;
            }
            write!(f, "{param}")?;
        }
        if self.vararg {
            f.write_str(if self.params.is_empty() {
                "..."
            } else {
                ", ..."
            })?;
        }
        f.write_str(") -> ")?;
        match self.results.as_slice() {
            _ if self.varret => f.write_str("..."),
            [one] => write_type(f, &one.ty, one.alias, None),
            several => {
                f.write_str("(")?;
                for (i, result) in several.iter().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    write_type(f, &result.ty, result.alias, None)?;
                }
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_type(f, &self.ty, self.alias, self.fixed_len)?;
        write!(f, " {}", self.name)?;
        match &self.default {
            Some(default) => {
                f.write_str("=")?;
                write_default(f, default)
            }
            None => Ok(()),
        }
    }
}

/// A type as schemas write it.
pub(super) struct TypeText<'a>(pub(super) &'a Type);

impl fmt::Display for TypeText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_type(f, self.0, None, None)
    }
}

/// A literal as schemas write defaults.
pub(super) struct LiteralText<'a>(pub(super) &'a Literal);

impl fmt::Display for LiteralText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_default(f, self.0)
    }
}

fn write_type(
    f: &mut fmt::Formatter<'_>,
    ty: &Type,
    alias: Option<AliasInfo>,
    fixed_len: Option<u32>,
) -> fmt::Result {
    match ty {
        Type::Tensor(_) => f.write_str("Tensor")?,
        Type::Int => f.write_str("int")?,
        Type::Float => f.write_str("float")?,
        Type::Complex => f.write_str("complex")?,
        Type::Bool => f.write_str("bool")?,
        Type::Scalar => f.write_str("Scalar")?,
        Type::Str => f.write_str("str")?,
        Type::Device => f.write_str("Device")?,
        Type::None => f.write_str("NoneType")?,
        Type::Any => f.write_str("Any")?,
        Type::Variable(name) | Type::Other(name) | Type::Class(name) => write!(f, "{name}")?,
        Type::Optional(inner) => {
            write_type(f, inner, alias, fixed_len)?;
            return f.write_str("?");
        }
        Type::List(inner) => {
            if inner.is_tensor() {
                write_type(f, inner, alias, None)?;
                return f.write_str("[]");
            }
            write_type(f, inner, None, None)?;
            match fixed_len {
                Some(n) => write!(f, "[{n}]")?,
                None => f.write_str("[]")?,
            }
        }
        Type::Dict(key, value) => {
            f.write_str("Dict(")?;
            write_type(f, key, None, None)?;
            f.write_str(", ")?;
            write_type(f, value, None, None)?;
            f.write_str(")")?;
        }
        Type::Tuple(items) | Type::Union(items) => {
            f.write_str(if matches!(ty, Type::Union(_)) {
                "Union("
            } else {
                "("
            })?;
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    f.write_str(", ")?;
                }
                write_type(f, item, None, None)?;
            }
            f.write_str(")")?;
        }
    }
    match alias {
        Some(alias) if alias.write => write!(f, "({}!)", alias.set),
        Some(alias) => write!(f, "({})", alias.set),
        None => Ok(()),
    }
}

fn write_default(f: &mut fmt::Formatter<'_>, default: &Literal) -> fmt::Result {
    match default {
        Literal::None => f.write_str("None"),
        Literal::Bool(true) => f.write_str("True"),
        Literal::Bool(false) => f.write_str("False"),
        Literal::Int(n) => write!(f, "{n}"),
        Literal::Float(x) => write!(f, "{x:?}"),
        Literal::Str(text) => write!(f, "{text:?}"),
        Literal::List(items) => {
            f.write_str("[")?;
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    f.write_str(", ")?;
                }
                write_default(f, item)?;
            }
            f.write_str("]")
        }
        other => write!(f, "{other:?}"),
    }
}
