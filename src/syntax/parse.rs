//! A file or a graph, from text to tree.
//!
//! In: a text and its id. Out: [`File`] with whatever could be understood, and diagnostics in the order of the text; or a [`Graph`].
//!
//! Invariant: an item never depends on the text of another one.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::ast::{BrokenItem, Doc, File, Graph, Item, Name};
use super::build::Builder;
use super::codes::{DANGLING_DOCS, TOO_DEEP, UNKNOWN_ITEM};
use super::explain::{Follow, explain};
use super::grammar::{self, Rule};
use super::lexer::{TokenKind, lex};
use super::nesting::{DEPTH, too_deep};
use super::passage::Passage;
use super::recover;
use super::split::{ITEM_WORDS, Piece, split};
use crate::diagnostic::{Diagnostic, closest, has_errors};
use crate::source::{SourceId, Span};

/// Parses a rule file. The tree holds the items that could be understood; every other one has at least one error among the
/// diagnostics and is listed as broken.
pub fn parse(source: SourceId, text: &str) -> (File, Vec<Diagnostic>) {
    let tokens = lex(text);
    let whole = Passage::new(source, text, &tokens);
    let pieces = split(text, &tokens);
    let mut file = File {
        source,
        docs: vec![],
        items: vec![],
        broken: vec![],
    };
    let mut diagnostics = vec![];
    let head = whole.part(0, pieces.first().map_or(text.len(), |piece| piece.start));
    read_head(head, &mut file, &mut diagnostics);
    for piece in pieces {
        let passage = whole.part(piece.start, piece.end);
        let (item, found) = read_item(whole, passage, piece);
        diagnostics.extend(found);
        match (item, piece.word) {
            (Some(item), _) => file.items.push(item),
            (None, Some(word)) => {
                let end = passage
                    .before(passage.end)
                    .map_or(passage.end, |token| token.end);
                let span = Span::new(source, passage.start, end);
                file.broken.push(BrokenItem {
                    word,
                    name: name_of(passage),
                    span,
                });
            }
            (None, None) => {}
        }
    }
    (file, diagnostics)
}

/// Parses a graph alone: our text form, or PyTorch's dump.
pub fn parse_graph(source: SourceId, text: &str) -> Result<Graph, Vec<Diagnostic>> {
    let tokens = lex(text);
    let whole = Passage::new(source, text, &tokens);
    if let Some(diagnostic) = refuse_depth(whole) {
        return Err(vec![diagnostic]);
    }
    let builder = Builder::new(source, &tokens, 0);
    match grammar::read(Rule::dump, text) {
        Ok(pair) => {
            let graph = builder.graph(pair);
            let diagnostics = builder.finish();
            if has_errors(&diagnostics) {
                Err(diagnostics)
            } else {
                Ok(graph)
            }
        }
        Err(failure) => Err(vec![explain(whole, &failure, Follow::Nothing)]),
    }
}

fn read_item(
    whole: Passage<'_>,
    passage: Passage<'_>,
    piece: Piece,
) -> (Option<Item>, Vec<Diagnostic>) {
    if piece.word.is_none() {
        let diagnostic = Diagnostic::error(DANGLING_DOCS, "nothing follows this documentation");
        let place = passage
            .meaningful()
            .next()
            .map_or(Span::at(whole.source, piece.start), |token| {
                passage.span(token)
            });
        return (
            None,
            vec![
                diagnostic
                    .primary(place, "documents nothing")
                    .help("`///` and `@` stand before an item; `//` is a comment"),
            ],
        );
    }
    if let Some(diagnostic) = refuse_depth(passage) {
        return (None, vec![diagnostic]);
    }
    match grammar::read(Rule::item_only, passage.text()) {
        Ok(pair) => {
            let builder = Builder::new(whole.source, whole.tokens, passage.start);
            let item = builder.item(pair);
            (Some(item), builder.finish())
        }
        Err(failure) => match recover::stray_word(passage) {
            // The item may be well without what stands behind it.
            Some(stray) => {
                let head = whole.part(passage.start, stray.start);
                let (item, mut diagnostics) = read_item(
                    whole,
                    head,
                    Piece {
                        end: stray.start,
                        ..piece
                    },
                );
                unknown_items(whole.part(stray.start, passage.end), &mut diagnostics);
                (item, diagnostics)
            }
            None => (None, recover::item(passage, failure)),
        },
    }
}

fn refuse_depth(passage: Passage<'_>) -> Option<Diagnostic> {
    let (token, what) = too_deep(passage.file, passage.tokens)?;
    let diagnostic = Diagnostic::error(TOO_DEEP, format!("too many {what} inside each other"));
    let help = format!(
        "at most {DEPTH} levels of brackets are read; name parts with `let`, `fn` or `const`"
    );
    Some(
        diagnostic
            .primary(passage.span(token), "this goes too deep")
            .help(help),
    )
}

/// What stands before the first item: the docs of the file, and nothing else.
fn read_head(head: Passage<'_>, file: &mut File, diagnostics: &mut Vec<Diagnostic>) {
    for token in head.meaningful() {
        if token.kind != TokenKind::ModuleDoc {
            unknown_items(head.part(token.start, head.end), diagnostics);
            return;
        }
        let text = head.word(token).trim_end();
        let text = text.strip_prefix("//!").unwrap_or(text);
        let span = Span::new(head.source, token.start, token.start + text.len() + 3);
        file.docs.push(Doc {
            text: text.strip_prefix(' ').unwrap_or(text).to_string(),
            span,
        });
    }
}

/// Text that belongs to no item: one message for each word in column 0, and one for what stands before the first of them.
fn unknown_items(passage: Passage<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for (index, token) in passage.meaningful().enumerate() {
        let starts = token.kind == TokenKind::Word && token.in_column_0(passage.file);
        if index > 0 && (!starts || recover::may_start_line(passage.word(token))) {
            continue;
        }
        let word = passage.word(token);
        let shown: String = word.chars().take(30).collect();
        let diagnostic = Diagnostic::error(UNKNOWN_ITEM, format!("no item starts with `{shown}`"));
        let diagnostic = diagnostic.primary(passage.span(token), "expected an item");
        let words = ITEM_WORDS.map(|(word, _)| word);
        diagnostics.push(match closest(word, words) {
            Some(close) if close == word => {
                diagnostic.help("an item starts in column 0: remove the blanks before it")
            }
            Some(close) => diagnostic.help(format!("did you mean `{close}`?")),
            None => diagnostic.help(format!(
                "items start in column 0 with one of: {}",
                words.join(", ")
            )),
        });
    }
}

/// The name of an item that did not parse: the word behind its first word.
fn name_of(passage: Passage<'_>) -> Option<Name> {
    let is_word = |token: &super::lexer::Token| {
        token.in_column_0(passage.file)
            && ITEM_WORDS
                .iter()
                .any(|(word, _)| *word == passage.word(*token))
    };
    let name = passage
        .meaningful()
        .skip_while(|token| !is_word(token))
        .nth(1)?;
    (name.kind == TokenKind::Word).then(|| Name {
        text: passage.word(name).to_string(),
        span: passage.span(name),
    })
}
