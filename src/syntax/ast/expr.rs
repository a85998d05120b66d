//! Terms and expressions: patterns on the left, new values on the right, guards and tables elsewhere.
//!
//! In: anything that has a value. Out: one tree; op calls, lists and alternatives hold terms again.
//!
//! Invariant: precedence is in the tree, loosest first: or, and, not, comparison and `in`, `+ -`, `* /`, minus, index.
//! Invariant: `inf` and `nan` are names, as PyTorch prints them.

use super::{Name, Number, OpName, Path, Target, Text, Type, Value, Variable};
use crate::source::Span;

/// A pattern or a new value.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// What it is.
    pub kind: TermKind,
    /// `as tag`.
    pub tag: Option<Name>,
    /// Where it stands, tag included.
    pub span: Span,
}

/// The kinds of terms.
#[derive(Clone, Debug, PartialEq)]
pub enum TermKind {
    /// `_`
    Wildcard,
    /// `%w: const Tensor<...>`, `_: T`
    Typed(Target, Type),
    /// Anything else.
    Expr(Expr),
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands, without brackets around it.
    pub span: Span,
}

/// The kinds of expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `1`, `0.5`, `-1`
    Number(Number),
    /// `"text"`
    Text(Text),
    /// `true`, `false`
    Bool(bool),
    /// `none`: absent
    None,
    /// `dtype`, `torch.modules.PACKED`
    Name(Path),
    /// `%x`
    Value(Value),
    /// `ns::op[attrs](operands)`
    Op(Box<OpCall>),
    /// `f(x, rtol = 1e-6)`
    Call(Call),
    /// `[1, %x...]`
    List(Vec<Element>),
    /// `[e for x in xs if c]`
    Comprehension(Box<Comprehension>),
    /// `(a, b)`, `(a,)`
    Tuple(Vec<Term>),
    /// `(P | Q)`, `(a: P | b: Q)`; a single branch is a bracketed pattern, such as `(%x: T)` or `(P as k)`
    Alternatives(Vec<Branch>),
    /// `not a`, `-a`
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`
    Binary(Box<Binary>),
    /// `xs[0]`
    Index(Box<Index>),
    /// `if c then a else b`
    If(Box<Conditional>),
}

/// `ns::op?[attrs](operands)`
#[derive(Clone, Debug, PartialEq)]
pub struct OpCall {
    /// Which op.
    pub op: OpName,
    /// `?`, `*`, `+` behind the name.
    pub repeat: Option<Repeat>,
    /// What stands in the square brackets.
    pub attrs: Vec<Attr>,
    /// What stands in the round ones.
    pub operands: Vec<Operand>,
    /// Where it stands.
    pub span: Span,
}

/// How often the node of a pattern may stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// `?`: once or not at all.
    Optional,
    /// `*`: a chain of any length, none included.
    Any,
    /// `+`: a chain of at least one.
    Some,
}

/// An operand.
#[derive(Clone, Debug, PartialEq)]
pub struct Operand {
    /// What it is.
    pub kind: OperandKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of operands.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "operands without a term are rare"
)]
pub enum OperandKind {
    /// `..`: any others.
    Rest,
    /// `label: term`, `term...`
    Term {
        /// The operand's name in the schema, where written.
        label: Option<Name>,
        /// The operand.
        term: Term,
        /// `...`: every remaining operand.
        each: bool,
    },
}

/// An attribute of an op call.
#[derive(Clone, Debug, PartialEq)]
pub struct Attr {
    /// What it is.
    pub kind: AttrKind,
    /// Where it stands.
    pub span: Span,
}

impl AttrKind {
    /// Whether it is a bundle.
    pub fn is_bundle(&self) -> bool {
        matches!(self, AttrKind::Bundle { .. })
    }
}

/// The kinds of attributes.
#[derive(Clone, Debug, PartialEq)]
pub enum AttrKind {
    /// `..`: any others.
    Rest,
    /// `rest...`, `conv[0]...`: a bundle of the others.
    Bundle {
        /// The bundle.
        name: Name,
        /// Which of several bundles.
        indexes: Vec<Subscript>,
    },
    /// `perm`: bound (or written) under its own name.
    Name(Name),
    /// `axis = 1`, `to = t`, `name = path...`
    Is {
        /// The attribute.
        name: Name,
        /// What it must be, or is bound to.
        value: Term,
        /// `...`: one for each link of a chain.
        each: bool,
    },
    /// `value = <Tensor>`, `value= 1 2 [ CPUFloatType{2} ]`: a tensor as PyTorch prints it.
    Verbatim {
        /// The attribute.
        name: Name,
        /// The text behind `=`, without blanks around it.
        text: Text,
    },
}

/// `f(args)`
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Which function, step or pipeline.
    pub function: Path,
    /// What it is given.
    pub args: Vec<Arg>,
    /// Where it stands.
    pub span: Span,
}

/// `expr` or `name = expr`
#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    /// The name, where written.
    pub name: Option<Name>,
    /// The value.
    pub value: Expr,
    /// Where it stands.
    pub span: Span,
}

/// An element of a list: `term` or `term...`
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// The element.
    pub term: Term,
    /// `...`: every remaining one.
    pub each: bool,
    /// Where it stands.
    pub span: Span,
}

/// `[element for x in xs if c for ...]`
#[derive(Clone, Debug, PartialEq)]
pub struct Comprehension {
    /// What is made.
    pub element: Element,
    /// The loops, outermost first.
    pub loops: Vec<Loop>,
}

/// `for x in xs if c`
#[derive(Clone, Debug, PartialEq)]
pub struct Loop {
    /// What each element is called: one name or value, or as many names as a tuple has.
    pub variables: Vec<Variable>,
    /// Over what.
    pub source: Expr,
    /// Which of them.
    pub condition: Option<Expr>,
    /// Where it stands.
    pub span: Span,
}

/// `label: term` between `(`, `|` and `)`
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// What the tag says when this branch matched.
    pub label: Option<Name>,
    /// The pattern.
    pub term: Term,
    /// Where it stands.
    pub span: Span,
}

/// Operators before an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `not`
    Not,
    /// `-`
    Neg,
}

/// `left op right`
#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    /// Which operator.
    pub op: BinaryOp,
    /// Where the operator stands.
    pub op_span: Span,
    /// The left side.
    pub left: Expr,
    /// The right side.
    pub right: Expr,
}

/// Operators between expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `or`
    Or,
    /// `and`
    And,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `in`
    In,
    /// `not in`
    NotIn,
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
}

/// `base[subscript]`
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    /// What is looked into.
    pub base: Expr,
    /// Where.
    pub subscript: Subscript,
}

/// What stands between `[` and `]` behind an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Subscript {
    /// `[i]`
    At(Expr),
    /// `[from:to]`, either side may be left out
    Slice(Option<Expr>, Option<Expr>),
}

/// `if condition then yes else no`
#[derive(Clone, Debug, PartialEq)]
pub struct Conditional {
    /// What is asked.
    pub condition: Expr,
    /// What it is if true.
    pub yes: Expr,
    /// What it is if false.
    pub no: Expr,
}

impl Term {
    /// The expression, if it is one and has no tag.
    pub fn as_expr(&self) -> Option<&Expr> {
        match (&self.kind, &self.tag) {
            (TermKind::Expr(expr), None) => Some(expr),
            _ => None,
        }
    }

    /// The op call, if it is one, tagged or not.
    pub fn as_op(&self) -> Option<&OpCall> {
        match &self.kind {
            TermKind::Expr(Expr {
                kind: ExprKind::Op(call),
                ..
            }) => Some(call),
            _ => None,
        }
    }
}

impl BinaryOp {
    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            BinaryOp::Or => "or",
            BinaryOp::And => "and",
            BinaryOp::Eq => "==",
            BinaryOp::Ne => "!=",
            BinaryOp::Lt => "<",
            BinaryOp::Le => "<=",
            BinaryOp::Gt => ">",
            BinaryOp::Ge => ">=",
            BinaryOp::In => "in",
            BinaryOp::NotIn => "not in",
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
            BinaryOp::Div => "/",
        }
    }
}
