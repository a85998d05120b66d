//! Types.
//!
//! In: pairs of `type`. Out: [`Type`] trees.
//!
//! Invariant: suffixes nest outwards in the order written.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::super::ast::{
    Dim, DimKind, DumpedArg, DumpedArgKind, DumpedType, Element, ExprKind, Number, Path,
    RefinedType, Type, TypeKind,
};
use super::super::codes::MISPLACED;
use super::super::grammar::Rule;
use super::{Builder, Cursor};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use pest::iterators::Pair;

impl Builder<'_> {
    pub(super) fn ty(&self, pair: Pair<'_, Rule>) -> Type {
        let span = self.span(&pair);
        let constant = pair
            .clone()
            .into_inner()
            .next()
            .is_some_and(|first| first.as_rule() == Rule::kw_const);
        match Cursor::new(pair).take(Rule::plain_type) {
            Some(plain) => Type {
                constant,
                span,
                ..self.plain_type(plain)
            },
            None => Type {
                constant,
                kind: TypeKind::Any,
                span,
            },
        }
    }

    fn plain_type(&self, pair: Pair<'_, Rule>) -> Type {
        let whole = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let mut end;
        let kind = match inner.take(Rule::tuple_type) {
            Some(tuple) => {
                end = self.span(&tuple);
                TypeKind::Tuple(Cursor::new(tuple).all(Rule::type_, |member| self.ty(member)))
            }
            None => {
                let name = inner.expect(Rule::path);
                let path = self.path(&name);
                end = path.span;
                match inner.take(Rule::type_args) {
                    Some(args) => {
                        end = self.span(&args);
                        if args.as_str().starts_with('<') {
                            TypeKind::Refined(self.refined(path, args))
                        } else {
                            let args = Cursor::new(args).all(Rule::dumped, |arg| self.dumped(arg));
                            TypeKind::Dumped(DumpedType { name: path, args })
                        }
                    }
                    None => TypeKind::Named(path),
                }
            }
        };
        let mut ty = Type {
            constant: false,
            kind,
            span: Span {
                end: end.end,
                ..whole
            },
        };
        while let Some(suffix) = inner.take(Rule::suffix) {
            let span = Span {
                end: self.span(&suffix).end,
                ..whole
            };
            let kind = if suffix.as_str().starts_with('?') {
                TypeKind::Optional(Box::new(ty))
            } else {
                let length = Cursor::new(suffix)
                    .take(Rule::integer)
                    .map(|length| self.integer(&length));
                TypeKind::List(Box::new(ty), length)
            };
            ty = Type {
                constant: false,
                kind,
                span,
            };
        }
        ty
    }

    fn refined(&self, name: Path, pair: Pair<'_, Rule>) -> RefinedType {
        let mut inner = Cursor::new(pair);
        let dtypes = match inner.take(Rule::dtypes) {
            Some(dtypes) => Cursor::new(dtypes).all(Rule::path, |dtype| self.path(&dtype)),
            None => vec![],
        };
        let shapes = inner.all(Rule::shape, |shape| {
            (
                self.span(&shape),
                Cursor::new(shape).all(Rule::dim, |dim| self.dim(dim)),
            )
        });
        let mut shapes = shapes.into_iter();
        let dims = shapes.next().map(|(_, dims)| dims);
        if let Some((span, _)) = shapes.next() {
            self.report(
                Diagnostic::error(MISPLACED, "a type has one list of dimensions")
                    .primary(span, "a second one"),
            );
        }
        RefinedType { name, dtypes, dims }
    }

    fn dim(&self, pair: Pair<'_, Rule>) -> Dim {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let kind = match inner.peek() {
            Some(Rule::rest) => DimKind::Rest,
            Some(Rule::wildcard) => DimKind::Wildcard,
            _ => DimKind::Expr(self.expr(inner.expect(Rule::expr))),
        };
        Dim { kind, span }
    }

    fn dumped(&self, pair: Pair<'_, Rule>) -> DumpedArg {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let kind = match inner.take(Rule::word) {
            Some(word) => {
                let name = self.name(&word);
                match inner.next() {
                    Some(list) if list.as_rule() == Rule::list => {
                        DumpedArgKind::List(name, self.numbers(list, span))
                    }
                    Some(number) if number.as_rule() == Rule::number => {
                        DumpedArgKind::Number(name, self.number(&number))
                    }
                    Some(device) => {
                        let mut inner = Cursor::new(device);
                        let device = self.name(&inner.expect(Rule::ident));
                        let index = inner.take(Rule::integer).map(|index| self.integer(&index));
                        DumpedArgKind::Device {
                            name,
                            device,
                            index,
                        }
                    }
                    None => unreachable!("the grammar has a value behind `=` in a dumped type"),
                }
            }
            None => match inner.next() {
                Some(size) if size.as_rule() == Rule::integer => {
                    DumpedArgKind::Size(self.integer(&size))
                }
                Some(unknown) if unknown.as_rule() == Rule::unknown_size => DumpedArgKind::Unknown,
                Some(ty) => {
                    let ty = self.ty(ty);
                    DumpedArgKind::Type {
                        ty,
                        mutated: inner.take(Rule::mutated).is_some(),
                    }
                }
                None => unreachable!("the grammar has no empty argument in a dumped type"),
            },
        };
        DumpedArg { kind, span }
    }

    /// `[3, 1]` behind `strides=`.
    fn numbers(&self, list: Pair<'_, Rule>, span: Span) -> Vec<Number> {
        let ExprKind::List(elements) = self.list(list) else {
            self.report(
                Diagnostic::error(MISPLACED, "a type holds plain numbers")
                    .primary(span, "this list is computed"),
            );
            return vec![];
        };
        let number = |element: Element| match element.term.as_expr().map(|expr| &expr.kind) {
            Some(ExprKind::Number(number)) => Some(number.clone()),
            _ => {
                let message = Diagnostic::error(MISPLACED, "a type holds plain numbers");
                self.report(message.primary(element.span, "this is no number"));
                None
            }
        };
        elements.into_iter().filter_map(number).collect()
    }
}
