//! Pipelines, from tree to checked steps.
//!
//! In: a `pipeline` item, and the library with all rules and keeps in it. Out: a [`Pipeline`] whose names are full names of what exists.
//! Invariant: a rule stands only in steps where it may act; pipelines do not run themselves.

use super::codes::{
    ARITY, CIRCULAR, DUPLICATE_NAME, NOT_YET, STEP, STEP_RULE, UNKNOWN_NAME, UNUSED_NAME,
    WRONG_KIND,
};
use super::expression::{Context, Key, Resolver};
use super::items::full_name;
use super::library::{Item, Library, docs};
use super::mentions::Mentions;
use super::modules::{Entry, with_meant};
use super::notes::warn_of_deprecated;
use super::pipeline::{Pipeline, Step};
use super::rule::{Expr, Numerics, Rule};
use super::sink::{Checked, Stop};
use crate::diagnostic::{Diagnostic, closest};
use crate::graph::{Literal, Name};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};

/// Steps that stand.
const STEPS: [&str; 5] = ["freeze", "apply", "saturate", "store", "demand"];

/// Steps of the language that the engine does not have yet.
const LATER: [&str; 5] = [
    "clone",
    "return_none",
    "set_attribute",
    "fetch",
    "share_constants",
];

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

struct Checker<'p, 'a> {
    cx: &'p Context<'a>,
    library: &'p Library,
    module: usize,
    resolver: Resolver<'p, 'a>,
    /// Settings and lets.
    names: Vec<&'a ast::Name>,
}

/// What rules a step is given.
#[derive(Default)]
struct Targets {
    rules: Vec<Name>,
    keeps: Vec<Name>,
    method: Option<Expr>,
}

impl<'a> Checker<'_, 'a> {
    fn stop<T>(&self, diagnostic: Diagnostic) -> Checked<T> {
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

    fn call(&mut self, call: &'a ast::Call) -> Checked<Step> {
        match call.function.text.as_str() {
            "freeze" => {
                let [keep] = self.arguments(call, ["keep"])?;
                let keep = keep.unwrap_or(Expr::Literal(Literal::list([])));
                Ok(Step::Freeze { keep })
            }
            "store" => {
                let [ops, prefix, method] = self.arguments(call, ["ops", "prefix", "method"])?;
                match (ops, prefix) {
                    (Some(ops), Some(prefix)) => Ok(Step::Store {
                        ops,
                        prefix,
                        method,
                    }),
                    _ => self.missing(call, "store(OPS, prefix = \"name\")"),
                }
            }
            "demand" => {
                let [condition, error] = self.arguments(call, ["condition", "error"])?;
                match (condition, error) {
                    (Some(condition), Some(error)) => Ok(Step::Demand(condition, error)),
                    _ => self.missing(call, "demand(CONDITION, \"error\")"),
                }
            }
            "apply" => {
                let targets = self.targets(call, false)?;
                Ok(Step::Apply {
                    rules: targets.rules,
                    method: targets.method,
                    span: call.span,
                })
            }
            "saturate" => {
                let targets = self.targets(call, true)?;
                Ok(Step::Saturate {
                    rules: targets.rules,
                    keeps: targets.keeps,
                    method: targets.method,
                    span: call.span,
                })
            }
            name if LATER.contains(&name) => self.stop(
                Diagnostic::error(NOT_YET, format!("the step `{name}` is not done yet"))
                    .primary(call.function.span, "here")
                    .help(format!(
                        "these stand: {}, and other pipelines",
                        STEPS.join(", ")
                    )),
            ),
            _ => self.run(call),
        }
    }

    /// Arguments by position or name.
    fn arguments<const N: usize>(
        &mut self,
        call: &'a ast::Call,
        names: [&str; N],
    ) -> Checked<[Option<Expr>; N]> {
        let mut given = [const { None }; N];
        for (position, arg) in call.args.iter().enumerate() {
            let place = match &arg.name {
                None => Some(position),
                Some(name) => names.iter().position(|known| name.text == *known),
            };
            let value = self.resolver.resolve(&arg.value)?;
            match place.and_then(|place| given.get_mut(place)) {
                Some(slot @ None) => *slot = Some(value),
                _ => return self.unknown_argument(call, arg, &names),
            }
        }
        Ok(given)
    }

    fn unknown_argument<T>(&self, call: &ast::Call, arg: &ast::Arg, names: &[&str]) -> Checked<T> {
        let step = &call.function;
        let diagnostic = match &arg.name {
            Some(name) if !names.contains(&name.text.as_str()) => with_meant(
                Diagnostic::error(STEP, format!("`{step}` has no argument `{name}`"))
                    .primary(name.span, "not found"),
                closest(&name.text, names.iter().copied()),
            ),
            Some(name) => Diagnostic::error(STEP, format!("`{name}` is given twice"))
                .primary(arg.span, "the second time"),
            None => Diagnostic::error(STEP, format!("`{step}` takes fewer arguments"))
                .primary(arg.span, "one too many"),
        };
        self.stop(diagnostic)
    }

    fn missing<T>(&self, call: &ast::Call, form: &str) -> Checked<T> {
        self.stop(
            Diagnostic::error(ARITY, format!("`{}` needs more arguments", call.function))
                .primary(call.span, "here")
                .help(format!("write `{form}`")),
        )
    }

    /// The rules and keeps that a step names.
    fn targets(&mut self, call: &'a ast::Call, saturates: bool) -> Checked<Targets> {
        let mut targets = Targets::default();
        let mut stopped = false;
        for arg in &call.args {
            let done = match &arg.name {
                Some(name) => match name.text.as_str() {
                    "method" => self.resolver.resolve(&arg.value).map(|method| {
                        targets.method = Some(method);
                    }),
                    "modules" | "domains" if saturates => self.stop(
                        Diagnostic::error(NOT_YET, format!("`{name} =` is not done yet"))
                            .primary(arg.span, "here")
                            .help("a step can be restricted to a `method`"),
                    ),
                    _ => self.unknown_argument(call, arg, &["method"]),
                },
                None => self.target(&arg.value, saturates, &mut targets),
            };
            stopped |= done.is_err();
        }
        if stopped { Err(Stop) } else { Ok(targets) }
    }

    fn target(&self, expr: &'a ast::Expr, saturates: bool, into: &mut Targets) -> Checked<()> {
        let ExprKind::Name(path) = &expr.kind else {
            return self.stop(
                Diagnostic::error(STEP, "a step is given rules and modules by their names")
                    .primary(expr.span, "this is no name")
                    .help("write `torch.clean` or `torch.clean.dropout`"),
            );
        };
        let full = match self.cx.modules.find(self.module, &path.text) {
            Some(found) => {
                warn_of_deprecated(&self.cx.modules, &self.cx.sink, found, path.span);
                let module = self.cx.modules.list[found.module].name;
                let last = path.split_last().1;
                match found.entry {
                    Entry::Rule | Entry::Keep => format!("{module}.{last}"),
                    Entry::Broken => return Err(Stop),
                    other => {
                        return self.stop(
                            Diagnostic::error(
                                WRONG_KIND,
                                format!("`{path}` is {}, not a rule", other.kind()),
                            )
                            .primary(path.span, "a rule, keep or module is needed here")
                            .secondary(found.span, "defined here"),
                        );
                    }
                }
            }
            None if self.cx.modules.module(&path.text).is_some() => path.text.clone(),
            None => return self.unknown_target(path),
        };
        match self.library.find(&full) {
            // It was told why it is not there.
            None | Some(Item::Pipeline(_)) => Err(Stop),
            Some(Item::Rule(rule)) => {
                into.rules.push(self.allowed(rule, path, saturates)?);
                Ok(())
            }
            Some(Item::Keep(keep)) if saturates => {
                into.keeps.push(keep.name);
                Ok(())
            }
            Some(Item::Keep(keep)) => self.stop(
                Diagnostic::error(
                    STEP_RULE,
                    format!("`{}` is a keep, which `apply` does not need", keep.name),
                )
                .primary(path.span, "nothing is folded in this step")
                .help("remove it; `saturate` takes keeps"),
            ),
            Some(Item::Module(module)) => {
                let (rules, keeps) = self.library.members(module);
                into.rules.extend(rules);
                if saturates {
                    into.keeps.extend(keeps);
                }
                Ok(())
            }
        }
    }

    fn allowed(&self, rule: &Rule, path: &ast::Path, saturates: bool) -> Checked<Name> {
        if saturates && rule.has_effects() {
            return self.stop(
                Diagnostic::error(STEP_RULE, format!("`{}` has effects", rule.name))
                    .primary(path.span, "what is saturated is values alone")
                    .note("it matches, adds or erases ops that do something beside their results")
                    .help(format!("write `apply({})` as a step of its own", rule.name)),
            );
        }
        match &rule.numerics {
            Numerics::Changes(why) if saturates => self.stop(
                Diagnostic::error(STEP_RULE, format!("`{}` changes numbers: {why}", rule.name))
                    .primary(path.span, "cannot be one of several equal forms")
                    .note("its label says `changes`; what is saturated is equal")
                    .help(format!("write `apply({})` before this step", rule.name)),
            ),
            _ => Ok(rule.name),
        }
    }

    fn unknown_target(&self, path: &ast::Path) -> Checked<()> {
        let meant = self.cx.modules.meant(self.module, &path.text);
        self.stop(with_meant(
            Diagnostic::error(UNKNOWN_NAME, format!("no rule or module is named `{path}`"))
                .primary(path.span, "not found"),
            meant.as_deref(),
        ))
    }

    /// Another pipeline.
    fn run(&mut self, call: &'a ast::Call) -> Checked<Step> {
        let path = &call.function;
        let Some(found) = self.cx.modules.find(self.module, &path.text) else {
            let meant = closest(&path.text, STEPS).map(str::to_owned);
            let meant = meant.or_else(|| self.cx.modules.meant(self.module, &path.text));
            return self.stop(with_meant(
                Diagnostic::error(STEP, format!("no step or pipeline is named `{path}`"))
                    .primary(path.span, "not found")
                    .note(format!("these steps stand: {}", STEPS.join(", "))),
                meant.as_deref(),
            ));
        };
        warn_of_deprecated(&self.cx.modules, &self.cx.sink, found, path.span);
        let tree = match found.entry {
            Entry::Pipeline(tree) => tree,
            Entry::Broken => return Err(Stop),
            Entry::Rule => {
                return self.stop(
                    Diagnostic::error(WRONG_KIND, format!("`{path}` is a rule, not a step"))
                        .primary(path.span, "a step is needed here")
                        .help(format!("write `saturate({path})` or `apply({path})`")),
                );
            }
            other => {
                return self.stop(
                    Diagnostic::error(
                        WRONG_KIND,
                        format!("`{path}` is {}, not a step", other.kind()),
                    )
                    .primary(path.span, "a step is needed here")
                    .secondary(found.span, "defined here"),
                );
            }
        };
        let names: Vec<&str> = tree.settings.iter().map(|s| s.name.text.as_str()).collect();
        let mut settings: Vec<(Name, Expr)> = Vec::new();
        for (position, arg) in call.args.iter().enumerate() {
            let name = match &arg.name {
                None => names.get(position).copied(),
                Some(name) => names.iter().copied().find(|known| name.text == *known),
            };
            let value = self.resolver.resolve(&arg.value)?;
            match name {
                Some(name) if settings.iter().all(|(known, _)| *known != name) => {
                    settings.push((Name::new(name), value));
                }
                _ => return self.unknown_argument(call, arg, &names),
            }
        }
        let needed = tree.settings.iter().find(|setting| {
            setting.default.is_none()
                && settings
                    .iter()
                    .all(|(n, _)| *n != setting.name.text.as_str())
        });
        if let Some(setting) = needed {
            return self.stop(
                Diagnostic::error(ARITY, format!("`{path}` needs `{}`", setting.name))
                    .primary(call.span, "not given here")
                    .secondary(setting.span, "has no default")
                    .help(format!("write `{path}({} = ...)`", setting.name)),
            );
        }
        let module = self.cx.modules.list[found.module].name;
        Ok(Step::Run {
            pipeline: Name::new(&format!("{module}.{}", tree.name)),
            settings,
        })
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
