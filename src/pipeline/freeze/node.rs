//! One node: reads, calls, branches, folding, and in-place operators made functional.
//!
//! A write `op_(t, ..)` becomes `op(t, ..)` if `t` was made in the same block by an operator whose result is new memory, and nothing
//! that may share its memory has been made since; every later use of `t` then means the new value.

use crate::eval::{self, Value};
use crate::graph::{
    BlockId, Def, Facts, FunctionName, Graph, Literal, ModuleId, Name, Node, Type, ValueId,
};
use crate::ops::{self, Purity};

use super::FreezeError;
use super::alias::may_share;
use super::inline::{Bound, Freezer, Scope, place};

impl Freezer<'_> {
    /// Writes what a node of `source` does at the end of `target`.
    pub(super) fn node(
        &mut self,
        source: &Graph,
        node: &Node,
        scope: &mut Scope,
        target: BlockId,
    ) -> Result<(), FreezeError> {
        let bound: Vec<Bound> = node
            .operands
            .iter()
            .map(|&operand| self.bound(source, scope, operand))
            .collect();
        let results = match (node.op.as_str(), bound.first()) {
            ("prim::GetAttr", Some(&Bound::Module(module))) => {
                let ty = node
                    .results
                    .first()
                    .map_or(Type::Any, |&result| source.value(result).ty.clone());
                vec![self.attribute(module, attribute_name(node), node, &ty, target)?]
            }
            ("prim::CallMethod", Some(Bound::Module(module))) if self.opaque.contains(module) => {
                self.opaque_call(source, node, *module, &bound, target)?
            }
            ("prim::CallMethod", Some(&Bound::Module(module))) => {
                let name = FunctionName {
                    class: Some(self.model.module(module).class),
                    name: attribute_name(node),
                };
                self.call(name, bound, node, target)?
            }
            ("prim::CallMethod", Some(&Bound::Value(object)))
                if let Some(name) = self.method(object, node) =>
            {
                self.call(name, bound, node, target)?
            }
            ("prim::CallFunction", _) => self.call(
                FunctionName {
                    class: None,
                    name: attribute_name(node),
                },
                bound,
                node,
                target,
            )?,
            ("prim::If", Some(&Bound::Value(condition))) => {
                self.branch(source, node, condition, scope, target)?
            }
            ("prim::Loop", _) => self.repeat(source, node, &bound, scope, target)?,
            _ => {
                let operands = bound
                    .iter()
                    .map(|&operand| self.operand(operand, node, target))
                    .collect::<Result<Vec<_>, _>>()?;
                self.operator(source, node, operands, target)
            }
        };
        debug_assert_eq!(results.len(), node.results.len());
        scope.extend(node.results.iter().copied().zip(results));
        Ok(())
    }

    /// A call that stays one. What it is given may be written, and what it gives be shared.
    fn opaque_call(
        &mut self,
        source: &Graph,
        node: &Node,
        module: ModuleId,
        bound: &[Bound],
        target: BlockId,
    ) -> Result<Vec<Bound>, FreezeError> {
        let mut operands = vec![self.module(module, target)];
        for &argument in bound.iter().skip(1) {
            operands.push(self.operand(argument, node, target)?);
        }
        self.shared.extend(&operands);
        let id = self.emit(node.op, operands, node, target);
        let results = node.results.iter();
        Ok(results
            .map(|&result| self.result(source, result, id, target))
            .collect())
    }

    /// The method that a call on an object runs: objects are of the class they are declared as.
    fn method(&self, object: ValueId, node: &Node) -> Option<FunctionName> {
        let Type::Class(class) = self.graph.value(object).ty else {
            return None;
        };
        let name = FunctionName {
            class: Some(class),
            name: attribute_name(node),
        };
        self.model.functions.contains_key(&name).then_some(name)
    }

    pub(super) fn operand(
        &mut self,
        operand: Bound,
        node: &Node,
        target: BlockId,
    ) -> Result<ValueId, FreezeError> {
        match operand {
            Bound::Value(value) => Ok(value),
            Bound::Module(module) if node.op == "prim::SetAttr" => {
                self.set.insert((module, attribute_name(node)));
                Ok(self.module(module, target))
            }
            Bound::Module(_) => Err(FreezeError::ModuleAsValue {
                place: place(node),
                op: node.op,
            }),
        }
    }

    fn branch(
        &mut self,
        source: &Graph,
        node: &Node,
        condition: ValueId,
        scope: &mut Scope,
        target: BlockId,
    ) -> Result<Vec<Bound>, FreezeError> {
        if let Some(taken) = self.graph.literal(condition).and_then(Literal::as_bool) {
            let block = node.blocks[usize::from(!taken)];
            self.block(source, block, scope, target)?;
            return Ok(source
                .block(block)
                .returns
                .iter()
                .map(|&value| self.bound(source, scope, value))
                .collect());
        }
        let id = self.emit(node.op, vec![condition], node, target);
        let mut returned = Vec::new();
        for &block in &node.blocks {
            let inner = self.graph.add_block();
            self.graph.node_mut(id).blocks.push(inner);
            self.block(source, block, scope, inner)?;
            returned.push(
                source
                    .block(block)
                    .returns
                    .iter()
                    .map(|&value| self.bound(source, scope, value))
                    .collect::<Vec<_>>(),
            );
        }
        let mut results = Vec::new();
        for (i, &result) in node.results.iter().enumerate() {
            let both: Vec<Bound> = returned.iter().map(|block| block[i]).collect();
            if both
                .iter()
                .all(|bound| matches!(bound, Bound::Module(_)) && *bound == both[0])
            {
                results.push(both[0]);
                continue;
            }
            let mut dtypes = Vec::new();
            for (block, bound) in self.graph.node(id).blocks.clone().into_iter().zip(both) {
                let Bound::Value(value) = bound else {
                    return Err(FreezeError::ModuleAsValue {
                        place: place(node),
                        op: node.op,
                    });
                };
                dtypes.push(self.facts.get(&value).and_then(|facts| facts.dtype));
                self.shared.insert(value);
                self.graph.block_mut(block).returns.push(value);
            }
            let result = self.result(source, result, id, target);
            if let (Bound::Value(value), true) =
                (result, dtypes.iter().all(|dtype| *dtype == dtypes[0]))
            {
                self.facts.entry(value).or_default().dtype = dtypes[0];
            }
            results.push(result);
        }
        Ok(results)
    }

    fn operator(
        &mut self,
        source: &Graph,
        node: &Node,
        operands: Vec<ValueId>,
        target: BlockId,
    ) -> Vec<Bound> {
        if let Some(literals) = self.folded(node, &operands) {
            let typed = literals.into_iter().zip(&node.results);
            return typed
                .map(|(literal, &result)| {
                    Bound::Value(self.literal(literal, source.value(result).ty.clone()))
                })
                .collect();
        }
        if let Some(list) = self.dequantized_list(node, &operands, target) {
            return vec![Bound::Value(list)];
        }
        let facts: Vec<Facts> = operands
            .iter()
            .map(|operand| self.facts.get(operand).cloned().unwrap_or_default())
            .collect();
        let mut op = node.op;
        if let Some(partner) = self.functional(node, &operands, &facts, target) {
            op = partner;
        }
        let shares = may_share(op, &facts);
        if shares {
            self.shared.extend(operands.iter().copied());
        }
        let made_functional = op != node.op;
        let target_of_write = operands.first().copied();
        let id = self.emit(op, operands, node, target);
        let known = ops::infer(op.as_str(), &facts);
        let mut results = Vec::new();
        for (i, &result) in node.results.iter().enumerate() {
            let of = source.value(result);
            let value = self.graph.add_result(id, of.ty.clone(), of.name);
            self.facts.insert(
                value,
                known
                    .get(i)
                    .cloned()
                    .unwrap_or_else(|| Facts::of_type(of.ty.clone())),
            );
            self.home.insert(value, target);
            if shares {
                self.shared.insert(value);
            }
            results.push(Bound::Value(value));
        }
        if let (true, Some(old), Some(&Bound::Value(new))) =
            (made_functional, target_of_write, results.first())
        {
            self.versions.insert(old, new);
        }
        results
    }

    /// The literals a node's results are, if its operands are literals and the operator is pure arithmetic on such.
    fn folded(&self, node: &Node, operands: &[ValueId]) -> Option<Vec<Literal>> {
        if node.op == "prim::ListConstruct" {
            // A list may be written to later; the engine treats it by its uses.
            return None;
        }
        let op = node.op.as_str();
        let literal = |&operand: &ValueId| self.graph.literal(operand).cloned().map(Value::Literal);
        let values: Vec<Value> = operands.iter().map(literal).collect::<Option<_>>()?;
        if self.catalogue.purity(op, |i| values.get(i)?.as_literal()) != Purity::Pure {
            return None;
        }
        // A kernel that refuses its operands leaves the operator to fail when the model runs.
        let results = eval::call(op, &values).ok()?;
        let literals = results.iter().map(|result| result.as_literal().cloned());
        literals
            .collect::<Option<Vec<Literal>>>()
            .filter(|results| results.len() == node.results.len())
    }

    /// `dequantize` of a list is the list of its elements, dequantized: one form for what PyTorch writes in two.
    fn dequantized_list(
        &mut self,
        node: &Node,
        operands: &[ValueId],
        target: BlockId,
    ) -> Option<ValueId> {
        let of_list = ["aten::dequantize.tensors", "aten::dequantize.list"];
        let list = self.graph.producer(*operands.first()?)?;
        if !of_list.contains(&node.op.as_str()) || self.graph.node(list).op != "prim::ListConstruct"
        {
            return None;
        }
        let mut dequantized = Vec::new();
        for element in self.graph.node(list).operands.clone() {
            let id = self.emit("aten::dequantize.self".into(), vec![element], node, target);
            let value = self.graph.add_result(id, Type::tensor(), None);
            let known = self.facts.get(&element).cloned().unwrap_or_default();
            self.facts.insert(
                value,
                ops::infer("aten::dequantize.self", &[known])
                    .pop()
                    .unwrap_or_default(),
            );
            self.home.insert(value, target);
            self.shared.insert(value);
            dequantized.push(value);
        }
        let ty = self.graph.value(operands[0]).ty.clone();
        let id = self.emit("prim::ListConstruct".into(), dequantized, node, target);
        let value = self.graph.add_result(id, ty, None);
        self.shared.insert(value);
        Some(value)
    }

    /// The functional operator that may stand for an in-place one here.
    fn functional(
        &self,
        node: &Node,
        operands: &[ValueId],
        facts: &[Facts],
        target: BlockId,
    ) -> Option<Name> {
        let partner = ops::in_place_partner(node.op.as_str())?;
        let written = *operands.first()?;
        let fresh = matches!(self.graph.value(written).def, Def::Result { .. })
            && self.home.get(&written) == Some(&target)
            && !self.shared.contains(&written);
        // The written tensor keeps its element type; the partner's result may be wider.
        let tensors = operands.iter().zip(facts);
        let kinds: Vec<_> = tensors
            .filter(|&(&value, _)| self.graph.value(value).ty.is_tensor())
            .map(|(_, facts)| facts.dtype)
            .collect();
        let own = kinds.first().copied().flatten();
        let same = kinds.len() == 1
            || own.is_some()
                && (kinds.iter().all(|kind| *kind == own)
                    || ops::infer(partner, facts).first().and_then(|f| f.dtype) == own);
        (fresh && same).then(|| Name::new(partner))
    }

    pub(super) fn emit(
        &mut self,
        op: Name,
        operands: Vec<ValueId>,
        source: &Node,
        target: BlockId,
    ) -> crate::graph::NodeId {
        let mut node = Node::new(op, operands);
        node.attributes = source.attributes.clone();
        node.place = source.place;
        node.scope = self.scope;
        self.graph.add_node(target, node)
    }

    /// A result of a branch or loop: nothing is known of its memory.
    pub(super) fn result(
        &mut self,
        source: &Graph,
        result: ValueId,
        node: crate::graph::NodeId,
        target: BlockId,
    ) -> Bound {
        let of = source.value(result);
        let value = self.graph.add_result(node, of.ty.clone(), of.name);
        self.facts.insert(value, Facts::of_type(of.ty.clone()));
        self.home.insert(value, target);
        self.shared.insert(value);
        Bound::Value(value)
    }
}

fn attribute_name(node: &Node) -> Name {
    Name::new(node.text_attribute("name").unwrap_or_default())
}
