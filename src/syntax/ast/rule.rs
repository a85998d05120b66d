//! Rules and keeps.
//!
//! In: `rule` and `keep` items. Out: their clauses in the order written, with iterators over each kind.
//!
//! Invariant: clauses are not judged here: a rule may have no numerics, or two; `check` says so.

use super::{Expr, Name, Statement, Term, Test, Text};
use crate::source::Span;

/// A rule, in either form.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: Name,
    /// `for ... in ...`: one rule for each row.
    pub family: Option<Family>,
    /// `: P => Q`, if it is a one-line rule; a block rule has `match` and `rewrite` clauses instead.
    pub equation: Option<Equation>,
    /// Everything else, in the order written.
    pub clauses: Vec<Clause>,
    /// The whole rule, from its word.
    pub span: Span,
}

/// `for D in [1, 2]`, `for (op, s) in TABLE`
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// The template parameters: one, or as many as a row has columns.
    pub names: Vec<Name>,
    /// The rows.
    pub rows: Expr,
    /// Where it stands.
    pub span: Span,
}

/// `: left => right`
#[derive(Clone, Debug, PartialEq)]
pub struct Equation {
    /// What is matched.
    pub left: Term,
    /// Which way it may be read.
    pub direction: Direction,
    /// Where the arrow stands.
    pub arrow: Span,
    /// What is written.
    pub right: Term,
    /// From the colon to the right side.
    pub span: Span,
}

/// Which way a rule may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// `=>`
    Forward,
    /// `<=>`
    Both,
}

/// A clause of a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Clause {
    /// `numerics ...`
    Numerics(Numerics),
    /// `match { ... }`
    Match(Statements),
    /// `where EXPR else "reason"`
    Guard(Guard),
    /// `let name = EXPR`
    Let(Let),
    /// `rewrite { ... }`
    Rewrite(Statements),
    /// `erase a, b`
    Erase(Erase),
    /// `test "..." { ... }`
    Test(Test),
}

/// The promise of a rule about numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Numerics {
    /// What is promised.
    pub kind: NumericsKind,
    /// Where it stands.
    pub span: Span,
}

/// The promises there are.
#[derive(Clone, Debug, PartialEq)]
pub enum NumericsKind {
    /// Bit for bit.
    Exact,
    /// Equal in real arithmetic.
    Real,
    /// Within this many steps of the quantized root.
    Within(i64),
    /// Meant to differ, and why.
    Changes(Text),
}

/// The statements between the braces of `match` or `rewrite`.
#[derive(Clone, Debug, PartialEq)]
pub struct Statements {
    /// In order.
    pub statements: Vec<Statement>,
    /// From the word to the closing brace.
    pub span: Span,
}

/// `where condition else "reason"`
#[derive(Clone, Debug, PartialEq)]
pub struct Guard {
    /// What must be true.
    pub condition: Expr,
    /// Why it must.
    pub reason: Text,
    /// Where it stands.
    pub span: Span,
}

/// `let name = value`
#[derive(Clone, Debug, PartialEq)]
pub struct Let {
    /// The name.
    pub name: Name,
    /// What it stands for.
    pub value: Expr,
    /// Where it stands.
    pub span: Span,
}

/// `erase a, b`: the nodes tagged so go away.
#[derive(Clone, Debug, PartialEq)]
pub struct Erase {
    /// The tags.
    pub tags: Vec<Name>,
    /// Where it stands.
    pub span: Span,
}

/// `keep name for ... : TERM because "reason"`
#[derive(Clone, Debug, PartialEq)]
pub struct Keep {
    /// Its name.
    pub name: Name,
    /// One keep for each row.
    pub family: Option<Family>,
    /// The constants that are not folded.
    pub pattern: Term,
    /// Why.
    pub reason: Text,
    /// The whole item, from its word.
    pub span: Span,
}

macro_rules! clauses {
    ($($(#[$doc:meta])* $method:ident: $kind:ident => $type:ty;)*) => {
        impl Rule {
            $($(#[$doc])*
            pub fn $method(&self) -> impl Iterator<Item = &$type> {
                self.clauses.iter().filter_map(|clause| match clause {
                    Clause::$kind(inner) => Some(inner),
                    _ => None,
                })
            })*
        }
    };
}

clauses! {
    /// Its numerics labels; one, if it is right.
    numerics: Numerics => Numerics;
    /// Its `match` blocks.
    matches: Match => Statements;
    /// Its guards, in order.
    guards: Guard => Guard;
    /// Its lets, in order.
    lets: Let => Let;
    /// Its `rewrite` blocks.
    rewrites: Rewrite => Statements;
    /// Its `erase` clauses.
    erases: Erase => Erase;
    /// The tests inside it.
    tests: Test => Test;
}

impl Clause {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Clause::Numerics(clause) => clause.span,
            Clause::Match(clause) | Clause::Rewrite(clause) => clause.span,
            Clause::Guard(clause) => clause.span,
            Clause::Let(clause) => clause.span,
            Clause::Erase(clause) => clause.span,
            Clause::Test(clause) => clause.span,
        }
    }
}
