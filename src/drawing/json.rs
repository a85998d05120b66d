//! A graph as JSON: everything the text form says, for programs.
//!
//! In: a graph under a name. Out: a JSON value with nodes, values, blocks and constants, each with its number.
//! Numbers are those of the graph's own tables; `--around` takes the number of a node.
//!
//! Invariant: nodes and values are in the order of the text; only what is in a block, or used there, is listed.

use rustc_hash::FxHashSet;
use serde_json::{Map, Value, json};

use crate::graph::text::{LiteralText, TypeText, constant_type};
use crate::graph::{AttributeLiteral, BlockId, ConstantId, Def, Graph, Literal, NodeId, ValueId};

use super::category::Category;
use super::outline::Subject;

/// A graph. With wanted nodes only those are listed, and the values they touch.
pub fn json(subject: &Subject, name: &str) -> Value {
    let mut writer = Writer {
        subject,
        nodes: Vec::new(),
        values: Vec::new(),
        blocks: Vec::new(),
        constants: Vec::new(),
        met: FxHashSet::default(),
        constants_met: FxHashSet::default(),
    };
    writer.block(Graph::BODY);
    json!({
        "name": name,
        "body": Graph::BODY.0,
        "blocks": writer.blocks,
        "nodes": writer.nodes,
        "values": writer.values,
        "constants": writer.constants,
    })
}

struct Writer<'a> {
    subject: &'a Subject<'a>,
    nodes: Vec<Value>,
    values: Vec<Value>,
    blocks: Vec<Value>,
    constants: Vec<Value>,
    met: FxHashSet<ValueId>,
    constants_met: FxHashSet<ConstantId>,
}

impl Writer<'_> {
    fn block(&mut self, id: BlockId) {
        let block = self.subject.graph.block(id);
        let at = self.blocks.len();
        self.blocks.push(Value::Null);
        for &parameter in &block.parameters {
            self.value(parameter);
        }
        let mut nodes = Vec::new();
        for &node in &block.nodes {
            if self.subject.wants(node) {
                nodes.push(node.0);
                self.node(node, id);
            }
        }
        for &value in &block.returns {
            self.value(value);
        }
        self.blocks[at] = json!({
            "id": id.0,
            "parameters": ids(&block.parameters),
            "nodes": nodes,
            "returns": ids(&block.returns),
        });
    }

    fn node(&mut self, id: NodeId, block: BlockId) {
        let node = self.subject.graph.node(id);
        for &value in node.operands.iter().chain(&node.results) {
            self.value(value);
        }
        let attributes: Map<String, Value> = node
            .attributes
            .iter()
            .map(|(name, value)| (name.to_string(), self.attribute(value)))
            .collect();
        let mut entry = json!({
            "id": id.0,
            "op": node.op.as_str(),
            "kind": Category::of(node.op.as_str()).name(),
            "block": block.0,
            "operands": ids(&node.operands),
            "results": ids(&node.results),
        });
        if !attributes.is_empty() {
            entry["attributes"] = Value::Object(attributes);
        }
        if !node.blocks.is_empty() {
            entry["blocks"] = node.blocks.iter().map(|block| block.0).collect();
        }
        if let Some(place) = node.place {
            entry["place"] = Value::from(place.as_str());
        }
        self.nodes.push(entry);
        for &inner in &node.blocks {
            self.block(inner);
        }
    }

    fn attribute(&mut self, value: &AttributeLiteral) -> Value {
        match value {
            AttributeLiteral::Literal(literal) => literal_json(literal),
            AttributeLiteral::Constant(id) => {
                self.constant(*id);
                json!({ "constant": id.0 })
            }
            AttributeLiteral::Type(ty) => json!({ "type": TypeText(ty).to_string() }),
        }
    }

    fn value(&mut self, id: ValueId) {
        if !self.met.insert(id) {
            return;
        }
        let value = self.subject.graph.value(id);
        let mut entry = json!({ "id": id.0, "type": TypeText(&value.ty).to_string() });
        if !matches!(value.def, Def::Literal(_)) {
            entry["name"] = Value::from(self.subject.name(id));
        }
        match &value.def {
            Def::Parameter { block, .. } => entry["block"] = block.0.into(),
            Def::Result { node, .. } => entry["node"] = node.0.into(),
            Def::Literal(literal) => {
                entry["literal"] = literal_json(literal);
                // Where JSON has fewer types of values than the model, the text says which it is.
                entry["text"] = Value::from(LiteralText(literal).to_string());
            }
            Def::Constant(constant) => {
                entry["constant"] = constant.0.into();
                self.constant(*constant);
            }
        }
        self.values.push(entry);
    }

    fn constant(&mut self, id: ConstantId) {
        if !self.constants_met.insert(id) {
            return;
        }
        let entry = self.subject.constants.get(id);
        let mut constant = json!({
            "id": id.0,
            "type": constant_type(&entry.facts),
            "bytes": entry.bytes,
        });
        if let Some(dtype) = entry.facts.dtype {
            constant["dtype"] = Value::from(dtype.name());
        }
        self.constants.push(constant);
    }
}

fn ids(values: &[ValueId]) -> Vec<u32> {
    values.iter().map(|value| value.0).collect()
}

/// A literal as the nearest JSON; what JSON has no form for (not-a-number, infinities, complex numbers) is its text.
fn literal_json(literal: &Literal) -> Value {
    match literal {
        Literal::None => Value::Null,
        Literal::Bool(value) => Value::from(*value),
        Literal::Int(value) => Value::from(*value),
        Literal::Float(value) if value.is_finite() => Value::from(*value),
        Literal::Str(text) | Literal::Device(text) => Value::from(&**text),
        Literal::List(items) | Literal::Tuple(items) => items.iter().map(literal_json).collect(),
        Literal::Dict(items) => items
            .iter()
            .map(|(key, value)| json!([literal_json(key), literal_json(value)]))
            .collect(),
        Literal::Float(_) | Literal::Complex(..) | Literal::DType(_) => {
            Value::from(LiteralText(literal).to_string())
        }
    }
}
