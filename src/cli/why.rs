//! `rulefold why`: why a rule did what it did to a model, or did nothing.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::Args;

use crate::inspect::why::{self, Question, Why};
use crate::model::archive::Archive;
use crate::model::torchscript;
use crate::pipeline::library;

use super::arguments::{Format, Job};
use super::output::Output;
use super::why_text::Shown;
use super::{DONE, INPUT_WRONG, rule_files, why_steps, why_text};

/// `rulefold why`.
#[derive(Args, Debug)]
#[command(
    after_help = "The rule is a full name, a short one that only one rule has, or one of its instances: `packed[op = conv2d]`, `packed[conv2d]`.
The node is a value as `rulefold show --frozen` names it, or a place in the archive's code: `%y.3`, `m.py:12`.

Exit codes: 0 answered, 1 the rules have errors, 2 the model or the call is wrong.

Examples:
  rulefold why torch.quantized.packed model.pt
  rulefold why 'packed[conv2d]' model.pt --at %y.3
  rulefold why my.rule model.pt --rules my.fold --step"
)]
pub struct WhyArgs {
    /// The rule.
    #[arg(value_name = "RULE")]
    pub rule: String,
    /// The model: a TorchScript archive.
    #[arg(value_name = "MODEL")]
    pub input: PathBuf,
    /// Only this node.
    #[arg(long, value_name = "NODE", allow_hyphen_values = true)]
    pub at: Option<String>,
    /// All groups and all places in the model, not only the first ones.
    #[arg(long)]
    pub all: bool,
    /// Walk through the nearest attempt, one line of the rule after the other; keys: n next, b back, c captures, g graph, q quit.
    #[arg(long, conflicts_with = "format")]
    pub step: bool,
    /// Rules, pipeline and settings.
    #[command(flatten)]
    pub job: Job,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub format: Format,
    /// Print nothing but the answer: no hints what else could be asked.
    #[arg(short, long)]
    pub quiet: bool,
}

/// Runs the command; the exit code.
pub fn run(command: &WhyArgs, output: &Output) -> u8 {
    let loaded = match rule_files::load_for_use(&command.job.rules) {
        Ok(loaded) => loaded,
        Err(refused) => return refused.tell(output),
    };
    let answer = match answer(command, &loaded) {
        Ok(answer) => answer,
        Err(message) => {
            output.error(&message);
            return INPUT_WRONG;
        }
    };
    match command.format {
        Format::Json => {
            let json = serde_json::to_string_pretty(&answer)
                .unwrap_or_else(|error| unreachable!("an answer is text and numbers: {error}"));
            output.out(&(json + "\n"));
        }
        Format::Text if command.step => {
            let is_terminal = io::stdin().is_terminal();
            why_steps::walk(
                &answer,
                &loaded,
                output,
                &mut io::stdin().lock(),
                is_terminal,
            );
        }
        Format::Text => output.out(&why_text::text(&answer, &loaded, output, shown(command))),
    }
    DONE
}

fn shown(command: &WhyArgs) -> Shown {
    Shown {
        all: command.all,
        hints: !command.quiet,
    }
}

fn answer(command: &WhyArgs, loaded: &library::Loaded) -> Result<Why, String> {
    let path = &command.input;
    let archive = Archive::open(path).map_err(|error| error.to_string())?;
    let file = torchscript::read_archive(&archive, &loaded.catalogue)
        .map_err(|error| error.of_file(path.display()))?;
    let options = command.job.options()?;
    let question = Question {
        rule: command.rule.clone(),
        at: command.at.clone(),
        all: command.all,
    };
    why::why(file, loaded, &options, &question).map_err(|error| match error {
        why::WhyError::Question(message) => message,
        error => format!("{}: {error}", path.display()),
    })
}
