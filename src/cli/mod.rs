//! The command line: one file a subcommand.
//!
//! In: arguments. Out: files, text on the two streams, and an exit code: 0 done, 1 the rules have errors, 2 the input or the call is
//! wrong.
//! Invariant: the only module that opens files the user named (with `model`), looks at the environment, or writes to a stream.

mod arguments;
mod check;
mod derive;
mod diff;
mod explain;
mod fmt;
mod import;
mod lines;
mod new;
mod optimize;
mod output;
mod progress;
mod report_text;
mod review;
mod rule_files;
mod rules;
mod settings;
mod show;
mod test;
mod verify;
mod watch;
mod why;
mod why_steps;
mod why_text;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

/// Done.
const DONE: u8 = 0;
/// The rules have errors.
const RULES_WRONG: u8 = 1;
/// The input or the call is wrong.
const INPUT_WRONG: u8 = 2;

/// Runs the command that the program was called with.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = output::Output::new(arguments.color);
    let code = match &arguments.command {
        Command::Optimize(command) => optimize::run(command, &output),
        Command::Check(command) => check::run(command, &output),
        Command::Show(command) => show::run(command, &output),
        Command::Diff(command) => diff::run(command, &output),
        Command::Verify(command) => verify::run(command, &output),
        Command::Explain(command) => explain::run(command, &output),
        Command::Fmt(command) => fmt::run(command, &output),
        Command::Rules(command) => rules::run(command, &output),
        Command::New(command) => new::run(command, &output),
        Command::Import(command) => import::run(command, &output),
        Command::Test(command) => test::run(command, &output),
        Command::Why(command) => why::run(command, &output),
    };
    ExitCode::from(code)
}
