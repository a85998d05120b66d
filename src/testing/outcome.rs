//! What became of a test.
//!
//! In: filled in by the runner. Out: facts for the reports.
//! Invariant: a test without failures and without pending snapshots passed.

use serde::Serialize;

use super::lines::{Line, difference};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

use super::codes;
use super::coverage::Seen;

/// A test that was run, for one instance of its rule.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Full name of the rule or pipeline, with its instance: `torch.quantized.packed[op = conv2d]`.
    pub target: String,
    /// What the test is called.
    pub test: String,
    /// Full name of the module the test stands in.
    pub module: String,
    /// The test.
    pub span: Span,
    /// What it expected and did not find.
    pub failures: Vec<Failure>,
    /// Snapshots that are new or differ, and wait for a decision.
    pub snapshots: Vec<Snapshot>,
    /// What it saw of its rule.
    pub seen: Seen,
    /// How long it took.
    pub seconds: f64,
}

impl Outcome {
    /// The letter in the line of dots.
    pub fn letter(&self) -> char {
        match self.failures.first() {
            Some(failure) => failure.kind.letter(),
            None if self.snapshots.is_empty() => '.',
            None => 'S',
        }
    }

    /// Whether it expected nothing that it did not find.
    pub fn passed(&self) -> bool {
        self.failures.is_empty() && self.snapshots.is_empty()
    }

    /// Everything that keeps it from passing, with its place in the rule file.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let failures = self.failures.iter().map(|failure| failure.diagnostic(self));
        let snapshots = self.snapshots.iter().map(|snapshot| {
            let label = match snapshot.before {
                None => "there is no snapshot yet",
                Some(_) => "the snapshot differs",
            };
            let mut failure = Failure::new(FailureKind::Snapshot, snapshot.span, label);
            failure.difference = snapshot.difference();
            let help = "accept it with `rulefold test --review`, or all with `--update`";
            failure
                .note(snapshot.path.display().to_string())
                .diagnostic(self)
                .help(help)
        });
        failures.chain(snapshots).collect()
    }

    /// Target and test: `torch.clean.detach: detach alone`.
    pub fn name(&self) -> String {
        format!("{}: {}", self.target, self.test)
    }
}

/// How a test failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The rule did not do what it should have done.
    Missing,
    /// The rule did something it should not have done, or left it for another reason.
    Noisy,
    /// The result is another graph.
    WrongGraph,
    /// The numbers differ.
    Numbers,
    /// The snapshot differs, or is new where none may be made.
    Snapshot,
    /// The test could not be run.
    NotRun,
}

impl FailureKind {
    /// Every kind.
    pub const ALL: [FailureKind; 6] = [
        FailureKind::Missing,
        FailureKind::Noisy,
        FailureKind::WrongGraph,
        FailureKind::Numbers,
        FailureKind::Snapshot,
        FailureKind::NotRun,
    ];

    /// The letter in the line of dots.
    pub fn letter(self) -> char {
        match self {
            FailureKind::Missing => 'M',
            FailureKind::Noisy => 'N',
            FailureKind::WrongGraph => 'W',
            FailureKind::Numbers => 'E',
            FailureKind::Snapshot => 'S',
            FailureKind::NotRun => 'X',
        }
    }

    /// What the letter stands for.
    pub fn word(self) -> &'static str {
        match self {
            FailureKind::Missing => "missing match",
            FailureKind::Noisy => "unwanted match or another reason",
            FailureKind::WrongGraph => "wrong graph",
            FailureKind::Numbers => "numbers differ",
            FailureKind::Snapshot => "snapshot",
            FailureKind::NotRun => "not run",
        }
    }

    fn code(self) -> Code {
        match self {
            FailureKind::Missing => codes::TEST_MISSING,
            FailureKind::Noisy => codes::TEST_NOISY,
            FailureKind::WrongGraph => codes::TEST_GRAPH,
            FailureKind::Numbers => codes::TEST_NUMBERS,
            FailureKind::Snapshot => codes::TEST_SNAPSHOT,
            FailureKind::NotRun => codes::TEST_NOT_RUN,
        }
    }
}

/// An expectation that was not met.
#[derive(Clone, Debug)]
pub struct Failure {
    /// How.
    pub kind: FailureKind,
    /// The `expect`, or what of the test cannot be run.
    pub span: Span,
    /// What is at that place, in a few words.
    pub label: String,
    /// A place that explains it, with words.
    pub other: Option<(Span, String)>,
    /// Facts: what was found, values.
    pub notes: Vec<String>,
    /// For graphs, what differs.
    pub difference: Vec<Line>,
}

impl Failure {
    /// A failure at a place.
    pub(super) fn new(kind: FailureKind, span: Span, label: impl Into<String>) -> Failure {
        Failure {
            kind,
            span,
            label: label.into(),
            other: None,
            notes: Vec::new(),
            difference: Vec::new(),
        }
    }

    /// With a fact.
    pub(super) fn note(mut self, note: impl Into<String>) -> Failure {
        self.notes.push(note.into());
        self
    }

    /// With a place that explains it.
    pub(super) fn other(mut self, span: Span, label: impl Into<String>) -> Failure {
        self.other = Some((span, label.into()));
        self
    }

    /// The failure with its place in the rule file.
    fn diagnostic(&self, of: &Outcome) -> Diagnostic {
        let mut diagnostic =
            Diagnostic::error(self.kind.code(), of.name()).primary(self.span, self.label.clone());
        if let Some((span, label)) = &self.other {
            diagnostic = diagnostic.secondary(*span, label.clone());
        }
        if !self.difference.is_empty() {
            let lines = super::lines::text(&self.difference);
            let head = "expected (-) and found (+):";
            diagnostic = diagnostic.note(format!("{head}\n{}", lines.join("\n")));
        }
        for note in &self.notes {
            diagnostic = diagnostic.note(note.clone());
        }
        diagnostic
    }
}

/// A snapshot that is new or differs.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The file that holds it, or would.
    pub path: std::path::PathBuf,
    /// What came out.
    pub text: String,
    /// What the file holds; `None` if there is none yet.
    pub before: Option<String>,
    /// The file as it would be.
    pub file: String,
    /// The `expect`.
    pub span: Span,
}

impl Snapshot {
    /// What differs, line by line.
    pub fn difference(&self) -> Vec<Line> {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let before = self.before.as_deref().map(lines).unwrap_or_default();
        difference(&before, &lines(&self.text))
    }
}
