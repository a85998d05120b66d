//! Lints: what each is about, its code, its page with an example and a cure.

use crate::command::{Place, root};
use rulefold::diagnostic::Diagnostic;
use rulefold::lint::lint;
use rulefold::pipeline::library::{self, RuleText};
use std::collections::BTreeSet;
use std::fs;

/// Everything that is said of a rule file: by the checker, and by the lints.
fn said(text: &str) -> Vec<Diagnostic> {
    let file = RuleText {
        module: "my".into(),
        path: "my.fold".into(),
        bytes: text.as_bytes().to_vec(),
    };
    let loaded = library::load(vec![file]);
    let is_it = |id| {
        let file = loaded.sources.file(id);
        file.is_some_and(|file| file.name() == "my.fold")
    };
    let mut found = loaded.diagnostics.clone();
    assert!(
        !rulefold::diagnostic::has_errors(&found),
        "{}",
        rulefold::diagnostic::plain(&loaded.sources, &found)
    );
    let (library, catalogue) = (&loaded.library, &loaded.catalogue);
    found.extend(lint(library, catalogue, &loaded.sources, &is_it));
    found.retain(|one| one.span().is_some_and(|span| is_it(span.source)));
    found
}

fn codes(text: &str) -> BTreeSet<&'static str> {
    said(text).iter().map(|one| one.code.number).collect()
}

/// The blocks of a part of a page, with the words behind the fence.
fn blocks(part: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut open = false;
    for line in part.lines() {
        if let Some(info) = line.strip_prefix("```") {
            open = !open;
            if open {
                found.push((info.to_owned(), String::new()));
            }
        } else if let (true, Some((_, text))) = (open, found.last_mut()) {
            *text += line;
            text.push('\n');
        }
    }
    found
}

#[test]
fn each_lint_has_a_page_with_an_example_and_a_cure() {
    let page = fs::read_to_string(root().join("book/src/lints.md")).expect("the page is there");
    let errors = fs::read_to_string(root().join("book/src/errors/index.md")).expect("a page");
    let warned: Vec<&str> = errors
        .split("\n### ")
        .skip(1)
        .filter_map(|part| part.lines().next())
        .filter(|heading| heading.starts_with("F09"))
        .collect();
    let parts: Vec<&str> = page.split("\n## ").skip(1).collect();
    let headings: Vec<&str> = parts
        .iter()
        .filter_map(|part| part.lines().next())
        .collect();
    assert_eq!(headings, warned);
    for (part, heading) in parts.iter().zip(headings) {
        let code = &heading[..5];
        let blocks = blocks(part);
        let [(info, example), (plain, cure)] = blocks.as_slice() else {
            panic!("{heading}: an example and a cure")
        };
        assert_eq!(
            (info.as_str(), plain.as_str()),
            (format!("fold,{code}").as_str(), "fold")
        );
        let found = codes(example);
        // The examples of the checker's own warnings say nothing of tests.
        let exactly = code > "F0903";
        assert!(found.contains(code), "{heading}: {found:?}");
        assert!(!exactly || found.len() == 1, "{heading}: {found:?}");
        assert_eq!(codes(cure), BTreeSet::new(), "{heading}: {cure}");
        let name = heading[6..].replace('-', "_");
        if exactly {
            let allowed = example.replacen("\nrule ", &format!("\n@allow({name})\nrule "), 9);
            let allowed = allowed.replacen("rule ", &format!("@allow({name})\nrule "), 1);
            let allowed = allowed.replace(
                &format!("@allow({name})\n@allow({name})\n"),
                &format!("@allow({name})\n"),
            );
            assert_eq!(codes(&allowed), BTreeSet::new(), "{heading}: {allowed}");
        }
    }
    // What stands in the list of diagnostics is the same example.
    let (of_page, of_list) = (blocks(&page), blocks(&errors));
    for (info, text) in of_list
        .iter()
        .filter(|(info, _)| info.starts_with("fold,F09"))
    {
        let same = of_page
            .iter()
            .any(|(other, shown)| other == info && shown == text);
        assert!(same, "{info}: {text}");
    }
}

#[test]
fn the_shipped_library_is_only_told_what_is_true() {
    let loaded = library::load(Vec::new());
    let found = lint(&loaded.library, &loaded.catalogue, &loaded.sources, &|_| {
        true
    });
    for one in &found {
        // A rule without a test is one; everything else has to be mended or allowed.
        assert_eq!(one.code.name, "untested", "{}", one.message);
        let tested = loaded.library.tests.iter();
        let mut tested = tested.map(|test| format!("`{}`", test.target));
        let name = one.message.split(' ').next().unwrap_or_default().to_owned();
        assert!(tested.all(|target| target != name), "{name}");
    }
}

#[test]
fn an_overlap_shows_the_smallest_graph() {
    let rules = r#"
rule left : aten::add(aten::relu(%x), %y, 1) => aten::mul(%x, %y)   numerics real
rule right : aten::add(%x, aten::neg(%y), 1) => aten::sub(%x, %y, 1)   numerics real
"#;
    let found = said(rules);
    let overlap = found.iter().find(|one| one.code.name == "overlap");
    let notes = &overlap.expect("both match a sum of a relu and a neg").notes;
    let graph = notes.join("\n");
    for part in ["aten::relu(%x)", "aten::neg", "aten::add.", "return ("] {
        assert!(graph.contains(part), "{graph}");
    }
}

#[test]
fn what_looks_alike_is_not_always_told() {
    for rules in [
        // Exact rules whose patterns differ: whichever is taken, the numbers are the same.
        "rule a : aten::relu(aten::relu(%x)) => aten::relu(%x)   numerics exact
rule b : aten::relu(%x) => aten::clamp_min(%x, 0)   numerics exact\n",
        // Its own result matches again and gives nothing new.
        "rule swap : aten::mul(%x, %y) => aten::mul(%y, %x)   numerics exact\n",
        // Another result.
        "rule any : aten::dropout(%x, _, false) => %x   numerics exact
rule half : aten::dropout(%x, 0.5, false) => aten::detach(%x)   numerics exact\n",
        // The narrower rule promises more.
        "rule any : aten::dropout(%x, _, false) => %x   numerics real
rule half : aten::dropout(%x, 0.5, false) => %x   numerics exact\n",
        // The type says less than the guard.
        "rule typed : aten::detach(%x: Tensor<quint8 | qint8>) => %x
  numerics exact
  where dtype(%x) == quint8 else \"one of both\"\n",
    ] {
        let found = codes(rules);
        assert_eq!(found, ["F0904"].into(), "{rules}");
    }
}

#[test]
fn check_gives_the_warnings_of_the_files_it_is_given() {
    let place = Place::new();
    place.write(
        "my.fold",
        "rule twice : aten::relu(aten::relu(%x)) => aten::relu(%x)   numerics exact\n",
    );
    let ran = place.run("check my.fold");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.err.matches("warning[").count(), 1, "{}", ran.err);
    assert!(
        ran.err.contains("warning[F0904]: `my.twice` has no test"),
        "{}",
        ran.err
    );
    let quiet = place.run("check my.fold -q");
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
}
