//! Statements, blocks and graphs.
//!
//! In: pairs of `statement` and `graph`. Out: their trees.
//!
//! Invariant: a statement's span ends with its last block.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::super::ast::{
    Bind, Block, Expr, ExprKind, Graph, GraphForm, Param, Scope, Statement, Statements, Term,
    TermKind, Value,
};
use super::super::grammar::Rule;
use super::{Builder, Cursor};
use pest::iterators::Pair;

impl Builder<'_> {
    pub(in super::super) fn statement(&self, pair: Pair<'_, Rule>) -> Statement {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let (binds, term, each) = match inner.take(Rule::effect) {
            Some(effect) => (vec![], self.effect(effect), false),
            None => {
                let binds = match inner.take(Rule::binds) {
                    Some(binds) => Cursor::new(binds).all(Rule::bind, |bind| self.bind(bind)),
                    None => vec![],
                };
                (
                    binds,
                    self.term(inner.expect(Rule::term)),
                    inner.take(Rule::each).is_some(),
                )
            }
        };
        let scope = inner.take(Rule::scope).map(|scope| {
            let text = Cursor::new(scope).expect(Rule::scope_text);
            Scope {
                text: text.as_str().to_string(),
                span: self.span(&text),
            }
        });
        Statement {
            binds,
            term,
            each,
            scope,
            blocks: inner.all(Rule::nested, |block| self.block(block)),
            span,
        }
    }

    /// `op(...)` alone, or with a tag.
    fn effect(&self, pair: Pair<'_, Rule>) -> Term {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let call = inner.expect(Rule::op_call);
        let place = self.span(&call);
        let call = Expr {
            kind: ExprKind::Op(Box::new(self.op_call(call))),
            span: place,
        };
        Term {
            kind: TermKind::Expr(call),
            tag: inner.take(Rule::as_).map(|tag| self.tag(tag)),
            span,
        }
    }

    fn bind(&self, pair: Pair<'_, Rule>) -> Bind {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let target = self.target(&mut inner);
        let each = inner.take(Rule::each).is_some();
        Bind {
            target,
            each,
            ty: inner.take(Rule::type_).map(|ty| self.ty(ty)),
            span,
        }
    }

    fn block(&self, pair: Pair<'_, Rule>) -> Block {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let label = inner.expect(Rule::block_label);
        let number = label
            .as_str()
            .strip_prefix("block")
            .and_then(|digits| digits.parse().ok());
        Block {
            index: number.unwrap_or(u32::MAX),
            params: self.params(inner.expect(Rule::params)),
            statements: inner.all(Rule::statement, |statement| self.statement(statement)),
            returns: self.values(inner.expect(Rule::values)),
            span,
        }
    }

    fn params(&self, pair: Pair<'_, Rule>) -> Vec<Param> {
        Cursor::new(pair).all(Rule::param, |param| {
            let span = self.span(&param);
            let mut inner = Cursor::new(param);
            let value = self.value(&inner.expect(Rule::value));
            Param {
                value,
                ty: inner.take(Rule::type_).map(|ty| self.ty(ty)),
                span,
            }
        })
    }

    fn values(&self, pair: Pair<'_, Rule>) -> Vec<Value> {
        Cursor::new(pair).all(Rule::value, |value| self.value(&value))
    }

    pub(in super::super) fn graph(&self, pair: Pair<'_, Rule>) -> Graph {
        let span = self.span(&pair);
        let outside = self.in_graph.replace(true);
        let mut inner = Cursor::new(pair);
        let params = self.params(inner.expect(Rule::params));
        let Some(body) = inner.next() else {
            unreachable!("the grammar has no graph without a body")
        };
        let form = if body.as_rule() == Rule::graph_braces {
            GraphForm::Braces
        } else {
            GraphForm::Colon
        };
        let mut inner = Cursor::new(body);
        let statements = inner.all(Rule::statement, |statement| self.statement(statement));
        let returns = self.values(Cursor::new(inner.expect(Rule::ret)).expect(Rule::values));
        self.in_graph.set(outside);
        Graph {
            form,
            params,
            statements,
            returns,
            span,
        }
    }

    /// The statements of `match` or `rewrite`.
    pub(super) fn statements(&self, pair: Pair<'_, Rule>) -> Statements {
        let span = self.span(&pair);
        Statements {
            statements: Cursor::new(pair)
                .all(Rule::statement, |statement| self.statement(statement)),
            span,
        }
    }
}
