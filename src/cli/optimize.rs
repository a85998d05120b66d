//! `rulefold optimize`: a model file in, a smaller equal one out.
//!
//! Invariant: the result is read back and compared before it takes its place; on any error nothing is written.

use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use crate::model::archive::{Archive, Replacement};
use crate::model::torchscript::{self, TorchScript};
use crate::ops::Catalogue;
use crate::pipeline::job;
use crate::pipeline::report::{Change, Report, Stage};
use crate::pipeline::{compare, library};

use super::arguments::{Format, Optimize};
use super::output::Output;
use super::progress::Progress;
use super::{DONE, INPUT_WRONG, lines, report_text, rule_files};

/// Where values stand in the report.
const INDENT: usize = 12;

/// Runs the command; the exit code.
pub fn run(command: &Optimize, output: &Output) -> u8 {
    let progress = Progress::new(command.quiet);
    progress.stage("compiling rules");
    let loaded = match rule_files::load_for_use(&command.job.rules) {
        Ok(loaded) => loaded,
        Err(refused) => {
            drop(progress);
            return refused.tell(output);
        }
    };
    let done = optimize(command, &loaded, &progress);
    drop(progress);
    match done {
        Ok(report) => {
            if !command.quiet {
                print(command, output, &report);
            }
            DONE
        }
        Err(message) => {
            output.error(&message);
            INPUT_WRONG
        }
    }
}

fn optimize(
    command: &Optimize,
    loaded: &library::Loaded,
    progress: &Progress,
) -> Result<Report, String> {
    let start = Instant::now();
    progress.stage("reading");
    let path = &command.input;
    let archive = Archive::open(path).map_err(|error| error.to_string())?;
    let before = bytes(&archive);
    let file = torchscript::read_archive(&archive, &loaded.catalogue)
        .map_err(|error| error.of_file(path.display()))?;
    let read = start.elapsed();
    let options = command.job.options()?;
    let (file, mut report) =
        job::optimize(file, loaded, &options, &mut |stage| progress.stage(stage))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    report.input.path = path.display().to_string();
    report.seconds.insert(
        0,
        Stage {
            stage: "read",
            seconds: read.as_secs_f64(),
        },
    );
    progress.stage("writing");
    let start = Instant::now();
    let after = write(command, &file, &loaded.catalogue)?;
    report.bytes = Change { before, after };
    report.seconds.push(Stage {
        stage: "write",
        seconds: start.elapsed().as_secs_f64(),
    });
    Ok(report)
}

/// Bytes of all members, uncompressed.
fn bytes(archive: &Archive) -> u64 {
    archive.members().iter().map(|member| member.size()).sum()
}

/// Writes the result, reads it back, and lets it take its place; its uncompressed bytes.
fn write(command: &Optimize, file: &TorchScript, catalogue: &Catalogue) -> Result<u64, String> {
    let path = &command.output;
    let shown = path.display();
    if path == Path::new("-") {
        let mut whole = Vec::new();
        torchscript::write(file, catalogue, &mut whole)
            .map_err(|error| format!("standard output: {error}"))?;
        let whole: std::sync::Arc<[u8]> = whole.into();
        let archive = Archive::from_bytes("standard output", whole.clone())
            .map_err(|error| error.to_string())?;
        let size = verified(&archive, file, catalogue)?;
        let mut out = io::stdout().lock();
        return match out.write_all(&whole).and_then(|()| out.flush()) {
            Ok(()) => Ok(size),
            Err(error) => Err(format!("standard output: cannot be written: {error}")),
        };
    }
    let failed = |error: io::Error| format!("{shown}: cannot be written: {error}");
    let mut replacement = Replacement::create(path).map_err(failed)?;
    torchscript::write(file, catalogue, &mut replacement)
        .map_err(|error| format!("{shown}: {error}"))?;
    replacement.flush().map_err(failed)?;
    let archive = Archive::open(replacement.path()).map_err(|error| error.to_string())?;
    let size = verified(&archive, file, catalogue)?;
    drop(archive);
    replacement.commit().map_err(failed)?;
    Ok(size)
}

fn verified(archive: &Archive, file: &TorchScript, catalogue: &Catalogue) -> Result<u64, String> {
    let again = torchscript::read_archive(archive, catalogue)
        .map_err(|error| format!("the written file cannot be read back: {error}"))?;
    compare::same(&file.model, &again.model)
        .map_err(|difference| format!("the written file reads back differently: {difference}"))?;
    Ok(bytes(archive))
}

fn print(command: &Optimize, output: &Output, report: &Report) {
    let to_err = command.output == Path::new("-");
    let text = match command.format {
        Format::Json => serde_json::to_string_pretty(report).map_or_else(
            |error| format!("{{\"error\": \"{error}\"}}"),
            |json| json + "\n",
        ),
        Format::Text => {
            let (colors, width) = match to_err {
                true => (output.colors_err(), output.width_err()),
                false => (output.colors_out(), output.width()),
            };
            lines::wrapped(&report_text::text(report, colors), width, INDENT)
        }
    };
    if to_err {
        output.err(&text)
    } else {
        output.out(&text)
    }
}
