//! One step of a pipeline, from call to checked step.
//!
//! In: a call, as written. Out: a [`Step`] with its expressions resolved and the rules it names found.
//! Invariant: a rule stands only in steps where it may act.

use super::codes::{ARITY, NOT_YET, STEP, STEP_RULE, UNKNOWN_NAME, WRONG_KIND};
use super::library::Item;
use super::modules::{Entry, with_meant};
use super::notes::warn_of_deprecated;
use super::pipeline::Step;
use super::pipelines::Checker;
use super::rule::{Expr, Numerics, Rule};
use super::sink::{Checked, Stop};
use crate::diagnostic::{Diagnostic, closest};
use crate::graph::{Literal, Name};
use crate::syntax::ast::{self, ExprKind};

/// The steps there are.
const STEPS: [&str; 13] = [
    "freeze",
    "inline",
    "apply",
    "saturate",
    "store",
    "demand",
    "forbid",
    "clone",
    "return_none",
    "set_attribute",
    "share_constants",
    "fetch",
    "sequences",
];

/// What rules a step is given.
#[derive(Default)]
struct Targets {
    rules: Vec<Name>,
    keeps: Vec<Name>,
    method: Option<Expr>,
    modules: Option<Expr>,
}

impl<'a> Checker<'_, 'a> {
    pub(super) fn call(&mut self, call: &'a ast::Call) -> Checked<Step> {
        let span = call.span;
        match call.function.text.as_str() {
            "freeze" => {
                let [keep] = self.arguments(call, ["keep"])?;
                let keep = keep.unwrap_or(Expr::Literal(Literal::list([])));
                Ok(Step::Freeze { keep, span })
            }
            "inline" => {
                let [keep] = self.arguments(call, ["keep"])?;
                let keep = keep.unwrap_or(Expr::Literal(Literal::list([])));
                Ok(Step::Inline { keep, span })
            }
            "forbid" => match self.arguments(call, ["ops", "error", "method"])? {
                [Some(ops), Some(error), method] => Ok(Step::Forbid {
                    ops,
                    error,
                    method,
                    span,
                }),
                _ => self.missing(call, "forbid(OPS, \"error\")"),
            },
            "store" => match self.arguments(call, ["ops", "prefix", "method"])? {
                [Some(ops), Some(prefix), method] => Ok(Step::Store {
                    ops,
                    prefix,
                    method,
                    span,
                }),
                _ => self.missing(call, "store(OPS, prefix = \"name\")"),
            },
            "demand" => match self.arguments(call, ["condition", "error"])? {
                [Some(condition), Some(error)] => Ok(Step::Demand {
                    condition,
                    error,
                    span,
                }),
                _ => self.missing(call, "demand(CONDITION, \"error\")"),
            },
            "clone" => match self.arguments(call, ["method", "new"])? {
                [Some(method), Some(new)] => Ok(Step::Clone { method, new, span }),
                _ => self.missing(call, "clone(\"method\", \"new\")"),
            },
            "return_none" => match self.arguments(call, ["method"])? {
                [Some(method)] => Ok(Step::ReturnNone { method, span }),
                _ => self.missing(call, "return_none(\"method\")"),
            },
            "set_attribute" => match self.arguments(call, ["name", "value"])? {
                [Some(name), Some(value)] => Ok(Step::SetAttribute { name, value, span }),
                _ => self.missing(call, "set_attribute(\"name\", VALUE)"),
            },
            "share_constants" => {
                let [] = self.arguments(call, [])?;
                Ok(Step::ShareConstants)
            }
            "fetch" => match self.arguments(call, ["rows"])? {
                [Some(rows)] => Ok(Step::Fetch { rows, span }),
                _ => self.missing(call, "fetch(ROWS)"),
            },
            "sequences" => match self.arguments(call, ["modules", "known"])? {
                [Some(modules), Some(known)] => Ok(Step::Sequences {
                    modules,
                    known,
                    span,
                }),
                _ => self.missing(call, "sequences(modules, KNOWN)"),
            },
            "apply" => {
                let targets = self.targets(call, false)?;
                Ok(Step::Apply {
                    rules: targets.rules,
                    method: targets.method,
                    modules: targets.modules,
                    span,
                })
            }
            "saturate" => {
                let targets = self.targets(call, true)?;
                Ok(Step::Saturate {
                    rules: targets.rules,
                    keeps: targets.keeps,
                    method: targets.method,
                    modules: targets.modules,
                    span,
                })
            }
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
                    "modules" => self.resolver.resolve(&arg.value).map(|modules| {
                        targets.modules = Some(modules);
                    }),
                    "domains" if saturates => self.stop(
                        Diagnostic::error(NOT_YET, format!("`{name} =` comes with targets other than TorchScript"))
                            .primary(arg.span, "here")
                            .help("restrict the step to a `method` or to `modules`, or name the rules one by one"),
                    ),
                    _ => self.unknown_argument(call, arg, &["method", "modules"]),
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
            span: call.span,
        })
    }
}
