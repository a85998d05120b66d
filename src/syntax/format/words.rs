//! The words of an item: its tokens without blanks, each with the innermost rule of the grammar that it belongs to.
//!
//! In: the tokens of an item and pest's pairs. Out: [`Words`].
//! Invariant: words follow each other as the tokens do; a comment belongs to no rule.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use std::ops::Range;

use pest::iterators::Pair;

use super::super::grammar::Rule;
use super::super::lexer::{Token, TokenKind};

/// A token that is no blank.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: &'a str,
    /// First byte in the item's text.
    pub(super) start: usize,
    /// The byte after its last.
    pub(super) end: usize,
    /// Line breaks before it.
    pub(super) lines_before: usize,
    /// The innermost rule around it; none for a comment.
    pub(super) rule: Option<Rule>,
    /// A number of the leaf of the tree it is part of; words of one leaf stand together.
    pub(super) leaf: Option<usize>,
}

impl Word<'_> {
    pub(super) fn is_comment(&self) -> bool {
        self.kind == TokenKind::Comment
    }
}

/// The words of an item.
#[derive(Debug)]
pub(super) struct Words<'a> {
    pub(super) text: &'a str,
    pub(super) list: Vec<Word<'a>>,
}

impl<'a> Words<'a> {
    /// The words of `text`, of which `tokens` are the tokens.
    pub(super) fn new(text: &'a str, tokens: &[Token]) -> Words<'a> {
        let mut list = Vec::with_capacity(tokens.len());
        let mut lines = 0;
        for token in tokens {
            let token_text = token.text(text);
            if token.kind == TokenKind::Blank {
                lines += token_text.matches('\n').count();
                continue;
            }
            list.push(Word {
                kind: token.kind,
                text: token_text.trim_end(),
                start: token.start,
                end: token.end,
                lines_before: std::mem::take(&mut lines),
                rule: None,
                leaf: None,
            });
        }
        Words { text, list }
    }

    /// Notes the rules of a tree that was read from the same text.
    pub(super) fn label(&mut self, tree: &Pair<'_, Rule>) {
        let mut leaves = 0;
        let mut waiting = vec![tree.clone()];
        while let Some(pair) = waiting.pop() {
            let range = self.range(&pair);
            let rule = pair.as_rule();
            let inner: Vec<_> = pair.into_inner().collect();
            let leaf = inner.is_empty().then(|| {
                leaves += 1;
                leaves
            });
            for word in self.list.get_mut(range).unwrap_or_default() {
                if !word.is_comment() {
                    word.rule = Some(rule);
                    word.leaf = leaf;
                }
            }
            waiting.extend(inner.into_iter().rev());
        }
    }

    /// The words of a pair, by index; comments behind its last word are not among them.
    pub(super) fn range(&self, pair: &Pair<'_, Rule>) -> Range<usize> {
        let span = pair.as_span();
        let start = self.list.partition_point(|word| word.start < span.start());
        let mut end = self.list.partition_point(|word| word.start < span.end());
        while end > start && self.get(end - 1).is_some_and(Word::is_comment) {
            end -= 1;
        }
        start..end
    }

    pub(super) fn get(&self, at: usize) -> Option<&Word<'a>> {
        self.list.get(at)
    }

    /// Words of a range, with their indices.
    pub(super) fn iter(&self, range: Range<usize>) -> impl Iterator<Item = (usize, &Word<'a>)> {
        let start = range.start;
        let words = self.list.get(range).unwrap_or_default();
        words
            .iter()
            .enumerate()
            .map(move |(at, word)| (start + at, word))
    }

    /// Whether a comment stands among the words.
    pub(super) fn has_comment(&self, range: Range<usize>) -> bool {
        self.iter(range).any(|(_, word)| word.is_comment())
    }
}
