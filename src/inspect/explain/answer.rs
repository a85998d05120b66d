//! The answer of `rulefold explain`, as a value that serialises.
//!
//! In: a model, rules, options. Out: for each node of the result its derivation, and the rules with their source.
//! Invariant: numbers of nodes are those of the graphs that the page draws and that `show --json` lists for the same step.

use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::check::rule::{Numerics, Rule};
use crate::graph::text::{Printed, printed};
use crate::graph::{ConstantStore, Graph, Name, NodeId};
use crate::model::torchscript::TorchScript;
use crate::pipeline::job::{self, JobError, Options};
use crate::pipeline::library::Loaded;
use crate::pipeline::report::Chosen;

use super::record::{Made, Recorder, Story};
use super::unused::Unused;

/// How a result came to be.
#[derive(Debug)]
pub struct Explanation {
    /// What is told.
    pub answer: Answer,
    /// The graphs before the first rule and after all steps, one pair for each method of the answer.
    pub graphs: Vec<(Graph, Graph)>,
    /// The constants of all graphs.
    pub constants: ConstantStore,
}

/// What is told.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// The pipeline that ran, and why this one.
    pub pipeline: Chosen,
    /// Rules that acted, in the order of the library.
    pub rules: Vec<RuleAnswer>,
    /// Methods that rules worked on.
    pub methods: Vec<Method>,
}

/// A rule that acted.
#[derive(Clone, Debug, Serialize)]
pub struct RuleAnswer {
    /// Its full name.
    pub rule: String,
    /// What it promises about numbers.
    pub numerics: String,
    /// Its file.
    pub path: String,
    /// Its first line, counted from 1.
    pub line: usize,
    /// Its text up to its tests.
    pub source: String,
    /// How many nodes of the result it made.
    pub made: usize,
    /// How many nodes of the result rest on it.
    pub part_of: usize,
}

/// A method.
#[derive(Clone, Debug, Serialize)]
pub struct Method {
    /// Its name.
    pub name: String,
    /// Nodes of the result, in order.
    pub nodes: Vec<NodeAnswer>,
    /// Nodes of the model, calls inlined, in order.
    pub originals: Vec<Original>,
    /// Rules that acted without a part in the result.
    pub unused: Vec<Unused>,
}

/// A node of the result.
#[derive(Clone, Debug, Serialize)]
pub struct NodeAnswer {
    /// Its number.
    pub id: u32,
    /// Its operator.
    pub op: String,
    /// Its statement.
    pub statement: String,
    /// Its place in the archive, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Rules that made it, in order, each once where it acted several times in a row; the last one wrote it. None for nodes of the model.
    pub rules: Vec<Use>,
    /// Numbers of the model's nodes that it was made of. None for nodes that a step without rules wrote.
    pub originals: Vec<u32>,
}

/// One application of a rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Use {
    /// Index into [`Answer::rules`].
    pub rule: usize,
    /// The rule with its instance.
    pub instance: String,
}

/// A node of the model.
#[derive(Clone, Debug, Serialize)]
pub struct Original {
    /// Its number.
    pub id: u32,
    /// Its operator.
    pub op: String,
    /// Its statement.
    pub statement: String,
    /// Its place in the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Numbers of the nodes of the result that were made of it.
    pub into: Vec<u32>,
}

/// Runs a pipeline on a model and says how the result came to be.
///
/// # Errors
/// As for [`job::optimize`].
pub fn explain(
    file: TorchScript,
    loaded: &Loaded,
    options: &Options,
    progress: &mut dyn FnMut(&'static str),
) -> Result<Explanation, JobError> {
    let mut recorder = Recorder::default();
    let (file, pipeline) = job::follow(file, loaded, options, &mut recorder, progress)?;
    let model = file.model;
    let mut answer = Answer {
        pipeline,
        rules: acted(&recorder, loaded),
        methods: Vec::new(),
    };
    let mut graphs = Vec::new();
    for (name, story) in recorder.stories {
        let Some(function) = model.root_method(&name) else {
            continue;
        };
        let after = &model.functions[&function].graph;
        let method = method(&name, &story, after, &model.constants, &mut answer.rules);
        answer.methods.push(method);
        graphs.push((story.first, after.clone()));
    }
    Ok(Explanation {
        answer,
        graphs,
        constants: model.constants,
    })
}

/// The rules that acted on some method, in the order of the library.
fn acted(recorder: &Recorder, loaded: &Loaded) -> Vec<RuleAnswer> {
    let stories = || recorder.stories.values();
    let is_told = |rule: &&Rule| {
        stories().any(|story| {
            story.applications.iter().any(|of| of.rule == rule.name)
                || story.unused.iter().any(|of| rule.name == of.rule.as_str())
        })
    };
    let rules = loaded.library.rules.iter().filter(is_told);
    rules
        .map(|rule| {
            let file = loaded.sources.file(rule.span.source);
            let line = file.map_or(0, |file| file.line_of(rule.span.range().start));
            RuleAnswer {
                rule: rule.name.to_string(),
                numerics: label(&rule.numerics),
                path: file.map_or("", |file| file.name()).to_owned(),
                line: line + 1,
                source: without_tests(loaded.sources.text(rule.span)),
                made: 0,
                part_of: 0,
            }
        })
        .collect()
}

/// The lines of a rule before those of its first test: tests stand last.
fn without_tests(rule: &str) -> String {
    let is_test = |line: &&str| line.trim_start().starts_with("test \"");
    let lines: Vec<&str> = rule.lines().take_while(|line| !is_test(line)).collect();
    lines.join("\n").trim_end().to_owned()
}

fn label(numerics: &Numerics) -> String {
    match numerics {
        Numerics::Exact => "exact".into(),
        Numerics::Real => "real".into(),
        Numerics::Within(steps) => format!("within {steps} lsb"),
        Numerics::Changes(why) => format!("changes: {why}"),
    }
}

fn method(
    name: &str,
    story: &Story,
    after: &Graph,
    constants: &ConstantStore,
    rules: &mut [RuleAnswer],
) -> Method {
    let numbers: FxHashMap<Name, usize> = rules
        .iter()
        .enumerate()
        .map(|(number, rule)| (Name::new(&rule.rule), number))
        .collect();
    let made = story.carried(after);
    let mut into: FxHashMap<NodeId, Vec<u32>> = FxHashMap::default();
    let nodes: Vec<NodeAnswer> = statements(after, &printed(after, constants))
        .map(|(id, statement)| {
            let none = Made::default();
            let of = made.get(&id).unwrap_or(&none);
            let applied = of.applications.iter().map(|&at| &story.applications[at]);
            let mut uses: Vec<Use> = Vec::new();
            for applied in applied {
                let Some(&rule) = numbers.get(&applied.rule) else {
                    continue;
                };
                let instance = match &*applied.instance {
                    "" => applied.rule.to_string(),
                    label => label.to_owned(),
                };
                let used = Use { rule, instance };
                if uses.last() != Some(&used) {
                    uses.push(used);
                }
            }
            for &original in &of.originals {
                into.entry(original).or_default().push(id.0);
            }
            if let Some(last) = uses.last() {
                rules[last.rule].made += 1;
            }
            let mut parts: Vec<usize> = uses.iter().map(|part| part.rule).collect();
            parts.sort_unstable();
            parts.dedup();
            parts.iter().for_each(|&part| rules[part].part_of += 1);
            let node = after.node(id);
            NodeAnswer {
                id: id.0,
                op: node.op.to_string(),
                statement,
                place: node.place.map(|place| place.to_string()),
                rules: uses,
                originals: of.originals.iter().map(|id| id.0).collect(),
            }
        })
        .collect();
    let originals = statements(&story.first, &printed(&story.first, constants))
        .map(|(id, statement)| {
            let node = story.first.node(id);
            Original {
                id: id.0,
                op: node.op.to_string(),
                statement,
                place: node.place.map(|place| place.to_string()),
                into: into.remove(&id).unwrap_or_default(),
            }
        })
        .collect();
    Method {
        name: name.to_owned(),
        nodes,
        originals,
        unused: story.unused.clone(),
    }
}

/// The nodes of a graph with their statements.
fn statements<'a>(
    graph: &'a Graph,
    printed: &'a Printed,
) -> impl Iterator<Item = (NodeId, String)> + 'a {
    let ranges: FxHashMap<NodeId, &std::ops::Range<usize>> = printed
        .nodes
        .iter()
        .map(|(id, range)| (*id, range))
        .collect();
    graph.walk().into_iter().map(move |id| {
        let range = ranges.get(&id).map(|range| (*range).clone());
        let text = range.and_then(|range| printed.text.get(range));
        (id, text.unwrap_or_default().to_owned())
    })
}
