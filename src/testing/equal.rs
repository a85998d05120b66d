//! `expect equal`: both sides of a rewriting run on the same random inputs.
//!
//! In: a given graph, a way to rewrite it, what the rule promises. Out: nothing, or the smallest input found for which it does not hold.
//! Each sample draws all parameters anew, constants too, and rewrites anew: what a rule may do depends on what it sees.
//!
//! Invariant: the side before is the graph as given, not as the engine writes it.
//! Invariant: a sample that the given graph itself fails on says nothing; there are others.

use crate::check::rule::Numerics;
use crate::eval::{EvalError, ModelHost, Value, numbers, run, run_method};
use crate::graph::{ConstantStore, Def, Graph, Model, Name, ValueId};

use super::compare::{Allowed, compare, quantization_text};
use super::content::{Contents, Drawn, Style};
use super::given::{Given, Sample};
use super::magnitude::with_magnitudes;
use super::random::Random;
use super::shrink::shrink;

/// How a graph is rewritten.
pub(super) type Rewrite<'a> = dyn Fn(&Graph, ConstantStore) -> Result<Rewritten, String> + 'a;

/// What a graph was rewritten to.
pub(super) struct Rewritten {
    /// How often something was applied.
    pub(super) applied: u64,
    /// What the rules that were applied promise.
    pub(super) numerics: Numerics,
    pub(super) result: Runnable,
}

/// What can be run on the inputs of the given graph.
pub(super) enum Runnable {
    /// A graph with its constants.
    Graph(Graph, ConstantStore),
    /// `forward` of a model.
    Model(Box<Model>),
}

impl Runnable {
    fn run(&self, inputs: Vec<Value>) -> Result<Vec<Value>, EvalError> {
        match self {
            Runnable::Graph(graph, store) => {
                let model = Model::default();
                run(graph, store, inputs, &mut ModelHost::new(&model))
            }
            Runnable::Model(model) => run_method(model, "forward", inputs),
        }
    }
}

/// What is compared.
pub(super) struct Comparison<'a> {
    pub(super) given: &'a Given,
    pub(super) rewrite: &'a Rewrite<'a>,
    /// What the rules that may be applied promise at least.
    pub(super) numerics: &'a Numerics,
    /// How many samples are to agree.
    pub(super) samples: usize,
}

/// Why the two sides are not equal.
#[derive(Debug)]
pub(super) enum Unequal {
    /// They are not: what differs, and the input.
    Differ(String, Vec<String>),
    /// Nobody knows.
    NotRun(String),
}

enum Verdict {
    Equal,
    /// The sample says nothing.
    Void(String),
    Differ(String),
    NotRun(String),
}

impl Comparison<'_> {
    /// Runs samples until enough of them agree, or one does not.
    pub(super) fn run(&self, seed: u64, purpose: &str) -> Result<(), Unequal> {
        let mut random = Random::new(seed, purpose);
        let style = match self.numerics {
            Numerics::Exact if !self.quantizes() => Style::Any,
            _ => Style::Finite,
        };
        let mut agreed = 0;
        let mut void = String::new();
        // Where few samples can be run, more are drawn.
        for attempt in 0..self.samples * 16 {
            let style = if attempt == 0 { Style::Tame } else { style };
            let sample = self.given.draw(style, &mut random);
            let sample = sample.map_err(Unequal::NotRun)?;
            match self.verdict(&sample) {
                Verdict::Equal => agreed += 1,
                Verdict::Void(reason) => void = reason,
                Verdict::NotRun(reason) => return Err(Unequal::NotRun(reason)),
                Verdict::Differ(_) => return Err(self.smallest(sample)),
            }
            if agreed == self.samples {
                return Ok(());
            }
        }
        match agreed {
            0 => Err(Unequal::NotRun(format!("no input could be run: {void}"))),
            _ => Ok(()),
        }
    }

    fn smallest(&self, sample: Sample) -> Unequal {
        let mut differs = |sample: &Sample| matches!(self.verdict(sample), Verdict::Differ(_));
        let small = shrink(sample, self.given.may_shrink(), &mut differs);
        let what = match self.verdict(&small) {
            Verdict::Differ(what) => what,
            _ => unreachable!("what was shrunk was asked about"),
        };
        let parameters = self.given.parameters.iter().zip(&small);
        let texts = parameters.map(|(parameter, drawn)| drawn_text(parameter.name, drawn));
        Unequal::Differ(what, texts.collect())
    }

    fn verdict(&self, sample: &Sample) -> Verdict {
        let (instance, store) = match self.given.start(sample) {
            Ok(started) => started,
            Err(reason) => return Verdict::NotRun(reason),
        };
        let (watched, returns) = with_all_results(&instance.graph);
        let watched = Runnable::Graph(watched, store.clone());
        let mut before = match watched.run(self.inputs(sample)) {
            Ok(values) => values,
            Err(error) => match unsupported(&error) {
                Some(op) => return Verdict::NotRun(no_kernel(op)),
                None => return Verdict::Void(error.to_string()),
            },
        };
        let all = before.split_off(returns);
        if (*self.numerics != Numerics::Exact || self.quantizes())
            && let Some(reason) = not_finite(&before).or_else(|| not_finite(&all))
        {
            return Verdict::Void(reason);
        }
        let magnitudes = store.clone();
        let rewritten = match (self.rewrite)(&instance.graph, store) {
            Ok(rewritten) => rewritten,
            Err(reason) => return Verdict::NotRun(reason),
        };
        if rewritten.applied == 0 {
            return Verdict::Void("nothing is applied to these values".into());
        }
        if let Numerics::Changes(why) = &rewritten.numerics {
            return Verdict::NotRun(format!("numbers are meant to change: {why}"));
        }
        let allowed = Allowed {
            numerics: &rewritten.numerics,
            largest: match rewritten.numerics {
                Numerics::Real => self.magnitude(&instance.graph, magnitudes, sample, &all),
                _ => 0.0,
            },
        };
        match rewritten.result.run(self.inputs(sample)) {
            Ok(after) => match compare(allowed, &before, &after) {
                Ok(()) => Verdict::Equal,
                Err(difference) => Verdict::Differ(difference.what),
            },
            Err(error) => match unsupported(&error) {
                Some(op) => Verdict::NotRun(no_kernel(op)),
                None => Verdict::Differ(format!(
                    "before there is a result, after the rewrite an error: {error}"
                )),
            },
        }
    }

    /// The largest number that the given graph computes with.
    fn magnitude(
        &self,
        graph: &Graph,
        store: ConstantStore,
        sample: &Sample,
        all: &[Value],
    ) -> f64 {
        let seen = largest(all).max(largest(&values(sample)));
        let watched = Runnable::Graph(with_magnitudes(graph), store);
        // Where that cannot be run, what is seen must do: less is allowed then.
        let computed = watched.run(self.inputs(sample));
        computed.map_or(seen, |values| seen.max(largest(&values)))
    }

    /// What goes in, in the order of the parameters.
    fn inputs(&self, sample: &Sample) -> Vec<Value> {
        let parameters = self.given.parameters.iter().zip(sample);
        let open = parameters.filter(|(parameter, _)| !parameter.constant);
        open.map(|(_, drawn)| drawn.value()).collect()
    }

    /// Whether something in the given graph is quantized.
    fn quantizes(&self) -> bool {
        let graph = &self.given.graph;
        graph.walk().iter().any(|&id| {
            let op = graph.node(id).op;
            op.as_str().starts_with("aten::quantize") || op.as_str().starts_with("quantized::")
        })
    }
}

pub(super) fn no_kernel(op: &str) -> String {
    format!("there is no kernel for `{op}`")
}

pub(super) fn unsupported(error: &EvalError) -> Option<&str> {
    match error {
        EvalError::Unsupported { op } => Some(op),
        EvalError::At { source, .. } | EvalError::Constant { source, .. } => unsupported(source),
        _ => None,
    }
}

/// The graph returning all results of its body too, behind its own; and how many its own are.
pub(super) fn with_all_results(graph: &Graph) -> (Graph, usize) {
    let mut graph = graph.clone();
    let own = graph.body().returns.len();
    let results: Vec<ValueId> = graph
        .body()
        .nodes
        .iter()
        .flat_map(|&id| graph.node(id).results.clone())
        .filter(|&value| matches!(graph.value(value).def, Def::Result { .. }))
        .collect();
    graph.block_mut(Graph::BODY).returns.extend(results);
    (graph, own)
}

/// What rounding to integers, and rules that are equal in real arithmetic, say nothing about.
pub(super) fn not_finite(values: &[Value]) -> Option<String> {
    let odd = |value: &Value| match value {
        Value::Tensor(tensor) => {
            numbers(tensor).is_some_and(|all| all.iter().any(|x| !x.is_finite()))
        }
        _ => false,
    };
    values
        .iter()
        .any(odd)
        .then(|| "a value is infinite or no number".to_owned())
}

/// What all parameters hold, constants too.
fn values(sample: &Sample) -> Vec<Value> {
    sample.iter().map(Drawn::value).collect()
}

/// The largest number that is not infinite.
pub(super) fn largest(values: &[Value]) -> f64 {
    let tensors = values.iter().filter_map(Value::as_tensor);
    let floats = tensors.filter(|tensor| tensor.dtype.is_float());
    let all = floats.filter_map(numbers).flatten();
    all.filter(|x| x.is_finite())
        .fold(0.0, |most, x| most.max(x.abs()))
}

/// `%x = quint8 [1, 2] scale 1, zero point 0: 3, 4`.
fn drawn_text(name: Name, drawn: &Drawn) -> String {
    match drawn {
        Drawn::Tensor(contents) => format!("%{name} = {}", contents_text(contents)),
        Drawn::Literal(literal) => {
            format!("%{name} = {}", crate::graph::text::LiteralText(literal))
        }
        Drawn::List(items) => {
            let items: Vec<String> = items.iter().map(contents_text).collect();
            format!("%{name} = [{}]", items.join("; "))
        }
    }
}

fn contents_text(contents: &Contents) -> String {
    /// More elements are not looked at by anybody.
    const SHOWN: usize = 24;
    let mut text = format!("{} {:?}", contents.dtype, contents.shape);
    if let Some(quantization) = &contents.quantization {
        text += &format!(", {}", quantization_text(quantization));
    }
    if contents.reversed {
        text += ", last dimension outermost in memory";
    }
    let elements = contents.elements.iter().take(SHOWN);
    let elements: Vec<String> = elements.map(f64::to_string).collect();
    text += &format!(": {}", elements.join(", "));
    if contents.elements.len() > SHOWN {
        text += &format!(", ... {} in all", contents.elements.len());
    }
    text
}
