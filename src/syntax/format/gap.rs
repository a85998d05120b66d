//! What stands between two words of one line.
//!
//! In: two neighbouring words with their rules. Out: nothing, a blank, three blanks before a clause, or the text of the file where a
//! tensor is printed.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::super::grammar::Rule;
use super::super::lexer::TokenKind;
use super::words::{Word, Words};

/// The text between the word before `at` and the word `at`, if both stand on one line.
pub(super) fn gap<'a>(words: &Words<'a>, at: usize) -> &'a str {
    let Some(before) = at.checked_sub(1).and_then(|before| words.get(before)) else {
        return "";
    };
    let Some(next) = words.get(at) else {
        return "";
    };
    if next.is_comment() {
        return "  ";
    }
    if before.leaf.is_some() && before.leaf == next.leaf {
        let printed = matches!(before.rule, Some(Rule::verbatim | Rule::scope_text));
        let between = words.text.get(before.end..next.start).unwrap_or("");
        return if printed { between } else { "" };
    }
    if is_tight(before, next) {
        ""
    } else if next.rule == Some(Rule::kw_numerics) {
        "   "
    } else {
        " "
    }
}

fn is_tight(before: &Word<'_>, next: &Word<'_>) -> bool {
    is_tight_after(before) || is_tight_before(before, next)
}

/// Whether nothing follows a word on its line.
fn is_tight_after(word: &Word<'_>) -> bool {
    match word.kind {
        TokenKind::Open => !(word.text == "{" && word.rule != Some(Rule::use_)),
        TokenKind::At => true,
        TokenKind::Colon => matches!(word.rule, Some(Rule::slice_to | Rule::device)),
        TokenKind::Arrow => false,
        TokenKind::Sign => match word.rule {
            Some(Rule::minus | Rule::use_) => true,
            Some(Rule::type_args) => word.text == "<",
            _ => false,
        },
        _ => false,
    }
}

/// Whether nothing precedes a word on its line.
fn is_tight_before(before: &Word<'_>, next: &Word<'_>) -> bool {
    match next.kind {
        TokenKind::Comma | TokenKind::Each => true,
        TokenKind::Close => next.text != "}" || next.rule == Some(Rule::use_),
        TokenKind::Colon => !matches!(next.rule, Some(Rule::one_line | Rule::keep)),
        TokenKind::Open => opens_tight(before, next),
        TokenKind::Sign => matches!(
            next.rule,
            Some(
                Rule::repeat
                    | Rule::suffix
                    | Rule::type_args
                    | Rule::closing
                    | Rule::use_
                    | Rule::mutated
            )
        ),
        _ => false,
    }
}

fn opens_tight(before: &Word<'_>, open: &Word<'_>) -> bool {
    match open.rule {
        Some(
            Rule::op_call
            | Rule::args
            | Rule::params
            | Rule::fn_
            | Rule::op
            | Rule::pipeline
            | Rule::type_args
            | Rule::attrs
            | Rule::index
            | Rule::suffix
            | Rule::op_attrs
            | Rule::use_,
        ) => true,
        // `of rule[D = 2]`, but `test "name" [D = 2]`.
        Some(Rule::instance) => before.kind != TokenKind::Text,
        _ => false,
    }
}
