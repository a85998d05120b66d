//! `rulefold check`: rule files to diagnostics.

use crate::diagnostic;
use crate::pipeline::library;

use super::arguments::{Check, Format};
use super::output::Output;
use super::{DONE, INPUT_WRONG, RULES_WRONG, rule_files};

/// Runs the command; the exit code.
pub fn run(command: &Check, output: &Output) -> u8 {
    let texts = match rule_files::read(&command.files) {
        Ok(texts) => texts,
        Err(message) => {
            output.error(&message);
            return INPUT_WRONG;
        }
    };
    let files = texts.len();
    let loaded = library::load(texts);
    let errors = diagnostic::has_errors(&loaded.diagnostics);
    let shown: Vec<_> = loaded
        .diagnostics
        .iter()
        .filter(|d| !command.quiet || d.is_error())
        .cloned()
        .collect();
    match command.format {
        Format::Json => output.out(&diagnostic::json(&loaded.sources, &shown)),
        Format::Text => {
            output.diagnostics(&loaded.sources, &shown);
            if !command.quiet && !errors {
                output.out(&format!(
                    "{files} {}: no errors\n",
                    if files == 1 { "file" } else { "files" }
                ));
            }
        }
    }
    if errors { RULES_WRONG } else { DONE }
}
