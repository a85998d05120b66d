//! A file and its items, and the items that are declarations.
//!
//! In: the items the parser understood. Out: their trees, in file order.
//!
//! Invariant: an item that did not parse is only in [`File::broken`].

use super::{Expr, Keep, Name, OpName, Path, Pipeline, Rule, Test, Text, Type, Value};
use crate::source::{SourceId, Span};

/// A `.fold` file.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// The text it was read from.
    pub source: SourceId,
    /// The lines of `//!`.
    pub docs: Vec<Doc>,
    /// What was understood, in order.
    pub items: Vec<Item>,
    /// What was not; a diagnostic tells why. Their names exist, so nothing should complain that they are unknown.
    pub broken: Vec<BrokenItem>,
}

/// A line of documentation.
#[derive(Clone, Debug, PartialEq)]
pub struct Doc {
    /// The line without its slashes and the blank behind them.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// An item that did not parse.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokenItem {
    /// Its first word.
    pub word: ItemWord,
    /// Its name, where it has one that can be read.
    pub name: Option<Name>,
    /// Its text.
    pub span: Span,
}

/// The words that start an item in column 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ItemWord {
    /// `use`
    Use,
    /// `const`
    Const,
    /// `fn`
    Fn,
    /// `op`
    Op,
    /// `rule`
    Rule,
    /// `keep`
    Keep,
    /// `pipeline`
    Pipeline,
    /// `test`
    Test,
}

/// An item with what stands before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The lines of `///`.
    pub docs: Vec<Doc>,
    /// `@deprecated(...)`, `@allow(...)`.
    pub notes: Vec<Note>,
    /// The item itself.
    pub kind: ItemKind,
    /// From the first doc line to the last token.
    pub span: Span,
}

/// The kinds of items.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "most items are rules")]
pub enum ItemKind {
    /// Names from another module.
    Use(Use),
    /// A named constant.
    Const(Const),
    /// A function over values and names.
    Fn(Function),
    /// An op that the catalogue does not know.
    Op(OpDeclaration),
    /// A rewrite rule.
    Rule(Rule),
    /// Constants that must not be folded.
    Keep(Keep),
    /// The steps of a job.
    Pipeline(Pipeline),
    /// A test outside its rule.
    Test(Test),
}

impl Item {
    /// The name it can be called by; `use` has none, and a test's is a string.
    pub fn name(&self) -> Option<&Name> {
        match &self.kind {
            ItemKind::Const(item) => Some(&item.name),
            ItemKind::Fn(item) => Some(&item.name),
            ItemKind::Rule(item) => Some(&item.name),
            ItemKind::Keep(item) => Some(&item.name),
            ItemKind::Pipeline(item) => Some(&item.name),
            ItemKind::Use(_) | ItemKind::Op(_) | ItemKind::Test(_) => None,
        }
    }

    /// Its first word.
    pub fn word(&self) -> ItemWord {
        match &self.kind {
            ItemKind::Use(_) => ItemWord::Use,
            ItemKind::Const(_) => ItemWord::Const,
            ItemKind::Fn(_) => ItemWord::Fn,
            ItemKind::Op(_) => ItemWord::Op,
            ItemKind::Rule(_) => ItemWord::Rule,
            ItemKind::Keep(_) => ItemWord::Keep,
            ItemKind::Pipeline(_) => ItemWord::Pipeline,
            ItemKind::Test(_) => ItemWord::Test,
        }
    }
}

/// A note before an item.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// What it says.
    pub kind: NoteKind,
    /// From `@` to the last token.
    pub span: Span,
}

/// The notes there are.
#[derive(Clone, Debug, PartialEq)]
pub enum NoteKind {
    /// `@deprecated("use x instead")`
    Deprecated(Text),
    /// `@allow(lint, ...)`
    Allow(Vec<Name>),
}

/// `use module.{a, b}`
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// The module.
    pub module: Path,
    /// What is taken from it.
    pub names: Vec<Name>,
}

/// `const NAME = EXPR`
#[derive(Clone, Debug, PartialEq)]
pub struct Const {
    /// Its name.
    pub name: Name,
    /// What it stands for.
    pub value: Expr,
}

/// `fn name(%a, n) = EXPR`
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its name.
    pub name: Name,
    /// What it takes.
    pub params: Vec<Variable>,
    /// What it gives.
    pub body: Expr,
}

/// A name that an expression may bind: a value of the graph, or something known at compile time.
#[derive(Clone, Debug, PartialEq)]
pub enum Variable {
    /// `%a`
    Value(Value),
    /// `n`
    Name(Name),
}

impl Variable {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Variable::Value(value) => value.span,
            Variable::Name(name) => name.span,
        }
    }
}

/// `op ns::name[attr: type = default](%a: T, %n: int = 0) -> T { commutative(a, b) }`
#[derive(Clone, Debug, PartialEq)]
pub struct OpDeclaration {
    /// Its name; the grammar allows holes, which have no meaning here.
    pub name: OpName,
    /// Its attributes.
    pub attrs: Vec<AttrDeclaration>,
    /// Its operands.
    pub operands: Vec<OperandDeclaration>,
    /// Its result; a tuple for several.
    pub result: Type,
    /// What else is known of it.
    pub traits: Vec<Trait>,
}

/// `name: type = default`
#[derive(Clone, Debug, PartialEq)]
pub struct AttrDeclaration {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: Type,
    /// What is meant where it is absent.
    pub default: Option<Expr>,
}

/// `%name: type = default`, or `%name...: type` for any number.
#[derive(Clone, Debug, PartialEq)]
pub struct OperandDeclaration {
    /// Its name.
    pub value: Value,
    /// Whether it stands for any number of operands.
    pub each: bool,
    /// Its type.
    pub ty: Type,
    /// What is meant where it is absent.
    pub default: Option<Expr>,
}

/// A property of a declared op.
#[derive(Clone, Debug, PartialEq)]
pub struct Trait {
    /// Which.
    pub kind: TraitKind,
    /// Where it stands.
    pub span: Span,
}

/// The properties there are.
#[derive(Clone, Debug, PartialEq)]
pub enum TraitKind {
    /// `commutative(a, b)`: these operands may change places.
    Commutative(Vec<Name>),
    /// `effect`: not pure.
    Effect,
    /// `virtual`: a note for the search, never written to a model.
    Virtual,
}
