//! `rulefold test`: the tests in rule files.

use std::path::PathBuf;

use clap::Args;

use crate::diagnostic;
use crate::pipeline::library::{self, Loaded};
use crate::rules::SHIPPED;
use crate::testing::report::{Dots, legend, summary};
use crate::testing::{Outcome, Settings, cases, run as run_case};

use super::output::Output;
use super::{DONE, INPUT_WRONG, RULES_WRONG, rule_files};

/// `rulefold test`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 all tests passed, 1 tests failed or the rules have errors, 2 a file cannot be read or the call is wrong.

Examples:
  rulefold test                        the shipped library
  rulefold test my.fold                the tests of one file
  rulefold test rules --filter relu    those with `relu` in the name of rule or test
  rulefold test my.fold --seed 7       other random numbers"
)]
pub struct Test {
    /// Rule files, or folders of them; the shipped library if there are none.
    #[arg(value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// Only tests in whose name this stands; names are shown as `module.rule[instance]: test`.
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Where random contents begin; a failure is repeated with the seed it was found with.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// How many random inputs `expect equal` compares.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub samples: usize,
    /// The folder that `given file` looks in, instead of the one of the rule file.
    #[arg(long, value_name = "FOLDER")]
    pub root: Option<PathBuf>,
    /// Print failures only.
    #[arg(short, long)]
    pub quiet: bool,
}

/// Runs the command; the exit code.
pub fn run(command: &Test, output: &Output) -> u8 {
    let texts = match rule_files::read(&command.files) {
        Ok(texts) => texts,
        Err(message) => {
            output.error(&message);
            return INPUT_WRONG;
        }
    };
    let modules: Vec<String> = match texts.is_empty() {
        true => SHIPPED.iter().map(|file| file.module.to_owned()).collect(),
        false => texts.iter().map(|text| text.module.clone()).collect(),
    };
    let loaded = library::load(texts);
    if diagnostic::has_errors(&loaded.diagnostics) {
        output.diagnostics(&loaded.sources, &loaded.diagnostics);
        return RULES_WRONG;
    }
    let settings = Settings {
        seed: command.seed,
        samples: command.samples.max(1),
        filter: command.filter.clone(),
        root: command.root.clone(),
    };
    let outcomes = run_all(command, output, &loaded, &settings, &modules);
    print(command, output, &loaded, &outcomes);
    match outcomes.iter().all(Outcome::passed) {
        true => DONE,
        false => RULES_WRONG,
    }
}

/// Runs the tests, and draws a letter for each.
fn run_all(
    command: &Test,
    output: &Output,
    loaded: &Loaded,
    settings: &Settings,
    modules: &[String],
) -> Vec<Outcome> {
    let cases = cases(loaded, settings, modules);
    let names = cases.iter().map(|case| case.test.module.as_str());
    let mut dots = Dots::new(output.width(), output.colors_out(), names);
    let mut outcomes = Vec::with_capacity(cases.len());
    for case in cases {
        let outcome = run_case(loaded, settings, case);
        if !command.quiet {
            output.out(&dots.next(&outcome));
        }
        outcomes.push(outcome);
    }
    if !command.quiet {
        output.out(&dots.end());
    }
    outcomes
}

fn print(command: &Test, output: &Output, loaded: &Loaded, outcomes: &[Outcome]) {
    if !command.quiet {
        output.out(&legend(outcomes));
    }
    let failures: Vec<_> = outcomes
        .iter()
        .flat_map(|outcome| outcome.failures.iter().map(|f| f.diagnostic(outcome)))
        .collect();
    if !failures.is_empty() {
        let text = match output.colors_out() {
            true => diagnostic::coloured(&loaded.sources, &failures),
            false => diagnostic::plain(&loaded.sources, &failures),
        };
        output.out(&format!("\n{text}"));
    }
    if !command.quiet {
        output.out(&summary(outcomes, command.seed, output.colors_out()));
    }
}
