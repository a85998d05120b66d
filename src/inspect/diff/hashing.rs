//! Structural hashes of a graph: what a node computes, all the way down, and what it is by itself.
//!
//! In: a graph with its constants. Out: for each node a hash of everything it rests on, and one of its operator, literals and constants
//! alone; for each value who uses it.
//! Invariant: names of values and places in the source do not enter; contents of constants do.

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::Xxh3;

use crate::eval;
use crate::graph::text::{LiteralText, TypeText};
use crate::graph::{
    AttributeLiteral, BlockId, Constant, ConstantId, ConstantStore, Def, Graph, NodeId, ValueId,
};

/// A graph with its hashes.
pub(super) struct Hashed<'a> {
    pub(super) graph: &'a Graph,
    pub(super) constants: &'a ConstantStore,
    /// All nodes, outer before inner, in order.
    pub(super) order: Vec<NodeId>,
    /// Of each node and all it rests on.
    pub(super) whole: FxHashMap<NodeId, u128>,
    /// Of each node by itself.
    pub(super) alone: FxHashMap<NodeId, u128>,
    /// Users of each value, with the operand's position.
    pub(super) users: FxHashMap<ValueId, Vec<(NodeId, usize)>>,
    values: FxHashMap<ValueId, u128>,
}

impl<'a> Hashed<'a> {
    /// The hashes of a graph.
    pub(super) fn of(graph: &'a Graph, constants: &'a ConstantStore) -> Hashed<'a> {
        let mut hashed = Hashed {
            graph,
            constants,
            order: graph.walk(),
            whole: FxHashMap::default(),
            alone: FxHashMap::default(),
            users: FxHashMap::default(),
            values: FxHashMap::default(),
        };
        hashed.block(Graph::BODY, 0);
        for &id in &hashed.order {
            for (i, &operand) in graph.node(id).operands.iter().enumerate() {
                hashed.users.entry(operand).or_default().push((id, i));
            }
        }
        hashed
    }

    /// The hash of a value and all it rests on.
    pub(super) fn value(&self, value: ValueId) -> u128 {
        match &self.graph.value(value).def {
            Def::Literal(literal) => text_hash("literal", &LiteralText(literal).to_string()),
            Def::Constant(id) => constant_hash(self.constants, *id),
            Def::Parameter { .. } | Def::Result { .. } => {
                self.values.get(&value).copied().unwrap_or_default()
            }
        }
    }

    /// Hashes the nodes of a block; `owner` is the hash of what is around it.
    fn block(&mut self, block: BlockId, owner: u128) {
        let graph = self.graph;
        for (i, &parameter) in graph.block(block).parameters.iter().enumerate() {
            let hash = combine("parameter", [owner, i as u128]);
            self.values.insert(parameter, hash);
        }
        for &id in &graph.block(block).nodes {
            let node = graph.node(id);
            let alone = self.node_alone(id);
            let operands: Vec<u128> = node
                .operands
                .iter()
                .map(|&value| self.value(value))
                .collect();
            let mut whole = combine("node", std::iter::once(alone).chain(operands));
            for (i, &inner) in node.blocks.iter().enumerate() {
                self.block(inner, combine("block", [whole, i as u128]));
            }
            for &inner in &node.blocks {
                let nodes = graph.block(inner).nodes.iter();
                let nodes: Vec<u128> = nodes.map(|inner| self.whole[inner]).collect();
                let returns = graph.block(inner).returns.iter();
                let returns: Vec<u128> = returns.map(|&value| self.value(value)).collect();
                whole = combine("inside", std::iter::once(whole).chain(nodes).chain(returns));
            }
            self.alone.insert(id, alone);
            self.whole.insert(id, whole);
            for (i, &result) in node.results.iter().enumerate() {
                self.values
                    .insert(result, combine("result", [whole, i as u128]));
            }
        }
    }

    fn node_alone(&self, id: NodeId) -> u128 {
        let node = self.graph.node(id);
        let mut parts = vec![
            text_hash("op", node.op.as_str()),
            node.results.len() as u128,
            node.blocks.len() as u128,
        ];
        for (name, value) in &node.attributes {
            parts.push(text_hash("attribute", name.as_str()));
            parts.push(match value {
                AttributeLiteral::Literal(literal) => {
                    text_hash("literal", &LiteralText(literal).to_string())
                }
                AttributeLiteral::Constant(id) => constant_hash(self.constants, *id),
                AttributeLiteral::Type(ty) => text_hash("type", &TypeText(ty).to_string()),
            });
        }
        for &operand in &node.operands {
            parts.push(match self.graph.value(operand).def {
                Def::Literal(_) | Def::Constant(_) => self.value(operand),
                Def::Parameter { .. } | Def::Result { .. } => 1,
            });
        }
        combine("alone", parts)
    }
}

/// A hash of several.
pub(super) fn combine(kind: &str, parts: impl IntoIterator<Item = u128>) -> u128 {
    let mut hasher = Xxh3::new();
    hasher.update(kind.as_bytes());
    for part in parts {
        hasher.update(&part.to_le_bytes());
    }
    hasher.digest128()
}

fn text_hash(kind: &str, text: &str) -> u128 {
    let mut hasher = Xxh3::new();
    hasher.update(kind.as_bytes());
    hasher.update(&[0]);
    hasher.update(text.as_bytes());
    hasher.digest128()
}

/// The hash of a constant's content. One that cannot be computed is told by how it would be.
pub(super) fn constant_hash(constants: &ConstantStore, id: ConstantId) -> u128 {
    match eval::force(constants, id) {
        Ok(Constant::Tensor(tensor)) => tensor.content_hash(),
        Ok(Constant::Packed(packed)) => combine(
            packed.family.as_str(),
            [
                packed.weight.content_hash(),
                packed.bias.as_ref().map_or(0, |bias| bias.content_hash()),
                text_hash("config", &format!("{:?}", packed.config)),
            ],
        ),
        Ok(Constant::Object(object)) => object.content_hash(),
        Err(error) => text_hash("unknown", &error.to_string()),
    }
}
