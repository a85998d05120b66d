//! A rule cut out of a model: the statements between two values as a pattern, and the same graph as its first test.
//!
//! In: a frozen graph and which of its nodes are meant. Out: the text of a rule that checks, and whose test waits for its rewrite.
//! Invariant: what the pattern says stands in the graph as it is; nothing is generalized.

use rustc_hash::{FxHashMap, FxHashSet};
use std::fmt::Write;

use crate::graph::text::{LiteralText, Printed, TypeText, attribute_text, constant_type, printed};
use crate::graph::{ConstantStore, Def, Graph, Node, NodeId, ValueId};
use crate::ops::Schema;
use crate::syntax::format::format;

/// Why no rule can be cut.
#[derive(thiserror::Error, Clone, PartialEq, Eq, Debug)]
pub enum CutError {
    /// No value has this name.
    #[error("no node makes `%{name}`{}; `rulefold show --frozen` prints their names", .meant.as_ref().map_or(String::new(), |meant| format!("; did you mean `%{meant}`?")))]
    NoValue {
        /// The name.
        name: String,
        /// A name that is near.
        meant: Option<String>,
    },
    /// The last node does not depend on the first.
    #[error("`%{last}` is not computed from `%{first}`; name them in the other order, or others")]
    Unconnected {
        /// First name.
        first: String,
        /// Last name.
        last: String,
    },
    /// A node with blocks, or one that rules do not match.
    #[error(
        "`{op}`, which makes `%{name}`, cannot be part of a pattern; choose nodes on one side of it"
    )]
    NoPattern {
        /// The operator.
        op: String,
        /// Its result.
        name: String,
    },
}

/// Cuts a rule named `name`: all that `last` is computed from, back to `first`. Names are those that the graph is printed with.
pub fn cut(
    name: &str,
    origin: &str,
    graph: &Graph,
    constants: &ConstantStore,
    (first, last): (&str, &str),
) -> Result<String, CutError> {
    let names = printed(graph, constants);
    let (from, to) = (find(graph, &names, first)?, find(graph, &names, last)?);
    let nodes = between(graph, from, to).ok_or_else(|| CutError::Unconnected {
        first: first.to_owned(),
        last: last.to_owned(),
    })?;
    for &id in &nodes {
        let node = graph.node(id);
        if !node.blocks.is_empty() || node.results.is_empty() {
            let result = node
                .results
                .first()
                .and_then(|&value| names.names.get(&value));
            return Err(CutError::NoPattern {
                op: node.op.to_string(),
                name: result.cloned().unwrap_or_default(),
            });
        }
    }
    let cut = Cut::new(graph, &nodes, to);
    Ok(format(&cut.rule(name, origin, constants)).text)
}

/// The node that makes the value with this name.
fn find(graph: &Graph, names: &Printed, name: &str) -> Result<NodeId, CutError> {
    let made = |value: ValueId| graph.producer(value);
    let mut known: Vec<(&String, ValueId)> =
        names.names.iter().map(|(v, name)| (name, *v)).collect();
    known.sort();
    let found = known
        .iter()
        .find(|(known, value)| *known == name && made(*value).is_some());
    found.and_then(|(_, value)| made(*value)).ok_or_else(|| {
        let near = known.iter().filter(|(_, value)| made(*value).is_some());
        CutError::NoValue {
            name: name.to_owned(),
            meant: crate::diagnostic::closest(name, near.map(|(name, _)| name.as_str()))
                .map(str::to_owned),
        }
    })
}

/// What `to` is computed from that stands behind `from`, in order; `None` if `from` is not part of it.
fn between(graph: &Graph, from: NodeId, to: NodeId) -> Option<Vec<NodeId>> {
    let order: FxHashMap<NodeId, usize> = graph
        .walk()
        .into_iter()
        .enumerate()
        .map(|(at, id)| (id, at))
        .collect();
    let start = *order.get(&from)?;
    let mut found: FxHashSet<NodeId> = FxHashSet::default();
    let mut waiting = vec![to];
    while let Some(id) = waiting.pop() {
        let at = *order.get(&id)?;
        if at < start || !found.insert(id) {
            continue;
        }
        let operands = graph.node(id).operands.iter();
        waiting.extend(operands.filter_map(|&operand| graph.producer(operand)));
    }
    if !found.contains(&from) {
        return None;
    }
    let mut nodes: Vec<NodeId> = found.into_iter().collect();
    nodes.sort_by_key(|id| order.get(id).copied());
    Some(nodes)
}

/// Where statements are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Match,
    Rewrite,
    Test,
}

/// The chosen nodes with names for their values.
struct Cut<'a> {
    graph: &'a Graph,
    nodes: &'a [NodeId],
    root: ValueId,
    names: FxHashMap<ValueId, String>,
    /// Values from outside, in the order they are met.
    inputs: Vec<ValueId>,
}

impl<'a> Cut<'a> {
    fn new(graph: &'a Graph, nodes: &'a [NodeId], to: NodeId) -> Cut<'a> {
        let root = graph.node(to).results.first().copied();
        let root = root.unwrap_or_else(|| unreachable!("nodes without results are refused before"));
        let mut cut = Cut {
            graph,
            nodes,
            root,
            names: FxHashMap::default(),
            inputs: Vec::new(),
        };
        let made: FxHashSet<ValueId> = nodes
            .iter()
            .flat_map(|&id| graph.node(id).results.iter().copied())
            .collect();
        let (mut plain, mut constant) = (0, 0);
        for &id in nodes {
            for &operand in &graph.node(id).operands {
                let literal = graph.literal(operand).is_some();
                if literal || made.contains(&operand) || cut.names.contains_key(&operand) {
                    continue;
                }
                let name = match graph.value(operand).def {
                    Def::Constant(_) => numbered("c", &mut constant),
                    _ => numbered("x", &mut plain),
                };
                cut.names.insert(operand, name);
                cut.inputs.push(operand);
            }
        }
        let mut count = 0;
        for &id in nodes {
            for &result in &graph.node(id).results {
                let name = if result == root {
                    "out".to_owned()
                } else {
                    numbered("v", &mut count)
                };
                cut.names.insert(result, name);
            }
        }
        cut
    }

    fn operand(&self, value: ValueId, side: Side) -> String {
        match self.graph.literal(value) {
            Some(literal) => LiteralText(literal).to_string(),
            None => self.value(value, side),
        }
    }

    /// A value's name; what the rewrite makes on its way to the root has names of its own.
    fn value(&self, value: ValueId, side: Side) -> String {
        let inner = side == Side::Rewrite && value != self.root && !self.inputs.contains(&value);
        format!("%{}{}", self.names[&value], if inner { "_new" } else { "" })
    }

    fn call(&self, node: &Node, side: Side) -> String {
        let (base, _) = Schema::split(node.op.as_str());
        let operands: Vec<String> = node
            .operands
            .iter()
            .map(|&v| self.operand(v, side))
            .collect();
        let attributes: Vec<String> = node
            .attributes
            .iter()
            .map(|(name, value)| format!("{name} = {}", attribute_text(value)))
            .collect();
        let attributes = match attributes.as_slice() {
            [] => String::new(),
            some => format!("[{}]", some.join(", ")),
        };
        format!("{base}{attributes}({})", operands.join(", "))
    }

    /// The statements; results that nothing reads are `_` where that may be written.
    fn statements(&self, side: Side) -> String {
        let read: FxHashSet<ValueId> = self
            .nodes
            .iter()
            .flat_map(|&id| self.graph.node(id).operands.iter().copied())
            .chain([self.root])
            .collect();
        let mut out = String::new();
        for &id in self.nodes {
            let node = self.graph.node(id);
            let results: Vec<String> = node
                .results
                .iter()
                .map(|result| match read.contains(result) || side == Side::Test {
                    true => self.value(*result, side),
                    false => "_".to_owned(),
                })
                .collect();
            let _ = writeln!(out, "{} = {}", results.join(", "), self.call(node, side));
        }
        out
    }

    fn parameters(&self, constants: &ConstantStore) -> String {
        let parameters = self.inputs.iter().map(|&value| {
            let name = &self.names[&value];
            match self.graph.value(value).def {
                Def::Constant(id) => {
                    format!("%{name}: const {}", constant_type(&constants.get(id).facts))
                }
                _ => format!("%{name}: {}", TypeText(&self.graph.value(value).ty)),
            }
        });
        parameters.collect::<Vec<_>>().join(", ")
    }

    fn rule(&self, name: &str, origin: &str, constants: &ConstantStore) -> String {
        format!(
            "/// What: to do; cut from {origin}.
rule {name} {{
  // to do: what the rule promises: exact, real, within N lsb
  numerics exact
  match {{
{}  }}
  // to do: guards, where EXPR else \"reason\"
  // to do: what takes the place of %out; until then the test below fails
  rewrite {{
{}  }}

  test \"as in {origin}\" {{
    given graph({}) {{
{}      return (%out)
    }}
    expect applied == 1
  }}
}}
",
            self.statements(Side::Match),
            self.statements(Side::Rewrite),
            self.parameters(constants),
            self.statements(Side::Test),
        )
    }
}

fn numbered(letter: &str, count: &mut usize) -> String {
    *count += 1;
    match *count {
        1 if letter == "x" => letter.to_owned(),
        n => format!("{letter}{n}"),
    }
}
