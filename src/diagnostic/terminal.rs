//! Diagnostics for people: the source, the place and the words, drawn by codespan-reporting.
//!
//! In: diagnostics and the texts they point into. Out: a text, with or without ANSI colours.
//!
//! Invariant: the same diagnostics give the same text; nothing asks the terminal.
//! Invariant: a span that points outside of its text is drawn at the text's end rather than dropped.

use super::{Diagnostic, Label, Role, Severity};
use crate::source::{SourceId, Sources, Span};
use codespan_reporting::diagnostic as drawn;
use codespan_reporting::files::{Error, Files};
use codespan_reporting::term::termcolor::Ansi;
use codespan_reporting::term::{
    Config, Styles, StylesWriter, emit_into_string, emit_to_write_style,
};
use std::ops::Range;

/// Draws diagnostics one below the other, without colours.
pub fn plain(sources: &Sources, diagnostics: &[Diagnostic]) -> String {
    let files = Texts(sources);
    let draw =
        |diagnostic| emit_into_string(&Config::default(), &files, &drawing(sources, diagnostic));
    diagnostics
        .iter()
        .map(|diagnostic| draw(diagnostic).unwrap_or_else(|_| bare(diagnostic)))
        .collect()
}

/// Draws diagnostics one below the other, with ANSI colours.
pub fn coloured(sources: &Sources, diagnostics: &[Diagnostic]) -> String {
    let (files, styles) = (Texts(sources), Styles::default());
    let draw = |diagnostic: &Diagnostic| {
        let mut bytes = vec![];
        let mut writer = StylesWriter::new(Ansi::new(&mut bytes), &styles);
        match emit_to_write_style(
            &mut writer,
            &Config::default(),
            &files,
            &drawing(sources, diagnostic),
        ) {
            Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(_) => bare(diagnostic),
        }
    };
    diagnostics.iter().map(draw).collect()
}

/// Draws places with a message that is no mistake: labels, then notes.
pub fn excerpt(
    sources: &Sources,
    message: &str,
    labels: &[Label],
    notes: &[String],
    colours: bool,
) -> String {
    let files = Texts(sources);
    let drawing = drawn::Diagnostic::note()
        .with_message(message)
        .with_labels(
            labels
                .iter()
                .map(|label| drawn_label(sources, label))
                .collect(),
        )
        .with_notes(notes.to_vec());
    let drawing_text = if colours {
        let mut bytes = vec![];
        let styles = Styles::default();
        let mut writer = StylesWriter::new(Ansi::new(&mut bytes), &styles);
        emit_to_write_style(&mut writer, &Config::default(), &files, &drawing)
            .map(|()| String::from_utf8_lossy(&bytes).into_owned())
    } else {
        emit_into_string(&Config::default(), &files, &drawing)
    };
    drawing_text.unwrap_or_else(|_| format!("note: {message}\n"))
}

/// The message alone, should its source be missing.
fn bare(diagnostic: &Diagnostic) -> String {
    let mut text = format!(
        "{}[{}]: {}\n",
        diagnostic.severity.word(),
        diagnostic.code,
        diagnostic.message
    );
    for note in diagnostic.notes.iter().chain(&diagnostic.help) {
        text += &format!("  = {note}\n");
    }
    text
}

impl Severity {
    /// The word before the message.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

fn drawing(sources: &Sources, diagnostic: &Diagnostic) -> drawn::Diagnostic<SourceId> {
    let severity = match diagnostic.severity {
        Severity::Error => drawn::Severity::Error,
        Severity::Warning => drawn::Severity::Warning,
    };
    let labels = diagnostic.labels.iter();
    let labels = labels.map(|label| drawn_label(sources, label));
    let help = diagnostic.help.iter().map(|help| format!("help: {help}"));
    drawn::Diagnostic::new(severity)
        .with_code(diagnostic.code.number)
        .with_message(&diagnostic.message)
        .with_labels(labels.collect())
        .with_notes(diagnostic.notes.iter().cloned().chain(help).collect())
}

fn drawn_label(sources: &Sources, label: &Label) -> drawn::Label<SourceId> {
    let style = match label.role {
        Role::Primary => drawn::LabelStyle::Primary,
        Role::Secondary => drawn::LabelStyle::Secondary,
    };
    let range = within(sources, label.span);
    drawn::Label::new(style, label.span.source, range).with_message(&label.text)
}

/// The span's range, clipped to its text and to whole characters.
fn within(sources: &Sources, span: Span) -> Range<usize> {
    let text = sources.file(span.source).map_or("", |file| file.text());
    let whole = |mut offset: usize| {
        offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    };
    whole(span.range().start)..whole(span.range().end)
}

/// The texts as codespan-reporting asks for them.
struct Texts<'s>(&'s Sources);

impl<'s> Files<'s> for Texts<'s> {
    type FileId = SourceId;
    type Name = &'s str;
    type Source = &'s str;

    fn name(&'s self, id: SourceId) -> Result<&'s str, Error> {
        Ok(self.0.file(id).ok_or(Error::FileMissing)?.name())
    }

    fn source(&'s self, id: SourceId) -> Result<&'s str, Error> {
        Ok(self.0.file(id).ok_or(Error::FileMissing)?.text())
    }

    fn line_index(&'s self, id: SourceId, offset: usize) -> Result<usize, Error> {
        Ok(self.0.file(id).ok_or(Error::FileMissing)?.line_of(offset))
    }

    fn line_range(&'s self, id: SourceId, line: usize) -> Result<Range<usize>, Error> {
        let file = self.0.file(id).ok_or(Error::FileMissing)?;
        file.line_range(line).ok_or(Error::LineTooLarge {
            given: line,
            max: file.line_count() - 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    #[test]
    fn draws_source_labels_and_help() {
        let mut sources = Sources::new();
        let id = sources.add("a.fold", "rule r :\n  x\n");
        let diagnostic = Diagnostic::error(Code::new("F0999", "example"), "no such thing")
            .secondary(Span::new(id, 0, 4), "in this rule")
            .primary(Span::new(id, 11, 12), "this")
            .note("a fact")
            .help("do that");
        let text = plain(&sources, std::slice::from_ref(&diagnostic));
        assert_eq!(
            text,
            "error[F0999]: no such thing\n  ┌─ a.fold:2:3\n  │\n1 │ rule r :\n  │ ---- in this rule\n2 │   x\n  │   ^ this\n  │\n  = a fact\n  = help: do that\n\n"
        );
        let colours = coloured(&sources, &[diagnostic]);
        assert!(colours.contains("\u{1b}["));
    }

    #[test]
    fn spans_outside_of_the_text_are_clipped() {
        let mut sources = Sources::new();
        let id = sources.add("a.fold", "é");
        let at = |start, end| {
            Diagnostic::warning(Code::new("F0999", "example"), "m")
                .primary(Span::new(id, start, end), "")
        };
        assert!(plain(&sources, &[at(1, 99), at(50, 60)]).contains("a.fold:1:1"));
        let lost = Diagnostic::error(Code::new("F0999", "example"), "m")
            .primary(Span::at(SourceId::new(7), 0), "");
        assert_eq!(plain(&sources, &[lost]), "error[F0999]: m\n");
    }
}
