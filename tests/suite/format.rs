//! The formatter: over every rule file of the package, and what it makes of one that nobody would write.

use proptest::prelude::*;
use rulefold::syntax::format::format;
use rulefold::syntax::lexer::{TokenKind, lex};
use std::fs;
use std::path::{Path, PathBuf};

fn rule_files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut waiting = vec![root.join("patterns"), root.join("tests")];
    let mut found = vec![];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is part of the package") {
            let path = entry.expect("the folder can be listed").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|ending| ending == "fold") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 20, "only {} rule files", found.len());
    found
}

/// The tokens that are no blanks.
fn meaning(text: &str) -> Vec<(TokenKind, String)> {
    lex(text)
        .into_iter()
        .filter(|token| token.kind != TokenKind::Blank)
        .map(|token| (token.kind, token.text(text).trim_end().to_owned()))
        .collect()
}

fn holds(text: &str, name: &str) {
    let once = format(text);
    assert_eq!(meaning(&once.text), meaning(text), "{name}: tokens changed");
    let twice = format(&once.text);
    assert_eq!(twice.text, once.text, "{name}: formatting twice changes it");
    assert_eq!(twice.copied, once.copied, "{name}");
    for line in once.text.lines() {
        assert_eq!(line, line.trim_end(), "{name}: blanks at the end of a line");
    }
}

#[test]
fn tokens_stay_and_twice_is_once() {
    for path in rule_files() {
        let text = fs::read_to_string(&path).expect("rule files are text");
        holds(&text, &path.display().to_string());
        holds(&text.replace('\n', "\r\n"), &path.display().to_string());
    }
}

#[test]
fn an_ugly_file() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format/bad/ugly.fold");
    let text = fs::read_to_string(path).expect("the file is part of the package");
    let formatted = format(&text);
    assert_eq!(formatted.copied, 1, "one rule does not parse");
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("format", formatted.text);
    });
}

#[test]
fn line_breaks_stay_those_of_the_file() {
    let formatted = format("rule a : aten::t(%x)  => %x\r\n  numerics exact\r\n").text;
    assert_eq!(formatted, "rule a : aten::t(%x) => %x   numerics exact\r\n");
    assert_eq!(format("").text, "");
    assert_eq!(format("\n\n// only this").text, "// only this\n");
}

/// A text with its blanks replaced: by one blank, or by a line break where a comment or an item needs one.
fn squeezed(text: &str, breaks: &[bool]) -> String {
    let mut out = String::new();
    let mut breaks = breaks.iter().copied().cycle();
    let tokens = lex(text);
    for (at, token) in tokens.iter().enumerate() {
        if token.kind != TokenKind::Blank {
            out.push_str(token.text(text));
            continue;
        }
        let after_line = at.checked_sub(1).is_some_and(|before| {
            matches!(
                tokens[before].kind,
                TokenKind::Comment | TokenKind::Doc | TokenKind::ModuleDoc
            )
        });
        let item = tokens
            .get(at + 1)
            .is_some_and(|next| next.in_column_0(text));
        if item {
            out.push('\n');
        } else if after_line || breaks.next() == Some(true) {
            out.push_str("\n ");
        } else {
            out.push(' ');
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_blanks_will_do(breaks in proptest::collection::vec(any::<bool>(), 1..40), which in any::<prop::sample::Index>()) {
        let files = rule_files();
        let path = which.get(&files);
        let text = fs::read_to_string(path).expect("rule files are text");
        holds(&squeezed(&text, &breaks), &path.display().to_string());
    }

    #[test]
    fn any_text_will_do(text in "\\PC{0,60}|(rule|match|\\{|\\}|%x|=|aten::t|\\(|\\)|,|\"a\"|where|else| |\n){0,40}") {
        let once = format(&text).text;
        prop_assert_eq!(format(&once).text, once);
    }
}
