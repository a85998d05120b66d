//! Cures for the mistakes people make.
//!
//! In: what did not fit, and around it. Out: one sentence that says what to write.
//!
//! Invariant: no cure is better than a wrong one.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::super::lexer::{Token, TokenKind};
use super::super::passage::partner;
use super::CLAUSES;
use super::failure::Scene;
use crate::diagnostic::closest;

/// Words that cannot be names.
const RESERVED: &str = " const numerics match where let rewrite erase because given expect as for in if then else and or not true false none ";

/// What to write instead.
pub(super) fn cure(scene: &Scene<'_>, unbalanced: bool) -> Option<String> {
    let near = Near::new(scene);
    if let Some(close) = meant(scene).filter(|close| *close != near.found) {
        return Some(format!("did you mean `{close}`?"));
    }
    op_name(&near)
        .or_else(|| value(&near))
        .or_else(|| bracket(&near, unbalanced))
        .or_else(|| operator(&near))
        .or_else(|| ending(&near))
        .or_else(|| name(&near))
}

/// The words around the place.
struct Near<'s, 't> {
    scene: &'s Scene<'t>,
    before: &'t str,
    found: &'t str,
    /// The tokens behind the one found.
    next: [Option<Token>; 3],
}

impl<'s, 't> Near<'s, 't> {
    fn new(scene: &'s Scene<'t>) -> Self {
        let behind = |token: Option<Token>| token.and_then(|token| scene.passage.at(token.end));
        let first = behind(scene.found);
        let second = behind(first);
        let word = |token: Option<Token>| token.map_or("", |token| scene.passage.word(token));
        Self {
            scene,
            before: word(scene.before),
            found: word(scene.found),
            next: [first, second, behind(second)],
        }
    }

    fn word(&self, token: Option<Token>) -> &'t str {
        token.map_or("", |token| self.scene.passage.word(token))
    }

    fn expects(&self, sign: &str) -> bool {
        self.scene.expected.contains(sign)
    }

    fn found_is(&self, kind: TokenKind) -> bool {
        self.scene.found.is_some_and(|token| token.kind == kind)
    }

    /// Whether the item starts with this word.
    fn in_item(&self, item: &str) -> bool {
        self.scene.passage.meaningful().any(|token| {
            token.in_column_0(self.scene.passage.file) && self.scene.passage.word(token) == item
        })
    }
}

/// `aten:relu(...)`, and ops without a namespace.
fn op_name(near: &Near<'_, '_>) -> Option<String> {
    let [first, second, third] = near.next;
    let is_word = |token: Option<Token>| token.is_some_and(|token| token.kind == TokenKind::Word);
    let calls = |token: Option<Token>| matches!(near.word(token), "(" | "[");
    if near.found == ":" && is_word(near.scene.before) && is_word(first) && calls(second) {
        return Some(format!(
            "an op's name is written with `::`: `{}::{}`",
            near.before,
            near.word(first)
        ));
    }
    if near.word(first) == ":" && near.found_is(TokenKind::Word) && is_word(second) && calls(third)
    {
        return Some(format!(
            "an op's name is written with `::`: `{}::{}`",
            near.found,
            near.word(second)
        ));
    }
    near.expects("::")
        .then(|| "an op's name has a namespace: `namespace::name`".to_string())
}

/// A value without `%`.
fn value(near: &Near<'_, '_>) -> Option<String> {
    let bound =
        near.expects("statement") && matches!(near.word(near.next[0]), "=" | "," | ":" | "...");
    let only_values = near.expects("%") && !near.expects("[") && !near.expects("a");
    let missing =
        near.found_is(TokenKind::Word) && !is_reserved(near.found) && (bound || only_values);
    missing.then(|| format!("values of the graph start with `%`: `%{}`", near.found))
}

/// A bracket without its partner.
fn bracket(near: &Near<'_, '_>, unbalanced: bool) -> Option<String> {
    let scene = near.scene;
    // At the end, before a bracket that closes one further out, or before a clause among statements.
    let still_open = match scene.found {
        None => unbalanced,
        Some(_) if near.expects("statement") && CLAUSES.contains(&near.found) => true,
        Some(found) => {
            unbalanced
                && scene
                    .passage
                    .open_brackets(found.start)
                    .iter()
                    .any(|open| scene.passage.closes(*open, found))
        }
    };
    if let Some(open) = scene.open.filter(|_| still_open) {
        let open = scene.passage.word(open);
        let place = if scene.found.is_some() {
            format!("before `{}`", near.found)
        } else {
            "at the end".to_string()
        };
        return Some(format!(
            "close the `{open}` with `{}` {place}",
            partner(open)
        ));
    }
    unbalanced.then(|| {
        format!(
            "nothing is open that this could close: remove the `{}`",
            near.found
        )
    })
}

/// A sign of another language, or of another place.
fn operator(near: &Near<'_, '_>) -> Option<String> {
    let in_expression = near.expects("else") || near.expects("then") || near.expects("operator");
    let text = match near.found {
        "->" | "=" | "==" | ">"
            if near.expects("=>")
                || near.expects("operator") && near.in_item("rule") && near.found == "->" =>
        {
            "a rule is written `PATTERN => REPLACEMENT`, or `<=>` for both directions"
        }
        ":" | "=>" | "=" if near.expects("->") => "the result's type stands behind `->`",
        "=" if in_expression => "equality is written `==`",
        "|" if in_expression => "`or` joins conditions; alternatives stand in brackets: `(P | Q)`",
        "!" => "negation is written `not`",
        "=" if near.expects(")") && near.in_item("fn") && !near.expects("==") => {
            "parameters of `fn` have no defaults"
        }
        "=" if near.expects(")")
            && near
                .scene
                .open
                .is_some_and(|open| opens_operands(near, open)) =>
        {
            return Some(format!(
                "an operand's name is followed by `:`: `{}: value`; attributes stand in `[...]` before the operands",
                near.before
            ));
        }
        "{" if near.expects("=") && near.in_item("fn") => {
            "a function is one expression: `fn name(%a, n) = EXPRESSION`"
        }
        _ => return None,
    };
    Some(text.to_string())
}

fn opens_operands(near: &Near<'_, '_>, open: Token) -> bool {
    let before = near.scene.passage.before(open.start);
    before.is_some_and(|op| op.kind == TokenKind::OpName || near.scene.passage.word(op) == "]")
}

/// A clause without its end.
fn ending(near: &Near<'_, '_>) -> Option<String> {
    let text = if near.expects("else") && awaits_else(near.scene) {
        "`if` always has an `else`: `if c then a else b`"
    } else if near.expects("else") {
        "every guard says why: `where CONDITION else \"reason\"`"
    } else if near.expects("because") {
        "a keep says why: `keep name : PATTERN because \"reason\"`"
    } else if near.expects("given") {
        "a test starts with what goes in: `given graph(...) { ... }` or `given file \"...\"`"
    } else if near.expects("expect") {
        "a test expects something: `expect applied == 1`, `expect equal`, `expect snapshot`, ..."
    } else if near.expects("exact") {
        "labels are `exact`, `real`, `within N lsb` and `changes \"why\"`"
    } else if near.expects("return") {
        "a graph ends with `return (%y)`"
    } else {
        return None;
    };
    Some(text.to_string())
}

fn name(near: &Near<'_, '_>) -> Option<String> {
    if near.expects("a") && is_reserved(near.found) {
        return Some(format!(
            "`{}` is a word of the language; choose another name",
            near.found
        ));
    }
    let clauses = near
        .scene
        .expected
        .iter()
        .filter(|word| CLAUSES.contains(&word.as_str()))
        .count();
    if clauses >= 3 {
        return Some(format!("clauses start with one of: {}", CLAUSES.join(", ")));
    }
    let starts = near.scene.found.is_some_and(|token| {
        matches!(
            token.kind,
            TokenKind::Value
                | TokenKind::OpName
                | TokenKind::Word
                | TokenKind::Number
                | TokenKind::Text
        )
    });
    // On a new line it is rather the closing bracket that is missing.
    let same_line = match (near.scene.before, near.scene.found) {
        (Some(before), Some(found)) => near
            .scene
            .passage
            .file
            .get(before.end..found.start)
            .is_some_and(|gap| !gap.contains('\n')),
        _ => false,
    };
    if near.expects(",") && starts && same_line {
        return Some("elements are separated by `,`".to_string());
    }
    let open = near.scene.open.filter(|open| {
        starts && near.expects(partner(near.scene.passage.word(*open))) && near.expects(",")
    })?;
    let open = near.scene.passage.word(open);
    Some(format!(
        "close the `{open}` with `{}`, or separate elements by `,`",
        partner(open)
    ))
}

fn is_reserved(word: &str) -> bool {
    !word.is_empty() && RESERVED.contains(&format!(" {word} "))
}

/// Whether `else` is missing behind an `if` rather than behind a guard.
fn awaits_else(scene: &Scene<'_>) -> bool {
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
            (TokenKind::Open, _) if closed == 0 => return true,
            (TokenKind::Open, _) => closed -= 1,
            (TokenKind::Word, "then") if closed == 0 => return true,
            (TokenKind::Word, "where" | "else") if closed == 0 => return false,
            _ => {}
        }
    }
    false
}

/// The word that was meant, among those that would fit.
fn meant<'s>(scene: &'s Scene<'_>) -> Option<&'s str> {
    let found = scene.found.filter(|token| token.kind == TokenKind::Word)?;
    let is_word =
        |word: &&str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_construct = |word: &&str| {
        matches!(
            *word,
            "statement" | "operator" | "expression" | "type" | "op"
        )
    };
    let words = scene
        .expected
        .iter()
        .map(String::as_str)
        .filter(is_word)
        .filter(|word| !is_construct(word));
    closest(scene.passage.word(found), words)
}
