//! `rulefold diff`: what differs between two models.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::inspect::diff::{self, Difference, Method, Region, Sign};
use crate::model::archive::Archive;
use crate::model::torchscript;
use crate::ops::Catalogue;
use crate::pipeline::report::Change;

use super::arguments::Format;
use super::output::Output;
use super::report_text::change;
use super::{DONE, INPUT_WRONG, lines};

/// The models differ.
const DIFFER: u8 = 1;
/// Lines of a list that are shown without `--all`.
const FEW: usize = 7;

/// `rulefold diff`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 the models are equal, 1 they differ, 2 a model or the call is wrong.

Compared is what the methods do once calls are inlined and attributes are read, and what the modules hold; names of classes and of values
do not matter. Values of the second model that take the place of one in the first go by its name.

Examples:
  rulefold diff before.pt after.pt
  rulefold diff before.pt after.pt --all
  rulefold diff before.pt after.pt --format json | jq .operators"
)]
pub struct Diff {
    /// The first model: a TorchScript archive.
    #[arg(value_name = "A")]
    pub first: PathBuf,
    /// The second.
    #[arg(value_name = "B")]
    pub second: PathBuf,
    /// Show everything that differs: every region of the graphs, every constant, every member.
    #[arg(long)]
    pub all: bool,
    /// How the difference is printed.
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub format: Format,
    /// Print nothing; the exit code says it.
    #[arg(short, long)]
    pub quiet: bool,
}

/// The whole answer.
#[derive(Serialize)]
struct Answer<'a> {
    first: String,
    second: String,
    #[serde(flatten)]
    difference: &'a Difference,
    /// Bytes of all members, uncompressed.
    bytes: Change,
    /// Members whose size differs.
    members: Vec<Member>,
}

/// A member of the archives.
#[derive(Serialize)]
struct Member {
    name: String,
    before: Option<u64>,
    after: Option<u64>,
}

/// Runs the command; the exit code.
pub fn run(command: &Diff, output: &Output) -> u8 {
    let catalogue = Catalogue::new();
    let read = |path: &Path| {
        let archive = Archive::open(path).map_err(|error| error.to_string())?;
        let file = torchscript::read_archive(&archive, &catalogue)
            .map_err(|error| error.of_file(path.display()))?;
        Ok::<_, String>((archive, file))
    };
    let (first, second) = match (read(&command.first), read(&command.second)) {
        (Ok(first), Ok(second)) => (first, second),
        (first, second) => {
            for error in [first.err(), second.err()].into_iter().flatten() {
                output.error(&error);
            }
            return INPUT_WRONG;
        }
    };
    let difference = diff::models(&first.1.model, &second.1.model, &catalogue);
    let members = members(&first.0, &second.0);
    let answer = Answer {
        first: command.first.display().to_string(),
        second: command.second.display().to_string(),
        difference: &difference,
        bytes: Change {
            before: members.values().filter_map(|sizes| sizes.0).sum(),
            after: members.values().filter_map(|sizes| sizes.1).sum(),
        },
        members: members
            .iter()
            .filter(|(_, (before, after))| before != after)
            .map(|(name, &(before, after))| Member {
                name: name.clone(),
                before,
                after,
            })
            .collect(),
    };
    if !command.quiet {
        match command.format {
            Format::Json => match serde_json::to_string_pretty(&answer) {
                Ok(json) => output.out(&(json + "\n")),
                Err(error) => {
                    output.error(&error.to_string());
                    return INPUT_WRONG;
                }
            },
            Format::Text if difference.equal => {}
            Format::Text => {
                let text = text(command, &answer, output.colors_out());
                output.out(&lines::cut(&text, output.width()));
            }
        }
    }
    if difference.equal { DONE } else { DIFFER }
}

fn members(a: &Archive, b: &Archive) -> BTreeMap<String, (Option<u64>, Option<u64>)> {
    let mut members: BTreeMap<String, (Option<u64>, Option<u64>)> = BTreeMap::new();
    for member in a.members() {
        members.entry(member.name().to_owned()).or_default().0 = Some(member.size());
    }
    for member in b.members() {
        members.entry(member.name().to_owned()).or_default().1 = Some(member.size());
    }
    members
}

/// Colours of a difference.
struct Paint {
    bold: &'static str,
    dim: &'static str,
    red: &'static str,
    green: &'static str,
    cyan: &'static str,
    off: &'static str,
}

impl Paint {
    fn new(color: bool) -> Paint {
        let code = |code| if color { code } else { "" };
        Paint {
            bold: code("\x1b[1m"),
            dim: code("\x1b[2m"),
            red: code("\x1b[31m"),
            green: code("\x1b[32m"),
            cyan: code("\x1b[36m"),
            off: code("\x1b[0m"),
        }
    }
}

fn text(command: &Diff, answer: &Answer, color: bool) -> String {
    let paint = Paint::new(color);
    let Paint { bold, dim, off, .. } = paint;
    let difference = answer.difference;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{bold}--- {}\n+++ {}{off}",
        answer.first, answer.second
    );
    let head = |name: &str| format!("{bold}{name:<12}{off}");
    let _ = writeln!(
        out,
        "{}{}",
        head("operations"),
        change(difference.operations.before, difference.operations.after)
    );
    let names = difference.operators.iter().map(|count| count.op.len());
    let width = names.max().unwrap_or(0);
    for count in &difference.operators {
        let _ = writeln!(
            out,
            "            {:width$}  {:>4} -> {}",
            count.op, count.before, count.after
        );
    }
    constants(command, difference, &paint, &mut out);
    let attributes = difference.attributes.iter().map(|attribute| {
        let (path, before, after) = (&attribute.path, &attribute.before, &attribute.after);
        let mut line = String::new();
        if let Some(before) = before {
            let _ = writeln!(line, "            {}- {path} = {before}{off}", paint.red);
        }
        if let Some(after) = after {
            let _ = writeln!(line, "            {}+ {path} = {after}{off}", paint.green);
        }
        line
    });
    if !difference.attributes.is_empty() {
        let _ = writeln!(
            out,
            "{}{} differ",
            head("attributes"),
            difference.attributes.len()
        );
        list(command, attributes, &mut out);
    }
    let _ = writeln!(
        out,
        "{}{}",
        head("bytes"),
        change(answer.bytes.before, answer.bytes.after)
    );
    if command.all {
        for member in &answer.members {
            let size = |size: Option<u64>| size.map_or("none".to_owned(), |size| size.to_string());
            let _ = writeln!(
                out,
                "            {}  {} -> {}",
                member.name,
                size(member.before),
                size(member.after)
            );
        }
    } else {
        folders(answer, &mut out);
    }
    for method in &difference.methods {
        let as_read = method.as_read.as_ref().map_or(String::new(), |why| {
            format!(" {dim}(compared as read: {why}){off}")
        });
        let _ = writeln!(
            out,
            "{}{}: {}{as_read}",
            head("method"),
            method.name,
            method.change
        );
        shapes(command, method, &paint, &mut out);
    }
    out
}

/// Prints a list, or its first lines and how many are left.
fn list(command: &Diff, items: impl ExactSizeIterator<Item = String>, out: &mut String) {
    let count = items.len();
    let shown = if command.all || count <= FEW {
        count
    } else {
        FEW - 1
    };
    items.take(shown).for_each(|item| out.push_str(&item));
    if shown < count {
        let _ = writeln!(
            out,
            "            … {} more (--all shows them)",
            count - shown
        );
    }
}

fn constants(command: &Diff, difference: &Difference, paint: &Paint, out: &mut String) {
    let Paint {
        bold,
        red,
        green,
        cyan,
        off,
        ..
    } = paint;
    let count = |what: &str| {
        let of = difference.constants.iter();
        of.filter(|constant| constant.change == what).count()
    };
    let parts: Vec<String> = ["removed", "added", "changed", "moved"]
        .into_iter()
        .filter(|what| count(what) > 0)
        .map(|what| format!("{} {what}", count(what)))
        .collect();
    if parts.is_empty() {
        return;
    }
    let bytes = difference.constant_bytes;
    let _ = writeln!(
        out,
        "{bold}constants   {off}{}; {} bytes",
        parts.join(", "),
        change(bytes.before, bytes.after)
    );
    let lines = difference.constants.iter().map(|constant| {
        let (path, ty) = (&constant.path, &constant.ty);
        match constant.change {
            "removed" => format!(
                "            {red}- {path} : {ty}, {} bytes{off}\n",
                constant.before
            ),
            "added" => format!(
                "            {green}+ {path} : {ty}, {} bytes{off}\n",
                constant.after
            ),
            "moved" => {
                let to = constant.to.as_deref().unwrap_or_default();
                format!("            {cyan}> {path} is now {to}{off}\n")
            }
            _ => {
                let new = constant.new_ty.as_deref().unwrap_or(ty);
                let types = if new == ty {
                    ty.clone()
                } else {
                    format!("{ty} -> {new}")
                };
                format!(
                    "            {cyan}~ {path} : {types}, {} -> {} bytes{off}\n",
                    constant.before, constant.after
                )
            }
        }
    });
    list(command, lines, out);
}

/// Members summed up by their folder, where that differs.
fn folders(answer: &Answer, out: &mut String) {
    let mut folders: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for member in &answer.members {
        let folder = match member.name.split_once('/') {
            Some((folder, _)) => &member.name[..=folder.len()],
            None => member.name.as_str(),
        };
        let sizes = folders.entry(folder).or_default();
        sizes.0 += member.before.unwrap_or(0);
        sizes.1 += member.after.unwrap_or(0);
    }
    let width = folders.keys().map(|name| name.len()).max().unwrap_or(0);
    for (folder, (before, after)) in folders {
        let by = i128::from(after) - i128::from(before);
        let _ = writeln!(out, "            {folder:width$}  {by:+}");
    }
}

fn shapes(command: &Diff, method: &Method, paint: &Paint, out: &mut String) {
    for shape in &method.shapes {
        let times = if shape.count > 1 {
            format!("{} x ", shape.count)
        } else {
            String::new()
        };
        let _ = writeln!(
            out,
            "\n{}{times}{}{}",
            paint.bold,
            shape.phrase(),
            paint.off
        );
        let shown = if command.all { shape.regions.len() } else { 1 };
        for region in shape.regions.iter().take(shown) {
            region_text(region, paint, out);
        }
    }
}

fn region_text(region: &Region, paint: &Paint, out: &mut String) {
    let place = if region.place.is_empty() {
        String::new()
    } else {
        format!(" {}", region.place)
    };
    let _ = writeln!(out, "{}@@{place} @@{}", paint.cyan, paint.off);
    for line in &region.lines {
        let (sign, color) = match line.sign {
            Sign::Context => (' ', ""),
            Sign::Removed => ('-', paint.red),
            Sign::Added => ('+', paint.green),
        };
        let off = if color.is_empty() { "" } else { paint.off };
        let _ = writeln!(out, "{color}{sign} {}{off}", line.text);
    }
}
