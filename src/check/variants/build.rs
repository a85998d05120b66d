//! The written side of a rule in one variant.
//!
//! In: the replacement as written, the names and types of the match. Out: what is built for each root.
//! Invariant: a name that the variant does not have is `none`, and `...` behind it stands for no operands.

use super::typing::{expr_type, joined};
use crate::check::codes::{ARITY, NOT_YET, ROOT_TYPE, TYPE_MISMATCH};
use crate::check::expression::{Key, Resolver};
use crate::check::family::Frame;
use crate::check::mentions::Mentions;
use crate::check::pattern::{Failure, Lowered, Unifier};
use crate::check::plan::Side;
use crate::check::rule::{Build, BuildOperand, Expr, Let, Slot};
use crate::check::sink::{Checked, Stop};
use crate::diagnostic::Diagnostic;
use crate::graph::text::TypeText;
use crate::graph::{Literal, Type};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind, OperandKind, TermKind};

/// Why a side cannot be written.
pub(super) enum Trouble {
    /// It was told.
    Stop,
    /// These overloads of the match do not fit; others may.
    Misfit(Vec<Failure>),
}

impl From<Stop> for Trouble {
    fn from(Stop: Stop) -> Trouble {
        Trouble::Stop
    }
}

pub(super) type Written<T> = Result<T, Trouble>;

/// Something written, with what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) build: Build,
    /// Its type; type variables in it are those of the match.
    pub(super) ty: Option<Type>,
    /// Types of the further results of an op with several.
    pub(super) others: Vec<Type>,
}

impl Made {
    pub(super) fn new(build: Build, ty: Option<Type>) -> Made {
        Made {
            build,
            ty,
            others: Vec::new(),
        }
    }
}

/// An operand as written.
pub(super) struct MadeOperand<'a> {
    pub(super) label: Option<&'a ast::Name>,
    pub(super) build: BuildOperand,
    pub(super) ty: Option<Type>,
    pub(super) span: Span,
}

pub(super) struct Builder<'p, 'c, 'a> {
    pub(super) frame: &'p Frame<'c, 'a>,
    pub(super) lowered: &'p Lowered<'a>,
    pub(super) resolver: Resolver<'c, 'a>,
    /// Values that the written side has named, one for each result.
    defined: Vec<(&'a str, Made)>,
    /// Effects written so far.
    effects: Vec<Build>,
    /// Whether the next op stands alone, so that it must be an effect; others must be none.
    pub(super) alone: bool,
    pub(super) nodes: u32,
    /// What type variables of the match, and those of ops that are written, stand for.
    pub(super) types: Unifier,
    pub(super) lets: &'p [Let],
}

/// Failures on the written side went further than any on the other.
pub(super) const BEHIND_THE_MATCH: usize = 1 << 20;

impl<'p, 'c, 'a> Builder<'p, 'c, 'a> {
    /// A builder; `resolver` knows the names of the match and the lets.
    pub(super) fn new(
        frame: &'p Frame<'c, 'a>,
        lowered: &'p Lowered<'a>,
        lets: &'p [Let],
        mut resolver: Resolver<'c, 'a>,
    ) -> Builder<'p, 'c, 'a> {
        resolver.writes();
        Builder {
            frame,
            lowered,
            resolver,
            defined: Vec::new(),
            effects: Vec::new(),
            alone: false,
            nodes: 0,
            types: lowered.unifier.clone(),
            lets,
        }
    }

    /// What is built for each root, in their order; then the effects that are added.
    pub(super) fn side(mut self, side: Side<'a>) -> Written<(Vec<Option<Build>>, Vec<Build>)> {
        let mut term_of_root = None;
        match side {
            Side::Term(term) => term_of_root = Some((self.term(term)?, term.span)),
            Side::Statements(block) => {
                for statement in &block.statements {
                    self.statement(statement)?;
                }
            }
            Side::Nothing(_) => {}
        }
        let mut built = Vec::new();
        let lowered = self.lowered;
        for root in &lowered.roots {
            let made = match (root.name, &term_of_root) {
                (Some(name), _) => self.assigned(name).map(|made| (made, root.span)),
                (None, Some((made, span))) => Some((made.clone(), *span)),
                (None, None) => None,
            };
            if let Some((made, span)) = &made {
                self.check_root(&root.ty, made, *span)?;
            }
            built.push(made.map(|(made, _)| made.build));
        }
        Ok((built, self.effects))
    }

    pub(super) fn assigned(&self, name: &str) -> Option<Made> {
        let found = self.defined.iter().rev().find(|(known, _)| *known == name);
        found.map(|(_, made)| made.clone())
    }

    fn check_root(&mut self, expected: &Type, made: &Made, span: Span) -> Written<()> {
        let Some(given) = &made.ty else {
            return Ok(());
        };
        if self.types.meet(expected, given).is_some() {
            return Ok(());
        }
        let (given, expected) = (TypeText(given), TypeText(expected));
        let label = format!("the rewrite gives {given}, but replaces {expected}");
        Err(self.misfit(ROOT_TYPE, span, label))
    }

    pub(super) fn misfit(
        &self,
        code: crate::diagnostic::Code,
        span: Span,
        label: String,
    ) -> Trouble {
        Trouble::Misfit(vec![Failure {
            depth: BEHIND_THE_MATCH + self.nodes as usize,
            code,
            span,
            label,
            op: String::new(),
            overload: None,
        }])
    }

    pub(super) fn stop<T>(&self, diagnostic: Diagnostic) -> Written<T> {
        self.frame.cx.sink.tell(diagnostic);
        Err(Trouble::Stop)
    }

    fn statement(&mut self, statement: &'a ast::Statement) -> Written<()> {
        let names: Vec<Option<&'a str>> = statement
            .binds
            .iter()
            .map(|bind| bind.target.value().map(|value| value.name.as_str()))
            .collect();
        if statement.each || statement.binds.iter().any(|bind| bind.each) {
            return self.stop(
                Diagnostic::error(NOT_YET, "a rewrite does not bind any number of results yet")
                    .primary(statement.span, "here")
                    .help("name each result: `%a, %b = ...`"),
            );
        }
        self.alone = statement.is_effect();
        let made = self.term(&statement.term)?;
        if statement.is_effect() {
            self.effects.push(made.build);
            return Ok(());
        }
        if let [name] = names.as_slice() {
            self.defined.extend(name.map(|name| (name, made)));
            return Ok(());
        }
        let Build::Apply { results, .. } = &made.build else {
            return self.stop(
                Diagnostic::error(ARITY, "only an op has several results")
                    .primary(statement.term.span, "this has one"),
            );
        };
        if *results as usize != names.len() {
            let label = format!("it has {results} results, {} are bound", names.len());
            return Err(self.misfit(ARITY, statement.span, label));
        }
        for (result, name) in (0..).zip(names) {
            let Some(name) = name else { continue };
            let mut one = made.clone();
            if let Build::Apply { index, .. } = &mut one.build {
                *index = result;
            }
            if let Some(ty) = result.checked_sub(1) {
                one.ty = one.others.get(ty as usize).cloned();
            }
            self.defined.push((name, one));
        }
        Ok(())
    }

    fn term(&mut self, term: &'a ast::Term) -> Written<Made> {
        match &term.kind {
            TermKind::Expr(expr) => self.expr(expr),
            TermKind::Wildcard | TermKind::Typed(..) => {
                unreachable!("patterns on a written side are refused before")
            }
        }
    }

    fn expr(&mut self, expr: &'a ast::Expr) -> Written<Made> {
        match &expr.kind {
            ExprKind::Op(call) => self.op(call),
            ExprKind::Alternatives(branches) => match branches.as_slice() {
                [only] => self.term(&only.term),
                _ => unreachable!("choices on a written side are refused before"),
            },
            ExprKind::Value(value) => match self.assigned(&value.name) {
                Some(made) => Ok(made),
                None => self.resolved(expr),
            },
            ExprKind::If(conditional) => {
                let condition = self.resolver.resolve(&conditional.condition)?;
                match condition {
                    Expr::Literal(Literal::Bool(true)) => self.expr(&conditional.yes),
                    Expr::Literal(Literal::Bool(false)) => self.expr(&conditional.no),
                    condition => {
                        let yes = self.expr(&conditional.yes)?;
                        let no = self.expr(&conditional.no)?;
                        let ty = match (yes.ty, no.ty) {
                            (Some(yes), Some(no)) => joined(yes, no),
                            _ => None,
                        };
                        let (yes, no) = (Box::new(yes.build), Box::new(no.build));
                        let build = Build::If(condition, yes, no);
                        Ok(Made::new(build, ty))
                    }
                }
            }
            _ => self.resolved(expr),
        }
    }

    /// A name of the match, or something to compute.
    fn resolved(&mut self, expr: &'a ast::Expr) -> Written<Made> {
        self.refuse_written_names(expr)?;
        match self.resolver.resolve(expr)? {
            Expr::Slot(slot) => Ok(self.slot(slot)),
            literal @ Expr::Literal(_) => {
                let ty = expr_type(&literal, &[], &[]);
                Ok(Made::new(Build::Expr(literal), ty))
            }
            computed if self.holds_values(&computed) => self.stop(
                Diagnostic::error(TYPE_MISMATCH, "a list of values is made by an op")
                    .primary(expr.span, "stands where one operand is written")
                    .help("write `prim::ListConstruct(...)`, or `...` behind a name for each of its values"),
            ),
            computed => {
                self.check_tensors(&computed, expr.span)?;
                let ty = expr_type(&computed, self.lets, &self.lowered.types);
                Ok(Made::new(Build::Expr(computed), ty))
            }
        }
    }

    fn slot(&self, slot: Slot) -> Made {
        let ty = &self.lowered.types[slot.0 as usize];
        Made::new(Build::Slot(slot), Some(ty.clone()))
    }

    /// Whether it is a list or tuple with a tensor in it.
    fn holds_values(&self, expr: &Expr) -> bool {
        let is_tensor = |ty: &Type| match ty {
            Type::Optional(inner) => inner.is_tensor(),
            ty => ty.is_tensor(),
        };
        match expr {
            Expr::List(items) | Expr::Tuple(items) => items.iter().any(|item| match item {
                Expr::Slot(slot) => is_tensor(&self.lowered.types[slot.0 as usize]),
                item => self.holds_values(item),
            }),
            _ => false,
        }
    }

    pub(super) fn operand(
        &mut self,
        operand: &'a ast::Operand,
        into: &mut Vec<MadeOperand<'a>>,
    ) -> Written<()> {
        let OperandKind::Term { label, term, each } = &operand.kind else {
            unreachable!("`..` on a written side is refused before");
        };
        if *each {
            return self.each(operand, term, into);
        }
        let made = self.term(term)?;
        into.push(MadeOperand {
            label: label.as_ref(),
            build: BuildOperand::One(made.build),
            ty: made.ty,
            span: operand.span,
        });
        Ok(())
    }

    /// `Q...`: one operand for each element of the lists in `Q`.
    fn each(
        &mut self,
        operand: &'a ast::Operand,
        term: &'a ast::Term,
        into: &mut Vec<MadeOperand<'a>>,
    ) -> Written<()> {
        let mut mentions = Mentions::default();
        mentions.term(term);
        let mut over: Vec<(Slot, Slot)> = Vec::new();
        let mut lists: Vec<(Key<'a>, Vec<Expr>)> = Vec::new();
        let mut inner = self.resolver.clone();
        for mention in &mentions.list {
            let known = self
                .lowered
                .elements
                .iter()
                .find(|(k, _, _)| *k == mention.key);
            if let Some((key, element, list)) = known {
                inner.bind(*key, Expr::Slot(*element));
                over.push((*element, *list));
                continue;
            }
            let items = match self.resolver.local(mention.key) {
                Some(Expr::List(items)) => items,
                Some(Expr::Literal(literal)) => match literal.items() {
                    Some(items) => items.iter().cloned().map(Expr::Literal).collect(),
                    None => continue,
                },
                // A name of a branch that was not taken stands for no operands.
                None if self.assigned(mention.key.name).is_none() => Vec::new(),
                _ => continue,
            };
            lists.push((mention.key, items));
        }
        over.sort_unstable();
        over.dedup();
        if !over.is_empty() {
            let outer = std::mem::replace(&mut self.resolver, inner);
            let made = self.term(term);
            self.resolver = outer;
            let made = made?;
            into.push(MadeOperand {
                label: None,
                build: BuildOperand::Each {
                    each: made.build,
                    over,
                },
                ty: made.ty,
                span: operand.span,
            });
            return Ok(());
        }
        let Some(len) = lists.iter().map(|(_, items)| items.len()).max() else {
            return self.stop(
                Diagnostic::error(TYPE_MISMATCH, "`...` stands behind a list")
                    .primary(operand.span, "no list is named here")
                    .help("a list is bound by `...` in the match"),
            );
        };
        if let Some((key, items)) = lists.iter().find(|(_, items)| items.len() != len) {
            let label = format!("`{key}` has {} elements, another list {len}", items.len());
            return Err(self.misfit(ARITY, operand.span, label));
        }
        for position in 0..len {
            let mut inner = self.resolver.clone();
            for (key, items) in &lists {
                if let Some(item) = items.get(position) {
                    inner.bind(*key, item.clone());
                }
            }
            let outer = std::mem::replace(&mut self.resolver, inner);
            let made = self.term(term);
            self.resolver = outer;
            let made = made?;
            into.push(MadeOperand {
                label: None,
                build: BuildOperand::One(made.build),
                ty: made.ty,
                span: operand.span,
            });
        }
        Ok(())
    }
}

/// The result of a written side, or that it was told why not.
pub(super) fn told<T>(written: Written<T>) -> Checked<Result<T, Vec<Failure>>> {
    match written {
        Ok(done) => Ok(Ok(done)),
        Err(Trouble::Misfit(failures)) => Ok(Err(failures)),
        Err(Trouble::Stop) => Err(Stop),
    }
}
