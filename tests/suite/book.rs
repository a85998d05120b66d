//! The book: its pages are all in the summary, its links lead somewhere, its rules mean something.

use rulefold::diagnostic::{Diagnostic, plain};
use rulefold::source::Sources;
use rulefold::syntax::parse;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages of the book and the README, sorted.
fn pages() -> Vec<PathBuf> {
    let mut found = vec![root().join("README.md")];
    let mut folders = vec![root().join("book/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the book is part of the package") {
            let path = entry.expect("the folder can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A fenced block of a page.
struct Block {
    /// The words behind the fence.
    info: String,
    text: String,
    /// Line of the fence, from 1.
    line: usize,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut found: Vec<Block> = vec![];
    let mut open = false;
    for (line, text) in page.lines().enumerate() {
        if let Some(info) = text.strip_prefix("```") {
            open = !open;
            if open {
                found.push(Block {
                    info: info.trim().into(),
                    text: String::new(),
                    line: line + 1,
                });
            }
        } else if let (true, Some(block)) = (open, found.last_mut()) {
            block.text += text;
            block.text.push('\n');
        }
    }
    assert!(!open, "a fence is not closed");
    found
}

/// The page without its fenced blocks and inline code.
fn prose(page: &str) -> String {
    let mut out = String::new();
    let mut open = false;
    for line in page.lines() {
        if line.starts_with("```") {
            open = !open;
        } else if !open {
            let parts = line.split('`').step_by(2);
            out.extend(parts);
            out.push('\n');
        }
    }
    out
}

/// Targets of `[text](target)`.
fn links(prose: &str) -> Vec<String> {
    prose
        .match_indices("](")
        .filter_map(|(at, mark)| {
            let rest = &prose[at + mark.len()..];
            Some(rest[..rest.find(')')?].to_owned())
        })
        .collect()
}

/// The anchor that mdBook gives a heading.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

#[test]
fn the_summary_lists_every_page_once() {
    let book = root().join("book/src");
    let listed = links(&read(&book.join("SUMMARY.md")));
    let unique: BTreeSet<PathBuf> = listed.iter().map(|link| book.join(link)).collect();
    assert_eq!(listed.len(), unique.len(), "a page is listed twice");
    let summary = book.join("SUMMARY.md");
    let there = pages()
        .into_iter()
        .filter(|page| page.starts_with(&book) && *page != summary);
    assert_eq!(unique, there.collect());
}

#[test]
fn links_lead_somewhere() {
    let mut wrong = vec![];
    for page in pages() {
        let text = read(&page);
        for link in links(&prose(&text)) {
            if link.contains("://") {
                continue;
            }
            let (path, fragment) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => page.clone(),
                path => page.parent().expect("a page lies in a folder").join(path),
            };
            let found = target.is_file()
                && (fragment.is_empty()
                    || read(&target)
                        .lines()
                        .any(|line| line.starts_with('#') && anchor(line) == fragment));
            if !found {
                wrong.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn blocks_say_what_they_are() {
    for page in pages() {
        for block in blocks(&read(&page)) {
            let language = block.info.split(',').next().unwrap_or_default();
            let known = ["fold", "console", "text", "json", "sh", "python"];
            assert!(
                known.contains(&language),
                "{}:{}: ```{}",
                page.display(),
                block.line,
                block.info
            );
        }
    }
}

/// What is said of a rule file.
fn judged(name: &str, text: &str) -> (Vec<Diagnostic>, String) {
    let mut sources = Sources::new();
    let id = sources.add(name, text);
    let (_, found) = parse(id, text);
    let shown = plain(&sources, &found);
    (found, shown)
}

#[test]
fn rules_in_the_book_are_right_or_wrong_as_they_say() {
    let mut checked = 0;
    for page in pages() {
        for block in blocks(&read(&page)) {
            let mut words = block.info.split(',');
            if words.next() != Some("fold") {
                continue;
            }
            let place = format!("{}:{}", page.display(), block.line);
            let (found, shown) = judged(&place, &block.text);
            match words.next() {
                // Parts of the library, which stand there without what is around them.
                Some("shipped") => {}
                Some(code) => {
                    let given = found.iter().any(|one| one.code.number == code);
                    assert!(given, "{place}: {code} is not said, but\n{shown}");
                }
                None => assert!(found.is_empty(), "{place}\n{shown}"),
            }
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked}");
}
