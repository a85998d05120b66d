//! `rulefold explain`: how the nodes of a result came to be, as text, JSON or a page.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use rustc_hash::FxHashMap;

use crate::drawing::Wanted;
use crate::graph::text::printed;
use crate::inspect::explain::{self, Answer, Explanation, Method, NodeAnswer, Original, Why};
use crate::model::torchscript;
use crate::pipeline::library::Loaded;

use super::arguments::{Format, Job};
use super::output::Output;
use super::progress::Progress;
use super::{DONE, INPUT_WRONG, lines, rule_files};

/// Where the rest of a broken line begins.
const INDENT: usize = 7;

/// `rulefold explain`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 explained, 1 the rules have errors, 2 the model or the call is wrong.

The pipeline runs in memory; the model stays as it is. NODE is the name of a value of the result (`%x` or `x`), an operator (all nodes of
it), or a number of the JSON form.

Examples:
  rulefold explain qdq.pt
  rulefold explain qdq.pt --node quantized::linear
  rulefold explain qdq.pt --html qdq.html"
)]
pub struct Explain {
    /// The model: a TorchScript archive.
    #[arg(value_name = "MODEL")]
    pub input: PathBuf,
    /// Explain only this node of the result, with the text of its rules. May be given several times.
    #[arg(long, value_name = "NODE")]
    pub node: Vec<String>,
    /// Write a page that shows both graphs side by side; it needs no network.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Rules, pipeline and settings.
    #[command(flatten)]
    pub job: Job,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub format: Format,
    /// Print no answer and no progress.
    #[arg(short, long)]
    pub quiet: bool,
}

/// Runs the command; the exit code.
pub fn run(command: &Explain, output: &Output) -> u8 {
    let progress = Progress::new(command.quiet);
    progress.stage("compiling rules");
    let loaded = match rule_files::load_for_use(&command.job.rules) {
        Ok(loaded) => loaded,
        Err(refused) => {
            drop(progress);
            return refused.tell(output);
        }
    };
    let done = explained(command, &loaded, &progress);
    drop(progress);
    match done.and_then(|explanation| print(command, output, &loaded, &explanation)) {
        Ok(()) => DONE,
        Err(message) => {
            output.error(&message);
            INPUT_WRONG
        }
    }
}

fn explained(
    command: &Explain,
    loaded: &Loaded,
    progress: &Progress,
) -> Result<Explanation, String> {
    progress.stage("reading");
    let path = command.input.display();
    let file = torchscript::read(&command.input, &loaded.catalogue)
        .map_err(|error| error.of_file(&path))?;
    let options = command.job.options()?;
    explain::explain(file, loaded, &options, &mut |stage| progress.stage(stage))
        .map_err(|error| format!("{path}: {error}"))
}

fn print(
    command: &Explain,
    output: &Output,
    loaded: &Loaded,
    explanation: &Explanation,
) -> Result<(), String> {
    if let Some(path) = &command.html {
        let title = command.input.display().to_string();
        let page = explain::page(explanation, &loaded.catalogue, &title)
            .map_err(|error| error.to_string())?;
        return output.write(Some(path), &page);
    }
    let mut answer = explanation.answer.clone();
    if !command.node.is_empty() {
        choose(command, explanation, &mut answer)?;
    }
    if command.quiet {
        return Ok(());
    }
    match command.format {
        Format::Json => {
            let json = serde_json::to_string_pretty(&answer).map_err(|error| error.to_string())?;
            output.out(&(json + "\n"));
        }
        Format::Text => {
            let width = output.width();
            let with_source = !command.node.is_empty();
            let text = text(&answer, with_source, width, output.colors_out());
            output.out(&lines::wrapped(&text, width, INDENT));
        }
    }
    Ok(())
}

/// Leaves only the nodes that were asked for.
fn choose(command: &Explain, explanation: &Explanation, answer: &mut Answer) -> Result<(), String> {
    for wanted in &command.node {
        let is_there = explanation.graphs.iter().any(|(_, graph)| {
            let printed = printed(graph, &explanation.constants);
            !Wanted::from_text(wanted).find(graph, &printed).is_empty()
        });
        if !is_there {
            return Err(format!(
                "{}: the result has no node or value `{wanted}`; `rulefold explain --format json` lists all",
                command.input.display()
            ));
        }
    }
    for (method, (_, graph)) in answer.methods.iter_mut().zip(&explanation.graphs) {
        let printed = printed(graph, &explanation.constants);
        let wanted: Vec<u32> = command
            .node
            .iter()
            .flat_map(|wanted| Wanted::from_text(wanted).find(graph, &printed))
            .map(|id| id.0)
            .collect();
        method.nodes.retain(|node| wanted.contains(&node.id));
        method.unused.clear();
    }
    Ok(())
}

/// Colours of an answer.
struct Paint {
    bold: &'static str,
    dim: &'static str,
    cyan: &'static str,
    off: &'static str,
}

fn text(answer: &Answer, with_source: bool, width: Option<usize>, color: bool) -> String {
    let code = |code| if color { code } else { "" };
    let paint = Paint {
        bold: code("\x1b[1m"),
        dim: code("\x1b[2m"),
        cyan: code("\x1b[36m"),
        off: code("\x1b[0m"),
    };
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{}pipeline{} {} ({})",
        paint.bold, paint.off, answer.pipeline.name, answer.pipeline.because
    );
    let many = answer.methods.len() > 1;
    for method in &answer.methods {
        if many {
            let _ = writeln!(out, "\n{}method{} {}", paint.bold, paint.off, method.name);
        }
        let originals: FxHashMap<u32, &Original> = method
            .originals
            .iter()
            .map(|node| (node.id, node))
            .collect();
        for node in &method.nodes {
            let statement = lines::cut(&node.statement, width);
            let _ = writeln!(out, "\n{}{statement}{}", paint.bold, paint.off);
            node_text(answer, node, &originals, &paint, &mut out);
        }
    }
    if with_source {
        sources(answer, &paint, &mut out);
    }
    for method in &answer.methods {
        unused(method, many, &paint, &mut out);
    }
    out
}

fn node_text(
    answer: &Answer,
    node: &NodeAnswer,
    originals: &FxHashMap<u32, &Original>,
    paint: &Paint,
    out: &mut String,
) {
    let Paint { dim, cyan, off, .. } = paint;
    if node.rules.is_empty() {
        let what = match node.originals.is_empty() {
            true => "written by a step of the pipeline".to_owned(),
            false => format!("as in the model  {}", node.place.as_deref().unwrap_or("")),
        };
        let _ = writeln!(out, "  {dim}{}{off}", what.trim_end());
        return;
    }
    for (i, used) in node.rules.iter().enumerate() {
        let head = if i == 0 { "by" } else { "" };
        let rule = &answer.rules[used.rule];
        let module = rule.rule.rsplit_once('.').map_or("", |(module, _)| module);
        let name = if used.instance.contains('.') {
            used.instance.clone()
        } else {
            format!("{module}.{}", used.instance)
        };
        let _ = writeln!(
            out,
            "  {head:<5}{cyan}{name}{off}  {dim}{}:{}{off}",
            rule.path, rule.line
        );
    }
    let found: Vec<&&Original> = node
        .originals
        .iter()
        .filter_map(|id| originals.get(id))
        .collect();
    let heads: Vec<&str> = found.iter().map(|node| head(node)).collect();
    let width = heads.iter().map(|head| head.chars().count()).max();
    let width = width.unwrap_or(0);
    for (i, (original, what)) in found.iter().zip(heads).enumerate() {
        let head = if i == 0 { "from" } else { "" };
        let line = format!(
            "  {head:<5}{what:width$}  {dim}{}",
            original.place.as_deref().unwrap_or("")
        );
        let _ = writeln!(out, "{}{off}", line.trim_end());
    }
}

/// The operator of a statement with its attributes: `prim::GetAttr[name="weight"]`.
fn head(node: &Original) -> &str {
    let from = node.statement.find(&node.op).unwrap_or(0);
    let head = node.statement.get(from..).unwrap_or(&node.op);
    head.split('(').next().unwrap_or(&node.op)
}

/// The text of the rules that the nodes rest on.
fn sources(answer: &Answer, paint: &Paint, out: &mut String) {
    let nodes = answer.methods.iter().flat_map(|method| &method.nodes);
    let mut rules: Vec<usize> = nodes
        .flat_map(|node| node.rules.iter().map(|used| used.rule))
        .collect();
    rules.sort_unstable();
    rules.dedup();
    for rule in rules {
        let rule = &answer.rules[rule];
        let _ = writeln!(
            out,
            "\n{}{}:{}{}  {}",
            paint.bold, rule.path, rule.line, paint.off, rule.numerics
        );
        for (i, line) in rule.source.lines().enumerate() {
            let number = rule.line + i;
            let _ = writeln!(out, "{}{number:>5}{} {line}", paint.dim, paint.off);
        }
    }
}

fn unused(method: &Method, many: bool, paint: &Paint, out: &mut String) {
    if method.unused.is_empty() {
        return;
    }
    let of = if many {
        format!(" in {}", method.name)
    } else {
        String::new()
    };
    let _ = writeln!(out, "\n{}not taken{of}{}", paint.bold, paint.off);
    let width = method.unused.iter().map(|unused| unused.rule.len()).max();
    let width = width.unwrap_or(0);
    for unused in &method.unused {
        let why: Vec<String> = unused.why.iter().map(reason).collect();
        let _ = writeln!(
            out,
            "  {:width$}  {:>4} x  {}",
            unused.rule,
            unused.count,
            why.join("; ")
        );
    }
}

fn reason(why: &Why) -> String {
    match why {
        Why::Cost {
            count,
            products: 0,
            operations: 0,
            bytes: 0,
        } => format!("{count} would cost the same"),
        Why::Cost {
            count,
            products,
            operations,
            bytes,
        } => {
            let products = match products {
                0 => String::new(),
                more => format!("{more:+} products, "),
            };
            format!("{count} would cost {products}{operations:+} operations, {bytes:+} bytes")
        }
        Why::NotAsked { count } => format!("{count} more alike"),
        Why::NotNeeded { count } => format!("{count} not needed by the result"),
        Why::NotWritable { count } => format!("{count} only note something for other rules"),
        Why::Circular { count } => format!("{count} rest on what they would replace"),
        Why::OnlyEqual { count } => format!("{count} found values equal and made no node"),
    }
}
