//! One pair of PyTorch's graphs as the body of a rule.
//!
//! In: the texts of a pattern and its replacement. Out: `match` and `rewrite`, and which inputs the replacement drops.
//! Constants become literals, types of results go, in-place operators become those that the reader of models makes of them, and what
//! the graphs return in the same place gets one name.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::source::{SourceId, Span};
use crate::syntax::ast::{AttrKind, ExprKind, Graph, OpCall, Statement, TermKind};
use crate::syntax::lexer::{TokenKind, lex};
use crate::syntax::parse_graph;

/// The body of a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Retold {
    /// `match` and `rewrite`.
    pub(super) body: String,
    /// What the rule is about.
    pub(super) summary: String,
    /// Inputs that the pattern binds and the replacement does not use.
    pub(super) dropped: Vec<String>,
}

/// Prefixes of operators that stand for calls, which are inlined before rules see a model.
const CALLS: [&str; 4] = [
    "match::",
    "prim::CallMethod",
    "prim::CallFunction",
    "prim::GetAttr",
];

/// Makes a rule's body; the error says why it cannot be one. `filters` are names of conditions that stand with the pair.
pub(super) fn retell(
    pattern: &str,
    replacement: &str,
    filters: &[String],
) -> Result<Retold, String> {
    let from = Side::read(pattern, "the pattern")?;
    let to = Side::read(replacement, "the replacement")?;
    if from.graph.returns.len() != to.graph.returns.len() {
        return Err(format!(
            "the pattern returns {} values, the replacement {}",
            from.graph.returns.len(),
            to.graph.returns.len()
        ));
    }
    let (from_names, to_names) = names(&from, &to);
    let read_in_pattern = from.reads();
    let read_in_replacement: BTreeSet<String> = to
        .reads()
        .keys()
        .filter_map(|name| to_names.get(*name))
        .cloned()
        .collect();
    from.refuse_free("the pattern")?;
    to.refuse_free("the replacement")?;
    let mut renamed: BTreeMap<String, String> = from_names
        .iter()
        .map(|(name, new)| (name.clone(), format!("%{new}")))
        .collect();
    let to_names: BTreeMap<String, String> = to_names
        .into_iter()
        .map(|(name, new)| (name, format!("%{new}")))
        .collect();
    let has = |filter: &str| filters.iter().any(|given| given == filter);
    let mut dropped = Vec::new();
    let mut guards = String::new();
    for parameter in &from.graph.params {
        let name = parameter.value.name.as_str();
        if name == "alpha" && has("aten_add_alpha_is_one") && read_in_pattern.contains_key(name) {
            renamed.insert(name.to_owned(), "alpha".to_owned());
            guards += "  where alpha == 1 else \"alpha is not one\"\n";
            continue;
        }
        if name == "b_scalar" && has("input_b_is_scalar") {
            renamed.insert(name.to_owned(), "%b_scalar: Scalar".to_owned());
        }
        let written = from_names.get(name).map_or(name, String::as_str);
        if read_in_replacement.contains(written) {
            continue;
        }
        if read_in_pattern.get(name) == Some(&1) {
            renamed.insert(name.to_owned(), "_".to_owned());
        }
        if read_in_pattern.contains_key(name) {
            dropped.push(written.to_owned());
        }
    }
    let matched = from.statements(&renamed)?;
    let mut written = to.statements(&to_names)?;
    for (old, new) in from.graph.returns.iter().zip(&to.graph.returns) {
        if to.graph.params.iter().any(|p| p.value.name == new.name) {
            let (old, new) = (name_of(&renamed, &old.name), name_of(&to_names, &new.name));
            let _ = writeln!(written, "    {old} = {new}");
        }
    }
    let body = format!("  match {{\n{matched}  }}\n{guards}  rewrite {{\n{written}  }}\n");
    Ok(Retold {
        body,
        summary: format!("{} becomes {}", from.summary(), to.summary()),
        dropped,
    })
}

/// Names of the values of both sides as the rule writes them, without `%`.
fn names(from: &Side<'_>, to: &Side<'_>) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let own = |side: &Side<'_>| -> BTreeMap<String, String> {
        let names = side.names();
        names.map(|name| (name.to_owned(), clean(name))).collect()
    };
    let (from_names, mut to_names) = (own(from), own(to));
    let taken: BTreeSet<String> = from_names.values().cloned().collect();
    for name in to_names.values_mut() {
        while taken.contains(name.as_str()) {
            name.push_str("_new");
        }
    }
    // What both take and give in the same place is the same.
    let taken_in = from.graph.params.iter().zip(&to.graph.params);
    let given_back = from.graph.returns.iter().zip(&to.graph.returns);
    let same = taken_in
        .map(|(a, b)| (&a.value.name, &b.value.name))
        .collect::<Vec<_>>();
    let returned = given_back.map(|(a, b)| (&a.name, &b.name));
    let parameters: BTreeSet<&String> = to.graph.params.iter().map(|p| &p.value.name).collect();
    let returned: Vec<_> = returned.filter(|(_, b)| !parameters.contains(b)).collect();
    for (a, b) in same.into_iter().chain(returned) {
        if let Some(name) = from_names.get(a) {
            to_names.insert(b.clone(), name.clone());
        }
    }
    (from_names, to_names)
}

/// A name that needs no quotes.
fn clean(name: &str) -> String {
    let cleaned: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '_'
            }
        })
        .collect();
    if cleaned.chars().all(|c| c.is_ascii_digit()) {
        format!("v{cleaned}")
    } else {
        cleaned
    }
}

/// A graph with its text.
struct Side<'t> {
    text: &'t str,
    graph: Graph,
    /// Constants by name, as literals.
    constants: BTreeMap<String, String>,
}

impl<'t> Side<'t> {
    fn read(text: &'t str, what: &str) -> Result<Side<'t>, String> {
        let graph = parse_graph(SourceId::new(0), text).map_err(|found| {
            let first = found
                .first()
                .map_or("", |diagnostic| diagnostic.message.as_str());
            format!("{what} cannot be read: {first}")
        })?;
        let mut constants = BTreeMap::new();
        for statement in &graph.statements {
            if !statement.blocks.is_empty() {
                return Err("it has blocks, which rules do not match".to_owned());
            }
            let Some(call) = call(statement) else {
                continue;
            };
            let op = call.op.text.as_str();
            if let Some(prefix) = CALLS.iter().find(|prefix| op.starts_with(**prefix)) {
                return Err(format!(
                    "`{}` stands for a call or an attribute; rules see models in which calls are inlined, write the rule for the operators",
                    prefix.trim_end_matches(':')
                ));
            }
            if op == "prim::Constant" {
                let literal = constant(call, text).ok_or("a constant's value cannot be written")?;
                for bind in &statement.binds {
                    if let Some(value) = bind.target.value() {
                        constants.insert(value.name.clone(), literal.clone());
                    }
                }
            }
        }
        Ok(Side {
            text,
            graph,
            constants,
        })
    }

    /// Names of parameters and results.
    fn names(&self) -> impl Iterator<Item = &str> {
        let parameters = self.graph.params.iter().map(|p| p.value.name.as_str());
        let bound = self.graph.statements.iter().flat_map(|s| &s.binds);
        parameters.chain(
            bound
                .filter_map(|b| b.target.value())
                .map(|v| v.name.as_str()),
        )
    }

    /// How often each value is read by a statement, or returned.
    fn reads(&self) -> BTreeMap<&str, usize> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for statement in &self.graph.statements {
            for name in values(self.slice(statement.term.span)) {
                *counts.entry(name).or_default() += 1;
            }
        }
        for value in &self.graph.returns {
            *counts.entry(value.name.as_str()).or_default() += 1;
        }
        counts
    }

    /// Refuses values that are read and never made.
    fn refuse_free(&self, what: &str) -> Result<(), String> {
        let made: BTreeSet<&str> = self.names().collect();
        match self.reads().keys().find(|name| !made.contains(**name)) {
            Some(name) => Err(format!("{what} reads `%{name}`, which nothing makes")),
            None => Ok(()),
        }
    }

    fn slice(&self, span: Span) -> &'t str {
        self.text.get(span.range()).unwrap_or("")
    }

    /// Its statements but for constants, renamed.
    fn statements(&self, names: &BTreeMap<String, String>) -> Result<String, String> {
        let mut out = String::new();
        let reads = self.reads();
        for statement in &self.graph.statements {
            let Some(call) = call(statement) else {
                return Err("a statement is no operator".to_owned());
            };
            if call.op.text == "prim::Constant" {
                continue;
            }
            let binds: Vec<String> = statement
                .binds
                .iter()
                .map(|bind| match bind.target.value() {
                    Some(value) if !reads.contains_key(value.name.as_str()) => "_".to_owned(),
                    Some(value) => name_of(names, &value.name),
                    None => "_".to_owned(),
                })
                .collect();
            let term = self.renamed(self.slice(statement.term.span), names);
            let _ = writeln!(out, "    {} = {term}", binds.join(", "));
        }
        Ok(out)
    }

    /// A term with the rule's names and literals, and without in-place operators.
    fn renamed(&self, term: &str, names: &BTreeMap<String, String>) -> String {
        let mut out = String::new();
        for token in lex(term) {
            let text = token.text(term);
            match token.kind {
                TokenKind::Value => {
                    let name = unquoted(text);
                    match self.constants.get(name) {
                        Some(literal) => out += literal,
                        None => out += &name_of(names, name),
                    }
                }
                TokenKind::OpName => out += functional(text),
                TokenKind::Blank => out.push(' '),
                _ => out += text,
            }
        }
        out
    }

    /// The operators, first to last.
    fn summary(&self) -> String {
        let ops = self.graph.statements.iter().filter_map(call);
        let ops: Vec<&str> = ops
            .map(|call| functional(&call.op.text))
            .filter(|op| *op != "prim::Constant")
            .map(|op| op.rsplit("::").next().unwrap_or(op))
            .collect();
        match ops.as_slice() {
            [] => "its input".to_owned(),
            ops => ops.join(", "),
        }
    }
}

/// The operator without the underscore of its in-place form, which reading a model removes.
fn functional(op: &str) -> &str {
    match op.strip_suffix('_') {
        Some(plain) if op.starts_with("aten::") && !plain.ends_with('_') => plain,
        _ => op,
    }
}

fn call(statement: &Statement) -> Option<&OpCall> {
    match &statement.term.kind {
        TermKind::Expr(expr) => match &expr.kind {
            ExprKind::Op(call) => Some(call),
            _ => None,
        },
        _ => None,
    }
}

/// The literal of `prim::Constant[value=...]()`, `none` without a value.
fn constant(call: &OpCall, text: &str) -> Option<String> {
    let Some(attr) = call.attrs.first() else {
        return Some("none".to_owned());
    };
    match &attr.kind {
        AttrKind::Is { value, .. } => text.get(value.span.range()).map(str::to_owned),
        _ => None,
    }
}

fn name_of(names: &BTreeMap<String, String>, name: &str) -> String {
    match names.get(name).map(String::as_str) {
        Some(name) => name.to_owned(),
        None => format!("%{}", clean(name)),
    }
}

/// The values that a text names.
fn values(text: &str) -> impl Iterator<Item = &str> {
    let tokens = lex(text);
    let values = tokens
        .into_iter()
        .filter(|token| token.kind == TokenKind::Value);
    values.filter_map(move |token| text.get(token.start..token.end).map(unquoted))
}

fn unquoted(value: &str) -> &str {
    let name = value.strip_prefix('%').unwrap_or(value);
    name.strip_prefix('"')
        .and_then(|n| n.strip_suffix('"'))
        .unwrap_or(name)
}
