//! A graph as nested frames of boxes and edges: what every format of a picture shows.
//!
//! In: a graph, and optionally which nodes are wanted. Out: one frame for each block.
//! Literals and constants are rows of the boxes that use them. A value that a nested block takes from around it is a box of its own there,
//! so that no edge crosses a frame.
//!
//! Invariant: edges of a frame go from a box to a later one.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::graph::text::Printed;
use crate::graph::{BlockId, ConstantStore, Def, Graph, NodeId, ValueId};
use crate::ops::Catalogue;

use super::category::Category;
use super::label;

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The graph.
    pub graph: &'a Graph,
    /// The constants it refers to.
    pub constants: &'a ConstantStore,
    /// Names and defaults of operands.
    pub catalogue: &'a Catalogue,
    /// Its statements.
    pub printed: &'a Printed,
    /// The nodes that are drawn, with the blocks around them; `None` for all.
    pub only: Option<&'a FxHashSet<NodeId>>,
}

impl Subject<'_> {
    /// A value as statements write it.
    pub fn name(&self, value: ValueId) -> String {
        self.printed.value(value).unwrap_or_default()
    }

    /// Whether a node is wanted, or holds one that is.
    pub fn wants(&self, id: NodeId) -> bool {
        let Some(only) = self.only else {
            return true;
        };
        only.contains(&id)
            || self.graph.node(id).blocks.iter().any(|&block| {
                let nodes = &self.graph.block(block).nodes;
                nodes.iter().any(|&inner| self.wants(inner))
            })
    }
}

/// What a box stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// A parameter of the block.
    Parameter,
    /// A node.
    Operator,
    /// A value from around the block, or one whose node is not wanted.
    Outside,
    /// What the block returns.
    Returned,
}

/// A line in a box.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// The name of the operand or attribute; may be empty.
    pub label: String,
    /// Its value.
    pub text: String,
    /// Whether it says what the box makes, rather than what it takes.
    pub is_result: bool,
}

/// A box.
#[derive(Clone, Debug)]
pub struct Item {
    /// What it stands for.
    pub role: Role,
    /// The node, if it is one.
    pub node: Option<NodeId>,
    /// Its heading: the operator, or the name of the value.
    pub title: String,
    /// Kind of operator.
    pub category: Category,
    /// What else it says.
    pub rows: Vec<Row>,
    /// The whole statement and its place in the archive.
    pub tip: String,
    /// The blocks in it.
    pub frames: Vec<Frame>,
}

/// A value that goes from one box to another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Edge {
    /// Index of the box that makes it.
    pub from: usize,
    /// Index of the box that takes it.
    pub to: usize,
    /// The value.
    pub value: ValueId,
}

/// A block.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its name.
    pub title: String,
    /// Boxes in the order of the text.
    pub items: Vec<Item>,
    /// Edges, each once.
    pub edges: Vec<Edge>,
}

/// The frames of a graph under a title.
pub fn outline(subject: &Subject, title: &str) -> Frame {
    let statements = subject
        .printed
        .nodes
        .iter()
        .map(|(id, range)| {
            let text = subject.printed.text.get(range.clone()).unwrap_or_default();
            (*id, text)
        })
        .collect();
    let mut outliner = Outliner {
        subject,
        statements,
    };
    outliner.block(Graph::BODY, title.to_owned()).0
}

struct Outliner<'a> {
    subject: &'a Subject<'a>,
    statements: FxHashMap<NodeId, &'a str>,
}

/// A frame in the making.
struct Draft {
    frame: Frame,
    makers: FxHashMap<ValueId, usize>,
    /// Values of this block whose nodes are not wanted.
    unwanted: FxHashSet<ValueId>,
    /// Values from around the block, in the order they were met.
    outside: Vec<ValueId>,
}

impl Outliner<'_> {
    /// The frame of a block, and the values it takes from around it.
    fn block(&mut self, block: BlockId, title: String) -> (Frame, Vec<ValueId>) {
        let graph = self.subject.graph;
        let mut draft = Draft {
            frame: Frame {
                title,
                items: Vec::new(),
                edges: Vec::new(),
            },
            makers: FxHashMap::default(),
            unwanted: FxHashSet::default(),
            outside: Vec::new(),
        };
        for &parameter in &graph.block(block).parameters {
            if label::is_module(self.subject, parameter) {
                continue;
            }
            if self.subject.only.is_some() {
                draft.unwanted.insert(parameter);
                continue;
            }
            self.parameter(parameter, &mut draft);
        }
        for &id in &graph.block(block).nodes {
            if self.subject.wants(id) {
                self.node(id, &mut draft);
            } else {
                draft.unwanted.extend(&graph.node(id).results);
            }
        }
        self.returns(block, &mut draft);
        draft.frame.edges.sort_unstable();
        draft.frame.edges.dedup();
        (draft.frame, draft.outside)
    }

    fn parameter(&self, value: ValueId, draft: &mut Draft) {
        draft.makers.insert(value, draft.frame.items.len());
        draft.frame.items.push(Item {
            role: Role::Parameter,
            node: None,
            title: label::result_text(self.subject, value),
            category: Category::Other,
            rows: Vec::new(),
            tip: format!("parameter {}", self.subject.name(value)),
            frames: Vec::new(),
        });
    }

    fn node(&mut self, id: NodeId, draft: &mut Draft) {
        let node = self.subject.graph.node(id);
        let mut used = node.operands.clone();
        let mut frames = Vec::new();
        for (i, &block) in node.blocks.iter().enumerate() {
            let title = match (node.op.as_str(), i) {
                ("prim::If", 0) => "then".to_owned(),
                ("prim::If", _) => "else".to_owned(),
                ("prim::Loop", _) => "body".to_owned(),
                _ => format!("block {i}"),
            };
            let (frame, outside) = self.block(block, title);
            used.extend(outside);
            frames.push(frame);
        }
        let place = node
            .place
            .map_or(String::new(), |place| format!("\n{place}"));
        let item = Item {
            role: Role::Operator,
            node: Some(id),
            title: node.op.to_string(),
            category: Category::of(node.op.as_str()),
            rows: label::rows(self.subject, id),
            tip: format!(
                "{}{place}",
                self.statements.get(&id).copied().unwrap_or_default()
            ),
            frames,
        };
        self.add(item, &used, draft);
        let at = draft.frame.items.len() - 1;
        draft
            .makers
            .extend(node.results.iter().map(|&result| (result, at)));
    }

    fn returns(&self, block: BlockId, draft: &mut Draft) {
        let returns = &self.subject.graph.block(block).returns;
        let known = |value: &ValueId| draft.makers.contains_key(value);
        if returns.is_empty() || (self.subject.only.is_some() && !returns.iter().any(known)) {
            return;
        }
        let rows = returns
            .iter()
            .filter_map(|&value| match &self.subject.graph.value(value).def {
                Def::Literal(literal) => Some(Row {
                    label: String::new(),
                    text: crate::graph::text::LiteralText(literal).to_string(),
                    is_result: false,
                }),
                _ => None,
            })
            .collect();
        let names: Vec<String> = returns
            .iter()
            .map(|&value| self.subject.name(value))
            .collect();
        let item = Item {
            role: Role::Returned,
            node: None,
            title: "return".to_owned(),
            category: Category::Other,
            rows,
            tip: format!("returns {}", names.join(", ")),
            frames: Vec::new(),
        };
        self.add(item, returns, draft);
    }

    /// Adds a box that uses these values, with boxes for those that come from outside.
    fn add(&self, item: Item, used: &[ValueId], draft: &mut Draft) {
        let mut from = Vec::new();
        for &value in used {
            let def = &self.subject.graph.value(value).def;
            if matches!(def, Def::Literal(_) | Def::Constant(_))
                || label::is_module(self.subject, value)
            {
                continue;
            }
            let maker = match draft.makers.get(&value) {
                Some(&maker) => maker,
                None => self.outside(value, draft),
            };
            from.push((maker, value));
        }
        let to = draft.frame.items.len();
        draft.frame.items.push(item);
        let edges = from
            .into_iter()
            .map(|(from, value)| Edge { from, to, value });
        draft.frame.edges.extend(edges);
    }

    fn outside(&self, value: ValueId, draft: &mut Draft) -> usize {
        if !draft.unwanted.contains(&value) {
            draft.outside.push(value);
        }
        let at = draft.frame.items.len();
        draft.makers.insert(value, at);
        draft.frame.items.push(Item {
            role: Role::Outside,
            node: None,
            title: self.subject.name(value),
            category: Category::Other,
            rows: Vec::new(),
            tip: format!(
                "{} comes from outside of what is shown here",
                self.subject.name(value)
            ),
            frames: Vec::new(),
        });
        at
    }
}
