//! All ways to give the ops of a sketch overloads that fit each other.
//!
//! In: a sketch. Out: a [`Solution`] for each combination of overloads in which every operand has a type that fits; or the
//! [`Failure`]s that went furthest.
//! Invariant: users are decided before what they use, so that a wrong overload is left at once; the order is that of the catalogue.
//! Invariant: overloads that write (`out=`) take no part, and of overloads with the same parameters only the one that resolution prefers.

use super::constraint::plain_type;
use super::fill::{Fill, Filled, fill};
use super::sketch::{Piece, Sketch, SketchNode};
use super::types::{Instantiated, Unifier, instantiate};
use crate::check::codes::{ARITY, EFFECT, IN_PLACE, NOT_YET, TYPE_MISMATCH, UNKNOWN_OP};
use crate::check::expression::{Context, Key};
use crate::check::sink::{Checked, Stop};
use crate::diagnostic::{Code, Diagnostic};
use crate::graph::text::{LiteralText, TypeText};
use crate::graph::{Literal, Name, Type};
use crate::ops::{Catalogue, Schema, in_place_partner};
use crate::source::Span;

/// A variable of a pattern: a name, or one of the several that a name with `...` stands for.
pub(in crate::check) type Variable<'a> = (Key<'a>, Option<u32>);

/// The overload of a node.
#[derive(Clone, Debug)]
pub(in crate::check) struct Chosen<'a> {
    pub(in crate::check) schema: &'a Schema,
    pub(in crate::check) filled: Filled,
    /// Types of the results, to be resolved.
    pub(in crate::check) results: Vec<Type>,
    /// Literals as they stand in operands, by parameter.
    pub(in crate::check) literals: Vec<(usize, Literal)>,
}

/// One combination of overloads.
#[derive(Clone, Debug)]
pub(in crate::check) struct Solution<'a> {
    pub(in crate::check) nodes: Vec<Chosen<'a>>,
    pub(in crate::check) types: Unifier,
    pub(in crate::check) variables: Vec<(Variable<'a>, Type)>,
    /// Names with `...` under ops of fixed arity, and how many operands they stand for.
    pub(in crate::check) lists: Vec<(Key<'a>, u32)>,
}

/// Why a combination does not fit.
#[derive(Clone, Debug)]
pub(in crate::check) struct Failure {
    /// How far it went; only the furthest are told.
    pub(in crate::check) depth: usize,
    pub(in crate::check) code: Code,
    pub(in crate::check) span: Span,
    pub(in crate::check) label: String,
    /// The op that was tried; empty for what is not about one.
    pub(in crate::check) op: String,
    /// Its overload.
    pub(in crate::check) overload: Option<Name>,
}

/// All solutions of a sketch, or the failures. Stops where an op is not known.
pub(in crate::check) fn solve<'a>(
    cx: &Context<'a>,
    sketch: &Sketch<'a>,
    instance: (&str, Option<Span>),
) -> Checked<Result<Vec<Solution<'a>>, Vec<Failure>>> {
    let candidates: Checked<Vec<Vec<&'a Schema>>> = sketch
        .nodes
        .iter()
        .map(|node| candidates(cx, node, instance))
        .collect();
    let mut search = Search {
        cx,
        sketch,
        candidates: candidates?,
        found: Vec::new(),
        failures: Vec::new(),
        stopped: false,
        tried: 0,
    };
    let state = State {
        solution: Solution {
            nodes: Vec::with_capacity(sketch.nodes.len()),
            types: Unifier::default(),
            variables: Vec::new(),
            lists: Vec::new(),
        },
        expected: vec![Vec::new(); sketch.nodes.len()],
    };
    search.node(state);
    if search.stopped {
        return Err(Stop);
    }
    Ok(match search.found.is_empty() {
        false => Ok(search.found),
        true => Err(search.failures),
    })
}

/// More combinations than any rule means.
const MOST: usize = 512;

/// Attempts after which the search is given up; what was found until then stands.
const MOST_TRIED: usize = 1 << 15;

/// Says that no op has this name.
pub(in crate::check) fn unknown_op(
    cx: &Context<'_>,
    op: &str,
    span: Span,
    (instance, family): (&str, Option<Span>),
) -> Stop {
    let mut diagnostic = Diagnostic::error(UNKNOWN_OP, format!("no op is named `{op}`"))
        .primary(span, "not in the catalogue");
    if let Some(family) = family {
        diagnostic = diagnostic.secondary(family, "in one of this family");
    }
    let diagnostic = match cx.catalogue.did_you_mean(op) {
        Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
        None => diagnostic.help("declare it with an `op` item if it is your own"),
    };
    cx.sink.tell_of(diagnostic, Some(instance));
    Stop
}

fn candidates<'a>(
    cx: &Context<'a>,
    node: &SketchNode<'a>,
    instance: (&str, Option<Span>),
) -> Checked<Vec<&'a Schema>> {
    let span = node.call.op.span;
    let catalogue = cx.catalogue;
    let all: Vec<&Schema> = match catalogue.schemas(&node.op) {
        [] => catalogue.schema(&node.op).into_iter().collect(),
        several => several.iter().collect(),
    };
    if all.is_empty() {
        return Err(unknown_op(cx, &node.op, span, instance));
    }
    let mut usable: Vec<&Schema> = Vec::with_capacity(all.len());
    for schema in all.iter().copied().filter(|s| !s.writes()) {
        let same = |other: &&Schema| {
            other.params.len() == schema.params.len()
                && other.vararg == schema.vararg
                && other
                    .params
                    .iter()
                    .zip(&schema.params)
                    .all(|(a, b)| a.ty == b.ty)
        };
        if !usable.iter().any(same) {
            usable.push(schema);
        }
    }
    usable.sort_by_key(|schema| schema.params.iter().any(|param| says_any(&param.ty)));
    if usable.is_empty() {
        let partner = all.iter().find_map(|s| in_place_partner(s.full.as_str()));
        let diagnostic = Diagnostic::error(
            IN_PLACE,
            format!(
                "`{}` writes to its operand, and a pattern cannot see that",
                node.op
            ),
        )
        .primary(span, "an op in place")
        .note("reading a model makes ops in place functional where that is safe");
        return cx.sink.stop(match partner {
            Some(partner) => {
                let base = Schema::split(partner).0;
                diagnostic.help(format!("write `{base}`, which covers it"))
            }
            None => diagnostic.help("there is no op that gives the new value instead"),
        });
    }
    Ok(usable)
}

/// Whether resolution takes the first wherever both fit: it only differs in saying what the second leaves open (`Any`).
fn is_preferred(first: &Schema, second: &Schema) -> bool {
    first.params.len() == second.params.len()
        && first
            .params
            .iter()
            .zip(&second.params)
            .all(|(a, b)| a.ty == b.ty || says_any(&b.ty))
}

fn says_any(ty: &Type) -> bool {
    match ty {
        Type::Any => true,
        Type::Optional(inner) | Type::List(inner) => says_any(inner),
        _ => false,
    }
}

struct Search<'s, 'a> {
    cx: &'s Context<'a>,
    sketch: &'s Sketch<'a>,
    candidates: Vec<Vec<&'a Schema>>,
    found: Vec<Solution<'a>>,
    failures: Vec<Failure>,
    stopped: bool,
    /// Overloads tried.
    tried: usize,
}

#[derive(Clone)]
struct State<'a> {
    solution: Solution<'a>,
    /// What users of each node expect of its results.
    expected: Vec<Vec<(u32, Type)>>,
}

/// Why an overload does not fit: how far it did, code, place, words.
type Misfit = (usize, Wrong);

/// What is wrong: code, place, words.
type Wrong = (Code, Span, String);

impl<'a> Search<'_, 'a> {
    fn node(&mut self, state: State<'a>) {
        let index = state.solution.nodes.len();
        if index == self.sketch.nodes.len() {
            return self.complete(state);
        }
        let mut fitting: Vec<&Schema> = Vec::new();
        for at in 0..self.candidates[index].len() {
            self.tried += 1;
            if self.stopped || self.found.len() >= MOST || self.tried > MOST_TRIED {
                return;
            }
            let schema = self.candidates[index][at];
            if fitting.iter().any(|other| is_preferred(other, schema)) {
                continue;
            }
            let mut next = state.clone();
            match self.choose(&mut next, index, schema) {
                Ok(()) => {
                    fitting.push(schema);
                    self.node(next);
                }
                Err((progress, (code, span, label))) => self.fail(Failure {
                    depth: (index << 8) + progress,
                    code,
                    span,
                    label,
                    op: self.sketch.nodes[index].op.clone(),
                    overload: Some(schema.full),
                }),
            }
        }
    }

    /// All overloads are chosen; types written on what statements only give another name still have to fit.
    fn complete(&mut self, mut state: State<'a>) {
        for (piece, ty) in &self.sketch.typed {
            let Piece::Value {
                name: Some(name), ..
            } = piece
            else {
                continue;
            };
            let written = match plain_type(self.cx, ty) {
                Ok(Some(written)) => written,
                Ok(None) => continue,
                Err(Stop) => {
                    self.stopped = true;
                    return;
                }
            };
            let variable = (Key::value(name), None);
            if let Err((code, span, label)) = self.variable(&mut state, variable, &written, ty.span)
            {
                return self.fail(Failure {
                    depth: self.sketch.nodes.len() << 8,
                    code,
                    span,
                    label,
                    op: String::new(),
                    overload: None,
                });
            }
        }
        self.found.push(state.solution);
    }

    fn fail(&mut self, failure: Failure) {
        keep_furthest(&mut self.failures, failure);
    }

    fn choose(
        &mut self,
        state: &mut State<'a>,
        index: usize,
        schema: &'a Schema,
    ) -> Result<(), Misfit> {
        let node = &self.sketch.nodes[index];
        let span = node.call.op.span;
        let filled = fill(node, schema).map_err(|unfit| (0, (ARITY, node.call.span, unfit.0)))?;
        if node.names.len() > 1 && !schema.varret && node.names.len() != schema.results.len() {
            let n = schema.results.len();
            let label = format!("it has {n} results, {} are bound", node.names.len());
            return Err((0, (ARITY, span, label)));
        }
        if schema.results.is_empty() && !schema.varret && !node.alone {
            return Err((0, (ARITY, span, "it has no result".to_owned())));
        }
        if node.alone && !self.cx.catalogue.is_effect(schema.full.as_str()) {
            let label = "it does nothing beside its result; bind that: `%y = ...`";
            return Err((0, (EFFECT, span, label.to_owned())));
        }
        let types = &mut state.solution.types;
        let Instantiated {
            params,
            mut results,
            rest,
        } = instantiate(types, schema);
        while results.len() < node.names.len() {
            let unknown = types.fresh();
            results.push(unknown);
        }
        for (result, expected) in std::mem::take(&mut state.expected[index]) {
            let Some(given) = results.get(result as usize) else {
                return Err((0, (ARITY, span, format!("it has no result {result}"))));
            };
            if !state.solution.types.accepts(&expected, given) {
                let (given, expected) = (TypeText(given), TypeText(&expected));
                let label = format!("gives {given} where {expected} is needed");
                return Err((1, (TYPE_MISMATCH, span, label)));
            }
        }
        self.results(state, index, &results)
            .map_err(|wrong| (1, wrong))?;
        let mut literals = Vec::new();
        for (at, (fill, ty)) in filled.params.iter().zip(&params).enumerate() {
            let (operand, element) = match fill {
                Fill::Operand(operand) => (*operand, None),
                Fill::Element(operand, element) => (*operand, Some(*element)),
                Fill::Default(_) | Fill::Any => continue,
            };
            let operand = &node.operands[operand];
            let Some(piece) = &operand.piece else {
                continue;
            };
            if let Piece::Literal(literal) = piece {
                match state.solution.types.literal(&schema.params[at], literal) {
                    Some(literal) => literals.push((at, literal)),
                    None => {
                        let (literal, ty) = (LiteralText(literal), TypeText(ty));
                        let label = format!("{literal} does not fit {ty}");
                        return Err((2 + at, (TYPE_MISMATCH, operand.span, label)));
                    }
                }
            } else {
                self.piece(state, piece, element, ty, operand.span)
                    .map_err(|wrong| (2 + at, wrong))?;
            }
        }
        let behind = 2 + params.len();
        self.lists(state, index, &filled)
            .map_err(|wrong| (behind, wrong))?;
        for operand in filled.extra.iter().chain(filled.rest.iter().flatten()) {
            let operand = &node.operands[*operand];
            if let Some(piece) = &operand.piece {
                self.piece(state, piece, None, &rest, operand.span)
                    .map_err(|wrong| (behind, wrong))?;
            }
        }
        state.solution.nodes.push(Chosen {
            schema,
            filled,
            results,
            literals,
        });
        Ok(())
    }

    /// Types written on results of a node.
    fn results(&mut self, state: &mut State<'a>, index: usize, of: &[Type]) -> Result<(), Wrong> {
        let sketch = self.sketch;
        for (piece, ty) in &sketch.typed {
            let Piece::Node { node, result } = piece else {
                continue;
            };
            let Some(given) = of.get(*result as usize).filter(|_| *node == index) else {
                continue;
            };
            match plain_type(self.cx, ty) {
                Err(Stop) => self.stopped = true,
                Ok(None) => {}
                Ok(Some(written)) => {
                    if self.typed(state, given, &written).is_none() {
                        let (written, given) = (TypeText(&written), TypeText(given));
                        let label = format!("{written} is written where {given} comes out");
                        return Err((TYPE_MISMATCH, ty.span, label));
                    }
                }
            }
        }
        Ok(())
    }

    /// How many operands names with `...` stand for; the same wherever they stand.
    fn lists(&self, state: &mut State<'a>, index: usize, filled: &Filled) -> Result<(), Wrong> {
        let node = &self.sketch.nodes[index];
        if filled.rest.is_some() {
            return Ok(());
        }
        for (at, operand) in node.operands.iter().enumerate().filter(|(_, o)| o.each) {
            let of = |fill: &&Fill| matches!(fill, Fill::Element(o, _) if *o == at);
            let count = filled.params.iter().filter(of).count() as u32;
            let key = match &operand.piece {
                Some(Piece::Value {
                    name: Some(name), ..
                }) => Key::value(name),
                Some(Piece::Bare { name, .. }) => Key::bare(name),
                _ => continue,
            };
            let lists = &mut state.solution.lists;
            match lists.iter().find(|(known, _)| *known == key) {
                None => lists.push((key, count)),
                Some((_, known)) if *known == count => {}
                Some((_, known)) => {
                    let label = format!(
                        "`{key}...` stands for {known} operands elsewhere, here for {count}"
                    );
                    return Err((ARITY, operand.span, label));
                }
            }
        }
        Ok(())
    }

    fn piece(
        &mut self,
        state: &mut State<'a>,
        piece: &Piece<'a>,
        element: Option<u32>,
        ty: &Type,
        span: Span,
    ) -> Result<(), Wrong> {
        match piece {
            Piece::Any => Ok(()),
            Piece::Literal(_) => Ok(()),
            Piece::Value {
                name, ty: written, ..
            } => {
                let mut known = ty.clone();
                if let Some(written) = written {
                    match plain_type(self.cx, written) {
                        Err(Stop) => self.stopped = true,
                        Ok(None) => {}
                        Ok(Some(written)) => {
                            known = self.typed(state, ty, &written).ok_or_else(|| {
                                let (written, ty) = (TypeText(&written), TypeText(ty));
                                (
                                    TYPE_MISMATCH,
                                    span,
                                    format!("{written} is written where {ty} stands"),
                                )
                            })?;
                        }
                    }
                }
                match name {
                    Some(name) => self.variable(state, (Key::value(name), element), &known, span),
                    None => Ok(()),
                }
            }
            // A bare name is a literal, and no literal is a tensor.
            Piece::Bare { .. } if state.solution.types.resolved(ty).is_tensor() => {
                let label = "a bare name is a literal, and this is a tensor; write `%` before it";
                Err((TYPE_MISMATCH, span, label.to_owned()))
            }
            Piece::Bare { name, .. } => self.variable(state, (Key::bare(name), element), ty, span),
            Piece::Node { node, result } => {
                if element.is_some() {
                    let label = "an op behind `...` stands under an op with any number of operands; here, write the operands one by one";
                    return Err((NOT_YET, span, label.to_owned()));
                }
                match state.solution.nodes.get(*node) {
                    None => {
                        state.expected[*node].push((*result, ty.clone()));
                        Ok(())
                    }
                    Some(chosen) => {
                        let given = chosen.results.get(*result as usize).cloned();
                        let given = given.unwrap_or(Type::None);
                        if state.solution.types.accepts(ty, &given) {
                            return Ok(());
                        }
                        let (given, ty) = (TypeText(&given), TypeText(ty));
                        Err((
                            TYPE_MISMATCH,
                            span,
                            format!("is {given} where {ty} is needed"),
                        ))
                    }
                }
            }
        }
    }

    /// The type of an operand with a type written on it. A `Scalar` is a number, or a tensor of rank 0 in the place of a tensor.
    fn typed(&self, state: &mut State<'a>, ty: &Type, written: &Type) -> Option<Type> {
        let place = state.solution.types.resolved(ty);
        let is_tensor = match &place {
            Type::Optional(inner) => inner.is_tensor(),
            place => place.is_tensor(),
        };
        if *written == Type::Scalar && is_tensor {
            return Some(Type::tensor());
        }
        state.solution.types.meet(ty, written)
    }

    fn variable(
        &self,
        state: &mut State<'a>,
        variable: Variable<'a>,
        ty: &Type,
        span: Span,
    ) -> Result<(), Wrong> {
        let solution = &mut state.solution;
        let known = solution.variables.iter_mut().find(|(v, _)| *v == variable);
        match known {
            None => solution.variables.push((variable, ty.clone())),
            Some((_, known)) => match solution.types.meet(known, ty) {
                Some(both) => *known = both,
                None => {
                    let (known, ty) = (TypeText(known), TypeText(ty));
                    let label = format!("`{}` is {known} elsewhere and {ty} here", variable.0);
                    return Err((TYPE_MISMATCH, span, label));
                }
            },
        }
        Ok(())
    }
}

/// Keeps a failure if none went further.
pub(in crate::check) fn keep_furthest(failures: &mut Vec<Failure>, failure: Failure) {
    match failures.first() {
        Some(first) if first.depth > failure.depth => return,
        Some(first) if first.depth < failure.depth => failures.clear(),
        _ => {}
    }
    failures.push(failure);
}

/// What is told of a side that fits no combination of overloads.
pub(in crate::check) fn misfit(catalogue: &Catalogue, failures: &[Failure]) -> Option<Diagnostic> {
    // A wrong type says more than a wrong number of operands, which most overloads have.
    let first = failures.iter().find(|f| f.code != ARITY);
    let first = first.or(failures.first())?;
    let all_same = failures
        .iter()
        .all(|f| f.span == first.span && f.label == first.label);
    // What is not about an op says everything itself.
    if first.op.is_empty() || first.code == NOT_YET {
        return Some(Diagnostic::error(first.code, &*first.label).primary(first.span, "here"));
    }
    let words = match all_same {
        true => format!("`{}` does not fit here", first.op),
        false => format!("no overload of `{}` fits here", first.op),
    };
    let mut diagnostic = Diagnostic::error(first.code, words).primary(first.span, &*first.label);
    let mut told: Vec<Name> = Vec::new();
    let (others, arity): (Vec<_>, Vec<_>) = failures.iter().partition(|f| f.code != ARITY);
    for failure in others.into_iter().chain(arity) {
        let overload = failure.overload.filter(|name| !told.contains(name));
        let schema = overload.and_then(|name| catalogue.schema(name.as_str()));
        if let Some(schema) = schema
            && told.len() < 4
        {
            told.push(schema.full);
            diagnostic = diagnostic.note(match all_same {
                true => format!("it is `{schema}`"),
                false => format!("`{schema}`: {}", failure.label),
            });
        }
    }
    if first.label.ends_with("Tensor?") {
        let help = "a tensor that may be absent; if it is always there, write `%name: Tensor` in the match";
        diagnostic = diagnostic.help(help);
    }
    Some(diagnostic)
}
