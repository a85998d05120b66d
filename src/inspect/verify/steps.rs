//! The grids that outputs lie on: what was dequantized last has steps.
//!
//! In: a model and inputs. Out: the step of each output that a `dequantize` makes.

use crate::eval::{ModelHost, Value, run};
use crate::graph::{Graph, Model, Name, Quantization, ValueId};
use crate::ops::Catalogue;
use crate::pipeline::freeze;

/// The step of each output of a method that `aten::dequantize` makes, by the output's name. Nothing for a model that cannot be frozen
/// or run so: the outputs are then compared without steps.
pub(super) fn steps(
    model: &Model,
    method: &str,
    inputs: &[Value],
    catalogue: &Catalogue,
) -> Vec<(String, f64)> {
    let Ok(frozen) = freeze::freeze(model, &[method.to_owned()], catalogue) else {
        return Vec::new();
    };
    let Some(graph) = frozen.methods.get(&Name::new(method)) else {
        return Vec::new();
    };
    let mut graph = graph.clone();
    let quantized = quantized(&graph);
    if quantized.is_empty() {
        return Vec::new();
    }
    let values = quantized.iter().map(|(_, value)| *value).collect();
    graph.block_mut(Graph::BODY).returns = values;
    let mut all = vec![Value::Module(Model::ROOT)];
    all.extend(inputs.iter().cloned());
    let Ok(found) = run(&graph, &model.constants, all, &mut ModelHost::new(model)) else {
        return Vec::new();
    };
    let names = quantized.into_iter().map(|(name, _)| name);
    names
        .zip(found)
        .filter_map(|(name, value)| match value.as_tensor()?.quantization {
            Some(Quantization::PerTensor { scale, .. }) => Some((name, scale)),
            _ => None,
        })
        .collect()
}

/// Outputs that a `dequantize` makes, each with what it dequantizes.
fn quantized(graph: &Graph) -> Vec<(String, ValueId)> {
    let returns = graph.body().returns.iter().copied().enumerate();
    let mut waiting: Vec<(String, ValueId)> =
        returns.map(|(at, value)| (at.to_string(), value)).collect();
    let mut found = Vec::new();
    while let Some((name, value)) = waiting.pop() {
        let Some(node) = graph.producer(value).map(|id| graph.node(id)) else {
            continue;
        };
        match (node.op.as_str(), node.operands.as_slice()) {
            ("aten::dequantize.self", [operand]) => found.push((name, *operand)),
            ("prim::TupleConstruct" | "prim::ListConstruct", items) => {
                let items = items.iter().enumerate();
                waiting.extend(items.map(|(at, item)| (format!("{name}.{at}"), *item)));
            }
            _ => {}
        }
    }
    found
}
