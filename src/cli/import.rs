//! `rulefold import`: PyTorch's pattern strings to a rule file.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::authoring;
use crate::model::archive::Replacement;

use super::output::Output;
use super::{DONE, INPUT_WRONG, RULES_WRONG};

/// `rulefold import`.
#[derive(Args, Debug)]
#[command(
    after_help = "Reads pairs of `graph(%a, ...): ... return (...)` as they stand in Python, C++ or text: two that a call or a list names one after
the other, else each with the next. Guards that the file cannot tell are marked `// to do`; the label is `changes` until you judge it.

Exit codes: 0 at least one rule was made, 1 none, 2 a file cannot be read or written.

Examples:
  rulefold import quantization_patterns.h -o patterns/mine.fold
  rulefold import passes.py | less"
)]
pub struct Import {
    /// The file; `-` reads standard input.
    #[arg(value_name = "FILE")]
    pub input: PathBuf,
    /// Where to write the rule file; without it, to standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Do not say what was left out.
    #[arg(short, long)]
    pub quiet: bool,
}

/// Runs the command; the exit code.
pub fn run(command: &Import, output: &Output) -> u8 {
    match import(command, output) {
        Ok(0) => RULES_WRONG,
        Ok(_) => DONE,
        Err(message) => {
            output.error(&message);
            INPUT_WRONG
        }
    }
}

/// The number of rules made.
fn import(command: &Import, output: &Output) -> Result<usize, String> {
    let standard = command.input == Path::new("-");
    let shown = if standard {
        "standard input".to_owned()
    } else {
        command.input.display().to_string()
    };
    let unreadable = |error: io::Error| format!("{shown}: cannot be read: {error}");
    let bytes = if standard {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).map_err(unreadable)?;
        bytes
    } else {
        fs::read(&command.input).map_err(unreadable)?
    };
    let text = String::from_utf8_lossy(&bytes);
    let name = command
        .input
        .file_name()
        .map_or(shown.clone(), |name| name.to_string_lossy().into_owned());
    let imported = authoring::import(&name, &text);
    if !command.quiet {
        for (line, reason) in &imported.skipped {
            output.err(&format!("{shown}:{line}: left out: {reason}\n"));
        }
        let rules = if imported.rules == 1 { "rule" } else { "rules" };
        output.err(&format!(
            "{} {rules} made, {} left out\n",
            imported.rules,
            imported.skipped.len()
        ));
    }
    if imported.rules == 0 {
        return Ok(0);
    }
    match &command.output {
        None => output.out(&imported.text),
        Some(path) => {
            let failed =
                |error: io::Error| format!("{}: cannot be written: {error}", path.display());
            let mut file = Replacement::create(path).map_err(failed)?;
            file.write_all(imported.text.as_bytes()).map_err(failed)?;
            file.commit().map_err(failed)?;
        }
    }
    Ok(imported.rules)
}
