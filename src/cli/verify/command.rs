//! The command: its options, the run, and the answer.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;

use crate::inspect::verify::{self, OutputDifference, Sample, Verified};
use crate::model::torchscript::{self, TorchScript};
use crate::ops::Catalogue;

use super::super::arguments::Format;
use super::super::output::Output;
use super::super::progress::Progress;
use super::super::{DONE, INPUT_WRONG, lines};
use super::{inputs, python};

/// Where values stand in the answer.
const INDENT: usize = 12;
/// The models differ by more than is allowed.
const DIFFER: u8 = 1;

/// `rulefold verify`.
#[derive(Args, Debug)]
#[command(
    after_help = "DIR holds in0.npy, in1.npy, ... (or in0.json for a number or a truth value), or folders that do, one for each run. Without
--inputs, normally distributed tensors of the shapes given are drawn.

An output that a quantized value is made of is also compared in steps of its grid. Without a bound, every bit has to be equal.

Exit codes: 0 equal within the bounds, 1 they differ by more, 2 a model cannot be run or the call is wrong.

Examples:
  rulefold verify qdq.pt model.pt --inputs samples --steps 1
  rulefold verify before.pt after.pt --shape 1,3,224,224 --samples 8 --relative 1e-5
  rulefold verify before.pt after.pt --shape 1,3,224,224 --with /usr/bin/python3"
)]
pub struct Verify {
    /// The first model: a TorchScript archive.
    #[arg(value_name = "A")]
    pub first: PathBuf,
    /// The second.
    #[arg(value_name = "B")]
    pub second: PathBuf,
    /// The method to run.
    #[arg(long, value_name = "NAME", default_value = "forward")]
    pub method: String,
    /// Inputs, recorded as NumPy arrays. May be given several times.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["samples", "shape"])]
    pub inputs: Vec<PathBuf>,
    /// How many random inputs to run.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub samples: usize,
    /// The shape of a random tensor, such as `1,3,224,224`; once for each tensor that the method takes.
    #[arg(long, value_name = "SIZES")]
    pub shape: Vec<String>,
    /// Where the random numbers begin.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// The largest absolute difference allowed.
    #[arg(long, value_name = "X")]
    pub absolute: Option<f64>,
    /// The largest difference allowed relative to the larger number.
    #[arg(long, value_name = "X")]
    pub relative: Option<f64>,
    /// The largest difference allowed in quantization steps.
    #[arg(long, value_name = "X")]
    pub steps: Option<f64>,
    /// Let PyTorch run the models: a Python that can import torch, such as `python3`.
    #[arg(long, value_name = "PYTHON")]
    pub with: Option<PathBuf>,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub format: Format,
    /// Print nothing; the exit code says it.
    #[arg(short, long)]
    pub quiet: bool,
}

/// Runs the command; the exit code.
pub fn run(command: &Verify, output: &Output) -> u8 {
    let progress = Progress::new(command.quiet);
    let done = verified(command, &progress);
    drop(progress);
    let verified = match done {
        Ok(verified) => verified,
        Err(message) => {
            output.error(&message);
            return INPUT_WRONG;
        }
    };
    let equal = verified.outputs.iter().all(|found| allowed(command, found));
    if !command.quiet {
        let text = match command.format {
            Format::Json => json(&verified, equal),
            Format::Text => {
                let text = text(&verified, equal, output.colors_out());
                lines::wrapped(&text, output.width(), INDENT)
            }
        };
        output.out(&text);
    }
    if equal { DONE } else { DIFFER }
}

fn verified(command: &Verify, progress: &Progress) -> Result<Verified, String> {
    let catalogue = Catalogue::new();
    progress.stage("reading");
    let read = |path: &PathBuf| -> Result<TorchScript, String> {
        torchscript::read(path, &catalogue).map_err(|error| error.of_file(path.display()))
    };
    let (first, second) = (read(&command.first)?, read(&command.second)?);
    let samples = samples(command, &first)?;
    if let Some(program) = &command.with {
        progress.stage("running PyTorch");
        return python::verify(program, command, &samples);
    }
    progress.stage("running both models");
    verify::verify(
        &first.model,
        &second.model,
        &command.method,
        &samples,
        &catalogue,
        &mut |_| {},
    )
    .map_err(|error| match error.model {
        "the first model" => format!("{}: {error}", command.first.display()),
        _ => format!("{}: {error}", command.second.display()),
    })
}

fn samples(command: &Verify, first: &TorchScript) -> Result<Vec<Sample>, String> {
    if !command.inputs.is_empty() {
        return inputs::samples(&command.inputs);
    }
    let shapes = command.shape.iter().map(|shape| {
        let sizes = shape.split(',').map(|size| size.trim().parse::<usize>());
        sizes.collect::<Result<Vec<_>, _>>().map_err(|_| {
            format!("`{shape}` is no shape; write sizes with commas between: 1,3,224,224")
        })
    });
    let shapes = shapes.collect::<Result<Vec<_>, _>>()?;
    verify::random_samples(
        &first.model,
        &command.method,
        &shapes,
        command.samples,
        command.seed,
    )
    .map_err(|error| format!("{}: {error}", command.first.display()))
}

/// Whether a difference is within the bounds; each bound that is given has to hold.
fn allowed(command: &Verify, found: &OutputDifference) -> bool {
    if found.unlike.is_some() {
        return false;
    }
    let bounds = [
        (command.absolute, Some(found.absolute)),
        (command.relative, Some(found.relative)),
        (command.steps, found.steps),
    ];
    let mut bounded = false;
    for (bound, value) in bounds {
        if let (Some(bound), Some(value)) = (bound, value) {
            bounded = true;
            // A difference of one step is not exactly one step in floating point.
            if value > bound * (1.0 + 1e-6) {
                return false;
            }
        }
    }
    bounded || found.is_equal()
}

fn json(verified: &Verified, equal: bool) -> String {
    let mut value = serde_json::to_value(verified)
        .unwrap_or_else(|error| unreachable!("differences are numbers and text: {error}"));
    if let Some(object) = value.as_object_mut() {
        object.insert("equal".to_owned(), equal.into());
    }
    format!("{value:#}\n")
}

fn text(verified: &Verified, equal: bool, color: bool) -> String {
    let (bold, red, green, off) = if color {
        ("\x1b[1m", "\x1b[1;31m", "\x1b[1;32m", "\x1b[0m")
    } else {
        ("", "", "", "")
    };
    let runs = if verified.samples == 1 { "run" } else { "runs" };
    let mut out = format!(
        "{bold}method{off}      {}, {} {runs}\n",
        verified.method, verified.samples
    );
    for found in &verified.outputs {
        let head = format!("output {}", found.output);
        let _ = writeln!(out, "{bold}{head:<10}{off}  {}", line(found));
        if let Some(at) = &found.at {
            let _ = writeln!(
                out,
                "            furthest apart in {} at {:?}: {} and {}",
                at.sample, at.index, at.first, at.second
            );
        }
    }
    let answer = match (
        equal,
        verified.outputs.iter().all(OutputDifference::is_equal),
    ) {
        (true, true) => format!("{green}equal{off}, bit for bit"),
        (true, false) => format!("{green}equal{off} within the bounds"),
        (false, _) => format!("{red}different{off}"),
    };
    let _ = writeln!(out, "{bold}models{off}      {answer}");
    out
}

fn line(found: &OutputDifference) -> String {
    if let Some(why) = &found.unlike {
        return why.clone();
    }
    let elements = if found.elements == 1 {
        "element"
    } else {
        "elements"
    };
    if found.is_equal() {
        return format!("{} {elements}, no difference", found.elements);
    }
    let steps = match found.steps {
        None => String::new(),
        Some(steps) => format!(", {} quantization steps", rounded(steps)),
    };
    format!(
        "{} of {} {elements} differ; at most {} absolute, {} relative{steps}",
        found.different,
        found.elements,
        rounded(found.absolute),
        rounded(found.relative)
    )
}

/// Three significant digits.
fn rounded(x: f64) -> String {
    let short = format!("{x:.2e}");
    match short.parse::<f64>() {
        Ok(value) if value == 0.0 || (1e-3..1e6).contains(&value) => value.to_string(),
        _ => short,
    }
}
