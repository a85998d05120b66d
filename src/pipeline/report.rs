//! What a run did, for people and programs: read, rules applied, sizes, what the result rests on, proof, what was left and why.
//!
//! In: filled in by the steps. Out: a value that serialises as the `--format json` report; `cli` writes it as text.
//! Invariant: holds facts, no prose except reasons quoted from rules.

use serde::Serialize;

/// The report of `rulefold optimize`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// What was read.
    pub input: Input,
    /// The pipeline that ran, and why this one.
    pub pipeline: Chosen,
    /// Rules that changed something, in the order in which the steps used them.
    pub rules: Vec<Applied>,
    /// Operations of all methods before and after, as PyTorch counts them in the graphs it loads. A method that the result does not have
    /// does not count, one that is new only after.
    pub operations: Change,
    /// The same for each method of the result.
    pub methods: Vec<MethodChange>,
    /// Bytes of all members, uncompressed, before and after.
    pub bytes: Change,
    /// Numerics labels that the result rests on, strongest promise first.
    pub numerics: Vec<Promise>,
    /// `optimal`; `gap`, with what is known; or `none` if the pipeline leaves nothing to choose.
    pub proof: String,
    /// With `gap`: operations and bytes that no choice is below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lower_bound: Option<Bound>,
    /// Dequantize/operator/quantize islands that stayed, and operators on quantized weights that nothing quantizes.
    pub islands: Vec<Island>,
    /// Sequences of modules that were named, and what became of each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sequences: Vec<Sequence>,
    /// Attributes of modules that a `fetch` step asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fetched: Vec<Fetched>,
    /// Methods of the root that the result no longer has.
    pub methods_dropped: Vec<String>,
    /// Limits that stopped the search, if any did.
    pub limits: Vec<String>,
    /// Anything else the user should know.
    pub notes: Vec<String>,
    /// Seconds from start to finished file, by stage.
    pub seconds: Vec<Stage>,
}

/// What was read.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Input {
    /// The file.
    pub path: String,
    /// Its format.
    pub format: String,
    /// Modules in the tree.
    pub modules: usize,
    /// Methods of the root.
    pub methods: usize,
    /// Tensors and packed objects.
    pub constants: usize,
}

/// A pipeline and why it was chosen.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Chosen {
    /// Full name.
    pub name: String,
    /// `asked for`, or what in the archive decided.
    pub because: String,
}

/// A rule that changed something.
#[derive(Clone, Debug, Serialize)]
pub struct Applied {
    /// Full name.
    pub rule: String,
    /// How often it found something new.
    pub count: usize,
    /// How many operations of the result it made.
    pub kept: usize,
    /// Its numerics label.
    pub numerics: String,
}

/// Before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Before.
    pub before: u64,
    /// After.
    pub after: u64,
}

/// Operations of a method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MethodChange {
    /// The method.
    pub method: String,
    /// Before; `None` for a method that was not there.
    pub before: Option<u64>,
    /// After.
    pub after: u64,
}

/// A numerics label, and how many operations rest on it.
#[derive(Clone, Debug, Serialize)]
pub struct Promise {
    /// The label as written.
    pub label: String,
    /// Operations of the result made by rules with this label.
    pub operations: usize,
}

/// Operations and bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Bound {
    /// Operations.
    pub operations: u64,
    /// Bytes of constants.
    pub bytes: u64,
}

/// A quantize that no rule took in, with the rule that came nearest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Island {
    /// The method it is in, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The operators between dequantize and quantize.
    pub operators: String,
    /// Place in the source, if known.
    pub place: String,
    /// The nearest rule, with its instance; empty if none comes near.
    pub rule: String,
    /// The first thing about it that failed; values in it are those of the first of equal islands, as the place is.
    pub reason: String,
    /// The module that it is of, where that tells islands apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// How many islands are like this one.
    pub count: usize,
}

/// A sequence of modules that was named, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sequence {
    /// Their paths.
    pub modules: Vec<String>,
    /// What became of it.
    pub outcome: SequenceOutcome,
    /// The same in words, or why.
    pub what: String,
}

/// What became of a sequence.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SequenceOutcome {
    /// The norm is folded into what is before it.
    Folded,
    /// The modules follow each other; there is nothing to fold in a float model.
    Recognized,
    /// It stayed as it was.
    Left,
}

/// What was fetched from a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fetched {
    /// Its path.
    pub module: String,
    /// Its class as Python knows it.
    pub class: String,
    /// Attributes in the order of the table.
    pub attributes: Vec<FetchedValue>,
}

/// An attribute of a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FetchedValue {
    /// Its name.
    pub name: String,
    /// Its value: a literal as rule files write it or as the file declares it, the type of a tensor.
    pub value: String,
}

/// A stage of the run.
#[derive(Clone, Debug, Serialize)]
pub struct Stage {
    /// Its name.
    pub stage: &'static str,
    /// Wall time.
    pub seconds: f64,
}
