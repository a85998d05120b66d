//! Mutants against the tests of their rule.
//!
//! In: rule files, the rules to mutate. Out: what became of each mutant.
//! Invariant: the answer does not depend on how many threads there are.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;

use crate::check::rule::{Apply, Build, BuildOperand, Expr, Pattern, Rest, Rule, Variant};
use crate::diagnostic::has_errors;
use crate::ops::Catalogue;
use crate::pipeline::library::{Loaded, RuleText, load};
use crate::source::Span;
use crate::testing::lines::{Line, difference};
use crate::testing::written::{Trees, choices};
use crate::testing::{Settings, cases, run};

use super::edits::Edit;
use super::sites::edits;

/// A rule with one thing wrong.
#[derive(Clone, Debug, Serialize)]
pub struct Mutant {
    /// Full name of the rule.
    pub rule: String,
    /// What is wrong with it.
    pub what: String,
    /// The rule file.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// What became of it.
    pub fate: Fate,
    /// The text that differs.
    pub difference: Vec<Line>,
}

/// What became of a mutant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// A test failed: its name.
    Killed(String),
    /// No test failed, and the rule file says why that is right.
    Explained(String),
    /// No test failed.
    Survived,
}

/// The mutants of some rules.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Mutated {
    /// Those that mean something else than the rule.
    pub mutants: Vec<Mutant>,
    /// How many the checker refused, or found to be the same rule.
    pub void: usize,
}

impl Mutated {
    /// Those that no test kills and nothing explains.
    pub fn survivors(&self) -> impl Iterator<Item = &Mutant> {
        self.mutants.iter().filter(|m| m.fate == Fate::Survived)
    }
}

/// What is done to a rule.
enum Change {
    Text(Edit),
    /// Its variants with, or without, what is written there are gone.
    Variants {
        what: String,
        at: Span,
        keep_present: bool,
        optional: bool,
    },
}

struct Job<'a> {
    rule: &'a Rule,
    module: String,
    path: String,
    text: String,
    change: Change,
}

/// Mutates the rules of these modules whose full name `wanted` accepts. `texts` are the files that were loaded.
pub fn mutate(
    loaded: &Loaded,
    texts: &[RuleText],
    settings: &Settings,
    wanted: &dyn Fn(&str) -> bool,
) -> Mutated {
    let jobs = jobs(loaded, wanted);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(at) else {
                return done;
            };
            done.push((at, attempt(loaded, texts, settings, job)));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let mut done: Vec<(usize, Option<Mutant>)> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let results = running.into_iter().flat_map(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        results.collect()
    });
    done.sort_by_key(|(at, _)| *at);
    let mut mutated = Mutated::default();
    for (_, mutant) in done {
        match mutant {
            Some(mutant) => mutated.mutants.push(mutant),
            None => mutated.void += 1,
        }
    }
    mutated
}

fn jobs<'a>(loaded: &'a Loaded, wanted: &dyn Fn(&str) -> bool) -> Vec<Job<'a>> {
    let trees = Trees::of(loaded);
    let mut jobs = Vec::new();
    for rule in &loaded.library.rules {
        let name = rule.name.as_str();
        let Some((source, tree)) = trees.rule(name).filter(|_| wanted(name)) else {
            continue;
        };
        let Some(file) = loaded.sources.file(source) else {
            continue;
        };
        let module = name.rsplit_once('.').map_or("", |(module, _)| module);
        let job = |change| Job {
            rule,
            module: module.to_owned(),
            path: file.name().to_owned(),
            text: file.text().to_owned(),
            change,
        };
        let own = edits(tree, &|span| loaded.sources.text(span));
        jobs.extend(own.into_iter().map(Change::Text).map(job));
        for choice in choices(tree) {
            for way in choice.ways {
                let text = loaded.sources.text(way);
                let mut gone = |keep_present: bool| {
                    let word = if keep_present { "with" } else { "without" };
                    jobs.push(job(Change::Variants {
                        what: format!("matches only {word} {text}"),
                        at: way,
                        keep_present,
                        optional: choice.optional,
                    }));
                };
                gone(false);
                if choice.optional {
                    gone(true);
                }
            }
        }
    }
    jobs
}

/// What becomes of a mutant; nothing if it is none.
fn attempt(
    loaded: &Loaded,
    texts: &[RuleText],
    settings: &Settings,
    job: &Job<'_>,
) -> Option<Mutant> {
    let name = job.rule.name.as_str();
    let (mutated, what, at, text) = match &job.change {
        Change::Text(edit) => {
            let text = edit.apply(&job.text);
            let mut all: Vec<RuleText> = texts.to_vec();
            all.retain(|file| file.module != job.module);
            all.push(RuleText {
                module: job.module.clone(),
                path: job.path.clone(),
                bytes: text.clone().into_bytes(),
            });
            let mutated = load(all);
            if has_errors(&mutated.diagnostics) {
                return None;
            }
            if same(mutated.library.rule(name)?, job.rule, &loaded.catalogue) {
                return None;
            }
            (mutated, edit.what.clone(), edit.start(), Some(text))
        }
        Change::Variants {
            what,
            at,
            keep_present,
            optional,
        } => {
            let mut mutated = load(texts.to_vec());
            let rule = mutated.library.rules.iter_mut().find(|r| r.name == name)?;
            for instance in &mut rule.instances {
                let keep = |variant: &Variant| has(variant, *at, *optional) == *keep_present;
                instance.variants.retain(keep);
            }
            if same(rule, job.rule, &loaded.catalogue) {
                return None;
            }
            (mutated, what.clone(), at.range().start, None)
        }
    };
    let fate = fate(&mutated, settings, job, at);
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let difference = text.map(|text| difference(&lines(&job.text), &lines(&text)));
    let file = loaded.sources.file(job.rule.span.source)?;
    Some(Mutant {
        rule: name.to_owned(),
        what,
        file: job.path.clone(),
        line: file.place(at).line + 1,
        fate,
        difference: difference.unwrap_or_default(),
    })
}

fn fate(mutated: &Loaded, settings: &Settings, job: &Job<'_>, at: usize) -> Fate {
    let modules: BTreeSet<String> = mutated
        .library
        .tests
        .iter()
        .map(|t| t.module.to_string())
        .collect();
    let modules: Vec<String> = modules.into_iter().collect();
    let own = cases(mutated, settings, &modules);
    let own = own
        .into_iter()
        .filter(|case| case.test.target == job.rule.name);
    for case in own {
        let outcome = run(mutated, settings, case);
        if !outcome.failures.is_empty() || !outcome.snapshots.is_empty() {
            return Fate::Killed(outcome.name());
        }
    }
    let place = Span::at(job.rule.span.source, at);
    match Edit::one("", place, "").explanation(&job.text) {
        Some(why) => Fate::Explained(why),
        None => Fate::Survived,
    }
}

/// Whether two rules mean the same: the same promise and, in some order, the same variants, operands that may change places aside.
fn same(a: &Rule, b: &Rule, catalogue: &Catalogue) -> bool {
    let text = |variant: &Variant| {
        let mut variant = variant.clone();
        let replaced = variant.roots.iter_mut();
        replaced
            .filter_map(|root| root.replacement.as_mut())
            .chain(&mut variant.effects)
            .for_each(|build| order(build, catalogue));
        variant.to_string()
    };
    let texts = |rule: &Rule| -> Vec<BTreeSet<String>> {
        let instances = rule.instances.iter();
        instances
            .map(|instance| instance.variants.iter().map(text).collect())
            .collect()
    };
    a.numerics == b.numerics && texts(a) == texts(b)
}

/// Puts operands that may change places into one order.
fn order(build: &mut Build, catalogue: &Catalogue) {
    match build {
        Build::Apply { op, operands, .. } => {
            for operand in operands.iter_mut() {
                match operand {
                    BuildOperand::One(inner) => order(inner, catalogue),
                    BuildOperand::Each { each, .. } => order(each, catalogue),
                }
            }
            let Some(commutes) = catalogue.commutative(op.as_str()) else {
                return;
            };
            let holds = commutes.condition.is_none_or(|(at, wanted)| {
                let operand = operands.get(at);
                matches!(operand, Some(BuildOperand::One(Build::Expr(Expr::Literal(literal)))) if literal.same_value(&wanted))
            });
            let (x, y) = commutes.operands;
            if holds
                && x.max(y) < operands.len()
                && format!("{:?}", operands[x]) > format!("{:?}", operands[y])
            {
                operands.swap(x, y);
            }
        }
        Build::If(_, yes, no) => {
            order(yes, catalogue);
            order(no, catalogue);
        }
        _ => {}
    }
}

/// Whether a variant has an operator that is written there.
fn has(variant: &Variant, at: Span, optional: bool) -> bool {
    let here = |apply: &Apply| match optional {
        true => apply.span.start == at.start,
        false => at.start <= apply.span.start && apply.span.end <= at.end,
    };
    variant.roots.iter().any(|root| any(&root.pattern, &here))
}

fn any(pattern: &Pattern, here: &dyn Fn(&Apply) -> bool) -> bool {
    match pattern {
        Pattern::Apply(apply) => {
            let rest = match &apply.rest {
                Some(Rest::Each { pattern, .. }) => any(pattern, here),
                _ => false,
            };
            here(apply) || rest || apply.operands.iter().any(|operand| any(operand, here))
        }
        Pattern::Project { of, .. } => any(of, here),
        Pattern::Chain { inner, .. } => any(inner, here),
        _ => false,
    }
}
