//! Texts nobody means: deep, long, random, and good ones with pieces changed.

use proptest::prelude::*;
use rulefold::diagnostic::{Diagnostic, has_errors};
use rulefold::source::{SourceId, Sources};
use rulefold::syntax::{TOO_DEEP, ast, parse, parse_graph};

fn parsed(text: &str) -> (ast::File, Vec<Diagnostic>) {
    parse(SourceId::new(0), text)
}

/// What opens a level, and what closes it again.
const LEVELS: [(&str, &str); 16] = [
    ("(", ")"),
    ("[", "]"),
    ("f(", ")"),
    ("a::b(", ")"),
    ("x[", "]"),
    ("x[:", "]"),
    ("a::b[x = ", "](%y)"),
    ("a::b[x[", "]...](%y)"),
    ("[i for i in ", "]"),
    ("if a then b else ", ""),
    ("if ", " then b else c"),
    ("(a: ", " | b: %x)"),
    ("(1, ", ")"),
    ("1 + (", ")"),
    ("not (", ")"),
    ("f(a = ", ")"),
];

#[test]
fn deep_nesting_is_refused_and_less_is_read() {
    for (open, close) in LEVELS {
        for depth in [90, 10_000] {
            let text = format!(
                "const A = {}x{}\nconst B = 1\n",
                open.repeat(depth),
                close.repeat(depth)
            );
            let (file, found) = parsed(&text);
            if depth == 90 && open.matches(['(', '[']).count() < 2 {
                assert!(found.is_empty(), "{open}: {found:?}");
                assert_eq!(file.items.len(), 2, "{open}");
            } else if depth == 10_000 {
                assert_eq!(
                    found.iter().map(|one| one.code).collect::<Vec<_>>(),
                    [TOO_DEEP],
                    "{open}"
                );
                assert_eq!((file.items.len(), file.broken.len()), (1, 1), "{open}");
            }
        }
    }
}

#[test]
fn broken_nesting_takes_no_longer() {
    // Each of these would take 2^40 steps if some alternative read its inside twice.
    for (open, close) in LEVELS {
        for middle in ["", "x y", "%", "]", "x, ; z"] {
            for closed in [0, 20, 40] {
                let text = format!(
                    "const A = {}{middle}{}\nconst B = 1\n",
                    open.repeat(40),
                    close.repeat(closed)
                );
                let (file, found) = parsed(&text);
                assert!(
                    has_errors(&found) || closed == 40 || close.is_empty(),
                    "{open} {middle} {closed}"
                );
                assert!(
                    file.items
                        .iter()
                        .any(|item| item.name().is_some_and(|name| name.text == "B")),
                    "{open} {middle} {closed}"
                );
            }
        }
    }
}

#[test]
fn long_chains_are_refused_and_long_lists_are_read() {
    for link in ["1 + ", "not ", "- ", "1 and ", "x == ", "1 in "] {
        let (file, found) = parsed(&format!(
            "const A = {}1\nconst B = {}1\n",
            link.repeat(100_000),
            link.repeat(200)
        ));
        assert_eq!(
            found.iter().map(|one| one.code).collect::<Vec<_>>(),
            [TOO_DEEP],
            "{link}"
        );
        assert_eq!((file.items.len(), file.broken.len()), (1, 1), "{link}");
    }
    for suffix in ["[0]", "[1:]"] {
        let (_, found) = parsed(&format!("const A = x{}\n", suffix.repeat(100_000)));
        assert_eq!(
            found.iter().map(|one| one.code).collect::<Vec<_>>(),
            [TOO_DEEP],
            "{suffix}"
        );
    }
    let (file, found) = parsed(&format!(
        "const A = [{}]\n",
        "-1, (2, 3), a == b, ".repeat(5_000)
    ));
    assert_eq!((file.items.len(), found.len()), (1, 0));
    let statements = "%a = aten::relu(%x) # a.py:1:0\n".repeat(5_000);
    let graph = parse_graph(
        SourceId::new(0),
        &format!("graph(%x : int[]):\n{statements}return (%a)"),
    )
    .expect("a graph");
    assert_eq!(graph.statements.len(), 5_000);
    let types = format!("graph(%x : int{}):\n return (%x)", "[]".repeat(100_000));
    assert_eq!(
        parse_graph(SourceId::new(0), &types)
            .expect_err("no such type")
            .len(),
        1
    );
}

#[test]
fn deep_blocks_are_refused() {
    for (depth, reads) in [(40, true), (10_000, false)] {
        let text = format!(
            "graph(%x : bool):\n{}{}\n return (%x)",
            " = prim::If(%x)\n block0():\n".repeat(depth),
            " -> ()\n block1():\n -> ()\n".repeat(depth)
        );
        assert_eq!(
            parse_graph(SourceId::new(0), &text).is_ok(),
            reads,
            "{depth}"
        );
    }
}

/// Every diagnostic has a place inside of the text, and every item that is missing has one.
fn check(text: &str) -> Result<(), TestCaseError> {
    let mut sources = Sources::new();
    let id = sources.add("random.fold", text);
    let (file, found) = parse(id, text);
    for one in &found {
        let span = one.span().expect("diagnostics of the parser have a place");
        prop_assert!(
            span.range().end <= text.len()
                && text.is_char_boundary(span.range().start)
                && text.is_char_boundary(span.range().end)
        );
    }
    prop_assert!(file.broken.is_empty() || found.len() >= file.broken.len());
    for item in &file.items {
        prop_assert!(!item.span.is_empty() && item.span.range().end <= text.len());
    }
    prop_assert!(!rulefold::diagnostic::plain(&sources, &found).is_empty() || found.is_empty());
    // A graph alone meets the same text without harm.
    let _ = parse_graph(id, text);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn random_bytes_get_answers(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut sources = Sources::new();
        match sources.add_bytes("random.fold", &bytes) {
            Ok(id) => check(sources.file(id).expect("it was just added").text())?,
            Err(error) => prop_assert!(error.offset < bytes.len() && Diagnostic::from(error).is_error()),
        }
        check(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn random_tokens_get_answers(words in prop::collection::vec(prop::sample::select(WORDS), 0..80)) {
        check(&words.join(" "))?;
        check(&words.concat())?;
    }

    #[test]
    fn changed_files_get_answers(cut in any::<prop::sample::Index>(), length in 0usize..12, word in prop::sample::select(WORDS)) {
        let text = include_str!("../syntax/rules/one_page.fold");
        let start = cut.index(text.len());
        let end = (start + length).min(text.len());
        if let (Some(before), Some(behind)) = (text.get(..start), text.get(end..)) {
            check(&format!("{before}{word}{behind}"))?;
            check(&format!("{before}{behind}"))?;
            check(before)?;
        }
    }
}

const WORDS: &[&str] = &[
    "rule",
    "\nrule r",
    "\nconst A =",
    "\ntest",
    "\n///",
    "\n@allow",
    "\n//! d\n",
    "\n",
    "numerics exact",
    "match {",
    "rewrite {",
    "where",
    "else",
    "let x =",
    "if",
    "then",
    "%x",
    "%\"a b\"",
    "aten::relu",
    "aten::{op}",
    "aten",
    ":",
    "::",
    "=",
    "==",
    "=>",
    "<=>",
    "->",
    "...",
    "..",
    ".",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\"text\"",
    "\"open",
    "1",
    "1.5",
    "-",
    "_",
    "as",
    "for",
    "in",
    "x",
    "graph(",
    "return",
    "block0",
    "given",
    "expect",
    "é",
    ";",
    "\\",
    "#",
    "//",
    "const",
    "Tensor<",
    ">",
    "|",
    "?",
    "*",
    "+",
    "none",
    "scope",
    "because",
    "\u{0}",
];
