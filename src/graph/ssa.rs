//! The graph itself: blocks of nodes, each value defined once.
//!
//! Invariant: ids are indices into the graph's own tables and never reused; removed nodes stay in the table, in no block.
//! Invariant: the order of a block's nodes is the order of its effects.

use super::{ConstantId, Literal, Name, Type};

/// A value of a graph.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ValueId(pub u32);

/// A node of a graph.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct NodeId(pub u32);

/// A block of a graph. Block 0 is the body.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct BlockId(pub u32);

/// Where a value comes from.
#[derive(Clone, PartialEq, Debug)]
pub enum Def {
    /// A parameter of a block.
    Parameter {
        /// The block.
        block: BlockId,
        /// Position among its parameters.
        index: u32,
    },
    /// A result of a node.
    Result {
        /// The node.
        node: NodeId,
        /// Position among its results.
        index: u32,
    },
    /// A literal; belongs to no block.
    Literal(Literal),
    /// A tensor or packed object; belongs to no block.
    Constant(ConstantId),
}

/// A value with its type and the name the file gave it.
#[derive(Clone, Debug)]
pub struct Value {
    /// Where it comes from.
    pub def: Def,
    /// Static type.
    pub ty: Type,
    /// Name in the file or text, without `%`; unique names are made when printing.
    pub name: Option<Name>,
}

/// What an attribute of a node holds.
#[derive(Clone, PartialEq, Debug)]
pub enum AttributeLiteral {
    /// A literal.
    Literal(Literal),
    /// A tensor.
    Constant(ConstantId),
    /// A type.
    Type(Type),
}

/// An operator applied to values.
#[derive(Clone, Debug)]
pub struct Node {
    /// Operator with its overload: `aten::add.Tensor`, `prim::If`.
    pub op: Name,
    /// Operands in the order of the schema, defaults filled in.
    pub operands: Vec<ValueId>,
    /// Results.
    pub results: Vec<ValueId>,
    /// Attributes in order: `name` of `prim::GetAttr`, the attributes of ONNX.
    pub attributes: Vec<(Name, AttributeLiteral)>,
    /// Nested blocks: two of `prim::If`, one of `prim::Loop`.
    pub blocks: Vec<BlockId>,
    /// Place in the file it was read from, such as `code/__torch__/m.py:12`.
    pub place: Option<Name>,
    /// Path of the module whose method it is from, such as `layer1.0.conv1`; `None` for the root's own, and before calls are inlined.
    pub scope: Option<Name>,
}

impl Node {
    /// A node with nothing but an operator and operands.
    pub fn new(op: Name, operands: Vec<ValueId>) -> Node {
        Node {
            op,
            operands,
            results: Vec::new(),
            attributes: Vec::new(),
            blocks: Vec::new(),
            place: None,
            scope: None,
        }
    }

    /// The attribute with this name.
    pub fn attribute(&self, name: &str) -> Option<&AttributeLiteral> {
        self.attributes
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, value)| value)
    }

    /// The text of a string attribute, such as `name` of `prim::GetAttr`.
    pub fn text_attribute(&self, name: &str) -> Option<&str> {
        match self.attribute(name)? {
            AttributeLiteral::Literal(Literal::Str(text)) => Some(text),
            _ => None,
        }
    }
}

/// A sequence of nodes with parameters and results.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// Parameters: of the function for the body, loop counter and carried values for a loop.
    pub parameters: Vec<ValueId>,
    /// Nodes in order.
    pub nodes: Vec<NodeId>,
    /// What it hands to the outside.
    pub returns: Vec<ValueId>,
}

/// A function body. `Graph::default()` has an empty body block.
#[derive(Clone, Debug)]
pub struct Graph {
    values: Vec<Value>,
    nodes: Vec<Node>,
    blocks: Vec<Block>,
}

impl Default for Graph {
    fn default() -> Graph {
        Graph {
            values: Vec::new(),
            nodes: Vec::new(),
            blocks: vec![Block::default()],
        }
    }
}

impl Graph {
    /// The body block.
    pub const BODY: BlockId = BlockId(0);

    /// The value.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0 as usize]
    }

    /// The value, to change.
    pub fn value_mut(&mut self, id: ValueId) -> &mut Value {
        &mut self.values[id.0 as usize]
    }

    /// The node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// The node, to change.
    pub fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0 as usize]
    }

    /// The block.
    pub fn block(&self, id: BlockId) -> &Block {
        &self.blocks[id.0 as usize]
    }

    /// The block, to change.
    pub fn block_mut(&mut self, id: BlockId) -> &mut Block {
        &mut self.blocks[id.0 as usize]
    }

    /// The body block.
    pub fn body(&self) -> &Block {
        self.block(Graph::BODY)
    }

    /// Number of values ever made.
    pub fn value_count(&self) -> usize {
        self.values.len()
    }

    /// Number of nodes ever made, removed ones included.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// A new block, of no node yet.
    pub fn add_block(&mut self) -> BlockId {
        self.blocks.push(Block::default());
        BlockId(index(self.blocks.len() - 1))
    }

    /// A new parameter at the end of a block's parameters.
    pub fn add_parameter(&mut self, block: BlockId, ty: Type, name: Option<Name>) -> ValueId {
        let position = index(self.block(block).parameters.len());
        let value = self.add_value(Value {
            def: Def::Parameter {
                block,
                index: position,
            },
            ty,
            name,
        });
        self.block_mut(block).parameters.push(value);
        value
    }

    /// A literal as a value.
    pub fn add_literal(&mut self, literal: Literal, ty: Type) -> ValueId {
        self.add_value(Value {
            def: Def::Literal(literal),
            ty,
            name: None,
        })
    }

    /// A constant as a value.
    pub fn add_constant(&mut self, id: ConstantId, ty: Type) -> ValueId {
        self.add_value(Value {
            def: Def::Constant(id),
            ty,
            name: None,
        })
    }

    /// A node at the end of a block. Its results are added with [`Graph::add_result`].
    pub fn add_node(&mut self, block: BlockId, node: Node) -> NodeId {
        self.nodes.push(node);
        let id = NodeId(index(self.nodes.len() - 1));
        self.block_mut(block).nodes.push(id);
        id
    }

    /// A new result of a node.
    pub fn add_result(&mut self, node: NodeId, ty: Type, name: Option<Name>) -> ValueId {
        let position = index(self.node(node).results.len());
        let value = self.add_value(Value {
            def: Def::Result {
                node,
                index: position,
            },
            ty,
            name,
        });
        self.node_mut(node).results.push(value);
        value
    }

    /// The literal that a value is.
    pub fn literal(&self, value: ValueId) -> Option<&Literal> {
        match &self.value(value).def {
            Def::Literal(literal) => Some(literal),
            _ => None,
        }
    }

    /// The node that makes a value.
    pub fn producer(&self, value: ValueId) -> Option<NodeId> {
        match self.value(value).def {
            Def::Result { node, .. } => Some(node),
            _ => None,
        }
    }

    /// All nodes in blocks, outer before inner, in order.
    pub fn walk(&self) -> Vec<NodeId> {
        let mut found = Vec::new();
        let mut stack: Vec<NodeId> = self.body().nodes.iter().rev().copied().collect();
        while let Some(id) = stack.pop() {
            found.push(id);
            for &block in self.node(id).blocks.iter().rev() {
                stack.extend(self.block(block).nodes.iter().rev());
            }
        }
        found
    }

    fn add_value(&mut self, value: Value) -> ValueId {
        self.values.push(value);
        ValueId(index(self.values.len() - 1))
    }
}

fn index(n: usize) -> u32 {
    u32::try_from(n).expect("fewer than four billion entries")
}
