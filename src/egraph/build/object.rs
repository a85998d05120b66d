//! Which tensors the model handed out as objects of their own.
//!
//! In: a value where the model hands it out: to its caller, an attribute, a list. Out: which object the model made it, as far as that is known.
//! Two equal tensors are one class, but whoever is handed two of them may write to one: they have to stay two.
//!
//! Invariant: only what certainly was an object of its own is said to be one.

use rustc_hash::FxHashMap;

use crate::graph::{BlockId, Def, Graph, Node, NodeId, ValueId};
use crate::ops;

use super::memory::holds_memory;

/// What was handed out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Object {
    /// Nothing is known, or it is no tensor.
    Unknown,
    /// A tensor that an operator made.
    New {
        /// The value it was made as.
        value: ValueId,
        /// Whether it was made anew for each time it was handed out: in the same run of the same loop.
        each_time: bool,
    },
    /// A list or tuple, made of these.
    Parts(Vec<Object>),
}

/// Where each value of a graph was made.
pub(super) struct Objects {
    /// The innermost loop body around each value, by its block.
    loops: FxHashMap<ValueId, BlockId>,
}

impl Objects {
    pub(super) fn of(graph: &Graph) -> Objects {
        let mut objects = Objects {
            loops: FxHashMap::default(),
        };
        let mut stack = vec![(Graph::BODY, Graph::BODY)];
        while let Some((block, around)) = stack.pop() {
            for &id in &graph.block(block).nodes {
                let node = graph.node(id);
                objects
                    .loops
                    .extend(node.results.iter().map(|&result| (result, around)));
                let is_loop = node.op == "prim::Loop";
                let inner = node.blocks.iter();
                stack.extend(inner.map(|&inner| (inner, if is_loop { inner } else { around })));
            }
        }
        objects
    }

    /// What a value is where it is handed out in a loop's body (or in the body of the graph).
    ///
    /// What an effect makes is never merged with anything, so nothing has to be known of it.
    pub(super) fn handed_out(
        &self,
        graph: &Graph,
        value: ValueId,
        around: BlockId,
        is_effect: &dyn Fn(NodeId) -> bool,
    ) -> Object {
        let mut value = value;
        if !holds_memory(&graph.value(value).ty) {
            return Object::Unknown;
        }
        loop {
            let Def::Result { node, .. } = graph.value(value).def else {
                return Object::Unknown;
            };
            if is_effect(node) {
                return Object::Unknown;
            }
            let node = graph.node(node);
            if matches!(
                node.op.as_str(),
                "prim::ListConstruct" | "prim::TupleConstruct"
            ) {
                let parts = node.operands.iter();
                let parts = parts.map(|&part| self.handed_out(graph, part, around, is_effect));
                return Object::Parts(parts.collect());
            }
            match owners(graph, node).as_slice() {
                [] if node.blocks.is_empty() && graph.value(value).ty.is_tensor() => {
                    return Object::New {
                        value,
                        each_time: self.loops.get(&value) == Some(&around),
                    };
                }
                [one] if node.op != "prim::GetAttr" && node.blocks.is_empty() => value = *one,
                _ => return Object::Unknown,
            }
        }
    }
}

/// Operands whose memory the results of a node may share.
fn owners(graph: &Graph, node: &Node) -> Vec<ValueId> {
    let operands = ops::aliased_operands(node.op.as_str(), node.operands.len()).into_iter();
    let operands = operands.map(|at| node.operands[at]);
    operands
        .filter(|&operand| holds_memory(&graph.value(operand).ty))
        .collect()
}

/// The operands of an operator that it keeps, so that somebody may write to them later.
pub fn keeps_operand(op: &str, at: usize) -> bool {
    match op {
        "prim::ListConstruct" | "prim::TupleConstruct" | "prim::DictConstruct" => true,
        "prim::SetAttr" | "prim::CallMethod" | "prim::CallFunction" | "prim::unchecked_cast" => {
            true
        }
        "prim::Loop" => at >= 2,
        _ => {
            let base = op.split('.').next().unwrap_or(op);
            let stores = [
                "aten::append",
                "aten::insert",
                "aten::extend",
                "aten::_set_item",
            ];
            stores.contains(&base) && at > 0
        }
    }
}
