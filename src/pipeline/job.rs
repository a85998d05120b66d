//! The whole job on a model in memory: choose a pipeline, run its steps, say what was done.
//!
//! In: a model as read, rules, options. Out: the rewritten model and a report.
//! Invariant: the model's format is kept; nothing is read or written here.

use std::time::Instant;

use crate::check::pipeline::Pipeline;
use crate::check::rule::{Numerics, Rule};
use crate::graph::{Literal, Name};
use crate::model::torchscript::TorchScript;

use super::freeze::FreezeError;
use super::library::Loaded;
use super::observe::Observer;
use super::report::{Change, Chosen, Input, Promise, Report, Stage};
use super::steps::Run;
use super::{count, freeze, held, rewrite, settings};

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The pipeline by full name; `None` lets the model decide.
    pub pipeline: Option<String>,
    /// The weakest promise that rules may make; `None` allows what the pipeline names.
    pub numerics: Option<NumericsLimit>,
    /// Settings of the pipeline that differ from its defaults.
    pub settings: Vec<(Name, Literal)>,
}

/// The weakest promise about numbers that rules may make.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum NumericsLimit {
    /// Bit for bit.
    Exact,
    /// Equal in real arithmetic.
    Real,
    /// Within steps of a quantized result.
    Lsb,
}

impl Options {
    /// Whether a rule may act, by its promise about numbers.
    pub fn allows(&self, rule: &Rule) -> bool {
        rewrite::allowed(rule, self)
    }
}

/// Why a job cannot be done.
#[derive(thiserror::Error, Debug)]
pub enum JobError {
    /// No such pipeline.
    #[error("there is no pipeline `{name}`; there are {}", .known.join(", "))]
    NoPipeline {
        /// The name asked for.
        name: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// A step is for a method that does not exist.
    #[error("the model has no method `{method}`; it has {}", .methods.join(", "))]
    NoMethod {
        /// The name asked for.
        method: String,
        /// Methods of the root.
        methods: Vec<String>,
    },
    /// The model cannot be frozen.
    #[error(transparent)]
    Freeze(#[from] FreezeError),
    /// A pipeline's demand is not met.
    #[error("pipeline `{pipeline}`: {message}")]
    Demand {
        /// The pipeline.
        pipeline: Name,
        /// Its message.
        message: String,
    },
    /// A method holds an operator that it must not hold.
    #[error("pipeline `{pipeline}`: {place}: {message} (`{op}`)")]
    Forbidden {
        /// The pipeline.
        pipeline: Name,
        /// What it says.
        message: String,
        /// The operator.
        op: Name,
        /// Where it is in the source, or the method.
        place: String,
    },
    /// A setting that has no default was not given, or a step's expression has no value.
    #[error("pipeline `{pipeline}`: `{what}` has no value")]
    Setting {
        /// The pipeline.
        pipeline: Name,
        /// The setting or step.
        what: String,
    },
    /// A step failed for a reason that lies in its text or in the settings.
    #[error("{error}; the step is at {place}")]
    At {
        /// File and line of the step.
        place: String,
        /// What is wrong.
        error: Box<JobError>,
    },
    /// A setting was given that the pipeline does not have.
    #[error("pipeline `{pipeline}` has no setting `{name}`; {}{}", listed_settings(.settings), did_you_mean(.meant))]
    UnknownSetting {
        /// The pipeline.
        pipeline: Name,
        /// The setting.
        name: Name,
        /// The setting that was probably meant.
        meant: Option<String>,
        /// Those there are.
        settings: Vec<Name>,
    },
    /// A setting is of another kind than its default.
    #[error("pipeline `{pipeline}`: setting `{name}` must be {wanted}, as its default is")]
    SettingKind {
        /// The pipeline.
        pipeline: Name,
        /// The setting.
        name: Name,
        /// What it should be.
        wanted: &'static str,
    },
    /// A method is to be made that is there already.
    #[error(
        "the model has a method `{name}` already; run the pipeline on the model that it was made from"
    )]
    MethodExists {
        /// The name.
        name: String,
    },
    /// A method is to get a name that no method can have.
    #[error(
        "`{name}` is no name for a method: letters, digits and `_`, not beginning with a digit"
    )]
    MethodName {
        /// The name.
        name: String,
    },
    /// An attribute is to get another value although a method uses it.
    #[error(
        "the model has an attribute `{name}` already, which a method uses; choose another name"
    )]
    AttributeInUse {
        /// The attribute.
        name: String,
    },
    /// An attribute is to get a value without a type of its own.
    #[error(
        "attribute `{name}` can be a truth value, a number, a string, or a list of such that is not empty"
    )]
    AttributeValue {
        /// The attribute.
        name: String,
    },
    /// There is no module at a path.
    #[error("the model has no module `{path}`{}", did_you_mean(.meant))]
    UnknownModule {
        /// The path.
        path: String,
        /// The path that was probably meant.
        meant: Option<String>,
    },
    /// Modules that are no sequence of the table.
    #[error("{given} is no sequence of modules that belong together; these are: ({})", .known.join("), ("))]
    Sequence {
        /// The modules with their classes.
        given: String,
        /// The sequences there are.
        known: Vec<String>,
    },
    /// A module in two places of the lists.
    #[error("module `{path}` is named twice")]
    ModuleTwice {
        /// Its path.
        path: String,
    },
    /// Attributes cannot be fetched; everything that is wrong with the rows and the model.
    #[error("attributes cannot be fetched: {}", .wrong.join("; "))]
    Fetch {
        /// What is wrong.
        wrong: Vec<String>,
    },
    /// A setting or a step's expression is of another kind.
    #[error("pipeline `{pipeline}`: `{what}` must be {wanted}")]
    Kind {
        /// The pipeline.
        pipeline: Name,
        /// The setting or step.
        what: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A rule is wrong: it made values equal that differ.
    #[error("{0}; the rule is wrong, nothing was written")]
    Disagreement(#[from] crate::egraph::Disagreement),
    /// The engine found no acyclic choice.
    #[error("no acyclic model can be chosen: {0}")]
    Extract(#[from] crate::egraph::extract::ExtractError),
    /// An observer has seen enough.
    #[error("the run was ended by who looked into it")]
    Observed,
    /// A step failed.
    #[error("{0}")]
    Step(String),
}

impl JobError {
    /// Whether the text of a step, or a setting it uses, may be what is wrong.
    pub(super) fn is_of_step(&self) -> bool {
        matches!(
            self,
            JobError::NoMethod { .. }
                | JobError::Setting { .. }
                | JobError::Kind { .. }
                | JobError::MethodExists { .. }
                | JobError::MethodName { .. }
                | JobError::AttributeInUse { .. }
                | JobError::AttributeValue { .. }
                | JobError::UnknownModule { .. }
        )
    }
}

fn did_you_mean(meant: &Option<String>) -> String {
    let meant = meant.as_ref();
    meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"))
}

fn listed_settings(settings: &[Name]) -> String {
    let names: Vec<String> = settings.iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "it has none".into(),
        names => format!("it has {}", names.join(", ")),
    }
}

/// Rewrites a model. `progress` is told what begins.
pub fn optimize(
    file: TorchScript,
    loaded: &Loaded,
    options: &Options,
    progress: &mut dyn FnMut(&'static str),
) -> Result<(TorchScript, Report), JobError> {
    let model = &file.model;
    let (pipeline, because) = choose_pipeline(&file, loaded, options)?;
    let mut report = Report {
        input: Input {
            path: String::new(),
            format: "TorchScript".into(),
            modules: model.modules.len(),
            methods: freeze::root_methods(model).count(),
            constants: model.constants.len(),
        },
        pipeline: Chosen {
            name: pipeline.name.to_string(),
            because,
        },
        proof: "none".into(),
        ..Report::default()
    };
    let before = held::operations(&file.model);
    let start = Instant::now();
    let mut run = Run::new(file, loaded, options, &mut report, progress);
    let given = settings::given(pipeline, options)?;
    run.pipeline(pipeline, &given)?;
    let mut file = run.finish()?;
    report.seconds.push(Stage {
        stage: "rewrite",
        seconds: start.elapsed().as_secs_f64(),
    });
    let start = Instant::now();
    progress("computing constants");
    force_constants(&mut file)?;
    report.seconds.push(Stage {
        stage: "constants",
        seconds: start.elapsed().as_secs_f64(),
    });
    report.numerics = promises(&report);
    report.methods = held::changes(&before, held::operations(&file.model));
    report.operations = Change {
        before: report.methods.iter().filter_map(|m| m.before).sum(),
        after: report.methods.iter().map(|m| m.after).sum(),
    };
    Ok((file, report))
}

/// How a promise about numbers is written in a rule.
pub fn label(numerics: &Numerics) -> String {
    rewrite::label(numerics)
}

/// Runs the steps of a pipeline for somebody who looks into them; what becomes of the model is dropped. The pipeline that ran.
pub fn observe(
    file: TorchScript,
    loaded: &Loaded,
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<Chosen, JobError> {
    let (pipeline, because) = choose_pipeline(&file, loaded, options)?;
    let mut report = Report::default();
    let ignored = &mut |_: &'static str| {};
    let mut run = Run::new(file, loaded, options, &mut report, ignored).observed(observer);
    let given = settings::given(pipeline, options)?;
    match run.pipeline(pipeline, &given) {
        Ok(()) | Err(JobError::Observed) => Ok(Chosen {
            name: pipeline.name.to_string(),
            because,
        }),
        Err(error) => Err(error),
    }
}

/// Runs a pipeline to its end for somebody who looks into it. The model as the steps leave it, its constants not computed yet, and the
/// pipeline that ran.
pub fn follow(
    file: TorchScript,
    loaded: &Loaded,
    options: &Options,
    observer: &mut dyn Observer,
    progress: &mut dyn FnMut(&'static str),
) -> Result<(TorchScript, Chosen), JobError> {
    let (pipeline, because) = choose_pipeline(&file, loaded, options)?;
    let mut report = Report::default();
    let mut run = Run::new(file, loaded, options, &mut report, progress).observed(observer);
    let given = settings::given(pipeline, options)?;
    run.pipeline(pipeline, &given)?;
    let chosen = Chosen {
        name: pipeline.name.to_string(),
        because,
    };
    Ok((run.finish()?, chosen))
}

/// The labels of all rules that changed something, strongest promise first, with the operations they made.
fn promises(report: &Report) -> Vec<Promise> {
    let mut promises: Vec<Promise> = Vec::new();
    for rule in &report.rules {
        match promises
            .iter_mut()
            .find(|promise| promise.label == rule.numerics)
        {
            Some(promise) => promise.operations += rule.kept,
            None => promises.push(Promise {
                label: rule.numerics.clone(),
                operations: rule.kept,
            }),
        }
    }
    let strength = |label: &str| {
        ["exact", "real", "within", "changes"]
            .iter()
            .position(|start| label.starts_with(start))
    };
    promises.sort_by_key(|promise| strength(&promise.label));
    promises
}

/// Computes every constant that the model's graphs and attributes use.
fn force_constants(file: &mut TorchScript) -> Result<(), JobError> {
    let mut wanted: Vec<_> = file
        .model
        .functions
        .values()
        .flat_map(|function| count::constants(&function.graph))
        .collect();
    for module in &file.model.modules {
        for attribute in module.attributes.values() {
            collect(&attribute.value, &mut wanted);
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    crate::eval::force_all(&file.model.constants, &wanted)
        .map_err(|error| JobError::Step(error.to_string()))?;
    Ok(())
}

fn collect(value: &crate::graph::AttributeValue, wanted: &mut Vec<crate::graph::ConstantId>) {
    use crate::graph::AttributeValue as V;
    match value {
        V::Constant(id) => wanted.push(*id),
        V::List(items) | V::Tuple(items) => items.iter().for_each(|item| collect(item, wanted)),
        V::Dict(items) => items.iter().for_each(|(key, value)| {
            collect(key, wanted);
            collect(value, wanted);
        }),
        V::Module(_) | V::Literal(_) => {}
    }
}

/// The pipeline asked for, or the one that fits what the model holds, and why it is this one.
pub fn choose_pipeline<'a>(
    file: &TorchScript,
    loaded: &'a Loaded,
    options: &Options,
) -> Result<(&'a Pipeline, String), JobError> {
    let find = |name: &str| {
        loaded
            .library
            .pipelines
            .iter()
            .find(|pipeline| pipeline.name == name)
            .ok_or_else(|| JobError::NoPipeline {
                name: name.to_owned(),
                known: loaded
                    .library
                    .pipelines
                    .iter()
                    .map(|pipeline| format!("`{}`", pipeline.name))
                    .collect(),
            })
    };
    if let Some(name) = &options.pipeline {
        return Ok((find(name)?, "asked for".into()));
    }
    for (name, starts) in CHOICES {
        if let Some(op) = held(file, starts) {
            return Ok((find(name)?, format!("the model holds `{op}`")));
        }
    }
    Ok((
        find("torch.simplify")?,
        "the model holds no quantized operator".into(),
    ))
}

/// Pipelines, each with how the names of operators start that ask for it; the first that fits is taken.
const CHOICES: [(&str, &[&str]); 2] = [
    (
        "torch.dynamic",
        &[
            "aten::_choose_qparams_per_tensor",
            "aten::_saturate_weight_to_fp16",
            "quantized::linear_dynamic",
            "quantized::linear_relu_dynamic",
            "quantized::linear_unpack_fp16",
        ],
    ),
    (
        "torch.static",
        &["aten::quantize_per_tensor", "quantized::"],
    ),
];

/// The first operator of the model whose name starts so.
fn held(file: &TorchScript, starts: &[&str]) -> Option<Name> {
    let graphs = file
        .model
        .functions
        .values()
        .map(|function| &function.graph);
    graphs
        .flat_map(|graph| graph.walk().into_iter().map(|id| graph.node(id).op))
        .find(|op| starts.iter().any(|start| op.as_str().starts_with(start)))
}
