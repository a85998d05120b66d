//! Rule files and dumps through the parser, and what it says of bad ones.

use rulefold::diagnostic::plain;
use rulefold::source::{SourceId, Sources};
use rulefold::syntax::{ast, parse, parse_graph};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files with this ending below `dir`, sorted.
fn files(dir: &str, ending: &str) -> Vec<PathBuf> {
    let mut waiting = vec![root().join(dir)];
    let mut found = vec![];
    while let Some(dir) = waiting.pop() {
        for entry in fs::read_dir(&dir).expect("the folder is part of the package") {
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

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The tree, and the diagnostics as people see them.
fn parsed(name: &str, text: &str) -> (ast::File, String) {
    let mut sources = Sources::new();
    let id = sources.add(name, text);
    let (file, diagnostics) = parse(id, text);
    (file, plain(&sources, &diagnostics))
}

#[test]
fn every_rule_file_parses() {
    let mut items = 0;
    for path in files("patterns", "fold")
        .into_iter()
        .chain(files("tests/syntax/rules", "fold"))
    {
        let (file, answer) = parsed(&path.display().to_string(), &read(&path));
        assert_eq!(answer, "", "{}", path.display());
        assert!(
            file.broken.is_empty() && !file.items.is_empty(),
            "{}",
            path.display()
        );
        items += file.items.len();
    }
    assert!(items > 100, "{items}");
}

#[test]
fn every_dump_parses() {
    for path in files("tests/syntax/dumps", "ir") {
        let text = read(&path);
        let graph = parse_graph(SourceId::new(0), &text)
            .unwrap_or_else(|found| panic!("{}: {found:?}", path.display()));
        assert_eq!(graph.form, ast::GraphForm::Colon);
        // A statement a line, but for those of tensors that PyTorch prints over several.
        assert!(
            !graph.statements.is_empty() && !graph.params.is_empty(),
            "{}",
            path.display()
        );
    }
}

#[test]
fn bad_files_get_answers() {
    for path in files("tests/syntax/bad", "fold") {
        let text = read(&path);
        let name = path
            .file_name()
            .expect("a file has a name")
            .to_string_lossy()
            .into_owned();
        let (file, answer) = parsed(&name, &text);
        let words = |item: &ast::Item| match item.name() {
            Some(name) => format!("{} {name}", item.word().text()),
            None => item.word().text().to_string(),
        };
        let alive: Vec<String> = file.items.iter().map(words).collect();
        let broken = |item: &ast::BrokenItem| match &item.name {
            Some(name) => format!("{} {name}", item.word.text()),
            None => item.word.text().to_string(),
        };
        let broken: Vec<String> = file.broken.iter().map(broken).collect();
        let shown = format!(
            "{text}\n---- alive: {}\n---- broken: {}\n\n{answer}",
            alive.join(", "),
            broken.join(", ")
        );
        insta::with_settings!({ snapshot_path => "../snapshots/syntax", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name.trim_end_matches(".fold"), shown);
        });
    }
}
