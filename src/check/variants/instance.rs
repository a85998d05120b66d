//! One instance of a rule: its shapes, the overloads of each, the orders of each.
//!
//! In: a plan and a frame. Out: variants; or why a shape has none.
//! Invariant: each way to take optional nodes and alternatives gives a variant, or a guard that is false for it, or a diagnostic.

use std::collections::BTreeSet;

use super::build::{BEHIND_THE_MATCH, Builder, told};
use super::canonical;
use super::conditions::{Decided, decided, guards, lets};
use crate::check::codes::{EFFECT, LABEL_MISPLACED, MANY_VARIANTS, UNRELATED_ROOTS};
use crate::check::expression::{Key, Resolver};
use crate::check::family::Frame;
use crate::check::mentions::Mentions;
use crate::check::pattern::{
    Choices, Failure, Lowered, LoweredRoot, Sketch, Solution, keep_furthest, lower, misfit, sketch,
    solve, swaps,
};
use crate::check::plan::{Plan, Side};
use crate::check::rule::{Expr, Numerics, Pattern, Root, Slot, SlotInfo, Variant};
use crate::check::sink::{Checked, Stop};
use crate::diagnostic::Diagnostic;
use crate::graph::Type;
use crate::source::Span;
use crate::syntax::ast;

/// More variants, or ways to choose, would take minutes.
const MOST: usize = 1 << 11;

/// The variants of an instance, and the guards that removed others.
pub(in crate::check) fn instance<'a>(
    frame: &Frame<'_, 'a>,
    plan: &Plan<'a>,
    name: &'a ast::Name,
) -> Checked<(Vec<Variant>, Vec<usize>)> {
    let replaced = replaced(plan);
    let mut choices = Choices::default();
    let mut made = Made::default();
    let mut shapes = 0;
    loop {
        let sketch = sketch(frame, plan.pattern, &replaced, &mut choices)?;
        shape(frame, plan, &sketch, &mut made)?;
        shapes += 1;
        if shapes > MOST || made.variants.len() > MOST {
            tell(frame, too_many(name));
            return Err(Stop);
        }
        if !choices.advance() {
            break;
        }
    }
    /// More variants than this are seldom meant.
    const MANY: usize = 64;
    let n = made.variants.len();
    if n > MANY {
        let warning =
            Diagnostic::warning(MANY_VARIANTS, format!("`{}` has {n} variants", frame.label));
        let warning = warning
            .primary(name.span, format!("more than {MANY}"))
            .help("name overloads (`aten::mean.dim`), or split the rule");
        tell(frame, warning);
    }
    Ok((made.variants, made.removed_by.into_iter().collect()))
}

fn too_many(name: &ast::Name) -> Diagnostic {
    Diagnostic::error(MANY_VARIANTS, format!("`{name}` has thousands of variants"))
        .primary(name.span, "given up")
        .help("name overloads (`aten::mean.dim`), or split the rule")
}

/// The patterns of a keep in one instance.
pub(in crate::check) fn keep_patterns<'a>(
    frame: &Frame<'_, 'a>,
    keep: &'a ast::Keep,
) -> Checked<Vec<(Vec<SlotInfo>, Pattern)>> {
    let pattern = &keep.pattern;
    let mut choices = Choices::default();
    let mut shapes = 0;
    let mut patterns = Vec::new();
    loop {
        let sketch = sketch(frame, Side::Term(pattern), &[], &mut choices)?;
        match solve(frame.cx, &sketch, (&frame.full_label(), frame.span))? {
            Err(failures) => return stop_of(frame, &failures),
            Ok(solutions) => {
                for solution in &solutions {
                    let lowered = lower(frame, &sketch, solution, &[])?;
                    let roots = lowered.roots.into_iter();
                    patterns.extend(roots.map(|root| (lowered.slots.clone(), root.pattern)));
                }
            }
        }
        shapes += 1;
        if shapes > MOST || patterns.len() > MOST {
            tell(frame, too_many(&keep.name));
            return Err(Stop);
        }
        if !choices.advance() {
            return Ok(patterns);
        }
    }
}

/// Names that the rewrite assigns.
fn replaced<'a>(plan: &Plan<'a>) -> Vec<&'a str> {
    let statements = plan.replacement.statements().iter();
    let binds = statements.flat_map(|statement| &statement.binds);
    let values = binds.filter_map(|bind| bind.target.value());
    values.map(|value| value.name.as_str()).collect()
}

#[derive(Default)]
struct Made {
    variants: Vec<Variant>,
    texts: Vec<String>,
    removed_by: BTreeSet<usize>,
}

impl Made {
    fn add(&mut self, frame: &Frame<'_, '_>, variant: Variant) {
        let text = canonical::text(frame.cx.catalogue, &variant);
        if !self.texts.contains(&text) {
            self.texts.push(text);
            self.variants.push(variant);
        }
    }
}

fn tell(frame: &Frame<'_, '_>, diagnostic: Diagnostic) {
    frame.cx.sink.tell_of(diagnostic, Some(&frame.full_label()));
}

fn stop_of<T>(frame: &Frame<'_, '_>, failures: &[Failure]) -> Checked<T> {
    if let Some(diagnostic) = misfit(frame.cx.catalogue, failures) {
        tell(frame, diagnostic);
    }
    Err(Stop)
}

/// The variants of one way to take optional nodes and alternatives.
fn shape<'a>(
    frame: &Frame<'_, 'a>,
    plan: &Plan<'a>,
    sketch: &Sketch<'a>,
    made: &mut Made,
) -> Checked<()> {
    if let Some(guard) = excluded(frame, plan, sketch)? {
        made.removed_by.insert(guard);
        return Ok(());
    }
    let solutions = match solve(frame.cx, sketch, (&frame.full_label(), frame.span))? {
        Ok(solutions) => solutions,
        Err(failures) => return stop_of(frame, &failures),
    };
    let mut failures: Vec<Failure> = Vec::new();
    let mut fits = false;
    for solution in &solutions {
        let swaps = swaps(frame.cx.catalogue, sketch, solution);
        /// 2 to this power orders of one combination are tried.
        const SWAPS: usize = 6;
        if made.variants.len() > MOST {
            break;
        }
        for order in 0..1usize << swaps.len().min(SWAPS) {
            let taken = swaps.iter().enumerate();
            let taken: Vec<_> = taken
                .filter(|(bit, _)| order & (1 << bit) != 0)
                .map(|(_, swap)| swap)
                .collect();
            let lowered = lower(frame, sketch, solution, &taken)?;
            match variant(frame, plan, sketch, solution, lowered)? {
                Ok(variant) => {
                    fits = true;
                    match variant {
                        Ok(variant) => made.add(frame, variant),
                        Err(guard) => {
                            made.removed_by.insert(guard);
                        }
                    }
                }
                Err(unfit) => {
                    for failure in unfit {
                        keep_furthest(&mut failures, failure);
                    }
                    break;
                }
            }
        }
    }
    if fits {
        Ok(())
    } else {
        stop_of(frame, &failures)
    }
}

/// The guard that rests on template parameters and tags alone and is false, so that the shape need not fit.
fn excluded<'a>(
    frame: &Frame<'_, 'a>,
    plan: &Plan<'a>,
    sketch: &Sketch<'a>,
) -> Checked<Option<usize>> {
    let mut resolver = frame.resolver();
    for (key, value) in sketch.tag_keys() {
        resolver.bind(key, Expr::Literal(value));
    }
    let known = |resolver: &Resolver<'_, 'a>, key: Key<'_>| {
        resolver.local(key).is_some() || (!key.is_value && frame.known(key.name).is_some())
    };
    for (reason, guard) in plan.guards.iter().enumerate() {
        let mut mentions = Mentions::default();
        mentions.expr(&guard.condition);
        if mentions.list.iter().all(|m| known(&resolver, m.key))
            && let Decided::Never = decided(&mut resolver, guard)?
        {
            return Ok(Some(reason));
        }
    }
    Ok(None)
}

/// The variant of a lowered pattern, or the guard that is false for it; failures if its sides do not fit.
fn variant<'a>(
    frame: &Frame<'_, 'a>,
    plan: &Plan<'a>,
    sketch: &Sketch<'a>,
    solution: &Solution<'a>,
    lowered: Lowered<'a>,
) -> Checked<Result<Result<Variant, usize>, Vec<Failure>>> {
    debug_assert_eq!(sketch.nodes.len(), solution.nodes.len());
    let mut resolver = frame.resolver();
    resolver.absent_is_none();
    for (key, expr) in &lowered.names {
        resolver.bind(*key, expr.clone());
    }
    let lets = lets(&mut resolver, plan)?;
    let guards = match guards(&mut resolver, plan)? {
        Ok(guards) => guards,
        Err(guard) => return Ok(Ok(Err(guard))),
    };
    refuse_unrelated(frame, &lowered)?;
    if let Some(failure) = label_misplaced(plan, &lowered) {
        return Ok(Err(vec![failure]));
    }
    let erased = erased(frame, plan, &lowered)?;
    let builder = Builder::new(frame, &lowered, &lets, resolver);
    let (built, effects) = match told(builder.side(plan.replacement))? {
        Ok(built) => built,
        Err(failures) => return Ok(Err(failures)),
    };
    let roots = lowered.roots.into_iter().zip(built);
    let roots = roots.map(|(root, replacement)| Root {
        pattern: root.pattern,
        replacement,
    });
    Ok(Ok(Ok(Variant {
        slots: lowered.slots,
        roots: roots.collect(),
        guards,
        lets,
        erased,
        effects,
    })))
}

/// The slots of the effects that go away.
fn erased(frame: &Frame<'_, '_>, plan: &Plan<'_>, lowered: &Lowered<'_>) -> Checked<Vec<Slot>> {
    let mut slots = Vec::with_capacity(plan.erased.len());
    for name in &plan.erased {
        let tagged = lowered
            .tagged
            .iter()
            .find(|(tag, ..)| tag.text == name.text);
        let Some((tag, slot, op)) = tagged else {
            unreachable!("names that tag nothing are refused before");
        };
        if !frame.cx.catalogue.is_effect(op.as_str()) {
            return frame.cx.sink.stop(
                Diagnostic::error(EFFECT, format!("`{op}` is no effect"))
                    .primary(name.span, "erased here")
                    .secondary(tag.span, "matched here")
                    .help("what has no effect goes by itself when nobody reads it"),
            );
        }
        slots.push(*slot);
    }
    Ok(slots)
}

/// Several roots must share a variable, so that one is found from the other.
fn refuse_unrelated(frame: &Frame<'_, '_>, lowered: &Lowered<'_>) -> Checked<()> {
    let Some((first, others)) = lowered.roots.split_first() else {
        return Ok(());
    };
    let mut related: Vec<u32> = Vec::new();
    slots(&first.pattern, &mut related);
    let mut waiting: Vec<(Vec<u32>, Span)> = Vec::new();
    for root in others {
        let mut of_root = Vec::new();
        slots(&root.pattern, &mut of_root);
        waiting.push((of_root, root.span));
    }
    while let Some(at) = waiting
        .iter()
        .position(|(of_root, _)| of_root.iter().any(|slot| related.contains(slot)))
    {
        related.extend(waiting.swap_remove(at).0);
    }
    match waiting.first() {
        None => Ok(()),
        Some((_, span)) => frame.cx.sink.stop(
            Diagnostic::error(UNRELATED_ROOTS, "roots of one rule share a name")
                .primary(*span, "shares no name with the others")
                .secondary(first.span, "the first root")
                .help("use a value of one in the other, or make two rules"),
        ),
    }
}

/// Slots that a pattern binds or compares.
fn slots(pattern: &Pattern, into: &mut Vec<u32>) {
    match pattern {
        Pattern::Any | Pattern::Literal(_) => {}
        Pattern::Value(slot, _) | Pattern::Bare(slot) | Pattern::Again(slot) => into.push(slot.0),
        Pattern::Project { of, slot, .. } => {
            into.push(slot.0);
            slots(of, into);
        }
        Pattern::Chain { slot, inner, .. } => {
            into.push(slot.0);
            slots(inner, into);
        }
        Pattern::Apply(apply) => {
            into.push(apply.slot.0);
            apply
                .operands
                .iter()
                .for_each(|operand| slots(operand, into));
        }
    }
}

/// `within` counts steps of a quantized root; a root that is certainly none has no steps.
fn label_misplaced(plan: &Plan<'_>, lowered: &Lowered<'_>) -> Option<Failure> {
    if !matches!(plan.numerics, Numerics::Within(_)) {
        return None;
    }
    let unquantized = |root: &&LoweredRoot<'_>| {
        let op = match &root.pattern {
            Pattern::Apply(apply) => apply.op.as_str(),
            _ => "",
        };
        op.starts_with("aten::dequantize")
            || !matches!(root.ty, Type::Tensor(_) | Type::Any | Type::Variable(_))
    };
    let root = lowered.roots.iter().find(unquantized)?;
    Some(Failure {
        depth: BEHIND_THE_MATCH,
        code: LABEL_MISPLACED,
        span: root.span,
        label: "`within` counts steps of a quantized result, and this has none".to_owned(),
        op: String::new(),
        overload: None,
    })
}
