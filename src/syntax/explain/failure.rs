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
                Follow::Item => "the item ends here",
                Follow::Nothing => "the text ends here",
                Follow::Clause => "the clause ends here",
                Follow::Statement => "the statement ends here",
            };
            (Span::at(passage.source, end), what.to_string())
        }
    };
    // A closing bracket that closes one further out means that the innermost is not closed; otherwise it is one too many.
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
    let complete = expected.contains("+") && expected.contains("==");
    let touching = passage
        .before(offset)
        .filter(|token| token.end == offset && is_wordlike(*token));
    let mut found = passage.at(offset);
    // Words are tried letter by letter. Where only letters or the rest of an op's name were missing behind a word, or the grammar
    // stopped inside of a token, what was wanted at the start of that token says more.
    let unfinished = touching.is_some_and(|token| token.kind == TokenKind::Word)
        && expected.contains("::")
        && !complete;
    if touching.is_some() {
        for longer in ["a", "0", "_", ".", "::", "e"] {
            expected.remove(longer);
        }
    }
    if touching.is_some_and(|token| token.kind == TokenKind::OpName) {
        expected.remove("{");
    }
    let inside = found.is_some_and(|token| token.start < offset);
    let start = passage.start + failure.start;
    if (unfinished || inside || expected.is_empty()) && start <= offset {
        let declared = passage
            .before(start)
            .is_some_and(|before| passage.word(before) == "op");
        if unfinished && declared {
            expected = BTreeSet::from(["::".to_string()]);
        } else {
            found = passage.at(start);
            expected = failure.constructs.clone();
            let open = passage.open_brackets(start).pop();
            if let Some(open) = open.filter(|_| expected.contains("statement")) {
                expected.insert(partner(passage.word(open)).to_string());
            }
        }
    }
    only_beginnings(&mut expected, complete);
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

fn is_wordlike(token: Token) -> bool {
    matches!(
        token.kind,
        TokenKind::Word | TokenKind::Value | TokenKind::OpName | TokenKind::Number
    )
}

/// Leaves out what only goes on with something complete, unless nothing else would fit.
fn only_beginnings(expected: &mut BTreeSet<String>, complete: bool) {
    // Behind a term: PyTorch's scopes and blocks, which nobody writes by hand.
    if expected.remove("block") {
        expected.remove(",");
    }
    // Behind a type: its arguments and suffixes.
    if expected.contains("?") && expected.contains("[") && !complete {
        for suffix in ["?", "[", "(", "<"] {
            expected.remove(suffix);
        }
    }
    let goes_on = |sign: &str| {
        sign == "operator"
            || complete
                && (OPERATORS.contains(&sign) || matches!(sign, "(" | "[" | "." | ":" | "?"))
    };
    if expected.iter().any(|sign| goes_on(sign)) {
        expected.retain(|sign| !goes_on(sign));
        if expected.is_empty() {
            expected.insert("operator".to_string());
        }
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
