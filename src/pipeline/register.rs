//! Attributes of the root that rules make: those that an added effect sets.
//!
//! In: a graph after rules acted, the module tree. Out: the tree with the new attributes, which hold nothing until they are set.
//! Invariant: no new attribute is set at two places.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::graph::{
    Attribute, AttributeValue, Graph, Literal, Model, Module, ModuleId, Name, Node, ParameterKind,
    Type, ValueId,
};

use super::job::JobError;

/// Adds to the root what the graph sets and the root lacks.
pub(super) fn register(modules: &mut [Module], graph: &Graph) -> Result<(), JobError> {
    let Some(&root) = graph.body().parameters.first() else {
        return Ok(());
    };
    let mut new: FxHashSet<Name> = FxHashSet::default();
    let mut owners: FxHashMap<ValueId, ModuleId> = FxHashMap::default();
    owners.insert(root, Model::ROOT);
    for id in graph.walk() {
        let node = graph.node(id);
        let name = node.text_attribute("name").map(Name::new);
        let owner = node.operands.first().and_then(|owner| owners.get(owner));
        let (Some(name), Some(&owner)) = (name, owner) else {
            continue;
        };
        match node.op.as_str() {
            "prim::GetAttr" => {
                let value = modules
                    .get(owner.0 as usize)
                    .and_then(|module| module.attributes.get(&name));
                let value = value.map(|attribute| &attribute.value);
                if let (Some(AttributeValue::Module(inner)), Some(&result)) =
                    (value, node.results.first())
                {
                    owners.insert(result, *inner);
                }
            }
            "prim::SetAttr" => set(modules, graph, node, (owner, name), &mut new)?,
            _ => {}
        }
    }
    Ok(())
}

fn wrong(node: &Node, what: &str) -> JobError {
    let place = node
        .place
        .map_or_else(String::new, |place| format!("{place}: "));
    let name = node.text_attribute("name").unwrap_or_default();
    JobError::Step(format!("{place}`{}` of `{name}` {what}", node.op))
}

/// An attribute that is set: it exists, or it is a new one of the root, which holds nothing until then.
fn set(
    modules: &mut [Module],
    graph: &Graph,
    node: &Node,
    (owner, name): (ModuleId, Name),
    new: &mut FxHashSet<Name>,
) -> Result<(), JobError> {
    let Some(module) = modules.get_mut(owner.0 as usize) else {
        return Ok(());
    };
    if new.contains(&name) && owner == Model::ROOT {
        return Err(wrong(
            node,
            "would set what another sets: two paths make one name, rename a module",
        ));
    }
    if module.attributes.contains_key(&name) {
        return Ok(());
    }
    if owner != Model::ROOT {
        return Err(wrong(node, "sets what the module does not have"));
    }
    let ty = node.operands.get(1).map(|&value| &graph.value(value).ty);
    let attribute = Attribute {
        value: AttributeValue::Literal(Literal::None),
        ty: ty.cloned().unwrap_or(Type::Any),
        kind: ParameterKind::Plain,
    };
    module.attributes.insert(name, attribute);
    new.insert(name);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{AttributeLiteral, ConstantId, NodeId};

    fn node(graph: &mut Graph, op: &str, operands: Vec<ValueId>, name: &str) -> NodeId {
        let mut node = Node::new(Name::new(op), operands);
        node.attributes = vec![("name".into(), AttributeLiteral::Literal(Literal::str(name)))];
        graph.add_node(Graph::BODY, node)
    }

    /// A root with a submodule `conv` that holds `packed`.
    fn modules() -> Vec<Module> {
        let attribute = |value| Attribute {
            value,
            ty: Type::tensor(),
            kind: ParameterKind::Plain,
        };
        let module = |class: &str, name: &str, value| Module {
            class: Name::new(class),
            attributes: indexmap::IndexMap::from([(Name::new(name), attribute(value))]),
        };
        vec![
            module("M", "conv", AttributeValue::Module(ModuleId(1))),
            module("C", "packed", AttributeValue::Constant(ConstantId(3))),
        ]
    }

    fn graph() -> (Graph, ValueId) {
        let mut graph = Graph::default();
        let root = graph.add_parameter(Graph::BODY, Type::Class("M".into()), None);
        (graph, root)
    }

    #[test]
    fn what_is_set_is_registered_once() {
        let (mut modules, (mut graph, root)) = (modules(), graph());
        let x = graph.add_parameter(Graph::BODY, Type::tensor(), None);
        node(&mut graph, "prim::SetAttr", vec![root, x], "conv");
        node(&mut graph, "prim::SetAttr", vec![root, x], "new");
        register(&mut modules, &graph).unwrap();
        assert_eq!(modules[0].attributes[&Name::new("new")].ty, Type::tensor());
        node(&mut graph, "prim::SetAttr", vec![root, x], "twice");
        node(&mut graph, "prim::SetAttr", vec![root, x], "twice");
        assert!(register(&mut modules, &graph).is_err());
    }
}
