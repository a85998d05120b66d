//! The book: its pages are all in the summary, its links lead somewhere, its rules mean something.

use rulefold::check::{ModuleSource, check};
use rulefold::diagnostic::{Diagnostic, plain};
use rulefold::ops::Catalogue;
use rulefold::rules::SHIPPED;
use rulefold::source::{SourceId, Sources};
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

/// A block of rules, and the place for messages.
struct Rules {
    place: String,
    /// The code that it is an example of.
    code: Option<String>,
    /// The module that it is.
    module: String,
    text: String,
}

/// The blocks of rules of all pages, but those that show a part of the library.
fn rules() -> Vec<Rules> {
    let mut found = vec![];
    for page in pages() {
        for block in blocks(&read(&page)) {
            let mut words = block.info.split(',');
            let (language, code) = (words.next(), words.next());
            if language != Some("fold") || code == Some("shipped") {
                continue;
            }
            found.push(Rules {
                place: format!("{}:{}", page.display(), block.line),
                code: code.map(str::to_owned),
                module: words
                    .next()
                    .map_or(format!("block_{}", found.len()), str::to_owned),
                text: block.text,
            });
        }
    }
    found
}

/// What is said of each block when all join the library, instead of a module of the same name.
fn judged(rules: &[&Rules]) -> Vec<(Vec<Diagnostic>, String)> {
    let mut sources = Sources::new();
    let mut files = vec![];
    for shipped in SHIPPED {
        if rules.iter().all(|rules| rules.module != shipped.module) {
            files.push((shipped.module, sources.add(shipped.path, shipped.text)));
        }
    }
    let first = files.len();
    for block in rules {
        let source = sources.add(block.place.as_str(), block.text.as_str());
        files.push((&block.module, source));
    }
    let mut found = vec![];
    let mut trees = vec![];
    for (module, source) in files {
        let text = sources.file(source).map_or("", |file| file.text());
        let (file, diagnostics) = parse(source, text);
        found.extend(diagnostics);
        trees.push((module, source, file));
    }
    let modules: Vec<ModuleSource> = trees
        .iter()
        .map(|(name, source, file)| ModuleSource {
            name,
            source: *source,
            file,
            replaces: false,
        })
        .collect();
    let (_, diagnostics) = check(&modules, &mut Catalogue::new());
    found.extend(diagnostics);
    let of_block = |(_, source, _): &(&str, SourceId, _)| {
        let of_it = |one: &&Diagnostic| one.span().is_some_and(|span| span.source == *source);
        let of_it: Vec<Diagnostic> = found.iter().filter(of_it).cloned().collect();
        let shown = plain(&sources, &of_it);
        (of_it, shown)
    };
    trees[first..].iter().map(of_block).collect()
}

#[test]
fn rules_in_the_book_are_right_or_wrong_as_they_say() {
    let mut rules = rules();
    assert!(rules.len() > 40, "{}", rules.len());
    // Lints look at a whole library; `lints` judges their examples one by one.
    rules.retain(|block| {
        let is_lint = |code: &String| code.starts_with("F09") && code.as_str() > "F0903";
        !block.code.as_ref().is_some_and(is_lint)
    });
    // Warnings are only given where nothing is wrong, so what is wrong is judged apart; and so is what replaces a module.
    let is_wrong = |rules: &&Rules| matches!(&rules.code, Some(code) if !code.starts_with("F09"));
    let joins = |rules: &&&Rules| rules.module.starts_with("block_");
    let (wrong, right): (Vec<&Rules>, Vec<&Rules>) = rules.iter().partition(is_wrong);
    let (wrong, replacing): (Vec<&Rules>, Vec<&Rules>) = wrong.iter().partition(joins);
    let mut judgements = vec![];
    for group in [right, wrong]
        .into_iter()
        .chain(replacing.into_iter().map(|one| vec![one]))
    {
        let judged = judged(&group);
        judgements.extend(group.into_iter().zip(judged));
    }
    let mut wrong = String::new();
    for (block, (found, shown)) in judgements {
        let as_it_says = match &block.code {
            Some(code) => found.iter().any(|one| one.code.number == code),
            None => found.is_empty(),
        };
        if !as_it_says {
            wrong += &format!("{}: {:?}, but\n{shown}", block.place, block.code);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Number and name of each diagnostic code in the source.
fn codes() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the source is part of the package") {
            let path = entry.expect("the folder can be listed").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = read(&path);
            for (at, mark) in text.match_indices("::new(\"F") {
                let strings: Vec<&str> = text[at + mark.len() - 2..].splitn(5, '"').collect();
                let [_, number, between, name, _] = strings[..] else {
                    continue;
                };
                // F0999 is the code of unit tests.
                if between.trim() == "," && number.len() == 5 && number != "F0999" {
                    found.insert(format!("{number} {name}"));
                }
            }
        }
    }
    found
}

#[test]
fn every_code_is_explained() {
    let page = read(&root().join("book/src/errors/index.md"));
    let codes = codes();
    assert!(codes.len() > 10);
    let headings: Vec<&str> = page.split("\n### ").skip(1).collect();
    let named: Vec<String> = headings
        .iter()
        .map(|part| part.lines().next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(named, codes.into_iter().collect::<Vec<_>>());
    for (part, name) in headings.iter().zip(&named) {
        let number = &name[..5];
        let shown: Vec<String> = blocks(part).into_iter().map(|block| block.info).collect();
        // No page can hold what is not text.
        let wanted = match number {
            "F0001" => vec![],
            // The page on testing shows tests; the checker has nothing to say of them.
            _ if number.starts_with("F08") => vec![],
            // A file of the module that the name clashes with.
            "F0206" => vec!["fold,F0206,torch".to_owned()],
            _ => vec![format!("fold,{number}")],
        };
        assert_eq!(shown, wanted, "{name}");
    }
}
