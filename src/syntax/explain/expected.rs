//! What would have fitted, in words.
//!
//! In: the signs and words that the grammar looked for. Out: "`)`, `,` or an expression".
//!
//! Invariant: the words are those of the language's book, never names of grammar rules.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;

/// The words that start a clause of a rule.
pub(in super::super) const CLAUSES: [&str; 7] = [
    "numerics", "match", "where", "let", "rewrite", "erase", "test",
];

/// What may stand behind the passage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Follow {
    /// Another item.
    Item,
    /// Another clause, or the brace of the rule.
    Clause,
    /// Another statement, or the brace of the block.
    Statement,
    /// Nothing: a graph alone.
    Nothing,
}

/// The set in the language's own terms.
pub(super) fn in_words(expected: &BTreeSet<String>, follow: Follow) -> String {
    let mut rest = expected.clone();
    let mut words: Vec<String> = vec![];
    let has = |rest: &BTreeSet<String>, all: &[&str]| all.iter().all(|one| rest.contains(*one));
    let drop =
        |rest: &mut BTreeSet<String>, all: &[&str]| all.iter().for_each(|one| drop_one(rest, one));
    if rest.remove("statement") {
        words.push("a statement".to_string());
    }
    for (construct, word) in [
        ("expression", "an expression"),
        ("type", "a type"),
        ("op", "an op"),
    ] {
        if rest.remove(construct) {
            words.push(word.to_string());
        }
    }
    if rest.remove("operator") {
        words.push(
            match follow {
                Follow::Item => "an operator or the next item",
                Follow::Clause => "an operator or the next clause",
                Follow::Statement => "an operator or the next statement",
                Follow::Nothing => "an operator",
            }
            .to_string(),
        );
    }
    if CLAUSES
        .iter()
        .filter(|clause| rest.contains(**clause))
        .count()
        >= 3
    {
        drop(&mut rest, &CLAUSES);
        words.push("a clause".to_string());
    }
    if has(&rest, &["%", "\"", "(", "["]) {
        drop(
            &mut rest,
            &[
                "%", "\"", "(", "[", "a", "_", "0", "-", "not", "if", "true", "false", "none",
            ],
        );
        words.push("an expression".to_string());
    } else if has(&rest, &["%", "=", "a"]) {
        drop(&mut rest, &["%", "=", "a", "_"]);
        words.push("a statement".to_string());
    }
    for (sign, word) in [
        ("%", "a value"),
        ("a", "a name"),
        ("0", "a number"),
        ("\"", "a string"),
    ] {
        if rest.remove(sign) {
            words.push(word.to_string());
            if sign == "a" {
                rest.remove("_");
            }
        }
    }
    rest.remove("_");
    // Closing signs first: they are what is mostly missing.
    let (closing, other): (Vec<String>, Vec<String>) = rest
        .into_iter()
        .partition(|sign| matches!(sign.as_str(), ")" | "]" | "}" | ","));
    let signs = closing
        .into_iter()
        .chain(other)
        .map(|sign| format!("`{sign}`"));
    let mut all: Vec<String> = signs.chain(words).collect();
    if all.is_empty() {
        all.push(
            match follow {
                Follow::Item => "the next item",
                Follow::Clause => "the next clause",
                Follow::Statement => "the next statement",
                Follow::Nothing => "the end of the graph",
            }
            .to_string(),
        );
    }
    match all.pop() {
        Some(last) if !all.is_empty() => format!("{} or {last}", all.join(", ")),
        last => last.unwrap_or_default(),
    }
}

fn drop_one(rest: &mut BTreeSet<String>, one: &str) {
    rest.remove(one);
}
