//! Outcomes for programs: JSON.
//!
//! In: all outcomes. Out: one object.
//! Invariant: fields are always there, in the same order; diagnostics are those of `rulefold check --format json`.

use serde::Serialize;

use crate::diagnostic;
use crate::pipeline::library::Loaded;
use crate::testing::coverage::Coverage;
use crate::testing::{Line, Outcome};

#[derive(Serialize)]
struct Run<'a> {
    seed: u64,
    passed: usize,
    failed: usize,
    snapshots: usize,
    coverage: Option<&'a Coverage>,
    tests: Vec<Test<'a>>,
}

#[derive(Serialize)]
struct Test<'a> {
    target: &'a str,
    test: &'a str,
    module: &'a str,
    file: &'a str,
    /// From 1.
    line: u32,
    passed: bool,
    seconds: f64,
    diagnostics: Vec<serde_json::Value>,
    differences: Vec<Vec<Line>>,
    snapshots: Vec<Snapshot<'a>>,
}

#[derive(Serialize)]
struct Snapshot<'a> {
    path: String,
    before: Option<&'a str>,
    after: &'a str,
}

/// Everything about a run as one JSON object.
pub fn json(
    loaded: &Loaded,
    outcomes: &[Outcome],
    seed: u64,
    coverage: Option<&Coverage>,
) -> String {
    let run = Run {
        seed,
        passed: outcomes.iter().filter(|o| o.passed()).count(),
        failed: outcomes.iter().filter(|o| !o.failures.is_empty()).count(),
        snapshots: outcomes.iter().map(|o| o.snapshots.len()).sum(),
        coverage,
        tests: outcomes
            .iter()
            .map(|outcome| test(loaded, outcome))
            .collect(),
    };
    match serde_json::to_string_pretty(&run) {
        Ok(text) => text + "\n",
        Err(error) => unreachable!("facts are made of texts and numbers: {error}"),
    }
}

fn test<'a>(loaded: &'a Loaded, outcome: &'a Outcome) -> Test<'a> {
    let file = loaded.sources.file(outcome.span.source);
    let diagnostics = outcome.diagnostics();
    let diagnostics = diagnostics.iter().map(|one| {
        let text = diagnostic::json_object(&loaded.sources, one);
        serde_json::from_str(&text).unwrap_or(serde_json::Value::Null)
    });
    let snapshots = outcome.snapshots.iter().map(|snapshot| Snapshot {
        path: snapshot.path.display().to_string(),
        before: snapshot.before.as_deref(),
        after: &snapshot.text,
    });
    let differences = outcome.failures.iter().map(|f| f.difference.clone());
    Test {
        target: &outcome.target,
        test: &outcome.test,
        module: &outcome.module,
        file: file.map_or("", |file| file.name()),
        line: file.map_or(0, |file| file.place(outcome.span.range().start).line + 1),
        passed: outcome.passed(),
        seconds: outcome.seconds,
        diagnostics: diagnostics.collect(),
        differences: differences.filter(|lines| !lines.is_empty()).collect(),
        snapshots: snapshots.collect(),
    }
}
