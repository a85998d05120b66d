//! The walk over an expression as written.

use super::context::{Context, Key};
use super::fold::{elements, fold};
use crate::check::codes::{NOT_A_PATTERN, UNKNOWN_NAME, WRONG_KIND};
use crate::check::modules::with_meant;
use crate::check::rule::{Binary, Expr};
use crate::check::sink::{Checked, Stop};
use crate::diagnostic::{Diagnostic, closest};
use crate::graph::Literal;
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind, TermKind, UnaryOp};

/// A name around an expression.
#[derive(Clone, Debug)]
struct Local<'a> {
    key: Key<'a>,
    expr: Expr,
    /// How many comprehensions were open where `expr` was resolved.
    depth: u32,
}

/// Resolves expressions in a module, with the names around them.
#[derive(Clone)]
pub(in crate::check) struct Resolver<'c, 'a> {
    pub(super) cx: &'c Context<'a>,
    pub(super) module: usize,
    locals: Vec<Local<'a>>,
    /// Comprehensions around the place that were not unrolled.
    pub(super) depth: u32,
    /// Functions of users that are being written out.
    pub(super) calls: Vec<(usize, &'a str)>,
    /// A name that nothing binds here is known to be absent: the caller looked at names before.
    absent_is_none: bool,
    /// The expression stands on a written side, where `tensor()` makes constants.
    pub(super) writes: bool,
    /// Whether the expression stands in a step.
    pub(super) in_pipeline: bool,
}

/// More elements than any table has.
const MOST: usize = 1 << 13;

impl<'c, 'a> Resolver<'c, 'a> {
    pub(in crate::check) fn new(cx: &'c Context<'a>, module: usize) -> Resolver<'c, 'a> {
        Resolver {
            cx,
            module,
            locals: Vec::new(),
            depth: 0,
            calls: Vec::new(),
            absent_is_none: false,
            writes: false,
            in_pipeline: false,
        }
    }

    /// The same for the steps of a pipeline, which may ask about the model.
    pub(in crate::check) fn of_steps(cx: &'c Context<'a>, module: usize) -> Resolver<'c, 'a> {
        Resolver {
            in_pipeline: true,
            ..Resolver::new(cx, module)
        }
    }

    /// From here on, names that nothing binds are `none`: they stand in a branch that was not taken.
    pub(in crate::check) fn absent_is_none(&mut self) {
        self.absent_is_none = true;
    }

    /// From here on, expressions stand on a written side.
    pub(in crate::check) fn writes(&mut self) {
        self.writes = true;
    }

    /// Adds a name; it hides earlier ones and those of the module.
    pub(in crate::check) fn bind(&mut self, key: Key<'a>, expr: Expr) {
        let depth = self.depth;
        self.locals.push(Local { key, expr, depth });
    }

    /// What a name around the expression stands for.
    pub(in crate::check) fn local(&self, key: Key<'_>) -> Option<Expr> {
        let local = self.locals.iter().rev().find(|local| local.key == key)?;
        Some(shifted(&local.expr, self.depth - local.depth, 0))
    }

    /// The resolved expression.
    pub(in crate::check) fn resolve(&mut self, expr: &'a ast::Expr) -> Checked<Expr> {
        self.cx.count(expr.span)?;
        let resolved = match &expr.kind {
            ExprKind::Number(number) => Expr::Literal(number_literal(number)),
            ExprKind::Text(text) => Expr::Literal(Literal::str(&text.value)),
            ExprKind::Bool(truth) => Expr::Literal(Literal::Bool(*truth)),
            ExprKind::None => Expr::Literal(Literal::None),
            ExprKind::Name(path) => self.name(path)?,
            ExprKind::Value(value) => self.value(value)?,
            ExprKind::Call(call) => self.call(call)?,
            ExprKind::List(items) => self.list(items)?,
            ExprKind::Comprehension(comprehension) => self.comprehension(comprehension)?,
            ExprKind::Tuple(items) => {
                let items: Checked<Vec<Expr>> = items.iter().map(|item| self.term(item)).collect();
                Expr::Tuple(items?)
            }
            ExprKind::Unary(UnaryOp::Not, inner) => Expr::Not(Box::new(self.resolve(inner)?)),
            ExprKind::Unary(UnaryOp::Neg, inner) => Expr::Negate(Box::new(self.resolve(inner)?)),
            ExprKind::Binary(binary) => {
                let left = Box::new(self.resolve(&binary.left)?);
                let right = Box::new(self.resolve(&binary.right)?);
                Expr::Binary(operator(binary.op), left, right)
            }
            ExprKind::Index(index) => self.index(index)?,
            ExprKind::If(conditional) => {
                // A branch that is not taken may hold what has no meaning here, such as an absent name.
                let condition = self.resolve(&conditional.condition)?;
                match condition {
                    Expr::Literal(Literal::Bool(true)) => return self.resolve(&conditional.yes),
                    Expr::Literal(Literal::Bool(false)) => return self.resolve(&conditional.no),
                    _ => Expr::If(
                        Box::new(condition),
                        Box::new(self.resolve(&conditional.yes)?),
                        Box::new(self.resolve(&conditional.no)?),
                    ),
                }
            }
            ExprKind::Op(call) => {
                return self.cx.sink.stop(
                    Diagnostic::error(NOT_A_PATTERN, "an op cannot stand in an expression")
                        .primary(call.span, "only facts about values are known here")
                        .help("match the op in `match` and use the name of its result"),
                );
            }
            ExprKind::Alternatives(_) => return self.pattern(expr.span),
        };
        Ok(fold(resolved))
    }

    fn name(&mut self, path: &'a ast::Path) -> Checked<Expr> {
        if let Some(local) = self.local(Key::bare(&path.text)) {
            return Ok(local);
        }
        match self.cx.outside(self.module, &path.text) {
            Some(value) => value.map(Expr::Literal),
            None => self.unknown(Key::bare(&path.text), path.span),
        }
    }

    fn value(&mut self, value: &'a ast::Value) -> Checked<Expr> {
        match self.local(Key::value(&value.name)) {
            Some(local) => Ok(local),
            None => self.unknown(Key::value(&value.name), value.span),
        }
    }

    fn unknown(&self, key: Key<'a>, span: Span) -> Checked<Expr> {
        if self.absent_is_none {
            return Ok(Expr::Literal(Literal::None));
        }
        if let Some(found) = self.cx.modules.find(self.module, key.name)
            && !key.is_value
        {
            return self.cx.sink.stop(
                Diagnostic::error(
                    WRONG_KIND,
                    format!("`{key}` is {}, not a value", found.entry.kind()),
                )
                .primary(span, "a value is needed here")
                .secondary(found.span, "defined here"),
            );
        }
        let same_kind = self
            .locals
            .iter()
            .filter(|l| l.key.is_value == key.is_value);
        let near = closest(key.name, same_kind.map(|local| local.key.name));
        let near = near.map(|name| Key { name, ..key }.to_string());
        let meant = near.or_else(|| {
            let elsewhere = || self.cx.modules.meant(self.module, key.name);
            (!key.is_value).then(elsewhere).flatten()
        });
        self.cx.sink.stop(with_meant(
            Diagnostic::error(UNKNOWN_NAME, format!("nothing is named `{key}` here"))
                .primary(span, "not found"),
            meant.as_deref(),
        ))
    }

    /// A term where an expression is meant.
    pub(super) fn term(&mut self, term: &'a ast::Term) -> Checked<Expr> {
        match (&term.kind, &term.tag) {
            (TermKind::Expr(expr), None) => self.resolve(expr),
            _ => self.pattern(term.span),
        }
    }

    fn pattern<T>(&self, span: Span) -> Checked<T> {
        self.cx.sink.stop(
            Diagnostic::error(NOT_A_PATTERN, "a pattern cannot stand in an expression")
                .primary(span, "this matches, and has no value")
                .help("write patterns in `match`; here, use the names they bind"),
        )
    }

    fn list(&mut self, items: &'a [ast::Element]) -> Checked<Expr> {
        let mut made = Vec::with_capacity(items.len());
        for item in items {
            let expr = self.term(&item.term)?;
            match (item.each, elements(&expr)) {
                (false, _) => made.push(expr),
                (true, Some(all)) => made.extend(all),
                (true, None) => return self.pattern(item.span),
            }
        }
        Ok(Expr::List(made))
    }

    fn index(&mut self, index: &'a ast::Index) -> Checked<Expr> {
        let base = Box::new(self.resolve(&index.base)?);
        Ok(match &index.subscript {
            ast::Subscript::At(at) => Expr::Index(base, Box::new(self.resolve(at)?)),
            ast::Subscript::Slice(from, to) => {
                let mut bound = |bound: &'a Option<ast::Expr>| match bound {
                    Some(bound) => Ok(Some(Box::new(self.resolve(bound)?))),
                    None => Ok(None),
                };
                let from = bound(from)?;
                let to = bound(to)?;
                Expr::Slice(base, from, to)
            }
        })
    }

    /// Lists that are written out are unrolled, so that what is made of them is known as far as possible.
    fn comprehension(&mut self, comprehension: &'a ast::Comprehension) -> Checked<Expr> {
        let mut made = Vec::new();
        let locals = self.locals.len();
        let unrolled = self.unroll(comprehension, &comprehension.loops, &mut made);
        self.locals.truncate(locals);
        if unrolled? {
            return Ok(Expr::List(made));
        }
        match comprehension.loops.as_slice() {
            [only] => self.kept(comprehension, only),
            loops => {
                let span = loops.iter().map(|l| l.span).reduce(Span::to);
                let not_yet = Diagnostic::error(
                    crate::check::codes::NOT_YET,
                    "of several loops, all must be over lists known at compile time",
                );
                let not_yet = match span {
                    Some(span) => not_yet.primary(span, "here"),
                    None => not_yet,
                };
                self.cx.sink.stop(not_yet.help("loop over one list, and index the other: `[a[i] + b[i] for i in range(len(a))]`"))
            }
        }
    }

    /// Whether all of it could be unrolled.
    fn unroll(
        &mut self,
        comprehension: &'a ast::Comprehension,
        loops: &'a [ast::Loop],
        made: &mut Vec<Expr>,
    ) -> Checked<bool> {
        let Some((first, others)) = loops.split_first() else {
            made.push(self.term(&comprehension.element.term)?);
            return Ok(made.len() <= MOST);
        };
        let source = self.resolve(&first.source)?;
        let Some(items) = elements(&source) else {
            return Ok(false);
        };
        let locals = self.locals.len();
        for item in items {
            self.bind_all(&first.variables, &item);
            let wanted = match &first.condition {
                None => Expr::Literal(Literal::Bool(true)),
                Some(condition) => self.resolve(condition)?,
            };
            match wanted {
                Expr::Literal(Literal::Bool(true)) => {
                    if !self.unroll(comprehension, others, made)? {
                        return Ok(false);
                    }
                }
                Expr::Literal(Literal::Bool(false)) => {}
                _ => return Ok(false),
            }
            self.locals.truncate(locals);
        }
        Ok(true)
    }

    fn kept(
        &mut self,
        comprehension: &'a ast::Comprehension,
        only: &'a ast::Loop,
    ) -> Checked<Expr> {
        let over = Box::new(self.resolve(&only.source)?);
        let locals = self.locals.len();
        self.depth += 1;
        self.bind_all(&only.variables, &Expr::Element(0));
        let element = self.term(&comprehension.element.term);
        let condition = only.condition.as_ref().map(|c| self.resolve(c));
        self.locals.truncate(locals);
        self.depth -= 1;
        Ok(Expr::Comprehension {
            element: Box::new(element?),
            over,
            condition: condition.transpose()?.map(Box::new),
        })
    }

    fn bind_all(&mut self, variables: &'a [ast::Variable], item: &Expr) {
        match variables {
            [one] => self.bind(Key::of(one), item.clone()),
            several => {
                for (index, variable) in (0..).zip(several) {
                    let index = Expr::Literal(Literal::Int(index));
                    let part = Expr::Index(Box::new(item.clone()), Box::new(index));
                    self.bind(Key::of(variable), fold(part));
                }
            }
        }
    }

    /// A truth value known at compile time.
    pub(in crate::check) fn stop<T>(&self, diagnostic: Diagnostic) -> Checked<T> {
        self.cx.sink.tell(diagnostic);
        Err(Stop)
    }
}

/// The number as a literal.
pub(in crate::check) fn number_literal(number: &ast::Number) -> Literal {
    match number.value {
        ast::NumberValue::Int(n) => Literal::Int(n),
        ast::NumberValue::Float(x) => Literal::Float(x),
    }
}

/// The expression moved under `by` more comprehensions; elements counted below `from` are its own.
fn shifted(expr: &Expr, by: u32, from: u32) -> Expr {
    if by == 0 {
        return expr.clone();
    }
    let one = |e: &Expr| Box::new(shifted(e, by, from));
    let all = |es: &[Expr]| es.iter().map(|e| shifted(e, by, from)).collect();
    let maybe = |e: &Option<Box<Expr>>| e.as_deref().map(one);
    match expr {
        Expr::Element(index) if *index >= from => Expr::Element(index + by),
        Expr::Literal(_) | Expr::Slot(_) | Expr::Let(_) | Expr::Element(_) | Expr::Setting(_) => {
            expr.clone()
        }
        Expr::List(items) => Expr::List(all(items)),
        Expr::Tuple(items) => Expr::Tuple(all(items)),
        Expr::Comprehension {
            element,
            over,
            condition,
        } => Expr::Comprehension {
            element: Box::new(shifted(element, by, from + 1)),
            over: one(over),
            condition: condition
                .as_deref()
                .map(|c| Box::new(shifted(c, by, from + 1))),
        },
        Expr::If(c, a, b) => Expr::If(one(c), one(a), one(b)),
        Expr::Not(a) => Expr::Not(one(a)),
        Expr::Negate(a) => Expr::Negate(one(a)),
        Expr::Binary(op, a, b) => Expr::Binary(*op, one(a), one(b)),
        Expr::Index(a, b) => Expr::Index(one(a), one(b)),
        Expr::Slice(a, b, c) => Expr::Slice(one(a), maybe(b), maybe(c)),
        Expr::Call(function, arguments) => Expr::Call(*function, all(arguments)),
    }
}

fn operator(op: ast::BinaryOp) -> Binary {
    match op {
        ast::BinaryOp::Or => Binary::Or,
        ast::BinaryOp::And => Binary::And,
        ast::BinaryOp::Eq => Binary::Eq,
        ast::BinaryOp::Ne => Binary::Ne,
        ast::BinaryOp::Lt => Binary::Lt,
        ast::BinaryOp::Le => Binary::Le,
        ast::BinaryOp::Gt => Binary::Gt,
        ast::BinaryOp::Ge => Binary::Ge,
        ast::BinaryOp::In => Binary::In,
        ast::BinaryOp::NotIn => Binary::NotIn,
        ast::BinaryOp::Add => Binary::Add,
        ast::BinaryOp::Sub => Binary::Sub,
        ast::BinaryOp::Mul => Binary::Mul,
        ast::BinaryOp::Div => Binary::Div,
    }
}
