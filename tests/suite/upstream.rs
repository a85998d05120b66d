//! The page that maps PyTorch's patterns and passes: every entry is there, and every rule it names is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rulefold::pipeline::library;

/// PyTorch's tables, each with how many entries it has.
const TABLES: [(&str, usize); 5] = [("qf", 80), ("dq", 2), ("dl", 1), ("lp", 2), ("cp", 5)];

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("book/src/torch/upstream.md");
    fs::read_to_string(path).expect("the page is there")
}

/// The cells of each row of the page's tables, heads and rules left out.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let mut rows: Vec<Vec<&str>> = Vec::new();
    let mut in_body = false;
    for line in page.lines() {
        let Some(cells) = line.strip_prefix("| ") else {
            in_body &= line.starts_with('|');
            in_body |= line.starts_with("|---");
            continue;
        };
        if in_body {
            rows.push(cells.trim_end_matches(" |").split(" | ").collect());
        }
    }
    rows
}

/// What stands between backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Names of what the library holds, instances of rules among them.
fn known() -> BTreeSet<String> {
    let loaded = library::load(Vec::new());
    let library = &loaded.library;
    let mut known: BTreeSet<String> = BTreeSet::new();
    for rule in &library.rules {
        let (module, _) = rule.name.as_str().rsplit_once('.').expect("a full name");
        known.insert(module.to_owned());
        known.insert(rule.name.to_string());
        known.extend(
            rule.instances
                .iter()
                .map(|i| format!("{module}.{}", i.label)),
        );
    }
    known.extend(library.keeps.iter().map(|keep| keep.name.to_string()));
    known.extend(library.pipelines.iter().map(|p| p.name.to_string()));
    known
}

#[test]
fn every_entry_of_the_five_tables_is_listed_once() {
    let page = page();
    let mut listed: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows(&page).iter().filter(|row| row.len() == 2) {
        for id in quoted(row[0]) {
            let mut parts = id.splitn(3, '.');
            if let (Some(table), Some(number), Some(_)) = (parts.next(), parts.next(), parts.next())
            {
                *listed.entry(format!("{table}.{number}")).or_default() += 1;
            }
        }
    }
    let all = TABLES.iter().flat_map(|&(table, count)| {
        (0..count).map(move |number| (format!("{table}.{number:02}"), 1))
    });
    assert_eq!(listed, all.collect());
}

#[test]
fn every_entry_has_an_answer_that_exists() {
    let (page, known) = (page(), known());
    let rows = rows(&page);
    assert!(rows.len() > 90, "{}", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let answer = row.last().expect("a row has cells");
        let named: Vec<&str> = quoted(answer)
            .filter(|name| name.starts_with("torch."))
            .collect();
        if named.is_empty() && !answer.starts_with("not needed: ") && !answer.contains('`') {
            wrong.push(format!("{}: no answer: {answer}", row[0]));
        }
        let missing = named.iter().filter(|name| !known.contains(**name));
        wrong.extend(missing.map(|name| format!("{}: there is no `{name}`", row[0])));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_that_quantizes_is_named() {
    let page = page();
    let loaded = library::load(Vec::new());
    let named: BTreeSet<&str> = rows(&page)
        .iter()
        .flat_map(|row| quoted(row.last().expect("a row has cells")))
        .map(|name| name.split('[').next().unwrap_or(name))
        .collect();
    let own = [
        "same_elements",
        "same_elements_view",
        "requantize",
        "own_type",
    ];
    let missing: Vec<&str> = loaded
        .library
        .rules
        .iter()
        .map(|rule| rule.name.as_str())
        .filter(|name| {
            name.starts_with("torch.quantized.") || name.starts_with("torch.linear_dynamic.")
        })
        .filter(|name| !named.contains(name) && !own.iter().any(|own| name.ends_with(own)))
        .collect();
    assert!(
        missing.is_empty(),
        "PyTorch has no pattern for these: {missing:?}"
    );
}
