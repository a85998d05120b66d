//! The dialogue about snapshots: one after the other, one key each.
//!
//! Invariant: where standard input is no terminal, answers are lines; its end is `skip` for all that is left.

use std::io::{self, BufRead, IsTerminal};

use crate::testing::{Snapshot, accept, difference_text};

use super::output::Output;

/// What was decided on a snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// It is right, and was written.
    Accepted,
    /// It is wrong.
    Rejected,
    /// Not now.
    Skipped,
}

/// Shows each snapshot and asks; accepted ones are written.
///
/// # Errors
/// A snapshot that cannot be written; the message names it.
pub fn review(snapshots: &[(String, &Snapshot)], output: &Output) -> Result<Vec<Decision>, String> {
    let mut decisions = Vec::with_capacity(snapshots.len());
    for (number, (name, snapshot)) in snapshots.iter().enumerate() {
        output.out(&shown(number + 1, snapshots.len(), name, snapshot, output));
        let decision = ask(output);
        if decision == Decision::Accepted {
            accept(snapshot).map_err(|error| {
                format!("{}: cannot be written: {error}", snapshot.path.display())
            })?;
        }
        let word = match decision {
            Decision::Accepted => "accepted",
            Decision::Rejected => "rejected",
            Decision::Skipped => "skipped",
        };
        output.out(&format!("{word}\n"));
        decisions.push(decision);
    }
    Ok(decisions)
}

fn shown(number: usize, of: usize, name: &str, snapshot: &Snapshot, output: &Output) -> String {
    let mut text = format!("\n{name}  {number} of {of}\n{}\n", snapshot.path.display());
    for line in difference_text(&snapshot.difference()) {
        let colour = match (output.colors_out(), line.chars().next()) {
            (true, Some('+')) => ("\x1b[32m", "\x1b[0m"),
            (true, Some('-')) => ("\x1b[31m", "\x1b[0m"),
            _ => ("", ""),
        };
        text += &format!("{}{line}{}\n", colour.0, colour.1);
    }
    text
}

fn ask(output: &Output) -> Decision {
    loop {
        output.out("[a]ccept [r]eject [s]kip? ");
        match key() {
            None | Some('s') => return Decision::Skipped,
            Some('a') => return Decision::Accepted,
            Some('r') => return Decision::Rejected,
            Some(_) => output.out("\n"),
        }
    }
}

/// The key pressed, or the first character of a line; nothing at the end of the input.
fn key() -> Option<char> {
    if io::stdin().is_terminal() {
        return console::Term::stderr().read_char().ok();
    }
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim().chars().next().unwrap_or(' ')),
    }
}
