//! Lints: what each is about, its code, its page with an example and a cure.

use crate::command::{Place, root};
use rulefold::diagnostic::Diagnostic;
use rulefold::lint::lint;
use rulefold::pipeline::library::{self, RuleText};
use rulefold::source::SourceId;
use std::collections::BTreeSet;
use std::fs;

/// Everything that is said of each of these rule files: by the checker, and by the lints. The library is loaded once for all.
fn said_of(texts: &[String]) -> Vec<Vec<Diagnostic>> {
    let path = |at: usize| format!("my{at}.fold");
    let files = texts.iter().enumerate().map(|(at, text)| RuleText {
        module: format!("my{at}"),
        path: path(at),
        bytes: text.as_bytes().to_vec(),
    });
    let loaded = library::load(files.collect());
    let file_of = |id: SourceId| {
        let file = loaded.sources.file(id)?;
        (0..texts.len()).find(|&at| file.name() == path(at))
    };
    let mut found = loaded.diagnostics.clone();
    assert!(
        !rulefold::diagnostic::has_errors(&found),
        "{}",
        rulefold::diagnostic::plain(&loaded.sources, &found)
    );
    let (library, catalogue) = (&loaded.library, &loaded.catalogue);
    let is_ours = |id| file_of(id).is_some();
    found.extend(lint(library, catalogue, &loaded.sources, &is_ours));
    let mut said = vec![Vec::new(); texts.len()];
    for one in found {
        if let Some(at) = one.span().and_then(|span| file_of(span.source)) {
            said[at].push(one);
        }
    }
    said
}

/// What is said of one file.
fn said(text: &str) -> Vec<Diagnostic> {
    said_of(&[text.to_owned()]).remove(0)
}

fn codes(found: &[Diagnostic]) -> BTreeSet<&'static str> {
    found.iter().map(|one| one.code.number).collect()
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

/// An example that allows a lint before each of its rules.
fn allowed(example: &str, name: &str) -> String {
    let note = format!("@allow({name})\nrule ");
    let text = format!("\n{example}").replace("\nrule ", &format!("\n{note}"));
    text.trim_start().to_owned()
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
    // The examples of the checker's own warnings say nothing of tests.
    let is_lint = |code: &str| code > "F0903";
    let mut texts = Vec::new();
    for (part, heading) in parts.iter().zip(&headings) {
        let code = &heading[..5];
        let blocks = blocks(part);
        let [(info, example), (plain, cure)] = blocks.as_slice() else {
            panic!("{heading}: an example and a cure")
        };
        assert_eq!(
            (info.as_str(), plain.as_str()),
            (format!("fold,{code}").as_str(), "fold")
        );
        let allowed = match is_lint(code) {
            true => allowed(example, &heading[6..].replace('-', "_")),
            false => String::new(),
        };
        texts.extend([example.clone(), cure.clone(), allowed]);
    }
    let all = said_of(&texts);
    for ((heading, of), texts) in headings.iter().zip(all.chunks(3)).zip(texts.chunks(3)) {
        let code = &heading[..5];
        let [example, cure, allowed] = of else {
            unreachable!("three texts for each heading")
        };
        let found = codes(example);
        assert!(found.contains(code), "{heading}: {found:?}");
        assert!(!is_lint(code) || found.len() == 1, "{heading}: {found:?}");
        assert_eq!(codes(cure), BTreeSet::new(), "{heading}: {}", texts[1]);
        assert_eq!(codes(allowed), BTreeSet::new(), "{heading}: {}", texts[2]);
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
    let told: Vec<&str> = found.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(told, [""; 0]);
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
fn an_overlap_may_be_inside_and_joined_again() {
    let apart = r#"
rule outer : aten::neg(aten::exp(%x)) => aten::rsub(aten::expm1(%x), -1, 1)   numerics real
rule inner : aten::exp(%x) => aten::pow(2.718281828459045, %x)   numerics real
"#;
    let join = "rule join : aten::neg(aten::pow(2.718281828459045, %x)) => aten::rsub(aten::expm1(%x), -1, 1)   numerics real\n";
    // What matches more and spares more is taken.
    let smaller = apart.replace("aten::rsub(aten::expm1(%x), -1, 1)", "aten::sinh(%x)");
    let exact = apart.replacen("real", "exact", 1);
    let texts = [apart.to_owned(), format!("{apart}{join}"), exact, smaller];
    let found = said_of(&texts);
    let overlaps = |found: &[Diagnostic]| -> Vec<Diagnostic> {
        let found = found.iter().filter(|one| one.code.name == "overlap");
        found.cloned().collect()
    };
    let told = overlaps(&found[0]);
    assert_eq!(told.len(), 1, "{found:?}");
    let message = "`my0.inner` matches a part of what `my0.outer` matches, and the results differ";
    assert_eq!(told[0].message, message);
    let graph = told[0].notes.join("\n");
    for part in ["aten::exp(%x)", "aten::neg(%1)", "return (%2)"] {
        assert!(graph.contains(part), "{graph}");
    }
    for joined in &found[1..] {
        assert!(overlaps(joined).is_empty(), "{joined:?}");
    }
}

/// The codes that are said of each text, but that it has no tests.
fn told(texts: &[&str]) -> Vec<BTreeSet<&'static str>> {
    let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
    let found = said_of(&texts).into_iter().map(|found| {
        let mut codes = codes(&found);
        codes.remove("F0904");
        codes
    });
    found.collect()
}

#[test]
fn what_looks_alike_is_not_always_told() {
    let texts = [
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
        // One member of the family goes by the guard.
        "rule some for op in [\"relu\", \"tanh\"] : aten::{op}(aten::{op}(%x)) => aten::{op}(%x)
  numerics exact
  where op == \"relu\" else \"only relu does not change twice\"\n",
        // The other guard says less.
        "rule two : aten::detach(%x) => %x
  numerics exact
  where rank(%x) == 2 else \"a matrix\"
  where shape(%x)[0] == 2 else \"two rows\"\n",
    ];
    for (text, codes) in texts.iter().zip(told(&texts)) {
        assert_eq!(codes, BTreeSet::new(), "{text}");
    }
}

#[test]
fn guards_that_are_decided_are_told() {
    let needless = [
        // What an operator makes.
        "rule made {
  numerics exact
  match {
    %f = aten::dequantize(_)
    %y = aten::detach(%f)
  }
  where dtype(%f) == f32 else \"what dequantize makes\"
  rewrite { %y = %f }
}\n",
        // A literal of the pattern.
        "rule made {
  numerics exact
  match {
    %q = aten::quantize_per_tensor(_, _, _, quint8)
    %y = aten::detach(%q)
  }
  where dtype(%q) in [quint8, qint8] else \"quantized\"
  rewrite { %y = %q }
}\n",
        // Template parameters, in each member of the family.
        "rule family for op in [\"relu\", \"relu6\"] : aten::{op}(aten::{op}(%x)) => aten::{op}(%x)
  numerics exact
  where starts_with(op, \"relu\") else \"a kind of relu\"\n",
        // Two guards, of which the first says more.
        "rule twice : aten::detach(%x) => %x
  numerics exact
  where rank(%x) == 2 else \"a matrix\"
  where rank(%x) in [2, 3] else \"few dimensions\"\n",
        // Dimensions of a written type.
        "rule dims : aten::detach(%x: Tensor<f32, [2, 3]>) => %x
  numerics exact
  where shape(%x)[1] == 3 else \"three columns\"\n",
        // A tensor is never none.
        "rule there : aten::detach(%x) => %x
  numerics exact
  where not (%x == none) else \"there is one\"\n",
    ];
    for (text, codes) in needless.iter().zip(told(&needless)) {
        assert_eq!(codes, ["F0905"].into(), "{text}");
    }
    let never = [
        "rule family for op in [\"relu\", \"tanh\"] : aten::{op}(aten::{op}(%x)) => aten::{op}(%x)
  numerics exact
  where op == \"sigmoid\" else \"not one of them\"\n",
        "rule typed : aten::detach(%x: Tensor<qint8>) => %x
  numerics exact
  where dtype(%x) == quint8 else \"another type\"\n",
        "rule both : aten::detach(%x) => %x
  numerics exact
  where dtype(%x) == quint8 else \"one\"
  where dtype(%x) == qint8 else \"the other\"\n",
        "rule made {
  numerics exact
  match {
    %f = aten::dequantize(_)
    %y = aten::detach(%f)
  }
  where dtype(%f) == quint8 else \"never so\"
  rewrite { %y = %f }
}\n",
    ];
    for (text, codes) in never.iter().zip(told(&never)) {
        assert_eq!(codes, ["F0909"].into(), "{text}");
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
