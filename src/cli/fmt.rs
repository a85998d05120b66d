//! `rulefold fmt`: rule files in the one way that everybody writes them.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use similar::TextDiff;

use crate::model::archive::Replacement;
use crate::syntax::format::{Formatted, format};

use super::output::Output;
use super::{DONE, INPUT_WRONG, RULES_WRONG, rule_files};

/// `rulefold fmt`.
#[derive(Args, Debug)]
#[command(
    after_help = "Comments are kept and no token is changed. An item that does not parse is left as it stands; `rulefold check` says why.

Exit codes: 0 done, 1 with --check: a file is written in another way, 2 a file cannot be read or written.

Examples:
  rulefold fmt patterns
  rulefold fmt --check patterns my.fold
  rulefold fmt - < my.fold"
)]
pub struct Fmt {
    /// Rule files, or folders of them; `-` reads standard input and writes standard output.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Write nothing; show what would change, with exit code 1 if something would.
    #[arg(long)]
    pub check: bool,
    /// Print nothing but errors.
    #[arg(short, long)]
    pub quiet: bool,
}

/// Runs the command; the exit code.
pub fn run(command: &Fmt, output: &Output) -> u8 {
    match all(command, output) {
        Ok(0) => DONE,
        Ok(_) if command.check => RULES_WRONG,
        Ok(_) => DONE,
        Err(message) => {
            output.error(&message);
            INPUT_WRONG
        }
    }
}

/// The number of files that are, or were, written in another way.
fn all(command: &Fmt, output: &Output) -> Result<usize, String> {
    let mut changed = 0;
    let mut count = 0;
    for given in &command.files {
        if given == Path::new("-") {
            count += 1;
            changed += usize::from(standard(command, output)?);
            continue;
        }
        for path in rule_files::paths(std::slice::from_ref(given))? {
            count += 1;
            changed += usize::from(file(command, output, &path)?);
        }
    }
    if !command.quiet && command.files != [Path::new("-")] {
        let files = if count == 1 { "file" } else { "files" };
        let done = if command.check {
            "would change"
        } else {
            "changed"
        };
        output.out(&format!("{count} {files}: {changed} {done}\n"));
    }
    Ok(changed)
}

fn standard(command: &Fmt, output: &Output) -> Result<bool, String> {
    let mut text = String::new();
    io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| format!("standard input: cannot be read: {error}"))?;
    let formatted = formatted(command, output, "standard input", &text);
    let changes = formatted.text != text;
    if !command.check {
        output.out(&formatted.text);
    } else if changes && !command.quiet {
        show(output, "standard input", &text, &formatted.text);
    }
    Ok(changes)
}

fn file(command: &Fmt, output: &Output, path: &Path) -> Result<bool, String> {
    let shown = path.display().to_string();
    let bytes = fs::read(path).map_err(|error| format!("{shown}: cannot be read: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("{shown}: is not UTF-8 at byte {at}; rule files are UTF-8")
    })?;
    let formatted = formatted(command, output, &shown, &text);
    if formatted.text == text {
        return Ok(false);
    }
    if command.check {
        if !command.quiet {
            show(output, &shown, &text, &formatted.text);
        }
        return Ok(true);
    }
    let failed = |error: io::Error| format!("{shown}: cannot be written: {error}");
    let mut replacement = Replacement::create(path).map_err(failed)?;
    replacement
        .write_all(formatted.text.as_bytes())
        .map_err(failed)?;
    replacement.commit().map_err(failed)?;
    if !command.quiet {
        output.out(&format!("{shown}: changed\n"));
    }
    Ok(true)
}

fn formatted(command: &Fmt, output: &Output, shown: &str, text: &str) -> Formatted {
    let formatted = format(text);
    if formatted.copied > 0 && !command.quiet {
        let (items, do_not) = match formatted.copied {
            1 => ("item", "does not"),
            _ => ("items", "do not"),
        };
        output.err(&format!(
            "{shown}: {} {items} {do_not} parse and stay as written; `rulefold check` says why\n",
            formatted.copied
        ));
    }
    formatted
}

/// What would change, as lines.
fn show(output: &Output, name: &str, before: &str, after: &str) {
    let diff = TextDiff::from_lines(before, after);
    let text = diff
        .unified_diff()
        .header(name, &format!("{name} (formatted)"))
        .to_string();
    if !output.colors_out() {
        output.out(&text);
        return;
    }
    let mut coloured = String::with_capacity(text.len() + text.len() / 4);
    for line in text.lines() {
        let on = match line.as_bytes() {
            [b'-', ..] => "\x1b[31m",
            [b'+', ..] => "\x1b[32m",
            [b'@', ..] => "\x1b[36m",
            _ => "",
        };
        let off = if on.is_empty() { "" } else { "\x1b[0m" };
        coloured.push_str(on);
        coloured.push_str(line);
        coloured.push_str(off);
        coloured.push('\n');
    }
    output.out(&coloured);
}
