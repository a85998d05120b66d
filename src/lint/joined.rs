//! What two rules write for one graph: whether it is made equal again by the rules they act with, and which of it is smaller.
//!
//! In: a graph that both match, each with its place. Out: the two results, side by side.
//! Invariant: the results stand apart: what they were made of is not there, so that only rules that look at them can join them.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::egraph::{ApplicationId, Class, EGraph, Node, NodeKind, SaturationLimits, saturate};
use crate::graph::Type;
use crate::ops::Catalogue;
use crate::rules::RuleSet;

use super::solve::Solved;

/// Rounds that the rules have to join two results.
const ROUNDS: usize = 8;
/// Nodes after which they are left apart.
const NODES: usize = 5_000;

/// The results of two rules.
pub(super) struct Results {
    both: EGraph,
    tops: [Class; 2],
    /// Operators of each, but those that arrange or pack values.
    pub(super) operations: [usize; 2],
}

impl Results {
    /// What each of two rules, alone in its set, writes at its place. `None`: one of them writes nothing, or contradicts the other.
    pub(super) fn new(
        solved: &Solved<'_>,
        top: Class,
        each: [(&RuleSet, Class); 2],
        catalogue: &Catalogue,
    ) -> Option<Results> {
        let mut both = EGraph::new(solved.egraph().into_constants()).with_catalogue(catalogue);
        let [one, other] = each.map(|(set, place)| {
            let mut after = After::new(solved, set, place)?;
            let top = after.copy(top, &mut both)?;
            Some((top, after.operators))
        });
        let (one, other) = (one?, other?);
        both.rebuild().ok()?;
        let operations = [&one.1, &other.1].map(|operators| {
            let classes = operators.iter().map(|&class| both.find(class));
            let is_packed = |class: Class| matches!(both.facts(class).ty, Some(Type::Class(_)));
            let classes: BTreeSet<Class> = classes.filter(|&class| !is_packed(class)).collect();
            classes.len()
        });
        Some(Results {
            tops: [one.0, other.0],
            both,
            operations,
        })
    }

    /// Whether the results are one, at once or by what the rules find.
    pub(super) fn are_joined(mut self, all: &RuleSet) -> bool {
        let [one, other] = self.tops;
        if self.both.find(one) == self.both.find(other) {
            return true;
        }
        let limits = SaturationLimits {
            nodes: NODES,
            rounds: ROUNDS,
            ..SaturationLimits::default()
        };
        // A contradiction keeps them apart.
        let ran = saturate(&mut self.both, all, &limits, &mut || false);
        ran.is_ok() && self.both.find(one) == self.both.find(other)
    }
}

/// A graph in which one rule has acted at one place.
struct After {
    egraph: EGraph,
    place: Class,
    /// What the place was.
    before: Node,
    /// What each class was, as classes stand now.
    were: Vec<(Class, Node)>,
    /// How many constants there were.
    constants: usize,
    made: FxHashMap<Class, Option<Class>>,
    /// What was copied of operators that do more than arrange values.
    operators: Vec<Class>,
}

impl After {
    fn new(solved: &Solved<'_>, set: &RuleSet, place: Class) -> Option<After> {
        let mut egraph = solved.egraph();
        let constants = egraph.constants().len();
        let first = |class: Class| Some((class, egraph.nodes(class).first()?.clone()));
        let mut were: Vec<(Class, Node)> = egraph.classes().into_iter().filter_map(first).collect();
        let before = were.iter().find(|(class, _)| *class == place)?.1.clone();
        egraph.rebuild().ok()?;
        let limits = SaturationLimits {
            rounds: 1,
            ..SaturationLimits::default()
        };
        saturate(&mut egraph, set, &limits, &mut || false).ok()?;
        for (class, _) in &mut were {
            *class = egraph.find(*class);
        }
        Some(After {
            place: egraph.find(place),
            egraph,
            before,
            were,
            constants,
            made: FxHashMap::default(),
            operators: Vec::new(),
        })
    }

    /// Whether two nodes are one, now that classes may have become one.
    fn is_same(&self, a: &Node, b: &Node) -> bool {
        let children = |node: &Node| {
            let children = node.children().iter();
            children
                .map(|&child| self.egraph.find(child))
                .collect::<Vec<_>>()
        };
        self.egraph.kind(a) == self.egraph.kind(b) && children(a) == children(b)
    }

    /// What stands for a class: at the place all that the rule wrote, elsewhere what was there.
    fn choices(&self, class: Class) -> Vec<Node> {
        let were = self.were.iter().filter(|(of, _)| *of == class);
        let nodes = were
            .map(|(_, node)| node)
            .chain(self.egraph.nodes(class))
            .cloned();
        // A constant that the rule computed is not in the other graph, but what it is computed of is.
        let nodes = nodes.filter(|node| match self.egraph.kind(node) {
            NodeKind::Constant(id) => (id.0 as usize) < self.constants,
            _ => true,
        });
        match class == self.place {
            false => nodes.take(1).collect(),
            true => nodes
                .filter(|node| !self.is_same(node, &self.before))
                .collect(),
        }
    }

    /// Copies what stands for a class to another graph; nothing if the rule wrote nothing, or a circle.
    fn copy(&mut self, class: Class, into: &mut EGraph) -> Option<Class> {
        let class = self.egraph.find(class);
        if let Some(made) = self.made.get(&class) {
            return *made;
        }
        // Met again before it is made, it is part of itself.
        self.made.insert(class, None);
        if class != self.place {
            let literal = self.egraph.literal(class).cloned();
            if let Some(literal) = literal {
                let copied = into.add_literal(&literal);
                self.made.insert(class, Some(copied));
                return Some(copied);
            }
        }
        let mut copied: Option<Class> = None;
        for node in self.choices(class) {
            let Some(one) = self.copy_node(class, &node, into) else {
                continue;
            };
            match copied {
                None => copied = Some(one),
                Some(other) => {
                    into.union(other, one, ApplicationId::IMPORT);
                }
            }
        }
        self.made.insert(class, copied);
        copied
    }

    fn copy_node(&mut self, class: Class, node: &Node, into: &mut EGraph) -> Option<Class> {
        let mut children = Vec::with_capacity(node.children().len());
        for &child in node.children() {
            children.push(self.copy(child, into)?);
        }
        Some(match self.egraph.kind(node) {
            NodeKind::Literal(literal) => into.add_literal(literal),
            NodeKind::Constant(id) => into.add_constant(id),
            NodeKind::Leaf(id) => into.add_leaf(id, self.egraph.facts(class)),
            NodeKind::Projection(result) => into.add_projection(*children.first()?, result),
            NodeKind::Operator {
                op,
                results,
                attributes,
            } => {
                let attributes = into.attributes(attributes.to_vec());
                let class = into.add_op(op, &children, attributes, results);
                if !op.as_str().starts_with("prim::") {
                    self.operators.push(class);
                }
                class
            }
        })
    }
}
