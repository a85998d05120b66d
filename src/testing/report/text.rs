//! Outcomes for people: a line of dots for each module, and the last line.
//!
//! In: outcomes one by one. Out: pieces of text to print at once.
//! Invariant: a line of dots is never longer than asked for, however many tests there are.

use crate::testing::{FailureKind, Outcome};

/// Draws one letter for each test, module by module.
#[derive(Debug)]
pub struct Dots {
    width: usize,
    colours: bool,
    module: String,
    /// Where names end and letters begin.
    indent: usize,
    at: usize,
}

impl Dots {
    /// Lines of at most `width` columns; names take as much room as the longest of `modules`.
    pub fn new<'a>(width: usize, colours: bool, modules: impl Iterator<Item = &'a str>) -> Dots {
        let longest = modules.map(str::len).max().unwrap_or(0);
        Dots {
            width: width.max(20),
            colours,
            module: String::new(),
            indent: (longest + 2).min(width.max(20) / 2),
            at: 0,
        }
    }

    /// What to print for the next outcome.
    pub fn next(&mut self, outcome: &Outcome) -> String {
        let mut text = String::new();
        if self.module != outcome.module {
            text += &self.end();
            self.module.clone_from(&outcome.module);
            text += &format!("{:1$}", outcome.module, self.indent);
            if outcome.module.len() >= self.indent {
                text.push(' ');
            }
            self.at = self.indent.max(outcome.module.len() + 1);
        } else if self.at >= self.width {
            text += &format!("\n{:1$}", "", self.indent);
            self.at = self.indent;
        }
        self.at += 1;
        let letter = outcome.letter();
        match (self.colours, letter) {
            (false, letter) => text.push(letter),
            (true, '.') => text += "\x1b[32m.\x1b[0m",
            (true, 'S') if outcome.failures.is_empty() => text += "\x1b[33mS\x1b[0m",
            (true, letter) => text += &format!("\x1b[1;31m{letter}\x1b[0m"),
        }
        text
    }

    /// Ends the line, if one was begun.
    pub fn end(&mut self) -> String {
        match std::mem::take(&mut self.at) {
            0 => String::new(),
            _ => "\n".to_owned(),
        }
    }
}

/// What the letters stand for, if there are others than dots.
pub fn legend(outcomes: &[Outcome]) -> String {
    let has = |kind: &FailureKind| {
        let waits = *kind == FailureKind::Snapshot;
        outcomes.iter().any(|outcome| {
            outcome.failures.first().is_some_and(|f| f.kind == *kind)
                || (waits && outcome.failures.is_empty() && !outcome.snapshots.is_empty())
        })
    };
    let kinds = FailureKind::ALL.iter().filter(|kind| has(kind));
    let texts: Vec<String> = kinds
        .map(|kind| format!("{} {}", kind.letter(), kind.word()))
        .collect();
    match texts.is_empty() {
        true => String::new(),
        false => format!("({})\n", texts.join(", ")),
    }
}

/// `17 passed, 2 failed, 1 snapshot to review (seed 0)`.
pub fn summary(outcomes: &[Outcome], seed: u64, colours: bool) -> String {
    let passed = outcomes.iter().filter(|o| o.passed()).count();
    let failed = outcomes.iter().filter(|o| !o.failures.is_empty()).count();
    let waiting: usize = outcomes.iter().map(|o| o.snapshots.len()).sum();
    let mut parts = vec![format!("{passed} passed")];
    if failed > 0 {
        parts.push(format!("{failed} failed"));
    }
    if waiting > 0 {
        let word = if waiting == 1 {
            "snapshot"
        } else {
            "snapshots"
        };
        parts.push(format!("{waiting} {word} to review"));
    }
    let text = parts.join(", ");
    let text = match (colours, failed + waiting) {
        (false, _) => text,
        (true, 0) => format!("\x1b[32m{text}\x1b[0m"),
        (true, _) => format!("\x1b[1;31m{text}\x1b[0m"),
    };
    format!("{text} (seed {seed})\n")
}
