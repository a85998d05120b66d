//! Values where they are handed out: to the caller, an attribute, a list, a block's end.
//!
//! In: a class, and which object of the model it is there. Out: a value of the graph. Lists, tuples and dictionaries of literals are built
//! there, each time anew; a tensor that the model made twice is made twice again, though both are one class.
//!
//! Invariant: two objects that the model made by different operators are never one object of the graph where both are handed out.

use crate::egraph::build::Object;
use crate::egraph::{Class, NodeKind};
use crate::graph::{BlockId, Literal, Node as GraphNode, Type, ValueId};
use crate::ops;

use super::emit::{Emitter, literal_type};
use super::schedule::Instance;

impl Emitter<'_> {
    /// The value of a class where the model handed `object` out.
    pub(super) fn handed_out(
        &mut self,
        class: Class,
        at: Instance,
        object: &Object,
        wanted: Option<&Type>,
        block: BlockId,
    ) -> ValueId {
        let value = self.object(class, at, wanted, block);
        match object {
            Object::Unknown => value,
            Object::Parts(parts) => self.parts(class, value, at, parts, block),
            Object::New {
                value: made,
                each_time,
            } => {
                let is_new = self.is_made_here(class, at, *each_time)
                    && *self.objects.entry(value).or_insert(*made) == *made;
                match is_new {
                    true => value,
                    false => self.made_again(class, value, at, block),
                }
            }
        }
    }

    fn parts(
        &mut self,
        class: Class,
        value: ValueId,
        at: Instance,
        parts: &[Object],
        block: BlockId,
    ) -> ValueId {
        let class = self.choice.resolve(self.egraph, class);
        let node = self.choice.node(class).clone();
        let NodeKind::Operator { op, .. } = self.egraph.kind(&node) else {
            return value;
        };
        let construction = op == "prim::ListConstruct" || op == "prim::TupleConstruct";
        if !construction || node.children().len() != parts.len() {
            return value;
        }
        let before = self.operands(op, node.children(), &[], at, block);
        let mut operands = Vec::with_capacity(parts.len());
        for ((&child, object), before) in node.children().iter().zip(parts).zip(&before) {
            operands.push(match object {
                Object::Unknown => *before,
                object => self.handed_out(child, at, object, None, block),
            });
        }
        if operands == before {
            return value;
        }
        let ty = self.graph.value(value).ty.clone();
        let node = self.graph.add_node(block, GraphNode::new(op, operands));
        self.graph.add_result(node, ty, None)
    }

    /// Whether the value of a class is one that an operator makes, and makes in each run of the loops around `at` if it has to.
    fn is_made_here(&self, class: Class, at: Instance, each_time: bool) -> bool {
        let class = self.choice.resolve(self.egraph, class);
        let node = self.choice.node(class);
        let made = match self.egraph.kind(node) {
            NodeKind::Operator { .. } => class,
            NodeKind::Projection(_) => self.choice.resolve(self.egraph, node.children()[0]),
            _ => return false,
        };
        let mut here = at;
        while !self.values.contains_key(&(made, here)) {
            if each_time && self.schedule.is_loop(here) {
                return false;
            }
            match self.schedule.parent(here) {
                Some(parent) => here = parent,
                None => return false,
            }
        }
        true
    }

    /// A constant that an operator on literals makes, such as `zeros`: made by that operator.
    fn computed_again(&mut self, class: Class, block: BlockId) -> Option<ValueId> {
        let nodes = self.egraph.nodes(class);
        let (op, literals) = nodes.iter().find_map(|node| {
            let NodeKind::Operator {
                op,
                results: 1,
                attributes: [],
            } = self.egraph.kind(node)
            else {
                return None;
            };
            let children = node.children();
            if !ops::aliased_operands(op.as_str(), children.len()).is_empty() {
                return None;
            }
            let literals = children.iter().map(|&child| self.egraph.literal(child));
            let literals: Option<Vec<Literal>> = literals.map(|l| l.cloned()).collect();
            Some((op, literals?))
        })?;
        let schema = self.catalogue.schema(op.as_str())?;
        let operands = literals
            .into_iter()
            .zip(&schema.params)
            .map(|(literal, param)| {
                let ty = literal_type(&literal, Some(&param.ty), None);
                self.graph.add_literal(literal, ty)
            })
            .collect();
        let node = self.graph.add_node(block, GraphNode::new(op, operands));
        Some(self.graph.add_result(node, Type::tensor(), None))
    }

    /// Another tensor that is equal: by the same operator if that makes a new one, else a copy.
    fn made_again(
        &mut self,
        class: Class,
        value: ValueId,
        at: Instance,
        block: BlockId,
    ) -> ValueId {
        let class = self.choice.resolve(self.egraph, class);
        let node = self.choice.node(class).clone();
        if let NodeKind::Operator {
            op,
            results: 1,
            attributes: [],
        } = self.egraph.kind(&node)
            && ops::aliased_operands(op.as_str(), node.children().len()).is_empty()
            && op != "prim::If"
            && op != "prim::Loop"
        {
            let operands = self.operands(op, node.children(), &[], at, block);
            let ty = self.graph.value(value).ty.clone();
            let node = self.graph.add_node(block, GraphNode::new(op, operands));
            return self.graph.add_result(node, ty, None);
        }
        if let Some(again) = self.computed_again(class, block) {
            return again;
        }
        let none = self.graph.add_literal(Literal::None, Type::None);
        let copy = GraphNode::new("aten::clone".into(), vec![value, none]);
        let node = self.graph.add_node(block, copy);
        self.graph.add_result(node, Type::tensor(), None)
    }

    /// The value of a class where it is handed on: a list, tuple or dictionary there is one that is made each time the model runs.
    pub(super) fn object(
        &mut self,
        class: Class,
        at: Instance,
        wanted: Option<&Type>,
        block: BlockId,
    ) -> ValueId {
        let value = self.value(class, at, wanted);
        self.constructed(value, block)
    }

    fn constructed(&mut self, value: ValueId, block: BlockId) -> ValueId {
        let ty = self.graph.value(value).ty.clone();
        let element = |i: usize| match &ty {
            Type::List(element) => (**element).clone(),
            Type::Tuple(elements) => elements.get(i).cloned().unwrap_or(Type::Any),
            _ => Type::Any,
        };
        let (op, items) = match self.graph.literal(value) {
            Some(Literal::List(items)) => ("prim::ListConstruct", items.to_vec()),
            Some(Literal::Tuple(items)) => ("prim::TupleConstruct", items.to_vec()),
            _ => return value,
        };
        let mut operands = Vec::with_capacity(items.len());
        for (i, item) in items.into_iter().enumerate() {
            let ty = literal_type(&item, Some(&element(i)), None);
            let value = self.graph.add_literal(item, ty);
            operands.push(self.constructed(value, block));
        }
        let node = self
            .graph
            .add_node(block, GraphNode::new(op.into(), operands));
        self.graph.add_result(node, ty, None)
    }
}
