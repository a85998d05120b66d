//! Building what a rule writes, and making it equal to what the rule matched.
//!
//! In: a match. Out: new nodes and unions in its name, or nothing if something the replacement rests on is not known.
//! Invariant: a pure function of the match: applying a match twice builds the same nodes.
//! Invariant: nothing is made equal unless every root's replacement could be built.

use smallvec::SmallVec;

use crate::check::evaluate::{Val, evaluate};
use crate::check::rule::{Build, BuildOperand, Expr, OTHERS, Slot};
use crate::graph::{AttributeLiteral, Literal, Name};
use crate::ops;
use crate::rules::{CompiledVariant, RuleSet};

use super::binding::Bound;
use super::classes::EGraph;
use super::language::{AttributesId, Class};
use super::matches::Matches;
use super::perform::Added;
use super::provenance::{Application, ApplicationId};
use super::scope::{MatchScope, Slots};

/// What applying a match did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// Classes became equal.
    Applied,
    /// They were equal already, or are of modules that rules leave alone.
    NoOp,
    /// The replacement rests on something unknown.
    Unbuilt,
}

/// Applies a match of a round.
pub(super) fn apply(graph: &mut EGraph, set: &RuleSet, matches: &Matches, at: usize) -> Outcome {
    let found = matches.get(at);
    if !graph.permits(set.variant(found.variant), matches.bounds(found)) {
        return Outcome::NoOp;
    }
    let before = graph.inner.nodes().len();
    let bounds = matches.bounds(matches.get(at));
    let Some(written) = build_from(graph, set, matches, at, bounds) else {
        return Outcome::Unbuilt;
    };
    let mut changed = false;
    for (root, replacement) in written.replaced {
        changed |= graph.union(root, replacement, written.application);
    }
    if changed {
        for node in matches.subsumed(at) {
            graph.subsumed.push(node.clone());
        }
        graph.inner.analysis.provenance.end();
        Outcome::Applied
    } else {
        graph.close(before);
        Outcome::NoOp
    }
}

/// Each replaced root of a match with the class that takes its place.
type Replacements = SmallVec<[(Class, Class); 2]>;

/// What a match writes.
pub(super) struct Written {
    pub(super) application: ApplicationId,
    pub(super) replaced: Replacements,
    /// Effects that are added.
    pub(super) effects: Vec<Added>,
    /// Whether a replacement reads what it replaces.
    pub(super) reads_root: bool,
}

/// Builds what a match is replaced by, in the name of an application that the caller ends; its slots hold `bounds`. `None`: it rests on
/// something unknown.
pub(super) fn build_from(
    graph: &mut EGraph,
    set: &RuleSet,
    matches: &Matches,
    at: usize,
    bounds: &[Bound],
) -> Option<Written> {
    let found = matches.get(at);
    let variant = set.variant(found.variant);
    let roots: SmallVec<[Class; 2]> = matches.roots(found).map(|c| graph.find(c)).collect();
    let application = graph.inner.analysis.provenance.begin(Application {
        rule: set.rules()[variant.rule as usize].name,
        instance: variant.instance,
        variant: variant.variant,
        roots: roots.as_slice().into(),
        bound: bounds.into(),
    });
    let before = graph.inner.nodes().len();
    let mut builder = Builder {
        graph,
        variant,
        bounds,
        roots: &roots,
        reads_root: false,
        elements: SmallVec::new(),
        made: SmallVec::new(),
    };
    let replaced: Option<Replacements> = variant
        .replacements
        .iter()
        .zip(&roots)
        .filter_map(|(replacement, root)| Some((*root, replacement.as_ref()?)))
        .map(|(root, replacement)| Some((root, builder.build(replacement)?)))
        .collect();
    let reads_root = builder.reads_root;
    let effects: Option<Vec<Added>> = variant
        .effects
        .iter()
        .map(|effect| builder.effect(effect))
        .collect();
    let (Some(replaced), Some(effects)) = (replaced, effects) else {
        graph.close(before);
        return None;
    };
    Some(Written {
        application,
        replaced,
        effects,
        reads_root,
    })
}

impl EGraph {
    /// Ends an application that made nothing equal; forgets it if it made no node either.
    pub(super) fn close(&mut self, nodes_before: usize) {
        if self.inner.nodes().len() == nodes_before {
            self.inner.analysis.provenance.cancel();
        } else {
            self.inner.analysis.provenance.end();
        }
    }
}

struct Builder<'a> {
    graph: &'a mut EGraph,
    variant: &'a CompiledVariant,
    bounds: &'a [Bound],
    roots: &'a [Class],
    reads_root: bool,
    /// Slots that stand for an element of a list here.
    elements: SmallVec<[(Slot, Bound); 2]>,
    /// Nodes built, by the number the rule gives them.
    made: SmallVec<[(u32, Class); 4]>,
}

impl Slots for Builder<'_> {
    fn bound(&self, slot: Slot) -> Bound {
        let element = self.elements.iter().rev().find(|(of, _)| *of == slot);
        element.map_or(self.bounds[slot.0 as usize], |(_, bound)| *bound)
    }

    fn pool(&self) -> &[Bound] {
        self.bounds
    }
}

impl Builder<'_> {
    fn build(&mut self, build: &Build) -> Option<Class> {
        match build {
            Build::Slot(slot) => self.place(self.bound(*slot)),
            Build::Expr(expr) => {
                let value = self.value(expr);
                self.literal_or_value(value)
            }
            Build::If(condition, yes, no) => match self.value(condition) {
                Val::Literal(Literal::Bool(true)) => self.build(yes),
                Val::Literal(Literal::Bool(false)) => self.build(no),
                _ => None,
            },
            Build::Apply {
                op,
                operands,
                attributes,
                results,
                index,
                node,
            } => {
                let known = self.made.iter().find(|(number, _)| number == node);
                let class = match known {
                    // Inside of a list the same node is another one for each element.
                    Some((_, class)) if self.elements.is_empty() => *class,
                    _ => {
                        let class = self.operator(*op, operands, attributes, *results)?;
                        if self.elements.is_empty() {
                            self.made.push((*node, class));
                        }
                        class
                    }
                };
                Some(if *results == 1 {
                    class
                } else {
                    self.graph.add_projection(class, *index)
                })
            }
        }
    }

    /// An effect: an operator without result, which is no node.
    fn effect(&mut self, build: &Build) -> Option<Added> {
        let Build::Apply {
            op,
            operands,
            attributes,
            ..
        } = build
        else {
            unreachable!("an effect is an operator")
        };
        Some(Added {
            op: *op,
            operands: self.operands(operands)?.to_vec(),
            attributes: self.attributes(attributes)?,
        })
    }

    fn operator(
        &mut self,
        op: Name,
        operands: &[BuildOperand],
        attributes: &[(Name, Expr)],
        results: u32,
    ) -> Option<Class> {
        let classes = self.operands(operands)?;
        let bundle = if attributes.is_empty() {
            AttributesId::default()
        } else {
            let attributes = self.attributes(attributes)?;
            self.graph.attributes(attributes)
        };
        Some(self.graph.add_op(op, &classes, bundle, results))
    }

    fn operands(&mut self, operands: &[BuildOperand]) -> Option<SmallVec<[Class; 8]>> {
        let mut classes: SmallVec<[Class; 8]> = SmallVec::new();
        for operand in operands {
            match operand {
                BuildOperand::One(build) => classes.push(self.build(build)?),
                BuildOperand::Each { each, over } => self.each(each, over, &mut classes)?,
            }
        }
        Some(classes)
    }

    /// Attributes as written; a bundle adds those that are not written beside it, and puts all in the order of their names.
    fn attributes(&self, attributes: &[(Name, Expr)]) -> Option<Vec<(Name, AttributeLiteral)>> {
        let mut made: Vec<(Name, AttributeLiteral)> = Vec::with_capacity(attributes.len());
        let mut bundled: Vec<(Name, AttributeLiteral)> = Vec::new();
        for (name, expr) in attributes {
            match (self.value(expr), *name == OTHERS) {
                (Val::Literal(Literal::Dict(pairs)), true) => {
                    for (name, literal) in pairs.iter() {
                        let Literal::Str(name) = name else {
                            return None;
                        };
                        let literal = AttributeLiteral::Literal(literal.clone());
                        bundled.push((Name::new(name), literal));
                    }
                }
                // A bundle of a part that this variant does not have.
                (Val::Literal(Literal::None), true) => {}
                (Val::Literal(literal), false) => {
                    made.push((*name, AttributeLiteral::Literal(literal)));
                }
                _ => return None,
            }
        }
        if !bundled.is_empty() {
            bundled.retain(|(name, _)| made.iter().all(|(known, _)| known != name));
            made.append(&mut bundled);
            made.sort_by_key(|(name, _)| name.as_str());
        }
        Some(made)
    }

    fn each(
        &mut self,
        each: &Build,
        over: &[(Slot, Slot)],
        classes: &mut SmallVec<[Class; 8]>,
    ) -> Option<()> {
        let lists: Option<SmallVec<[&[Bound]; 2]>> = over
            .iter()
            .map(|(_, list)| self.bounds[list.0 as usize].items(self.bounds))
            .collect();
        let lists = lists?;
        let len = lists.first()?.len();
        if lists.iter().any(|list| list.len() != len) {
            return None;
        }
        let outside = self.elements.len();
        for at in 0..len {
            for ((slot, _), list) in over.iter().zip(&lists) {
                self.elements.push((*slot, list[at]));
            }
            let class = self.build(each);
            self.elements.truncate(outside);
            classes.push(class?);
        }
        Some(())
    }

    /// The class of what a slot holds.
    fn place(&mut self, bound: Bound) -> Option<Class> {
        match bound {
            Bound::Class(class) => Some(self.read(class)),
            Bound::Literal(id) => {
                let literal = self.graph.inner.analysis.tables.get_literal(id).clone();
                Some(self.graph.add_literal(&literal))
            }
            Bound::Nothing => Some(self.graph.add_literal(&Literal::None)),
            Bound::List { .. } | Bound::Node(..) => None,
        }
    }

    fn read(&mut self, class: Class) -> Class {
        self.reads_root |= self.roots.contains(&self.graph.find(class));
        class
    }

    fn value(&self, expr: &Expr) -> Val<Class> {
        let scope = MatchScope {
            graph: self.graph,
            infos: &self.variant.slots,
            slots: self,
        };
        evaluate(expr, &self.variant.lets, &scope)
    }

    /// The class of a computed value. Element types are written as the numbers that operands have in TorchScript.
    fn literal_or_value(&mut self, value: Val<Class>) -> Option<Class> {
        match value {
            Val::Value(class) => Some(self.read(class)),
            Val::Literal(Literal::DType(dtype)) => {
                let code = Literal::Int(ops::torch_dtype_code(dtype));
                Some(self.graph.add_literal(&code))
            }
            Val::Literal(literal) => Some(self.graph.add_literal(&literal)),
            Val::List(items) => self.sequence("prim::ListConstruct", items),
            Val::Tuple(items) => self.sequence("prim::TupleConstruct", items),
            Val::Tensor(term) => self.graph.add_computed(&term),
            Val::Unknown => None,
        }
    }

    fn sequence(&mut self, op: &str, items: Vec<Val<Class>>) -> Option<Class> {
        let classes: Option<Vec<Class>> = items
            .into_iter()
            .map(|item| self.literal_or_value(item))
            .collect();
        let none = AttributesId::default();
        Some(self.graph.add_op(Name::new(op), &classes?, none, 1))
    }
}
