//! Types as written: ours (`const Tensor<i8 | u8, [N, C, ..]>`) and PyTorch's (`QInt8(4, 3, strides=[3, 1], device=cpu)`).
//!
//! In: what stands behind `:` or `->`. Out: a tree of type names; what a name means is for `check`.
//!
//! Invariant: `T?[]` nests outwards: a list of optionals.

use super::{Expr, Name, Number, Path};
use crate::source::Span;

/// A type.
#[derive(Clone, Debug, PartialEq)]
pub struct Type {
    /// `const`: a constant of this type.
    pub constant: bool,
    /// What it is.
    pub kind: TypeKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of types.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeKind {
    /// `const` alone: anything.
    Any,
    /// `Tensor`, `int`, `__torch__.a.B`
    Named(Path),
    /// `Tensor<i8 | u8, [N, C, _, ..]>`
    Refined(RefinedType),
    /// `Float(1, 3, strides=[3, 1])`, `Dict(str, Tensor)`, `Tensor(a!)`: as PyTorch prints them.
    Dumped(DumpedType),
    /// `(int, Tensor?)`
    Tuple(Vec<Type>),
    /// `T?`
    Optional(Box<Type>),
    /// `T[]`, `T[2]`
    List(Box<Type>, Option<i64>),
}

/// A tensor type with what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct RefinedType {
    /// What is refined: `Tensor`.
    pub name: Path,
    /// The dtypes it may have, which may be names of the template; empty for any.
    pub dtypes: Vec<Path>,
    /// Its dimensions; without them the rank is open too.
    pub dims: Option<Vec<Dim>>,
}

/// A dimension.
#[derive(Clone, Debug, PartialEq)]
pub struct Dim {
    /// What it is.
    pub kind: DimKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of dimensions.
#[derive(Clone, Debug, PartialEq)]
pub enum DimKind {
    /// `..`: any number of others.
    Rest,
    /// `_`
    Wildcard,
    /// A number, a name to bind or compare, or an expression.
    Expr(Expr),
}

/// A type with arguments in round brackets.
#[derive(Clone, Debug, PartialEq)]
pub struct DumpedType {
    /// The name: `Float`, `Dict`, `Union`, `Future`, ...
    pub name: Path,
    /// The arguments.
    pub args: Vec<DumpedArg>,
}

/// An argument of a dumped type.
#[derive(Clone, Debug, PartialEq)]
pub struct DumpedArg {
    /// What it is.
    pub kind: DumpedArgKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of arguments of dumped types.
#[derive(Clone, Debug, PartialEq)]
pub enum DumpedArgKind {
    /// `3`: the size of a dimension.
    Size(i64),
    /// `*`: a dimension of unknown size.
    Unknown,
    /// `Tensor`, or `a` in `Tensor(a!)`.
    Type {
        /// The type, or the alias set's name.
        ty: Type,
        /// `!`: written to.
        mutated: bool,
    },
    /// `strides=[3, 1]`
    List(Name, Vec<Number>),
    /// `requires_grad=0`
    Number(Name, Number),
    /// `device=cuda:0`
    Device {
        /// `device`
        name: Name,
        /// `cuda`
        device: Name,
        /// `0`
        index: Option<i64>,
    },
}

impl Type {
    /// The results of an op with this result type: the members of a tuple, or itself.
    pub fn results(&self) -> Vec<&Type> {
        match &self.kind {
            TypeKind::Tuple(members) => members.iter().collect(),
            _ => vec![self],
        }
    }
}
