//! The parts of a broken item, tried one by one.
//!
//! In: an item that the grammar refused. Out: a diagnostic for each part that is wrong, so that a mistake in one statement does not
//! hide another, and each message sits where its mistake is.
//!
//! Invariant: at least one diagnostic for each broken item; none for a part that is right.
//! Invariant: each token is read at most three more times: with its clause, with its statement, and with the whole.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::codes::UNEXPECTED;
use super::explain::{CLAUSES, Follow, explain};
use super::grammar::{self, Failure, Rule};
use super::lexer::{Token, TokenKind};
use super::passage::Passage;
use super::split::ITEM_WORDS;
use crate::diagnostic::{Diagnostic, closest};

/// Words that may stand in column 0 inside of an item, besides names in brackets.
pub(super) fn may_start_line(word: &str) -> bool {
    const MORE: [&str; 20] = [
        "graph", "return", "given", "expect", "as", "for", "in", "if", "then", "else", "and", "or",
        "not", "because", "true", "false", "none", "const", "of", "scope",
    ];
    CLAUSES.contains(&word) || MORE.contains(&word) || word.starts_with("block")
}

/// A word in column 0 that should have started an item of its own: outside of brackets, or much like a word that does.
pub(super) fn stray_word(passage: Passage<'_>) -> Option<Token> {
    let words = ITEM_WORDS.map(|(word, _)| word);
    let stray = passage
        .with_depth()
        .into_iter()
        .skip(1)
        .find(|(token, depth)| {
            let word = passage.word(*token);
            token.kind == TokenKind::Word
                && token.in_column_0(passage.file)
                && !words.contains(&word)
                && !may_start_line(word)
                && (*depth == 0 || closest(word, words).is_some())
        });
    stray.map(|(token, _)| token)
}

/// What is wrong with an item that the grammar refused with `failure`.
pub(super) fn item(passage: Passage<'_>, failure: Failure) -> Vec<Diagnostic> {
    let mut diagnostics = vec![];
    if let Some((open, close)) = block_of_rule(passage) {
        if passage.start + failure.offset <= open.start {
            diagnostics.push(explain(passage, &failure, Follow::Item));
        }
        clauses(passage.part(open.end, close.start), &mut diagnostics);
    }
    if diagnostics.is_empty() {
        diagnostics.push(explain(passage, &failure, Follow::Item));
    }
    diagnostics
}

/// The braces of a block rule whose brackets all have their partners.
fn block_of_rule(passage: Passage<'_>) -> Option<(Token, Token)> {
    let tokens = passage.with_depth();
    let word = tokens
        .iter()
        .find(|(token, _)| token.kind == TokenKind::Word && token.in_column_0(passage.file))?;
    if passage.word(word.0) != "rule" || !passage.is_balanced() {
        return None;
    }
    let mut outer = tokens
        .iter()
        .filter(|(_, depth)| *depth == 0)
        .map(|(token, _)| *token);
    let open = outer.find(|token| passage.word(*token) == "{")?;
    let close = outer.find(|token| token.kind == TokenKind::Close)?;
    Some((open, close))
}

/// Each clause of a block alone.
fn clauses(body: Passage<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let tokens = body.with_depth();
    let mut starts: Vec<usize> = vec![];
    for (index, (token, depth)) in tokens.iter().enumerate() {
        let next = tokens.get(index + 1).map(|(next, _)| *next);
        let starts_clause = token.kind == TokenKind::Word
            && *depth == 0
            && tokens
                .get(index.wrapping_sub(1))
                .is_none_or(|(before, _)| body.word(*before) != "let")
            && match body.word(*token) {
                "test" => next.is_some_and(|next| next.kind == TokenKind::Text),
                // Something like a clause, misspelled.
                word => CLAUSES.contains(&word) || next.is_some_and(|next| body.word(next) == "{"),
            };
        if starts_clause || index == 0 {
            starts.push(token.start);
        }
    }
    let ends = starts.iter().skip(1).copied().chain([body.end]);
    for (start, end) in starts.iter().copied().zip(ends) {
        clause(body.part(start, end), diagnostics);
    }
}

fn clause(passage: Passage<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let Some(first) = passage.meaningful().next() else {
        return;
    };
    let word = passage.word(first);
    if !CLAUSES.contains(&word) {
        let diagnostic =
            Diagnostic::error(UNEXPECTED, format!("expected a clause, found `{word}`"));
        let diagnostic = diagnostic.primary(passage.span(first), "no clause starts so");
        diagnostics.push(match closest(word, CLAUSES) {
            Some(close) => diagnostic.help(format!("did you mean `{close}`?")),
            None => diagnostic.help(format!("clauses start with one of: {}", CLAUSES.join(", "))),
        });
        return;
    }
    let Err(failure) = grammar::read(Rule::clause_only, passage.text()) else {
        return;
    };
    let found = diagnostics.len();
    if matches!(word, "match" | "rewrite") {
        let mut brackets = passage
            .with_depth()
            .into_iter()
            .filter(|(_, depth)| *depth == 0)
            .map(|(token, _)| token)
            .skip(1);
        let (open, close) = (brackets.next(), brackets.next());
        if let (Some(open), Some(close)) = (open, close)
            && passage.word(open) == "{"
            && close.kind == TokenKind::Close
        {
            statements(passage.part(open.end, close.start), diagnostics);
        }
    }
    if diagnostics.len() == found {
        diagnostics.push(explain(passage, &failure, Follow::Clause));
    }
}

/// Each statement of a `match` or `rewrite` alone.
fn statements(body: Passage<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let tokens = body.with_depth();
    let mut starts: Vec<usize> = vec![];
    let mut last: Option<Token> = None;
    for (token, depth) in &tokens {
        // Nothing stands side by side: a token that starts something behind one that ends something starts a statement.
        let side_by_side = last.is_none_or(|last| {
            *depth == 0 && ends_something(body, last) && starts_something(body, *token)
        });
        if side_by_side {
            starts.push(token.start);
        }
        last = Some(*token);
    }
    let ends = starts.iter().skip(1).copied().chain([body.end]);
    for (start, end) in starts.iter().copied().zip(ends) {
        let statement = body.part(start, end);
        if let Err(failure) = grammar::read(Rule::statement_only, statement.text()) {
            diagnostics.push(explain(statement, &failure, Follow::Statement));
        }
    }
}

fn ends_something(passage: Passage<'_>, token: Token) -> bool {
    match token.kind {
        TokenKind::Value
        | TokenKind::Number
        | TokenKind::Text
        | TokenKind::Close
        | TokenKind::Each => true,
        TokenKind::Word => !matches!(
            passage.word(token),
            "as" | "and" | "or" | "not" | "in" | "if" | "then" | "else" | "for" | "const"
        ),
        _ => false,
    }
}

fn starts_something(passage: Passage<'_>, token: Token) -> bool {
    match token.kind {
        TokenKind::Value | TokenKind::OpName | TokenKind::Number | TokenKind::Text => true,
        TokenKind::Word => !matches!(
            passage.word(token),
            "as" | "and" | "or" | "not" | "in" | "if" | "then" | "else" | "for"
        ),
        _ => false,
    }
}
