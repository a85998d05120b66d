//! Loops: left out, unrolled, or written as they are.
//!
//! In: a loop of a function that is walked. Out: nothing if it never runs; its steps one after the other if their number is known, small, and
//! nothing but the count ends it; else the loop.
//! Invariant: what PyTorch unrolls is unrolled, but for loops that would become more than [`LARGEST`] nodes.

use crate::graph::{BlockId, Facts, FunctionName, Graph, Literal, Name, Node, Type, ValueId};

use super::FreezeError;
use super::inline::{Bound, Freezer, Scope, place};

/// Loops of this many steps or more stay loops, as in PyTorch.
const STEPS: i64 = 64;

/// Loops that would become more nodes stay loops. PyTorch knows no such limit: loops within loops may grow there beyond all bounds.
const LARGEST: u64 = 20_000;

/// Calls that may nest in a loop that is unrolled.
const DEPTH: usize = 64;

impl Freezer<'_> {
    /// A loop.
    pub(super) fn repeat(
        &mut self,
        source: &Graph,
        node: &Node,
        bound: &[Bound],
        scope: &mut Scope,
        target: BlockId,
    ) -> Result<Vec<Bound>, FreezeError> {
        let operands = bound
            .iter()
            .map(|&operand| self.operand(operand, node, target))
            .collect::<Result<Vec<_>, _>>()?;
        let never = matches!(self.graph.literal(operands[0]), Some(Literal::Int(n)) if *n <= 0)
            || matches!(self.graph.literal(operands[1]), Some(Literal::Bool(false)));
        if never {
            return Ok(operands[2..]
                .iter()
                .map(|&value| Bound::Value(value))
                .collect());
        }
        let block = node.blocks[0];
        if let Some(steps) = self.counted(source, node, &operands) {
            return self.unroll(source, block, steps, &operands[2..], scope, target);
        }
        self.shared.extend(operands.iter().copied());
        let id = self.emit(node.op, operands, node, target);
        let body = self.graph.add_block();
        self.graph.node_mut(id).blocks.push(body);
        for &parameter in &source.block(block).parameters {
            let of = source.value(parameter);
            let value = self.graph.add_parameter(body, of.ty.clone(), of.name);
            self.facts.insert(value, Facts::of_type(of.ty.clone()));
            self.shared.insert(value);
            scope.insert(parameter, Bound::Value(value));
        }
        self.block(source, block, scope, body)?;
        for &value in &source.block(block).returns {
            let value = self.value(source, scope, value, &place(node))?;
            self.shared.insert(value);
            self.graph.block_mut(body).returns.push(value);
        }
        Ok(node
            .results
            .iter()
            .map(|&result| self.result(source, result, id, target))
            .collect())
    }

    /// The number of steps of a loop that is unrolled.
    fn counted(&self, source: &Graph, node: &Node, operands: &[ValueId]) -> Option<i64> {
        let always = |graph: &Graph, value: ValueId| {
            graph.literal(value).and_then(Literal::as_bool) == Some(true)
        };
        let again = *source.block(node.blocks[0]).returns.first()?;
        if !always(&self.graph, operands[1]) || !always(source, again) {
            return None;
        }
        let steps = steps(&self.graph, operands[0])?;
        let mut room = Room {
            freezer: self,
            left: LARGEST,
            depth: 0,
        };
        room.block(source, node.blocks[0], steps)
            .then_some(steps.cast_signed())
    }

    /// Writes the steps of a loop one after the other.
    fn unroll(
        &mut self,
        source: &Graph,
        block: BlockId,
        steps: i64,
        first: &[ValueId],
        scope: &mut Scope,
        target: BlockId,
    ) -> Result<Vec<Bound>, FreezeError> {
        let mut carried: Vec<Bound> = first.iter().map(|&value| Bound::Value(value)).collect();
        for step in 0..steps {
            let counter = Bound::Value(self.literal(Literal::Int(step), Type::Int));
            let given = std::iter::once(counter).chain(carried);
            let parameters = source.block(block).parameters.iter().copied();
            scope.extend(parameters.zip(given));
            self.block(source, block, scope, target)?;
            let returned = source.block(block).returns.iter().skip(1);
            carried = returned
                .map(|&value| self.bound(source, scope, value))
                .collect();
        }
        Ok(carried)
    }
}

/// A known number of steps that is small enough.
fn steps(graph: &Graph, count: ValueId) -> Option<u64> {
    match graph.literal(count) {
        Some(Literal::Int(steps)) if *steps < STEPS => Some(u64::try_from(*steps).unwrap_or(0)),
        _ => None,
    }
}

/// How many more nodes there may be.
struct Room<'a, 'b> {
    freezer: &'a Freezer<'b>,
    left: u64,
    depth: usize,
}

impl Room<'_, '_> {
    /// Whether there is room for a block, its loops unrolled and its calls inlined, so many times.
    fn block(&mut self, source: &Graph, block: BlockId, times: u64) -> bool {
        let mut nodes = source.block(block).nodes.iter();
        nodes.all(|&id| self.node(source, source.node(id), times))
    }

    fn node(&mut self, source: &Graph, node: &Node, times: u64) -> bool {
        let Some(left) = self.left.checked_sub(times) else {
            return false;
        };
        self.left = left;
        let inner = match (node.op.as_str(), node.operands.first()) {
            ("prim::Loop", Some(&count)) => {
                steps(source, count).map_or(times, |steps| times * steps)
            }
            ("prim::CallMethod" | "prim::CallFunction", _) => {
                return self.call(source, node, times);
            }
            _ => times,
        };
        node.blocks
            .iter()
            .all(|&block| self.block(source, block, inner))
    }

    fn call(&mut self, source: &Graph, node: &Node, times: u64) -> bool {
        let class = match node.operands.first().map(|&owner| &source.value(owner).ty) {
            Some(Type::Class(class)) if node.op == "prim::CallMethod" => Some(*class),
            _ => None,
        };
        let name = Name::new(node.text_attribute("name").unwrap_or_default());
        let name = FunctionName { class, name };
        let Some(function) = self.freezer.model.functions.get(&name) else {
            return true;
        };
        self.depth += 1;
        let fits = self.depth < DEPTH && self.block(&function.graph, Graph::BODY, times);
        self.depth -= 1;
        fits
    }
}
