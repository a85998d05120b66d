//! `rulefold why --step`: the nearest attempt, one thing of the rule after the other, at the reader's pace.
//!
//! Works with keys at a terminal (each followed by Enter) and with lines from a pipe alike.

use std::fmt::Write;
use std::io::BufRead;

use crate::diagnostic::{Label, Role, excerpt};
use crate::inspect::why::{Example, Group, ModelNode, Why};
use crate::pipeline::library::Loaded;

use super::output::Output;
use super::why_text::{Paint, Shown, group_text, node_text, text};

/// What the reader wants.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Next,
    Back,
    Captures,
    Graph,
    Quit,
}

/// An attempt to walk through.
struct Walked<'a> {
    example: &'a Example,
    /// The group it is of, if it did not match.
    group: Option<&'a Group>,
}

impl Walked<'_> {
    fn len(&self) -> usize {
        self.example.met.len() + usize::from(self.group.is_some())
    }
}

/// Walks through the nearest attempt; the end of the input ends it.
pub fn walk(
    why: &Why,
    loaded: &Loaded,
    output: &Output,
    keys: &mut dyn BufRead,
    is_terminal: bool,
) {
    let paint = Paint::new(output);
    let Some(walked) = nearest(why).filter(|walked| walked.len() > 0) else {
        output.out(&text(why, loaded, output, Shown::default()));
        return;
    };
    let mut at = 0;
    output.out(&show(&walked, at, loaded, &paint));
    loop {
        if is_terminal {
            output.out("[n]ext  [b]ack  [c]aptures  [g]raph  [q]uit > ");
        }
        match key(keys) {
            None => output.out("keys: n next, b back, c captures, g graph, q quit\n"),
            Some(Key::Quit) => return,
            Some(Key::Next) if at + 1 == walked.len() => {
                output.out("this is the end of the attempt\n");
            }
            Some(Key::Next) => {
                at += 1;
                output.out(&show(&walked, at, loaded, &paint));
            }
            Some(Key::Back) => {
                at = at.saturating_sub(1);
                output.out(&show(&walked, at, loaded, &paint));
            }
            Some(Key::Captures) => output.out(&captures(&walked, at, &paint)),
            Some(Key::Graph) => output.out(&graph(&walked, at, &paint)),
        }
    }
}

/// The next key; nothing if the line is none of them. The end of the input quits.
fn key(keys: &mut dyn BufRead) -> Option<Key> {
    let mut line = String::new();
    match keys.read_line(&mut line) {
        Ok(0) | Err(_) => return Some(Key::Quit),
        Ok(_) => {}
    }
    match line.trim() {
        "" | "n" | "next" => Some(Key::Next),
        "b" | "back" => Some(Key::Back),
        "c" | "captures" => Some(Key::Captures),
        "g" | "graph" => Some(Key::Graph),
        "q" | "quit" => Some(Key::Quit),
        _ => None,
    }
}

/// The nearest miss, or else the first match.
fn nearest(why: &Why) -> Option<Walked<'_>> {
    let missed = why.steps.iter().find_map(|step| {
        let group = step.groups.first()?;
        Some(Walked {
            example: group.examples.first()?,
            group: Some(group),
        })
    });
    let matched = || {
        let example = why.steps.iter().find_map(|step| step.matched.first())?;
        Some(Walked {
            example,
            group: None,
        })
    };
    missed.or_else(matched)
}

/// One step: the line of the rule, and the node of the model.
fn show(walked: &Walked<'_>, at: usize, loaded: &Loaded, paint: &Paint) -> String {
    let head = format!("step {} of {}", at + 1, walked.len());
    match (walked.example.met.get(at), walked.group) {
        (Some(met), _) => {
            let label = Label {
                role: Role::Primary,
                span: met.span,
                text: format!("{} matches", met.what),
            };
            let notes = node_notes(&met.node, paint);
            excerpt(&loaded.sources, &head, &[label], &notes, paint.colours())
        }
        (None, Some(group)) => group_text(group, loaded, paint),
        (None, None) => unreachable!("a step is one of those there are"),
    }
}

fn node_notes(node: &ModelNode, paint: &Paint) -> Vec<String> {
    if *node == ModelNode::default() {
        return Vec::new();
    }
    let mut notes = vec![format!("model  {}", paint.fit(&node_text(node), 14))];
    if !node.place.is_empty() {
        notes.push(format!("at     {}", node.place));
    }
    notes
}

/// What the rule's names hold at a step: those whose values were met by then.
fn captures(walked: &Walked<'_>, at: usize, paint: &Paint) -> String {
    let mut out = String::new();
    let is_end = at + 1 == walked.len();
    let met: Vec<&str> = walked
        .example
        .met
        .iter()
        .take(at + 1)
        .map(|met| met.node.name.as_str())
        .collect();
    for held in &walked.example.captures {
        if is_end || met.contains(&held.value.as_str()) {
            let line = format!("  {} = {} {}", held.name, held.value, held.text);
            let _ = writeln!(out, "{}", paint.fit(&line, 0));
        }
    }
    if out.is_empty() {
        out.push_str("  nothing is held yet\n");
    }
    out
}

/// The part of the model that was walked so far, with the place of this step.
fn graph(walked: &Walked<'_>, at: usize, paint: &Paint) -> String {
    let mut out = String::new();
    let mut shown: Vec<&str> = Vec::new();
    let met = walked.example.met.iter().map(|met| &met.node);
    let stopped = walked.group.map(|_| &walked.example.at);
    for (number, node) in met.chain(stopped).enumerate() {
        let statement = node.statement.as_str();
        if number > at || !statement.starts_with('%') || shown.contains(&statement) {
            continue;
        }
        shown.push(statement);
    }
    for statement in shown.iter().rev() {
        let _ = writeln!(out, "  {}", paint.fit(statement, 2));
    }
    out
}
