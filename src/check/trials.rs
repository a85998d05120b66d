//! Tests that stand with the rules: checked here, run elsewhere.
//!
//! In: `test` items and tests inside rules. Out: [`Test`]s whose target, instances and quoted reasons exist.
//! Invariant: a test of something that was refused is left out without a word.

use super::codes::{TEST_TARGET, UNKNOWN_NAME, UNKNOWN_REASON, WRONG_KIND};
use super::expression::Context;
use super::graph;
use super::library::{Item, Library, Test, Trial};
use super::modules::{Entry, with_meant};
use super::rule::{Instance, Rule};
use super::sink::{Checked, Stop};
use crate::diagnostic::{Diagnostic, closest};
use crate::graph::text::LiteralText;
use crate::graph::{Literal, Name};
use crate::syntax::ast::{self, ExpectKind, Given, ItemKind};

/// The tests of a module.
pub(super) fn tests<'a>(cx: &Context<'a>, library: &Library, module: usize) -> Vec<Test> {
    let own = &cx.modules.list[module];
    let mut found = Vec::new();
    for item in &own.file.items {
        match &item.kind {
            ItemKind::Rule(rule) if own.owns(&rule.name) => {
                let full = format!("{}.{}", own.name, rule.name);
                for test in rule.tests() {
                    found.extend(inside(cx, library, module, &full, test));
                }
            }
            ItemKind::Test(test) => found.extend(outside(cx, library, module, test)),
            _ => {}
        }
    }
    found
}

fn inside<'a>(
    cx: &Context<'a>,
    library: &Library,
    module: usize,
    full: &str,
    test: &'a ast::Test,
) -> Checked<Test> {
    if let Some(of) = &test.of {
        return cx.sink.stop(
            Diagnostic::error(TEST_TARGET, "a test inside a rule is a test of that rule")
                .primary(of.span, "names another")
                .help("remove `of`, or move the test out of the rule"),
        );
    }
    checked(cx, library, module, full, test)
}

fn outside<'a>(
    cx: &Context<'a>,
    library: &Library,
    module: usize,
    test: &'a ast::Test,
) -> Checked<Test> {
    let Some(of) = &test.of else {
        return cx.sink.stop(
            Diagnostic::error(TEST_TARGET, "a test outside of a rule says what it tests")
                .primary(test.name.span, "of what?")
                .help(format!(
                    "write `test \"{}\" of NAME {{ ... }}`",
                    test.name.value
                )),
        );
    };
    let Some(found) = cx.modules.find(module, &of.text) else {
        let meant = cx.modules.meant(module, &of.text);
        return cx.sink.stop(with_meant(
            Diagnostic::error(TEST_TARGET, format!("no rule or pipeline is named `{of}`"))
                .primary(of.span, "not found"),
            meant.as_deref(),
        ));
    };
    match found.entry {
        Entry::Rule | Entry::Pipeline(_) => {}
        Entry::Broken => return Err(Stop),
        other => {
            return cx.sink.stop(
                Diagnostic::error(
                    WRONG_KIND,
                    format!("`{of}` is {}, which is not tested", other.kind()),
                )
                .primary(of.span, "a rule or pipeline is needed here")
                .secondary(found.span, "defined here"),
            );
        }
    }
    let full = format!(
        "{}.{}",
        cx.modules.list[found.module].name,
        of.split_last().1
    );
    checked(cx, library, module, &full, test)
}

fn checked<'a>(
    cx: &Context<'a>,
    library: &Library,
    module: usize,
    full: &str,
    test: &'a ast::Test,
) -> Checked<Test> {
    let mut instances = Vec::new();
    let mut trials = Vec::new();
    match library.find(full) {
        Some(Item::Rule(rule)) => {
            let bindings = bindings(cx, module, rule, test)?;
            let wanted = |instance: &&Instance| {
                bindings.iter().all(|(name, value)| {
                    let mut own = instance.parameters.iter();
                    own.any(|(n, v)| n == name && v.same_value(value))
                })
            };
            let all = rule.instances.iter().enumerate();
            let of: Vec<(usize, &Instance)> = all.filter(|(_, i)| wanted(i)).collect();
            if of.is_empty() {
                return no_instance(cx, rule, test);
            }
            instances.extend(of.iter().map(|(_, instance)| instance.label.clone()));
            expectations_of_rule(cx, rule, test)?;
            for (number, instance) in of {
                trials.push(trial(cx, module, number, &instance.parameters, test)?);
            }
        }
        Some(Item::Pipeline(_)) => {
            if let Some(binding) = test.instance.first() {
                return cx.sink.stop(
                    Diagnostic::error(TEST_TARGET, "a pipeline has no instances")
                        .primary(binding.span, "here"),
                );
            }
            expectations_of_pipeline(cx, test)?;
            trials.push(trial(cx, module, 0, &[], test)?);
        }
        _ => return Err(Stop),
    }
    Ok(Test {
        target: Name::new(full),
        module: Name::new(cx.modules.list[module].name),
        instances,
        test: test.clone(),
        trials,
    })
}

/// The template parameters that a test fixes.
fn bindings<'a>(
    cx: &Context<'a>,
    module: usize,
    rule: &Rule,
    test: &'a ast::Test,
) -> Checked<Vec<(Name, Literal)>> {
    let parameters = rule.instances.first().map_or(&[][..], |i| &i.parameters);
    let mut found = Vec::new();
    for binding in &test.instance {
        let name = &binding.name;
        if parameters
            .iter()
            .all(|(known, _)| *known != name.text.as_str())
        {
            let names = parameters.iter().map(|(known, _)| known.as_str());
            return cx.sink.stop(with_meant(
                Diagnostic::error(
                    UNKNOWN_NAME,
                    format!("`{}` has no template parameter `{name}`", rule.name),
                )
                .primary(name.span, "not found"),
                closest(&name.text, names),
            ));
        }
        let value = cx.literal(module, &binding.value, "a template parameter")?;
        found.push((Name::new(&name.text), value));
    }
    Ok(found)
}

fn no_instance<T>(cx: &Context<'_>, rule: &Rule, test: &ast::Test) -> Checked<T> {
    let span = test
        .instance
        .first()
        .map_or(test.name.span, |binding| binding.span);
    let span = test.instance.last().map_or(span, |last| span.to(last.span));
    let labels: Vec<&str> = rule.instances.iter().map(|i| &*i.label).collect();
    cx.sink.stop(
        Diagnostic::error(TEST_TARGET, format!("`{}` has no such instance", rule.name))
            .primary(span, "not found")
            .help(format!("there are {}", labels.join(", "))),
    )
}

fn expectations_of_rule(cx: &Context<'_>, rule: &Rule, test: &ast::Test) -> Checked<()> {
    for expect in &test.expects {
        match &expect.kind {
            ExpectKind::NoMatch(Some(reason)) => {
                if rule
                    .reasons
                    .iter()
                    .all(|known| *known.text != *reason.value)
                {
                    let reasons = rule.reasons.iter().map(|known| &*known.text);
                    let meant = closest(&reason.value, reasons);
                    let diagnostic = Diagnostic::error(
                        UNKNOWN_REASON,
                        format!("no guard of `{}` gives this reason", rule.name),
                    )
                    .primary(reason.span, "not found");
                    let all: Vec<String> = rule
                        .reasons
                        .iter()
                        .map(|known| format!("{:?}", known.text))
                        .collect();
                    return cx.sink.stop(match meant {
                        Some(meant) => diagnostic.help(format!("did you mean \"{meant}\"?")),
                        None if all.is_empty() => diagnostic.help("the rule has no guards"),
                        None => diagnostic.help(format!("its reasons: {}", all.join(", "))),
                    });
                }
            }
            ExpectKind::Error(text) => {
                return cx.sink.stop(
                    Diagnostic::error(TEST_TARGET, "only a pipeline ends in an error")
                        .primary(text.span, "the test is of a rule")
                        .help("write `expect no match because \"reason\"`"),
                );
            }
            ExpectKind::NoMatch(None)
            | ExpectKind::Graph(_)
            | ExpectKind::Applied(..)
            | ExpectKind::Snapshot
            | ExpectKind::Equal => {}
        }
    }
    Ok(())
}

fn expectations_of_pipeline(cx: &Context<'_>, test: &ast::Test) -> Checked<()> {
    for expect in &test.expects {
        if let ExpectKind::NoMatch(_) = &expect.kind {
            return cx.sink.stop(
                Diagnostic::error(TEST_TARGET, "only a rule has reasons not to match")
                    .primary(expect.span, "the test is of a pipeline")
                    .help("write `expect applied == 0`"),
            );
        }
    }
    Ok(())
}

/// The graphs of a test in an instance; they must be graphs.
fn trial(
    cx: &Context<'_>,
    module: usize,
    instance: usize,
    parameters: &[(Name, Literal)],
    test: &ast::Test,
) -> Checked<Trial> {
    let known = |name: &str| {
        let own = parameters.iter().find(|(known, _)| *known == name);
        match own {
            Some((_, value)) => Some(value.clone()),
            None => cx.outside(module, name).and_then(Result::ok),
        }
    };
    let label: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name} = {}", LiteralText(value)))
        .collect();
    let label = (!label.is_empty()).then(|| format!("[{}]", label.join(", ")));
    let mut stopped = false;
    let mut read = |tree: &ast::Graph| match graph::read_with(tree, cx.catalogue, &known) {
        Ok(read) => Some(read),
        Err(diagnostics) => {
            stopped = true;
            for diagnostic in diagnostics {
                cx.sink.tell_of(diagnostic, label.as_deref());
            }
            None
        }
    };
    let given = match &test.given {
        Given::Graph(tree) => read(tree),
        Given::File(_) => None,
    };
    let expects = test.expects.iter();
    let expected = expects
        .map(|expect| match &expect.kind {
            ExpectKind::Graph(tree) => read(tree),
            _ => None,
        })
        .collect();
    if stopped {
        return Err(Stop);
    }
    Ok(Trial {
        instance,
        given,
        expected,
    })
}
