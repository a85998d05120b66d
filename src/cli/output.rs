//! The two streams: colours where they belong, and quiet ends when the reader of a pipe is gone.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use crate::diagnostic::{self, Diagnostic};
use crate::model::archive::Replacement;
use crate::source::Sources;

use super::arguments::Color;

/// Where and how to write.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    color: Color,
}

impl Output {
    /// Output with colours as asked for.
    pub fn new(color: Color) -> Output {
        Output { color }
    }

    /// Whether standard output takes colours.
    pub fn colors_out(&self) -> bool {
        self.colors(io::stdout().is_terminal())
    }

    /// Whether standard error takes colours.
    pub fn colors_err(&self) -> bool {
        self.colors(io::stderr().is_terminal())
    }

    fn colors(&self, terminal: bool) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
                terminal && !plain && !dumb
            }
        }
    }

    /// How many columns a line of standard output may have: `COLUMNS`, or what the terminal has. A pipe has no such number.
    pub fn width(&self) -> Option<usize> {
        columns(&console::Term::stdout(), io::stdout().is_terminal())
    }

    /// How many columns a line of standard error may have.
    pub fn width_err(&self) -> Option<usize> {
        columns(&console::Term::stderr(), io::stderr().is_terminal())
    }

    /// Writes to standard output. A closed pipe is the reader's way to say that it has enough.
    pub fn out(&self, text: &str) {
        write_all(&mut io::stdout().lock(), text);
    }

    /// Writes to a file, which takes its place whole or not at all; without one, or with `-`, to standard output.
    pub fn write(&self, path: Option<&Path>, text: &str) -> Result<(), String> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            self.out(text);
            return Ok(());
        };
        let write = || {
            let mut file = Replacement::create(path)?;
            file.write_all(text.as_bytes())?;
            file.commit()
        };
        write().map_err(|error| format!("{}: cannot be written: {error}", path.display()))
    }

    /// Writes to standard error.
    pub fn err(&self, text: &str) {
        write_all(&mut io::stderr().lock(), text);
    }

    /// Writes diagnostics to standard error.
    pub fn diagnostics(&self, sources: &Sources, diagnostics: &[Diagnostic]) {
        let text = if self.colors_err() {
            diagnostic::coloured(sources, diagnostics)
        } else {
            diagnostic::plain(sources, diagnostics)
        };
        self.err(&text);
    }

    /// An error message in the form all commands use.
    pub fn error(&self, message: &str) {
        let (on, off) = if self.colors_err() {
            ("\x1b[1;31m", "\x1b[0m")
        } else {
            ("", "")
        };
        self.err(&format!("{on}error{off}: {message}\n"));
    }
}

/// The number asked for, or that of the terminal behind a stream.
fn columns(terminal: &console::Term, is_terminal: bool) -> Option<usize> {
    let named = std::env::var("COLUMNS").ok();
    let named = named.and_then(|text| text.trim().parse().ok());
    let of_terminal = || {
        let (_, columns) = terminal.size_checked().filter(|_| is_terminal)?;
        Some(usize::from(columns))
    };
    named.or_else(of_terminal).filter(|columns| *columns > 0)
}

fn write_all(stream: &mut impl Write, text: &str) {
    let done = stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.flush());
    if let Err(error) = done
        && error.kind() == io::ErrorKind::BrokenPipe
    {
        std::process::exit(0);
    }
}
