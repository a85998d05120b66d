//! Terms and expressions.
//!
//! In: pairs of `term`, `expr` and what they hold. Out: one tree with precedence in it.
//!
//! Invariant: precedence is that of the table below and of nothing else.
//! Invariant: a minus directly before a number is part of the number.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::super::ast::*;
use super::super::codes::MISPLACED;
use super::super::grammar::Rule;
use super::{Builder, Cursor};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use pest::iterators::Pair;
use pest::pratt_parser::{Assoc, Op, PrattParser};
use std::sync::LazyLock;

/// Loosest first.
static PRECEDENCE: LazyLock<PrattParser<Rule>> = LazyLock::new(|| {
    PrattParser::new()
        .op(Op::infix(Rule::kw_or, Assoc::Left))
        .op(Op::infix(Rule::kw_and, Assoc::Left))
        .op(Op::prefix(Rule::kw_not))
        .op(Op::infix(Rule::compare_op, Assoc::Left) | Op::infix(Rule::member, Assoc::Left))
        .op(Op::infix(Rule::add, Assoc::Left))
        .op(Op::infix(Rule::multiply, Assoc::Left))
        .op(Op::prefix(Rule::minus))
        .op(Op::postfix(Rule::index))
});

impl Builder<'_> {
    pub(super) fn term(&self, pair: Pair<'_, Rule>) -> Term {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let kind = match inner.next() {
            Some(typed) if typed.as_rule() == Rule::typed => {
                let mut inner = Cursor::new(typed);
                let target = self.target(&mut inner);
                TermKind::Typed(target, self.ty(inner.expect(Rule::type_)))
            }
            Some(wildcard) if wildcard.as_rule() == Rule::wildcard => TermKind::Wildcard,
            Some(expr) => TermKind::Expr(self.expr(expr)),
            None => unreachable!("the grammar has no empty term"),
        };
        Term {
            kind,
            tag: inner.take(Rule::as_).map(|tag| self.tag(tag)),
            span,
        }
    }

    pub(super) fn tag(&self, pair: Pair<'_, Rule>) -> Name {
        self.name(&Cursor::new(pair).expect(Rule::ident))
    }

    /// `%x` or `_`.
    pub(super) fn target(&self, inner: &mut Cursor<'_>) -> Target {
        match inner.take(Rule::value) {
            Some(value) => Target::Value(self.value(&value)),
            None => {
                inner.expect(Rule::wildcard);
                Target::Wildcard
            }
        }
    }

    pub(super) fn expr(&self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        let first = pair.clone().into_inner().next();
        if let Some(conditional) = first.filter(|first| first.as_rule() == Rule::conditional) {
            let mut inner = Cursor::new(conditional);
            let mut next = || self.expr(inner.expect(Rule::expr));
            let conditional = Conditional {
                condition: next(),
                yes: next(),
                no: next(),
            };
            return Expr {
                kind: ExprKind::If(Box::new(conditional)),
                span,
            };
        }
        PRECEDENCE
            .map_primary(|primary| self.primary(primary))
            .map_prefix(|operator, operand| self.prefix(&operator, operand))
            .map_postfix(|base, index| {
                let span = base.span.to(self.span(&index));
                let subscript = self.subscript(index);
                Expr {
                    kind: ExprKind::Index(Box::new(Index { base, subscript })),
                    span,
                }
            })
            .map_infix(|left, operator, right| self.infix(left, &operator, right))
            .parse(pair.into_inner())
    }

    fn prefix(&self, operator: &Pair<'_, Rule>, operand: Expr) -> Expr {
        let span = self.span(operator).to(operand.span);
        match operand.kind {
            ExprKind::Number(number)
                if operator.as_rule() == Rule::minus && !number.text.starts_with('-') =>
            {
                let value = match number.value {
                    NumberValue::Int(value) => NumberValue::Int(value.wrapping_neg()),
                    NumberValue::Float(value) => NumberValue::Float(-value),
                };
                Expr {
                    kind: ExprKind::Number(Number {
                        value,
                        text: format!("-{}", number.text),
                        span,
                    }),
                    span,
                }
            }
            kind => {
                let op = if operator.as_rule() == Rule::minus {
                    UnaryOp::Neg
                } else {
                    UnaryOp::Not
                };
                Expr {
                    kind: ExprKind::Unary(
                        op,
                        Box::new(Expr {
                            kind,
                            span: operand.span,
                        }),
                    ),
                    span,
                }
            }
        }
    }

    fn infix(&self, left: Expr, operator: &Pair<'_, Rule>, right: Expr) -> Expr {
        let op = match (operator.as_rule(), operator.as_str()) {
            (Rule::kw_or, _) => BinaryOp::Or,
            (Rule::kw_and, _) => BinaryOp::And,
            (Rule::member, text) if text.starts_with("not") => BinaryOp::NotIn,
            (Rule::member, _) => BinaryOp::In,
            (_, "==") => BinaryOp::Eq,
            (_, "!=") => BinaryOp::Ne,
            (_, "<") => BinaryOp::Lt,
            (_, "<=") => BinaryOp::Le,
            (_, ">") => BinaryOp::Gt,
            (_, ">=") => BinaryOp::Ge,
            (_, "+") => BinaryOp::Add,
            (_, "-") => BinaryOp::Sub,
            (_, "*") => BinaryOp::Mul,
            (_, "/") => BinaryOp::Div,
            (rule, text) => unreachable!("the grammar has no operator {rule:?} {text}"),
        };
        let span = left.span.to(right.span);
        Expr {
            kind: ExprKind::Binary(Box::new(Binary {
                op,
                op_span: self.span(operator),
                left,
                right,
            })),
            span,
        }
    }

    fn primary(&self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        let Some(inner) = pair.into_inner().next() else {
            unreachable!("the grammar has no empty operand of an operator")
        };
        let kind = match inner.as_rule() {
            Rule::op_call => ExprKind::Op(Box::new(self.op_call(inner))),
            Rule::list => self.list(inner),
            Rule::paren => return self.paren(inner, span),
            Rule::number => ExprKind::Number(self.number(&inner)),
            Rule::string => ExprKind::Text(self.text(&inner)),
            Rule::kw_true => ExprKind::Bool(true),
            Rule::kw_false => ExprKind::Bool(false),
            Rule::kw_none => ExprKind::None,
            Rule::value => ExprKind::Value(self.value(&inner)),
            Rule::call => ExprKind::Call(self.call(inner)),
            Rule::path => ExprKind::Name(self.path(&inner)),
            rule => unreachable!("the grammar has no operand {rule:?}"),
        };
        Expr { kind, span }
    }

    /// Brackets: a tuple, alternatives, or only brackets.
    fn paren(&self, pair: Pair<'_, Rule>, span: Span) -> Expr {
        let (mut branches, mut alternatives, mut trailing_comma) = (vec![], false, false);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::bar => alternatives = true,
                Rule::last_comma => trailing_comma = true,
                _ => branches.push(self.branch(part)),
            }
        }
        if alternatives {
            return Expr {
                kind: ExprKind::Alternatives(branches),
                span,
            };
        }
        if branches.len() == 1 && !trailing_comma {
            return match branches.pop() {
                Some(Branch {
                    label: None,
                    term:
                        Term {
                            kind: TermKind::Expr(expr),
                            tag: None,
                            ..
                        },
                    ..
                }) => expr,
                branch => Expr {
                    kind: ExprKind::Alternatives(branch.into_iter().collect()),
                    span,
                },
            };
        }
        let member = |branch: Branch| {
            if let Some(label) = branch.label {
                self.report(
                    Diagnostic::error(MISPLACED, "the members of a tuple have no names")
                        .primary(label.span, "a name")
                        .help("alternatives are separated by `|`: `(a: P | b: Q)`"),
                );
            }
            branch.term
        };
        Expr {
            kind: ExprKind::Tuple(branches.into_iter().map(member).collect()),
            span,
        }
    }

    fn branch(&self, pair: Pair<'_, Rule>) -> Branch {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let label = inner.take(Rule::label).map(|label| self.label(label));
        Branch {
            label,
            term: self.term(inner.expect(Rule::term)),
            span,
        }
    }

    fn label(&self, pair: Pair<'_, Rule>) -> Name {
        self.name(&Cursor::new(pair).expect(Rule::word))
    }

    /// A list, or a comprehension.
    pub(super) fn list(&self, pair: Pair<'_, Rule>) -> ExprKind {
        let mut inner = Cursor::new(pair);
        let mut elements = inner.all(Rule::listed, |listed| self.element(listed));
        let loops = inner.all(Rule::loop_, |pair| self.for_loop(pair));
        match elements.pop() {
            Some(element) if !loops.is_empty() => {
                ExprKind::Comprehension(Box::new(Comprehension { element, loops }))
            }
            last => {
                elements.extend(last);
                ExprKind::List(elements)
            }
        }
    }

    fn element(&self, pair: Pair<'_, Rule>) -> Element {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        Element {
            term: self.term(inner.expect(Rule::term)),
            each: inner.take(Rule::each).is_some(),
            span,
        }
    }

    fn for_loop(&self, pair: Pair<'_, Rule>) -> Loop {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let variables = match inner.take(Rule::value) {
            Some(value) => vec![Variable::Value(self.value(&value))],
            None => inner.all(Rule::ident, |name| Variable::Name(self.name(&name))),
        };
        let source = self.expr(inner.expect(Rule::expr));
        Loop {
            variables,
            source,
            condition: inner.take(Rule::expr).map(|condition| self.expr(condition)),
            span,
        }
    }

    pub(super) fn call(&self, pair: Pair<'_, Rule>) -> Call {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let function = self.path(&inner.expect(Rule::path));
        Call {
            function,
            args: self.args(inner.expect(Rule::args)),
            span,
        }
    }

    pub(super) fn args(&self, pair: Pair<'_, Rule>) -> Vec<Arg> {
        Cursor::new(pair).all(Rule::arg, |arg| {
            let span = self.span(&arg);
            let mut inner = Cursor::new(arg);
            let name = inner.take(Rule::word).map(|name| self.name(&name));
            Arg {
                name,
                value: self.expr(inner.expect(Rule::expr)),
                span,
            }
        })
    }

    pub(super) fn op_call(&self, pair: Pair<'_, Rule>) -> OpCall {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let op = self.op_name(&inner.expect(Rule::op_name));
        let repeat =
            inner
                .take(Rule::repeat)
                .map(|repeat| match repeat.as_str().as_bytes().first() {
                    Some(b'?') => Repeat::Optional,
                    Some(b'*') => Repeat::Any,
                    _ => Repeat::Some,
                });
        let attrs = match inner.take(Rule::attrs) {
            Some(attrs) => Cursor::new(attrs).all(Rule::attr, |attr| self.attr(attr)),
            None => vec![],
        };
        OpCall {
            op,
            repeat,
            attrs,
            operands: inner.all(Rule::operand, |operand| self.operand(operand)),
            span,
        }
    }

    fn operand(&self, pair: Pair<'_, Rule>) -> Operand {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        if inner.take(Rule::rest).is_some() {
            return Operand {
                kind: OperandKind::Rest,
                span,
            };
        }
        let label = inner.take(Rule::label).map(|label| self.label(label));
        let term = self.term(inner.expect(Rule::term));
        Operand {
            kind: OperandKind::Term {
                label,
                term,
                each: inner.take(Rule::each).is_some(),
            },
            span,
        }
    }

    fn attr(&self, pair: Pair<'_, Rule>) -> Attr {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        if inner.take(Rule::rest).is_some() {
            return Attr {
                kind: AttrKind::Rest,
                span,
            };
        }
        if let Some(bundle) = inner.take(Rule::bundle) {
            let mut inner = Cursor::new(bundle);
            let name = self.name(&inner.expect(Rule::ident));
            let indexes = inner.all(Rule::index, |index| self.subscript(index));
            return Attr {
                kind: AttrKind::Bundle { name, indexes },
                span,
            };
        }
        let name = self.name(&inner.expect(Rule::word));
        if let Some(value) = inner.take(Rule::attr_value) {
            let mut inner = Cursor::new(value);
            let value = self.term(inner.expect(Rule::term));
            return Attr {
                kind: AttrKind::Is {
                    name,
                    value,
                    each: inner.take(Rule::each).is_some(),
                },
                span,
            };
        }
        let kind = match inner.take(Rule::verbatim) {
            Some(verbatim) => {
                let text = Text {
                    value: verbatim.as_str().trim().to_string(),
                    span: self.span(&verbatim),
                };
                if !self.in_graph.get() {
                    self.report(
                        Diagnostic::error(
                            MISPLACED,
                            format!("the value of `{name}` is not a term"),
                        )
                        .primary(text.span, "expected a number, a string, a name or a list")
                        .help("only graphs may hold a tensor as PyTorch prints it"),
                    );
                }
                AttrKind::Verbatim { name, text }
            }
            None => AttrKind::Name(name),
        };
        Attr { kind, span }
    }

    fn subscript(&self, pair: Pair<'_, Rule>) -> Subscript {
        let mut inner = Cursor::new(pair);
        let from = inner.take(Rule::expr).map(|expr| self.expr(expr));
        match (inner.take(Rule::slice_to), from) {
            (Some(to), from) => Subscript::Slice(
                from,
                Cursor::new(to).take(Rule::expr).map(|expr| self.expr(expr)),
            ),
            (None, Some(at)) => Subscript::At(at),
            (None, None) => unreachable!("the grammar has no empty index"),
        }
    }
}
