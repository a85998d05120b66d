//! Where the grammar stopped, in words.
//!
//! In: a passage, the byte at which nothing fitted, and what would have. Out: a diagnostic at the token there, in terms of the
//! language and not of the grammar, with a cure for the common mistakes.
//!
//! Invariant: the primary label is a token of the passage, or the end of its last one.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::super::codes::{OPEN_STRING, UNBALANCED, UNEXPECTED, UNKNOWN_CHARACTER};
use super::super::grammar::Failure;
use super::super::lexer::{Token, TokenKind};
use super::super::passage::{Passage, partner};
use super::{Follow, cure, expected};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use std::collections::BTreeSet;

/// What is known of a failure.
pub(super) struct Scene<'t> {
    pub(super) passage: Passage<'t>,
    /// The token that does not fit; none at the end.
    pub(super) found: Option<Token>,
    /// The token before it.
    pub(super) before: Option<Token>,
    /// The innermost bracket open there.
    pub(super) open: Option<Token>,
    /// Signs and words that would fit, without those that would only go on with a complete expression.
    pub(super) expected: BTreeSet<String>,
}

/// Says what is wrong with a passage that the grammar refused.
pub(in super::super) fn explain(
    passage: Passage<'_>,
    failure: &Failure,
    follow: Follow,
) -> Diagnostic {
    let offset = passage.start + failure.offset;
    if let Some(token) = passage
        .meaningful()
        .find(|token| token.start <= offset && offset <= token.end && is_broken(*token))
    {
        return broken_token(passage, token);
    }
    let scene = scene(passage, failure, offset);
    let expected = expected::in_words(&scene.expected, follow);
    let (place, found) = match scene.found {
        Some(token) => (
            passage.span(token),
            format!("found {}", shown(passage, token)),
        ),
        None => {
            let end = scene.before.map_or(passage.end, |token| token.end);
            let what = match follow {
                Follow::Item | Follow::Nothing => "the text ends here",
                Follow::Clause => "the clause ends here",
                Follow::Statement => "the statement ends here",
            };
            (Span::at(passage.source, end), what.to_string())
        }
    };
    let unbalanced = match (scene.found, scene.open) {
        (None, Some(_)) => true,
        (Some(token), Some(open)) => token.kind == TokenKind::Close && !passage.closes(open, token),
        (Some(token), None) => token.kind == TokenKind::Close,
        (None, None) => false,
    };
    let code = if unbalanced { UNBALANCED } else { UNEXPECTED };
    let label = if scene.found.is_some() {
        format!("expected {expected}")
    } else {
        found.clone()
    };
    let mut diagnostic = Diagnostic::error(
        code,
        format!("expected {expected}, {}", found.replace("the ", "but the ")),
    )
    .primary(place, label);
    if let Some(open) = scene
        .open
        .filter(|open| unbalanced || scene.expected.contains(partner(passage.word(*open))))
    {
        diagnostic = diagnostic.secondary(
            passage.span(open),
            format!("this `{}` is open", passage.word(open)),
        );
    }
    match cure::cure(&scene, unbalanced) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

fn is_broken(token: Token) -> bool {
    matches!(token.kind, TokenKind::OpenText | TokenKind::Unknown)
}

/// A token that is none.
fn broken_token(passage: Passage<'_>, token: Token) -> Diagnostic {
    if token.kind == TokenKind::OpenText {
        return Diagnostic::error(OPEN_STRING, "this string has no end")
            .primary(passage.span(token), "the line ends before the closing quote")
            .help("close it with `\"` on the same line; a quote inside is written `\\\"`, a line break `\\n`");
    }
    let text = passage.word(token);
    let help = match text.chars().next() {
        Some('%') => "a value's name follows `%` directly: `%x`",
        Some('&') => "`and` joins conditions",
        Some('\'' | '`' | '“' | '”' | '‘' | '’') => {
            "strings stand in double quotes: `\"text\"`"
        }
        Some(';') => {
            "statements and clauses need nothing between them; list elements are separated by `,`"
        }
        Some('$') => "values of the graph start with `%`, other names stand bare",
        Some('\u{feff}') => "the file starts with a byte order mark; save it without one",
        _ => "only strings and comments may hold any character",
    };
    let many = if text.chars().count() > 1 {
        "these characters mean"
    } else {
        "this character means"
    };
    Diagnostic::error(UNKNOWN_CHARACTER, format!("{many} nothing here"))
        .primary(passage.span(token), "")
        .help(help)
}

/// What goes on with a complete expression.
const OPERATORS: [&str; 17] = [
    "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "and", "or", "in", "not", "as", "...",
    "|",
];

fn scene<'t>(passage: Passage<'t>, failure: &Failure, offset: usize) -> Scene<'t> {
    let mut expected: BTreeSet<String> = failure.expected.clone();
    for blank in [" ", "\t", "\r", "\n", "#", "//", "\r\n"] {
        expected.remove(blank);
    }
    let mut found = passage.at(offset);
    let touching = passage.before(offset).filter(|token| token.end == offset);
    let complete = expected.contains("+") && expected.contains("==");
    if let Some(word) = touching
        .filter(|token| token.kind == TokenKind::Word && expected.contains("::") && !complete)
    {
        // The word was only tried as the start of an op's name: it is what does not fit.
        let declared = passage
            .before(word.start)
            .is_some_and(|before| passage.word(before) == "op");
        if !declared {
            found = Some(word);
            expected = BTreeSet::from(["statement".to_string()]);
            if let Some(open) = passage.open_brackets(word.start).last() {
                expected.insert(partner(passage.word(*open)).to_string());
            }
        } else {
            expected = BTreeSet::from(["::".to_string()]);
        }
    } else if touching.is_some_and(|token| {
        matches!(
            token.kind,
            TokenKind::Word | TokenKind::Value | TokenKind::OpName | TokenKind::Number
        )
    }) {
        // These would only make the word longer.
        for longer in ["a", "0", "_", ".", "::", "e"] {
            expected.remove(longer);
        }
        if touching.is_some_and(|token| token.kind == TokenKind::OpName) {
            expected.remove("{");
        }
    }
    if found.is_some_and(|token| token.start < offset && token.kind != TokenKind::Word) {
        // Inside of a token: what could go on there says nothing.
        expected.clear();
    }
    if complete {
        let kept: BTreeSet<String> = expected
            .iter()
            .filter(|sign| {
                !OPERATORS.contains(&sign.as_str())
                    && !matches!(sign.as_str(), "(" | "[" | "." | ":")
            })
            .cloned()
            .collect();
        expected = if kept.is_empty() {
            BTreeSet::from(["operator".to_string()])
        } else {
            kept
        };
    }
    let start = found.map_or(passage.end, |token| token.start);
    let before = passage.before(start);
    Scene {
        passage,
        found,
        before,
        open: passage.open_brackets(start).pop(),
        expected,
    }
}

/// A token in a message: short.
fn shown(passage: Passage<'_>, token: Token) -> String {
    let text = passage.word(token);
    match token.kind {
        TokenKind::Doc | TokenKind::ModuleDoc => "documentation".to_string(),
        _ if text.chars().count() > 40 => {
            format!("`{}...`", text.chars().take(37).collect::<String>())
        }
        _ => format!("`{text}`"),
    }
}
