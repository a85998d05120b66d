//! Operations of a graph, counted as PyTorch would.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::graph::{ConstantId, Def, FunctionName, Graph, Model, Name, Type};
use crate::ops;

/// Operations of a function, those of what it calls in the place of each call. A function that calls itself counts as one.
pub fn operations_with_calls(model: &Model, name: FunctionName) -> u64 {
    let mut known = FxHashMap::default();
    with_calls(model, name, &mut known)
}

fn with_calls(model: &Model, name: FunctionName, known: &mut FxHashMap<FunctionName, u64>) -> u64 {
    if let Some(&count) = known.get(&name) {
        return count;
    }
    known.insert(name, 1);
    let Some(function) = model.functions.get(&name) else {
        return 1;
    };
    let graph = &function.graph;
    let mut count = 0;
    for id in graph.walk() {
        let node = graph.node(id);
        let called = || Name::new(node.text_attribute("name").unwrap_or_default());
        count += match (node.op.as_str(), node.operands.first()) {
            ("prim::CallFunction", _) => {
                let callee = FunctionName {
                    class: None,
                    name: called(),
                };
                with_calls(model, callee, known)
            }
            ("prim::CallMethod", Some(&owner)) => match &graph.value(owner).ty {
                Type::Class(class) => {
                    let callee = FunctionName {
                        class: Some(*class),
                        name: called(),
                    };
                    with_calls(model, callee, known)
                }
                _ => 1,
            },
            (op, _) => u64::from(ops::counts_as_operation(op)),
        };
    }
    known.insert(name, count);
    count
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
