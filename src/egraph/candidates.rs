//! What may be chosen for each class, and which application made it.
//!
//! In: a rebuilt e-graph. Out: the nodes of each class that are worth choosing, and the origin of every node.
//! A rule whose replacement is one of its variables (`quantize(dequantize(x)) => x`) leaves behind a node that needs its own class.
//! Such nodes are left out, where a class can be finished without them: they cost more than the variable in every case, and without
//! them there are no cycles to cut.
//!
//! Invariant: every class that can be finished at all can be finished with the candidates.

use rustc_hash::{FxHashMap, FxHashSet};

use super::classes::EGraph;
use super::language::{Class, Node};
use super::provenance::ApplicationId;

/// The candidates of all classes.
pub struct Candidates<'a> {
    graph: &'a EGraph,
    hidden: FxHashSet<Node>,
    origins: FxHashMap<Node, ApplicationId>,
}

impl EGraph {
    /// What may be chosen, and where it came from. The e-graph must be rebuilt.
    pub fn candidates(&self) -> Candidates<'_> {
        let canonical = |node: &Node| {
            let mut node = node.clone();
            for child in &mut node.children {
                *child = self.find(*child);
            }
            node
        };
        let mut origins = FxHashMap::default();
        origins.reserve(self.node_count());
        for (number, node) in self.inner.nodes().iter().enumerate() {
            let origin = self.inner.analysis.provenance.origin(number);
            origins.entry(canonical(node)).or_insert(origin);
        }
        let mut candidates = Candidates {
            graph: self,
            hidden: self.subsumed.iter().map(canonical).collect(),
            origins,
        };
        candidates.keep_finishable();
        candidates
    }
}

impl<'a> Candidates<'a> {
    /// The candidates of a class.
    pub fn of(&self, class: Class) -> impl Iterator<Item = &'a Node> + '_ {
        let nodes = self.graph.nodes(class).iter();
        nodes.filter(|node| !self.hidden.contains(*node))
    }

    /// The application that made a node first; the import for nodes of the model.
    pub fn origin(&self, node: &Node) -> ApplicationId {
        self.origins.get(node).copied().unwrap_or_default()
    }

    /// Brings back hidden nodes of classes that cannot be finished without them.
    fn keep_finishable(&mut self) {
        while !self.hidden.is_empty() {
            let finished = self.finishable();
            let graph = self.graph;
            let before = self.hidden.len();
            for class in graph.classes() {
                if !finished[usize::from(class)] {
                    for node in graph.nodes(class) {
                        self.hidden.remove(node);
                    }
                }
            }
            if self.hidden.len() == before {
                break;
            }
        }
    }

    /// By number of class, whether some choice of candidates under it needs no class twice along a path.
    fn finishable(&self) -> Vec<bool> {
        let size = self.graph.inner.nodes().len();
        let mut finished = vec![false; size];
        let mut waiting: Vec<Vec<u32>> = vec![Vec::new(); size];
        let mut nodes: Vec<(Class, usize)> = Vec::new();
        let mut queue: Vec<Class> = Vec::new();
        for class in self.graph.classes() {
            for node in self.of(class) {
                if node.children.is_empty() {
                    queue.push(class);
                }
                let number = nodes.len() as u32;
                nodes.push((class, node.children.len()));
                for child in &node.children {
                    waiting[usize::from(*child)].push(number);
                }
            }
        }
        while let Some(class) = queue.pop() {
            if std::mem::replace(&mut finished[usize::from(class)], true) {
                continue;
            }
            for number in std::mem::take(&mut waiting[usize::from(class)]) {
                let (user, missing) = &mut nodes[number as usize];
                *missing -= 1;
                if *missing == 0 {
                    queue.push(*user);
                }
            }
        }
        finished
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{ConstantStore, Facts, Name};

    use super::super::language::{AttributesId, LeafId};

    fn op(graph: &mut EGraph, name: &str, operand: Class) -> Class {
        graph.add_op(Name::new(name), &[operand], AttributesId::default(), 1)
    }

    #[test]
    fn a_node_equal_to_its_operand_is_left_out() {
        let mut graph = EGraph::new(ConstantStore::default());
        let x = graph.add_leaf(LeafId(0), Facts::default());
        let inner = op(&mut graph, "dequantize", x);
        let outer = op(&mut graph, "quantize", inner);
        let node = graph.nodes(outer)[0].clone();
        graph.subsumed.push(node);
        graph.union(x, outer, ApplicationId::IMPORT);
        graph.rebuild().unwrap();
        let candidates = graph.candidates();
        assert_eq!(graph.nodes(x).len(), 2);
        let left: Vec<_> = candidates.of(graph.find(x)).collect();
        assert!(left.len() == 1 && left[0].children().is_empty());
    }

    #[test]
    fn what_nothing_else_can_finish_stays() {
        let mut graph = EGraph::new(ConstantStore::default());
        let x = graph.add_leaf(LeafId(0), Facts::default());
        let only = op(&mut graph, "f", x);
        let node = graph.nodes(only)[0].clone();
        graph.subsumed.push(node.clone());
        graph.rebuild().unwrap();
        let candidates = graph.candidates();
        assert_eq!(candidates.of(only).collect::<Vec<_>>(), [&node]);
    }
}
