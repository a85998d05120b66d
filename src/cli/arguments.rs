//! What may be written behind `rulefold`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::pipeline::job::{NumericsLimit, Options};

use super::diff::Diff;
use super::explain::Explain;
use super::settings::Settings;
use super::show::Show;

/// Rewrite rules for neural-network graphs: text rules in, the smallest equal model out.
#[derive(Parser, Debug)]
#[command(name = "rulefold", version, about, long_about = None, propagate_version = true)]
pub struct Arguments {
    /// When to use colours.
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true)]
    pub color: Color,
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The subcommands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Rewrite a model by the rules and write the smallest equal one.
    Optimize(Optimize),
    /// Check rule files; exit code 1 if one has an error.
    Check(Check),
    /// Print the graphs of a model: as text, as a picture, for programs.
    Show(Show),
    /// Say what differs between two models; exit code 1 if anything does.
    Diff(Diff),
    /// Run two models on the same inputs and say how far their outputs are apart.
    Verify(super::verify::Verify),
    /// Say how the nodes of a result came to be: which rules made them, and of what.
    Explain(Explain),
    /// Write rule files in the one way that everybody writes them.
    Fmt(super::fmt::Fmt),
    /// List, search and document rules.
    Rules(super::rules::Rules),
    /// Start something new: a rule cut out of a model.
    New(super::new::New),
    /// Make rules of the pattern strings in a Python, C++ or text file.
    Import(super::import::Import),
    /// Run the tests in rule files; exit code 1 if one fails.
    Test(super::test::Test),
    /// Say why a rule matches nothing in a model, or what became of its matches.
    Why(super::why::WhyArgs),
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// How far the numbers of the result may be from those of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Numerics {
    /// Bit for bit: only rules labelled `exact`.
    Exact,
    /// Equal in real arithmetic: `exact` and `real`.
    Real,
    /// Within steps of a quantized result: `exact`, `real` and `within N lsb`.
    Lsb,
}

/// What is done to a model, and by which rules.
#[derive(Args, Clone, Debug)]
pub struct Job {
    /// A rule file or a folder of them: added, or instead of the shipped module of the same name. May be given several times.
    #[arg(long, value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    /// The pipeline to run, such as `torch.static`. Without it the model's content decides, and the answer says how.
    #[arg(long, value_name = "NAME")]
    pub pipeline: Option<String>,
    /// Settings of the pipeline.
    #[command(flatten)]
    pub settings: Settings,
    /// Only rules with this promise about numbers, or a stronger one.
    #[arg(long, value_enum, value_name = "LABEL")]
    pub numerics: Option<Numerics>,
}

impl Job {
    /// The same for the library.
    ///
    /// # Errors
    /// A setting that is no value.
    pub fn options(&self) -> Result<Options, String> {
        Ok(Options {
            pipeline: self.pipeline.clone(),
            numerics: self.numerics.map(|limit| match limit {
                Numerics::Exact => NumericsLimit::Exact,
                Numerics::Real => NumericsLimit::Real,
                Numerics::Lsb => NumericsLimit::Lsb,
            }),
            settings: self.settings.literals()?,
        })
    }
}

/// `rulefold optimize`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 the model was written, 1 the rules have errors, 2 the model or the call is wrong (nothing is written).

The report goes to standard output, or to standard error when the model goes to standard output.

Examples:
  rulefold optimize qdq.pt -o model.pt
  rulefold optimize qdq.pt -o - --rules my.fold > model.pt
  rulefold optimize model.pt -o model.pt --pipeline torch.simplify -q
  rulefold optimize model.pt -o small.pt --keep encode --keep decoder.scale"
)]
pub struct Optimize {
    /// The model: a TorchScript archive.
    #[arg(value_name = "MODEL")]
    pub input: PathBuf,
    /// Where to write the result; `-` for standard output. May be the input.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Rules, pipeline and settings.
    #[command(flatten)]
    pub job: Job,
    /// How the report is printed.
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub format: Format,
    /// Print no report and no progress.
    #[arg(short, long)]
    pub quiet: bool,
}

/// `rulefold check`.
#[derive(Args, Debug)]
#[command(after_help = "Exit codes: 0 no errors, 1 errors in the rules, 2 a file cannot be read.")]
pub struct Check {
    /// Rule files, or folders of them.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// How diagnostics are printed.
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub format: Format,
    /// Print errors only.
    #[arg(short, long)]
    pub quiet: bool,
}
