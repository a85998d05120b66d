//! `expect equal` on a model in a file: both sides run on the inputs recorded beside it, and on others like them.
//!
//! In: a folder with `in0.npy`, `in1.npy`, ..., and the model before and after. Out: nothing, or the first input that shows a difference.
//! The inputs drawn have the types and sizes of those recorded. Their floats lie between the smallest and the largest recorded one; integers,
//! which may be indices, are those recorded in another order; what is no tensor stays as it is.
//! Invariant: the inputs recorded come first.

use std::path::Path;

use crate::check::rule::Numerics;
use crate::eval::{EvalError, ModelHost, Value, numbers, run};
use crate::graph::{ConstantStore, DType, Graph, Model, Tensor, ValueId};
use crate::model::inputs::{self, Input};

use super::compare::{Allowed, compare};
use super::equal::{Unequal, largest, no_kernel, not_finite, unsupported, with_all_results};
use super::random::Random;

/// More calls of a whole model take longer than they tell.
const CALLS: usize = 4;

/// One side: a frozen method, and the model it is of.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) model: &'a Model,
    pub(super) graph: &'a Graph,
    pub(super) constants: &'a ConstantStore,
}

impl Side<'_> {
    fn run(&self, graph: &Graph, inputs: &[Value]) -> Result<Vec<Value>, EvalError> {
        let all = std::iter::once(Value::Module(Model::ROOT)).chain(inputs.iter().cloned());
        let mut host = ModelHost::new(self.model);
        run(graph, self.constants, all.collect(), &mut host)
    }

    /// The quantized values that results are made from, in order; `None` for other results.
    fn quantized(&self) -> Vec<Option<ValueId>> {
        let graph = self.graph;
        let returns = graph.body().returns.iter();
        let under = |&result: &ValueId| {
            let node = graph.node(graph.producer(result)?);
            let dequantized = node.op == "aten::dequantize.self";
            node.operands.first().copied().filter(|_| dequantized)
        };
        returns.map(under).collect()
    }

    /// The graph, returning what these results are made from.
    fn returning(&self, at: &[bool]) -> Graph {
        let mut graph = self.graph.clone();
        let under = self.quantized();
        let returns = &mut graph.block_mut(Graph::BODY).returns;
        for ((result, under), wanted) in returns.iter_mut().zip(under).zip(at) {
            if let (Some(value), true) = (under, *wanted) {
                *result = value;
            }
        }
        graph
    }
}

/// What is compared.
pub(super) struct Recorded<'a> {
    /// The folder of the model.
    pub(super) folder: &'a Path,
    pub(super) before: Side<'a>,
    pub(super) after: Side<'a>,
    /// What the rules that were applied promise.
    pub(super) numerics: &'a Numerics,
    /// How many inputs are to agree, at most.
    pub(super) samples: usize,
}

impl Recorded<'_> {
    /// Runs both sides until one input shows a difference.
    pub(super) fn run(&self, seed: u64, purpose: &str) -> Result<(), Unequal> {
        if let Numerics::Changes(why) = self.numerics {
            let reason = format!("numbers are meant to change: {why}");
            return Err(Unequal::NotRun(reason));
        }
        let recorded = inputs::read(self.folder).map_err(Unequal::NotRun)?;
        let graphs = self.graphs();
        let mut random = Random::new(seed, purpose);
        for call in 0..self.samples.min(CALLS) {
            let inputs: Vec<Value> = match call {
                0 => recorded.iter().cloned().map(Value::from).collect(),
                _ => recorded.iter().map(|one| like(one, &mut random)).collect(),
            };
            self.call(call, &graphs, &inputs)?;
        }
        Ok(())
    }

    /// What is run: the two methods, returning quantized values where both dequantize them at the end, because steps are counted there.
    fn graphs(&self) -> (Graph, Graph) {
        let (before, after) = (self.before.quantized(), self.after.quantized());
        let both: Vec<bool> = before
            .iter()
            .zip(&after)
            .map(|(a, b)| a.is_some() && b.is_some())
            .collect();
        (self.before.returning(&both), self.after.returning(&both))
    }

    fn call(
        &self,
        call: usize,
        (first, second): &(Graph, Graph),
        inputs: &[Value],
    ) -> Result<(), Unequal> {
        let before = match self.before.run(first, inputs) {
            Ok(results) => results,
            Err(error) => return Err(Unequal::NotRun(self.reason(&error))),
        };
        if *self.numerics != Numerics::Exact
            && let Some(reason) = not_finite(&before)
        {
            return Err(Unequal::NotRun(reason));
        }
        let computed = match self.numerics {
            Numerics::Real => {
                let all = with_all_results(first).0;
                self.before.run(&all, inputs).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let allowed = Allowed {
            numerics: self.numerics,
            largest: largest(inputs)
                .max(largest(&before))
                .max(largest(&computed)),
        };
        let differ = |what: String| {
            let name = match call {
                0 => "the inputs recorded beside the model".to_owned(),
                _ => format!(
                    "inputs like those recorded beside the model, drawn for the {call}. time"
                ),
            };
            Err(Unequal::Differ(what, vec![name]))
        };
        match self.after.run(second, inputs) {
            Ok(after) => match compare(allowed, &before, &after) {
                Ok(()) => Ok(()),
                Err(difference) => differ(difference.what),
            },
            Err(error) => match unsupported(&error) {
                Some(op) => Err(Unequal::NotRun(no_kernel(op))),
                None => differ(format!(
                    "before there is a result, after the rewrite an error: {error}"
                )),
            },
        }
    }

    /// Why the model of the file cannot be run.
    fn reason(&self, error: &EvalError) -> String {
        match unsupported(error) {
            Some(op) => no_kernel(op),
            None => format!(
                "{error}; the inputs are looked for as in0.npy, in1.npy, ... (or in0.json) in {}",
                match self.folder.as_os_str().is_empty() {
                    true => "this folder".to_owned(),
                    false => self.folder.display().to_string(),
                }
            ),
        }
    }
}

/// An input like the one recorded.
fn like(recorded: &Input, random: &mut Random) -> Value {
    let tensor = match recorded {
        Input::Literal(literal) => return Value::Literal(literal.clone()),
        Input::Tensor(tensor) => tensor,
    };
    drawn(tensor, random)
        .unwrap_or_else(|| tensor.clone())
        .into()
}

fn drawn(tensor: &Tensor, random: &mut Random) -> Option<Tensor> {
    let bytes = tensor.contiguous_bytes()?;
    let size = tensor.dtype.size();
    let bytes: Vec<u8> = match tensor.dtype {
        DType::F32 | DType::F64 => {
            let all = numbers(tensor)?;
            let finite = all.iter().copied().filter(|x| x.is_finite());
            let low = finite.clone().fold(f64::INFINITY, f64::min);
            let high = finite.fold(f64::NEG_INFINITY, f64::max);
            let width = if low <= high { high - low } else { 0.0 };
            let low = if low.is_finite() { low } else { 0.0 };
            let one = |random: &mut Random| low + width * random.unit();
            all.iter()
                .flat_map(|_| match tensor.dtype {
                    DType::F32 => (one(random) as f32).to_le_bytes().to_vec(),
                    _ => one(random).to_le_bytes().to_vec(),
                })
                .collect()
        }
        _ => {
            let mut elements: Vec<&[u8]> = bytes.chunks_exact(size).collect();
            for at in (1..elements.len()).rev() {
                elements.swap(at, random.below(at as u64 + 1) as usize);
            }
            elements.concat()
        }
    };
    Some(Tensor::contiguous(
        tensor.dtype,
        tensor.shape.clone(),
        bytes,
    ))
}

/// `model` knows no values of runs, and `eval` no files.
impl From<Input> for Value {
    fn from(input: Input) -> Value {
        match input {
            Input::Tensor(tensor) => Value::Tensor(tensor),
            Input::Literal(literal) => Value::Literal(literal),
        }
    }
}
