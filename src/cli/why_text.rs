//! The answer of `rulefold why` as text: a head, what became of matches, groups of near misses on the source of the rule.

use std::fmt::Write;

use crate::diagnostic::{Label, Role, excerpt};
use crate::inspect::why::{
    Costs, Example, Fate, FateKind, Group, ModelNode, StepWhy, Verdict, Why,
};
use crate::pipeline::library::Loaded;

use super::lines;
use super::output::Output;

/// Where values stand behind the heads of lines.
const VALUES: usize = 12;
/// Columns before the text of a note, behind line numbers of up to four digits.
const NOTE: usize = 7;
/// Columns of `note: `.
const NOTICE: usize = 6;
/// Columns before the words of a note.
const WORDS: usize = 8;

/// Groups shown unless all were asked for.
const MOST_GROUPS: usize = 5;
/// Kinds of operators named of those found instead.
const MOST_FOUND: usize = 4;
/// Names shown of what an attempt held.
const MOST_HELD: usize = 8;

/// How much of an answer is shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// All groups, not only the nearest.
    pub all: bool,
    /// What else could be asked.
    pub hints: bool,
}

impl Default for Shown {
    fn default() -> Shown {
        Shown {
            all: false,
            hints: true,
        }
    }
}

/// The answer as text.
pub fn text(why: &Why, loaded: &Loaded, output: &Output, shown: Shown) -> String {
    let mut out = String::new();
    let paint = Paint::new(output);
    let name = match why.instances.as_slice() {
        [one] => format!(
            "{}{}",
            why.rule,
            one.find('[').map_or("", |at| one.get(at..).unwrap_or(""))
        ),
        _ => why.rule.clone(),
    };
    paint.line(&mut out, "rule", &format!("{name} ({})", why.numerics));
    let pipeline = format!("{} ({})", why.pipeline.name, why.pipeline.because);
    paint.line(&mut out, "pipeline", &pipeline);
    if let Some(sentence) = verdict(why) {
        paint.line(&mut out, "answer", &sentence);
        return out;
    }
    for step in &why.steps {
        self::step(&mut out, step, why, loaded, &paint, shown);
    }
    out
}

/// Heads of lines in bold.
pub struct Paint {
    colours: bool,
    /// Columns of a line, if it is to be no longer.
    width: Option<usize>,
}

impl Paint {
    /// As the output wants it.
    pub fn new(output: &Output) -> Paint {
        Paint {
            colours: output.colors_out(),
            width: output.width(),
        }
    }

    /// A line with a head.
    pub fn line(&self, out: &mut String, head: &str, text: &str) {
        let (bold, off) = self.bold();
        let line = format!("{bold}{head:<10}{off}  {text}");
        let _ = writeln!(out, "{}", lines::wrapped(&line, self.width, VALUES));
    }

    /// Codes around what is bold.
    pub fn bold(&self) -> (&'static str, &'static str) {
        if self.colours {
            ("\x1b[1m", "\x1b[0m")
        } else {
            ("", "")
        }
    }

    /// Whether there are colours.
    pub fn colours(&self) -> bool {
        self.colours
    }

    /// Text cut to what is left of a line behind so many columns.
    pub fn fit(&self, text: &str, behind: usize) -> String {
        lines::cut(text, self.width.map(|width| width.saturating_sub(behind)))
    }

    /// Text broken between words so that it fits behind so many columns.
    fn wrap(&self, text: &str, behind: usize, indent: usize) -> String {
        let width = self.width.map(|width| width.saturating_sub(behind));
        lines::wrapped(text, width, indent)
    }
}

/// What is to say if no step had the rule.
fn verdict(why: &Why) -> Option<String> {
    let names: Vec<String> = why.in_pipelines.iter().map(|n| format!("`{n}`")).collect();
    Some(match why.verdict {
        Verdict::Matched | Verdict::NearMisses | Verdict::NothingNear => return None,
        Verdict::NotInPipeline if names.is_empty() => {
            "no pipeline has this rule; a `saturate` or `apply` step has to name it, or its module"
                .to_owned()
        }
        Verdict::NotInPipeline => format!(
            "the pipeline does not have this rule; {} {}: run with `--pipeline {}`",
            names.join(", "),
            if names.len() == 1 {
                "has it"
            } else {
                "have it"
            },
            why.in_pipelines[0]
        ),
        Verdict::NotReached => {
            "the pipeline has the rule in a step that was not reached: its condition is false"
                .to_owned()
        }
        Verdict::LeftOut => format!(
            "`--numerics` leaves the rule out: it promises `{}`",
            why.numerics
        ),
        Verdict::NoVariants => {
            "its guards are false whatever the model holds, so nothing of it is left".to_owned()
        }
    })
}

fn step(out: &mut String, step: &StepWhy, why: &Why, loaded: &Loaded, paint: &Paint, asked: Shown) {
    let place = format!(
        "{} of `{}`, at {}:{}",
        step.verb, step.method, step.place.file, step.place.line
    );
    paint.line(out, "step", &place);
    let near = match (step.near_misses, step.groups.len()) {
        (0, _) => "no near misses".to_owned(),
        (1, _) => "1 near miss".to_owned(),
        (n, 1) => format!("{n} near misses, all alike"),
        (n, groups) => format!("{n} near misses of {groups} kinds"),
    };
    let matches = if step.matches == 1 {
        "match"
    } else {
        "matches"
    };
    paint.line(out, "found", &format!("{} {matches}, {near}", step.matches));
    for fate in &step.fates {
        let text = fate_text(fate, why);
        paint.line(out, "", &format!("{:>4} x  {text}", fate.count));
        paint.line(
            out,
            "",
            &paint.fit(
                &format!("        first: {}", node_text(&fate.first)),
                VALUES,
            ),
        );
    }
    for missing in &step.missing_operators {
        let mut text = format!("the model holds no `{}`", missing.op);
        if let Some(instead) = &missing.instead {
            let _ = write!(text, "; there is `{instead}`");
        }
        paint.line(out, "missing", &text);
    }
    for limit in &step.limits {
        paint.line(out, "limit", limit);
    }
    // Beside matches only what nearly was another is worth a look.
    let is_worth = |group: &&Group| step.matches == 0 || 2 * group.matched >= group.of;
    let shown: Vec<&Group> = match asked.all {
        true => step.groups.iter().collect(),
        false => step
            .groups
            .iter()
            .filter(is_worth)
            .take(MOST_GROUPS)
            .collect(),
    };
    if !shown.is_empty() {
        out.push('\n');
    }
    for group in &shown {
        out.push_str(&group_text(group, loaded, paint));
    }
    let left = step.near_misses - shown.iter().map(|group| group.count).sum::<usize>();
    if left > 0 && asked.hints {
        let misses = if left == 1 {
            "near miss"
        } else {
            "near misses"
        };
        let _ = writeln!(out, "{left} {misses} not shown; `--all` shows them");
    }
}

fn fate_text(fate: &Fate, why: &Why) -> String {
    let short = why.rule.rsplit('.').next().unwrap_or_default();
    let mut text = match fate.kind {
        FateKind::Kept => "what the rule writes is in the result".to_owned(),
        FateKind::Merged => "the value is one of its own parts in the result".to_owned(),
        FateKind::Replaced => format!("{} took the place", fate.rule),
        FateKind::Original => "the model's own operator stays".to_owned(),
        FateKind::Unneeded => {
            "the value is not computed any more: what used it took it in".to_owned()
        }
        FateKind::Done => "the effects that it erases and adds were erased and added".to_owned(),
        FateKind::Refused => {
            "left alone: somebody reads what it would erase, or what it adds could stand nowhere"
                .to_owned()
        }
        FateKind::Unbuilt => {
            "what it writes was there already, or rests on something unknown".to_owned()
        }
    };
    if !fate.unwritable.is_empty() {
        let _ = write!(
            text,
            "; `{}` may not be written: the target has no such operator",
            fate.unwritable.join("`, `")
        );
    }
    if let Some([chosen, with]) = &fate.costs {
        let _ = write!(
            text,
            ": {} as chosen, {} with {short} here",
            cost_text(chosen, chosen.products != with.products),
            cost_text(with, chosen.products != with.products)
        );
    }
    text
}

fn cost_text(costs: &Costs, with_products: bool) -> String {
    let products = match with_products {
        true => format!("{} products, ", costs.products),
        false => String::new(),
    };
    let (operations, bytes) = (costs.operations, costs.bytes);
    format!("{products}{operations} operations and {bytes} bytes")
}

/// A node with its place.
pub fn node_text(node: &ModelNode) -> String {
    let mut text = match node.statement.as_str() {
        "" => node.op.clone(),
        statement if node.name.is_empty() => format!("{} ({statement})", node.op),
        statement if statement.starts_with('%') => statement.to_owned(),
        statement => format!("{} ({statement})", node.name),
    };
    if !node.made_by.is_empty() {
        let _ = write!(text, ", made by {}", node.made_by);
    }
    text
}

/// A group on the source of its rule.
pub fn group_text(group: &Group, loaded: &Loaded, paint: &Paint) -> String {
    let mut notes: Vec<String> = Vec::new();
    for (number, example) in group.examples.iter().enumerate() {
        example_notes(example, number == 0, paint, &mut notes);
    }
    for (rule, count) in &group.taken_by {
        let text = format!("{count} of these places were taken by {rule}");
        notes.push(paint.wrap(&text, NOTE, WORDS));
    }
    let cure = group.suggestion.iter();
    notes.extend(cure.map(|text| paint.wrap(&format!("help: {text}"), NOTE, WORDS)));
    let words = group
        .examples
        .first()
        .map_or(group.reason.clone(), label_text);
    let labels: Vec<Label> = (0..)
        .zip(&group.spans)
        .map(|(at, &span)| Label {
            role: if at == 0 {
                Role::Primary
            } else {
                Role::Secondary
            },
            span,
            text: if at == 0 {
                words.clone()
            } else {
                String::new()
            },
        })
        .collect();
    let message = format!(
        "{} x, {} of {} matched: {}{}",
        group.count,
        group.matched,
        group.of,
        group.reason,
        found_text(group)
    );
    let message = paint.wrap(&message, NOTICE, NOTICE);
    excerpt(&loaded.sources, &message, &labels, &notes, paint.colours())
}

/// `, found aten::conv2d (52 x), aten::hardtanh (35 x)`.
fn found_text(group: &Group) -> String {
    let found = match group.found.as_slice() {
        [] => return String::new(),
        [(what, _)] => what.clone(),
        several => {
            let named = several.iter().take(MOST_FOUND);
            let mut named: Vec<String> = named
                .map(|(what, count)| format!("{what} ({count} x)"))
                .collect();
            if several.len() > MOST_FOUND {
                named.push("...".to_owned());
            }
            named.join(", ")
        }
    };
    format!(", found {found}")
}

/// What stands at the place in the rule: for a guard what its sides are, as far as that says more than they do themselves.
fn label_text(example: &Example) -> String {
    let Some(compared) = &example.compared else {
        return example.miss.clone();
    };
    let sides = [&compared.left, &compared.right];
    let told = sides.iter().filter(|(name, value)| name != value);
    let told: Vec<String> = told
        .map(|(name, value)| format!("{name} is {value}"))
        .collect();
    told.join(", ")
}

fn example_notes(example: &Example, is_first: bool, paint: &Paint, notes: &mut Vec<String>) {
    const INDENT: usize = NOTE + WORDS;
    let mut place = |head: &str, node: &ModelNode| {
        let text = format!("{head}{}", paint.fit(&node_text(node), INDENT));
        notes.push(match node.place.as_str() {
            "" => text,
            place => format!("{text}\n{:WORDS$}{}", "", paint.fit(place, NOTE + WORDS)),
        });
    };
    place(
        if is_first { "nearest " } else { "also    " },
        &example.root,
    );
    if example.at != example.root {
        place("stopped ", &example.at);
    }
    if !is_first || example.captures.is_empty() {
        return;
    }
    let held: Vec<String> = example
        .captures
        .iter()
        .take(MOST_HELD)
        .map(|held| {
            let of = if held.value.is_empty() || held.value == held.text {
                String::new()
            } else {
                format!(" {}", held.value)
            };
            paint.fit(&format!("{} ={of} {}", held.name, held.text), INDENT)
        })
        .collect();
    let more = example.captures.len().saturating_sub(MOST_HELD);
    let more = if more > 0 {
        format!("\n        and {more} more")
    } else {
        String::new()
    };
    notes.push(format!("held    {}{more}", held.join("\n        ")));
}
