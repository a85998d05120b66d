//! Whether two graphs of one model are the same but for the numbers of their values, nodes and blocks.
//!
//! In: two graphs whose constants are in one store. Out: yes or no. Operators, operands, attributes, types and names are compared; places
//! in the source are not.
//! Invariant: graphs that are the same are written as the same text.

use rustc_hash::FxHashMap;

use super::{BlockId, Def, Graph, NodeId, ValueId};

/// Whether two graphs are the same.
pub fn same(a: &Graph, b: &Graph) -> bool {
    let mut pairs = Pairs {
        a,
        b,
        values: FxHashMap::default(),
    };
    pairs.blocks(Graph::BODY, Graph::BODY)
}

struct Pairs<'a> {
    a: &'a Graph,
    b: &'a Graph,
    /// The value of `b` that stands for a value of `a`.
    values: FxHashMap<ValueId, ValueId>,
}

impl Pairs<'_> {
    fn blocks(&mut self, x: BlockId, y: BlockId) -> bool {
        let (left, right) = (self.a.block(x), self.b.block(y));
        self.define(&left.parameters, &right.parameters)
            && left.nodes.len() == right.nodes.len()
            && left
                .nodes
                .iter()
                .zip(&right.nodes)
                .all(|(&m, &n)| self.nodes(m, n))
            && self.uses(&left.returns, &right.returns)
    }

    fn nodes(&mut self, x: NodeId, y: NodeId) -> bool {
        let (m, n) = (self.a.node(x), self.b.node(y));
        m.op == n.op
            && m.attributes == n.attributes
            && self.uses(&m.operands, &n.operands)
            && m.blocks.len() == n.blocks.len()
            && m.blocks
                .iter()
                .zip(&n.blocks)
                .all(|(&p, &q)| self.blocks(p, q))
            && self.define(&m.results, &n.results)
    }

    fn define(&mut self, left: &[ValueId], right: &[ValueId]) -> bool {
        left.len() == right.len()
            && left.iter().zip(right).all(|(&x, &y)| {
                let (p, q) = (self.a.value(x), self.b.value(y));
                self.values.insert(x, y);
                p.name == q.name && p.ty == q.ty
            })
    }

    fn uses(&self, left: &[ValueId], right: &[ValueId]) -> bool {
        left.len() == right.len()
            && left.iter().zip(right).all(|(&x, &y)| {
                let (p, q) = (self.a.value(x), self.b.value(y));
                match (&p.def, &q.def) {
                    (Def::Literal(m), Def::Literal(n)) => m == n && p.ty == q.ty,
                    (Def::Constant(m), Def::Constant(n)) => m == n,
                    _ => self.values.get(&x) == Some(&y),
                }
            })
    }
}
