//! Rules, their clauses, and keeps.
//!
//! In: pairs of `rule`, `keep` and clauses. Out: their trees.
//!
//! Invariant: clauses keep their order.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::super::ast::{
    self, Clause, Direction, Equation, Erase, Family, Guard, Keep, Let, Numerics, NumericsKind,
};
use super::super::grammar::Rule;
use super::{Builder, Cursor};
use pest::iterators::Pair;

impl Builder<'_> {
    pub(super) fn rule(&self, pair: Pair<'_, Rule>) -> ast::Rule {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let name = self.name(&inner.expect(Rule::ident));
        let family = inner.take(Rule::family).map(|family| self.family(family));
        let Some(body) = inner.next() else {
            unreachable!("the grammar has no rule without a body")
        };
        let one_line = body.as_rule() == Rule::one_line;
        let start = self.span(&body);
        let mut inner = Cursor::new(body);
        let equation = one_line.then(|| {
            let left = self.term(inner.expect(Rule::term));
            let arrow = inner.expect(Rule::arrow);
            let direction = if arrow.as_str().starts_with('<') {
                Direction::Both
            } else {
                Direction::Forward
            };
            let right = self.term(inner.expect(Rule::term));
            let span = crate::source::Span {
                end: right.span.end,
                ..start
            };
            Equation {
                left,
                direction,
                arrow: self.span(&arrow),
                right,
                span,
            }
        });
        let mut clauses = vec![];
        while let Some(clause) = inner.next() {
            clauses.push(self.clause(clause));
        }
        ast::Rule {
            name,
            family,
            equation,
            clauses,
            span,
        }
    }

    fn family(&self, pair: Pair<'_, Rule>) -> Family {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let names = inner.all(Rule::ident, |name| self.name(&name));
        Family {
            names,
            rows: self.expr(inner.expect(Rule::expr)),
            span,
        }
    }

    /// A clause of a rule, whichever it is.
    pub(in super::super) fn clause(&self, pair: Pair<'_, Rule>) -> Clause {
        let span = self.span(&pair);
        match pair.as_rule() {
            Rule::numerics => Clause::Numerics(self.numerics(pair)),
            Rule::match_ => Clause::Match(self.statements(pair)),
            Rule::rewrite => Clause::Rewrite(self.statements(pair)),
            Rule::guard => {
                let mut inner = Cursor::new(pair);
                let condition = self.expr(inner.expect(Rule::expr));
                Clause::Guard(Guard {
                    condition,
                    reason: self.text(&inner.expect(Rule::string)),
                    span,
                })
            }
            Rule::let_ => Clause::Let(self.let_(pair)),
            Rule::erase => Clause::Erase(Erase {
                tags: Cursor::new(pair).all(Rule::ident, |tag| self.name(&tag)),
                span,
            }),
            Rule::test => Clause::Test(self.test(pair)),
            rule => unreachable!("the grammar has no clause {rule:?}"),
        }
    }

    pub(super) fn let_(&self, pair: Pair<'_, Rule>) -> Let {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let name = self.name(&inner.expect(Rule::ident));
        Let {
            name,
            value: self.expr(inner.expect(Rule::expr)),
            span,
        }
    }

    fn numerics(&self, pair: Pair<'_, Rule>) -> Numerics {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let kind = match inner.next().map(|word| word.as_rule()) {
            Some(Rule::exact) => NumericsKind::Exact,
            Some(Rule::real) => NumericsKind::Real,
            Some(Rule::within) => NumericsKind::Within(self.integer(&inner.expect(Rule::integer))),
            Some(Rule::changes) => NumericsKind::Changes(self.text(&inner.expect(Rule::string))),
            word => unreachable!("the grammar has no label {word:?}"),
        };
        Numerics { kind, span }
    }

    pub(super) fn keep(&self, pair: Pair<'_, Rule>) -> Keep {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        Keep {
            name: self.name(&inner.expect(Rule::ident)),
            family: inner.take(Rule::family).map(|family| self.family(family)),
            pattern: self.term(inner.expect(Rule::term)),
            reason: self.text(&inner.expect(Rule::string)),
            span,
        }
    }
}
