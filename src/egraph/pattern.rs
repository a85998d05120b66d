//! Matching one pattern at one class the plain way: recursion with backtracking, and a record of what failed.
//!
//! In: checked patterns, a class. Out: every match, or how far each attempt came and why it ended.
//! Used where a rule set is not at hand or speed does not matter: for `keep`s, and to say why a rule did not match. It shares nothing
//! with the trie, so that each can be tested against the other.
//!
//! Invariant: finds the matches that the trie finds, in another order.

use smallvec::SmallVec;

use crate::check::rule::{
    Apply, AttributeMatch, Constraint, DimPattern, Pattern, Rest, Slot, SlotInfo,
};
use crate::graph::{Literal, Name};
use crate::ops;
use crate::rules::{DimTest, TypeTest};

use super::binding::Bound;
use super::classes::EGraph;
use super::intern::LiteralId;
use super::language::{Class, HeadKind, Node};
use super::scope::Slots;

/// What an attempt failed on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Failure<'p> {
    /// No node of the class is this operator with as many operands and results.
    Operator(&'p Apply),
    /// No node of the class is this result of an operator.
    Projection(u32),
    /// No chain of this operator.
    Chain(Name),
    /// The class is another literal, or none.
    Literal(&'p Literal),
    /// The class is no literal.
    Bare(Slot),
    /// The slot holds something else already.
    Different(Slot),
    /// The class is not of this type.
    Typed(Slot, &'p Constraint),
    /// The attribute of a node is another.
    Attribute(Name),
}

/// Who watches a walk.
pub(super) trait Watch<'p> {
    /// All patterns matched; whether to look for more.
    fn found(&mut self, walk: &Bindings<'p, '_>) -> bool;
    /// An attempt failed at a class, after this many operators and comparisons had matched.
    fn failed(&mut self, matched: usize, class: Class, failure: Failure<'p>);
}

/// What is bound so far.
pub(super) struct Bindings<'p, 'g> {
    pub(super) graph: &'g EGraph,
    pub(super) infos: &'p [SlotInfo],
    slots: Vec<Bound>,
    pool: Vec<Bound>,
    /// Classes of the roots matched so far.
    pub(super) roots: Vec<Class>,
    pub(super) matched: usize,
}

impl Slots for Bindings<'_, '_> {
    fn bound(&self, slot: Slot) -> Bound {
        self.slots[slot.0 as usize]
    }

    fn pool(&self) -> &[Bound] {
        &self.pool
    }
}

/// Matches patterns: the first at `class`, the others anywhere. Stops when the watch has seen enough.
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
    let mut walk = Walk::new(graph, infos, vec![graph.find(class)], watch);
    let rest = Goals {
        goal: Goal::Roots(others),
        next: None,
    };
    walk.pattern(first, class, Some(&rest));
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
    enough: bool,
}

/// What is left to match, as a list on the stack.
struct Goals<'p, 'n> {
    goal: Goal<'p, 'n>,
    next: Option<&'n Goals<'p, 'n>>,
}

enum Goal<'p, 'n> {
    Operands(&'p [Pattern], &'n [Class]),
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
                matched: 0,
            },
            watch,
            enough: false,
        }
    }

    fn fail(&mut self, class: Class, failure: Failure<'p>) {
        self.watch.failed(self.bindings.matched, class, failure);
    }

    /// Goes on with one more thing matched.
    fn pass(&mut self, next: Next<'p, '_>) {
        self.bindings.matched += 1;
        self.go_on(next);
        self.bindings.matched -= 1;
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
            Goal::Operands(patterns, classes) => {
                let (Some((pattern, patterns)), Some((class, classes))) =
                    (patterns.split_first(), classes.split_first())
                else {
                    return self.go_on(next);
                };
                let rest = Goals {
                    goal: Goal::Operands(patterns, classes),
                    next,
                };
                self.pattern(pattern, *class, Some(&rest));
            }
            Goal::Each(elements, classes, lists) => {
                let Some((class, classes)) = classes.split_first() else {
                    return self.collected(elements.collect, lists, next);
                };
                let slots = self.bindings.slots.clone();
                let rest = Goals {
                    goal: Goal::Collected(elements, classes, lists.clone(), slots),
                    next,
                };
                self.pattern(elements.pattern, *class, Some(&rest));
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
                for class in self.bindings.graph.classes() {
                    self.bindings.roots.push(class);
                    self.pattern(pattern, class, Some(&rest));
                    self.bindings.roots.pop();
                }
            }
        }
    }
    /// All elements matched: their lists take their slots.
    fn collected(&mut self, collect: &'p [(Slot, Slot)], lists: &Lists, next: Next<'p, '_>) {
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
                self.slot(*to, bound, None, |walk| {
                    walk.collected(others, &others_lists, next);
                });
                self.bindings.pool.truncate(before);
            }
        }
    }

    /// Binds a slot or compares with what it holds, then goes on.
    fn slot(
        &mut self,
        slot: Slot,
        bound: Bound,
        class: Option<Class>,
        then: impl FnOnce(&mut Self),
    ) {
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
            self.bindings.matched += 1;
            then(self);
            self.bindings.matched -= 1;
        } else if let Some(class) = class {
            self.fail(class, Failure::Different(slot));
        }
    }

    fn pattern(&mut self, pattern: &'p Pattern, class: Class, next: Next<'p, '_>) {
        if self.enough {
            return;
        }
        let graph = self.bindings.graph;
        let class = graph.find(class);
        let bound = Bound::Class(class);
        match pattern {
            Pattern::Any => self.go_on(next),
            Pattern::Again(slot) => self.slot(*slot, bound, Some(class), |walk| walk.go_on(next)),
            Pattern::Value(slot, constraint) => {
                self.slot(*slot, bound, Some(class), |walk| match constraint {
                    None => walk.go_on(next),
                    Some(constraint) => walk.typed(*slot, constraint, class, next),
                });
            }
            Pattern::Bare(slot) => {
                if graph.bound_literal(bound).is_some() {
                    self.slot(*slot, bound, Some(class), |walk| walk.pass(next));
                } else {
                    self.fail(class, Failure::Bare(*slot));
                }
            }
            Pattern::Literal(literal) => {
                if graph
                    .literal(class)
                    .is_some_and(|found| reads_as(found, literal))
                {
                    self.pass(next);
                } else {
                    self.fail(class, Failure::Literal(literal));
                }
            }
            Pattern::Apply(apply) => self.slot(apply.slot, bound, Some(class), |walk| {
                walk.apply(apply, class, next);
            }),
            Pattern::Project { index, of, slot } => {
                self.slot(*slot, bound, Some(class), |walk| {
                    walk.project(*index, of, class, next);
                });
            }
            Pattern::Chain {
                op,
                may_be_empty,
                collect,
                slot,
                inner,
            } => self.slot(*slot, bound, Some(class), |walk| {
                let chain = Chain {
                    op: *op,
                    may_be_empty: *may_be_empty,
                    collect: *collect,
                    inner,
                };
                walk.chain(&chain, &mut vec![class], &mut Vec::new(), next);
            }),
        }
    }

    fn apply(&mut self, apply: &'p Apply, class: Class, next: Next<'p, '_>) {
        let graph = self.bindings.graph;
        let mut met = false;
        for node in graph.nodes(class) {
            if !is_operator(graph, node, apply) {
                continue;
            }
            met = true;
            self.bindings.matched += 1;
            self.attributes(apply, node, 0, class, next);
            self.bindings.matched -= 1;
        }
        if !met {
            self.fail(class, Failure::Operator(apply));
        }
    }

    /// Attributes from number `at` on, then operands.
    fn attributes(
        &mut self,
        apply: &'p Apply,
        node: &Node,
        at: usize,
        class: Class,
        next: Next<'p, '_>,
    ) {
        let graph = self.bindings.graph;
        let Some(attribute) = apply.attributes.get(at) else {
            return self.operands(apply, node, next);
        };
        let failure = Failure::Attribute(attribute.name);
        let Some(id) = graph.attribute_literal(node, attribute.name) else {
            return self.fail(class, failure);
        };
        match &attribute.value {
            AttributeMatch::Bind(slot) => {
                self.slot(*slot, Bound::Literal(id), Some(class), |walk| {
                    walk.attributes(apply, node, at + 1, class, next);
                });
            }
            AttributeMatch::Equal(wanted) => {
                let found = graph.inner.analysis.tables.get_literal(id);
                if found.same_value(wanted) {
                    self.attributes(apply, node, at + 1, class, next);
                } else {
                    self.fail(class, failure);
                }
            }
        }
    }

    fn operands(&mut self, apply: &'p Apply, node: &Node, next: Next<'p, '_>) {
        let (named, others) = node.children.split_at(apply.operands.len());
        let elements;
        let rest;
        let next = match &apply.rest {
            Some(Rest::Each { pattern, collect }) => {
                elements = Elements { pattern, collect };
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
            goal: Goal::Operands(&apply.operands, named),
            next,
        };
        self.go_on(Some(&operands));
    }

    fn project(&mut self, index: u32, of: &'p Pattern, class: Class, next: Next<'p, '_>) {
        let graph = self.bindings.graph;
        let mut met = false;
        for node in graph.nodes(class) {
            if graph.inner.analysis.heads.kind(node.head) == HeadKind::Projection(index) {
                met = true;
                self.bindings.matched += 1;
                self.pattern(of, node.children[0], next);
                self.bindings.matched -= 1;
            }
        }
        if !met {
            self.fail(class, Failure::Projection(index));
        }
    }

    fn typed(&mut self, slot: Slot, constraint: &'p Constraint, class: Class, next: Next<'p, '_>) {
        let test = TypeTest {
            constant: constraint.constant,
            ty: constraint.ty.clone(),
            dtypes: constraint.dtypes.clone(),
            dims: constraint
                .dims
                .as_ref()
                .map(|dims| dims.iter().map(DimTest::from).collect()),
        };
        let Some(dims) = self.bindings.graph.is_typed(class, &test) else {
            return self.fail(class, Failure::Typed(slot, constraint));
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
        self.dims(&bound, class, next);
    }

    fn dims(&mut self, dims: &[(Slot, LiteralId)], class: Class, next: Next<'p, '_>) {
        match dims.split_first() {
            None => self.pass(next),
            Some(((slot, id), others)) => {
                self.slot(*slot, Bound::Literal(*id), Some(class), |walk| {
                    walk.dims(others, class, next);
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
            self.bindings.matched += 1;
            self.chain(chain, seen, path, next);
            self.bindings.matched -= 1;
            path.pop();
            seen.pop();
        }
        if path.is_empty() && !chain.may_be_empty {
            return self.fail(class, Failure::Chain(chain.op));
        }
        match chain.collect {
            None => self.pattern(chain.inner, class, next),
            Some((_, list)) => {
                let before = self.bindings.pool.len();
                self.bindings.pool.extend(path.iter().rev());
                let bound = Bound::List {
                    start: before as u32,
                    len: path.len() as u32,
                };
                self.slot(list, bound, Some(class), |walk| {
                    walk.pattern(chain.inner, class, next);
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
}

/// Whether a node is the operator of a pattern, with as many operands and results.
fn is_operator(graph: &EGraph, node: &Node, apply: &Apply) -> bool {
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
