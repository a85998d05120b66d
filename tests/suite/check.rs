//! Rule files through the checker: what is in the library, and what it says of bad ones.

use rulefold::check::{Library, ModuleSource, check};
use rulefold::diagnostic::plain;
use rulefold::ops::Catalogue;
use rulefold::source::{SourceId, Sources};
use rulefold::syntax::{ast, parse};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Rule files below a folder with their module names, sorted.
fn modules_below(dir: &Path, prefix: &str) -> Vec<(String, PathBuf)> {
    let mut found = vec![];
    for entry in fs::read_dir(dir).expect("the folder is part of the package") {
        let path = entry.expect("the folder can be listed").path();
        let name = path.file_stem().map(|name| name.to_string_lossy());
        let name = format!("{prefix}{}", name.expect("files have names"));
        if path.is_dir() {
            found.extend(modules_below(&path, &format!("{name}.")));
        } else if path.extension().is_some_and(|e| e == "fold") {
            found.push((name, path));
        }
    }
    found.sort();
    found
}

/// Parses and checks texts under module names; the answer holds the diagnostics of both stages.
fn checked(texts: &[(String, String)]) -> (Library, String) {
    let mut sources = Sources::new();
    let mut diagnostics = vec![];
    let mut files: Vec<(&str, SourceId, ast::File)> = vec![];
    for (name, text) in texts {
        let id = sources.add(format!("{}.fold", name.replace('.', "/")), text.as_str());
        let (file, found) = parse(id, text);
        diagnostics.extend(found);
        files.push((name, id, file));
    }
    let modules: Vec<ModuleSource> = files
        .iter()
        .map(|(name, source, file)| ModuleSource {
            name,
            source: *source,
            file,
            replaces: false,
        })
        .collect();
    let (library, found) = check(&modules, &mut Catalogue::new());
    diagnostics.extend(found);
    (library, plain(&sources, &diagnostics))
}

fn shipped() -> Vec<(String, String)> {
    modules_below(&root().join("patterns"), "")
        .into_iter()
        .map(|(name, path)| (name, fs::read_to_string(path).expect("a rule file")))
        .collect()
}

/// Rules with their instances and the numbers of their variants.
fn listed(library: &Library) -> String {
    let mut out = String::new();
    for rule in &library.rules {
        let _ = writeln!(out, "{} {:?}", rule.name, rule.numerics);
        for instance in &rule.instances {
            let _ = writeln!(
                out,
                "  {}: {} variants",
                instance.label,
                instance.variants.len()
            );
        }
    }
    for keep in &library.keeps {
        let _ = writeln!(out, "keep {}: {} patterns", keep.name, keep.patterns.len());
    }
    out
}

#[test]
fn shipped_library_is_right() {
    let (library, answer) = checked(&shipped());
    assert_eq!(answer, "");
    insta::assert_snapshot!(listed(&library));
}
