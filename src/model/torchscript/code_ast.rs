//! The tree of a code member: the subset of Python that TorchScript archives are written in.
//!
//! Invariant: types and literals are already those of the graph; every expression and statement knows its byte offset.
//! Invariant: bodies of functions are parsed on demand; a definition that nobody needs stays a range of text.

use crate::graph::{Literal, Name, Type};

/// A code member.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub items: Vec<Item>,
}

/// A class or a free function.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Class(Class),
    Function(Signature),
}

/// A class: what it declares, in order.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub name: Name,
    /// `Module`, `NamedTuple`, `Interface`, `Enum`, or nothing.
    pub base: Option<Name>,
    pub members: Vec<Member>,
    /// Bytes from the word `class` to the end of its last line.
    pub text: (usize, usize),
}

/// A member of a class.
#[derive(Clone, Debug)]
pub(super) enum Member {
    /// `__parameters__ = ["weight", ]` and its like.
    Names { name: Name, names: Vec<Name> },
    /// `weight : Tensor`, `__annotations__["a.b"] = Tensor`.
    Attribute { name: Name, ty: Type },
    /// `stride : Final[int] = 1`, as text.
    Final { text: (usize, usize) },
    /// `RED = 1` of an enum, as text.
    Other { text: (usize, usize) },
    /// A method.
    Method(Signature),
}

/// The head of a definition.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    pub name: Name,
    pub parameters: Vec<Parameter>,
    pub result: Type,
    /// First token of the body, as an index into the file's tokens.
    pub body: usize,
    /// Bytes from the word `def` to the end of its last line.
    pub text: (usize, usize),
}

/// A parameter of a definition. The first of a method is the object.
#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub name: Name,
    pub ty: Option<Type>,
    pub default: Option<Expr>,
}

/// A statement.
#[derive(Clone, Debug)]
pub(super) struct Stmt {
    pub kind: StmtKind,
    pub at: u32,
}

/// What a statement does.
#[derive(Clone, Debug)]
pub(super) enum StmtKind {
    /// `a = e`, `a : T = e`.
    Assign {
        target: Name,
        ty: Option<Type>,
        value: Expr,
    },
    /// `a, b, = e`.
    Unpack { targets: Vec<Name>, value: Expr },
    /// `object.attribute = e`.
    SetAttribute {
        object: Expr,
        attribute: Name,
        value: Expr,
    },
    /// An expression for its effect.
    Expr(Expr),
    /// `return e`.
    Return(Option<Expr>),
    /// `pass`.
    Pass,
    /// `if c: .. else: ..`.
    If {
        condition: Expr,
        then: Vec<Stmt>,
        otherwise: Vec<Stmt>,
    },
    /// `for i in range(n): ..`.
    For {
        counter: Name,
        count: Expr,
        body: Vec<Stmt>,
    },
    /// `while c: ..`.
    While { condition: Expr, body: Vec<Stmt> },
    /// `with e as a: ..`.
    With {
        context: Expr,
        target: Option<Name>,
        body: Vec<Stmt>,
    },
}

/// An expression.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    pub kind: ExprKind,
    pub at: u32,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub(super) enum ExprKind {
    /// A name: a local value, or the root of a dotted path such as `torch.add`.
    Name(Name),
    /// A number, string, `None`, `True`, `False`.
    Literal(Literal),
    /// `e.name`, and `getattr(e, "name")`.
    Attribute(Box<Expr>, Name),
    /// `e[i]`.
    Index(Box<Expr>, Box<Expr>),
    /// `e[a:b:c]`.
    Slice(Box<Expr>, [Option<Box<Expr>>; 3]),
    /// `f(a, k=b)`.
    Call {
        callee: Box<Expr>,
        operands: Vec<Expr>,
        keywords: Vec<(Name, Expr)>,
    },
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `(a, b)`.
    Tuple(Vec<Expr>),
    /// `{a: b}`.
    Dict(Vec<(Expr, Expr)>),
    /// `annotate(T, e)`.
    Annotate(Type, Box<Expr>),
    /// `unchecked_cast(T, e)`.
    UncheckedCast(Type, Box<Expr>),
    /// `uninitialized(T)`.
    Uninitialized(Type),
    /// `isinstance(e, T)`.
    IsInstance(Box<Expr>, Vec<Type>),
    /// `-e`, `not e`, and `a + b` and its like, by the operator they call, such as `aten::add`.
    Operator(&'static str, Vec<Expr>),
}
