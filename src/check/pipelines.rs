//! Pipelines, from tree to checked steps.
//!
//! In: a `pipeline` item, and the library with all rules and keeps in it. Out: a [`Pipeline`] whose names are full names of what exists.
//! Invariant: a rule stands only in steps where it may act; pipelines do not run themselves.

use super::codes::{CIRCULAR, DUPLICATE_NAME, UNUSED_NAME};
use super::expression::{Context, Key, Resolver};
use super::items::full_name;
use super::library::{Library, docs};
use super::mentions::Mentions;
use super::pipeline::{Pipeline, Step};
use super::rule::Expr;
use super::sink::{Checked, Stop};
use crate::diagnostic::Diagnostic;
use crate::graph::Name;
use crate::source::Span;
use crate::syntax::ast;

/// A checked pipeline.
pub(super) fn pipeline<'a>(
    cx: &Context<'a>,
    library: &Library,
    module: usize,
    item: &'a ast::Item,
    tree: &'a ast::Pipeline,
) -> Checked<Pipeline> {
    let mut checker = Checker {
        cx,
        library,
        module,
        resolver: Resolver::of_steps(cx, module),
        names: Vec::new(),
    };
    let mut settings = Vec::with_capacity(tree.settings.len());
    for setting in &tree.settings {
        checker.bind(&setting.name)?;
        let default = match &setting.default {
            Some(default) => Some(cx.literal(module, default, "a default")?),
            None => None,
        };
        settings.push((Name::new(&setting.name.text), default));
    }
    let steps = checker.steps(&tree.steps)?;
    checker.refuse_unused(&tree.steps)?;
    Ok(Pipeline {
        name: full_name(cx, module, &tree.name),
        span: item.span,
        doc: docs(&item.docs),
        settings,
        steps,
    })
}

/// Takes pipelines that run themselves, by others or not, out of the list.
pub(super) fn refuse_circles(cx: &Context<'_>, pipelines: &mut Vec<(Pipeline, Span)>) {
    let runs: Vec<(Name, Vec<Name>)> = pipelines
        .iter()
        .map(|(pipeline, _)| {
            let mut found = Vec::new();
            run_by(&pipeline.steps, &mut found);
            (pipeline.name, found)
        })
        .collect();
    let reaches_itself = |start: Name| {
        let (mut waiting, mut seen) = (vec![start], Vec::new());
        while let Some(name) = waiting.pop() {
            let direct = runs.iter().find(|(other, _)| *other == name);
            for next in direct.map_or(&[][..], |(_, found)| found) {
                if *next == start {
                    return true;
                }
                if !seen.contains(next) {
                    seen.push(*next);
                    waiting.push(*next);
                }
            }
        }
        false
    };
    pipelines.retain(|(pipeline, span)| {
        let circular = reaches_itself(pipeline.name);
        if circular {
            cx.sink.tell(
                Diagnostic::error(
                    CIRCULAR,
                    format!("pipeline `{}` runs itself", pipeline.name),
                )
                .primary(*span, "would never end")
                .help("remove one of the steps in the circle"),
            );
        }
        !circular
    });
}

fn run_by(steps: &[Step], into: &mut Vec<Name>) {
    for step in steps {
        match step {
            Step::Run { pipeline, .. } => into.push(*pipeline),
            Step::If(_, steps) => run_by(steps, into),
            _ => {}
        }
    }
}

/// Checks the steps of one pipeline.
pub(super) struct Checker<'p, 'a> {
    pub(super) cx: &'p Context<'a>,
    pub(super) library: &'p Library,
    pub(super) module: usize,
    pub(super) resolver: Resolver<'p, 'a>,
    /// Settings and lets.
    names: Vec<&'a ast::Name>,
}

impl<'a> Checker<'_, 'a> {
    pub(super) fn stop<T>(&self, diagnostic: Diagnostic) -> Checked<T> {
        self.cx.sink.stop(diagnostic)
    }

    fn bind(&mut self, name: &'a ast::Name) -> Checked<()> {
        if let Some(first) = self.names.iter().find(|known| known.text == name.text) {
            return self.stop(
                Diagnostic::error(DUPLICATE_NAME, format!("`{name}` has a meaning already"))
                    .primary(name.span, "named again")
                    .secondary(first.span, "named here first")
                    .help("choose another name"),
            );
        }
        self.names.push(name);
        let setting = Expr::Setting(Name::new(&name.text));
        self.resolver.bind(Key::bare(&name.text), setting);
        Ok(())
    }

    fn steps(&mut self, steps: &'a [ast::Step]) -> Checked<Vec<Step>> {
        let mut made = Vec::with_capacity(steps.len());
        let mut stopped = false;
        for step in steps {
            match self.step(step) {
                Ok(step) => made.push(step),
                Err(Stop) => stopped = true,
            }
        }
        if stopped { Err(Stop) } else { Ok(made) }
    }

    fn step(&mut self, step: &'a ast::Step) -> Checked<Step> {
        match step {
            ast::Step::Let(named) => {
                // The name exists whatever becomes of its value, so that nothing else complains.
                let value = self.resolver.resolve(&named.value);
                self.bind(&named.name)?;
                Ok(Step::Let(Name::new(&named.name.text), value?))
            }
            ast::Step::If(branch) => {
                let condition = self.resolver.resolve(&branch.condition)?;
                Ok(Step::If(condition, self.steps(&branch.steps)?))
            }
            ast::Step::Call(call) => self.call(call),
        }
    }

    fn refuse_unused(&self, steps: &'a [ast::Step]) -> Checked<()> {
        let mut mentions = Mentions::default();
        gather(steps, &mut mentions);
        let mut stopped = false;
        for name in &self.names {
            let key = Key::bare(&name.text);
            if mentions.list.iter().all(|mention| mention.key != key) {
                stopped = true;
                self.cx.sink.tell(
                    Diagnostic::error(UNUSED_NAME, format!("`{name}` is never used"))
                        .primary(name.span, "named here and nowhere mentioned")
                        .help("remove it"),
                );
            }
        }
        if stopped { Err(Stop) } else { Ok(()) }
    }
}

fn gather<'a>(steps: &'a [ast::Step], mentions: &mut Mentions<'a>) {
    for step in steps {
        match step {
            ast::Step::Let(named) => mentions.expr(&named.value),
            ast::Step::If(branch) => {
                mentions.expr(&branch.condition);
                gather(&branch.steps, mentions);
            }
            ast::Step::Call(call) => {
                call.args.iter().for_each(|arg| mentions.expr(&arg.value));
            }
        }
    }
}
