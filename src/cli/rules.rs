//! `rulefold rules`: what rules there are.

use std::path::PathBuf;

use clap::Args;

use crate::authoring::{self, Entry, EntryKind};
use crate::diagnostic;

use super::arguments::Format;
use super::output::Output;
use super::{DONE, RULES_WRONG, lines, rule_files};

/// Where the rest of a broken line begins.
const INDENT: usize = 4;

/// `rulefold rules`.
#[derive(Args, Debug)]
#[command(
    after_help = "One item's full name prints all of it; any other words are looked for in names, documentation, reasons and texts.

Exit codes: 0 printed, 1 nothing was found or the rules have errors, 2 a file cannot be read.

Examples:
  rulefold rules
  rulefold rules conv2d prepack
  rulefold rules torch.quantized.packed
  rulefold rules --rules my.fold --markdown > rules.md"
)]
pub struct Rules {
    /// A full name, or words that an item must hold.
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
    /// A rule file or a folder of them: added, or instead of the shipped module of the same name. May be given several times.
    #[arg(long, value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    /// All modules as a page of Markdown.
    #[arg(long, conflicts_with_all = ["words", "format"])]
    pub markdown: bool,
    /// How the list is printed.
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub format: Format,
    /// Print nothing but the items; here nothing else is printed anyway.
    #[arg(short, long)]
    pub quiet: bool,
}

/// Runs the command; the exit code.
pub fn run(command: &Rules, output: &Output) -> u8 {
    let loaded = match rule_files::load(&command.rules) {
        Ok(loaded) => loaded,
        Err(refused) => return refused.tell(output),
    };
    if command.markdown {
        output.out(authoring::markdown(&loaded).trim_start());
        return DONE;
    }
    let entries = authoring::entries(&loaded);
    let found = chosen(&entries, &command.words);
    match (command.format, found.as_slice()) {
        (Format::Json, found) => {
            let json = serde_json::to_string_pretty(found)
                .unwrap_or_else(|error| unreachable!("entries are text and numbers: {error}"));
            output.out(&(json + "\n"));
        }
        (Format::Text, []) => output.error(&nothing(&entries, &command.words)),
        (Format::Text, [one]) => {
            let (bold, off) = colors(output);
            let whole = authoring::whole(one, bold, off);
            output.out(&lines::wrapped(&whole, output.width(), INDENT));
        }
        (Format::Text, found) => output.out(&lines::cut(&list(found, output), output.width())),
    }
    if found.is_empty() { RULES_WRONG } else { DONE }
}

fn colors(output: &Output) -> (&'static str, &'static str) {
    if output.colors_out() {
        ("\x1b[1m", "\x1b[0m")
    } else {
        ("", "")
    }
}

/// The one item with this name, the items of this module, or those that hold all words.
fn chosen<'a>(entries: &'a [Entry], words: &[String]) -> Vec<&'a Entry> {
    if let [name] = words {
        let named: Vec<&Entry> = entries.iter().filter(|e| e.name == *name).collect();
        if !named.is_empty() {
            return named;
        }
        let inside: Vec<&Entry> = entries.iter().filter(|e| e.module == *name).collect();
        if !inside.is_empty() {
            return inside;
        }
    }
    authoring::search(entries, words)
}

fn nothing(entries: &[Entry], words: &[String]) -> String {
    let words = words.join(" ");
    let names = entries.iter().flat_map(|entry| {
        let short = entry.name.rsplit('.').next().unwrap_or("");
        [(entry.name.as_str(), entry), (short, entry)]
    });
    let names: Vec<(&str, &Entry)> = names.collect();
    let near = diagnostic::closest(&words, names.iter().map(|(name, _)| *name));
    let meant = near.and_then(|near| names.iter().find(|(name, _)| *name == near));
    match meant {
        Some((_, entry)) => format!("no item holds `{words}`; did you mean `{}`?", entry.name),
        None => format!("no item holds `{words}`; `rulefold rules` lists all"),
    }
}

/// What an item is for: a keep has its reason.
fn said(entry: &Entry) -> &str {
    match (entry.summary(), entry.reasons.first()) {
        ("", Some(reason)) => reason,
        (summary, _) => summary,
    }
}

/// One line for each item, below its module.
fn list(found: &[&Entry], output: &Output) -> String {
    let (bold, off) = colors(output);
    let short = |entry: &Entry| {
        let name = entry
            .name
            .strip_prefix(&entry.module)
            .unwrap_or(&entry.name);
        let name = name.trim_start_matches('.').to_owned();
        match entry.kind {
            EntryKind::Rule => name,
            EntryKind::Keep => format!("keep {name}"),
            EntryKind::Pipeline => format!("pipeline {name}"),
        }
    };
    let width = found.iter().map(|entry| short(entry).len()).max();
    let label = |entry: &Entry| {
        let whole = entry.numerics.clone().unwrap_or_default();
        whole.split(':').next().unwrap_or("").to_owned()
    };
    let mut out = String::new();
    let mut module = "";
    for entry in found {
        if entry.module != module {
            let gap = if module.is_empty() { "" } else { "\n" };
            module = &entry.module;
            out += &format!("{gap}{bold}{module}{off}\n");
        }
        let line = format!(
            "  {:width$}  {:<12}  {}",
            short(entry),
            label(entry),
            said(entry),
            width = width.unwrap_or(0)
        );
        out += line.trim_end();
        out.push('\n');
    }
    out
}
