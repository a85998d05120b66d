//! Reads of attributes that give the same whenever they run.
//!
//! In: a graph, the attributes that its calls may set. Out: its reads that need no place among the effects.
//! Invariant: a read whose attribute the graph sets, on whatever module, or that calls may set, is none of them.

use rustc_hash::FxHashSet;

use crate::graph::{Graph, Name, Node, NodeId, Type, ValueId};

/// Reads that give the same whenever they run: of a module's submodules, and of its attributes that the graph sets on no module.
/// `called` are the attributes that calls in it may change; nothing if that is not known.
pub(super) fn steady_reads(graph: &Graph, called: Option<&FxHashSet<Name>>) -> FxHashSet<NodeId> {
    let walk = graph.walk();
    let name = |node: &Node| node.text_attribute("name").map(Name::new);
    let is = |op: &'static str| move |node: &&Node| node.op == op;
    let nodes = || walk.iter().map(|&id| graph.node(id));
    let mut set: FxHashSet<Name> = nodes()
        .filter(is("prim::SetAttr"))
        .filter_map(name)
        .collect();
    // Other than through what is set, attributes change where code is called that is not here.
    if nodes().any(|node| node.op == "prim::CallMethod" || node.op == "prim::CallFunction") {
        match called {
            Some(called) => set.extend(called),
            None => return FxHashSet::default(),
        }
    }
    let mut steady = FxHashSet::default();
    let mut modules: FxHashSet<ValueId> = graph
        .body()
        .parameters
        .first()
        .copied()
        .into_iter()
        .collect();
    for &id in &walk {
        let node = graph.node(id);
        let (true, [owner], [result], Some(name)) = (
            node.op == "prim::GetAttr",
            &node.operands[..],
            &node.results[..],
            name(node),
        ) else {
            continue;
        };
        if modules.contains(owner) && !set.contains(&name) {
            steady.insert(id);
            if matches!(graph.value(*result).ty, Type::Class(_)) {
                modules.insert(*result);
            }
        }
    }
    steady
}
