//! Constant tensors on a written side: what is computed stands in `tensor(...)`, and rests on constants alone.
//!
//! In: a resolved expression that is an operand or a replacement. Out: a diagnostic where it cannot be computed before the model runs.
//! Invariant: facts about a value (`dtype(%x)`, `shape(%x)`) may be asked of any; only its elements must be constant.

use super::build::{Builder, Trouble, Written};
use super::typing::expr_type;
use crate::check::codes::CONSTANT_TENSOR;
use crate::check::mentions::Mentions;
use crate::check::rule::{Binary, Constraint, Expr, Function, Pattern, Slot, SlotKind};
use crate::diagnostic::Diagnostic;
use crate::graph::Type;
use crate::source::Span;
use crate::syntax::ast;

impl Builder<'_, '_, '_> {
    /// Refuses tensors that are computed outside of `tensor(...)`, and what in it is not constant.
    pub(super) fn check_tensors(&self, expr: &Expr, span: Span) -> Written<()> {
        match expr {
            Expr::Call(Function::Tensor, arguments) => {
                let Some(inner) = arguments.first() else {
                    return Ok(());
                };
                if let Some(slot) = self.not_constant(inner) {
                    let name = self.lowered.slots[slot.0 as usize].name;
                    return self.refuse(
                        Diagnostic::error(
                            CONSTANT_TENSOR,
                            format!("`tensor` of `{name}`, which need not be constant"),
                        )
                        .primary(span, "computed before the model runs")
                        .help(format!(
                            "write `{name}: const` or `{name}: const Tensor` in the match"
                        )),
                    );
                }
                match expr_type(inner, self.lets, &self.lowered.types) {
                    Some(Type::Int | Type::Float | Type::Scalar | Type::Bool | Type::Str) => self
                        .refuse(
                            Diagnostic::error(CONSTANT_TENSOR, "`tensor` of what is no tensor")
                                .primary(span, "this is known as it is")
                                .help("write it without `tensor`"),
                        ),
                    _ => Ok(()),
                }
            }
            Expr::If(_, yes, no) => {
                self.check_tensors(yes, span)?;
                self.check_tensors(no, span)
            }
            Expr::Let(index) => match self.lets.get(*index as usize) {
                Some(named) => self.check_tensors(&named.value, span),
                None => Ok(()),
            },
            Expr::Slot(_) => Ok(()),
            computed => match expr_type(computed, self.lets, &self.lowered.types) {
                Some(Type::Tensor(_)) => self.refuse(
                    Diagnostic::error(CONSTANT_TENSOR, "a tensor is computed here")
                        .primary(span, "not marked as a new constant")
                        .help("write `tensor(...)` around it, or an op of the model"),
                ),
                _ => Ok(()),
            },
        }
    }

    /// Refuses expressions about values that this side makes: nothing is known of them yet.
    pub(super) fn refuse_written_names(&self, expr: &ast::Expr) -> Written<()> {
        let mut mentions = Mentions::default();
        mentions.expr(expr);
        let matched = |key| self.lowered.names.iter().any(|(known, _)| *known == key);
        let made = mentions.list.iter().find(|mention| {
            let key = mention.key;
            key.is_value && !matched(key) && self.assigned(key.name).is_some()
        });
        match made {
            None => Ok(()),
            Some(mention) => self.refuse(
                Diagnostic::error(
                    CONSTANT_TENSOR,
                    format!(
                        "`{}` is made on this side, so nothing is known of it",
                        mention.key
                    ),
                )
                .primary(mention.span, "expressions are about values of the match")
                .help("give the expression a name by `let`, and use that in both places"),
            ),
        }
    }

    fn refuse(&self, diagnostic: Diagnostic) -> Written<()> {
        self.frame.cx.sink.tell(diagnostic);
        Err(Trouble::Stop)
    }

    /// A value whose elements the expression needs, and that the match does not demand to be constant.
    fn not_constant(&self, expr: &Expr) -> Option<Slot> {
        let maybe = |e: &Option<Box<Expr>>| e.as_deref().and_then(|e| self.not_constant(e));
        match expr {
            Expr::Slot(slot) => {
                let info = self.lowered.slots.get(slot.0 as usize)?;
                let is_value = matches!(info.kind, SlotKind::Value | SlotKind::Values);
                (is_value && !self.is_demanded_constant(*slot)).then_some(*slot)
            }
            Expr::Let(index) => self.not_constant(&self.lets.get(*index as usize)?.value),
            Expr::Literal(_) | Expr::Element(_) | Expr::Setting(_) | Expr::Not(_) => None,
            Expr::List(items) | Expr::Tuple(items) => {
                items.iter().find_map(|item| self.not_constant(item))
            }
            Expr::Comprehension { element, over, .. } => self
                .not_constant(element)
                .or_else(|| self.not_constant(over)),
            Expr::If(_, yes, no) => self.not_constant(yes).or_else(|| self.not_constant(no)),
            Expr::Negate(inner) => self.not_constant(inner),
            Expr::Binary(Binary::Add | Binary::Sub | Binary::Mul | Binary::Div, a, b) => {
                self.not_constant(a).or_else(|| self.not_constant(b))
            }
            Expr::Binary(..) => None,
            Expr::Index(base, _) => self.not_constant(base),
            Expr::Slice(base, from, to) => self
                .not_constant(base)
                .or_else(|| maybe(from))
                .or_else(|| maybe(to)),
            Expr::Call(function, _) if function.is_about_values() => None,
            Expr::Call(_, arguments) => arguments.iter().find_map(|a| self.not_constant(a)),
        }
    }

    fn is_demanded_constant(&self, slot: Slot) -> bool {
        let roots = self.lowered.roots.iter();
        roots.into_iter().any(|root| demands(&root.pattern, slot))
    }
}

/// Whether a pattern demands that what a slot holds is constant.
fn demands(pattern: &Pattern, slot: Slot) -> bool {
    match pattern {
        Pattern::Value(of, constraint) => {
            let constant = |c: &Constraint| c.constant;
            *of == slot && constraint.as_ref().is_some_and(constant)
        }
        Pattern::Project { of, .. } => demands(of, slot),
        Pattern::Chain { inner, .. } => demands(inner, slot),
        Pattern::Apply(apply) => apply.operands.iter().any(|operand| demands(operand, slot)),
        Pattern::Any | Pattern::Literal(_) | Pattern::Bare(_) | Pattern::Again(_) => false,
    }
}
