//! Results of operators on constants as attributes of the root, read where they are used.
//!
//! In: a graph with packed constants. Out: the same graph with attribute reads in their place, and the attributes.
//! Invariant: names are a function of the order of first use, so that storing again gives the same names.

use rustc_hash::FxHashMap;

use crate::graph::{
    Attribute, AttributeLiteral, AttributeValue, BlockId, Constant, ConstantId, ConstantStore, Def,
    Graph, Literal, Name, Node, NodeId, ParameterKind, Type, ValueId,
};

/// How new attributes are called.
pub struct Naming<'a> {
    /// What names begin with: `quantized_forward`.
    pub prefix: &'a str,
    /// Whether the root has an attribute of this name that somebody needs.
    pub is_taken: &'a dyn Fn(Name) -> bool,
}

impl Naming<'_> {
    /// The `number`-th name as PyTorch gives it, or the first free one behind it.
    fn name(&self, number: usize) -> Name {
        let name = format!("{}._jit_pass_packed_weight_{number}", self.prefix);
        let others = (1..).map(|n| Name::new(&format!("{name}_{n}")));
        let mut names = std::iter::once(Name::new(&name)).chain(others);
        names
            .find(|name| !(self.is_taken)(*name))
            .unwrap_or_else(|| unreachable!("numbers do not end"))
    }
}

/// Moves the results of `ops` (base names) from the graph into attributes named `{prefix}._jit_pass_packed_weight_{n}`.
///
/// A packed object that was read from the file is what one of its packing operators makes, and is moved too. The graph's first parameter
/// must be the root module. `known` are those that have an attribute already; new ones are added.
pub fn store(
    graph: &mut Graph,
    constants: &ConstantStore,
    ops: &[String],
    naming: &Naming<'_>,
    known: &mut FxHashMap<ConstantId, Name>,
) -> Vec<(Name, Attribute)> {
    let mut attributes: Vec<(Name, Attribute)> = Vec::new();
    let mut names: FxHashMap<ConstantId, (Name, Type)> = FxHashMap::default();
    for id in super::count::constants(graph) {
        if !makes(constants, id, ops) {
            continue;
        }
        let ty = constants.get(id).facts.class.map_or(Type::Any, Type::Class);
        if let Some(&name) = known.get(&id) {
            names.insert(id, (name, ty));
            continue;
        }
        let name = naming.name(attributes.len());
        known.insert(id, name);
        names.insert(id, (name, ty.clone()));
        let attribute = Attribute {
            value: AttributeValue::Constant(id),
            ty,
            kind: ParameterKind::Plain,
        };
        attributes.push((name, attribute));
    }
    if !names.is_empty() {
        let mut read = FxHashMap::default();
        rewrite(graph, Graph::BODY, &names, &mut read);
    }
    attributes
}

fn makes(constants: &ConstantStore, id: ConstantId, ops: &[String]) -> bool {
    let entry = constants.get(id);
    let made_by = |base: &str| ops.iter().any(|op| op == base);
    match (&entry.expression, entry.value.get()) {
        (Some(expression), _) => made_by(crate::ops::Schema::split(expression.op.as_str()).0),
        (None, Some(Constant::Packed(packed))) => {
            made_by(&format!("quantized::{}_prepack", packed.family))
        }
        _ => false,
    }
}

/// Puts a read before the first use in each block, and uses it further inside.
fn rewrite(
    graph: &mut Graph,
    block: BlockId,
    names: &FxHashMap<ConstantId, (Name, Type)>,
    read: &mut FxHashMap<ConstantId, ValueId>,
) {
    let root = graph.body().parameters[0];
    let outside = read.clone();
    let nodes = std::mem::take(&mut graph.block_mut(block).nodes);
    for id in nodes {
        for i in 0..graph.node(id).operands.len() {
            let Def::Constant(constant) = graph.value(graph.node(id).operands[i]).def else {
                continue;
            };
            let Some((name, ty)) = names.get(&constant) else {
                continue;
            };
            let value = *read
                .entry(constant)
                .or_insert_with(|| add_read(graph, block, root, *name, ty.clone()));
            graph.node_mut(id).operands[i] = value;
        }
        graph.block_mut(block).nodes.push(id);
        for inner in graph.node(id).blocks.clone() {
            rewrite(graph, inner, names, read);
        }
    }
    *read = outside;
}

fn add_read(graph: &mut Graph, block: BlockId, root: ValueId, name: Name, ty: Type) -> ValueId {
    let mut node = Node::new("prim::GetAttr".into(), vec![root]);
    node.attributes = vec![(
        "name".into(),
        AttributeLiteral::Literal(Literal::str(name.as_str())),
    )];
    let id: NodeId = graph.add_node(block, node);
    graph.add_result(id, ty, Some(name))
}
