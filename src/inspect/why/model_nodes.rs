//! The nodes of a model as its e-graph sees them: which statement made a class, where it stands in the archive.
//!
//! In: a graph, its e-graph. Out: a [`ModelNode`] for a class, classes for what a user writes.
//! Invariant: names are those that `rulefold show --frozen` prints.

use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::diagnostic::closest;
use crate::egraph::build::Built;
use crate::egraph::{ApplicationId, Candidates, Class, EGraph, NodeKind};
use crate::graph::text::{Printed, printed};
use crate::graph::{Def, Graph, NodeId, ValueId};

/// A place in the model.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize)]
pub struct ModelNode {
    /// The value, `%83`; empty for what only rules have made.
    pub name: String,
    /// The operator, or what else it is.
    pub op: String,
    /// Place in the archive's code, if it says: `code/__torch__/m.py:12`.
    pub place: String,
    /// The statement.
    pub statement: String,
    /// The rule that made it, if it is not in the model.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub made_by: String,
}

/// A graph with its e-graph.
pub struct ModelNodes<'a> {
    graph: &'a Graph,
    egraph: &'a EGraph,
    candidates: &'a Candidates<'a>,
    printed: Printed,
    statements: FxHashMap<NodeId, usize>,
    /// By class, the first value of the graph that it is.
    values: FxHashMap<Class, ValueId>,
    classes: &'a FxHashMap<ValueId, Class>,
}

impl<'a> ModelNodes<'a> {
    /// The nodes of a graph that was put into this e-graph.
    pub fn new(
        graph: &'a Graph,
        built: &'a Built,
        candidates: &'a Candidates<'a>,
    ) -> ModelNodes<'a> {
        let printed = printed(graph, built.egraph.constants());
        let mut values: FxHashMap<Class, ValueId> = FxHashMap::default();
        for node in graph.walk() {
            for value in &graph.node(node).results {
                if let Some(&class) = built.classes.get(value) {
                    values.entry(built.egraph.find(class)).or_insert(*value);
                }
            }
        }
        for (&value, &class) in &built.classes {
            let first = values.entry(built.egraph.find(class)).or_insert(value);
            // Parameters and constants of one class: the first, whatever order the table has.
            if !matches!(graph.value(*first).def, Def::Result { .. }) {
                *first = (*first).min(value);
            }
        }
        let statements = (0..).zip(&printed.nodes).map(|(at, (node, _))| (*node, at));
        ModelNodes {
            graph,
            egraph: &built.egraph,
            candidates,
            statements: statements.collect(),
            printed,
            values,
            classes: &built.classes,
        }
    }

    /// The place in the model that a class is.
    pub fn of(&self, class: Class) -> ModelNode {
        let class = self.egraph.find(class);
        let Some(&value) = self.values.get(&class) else {
            return self.made(class);
        };
        let name = self.printed.value(value).unwrap_or_default();
        match self.graph.value(value).def {
            Def::Result { node, .. } => ModelNode {
                name,
                op: self.graph.node(node).op.to_string(),
                place: self
                    .graph
                    .node(node)
                    .place
                    .map_or_else(String::new, |place| place.to_string()),
                statement: self.statement(node).to_owned(),
                made_by: String::new(),
            },
            _ => ModelNode {
                name,
                op: self.egraph.describe(class),
                statement: self.egraph.facts_text(class),
                ..ModelNode::default()
            },
        }
    }

    /// A class that is no value of the graph: a literal, or what rules have made.
    fn made(&self, class: Class) -> ModelNode {
        let nodes = self.egraph.nodes(class).iter();
        let origin = nodes
            .map(|node| self.candidates.origin(node))
            .find(|origin| *origin != ApplicationId::IMPORT);
        let application = origin.and_then(|origin| self.egraph.application(origin));
        ModelNode {
            op: self.egraph.describe(class),
            statement: self.egraph.facts_text(class),
            made_by: application.map_or_else(String::new, |made| made.rule.to_string()),
            ..ModelNode::default()
        }
    }

    fn statement(&self, node: NodeId) -> &str {
        let at = self.statements.get(&node);
        at.and_then(|&at| self.printed.nodes.get(at))
            .and_then(|(_, range)| self.printed.text.get(range.clone()))
            .unwrap_or_default()
    }

    /// The classes that a user means: a value's name, or a place in the code (its end will do).
    ///
    /// # Errors
    /// No value has the name, no statement stands at the place.
    pub fn named(&self, words: &str) -> Result<Vec<Class>, String> {
        let bare = words.trim().trim_start_matches('%').trim_matches('"');
        let mut found: Vec<Class> = Vec::new();
        for (value, name) in &self.printed.names {
            if name == bare {
                found.extend(self.classes.get(value));
            }
        }
        for node in self.graph.walk() {
            let node = self.graph.node(node);
            if node
                .place
                .is_some_and(|place| is_place(place.as_str(), bare))
            {
                let classes = node
                    .results
                    .iter()
                    .filter_map(|value| self.classes.get(value));
                found.extend(classes);
            }
        }
        let mut found: Vec<Class> = found.iter().map(|&class| self.egraph.find(class)).collect();
        found.sort_unstable();
        found.dedup();
        if !found.is_empty() {
            return Ok(found);
        }
        let mut names: Vec<&str> = self.printed.names.values().map(String::as_str).collect();
        names.sort_unstable();
        Err(match closest(bare, names) {
            Some(near) => format!("the model has no value `%{bare}`; did you mean `%{near}`?"),
            None => format!(
                "the model has no value `%{bare}`, and no statement at such a place; `rulefold show --frozen` prints its values"
            ),
        })
    }

    /// Every operator that the model, or a rule so far, has made.
    pub fn operators(&self) -> Vec<&'static str> {
        let mut ops: Vec<&'static str> = Vec::new();
        for class in self.egraph.classes() {
            for node in self.egraph.nodes(class) {
                if let NodeKind::Operator { op, .. } = self.egraph.kind(node) {
                    ops.push(op.as_str());
                }
            }
        }
        ops.sort_unstable();
        ops.dedup();
        ops
    }
}

/// Whether words are the end of a place, from the start of a part of its path.
fn is_place(place: &str, words: &str) -> bool {
    words.contains(':')
        && place
            .strip_suffix(words)
            .is_some_and(|before| before.is_empty() || before.ends_with('/'))
}
