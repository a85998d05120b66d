//! The house rules that a machine can hold: which module may use which, how long a file may be, how each begins.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module with those it may use: the table in `book/src/architecture.md`.
const MAY_USE: &[(&str, &[&str])] = &[
    ("source", &[]),
    ("diagnostic", &["source"]),
    ("graph", &[]),
    ("ops", &["graph"]),
    ("drawing", &["graph", "ops"]),
    ("syntax", &["source", "diagnostic"]),
    ("check", &["syntax", "ops", "graph", "source", "diagnostic"]),
    ("rules", &["check", "ops", "graph", "source"]),
    ("eval", &["ops", "graph"]),
    (
        "egraph",
        &["rules", "check", "eval", "ops", "graph", "source"],
    ),
    ("model", &["ops", "graph"]),
    (
        "pipeline",
        &[
            "source",
            "diagnostic",
            "graph",
            "ops",
            "syntax",
            "check",
            "rules",
            "eval",
            "egraph",
            "model",
        ],
    ),
    (
        "authoring",
        &[
            "source",
            "diagnostic",
            "graph",
            "ops",
            "syntax",
            "check",
            "pipeline",
        ],
    ),
    (
        "testing",
        &[
            "source",
            "diagnostic",
            "graph",
            "ops",
            "syntax",
            "check",
            "rules",
            "eval",
            "egraph",
            "model",
            "pipeline",
        ],
    ),
    (
        "inspect",
        &[
            "source",
            "diagnostic",
            "graph",
            "ops",
            "drawing",
            "syntax",
            "check",
            "rules",
            "eval",
            "egraph",
            "model",
            "pipeline",
            "authoring",
            "testing",
        ],
    ),
    (
        "lint",
        &[
            "source",
            "diagnostic",
            "graph",
            "ops",
            "check",
            "rules",
            "egraph",
        ],
    ),
    (
        "cli",
        &[
            "source",
            "diagnostic",
            "graph",
            "ops",
            "drawing",
            "syntax",
            "check",
            "rules",
            "eval",
            "egraph",
            "model",
            "lint",
            "pipeline",
            "inspect",
            "authoring",
            "testing",
        ],
    ),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Modules of the crate that a line of code names.
fn uses(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("crate::").filter_map(|(at, _)| {
        let rest = &line[at + "crate::".len()..];
        let end = rest
            .find(|c: char| !c.is_ascii_lowercase() && c != '_')
            .unwrap_or(rest.len());
        (end > 0).then_some(&rest[..end])
    })
}

#[test]
fn modules_use_only_what_the_table_allows() {
    let table: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let mut wrong = Vec::new();
    for path in rust_files(&root().join("src")) {
        let inside = path.strip_prefix(root().join("src")).unwrap();
        let module = inside
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_string_lossy()
            .into_owned();
        let Some(allowed) = table.get(module.as_str()) else {
            assert!(
                ["lib.rs", "main.rs"].contains(&module.as_str()),
                "src/{module} is not in the table"
            );
            continue;
        };
        // A room's own tests may look further than the room does.
        if inside.components().any(|part| part.as_os_str() == "tests")
            || inside.ends_with("tests.rs")
        {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for used in uses(line) {
                if used != module && table.contains_key(used) && !allowed.contains(&used) {
                    wrong.push(format!(
                        "{}:{}: `{module}` uses `{used}`",
                        inside.display(),
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "arrows that are not in the table:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_table_is_the_one_in_the_book() {
    let book = fs::read_to_string(root().join("book/src/architecture.md")).unwrap();
    for (module, allowed) in MAY_USE {
        let row = book
            .lines()
            .find(|line| line.starts_with(&format!("| `{module}` |")));
        let row = row.unwrap_or_else(|| panic!("the book's table has no row for `{module}`"));
        let cell = row.trim_end_matches('|').rsplit('|').next().unwrap();
        for used in *allowed {
            let all = cell.contains("all above");
            assert!(
                all || cell.contains(used),
                "the book does not let `{module}` use `{used}`: {cell}"
            );
        }
    }
}

#[test]
fn files_are_of_a_size_and_say_what_they_are() {
    let mut wrong = Vec::new();
    for folder in ["src", "tests"] {
        for path in rust_files(&root().join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            let shown = path.strip_prefix(root()).unwrap().display();
            let lines = text.lines().count();
            let generated = text
                .lines()
                .next()
                .is_some_and(|line| line.contains("@generated"));
            if lines > 600 && !generated {
                wrong.push(format!("{shown} has {lines} lines; 600 is the wall"));
            }
            if !text.starts_with("//!") {
                wrong.push(format!("{shown} does not open with what it is"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
