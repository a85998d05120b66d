//! Operations of a graph, counted as PyTorch would.

use rustc_hash::FxHashSet;

use crate::graph::{ConstantId, Def, Graph};
use crate::ops;

/// Nodes of a graph that are operations, nested blocks included: all but constants, attribute reads, and list and tuple constructors.
pub fn operations(graph: &Graph) -> usize {
    graph
        .walk()
        .into_iter()
        .filter(|&id| ops::counts_as_operation(graph.node(id).op.as_str()))
        .count()
}

/// The constants that a graph uses, in the order of first use.
pub fn constants(graph: &Graph) -> Vec<ConstantId> {
    let mut met = FxHashSet::default();
    let mut order = Vec::new();
    let mut visit = |value| {
        if let Def::Constant(id) = graph.value(value).def
            && met.insert(id)
        {
            order.push(id);
        }
    };
    for id in graph.walk() {
        let node = graph.node(id);
        node.operands.iter().copied().for_each(&mut visit);
        for &block in &node.blocks {
            graph
                .block(block)
                .returns
                .iter()
                .copied()
                .for_each(&mut visit);
        }
    }
    graph.body().returns.iter().copied().for_each(&mut visit);
    order
}
