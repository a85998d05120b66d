//! All programs of a rule set as one tree, which shares what they begin with.
//!
//! In: programs. Out: a tree whose edges are steps and whose leaves are variants.
//! Invariant: children keep the order in which rules were compiled, so matches come in the order of the text.

use rustc_hash::FxHashMap;

use super::shape::ShapeId;
use super::step::{AttributeTest, Register, Step};

/// A node of the trie.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TrieId(pub(super) u32);

/// The tree.
#[derive(Clone, Debug)]
pub struct Trie {
    nodes: Vec<TrieNode>,
}

/// What may come next at one place of the tree.
#[derive(Clone, Debug, Default)]
pub struct TrieNode {
    /// Guards that everything below here depends on.
    pub guards: Vec<TrieGuard>,
    /// Programs that end here.
    pub leaves: Vec<TrieLeaf>,
    /// Nodes to look for, grouped by the register whose class has them, so that each class is walked once.
    pub binds: Vec<BindGroup>,
    /// Other steps.
    pub steps: Vec<(Step, TrieId)>,
}

/// A program that ends at a place.
#[derive(Clone, Debug)]
pub struct TrieLeaf {
    /// Its index.
    pub program: u32,
    /// Guards that could not be placed before, because other programs end here too.
    pub guards: Vec<TrieGuard>,
}

/// A guard placed in the tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TrieGuard {
    /// The program it belongs to.
    pub program: u32,
    /// Index among the variant's guards.
    pub guard: u32,
}

/// Nodes to look for in one class.
#[derive(Clone, Debug)]
pub struct BindGroup {
    /// The class.
    pub at: Register,
    /// What to do for a node of a shape.
    pub by_shape: FxHashMap<ShapeId, Vec<BindEdge>>,
}

/// What to do for a node that was looked for.
#[derive(Clone, Debug)]
pub struct BindEdge {
    /// What its attributes must be.
    pub attributes: Box<[AttributeTest]>,
    /// Where to go on.
    pub to: TrieId,
}

impl Trie {
    /// Where matching starts, with the class in register 0.
    pub const ROOT: TrieId = TrieId(0);

    pub(super) fn new() -> Trie {
        Trie {
            nodes: vec![TrieNode::default()],
        }
    }

    /// The node with this number.
    pub fn node(&self, id: TrieId) -> &TrieNode {
        &self.nodes[id.0 as usize]
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no program.
    pub fn is_empty(&self) -> bool {
        self.nodes.len() == 1 && self.nodes[0].leaves.is_empty()
    }

    /// Adds a program; the places its steps lead to, one for each step.
    pub(super) fn insert(&mut self, steps: &[Step], program: u32) -> Vec<TrieId> {
        let mut at = Trie::ROOT;
        let mut places = Vec::with_capacity(steps.len());
        for step in steps {
            at = match step {
                Step::Bind {
                    at: register,
                    shape,
                    attributes,
                } => self.bind(at, *register, *shape, attributes),
                _ => self.step(at, step),
            };
            places.push(at);
        }
        self.nodes[at.0 as usize].leaves.push(TrieLeaf {
            program,
            guards: Vec::new(),
        });
        places
    }

    /// Places a guard at a place that leads to its program alone.
    pub(super) fn guard(&mut self, at: TrieId, guard: TrieGuard) {
        self.nodes[at.0 as usize].guards.push(guard);
    }

    /// Places a guard at the end of its program.
    pub(super) fn guard_leaf(&mut self, at: TrieId, guard: TrieGuard) {
        let mut leaves = self.nodes[at.0 as usize].leaves.iter_mut();
        if let Some(leaf) = leaves.find(|leaf| leaf.program == guard.program) {
            leaf.guards.push(guard);
        }
    }

    fn bind(
        &mut self,
        from: TrieId,
        at: Register,
        shape: ShapeId,
        attributes: &[AttributeTest],
    ) -> TrieId {
        let next = self.next();
        let groups = &mut self.nodes[from.0 as usize].binds;
        let group = match groups.iter().position(|group| group.at == at) {
            Some(found) => &mut groups[found],
            None => {
                groups.push(BindGroup {
                    at,
                    by_shape: FxHashMap::default(),
                });
                let last = groups.len() - 1;
                &mut groups[last]
            }
        };
        let edges = group.by_shape.entry(shape).or_default();
        if let Some(edge) = edges.iter().find(|edge| *edge.attributes == *attributes) {
            return edge.to;
        }
        edges.push(BindEdge {
            attributes: attributes.into(),
            to: next,
        });
        self.nodes.push(TrieNode::default());
        next
    }

    fn step(&mut self, from: TrieId, step: &Step) -> TrieId {
        let next = self.next();
        let steps = &mut self.nodes[from.0 as usize].steps;
        if let Some((_, to)) = steps.iter().find(|(known, _)| known == step) {
            return *to;
        }
        steps.push((step.clone(), next));
        self.nodes.push(TrieNode::default());
        next
    }

    fn next(&self) -> TrieId {
        TrieId(u32::try_from(self.nodes.len()).expect("fewer than four billion trie nodes"))
    }

    /// How many programs lie at or below each node.
    pub(super) fn programs_below(&self) -> Vec<u32> {
        let mut below = vec![0; self.nodes.len()];
        // Children are made after their parents, so one walk backwards adds them up.
        for (at, node) in self.nodes.iter().enumerate().rev() {
            let binds = node.binds.iter().flat_map(|group| group.by_shape.values());
            let children = binds
                .flatten()
                .map(|edge| edge.to)
                .chain(node.steps.iter().map(|(_, to)| *to));
            let sum: u32 = children.map(|child: TrieId| below[child.0 as usize]).sum();
            below[at] = sum + node.leaves.len() as u32;
        }
        below
    }
}
