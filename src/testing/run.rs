//! All tests of a library, one after the other.
//!
//! In: checked rules, which tests are wanted. Out: an outcome for each test and instance, in the order of the texts.
//! Invariant: outcomes depend on the rules, the files they name and the seed, not on what ran before.

use std::path::PathBuf;
use std::time::Instant;

use crate::check::{Item, Test, Trial};
use crate::pipeline::library::Loaded;
use crate::source::Span;

use super::job;
use super::judge::judge;
use super::outcome::{Failure, FailureKind, Outcome, Snapshot};
use super::{file, snapshot};

/// How tests are run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where random contents begin.
    pub seed: u64,
    /// How many random inputs `expect equal` compares.
    pub samples: usize,
    /// Only tests in whose name, target included, this stands.
    pub filter: Option<String>,
    /// Where `given file` looks, instead of beside the rule file.
    pub root: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            seed: 0,
            samples: 20,
            filter: None,
            root: None,
        }
    }
}

/// A test for one instance.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The test.
    pub test: &'a Test,
    /// The instance, with the graphs as they are for it.
    pub trial: &'a Trial,
}

impl Case<'_> {
    /// Target with instance: `torch.quantized.packed[op = conv2d]`.
    pub fn target(&self, loaded: &Loaded) -> String {
        let target = self.test.target;
        let of_rule = loaded.library.rule(target.as_str());
        let instance = of_rule.and_then(|rule| rule.instances.get(self.trial.instance));
        let label = instance.and_then(|i| i.label.split_once('['));
        match label {
            Some((_, parameters)) => format!("{target}[{parameters}"),
            None => target.to_string(),
        }
    }

    fn name(&self, loaded: &Loaded) -> String {
        format!("{}: {}", self.target(loaded), self.test.test.name.value)
    }
}

/// The tests of these modules that are wanted, in the order of the texts.
pub fn cases<'a>(loaded: &'a Loaded, settings: &Settings, modules: &[String]) -> Vec<Case<'a>> {
    let tests = loaded.library.tests.iter();
    let tests = tests.filter(|test| modules.iter().any(|module| test.module == module.as_str()));
    let all = tests.flat_map(|test| test.trials.iter().map(move |trial| Case { test, trial }));
    all.filter(|case| match &settings.filter {
        Some(filter) => case.name(loaded).contains(filter.as_str()),
        None => true,
    })
    .collect()
}

/// Runs one test.
pub fn run(loaded: &Loaded, settings: &Settings, case: Case<'_>) -> Outcome {
    let start = Instant::now();
    let test = case.test;
    let findings = match loaded.library.find(test.target.as_str()) {
        Some(Item::Rule(rule)) => {
            judge(loaded, settings, rule, test, case.trial, case.name(loaded))
        }
        _ => job::judge(loaded, settings, test, case.trial, case.name(loaded)),
    };
    let mut findings = findings;
    let texts = std::mem::take(&mut findings.snapshots);
    let snapshots = snapshots(loaded, case, texts).unwrap_or_else(|error| {
        let failure = Failure::new(FailureKind::NotRun, test.test.name.span, "no snapshot");
        findings.failures.push(failure.note(error.to_string()));
        Vec::new()
    });
    Outcome {
        target: case.target(loaded),
        test: test.test.name.value.clone(),
        module: test.module.to_string(),
        span: test.test.span,
        failures: findings.failures,
        snapshots,
        seen: findings.seen,
        seconds: start.elapsed().as_secs_f64(),
    }
}

fn snapshots(
    loaded: &Loaded,
    case: Case<'_>,
    texts: Vec<(Span, String)>,
) -> std::io::Result<Vec<Snapshot>> {
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let test = case.test;
    let source = loaded.sources.file(test.test.span.source);
    let full = case.target(loaded);
    let own = format!("{}.", test.module);
    let of = snapshot::Of {
        folder: &file::folder(loaded, test),
        source: source.map_or("", |source| source.name()),
        module: test.module.as_str(),
        target: full.strip_prefix(&own).unwrap_or(&full),
        test: &test.test.name.value,
    };
    snapshot::compare(&of, texts)
}
