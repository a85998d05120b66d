//! Tokens to statements.
//!
//! In: the tokens of a definition's body. Out: `code_ast::Stmt`.
//! Invariant: statements that TorchScript has but archives of models do not (`assert`, `break`, ..) are refused by name.

#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::code_ast::{Expr, ExprKind, Signature, Stmt, StmtKind};
use super::code_lexer::{Token, TokenKind};
use super::code_parser::Parser;
use super::error::ReadError;
use crate::graph::Name;

const REFUSED: [&str; 13] = [
    "assert", "break", "continue", "del", "raise", "class", "def", "import", "from", "global",
    "try", "lambda", "yield",
];

/// The statements of a definition.
pub(super) fn parse_body<'t>(
    file: &'t str,
    source: &'t str,
    tokens: &'t [Token<'t>],
    signature: &Signature,
) -> Result<Vec<Stmt>, ReadError> {
    Parser::new(file, source, tokens, signature.body).block()
}

impl Parser<'_> {
    fn block(&mut self) -> Result<Vec<Stmt>, ReadError> {
        let mut statements = Vec::new();
        self.suite(|parser| {
            statements.push(parser.statement()?);
            Ok(())
        })?;
        Ok(statements)
    }

    fn statement(&mut self) -> Result<Stmt, ReadError> {
        let at = self.position();
        let word = match self.peek() {
            TokenKind::Name(word) => *word,
            _ => "",
        };
        let kind = match word {
            "if" => {
                self.advance();
                return self.if_statement(at);
            }
            "for" => {
                self.advance();
                self.for_loop()?
            }
            "while" => {
                self.advance();
                let condition = self.expression()?;
                self.expect(":")?;
                let body = self.block()?;
                StmtKind::While { condition, body }
            }
            "with" => {
                self.advance();
                let context = self.expression()?;
                let target = match self.eat_word("as") {
                    true => Some(self.name("the name of what is entered")?),
                    false => None,
                };
                self.expect(":")?;
                let body = self.block()?;
                StmtKind::With {
                    context,
                    target,
                    body,
                }
            }
            "return" => {
                self.advance();
                let value = match self.peek() {
                    TokenKind::Newline | TokenKind::End => None,
                    _ => Some(self.expressions()?),
                };
                self.end_of_statement()?;
                StmtKind::Return(value)
            }
            "pass" => {
                self.advance();
                self.end_of_statement()?;
                StmtKind::Pass
            }
            _ if REFUSED.contains(&word) => {
                return Err(self.unsupported(at, &format!("statement `{word}`")));
            }
            _ => {
                let kind = self.simple()?;
                self.end_of_statement()?;
                kind
            }
        };
        Ok(Stmt { kind, at })
    }

    fn if_statement(&mut self, at: u32) -> Result<Stmt, ReadError> {
        let condition = self.expression()?;
        self.expect(":")?;
        let then = self.block()?;
        let next = self.position();
        let otherwise = if self.eat_word("else") {
            self.expect(":")?;
            self.block()?
        } else if self.eat_word("elif") {
            vec![self.deeper(|parser| parser.if_statement(next))?]
        } else {
            Vec::new()
        };
        let kind = StmtKind::If {
            condition,
            then,
            otherwise,
        };
        Ok(Stmt { kind, at })
    }

    fn for_loop(&mut self) -> Result<StmtKind, ReadError> {
        let counter = self.name("the name of a loop counter")?;
        if !self.eat_word("in") {
            return Err(self.unexpected("`in`"));
        }
        let at = self.position();
        let range = self.expression()?;
        self.expect(":")?;
        let body = self.block()?;
        if let ExprKind::Call {
            callee,
            mut operands,
            keywords,
        } = range.kind
            && matches!(&callee.kind, ExprKind::Name(name) if *name == "range")
            && operands.len() == 1
            && keywords.is_empty()
            && let Some(count) = operands.pop()
        {
            return Ok(StmtKind::For {
                counter,
                count,
                body,
            });
        }
        Err(self.unsupported(at, "`for` over something other than `range(n)`"))
    }

    /// An assignment or an expression.
    fn simple(&mut self) -> Result<StmtKind, ReadError> {
        let target = self.expressions()?;
        if self.eat(":") {
            let ty = Some(self.ty()?);
            let target = self.target(&target)?;
            self.expect("=")?;
            let value = self.expressions()?;
            return Ok(StmtKind::Assign { target, ty, value });
        }
        if !self.eat("=") {
            if let TokenKind::Sign("+" | "-" | "*" | "/") = self.peek() {
                return Err(self.unexpected("the end of the line"));
            }
            return Ok(StmtKind::Expr(target));
        }
        let value = self.expressions()?;
        Ok(match target.kind {
            ExprKind::Name(target) => StmtKind::Assign {
                target,
                ty: None,
                value,
            },
            ExprKind::Tuple(items) => {
                let targets = items.iter().map(|item| self.target(item));
                let targets = targets.collect::<Result<Vec<_>, _>>()?;
                StmtKind::Unpack { targets, value }
            }
            ExprKind::Attribute(object, attribute) => StmtKind::SetAttribute {
                object: *object,
                attribute,
                value,
            },
            _ => return Err(self.refuse(target.at, "assignment to something other than a name")),
        })
    }

    fn target(&self, expr: &Expr) -> Result<Name, ReadError> {
        match expr.kind {
            ExprKind::Name(name) => Ok(name),
            _ => Err(self.refuse(expr.at, "assignment to something other than a name")),
        }
    }
}
