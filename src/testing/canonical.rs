//! Graphs as numbers of equal expressions, so that two can be compared and printed whatever their names and the order of independent
//! nodes.
//!
//! In: graphs over one store of constants. Out: a [`Form`] of each; equal forms mean equal graphs.
//! Constants that are expressions are written out as the operators they are made of.
//!
//! Invariant: effects keep their order, and two of them are never one; everything else is what it computes.
//! Invariant: printing depends on the form and the names given alone.

use std::fmt::Write;

use indexmap::IndexSet;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use crate::graph::text::{LiteralText, TypeText};
use crate::graph::{
    AttributeLiteral, BlockId, ConstantId, ConstantOperand, ConstantStore, Def, Graph, Name, Node,
    NodeId, Type, ValueId,
};
use crate::ops::{Catalogue, Purity};

use super::given::plain;

/// The number of an expression.
pub(super) type Id = usize;

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Key {
    /// A parameter of the body, by name.
    Parameter(Name),
    /// A parameter of a block, by how deep and the how manieth block it is.
    Inner(u32, u32, u32),
    Literal(String),
    Constant(ConstantId),
    Op {
        op: Name,
        attributes: String,
        operands: Vec<Id>,
        blocks: Vec<Body>,
        /// Its place among the effects of its block; pure operators have none.
        effect: Option<u32>,
        results: u32,
    },
    /// A result of an operator with several.
    Result(Id, u32),
}

/// Effects in order, and what is returned.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Body {
    parameters: Vec<Id>,
    effects: Vec<Id>,
    returns: Vec<Id>,
}

/// A graph as expressions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Form {
    body: Body,
}

/// The expressions of all graphs that are compared.
#[derive(Default)]
pub(super) struct Expressions {
    keys: IndexSet<Key, FxBuildHasher>,
    /// Names that the graphs give, first one first.
    names: FxHashMap<Id, Name>,
}

/// What a graph refers to.
pub(super) struct Around<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) store: &'a ConstantStore,
    /// What constants are called.
    pub(super) constants: &'a FxHashMap<ConstantId, Name>,
    /// What parameters are called, if not by their own names.
    pub(super) parameters: &'a FxHashMap<ValueId, Name>,
}

impl Expressions {
    /// The form of a graph.
    pub(super) fn form(&mut self, graph: &Graph, around: &Around) -> Form {
        let mut reader = Reader {
            all: self,
            graph,
            around,
            values: FxHashMap::default(),
            effects: FxHashMap::default(),
        };
        for (at, &value) in graph.body().parameters.iter().enumerate() {
            let own = graph.value(value).name;
            let name = around.parameters.get(&value).copied().or(own);
            let name = name.unwrap_or_else(|| Name::new(&format!("{at}")));
            let id = reader.all.add(Key::Parameter(name));
            reader.all.names.insert(id, name);
            reader.values.insert(value, id);
        }
        reader.blocks_with_effects(Graph::BODY);
        let body = reader.body(Graph::BODY, Vec::new(), 0);
        Form { body }
    }

    fn add(&mut self, key: Key) -> Id {
        self.keys.insert_full(key).0
    }

    fn name(&mut self, id: Id, name: Option<Name>) {
        if let Some(name) = name {
            self.names.entry(id).or_insert(name);
        }
    }

    /// The lines of a form. With `named`, values are called as the graphs call them, the graph read first first; else by number.
    pub(super) fn lines(&self, form: &Form, named: bool) -> Vec<String> {
        let mut printer = Printer {
            all: self,
            named,
            texts: FxHashMap::default(),
            taken: FxHashSet::default(),
            done: FxHashSet::default(),
            lines: Vec::new(),
        };
        for &id in self.names.keys() {
            if let Some(Key::Parameter(name)) = self.keys.get_index(id) {
                printer.taken.insert(name.to_string());
            }
        }
        printer.body(&form.body, 0, "return");
        printer.lines
    }
}

struct Reader<'a> {
    all: &'a mut Expressions,
    graph: &'a Graph,
    around: &'a Around<'a>,
    values: FxHashMap<ValueId, Id>,
    /// Nodes with blocks, and whether there is an effect inside.
    effects: FxHashMap<NodeId, bool>,
}

impl Reader<'_> {
    fn blocks_with_effects(&mut self, block: BlockId) -> bool {
        let graph = self.graph;
        let mut any = false;
        for &id in &graph.block(block).nodes {
            let node = graph.node(id);
            let mut inside = false;
            for &block in &node.blocks {
                inside |= self.blocks_with_effects(block);
            }
            let is_effect = inside || (node.blocks.is_empty() && self.is_impure(node));
            self.effects.insert(id, is_effect);
            any |= is_effect;
        }
        any
    }

    fn is_impure(&self, node: &Node) -> bool {
        let literal = |at: usize| self.graph.literal(*node.operands.get(at)?);
        self.around.catalogue.purity(node.op.as_str(), literal) != Purity::Pure
    }

    fn body(&mut self, block: BlockId, parameters: Vec<Id>, depth: u32) -> Body {
        let graph = self.graph;
        let mut body = Body {
            parameters,
            ..Body::default()
        };
        for &id in &graph.block(block).nodes {
            let is_effect = self.effects.get(&id) == Some(&true);
            let place = u32::try_from(body.effects.len()).unwrap_or(u32::MAX);
            let made = self.node(id, is_effect.then_some(place), depth);
            if is_effect {
                body.effects.push(made);
            }
        }
        let returns = &graph.block(block).returns;
        body.returns = returns.iter().map(|&value| self.value(value)).collect();
        body
    }

    fn node(&mut self, id: NodeId, effect: Option<u32>, depth: u32) -> Id {
        let graph = self.graph;
        let node = graph.node(id);
        let operands = node.operands.iter().map(|&v| self.value(v)).collect();
        let mut blocks = Vec::new();
        for (at, &block) in (0..).zip(&node.blocks) {
            let parameters = &graph.block(block).parameters;
            let inner: Vec<Id> = (0..)
                .zip(parameters)
                .map(|(index, &value)| {
                    let id = self.all.add(Key::Inner(depth, at, index));
                    self.all.name(id, graph.value(value).name);
                    self.values.insert(value, id);
                    id
                })
                .collect();
            blocks.push(self.body(block, inner, depth + 1));
        }
        let results = u32::try_from(node.results.len()).unwrap_or(u32::MAX);
        let op = self.all.add(Key::Op {
            op: node.op,
            attributes: attributes(node),
            operands,
            blocks,
            effect,
            results,
        });
        for (index, &result) in (0..).zip(&node.results) {
            let id = match results {
                1 => op,
                _ => self.all.add(Key::Result(op, index)),
            };
            self.all.name(id, graph.value(result).name);
            self.values.insert(result, id);
        }
        op
    }

    fn value(&mut self, value: ValueId) -> Id {
        if let Some(&id) = self.values.get(&value) {
            return id;
        }
        let id = match &self.graph.value(value).def {
            Def::Literal(literal) => {
                let text = LiteralText(&plain(literal)).to_string();
                self.all.add(Key::Literal(text))
            }
            Def::Constant(id) => self.constant(*id),
            Def::Parameter { .. } | Def::Result { .. } => {
                unreachable!("a value is used before it is defined: graphs are verified")
            }
        };
        self.values.insert(value, id);
        id
    }

    /// A constant that the test knows by name, or the operators it is made of.
    fn constant(&mut self, id: ConstantId) -> Id {
        if let Some(&name) = self.around.constants.get(&id) {
            let found = self.all.add(Key::Constant(id));
            self.all.names.insert(found, name);
            return found;
        }
        let Some(expression) = &self.around.store.get(id).expression else {
            return self.all.add(Key::Constant(id));
        };
        let operands = expression.operands.iter();
        let operands = operands.map(|operand| self.operand(operand)).collect();
        let several = expression.result > 0;
        let op = self.all.add(Key::Op {
            op: expression.op,
            attributes: String::new(),
            operands,
            blocks: Vec::new(),
            effect: None,
            results: if several { 2 } else { 1 },
        });
        match several {
            true => self.all.add(Key::Result(op, expression.result)),
            false => op,
        }
    }

    fn operand(&mut self, operand: &ConstantOperand) -> Id {
        match operand {
            ConstantOperand::Constant(id) => self.constant(*id),
            ConstantOperand::Literal(literal) => {
                let text = LiteralText(&plain(literal)).to_string();
                self.all.add(Key::Literal(text))
            }
            ConstantOperand::List(items) => {
                let operands = items.iter().map(|item| self.operand(item)).collect();
                self.all.add(Key::Op {
                    op: Name::new("prim::ListConstruct"),
                    attributes: String::new(),
                    operands,
                    blocks: Vec::new(),
                    effect: None,
                    results: 1,
                })
            }
        }
    }
}

/// Attributes in the order of their names.
fn attributes(node: &Node) -> String {
    let mut texts: Vec<String> = node
        .attributes
        .iter()
        .map(|(name, value)| match value {
            AttributeLiteral::Literal(literal) => {
                format!("{name} = {}", LiteralText(&plain(literal)))
            }
            AttributeLiteral::Constant(id) => format!("{name} = <constant {}>", id.0),
            AttributeLiteral::Type(ty) => format!("{name} = {}", TypeText(ty)),
        })
        .collect();
    texts.sort();
    texts.join(", ")
}

struct Printer<'a> {
    all: &'a Expressions,
    named: bool,
    texts: FxHashMap<Id, String>,
    taken: FxHashSet<String>,
    done: FxHashSet<Id>,
    lines: Vec<String>,
}

impl Printer<'_> {
    fn body(&mut self, body: &Body, depth: usize, word: &str) {
        for &effect in &body.effects {
            self.emit(effect, depth);
        }
        for &value in &body.returns {
            self.emit(value, depth);
        }
        let returns: Vec<String> = body.returns.iter().map(|&id| self.text(id)).collect();
        let indent = "  ".repeat(depth);
        self.lines
            .push(format!("{indent}{word} ({})", returns.join(", ")));
    }

    /// Writes what computes a value, unless it is written already. Without recursion along operands: a chain may be long.
    fn emit(&mut self, id: Id, depth: usize) {
        let mut stack = vec![(id, false)];
        while let Some((id, ready)) = stack.pop() {
            if self.done.contains(&id) {
                continue;
            }
            match self.all.keys.get_index(id) {
                Some(Key::Result(of, _)) => stack.push((*of, false)),
                Some(Key::Op { operands, .. }) if !ready => {
                    stack.push((id, true));
                    let mut before: Vec<Id> = operands.clone();
                    before.reverse();
                    stack.extend(before.into_iter().map(|operand| (operand, false)));
                }
                Some(Key::Op {
                    op,
                    attributes,
                    operands,
                    blocks,
                    results,
                    ..
                }) => {
                    self.done.insert(id);
                    self.statement(id, *op, attributes, operands, blocks, *results, depth);
                }
                _ => {}
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "they are the fields of the key")]
    fn statement(
        &mut self,
        id: Id,
        op: Name,
        attributes: &str,
        operands: &[Id],
        blocks: &[Body],
        results: u32,
        depth: usize,
    ) {
        let mut line = "  ".repeat(depth);
        let bound: Vec<String> = match results {
            0 => Vec::new(),
            1 => vec![self.text(id)],
            _ => (0..results)
                .filter_map(|index| self.all.keys.get_index_of(&Key::Result(id, index)))
                .map(|result| self.text(result))
                .collect(),
        };
        if !bound.is_empty() {
            let _ = write!(line, "{} = ", bound.join(", "));
        }
        line.push_str(op.as_str());
        if !attributes.is_empty() {
            let _ = write!(line, "[{attributes}]");
        }
        let operands: Vec<String> = operands.iter().map(|&id| self.text(id)).collect();
        let _ = write!(line, "({})", operands.join(", "));
        self.lines.push(line);
        for (at, block) in blocks.iter().enumerate() {
            let parameters: Vec<String> =
                block.parameters.iter().map(|&id| self.text(id)).collect();
            let indent = "  ".repeat(depth + 1);
            self.lines
                .push(format!("{indent}block{at}({}):", parameters.join(", ")));
            // What a block computes is computed there, even if another block computes it too.
            let outside = self.done.clone();
            self.body(block, depth + 2, "->");
            self.done = outside;
        }
    }

    fn text(&mut self, id: Id) -> String {
        if let Some(text) = self.texts.get(&id) {
            return text.clone();
        }
        let text = match self.all.keys.get_index(id) {
            Some(Key::Literal(text)) => text.clone(),
            Some(Key::Parameter(name)) => format!("%{name}"),
            _ => format!("%{}", self.fresh(id)),
        };
        self.texts.insert(id, text.clone());
        text
    }

    fn fresh(&mut self, id: Id) -> String {
        let is_constant = matches!(self.all.keys.get_index(id), Some(Key::Constant(_)));
        let wanted = self.all.names.get(&id);
        let wanted = wanted.filter(|_| self.named || is_constant);
        if let Some(name) = wanted
            && self.taken.insert(name.to_string())
        {
            return name.to_string();
        }
        let prefix = wanted.map_or(String::new(), |name| format!("{name}."));
        let mut numbered = (1..).map(|n| format!("{prefix}{n}"));
        let found = numbered.find(|name| self.taken.insert(name.clone()));
        found.unwrap_or_else(|| unreachable!("numbers do not end"))
    }
}

/// `%x: Tensor<f32, [2]>, ...`, for the head of a printed graph.
pub(super) fn signature<'a>(parameters: impl Iterator<Item = (Name, bool, &'a Type)>) -> String {
    let texts: Vec<String> = parameters
        .map(|(name, constant, ty)| {
            let word = if constant { "const " } else { "" };
            format!("%{name}: {word}{}", TypeText(ty))
        })
        .collect();
    texts.join(", ")
}
