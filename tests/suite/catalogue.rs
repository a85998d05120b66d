//! The book's page of shipped rules, made from the files under `patterns/`.
//!
//! With `INSTA_UPDATE=always` the page is written, else it is compared.

use rulefold::source::{SourceId, Span};
use rulefold::syntax::ast::{Doc, File, Item, ItemKind, NumericsKind, Rule};
use rulefold::syntax::parse;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

const HEAD: &str = "# Shipped rules

<!-- Made from the files under `patterns/` by `INSTA_UPDATE=always cargo test catalogue`. -->

Everything under `patterns/`: what each rule does, its [numerics label](numerics.md), and when it does not act. The text of a rule is shown
without its tests.
";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn fold_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the library is part of the package") {
        let path = entry.expect("the folder can be listed").path();
        if path.is_dir() {
            fold_files(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "fold")
        {
            found.push(path);
        }
    }
}

fn docs(docs: &[Doc]) -> String {
    let lines: Vec<&str> = docs.iter().map(|doc| doc.text.as_str()).collect();
    lines.join("\n").trim().to_owned()
}

/// The text of a span without the spans of tests inside it.
fn source(text: &str, span: Span, tests: &[Span]) -> String {
    let mut out = String::new();
    let mut at = span.range().start;
    for test in tests {
        out += text[at..test.range().start].trim_end();
        at = test.range().end;
    }
    out + &text[at..span.range().end]
}

fn label(rule: &Rule) -> String {
    let label = rule.numerics().next().expect("a shipped rule has a label");
    match &label.kind {
        NumericsKind::Exact => "`exact`".into(),
        NumericsKind::Real => "`real`".into(),
        NumericsKind::Within(steps) => format!("`within {steps} lsb`"),
        NumericsKind::Changes(why) => format!("`changes`: {}", why.value),
    }
}

fn heading(out: &mut String, module: &str, item: &Item) {
    let name = item
        .name()
        .map_or(String::new(), |name| format!(".{}", name.text));
    let word = match item.word().text() {
        "rule" => "",
        word => &format!("{word} "),
    };
    let _ = write!(out, "\n### {word}{module}{name}\n");
    let said = docs(&item.docs);
    if !said.is_empty() {
        let _ = write!(out, "\n{}\n", said.trim_start_matches("What: "));
    }
}

fn page(files: &[(String, String, File)]) -> String {
    let mut out = HEAD.to_owned();
    for (module, text, file) in files {
        let _ = write!(out, "\n## {module}\n\n{}\n", docs(&file.docs));
        for item in &file.items {
            let (span, tests): (Span, Vec<Span>) = match &item.kind {
                ItemKind::Rule(rule) => (rule.span, rule.tests().map(|test| test.span).collect()),
                ItemKind::Keep(keep) => (keep.span, vec![]),
                ItemKind::Pipeline(pipeline) => (pipeline.span, vec![]),
                _ => continue,
            };
            heading(&mut out, module, item);
            let shown = source(text, span, &tests);
            let _ = write!(out, "\n```fold,shipped\n{shown}\n```\n");
            match &item.kind {
                ItemKind::Rule(rule) => {
                    let _ = write!(out, "\nNumerics {}.", label(rule));
                    let reasons: Vec<String> = rule
                        .guards()
                        .map(|guard| format!("\n* {}", guard.reason.value))
                        .collect();
                    if !reasons.is_empty() {
                        let _ = write!(
                            out,
                            " Reasons for leaving something alone:\n{}",
                            reasons.concat()
                        );
                    }
                    out.push('\n');
                }
                ItemKind::Keep(keep) => {
                    let _ = write!(out, "\nNot folded because {}.\n", keep.reason.value);
                }
                _ => {}
            }
        }
    }
    out
}

#[test]
fn the_catalogue_is_that_of_the_library() {
    let patterns = root().join("patterns");
    let mut paths = vec![];
    fold_files(&patterns, &mut paths);
    let mut files: Vec<_> = paths
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).expect("the library is text");
            let inside = path.strip_prefix(&patterns).expect("it was found there");
            let module = inside.with_extension("").display().to_string();
            let (file, found) = parse(SourceId::new(0), &text);
            assert_eq!(found, [], "{}", path.display());
            (module.replace(['/', '\\'], "."), text, file)
        })
        .collect();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    let undocumented: Vec<&str> = files
        .iter()
        .flat_map(|(_, _, file)| &file.items)
        .filter(|item| matches!(item.kind, ItemKind::Rule(_)) && item.docs.is_empty())
        .filter_map(|item| item.name())
        .map(|name| name.text.as_str())
        .collect();
    assert_eq!(undocumented, [""; 0], "rules without documentation");
    let made = page(&files);
    let path = root().join("book/src/rules.md");
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, &made).expect("the book can be written");
    }
    let written = fs::read_to_string(&path).expect("the page is part of the book");
    assert!(
        written == made,
        "book/src/rules.md is not that of patterns/: run INSTA_UPDATE=always cargo test catalogue"
    );
}
