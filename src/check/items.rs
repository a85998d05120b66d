//! Rules and keeps, from tree to checked item.

use std::sync::Arc;

use super::expression::{Context, Key, Resolver};
use super::family::frames;
use super::library::docs;
use super::plan::plans;
use super::rule::{Expr, Instance, Keep, Reason, Rule, Slot, Variant};
use super::sink::{Checked, Stop};
use super::variants::{instance, keep_patterns};
use crate::graph::Name;
use crate::syntax::ast;

/// A checked rule.
pub(super) fn rule<'a>(
    cx: &Context<'a>,
    module: usize,
    item: &'a ast::Item,
    rule: &'a ast::Rule,
) -> Checked<Rule> {
    let plans = plans(cx, module, rule)?;
    let lets: Vec<&ast::Let> = rule.lets().collect();
    let frames = frames(cx, module, &rule.name, rule.family.as_ref(), &lets)?;
    let mut instances = Vec::with_capacity(frames.len());
    let mut stopped = false;
    for frame in &frames {
        for plan in &plans {
            let label = match (plans.len(), plan.reversed) {
                (1, _) => frame.label.clone(),
                (_, false) => format!("{} =>", frame.label),
                (_, true) => format!("{} <=", frame.label),
            };
            match instance(frame, plan, &rule.name) {
                Ok((variants, removed_by)) => instances.push(Instance {
                    label: Arc::from(label),
                    parameters: frame.named_parameters(),
                    variants,
                    removed_by,
                }),
                Err(Stop) => stopped = true,
            }
        }
    }
    let Some(first) = plans.into_iter().next() else {
        unreachable!("a rule has at least one direction");
    };
    if stopped {
        return Err(Stop);
    }
    let has_effects = |variant: &Variant| {
        let matched = |op: Name| cx.catalogue.is_effect(op.as_str());
        !variant.erased.is_empty()
            || !variant.effects.is_empty()
            || variant
                .roots
                .iter()
                .any(|root| root.pattern.any_operator(matched))
    };
    let effects = instances
        .iter()
        .flat_map(|instance| &instance.variants)
        .any(has_effects);
    Ok(Rule {
        name: full_name(cx, module, &rule.name),
        span: item.span,
        doc: docs(&item.docs),
        numerics: first.numerics,
        reasons: rule
            .guards()
            .map(|guard| Reason {
                text: Arc::from(guard.reason.value.as_str()),
                span: guard.span,
            })
            .collect(),
        instances,
        effects,
    })
}

/// A checked keep.
pub(super) fn keep<'a>(
    cx: &Context<'a>,
    module: usize,
    item: &'a ast::Item,
    keep: &'a ast::Keep,
) -> Checked<Keep> {
    let frames = frames(cx, module, &keep.name, keep.family.as_ref(), &[])?;
    let mut patterns = Vec::new();
    for frame in &frames {
        patterns.extend(keep_patterns(frame, keep)?);
    }
    Ok(Keep {
        name: full_name(cx, module, &keep.name),
        span: item.span,
        reason: Arc::from(keep.reason.value.as_str()),
        patterns,
    })
}

/// A function of a user: its body must have a meaning whatever it is called with.
pub(super) fn function<'a>(
    cx: &Context<'a>,
    module: usize,
    function: &'a ast::Function,
) -> Checked<()> {
    let mut resolver = Resolver::new(cx, module);
    for (number, param) in (0..).zip(&function.params) {
        resolver.bind(Key::of(param), Expr::Slot(Slot(number)));
    }
    resolver.resolve(&function.body).map(drop)
}

/// Module and item.
pub(super) fn full_name(cx: &Context<'_>, module: usize, name: &ast::Name) -> Name {
    Name::new(&format!("{}.{name}", cx.modules.list[module].name))
}
