//! An explanation as one page that needs nothing else.
//!
//! In: an explanation. Out: HTML with both graphs as pictures, the answer as JSON, styles and script inside.
//!
//! Invariant: nothing is loaded from anywhere; no text of a model or rule ends an element, an attribute or the script.

use std::fmt::Write;

use rustc_hash::FxHashMap;

use crate::drawing::{self, STYLE, Subject, xml};
use crate::graph::text::printed;
use crate::graph::{Graph, NodeId};
use crate::ops::Catalogue;

use super::answer::{Explanation, Method};

const PAGE_STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// How many colours there are for rules; further rules begin again.
const COLOURS: usize = 12;

/// The page under a title, which is the model's name.
///
/// # Errors
/// What JSON cannot hold, which is nothing an answer holds.
pub fn page(
    explanation: &Explanation,
    catalogue: &Catalogue,
    title: &str,
) -> Result<String, serde_json::Error> {
    let answer = &explanation.answer;
    // `<` only occurs in strings, and there it may be written as an escape.
    let data = serde_json::to_string(answer)?.replace('<', "\\u003c");
    let (mut before, mut after) = (String::new(), String::new());
    for (number, (method, (first, last))) in
        answer.methods.iter().zip(&explanation.graphs).enumerate()
    {
        let colours = Colours::of(method);
        let draw = |graph: &Graph, colours: &FxHashMap<u32, String>, out: &mut String| {
            let printed = printed(graph, &explanation.constants);
            let subject = Subject {
                graph,
                constants: &explanation.constants,
                catalogue,
                printed: &printed,
                only: None,
            };
            let frame = drawing::outline(&subject, &method.name);
            let layout = drawing::layout(&frame);
            let attributes = |id: NodeId| {
                let class = colours.get(&id.0).map_or("gone", String::as_str);
                format!(" data-rule=\"{class}\"")
            };
            let _ = writeln!(
                out,
                "<g class=\"graph\" data-method=\"{number}\" data-width=\"{:.0}\" data-height=\"{:.0}\">\n{}</g>",
                layout.width,
                layout.height,
                drawing::group(&frame, &layout, &attributes)
            );
        };
        draw(first, &colours.originals, &mut before);
        draw(last, &colours.nodes, &mut after);
    }
    let mut options = String::new();
    for (number, method) in answer.methods.iter().enumerate() {
        let _ = write!(
            options,
            "<option value=\"{number}\">{}</option>",
            xml(&method.name)
        );
    }
    let title = xml(title);
    let pipeline = xml(&answer.pipeline.name);
    let because = xml(&answer.pipeline.because);
    let pane = |side: &str, name: &str, graphs: &str| {
        format!(
            "<section class=\"pane\" aria-label=\"{name}\"><h2>{name} <span class=\"count\" id=\"{side}-count\"></span></h2>\n\
             <svg id=\"{side}\" class=\"rulefold\" tabindex=\"0\" role=\"application\" aria-label=\"Graph {name}: arrow keys walk its nodes, Enter explains one, plus and minus zoom\"><g class=\"view\">\n{graphs}</g></svg></section>\n"
        )
    };
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} explained</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{STYLE}{PAGE_STYLE}</style>\n</head>\n<body>\n\
         <header><h1>{title}</h1><p class=\"about\"><b>{pipeline}</b> <span>{because}</span></p>\n\
         <select id=\"method\" aria-label=\"Method\">{options}</select>\n\
         <div class=\"find\"><input id=\"search\" type=\"search\" placeholder=\"Find an operator or value\" aria-label=\"Find an operator or value\" autocomplete=\"off\" spellcheck=\"false\"><kbd>/</kbd><output id=\"hits\" aria-live=\"polite\"></output></div>\n\
         <div class=\"buttons\"><button id=\"out\" title=\"Zoom out\" aria-label=\"Zoom out\">&#8722;</button><button id=\"in\" title=\"Zoom in\" aria-label=\"Zoom in\">+</button><button id=\"fit\" title=\"Show all\">Fit</button></div></header>\n\
         <nav id=\"legend\" aria-label=\"Rules\"></nav>\n<main>\n{}{}<aside id=\"details\" aria-live=\"polite\" aria-label=\"Derivation\"></aside>\n</main>\n\
         <script type=\"application/json\" id=\"data\">{data}</script>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        pane("before", "Before", &before),
        pane("after", "After", &after),
    ))
}

/// What colour each node has: that of the rule that made it, or that made something of it.
struct Colours {
    originals: FxHashMap<u32, String>,
    nodes: FxHashMap<u32, String>,
}

impl Colours {
    fn of(method: &Method) -> Colours {
        let mut nodes: FxHashMap<u32, String> = FxHashMap::default();
        for node in &method.nodes {
            let colour = match node.rules.last() {
                Some(last) => (last.rule % COLOURS).to_string(),
                None => "kept".to_owned(),
            };
            nodes.insert(node.id, colour);
        }
        let mut originals: FxHashMap<u32, String> = FxHashMap::default();
        for original in &method.originals {
            let of = original.into.iter().filter_map(|id| nodes.get(id));
            // A node that was kept and is part of something new as well counts as kept.
            if let Some(colour) = of.min_by_key(|colour| (*colour != "kept", colour.len())) {
                originals.insert(original.id, colour.clone());
            }
        }
        Colours { originals, nodes }
    }
}
