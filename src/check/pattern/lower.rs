//! A sketch with its overloads to the pattern that is matched.
//!
//! In: a sketch, a solution, the commutative ops whose operands change places. Out: patterns with numbered slots, and what each name of
//! the rule stands for.
//! Invariant: slots are numbered in the order they are bound, so two patterns that mean the same are equal.

use super::constraint::constraint;
use super::fill::{Fill, Filled};
use super::overloads::{Solution, Variable};
use super::sketch::{Piece, Sketch, SketchOperand};
use super::swap::Swap;
use super::types::Unifier;
use crate::check::codes::NOT_YET;
use crate::check::expression::Key;
use crate::check::family::Frame;
use crate::check::rule::{
    Apply, Constraint, DimPattern, Expr, Pattern, Rest, Slot, SlotInfo, SlotKind,
};
use crate::check::sink::Checked;
use crate::diagnostic::Diagnostic;
use crate::graph::{Literal, Name, Type};
use crate::source::Span;
use crate::syntax::ast;

/// A root as lowered.
#[derive(Clone, Debug)]
pub(in crate::check) struct LoweredRoot<'a> {
    pub(in crate::check) pattern: Pattern,
    /// The name that the rewrite assigns.
    pub(in crate::check) name: Option<&'a str>,
    pub(in crate::check) ty: Type,
    pub(in crate::check) span: Span,
}

/// A pattern with its names.
#[derive(Clone, Debug)]
pub(in crate::check) struct Lowered<'a> {
    pub(in crate::check) slots: Vec<SlotInfo>,
    /// The type of each slot.
    pub(in crate::check) types: Vec<Type>,
    /// What type variables stand for.
    pub(in crate::check) unifier: Unifier,
    pub(in crate::check) roots: Vec<LoweredRoot<'a>>,
    /// What each name stands for.
    pub(in crate::check) names: Vec<(Key<'a>, Expr)>,
    /// Names behind `...` under ops with any number of operands: the slot of an element and that of the list.
    pub(in crate::check) elements: Vec<(Key<'a>, Slot, Slot)>,
    /// The overloads of the match.
    pub(in crate::check) ops: Vec<Name>,
    /// Nodes that `as` names, with their ops.
    pub(in crate::check) tagged: Vec<(&'a ast::Name, Slot, Name)>,
}

/// The pattern of a solution, with these swaps.
pub(in crate::check) fn lower<'a>(
    frame: &Frame<'_, 'a>,
    sketch: &Sketch<'a>,
    solution: &Solution<'a>,
    swaps: &[&Swap<'a>],
) -> Checked<Lowered<'a>> {
    let mut lowerer = Lowerer {
        frame,
        sketch,
        solution,
        swaps,
        forced: Vec::new(),
        variables: Vec::new(),
        nodes: vec![Met::default(); sketch.nodes.len()],
        inside_each: None,
        out: Lowered {
            slots: Vec::new(),
            types: Vec::new(),
            unifier: solution.types.clone(),
            roots: Vec::new(),
            names: Vec::new(),
            elements: Vec::new(),
            ops: solution.nodes.iter().map(|n| n.schema.full).collect(),
            tagged: Vec::new(),
        },
    };
    for swap in swaps {
        if let Some((_, literal, Some(variable))) = &swap.condition {
            lowerer.forced.push((*variable, literal.clone()));
        }
    }
    for (piece, name, span) in &sketch.roots {
        let pattern = lowerer.piece(piece, &Place::default())?;
        let ty = match piece {
            Piece::Node { node, result } => lowerer.result_type(*node, *result),
            _ => Type::Any,
        };
        lowerer.out.roots.push(LoweredRoot {
            pattern,
            name: *name,
            ty,
            span: *span,
        });
    }
    lowerer.typed()?;
    lowerer.names()?;
    for (tag, node) in &sketch.tagged {
        let Some(slot) = lowerer.nodes[*node].node else {
            unreachable!("every statement of a match is in one of its patterns");
        };
        let op = lowerer.solution.nodes[*node].schema.full;
        lowerer.out.tagged.push((*tag, slot, op));
    }
    Ok(lowerer.out)
}

/// Slots of a node: of the node, and of each result of one with several.
#[derive(Clone, Debug, Default)]
struct Met {
    node: Option<Slot>,
    results: Vec<(u32, Slot)>,
}

/// What is known of the operand where something stands.
#[derive(Clone, Debug, Default)]
struct Place {
    is_dtype: bool,
    element: Option<u32>,
    /// The literal as it stands here.
    literal: Option<Literal>,
}

pub(super) struct Lowerer<'p, 'c, 'a> {
    pub(super) frame: &'p Frame<'c, 'a>,
    pub(super) sketch: &'p Sketch<'a>,
    pub(super) solution: &'p Solution<'a>,
    swaps: &'p [&'p Swap<'a>],
    forced: Vec<(Variable<'a>, Literal)>,
    variables: Vec<(Variable<'a>, Slot)>,
    nodes: Vec<Met>,
    /// Names bound in the `P...` around, with their element slots.
    inside_each: Option<Vec<(Key<'a>, Slot)>>,
    pub(super) out: Lowered<'a>,
}

impl<'a> Lowerer<'_, '_, 'a> {
    pub(super) fn slot(&mut self, name: &str, kind: SlotKind, span: Span, ty: Type) -> Slot {
        let slot = Slot(self.out.slots.len() as u32);
        self.out.slots.push(SlotInfo {
            name: Name::new(name),
            kind,
            span,
        });
        self.out.types.push(ty);
        slot
    }

    pub(super) fn not_yet<T>(&self, span: Span, what: &str, instead: &str) -> Checked<T> {
        let diagnostic = Diagnostic::error(NOT_YET, what).primary(span, "here");
        self.frame.cx.sink.stop(diagnostic.help(instead))
    }

    /// One of several results that nothing in the match reads.
    fn unread<T>(&self, span: Span) -> Checked<T> {
        let words = "one of several results is known only where the match reads it";
        self.frame.cx.sink.stop(
            Diagnostic::error(NOT_YET, words)
                .primary(span, "no operand of the match is this result")
                .help("match an op that takes it, or assign it in the rewrite"),
        )
    }

    fn result_type(&self, node: usize, result: u32) -> Type {
        let results = &self.solution.nodes[node].results;
        let ty = results.get(result as usize);
        ty.map_or(Type::Any, |ty| self.solution.types.resolved(ty))
    }

    fn piece(&mut self, piece: &Piece<'a>, place: &Place) -> Checked<Pattern> {
        match piece {
            Piece::Any => Ok(Pattern::Any),
            Piece::Literal(literal) => {
                let literal = place.literal.as_ref().unwrap_or(literal);
                Ok(Pattern::Literal(literal.clone()))
            }
            Piece::Value { name, ty, span } => self.value(*name, *ty, *span, place),
            Piece::Bare { name, span } => {
                let variable = (Key::bare(name), place.element);
                if let Some(literal) = self.forced(variable) {
                    return Ok(Pattern::Literal(literal));
                }
                let dtype = place.is_dtype;
                let slot = self.variable(variable, SlotKind::Literal { dtype }, *span)?;
                Ok(Pattern::Bare(slot))
            }
            Piece::Node { node, result } => self.node(*node, *result),
        }
    }

    fn forced(&self, variable: Variable<'a>) -> Option<Literal> {
        let forced = self.forced.iter().find(|(known, _)| *known == variable)?;
        Some(forced.1.clone())
    }

    fn value(
        &mut self,
        name: Option<&'a str>,
        ty: Option<&'a ast::Type>,
        span: Span,
        place: &Place,
    ) -> Checked<Pattern> {
        let slot = match name {
            None => self.slot("%_", SlotKind::Value, span, Type::Any),
            Some(name) => {
                let variable = (Key::value(name), place.element);
                if let Some(literal) = self.forced(variable) {
                    return Ok(Pattern::Literal(literal));
                }
                self.variable(variable, SlotKind::Value, span)?
            }
        };
        let Some(ty) = ty else {
            return Ok(Pattern::Value(slot, None));
        };
        let demanded = self.demanded(ty)?;
        Ok(Pattern::Value(slot, Some(demanded)))
    }

    /// Types written on results, each as a root that is matched when the others are.
    fn typed(&mut self) -> Checked<()> {
        for (piece, ty) in &self.sketch.typed {
            let slot = match piece {
                Piece::Node { node, result } => {
                    let met = &self.nodes[*node];
                    let of_result = met.results.iter().find(|(of, _)| of == result);
                    match (of_result, met.results.is_empty()) {
                        (Some((_, slot)), _) => Some(*slot),
                        (None, true) => met.node,
                        (None, false) => None,
                    }
                }
                Piece::Value {
                    name: Some(name), ..
                } => {
                    let variable = (Key::value(name), None);
                    let mut known = self.variables.iter();
                    let known = known.find(|(known, _)| *known == variable);
                    known.map(|(_, slot)| *slot)
                }
                _ => None,
            };
            let Some(slot) = slot else {
                return self.unread(ty.span);
            };
            let demanded = self.demanded(ty)?;
            self.out.roots.push(LoweredRoot {
                pattern: Pattern::Value(slot, Some(demanded)),
                name: None,
                ty: Type::Any,
                span: ty.span,
            });
        }
        Ok(())
    }

    /// What a written type demands.
    fn demanded(&mut self, ty: &'a ast::Type) -> Checked<Constraint> {
        let frame = self.frame;
        let mut dims: Vec<(&'a str, Span)> = Vec::new();
        let mut demanded = constraint(frame, ty, &mut |name, span| {
            dims.push((name, span));
            DimPattern::Any
        })?;
        let mut named = dims.into_iter();
        let is_name = |dim: &ast::Dim| match &dim.kind {
            ast::DimKind::Expr(expr) => match &expr.kind {
                ast::ExprKind::Name(path) => frame.known(&path.text).is_none(),
                _ => false,
            },
            _ => false,
        };
        if let (ast::TypeKind::Refined(refined), Some(patterns)) = (&ty.kind, &mut demanded.dims) {
            for (dim, pattern) in refined.dims.iter().flatten().zip(patterns) {
                if is_name(dim)
                    && let Some((name, span)) = named.next()
                {
                    let kind = SlotKind::Literal { dtype: false };
                    *pattern =
                        DimPattern::Bind(self.variable((Key::bare(name), None), kind, span)?);
                }
            }
        }
        Ok(demanded)
    }

    /// The slot of a name, made where it is met first.
    pub(super) fn variable(
        &mut self,
        variable: Variable<'a>,
        kind: SlotKind,
        span: Span,
    ) -> Checked<Slot> {
        if let Some((_, slot)) = self.variables.iter().find(|(known, _)| *known == variable) {
            return Ok(*slot);
        }
        let (key, element) = variable;
        if self.out.elements.iter().any(|(known, _, _)| *known == key) {
            return self.not_yet(
                span,
                "a list that `...` binds stands once in a match",
                "give the second one another name, and compare the two in `where`",
            );
        }
        let ty = self.solution.variables.iter().find(|(v, _)| *v == variable);
        let ty = ty.map_or(Type::Int, |(_, ty)| self.solution.types.resolved(ty));
        let name = match element {
            Some(element) => format!("{key}.{element}"),
            None => key.to_string(),
        };
        let slot = self.slot(&name, kind, span, ty);
        if let Some(inside) = &mut self.inside_each {
            inside.push((key, slot));
        }
        self.variables.push((variable, slot));
        Ok(slot)
    }

    fn node(&mut self, index: usize, result: u32) -> Checked<Pattern> {
        let (node, chosen) = (&self.sketch.nodes[index], &self.solution.nodes[index]);
        let count = match chosen.schema.varret {
            true => node.names.len(),
            false => chosen.schema.results.len(),
        };
        if count <= 1 {
            return match self.nodes[index].node {
                Some(slot) => Ok(Pattern::Again(slot)),
                None => self.apply(index, count as u32),
            };
        }
        let known = self.nodes[index].results.iter().find(|(r, _)| *r == result);
        if let Some((_, slot)) = known {
            return Ok(Pattern::Again(*slot));
        }
        let name = match node.names.get(result as usize) {
            Some(Some(name)) => format!("%{name}"),
            _ => format!("%{}.{result}", node.op),
        };
        let ty = self.result_type(index, result);
        let slot = self.slot(&name, SlotKind::Value, node.call.span, ty);
        self.nodes[index].results.push((result, slot));
        let of = match self.nodes[index].node {
            Some(slot) => Pattern::Again(slot),
            None => self.apply(index, count as u32)?,
        };
        Ok(Pattern::Project {
            index: result,
            of: Box::new(of),
            slot,
        })
    }

    fn apply(&mut self, index: usize, results: u32) -> Checked<Pattern> {
        let sketch = self.sketch;
        let (node, chosen) = (&sketch.nodes[index], &self.solution.nodes[index]);
        let (kind, name) = match (results, node.names.first()) {
            (1, Some(Some(name))) => (SlotKind::Value, format!("%{name}")),
            (1, _) => (SlotKind::Value, format!("%{}", node.op)),
            _ => (SlotKind::Results, node.op.clone()),
        };
        let ty = self.result_type(index, 0);
        let slot = self.slot(&name, kind, node.call.span, ty);
        self.nodes[index].node = Some(slot);
        if let Some(repeat) = node.chain {
            return self.chain(index, slot, repeat);
        }
        let swap = self.swaps.iter().find(|swap| swap.node == index);
        let Filled {
            params,
            extra,
            rest,
        } = &chosen.filled;
        let mut operands = Vec::with_capacity(params.len() + extra.len());
        let mut operand_spans = Vec::with_capacity(params.len() + extra.len() + 1);
        let written = |operand: usize| node.operands[operand].span;
        let name_span = node.call.op.span;
        for position in 0..params.len() {
            let at = match swap {
                Some(swap) if swap.operands.0 == position => swap.operands.1,
                Some(swap) if swap.operands.1 == position => swap.operands.0,
                _ => position,
            };
            operand_spans.push(match &params[at] {
                Fill::Operand(operand) | Fill::Element(operand, _) => written(*operand),
                Fill::Default(_) | Fill::Any => name_span,
            });
            let condition = swap.and_then(|swap| swap.condition.as_ref());
            operands.push(match condition {
                Some((at, literal, _)) if *at == position => Pattern::Literal(literal.clone()),
                _ => self.param(index, at)?,
            });
        }
        for &operand in extra {
            if let Some(piece) = &node.operands[operand].piece {
                operands.push(self.piece(piece, &Place::default())?);
                operand_spans.push(written(operand));
            }
        }
        if let Some(Some(operand)) = rest {
            operand_spans.push(written(*operand));
        }
        let rest = match rest {
            None => None,
            Some(None) => Some(Rest::Ignored),
            Some(Some(operand)) => Some(self.each(&node.operands[*operand])?),
        };
        let attributes = self.attributes(node)?;
        Ok(Pattern::Apply(Box::new(Apply {
            op: chosen.schema.full,
            slot,
            operands,
            rest,
            attributes,
            results,
            span: name_span,
            operand_spans,
        })))
    }

    pub(super) fn param(&mut self, index: usize, at: usize) -> Checked<Pattern> {
        let sketch = self.sketch;
        let chosen = &self.solution.nodes[index];
        let (operand, element) = match &chosen.filled.params[at] {
            Fill::Any => return Ok(Pattern::Any),
            Fill::Default(literal) => return Ok(Pattern::Literal(literal.clone())),
            Fill::Operand(operand) => (*operand, None),
            Fill::Element(operand, element) => (*operand, Some(*element)),
        };
        let Some(piece) = &sketch.nodes[index].operands[operand].piece else {
            return Ok(Pattern::Any);
        };
        let literal = chosen.literals.iter().find(|(param, _)| *param == at);
        let place = Place {
            is_dtype: chosen.schema.params[at].is_dtype,
            element,
            literal: literal.map(|(_, literal)| literal.clone()),
        };
        self.piece(piece, &place)
    }

    /// `P...` under an op with any number of operands.
    fn each(&mut self, operand: &SketchOperand<'a>) -> Checked<Rest> {
        let Some(piece) = &operand.piece else {
            return Ok(Rest::Ignored);
        };
        if self.inside_each.is_some() {
            return self.not_yet(
                operand.span,
                "`...` inside of `...` would bind lists of lists",
                "bind the inner list as a value, `%list`",
            );
        }
        self.inside_each = Some(Vec::new());
        let pattern = self.piece(piece, &Place::default());
        let bound = self.inside_each.take().unwrap_or_default();
        let pattern = pattern?;
        let mut collect = Vec::with_capacity(bound.len());
        for (key, element) in bound {
            let kind = match key.is_value {
                true => SlotKind::Values,
                false => SlotKind::Literals,
            };
            let ty = self.out.types[element.0 as usize].clone().list_of();
            let list = self.slot(&format!("{key}..."), kind, operand.span, ty);
            self.variables.retain(|(_, slot)| *slot != element);
            self.out.elements.push((key, element, list));
            collect.push((element, list));
        }
        Ok(Rest::Each { pattern, collect })
    }

    /// What the names of the rule stand for here.
    fn names(&mut self) -> Checked<()> {
        let mut names: Vec<(Key<'a>, Expr)> = Vec::new();
        for ((key, element), slot) in &self.variables {
            if element.is_none() {
                names.push((*key, Expr::Slot(*slot)));
            }
        }
        for ((key, element), literal) in &self.forced {
            if element.is_none() {
                names.push((*key, Expr::Literal(literal.clone())));
            }
        }
        for (key, _, list) in &self.out.elements {
            names.push((*key, Expr::Slot(*list)));
        }
        for (key, count) in &self.solution.lists {
            let one = |element: u32| {
                let variable = (*key, Some(element));
                if let Some(literal) = self.forced(variable) {
                    return Expr::Literal(literal);
                }
                let slot = self.variables.iter().find(|(known, _)| *known == variable);
                slot.map_or(Expr::Literal(Literal::None), |(_, slot)| Expr::Slot(*slot))
            };
            names.push((*key, Expr::List((0..*count).map(one).collect())));
        }
        for (key, literal) in self.sketch.tag_keys() {
            names.push((key, Expr::Literal(literal)));
        }
        for (value, piece) in &self.sketch.bound {
            let expr = match piece {
                Piece::Any => continue,
                Piece::Literal(literal) => Expr::Literal(literal.clone()),
                Piece::Bare { name, .. } => self.of(&names, Key::bare(name)),
                Piece::Value { name, .. } => match name {
                    Some(name) => self.of(&names, Key::value(name)),
                    None => continue,
                },
                Piece::Node { node, result } => {
                    let met = &self.nodes[*node];
                    let single = met.results.is_empty();
                    let of_result = met.results.iter().find(|(r, _)| r == result);
                    match (single, of_result, met.node) {
                        (true, _, Some(slot)) => Expr::Slot(slot),
                        (false, Some((_, slot)), _) => Expr::Slot(*slot),
                        _ => return self.unread(value.span),
                    }
                }
            };
            names.push((Key::value(&value.name), expr));
        }
        self.out.names = names;
        Ok(())
    }

    fn of(&self, names: &[(Key<'a>, Expr)], key: Key<'a>) -> Expr {
        let known = names.iter().find(|(known, _)| *known == key);
        known.map_or(Expr::Literal(Literal::None), |(_, expr)| expr.clone())
    }
}
