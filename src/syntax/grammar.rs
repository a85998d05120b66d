//! The grammar, compiled by pest from `grammar/rulefold.pest`.
//!
//! In: a text and the rule it should be. Out: pest's pairs, or where it stopped and what it looked for there.
//!
//! Invariant: nobody outside `syntax` sees pest.
#![allow(missing_docs)]
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};
use pest::iterators::Pair;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

#[derive(pest_derive::Parser)]
#[grammar = "../grammar/rulefold.pest"]
struct Grammar;

/// Where the grammar stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The byte at which nothing fitted; it may lie inside of a word, or behind a word that would have had to be longer.
    pub offset: usize,
    /// The signs and words that would have fitted there; classes of characters by a sample: `a` for letters, `0` for digits.
    pub expected: BTreeSet<String>,
    /// The last byte at which a construct was tried: the start of a token.
    pub start: usize,
    /// What would have fitted there: signs, words and samples as above, and `statement`, `expression`, `type`, `op`.
    pub constructs: BTreeSet<String>,
}

/// Reads the whole text as `rule`, whose only inner pair is given back.
pub(super) fn read(rule: Rule, text: &str) -> Result<Pair<'_, Rule>, Failure> {
    match Grammar::parse(rule, text) {
        Ok(mut pairs) => {
            let inner = pairs.next().and_then(|whole| whole.into_inner().next());
            Ok(inner
                .unwrap_or_else(|| unreachable!("each rule that is read alone holds another one")))
        }
        Err(error) => Err(failure(&detailed(rule, text).unwrap_or(error))),
    }
}

/// Reads a text that does not parse once more, to learn what would have fitted: that doubles the time, so it is off for texts that
/// parse. The switch belongs to the process and is read when parsing starts; the lock keeps one thread from turning it off while
/// another needs it.
fn detailed(rule: Rule, text: &str) -> Option<pest::error::Error<Rule>> {
    static SWITCH: Mutex<()> = Mutex::new(());
    let guard = SWITCH.lock().unwrap_or_else(PoisonError::into_inner);
    pest::set_error_detail(true);
    let answer = Grammar::parse(rule, text);
    pest::set_error_detail(false);
    drop(guard);
    answer.err()
}

fn failure(error: &pest::error::Error<Rule>) -> Failure {
    let start = match error.location {
        InputLocation::Pos(offset) | InputLocation::Span((offset, _)) => offset,
    };
    let constructs: BTreeSet<String> = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => positives
            .iter()
            .flat_map(|rule| construct(*rule).iter().copied())
            .map(|word| word.to_string())
            .collect(),
        ErrorVariant::CustomError { .. } => BTreeSet::new(),
    };
    let Some(attempts) = error.parse_attempts() else {
        return Failure {
            offset: start,
            expected: constructs.clone(),
            start,
            constructs,
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
        start,
        constructs,
    }
}

/// What a rule of the grammar starts with, in the terms of [`Failure::constructs`]; nothing for what only goes on.
fn construct(rule: Rule) -> &'static [&'static str] {
    match rule {
        Rule::statement | Rule::effect | Rule::binds | Rule::bind => &["statement"],
        Rule::expr
        | Rule::primary
        | Rule::term
        | Rule::typed
        | Rule::operand
        | Rule::listed
        | Rule::arg
        | Rule::branch
        | Rule::conditional
        | Rule::minus
        | Rule::list
        | Rule::paren
        | Rule::attr_value => &["expression"],
        Rule::type_ | Rule::plain_type | Rule::tuple_type => &["type"],
        Rule::op_name | Rule::op_call => &["op"],
        Rule::value | Rule::param | Rule::op_param => &["%"],
        Rule::fn_param => &["%", "a"],
        Rule::ident
        | Rule::path
        | Rule::word
        | Rule::label
        | Rule::setting
        | Rule::binding
        | Rule::call
        | Rule::attr => &["a"],
        Rule::number | Rule::integer => &["0"],
        Rule::string => &["\""],
        Rule::compare_op
        | Rule::add
        | Rule::multiply
        | Rule::member
        | Rule::kw_and
        | Rule::kw_or
        | Rule::index
        | Rule::infix => &["operator"],
        Rule::arrow => &["=>", "<=>"],
        Rule::numerics | Rule::kw_numerics => &["numerics"],
        Rule::match_ | Rule::kw_match => &["match"],
        Rule::guard | Rule::kw_where => &["where"],
        Rule::let_ | Rule::kw_let => &["let"],
        Rule::rewrite | Rule::kw_rewrite => &["rewrite"],
        Rule::erase | Rule::kw_erase => &["erase"],
        Rule::test | Rule::kw_test => &["test"],
        Rule::step | Rule::step_if => &["let", "if", "a"],
        Rule::kw_if => &["if"],
        Rule::kw_then => &["then"],
        Rule::kw_else => &["else"],
        Rule::kw_in => &["in"],
        Rule::kw_for | Rule::family | Rule::loop_ => &["for"],
        Rule::kw_because => &["because"],
        Rule::given | Rule::kw_given => &["given"],
        Rule::expect | Rule::kw_expect => &["expect"],
        Rule::graph | Rule::graph_word => &["graph"],
        Rule::ret | Rule::return_word => &["return"],
        Rule::file_word => &["file"],
        Rule::one_line | Rule::graph_colon => &[":"],
        Rule::block | Rule::graph_braces | Rule::steps => &["{"],
        Rule::params | Rule::values | Rule::args => &["("],
        Rule::exact => &["exact"],
        Rule::real => &["real"],
        Rule::within => &["within"],
        Rule::changes => &["changes"],
        Rule::lsb => &["lsb"],
        Rule::no => &["no"],
        Rule::applied => &["applied"],
        Rule::snapshot => &["snapshot"],
        Rule::equal => &["equal"],
        Rule::error => &["error"],
        Rule::closing => &[">"],
        Rule::compare => &["=="],
        _ => &[],
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
