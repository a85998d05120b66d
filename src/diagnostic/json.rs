//! Diagnostics for programs: JSON.
//!
//! In: diagnostics and the texts they point into. Out: one object for each, with lines and columns counted from 1.
//!
//! Invariant: fields are always there, in the same order; what is absent is `null` or an empty list.

use super::{Diagnostic, Role};
use crate::source::{Sources, Span};
use serde::Serialize;

/// One diagnostic as programs read it.
#[derive(Serialize)]
struct Record<'d> {
    severity: &'static str,
    code: &'static str,
    name: &'static str,
    message: &'d str,
    /// The primary place; all `null` for a message about a whole run.
    #[serde(flatten)]
    place: RecordPlace<'d>,
    notes: &'d [String],
    help: Option<&'d str>,
    labels: Vec<RecordLabel<'d>>,
}

#[derive(Serialize)]
struct RecordLabel<'d> {
    role: &'static str,
    text: &'d str,
    #[serde(flatten)]
    place: RecordPlace<'d>,
}

#[derive(Serialize, Default)]
struct RecordPlace<'d> {
    file: Option<&'d str>,
    /// From 1.
    line: Option<u32>,
    /// In bytes, from 1.
    column: Option<u32>,
    end: Option<RecordEnd>,
}

/// The place behind the last byte.
#[derive(Serialize)]
struct RecordEnd {
    line: u32,
    column: u32,
}

/// The diagnostics as a JSON array with one object a line.
pub fn json(sources: &Sources, diagnostics: &[Diagnostic]) -> String {
    let lines: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| json_object(sources, diagnostic))
        .collect();
    if lines.is_empty() {
        "[]\n".to_string()
    } else {
        format!("[\n{}\n]\n", lines.join(",\n"))
    }
}

/// One diagnostic as a JSON object on one line.
pub fn json_object(sources: &Sources, diagnostic: &Diagnostic) -> String {
    let label = |label: &'_ super::Label| match label.role {
        Role::Primary => "primary",
        Role::Secondary => "secondary",
    };
    let record = Record {
        severity: diagnostic.severity.word(),
        code: diagnostic.code.number,
        name: diagnostic.code.name,
        message: &diagnostic.message,
        place: diagnostic
            .span()
            .map_or(RecordPlace::default(), |span| place(sources, span)),
        notes: &diagnostic.notes,
        help: diagnostic.help.as_deref(),
        labels: diagnostic
            .labels
            .iter()
            .map(|one| RecordLabel {
                role: label(one),
                text: &one.text,
                place: place(sources, one.span),
            })
            .collect(),
    };
    serde_json::to_string(&record)
        .unwrap_or_else(|error| unreachable!("strings and numbers are JSON: {error}"))
}

fn place(sources: &Sources, span: Span) -> RecordPlace<'_> {
    let Some(file) = sources.file(span.source) else {
        return RecordPlace::default();
    };
    let (start, end) = (file.place(span.range().start), file.place(span.range().end));
    RecordPlace {
        file: Some(file.name()),
        line: Some(start.line + 1),
        column: Some(start.column + 1),
        end: Some(RecordEnd {
            line: end.line + 1,
            column: end.column + 1,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    #[test]
    fn objects_say_place_and_labels() {
        let mut sources = Sources::new();
        let id = sources.add("a.fold", "rule r :\n  xy\n");
        let found = Diagnostic::error(Code::new("F0999", "example"), "a \"b\"")
            .primary(Span::new(id, 11, 13), "this")
            .help("do that");
        assert_eq!(
            json(&sources, &[found]),
            concat!(
                r#"[
{"severity":"error","code":"F0999","name":"example","message":"a \"b\"","file":"a.fold","line":2,"column":3,"end":{"line":2,"column":5},"#,
                r#""notes":[],"help":"do that","labels":[{"role":"primary","text":"this","file":"a.fold","line":2,"column":3,"end":{"line":2,"column":5}}]}
]
"#
            )
        );
        assert_eq!(json(&sources, &[]), "[]\n");
        let whole = json_object(
            &sources,
            &Diagnostic::warning(Code::new("F0999", "example"), "m"),
        );
        assert!(whole.contains(r#""file":null,"line":null"#), "{whole}");
    }
}
