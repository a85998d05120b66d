//! The parts of two graphs that differ, as statements.
//!
//! In: two aligned graphs. Out: regions, each with the statements that went, those that came, and those around.
//! Changed nodes belong to one region if a value goes from one to the other that has no counterpart, or if they make values that take the
//! same place.
//!
//! Invariant: statements of the second graph speak of values by the first graph's names wherever these take the same place; a statement is
//! unchanged if it then reads the same.

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

use crate::graph::text::{Printed, printed_with};
use crate::graph::{ConstantId, Def, Graph, Name, NodeId, ValueId};

use super::align::Alignment;
use super::hashing::Hashed;

/// What became of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sign {
    /// It is in both.
    Context,
    /// It is in the first model only.
    Removed,
    /// It is in the second model only.
    Added,
}

/// A statement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Line {
    /// What became of it.
    pub sign: Sign,
    /// The statement.
    pub text: String,
}

/// A part that differs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Region {
    /// Place of the first node in the source, if known.
    pub place: String,
    /// Operators that went, in order.
    pub removed: Vec<String>,
    /// Operators that came, in order.
    pub added: Vec<String>,
    /// Statements that went and came, with some of those around.
    pub lines: Vec<Line>,
}

/// Most statements shown before and after a region.
const CONTEXT: usize = 3;

/// A graph as text in which each node can be found.
struct Text {
    printed: Printed,
    lines: FxHashMap<NodeId, String>,
    position: FxHashMap<NodeId, usize>,
    returns: String,
}

impl Text {
    fn of(graph: &Graph, of: &Hashed, named: &dyn Fn(ConstantId) -> Option<String>) -> Text {
        let printed = printed_with(graph, of.constants, named);
        let mut lines = FxHashMap::default();
        let mut position = FxHashMap::default();
        let returned = |values: &[ValueId]| {
            let names: Vec<String> = values
                .iter()
                .map(|&value| match &graph.value(value).def {
                    Def::Literal(literal) => crate::graph::text::LiteralText(literal).to_string(),
                    _ => printed.value(value).unwrap_or_default(),
                })
                .collect();
            format!("({})", names.join(", "))
        };
        for (at, (id, range)) in printed.nodes.iter().enumerate() {
            let mut line = printed
                .text
                .get(range.clone())
                .unwrap_or_default()
                .to_owned();
            for (i, &block) in graph.node(*id).blocks.iter().enumerate() {
                line.push_str(&format!(
                    " block{i} -> {}",
                    returned(&graph.block(block).returns)
                ));
            }
            lines.insert(*id, line);
            position.insert(*id, at);
        }
        let returns = format!("return {}", returned(&graph.body().returns));
        Text {
            lines,
            position,
            returns,
            printed,
        }
    }
}

/// The regions of two aligned graphs that differ. Constants are named by content.
pub(super) fn regions(
    a: &Hashed,
    b: &Hashed,
    alignment: &Alignment,
    named: &dyn Fn(u128) -> Option<String>,
) -> Vec<Region> {
    let name_of = |of: &Hashed, id| named(super::hashing::constant_hash(of.constants, id));
    let first = Text::of(a.graph, a, &|id| name_of(a, id));
    let renamed = renamed(b, alignment, &first.printed);
    let second = Text::of(&renamed, b, &|id| name_of(b, id));
    let mut finder = Finder {
        a,
        b,
        alignment,
        gone: changed(&a.order, &alignment.right, &first, &second),
        come: changed(&b.order, &alignment.left, &second, &first),
        parent: Vec::new(),
    };
    let mut found: Vec<Region> = finder
        .groups()
        .into_iter()
        .map(|(gone, come)| finder.region(&gone, &come, &first, &second))
        .collect();
    if first.returns != second.returns {
        found.push(Region {
            place: String::new(),
            removed: vec!["return".into()],
            added: vec!["return".into()],
            lines: vec![
                line(Sign::Removed, &first.returns),
                line(Sign::Added, &second.returns),
            ],
        });
    }
    found
}

fn line(sign: Sign, text: &str) -> Line {
    Line {
        sign,
        text: text.to_owned(),
    }
}

/// The second graph with the first one's names.
fn renamed(b: &Hashed, alignment: &Alignment, first: &Printed) -> Graph {
    let mut graph = b.graph.clone();
    let taken: FxHashSet<&str> = first.names.values().map(String::as_str).collect();
    let mut fresh = 0;
    for index in 0..graph.value_count() {
        let value = ValueId(index as u32);
        if matches!(graph.value(value).def, Def::Literal(_) | Def::Constant(_)) {
            continue;
        }
        let known = alignment.values.get(&value);
        let name = match known.and_then(|value| first.names.get(value)) {
            Some(name) => Name::new(name),
            None => match graph.value(value).name {
                Some(name) if !taken.contains(name.as_str()) => name,
                Some(name) => Name::new(&format!("{name}.new")),
                None => {
                    fresh += 1;
                    Name::new(&format!("new.{fresh}"))
                }
            },
        };
        graph.value_mut(value).name = Some(name);
    }
    graph
}

/// Nodes without a partner that reads the same.
fn changed(
    order: &[NodeId],
    partners: &FxHashMap<NodeId, NodeId>,
    own: &Text,
    other: &Text,
) -> Vec<NodeId> {
    let same = |id: &NodeId| {
        partners
            .get(id)
            .is_some_and(|partner| own.lines.get(id) == other.lines.get(partner))
    };
    order.iter().copied().filter(|id| !same(id)).collect()
}

struct Finder<'a> {
    a: &'a Hashed<'a>,
    b: &'a Hashed<'a>,
    alignment: &'a Alignment,
    gone: Vec<NodeId>,
    come: Vec<NodeId>,
    parent: Vec<usize>,
}

impl Finder<'_> {
    fn root(&mut self, mut at: usize) -> usize {
        while self.parent[at] != at {
            self.parent[at] = self.parent[self.parent[at]];
            at = self.parent[at];
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parent[a.max(b)] = a.min(b);
    }

    /// The changed nodes of each region, in the order of the first graph, then of the second.
    fn groups(&mut self) -> Vec<(Vec<NodeId>, Vec<NodeId>)> {
        let index = |nodes: &[NodeId], from: usize| -> FxHashMap<NodeId, usize> {
            let numbered = nodes.iter().enumerate();
            numbered.map(|(i, &id)| (id, i + from)).collect()
        };
        let (gone, come) = (self.gone.clone(), self.come.clone());
        let left = index(&gone, 0);
        let right = index(&come, gone.len());
        self.parent = (0..gone.len() + come.len()).collect();
        let (a, b, alignment) = (self.a, self.b, self.alignment);
        // Values without a counterpart hold a region together.
        let inside = |of: &Hashed, id: NodeId, has: &dyn Fn(&ValueId) -> bool| -> Vec<NodeId> {
            let node = of.graph.node(id);
            let returned = node
                .blocks
                .iter()
                .flat_map(|&block| of.graph.block(block).returns.iter());
            let open = node.operands.iter().chain(returned);
            open.filter(|value| !has(value))
                .filter_map(|&value| of.graph.producer(value))
                .collect()
        };
        for &id in &gone {
            for maker in inside(a, id, &|value| alignment.values_back.contains_key(value)) {
                if let Some(&maker) = left.get(&maker) {
                    self.join(left[&id], maker);
                }
            }
        }
        for &id in &come {
            for maker in inside(b, id, &|value| alignment.values.contains_key(value)) {
                if let Some(&maker) = right.get(&maker) {
                    self.join(right[&id], maker);
                }
            }
        }
        // So does making values that take the same place.
        let makers = |v: ValueId, w: ValueId| {
            let m = a.graph.producer(v).and_then(|m| left.get(&m))?;
            let n = b.graph.producer(w).and_then(|n| right.get(&n))?;
            Some((*m, *n))
        };
        for &id in &come {
            for &w in &b.graph.node(id).results {
                if let Some((m, n)) = alignment.values.get(&w).and_then(|&v| makers(v, w)) {
                    self.join(m, n);
                }
            }
        }
        let returned = a.graph.body().returns.iter().zip(&b.graph.body().returns);
        let mut read: Vec<(ValueId, ValueId)> = returned.map(|(&v, &w)| (v, w)).collect();
        for (m, n) in &alignment.right {
            let operands = a.graph.node(*m).operands.iter();
            let operands = operands.zip(&b.graph.node(*n).operands);
            read.extend(operands.map(|(&v, &w)| (v, w)));
        }
        for (m, n) in read.into_iter().filter_map(|(v, w)| makers(v, w)) {
            self.join(m, n);
        }
        let mut groups: Vec<(Vec<NodeId>, Vec<NodeId>)> = Vec::new();
        let mut of_root: FxHashMap<usize, usize> = FxHashMap::default();
        for at in 0..gone.len() + come.len() {
            let root = self.root(at);
            let group = *of_root.entry(root).or_insert_with(|| {
                groups.push(Default::default());
                groups.len() - 1
            });
            match gone.get(at) {
                Some(&id) => groups[group].0.push(id),
                None => groups[group].1.push(come[at - gone.len()]),
            }
        }
        groups
    }

    fn region(&self, gone: &[NodeId], come: &[NodeId], first: &Text, second: &Text) -> Region {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        self.around(self.a, gone, &self.gone, first, (&mut before, &mut after));
        if gone.is_empty() {
            self.around(self.b, come, &self.come, second, (&mut before, &mut after));
        }
        let of = |text: &Text, id: &NodeId| text.lines.get(id).cloned().unwrap_or_default();
        let mut lines = before;
        lines.extend(gone.iter().map(|id| line(Sign::Removed, &of(first, id))));
        lines.extend(come.iter().map(|id| line(Sign::Added, &of(second, id))));
        lines.extend(after);
        let ops = |of: &Hashed, ids: &[NodeId]| -> Vec<String> {
            let ops = ids.iter().map(|&id| of.graph.node(id).op.to_string());
            ops.collect()
        };
        let gone_places = gone.iter().map(|&id| self.a.graph.node(id).place);
        let come_places = come.iter().map(|&id| self.b.graph.node(id).place);
        Region {
            place: gone_places
                .chain(come_places)
                .flatten()
                .next()
                .map_or(String::new(), |place| place.to_string()),
            removed: ops(self.a, gone),
            added: ops(self.b, come),
            lines,
        }
    }

    /// Unchanged statements that a region reads from, and that read from it.
    fn around(
        &self,
        of: &Hashed,
        region: &[NodeId],
        changed: &[NodeId],
        text: &Text,
        (before, after): (&mut Vec<Line>, &mut Vec<Line>),
    ) {
        let changed: FxHashSet<NodeId> = changed.iter().copied().collect();
        let pick = |mut ids: Vec<NodeId>, last: bool| -> Vec<Line> {
            ids.retain(|id| !changed.contains(id));
            ids.sort_by_key(|id| text.position.get(id));
            ids.dedup();
            let skip = if last {
                ids.len().saturating_sub(CONTEXT)
            } else {
                0
            };
            let ids = ids.into_iter().skip(skip).take(CONTEXT);
            let lines = ids.filter_map(|id| text.lines.get(&id));
            lines.map(|text| line(Sign::Context, text)).collect()
        };
        let nodes = region.iter().map(|&id| of.graph.node(id));
        let makers = nodes.clone().flat_map(|node| &node.operands);
        let makers = makers.filter_map(|&value| of.graph.producer(value));
        before.extend(pick(makers.collect(), true));
        let users = nodes.flat_map(|node| &node.results);
        let users = users.flat_map(|value| of.users.get(value).into_iter().flatten());
        after.extend(pick(users.map(|(id, _)| *id).collect(), false));
    }
}
