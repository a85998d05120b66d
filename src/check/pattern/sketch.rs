//! A pattern without choices: which ops stand on which, before anybody knows their overloads.
//!
//! In: the matched side, a frame, the choices to take. Out: a [`Sketch`]: op nodes in the order they are met from the roots.
//! Invariant: a node's first user stands before it; statements are written into the place that uses them first.

use rustc_hash::{FxHashMap, FxHashSet};

use super::choices::Choices;
use crate::check::codes::{ARITY, BARE_ROOT, CIRCULAR, DUPLICATE_NAME, NOT_A_PATTERN, NOT_YET};
use crate::check::expression::{Key, Resolver};
use crate::check::family::Frame;
use crate::check::mentions::Mentions;
use crate::check::plan::Side;
use crate::check::rule::Expr;
use crate::check::sink::Checked;
use crate::diagnostic::Diagnostic;
use crate::graph::Literal;
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind, OperandKind, Repeat, Target, TermKind};

/// What stands in an operand.
#[derive(Clone, Debug)]
pub(in crate::check) enum Piece<'a> {
    /// `_`
    Any,
    /// `%x`; `_: T` is a value without a name.
    Value {
        name: Option<&'a str>,
        ty: Option<&'a ast::Type>,
        span: Span,
    },
    /// A bare name that the match binds.
    Bare { name: &'a str, span: Span },
    /// A literal, or a name known outside of the match.
    Literal(Literal),
    /// A result of an op.
    Node { node: usize, result: u32 },
}

/// An operand as written.
#[derive(Clone, Debug)]
pub(in crate::check) struct SketchOperand<'a> {
    pub(in crate::check) label: Option<&'a ast::Name>,
    /// Nothing for `..`.
    pub(in crate::check) piece: Option<Piece<'a>>,
    pub(in crate::check) each: bool,
    pub(in crate::check) span: Span,
}

/// An op.
#[derive(Clone, Debug)]
pub(in crate::check) struct SketchNode<'a> {
    pub(in crate::check) call: &'a ast::OpCall,
    /// Its name, holes filled, with overload if that is written.
    pub(in crate::check) op: String,
    pub(in crate::check) operands: Vec<SketchOperand<'a>>,
    pub(in crate::check) attributes: Vec<(&'a ast::Attr, Option<Piece<'a>>)>,
    /// Names of its results where a statement binds them.
    pub(in crate::check) names: Vec<Option<&'a str>>,
    /// `op+` or `op*`.
    pub(in crate::check) chain: Option<Repeat>,
    /// Whether it stands alone: a statement that binds nothing.
    pub(in crate::check) alone: bool,
}

/// A pattern without choices.
#[derive(Clone, Debug, Default)]
pub(in crate::check) struct Sketch<'a> {
    pub(in crate::check) nodes: Vec<SketchNode<'a>>,
    /// Roots, each with the name that the rewrite assigns.
    pub(in crate::check) roots: Vec<(Piece<'a>, Option<&'a str>, Span)>,
    /// Values that statements bind.
    pub(in crate::check) bound: Vec<(&'a ast::Value, Piece<'a>)>,
    /// Results with the types that are written on them.
    pub(in crate::check) typed: Vec<(Piece<'a>, &'a ast::Type)>,
    /// `as` names with what they say here.
    pub(in crate::check) tags: Vec<(&'a str, Literal)>,
    /// `as` names of nodes.
    pub(in crate::check) tagged: Vec<(&'a ast::Name, usize)>,
}

/// Writes the pattern down with the choices taken. `replaced` are the names that the rewrite assigns.
pub(in crate::check) fn sketch<'a>(
    frame: &Frame<'_, 'a>,
    side: Side<'a>,
    replaced: &[&str],
    choices: &mut Choices,
) -> Checked<Sketch<'a>> {
    let mut sketcher = Sketcher {
        frame,
        resolver: frame.resolver(),
        statements: &[],
        defined: FxHashMap::default(),
        met: Vec::new(),
        choices,
        sketch: Sketch::default(),
    };
    match side {
        Side::Term(term) => {
            let piece = sketcher.term(term)?;
            sketcher.root(piece, None, term.span)?;
        }
        Side::Statements(block) => sketcher.block(&block.statements, replaced)?,
        Side::Nothing(_) => unreachable!("a rule always matches something"),
    }
    Ok(sketcher.sketch)
}

/// The values that statements use.
fn used(statements: &[ast::Statement]) -> FxHashSet<&str> {
    let mut mentions = Mentions::default();
    for statement in statements {
        mentions.term(&statement.term);
    }
    let values = mentions.list.iter().filter(|mention| mention.key.is_value);
    values.map(|mention| mention.key.name).collect()
}

#[derive(Clone)]
enum Met<'a> {
    Not,
    Inside,
    Done(Vec<Piece<'a>>),
}

struct Sketcher<'p, 'c, 'a> {
    frame: &'p Frame<'c, 'a>,
    resolver: Resolver<'c, 'a>,
    statements: &'a [ast::Statement],
    /// Statement and result that define a value.
    defined: FxHashMap<&'a str, (usize, usize)>,
    met: Vec<Met<'a>>,
    choices: &'p mut Choices,
    sketch: Sketch<'a>,
}

impl<'a> Sketcher<'_, '_, 'a> {
    fn stop<T>(&self, diagnostic: Diagnostic) -> Checked<T> {
        self.frame.cx.sink.stop(diagnostic)
    }

    fn block(&mut self, statements: &'a [ast::Statement], replaced: &[&str]) -> Checked<()> {
        self.statements = statements;
        self.met = vec![Met::Not; statements.len()];
        for (index, statement) in statements.iter().enumerate() {
            for (result, bind) in statement.binds.iter().enumerate() {
                self.bind(index, result, bind)?;
            }
            if !statement.blocks.is_empty() {
                return self.stop(
                    Diagnostic::error(NOT_A_PATTERN, "blocks are not matched")
                        .primary(statement.span, "has blocks")
                        .help(
                            "match what is inside: rules act in blocks, and across their borders",
                        ),
                );
            }
            if statement.each {
                return self.not_yet(
                    statement.span,
                    "`...` behind a statement stands for nothing yet",
                    "write `...` behind an operand",
                );
            }
        }
        // Roots first, so that what they do not reach is found to be roots of its own.
        for (index, statement) in statements.iter().enumerate() {
            for (result, bind) in statement.binds.iter().enumerate() {
                let name = bind.target.value().map(|value| value.name.as_str());
                if name.is_some_and(|name| replaced.contains(&name)) {
                    let piece = self.statement(index)?.swap_remove(result);
                    self.root(piece, name, bind.span)?;
                }
            }
        }
        // Then what nothing else uses, and circles last, which are refused.
        let used = used(statements);
        for of_others in [false, true] {
            for (index, statement) in statements.iter().enumerate() {
                let is_used = statement
                    .binds
                    .iter()
                    .filter_map(|bind| bind.target.value())
                    .any(|value| used.contains(value.name.as_str()));
                if is_used == of_others && matches!(self.met[index], Met::Not) {
                    let piece = self.statement(index)?.swap_remove(0);
                    self.root(piece, None, statement.span)?;
                }
            }
        }
        Ok(())
    }

    fn bind(&mut self, index: usize, result: usize, bind: &'a ast::Bind) -> Checked<()> {
        if bind.each {
            return self.not_yet(
                bind.span,
                "a match does not bind any number of results yet",
                "name each result: `%a, %b = ...`; `prim::ListUnpack` of a list that was put together goes away by itself",
            );
        }
        let Target::Value(value) = &bind.target else {
            return Ok(());
        };
        let previous = self.defined.insert(&value.name, (index, result));
        match previous {
            None => Ok(()),
            Some((first, result)) => {
                let first = self.statements[first].binds[result].span;
                self.stop(
                    Diagnostic::error(DUPLICATE_NAME, format!("`{value}` is bound twice"))
                        .primary(value.span, "the second time")
                        .secondary(first, "the first time")
                        .help("each statement makes values of its own"),
                )
            }
        }
    }

    fn not_yet<T>(&self, span: Span, what: &str, instead: &str) -> Checked<T> {
        let diagnostic = Diagnostic::error(NOT_YET, what).primary(span, "here");
        self.stop(diagnostic.help(instead))
    }

    fn root(&mut self, piece: Piece<'a>, name: Option<&'a str>, span: Span) -> Checked<()> {
        if !matches!(piece, Piece::Node { .. }) {
            return self.stop(
                Diagnostic::error(BARE_ROOT, "a pattern starts with an op")
                    .primary(span, "this would match everything")
                    .help("match the op that makes the value; for `<=>`, write `=>`"),
            );
        }
        self.sketch.roots.push((piece, name, span));
        Ok(())
    }

    /// What the names on the left of a statement stand for.
    fn statement(&mut self, index: usize) -> Checked<Vec<Piece<'a>>> {
        let statement = &self.statements[index];
        match &self.met[index] {
            Met::Done(pieces) => return Ok(pieces.clone()),
            Met::Inside => {
                return self.stop(
                    Diagnostic::error(CIRCULAR, "a value cannot be made from itself")
                        .primary(statement.span, "needed for its own operands"),
                );
            }
            Met::Not => self.met[index] = Met::Inside,
        }
        let next = self.sketch.nodes.len();
        let piece = match (statement.node_tag(), statement.term.as_op()) {
            (Some(tag), Some(call)) => {
                self.sketch.tagged.push((tag, next));
                self.node(call)?
            }
            _ => self.term(&statement.term)?,
        };
        let names = statement.binds.iter().map(|bind| &bind.target);
        let names: Vec<_> = names.map(|t| t.value().map(|v| v.name.as_str())).collect();
        let pieces = match (names.len(), piece) {
            (1, Piece::Node { node, result }) => {
                let slot = self.sketch.nodes[node].names.get_mut(result as usize);
                if let Some(slot @ None) = slot {
                    *slot = names[0];
                }
                vec![Piece::Node { node, result }]
            }
            (1, piece) => vec![piece],
            (0, Piece::Node { node, result }) => {
                self.sketch.nodes[node].alone = true;
                vec![Piece::Node { node, result }]
            }
            (n, Piece::Node { node, .. }) if node == next && self.is_op(&statement.term) => {
                self.sketch.nodes[node].names = names;
                let results = (0..).take(n);
                results.map(|result| Piece::Node { node, result }).collect()
            }
            _ => {
                return self.stop(
                    Diagnostic::error(ARITY, "only an op has several results")
                        .primary(statement.term.span, "this has one"),
                );
            }
        };
        for (bind, piece) in statement.binds.iter().zip(&pieces) {
            if let Some(ty) = &bind.ty {
                self.typed(piece, ty)?;
            }
            if let Some(value) = bind.target.value() {
                self.sketch.bound.push((value, piece.clone()));
            }
        }
        self.met[index] = Met::Done(pieces.clone());
        Ok(pieces)
    }

    /// Notes a type written on a result.
    fn typed(&mut self, piece: &Piece<'a>, ty: &'a ast::Type) -> Checked<()> {
        if let Piece::Node { .. } | Piece::Value { name: Some(_), .. } = piece {
            self.sketch.typed.push((piece.clone(), ty));
            return Ok(());
        }
        self.stop(
            Diagnostic::error(NOT_A_PATTERN, "a type stands on a value of the graph")
                .primary(ty.span, "this is none, or has no name")
                .help("write the type where the value is first met: `%x: Tensor<f32>`"),
        )
    }

    fn is_op(&self, term: &ast::Term) -> bool {
        term.as_op().is_some_and(|call| call.repeat.is_none())
    }

    fn term(&mut self, term: &'a ast::Term) -> Checked<Piece<'a>> {
        match &term.kind {
            TermKind::Wildcard => self.untagged(term, Piece::Any),
            TermKind::Typed(Target::Value(value), ty) => {
                if let Some(&(statement, result)) = self.defined.get(value.name.as_str()) {
                    let piece = self.statement(statement)?.swap_remove(result);
                    self.typed(&piece, ty)?;
                    return self.untagged(term, piece);
                }
                let piece = Piece::Value {
                    name: Some(&value.name),
                    ty: Some(ty),
                    span: term.span,
                };
                self.untagged(term, piece)
            }
            TermKind::Typed(Target::Wildcard, ty) => {
                let piece = Piece::Value {
                    name: None,
                    ty: Some(ty),
                    span: term.span,
                };
                self.untagged(term, piece)
            }
            TermKind::Expr(expr) => match &expr.kind {
                ExprKind::Op(call) if call.repeat == Some(Repeat::Optional) => {
                    self.optional(call, term.tag.as_ref())
                }
                ExprKind::Alternatives(branches) => self.alternatives(branches, term.tag.as_ref()),
                _ => {
                    let piece = self.expr(expr)?;
                    self.untagged(term, piece)
                }
            },
        }
    }

    fn untagged(&self, term: &ast::Term, piece: Piece<'a>) -> Checked<Piece<'a>> {
        match &term.tag {
            None => Ok(piece),
            Some(tag) => self.stop(
                Diagnostic::error(NOT_A_PATTERN, "`as` names a choice, and there is none")
                    .primary(tag.span, "says nothing")
                    .help("`as` stands behind `op?(...)` and `(a: P | b: Q)`; name a value by a statement"),
            ),
        }
    }

    fn optional(
        &mut self,
        call: &'a ast::OpCall,
        tag: Option<&'a ast::Name>,
    ) -> Checked<Piece<'a>> {
        let present = self.choices.choose(2) == 0;
        if let Some(tag) = tag {
            self.sketch.tags.push((&tag.text, Literal::Bool(present)));
        }
        if present {
            return self.node(call);
        }
        match call.operands.first().map(|operand| &operand.kind) {
            Some(OperandKind::Term {
                term,
                each: false,
                label: None,
            }) => self.term(term),
            _ => self.stop(
                Diagnostic::error(
                    NOT_A_PATTERN,
                    "where the op is absent, its first operand is meant",
                )
                .primary(call.span, "has no first operand")
                .help("write the first operand by position"),
            ),
        }
    }

    fn alternatives(
        &mut self,
        branches: &'a [ast::Branch],
        tag: Option<&'a ast::Name>,
    ) -> Checked<Piece<'a>> {
        let way = self.choices.choose(branches.len());
        let Some(branch) = branches.get(way) else {
            unreachable!("a choice is among its ways");
        };
        if let Some(tag) = tag {
            let Some(label) = &branch.label else {
                return self.stop(
                    Diagnostic::error(
                        NOT_A_PATTERN,
                        format!("`{tag}` needs a name for each branch"),
                    )
                    .primary(branch.span, "has none")
                    .secondary(tag.span, "says which branch was taken")
                    .help("write `(first: P | second: Q)`"),
                );
            };
            self.sketch
                .tags
                .push((&tag.text, Literal::str(&label.text)));
        }
        self.term(&branch.term)
    }

    fn expr(&mut self, expr: &'a ast::Expr) -> Checked<Piece<'a>> {
        match &expr.kind {
            ExprKind::Value(value) => match self.defined.get(value.name.as_str()) {
                Some(&(statement, result)) => Ok(self.statement(statement)?.swap_remove(result)),
                None => Ok(Piece::Value {
                    name: Some(&value.name),
                    ty: None,
                    span: value.span,
                }),
            },
            ExprKind::Name(path) => match self.frame.known(&path.text) {
                Some(known) => Ok(Piece::Literal(known?)),
                None => Ok(Piece::Bare {
                    name: &path.text,
                    span: path.span,
                }),
            },
            ExprKind::Op(call) => self.node(call),
            _ => self.constant(expr),
        }
    }

    /// An expression that is known at compile time.
    fn constant(&mut self, expr: &'a ast::Expr) -> Checked<Piece<'a>> {
        let mut mentions = Mentions::default();
        mentions.expr(expr);
        let bound = mentions
            .list
            .iter()
            .find(|mention| mention.key.is_value || self.frame.known(mention.key.name).is_none());
        if let Some(bound) = bound {
            let diagnostic = Diagnostic::error(
                NOT_A_PATTERN,
                "in a match, an operand is an op, a name or a literal",
            )
            .primary(expr.span, "would have to be computed")
            .secondary(
                bound.span,
                format!("`{}` is only known after the match", bound.key),
            );
            return self.stop(match expr.kind {
                ExprKind::List(_) => {
                    diagnostic.help("write `prim::ListConstruct(...)` for a list of values")
                }
                _ => diagnostic.help("bind the operand to a name and compare it in `where`"),
            });
        }
        match self.resolver.resolve(expr)? {
            Expr::Literal(literal) => Ok(Piece::Literal(literal)),
            _ => self.stop(
                Diagnostic::error(NOT_A_PATTERN, "this has no value at compile time")
                    .primary(expr.span, "stands in a match"),
            ),
        }
    }

    fn node(&mut self, call: &'a ast::OpCall) -> Checked<Piece<'a>> {
        let op = self.frame.op_name(&self.resolver, &call.op)?;
        let node = self.sketch.nodes.len();
        self.sketch.nodes.push(SketchNode {
            call,
            op,
            operands: Vec::with_capacity(call.operands.len()),
            attributes: Vec::new(),
            names: vec![None],
            chain: call.repeat.filter(|repeat| *repeat != Repeat::Optional),
            alone: false,
        });
        for operand in &call.operands {
            let made = match &operand.kind {
                OperandKind::Rest => SketchOperand {
                    label: None,
                    piece: None,
                    each: false,
                    span: operand.span,
                },
                OperandKind::Term { label, term, each } => SketchOperand {
                    label: label.as_ref(),
                    piece: Some(self.term(term)?),
                    each: *each,
                    span: operand.span,
                },
            };
            self.sketch.nodes[node].operands.push(made);
        }
        for attr in &call.attrs {
            let piece = match &attr.kind {
                ast::AttrKind::Is { value, .. } => Some(self.term(value)?),
                ast::AttrKind::Name(name) => Some(match self.frame.known(&name.text) {
                    Some(known) => Piece::Literal(known?),
                    None => Piece::Bare {
                        name: &name.text,
                        span: name.span,
                    },
                }),
                ast::AttrKind::Rest => None,
                ast::AttrKind::Bundle { name, indexes } => {
                    let bundles = call.attrs.iter().filter(|attr| attr.kind.is_bundle());
                    if !indexes.is_empty() || bundles.count() > 1 {
                        return self.stop(
                            Diagnostic::error(
                                NOT_A_PATTERN,
                                "a match binds all other attributes of an op, once",
                            )
                            .primary(attr.span, "says more")
                            .help(format!("write `[{name}...]`")),
                        );
                    }
                    None
                }
                ast::AttrKind::Verbatim { .. } => {
                    return self.stop(
                        Diagnostic::error(
                            NOT_A_PATTERN,
                            "a printed tensor is not all of the tensor",
                        )
                        .primary(attr.span, "stands in a match")
                        .help("match the constant, `%w: const Tensor`, and compare it in `where`"),
                    );
                }
            };
            if !matches!(
                piece,
                None | Some(Piece::Bare { .. } | Piece::Literal(_) | Piece::Any)
            ) {
                return self.stop(
                    Diagnostic::error(NOT_A_PATTERN, "an attribute is no value of the graph")
                        .primary(attr.span, "matches a value")
                        .help("bind it to a bare name, or write a literal"),
                );
            }
            self.sketch.nodes[node].attributes.push((attr, piece));
        }
        Ok(Piece::Node { node, result: 0 })
    }
}

impl<'a> Sketch<'a> {
    /// What `as` tags say.
    pub(in crate::check) fn tag_keys(&self) -> impl Iterator<Item = (Key<'a>, Literal)> {
        let tags = self.tags.iter();
        tags.map(|(name, value)| (Key::bare(name), value.clone()))
    }
}
