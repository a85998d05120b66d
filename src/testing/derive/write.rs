//! From the name of a rule to the text of its file with tests.
//!
//! In: rule files as they were loaded, the name of a rule. Out: what became of each test, and the file as it would be.
//! Invariant: a test that is there already, under whatever name, is not written again.
//! Invariant: no file is touched here.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::check::Item;
use crate::check::rule::Rule;
use crate::diagnostic::{closest, has_errors};
use crate::pipeline::library::{Loaded, RuleText, load};
use crate::testing::written::Trees;
use crate::testing::{Settings, cases, run};

use super::bench::Bench;
use super::goals::goals;
use super::splice::{content, test_text, with_tests};

/// Tests of a rule, derived from it.
#[derive(Clone, Debug, Serialize)]
pub struct Derived {
    /// Full name of the rule, with its instance: `torch.quantized.packed[op = conv1d]`.
    pub rule: String,
    /// The rule file.
    pub file: String,
    /// What became of each test.
    pub tests: Vec<Written>,
    /// The file with the new tests; nothing if there are none.
    #[serde(skip)]
    pub text: Option<String>,
}

/// A test that was derived.
#[derive(Clone, Debug, Serialize)]
pub struct Written {
    /// Its name.
    pub name: String,
    /// What became of it.
    #[serde(flatten)]
    pub fate: Fate,
}

/// What became of a derived test.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "fate", content = "why", rename_all = "kebab-case")]
pub enum Fate {
    /// It is new.
    Written,
    /// The file has such a test: its name.
    Present(String),
    /// There is none, for this reason.
    NotWritten(String),
}

/// Why nothing can be derived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// No rule has this name; one that may be meant.
    UnknownRule(Option<String>),
    /// The rule has no such instance; those there are.
    UnknownInstance(Vec<String>),
    /// It names something else, which has no pattern.
    NoRule(&'static str),
    /// The rule is not in the files that were named, but in this one.
    Elsewhere(String),
    /// Something is wrong with the rule, or with what was derived.
    Failed(String),
}

/// Derives tests of a rule that stands in one of these files, for its first instance if `wanted` does not name one.
///
/// # Errors
/// Why there is nothing to derive.
pub fn derive(loaded: &Loaded, texts: &[RuleText], wanted: &str) -> Result<Derived, Refused> {
    let (rule, instance) = find(loaded, wanted)?;
    let (module, own) = rule
        .name
        .as_str()
        .rsplit_once('.')
        .unwrap_or(("", rule.name.as_str()));
    let source = loaded.sources.file(rule.span.source);
    let path = source.map_or("", |source| source.name());
    let Some(file) = texts.iter().find(|text| text.module == module) else {
        return Err(Refused::Elsewhere(path.to_owned()));
    };
    let text = source.map_or("", |source| source.text());
    let label = match rule.instances[instance].label.split_once('[') {
        Some((_, parameters)) => format!("{}[{parameters}", rule.name),
        None => rule.name.to_string(),
    };
    let bench = Bench::new(loaded, rule, instance).map_err(Refused::Failed)?;
    let mut derived = Derived {
        rule: label.clone(),
        file: path.to_owned(),
        tests: Vec::new(),
        text: None,
    };
    let there: Vec<(Vec<String>, String)> = loaded
        .library
        .tests
        .iter()
        .filter(|test| {
            test.target == rule.name && test.trials.iter().any(|trial| trial.instance == instance)
        })
        .map(|test| {
            (
                content(loaded.sources.text(test.test.span)),
                test.test.name.value.clone(),
            )
        })
        .collect();
    let mut taken: BTreeSet<String> = there.iter().map(|(_, name)| name.clone()).collect();
    let mut new: Vec<(usize, String)> = Vec::new();
    for goal in goals(&bench, &Trees::of(loaded), &label) {
        let fate = match goal.found {
            Err(why) => Fate::NotWritten(why),
            Ok((graph, expects)) => {
                let parameters = &rule.instances[instance].parameters;
                let item = |name: &str| test_text(name, own, parameters, &graph, &expects);
                let written = content(&item(&goal.name));
                match there.iter().find(|(content, _)| *content == written) {
                    Some((_, name)) => Fate::Present(name.clone()),
                    None if taken.insert(goal.name.clone()) => {
                        new.push((derived.tests.len(), item(&goal.name)));
                        Fate::Written
                    }
                    None => Fate::NotWritten("another test has this name".into()),
                }
            }
        };
        derived.tests.push(Written {
            name: goal.name,
            fate,
        });
    }
    // What does not come out as it should is left out, until all that is left does.
    while !new.is_empty() {
        let tests: Vec<String> = new.iter().map(|(_, text)| text.clone()).collect();
        let spliced = with_tests(rule.span.source, text, own, &tests);
        let Some(spliced) = spliced else {
            return Err(Refused::Failed("the rule was not found in its file".into()));
        };
        let failing = failing(texts, file, &spliced, rule, &derived.tests);
        let before = new.len();
        for (name, why) in failing {
            new.retain(|(at, _)| derived.tests[*at].name != name);
            for test in derived.tests.iter_mut().filter(|test| test.name == name) {
                test.fate = Fate::NotWritten(why.clone());
            }
        }
        if new.len() == before {
            derived.text = Some(spliced);
            break;
        }
    }
    Ok(derived)
}

/// The rule, and the instance to derive for.
fn find<'a>(loaded: &'a Loaded, wanted: &str) -> Result<(&'a Rule, usize), Refused> {
    let (name, parameters) = match wanted.split_once('[') {
        Some((name, parameters)) => (name, Some(parameters.trim_end_matches(']'))),
        None => (wanted, None),
    };
    let rule = match loaded.library.find(name) {
        Some(Item::Rule(rule)) => rule,
        Some(Item::Pipeline(_)) => return Err(Refused::NoRule("a pipeline")),
        Some(Item::Keep(_)) => return Err(Refused::NoRule("a keep")),
        Some(Item::Module(_)) => return Err(Refused::NoRule("a module")),
        None => {
            let names = loaded.library.rules.iter().map(|rule| rule.name.as_str());
            return Err(Refused::UnknownRule(
                closest(name, names).map(str::to_owned),
            ));
        }
    };
    let plain = |text: &str| text.replace(['"', ' '], "");
    let labels = rule.instances.iter().map(|instance| &*instance.label);
    let found = match parameters {
        None => rule
            .instances
            .iter()
            .position(|instance| !instance.variants.is_empty()),
        Some(parameters) => labels.clone().position(|label| {
            let own = label
                .split_once('[')
                .map_or("", |(_, own)| own.trim_end_matches(']'));
            plain(own) == plain(parameters)
        }),
    };
    match found {
        Some(instance) => Ok((rule, instance)),
        None if parameters.is_none() => {
            Err(Refused::Failed("no instance of the rule can match".into()))
        }
        None => Err(Refused::UnknownInstance(
            labels.map(str::to_owned).collect(),
        )),
    }
}

/// The derived tests that do not pass in the new file, each with why.
fn failing(
    texts: &[RuleText],
    file: &RuleText,
    spliced: &str,
    rule: &Rule,
    tests: &[Written],
) -> Vec<(String, String)> {
    let with = texts.iter().map(|text| match text.module == file.module {
        true => RuleText {
            bytes: spliced.as_bytes().to_vec(),
            ..text.clone()
        },
        false => text.clone(),
    });
    let loaded = load(with.collect());
    let new = |name: &str| {
        tests
            .iter()
            .any(|test| test.name == name && test.fate == Fate::Written)
    };
    if has_errors(&loaded.diagnostics) {
        let first = loaded.diagnostics.first().map(|one| one.message.clone());
        let why = first.unwrap_or_default();
        let all = tests.iter().filter(|test| new(&test.name));
        return all.map(|test| (test.name.clone(), why.clone())).collect();
    }
    let settings = Settings::default();
    let own = cases(&loaded, &settings, std::slice::from_ref(&file.module));
    let own = own
        .into_iter()
        .filter(|case| case.test.target == rule.name && new(&case.test.test.name.value));
    own.filter_map(|case| {
        let outcome = run(&loaded, &settings, case);
        let failure = outcome.failures.first()?;
        let why = failure.notes.first().unwrap_or(&failure.label).clone();
        Some((outcome.test.clone(), format!("it would fail: {why}")))
    })
    .collect()
}
