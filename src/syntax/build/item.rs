//! Items, and those that are declarations.
//!
//! In: pairs of `item`. Out: their trees.
//!
//! Invariant: notes and traits that nobody knows are reported and left out; their item stays.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::super::ast::{
    Arg, AttrDeclaration, Const, ExprKind, Function, Item, ItemKind, Name, Note, NoteKind,
    OpDeclaration, OperandDeclaration, Trait, TraitKind, Use, Variable,
};
use super::super::codes::UNKNOWN_MARK;
use super::super::grammar::Rule;
use super::{Builder, Cursor};
use crate::diagnostic::{Diagnostic, closest};
use crate::source::Span;
use pest::iterators::Pair;

impl Builder<'_> {
    pub(in super::super) fn item(&self, pair: Pair<'_, Rule>) -> Item {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let docs = inner.all(Rule::doc, |doc| self.doc(&doc));
        let notes = inner
            .all(Rule::note, |note| self.note(note))
            .into_iter()
            .flatten()
            .collect();
        let Some(item) = inner.next() else {
            unreachable!("the grammar has no empty item")
        };
        let kind = match item.as_rule() {
            Rule::use_ => {
                let mut inner = Cursor::new(item);
                let module = self.path(&inner.expect(Rule::path));
                ItemKind::Use(Use {
                    module,
                    names: inner.all(Rule::ident, |name| self.name(&name)),
                })
            }
            Rule::const_ => {
                let mut inner = Cursor::new(item);
                let name = self.name(&inner.expect(Rule::ident));
                ItemKind::Const(Const {
                    name,
                    value: self.expr(inner.expect(Rule::expr)),
                })
            }
            Rule::fn_ => ItemKind::Fn(self.function(item)),
            Rule::op => ItemKind::Op(self.declaration(item)),
            Rule::rule_ => ItemKind::Rule(self.rule(item)),
            Rule::keep => ItemKind::Keep(self.keep(item)),
            Rule::pipeline => ItemKind::Pipeline(self.pipeline(item)),
            Rule::test => ItemKind::Test(self.test(item)),
            rule => unreachable!("the grammar has no item {rule:?}"),
        };
        Item {
            docs,
            notes,
            kind,
            span,
        }
    }

    fn function(&self, pair: Pair<'_, Rule>) -> Function {
        let mut inner = Cursor::new(pair);
        let name = self.name(&inner.expect(Rule::ident));
        let params = inner.all(Rule::fn_param, |param| {
            let mut inner = Cursor::new(param);
            match inner.take(Rule::value) {
                Some(value) => Variable::Value(self.value(&value)),
                None => Variable::Name(self.name(&inner.expect(Rule::ident))),
            }
        });
        Function {
            name,
            params,
            body: self.expr(inner.expect(Rule::expr)),
        }
    }

    fn declaration(&self, pair: Pair<'_, Rule>) -> OpDeclaration {
        let mut inner = Cursor::new(pair);
        let name = self.op_name(&inner.expect(Rule::op_name));
        let attrs = match inner.take(Rule::op_attrs) {
            Some(attrs) => Cursor::new(attrs).all(Rule::op_attr, |attr| {
                let mut inner = Cursor::new(attr);
                let name = self.name(&inner.expect(Rule::word));
                let ty = self.ty(inner.expect(Rule::type_));
                AttrDeclaration {
                    name,
                    ty,
                    default: inner.take(Rule::expr).map(|default| self.expr(default)),
                }
            }),
            None => vec![],
        };
        let operands = inner.all(Rule::op_param, |operand| {
            let mut inner = Cursor::new(operand);
            let value = self.value(&inner.expect(Rule::value));
            let each = inner.take(Rule::each).is_some();
            let ty = self.ty(inner.expect(Rule::type_));
            OperandDeclaration {
                value,
                each,
                ty,
                default: inner.take(Rule::expr).map(|default| self.expr(default)),
            }
        });
        let result = self.ty(inner.expect(Rule::type_));
        let traits = match inner.take(Rule::traits) {
            Some(traits) => Cursor::new(traits).all(Rule::call_or_name, |mark| self.op_trait(mark)),
            None => vec![],
        };
        OpDeclaration {
            name,
            attrs,
            operands,
            result,
            traits: traits.into_iter().flatten().collect(),
        }
    }

    fn note(&self, pair: Pair<'_, Rule>) -> Option<Note> {
        let (name, args, span) = self.mark(pair);
        let kind = match (name.text.as_str(), args.as_slice()) {
            (
                "deprecated",
                [
                    Arg {
                        name: None, value, ..
                    },
                ],
            ) => match &value.kind {
                ExprKind::Text(text) => Some(NoteKind::Deprecated(text.clone())),
                _ => None,
            },
            ("allow", [_, ..]) => names(&args).map(NoteKind::Allow),
            _ => None,
        };
        if kind.is_none() {
            self.unknown_mark(
                "note",
                &name,
                span,
                &["deprecated", "allow"],
                "`@deprecated(\"why\")` and `@allow(lint)`",
            );
        }
        kind.map(|kind| Note { kind, span })
    }

    fn op_trait(&self, pair: Pair<'_, Rule>) -> Option<Trait> {
        let (name, args, span) = self.mark(pair);
        let kind = match (name.text.as_str(), args.as_slice()) {
            ("commutative", [_, _, ..]) => names(&args).map(TraitKind::Commutative),
            ("effect", []) => Some(TraitKind::Effect),
            ("virtual", []) => Some(TraitKind::Virtual),
            _ => None,
        };
        if kind.is_none() {
            let known = ["commutative", "effect", "virtual"];
            self.unknown_mark(
                "trait",
                &name,
                span,
                &known,
                "`commutative(a, b)`, `effect` and `virtual`",
            );
        }
        kind.map(|kind| Trait { kind, span })
    }

    /// `name(args)`, `name`.
    fn mark(&self, pair: Pair<'_, Rule>) -> (Name, Vec<Arg>, Span) {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let name = self.name(&inner.expect(Rule::ident));
        let args = inner
            .take(Rule::args)
            .map_or(vec![], |args| self.args(args));
        (name, args, span)
    }

    fn unknown_mark(&self, what: &str, name: &Name, span: Span, known: &[&str], forms: &str) {
        let diagnostic = if known.contains(&name.text.as_str()) {
            Diagnostic::error(
                UNKNOWN_MARK,
                format!("the {what} `{name}` is written otherwise"),
            )
            .primary(span, "")
        } else {
            Diagnostic::error(UNKNOWN_MARK, format!("there is no {what} `{name}`"))
                .primary(name.span, "unknown")
        };
        self.report(
            match closest(&name.text, known.iter().copied()).filter(|close| *close != name.text) {
                Some(close) => {
                    diagnostic.help(format!("did you mean `{close}`? There are {forms}"))
                }
                None => diagnostic.help(format!("there are {forms}")),
            },
        );
    }
}

/// Arguments that are plain names.
fn names(args: &[Arg]) -> Option<Vec<Name>> {
    let name = |arg: &Arg| match &arg.value.kind {
        ExprKind::Name(path) if arg.name.is_none() => Some(Name {
            text: path.text.clone(),
            span: path.span,
        }),
        _ => None,
    };
    args.iter().map(name).collect()
}
