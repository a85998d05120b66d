//! What became of mutants, for people and programs.
//!
//! In: mutants. Out: text or JSON.
//! Invariant: survivors are shown with what was changed; killed ones are only counted.

use std::fmt::Write;

use crate::testing::lines::text;
use crate::testing::mutate::{Fate, Mutated};

/// The survivors with their changes, and counts.
pub fn mutants(done: &Mutated, quiet: bool) -> String {
    let mut out = String::new();
    for mutant in done.survivors() {
        let _ = writeln!(
            out,
            "{}:{}: {}: {}",
            mutant.file, mutant.line, mutant.rule, mutant.what
        );
        // The lines around a change say nothing that the place does not.
        let changed = text(&mutant.difference);
        for line in changed.iter().filter(|line| line.starts_with(['+', '-'])) {
            let _ = writeln!(out, "  {line}");
        }
    }
    if quiet {
        return out;
    }
    let count =
        |fate: &dyn Fn(&Fate) -> bool| done.mutants.iter().filter(|m| fate(&m.fate)).count();
    let killed = count(&|fate| matches!(fate, Fate::Killed(_)));
    let explained = count(&|fate| matches!(fate, Fate::Explained(_)));
    let survived = count(&|fate| *fate == Fate::Survived);
    let _ = writeln!(
        out,
        "{} mutants: {killed} killed, {explained} explained, {survived} survived",
        done.mutants.len()
    );
    out
}

/// All mutants as one JSON object.
pub fn mutants_json(done: &Mutated) -> String {
    match serde_json::to_string_pretty(done) {
        Ok(text) => text + "\n",
        Err(error) => unreachable!("facts are made of texts and numbers: {error}"),
    }
}
