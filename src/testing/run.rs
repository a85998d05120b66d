//! All tests of a library, one after the other.
//!
//! In: checked rules, which tests are wanted. Out: an outcome for each test and instance, in the order of the texts.
//! Invariant: outcomes depend on the rules, the files they name and the seed, not on what ran before.

use std::path::PathBuf;
use std::time::Instant;

use crate::check::{Item, Test, Trial};
use crate::pipeline::library::Loaded;

use super::job;
use super::judge::judge;
use super::outcome::Outcome;

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
    Outcome {
        target: case.target(loaded),
        test: test.test.name.value.clone(),
        module: test.module.to_string(),
        span: test.test.span,
        failures: findings.failures,
        snapshots: Vec::new(),
        seconds: start.elapsed().as_secs_f64(),
    }
}
