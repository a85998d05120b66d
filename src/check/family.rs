//! Families: one frame for each instance of a rule or keep.
//!
//! In: `for NAMES in ROWS`. Out: [`Frame`]s with the values of the template parameters.
//! Invariant: a frame's label is unique in its rule and the same in every run.

use super::codes::{ARITY, DUPLICATE_NAME, NOT_KNOWN, TYPE_MISMATCH, UNKNOWN_NAME};
use super::expression::{Context, Key, Resolver};
use super::mentions::Mentions;
use super::rule::Expr;
use super::sink::Checked;
use crate::diagnostic::Diagnostic;
use crate::graph::text::LiteralText;
use crate::graph::{Literal, Name};
use crate::source::Span;
use crate::syntax::ast::{self, OpNamePiece};

/// What is known at compile time in one instance.
#[derive(Clone)]
pub(super) struct Frame<'c, 'a> {
    pub(super) cx: &'c Context<'a>,
    pub(super) module: usize,
    /// `packed[op = conv2d]`, or the name alone without a family.
    pub(super) label: String,
    /// Template parameters.
    pub(super) parameters: Vec<(&'a str, Literal)>,
    /// `let`s that rest on template parameters alone.
    constants: Vec<(&'a str, Literal)>,
    /// Where the family stands.
    pub(super) span: Option<Span>,
}

/// The frames of a rule or keep.
pub(super) fn frames<'c, 'a>(
    cx: &'c Context<'a>,
    module: usize,
    name: &'a ast::Name,
    family: Option<&'a ast::Family>,
    lets: &[&'a ast::Let],
) -> Checked<Vec<Frame<'c, 'a>>> {
    let Some(family) = family else {
        let mut frame = Frame {
            cx,
            module,
            label: name.text.clone(),
            parameters: Vec::new(),
            constants: Vec::new(),
            span: None,
        };
        frame.add_lets(lets)?;
        return Ok(vec![frame]);
    };
    for (position, param) in family.names.iter().enumerate() {
        if let Some(first) = family.names[..position]
            .iter()
            .find(|n| n.text == param.text)
        {
            return cx.sink.stop(
                Diagnostic::error(DUPLICATE_NAME, format!("`{param}` stands twice"))
                    .primary(param.span, "the second")
                    .secondary(first.span, "the first"),
            );
        }
    }
    let rows = cx.literal(module, &family.rows, "what a family runs over")?;
    let Literal::List(rows) = rows else {
        return cx.sink.stop(
            Diagnostic::error(TYPE_MISMATCH, "a family runs over a list")
                .primary(family.rows.span, format!("this is {}", LiteralText(&rows)))
                .help("write `for name in [a, b]`"),
        );
    };
    let mut frames: Vec<Frame<'c, 'a>> = Vec::with_capacity(rows.len());
    for row in rows.iter() {
        let parameters = parameters(cx, family, row)?;
        let text: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{name} = {}", plain(value)))
            .collect();
        let mut frame = Frame {
            cx,
            module,
            label: format!("{name}[{}]", text.join(", ")),
            parameters,
            constants: Vec::new(),
            span: Some(family.span),
        };
        if frames.iter().any(|other| other.label == frame.label) {
            return cx.sink.stop(
                Diagnostic::error(
                    DUPLICATE_NAME,
                    format!("there are two of `{}`", frame.label),
                )
                .primary(family.rows.span, "a row stands twice")
                .help("remove one"),
            );
        }
        frame.add_lets(lets)?;
        frames.push(frame);
    }
    Ok(frames)
}

fn parameters<'a>(
    cx: &Context<'a>,
    family: &'a ast::Family,
    row: &Literal,
) -> Checked<Vec<(&'a str, Literal)>> {
    let names: Vec<&'a str> = family.names.iter().map(|n| n.text.as_str()).collect();
    let columns = match (names.as_slice(), row.items()) {
        ([_], _) => vec![row.clone()],
        (several, Some(items)) if items.len() == several.len() => items.to_vec(),
        (several, _) => {
            return cx.sink.stop(
                Diagnostic::error(
                    ARITY,
                    format!(
                        "the row {} does not have {} columns",
                        LiteralText(row),
                        several.len()
                    ),
                )
                .primary(family.rows.span, "a row of this")
                .secondary(family.span, "is taken apart here"),
            );
        }
    };
    Ok(names.into_iter().zip(columns).collect())
}

/// A value in a label: strings without quotes.
pub(super) fn plain(value: &Literal) -> String {
    match value {
        Literal::Str(text) => text.to_string(),
        other => LiteralText(other).to_string(),
    }
}

impl<'c, 'a> Frame<'c, 'a> {
    /// The label with the module before it: `torch.quantized.packed[op = conv2d]`.
    pub(super) fn full_label(&self) -> String {
        format!("{}.{}", self.cx.modules.list[self.module].name, self.label)
    }

    /// A resolver that knows the template parameters.
    pub(super) fn resolver(&self) -> Resolver<'c, 'a> {
        let mut resolver = Resolver::new(self.cx, self.module);
        for (name, value) in self.parameters.iter().chain(&self.constants) {
            resolver.bind(Key::bare(name), Expr::Literal(value.clone()));
        }
        resolver
    }

    /// Names with their values, for the checked rule.
    pub(super) fn named_parameters(&self) -> Vec<(Name, Literal)> {
        let parameters = self.parameters.iter();
        parameters
            .map(|(name, value)| (Name::new(name), value.clone()))
            .collect()
    }

    /// What a bare name in a pattern means outside of the match.
    pub(super) fn known(&self, name: &str) -> Option<Checked<Literal>> {
        let own = self.parameters.iter().chain(&self.constants);
        match own.into_iter().find(|(known, _)| *known == name) {
            Some((_, value)) => Some(Ok(value.clone())),
            None => self.cx.outside(self.module, name),
        }
    }

    fn add_lets(&mut self, lets: &[&'a ast::Let]) -> Checked<()> {
        for named in lets {
            let mut mentions = Mentions::default();
            mentions.expr(&named.value);
            let known = |key: Key<'_>| !key.is_value && self.known(key.name).is_some();
            if mentions.list.iter().all(|mention| known(mention.key))
                && let Expr::Literal(value) = self.resolver().resolve(&named.value)?
            {
                self.constants.push((&named.name.text, value));
            }
        }
        Ok(())
    }

    /// The name of an op, its holes filled.
    pub(super) fn op_name(
        &self,
        resolver: &Resolver<'c, 'a>,
        op: &'a ast::OpName,
    ) -> Checked<String> {
        let mut text = String::with_capacity(op.text.len());
        for piece in &op.pieces {
            match piece {
                OpNamePiece::Text(part) => text.push_str(part),
                OpNamePiece::Hole(name) => match self.hole(resolver, name)? {
                    Literal::Str(part) => text.push_str(&part),
                    Literal::Int(n) => text.push_str(&n.to_string()),
                    other => {
                        return self.cx.sink.stop(
                            Diagnostic::error(
                                TYPE_MISMATCH,
                                format!(
                                    "`{name}` is {}, which cannot stand in an op name",
                                    LiteralText(&other)
                                ),
                            )
                            .primary(name.span, "a string or an integer is needed"),
                        );
                    }
                },
            }
        }
        Ok(text)
    }

    fn hole(&self, resolver: &Resolver<'c, 'a>, name: &'a ast::Name) -> Checked<Literal> {
        match resolver.local(Key::bare(&name.text)) {
            Some(Expr::Literal(value)) => Ok(value),
            Some(_) => self.cx.sink.stop(
                Diagnostic::error(
                    NOT_KNOWN,
                    format!("`{name}` is not known before a model is seen"),
                )
                .primary(name.span, "stands in an op name")
                .help("rest it on template parameters and tags (`as`) alone"),
            ),
            None => match self.cx.outside(self.module, &name.text) {
                Some(value) => value,
                None => self.cx.sink.stop(
                    Diagnostic::error(
                        UNKNOWN_NAME,
                        format!("`{name}` is not known where the op is named"),
                    )
                    .primary(name.span, "not found")
                    .help("an op name in a match rests on template parameters alone"),
                ),
            },
        }
    }
}
