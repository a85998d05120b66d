//! Operations of a graph, counted as PyTorch would.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::graph::{ConstantId, Def, FunctionName, Graph, Model, Name, Node, Type};
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
        count += match called(graph, node) {
            Some(callee) => with_calls(model, callee, known),
            None if node.op == "prim::CallMethod" => 1,
            None => u64::from(ops::counts_as_operation(node.op.as_str())),
        };
    }
    known.insert(name, count);
    count
}

/// The function that a node calls; `None` for other nodes, and for methods of what is no object of a class.
fn called(graph: &Graph, node: &Node) -> Option<FunctionName> {
    let name = || Name::new(node.text_attribute("name").unwrap_or_default());
    let class = match (node.op.as_str(), node.operands.first()) {
        ("prim::CallFunction", _) => None,
        ("prim::CallMethod", Some(&owner)) => match &graph.value(owner).ty {
            Type::Class(class) => Some(*class),
            _ => return None,
        },
        _ => return None,
    };
    let name = name();
    Some(FunctionName { class, name })
}

/// These functions and all that they call, as far as the model has them.
pub fn reached(
    model: &Model,
    from: impl IntoIterator<Item = FunctionName>,
) -> FxHashSet<FunctionName> {
    let mut found: FxHashSet<FunctionName> = FxHashSet::default();
    let mut waiting: Vec<FunctionName> = from.into_iter().collect();
    while let Some(name) = waiting.pop() {
        let Some(function) = model.functions.get(&name) else {
            continue;
        };
        if found.insert(name) {
            let graph = &function.graph;
            let nodes = graph.walk().into_iter();
            waiting.extend(nodes.filter_map(|id| called(graph, graph.node(id))));
        }
    }
    found
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
