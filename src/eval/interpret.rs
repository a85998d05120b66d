//! Running a graph on values.
//!
//! In: a graph, the constants it refers to, inputs, and a [`Host`] for what lies outside the graph. Out: what it returns.
//! Invariant: nodes run in order, branches and loops as PyTorch runs them; an exception of the model is an error with its message.
//! Invariant: a value is dropped after its last use, so that a run needs no more memory than the values that are alive and the tensors
//! that were written over.
//! Invariant: whoever holds a view of a tensor that is written in place sees the write; a list that grows in a called function does not
//! grow for its caller.

use rustc_hash::FxHashMap;

use crate::graph::{
    BlockId, ConstantStore, Def, FunctionName, Graph, Literal, Model, Name, Node, ValueId,
};

use super::constant::force;
use super::error::EvalError;
use super::host::{Host, ModelHost};
use super::mutation::Mutations;
use super::table::{call, functional};
use super::value::Value;

/// Calls that may nest.
const DEPTH_LIMIT: usize = 200;

/// Runs a method of a model's root on inputs (without `self`).
///
/// # Errors
/// No such method, an operator without a kernel, operands that do not fit, or an exception the model raises.
pub fn run_method(
    model: &Model,
    method: &str,
    inputs: Vec<Value>,
) -> Result<Vec<Value>, EvalError> {
    run_on(&mut ModelHost::new(model), method, inputs)
}

/// The same on a host that remembers what earlier runs have set.
///
/// # Errors
/// Those of [`run_method`].
pub fn run_on(
    host: &mut ModelHost<'_>,
    method: &str,
    inputs: Vec<Value>,
) -> Result<Vec<Value>, EvalError> {
    let model = host.model();
    let name = model
        .root_method(method)
        .ok_or_else(|| EvalError::Graph(format!("the model has no method `{method}`")))?;
    let mut all = vec![Value::Module(Model::ROOT)];
    all.extend(inputs);
    let writes = std::mem::take(&mut host.writes);
    let mut machine = Machine {
        constants: &model.constants,
        host,
        writes,
        depth: 0,
    };
    let results = machine.function(&model.functions[&name].graph, all);
    // What was written in place to memory that attributes hold stays written.
    let writes = machine.writes;
    host.writes = writes;
    results
}

/// Runs a graph on inputs, one for each parameter.
///
/// # Errors
/// Another number of inputs, an operator without a kernel, operands that do not fit, or an exception the model raises.
pub fn run(
    graph: &Graph,
    constants: &ConstantStore,
    inputs: Vec<Value>,
    host: &mut impl Host,
) -> Result<Vec<Value>, EvalError> {
    let mut machine = Machine {
        constants,
        host,
        writes: Mutations::default(),
        depth: 0,
    };
    machine.function(graph, inputs)
}

struct Machine<'a, H> {
    constants: &'a ConstantStore,
    host: &'a mut H,
    writes: Mutations,
    depth: usize,
}

/// The values of one call that are alive.
struct Frame<'g> {
    graph: &'g Graph,
    values: Vec<Option<Value>>,
    /// How often each value is still used in the block that is running; values of other blocks are kept.
    uses: FxHashMap<ValueId, usize>,
}

impl<H: Host> Machine<'_, H> {
    fn function(&mut self, graph: &Graph, inputs: Vec<Value>) -> Result<Vec<Value>, EvalError> {
        let parameters = &graph.body().parameters;
        if parameters.len() != inputs.len() {
            return Err(EvalError::Graph(format!(
                "{} inputs are needed, {} are given",
                parameters.len(),
                inputs.len()
            )));
        }
        let mut frame = Frame {
            graph,
            values: vec![None; graph.value_count()],
            uses: uses_of_body(graph),
        };
        for (&parameter, input) in parameters.iter().zip(inputs) {
            frame.values[parameter.0 as usize] = Some(input);
        }
        self.block(&mut frame, Graph::BODY)
    }

    fn block(&mut self, frame: &mut Frame, block: BlockId) -> Result<Vec<Value>, EvalError> {
        let graph = frame.graph;
        for &id in &graph.block(block).nodes {
            let node = graph.node(id);
            let results = self
                .node(frame, node)
                .map_err(|error| placed(error, node))?;
            if results.len() != node.results.len() {
                let found = results.len();
                return Err(EvalError::Graph(format!(
                    "`{}` gave {found} results, its node has {}",
                    node.op,
                    node.results.len()
                )));
            }
            for (&result, value) in node.results.iter().zip(results) {
                frame.values[result.0 as usize] = Some(value);
            }
            if block == Graph::BODY {
                frame.release(node);
            }
        }
        graph
            .block(block)
            .returns
            .iter()
            .map(|&value| self.value(frame, value))
            .collect()
    }

    fn value(&self, frame: &Frame, id: ValueId) -> Result<Value, EvalError> {
        match &frame.graph.value(id).def {
            Def::Literal(literal) => Ok(Value::Literal(literal.clone())),
            Def::Constant(constant) => {
                let constant = force(self.constants, *constant)?;
                Ok(self.writes.see(Value::from(constant)))
            }
            _ => frame.values[id.0 as usize]
                .clone()
                .map(|value| self.writes.see(value))
                .ok_or_else(|| EvalError::Graph("a value is used before it is computed".into())),
        }
    }

    fn node(&mut self, frame: &mut Frame, node: &Node) -> Result<Vec<Value>, EvalError> {
        let operands = node
            .operands
            .iter()
            .map(|&operand| self.value(frame, operand))
            .collect::<Result<Vec<_>, _>>()?;
        let name = || Name::new(node.text_attribute("name").unwrap_or_default());
        match (node.op.as_str(), operands.as_slice()) {
            ("prim::If", [condition]) => {
                let taken = truth(condition)?;
                self.block(frame, node.blocks[usize::from(!taken)])
            }
            ("prim::Loop", _) => self.repeat(frame, node, operands),
            ("prim::GetAttr", [Value::Module(module)]) => {
                Ok(vec![self.host.attribute(*module, name())?])
            }
            ("prim::SetAttr", [Value::Module(module), value]) => {
                self.host.set_attribute(*module, name(), value.clone());
                Ok(Vec::new())
            }
            ("prim::CallMethod", [Value::Module(module), ..]) => {
                let class = self.host.class(*module);
                self.call(
                    FunctionName {
                        class: Some(class),
                        name: name(),
                    },
                    operands,
                )
            }
            ("prim::CallFunction", _) => self.call(
                FunctionName {
                    class: None,
                    name: name(),
                },
                operands,
            ),
            ("prim::ListConstruct", _) => Ok(vec![Value::list(operands)]),
            ("prim::TupleConstruct", _) => Ok(vec![Value::tuple(operands)]),
            ("prim::ListUnpack" | "prim::TupleUnpack", [whole]) => whole
                .items()
                .ok_or_else(|| EvalError::Graph(format!("`{}` of {}", node.op, whole.kind()))),
            ("prim::RaiseException", [message, rest @ ..]) => {
                let text = |value: &Value| {
                    value
                        .as_literal()
                        .and_then(Literal::as_str)
                        .unwrap_or_default()
                        .to_owned()
                };
                Err(EvalError::Raised {
                    class: rest.first().map(text).unwrap_or_default(),
                    message: text(message),
                })
            }
            ("prim::unchecked_cast" | "prim::unchecked_unwrap_optional", [value]) => {
                Ok(vec![value.clone()])
            }
            // Messages of a model are not a part of its results.
            ("aten::warn" | "prim::Print", _) => Ok(Vec::new()),
            (op, _) => {
                let results = call(op, &operands)?;
                self.written(frame, node, &operands, results)
            }
        }
    }

    /// The results of an operator, after what it writes in place has been written.
    fn written(
        &mut self,
        frame: &mut Frame,
        node: &Node,
        operands: &[Value],
        results: Vec<Value>,
    ) -> Result<Vec<Value>, EvalError> {
        let op = node.op.as_str();
        match (operands, results.as_slice()) {
            ([Value::Tensor(over), ..], [Value::Tensor(result)]) if functional(op).is_some() => {
                let written = self.writes.write(over, result);
                Ok(vec![written.map_err(|fault| fault.of(op))?.into()])
            }
            (_, [list]) if matches!(op, "aten::append.t" | "aten::_set_item.t") => {
                if let Some(grown) = node.operands.first() {
                    frame.values[grown.0 as usize] = Some(list.clone());
                }
                Ok(results)
            }
            _ => Ok(results),
        }
    }

    fn call(&mut self, name: FunctionName, operands: Vec<Value>) -> Result<Vec<Value>, EvalError> {
        if self.depth == DEPTH_LIMIT {
            return Err(EvalError::Graph(format!(
                "calls nest deeper than {DEPTH_LIMIT}"
            )));
        }
        let function = self
            .host
            .function(name)
            .ok_or_else(|| EvalError::Graph(format!("there is no function `{}`", name.name)))?;
        let graph = function.graph.clone();
        let mut inputs = operands;
        for default in function.defaults.iter().skip(inputs.len()) {
            let Some(default) = default else { break };
            inputs.push(Value::Literal(default.clone()));
        }
        self.depth += 1;
        let results = self.function(&graph, inputs);
        self.depth -= 1;
        results
    }

    fn repeat(
        &mut self,
        frame: &mut Frame,
        node: &Node,
        operands: Vec<Value>,
    ) -> Result<Vec<Value>, EvalError> {
        let mut operands = operands.into_iter();
        let limit = operands
            .next()
            .as_ref()
            .and_then(Value::as_literal)
            .and_then(Literal::as_int);
        let limit =
            limit.ok_or_else(|| EvalError::Graph("a loop needs a number of trips".into()))?;
        let mut go_on = truth(&operands.next().unwrap_or(Value::NONE))?;
        let mut carried: Vec<Value> = operands.collect();
        let body = node.blocks[0];
        let parameters = frame.graph.block(body).parameters.clone();
        let mut trip = 0;
        while go_on && trip < limit {
            for (&parameter, value) in parameters
                .iter()
                .zip(std::iter::once(Value::int(trip)).chain(carried))
            {
                frame.values[parameter.0 as usize] = Some(value);
            }
            let mut returned = self.block(frame, body)?.into_iter();
            go_on = truth(&returned.next().unwrap_or(Value::NONE))?;
            carried = returned.collect();
            trip += 1;
        }
        Ok(carried)
    }
}

impl Frame<'_> {
    fn release(&mut self, node: &Node) {
        let mut stack: Vec<&Node> = vec![node];
        while let Some(node) = stack.pop() {
            for operand in &node.operands {
                self.used(*operand);
            }
            for &block in &node.blocks {
                let block = self.graph.block(block);
                for &value in &block.returns {
                    self.used(value);
                }
                stack.extend(block.nodes.iter().map(|&id| self.graph.node(id)));
            }
        }
    }

    fn used(&mut self, value: ValueId) {
        if let Some(left) = self.uses.get_mut(&value) {
            *left -= 1;
            if *left == 0 {
                self.values[value.0 as usize] = None;
            }
        }
    }
}

/// How often each value of the body is used, by nodes nested in it too. What the body returns is used once more, and so never dropped.
fn uses_of_body(graph: &Graph) -> FxHashMap<ValueId, usize> {
    let mut uses = FxHashMap::default();
    let body = graph.body();
    let own = body
        .nodes
        .iter()
        .flat_map(|&id| graph.node(id).results.iter())
        .chain(&body.parameters);
    uses.extend(own.map(|&value| (value, 0)));
    let mut count = |value: &ValueId| {
        if let Some(uses) = uses.get_mut(value) {
            *uses += 1;
        }
    };
    for id in graph.walk() {
        let node = graph.node(id);
        node.operands.iter().for_each(&mut count);
        for &block in &node.blocks {
            graph.block(block).returns.iter().for_each(&mut count);
        }
    }
    body.returns.iter().for_each(&mut count);
    uses
}

fn truth(value: &Value) -> Result<bool, EvalError> {
    value
        .as_literal()
        .and_then(Literal::as_bool)
        .ok_or_else(|| EvalError::Graph(format!("a condition is {}", value.kind())))
}

/// The error with the innermost place it has.
fn placed(error: EvalError, node: &Node) -> EvalError {
    match (error, node.place) {
        (error @ EvalError::At { .. }, _) | (error, None) => error,
        (error, Some(place)) => EvalError::At {
            place,
            source: Box::new(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{DType, Tensor, Type};

    /// `for i in range(n): x = (x, i)`, then an exception if `fail`.
    fn looped() -> Graph {
        let mut graph = Graph::default();
        let n = graph.add_parameter(Graph::BODY, Type::Int, None);
        let fail = graph.add_parameter(Graph::BODY, Type::Bool, None);
        let yes = graph.add_literal(Literal::Bool(true), Type::Bool);
        let start = graph.add_literal(Literal::Int(-1), Type::Int);
        let node = graph.add_node(
            Graph::BODY,
            Node::new("prim::Loop".into(), vec![n, yes, start]),
        );
        let last = graph.add_result(node, Type::Int, None);
        let body = graph.add_block();
        graph.node_mut(node).blocks.push(body);
        let trip = graph.add_parameter(body, Type::Int, None);
        let carried = graph.add_parameter(body, Type::Int, None);
        let pair = graph.add_node(
            body,
            Node::new("prim::TupleConstruct".into(), vec![carried, trip]),
        );
        let pair = graph.add_result(pair, Type::Any, None);
        graph.block_mut(body).returns = vec![yes, pair];
        let branch = graph.add_node(Graph::BODY, Node::new("prim::If".into(), vec![fail]));
        let message = graph.add_literal(Literal::str("too bad"), Type::Str);
        for raises in [true, false] {
            let block = graph.add_block();
            graph.node_mut(branch).blocks.push(block);
            if raises {
                graph.add_node(
                    block,
                    Node::new("prim::RaiseException".into(), vec![message]),
                );
            }
        }
        graph.block_mut(Graph::BODY).returns = vec![last];
        graph.verify().unwrap();
        graph
    }

    fn run_looped(n: i64, fail: bool) -> Result<Vec<Value>, EvalError> {
        let model = Model::default();
        let inputs = vec![Value::int(n), Value::bool(fail)];
        run(
            &looped(),
            &ConstantStore::default(),
            inputs,
            &mut ModelHost::new(&model),
        )
    }

    #[test]
    fn loops_carry_values_from_trip_to_trip() {
        let tuple = |items: [Literal; 2]| Literal::Tuple(items.into());
        let expected = tuple([tuple([Literal::Int(-1), Literal::Int(0)]), Literal::Int(1)]);
        assert_eq!(
            run_looped(2, false).unwrap()[0].as_literal(),
            Some(&expected)
        );
        assert_eq!(
            run_looped(0, false).unwrap()[0].as_literal(),
            Some(&Literal::Int(-1))
        );
    }

    #[test]
    fn an_exception_of_the_model_is_an_error() {
        assert!(
            run_looped(1, true)
                .unwrap_err()
                .to_string()
                .contains("too bad")
        );
    }

    #[test]
    fn writes_in_place_are_seen_by_later_uses() {
        let mut graph = Graph::default();
        let x = graph.add_parameter(Graph::BODY, Type::tensor(), None);
        let flat = graph.add_literal(Literal::ints([-1]), Type::Int.list_of());
        let mut results = vec![];
        for (op, operands) in [("aten::view", vec![x, flat]), ("aten::relu_", vec![x])] {
            let node = graph.add_node(Graph::BODY, Node::new(op.into(), operands));
            results.push(graph.add_result(node, Type::tensor(), None));
        }
        results.push(x);
        graph.block_mut(Graph::BODY).returns = results;
        let bytes = [-1.0f32, 2.0]
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .collect();
        let input = Tensor::contiguous(DType::F32, vec![2, 1], bytes);
        let model = Model::default();
        let seen = run(
            &graph,
            &ConstantStore::default(),
            vec![input.clone().into()],
            &mut ModelHost::new(&model),
        );
        for value in seen.unwrap() {
            let bytes = value.as_tensor().unwrap().contiguous_bytes().unwrap();
            assert_eq!(bytes, [0, 0, 0, 0, 0, 0, 0, 64]);
        }
        assert_eq!(
            input.contiguous_bytes().unwrap()[..4],
            (-1.0f32).to_le_bytes()
        );
    }
}
