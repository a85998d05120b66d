//! Which names an expression, pattern or replacement mentions.
//!
//! In: trees. Out: every mention in the order of the text, with its place.
//! Invariant: variables of comprehensions are not mentioned outside of them; parts of paths, labels and names of functions never are.

use super::expression::Key;
use crate::source::Span;
use crate::syntax::ast::{self, AttrKind, DimKind, ExprKind, OperandKind, TermKind, TypeKind};

/// A name at a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mention<'a> {
    pub(super) key: Key<'a>,
    pub(super) span: Span,
    /// Whether the place can give the name its meaning, in a pattern.
    pub(super) binds: bool,
    /// Whether an element type stands there; whether it exists is found where it is read.
    pub(super) is_dtype: bool,
}

/// Gathers mentions.
#[derive(Default)]
pub(super) struct Mentions<'a> {
    pub(super) list: Vec<Mention<'a>>,
    hidden: Vec<Key<'a>>,
}

impl<'a> Mentions<'a> {
    fn add(&mut self, key: Key<'a>, span: Span, binds: bool) {
        if !self.hidden.contains(&key) {
            self.list.push(Mention {
                key,
                span,
                binds,
                is_dtype: false,
            });
        }
    }

    fn name(&mut self, name: &'a ast::Name, binds: bool) {
        self.add(Key::bare(&name.text), name.span, binds);
    }

    fn value(&mut self, value: &'a ast::Value, binds: bool) {
        self.add(Key::value(&value.name), value.span, binds);
    }

    pub(super) fn statement(&mut self, statement: &'a ast::Statement) {
        for bind in &statement.binds {
            if let ast::Target::Value(value) = &bind.target {
                self.value(value, true);
            }
            if let Some(ty) = &bind.ty {
                self.ty(ty);
            }
        }
        self.term(&statement.term);
    }

    /// A pattern or a replacement.
    pub(super) fn term(&mut self, term: &'a ast::Term) {
        match &term.kind {
            TermKind::Wildcard => {}
            TermKind::Typed(target, ty) => {
                if let ast::Target::Value(value) = target {
                    self.value(value, true);
                }
                self.ty(ty);
            }
            TermKind::Expr(expr) => match &expr.kind {
                ExprKind::Value(value) => self.value(value, true),
                ExprKind::Name(path) => self.add(Key::bare(&path.text), path.span, true),
                _ => self.expr(expr),
            },
        }
        if let Some(tag) = &term.tag {
            self.name(tag, true);
        }
    }

    pub(super) fn ty(&mut self, ty: &'a ast::Type) {
        match &ty.kind {
            TypeKind::Refined(refined) => {
                for dtype in &refined.dtypes {
                    self.add(Key::bare(&dtype.text), dtype.span, false);
                    self.list
                        .iter_mut()
                        .last()
                        .into_iter()
                        .for_each(|m| m.is_dtype = true);
                }
                for dim in refined.dims.iter().flatten() {
                    match &dim.kind {
                        DimKind::Expr(expr) => match &expr.kind {
                            ExprKind::Name(path) => {
                                self.add(Key::bare(&path.text), path.span, true);
                            }
                            _ => self.expr(expr),
                        },
                        DimKind::Rest | DimKind::Wildcard => {}
                    }
                }
            }
            TypeKind::Optional(inner) | TypeKind::List(inner, _) => self.ty(inner),
            TypeKind::Tuple(members) => members.iter().for_each(|member| self.ty(member)),
            TypeKind::Any | TypeKind::Named(_) | TypeKind::Dumped(_) => {}
        }
    }

    pub(super) fn expr(&mut self, expr: &'a ast::Expr) {
        match &expr.kind {
            ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Bool(_) | ExprKind::None => {}
            ExprKind::Name(path) => self.add(Key::bare(&path.text), path.span, false),
            ExprKind::Value(value) => self.value(value, false),
            ExprKind::Op(call) => self.op(call),
            ExprKind::Call(call) => call.args.iter().for_each(|arg| self.expr(&arg.value)),
            ExprKind::List(items) => items.iter().for_each(|item| self.term(&item.term)),
            ExprKind::Tuple(items) => items.iter().for_each(|item| self.term(item)),
            ExprKind::Alternatives(branches) => {
                branches.iter().for_each(|branch| self.term(&branch.term));
            }
            ExprKind::Unary(_, inner) => self.expr(inner),
            ExprKind::Binary(binary) => {
                self.expr(&binary.left);
                self.expr(&binary.right);
            }
            ExprKind::Index(index) => {
                self.expr(&index.base);
                self.subscript(&index.subscript);
            }
            ExprKind::If(conditional) => {
                self.expr(&conditional.condition);
                self.expr(&conditional.yes);
                self.expr(&conditional.no);
            }
            ExprKind::Comprehension(comprehension) => {
                let hidden = self.hidden.len();
                for one in &comprehension.loops {
                    self.expr(&one.source);
                    self.hidden.extend(one.variables.iter().map(Key::of));
                    one.condition.iter().for_each(|c| self.expr(c));
                }
                self.term(&comprehension.element.term);
                self.hidden.truncate(hidden);
            }
        }
    }

    fn subscript(&mut self, subscript: &'a ast::Subscript) {
        match subscript {
            ast::Subscript::At(at) => self.expr(at),
            ast::Subscript::Slice(from, to) => {
                from.iter().chain(to).for_each(|bound| self.expr(bound));
            }
        }
    }

    fn op(&mut self, call: &'a ast::OpCall) {
        for hole in call.op.holes() {
            self.name(hole, false);
        }
        for attr in &call.attrs {
            match &attr.kind {
                AttrKind::Rest | AttrKind::Verbatim { .. } => {}
                AttrKind::Bundle { name, indexes } => {
                    self.name(name, true);
                    indexes.iter().for_each(|index| self.subscript(index));
                }
                AttrKind::Name(name) => self.name(name, true),
                AttrKind::Is { value, .. } => self.term(value),
            }
        }
        for operand in &call.operands {
            if let OperandKind::Term { term, .. } = &operand.kind {
                self.term(term);
            }
        }
    }
}
