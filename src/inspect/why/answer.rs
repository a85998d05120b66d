//! Why a rule did what it did to a model, or did nothing.
//!
//! In: a model, loaded rules, a rule, what the user wants to know. Out: a [`Why`].
//! Invariant: a reason that is told is true of the e-graph as the step with the rule left it.

use serde::Serialize;

use crate::check::Library;
use crate::check::pipeline::Step;
use crate::graph::Name;
use crate::model::torchscript::TorchScript;
use crate::pipeline::job::{self, JobError, Options, label};
use crate::pipeline::library::Loaded;
use crate::pipeline::report::Chosen;
use crate::source::Span;

use super::fate::Fate;
use super::groups::{Example, Group, RulePlace};
use super::subject::subject;
use super::witness::{Asked, Witness};

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The rule: a full name, a short one, with an instance in square brackets or without.
    pub rule: String,
    /// Only this node: a value's name, or a place in the code.
    pub at: Option<String>,
    /// All places in the model, not only the first of each group.
    pub all: bool,
}

/// The answer.
#[derive(Clone, Debug, Serialize)]
pub struct Why {
    /// Full name of the rule.
    pub rule: String,
    /// The instances that were asked about, if not all.
    pub instances: Vec<String>,
    /// Its promise about numbers.
    pub numerics: String,
    /// The pipeline that ran, and why this one.
    pub pipeline: Chosen,
    /// In a word, how it went.
    pub verdict: Verdict,
    /// Pipelines with a step that names the rule.
    pub in_pipelines: Vec<String>,
    /// The steps that have the rule, in order.
    pub steps: Vec<StepWhy>,
    /// Where the rule stands.
    #[serde(skip)]
    pub span: Span,
}

/// How it went, in a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The rule matched.
    Matched,
    /// It nearly matched.
    NearMisses,
    /// Nothing of it is in the model.
    NothingNear,
    /// The pipeline does not have it.
    NotInPipeline,
    /// The pipeline has it in a step that was not reached.
    NotReached,
    /// `--numerics` leaves it out.
    LeftOut,
    /// Guards that are false whatever the model holds leave nothing of it.
    NoVariants,
}

/// What the rule did in a step.
#[derive(Clone, Debug, Serialize)]
pub struct StepWhy {
    /// `saturate` or `apply`.
    pub verb: &'static str,
    /// The method.
    pub method: String,
    /// The step's place.
    #[serde(skip)]
    pub span: Span,
    /// The same as file, line and column.
    pub place: RulePlace,
    /// Classes that matched.
    pub matches: usize,
    /// What became of them.
    pub fates: Vec<Fate>,
    /// The first matches; all if all were asked for.
    pub matched: Vec<Example>,
    /// Classes that nearly matched.
    pub near_misses: usize,
    /// The same in groups, nearest first.
    pub groups: Vec<Group>,
    /// Operators without which no variant of the rule can match, and that the model does not have.
    pub missing_operators: Vec<MissingOperator>,
    /// Limits that stopped the search.
    pub limits: Vec<String>,
}

/// An operator that is nowhere in the model.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct MissingOperator {
    /// The operator.
    pub op: String,
    /// One with nearly this name that is there.
    pub instead: Option<String>,
}

/// Why there is no answer.
#[derive(thiserror::Error, Debug)]
pub enum WhyError {
    /// The rule or the node does not exist.
    #[error("{0}")]
    Question(String),
    /// The job failed before the rule was reached.
    #[error(transparent)]
    Job(#[from] JobError),
}

/// Runs the pipeline and tells what the rule did.
///
/// # Errors
/// The rule, the pipeline or the node does not exist, or the job failed.
pub fn why(
    file: TorchScript,
    loaded: &Loaded,
    options: &Options,
    question: &Question,
) -> Result<Why, WhyError> {
    let library = &loaded.library;
    let subject = subject(library, &question.rule).map_err(WhyError::Question)?;
    let rule = subject.rule;
    let of_instance = |&at: &u32| rule.instances[at as usize].label.to_string();
    let mut answer = Why {
        rule: rule.name.to_string(),
        instances: match subject.is_narrow {
            true => subject.instances.iter().map(of_instance).collect(),
            false => Vec::new(),
        },
        numerics: label(&rule.numerics),
        pipeline: Chosen::default(),
        verdict: Verdict::NotInPipeline,
        in_pipelines: pipelines(library, rule.name),
        steps: Vec::new(),
        span: rule.span,
    };
    let (pipeline, because) = job::choose_pipeline(&file, loaded, options)?;
    answer.pipeline = Chosen {
        name: pipeline.name.to_string(),
        because,
    };
    let asked = subject
        .instances
        .iter()
        .map(|&at| &rule.instances[at as usize]);
    if asked.clone().all(|instance| instance.variants.is_empty()) {
        answer.verdict = Verdict::NoVariants;
        return Ok(answer);
    }
    let is_named = answer.in_pipelines.contains(&answer.pipeline.name);
    if is_named && !options.allows(rule) {
        answer.verdict = Verdict::LeftOut;
        return Ok(answer);
    }
    let mut witness = Witness::new(Asked {
        subject: &subject,
        question,
        sources: &loaded.sources,
    });
    job::observe(file, loaded, options, &mut witness)?;
    if let Some(message) = witness.error {
        return Err(WhyError::Question(message));
    }
    answer.steps = witness.steps;
    let steps = &answer.steps;
    answer.verdict = if steps.iter().any(|step| step.matches > 0) {
        Verdict::Matched
    } else if steps.iter().any(|step| step.near_misses > 0) {
        Verdict::NearMisses
    } else if !steps.is_empty() {
        Verdict::NothingNear
    } else if is_named {
        Verdict::NotReached
    } else {
        Verdict::NotInPipeline
    };
    Ok(answer)
}

/// The pipelines with a step, or one of a pipeline they run, that names a rule.
fn pipelines(library: &Library, rule: Name) -> Vec<String> {
    let named = library
        .pipelines
        .iter()
        .filter(|pipeline| uses(library, &pipeline.steps, rule));
    named.map(|pipeline| pipeline.name.to_string()).collect()
}

fn uses(library: &Library, steps: &[Step], rule: Name) -> bool {
    steps.iter().any(|step| match step {
        Step::Apply { rules, .. } | Step::Saturate { rules, .. } => rules.contains(&rule),
        Step::If(_, steps) => uses(library, steps, rule),
        // The checker refuses pipelines that run each other in a circle.
        Step::Run { pipeline, .. } => library
            .pipeline(pipeline.as_str())
            .is_some_and(|inner| uses(library, &inner.steps, rule)),
        _ => false,
    })
}
