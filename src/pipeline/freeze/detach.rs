//! Constants of a frozen graph are not trained: PyTorch refuses constants that are marked as trainable.
//!
//! In: a graph, and the store its constants are in. Out: the graph with constants that are not marked; attributes keep their mark.

use rustc_hash::FxHashMap;

use crate::graph::{Constant, ConstantId, ConstantStore, Def, Graph, Tensor, ValueId};

/// Takes the mark off all constants of a graph.
pub fn detach(graph: &mut Graph, constants: &mut ConstantStore) {
    let mut detached: FxHashMap<ConstantId, ConstantId> = FxHashMap::default();
    for at in 0..graph.value_count() {
        let id = ValueId(u32::try_from(at).expect("ids of values are u32"));
        let Def::Constant(constant) = graph.value(id).def else {
            continue;
        };
        let new = *detached
            .entry(constant)
            .or_insert_with(|| without_mark(constants, constant));
        graph.value_mut(id).def = Def::Constant(new);
    }
}

fn without_mark(constants: &mut ConstantStore, id: ConstantId) -> ConstantId {
    let entry = constants.get(id);
    match entry.value.get() {
        Some(Constant::Tensor(tensor)) if tensor.requires_grad => {
            let tensor = Tensor {
                requires_grad: false,
                ..tensor.clone()
            };
            let facts = entry.facts.clone();
            constants.intern(Constant::Tensor(tensor), facts)
        }
        _ => id,
    }
}
