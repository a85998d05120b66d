//! Removes what control flow carries for nobody: unused results of `prim::If`, unused or unchanged values of `prim::Loop`.
//!
//! In: a graph. Out: the same graph with shorter lists of results, operands and parameters there.
//! Invariant: no other node is touched. Reading and writing both end here, so that writing what was read changes nothing.

use rustc_hash::FxHashMap;

use crate::graph::{BlockId, Graph, NodeId, ValueId};

/// Prunes until nothing changes.
pub(super) fn prune(graph: &mut Graph) {
    loop {
        let nodes = graph.walk();
        let control: Vec<NodeId> = nodes
            .into_iter()
            .filter(|&id| !graph.node(id).blocks.is_empty())
            .collect();
        let mut changed = false;
        for id in control {
            let op = graph.node(id).op;
            if op == "prim::If" {
                changed |= prune_if(graph, id);
            } else if op == "prim::Loop" {
                changed |= prune_loop(graph, id);
            }
        }
        if !changed {
            return;
        }
    }
}

fn prune_if(graph: &mut Graph, id: NodeId) -> bool {
    let uses = uses(graph);
    let results = graph.node(id).results.clone();
    let dead: Vec<usize> = dead(&results, &uses);
    for &at in dead.iter().rev() {
        remove_result(graph, id, at);
        for block in graph.node(id).blocks.clone() {
            graph.block_mut(block).returns.remove(at);
        }
    }
    !dead.is_empty()
}

/// A loop has the results r.., operands n, c, r.., block parameters i, r.., and block returns c, r..
fn prune_loop(graph: &mut Graph, id: NodeId) -> bool {
    let Some(&body) = graph.node(id).blocks.first() else {
        return false;
    };
    let results = graph.node(id).results.clone();
    let mut changed = false;
    for at in (0..results.len()).rev() {
        let (operand, parameter, returned) = (
            graph.node(id).operands.get(at + 2).copied(),
            graph.block(body).parameters.get(at + 1).copied(),
            graph.block(body).returns.get(at + 1).copied(),
        );
        let (Some(operand), Some(parameter), Some(returned)) = (operand, parameter, returned)
        else {
            continue;
        };
        let uses = uses(graph);
        let own = usize::from(returned == parameter);
        let count = |value: ValueId| uses.get(&value).copied().unwrap_or(0);
        if returned == parameter {
            let same_type = graph.value(parameter).ty == graph.value(operand).ty;
            if !same_type && count(results[at]) + count(parameter) > own {
                continue;
            }
            replace(graph, parameter, operand);
            replace(graph, results[at], operand);
        } else if count(results[at]) > 0 || count(parameter) > 0 {
            continue;
        }
        changed = true;
        remove_result(graph, id, at);
        graph.node_mut(id).operands.remove(at + 2);
        graph.block_mut(body).returns.remove(at + 1);
        remove_parameter(graph, body, at + 1);
    }
    changed
}

fn dead(results: &[ValueId], uses: &FxHashMap<ValueId, usize>) -> Vec<usize> {
    (0..results.len())
        .filter(|&at| !uses.contains_key(&results[at]))
        .collect()
}

fn remove_result(graph: &mut Graph, id: NodeId, at: usize) {
    graph.node_mut(id).results.remove(at);
    for (index, value) in (0u32..).zip(graph.node(id).results.clone()) {
        graph.value_mut(value).def = crate::graph::Def::Result { node: id, index };
    }
}

fn remove_parameter(graph: &mut Graph, block: BlockId, at: usize) {
    graph.block_mut(block).parameters.remove(at);
    for (index, value) in (0u32..).zip(graph.block(block).parameters.clone()) {
        graph.value_mut(value).def = crate::graph::Def::Parameter { block, index };
    }
}

fn blocks(graph: &Graph) -> Vec<BlockId> {
    let nested = graph.walk().into_iter();
    let nested = nested.flat_map(|id| graph.node(id).blocks.clone());
    std::iter::once(Graph::BODY).chain(nested).collect()
}

/// How often each value is used, by nodes and by blocks that return it.
fn uses(graph: &Graph) -> FxHashMap<ValueId, usize> {
    let mut uses = FxHashMap::default();
    for id in graph.walk() {
        for &operand in &graph.node(id).operands {
            *uses.entry(operand).or_insert(0) += 1;
        }
    }
    for block in blocks(graph) {
        for &value in &graph.block(block).returns {
            *uses.entry(value).or_insert(0) += 1;
        }
    }
    uses
}

fn replace(graph: &mut Graph, old: ValueId, new: ValueId) {
    for id in graph.walk() {
        for operand in &mut graph.node_mut(id).operands {
            if *operand == old {
                *operand = new;
            }
        }
    }
    for block in blocks(graph) {
        for value in &mut graph.block_mut(block).returns {
            if *value == old {
                *value = new;
            }
        }
    }
}
