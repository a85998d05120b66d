//! Takes out of a graph what nobody needs: nodes without effect whose results have no use, and what control flow carries for nobody.
//!
//! In: a graph. Out: the same graph with fewer nodes.
//! Invariant: an effect stays, and with it every branch and loop that holds one.

use rustc_hash::FxHashSet;

use crate::graph::{BlockId, Graph, NodeId, ValueId, prune};
use crate::ops::{Catalogue, Purity};

/// Sweeps until nothing changes.
pub fn sweep(graph: &mut Graph, catalogue: &Catalogue) {
    loop {
        let mut used: FxHashSet<ValueId> = FxHashSet::default();
        let body = block(graph, Graph::BODY, catalogue, &mut used);
        if !prune(graph) && !body {
            return;
        }
    }
}

/// Sweeps a block and those in it, from the end on; whether anything went.
fn block(
    graph: &mut Graph,
    id: BlockId,
    catalogue: &Catalogue,
    used: &mut FxHashSet<ValueId>,
) -> bool {
    used.extend(graph.block(id).returns.iter().copied());
    let nodes = graph.block(id).nodes.clone();
    let mut kept: Vec<NodeId> = Vec::with_capacity(nodes.len());
    let mut changed = false;
    for &node in nodes.iter().rev() {
        let is_used = graph
            .node(node)
            .results
            .iter()
            .any(|result| used.contains(result));
        if !is_used && !has_effect(graph, node, catalogue) {
            changed = true;
            continue;
        }
        for inner in graph.node(node).blocks.clone() {
            changed |= block(graph, inner, catalogue, used);
        }
        used.extend(graph.node(node).operands.iter().copied());
        kept.push(node);
    }
    kept.reverse();
    graph.block_mut(id).nodes = kept;
    changed
}

fn has_effect(graph: &Graph, id: NodeId, catalogue: &Catalogue) -> bool {
    let node = graph.node(id);
    if !node.blocks.is_empty() {
        let mut inner = node
            .blocks
            .iter()
            .flat_map(|&block| graph.block(block).nodes.iter());
        return inner.any(|&node| has_effect(graph, node, catalogue));
    }
    let literal = |at: usize| graph.literal(*node.operands.get(at)?);
    // What draws random numbers decides which ones the next one draws.
    !matches!(
        catalogue.purity(node.op.as_str(), literal),
        Purity::Pure | Purity::Reads
    )
}
