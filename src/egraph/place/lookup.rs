//! Questions that placing asks of an e-graph.

use crate::egraph::{Class, EGraph, NodeKind};

impl EGraph {
    /// The class of a result of an operator with several, if it was ever asked for.
    pub fn projection(&self, class: Class, result: u32) -> Option<Class> {
        self.users(class).into_iter().find(|&user| {
            self.nodes(user).iter().any(|node| {
                self.kind(node) == NodeKind::Projection(result)
                    && self.find(node.children()[0]) == class
            })
        })
    }
}
