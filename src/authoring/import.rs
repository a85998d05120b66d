//! PyTorch's pattern strings made rules.
//!
//! In: a file with pairs of graphs. Out: the text of a rule file, and what could not be taken over, with the reason.
//! Invariant: the file checks; a rule's label is `changes` until its author has said what it promises, so it acts nowhere by itself.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::foreign::{ForeignGraph, Pair, graphs, pairs};
use super::retell::{Retold, retell};
use crate::syntax::format::format;

/// PyTorch's filters that are written as guards or types.
const KNOWN: [&str; 2] = ["aten_add_alpha_is_one", "input_b_is_scalar"];

/// What was made of a foreign file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Imported {
    /// The rule file.
    pub text: String,
    /// Number of rules in it.
    pub rules: usize,
    /// Line of each pattern that was left out, with the reason.
    pub skipped: Vec<(usize, String)>,
}

/// Rules of the pattern strings in `text`; `origin` is named in the file's first line.
pub fn import(origin: &str, text: &str) -> Imported {
    let (found, assembled) = graphs(text);
    let mut skipped: Vec<(usize, String)> = assembled
        .into_iter()
        .map(|line| {
            let why = "the text is put together when the program runs; print it there and import what is printed";
            (line, why.to_owned())
        })
        .collect();
    let mut rules: Vec<String> = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut names: BTreeSet<String> = BTreeSet::new();
    let paired = pairs(text, &found);
    for (at, graph) in found.iter().enumerate() {
        let used = |pair: &Pair| pair.pattern == at || pair.replacement == at;
        if !paired.iter().any(used) {
            skipped.push((graph.line, "nothing says what takes its place".to_owned()));
        }
    }
    for pair in &paired {
        let (Some(pattern), Some(replacement)) =
            (found.get(pair.pattern), found.get(pair.replacement))
        else {
            continue;
        };
        match retell(&pattern.text, &replacement.text, &pair.filters) {
            Err(reason) => skipped.push((pattern.line, reason)),
            Ok(retold) => match seen.get(&retold.body) {
                Some(line) => skipped.push((
                    pattern.line,
                    format!("says the same as the pattern of line {line}"),
                )),
                None => {
                    seen.insert(retold.body.clone(), pattern.line);
                    let name = name(pattern, replacement, &mut names);
                    rules.push(rule(&name, pattern, &retold, &pair.filters));
                }
            },
        }
    }
    skipped.sort();
    let mut whole = format!(
        "//! Taken over from {origin}. Each rule waits for its guards (`// to do`) and for its numerics label.\n"
    );
    for rule in &rules {
        whole.push('\n');
        whole += rule;
    }
    Imported {
        text: format(&whole).text,
        rules: rules.len(),
        skipped,
    }
}

/// The name of a rule: that of the pattern's variable.
fn name(
    pattern: &ForeignGraph,
    replacement: &ForeignGraph,
    taken: &mut BTreeSet<String>,
) -> String {
    let general = |name: &str| matches!(name, "pattern" | "p" | "replacement" | "graph");
    let own = [pattern, replacement]
        .iter()
        .filter_map(|graph| graph.name.as_deref())
        .find(|name| !general(name));
    let base = own.map_or_else(|| format!("line_{}", pattern.line), str::to_lowercase);
    let base = match base.chars().next() {
        Some(c) if c.is_ascii_alphabetic() => base,
        _ => format!("rule_{base}"),
    };
    let mut name = base.clone();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = format!("{base}_{number}");
        number += 1;
    }
    name
}

fn rule(name: &str, pattern: &ForeignGraph, retold: &Retold, filters: &[String]) -> String {
    let mut out = format!(
        "/// What: {}, taken over from line {}.\nrule {name} {{\n",
        retold.summary, pattern.line
    );
    out += "  // to do: what the rule promises: exact, real, within N lsb\n";
    out += "  numerics changes \"taken over, not judged yet\"\n";
    out += &retold.body;
    for dropped in &retold.dropped {
        let _ = writeln!(
            out,
            "  // to do: `%{dropped}` is dropped; for which of its values is that right? where {dropped} == ... else \"...\""
        );
    }
    for filter in filters
        .iter()
        .filter(|filter| !KNOWN.contains(&filter.as_str()))
    {
        let _ = writeln!(out, "  // to do: the filter `{filter}`");
    }
    out += "}\n";
    out
}
