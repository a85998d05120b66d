//! The grammar, compiled by pest from `grammar/rulefold.pest`.
//!
//! In: a text and the rule it should be. Out: pest's pairs, or where it stopped and what it looked for there.
//!
//! Invariant: nobody outside `syntax` sees pest.
#![allow(missing_docs)]
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use pest::Parser;
use pest::iterators::Pair;
use std::collections::BTreeSet;

#[derive(pest_derive::Parser)]
#[grammar = "../grammar/rulefold.pest"]
struct Grammar;

/// Where the grammar stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The byte at which nothing fitted.
    pub offset: usize,
    /// The signs and words that would have fitted there; classes of characters by a sample: `a` for letters, `0` for digits.
    pub expected: BTreeSet<String>,
}

/// Reads the whole text as `rule`, whose only inner pair is given back.
pub(super) fn read(rule: Rule, text: &str) -> Result<Pair<'_, Rule>, Failure> {
    // A process-wide switch; it is always set before parsing, so that messages do not depend on the order of threads.
    pest::set_error_detail(true);
    match Grammar::parse(rule, text) {
        Ok(mut pairs) => {
            let whole = pairs.next();
            whole
                .and_then(|pair| pair.into_inner().next())
                .ok_or(Failure {
                    offset: 0,
                    expected: BTreeSet::new(),
                })
        }
        Err(error) => Err(failure(&error)),
    }
}

fn failure(error: &pest::error::Error<Rule>) -> Failure {
    let Some(attempts) = error.parse_attempts() else {
        let offset = match error.location {
            pest::error::InputLocation::Pos(offset)
            | pest::error::InputLocation::Span((offset, _)) => offset,
        };
        return Failure {
            offset,
            expected: BTreeSet::new(),
        };
    };
    let expected = attempts
        .expected_tokens()
        .into_iter()
        .map(|token| token.to_string())
        .filter_map(|token| {
            match token.as_bytes() {
                // A class of characters, as pest prints it: `'a'..'z'` without the quotes.
                [first, b'.', b'.', last] if last > first => {
                    Some(char::from(*first).to_lowercase().to_string())
                }
                _ if token == "BUILTIN_RULE" => None,
                _ => Some(token),
            }
        });
    Failure {
        offset: attempts.max_position,
        expected: expected.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexer::lex;
    use super::super::split::split;
    use super::*;
    use std::path::{Path, PathBuf};

    /// Files with this ending below `dir`, sorted.
    fn files(dir: &str, ending: &str) -> Vec<PathBuf> {
        let mut waiting = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(dir)];
        let mut found = vec![];
        while let Some(dir) = waiting.pop() {
            for entry in std::fs::read_dir(&dir).expect("the folder is part of the package") {
                let path = entry.expect("the folder can be listed").path();
                if path.is_dir() {
                    waiting.push(path);
                } else if path
                    .extension()
                    .is_some_and(|extension| extension == ending)
                {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }

    fn check_leaves(pair: Pair<'_, Rule>, edges: &BTreeSet<usize>, path: &Path) {
        let (start, rule, text) = (pair.as_span().start(), pair.as_rule(), pair.as_str());
        let mut inner = pair.into_inner().peekable();
        if inner.peek().is_none() && !text.is_empty() {
            let whole = edges.contains(&start) && edges.contains(&(start + text.trim_end().len()));
            assert!(
                whole,
                "{}: leaf {rule:?} {text:?} is not made of whole tokens",
                path.display()
            );
        }
        inner.for_each(|pair| check_leaves(pair, edges, path));
    }

    fn edges(text: &str) -> BTreeSet<usize> {
        std::iter::once(0)
            .chain(lex(text).into_iter().map(|token| token.end))
            .collect()
    }

    #[test]
    fn leaves_are_whole_tokens_and_items_are_those_of_the_splitter() {
        let mut items = 0;
        for path in files("patterns", "fold")
            .into_iter()
            .chain(files("tests", "fold"))
        {
            let text = std::fs::read_to_string(&path).expect("rule files are text");
            let Ok(mut whole) = Grammar::parse(Rule::file, &text) else {
                assert!(
                    path.components().any(|part| part.as_os_str() == "bad"),
                    "{} does not parse",
                    path.display()
                );
                continue;
            };
            let whole = whole.next().expect("a file is one pair");
            check_leaves(whole.clone(), &edges(&text), &path);
            let found: Vec<usize> = whole
                .into_inner()
                .filter(|pair| pair.as_rule() == Rule::item)
                .map(|pair| pair.as_span().start())
                .collect();
            let cut: Vec<usize> = split(&text, &lex(&text))
                .iter()
                .map(|piece| piece.start)
                .collect();
            assert_eq!(found, cut, "{}", path.display());
            items += found.len();
        }
        assert!(items > 100, "only {items} items were read");
        let dumps = files("tests/syntax", "ir");
        assert!(dumps.len() >= 7);
        for path in dumps {
            let text = std::fs::read_to_string(&path).expect("dumps are text");
            let whole = Grammar::parse(Rule::dump, &text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            whole.for_each(|pair| check_leaves(pair, &edges(&text), &path));
        }
    }
}
