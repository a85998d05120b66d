//! Tokens to expressions.
//!
//! In: tokens. Out: `code_ast::Expr`, types and literals already those of the graph.
//! Invariant: nesting is bounded by the parser's depth limit; nothing overflows the stack.

#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::code_ast::{Expr, ExprKind};
use super::code_lexer::TokenKind;
use super::code_parser::Parser;
use super::error::ReadError;
use crate::graph::{Literal, Name, Type};

/// Binary operators: precedence (higher binds tighter) and the operator called.
const BINARY: [(&str, u8, &str); 17] = [
    ("==", 1, "aten::eq"),
    ("!=", 1, "aten::ne"),
    ("<", 1, "aten::lt"),
    (">", 1, "aten::gt"),
    ("<=", 1, "aten::le"),
    (">=", 1, "aten::ge"),
    ("|", 2, "aten::__or__"),
    ("^", 3, "aten::__xor__"),
    ("&", 4, "aten::__and__"),
    ("+", 5, "aten::add"),
    ("-", 5, "aten::sub"),
    ("*", 6, "aten::mul"),
    ("/", 6, "aten::div"),
    ("//", 6, "aten::floordiv"),
    ("%", 6, "aten::remainder"),
    ("@", 6, "aten::matmul"),
    ("**", 8, "aten::pow"),
];

impl Parser<'_> {
    /// One expression, or several with commas between: a tuple.
    pub(super) fn expressions(&mut self) -> Result<Expr, ReadError> {
        let at = self.position();
        let first = self.expression()?;
        if !matches!(self.peek(), TokenKind::Sign(",")) {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.eat(",") {
            if matches!(
                self.peek(),
                TokenKind::Sign("=") | TokenKind::Newline | TokenKind::End
            ) {
                break;
            }
            items.push(self.expression()?);
        }
        let kind = ExprKind::Tuple(items);
        Ok(Expr { kind, at })
    }

    /// One expression.
    pub(super) fn expression(&mut self) -> Result<Expr, ReadError> {
        self.deeper(|parser| {
            let expr = parser.binary(0)?;
            match parser.peek() {
                TokenKind::Name(word @ ("and" | "or" | "if" | "in" | "is" | "for")) => {
                    // Loops have `in` behind their counter, which never comes here as an expression.
                    let what = format!("operator `{word}`");
                    Err(parser.unsupported(parser.position(), &what))
                }
                _ => Ok(expr),
            }
        })
    }

    fn binary(&mut self, least: u8) -> Result<Expr, ReadError> {
        let mut left = self.unary()?;
        loop {
            let found = match self.peek() {
                TokenKind::Sign(sign) => BINARY.iter().find(|row| row.0 == *sign),
                _ => None,
            };
            let Some(&(_, precedence, op)) = found.filter(|row| row.1 > least) else {
                return Ok(left);
            };
            let at = self.position();
            self.advance();
            // `**` groups from the right, all others from the left.
            let bound = precedence - u8::from(op == "aten::pow");
            let right = self.deeper(|parser| parser.binary(bound))?;
            left = complex(op, &left, &right).unwrap_or(Expr {
                kind: ExprKind::Operator(op, vec![left, right]),
                at,
            });
        }
    }

    fn unary(&mut self) -> Result<Expr, ReadError> {
        let at = self.position();
        if self.eat("-") {
            // The least integer: its digits alone are no i64.
            if self.token_text() == "9223372036854775808" {
                self.advance();
                let kind = Literal::Int(i64::MIN).into();
                return Ok(Expr { kind, at });
            }
            let inner = self.deeper(|parser| parser.binary(7))?;
            let kind = match inner.kind {
                ExprKind::Literal(Literal::Int(n)) => Literal::Int(n.wrapping_neg()).into(),
                ExprKind::Literal(Literal::Float(x)) => Literal::Float(-x).into(),
                ExprKind::Literal(Literal::Complex(a, b)) => Literal::Complex(-a, -b).into(),
                ExprKind::Name(name) if name == "inf" => Literal::Float(f64::NEG_INFINITY).into(),
                _ => ExprKind::Operator("aten::neg", vec![inner]),
            };
            return Ok(Expr { kind, at });
        }
        if self.eat_word("not") {
            let inner = self.deeper(|parser| parser.binary(0))?;
            let kind = ExprKind::Operator("aten::__not__", vec![inner]);
            return Ok(Expr { kind, at });
        }
        let mut expr = self.atom()?;
        loop {
            let at = self.position();
            if self.eat(".") {
                let name = self.name("the name of an attribute")?;
                expr = Expr {
                    kind: ExprKind::Attribute(expr.into(), name),
                    at,
                };
            } else if self.eat("(") {
                expr = self.call(expr, at)?;
            } else if self.eat("[") {
                expr = self.index(expr, at)?;
            } else {
                return Ok(expr);
            }
        }
    }

    fn atom(&mut self) -> Result<Expr, ReadError> {
        let at = self.position();
        let kind = match self.peek().clone() {
            TokenKind::Int(n) => self.take(Literal::Int(n)),
            TokenKind::Float(x) => self.take(Literal::Float(x)),
            TokenKind::Imaginary(x) => self.take(Literal::Complex(0.0, x)),
            TokenKind::Str(text) => self.take(Literal::str(&text)),
            TokenKind::Name("None") => self.take(Literal::None),
            TokenKind::Name("True") => self.take(Literal::Bool(true)),
            TokenKind::Name("False") => self.take(Literal::Bool(false)),
            TokenKind::Name(word) => {
                self.advance();
                return self.word(word, at);
            }
            TokenKind::Sign("(") => {
                self.advance();
                return self.parenthesis(at);
            }
            TokenKind::Sign("[") => {
                self.advance();
                ExprKind::List(self.items("]")?)
            }
            TokenKind::Sign("{") => {
                self.advance();
                let mut items = Vec::new();
                while !self.eat("}") {
                    let key = self.expression()?;
                    self.expect(":")?;
                    items.push((key, self.expression()?));
                    self.comma_or("}")?;
                }
                ExprKind::Dict(items)
            }
            _ => return Err(self.unexpected("an expression")),
        };
        Ok(Expr { kind, at })
    }

    fn take(&mut self, literal: Literal) -> ExprKind {
        self.advance();
        literal.into()
    }

    fn parenthesis(&mut self, at: u32) -> Result<Expr, ReadError> {
        if self.eat(")") {
            let kind = ExprKind::Tuple(Vec::new());
            return Ok(Expr { kind, at });
        }
        let first = self.expression()?;
        if self.eat(")") {
            return Ok(first);
        }
        self.comma_or(")")?;
        let mut items = vec![first];
        items.extend(self.items(")")?);
        let kind = ExprKind::Tuple(items);
        Ok(Expr { kind, at })
    }

    fn items(&mut self, end: &str) -> Result<Vec<Expr>, ReadError> {
        let mut items = Vec::new();
        while !self.eat(end) {
            items.push(self.expression()?);
            self.comma_or(end)?;
        }
        Ok(items)
    }

    fn comma_or(&mut self, end: &str) -> Result<(), ReadError> {
        if self.eat(",") || matches!(self.peek(), TokenKind::Sign(s) if *s == end) {
            return Ok(());
        }
        Err(self.unexpected(&format!("`,` or `{end}`")))
    }

    /// Words that are followed by a type in brackets, else a name.
    fn word(&mut self, word: &str, at: u32) -> Result<Expr, ReadError> {
        let called = matches!(self.peek(), TokenKind::Sign("("));
        let kind = match word {
            "annotate" | "unchecked_cast" if called => {
                self.advance();
                let ty = self.ty()?;
                self.expect(",")?;
                let value = Box::new(self.expression()?);
                self.eat(",");
                self.expect(")")?;
                match word {
                    "annotate" => ExprKind::Annotate(ty, value),
                    _ => ExprKind::UncheckedCast(ty, value),
                }
            }
            "uninitialized" if called => {
                self.advance();
                let ty = self.ty()?;
                self.expect(")")?;
                ExprKind::Uninitialized(ty)
            }
            "isinstance" if called => {
                self.advance();
                let value = Box::new(self.expression()?);
                self.expect(",")?;
                let mut types: Vec<Type> = Vec::new();
                if self.eat("(") {
                    while !self.eat(")") {
                        types.push(self.ty()?);
                        self.comma_or(")")?;
                    }
                } else {
                    types.push(self.ty()?);
                }
                self.eat(",");
                self.expect(")")?;
                ExprKind::IsInstance(value, types)
            }
            "getattr" if called => {
                self.advance();
                let object = Box::new(self.expression()?);
                self.expect(",")?;
                let TokenKind::Str(name) = self.peek() else {
                    return Err(self.unexpected("the name of an attribute as a string"));
                };
                let name = Name::new(name);
                self.advance();
                self.expect(")")?;
                ExprKind::Attribute(object, name)
            }
            _ => ExprKind::Name(Name::new(word)),
        };
        Ok(Expr { kind, at })
    }

    fn call(&mut self, callee: Expr, at: u32) -> Result<Expr, ReadError> {
        let mut operands = Vec::new();
        let mut keywords = Vec::new();
        while !self.eat(")") {
            if let TokenKind::Name(word) = *self.peek()
                && matches!(self.ahead(1), TokenKind::Sign("="))
            {
                self.advance();
                self.advance();
                keywords.push((Name::new(word), self.expression()?));
            } else if keywords.is_empty() {
                operands.push(self.expression()?);
            } else {
                return Err(self.unexpected("a keyword, as the operand before"));
            }
            self.comma_or(")")?;
        }
        let kind = ExprKind::Call {
            callee: callee.into(),
            operands,
            keywords,
        };
        Ok(Expr { kind, at })
    }

    fn index(&mut self, object: Expr, at: u32) -> Result<Expr, ReadError> {
        let mut parts: [Option<Box<Expr>>; 3] = [None, None, None];
        let mut colons = 0;
        while !self.eat("]") {
            if self.eat(":") {
                colons += 1;
                continue;
            }
            match parts.get_mut(colons) {
                Some(part @ None) => *part = Some(self.expression()?.into()),
                _ => return Err(self.unexpected("`:` or `]`")),
            }
        }
        let kind = match (colons, parts) {
            (0, [Some(index), _, _]) => ExprKind::Index(object.into(), index),
            (1..=2, parts) => ExprKind::Slice(object.into(), parts),
            _ => return Err(self.refuse(at, "empty index")),
        };
        Ok(Expr { kind, at })
    }
}

impl From<Literal> for ExprKind {
    fn from(literal: Literal) -> ExprKind {
        ExprKind::Literal(literal)
    }
}

/// `1.+2.j` is one complex number.
fn complex(op: &str, left: &Expr, right: &Expr) -> Option<Expr> {
    let ExprKind::Literal(real) = &left.kind else {
        return None;
    };
    let ExprKind::Literal(Literal::Complex(0.0, imaginary)) = right.kind else {
        return None;
    };
    let real = real.as_float()?;
    let kind = match op {
        "aten::add" => Literal::Complex(real, imaginary).into(),
        "aten::sub" => Literal::Complex(real, -imaginary).into(),
        _ => return None,
    };
    Some(Expr { kind, at: left.at })
}
