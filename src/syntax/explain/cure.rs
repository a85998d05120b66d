//! Cures for the mistakes people make.
//!
//! In: what did not fit, and around it. Out: one sentence that says what to write.
//!
//! Invariant: no cure is better than a wrong one.

use super::super::lexer::{Token, TokenKind};
use super::super::passage::partner;
use super::CLAUSES;
use super::failure::Scene;
use crate::diagnostic::closest;

/// Words that cannot be names.
const RESERVED: [&str; 23] = [
    "const", "numerics", "match", "where", "let", "rewrite", "erase", "because", "given", "expect",
    "as", "for", "in", "if", "then", "else", "and", "or", "not", "true", "false", "none", "test",
];

/// What to write instead.
pub(super) fn cure(scene: &Scene<'_>, unbalanced: bool) -> Option<String> {
    let passage = scene.passage;
    let word = |token: Option<Token>| token.map_or("", |token| passage.word(token));
    let (found, before) = (word(scene.found), word(scene.before));
    let next = scene.found.and_then(|token| passage.at(token.end));
    let expects = |sign: &str| scene.expected.contains(sign);

    if let Some(close) = meant(scene).filter(|close| *close != found) {
        return Some(format!("did you mean `{close}`?"));
    }
    let single_colon = |colon: Option<Token>, left: Option<Token>| {
        let right = colon.and_then(|colon| passage.at(colon.end));
        word(colon) == ":"
            && left.is_some_and(|left| left.kind == TokenKind::Word)
            && right.is_some_and(|right| {
                right.kind == TokenKind::Word && matches!(word(passage.at(right.end)), "(" | "[")
            })
    };
    if single_colon(scene.found, scene.before) {
        return Some(format!(
            "an op's name is written with `::`: `{before}::{}`",
            word(next)
        ));
    }
    if single_colon(next, scene.found) {
        let name = next.and_then(|colon| passage.at(colon.end));
        return Some(format!(
            "an op's name is written with `::`: `{found}::{}`",
            word(name)
        ));
    }
    if expects("=>") && matches!(found, "->" | "=" | "==" | ">") {
        return Some(
            "a rule is written `PATTERN => REPLACEMENT`, or `<=>` for both directions".to_string(),
        );
    }
    if expects("->") && matches!(found, ":" | "=>" | "=") {
        return Some("the result's type stands behind `->`".to_string());
    }
    if expects("::") {
        return Some("an op's name has a namespace: `namespace::name`".to_string());
    }
    if expects("else") {
        return Some(match awaits_else(scene) {
            "if" => "`if` always has an `else`: `if c then a else b`".to_string(),
            _ => "every guard says why: `where CONDITION else \"reason\"`".to_string(),
        });
    }
    if expects("because") {
        return Some("a keep says why: `keep name : PATTERN because \"reason\"`".to_string());
    }
    if expects("statement") && matches!(word(next), "=" | "," | ":" | "...") {
        return Some(format!("values of the graph start with `%`: `%{found}`"));
    }
    if (expects("%") && !expects("["))
        && scene
            .found
            .is_some_and(|token| token.kind == TokenKind::Word)
        && !RESERVED.contains(&found)
    {
        return Some(format!("values of the graph start with `%`: `%{found}`"));
    }
    if let Some(open) = scene
        .open
        .filter(|_| unbalanced || (expects("statement") && CLAUSES.contains(&found)))
    {
        let close = partner(passage.word(open));
        let place = match scene.found {
            Some(_) => format!("before `{found}`"),
            None => "at the end".to_string(),
        };
        return Some(format!(
            "close the `{}` with `{close}` {place}",
            passage.word(open)
        ));
    }
    if unbalanced {
        return Some(format!("no bracket is open here: remove the `{found}`"));
    }
    if found == "=" && expects(")") {
        return Some(format!(
            "an operand's name is followed by `:`: `{before}: value`; attributes stand in `[...]` before the operands"
        ));
    }
    if found == "=" && expects("==") || found == "=" && expects("operator") {
        return Some("equality is written `==`".to_string());
    }
    if found == "!" {
        return Some("negation is written `not`".to_string());
    }
    if found == "|" {
        return Some(
            "`or` joins conditions; alternatives stand in brackets: `(P | Q)`".to_string(),
        );
    }
    if expects("a") && RESERVED.contains(&found) {
        return Some(format!(
            "`{found}` is a word of the language; choose another name"
        ));
    }
    if scene
        .expected
        .iter()
        .filter(|word| CLAUSES.contains(&word.as_str()))
        .count()
        >= 3
    {
        return Some(format!("clauses start with one of: {}", CLAUSES.join(", ")));
    }
    if expects("exact") {
        return Some(
            "labels are `exact`, `real`, `within N lsb` and `changes \"why\"`".to_string(),
        );
    }
    if expects(",") && scene.found.is_some_and(starts_element) {
        return Some("elements are separated by `,`".to_string());
    }
    None
}

fn starts_element(token: Token) -> bool {
    matches!(
        token.kind,
        TokenKind::Value
            | TokenKind::OpName
            | TokenKind::Word
            | TokenKind::Number
            | TokenKind::Text
    )
}

/// Whether `else` is missing behind an `if` or behind a guard.
fn awaits_else(scene: &Scene<'_>) -> &'static str {
    let end = scene.found.map_or(scene.passage.end, |token| token.start);
    let mut closed = 0usize;
    for token in scene
        .passage
        .meaningful()
        .rev()
        .skip_while(|token| token.start >= end)
    {
        match (token.kind, scene.passage.word(token)) {
            (TokenKind::Close, _) => closed += 1,
            (TokenKind::Open, _) if closed == 0 => return "if",
            (TokenKind::Open, _) => closed -= 1,
            (TokenKind::Word, "then") if closed == 0 => return "if",
            (TokenKind::Word, "where" | "else") if closed == 0 => return "where",
            _ => {}
        }
    }
    "where"
}

/// The word that was meant, among those that would fit.
fn meant<'s>(scene: &'s Scene<'_>) -> Option<&'s str> {
    let found = scene.found.filter(|token| token.kind == TokenKind::Word)?;
    let words = scene
        .expected
        .iter()
        .map(String::as_str)
        .filter(|word| word.len() > 1 && word.bytes().all(|b| b.is_ascii_alphabetic()));
    closest(
        scene.passage.word(found),
        words.filter(|word| !matches!(*word, "statement" | "operator")),
    )
}
