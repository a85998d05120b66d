//! The catalogue as text: a page of the book, and one item whole for the terminal.

use std::fmt::Write;

use super::listing::{Entry, EntryKind, of_module};
use crate::pipeline::library::Loaded;

/// All modules with their items, as Markdown.
pub fn markdown(loaded: &Loaded) -> String {
    let mut out = String::new();
    for module in &loaded.library.modules {
        let _ = write!(out, "\n## {}\n\n{}\n", module.name, module.doc.trim());
        for entry in of_module(loaded, module) {
            item(&mut out, &entry);
        }
    }
    out
}

fn item(out: &mut String, entry: &Entry) {
    let word = match entry.kind {
        EntryKind::Rule => "",
        EntryKind::Keep => "keep ",
        EntryKind::Pipeline => "pipeline ",
    };
    let _ = write!(out, "\n### {word}{}\n", entry.name);
    if !entry.doc.is_empty() {
        let doc = entry.doc.strip_prefix("What: ").unwrap_or(&entry.doc);
        let _ = write!(out, "\n{doc}\n");
    }
    let _ = write!(out, "\n```fold,shipped\n{}\n```\n", entry.text);
    if let Some(label) = &entry.numerics {
        let _ = write!(out, "\nNumerics {}.", label_in_markdown(label));
        let reasons: Vec<String> = entry.reasons.iter().map(|r| format!("\n* {r}")).collect();
        if !reasons.is_empty() {
            let _ = write!(
                out,
                " Reasons for leaving something alone:\n{}",
                reasons.concat()
            );
        }
        out.push('\n');
    } else if let [reason] = entry.reasons.as_slice() {
        let _ = write!(out, "\nNot folded because {reason}.\n");
    }
}

fn label_in_markdown(label: &str) -> String {
    match label.strip_prefix("changes: ") {
        Some(why) => format!("`changes`: {why}"),
        None => format!("`{label}`"),
    }
}

/// One item with everything that is known of it. `bold` and `off` surround what stands out.
pub fn whole(entry: &Entry, bold: &str, off: &str) -> String {
    let mut out = format!("{bold}{}{off}\n", entry.name);
    for line in entry.doc.lines() {
        let _ = writeln!(out, "  {}", line.trim());
    }
    let mut fact = |head: &str, text: &str| {
        let _ = writeln!(out, "{bold}{head:<10}{off}  {text}");
    };
    fact("file", &entry.file);
    if let Some(numerics) = &entry.numerics {
        fact("numerics", numerics);
    }
    if entry.instances > 1 {
        fact("instances", &entry.instances.to_string());
    }
    let users = if entry.pipelines.is_empty() {
        "none"
    } else {
        &entry.pipelines.join(", ")
    };
    fact("pipelines", users);
    fact("tests", &entry.tests.to_string());
    for (at, reason) in entry.reasons.iter().enumerate() {
        fact(if at == 0 { "not if" } else { "" }, reason);
    }
    let _ = write!(out, "\n{}\n", entry.text);
    out
}
