//! `rulefold test`: the tests in rule files.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::diagnostic;
use crate::model::archive::Replacement;
use crate::pipeline::library::{self, Loaded, RuleText};
use crate::rules::SHIPPED;
use crate::testing::coverage::{self, coverage};
use crate::testing::mutate::mutate;
use crate::testing::report::{Dots, json, junit, legend, mutants, mutants_json, summary};
use crate::testing::{Outcome, Settings, Snapshot, accept, cases, run as run_case};

use super::arguments::Format;
use super::output::Output;
use super::review::{Decision, review};
use super::{DONE, INPUT_WRONG, RULES_WRONG, derive, rule_files, watch};

/// Columns of a line of dots where there is no terminal.
const DOTS: usize = 80;

/// `rulefold test`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 all tests passed, 1 tests failed, snapshots wait or the rules have errors, 2 a file cannot be read or written, or the
call is wrong.

Examples:
  rulefold test                        the shipped library
  rulefold test my.fold                the tests of one file
  rulefold test rules --filter relu    those with `relu` in the name of rule or test
  rulefold test my.fold --seed 7       other random numbers
  rulefold test my.fold --review       decide on snapshots, one key each
  rulefold test my.fold --watch        again after each change
  rulefold test --derive my.rule my.fold   write tests of a rule into its file"
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
    /// Accept all snapshots that are new or differ.
    #[arg(long, conflicts_with = "review")]
    pub update: bool,
    /// Show each snapshot that is new or differs, and ask.
    #[arg(long, conflicts_with_all = ["watch", "format"])]
    pub review: bool,
    /// Run again after each change of a file, until standard input is closed.
    #[arg(long, requires = "files")]
    pub watch: bool,
    /// List guards, optional nodes and rules that no test covers.
    #[arg(long)]
    pub uncovered: bool,
    /// Make the rules wrong, one thing at a time, and list what no test notices. With a full name only that rule.
    #[arg(long, value_name = "RULE", num_args = 0..=1, conflicts_with_all = ["watch", "review", "update", "junit", "uncovered"])]
    pub mutate: Option<Option<String>>,
    /// Write tests from a rule into its file: the smallest graph that it matches, and graphs that just miss it. A full name, with the
    /// instance of a family: `my.rule`, `my.rule[op = relu]`.
    #[arg(long, value_name = "RULE", requires = "files", conflicts_with_all = ["watch", "review", "update", "junit", "uncovered", "mutate", "filter"])]
    pub derive: Option<String>,
    /// How outcomes are printed.
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub format: Format,
    /// Write the outcomes as JUnit XML, too.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Print failures only.
    #[arg(short, long)]
    pub quiet: bool,
}

/// Runs the command; the exit code.
pub fn run(command: &Test, output: &Output) -> u8 {
    match command.watch {
        true => watch::watch(&command.files, || once(command, output)),
        false => once(command, output),
    }
}

fn once(command: &Test, output: &Output) -> u8 {
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
    let loaded = library::load(texts.clone());
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
    if let Some(rule) = &command.derive {
        return derive::run(
            output,
            (command.format, command.quiet),
            &loaded,
            &texts,
            rule,
        );
    }
    if let Some(rule) = &command.mutate {
        return mutated(
            command,
            output,
            &loaded,
            (&texts, &modules),
            &settings,
            rule.as_deref(),
        );
    }
    let run = Run {
        command,
        output,
        loaded: &loaded,
        modules: &modules,
    };
    let mut outcomes = run.all(&settings);
    let done = run
        .decide(&mut outcomes)
        .and_then(|()| run.print(&outcomes));
    match done {
        Err(message) => {
            output.error(&message);
            INPUT_WRONG
        }
        Ok(()) if outcomes.iter().all(Outcome::passed) => DONE,
        Ok(()) => RULES_WRONG,
    }
}

/// Mutates rules and tells what survives.
fn mutated(
    command: &Test,
    output: &Output,
    loaded: &Loaded,
    (texts, modules): (&[RuleText], &[String]),
    settings: &Settings,
    rule: Option<&str>,
) -> u8 {
    if let Some(rule) = rule
        && loaded.library.rule(rule).is_none()
    {
        output.error(&format!(
            "no rule is named `{rule}`; write its full name, `module.rule`"
        ));
        return INPUT_WRONG;
    }
    let wanted = |name: &str| match rule {
        Some(rule) => name == rule,
        None => {
            let module = name.rsplit_once('.').map_or("", |(module, _)| module);
            modules.iter().any(|one| one == module)
        }
    };
    let all = loaded.library.modules.iter();
    let all: Vec<String> = all.map(|module| module.name.to_string()).collect();
    let own = cases(loaded, settings, &all).into_iter();
    let own = own.filter(|case| wanted(case.test.target.as_str()));
    let mut outcomes = own.map(|case| run_case(loaded, settings, case));
    if let Some(failing) = outcomes.find(|outcome| !outcome.passed()) {
        let name = failing.name();
        output.error(&format!(
            "{name}: this test fails without any mutation; mend it first"
        ));
        return RULES_WRONG;
    }
    let done = mutate(loaded, texts, settings, &wanted);
    output.out(&match command.format {
        Format::Json => mutants_json(&done),
        Format::Text => mutants(&done, command.quiet),
    });
    match done.survivors().next() {
        None => DONE,
        Some(_) => RULES_WRONG,
    }
}

struct Run<'a> {
    command: &'a Test,
    output: &'a Output,
    loaded: &'a Loaded,
    modules: &'a [String],
}

impl Run<'_> {
    /// Whether the run is told as it goes.
    fn is_told(&self) -> bool {
        !self.command.quiet && self.command.format == Format::Text
    }

    /// Runs the tests, and draws a letter for each.
    fn all(&self, settings: &Settings) -> Vec<Outcome> {
        let cases = cases(self.loaded, settings, self.modules);
        let names = cases.iter().map(|case| case.test.module.as_str());
        let width = self.output.width().unwrap_or(DOTS);
        let mut dots = Dots::new(width, self.output.colors_out(), names);
        let mut outcomes = Vec::with_capacity(cases.len());
        for case in cases {
            let outcome = run_case(self.loaded, settings, case);
            if self.is_told() {
                self.output.out(&dots.next(&outcome));
            }
            outcomes.push(outcome);
        }
        if self.is_told() {
            self.output.out(&dots.end());
            self.output.out(&legend(&outcomes));
        }
        outcomes
    }

    /// Settles what is to become of snapshots.
    fn decide(&self, outcomes: &mut [Outcome]) -> Result<(), String> {
        if self.command.update {
            for outcome in outcomes {
                for snapshot in std::mem::take(&mut outcome.snapshots) {
                    written(&snapshot)?;
                    if self.is_told() {
                        let path = snapshot.path.display();
                        self.output.out(&format!("wrote {path}\n"));
                    }
                }
            }
        } else if self.command.review {
            let waiting: Vec<(String, &Snapshot)> = outcomes
                .iter()
                .flat_map(|o| o.snapshots.iter().map(|snapshot| (o.name(), snapshot)))
                .collect();
            let mut decisions = review(&waiting, self.output)?.into_iter();
            for outcome in outcomes {
                let keep = |_: &Snapshot| decisions.next() != Some(Decision::Accepted);
                outcome.snapshots.retain(keep);
            }
        }
        Ok(())
    }

    fn print(&self, outcomes: &[Outcome]) -> Result<(), String> {
        let (command, output) = (self.command, self.output);
        if let Some(path) = &command.junit {
            let document = junit(self.loaded, outcomes);
            let write = || {
                let mut file = Replacement::create(path)?;
                file.write_all(document.as_bytes())?;
                file.commit()
            };
            let failed = |error| format!("{}: cannot be written: {error}", path.display());
            write().map_err(failed)?;
        }
        let covered = coverage(self.loaded, self.modules, outcomes);
        // A part of the tests says nothing about what the others see.
        let covered = command.filter.is_none().then_some(covered);
        if command.format == Format::Json {
            output.out(&json(self.loaded, outcomes, command.seed, covered.as_ref()));
            return Ok(());
        }
        // What was reviewed was shown already.
        let shown = outcomes.iter().map(|outcome| match command.review {
            true => Outcome {
                snapshots: Vec::new(),
                ..outcome.clone()
            },
            false => outcome.clone(),
        });
        let found: Vec<_> = shown.flat_map(|outcome| outcome.diagnostics()).collect();
        if !found.is_empty() {
            let text = match output.colors_out() {
                true => diagnostic::coloured(&self.loaded.sources, &found),
                false => diagnostic::plain(&self.loaded.sources, &found),
            };
            output.out(&format!("\n{text}"));
        }
        if let (true, Some(covered)) = (command.uncovered, &covered) {
            output.out(&coverage::listed(covered));
        }
        if !command.quiet {
            output.out(&summary(outcomes, command.seed, output.colors_out()));
            if let Some(covered) = &covered {
                output.out(&coverage::summary(covered));
            }
        }
        Ok(())
    }
}

fn written(snapshot: &Snapshot) -> Result<(), String> {
    accept(snapshot)
        .map_err(|error| format!("{}: cannot be written: {error}", snapshot.path.display()))
}
