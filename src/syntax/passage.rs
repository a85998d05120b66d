//! A stretch of a text with its tokens: an item, or a part of one that is tried alone.
//!
//! In: the file's tokens and a range. Out: the tokens that mean something, the brackets open at a place, spans.
//!
//! Invariant: offsets are those of the whole file.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::lexer::{Token, TokenKind};
use crate::source::{SourceId, Span};

/// A range of a file.
#[derive(Clone, Copy)]
pub(super) struct Passage<'t> {
    pub source: SourceId,
    /// The text of the whole file.
    pub file: &'t str,
    /// The tokens of the range, blanks included.
    pub tokens: &'t [Token],
    pub start: usize,
    pub end: usize,
}

impl<'t> Passage<'t> {
    /// The whole file.
    pub(super) fn new(source: SourceId, file: &'t str, tokens: &'t [Token]) -> Self {
        Self {
            source,
            file,
            tokens,
            start: 0,
            end: file.len(),
        }
    }

    /// A part of it, which starts and ends between tokens.
    pub(super) fn part(self, start: usize, end: usize) -> Self {
        let first = self.tokens.partition_point(|token| token.start < start);
        let behind = self.tokens.partition_point(|token| token.end <= end);
        let tokens = self.tokens.get(first..behind.max(first)).unwrap_or(&[]);
        Self {
            tokens,
            start,
            end,
            ..self
        }
    }

    pub(super) fn text(self) -> &'t str {
        self.file.get(self.start..self.end).unwrap_or("")
    }

    /// The tokens that mean something.
    pub(super) fn meaningful(self) -> impl DoubleEndedIterator<Item = Token> + 't {
        self.tokens
            .iter()
            .copied()
            .filter(|token| !token.is_trivia())
    }

    pub(super) fn word(self, token: Token) -> &'t str {
        self.file.get(token.start..token.end).unwrap_or("")
    }

    pub(super) fn span(self, token: Token) -> Span {
        Span::new(self.source, token.start, token.end)
    }

    /// The last token that means something and ends at or before `offset`.
    pub(super) fn before(self, offset: usize) -> Option<Token> {
        self.meaningful().rev().find(|token| token.end <= offset)
    }

    /// The first token that means something and ends behind `offset`: the one that holds it, or the next.
    pub(super) fn at(self, offset: usize) -> Option<Token> {
        self.meaningful().find(|token| token.end > offset)
    }

    /// The brackets that are open before `offset`, outermost first.
    pub(super) fn open_brackets(self, offset: usize) -> Vec<Token> {
        let mut open: Vec<Token> = vec![];
        for token in self.meaningful().take_while(|token| token.start < offset) {
            match token.kind {
                TokenKind::Open => open.push(token),
                TokenKind::Close if open.last().is_some_and(|last| self.closes(*last, token)) => {
                    open.pop();
                }
                _ => {}
            }
        }
        open
    }

    /// Whether all brackets have their partners.
    pub(super) fn is_balanced(self) -> bool {
        let mut open: Vec<Token> = vec![];
        for token in self.meaningful() {
            match token.kind {
                TokenKind::Open => open.push(token),
                TokenKind::Close if !open.pop().is_some_and(|last| self.closes(last, token)) => {
                    return false;
                }
                _ => {}
            }
        }
        open.is_empty()
    }

    /// Whether `close` is the partner of `open`.
    pub(super) fn closes(self, open: Token, close: Token) -> bool {
        partner(self.word(open)) == self.word(close)
    }

    /// Tokens that mean something, with the number of brackets open before each; a closing bracket counts as outside.
    pub(super) fn with_depth(self) -> Vec<(Token, usize)> {
        let mut depth = 0usize;
        let mut tokens = vec![];
        for token in self.meaningful() {
            if token.kind == TokenKind::Close {
                depth = depth.saturating_sub(1);
            }
            tokens.push((token, depth));
            if token.kind == TokenKind::Open {
                depth += 1;
            }
        }
        tokens
    }
}

/// The bracket that closes this one.
pub(super) fn partner(open: &str) -> &'static str {
    match open {
        "(" => ")",
        "[" => "]",
        _ => "}",
    }
}
