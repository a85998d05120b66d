//! `rulefold check`: rule files to diagnostics.

use crate::diagnostic;
use crate::lint::lint;
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
    let named: Vec<String> = texts.iter().map(|text| text.path.clone()).collect();
    let loaded = library::load(texts);
    let errors = diagnostic::has_errors(&loaded.diagnostics);
    let mut shown = loaded.diagnostics.clone();
    if command.quiet {
        shown.retain(diagnostic::Diagnostic::is_error);
    } else if !errors {
        let is_named = |id| {
            let file = loaded.sources.file(id);
            file.is_some_and(|file| named.iter().any(|name| name == file.name()))
        };
        let (library, catalogue) = (&loaded.library, &loaded.catalogue);
        shown.extend(lint(library, catalogue, &loaded.sources, &is_named));
    }
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
