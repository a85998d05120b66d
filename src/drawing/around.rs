//! The neighbourhood of a node or value.
//!
//! In: what the user named, and how far. Out: the nodes within that many edges, in either direction, blocks around them not counted.
//!
//! Invariant: values that many nodes share without depending on each other (constants, the module) connect nothing.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::graph::text::Printed;
use crate::graph::{Def, Graph, NodeId, ValueId};
use crate::ops::Schema;

use super::label;
use super::outline::Subject;

/// What the middle of a neighbourhood is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// A node by its number, as JSON has it.
    Node(u32),
    /// A value by its name, with or without `%`; or all nodes of an operator, with or without its overload.
    Named(String),
}

impl Wanted {
    /// What the user's text means: a number is a node.
    pub fn from_text(text: &str) -> Wanted {
        match text.parse() {
            Ok(number) => Wanted::Node(number),
            Err(_) => Wanted::Named(text.to_owned()),
        }
    }

    /// The nodes that are meant; the users of a parameter stand for it.
    pub fn find(&self, graph: &Graph, printed: &Printed) -> Vec<NodeId> {
        let nodes = graph.walk();
        let name = match self {
            Wanted::Node(number) => {
                return nodes.into_iter().filter(|id| id.0 == *number).collect();
            }
            Wanted::Named(name) => name,
        };
        let bare = name.strip_prefix('%').unwrap_or(name);
        let mut values: Vec<ValueId> = printed
            .names
            .iter()
            .filter(|(_, known)| *known == bare)
            .map(|(&value, _)| value)
            .collect();
        values.sort_unstable();
        if values.is_empty() {
            let is_meant = |id: &NodeId| {
                let op = graph.node(*id).op;
                op == name.as_str() || Schema::split(op.as_str()).0 == name
            };
            return nodes.into_iter().filter(is_meant).collect();
        }
        nodes
            .into_iter()
            .filter(|&id| {
                let node = graph.node(id);
                let made = |value: &ValueId| node.results.contains(value);
                let read = |value: &ValueId| {
                    graph.producer(*value).is_none() && node.operands.contains(value)
                };
                values.iter().any(|value| made(value) || read(value))
            })
            .collect()
    }
}

/// Nodes at most `depth` edges from these.
pub fn around(subject: &Subject, middle: &[NodeId], depth: usize) -> FxHashSet<NodeId> {
    let graph = subject.graph;
    let flows = |value: ValueId| {
        !matches!(graph.value(value).def, Def::Literal(_) | Def::Constant(_))
            && !label::is_module(subject, value)
    };
    let mut users: FxHashMap<ValueId, Vec<NodeId>> = FxHashMap::default();
    for id in graph.walk() {
        let node = graph.node(id);
        let returned = node
            .blocks
            .iter()
            .flat_map(|&block| graph.block(block).returns.iter());
        for &value in node.operands.iter().chain(returned) {
            users.entry(value).or_default().push(id);
        }
    }
    let mut found: FxHashSet<NodeId> = middle.iter().copied().collect();
    let mut edge: Vec<NodeId> = middle.to_vec();
    for _ in 0..depth {
        let mut next = Vec::new();
        for id in edge {
            let node = graph.node(id);
            let returned = node
                .blocks
                .iter()
                .flat_map(|&block| graph.block(block).returns.iter());
            let makers = node
                .operands
                .iter()
                .chain(returned)
                .filter_map(|&value| graph.producer(value));
            let readers = node
                .results
                .iter()
                .filter(|&&value| flows(value))
                .flat_map(|value| users.get(value).into_iter().flatten().copied());
            for other in makers.chain(readers) {
                if found.insert(other) {
                    next.push(other);
                }
            }
        }
        edge = next;
    }
    found
}
