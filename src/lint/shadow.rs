//! Rules every match of which another rule covers with the same result.
//!
//! A variant is covered by another if that one's pattern is at least as general, what its guards demand is demanded by the covered
//! one's guards too, and both write the same. A rule is shadowed if one other rule covers all its variants.

use rustc_hash::FxHashMap;

use crate::check::rule::{
    AttributeMatch, Binary, Build, BuildOperand, Expr, Numerics, Pattern, Rule, Slot, Variant,
};
use crate::check::{SHADOWED, expr_text};
use crate::diagnostic::Diagnostic;
use crate::graph::text::LiteralText;

use super::named::Rules;

/// Shadowed rules: the one that covers, the one covered, and the warning.
pub(super) fn shadowed(rules: &Rules<'_>) -> Vec<(usize, usize, Diagnostic)> {
    let mut found: Vec<(usize, usize, Diagnostic)> = Vec::new();
    for (a, b) in rules.pairs() {
        let (first, second) = (&rules.all()[a], &rules.all()[b]);
        // Of two that cover each other, the later one is said to be needless.
        let of = if covers(first, second) {
            Some((a, b))
        } else if covers(second, first) {
            Some((b, a))
        } else {
            None
        };
        let Some((by, covered)) = of else { continue };
        if found.iter().any(|(_, known, _)| *known == covered) {
            continue;
        }
        let (by_rule, rule) = (&rules.all()[by], &rules.all()[covered]);
        let message = format!(
            "`{}` does nothing that `{}` does not do",
            rule.name, by_rule.name
        );
        let diagnostic = Diagnostic::warning(SHADOWED, message)
            .primary(
                rules.name_span(rule),
                "each of its matches is one of the other, with the same result",
            )
            .secondary(rules.name_span(by_rule), "this rule covers it")
            .help("remove it, or make the other one narrower");
        found.push((by, covered, diagnostic));
    }
    found
}

/// Whether each variant of a rule is covered by one of another, which promises as much about numbers.
fn covers(general: &Rule, special: &Rule) -> bool {
    let strength = |numerics: &Numerics| match numerics {
        Numerics::Exact => (0, 0),
        Numerics::Real => (1, 0),
        Numerics::Within(steps) => (2, *steps),
        Numerics::Changes(_) => (3, 0),
    };
    if strength(&general.numerics) > strength(&special.numerics) {
        return false;
    }
    let of = |rule: &'_ Rule| {
        let instances = rule.instances.iter();
        instances
            .flat_map(|instance| instance.variants.clone())
            .collect::<Vec<Variant>>()
    };
    let (general, special) = (of(general), of(special));
    !special.is_empty()
        && special
            .iter()
            .all(|special| general.iter().any(|general| is_covered(general, special)))
}

fn is_covered(general: &Variant, special: &Variant) -> bool {
    if general.roots.len() != special.roots.len() || has_more(general) || has_more(special) {
        return false;
    }
    let mut map = Map {
        special,
        held: FxHashMap::default(),
    };
    let roots = general.roots.iter().zip(&special.roots);
    if !roots
        .clone()
        .all(|(a, b)| map.pattern(&a.pattern, &b.pattern))
    {
        return false;
    }
    let mut demanded = Vec::new();
    for guard in &special.guards {
        conjuncts(&guard.condition, special, &mut demanded);
    }
    let demanded: Vec<String> = demanded
        .iter()
        .map(|expr| expr_text(expr, &special.slots, &special.lets))
        .collect();
    let mut wanted = Vec::new();
    for guard in &general.guards {
        conjuncts(&guard.condition, general, &mut wanted);
    }
    let same_guards = wanted.iter().all(|expr| {
        let expr = map.expr(expr, general);
        expr.is_some_and(|expr| {
            is_true(&expr) || demanded.contains(&expr_text(&expr, &special.slots, &special.lets))
        })
    });
    same_guards
        && roots
            .clone()
            .all(|(a, b)| match (&a.replacement, &b.replacement) {
                (None, None) => true,
                (Some(a), Some(b)) => {
                    let (a, b) = (map.build(a, general), of_itself(special).build(b, special));
                    a.is_some() && a == b
                }
                _ => false,
            })
}

/// Effects are not compared.
fn has_more(variant: &Variant) -> bool {
    !variant.effects.is_empty() || !variant.erased.is_empty()
}

/// A map in which everything stands for itself.
fn of_itself(variant: &Variant) -> Map<'_> {
    let slots = (0..variant.slots.len() as u32).map(Slot);
    Map {
        special: variant,
        held: slots.map(|slot| (slot, Stands::Slot(slot))).collect(),
    }
}

fn is_true(expr: &Expr) -> bool {
    match expr {
        Expr::Binary(Binary::Eq, left, right) => {
            matches!((&**left, &**right), (Expr::Literal(a), Expr::Literal(b)) if a.same_value(b))
        }
        _ => false,
    }
}

/// The conditions that must all hold, lets written out.
fn conjuncts<'e>(condition: &'e Expr, variant: &'e Variant, into: &mut Vec<&'e Expr>) {
    match condition {
        Expr::Binary(Binary::And, left, right) => {
            conjuncts(left, variant, into);
            conjuncts(right, variant, into);
        }
        Expr::Let(index) => match variant.lets.get(*index as usize) {
            Some(named) => conjuncts(&named.value, variant, into),
            None => into.push(condition),
        },
        other => into.push(other),
    }
}

/// What a slot of the general variant stands for in the special one.
#[derive(Clone, PartialEq)]
enum Stands {
    Slot(Slot),
    Literal(crate::graph::Literal),
    /// Something that has no slot: it can be matched, not written.
    Something,
}

/// What the slots of a general variant stand for in a special one.
struct Map<'a> {
    special: &'a Variant,
    held: FxHashMap<Slot, Stands>,
}

impl Map<'_> {
    fn hold(&mut self, slot: Slot, stands: Stands) -> bool {
        match self.held.get(&slot) {
            Some(held) => *held == stands && stands != Stands::Something,
            None => {
                self.held.insert(slot, stands);
                true
            }
        }
    }

    /// Whether everything that the special pattern matches is matched by the general one.
    fn pattern(&mut self, general: &Pattern, special: &Pattern) -> bool {
        let stands = match special {
            Pattern::Value(slot, _) | Pattern::Bare(slot) | Pattern::Again(slot) => {
                Stands::Slot(*slot)
            }
            Pattern::Apply(apply) => Stands::Slot(apply.slot),
            Pattern::Project { slot, .. } | Pattern::Chain { slot, .. } => Stands::Slot(*slot),
            Pattern::Literal(literal) => Stands::Literal(literal.clone()),
            Pattern::Any => Stands::Something,
        };
        match (general, special) {
            (Pattern::Any, _) => true,
            (Pattern::Value(slot, None) | Pattern::Again(slot), _) => self.hold(*slot, stands),
            (Pattern::Bare(slot), Pattern::Bare(_) | Pattern::Literal(_)) => {
                self.hold(*slot, stands)
            }
            (Pattern::Literal(a), Pattern::Literal(b)) => a.same_value(b),
            (Pattern::Apply(a), Pattern::Apply(b)) => {
                let attributes = a.attributes.iter().zip(&b.attributes).all(|(a, b)| {
                    a.name == b.name
                        && match (&a.value, &b.value) {
                            (AttributeMatch::Equal(a), AttributeMatch::Equal(b)) => a.same_value(b),
                            _ => false,
                        }
                });
                a.op == b.op
                    && a.results == b.results
                    && a.operands.len() == b.operands.len()
                    && a.attributes.len() == b.attributes.len()
                    && attributes
                    && a.rest.is_none()
                    && b.rest.is_none()
                    && self.hold(a.slot, stands)
                    && a.operands
                        .iter()
                        .zip(&b.operands)
                        .all(|(a, b)| self.pattern(a, b))
            }
            _ => false,
        }
    }

    /// An expression of the general variant in the special one's slots.
    fn expr(&self, expr: &Expr, general: &Variant) -> Option<Expr> {
        let all = |items: &[Expr]| -> Option<Vec<Expr>> {
            items.iter().map(|item| self.expr(item, general)).collect()
        };
        let boxed = |expr: &Expr| self.expr(expr, general).map(Box::new);
        Some(match expr {
            Expr::Slot(slot) => match self.held.get(slot)? {
                Stands::Slot(slot) => Expr::Slot(*slot),
                Stands::Literal(literal) => Expr::Literal(literal.clone()),
                Stands::Something => return None,
            },
            Expr::Let(index) => {
                return self.expr(&general.lets.get(*index as usize)?.value, general);
            }
            Expr::Literal(_) => expr.clone(),
            Expr::List(items) => Expr::List(all(items)?),
            Expr::Tuple(items) => Expr::Tuple(all(items)?),
            Expr::Call(function, items) => Expr::Call(*function, all(items)?),
            Expr::Not(inner) => Expr::Not(boxed(inner)?),
            Expr::Negate(inner) => Expr::Negate(boxed(inner)?),
            Expr::Binary(op, left, right) => Expr::Binary(*op, boxed(left)?, boxed(right)?),
            Expr::Index(left, right) => Expr::Index(boxed(left)?, boxed(right)?),
            // What binds names of its own is not compared.
            _ => return None,
        })
    }

    /// What the general variant builds, as text over the special one's slots.
    fn build(&self, build: &Build, general: &Variant) -> Option<String> {
        Some(match build {
            Build::Slot(slot) => match self.held.get(slot)? {
                Stands::Slot(slot) => format!("%{}", slot.0),
                Stands::Literal(literal) => LiteralText(literal).to_string(),
                Stands::Something => return None,
            },
            Build::Expr(expr) => match self.expr(expr, general)? {
                Expr::Slot(slot) => format!("%{}", slot.0),
                expr => expr_text(&expr, &self.special.slots, &self.special.lets),
            },
            Build::Apply {
                op,
                operands,
                attributes,
                index,
                ..
            } if attributes.is_empty() => {
                let operands: Option<Vec<String>> = operands
                    .iter()
                    .map(|operand| match operand {
                        BuildOperand::One(one) => self.build(one, general),
                        BuildOperand::Each { .. } => None,
                    })
                    .collect();
                format!("{op}.{index}({})", operands?.join(", "))
            }
            _ => return None,
        })
    }
}
