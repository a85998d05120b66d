//! Tokens to the heads of a code member: classes, what they declare, and the signatures of definitions.
//!
//! In: tokens of `code_lexer`. Out: `code_ast::File`; statements and expressions are parsed by `code_statement` on demand.
//! Invariant: what is not understood is refused with file, line, column and the construct, never skipped.

#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::code_ast::{Class, Expr, ExprKind, File, Item, Member, Parameter, Signature};
use super::code_lexer::{Token, TokenKind, place};
use super::error::{REWRITE, ReadError, SAVE_AGAIN};
use crate::graph::{Literal, Name, Type};

/// Deeper expressions and blocks are refused.
const MAX_DEPTH: u32 = 100;

/// Walks over the tokens of one member.
pub(super) struct Parser<'t> {
    pub(super) file: &'t str,
    source: &'t str,
    tokens: &'t [Token<'t>],
    at: usize,
    depth: u32,
}

/// The heads of a member.
pub(super) fn parse_file<'t>(
    file: &'t str,
    source: &'t str,
    tokens: &'t [Token<'t>],
) -> Result<File, ReadError> {
    let mut parser = Parser::new(file, source, tokens, 0);
    let mut items = Vec::new();
    loop {
        if parser.eat_newline() {
            continue;
        }
        match parser.peek() {
            TokenKind::End => return Ok(File { items }),
            TokenKind::Name("class") => items.push(Item::Class(parser.class()?)),
            TokenKind::Name("def") => items.push(Item::Function(parser.signature()?)),
            _ => return Err(parser.unexpected("a class or a function")),
        }
    }
}

impl<'t> Parser<'t> {
    pub(super) fn new(
        file: &'t str,
        source: &'t str,
        tokens: &'t [Token<'t>],
        at: usize,
    ) -> Parser<'t> {
        Parser {
            file,
            source,
            tokens,
            at,
            depth: 0,
        }
    }

    fn class(&mut self) -> Result<Class, ReadError> {
        let start = self.offset();
        self.at += 1;
        let name = self.name("the name of a class")?;
        let mut base = None;
        if self.eat("(") && !self.eat(")") {
            base = Some(self.name("a base class")?);
            self.expect(")")?;
        }
        self.expect(":")?;
        let mut members = Vec::new();
        self.suite(|parser| {
            if let Some(member) = parser.member()? {
                members.push(member);
            }
            Ok(())
        })?;
        Ok(Class {
            name,
            base,
            members,
            text: (start, self.last_end()),
        })
    }

    fn member(&mut self) -> Result<Option<Member>, ReadError> {
        let start = self.offset();
        match self.peek() {
            TokenKind::Name("def") => return Ok(Some(Member::Method(self.signature()?))),
            TokenKind::Name("pass") => {
                self.at += 1;
                self.end_of_statement()?;
                return Ok(None);
            }
            TokenKind::Str(_) => {
                self.at += 1;
                self.end_of_statement()?;
                return Ok(None);
            }
            _ => {}
        }
        let name = self.name("a member of a class")?;
        if name == "__annotations__" {
            return self.annotations();
        }
        if self.eat(":") {
            if self.peek() == &TokenKind::Name("Final") {
                self.skip_line();
                let text = (start, self.last_end());
                self.end_of_statement()?;
                return Ok(Some(Member::Final { text }));
            }
            let ty = self.ty()?;
            if self.eat("=") {
                // The default of a named tuple's field: calls in archives always give all fields.
                self.expression()?;
            }
            self.end_of_statement()?;
            return Ok(Some(Member::Attribute { name, ty }));
        }
        self.expect("=")?;
        if self.peek() == &TokenKind::Sign("[") {
            let list = self.expression()?;
            self.end_of_statement()?;
            let names = self.strings(&list)?;
            return Ok(Some(Member::Names { name, names }));
        }
        self.skip_line();
        let text = (start, self.last_end());
        self.end_of_statement()?;
        Ok(Some(Member::Other { text }))
    }

    /// `__annotations__ = []`, which says nothing, or `__annotations__["a.b"] = T`.
    fn annotations(&mut self) -> Result<Option<Member>, ReadError> {
        let member = if self.eat("[") {
            let TokenKind::Str(text) = self.peek() else {
                return Err(self.unexpected("the name of an attribute as a string"));
            };
            let name = Name::new(text);
            self.at += 1;
            self.expect("]")?;
            self.expect("=")?;
            let ty = self.ty()?;
            Some(Member::Attribute { name, ty })
        } else {
            self.expect("=")?;
            self.expression()?;
            None
        };
        self.end_of_statement()?;
        Ok(member)
    }

    fn signature(&mut self) -> Result<Signature, ReadError> {
        let start = self.offset();
        self.at += 1;
        let name = self.name("the name of a function")?;
        self.expect("(")?;
        let mut parameters = Vec::new();
        while !self.eat(")") {
            let name = self.name("the name of a parameter")?;
            let ty = if self.eat(":") {
                Some(self.ty()?)
            } else {
                None
            };
            let default = if self.eat("=") {
                Some(self.expression()?)
            } else {
                None
            };
            parameters.push(Parameter { name, ty, default });
            if !self.eat(",") && self.peek() != &TokenKind::Sign(")") {
                return Err(self.unexpected("`,` or `)`"));
            }
        }
        let result = if self.eat("->") {
            self.ty()?
        } else {
            Type::tensor()
        };
        self.expect(":")?;
        let body = self.at;
        self.skip_suite()?;
        Ok(Signature {
            name,
            parameters,
            result,
            body,
            text: (start, self.last_end()),
        })
    }

    fn strings(&self, expr: &Expr) -> Result<Vec<Name>, ReadError> {
        let ExprKind::List(items) = &expr.kind else {
            return Err(self.refuse(expr.at, "something other than a list of names"));
        };
        items
            .iter()
            .map(|item| match &item.kind {
                ExprKind::Literal(Literal::Str(text)) => Ok(Name::new(text)),
                _ => Err(self.refuse(item.at, "something other than a name in quotes")),
            })
            .collect()
    }

    /// Runs `each` at every statement of an indented suite, or of one on the same line.
    pub(super) fn suite(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        if !self.eat_newline() {
            return each(self);
        }
        if self.peek() != &TokenKind::Indent {
            return Err(self.unexpected("a deeper indented line"));
        }
        self.at += 1;
        self.deeper(|parser| {
            while parser.peek() != &TokenKind::Dedent {
                if parser.peek() == &TokenKind::End {
                    return Err(parser.unexpected("the end of the block"));
                }
                each(parser)?;
            }
            parser.at += 1;
            Ok(())
        })
    }

    fn skip_suite(&mut self) -> Result<(), ReadError> {
        if !self.eat_newline() {
            self.skip_line();
            self.eat_newline();
            return Ok(());
        }
        if self.peek() != &TokenKind::Indent {
            return Err(self.unexpected("a deeper indented line"));
        }
        let mut depth = 0usize;
        loop {
            match self.peek() {
                TokenKind::Indent => depth += 1,
                TokenKind::Dedent => depth -= 1,
                TokenKind::End => return Ok(()),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn skip_line(&mut self) {
        while !matches!(self.peek(), TokenKind::Newline | TokenKind::End) {
            self.at += 1;
        }
    }

    /// Guards recursion: expressions in expressions, blocks in blocks.
    pub(super) fn deeper<T>(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.refuse(
                self.position(),
                &format!("code nested deeper than {MAX_DEPTH}"),
            ));
        }
        self.depth += 1;
        let result = run(self);
        self.depth -= 1;
        result
    }

    pub(super) fn peek(&self) -> &TokenKind<'t> {
        self.ahead(0)
    }

    pub(super) fn ahead(&self, n: usize) -> &TokenKind<'t> {
        self.tokens
            .get(self.at.saturating_add(n))
            .map_or(&TokenKind::End, |t| &t.kind)
    }

    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    pub(super) fn eat(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), TokenKind::Sign(s) if *s == sign);
        self.at += usize::from(found);
        found
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), TokenKind::Name(s) if *s == word);
        self.at += usize::from(found);
        found
    }

    pub(super) fn eat_newline(&mut self) -> bool {
        let found = self.peek() == &TokenKind::Newline;
        self.at += usize::from(found);
        found
    }

    pub(super) fn end_of_statement(&mut self) -> Result<(), ReadError> {
        self.eat(";");
        if self.eat_newline() || self.peek() == &TokenKind::End {
            return Ok(());
        }
        Err(self.unexpected("the end of the line"))
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<(), ReadError> {
        if self.eat(sign) {
            return Ok(());
        }
        Err(self.unexpected(&format!("`{sign}`")))
    }

    pub(super) fn name(&mut self, what: &str) -> Result<Name, ReadError> {
        let TokenKind::Name(text) = self.peek() else {
            return Err(self.unexpected(what));
        };
        let name = Name::new(text);
        self.at += 1;
        Ok(name)
    }

    /// Byte offset of the next token.
    pub(super) fn position(&self) -> u32 {
        self.tokens
            .get(self.at)
            .or(self.tokens.last())
            .map_or(0, |t| t.start)
    }

    /// The next token as it is written.
    pub(super) fn token_text(&self) -> &'t str {
        self.tokens
            .get(self.at)
            .and_then(|t| self.source.get(t.start as usize..t.end as usize))
            .unwrap_or_default()
    }

    fn offset(&self) -> usize {
        self.position() as usize
    }

    /// Byte offset of the end of the last token that is text.
    fn last_end(&self) -> usize {
        self.tokens
            .get(..self.at)
            .unwrap_or_default()
            .iter()
            .rev()
            .find(|t| {
                !matches!(
                    t.kind,
                    TokenKind::Newline | TokenKind::Indent | TokenKind::Dedent
                )
            })
            .map_or(0, |t| t.end as usize)
    }

    pub(super) fn refuse(&self, at: u32, what: &str) -> ReadError {
        ReadError::Code {
            place: place(self.file, self.source, at as usize),
            what: what.to_owned(),
            cure: SAVE_AGAIN.to_owned(),
        }
    }

    /// Refuses code that is TorchScript, but that we do not read.
    pub(super) fn unsupported(&self, at: u32, what: &str) -> ReadError {
        ReadError::Code {
            place: place(self.file, self.source, at as usize),
            what: format!("{what}, which is not supported"),
            cure: REWRITE.to_owned(),
        }
    }

    pub(super) fn unexpected(&self, expected: &str) -> ReadError {
        let found = match self.peek() {
            TokenKind::Newline => "the end of the line".to_owned(),
            TokenKind::Indent => "a deeper indent".to_owned(),
            TokenKind::Dedent => "the end of the block".to_owned(),
            TokenKind::End => "the end of the file".to_owned(),
            _ => format!("`{}`", self.token_text()),
        };
        self.refuse(
            self.position(),
            &format!("{found} where {expected} should be"),
        )
    }
}
