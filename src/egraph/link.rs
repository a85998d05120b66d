//! A rule set seen from one e-graph: which heads have the shapes that patterns ask for, which literals have their values.
//!
//! In: a rule set, an e-graph. Out: answers in a few instructions, because every node visited asks.
//! Invariant: complete for all heads that the e-graph had when it was last extended.

use smallvec::SmallVec;

use crate::ops;
use crate::rules::{RuleSet, Shape, ShapeId};

use super::classes::EGraph;
use super::language::{Head, HeadKind};

impl EGraph {
    /// Makes the bundles of attributes that a rule set binds known, for [`attempts`](super::attempts) where nothing was searched.
    pub fn enter_bundles(&mut self, set: &RuleSet) {
        for without in set.bundles() {
            self.inner.analysis.tables.ask_for_bundle(without);
        }
    }
}

/// The link between a rule set and an e-graph.
#[derive(Debug)]
pub(super) struct Linked {
    /// By head: the shapes that its nodes have.
    shapes: Vec<SmallVec<[ShapeId; 2]>>,
    /// By shape: how many operands are named one by one, for shapes that take any number.
    named: Vec<Option<usize>>,
    /// Shapes that take any number, with the operator they are of.
    variadic: Vec<(ShapeId, Shape)>,
    /// By literal of the set: the keys of the values it is equal to.
    literals: Vec<SmallVec<[u32; 2]>>,
}

impl Linked {
    pub(super) fn new(graph: &mut EGraph, set: &RuleSet) -> Linked {
        graph.enter_bundles(set);
        let tables = &mut graph.inner.analysis.tables;
        let literals = set
            .literals()
            .map(|literal| {
                let mut keys = SmallVec::new();
                let id = tables.literal(literal);
                keys.push(tables.value_key(id));
                // TorchScript writes element types as numbers; a pattern that names one stands where there can be no other number.
                if let crate::graph::Literal::DType(dtype) = literal {
                    let code = crate::graph::Literal::Int(ops::torch_dtype_code(*dtype));
                    let id = tables.literal(&code);
                    keys.push(tables.value_key(id));
                }
                keys
            })
            .collect();
        let mut linked = Linked {
            shapes: Vec::new(),
            named: Vec::new(),
            variadic: Vec::new(),
            literals,
        };
        for (id, shape) in set.shapes().iter() {
            linked.named.push(match shape {
                Shape::Variadic { least, .. } => {
                    linked.variadic.push((id, shape));
                    Some(least as usize)
                }
                _ => None,
            });
        }
        linked.extend(graph, set);
        linked
    }

    /// Takes notice of heads that are new since the last call.
    pub(super) fn extend(&mut self, graph: &EGraph, set: &RuleSet) {
        let heads = &graph.inner.analysis.heads;
        for at in self.shapes.len()..heads.len() {
            let mut shapes = SmallVec::new();
            match heads.kind(Head(at as u32)) {
                HeadKind::Projection(result) => {
                    shapes.extend(set.shapes().find(&Shape::Projection(result)));
                }
                HeadKind::Operator {
                    op,
                    operands,
                    results,
                } => {
                    let exact = Shape::Operator {
                        op,
                        operands,
                        results,
                    };
                    shapes.extend(set.shapes().find(&exact));
                    let fitting = self.variadic.iter().filter(|(_, shape)| {
                        matches!(shape, Shape::Variadic { op: o, least, results: r }
                            if *o == op && *r == results && *least <= operands)
                    });
                    shapes.extend(fitting.map(|(id, _)| *id));
                }
                HeadKind::Literal | HeadKind::Constant | HeadKind::Leaf => {}
            }
            self.shapes.push(shapes);
        }
    }

    /// The shapes of nodes with this head.
    pub(super) fn shapes(&self, head: Head) -> impl Iterator<Item = ShapeId> + '_ {
        let shapes = self.shapes.get(head.0 as usize);
        shapes.into_iter().flatten().copied()
    }

    /// For a shape of any number of operands, how many are named.
    pub(super) fn named(&self, shape: ShapeId) -> Option<usize> {
        self.named[shape.0 as usize]
    }

    /// Whether a literal of the set is equal to the value with this key.
    pub(super) fn is_literal(&self, literal: usize, key: u32) -> bool {
        self.literals[literal].contains(&key)
    }
}
