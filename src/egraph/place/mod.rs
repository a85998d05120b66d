//! Chosen nodes back into a graph: which block each goes to, and in which order.
//!
//! In: an e-graph, its skeleton, and a choice. Out: a graph, with the application that made each node.
//! A node goes to the deepest block around all its uses, then out of every loop on whose parameters it does not depend. Where none of
//! the uses is in that block itself, it is moved up only if it cannot fail; else each block below that uses it gets a copy.
//! Source: scoped elaboration as in Cranelift's e-graph pass.
//!
//! Invariant: effects keep their order; a value is computed before it is used, in a block around the use.

mod emit;
mod lookup;
mod object;
mod schedule;
mod sweep;

pub use emit::{Placed, place};
pub use sweep::sweep;

use crate::graph::{AttributeLiteral, Literal};

use super::build::REGION;
use super::{EGraph, Node, NodeKind};

/// The number of the region whose body a pure loop runs; `None` for every other node.
pub(super) fn region(egraph: &EGraph, node: &Node) -> Option<usize> {
    match egraph.kind(node) {
        NodeKind::Operator { op, attributes, .. } if op == "prim::Loop" => {
            attributes.iter().find_map(|(name, value)| match value {
                AttributeLiteral::Literal(Literal::Int(region)) if *name == REGION => {
                    usize::try_from(*region).ok()
                }
                _ => None,
            })
        }
        _ => None,
    }
}

/// How many of a loop's children are what its body returns: the condition and the carried values. The others are the number of trips,
/// the first condition and the first values.
pub(super) fn body_returns(node: &Node) -> usize {
    (node.children().len() - 1) / 2
}

/// Whether a node is a branch.
pub(super) fn is_branch(egraph: &EGraph, node: &Node) -> bool {
    matches!(egraph.kind(node), NodeKind::Operator { op, .. } if op == "prim::If")
}
