//! Checked rules: every name resolved, every instance and variant written out, every type fitting.
//!
//! In: made by the checker from trees. Out: what `rules` compiles into the matcher and what the engine builds.
//! Invariant: a [`Variant`] has nothing optional left: template parameters, optional nodes, alternatives, overloads and commutative
//! orders have each become a variant of their own, so a matcher only ever compares operators, literals and slots.
//! Invariant: in a [`Pattern`] tree a slot is bound where it is first met in pre-order, roots in order; later meetings compare.

use std::sync::Arc;

use crate::graph::{DType, Literal, Name, Type};
use crate::source::Span;

/// A rule with all its instances.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Full name: module and item, `torch.quantized.packed`.
    pub name: Name,
    /// The item's place.
    pub span: Span,
    /// Documentation lines, without `///`.
    pub doc: String,
    /// What the rule promises about numbers.
    pub numerics: Numerics,
    /// What each guard says when it is false, in the order of the text; the same for all instances.
    pub reasons: Vec<Reason>,
    /// One for each element of the family, in order; one for a rule without a family.
    pub instances: Vec<Instance>,
    /// Whether it matches, erases or adds effects.
    pub effects: bool,
}

impl Rule {
    /// Whether both sides are meant to be equal, so that it may act anywhere; `changes` rules and those with effects are named one by one.
    pub fn is_equality(&self) -> bool {
        !matches!(self.numerics, Numerics::Changes(_)) && !self.has_effects()
    }

    /// Whether it matches, erases or adds effects, so that it may stand in `apply` only.
    pub fn has_effects(&self) -> bool {
        self.effects
    }
}

/// A guard's reason as written.
#[derive(Clone, Debug)]
pub struct Reason {
    /// The text behind `else`.
    pub text: Arc<str>,
    /// The guard's place.
    pub span: Span,
}

/// The promise of a rule about numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Numerics {
    /// Bit for bit.
    Exact,
    /// Equal in real arithmetic; rounding differs.
    Real,
    /// Within this many steps of the quantized result.
    Within(u32),
    /// Meant to differ, for this reason.
    Changes(Arc<str>),
}

/// A member of a rule's family.
#[derive(Clone, Debug)]
pub struct Instance {
    /// `packed[op = conv2d]`; the rule's own name without a family.
    pub label: Arc<str>,
    /// Template parameters with their values.
    pub parameters: Vec<(Name, Literal)>,
    /// What is matched and built; empty if a guard is false at compile time for all.
    pub variants: Vec<Variant>,
    /// Guards that were false, whatever a model holds, for some way to match, and removed it: indexes into [`Rule::reasons`], ascending.
    pub removed_by: Vec<usize>,
}

/// A variable of a variant, an index into [`Variant::slots`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Slot(pub u32);

/// What a slot holds after a match.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SlotKind {
    /// A value of the graph (`%x`), constant or not.
    Value,
    /// A literal (a bare name); `dtype` says that the operand is an element type, so the integer of the file is read as one.
    Literal {
        /// The operand is an element type.
        dtype: bool,
    },
    /// Values of the graph (`%q...` under an operator with any number of operands).
    Values,
    /// Literals (`args...` under an operator with any number of operands; attributes of a chain).
    Literals,
    /// The several results of one node; not visible to the author.
    Results,
}

/// A variable with its name for messages.
#[derive(Clone, Debug)]
pub struct SlotInfo {
    /// The name as written, with `%` for values; made up for what the author did not name.
    pub name: Name,
    /// What it holds.
    pub kind: SlotKind,
    /// Where it was written first.
    pub span: Span,
}

/// One concrete pattern with its replacement.
#[derive(Clone, Debug)]
pub struct Variant {
    /// All variables.
    pub slots: Vec<SlotInfo>,
    /// The patterns, one for each root; the first is the one matching starts from.
    pub roots: Vec<Root>,
    /// Guards that the checker could not decide, each with the index of its reason in [`Rule::reasons`].
    pub guards: Vec<Guard>,
    /// Values named by `let` that the checker could not compute, in order; they may be used by guards and builders.
    pub lets: Vec<Let>,
    /// Effects that go away: the slots of their nodes.
    pub erased: Vec<Slot>,
    /// Effects that are added, in order: always operators without result.
    pub effects: Vec<Build>,
}

/// A pattern, and what takes its place.
#[derive(Clone, Debug)]
pub struct Root {
    /// What is matched: an operator (an effect among them), a projection of one, or a chain; or, behind all of these, a value that
    /// they bind, with a type that is written on it.
    pub pattern: Pattern,
    /// What is built; `None` for a root that is matched only.
    pub replacement: Option<Build>,
}

impl Root {
    /// Whether it only says of what type a value is that the roots before it bind.
    pub fn is_type(&self) -> bool {
        matches!(self.pattern, Pattern::Value(..))
    }
}

/// A guard.
#[derive(Clone, Debug)]
pub struct Guard {
    /// The condition.
    pub condition: Expr,
    /// Index into [`Rule::reasons`].
    pub reason: usize,
}

/// A named expression.
#[derive(Clone, Debug)]
pub struct Let {
    /// Its name.
    pub name: Name,
    /// Its value.
    pub value: Expr,
}

/// A pattern.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// `_`: any value.
    Any,
    /// `%x`, with its type if one is written: bound or compared.
    Value(Slot, Option<Constraint>),
    /// A value that is a literal equal to this one by value (`Literal::same_value`).
    Literal(Literal),
    /// A bare name: the value must be a literal; bound or compared by value.
    Bare(Slot),
    /// An operator with one result, or the node of one with several.
    Apply(Box<Apply>),
    /// A result of an operator with several results.
    Project {
        /// Which result.
        index: u32,
        /// The node: an `Apply`, or `Again` if it was met before.
        of: Box<Pattern>,
        /// The result, bound here.
        slot: Slot,
    },
    /// A node or value met before in this variant.
    Again(Slot),
    /// `op+(P)` or `op*(P)`: links along the first operand, as many as there are.
    Chain {
        /// The operator of each link, with its overload.
        op: Name,
        /// Whether there may be none.
        may_be_empty: bool,
        /// The attribute collected from each link, outermost first, with the slot (of kind `Literals`) it goes to.
        collect: Option<(Name, Slot)>,
        /// The result of the outermost link.
        slot: Slot,
        /// What the innermost link's operand matches.
        inner: Box<Pattern>,
    },
}

/// An operator in a pattern.
#[derive(Clone, Debug)]
pub struct Apply {
    /// With its overload, as in graphs: `aten::add.Tensor`.
    pub op: Name,
    /// The result if there is exactly one (kind `Value`), else the node (kind `Results`).
    pub slot: Slot,
    /// Patterns of the operands, as many as the schema has (defaults are filled in graphs).
    pub operands: Vec<Pattern>,
    /// For operators with any number of operands: what the others must match. `None`: there are no others.
    pub rest: Option<Rest>,
    /// Attributes that are looked at.
    pub attributes: Vec<AttributePattern>,
    /// Number of results.
    pub results: u32,
    /// Where its name is written.
    pub span: Span,
    /// Where each operand is written, then the others; where it is not written, the operator's name.
    pub operand_spans: Vec<Span>,
}

impl Apply {
    /// Where an operand is written; the number behind the last one is for the others.
    pub fn operand_span(&self, at: usize) -> Span {
        self.operand_spans.get(at).copied().unwrap_or(self.span)
    }
}

/// The remaining operands of an operator with any number of them.
#[derive(Clone, Debug)]
pub enum Rest {
    /// `..`: whatever they are.
    Ignored,
    /// `P...`: each matches `pattern`; what its element slots bind is collected into list slots.
    Each {
        /// The pattern of one.
        pattern: Pattern,
        /// Element slot and list slot (kind `Values` or `Literals`).
        collect: Vec<(Slot, Slot)>,
    },
}

/// The name that stands for all attributes of a bundle, in patterns and in what is written.
pub const OTHERS: &str = "...";

/// An attribute in a pattern.
#[derive(Clone, Debug)]
pub struct AttributePattern {
    /// Its name; [`OTHERS`] for a bundle.
    pub name: Name,
    /// What it must be.
    pub value: AttributeMatch,
}

/// What an attribute must be.
#[derive(Clone, Debug)]
pub enum AttributeMatch {
    /// Equal by value.
    Equal(Literal),
    /// Bound (kind `Literal`), or compared.
    Bind(Slot),
    /// All attributes but these, as a dictionary by name, bound or compared.
    Others {
        /// The dictionary (kind `Literal`).
        slot: Slot,
        /// Attributes that the pattern names.
        without: Box<[Name]>,
    },
}

/// A type written on a value: `const Tensor<i8 | u8, [N, C, _, ..]>`. Each part that is left out is `None` or empty.
#[derive(Clone, Debug, Default)]
pub struct Constraint {
    /// Must be known before the model runs.
    pub constant: bool,
    /// What kind of value it must be; a `Scalar` is a number or a constant tensor of rank 0. `Tensor` excludes `none`.
    pub ty: Option<Type>,
    /// Element types, one of which it must have.
    pub dtypes: Vec<DType>,
    /// Dimensions.
    pub dims: Option<Vec<DimPattern>>,
    /// Where it is written.
    pub span: Option<Span>,
}

/// One dimension of a written type.
#[derive(Clone, Debug)]
pub enum DimPattern {
    /// Any one.
    Any,
    /// Any number of further ones; only at the end.
    Rest,
    /// This size.
    Equal(i64),
    /// Bound (kind `Literal`), or compared.
    Bind(Slot),
}

/// What a rule writes.
#[derive(Clone, Debug)]
pub enum Build {
    /// A matched value.
    Slot(Slot),
    /// A computed literal or value.
    Expr(Expr),
    /// An operator.
    Apply {
        /// With its overload.
        op: Name,
        /// Operands in the order of the schema, defaults filled in.
        operands: Vec<BuildOperand>,
        /// Attributes; under the name [`OTHERS`] a dictionary of such.
        attributes: Vec<(Name, Expr)>,
        /// Number of results.
        results: u32,
        /// Which of the results is meant; 0 for an operator with one.
        index: u32,
        /// Equal numbers mean the same node, so that several results of one node stay together.
        node: u32,
    },
    /// `if c then a else b` between terms.
    If(Expr, Box<Build>, Box<Build>),
}

/// An operand that a rule writes.
#[derive(Clone, Debug)]
pub enum BuildOperand {
    /// One.
    One(Build),
    /// One for each element of these lists (kind `Values` or `Literals`), which have one length: in `each`, element slots stand for elements.
    Each {
        /// What is written for one element.
        each: Build,
        /// Element slot and list slot.
        over: Vec<(Slot, Slot)>,
    },
}

/// A resolved expression.
#[derive(Clone, Debug)]
pub enum Expr {
    /// A literal.
    Literal(Literal),
    /// What a slot holds.
    Slot(Slot),
    /// A `let` of the variant, by index.
    Let(u32),
    /// A variable of a comprehension around it, counted from the innermost (0).
    Element(u32),
    /// A setting or `let` of a pipeline.
    Setting(Name),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `(a, b)`.
    Tuple(Vec<Expr>),
    /// `[element for x in over if condition]`.
    Comprehension {
        /// The element.
        element: Box<Expr>,
        /// The list.
        over: Box<Expr>,
        /// Which elements are taken.
        condition: Option<Box<Expr>>,
    },
    /// `if c then a else b`.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `not a`.
    Not(Box<Expr>),
    /// `-a`.
    Negate(Box<Expr>),
    /// `a op b`.
    Binary(Binary, Box<Expr>, Box<Expr>),
    /// `xs[i]`.
    Index(Box<Expr>, Box<Expr>),
    /// `xs[from:to]`.
    Slice(Box<Expr>, Option<Box<Expr>>, Option<Box<Expr>>),
    /// A built-in function; keyword arguments have taken their positions.
    Call(Function, Vec<Expr>),
}

/// An operator of the expression language.
#[allow(missing_docs, reason = "the variants are the operators")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Binary {
    Or,
    And,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
    Add,
    Sub,
    Mul,
    Div,
}

/// A built-in function.
#[allow(
    missing_docs,
    reason = "the language page of the book documents the functions"
)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Function {
    // about a value
    DType,
    Shape,
    Rank,
    QParams,
    IsConst,
    IsRoot,
    Class,
    PackedArgs,
    // lists, strings, numbers
    Len,
    Range,
    All,
    Any,
    Same,
    Join,
    Contains,
    StartsWith,
    Min,
    Max,
    Abs,
    Round,
    Sqrt,
    Rsqrt,
    // constant tensors
    Tensor,
    Cast,
    Reshape,
    Flatten,
    Broadcast,
    Zeros,
    Least,
    Greatest,
    // the model, in pipelines
    HasMethod,
    Methods,
    Attributes,
}

/// Constants that must not be folded.
#[derive(Clone, Debug)]
pub struct Keep {
    /// Full name.
    pub name: Name,
    /// The item's place.
    pub span: Span,
    /// Why.
    pub reason: Arc<str>,
    /// What is kept, one pattern for each instance and overload.
    pub patterns: Vec<(Vec<SlotInfo>, Pattern)>,
}

impl Pattern {
    /// Whether some operator of it holds.
    pub fn any_operator(&self, holds: impl Fn(Name) -> bool + Copy) -> bool {
        match self {
            Pattern::Any
            | Pattern::Value(..)
            | Pattern::Literal(_)
            | Pattern::Bare(_)
            | Pattern::Again(_) => false,
            Pattern::Apply(apply) => {
                let rest = match &apply.rest {
                    Some(Rest::Each { pattern, .. }) => Some(pattern),
                    _ => None,
                };
                let mut inner = apply.operands.iter().chain(rest);
                holds(apply.op) || inner.any(|operand| operand.any_operator(holds))
            }
            Pattern::Project { of, .. } => of.any_operator(holds),
            Pattern::Chain { op, inner, .. } => holds(*op) || inner.any_operator(holds),
        }
    }
}

impl Function {
    /// Every function with its name and the numbers of arguments it takes.
    const TABLE: [(Function, &'static str, std::ops::RangeInclusive<usize>); 33] = [
        (Function::DType, "dtype", 1..=1),
        (Function::Shape, "shape", 1..=1),
        (Function::Rank, "rank", 1..=1),
        (Function::QParams, "qparams", 1..=1),
        (Function::IsConst, "is_const", 1..=1),
        (Function::IsRoot, "is_root", 1..=1),
        (Function::Class, "class", 1..=1),
        (Function::PackedArgs, "packed_args", 1..=1),
        (Function::Len, "len", 1..=1),
        (Function::Range, "range", 1..=2),
        (Function::All, "all", 1..=1),
        (Function::Any, "any", 1..=1),
        (Function::Same, "same", 1..=1),
        (Function::Join, "join", 2..=2),
        (Function::Contains, "contains", 2..=2),
        (Function::StartsWith, "starts_with", 2..=2),
        (Function::Min, "min", 1..=usize::MAX),
        (Function::Max, "max", 1..=usize::MAX),
        (Function::Abs, "abs", 1..=1),
        (Function::Round, "round", 1..=1),
        (Function::Sqrt, "sqrt", 1..=1),
        (Function::Rsqrt, "rsqrt", 1..=1),
        (Function::Tensor, "tensor", 1..=1),
        (Function::Cast, "cast", 2..=2),
        (Function::Reshape, "reshape", 2..=2),
        (Function::Flatten, "flatten", 1..=1),
        (Function::Broadcast, "broadcast", 2..=2),
        (Function::Zeros, "zeros", 1..=2),
        (Function::Least, "least", 1..=1),
        (Function::Greatest, "greatest", 1..=1),
        (Function::HasMethod, "has_method", 1..=1),
        (Function::Methods, "methods", 0..=0),
        (Function::Attributes, "attributes", 1..=1),
    ];

    /// The function with this name.
    pub fn from_name(name: &str) -> Option<Function> {
        let row = Function::TABLE.iter().find(|row| row.1 == name)?;
        Some(row.0)
    }

    /// The names of all functions.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Function::TABLE.iter().map(|row| row.1)
    }

    /// Its name in rule files.
    pub fn name(self) -> &'static str {
        Function::TABLE[self as usize].1
    }

    /// How many arguments it takes.
    pub fn arity(self) -> std::ops::RangeInclusive<usize> {
        Function::TABLE[self as usize].2.clone()
    }

    /// Whether it asks for a fact about a value of the graph; the others compute with what they are given.
    pub fn is_about_values(self) -> bool {
        (self as usize) <= Function::PackedArgs as usize
    }

    /// Whether it makes constant tensors, or asks for the bounds of their elements.
    pub fn is_about_tensors(self) -> bool {
        (Function::Tensor as usize..=Function::Greatest as usize).contains(&(self as usize))
    }

    /// Whether it asks about the model, which only the steps of a pipeline know.
    pub fn is_about_the_model(self) -> bool {
        (self as usize) >= Function::HasMethod as usize
    }

    /// Whether it computes with numbers, and with the elements of constant tensors where it is given such.
    pub fn may_take_tensors(self) -> bool {
        use Function::{Abs, Max, Min, Round, Rsqrt, Sqrt};
        matches!(self, Min | Max | Abs | Round | Sqrt | Rsqrt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_table_follows_the_enum() {
        for (index, row) in Function::TABLE.iter().enumerate() {
            assert_eq!(row.0 as usize, index);
            assert_eq!(Function::from_name(row.0.name()), Some(row.0));
        }
    }
}
