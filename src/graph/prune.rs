//! Removes what control flow carries for nobody: unused results of `prim::If`, unused or unchanged values of `prim::Loop`.
//!
//! In: a graph. Out: the same graph with shorter lists of results, operands and parameters there.
//! Invariant: no other node is touched. Reading and writing both end here, so that writing what was read changes nothing.

use rustc_hash::FxHashMap;

use super::{BlockId, Graph, NodeId, ValueId};

/// Prunes until nothing changes; whether anything did.
pub fn prune(graph: &mut Graph) -> bool {
    // What an inner or later node no longer carries may have been all that an outer or earlier one was carried for.
    let mut control = graph.walk();
    control.retain(|&id| !graph.node(id).blocks.is_empty());
    control.reverse();
    if control.is_empty() {
        return false;
    }
    let mut pruned = false;
    let mut uses = uses(graph);
    loop {
        let mut changed = false;
        for &id in &control {
            let op = graph.node(id).op;
            if op == "prim::If" {
                changed |= prune_if(graph, id, &mut uses);
            } else if op == "prim::Loop" {
                changed |= prune_loop(graph, id, &mut uses);
            }
        }
        if !changed {
            return pruned;
        }
        pruned = true;
    }
}

type Uses = FxHashMap<ValueId, usize>;

fn release(uses: &mut Uses, value: ValueId) {
    if let Some(count) = uses.get_mut(&value) {
        *count = count.saturating_sub(1);
    }
}

fn count(uses: &Uses, value: ValueId) -> usize {
    uses.get(&value).copied().unwrap_or(0)
}

fn prune_if(graph: &mut Graph, id: NodeId, uses: &mut Uses) -> bool {
    let results = graph.node(id).results.clone();
    let mut changed = false;
    for (at, result) in results.into_iter().enumerate().rev() {
        if count(uses, result) > 0 {
            continue;
        }
        changed = true;
        remove_result(graph, id, at);
        for block in graph.node(id).blocks.clone() {
            release(uses, graph.block_mut(block).returns.remove(at));
        }
    }
    changed
}

/// A loop has the results r.., operands n, c, r.., block parameters i, r.., and block returns c, r..
fn prune_loop(graph: &mut Graph, id: NodeId, uses: &mut Uses) -> bool {
    let Some(&body) = graph.node(id).blocks.first() else {
        return false;
    };
    let results = graph.node(id).results.clone();
    let mut changed = false;
    for (at, result) in results.into_iter().enumerate().rev() {
        let (operand, parameter, returned) = (
            graph.node(id).operands.get(at + 2).copied(),
            graph.block(body).parameters.get(at + 1).copied(),
            graph.block(body).returns.get(at + 1).copied(),
        );
        let (Some(operand), Some(parameter), Some(returned)) = (operand, parameter, returned)
        else {
            continue;
        };
        let own = usize::from(returned == parameter);
        let needed = count(uses, result) > 0 || count(uses, parameter) > own;
        let same_type = graph.value(parameter).ty == graph.value(operand).ty;
        if needed && (own == 0 || !same_type) {
            continue;
        }
        changed = true;
        remove_result(graph, id, at);
        release(uses, graph.node_mut(id).operands.remove(at + 2));
        release(uses, graph.block_mut(body).returns.remove(at + 1));
        remove_parameter(graph, body, at + 1);
        if needed {
            for old in [parameter, result] {
                let moved = count(uses, old);
                *uses.entry(operand).or_insert(0) += moved;
                replace(graph, old, operand);
            }
        }
    }
    changed
}

fn remove_result(graph: &mut Graph, id: NodeId, at: usize) {
    graph.node_mut(id).results.remove(at);
    for (index, value) in (0u32..).zip(graph.node(id).results.clone()) {
        graph.value_mut(value).def = super::Def::Result { node: id, index };
    }
}

fn remove_parameter(graph: &mut Graph, block: BlockId, at: usize) {
    graph.block_mut(block).parameters.remove(at);
    for (index, value) in (0u32..).zip(graph.block(block).parameters.clone()) {
        graph.value_mut(value).def = super::Def::Parameter { block, index };
    }
}

fn blocks(graph: &Graph) -> Vec<BlockId> {
    let nested = graph.walk().into_iter();
    let nested = nested.flat_map(|id| graph.node(id).blocks.clone());
    std::iter::once(Graph::BODY).chain(nested).collect()
}

/// How often each value is used, by nodes and by blocks that return it.
fn uses(graph: &Graph) -> Uses {
    let mut uses = Uses::default();
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
