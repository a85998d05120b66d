//! The TextMate grammar knows the words of the language.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn grammar(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("grammar")
        .join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn textmate() -> Value {
    serde_json::from_str(&grammar("rulefold.tmLanguage.json")).expect("the grammar is JSON")
}

/// Strings between quotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2)
}

/// The words between `(?:` and `)`, or `(` and `)`.
fn alternatives(pattern: &str) -> BTreeSet<&str> {
    let start = pattern
        .match_indices('(')
        .map(|(at, _)| &pattern[at + 1..])
        .map(|rest| rest.strip_prefix("?:").unwrap_or(rest))
        .find(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
        .expect("the pattern lists words");
    start[..start.find(')').expect("the list ends")]
        .split('|')
        .collect()
}

#[test]
fn reserved_words_are_those_of_the_language() {
    let pest = grammar("rulefold.pest");
    let start = pest.find("\nkeyword = {").expect("the grammar has a rule");
    let rule = &pest[start..start + pest[start..].find('}').expect("the rule ends")];
    let textmate = textmate();
    let pattern = |name: &str| {
        textmate["repository"][name]["match"]
            .as_str()
            .expect("the pattern is a string")
            .to_owned()
    };
    let (keywords, constants) = (pattern("keyword"), pattern("constant"));
    let known: BTreeSet<&str> = alternatives(&keywords)
        .union(&alternatives(&constants))
        .copied()
        .collect();
    assert_eq!(known, quoted(rule).collect());
}

#[test]
fn items_are_those_of_the_language() {
    let textmate = textmate();
    let pattern = textmate["repository"]["item"]["match"]
        .as_str()
        .expect("the pattern is a string");
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for part in pattern.split('^').skip(1) {
        known.extend(alternatives(part));
    }
    let words = rulefold::syntax::split::ITEM_WORDS;
    assert_eq!(known, words.iter().map(|(word, _)| *word).collect());
}

#[test]
fn every_part_of_the_grammar_is_used_and_exists() {
    let textmate = textmate();
    let repository = textmate["repository"].as_object().expect("there are parts");
    let included: BTreeSet<&str> = textmate["patterns"]
        .as_array()
        .expect("there are patterns")
        .iter()
        .filter_map(|pattern| pattern["include"].as_str()?.strip_prefix('#'))
        .collect();
    assert_eq!(included, repository.keys().map(String::as_str).collect());
}
