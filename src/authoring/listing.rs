//! The rules, keeps and pipelines of a library, as a reader looks for them.
//!
//! In: a loaded library. Out: an [`Entry`] for each item, in the order of the modules and their text.
//! Invariant: an entry's text is the file's, without the tests inside it.

use serde::Serialize;

use crate::check::pipeline::Step;
use crate::check::rule::Numerics;
use crate::check::{Library, ModuleInfo};
use crate::graph::Name;
use crate::pipeline::library::Loaded;
use crate::source::Span;

/// What an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// A rule.
    Rule,
    /// A keep.
    Keep,
    /// A pipeline.
    Pipeline,
}

/// An item of the library.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// Full name.
    pub name: String,
    /// Full name of its module.
    pub module: String,
    /// The file it stands in.
    pub file: String,
    /// Its documentation.
    pub doc: String,
    /// The promise about numbers, of a rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numerics: Option<String>,
    /// Why it leaves something alone: the guards' reasons of a rule, the reason of a keep.
    pub reasons: Vec<String>,
    /// Pipelines with a step that names it, or its module.
    pub pipelines: Vec<String>,
    /// Members of its family.
    pub instances: usize,
    /// Tests of it, whether inside or outside of it.
    pub tests: usize,
    /// Its text without tests.
    pub text: String,
}

impl Entry {
    /// The first sentence of its documentation, without `What:`.
    pub fn summary(&self) -> &str {
        let doc = self.doc.trim();
        let doc = doc.strip_prefix("What:").unwrap_or(doc).trim_start();
        let line = doc.lines().next().unwrap_or("");
        line.split_inclusive(". ")
            .next()
            .map_or(line, str::trim_end)
    }
}

/// Every item of a library.
pub fn entries(loaded: &Loaded) -> Vec<Entry> {
    let library = &loaded.library;
    library
        .modules
        .iter()
        .flat_map(|module| of_module(loaded, module))
        .collect()
}

/// The items of a module in the order of its text.
pub(super) fn of_module(loaded: &Loaded, module: &ModuleInfo) -> Vec<Entry> {
    let library = &loaded.library;
    let mut found: Vec<(Span, Entry)> = Vec::new();
    for rule in library.rules.get(module.rules.clone()).unwrap_or_default() {
        let reasons = rule.reasons.iter().map(|reason| reason.text.to_string());
        found.push((
            rule.span,
            Entry {
                numerics: Some(label(&rule.numerics)),
                reasons: reasons.collect(),
                instances: rule.instances.len(),
                ..entry(
                    loaded,
                    module,
                    EntryKind::Rule,
                    rule.name,
                    rule.span,
                    &rule.doc,
                )
            },
        ));
    }
    for keep in library.keeps.get(module.keeps.clone()).unwrap_or_default() {
        found.push((
            keep.span,
            Entry {
                reasons: vec![keep.reason.to_string()],
                ..entry(loaded, module, EntryKind::Keep, keep.name, keep.span, "")
            },
        ));
    }
    for pipeline in &library.pipelines {
        if pipeline.span.source == module.source {
            let (name, span) = (pipeline.name, pipeline.span);
            found.push((
                span,
                entry(
                    loaded,
                    module,
                    EntryKind::Pipeline,
                    name,
                    span,
                    &pipeline.doc,
                ),
            ));
        }
    }
    found.sort_by_key(|(span, _)| span.range().start);
    found.into_iter().map(|(_, entry)| entry).collect()
}

fn entry(
    loaded: &Loaded,
    module: &ModuleInfo,
    kind: EntryKind,
    name: Name,
    span: Span,
    doc: &str,
) -> Entry {
    let library = &loaded.library;
    let file = loaded.sources.file(module.source);
    Entry {
        kind,
        name: name.to_string(),
        module: module.name.to_string(),
        file: file.map_or(String::new(), |file| file.name().to_string()),
        doc: doc.trim().to_owned(),
        numerics: None,
        reasons: Vec::new(),
        pipelines: used_by(library, name),
        instances: 1,
        tests: library
            .tests
            .iter()
            .filter(|test| test.target == name)
            .count(),
        text: without_tests(loaded, span),
    }
}

/// A label as rules write it.
fn label(numerics: &Numerics) -> String {
    match numerics {
        Numerics::Exact => "exact".to_owned(),
        Numerics::Real => "real".to_owned(),
        Numerics::Within(steps) => format!("within {steps} lsb"),
        Numerics::Changes(why) => format!("changes: {why}"),
    }
}

/// Pipelines with a step that uses this rule, keep or pipeline.
fn used_by(library: &Library, name: Name) -> Vec<String> {
    let using = library
        .pipelines
        .iter()
        .filter(|pipeline| uses(&pipeline.steps, name));
    using.map(|pipeline| pipeline.name.to_string()).collect()
}

fn uses(steps: &[Step], name: Name) -> bool {
    steps.iter().any(|step| match step {
        Step::Apply { rules, .. } => rules.contains(&name),
        Step::Saturate { rules, keeps, .. } => rules.contains(&name) || keeps.contains(&name),
        Step::If(_, inner) => uses(inner, name),
        Step::Run { pipeline, .. } => *pipeline == name,
        _ => false,
    })
}

/// The text from an item's word to its end, without the tests inside it.
fn without_tests(loaded: &Loaded, span: Span) -> String {
    let whole = span.range();
    let file = loaded.sources.file(span.source);
    let text = file.map_or("", |file| file.text());
    let mut tests: Vec<_> = loaded
        .library
        .tests
        .iter()
        .map(|test| test.test.span)
        .filter(|test| test.source == span.source)
        .map(|test| test.range())
        .filter(|test| test.start > whole.start && test.end < whole.end)
        .collect();
    tests.sort_by_key(|test| test.start);
    let mut out = String::new();
    let mut at = text
        .get(whole.clone())
        .map_or(whole.start, |item| whole.start + skipped(item));
    for test in tests {
        out += text.get(at..test.start).unwrap_or("").trim_end();
        at = test.end;
    }
    out += text.get(at..whole.end).unwrap_or("");
    out.trim_end().to_owned()
}

/// Bytes of documentation, notes and comments before an item's word.
fn skipped(item: &str) -> usize {
    let mut at = 0;
    for line in item.split_inclusive('\n') {
        if !(line.starts_with("//") || line.starts_with('@')) {
            break;
        }
        at += line.len();
    }
    at
}

/// The entries that hold every word: in their name, documentation, reasons or text, whatever the case.
pub fn search<'a>(entries: &'a [Entry], words: &[String]) -> Vec<&'a Entry> {
    let words: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    let holds = |entry: &&Entry| {
        let reasons = entry.reasons.join(" ");
        let whole =
            [&entry.name, &entry.doc, &reasons, &entry.text].map(|text| text.to_lowercase());
        words
            .iter()
            .all(|word| whole.iter().any(|text| text.contains(word.as_str())))
    };
    entries.iter().filter(holds).collect()
}
