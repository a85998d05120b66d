//! The text form of a graph: the statement syntax of the rule language, with types, blocks and effects.
//!
//! In: a graph, and the constants it refers to. Out: text that the rule parser reads back as the same graph.
//! Literals stand where they are used; tensors and packed objects are parameters marked `const` behind the graph's own.
//! Invariant: printing depends on the graph alone; two equal graphs print alike, names included.

use std::fmt::{self, Write};
use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    AttributeLiteral, BlockId, ConstantId, ConstantStore, DType, Def, Dim, Facts, Graph, Literal,
    Name, NodeId, Type, ValueId,
};

/// Prints a graph.
pub fn print(graph: &Graph, constants: &ConstantStore) -> String {
    printed(graph, constants).text
}

/// A printed graph, with where each part stands in the text.
#[derive(Clone, Debug)]
pub struct Printed {
    /// The whole text.
    pub text: String,
    /// The statement of each node without what its blocks hold, as a range of the text without indentation and line break, in order.
    pub nodes: Vec<(NodeId, Range<usize>)>,
    /// The name of each value that is no literal, without `%`.
    pub names: FxHashMap<ValueId, String>,
}

impl Printed {
    /// A value as statements write it: `%name`.
    pub fn value(&self, value: ValueId) -> Option<String> {
        self.names.get(&value).map(|name| value_text(name))
    }
}

/// Prints a graph, and says where each part of it stands.
pub fn printed(graph: &Graph, constants: &ConstantStore) -> Printed {
    printed_with(graph, constants, &|_| None)
}

/// Prints a graph in which constants have these names, unless another value has taken one already.
pub fn printed_with(
    graph: &Graph,
    constants: &ConstantStore,
    named: &dyn Fn(ConstantId) -> Option<String>,
) -> Printed {
    let mut printer = Printer {
        graph,
        constants,
        names: FxHashMap::default(),
        taken: FxHashSet::default(),
        order: Vec::new(),
        nodes: Vec::new(),
        out: String::new(),
    };
    printer.find_constants(named);
    printer.signature();
    printer.block(Graph::BODY, 1);
    Printed {
        text: printer.out,
        nodes: printer.nodes,
        names: printer.names,
    }
}

struct Printer<'a> {
    graph: &'a Graph,
    constants: &'a ConstantStore,
    names: FxHashMap<ValueId, String>,
    taken: FxHashSet<String>,
    /// Constants in the order they are met, each with its name.
    order: Vec<(ConstantId, String)>,
    nodes: Vec<(NodeId, Range<usize>)>,
    out: String,
}

impl Printer<'_> {
    fn find_constants(&mut self, named: &dyn Fn(ConstantId) -> Option<String>) {
        let mut met = FxHashMap::default();
        let nodes = self.graph.walk();
        let returned = self.graph.body().returns.iter().copied();
        let used = nodes.iter().flat_map(|&id| {
            let node = self.graph.node(id);
            let inner = node
                .blocks
                .iter()
                .flat_map(|&block| self.graph.block(block).returns.iter());
            node.operands
                .iter()
                .chain(inner)
                .copied()
                .collect::<Vec<_>>()
        });
        for value in used.chain(returned).collect::<Vec<_>>() {
            if let Def::Constant(id) = self.graph.value(value).def {
                let count = met.len();
                let name = met.entry(id).or_insert_with(|| {
                    named(id)
                        .filter(|name| !self.taken.contains(name))
                        .unwrap_or_else(|| format!("c{count}"))
                });
                let name = name.clone();
                if self.taken.insert(name.clone()) {
                    self.order.push((id, name.clone()));
                }
                self.names.insert(value, name);
            }
        }
    }

    fn signature(&mut self) {
        self.out.push_str("graph(");
        let parameters = self.graph.body().parameters.clone();
        let mut lines: Vec<String> = Vec::new();
        for value in parameters {
            let name = self.name(value);
            lines.push(format!(
                "{} : {}",
                value_text(&name),
                TypeText(&self.graph.value(value).ty)
            ));
        }
        for (id, name) in std::mem::take(&mut self.order) {
            lines.push(format!(
                "{}: const {}",
                value_text(&name),
                constant_type(&self.constants.get(id).facts)
            ));
        }
        self.out.push_str(&lines.join(",\n      "));
        self.out.push_str(") {\n");
    }

    fn block(&mut self, block: BlockId, depth: usize) {
        let graph = self.graph;
        for &node in &graph.block(block).nodes {
            self.node(node, depth);
        }
        let returns = &graph.block(block).returns;
        let mut values = Vec::new();
        for &value in returns {
            if let Def::Literal(literal) = &graph.value(value).def {
                let name = self.fresh("");
                self.indent(depth);
                let ty = TypeText(&graph.value(value).ty).to_string();
                let _ = writeln!(
                    self.out,
                    "{} : {ty} = prim::Constant[value={}]()",
                    value_text(&name),
                    LiteralText(literal)
                );
                values.push(value_text(&name));
            } else {
                let name = self.name(value);
                values.push(value_text(&name));
            }
        }
        if block == Graph::BODY {
            let _ = writeln!(self.out, "  return ({})\n}}", values.join(", "));
        } else {
            self.indent(depth);
            let _ = writeln!(self.out, "-> ({})", values.join(", "));
        }
    }

    fn node(&mut self, id: NodeId, depth: usize) {
        let graph = self.graph;
        let node = graph.node(id);
        let operands: Vec<String> = node
            .operands
            .iter()
            .map(|&value| self.operand(value))
            .collect();
        self.indent(depth);
        let start = self.out.len();
        let results: Vec<String> = node
            .results
            .iter()
            .map(|&result| {
                let name = self.name(result);
                format!(
                    "{} : {}",
                    value_text(&name),
                    TypeText(&graph.value(result).ty)
                )
            })
            .collect();
        if !results.is_empty() {
            let _ = write!(self.out, "{} = ", results.join(", "));
        }
        let _ = write!(self.out, "{}", node.op);
        if !node.attributes.is_empty() {
            let attributes: Vec<String> = node
                .attributes
                .iter()
                .map(|(name, value)| format!("{name}={}", attribute_text(value)))
                .collect();
            let _ = write!(self.out, "[{}]", attributes.join(", "));
        }
        let _ = write!(self.out, "({})", operands.join(", "));
        self.nodes.push((id, start..self.out.len()));
        self.out.push('\n');
        for (i, &block) in node.blocks.iter().enumerate() {
            self.indent(depth + 1);
            let parameters: Vec<String> = graph
                .block(block)
                .parameters
                .iter()
                .map(|&value| {
                    let name = self.name(value);
                    format!(
                        "{} : {}",
                        value_text(&name),
                        TypeText(&graph.value(value).ty)
                    )
                })
                .collect();
            let _ = writeln!(self.out, "block{i}({}):", parameters.join(", "));
            self.block(block, depth + 2);
        }
    }

    fn indent(&mut self, depth: usize) {
        for _ in 0..depth {
            self.out.push_str("  ");
        }
    }

    fn operand(&mut self, value: ValueId) -> String {
        match &self.graph.value(value).def {
            Def::Literal(literal) => LiteralText(literal).to_string(),
            _ => {
                let name = self.name(value);
                value_text(&name)
            }
        }
    }

    fn name(&mut self, value: ValueId) -> String {
        if let Some(name) = self.names.get(&value) {
            return name.clone();
        }
        let wanted = self.graph.value(value).name.map_or("", Name::as_str);
        let name = self.fresh(wanted);
        self.names.insert(value, name.clone());
        name
    }

    /// `wanted` if it is free, else with a number behind it; plain numbers for values without a name.
    fn fresh(&mut self, wanted: &str) -> String {
        if !wanted.is_empty() && self.taken.insert(wanted.to_owned()) {
            return wanted.to_owned();
        }
        let separator = if wanted.is_empty() { "" } else { "." };
        let name = (1..)
            .map(|n| format!("{wanted}{separator}{n}"))
            .find(|name| !self.taken.contains(name));
        let name = name.unwrap_or_else(|| unreachable!("numbers do not end"));
        self.taken.insert(name.clone());
        name
    }
}

/// `%name`, quoted where it needs to be.
fn value_text(name: &str) -> String {
    let plain = !name.is_empty()
        && name.split('.').all(|part| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        });
    if plain {
        format!("%{name}")
    } else {
        format!("%{}", LiteralText(&Literal::str(name)))
    }
}

/// An attribute as statements write it.
pub fn attribute_text(value: &AttributeLiteral) -> String {
    match value {
        AttributeLiteral::Literal(literal) => LiteralText(literal).to_string(),
        AttributeLiteral::Constant(id) => format!("<constant {}>", id.0),
        AttributeLiteral::Type(ty) => {
            LiteralText(&Literal::str(&TypeText(ty).to_string())).to_string()
        }
    }
}

/// What is known of a constant, as a type: `Tensor<f32, [64, 3]>`, or its class.
pub fn constant_type(facts: &Facts) -> String {
    if let Some(class) = facts.class {
        return class.to_string();
    }
    let dims = facts.shape.as_ref().map(|dims| {
        dims.iter()
            .map(Dim::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    });
    match (facts.dtype, dims) {
        (Some(dtype), Some(dims)) => format!("Tensor<{dtype}, [{dims}]>"),
        (Some(dtype), None) => format!("Tensor<{dtype}>"),
        _ => "Tensor".to_owned(),
    }
}

/// A type as PyTorch's dumps and rule files write it.
pub struct TypeText<'a>(pub &'a Type);

impl fmt::Display for TypeText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, items: &[Type]| {
            for (i, item) in items.iter().enumerate() {
                write!(f, "{}{}", if i == 0 { "" } else { ", " }, TypeText(item))?;
            }
            Ok(())
        };
        match self.0 {
            Type::Tensor(tensor) => {
                let dims = tensor.shape.as_ref().map(|dims| {
                    dims.iter()
                        .map(Dim::to_string)
                        .collect::<Vec<_>>()
                        .join(", ")
                });
                match (tensor.dtype.map(DType::name), dims) {
                    (Some(dtype), Some(dims)) => write!(f, "Tensor<{dtype}, [{dims}]>"),
                    (Some(dtype), None) => write!(f, "Tensor<{dtype}>"),
                    (None, Some(dims)) => write!(f, "Tensor<[{dims}]>"),
                    (None, None) => f.write_str("Tensor"),
                }
            }
            Type::Int => f.write_str("int"),
            Type::Float => f.write_str("float"),
            Type::Complex => f.write_str("complex"),
            Type::Bool => f.write_str("bool"),
            Type::Scalar => f.write_str("Scalar"),
            Type::Str => f.write_str("str"),
            Type::Device => f.write_str("Device"),
            Type::None => f.write_str("NoneType"),
            Type::Optional(inner) => write!(f, "{}?", TypeText(inner)),
            Type::List(inner) => write!(f, "{}[]", TypeText(inner)),
            Type::Tuple(items) => {
                f.write_str("(")?;
                list(f, items)?;
                f.write_str(")")
            }
            Type::Dict(key, value) => write!(f, "Dict({}, {})", TypeText(key), TypeText(value)),
            Type::Union(items) => {
                f.write_str("Union(")?;
                list(f, items)?;
                f.write_str(")")
            }
            Type::Class(name) | Type::Variable(name) | Type::Other(name) => write!(f, "{name}"),
            Type::Any => f.write_str("Any"),
        }
    }
}

/// A literal as rule files write it.
pub struct LiteralText<'a>(pub &'a Literal);

impl fmt::Display for LiteralText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, items: &[Literal]| {
            for (i, item) in items.iter().enumerate() {
                write!(f, "{}{}", if i == 0 { "" } else { ", " }, LiteralText(item))?;
            }
            Ok(())
        };
        match self.0 {
            Literal::None => f.write_str("none"),
            Literal::Bool(value) => write!(f, "{value}"),
            Literal::Int(value) => write!(f, "{value}"),
            // Beyond every number, so that reading it back gives the infinity.
            Literal::Float(value) if value.is_infinite() => {
                f.write_str(if *value < 0.0 { "-1e999" } else { "1e999" })
            }
            Literal::Float(value) => write!(f, "{value:?}"),
            Literal::Complex(re, im) => write!(f, "{re:?} + {im:?}j"),
            Literal::Str(text) | Literal::Device(text) => quoted(f, text),
            Literal::DType(dtype) => write!(f, "{dtype}"),
            Literal::List(items) => {
                f.write_str("[")?;
                list(f, items)?;
                f.write_str("]")
            }
            Literal::Tuple(items) => {
                f.write_str("(")?;
                list(f, items)?;
                f.write_str(if items.len() == 1 { ",)" } else { ")" })
            }
            Literal::Dict(items) => {
                f.write_str("{")?;
                for (i, (key, value)) in items.iter().enumerate() {
                    write!(
                        f,
                        "{}{}: {}",
                        if i == 0 { "" } else { ", " },
                        LiteralText(key),
                        LiteralText(value)
                    )?;
                }
                f.write_str("}")
            }
        }
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    write!(f, "\\{byte:03o}")?;
                }
            }
            c => f.write_char(c)?,
        }
    }
    f.write_str("\"")
}
