//! A matcher to judge `rulefold why` by: recursion over all ways, no index, no trie, no record but how far it came.
//!
//! It looks at a [`View`]: for each value the operators that may stand there. A view of a graph has one for each value; a view of an
//! e-graph has all that rules found equal.

use rulefold::check::evaluate::{Scope, Val, evaluate};
use rulefold::check::rule::{
    Constraint, DimPattern, Function, Pattern, Rest, Slot, SlotKind, Variant,
};
use rulefold::egraph::build::Built;
use rulefold::egraph::{Class, NodeKind};
use rulefold::graph::{Dim, Facts, Graph, Literal, Name, QParams, Type, ValueId};
use rulefold::ops;
use rulefold::source::Span;
use std::collections::BTreeMap;

/// An operator with its operands, by number of value.
#[derive(Clone)]
pub struct Node {
    pub op: Name,
    pub operands: Vec<usize>,
}

/// What there is to match against.
pub struct View {
    /// By value, what may stand there.
    pub nodes: Vec<Vec<Node>>,
    pub literals: Vec<Option<Literal>>,
    pub facts: Vec<Facts>,
    pub constants: Vec<bool>,
    /// Names that the printed graph has for values.
    pub names: BTreeMap<String, usize>,
}

impl View {
    /// One operator for each value: the graph as it is printed.
    pub fn of_graph(graph: &Graph, built: &Built) -> View {
        let printed = rulefold::graph::text::printed(graph, built.egraph.constants());
        let count = graph.value_count();
        let mut view = View {
            nodes: vec![Vec::new(); count],
            literals: vec![None; count],
            facts: vec![Facts::default(); count],
            constants: vec![false; count],
            names: BTreeMap::new(),
        };
        for (value, name) in &printed.names {
            view.names.insert(format!("%{name}"), value.0 as usize);
        }
        for at in 0..count {
            let value = ValueId(at as u32);
            if let rulefold::graph::Def::Literal(literal) = &graph.value(value).def {
                view.literals[at] = Some(literal.clone());
            }
            if let Some(&class) = built.classes.get(&value) {
                view.facts[at] = built.egraph.facts(class);
                view.constants[at] = built.egraph.is_const(class);
                view.literals[at] = built.egraph.literal(class).cloned();
            }
        }
        for id in graph.walk() {
            let node = graph.node(id);
            if let [result] = node.results.as_slice() {
                view.nodes[result.0 as usize].push(Node {
                    op: node.op,
                    operands: node.operands.iter().map(|value| value.0 as usize).collect(),
                });
            }
        }
        view
    }

    /// All operators of each class, and the names of the values that became it.
    pub fn of_egraph(graph: &Graph, built: &Built) -> View {
        let egraph = &built.egraph;
        let classes = egraph.classes();
        let number: BTreeMap<Class, usize> = classes.iter().copied().zip(0..).collect();
        let printed = rulefold::graph::text::printed(graph, egraph.constants());
        let mut view = View {
            nodes: vec![Vec::new(); classes.len()],
            literals: classes
                .iter()
                .map(|&c| egraph.literal(c).cloned())
                .collect(),
            facts: classes.iter().map(|&class| egraph.facts(class)).collect(),
            constants: classes
                .iter()
                .map(|&class| egraph.is_const(class))
                .collect(),
            names: BTreeMap::new(),
        };
        for (value, name) in &printed.names {
            if let Some(&class) = built.classes.get(value) {
                view.names
                    .insert(format!("%{name}"), number[&egraph.find(class)]);
            }
        }
        for (at, &class) in classes.iter().enumerate() {
            for node in egraph.nodes(class) {
                if let NodeKind::Operator { op, results: 1, .. } = egraph.kind(node) {
                    let operands = node.children().iter();
                    view.nodes[at].push(Node {
                        op,
                        operands: operands.map(|&child| number[&egraph.find(child)]).collect(),
                    });
                }
            }
        }
        view
    }

    /// Whether some value is this operator.
    pub fn has(&self, op: &str) -> bool {
        self.nodes.iter().flatten().any(|node| node.op == op)
    }

    /// How far a variant comes at a value.
    pub fn tried(&self, variant: &Variant, at: usize) -> Tried {
        let [root] = variant.roots.as_slice() else {
            panic!("rules with several roots are not among these");
        };
        let mut walk = Walk {
            view: self,
            variant,
            slots: vec![Held::Nothing; variant.slots.len()],
            outside: Vec::new(),
            count: 0,
            best: Tried::default(),
        };
        let span = variant.slots[0].span;
        let matched = walk.goals(&[Goal::Match(&root.pattern, at, span)]);
        let mut best = walk.best;
        best.matched = matched;
        best
    }
}

/// How far a variant came.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    pub matched: bool,
    /// Things met before it failed.
    pub count: usize,
    /// Where the rule says what failed, and the value that did; for a guard its reason, and no value.
    pub failed: Option<(Span, usize)>,
    pub guard: Option<usize>,
}

#[derive(Clone, PartialEq, Debug)]
enum Held {
    Nothing,
    Value(usize),
    List(Vec<usize>),
}

enum Goal<'p> {
    Match(&'p Pattern, usize, Span),
    /// An element of a list begins: what it binds is its own.
    Enter,
    /// What the element's slots hold goes to the lists.
    Collect(&'p [(Slot, Slot)]),
}

struct Walk<'p> {
    view: &'p View,
    variant: &'p Variant,
    slots: Vec<Held>,
    /// The slots around the elements that were entered.
    outside: Vec<Vec<Held>>,
    count: usize,
    best: Tried,
}

impl<'p> Walk<'p> {
    fn fail(&mut self, span: Span, value: usize) -> bool {
        if self.best.guard.is_none() && (self.best.failed.is_none() || self.count > self.best.count)
        {
            self.best = Tried {
                count: self.count,
                failed: Some((span, value)),
                ..Tried::default()
            };
        }
        false
    }

    /// Meets one more thing, then the rest.
    fn met(&mut self, rest: &[Goal<'p>]) -> bool {
        self.count += 1;
        let done = self.goals(rest);
        self.count -= 1;
        done
    }

    fn goals(&mut self, goals: &[Goal<'p>]) -> bool {
        let Some((first, rest)) = goals.split_first() else {
            return self.guards();
        };
        match first {
            Goal::Match(pattern, value, span) => self.pattern(pattern, *value, *span, rest),
            Goal::Enter => {
                self.outside.push(self.slots.clone());
                let done = self.goals(rest);
                self.outside.pop();
                done
            }
            Goal::Collect(collect) => {
                let mut slots = self.outside.pop().expect("an element was entered");
                let outside = slots.clone();
                for (element, list) in *collect {
                    let Held::Value(value) = self.slots[element.0 as usize] else {
                        panic!("an element is a value")
                    };
                    match &mut slots[list.0 as usize] {
                        Held::List(items) => items.push(value),
                        other => *other = Held::List(vec![value]),
                    }
                }
                let inside = std::mem::replace(&mut self.slots, slots);
                let done = self.goals(rest);
                self.slots = inside;
                self.outside.push(outside);
                done
            }
        }
    }

    fn pattern(
        &mut self,
        pattern: &'p Pattern,
        value: usize,
        span: Span,
        rest: &[Goal<'p>],
    ) -> bool {
        match pattern {
            Pattern::Any => self.goals(rest),
            Pattern::Literal(wanted) => match &self.view.literals[value] {
                Some(found) if is_same(found, wanted) => self.met(rest),
                _ => self.fail(span, value),
            },
            Pattern::Again(slot) | Pattern::Value(slot, None) => {
                self.slot(*slot, value, span, &mut |walk| walk.goals(rest))
            }
            Pattern::Value(slot, Some(constraint)) => self.slot(*slot, value, span, &mut |walk| {
                if walk.is_typed(value, constraint) {
                    walk.met(rest)
                } else {
                    walk.fail(span, value)
                }
            }),
            Pattern::Bare(slot) => {
                if self.view.literals[value].is_none() {
                    return self.fail(span, value);
                }
                self.slot(*slot, value, span, &mut |walk| walk.met(rest))
            }
            Pattern::Apply(apply) => {
                let named = apply.operands.len();
                let fits = |node: &&Node| {
                    let count = node.operands.len();
                    node.op == apply.op && (count == named || count > named && apply.rest.is_some())
                };
                let nodes: Vec<Node> = self.view.nodes[value]
                    .iter()
                    .filter(fits)
                    .cloned()
                    .collect();
                self.slot(apply.slot, value, apply.span, &mut |walk| {
                    if nodes.is_empty() {
                        return walk.fail(apply.span, value);
                    }
                    nodes.iter().any(|node| {
                        let mut goals: Vec<Goal<'p>> = Vec::new();
                        for (at, pattern) in apply.operands.iter().enumerate() {
                            let span = apply.operand_span(at);
                            goals.push(Goal::Match(pattern, node.operands[at], span));
                        }
                        if let Some(Rest::Each { pattern, collect }) = &apply.rest {
                            for &value in &node.operands[named..] {
                                let span = apply.operand_span(named);
                                goals.push(Goal::Enter);
                                goals.push(Goal::Match(pattern, value, span));
                                goals.push(Goal::Collect(collect));
                            }
                        }
                        goals.extend(rest.iter().map(|goal| match goal {
                            Goal::Match(pattern, value, span) => {
                                Goal::Match(pattern, *value, *span)
                            }
                            Goal::Enter => Goal::Enter,
                            Goal::Collect(collect) => Goal::Collect(collect),
                        }));
                        walk.met(&goals)
                    })
                })
            }
            Pattern::Project { .. } | Pattern::Chain { .. } => {
                panic!("no rule among these has several results or chains")
            }
        }
    }

    fn slot(
        &mut self,
        slot: Slot,
        value: usize,
        span: Span,
        then: &mut dyn FnMut(&mut Self) -> bool,
    ) -> bool {
        let at = slot.0 as usize;
        match self.slots[at].clone() {
            Held::Nothing => {
                self.slots[at] = Held::Value(value);
                let done = then(self);
                self.slots[at] = Held::Nothing;
                done
            }
            Held::Value(held) if self.is_equal(held, value) => {
                self.count += 1;
                let done = then(self);
                self.count -= 1;
                done
            }
            _ => self.fail(span, value),
        }
    }

    fn is_equal(&self, a: usize, b: usize) -> bool {
        let literals = (&self.view.literals[a], &self.view.literals[b]);
        a == b || matches!(literals, (Some(x), Some(y)) if x.same_value(y))
    }

    fn is_typed(&self, value: usize, constraint: &Constraint) -> bool {
        let facts = &self.view.facts[value];
        let is_tensor = facts.dtype.is_some() || matches!(facts.ty, Some(Type::Tensor(_)));
        let of_type = match &constraint.ty {
            None => true,
            Some(Type::Tensor(_)) => is_tensor,
            Some(Type::Scalar) => matches!(
                self.view.literals[value],
                Some(Literal::Int(_) | Literal::Float(_))
            ),
            Some(Type::Int) => facts.ty == Some(Type::Int),
            Some(other) => panic!("no rule among these asks for {other:?}"),
        };
        let of_dtype = constraint.dtypes.is_empty()
            || facts
                .dtype
                .is_some_and(|dtype| constraint.dtypes.contains(&dtype));
        let of_dims = constraint.dims.as_ref().is_none_or(|dims| {
            assert!(dims.iter().all(|dim| !matches!(dim, DimPattern::Bind(_))));
            facts.shape.is_some()
        });
        (!constraint.constant || self.view.constants[value]) && of_type && of_dtype && of_dims
    }

    fn guards(&mut self) -> bool {
        for (at, guard) in self.variant.guards.iter().enumerate() {
            let scope = Found(self);
            if !evaluate(&guard.condition, &self.variant.lets, &scope).is_true() {
                let count = self.count + at;
                if self.best.guard.is_none() || count > self.best.count {
                    self.best = Tried {
                        count,
                        guard: Some(guard.reason),
                        ..Tried::default()
                    };
                }
                return false;
            }
        }
        true
    }
}

/// Element types stand as numbers in graphs.
fn is_same(found: &Literal, wanted: &Literal) -> bool {
    found.same_value(wanted)
        || matches!((found, wanted), (Literal::Int(code), Literal::DType(dtype))
            if *code == ops::torch_dtype_code(*dtype))
}

/// What guards see.
struct Found<'w, 'p>(&'w Walk<'p>);

impl Scope for Found<'_, '_> {
    type Value = usize;

    fn slot(&self, slot: Slot) -> Val<usize> {
        let kind = &self.0.variant.slots[slot.0 as usize].kind;
        let one = |value: usize| match kind {
            SlotKind::Literal { dtype: true } => match &self.0.view.literals[value] {
                Some(Literal::Int(code)) => {
                    Val::literal(ops::torch_dtype(*code).map(Literal::DType))
                }
                other => Val::literal(other.clone()),
            },
            SlotKind::Literal { dtype: false } | SlotKind::Literals => {
                Val::literal(self.0.view.literals[value].clone())
            }
            _ => Val::Value(value),
        };
        match &self.0.slots[slot.0 as usize] {
            Held::Nothing => match kind {
                SlotKind::Values | SlotKind::Literals => Val::list(Vec::new()),
                _ => Val::Literal(Literal::None),
            },
            Held::Value(value) => one(*value),
            Held::List(values) => Val::list(values.iter().map(|&value| one(value)).collect()),
        }
    }

    fn literal(&self, value: &usize) -> Option<Literal> {
        self.0.view.literals[*value].clone()
    }

    fn same(&self, a: &usize, b: &usize) -> Option<bool> {
        if self.0.is_equal(*a, *b) {
            return Some(true);
        }
        let literals = (&self.0.view.literals[*a], &self.0.view.literals[*b]);
        matches!(literals, (Some(_), Some(_))).then_some(false)
    }

    fn fact(&self, function: Function, value: &usize) -> Val<usize> {
        let facts = &self.0.view.facts[*value];
        match function {
            Function::DType => Val::literal(facts.dtype.map(Literal::DType)),
            Function::Rank => {
                Val::literal(facts.shape.as_ref().map(|s| Literal::Int(s.len() as i64)))
            }
            Function::Shape => match &facts.shape {
                None => Val::Unknown,
                Some(shape) => Val::list(
                    shape
                        .iter()
                        .map(|dim| match dim {
                            Dim::Known(n) => Val::Literal(Literal::Int(*n as i64)),
                            Dim::Unknown => Val::Unknown,
                        })
                        .collect(),
                ),
            },
            Function::QParams => match (facts.qparams, facts.dtype) {
                (QParams::PerTensor { scale, zero_point }, Some(dtype)) => {
                    Val::Literal(Literal::Tuple(
                        [
                            Literal::Float(scale),
                            Literal::Int(zero_point),
                            Literal::DType(dtype),
                        ]
                        .into(),
                    ))
                }
                _ => Val::Unknown,
            },
            other => panic!("no rule among these asks for {other:?}"),
        }
    }
}
