//! What building a tree needs to know: the text, where its tokens end, and a place for diagnostics.
//!
//! In: the file's tokens and the offset of the parsed piece in it. Out: spans without blanks, and collected diagnostics.
//!
//! Invariant: spans end at the end of a token that means something, though pest's pairs may hold blanks and comments behind it.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::super::grammar::Rule;
use super::super::lexer::Token;
use crate::diagnostic::Diagnostic;
use crate::source::{SourceId, Span};
use pest::iterators::{Pair, Pairs};
use std::cell::{Cell, RefCell};

/// Makes nodes of one piece of text.
pub(in super::super) struct Builder<'t> {
    source: SourceId,
    /// The tokens of the whole file.
    tokens: &'t [Token],
    /// Where the piece starts in the file.
    base: usize,
    problems: RefCell<Vec<Diagnostic>>,
    /// Whether a tensor may be printed into an attribute: in graphs, not in rules.
    pub(super) in_graph: Cell<bool>,
}

impl<'t> Builder<'t> {
    /// A builder for the piece at `base` of the file with these tokens.
    pub(in super::super) fn new(source: SourceId, tokens: &'t [Token], base: usize) -> Self {
        Self {
            source,
            tokens,
            base,
            problems: RefCell::default(),
            in_graph: Cell::new(false),
        }
    }

    /// What was wrong, in the order found.
    pub(in super::super) fn finish(self) -> Vec<Diagnostic> {
        self.problems.into_inner()
    }

    /// Reports what means nothing.
    pub(super) fn report(&self, diagnostic: Diagnostic) {
        self.problems.borrow_mut().push(diagnostic);
    }

    /// The span of a pair, without blanks and comments at its end.
    pub(super) fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let range = pair.as_span();
        let (start, end) = (self.base + range.start(), self.base + range.end());
        Span::new(self.source, start, self.last_token_end(start, end))
    }

    /// The end of the last token that means something and ends at or before `end`; `end` itself inside of a token.
    fn last_token_end(&self, start: usize, end: usize) -> usize {
        let before = self.tokens.partition_point(|token| token.end <= end);
        let ends = self
            .tokens
            .get(..before)
            .unwrap_or(&[])
            .iter()
            .rev()
            .find(|token| !token.is_trivia());
        match ends {
            Some(token) if token.end > start => token.end,
            _ => end,
        }
    }
}

/// The inner pairs of a pair, without the words and signs that only hold its shape.
pub(in super::super) struct Cursor<'i>(std::iter::Peekable<Pairs<'i, Rule>>);

impl<'i> Cursor<'i> {
    /// Over the inner pairs of `pair`.
    pub(super) fn new(pair: Pair<'i, Rule>) -> Self {
        Self(pair.into_inner().peekable())
    }

    /// The next pair that means something.
    pub(super) fn next(&mut self) -> Option<Pair<'i, Rule>> {
        self.skip();
        self.0.next()
    }

    /// The rule of the next pair that means something.
    pub(super) fn peek(&mut self) -> Option<Rule> {
        self.skip();
        self.0.peek().map(Pair::as_rule)
    }

    /// The next pair, if it is made by `rule`.
    pub(super) fn take(&mut self, rule: Rule) -> Option<Pair<'i, Rule>> {
        (self.peek() == Some(rule)).then(|| self.0.next()).flatten()
    }

    /// The next pair, which the grammar says is made by `rule`.
    pub(super) fn expect(&mut self, rule: Rule) -> Pair<'i, Rule> {
        match self.next() {
            Some(pair) if pair.as_rule() == rule => pair,
            other => unreachable!(
                "the grammar has {rule:?} here, not {:?}",
                other.map(|pair| pair.as_rule())
            ),
        }
    }

    /// The following pairs made by `rule`, each through `node`.
    pub(super) fn all<T>(
        &mut self,
        rule: Rule,
        mut node: impl FnMut(Pair<'i, Rule>) -> T,
    ) -> Vec<T> {
        let mut nodes = vec![];
        while let Some(pair) = self.take(rule) {
            nodes.push(node(pair));
        }
        nodes
    }

    fn skip(&mut self) {
        while self.0.next_if(|pair| only_shape(pair.as_rule())).is_some() {}
    }
}

/// Words and signs that the shape of their parent says already.
fn only_shape(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::kw_rule
            | Rule::kw_const
            | Rule::kw_fn
            | Rule::kw_op
            | Rule::kw_keep
            | Rule::kw_use
            | Rule::kw_pipeline
            | Rule::kw_test
            | Rule::kw_match
            | Rule::kw_where
            | Rule::kw_let
            | Rule::kw_rewrite
            | Rule::kw_erase
            | Rule::kw_numerics
            | Rule::kw_because
            | Rule::kw_given
            | Rule::kw_expect
            | Rule::kw_as
            | Rule::kw_for
            | Rule::kw_in
            | Rule::kw_if
            | Rule::kw_then
            | Rule::kw_else
            | Rule::lsb
            | Rule::of
            | Rule::file_word
            | Rule::graph_word
            | Rule::return_word
            | Rule::colon
            | Rule::closing
            | Rule::EOI
    )
}
