//! Which nodes of two graphs are the same.
//!
//! In: two hashed graphs. Out: pairs of nodes, and pairs of values that take the same place.
//! Nodes that rest on the same things are paired first; then, from what is paired (and from what both graphs return), nodes that are the
//! same by themselves and stand in the same place to a pair, towards inputs and towards results; then those whose results have one name.
//!
//! Invariant: a node is in one pair at most, and its partner has the same operator, literals and constants.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::graph::{Graph, NodeId, ValueId};

use super::hashing::Hashed;

/// Pairs of nodes and values of two graphs.
#[derive(Debug, Default)]
pub(super) struct Alignment {
    /// Partners of the first graph's nodes.
    pub(super) right: FxHashMap<NodeId, NodeId>,
    /// Partners of the second graph's nodes.
    pub(super) left: FxHashMap<NodeId, NodeId>,
    /// For values of the second graph, those of the first that take the same place.
    pub(super) values: FxHashMap<ValueId, ValueId>,
    /// The same the other way.
    pub(super) values_back: FxHashMap<ValueId, ValueId>,
    queue: VecDeque<(NodeId, NodeId)>,
}

/// How many users of a value are looked at for one partner.
const REACH: usize = 64;

/// Aligns two graphs.
pub(super) fn align(a: &Hashed, b: &Hashed) -> Alignment {
    let mut alignment = Alignment::default();
    alignment.pair_parameters(a, b);
    let mut same: FxHashMap<u128, VecDeque<NodeId>> = FxHashMap::default();
    for &id in &b.order {
        same.entry(b.whole[&id]).or_default().push_back(id);
    }
    for &id in &a.order {
        if let Some(other) = same.get_mut(&a.whole[&id]).and_then(VecDeque::pop_front) {
            alignment.pair(a, b, id, other);
        }
    }
    let (left, right) = (a.graph.body(), b.graph.body());
    for (&v, &w) in left.returns.iter().zip(&right.returns) {
        alignment.makers(a, b, v, w);
    }
    let (left, right) = (&left.parameters, &right.parameters);
    for (&v, &w) in left.iter().zip(right) {
        alignment.users(a, b, v, w);
    }
    alignment.spread(a, b);
    alignment.pair_by_name(a, b);
    alignment.spread(a, b);
    alignment.name_values(a, b);
    alignment
}

impl Alignment {
    fn pair_parameters(&mut self, a: &Hashed, b: &Hashed) {
        let (left, right) = (&a.graph.body().parameters, &b.graph.body().parameters);
        for (&v, &w) in left.iter().zip(right) {
            self.pair_values(v, w);
        }
    }

    fn pair_values(&mut self, v: ValueId, w: ValueId) {
        self.values.insert(w, v);
        self.values_back.insert(v, w);
    }

    fn pair(&mut self, a: &Hashed, b: &Hashed, m: NodeId, n: NodeId) {
        self.right.insert(m, n);
        self.left.insert(n, m);
        self.queue.push_back((m, n));
        let (m, n) = (a.graph.node(m), b.graph.node(n));
        for (&v, &w) in m.results.iter().zip(&n.results) {
            self.pair_values(v, w);
        }
        for (&x, &y) in m.blocks.iter().zip(&n.blocks) {
            let (x, y) = (a.graph.block(x), b.graph.block(y));
            for (&v, &w) in x.parameters.iter().zip(&y.parameters) {
                self.pair_values(v, w);
            }
        }
    }

    fn may_pair(&self, a: &Hashed, b: &Hashed, m: NodeId, n: NodeId) -> bool {
        !self.right.contains_key(&m) && !self.left.contains_key(&n) && a.alone[&m] == b.alone[&n]
    }

    /// From every pair to its neighbours.
    fn spread(&mut self, a: &Hashed, b: &Hashed) {
        while let Some((m, n)) = self.queue.pop_front() {
            let (x, y) = (a.graph.node(m), b.graph.node(n));
            for (&v, &w) in x.operands.iter().zip(&y.operands) {
                self.makers(a, b, v, w);
            }
            for (&v, &w) in x.results.iter().zip(&y.results) {
                self.users(a, b, v, w);
            }
            for (&p, &q) in x.blocks.iter().zip(&y.blocks) {
                let (p, q) = (a.graph.block(p), b.graph.block(q));
                for (&v, &w) in p.returns.iter().zip(&q.returns) {
                    self.makers(a, b, v, w);
                }
                for (&v, &w) in p.parameters.iter().zip(&q.parameters) {
                    self.users(a, b, v, w);
                }
            }
        }
    }

    /// Pairs the nodes that make two values, if they are the same.
    fn makers(&mut self, a: &Hashed, b: &Hashed, v: ValueId, w: ValueId) {
        if let (Some(m), Some(n)) = (a.graph.producer(v), b.graph.producer(w))
            && self.may_pair(a, b, m, n)
        {
            self.pair(a, b, m, n);
        }
    }

    /// Pairs the users of two values that use them in the same way.
    fn users(&mut self, a: &Hashed, b: &Hashed, v: ValueId, w: ValueId) {
        let (Some(left), Some(right)) = (a.users.get(&v), b.users.get(&w)) else {
            return;
        };
        let mut from = 0;
        for &(m, i) in left {
            if self.right.contains_key(&m) {
                continue;
            }
            // Both lists are in the order of the text: the partner is not far from the last one, if there is one.
            let mut near = right.iter().enumerate().skip(from).take(REACH);
            let found = near.find(|(_, (n, j))| {
                i == *j && self.may_pair(a, b, m, *n) && self.agree(a, b, m, *n)
            });
            if let Some((at, &(n, _))) = found {
                from = at + 1;
                self.pair(a, b, m, n);
            }
        }
    }

    /// Whether no operand of two nodes is known to be another.
    fn agree(&self, a: &Hashed, b: &Hashed, m: NodeId, n: NodeId) -> bool {
        let operands = a.graph.node(m).operands.iter();
        operands.zip(&b.graph.node(n).operands).all(|(v, w)| {
            match (self.values_back.get(v), self.values.get(w)) {
                (Some(other), _) => other == w,
                (None, Some(_)) => false,
                (None, None) => true,
            }
        })
    }

    fn pair_by_name(&mut self, a: &Hashed, b: &Hashed) {
        let mut named: FxHashMap<_, NodeId> = FxHashMap::default();
        for &n in &b.order {
            let first = b.graph.node(n).results.first();
            if let Some(name) = first.and_then(|&value| b.graph.value(value).name)
                && !self.left.contains_key(&n)
            {
                named.entry((name, b.alone[&n])).or_insert(n);
            }
        }
        for &m in &a.order {
            let first = a.graph.node(m).results.first();
            if let Some(name) = first.and_then(|&value| a.graph.value(value).name)
                && let Some(&n) = named.get(&(name, a.alone[&m]))
                && self.may_pair(a, b, m, n)
            {
                self.pair(a, b, m, n);
            }
        }
    }

    /// Values with one name and type that no pair of nodes makes take the same place, too: another node makes it now.
    fn name_values(&mut self, a: &Hashed, b: &Hashed) {
        let own = |graph: &Graph, order: &[NodeId]| -> Vec<ValueId> {
            let results = order.iter().flat_map(|&id| graph.node(id).results.clone());
            results
                .filter(|&value| graph.value(value).name.is_some())
                .collect()
        };
        let mut named: FxHashMap<_, ValueId> = FxHashMap::default();
        for value in own(a.graph, &a.order) {
            if !self.values_back.contains_key(&value) {
                named.entry(a.graph.value(value).name).or_insert(value);
            }
        }
        for value in own(b.graph, &b.order) {
            let of = b.graph.value(value);
            if !self.values.contains_key(&value)
                && let Some(&other) = named.get(&of.name)
                && a.graph.value(other).ty == of.ty
                && !self.values_back.contains_key(&other)
            {
                self.pair_values(other, value);
            }
        }
    }
}
