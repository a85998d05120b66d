//! Tokens to items.
//!
//! In: the tokens of a file. Out: the pieces of text between the words that start items in column 0.
//!
//! Invariant: the pieces follow each other without gaps from the first item to the end of the text; what stands before belongs to
//! the file.
//! Invariant: a piece starts at its first `///` or `@` in column 0, or at its word.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::ast::ItemWord;
use super::lexer::{Token, TokenKind};

/// The text of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The word it starts with; none for doc lines at the end with nothing behind them.
    pub word: Option<ItemWord>,
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
}

/// The words that start items, as written.
pub const ITEM_WORDS: [(&str, ItemWord); 8] = [
    ("use", ItemWord::Use),
    ("const", ItemWord::Const),
    ("fn", ItemWord::Fn),
    ("op", ItemWord::Op),
    ("rule", ItemWord::Rule),
    ("keep", ItemWord::Keep),
    ("pipeline", ItemWord::Pipeline),
    ("test", ItemWord::Test),
];

impl ItemWord {
    /// The word as written.
    pub fn text(self) -> &'static str {
        ITEM_WORDS
            .iter()
            .find(|(_, word)| *word == self)
            .map_or("", |(text, _)| text)
    }
}

/// Cuts a text at its items. `tokens` are those of `text`.
pub fn split(text: &str, tokens: &[Token]) -> Vec<Piece> {
    let mut starts: Vec<(Option<ItemWord>, usize)> = vec![];
    let mut before = None;
    for token in tokens.iter().filter(|token| token.in_column_0(text)) {
        match token.kind {
            TokenKind::Doc | TokenKind::At => {
                before.get_or_insert(token.start);
            }
            TokenKind::Word => {
                if let Some((_, word)) = ITEM_WORDS
                    .iter()
                    .find(|(word, _)| *word == token.text(text))
                {
                    starts.push((Some(*word), before.take().unwrap_or(token.start)));
                }
            }
            _ => {}
        }
    }
    starts.extend(before.map(|start| (None, start)));
    let ends = starts
        .iter()
        .skip(1)
        .map(|(_, start)| *start)
        .chain([text.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|((word, start), end)| Piece {
            word: *word,
            start: *start,
            end,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::lexer::lex;
    use super::*;

    fn cut(text: &str) -> Vec<(Option<ItemWord>, &str)> {
        split(text, &lex(text))
            .iter()
            .map(|piece| {
                (
                    piece.word,
                    text.get(piece.start..piece.end).expect("a piece is text"),
                )
            })
            .collect()
    }

    #[test]
    fn items_start_in_column_0() {
        let text = "//! m\nuse a.{b}\n/// d\n@allow(x)\nrule r : %x => %x\n  test const\n// c\nfn f() = 1\n";
        assert_eq!(
            cut(text),
            [
                (Some(ItemWord::Use), "use a.{b}\n"),
                (
                    Some(ItemWord::Rule),
                    "/// d\n@allow(x)\nrule r : %x => %x\n  test const\n// c\n"
                ),
                (Some(ItemWord::Fn), "fn f() = 1\n"),
            ]
        );
    }

    #[test]
    fn docs_at_the_end_are_a_piece_of_their_own() {
        assert_eq!(
            cut("const A = 1\n/// lost\n"),
            [
                (Some(ItemWord::Const), "const A = 1\n"),
                (None, "/// lost\n")
            ]
        );
    }
}
