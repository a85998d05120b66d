//! Which values share memory that somebody writes.
//!
//! In: a graph and the schemas' alias marks. Out: for each value, whether what it holds may change after it was made.
//! Invariant: values are taken to share memory unless it is known that they do not; what an attribute is given shares memory with what is
//! read from any attribute of that name.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::graph::{ConstantId, Def, Graph, Name, Node, Type, ValueId};
use crate::ops::{self, Catalogue, Schema};

/// Sets of values that may share memory. An attribute is a value too: the same on all modules that have one of that name.
#[derive(Debug)]
pub struct Memory {
    parent: Vec<u32>,
    written: Vec<bool>,
    /// A value that was read from, or written to, attributes of a name.
    attributes: FxHashMap<Name, ValueId>,
}

impl Memory {
    /// Of the values of a graph.
    pub fn of(graph: &Graph, catalogue: &Catalogue) -> Memory {
        let count = graph.value_count();
        let mut memory = Memory {
            parent: (0..count as u32).collect(),
            written: vec![false; count],
            attributes: FxHashMap::default(),
        };
        memory.join_constants(graph);
        let nodes = graph.walk();
        let mut writes = Vec::new();
        let mut opaque = false;
        for &id in &nodes {
            let node = graph.node(id);
            memory.join(graph, node, catalogue);
            if node.op == "prim::Enter" || node.op == "prim::Exit" {
                // A method of the object runs, which may write to whatever attributes hold.
                opaque |= !only_sets_gradient_mode(graph, node);
                writes.extend(node.operands.first());
            }
            if let Some(schema) = catalogue.schema(node.op.as_str()) {
                for (parameter, &operand) in schema.params.iter().zip(&node.operands) {
                    if parameter.alias.is_some_and(|alias| alias.write) {
                        writes.push(operand);
                    }
                }
            }
        }
        if opaque {
            writes.extend(memory.attributes.values());
        }
        for value in writes {
            let root = memory.root(value);
            memory.written[root as usize] = true;
        }
        memory
    }

    /// Whether some node of the graph writes memory that this value may share.
    pub fn is_written(&self, value: ValueId) -> bool {
        let mut at = value.0;
        while self.parent[at as usize] != at {
            at = self.parent[at as usize];
        }
        self.written[at as usize]
    }

    /// Attributes that are read or set here and whose memory is written.
    pub fn written_attributes(&self) -> impl Iterator<Item = Name> + '_ {
        let written = self.attributes.iter();
        let written = written.filter(|(_, value)| self.is_written(**value));
        written.map(|(name, _)| *name)
    }

    /// Takes it that somebody else writes the memory of these attributes.
    pub fn write_attributes(&mut self, names: &FxHashSet<Name>) {
        for name in names {
            if let Some(&value) = self.attributes.get(name) {
                let root = self.root(value);
                self.written[root as usize] = true;
            }
        }
    }

    /// A constant that stands at several places is one.
    fn join_constants(&mut self, graph: &Graph) {
        let mut first: FxHashMap<ConstantId, ValueId> = FxHashMap::default();
        for at in 0..self.parent.len() as u32 {
            if let Def::Constant(id) = graph.value(ValueId(at)).def {
                let value = *first.entry(id).or_insert(ValueId(at));
                self.unite(graph, value, ValueId(at));
            }
        }
    }

    fn root(&mut self, value: ValueId) -> u32 {
        let mut at = value.0;
        while self.parent[at as usize] != at {
            self.parent[at as usize] = self.parent[self.parent[at as usize] as usize];
            at = self.parent[at as usize];
        }
        at
    }

    fn unite(&mut self, graph: &Graph, a: ValueId, b: ValueId) {
        if holds_memory(&graph.value(a).ty) && holds_memory(&graph.value(b).ty) {
            let (a, b) = (self.root(a), self.root(b));
            self.parent[a.max(b) as usize] = a.min(b);
        }
    }

    fn join(&mut self, graph: &Graph, node: &Node, catalogue: &Catalogue) {
        match node.op.as_str() {
            "prim::If" => {
                for &block in &node.blocks {
                    for (&result, &returned) in node.results.iter().zip(&graph.block(block).returns)
                    {
                        self.unite(graph, result, returned);
                    }
                }
            }
            "prim::Loop" => {
                for &block in &node.blocks {
                    let block = graph.block(block);
                    for (i, &result) in node.results.iter().enumerate() {
                        let carried = [
                            node.operands.get(i + 2),
                            block.parameters.get(i + 1),
                            block.returns.get(i + 1),
                        ];
                        for &value in carried.into_iter().flatten() {
                            self.unite(graph, result, value);
                        }
                    }
                }
            }
            "prim::GetAttr" | "prim::SetAttr" => {
                let held = match node.op == "prim::GetAttr" {
                    true => node.results.first(),
                    false => node.operands.get(1),
                };
                let name = Name::new(node.text_attribute("name").unwrap_or_default());
                if let Some(&held) = held
                    && holds_memory(&graph.value(held).ty)
                {
                    let same = *self.attributes.entry(name).or_insert(held);
                    self.unite(graph, same, held);
                }
            }
            op => {
                if let Some(schema) = catalogue.schema(op)
                    && let Some(list) = written_container(schema)
                    && let Some(&list) = node.operands.get(list)
                {
                    // What is put into a list or dictionary is reached through it.
                    for &operand in &node.operands {
                        self.unite(graph, list, operand);
                    }
                }
                for at in ops::aliased_operands(op, node.operands.len()) {
                    for &result in &node.results {
                        self.unite(graph, result, node.operands[at]);
                    }
                }
            }
        }
    }
}

/// The list or dictionary that an operator writes to.
fn written_container(schema: &Schema) -> Option<usize> {
    schema.params.iter().position(|param| {
        param.alias.is_some_and(|alias| alias.write)
            && matches!(param.ty, Type::List(_) | Type::Dict(..))
    })
}

/// Whether what is entered or left is PyTorch's own `no_grad`, `enable_grad` and their like, which write to no tensor.
fn only_sets_gradient_mode(graph: &Graph, node: &Node) -> bool {
    node.operands.first().is_some_and(|&object| {
        matches!(graph.value(object).ty, Type::Class(class)
            if class.as_str().starts_with("__torch__.torch.autograd.grad_mode."))
    })
}

/// Whether values of a type may share memory.
pub(super) fn holds_memory(ty: &Type) -> bool {
    match ty {
        Type::Int
        | Type::Float
        | Type::Complex
        | Type::Bool
        | Type::Scalar
        | Type::Str
        | Type::Device
        | Type::None => false,
        Type::Optional(inner) => holds_memory(inner),
        // What packs weights makes objects that no operator changes.
        Type::Class(class) => !class.as_str().starts_with("__torch__.torch.classes."),
        _ => true,
    }
}
