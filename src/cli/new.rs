//! `rulefold new rule`: a rule cut out of a model.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::authoring;
use crate::graph::Name;
use crate::model::torchscript;
use crate::ops::Catalogue;
use crate::pipeline::freeze;

use super::output::Output;
use super::{DONE, INPUT_WRONG};

/// `rulefold new`.
#[derive(Args, Debug)]
pub struct New {
    /// What to start.
    #[command(subcommand)]
    pub what: What,
}

/// What can be started.
#[derive(Subcommand, Debug)]
pub enum What {
    /// A rule whose pattern, and whose first test, are nodes of a model.
    Rule(NewRule),
}

/// `rulefold new rule`.
#[derive(Args, Debug)]
#[command(
    after_help = "The pattern is all that B is computed from, back to A, as `rulefold show --frozen` prints it. What the author has to say is marked
`// to do`; the test fails until the rewrite is written.

Exit codes: 0 the rule was written, 2 the model or the call is wrong (nothing is written).

Examples:
  rulefold show --frozen model.pt
  rulefold new rule pool_fc --from model.pt --nodes 12..15 -o mine.fold"
)]
pub struct NewRule {
    /// The rule's name.
    #[arg(value_name = "NAME", default_value = "cut")]
    pub name: String,
    /// The model: a TorchScript archive.
    #[arg(long, value_name = "MODEL")]
    pub from: PathBuf,
    /// Names of values, first and last: `A..B`, or one name alone.
    #[arg(long, value_name = "A..B")]
    pub nodes: String,
    /// The method.
    #[arg(long, value_name = "NAME", default_value = "forward")]
    pub method: String,
    /// Where to write the rule file, which must not be there yet; without it, to standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print nothing but the rule; here nothing else is printed anyway.
    #[arg(short, long)]
    pub quiet: bool,
}

/// Runs the command; the exit code.
pub fn run(command: &New, output: &Output) -> u8 {
    let What::Rule(command) = &command.what;
    let done = rule(command).and_then(|text| match &command.output {
        Some(path) if path.exists() => Err(format!(
            "{}: is there already; choose another name, or print the rule and add it by hand",
            path.display()
        )),
        path => output.write(path.as_deref(), &text),
    });
    match done {
        Ok(()) => DONE,
        Err(message) => {
            output.error(&message);
            INPUT_WRONG
        }
    }
}

fn rule(command: &NewRule) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !command.name.starts_with(|c: char| c.is_ascii_alphabetic())
        || !command.name.chars().all(plain)
    {
        return Err(format!(
            "`{}` is no name for a rule; use letters, digits and `_`",
            command.name
        ));
    }
    let shown = command.from.display();
    let catalogue = Catalogue::new();
    let file =
        torchscript::read(&command.from, &catalogue).map_err(|error| error.of_file(&shown))?;
    let frozen = freeze::freeze(
        &file.model,
        std::slice::from_ref(&command.method),
        &catalogue,
    )
    .map_err(|error| format!("{shown}: {error}"))?;
    let graph = frozen
        .methods
        .get(&Name::new(&command.method))
        .ok_or_else(|| format!("{shown}: the root has no method `{}`", command.method))?;
    let (first, last) = command
        .nodes
        .split_once("..")
        .unwrap_or((&command.nodes, &command.nodes));
    let name = |text: &str| text.trim().trim_start_matches('%').to_owned();
    let origin = command.from.file_name();
    let origin = origin.map_or_else(
        || shown.to_string(),
        |name| name.to_string_lossy().into_owned(),
    );
    authoring::cut(
        &command.name,
        &origin,
        graph,
        &file.model.constants,
        (&name(first), &name(last)),
    )
    .map_err(|error| format!("{shown}: {error}"))
}
