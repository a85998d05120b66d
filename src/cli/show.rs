//! `rulefold show`: the graphs of a model as text, DOT, SVG or JSON.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use rustc_hash::FxHashSet;
use serde_json::json;

use crate::drawing::{self, Frame, Subject, Wanted};
use crate::graph::text::{self, Printed};
use crate::graph::{ConstantStore, Graph, Model, NodeId};
use crate::model::torchscript;
use crate::ops::Catalogue;
use crate::pipeline::freeze;

use super::output::Output;
use super::{DONE, INPUT_WRONG};

/// `rulefold show`.
#[derive(Args, Debug)]
#[command(
    group(ArgGroup::new("picture").args(["dot", "svg", "json"])),
    after_help = "Exit codes: 0 printed, 2 the model or the call is wrong (nothing is written).

NODE is the name of a value (`%x` or `x`), an operator (`aten::conv2d`: all nodes of it), or the number that --json gives a node.

Examples:
  rulefold show model.pt
  rulefold show model.pt --frozen --svg -o model.svg
  rulefold show model.pt --frozen --dot | dot -Tpdf > model.pdf
  rulefold show model.pt --frozen --around aten::cat --depth 3"
)]
pub struct Show {
    /// The model: a TorchScript archive.
    #[arg(value_name = "MODEL")]
    pub input: PathBuf,
    /// Only this method of the root.
    #[arg(long, value_name = "NAME")]
    pub method: Option<String>,
    /// Freeze the method first: calls inlined, attributes as literals and constants.
    #[arg(long)]
    pub frozen: bool,
    /// Print a graph in Graphviz' language.
    #[arg(long)]
    pub dot: bool,
    /// Print a picture. Needs no other program.
    #[arg(long)]
    pub svg: bool,
    /// Print one JSON object: nodes, values, types, places, blocks, attributes, constants.
    #[arg(long)]
    pub json: bool,
    /// Only what is near this node or value.
    #[arg(long, value_name = "NODE")]
    pub around: Option<String>,
    /// How many edges away from NODE, in both directions.
    #[arg(long, value_name = "N", default_value_t = 2, requires = "around")]
    pub depth: usize,
    /// Where to write; without it, or with `-`, standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print nothing but the graphs; here nothing else is printed anyway.
    #[arg(short, long)]
    pub quiet: bool,
}

/// Runs the command; the exit code.
pub fn run(command: &Show, output: &Output) -> u8 {
    match print(command).and_then(|text| output.write(command.output.as_deref(), &text)) {
        Ok(()) => DONE,
        Err(message) => {
            output.error(&message);
            INPUT_WRONG
        }
    }
}

fn print(command: &Show) -> Result<String, String> {
    let catalogue = Catalogue::new();
    let file = torchscript::read(&command.input, &catalogue)
        .map_err(|error| error.of_file(command.input.display()))?;
    let model = &file.model;
    if command.frozen {
        let method = command.method.as_deref().unwrap_or("forward");
        if model.root_method(method).is_none() {
            return Err(no_method(command, model, method));
        }
        let frozen = freeze::freeze(model, &[method.to_owned()], &catalogue)
            .map_err(|error| format!("{}: {error}", command.input.display()))?;
        let graph = frozen.methods.iter().find(|(name, _)| **name == method);
        let graphs: Vec<_> = graph
            .map(|(name, graph)| (name.to_string(), graph))
            .into_iter()
            .collect();
        return written(command, &graphs, &model.constants, &catalogue);
    }
    let wanted = command
        .method
        .as_deref()
        .map(|method| {
            model
                .root_method(method)
                .ok_or_else(|| no_method(command, model, method))
        })
        .transpose()?;
    let graphs: Vec<(String, &Graph)> = model
        .functions
        .iter()
        .filter(|(name, _)| wanted.is_none_or(|wanted| wanted == **name))
        .map(|(name, function)| {
            let owner = name
                .class
                .filter(|_| wanted.is_none())
                .map_or(String::new(), |class| format!("{class}."));
            (format!("{owner}{}", name.name), &function.graph)
        })
        .collect();
    written(command, &graphs, &model.constants, &catalogue)
}

/// The graphs, each under its name, in the form asked for.
fn written(
    command: &Show,
    graphs: &[(String, &Graph)],
    constants: &ConstantStore,
    catalogue: &Catalogue,
) -> Result<String, String> {
    let printed: Vec<Printed> = graphs
        .iter()
        .map(|(_, graph)| text::printed(graph, constants))
        .collect();
    let mut subjects: Vec<(&str, Subject)> = graphs
        .iter()
        .zip(&printed)
        .map(|((name, graph), printed)| {
            let subject = Subject {
                graph,
                constants,
                catalogue,
                printed,
                only: None,
            };
            (name.as_str(), subject)
        })
        .collect();
    let mut near: Vec<FxHashSet<NodeId>> = Vec::new();
    if let Some(around) = &command.around {
        let wanted = Wanted::from_text(around);
        for (_, subject) in &subjects {
            let middle = wanted.find(subject.graph, subject.printed);
            near.push(drawing::around(subject, &middle, command.depth));
        }
        if near.iter().all(FxHashSet::is_empty) {
            return Err(format!(
                "{}: there is no node or value `{around}`; `rulefold show --json` lists all, and --frozen inlines calls",
                command.input.display()
            ));
        }
        for ((_, subject), near) in subjects.iter_mut().zip(&near) {
            subject.only = Some(near);
        }
        subjects.retain(|(_, subject)| subject.only.is_some_and(|only| !only.is_empty()));
    }
    if command.json {
        let graphs: Vec<_> = subjects
            .iter()
            .map(|(name, subject)| drawing::json(subject, name))
            .collect();
        let whole = json!({ "model": command.input.display().to_string(), "graphs": graphs });
        return serde_json::to_string_pretty(&whole)
            .map(|text| text + "\n")
            .map_err(|error| error.to_string());
    }
    if command.dot || command.svg {
        let frames: Vec<Frame> = subjects
            .iter()
            .map(|(name, subject)| drawing::outline(subject, name))
            .collect();
        return Ok(if command.dot {
            drawing::dot(&frames)
        } else {
            drawing::svg(&frames)
        });
    }
    let titled = command.method.is_none() && !command.frozen;
    let texts: Vec<String> = subjects
        .iter()
        .map(|(name, subject)| {
            let title = if titled {
                format!("// {name}\n")
            } else {
                String::new()
            };
            title + &statements(subject)
        })
        .collect();
    Ok(texts.join("\n"))
}

/// The whole text, or the wanted statements with `...` where others are left out.
fn statements(subject: &Subject) -> String {
    if subject.only.is_none() {
        return subject.printed.text.clone();
    }
    let mut out = String::new();
    let mut left_out = false;
    for (id, range) in &subject.printed.nodes {
        if !subject.wants(*id) {
            left_out = true;
            continue;
        }
        if std::mem::take(&mut left_out) {
            out.push_str("  ...\n");
        }
        let start = subject.printed.text[..range.start]
            .rfind('\n')
            .map_or(0, |at| at + 1);
        out.push_str(&subject.printed.text[start..range.end]);
        out.push('\n');
    }
    if left_out {
        out.push_str("  ...\n");
    }
    out
}

fn no_method(command: &Show, model: &Model, method: &str) -> String {
    let names: Vec<String> = freeze::root_methods(model)
        .map(|name| format!("`{}`", name.name))
        .collect();
    format!(
        "{}: the model has no method `{method}`; it has {}",
        command.input.display(),
        names.join(", ")
    )
}
