//! `rulefold test --derive`: tests written from a rule into its file.

use std::io::Write;
use std::path::Path;

use crate::model::archive::Replacement;
use crate::pipeline::library::{Loaded, RuleText};
use crate::testing::derive::{Derived, Fate, Refused, derive};

use super::arguments::Format;
use super::output::Output;
use super::{DONE, INPUT_WRONG, RULES_WRONG};

/// Derives tests of a rule and writes them; the exit code.
pub(super) fn run(
    output: &Output,
    (format, quiet): (Format, bool),
    loaded: &Loaded,
    texts: &[RuleText],
    rule: &str,
) -> u8 {
    let derived = match derive(loaded, texts, rule) {
        Ok(derived) => derived,
        Err(refused) => {
            output.error(&refusal(&refused, rule));
            return match refused {
                Refused::Failed(_) => RULES_WRONG,
                _ => INPUT_WRONG,
            };
        }
    };
    if let Some(text) = &derived.text
        && let Err(error) = replace(Path::new(&derived.file), text)
    {
        output.error(&format!("{}: cannot be written: {error}", derived.file));
        return INPUT_WRONG;
    }
    match format {
        Format::Json => match serde_json::to_string_pretty(&derived) {
            Ok(text) => output.out(&(text + "\n")),
            Err(error) => unreachable!("facts are made of texts: {error}"),
        },
        Format::Text => output.out(&text(&derived, quiet)),
    }
    let is_missing = derived
        .tests
        .iter()
        .any(|test| matches!(test.fate, Fate::NotWritten(_)));
    if is_missing { RULES_WRONG } else { DONE }
}

fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = Replacement::create(path)?;
    file.write_all(text.as_bytes())?;
    file.commit()
}

fn refusal(refused: &Refused, rule: &str) -> String {
    match refused {
        Refused::UnknownRule(Some(meant)) => {
            format!("no rule is named `{rule}`; did you mean `{meant}`?")
        }
        Refused::UnknownRule(None) => {
            format!(
                "no rule is named `{rule}`; write its full name, `module.rule`; `rulefold rules` lists them"
            )
        }
        Refused::UnknownInstance(all) => {
            format!(
                "`{rule}`: the rule has no such instance; there are {}",
                all.join(", ")
            )
        }
        Refused::NoRule(what) => format!("`{rule}` is {what}; tests are derived from rules"),
        Refused::Elsewhere(path) => format!(
            "`{rule}` is not in a file of this call: it stands in {path}; name the file that the tests are to be written into"
        ),
        Refused::Failed(why) => format!("`{rule}`: {why}"),
    }
}

/// The file and the tests that were written; those that were not, with why. With `quiet` only these.
fn text(derived: &Derived, quiet: bool) -> String {
    let count = |wanted: &dyn Fn(&Fate) -> bool| {
        derived
            .tests
            .iter()
            .filter(|test| wanted(&test.fate))
            .count()
    };
    let written = count(&|fate| *fate == Fate::Written);
    let present = count(&|fate| matches!(fate, Fate::Present(_)));
    let mut out = String::new();
    if !quiet {
        let tests = |n: usize| {
            if n == 1 {
                "1 test".to_owned()
            } else {
                format!("{n} tests")
            }
        };
        out += &match written {
            0 => format!("{}: nothing new for {}\n", derived.file, derived.rule),
            n => format!("{}: wrote {} of {}\n", derived.file, tests(n), derived.rule),
        };
        for test in derived
            .tests
            .iter()
            .filter(|test| test.fate == Fate::Written)
        {
            out += &format!("  {}\n", test.name);
        }
        if present > 0 {
            let verb = if present == 1 { "stands" } else { "stand" };
            out += &format!("{} {verb} there already\n", tests(present));
        }
    }
    for test in &derived.tests {
        if let Fate::NotWritten(why) = &test.fate {
            out += &format!("not written: {}: {why}\n", test.name);
        }
    }
    out
}
