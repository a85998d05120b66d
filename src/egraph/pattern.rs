//! Matching one pattern at one class the plain way: recursion with backtracking, and a record of what failed.
//!
//! In: checked patterns, a class. Out: every match, or how far each attempt came and why it ended.
//! Used where a rule set is not at hand or speed does not matter: for `keep`s, and to say why a rule did not match. It shares nothing
//! with the trie, so that each can be tested against the other.
//!
//! Invariant: finds the matches that the trie finds, in another order, as long as there are not thousands of ways to try.

use smallvec::SmallVec;

use crate::check::rule::{
    Apply, AttributeMatch, Constraint, DimPattern, Pattern, Rest, Slot, SlotInfo,
};
use crate::graph::{Literal, Name};
use crate::ops;
use crate::rules::{DimTest, TypeTest};
use crate::source::Span;

use super::binding::Bound;
use super::classes::EGraph;
use super::intern::LiteralId;
use super::language::{Class, HeadKind, Node};
use super::roots::{root_candidates, root_span};
use super::scope::Slots;
use super::watch::{Bindings, Failure, Looked, Missed, Passed, Watch};

/// Steps of one walk, beyond which it gives up: patterns that could match in thousands of ways are not worth trying them all.
const MOST_STEPS: u32 = 200_000;

/// Matches patterns: the first at `class`, each further one from a value it shares with those before. Stops when the watch has seen
/// enough.
pub(super) fn walk<'p>(
    graph: &EGraph,
    infos: &'p [SlotInfo],
    roots: &[&'p Pattern],
    class: Class,
    watch: &mut dyn Watch<'p>,
) {
    let Some((first, others)) = roots.split_first() else {
        return;
    };
    let class = graph.find(class);
    let mut walk = Walk::new(graph, infos, vec![class], watch);
    let rest = Goals {
        goal: Goal::Roots(others),
        next: None,
    };
    let span = root_span(first, infos);
    walk.pattern(first, At { span, class }, Some(&rest));
}

/// Matches the operator pattern at one node, whatever else its class holds.
pub(super) fn walk_node<'p>(
    graph: &EGraph,
    infos: &'p [SlotInfo],
    apply: &'p Apply,
    node: &Node,
    watch: &mut dyn Watch<'p>,
) {
    if !is_operator(graph, node, apply) {
        return;
    }
    let Some(&class) = node.children.first() else {
        return;
    };
    let mut walk = Walk::new(graph, infos, Vec::new(), watch);
    walk.attributes(apply, node, 0, class, None);
}

struct Walk<'p, 'g, 'w> {
    bindings: Bindings<'p, 'g>,
    watch: &'w mut dyn Watch<'p>,
    steps: u32,
    enough: bool,
}

/// A class to match, and where the pattern for it is written.
#[derive(Clone, Copy)]
struct At {
    span: Span,
    class: Class,
}

/// What is left to match, as a list on the stack.
struct Goals<'p, 'n> {
    goal: Goal<'p, 'n>,
    next: Option<&'n Goals<'p, 'n>>,
}

enum Goal<'p, 'n> {
    /// Operands of an operator from this number on.
    Operands(&'p Apply, usize, &'n [Class]),
    /// Elements that are left, and what those before them collected.
    Each(&'n Elements<'p>, &'n [Class], Lists),
    /// An element matched; the slots as they were before it.
    Collected(&'n Elements<'p>, &'n [Class], Lists, Vec<Bound>),
    Roots(&'n [&'p Pattern]),
}

/// What each element of a list must match, and what becomes of its slots.
struct Elements<'p> {
    pattern: &'p Pattern,
    collect: &'p [(Slot, Slot)],
    at: At,
}

type Lists = SmallVec<[Vec<Bound>; 2]>;

type Next<'p, 'n> = Option<&'n Goals<'p, 'n>>;

impl<'p, 'g, 'w> Walk<'p, 'g, 'w> {
    fn new(
        graph: &'g EGraph,
        infos: &'p [SlotInfo],
        roots: Vec<Class>,
        watch: &'w mut dyn Watch<'p>,
    ) -> Walk<'p, 'g, 'w> {
        Walk {
            bindings: Bindings {
                graph,
                infos,
                slots: vec![Bound::Nothing; infos.len()],
                pool: Vec::new(),
                roots,
                trail: Vec::new(),
            },
            watch,
            steps: 0,
            enough: false,
        }
    }

    fn fail(&mut self, at: At, failure: Failure<'p>) {
        let missed = Missed {
            failure,
            span: at.span,
            class: at.class,
        };
        self.watch.failed(&self.bindings, missed);
    }

    /// Goes on with one more thing met.
    fn met(&mut self, looked: Looked<'p>, at: At, then: impl FnOnce(&mut Self)) {
        self.bindings.trail.push(Passed {
            looked,
            span: at.span,
            class: at.class,
        });
        then(self);
        self.bindings.trail.pop();
    }

    fn go_on(&mut self, next: Next<'p, '_>) {
        if self.enough {
            return;
        }
        let Some(Goals { goal, next }) = next else {
            self.enough = !self.watch.found(&self.bindings);
            return;
        };
        let next = *next;
        match goal {
            Goal::Operands(apply, number, classes) => {
                let (Some(pattern), Some((&class, classes))) =
                    (apply.operands.get(*number), classes.split_first())
                else {
                    return self.go_on(next);
                };
                let rest = Goals {
                    goal: Goal::Operands(apply, number + 1, classes),
                    next,
                };
                let span = apply.operand_span(*number);
                self.pattern(pattern, At { span, class }, Some(&rest));
            }
            Goal::Each(elements, classes, lists) => {
                let Some((&class, classes)) = classes.split_first() else {
                    return self.collected(elements, elements.collect, lists, next);
                };
                let slots = self.bindings.slots.clone();
                let rest = Goals {
                    goal: Goal::Collected(elements, classes, lists.clone(), slots),
                    next,
                };
                let span = elements.at.span;
                self.pattern(elements.pattern, At { span, class }, Some(&rest));
            }
            Goal::Collected(elements, classes, lists, outer) => {
                let mut lists = lists.clone();
                for ((element, _), list) in elements.collect.iter().zip(&mut lists) {
                    list.push(self.bindings.bound(*element));
                }
                let inner = std::mem::replace(&mut self.bindings.slots, outer.clone());
                let rest = Goals {
                    goal: Goal::Each(elements, classes, lists),
                    next,
                };
                self.go_on(Some(&rest));
                self.bindings.slots = inner;
            }
            Goal::Roots(patterns) => {
                let Some((pattern, patterns)) = patterns.split_first() else {
                    return self.go_on(next);
                };
                let rest = Goals {
                    goal: Goal::Roots(patterns),
                    next,
                };
                let span = root_span(pattern, self.bindings.infos);
                if let Pattern::Value(slot, Some(constraint)) = pattern
                    && let Some(class) = self.bindings.bound(*slot).class()
                {
                    let class = self.bindings.graph.find(class);
                    return self.typed(*slot, constraint, At { span, class }, Some(&rest));
                }
                let classes = root_candidates(&self.bindings, pattern);
                if classes.is_empty()
                    && let Some(&class) = self.bindings.roots.last()
                {
                    return self.fail(At { span, class }, Failure::Root(pattern));
                }
                for class in classes {
                    self.bindings.roots.push(class);
                    self.pattern(pattern, At { span, class }, Some(&rest));
                    self.bindings.roots.pop();
                }
            }
        }
    }

    /// All elements matched: their lists take their slots.
    fn collected(
        &mut self,
        elements: &Elements<'p>,
        collect: &'p [(Slot, Slot)],
        lists: &Lists,
        next: Next<'p, '_>,
    ) {
        match collect.split_first() {
            None => self.go_on(next),
            Some(((_, to), others)) => {
                let before = self.bindings.pool.len();
                self.bindings.pool.extend(&lists[0]);
                let bound = Bound::List {
                    start: before as u32,
                    len: lists[0].len() as u32,
                };
                let others_lists: Lists = lists[1..].iter().cloned().collect();
                self.slot(*to, bound, elements.at, |walk| {
                    walk.collected(elements, others, &others_lists, next);
                });
                self.bindings.pool.truncate(before);
            }
        }
    }

    /// Binds a slot or compares with what it holds, then goes on.
    fn slot(&mut self, slot: Slot, bound: Bound, at: At, then: impl FnOnce(&mut Self)) {
        let held = self.bindings.slots[slot.0 as usize];
        if held == Bound::Nothing {
            self.bindings.slots[slot.0 as usize] = bound;
            then(self);
            self.bindings.slots[slot.0 as usize] = Bound::Nothing;
        } else if self
            .bindings
            .graph
            .bound_equal(held, bound, &self.bindings.pool)
        {
            self.met(Looked::Same(slot), at, then);
        } else {
            self.fail(at, Failure::Different(slot));
        }
    }

    fn pattern(&mut self, pattern: &'p Pattern, at: At, next: Next<'p, '_>) {
        self.steps += 1;
        self.enough |= self.steps > MOST_STEPS;
        if self.enough {
            return;
        }
        let graph = self.bindings.graph;
        let class = graph.find(at.class);
        let at = At { class, ..at };
        let bound = Bound::Class(class);
        match pattern {
            Pattern::Any => self.go_on(next),
            Pattern::Again(slot) => self.slot(*slot, bound, at, |walk| walk.go_on(next)),
            Pattern::Value(slot, constraint) => {
                self.slot(*slot, bound, at, |walk| match constraint {
                    None => walk.go_on(next),
                    Some(constraint) => walk.typed(*slot, constraint, at, next),
                });
            }
            Pattern::Bare(slot) => {
                if graph.bound_literal(bound).is_some() {
                    self.slot(*slot, bound, at, |walk| {
                        walk.met(Looked::Bare(*slot), at, |walk| walk.go_on(next));
                    });
                } else {
                    self.fail(at, Failure::Bare(*slot));
                }
            }
            Pattern::Literal(literal) => {
                if graph
                    .literal(class)
                    .is_some_and(|found| reads_as(found, literal))
                {
                    self.met(Looked::Literal(literal), at, |walk| walk.go_on(next));
                } else {
                    self.fail(at, Failure::Literal(literal));
                }
            }
            Pattern::Apply(apply) => {
                let at = At {
                    span: apply.span,
                    class,
                };
                self.slot(apply.slot, bound, at, |walk| walk.apply(apply, at, next));
            }
            Pattern::Project { index, of, slot } => {
                self.slot(*slot, bound, at, |walk| walk.project(*index, of, at, next));
            }
            Pattern::Chain {
                op,
                may_be_empty,
                collect,
                slot,
                inner,
            } => self.slot(*slot, bound, at, |walk| {
                let chain = Chain {
                    op: *op,
                    may_be_empty: *may_be_empty,
                    collect: *collect,
                    inner,
                    span: at.span,
                };
                walk.chain(&chain, &mut vec![class], &mut Vec::new(), next);
            }),
        }
    }

    fn apply(&mut self, apply: &'p Apply, at: At, next: Next<'p, '_>) {
        let graph = self.bindings.graph;
        let mut met = false;
        for node in graph.nodes(at.class) {
            if !is_operator(graph, node, apply) {
                continue;
            }
            met = true;
            self.met(Looked::Operator(apply), at, |walk| {
                walk.attributes(apply, node, 0, at.class, next);
            });
        }
        if !met {
            self.fail(at, Failure::Operator(apply));
        }
    }

    /// Attributes from number `number` on, then operands.
    fn attributes(
        &mut self,
        apply: &'p Apply,
        node: &Node,
        number: usize,
        class: Class,
        next: Next<'p, '_>,
    ) {
        let graph = self.bindings.graph;
        let Some(attribute) = apply.attributes.get(number) else {
            return self.operands(apply, node, class, next);
        };
        let failure = Failure::Attribute(attribute.name);
        let span = apply.span;
        let at = At { span, class };
        let id = match &attribute.value {
            AttributeMatch::Others { without, .. } => graph.attribute_bundle(node, without),
            _ => graph.attribute_literal(node, attribute.name),
        };
        let Some(id) = id else {
            return self.fail(at, failure);
        };
        match &attribute.value {
            AttributeMatch::Bind(slot) | AttributeMatch::Others { slot, .. } => {
                self.slot(*slot, Bound::Literal(id), at, |walk| {
                    walk.attributes(apply, node, number + 1, class, next);
                });
            }
            AttributeMatch::Equal(wanted) => {
                let found = graph.inner.analysis.tables.get_literal(id);
                if found.same_value(wanted) {
                    self.attributes(apply, node, number + 1, class, next);
                } else {
                    self.fail(at, failure);
                }
            }
        }
    }

    fn operands(&mut self, apply: &'p Apply, node: &Node, class: Class, next: Next<'p, '_>) {
        let (named, others) = node.children.split_at(apply.operands.len());
        let elements;
        let rest;
        let next = match &apply.rest {
            Some(Rest::Each { pattern, collect }) => {
                let span = apply.operand_span(apply.operands.len());
                elements = Elements {
                    pattern,
                    collect,
                    at: At { span, class },
                };
                let lists = collect.iter().map(|_| Vec::new()).collect();
                rest = Goals {
                    goal: Goal::Each(&elements, others, lists),
                    next,
                };
                Some(&rest)
            }
            Some(Rest::Ignored) | None => next,
        };
        let operands = Goals {
            goal: Goal::Operands(apply, 0, named),
            next,
        };
        self.go_on(Some(&operands));
    }

    fn project(&mut self, index: u32, of: &'p Pattern, at: At, next: Next<'p, '_>) {
        let graph = self.bindings.graph;
        let mut met = false;
        for node in graph.nodes(at.class) {
            if graph.inner.analysis.heads.kind(node.head) == HeadKind::Projection(index) {
                met = true;
                let class = node.children[0];
                self.met(Looked::Projection(index), at, |walk| {
                    walk.pattern(of, At { class, ..at }, next);
                });
            }
        }
        if !met {
            self.fail(at, Failure::Projection(index));
        }
    }

    fn typed(&mut self, slot: Slot, constraint: &'p Constraint, at: At, next: Next<'p, '_>) {
        let test = TypeTest {
            constant: constraint.constant,
            ty: constraint.ty.clone(),
            dtypes: constraint.dtypes.clone(),
            dims: constraint
                .dims
                .as_ref()
                .map(|dims| dims.iter().map(DimTest::from).collect()),
        };
        let Some(dims) = self.bindings.graph.is_typed(at.class, &test) else {
            return self.fail(at, Failure::Typed(slot, constraint));
        };
        let named = constraint
            .dims
            .iter()
            .flatten()
            .filter_map(|dim| match dim {
                DimPattern::Bind(slot) => Some(*slot),
                _ => None,
            });
        let bound: Vec<(Slot, LiteralId)> = named
            .zip(dims)
            .map(|(slot, dim)| (slot, self.bindings.graph.literal_id(&Literal::Int(dim))))
            .collect();
        self.dims(Looked::Typed(slot, constraint), &bound, at, next);
    }

    fn dims(&mut self, looked: Looked<'p>, dims: &[(Slot, LiteralId)], at: At, next: Next<'p, '_>) {
        match dims.split_first() {
            None => self.met(looked, at, |walk| walk.go_on(next)),
            Some(((slot, id), others)) => {
                self.slot(*slot, Bound::Literal(*id), at, |walk| {
                    walk.dims(looked, others, at, next);
                });
            }
        }
    }

    /// Every chain from the last class of `seen`, longest first.
    fn chain(
        &mut self,
        chain: &Chain<'p>,
        seen: &mut Vec<Class>,
        path: &mut Vec<Bound>,
        next: Next<'p, '_>,
    ) {
        let graph = self.bindings.graph;
        let Some(&class) = seen.last() else {
            return;
        };
        let span = chain.span;
        let at = At { span, class };
        for node in graph.nodes(class) {
            let HeadKind::Operator {
                op,
                operands: 1,
                results: 1,
            } = graph.inner.analysis.heads.kind(node.head)
            else {
                continue;
            };
            let below = node.children[0];
            if op != chain.op || seen.contains(&below) {
                continue;
            }
            let collected = match chain.collect {
                None => Bound::Nothing,
                Some((name, _)) => match graph.attribute_literal(node, name) {
                    Some(id) => Bound::Literal(id),
                    None => continue,
                },
            };
            seen.push(below);
            path.push(collected);
            self.met(Looked::Link(chain.op), at, |walk| {
                walk.chain(chain, seen, path, next);
            });
            path.pop();
            seen.pop();
        }
        if path.is_empty() && !chain.may_be_empty {
            return self.fail(at, Failure::Chain(chain.op));
        }
        match chain.collect {
            None => self.pattern(chain.inner, at, next),
            Some((_, list)) => {
                let before = self.bindings.pool.len();
                self.bindings.pool.extend(path.iter().rev());
                let bound = Bound::List {
                    start: before as u32,
                    len: path.len() as u32,
                };
                self.slot(list, bound, at, |walk| {
                    walk.pattern(chain.inner, at, next);
                });
                self.bindings.pool.truncate(before);
            }
        }
    }
}

struct Chain<'p> {
    op: Name,
    may_be_empty: bool,
    collect: Option<(Name, Slot)>,
    inner: &'p Pattern,
    span: Span,
}

/// Whether a node is the operator of a pattern, with as many operands and results.
pub(super) fn is_operator(graph: &EGraph, node: &Node, apply: &Apply) -> bool {
    let HeadKind::Operator {
        op,
        operands,
        results,
    } = graph.inner.analysis.heads.kind(node.head)
    else {
        return false;
    };
    let named = apply.operands.len();
    op == apply.op
        && results == apply.results
        && match apply.rest {
            None => operands as usize == named,
            Some(_) => operands as usize >= named,
        }
}

/// Whether a literal of a graph has the value of a pattern's. TorchScript writes element types as numbers.
fn reads_as(found: &Literal, wanted: &Literal) -> bool {
    found.same_value(wanted)
        || matches!((found, wanted), (Literal::Int(code), Literal::DType(dtype))
            if *code == ops::torch_dtype_code(*dtype))
}
