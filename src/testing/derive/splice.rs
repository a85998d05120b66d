//! Tests as text, and their place in a file.
//!
//! In: the text of a rule file, tests of one of its rules. Out: the text with the tests behind the rule and the tests that follow it.
//! Invariant: everything else stays byte for byte; lines end as the first one does.

use crate::graph::text::LiteralText;
use crate::graph::{Literal, Name};
use crate::source::SourceId;
use crate::syntax::ast::ItemKind;
use crate::syntax::format::format;
use crate::syntax::lexer::lex;
use crate::syntax::parse;

/// A test as the formatter writes it.
pub(super) fn test_text(
    name: &str,
    rule: &str,
    parameters: &[(Name, Literal)],
    graph: &str,
    expects: &[String],
) -> String {
    let fixed: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name} = {}", LiteralText(value)))
        .collect();
    let fixed = match fixed.is_empty() {
        true => String::new(),
        false => format!("[{}]", fixed.join(", ")),
    };
    let name = LiteralText(&Literal::str(name)).to_string();
    let mut text = format!(
        "test {name} of {rule}{fixed} {{\n  given {}\n",
        graph.trim_end()
    );
    for expect in expects {
        text += &format!("  {}\n", expect.trim_end());
    }
    format(&(text + "}\n")).text
}

/// What a test gives and expects, whatever its name and however it is laid out.
pub(super) fn content(text: &str) -> Vec<String> {
    let tokens = lex(text);
    let words = tokens.iter().filter(|token| !token.is_trivia());
    let words = words.map(|token| token.text(text).to_owned());
    words.skip_while(|word| word != "given").collect()
}

/// The file with these tests.
pub(super) fn with_tests(
    source: SourceId,
    text: &str,
    rule: &str,
    tests: &[String],
) -> Option<String> {
    let (file, _) = parse(source, text);
    let mut items = file.items.iter();
    let own = items
        .find(|item| matches!(&item.kind, ItemKind::Rule(found) if found.name.text == rule))?;
    let follows = items.take_while(|item| match &item.kind {
        ItemKind::Test(test) => test.of.as_ref().is_some_and(|of| of.text == rule),
        _ => false,
    });
    let last = follows.last();
    let at = last.unwrap_or(own).span.range().end;
    // A comment behind the item stays with it.
    let at = text
        .get(at..)?
        .find('\n')
        .map_or(text.len(), |line| at + line);
    let (before, after) = (text.get(..at)?, text.get(at..)?);
    let before = before.trim_end_matches('\r');
    let mut new = String::from(if last.is_some() { "\n" } else { "\n\n" });
    new += tests.concat().trim_end();
    if text.lines().next().is_some()
        && text
            .split('\n')
            .next()
            .is_some_and(|line| line.ends_with('\r'))
    {
        new = new.replace('\n', "\r\n");
    }
    let gap = text.get(before.len()..at)?;
    let end = if after.is_empty() { "\n" } else { "" };
    Some(format!("{before}{new}{gap}{after}{end}"))
}
