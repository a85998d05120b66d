//! Refuses what is nested beyond any use, before anything recursive sees it.
//!
//! In: the tokens of an item. Out: the place where the tree would become too deep, if there is one.
//!
//! Invariant: a text that passes gives a tree of at most [`DEPTH`] bracket levels and [`HEIGHT`] levels in all, so that recursion
//! over it stays far below a thread's stack of 2 MiB.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::lexer::{Token, TokenKind};

/// Levels of brackets, blocks and `if`.
pub(super) const DEPTH: usize = 100;
/// Levels of brackets and operators together.
pub(super) const HEIGHT: usize = 500;

/// The first token beyond the limits, and what there is too much of.
pub(super) fn too_deep(text: &str, tokens: &[Token]) -> Option<(Token, &'static str)> {
    let mut depth = Depth {
        levels: vec![Level::default()],
        inside: 0,
        operators: 0,
    };
    let mut before = None;
    for token in tokens.iter().filter(|token| !token.is_trivia()) {
        depth.pass(token.kind, token.text(text), before);
        if depth.inside > DEPTH {
            return Some((*token, "brackets"));
        }
        if depth.inside + depth.operators > HEIGHT {
            return Some((*token, "operators"));
        }
        before = Some(token.kind);
    }
    None
}

/// How deep the tree is at a token, at most.
struct Depth {
    /// One for each open bracket or block, and the outermost.
    levels: Vec<Level>,
    /// Open brackets and blocks, and the `if`s on all levels.
    inside: usize,
    /// The operators on all levels.
    operators: usize,
}

/// What stands on a level since the last comma or clause: each may be the operand of the next.
#[derive(Clone, Copy, Default)]
struct Level {
    operators: usize,
    ifs: usize,
    /// Whether it is the body of `block0`, which `->` closes.
    block: bool,
}

impl Depth {
    fn pass(&mut self, kind: TokenKind, word: &str, before: Option<TokenKind>) {
        match (kind, word) {
            (TokenKind::Open, _) => {
                // Behind an operand it is an index, and the operand is below it; behind an op stand its attributes.
                if word == "[" && before != Some(TokenKind::OpName) {
                    self.operator();
                }
                self.open(false);
            }
            (TokenKind::Close, _) if self.levels.len() > 1 => self.close(),
            (TokenKind::Word, label) if is_block(label) => self.open(true),
            (TokenKind::Arrow, _) if self.levels.last().is_some_and(|level| level.block) => {
                self.close()
            }
            (TokenKind::Comma | TokenKind::Equals, _)
            | (
                TokenKind::Word,
                "where" | "let" | "numerics" | "match" | "rewrite" | "test" | "expect",
            ) => self.next(),
            (TokenKind::Word, "if") => {
                if let Some(level) = self.levels.last_mut() {
                    level.ifs += 1;
                    self.inside += 1;
                }
            }
            (
                TokenKind::EqEq
                | TokenKind::NotEq
                | TokenKind::LessEq
                | TokenKind::GreaterEq
                | TokenKind::Sign,
                _,
            )
            | (TokenKind::Word, "and" | "or" | "not" | "in") => self.operator(),
            _ => {}
        }
    }

    fn open(&mut self, block: bool) {
        self.levels.push(Level {
            block,
            ..Level::default()
        });
        self.inside += 1;
    }

    fn close(&mut self) {
        self.next();
        self.levels.pop();
        self.inside -= 1;
    }

    fn operator(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.operators += 1;
            self.operators += 1;
        }
    }

    /// An element or a clause ends, and with it what hangs together on this level.
    fn next(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            self.inside -= level.ifs;
            self.operators -= level.operators;
            *level = Level {
                block: level.block,
                ..Level::default()
            };
        }
    }
}

/// `block0`, `block1`, ...: the label of a nested block.
fn is_block(word: &str) -> bool {
    word.strip_prefix("block").is_some_and(|digits| {
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}
