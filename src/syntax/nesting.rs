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
    // For each open bracket: operators since the last comma or clause, the deeper levels, and the `if`s among them.
    let mut levels: Vec<Level> = vec![Level::default()];
    let (mut ifs, mut operators) = (0usize, 0usize);
    for token in tokens.iter().filter(|token| !token.is_trivia()) {
        let word = token.text(text);
        match token.kind {
            TokenKind::Open => {
                // A bracket behind an operand (an index, a list type) is an operator too.
                if let Some(level) = levels.last_mut().filter(|_| word == "[") {
                    level.operators += 1;
                    operators += 1;
                }
                levels.push(Level::default());
            }
            TokenKind::Close => {
                if levels.len() > 1 {
                    let level = levels.pop().unwrap_or_default();
                    ifs -= level.ifs;
                    operators -= level.operators;
                }
            }
            TokenKind::Word if is_block(word) => levels.push(Level {
                block: true,
                ..Level::default()
            }),
            TokenKind::Arrow => {
                if levels.last().is_some_and(|level| level.block) {
                    let level = levels.pop().unwrap_or_default();
                    ifs -= level.ifs;
                    operators -= level.operators;
                }
            }
            TokenKind::Comma | TokenKind::Equals => reset(&mut levels, &mut ifs, &mut operators),
            TokenKind::Word
                if matches!(
                    word,
                    "where" | "let" | "numerics" | "match" | "rewrite" | "test" | "expect"
                ) =>
            {
                reset(&mut levels, &mut ifs, &mut operators);
            }
            TokenKind::Word if word == "if" => {
                if let Some(level) = levels.last_mut() {
                    level.ifs += 1;
                    ifs += 1;
                }
            }
            TokenKind::EqEq
            | TokenKind::NotEq
            | TokenKind::LessEq
            | TokenKind::GreaterEq
            | TokenKind::Sign => {
                if let Some(level) = levels.last_mut() {
                    level.operators += 1;
                    operators += 1;
                }
            }
            TokenKind::Word if matches!(word, "and" | "or" | "not" | "in") => {
                if let Some(level) = levels.last_mut() {
                    level.operators += 1;
                    operators += 1;
                }
            }
            _ => {}
        }
        if levels.len() - 1 + ifs > DEPTH {
            return Some((*token, "brackets"));
        }
        if levels.len() - 1 + ifs + operators > HEIGHT {
            return Some((*token, "operators"));
        }
    }
    None
}

#[derive(Clone, Copy, Default)]
struct Level {
    operators: usize,
    ifs: usize,
    block: bool,
}

/// An element or a clause ends, and with it the chain of operators of this level.
fn reset(levels: &mut [Level], ifs: &mut usize, operators: &mut usize) {
    if let Some(level) = levels.last_mut() {
        *ifs -= level.ifs;
        *operators -= level.operators;
        *level = Level {
            block: level.block,
            ..Level::default()
        };
    }
}

/// `block0`, `block1`, ...: the label of a nested block.
fn is_block(word: &str) -> bool {
    word.strip_prefix("block")
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}
