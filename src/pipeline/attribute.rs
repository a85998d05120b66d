//! Attributes that rules make: `rulefold::attribute[name](%module, %value)` becomes a read of an attribute with that value.
//!
//! In: a graph that rules have rewritten, the modules it reads from. Out: reads, and the attributes they read.
//! Invariant: an attribute gets the value that was read before, or nothing happens: where a method sets what was read, or the value is
//! computed, the value itself stays.
//! Invariant: reads of equal values under one name share one attribute; different values under one name are an error.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::graph::{
    Attribute, AttributeValue, BlockId, Def, Graph, Model, Module, ModuleId, Name, NodeId,
    ParameterKind, ValueId,
};

use super::job::JobError;

const MAKE: &str = "rulefold::attribute";

/// Registers what the graph's rules made. `set` are names that some method sets.
pub(super) fn register(
    graph: &mut Graph,
    modules: &mut [Module],
    set: &FxHashSet<Name>,
) -> Result<(), JobError> {
    let mut known = Known::new(graph);
    let mut replaced: FxHashMap<ValueId, ValueId> = FxHashMap::default();
    for id in graph.walk() {
        known.read(graph, modules, id);
        let node = graph.node(id);
        if node.op != MAKE {
            continue;
        }
        let (&[module, value], Some(name), &[result]) = (
            node.operands.as_slice(),
            node.text_attribute("name").map(Name::new),
            node.results.as_slice(),
        ) else {
            unreachable!("the checker holds operands and results against the schema");
        };
        let made = known
            .modules
            .get(&module)
            .copied()
            .zip(known.attribute(graph, modules, value, set));
        let Some((module, attribute)) = made else {
            replaced.insert(result, value);
            continue;
        };
        let attributes = &mut modules[module.0 as usize].attributes;
        match attributes.get(&name) {
            Some(known) if same(&known.value, &attribute.value) => {}
            Some(_) => {
                let message = format!("there is another attribute `{name}` already");
                return Err(JobError::Step(message));
            }
            None => {
                attributes.insert(name, attribute);
            }
        }
        let node = graph.node_mut(id);
        node.op = Name::new("prim::GetAttr");
        node.operands.truncate(1);
    }
    forward(graph, &replaced);
    drop_unread(graph);
    Ok(())
}

/// What the values of a graph are that lie in modules.
struct Known {
    modules: FxHashMap<ValueId, ModuleId>,
    attributes: FxHashMap<ValueId, (ModuleId, Name)>,
}

impl Known {
    fn new(graph: &Graph) -> Known {
        let root = graph.body().parameters.first();
        Known {
            modules: root.map(|&root| (root, Model::ROOT)).into_iter().collect(),
            attributes: FxHashMap::default(),
        }
    }

    /// Notes what a read of an attribute gives.
    fn read(&mut self, graph: &Graph, modules: &[Module], id: NodeId) {
        let node = graph.node(id);
        let owner = node.operands.first().and_then(|of| self.modules.get(of));
        let (Some(&owner), Some(name), &[result]) = (
            owner,
            node.text_attribute("name").map(Name::new),
            node.results.as_slice(),
        ) else {
            return;
        };
        if node.op != "prim::GetAttr" {
            return;
        }
        let attribute = modules[owner.0 as usize].attributes.get(&name);
        match attribute.map(|attribute| &attribute.value) {
            Some(AttributeValue::Module(inner)) => {
                self.modules.insert(result, *inner);
            }
            Some(_) => {
                self.attributes.insert(result, (owner, name));
            }
            None => {}
        }
    }

    /// The attribute that has the value, if it is known and nothing sets it.
    fn attribute(
        &self,
        graph: &Graph,
        modules: &[Module],
        value: ValueId,
        set: &FxHashSet<Name>,
    ) -> Option<Attribute> {
        let of = graph.value(value);
        let value = match &of.def {
            Def::Literal(literal) => AttributeValue::Literal(literal.clone()),
            Def::Constant(id) => AttributeValue::Constant(*id),
            _ => {
                let (owner, name) = self.attributes.get(&value)?;
                let read = modules[owner.0 as usize].attributes.get(name);
                return read.filter(|_| !set.contains(name)).cloned();
            }
        };
        Some(Attribute {
            value,
            ty: of.ty.clone(),
            kind: ParameterKind::Plain,
        })
    }
}

fn same(a: &AttributeValue, b: &AttributeValue) -> bool {
    use AttributeValue::{Constant, List, Literal, Tuple};
    match (a, b) {
        (Literal(a), Literal(b)) => a == b,
        (Constant(a), Constant(b)) => a == b,
        (List(a), List(b)) | (Tuple(a), Tuple(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        _ => false,
    }
}

/// Uses other values in the place of those replaced, whose nodes go away.
fn forward(graph: &mut Graph, replaced: &FxHashMap<ValueId, ValueId>) {
    if replaced.is_empty() {
        return;
    }
    let last = |mut value: ValueId| {
        while let Some(&next) = replaced.get(&value) {
            value = next;
        }
        value
    };
    for id in graph.walk() {
        for operand in &mut graph.node_mut(id).operands {
            *operand = last(*operand);
        }
        for block in graph.node(id).blocks.clone() {
            let returns = &mut graph.block_mut(block).returns;
            returns.iter_mut().for_each(|value| *value = last(*value));
        }
    }
    let returns = &mut graph.block_mut(Graph::BODY).returns;
    returns.iter_mut().for_each(|value| *value = last(*value));
    retain(graph, |graph, id| {
        let results = &graph.node(id).results;
        !results.iter().any(|result| replaced.contains_key(result))
    });
}

/// Takes out reads of attributes whose results nothing uses.
fn drop_unread(graph: &mut Graph) {
    let mut uses: FxHashMap<ValueId, usize> = FxHashMap::default();
    let order = graph.walk();
    for &id in &order {
        let node = graph.node(id);
        let inner = node.blocks.iter().flat_map(|&b| &graph.block(b).returns);
        for &value in node.operands.iter().chain(inner) {
            *uses.entry(value).or_default() += 1;
        }
    }
    for &value in &graph.body().returns {
        *uses.entry(value).or_default() += 1;
    }
    let mut dropped = FxHashSet::default();
    for &id in order.iter().rev() {
        let node = graph.node(id);
        let is_used = |value: &ValueId| uses.get(value).is_some_and(|&n| n > 0);
        if node.op == "prim::GetAttr" && !node.results.iter().any(is_used) {
            dropped.insert(id);
            for operand in node.operands.clone() {
                *uses.entry(operand).or_default() -= 1;
            }
        }
    }
    retain(graph, |_, id| !dropped.contains(&id));
}

/// Keeps the nodes, of whatever block, for which `keep` is true.
fn retain(graph: &mut Graph, keep: impl Fn(&Graph, NodeId) -> bool) {
    let nested = graph.walk().into_iter();
    let nested = nested.flat_map(|id| graph.node(id).blocks.clone());
    let blocks: Vec<BlockId> = std::iter::once(Graph::BODY).chain(nested).collect();
    for block in blocks {
        let mut nodes = std::mem::take(&mut graph.block_mut(block).nodes);
        nodes.retain(|&id| keep(graph, id));
        graph.block_mut(block).nodes = nodes;
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;
    use crate::graph::{AttributeLiteral, Literal, Node, Type};

    fn named(op: &str, name: &str, operands: Vec<ValueId>) -> Node {
        let mut node = Node::new(op.into(), operands);
        let name = AttributeLiteral::Literal(Literal::str(name));
        node.attributes = vec![("name".into(), name)];
        node
    }

    /// `return attribute["made"](self, self.inner.n)`.
    fn graph() -> Graph {
        let mut graph = Graph::default();
        let root = graph.add_parameter(Graph::BODY, Type::Class("Net".into()), None);
        let mut add = |node: Node, ty: Type| {
            let node = graph.add_node(Graph::BODY, node);
            graph.add_result(node, ty, None)
        };
        let inner = named("prim::GetAttr", "inner", vec![root]);
        let inner = add(inner, Type::Class("Inner".into()));
        let n = add(named("prim::GetAttr", "n", vec![inner]), Type::Int);
        let made = add(named(MAKE, "made", vec![root, n]), Type::Int);
        graph.block_mut(Graph::BODY).returns = vec![made];
        graph
    }

    fn modules(more: &[(&str, i64)]) -> Vec<Module> {
        let module = |class: &str, attributes: &[(&str, AttributeValue, Type)]| Module {
            class: class.into(),
            attributes: attributes
                .iter()
                .map(|(name, value, ty)| {
                    let attribute = Attribute {
                        value: value.clone(),
                        ty: ty.clone(),
                        kind: ParameterKind::Plain,
                    };
                    (Name::new(name), attribute)
                })
                .collect::<IndexMap<_, _>>(),
        };
        let int = |n: i64| AttributeValue::Literal(Literal::Int(n));
        let inner = AttributeValue::Module(ModuleId(1));
        let mut root = vec![("inner", inner, Type::Class("Inner".into()))];
        root.extend(more.iter().map(|&(name, n)| (name, int(n), Type::Int)));
        vec![
            module("Net", &root),
            module("Inner", &[("n", int(7), Type::Int)]),
        ]
    }

    fn ops(graph: &Graph) -> Vec<&str> {
        let nodes = graph.body().nodes.iter();
        nodes.map(|&id| graph.node(id).op.as_str()).collect()
    }

    #[test]
    fn a_read_from_elsewhere_becomes_one_from_the_root() {
        for more in [&[][..], &[("made", 7)]] {
            let (mut graph, mut modules) = (graph(), modules(more));
            register(&mut graph, &mut modules, &FxHashSet::default()).unwrap();
            assert_eq!(ops(&graph), ["prim::GetAttr"]);
            graph.verify().unwrap();
            let made = &modules[0].attributes[&Name::new("made")];
            assert!(matches!(
                made.value,
                AttributeValue::Literal(Literal::Int(7))
            ));
        }
    }

    #[test]
    fn what_a_method_sets_is_read_where_it_was() {
        let (mut graph, mut modules) = (graph(), modules(&[]));
        let set = FxHashSet::from_iter([Name::new("n")]);
        register(&mut graph, &mut modules, &set).unwrap();
        assert_eq!(ops(&graph), ["prim::GetAttr", "prim::GetAttr"]);
        graph.verify().unwrap();
        assert!(!modules[0].attributes.contains_key(&Name::new("made")));
    }

    #[test]
    fn a_name_that_means_something_else_is_an_error() {
        let (mut graph, mut modules) = (graph(), modules(&[("made", 8)]));
        let error = register(&mut graph, &mut modules, &FxHashSet::default()).unwrap_err();
        assert!(error.to_string().contains("`made`"), "{error}");
    }
}
