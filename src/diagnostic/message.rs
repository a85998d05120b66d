//! A message about a text.
//!
//! In: severity, code, words and spans. Out: a value that can be collected, sorted and rendered.
//!
//! Invariant: the first primary label is the place of the message; a diagnostic without labels is about a whole run.

use super::Code;
use crate::source::{NotText, Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The item cannot be used.
    Error,
    /// The item can be used, and probably does not do what is meant.
    Warning,
}

/// What a label is to its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The place that is wrong.
    Primary,
    /// A place that explains it.
    Secondary,
}

/// A span with a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// What it is to the message.
    pub role: Role,
    /// The place.
    pub span: Span,
    /// Words at the place; may be empty.
    pub text: String,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Which kind it is.
    pub code: Code,
    /// One sentence, without a full stop.
    pub message: String,
    /// Places, the primary ones first.
    pub labels: Vec<Label>,
    /// Facts that explain it.
    pub notes: Vec<String>,
    /// The cure, if one is known.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A message that stops its item.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A message that stops nothing.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    fn new(severity: Severity, code: Code, message: impl Into<String>) -> Self {
        Self {
            severity,
            code,
            message: message.into(),
            labels: vec![],
            notes: vec![],
            help: None,
        }
    }

    /// With the place that is wrong.
    #[must_use]
    pub fn primary(self, span: Span, text: impl Into<String>) -> Self {
        self.label(Role::Primary, span, text)
    }

    /// With a place that explains it.
    #[must_use]
    pub fn secondary(self, span: Span, text: impl Into<String>) -> Self {
        self.label(Role::Secondary, span, text)
    }

    fn label(mut self, role: Role, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            role,
            span,
            text: text.into(),
        });
        self.labels.sort_by_key(|label| label.role);
        self
    }

    /// With a fact that explains it.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// With the cure.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The place of the message.
    pub fn span(&self) -> Option<Span> {
        self.labels.first().map(|label| label.span)
    }

    /// Whether it stops its item.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Whether one of them is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(Diagnostic::is_error)
}

impl From<NotText> for Diagnostic {
    fn from(error: NotText) -> Self {
        Diagnostic::error(
            Code::NOT_TEXT,
            format!("byte {} is not UTF-8, so this is not a text", error.offset),
        )
        .primary(error.span, "the text ends here")
        .help("save the file as UTF-8; rule files are plain text")
    }
}
