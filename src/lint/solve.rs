//! The smallest graph that a term is, with contents for what it leaves open so that guards hold.
//!
//! In: terms, the variants that shall match at the top. Out: an e-graph in which they do, and the graph as text.
//! What is open takes the first content of its type that the guards allow; those tried are few, so a graph may be missed.
//! Invariant: a graph that is given was matched by the engine.

use rustc_hash::FxHashMap;

use crate::check::rule::{Constraint, DimPattern};
use crate::egraph::{Attempt, Class, EGraph, LeafId, Miss, attempts};
use crate::graph::text::LiteralText;
use crate::graph::{
    AttributeLiteral, Constant, ConstantStore, DType, Dim, Facts, Literal, QParams, Quantization,
    Tensor, Type,
};
use crate::ops::{Catalogue, torch_dtype_code};
use crate::rules::{RuleSet, slots_of};

use super::term::{Slots, Term, TermId, Terms};

/// Ways to fill what a guard looks at, beyond which it is given up.
const MOST_TRIES: usize = 600;

/// A graph that variants match.
pub(super) struct Solved<'a> {
    fill: Fill<'a>,
    /// What each of them matches, in each of the e-graphs.
    pub(super) roots: Vec<Class>,
    /// The graph as statements.
    pub(super) text: String,
}

impl Solved<'_> {
    /// The graph, in an e-graph of its own.
    pub(super) fn egraph(&self) -> EGraph {
        self.fill.built().0
    }
}

/// A variant of a set with its slots as terms, and the term that it shall match.
pub(super) struct At {
    pub(super) variant: u32,
    pub(super) slots: Slots,
    pub(super) root: TermId,
}

/// A graph, all below the top term, that all these variants match.
pub(super) fn solve<'a>(
    set: &RuleSet,
    catalogue: &'a Catalogue,
    terms: Terms,
    top: TermId,
    variants: &[At],
) -> Option<Solved<'a>> {
    let mut fill = Fill::new(catalogue, terms, top);
    let mut tries = 0;
    // Which guard stopped it last; a change must do better.
    let mut reached = fill.tried(set, variants)?;
    while let Some(failed) = reached {
        let of = &variants[failed.number];
        let variant = set.variant(of.variant);
        let guard = variant
            .guards
            .iter()
            .find(|guard| guard.reason == failed.reason)?;
        let open: Vec<TermId> = slots_of(&guard.condition, &variant.lets)
            .into_iter()
            .filter_map(|slot| of.slots.get(&slot))
            .flat_map(|&term| fill.open_below(term))
            .collect();
        let before = fill.chosen.clone();
        let mut better = None;
        while better.is_none() && tries < MOST_TRIES && fill.advance(&open, &before) {
            tries += 1;
            match fill.tried(set, variants) {
                Some(None) => better = Some(None),
                Some(Some(now)) if now > failed => better = Some(Some(now)),
                _ => {}
            }
        }
        reached = better?;
    }
    let text = fill.text();
    let made = fill.built().1;
    let roots = variants.iter().map(|at| made[&fill.terms.find(at.root)]);
    Some(Solved {
        roots: roots.collect(),
        text,
        fill,
    })
}

/// The guard that stopped the first variant that does not match.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Failed {
    number: usize,
    /// How many guards of it held.
    held: usize,
    reason: usize,
}

/// A content of something open.
#[derive(Clone, Debug)]
enum Content {
    Tensor { dtype: DType, constant: bool },
    Literal(Literal),
}

/// What open terms hold.
struct Fill<'a> {
    catalogue: &'a Catalogue,
    terms: Terms,
    top: TermId,
    /// Open terms in the order they are met, each with what it may hold.
    open: Vec<(TermId, Vec<Content>)>,
    /// Which of these each holds.
    chosen: FxHashMap<TermId, usize>,
}

impl<'a> Fill<'a> {
    fn new(catalogue: &'a Catalogue, terms: Terms, top: TermId) -> Fill<'a> {
        let mut fill = Fill {
            catalogue,
            terms,
            top,
            open: Vec::new(),
            chosen: FxHashMap::default(),
        };
        fill.collect(top, &Type::tensor(), false);
        fill
    }

    /// Finds what is open, with the types of the operands it stands in.
    fn collect(&mut self, term: TermId, ty: &Type, is_dtype: bool) {
        let term = self.terms.find(term);
        match self.terms.get(term) {
            Term::Open { bare, dtype } => {
                if self.open.iter().all(|(known, _)| *known != term) {
                    let types = self.terms.types.iter();
                    let written = types.filter(|(of, _)| self.terms.find(*of) == term);
                    let written: Vec<&Constraint> = written.map(|(_, ty)| ty).collect();
                    let contents = contents(ty, *bare, is_dtype || *dtype, &written);
                    self.chosen.insert(term, 0);
                    self.open.push((term, contents));
                }
            }
            Term::Apply { op, operands, .. } => {
                let schema = self.catalogue.schema(op.as_str());
                for (at, &operand) in operands.clone().iter().enumerate() {
                    let param = schema.and_then(|schema| schema.params.get(at));
                    let ty = param.map_or(Type::tensor(), |param| param.ty.clone());
                    self.collect(operand, &ty, param.is_some_and(|param| param.is_dtype));
                }
            }
            Term::Result { of, .. } => self.collect(*of, &Type::tensor(), false),
            Term::Literal(_) => {}
        }
    }

    /// The open terms in a term.
    fn open_below(&self, term: TermId) -> Vec<TermId> {
        let term = self.terms.find(term);
        match self.terms.get(term) {
            Term::Open { .. } => vec![term],
            Term::Apply { operands, .. } => operands
                .iter()
                .flat_map(|&operand| self.open_below(operand))
                .collect(),
            Term::Result { of, .. } => self.open_below(*of),
            Term::Literal(_) => Vec::new(),
        }
    }

    /// The next way to fill these terms, counted like digits from how they were before; `false` after the last.
    fn advance(&mut self, open: &[TermId], before: &FxHashMap<TermId, usize>) -> bool {
        for &term in open {
            let Some((_, contents)) = self.open.iter().find(|(known, _)| *known == term) else {
                continue;
            };
            let first = before.get(&term).copied().unwrap_or(0);
            let Some(at) = self.chosen.get_mut(&term) else {
                continue;
            };
            *at = (*at + 1) % contents.len();
            if *at != first {
                return true;
            }
        }
        false
    }

    /// Which guard stops the variants as filled: nothing if all match. `None`: one fails before its guards.
    fn tried(&self, set: &RuleSet, variants: &[At]) -> Option<Option<Failed>> {
        let (mut egraph, made) = self.built();
        egraph.rebuild().ok()?;
        for (number, at) in variants.iter().enumerate() {
            let root = *made.get(&self.terms.find(at.root))?;
            let attempt: Attempt = attempts(&egraph, set, [at.variant], root).pop()?;
            let Some(missed) = attempt.missed else {
                continue;
            };
            let Miss::Guard { reason, .. } = missed.miss else {
                return None;
            };
            return Some(Some(Failed {
                number,
                held: attempt.met.len(),
                reason,
            }));
        }
        Some(None)
    }

    /// The e-graph, and what each term is in it.
    fn built(&self) -> (EGraph, FxHashMap<TermId, Class>) {
        let mut egraph = EGraph::new(ConstantStore::default()).with_catalogue(self.catalogue);
        let mut made = FxHashMap::default();
        self.class(self.top, &mut egraph, &mut made);
        (egraph, made)
    }

    fn class(
        &self,
        term: TermId,
        egraph: &mut EGraph,
        made: &mut FxHashMap<TermId, Class>,
    ) -> Class {
        let term = self.terms.find(term);
        if let Some(&class) = made.get(&term) {
            return class;
        }
        let class = match self.terms.get(term) {
            Term::Literal(literal) => egraph.add_literal(literal),
            Term::Open { .. } => match self.content(term) {
                Content::Literal(literal) => egraph.add_literal(literal),
                Content::Tensor { dtype, constant } => {
                    let number = made.len();
                    if *constant {
                        let tensor = tensor(*dtype, number);
                        let facts = Facts::of_tensor(&tensor);
                        egraph.intern_constant(Constant::Tensor(tensor), facts)
                    } else {
                        egraph.add_leaf(LeafId(number as u32), facts(*dtype))
                    }
                }
            },
            Term::Apply {
                op,
                operands,
                attributes,
                results,
            } => {
                let classes: Vec<Class> = operands
                    .iter()
                    .map(|&operand| self.class(operand, egraph, made))
                    .collect();
                let attributes = attributes
                    .iter()
                    .map(|(name, value)| (*name, AttributeLiteral::Literal(value.clone())));
                let attributes = egraph.attributes(attributes.collect());
                egraph.add_op(*op, &classes, attributes, *results)
            }
            Term::Result { index, of } => {
                let of = self.class(*of, egraph, made);
                egraph.add_projection(of, *index)
            }
        };
        made.insert(term, class);
        class
    }

    fn content(&self, term: TermId) -> &Content {
        let open = self.open.iter().find(|(known, _)| *known == term);
        let chosen = self.chosen.get(&term).copied().unwrap_or(0);
        open.and_then(|(_, contents)| contents.get(chosen))
            .unwrap_or_else(|| unreachable!("all that is open was collected"))
    }

    /// The graph in the language of tests.
    fn text(&self) -> String {
        let (mut parameters, mut lines) = (Vec::new(), Vec::new());
        let mut names = FxHashMap::default();
        let root = self.line(self.top, &mut names, &mut parameters, &mut lines);
        format!(
            "graph({}) {{\n  {}\n  return ({root})\n}}",
            parameters.join(", "),
            lines.join("\n  ")
        )
    }

    fn line(
        &self,
        term: TermId,
        names: &mut FxHashMap<TermId, String>,
        parameters: &mut Vec<String>,
        lines: &mut Vec<String>,
    ) -> String {
        let term = self.terms.find(term);
        if let Some(name) = names.get(&term) {
            return name.clone();
        }
        let name = match self.terms.get(term) {
            Term::Literal(literal) => return LiteralText(literal).to_string(),
            Term::Open { .. } => match self.content(term) {
                Content::Literal(literal) => return LiteralText(literal).to_string(),
                Content::Tensor { dtype, constant } => {
                    const LETTERS: [&str; 6] = ["x", "y", "z", "a", "b", "c"];
                    let name = match LETTERS.get(parameters.len()) {
                        Some(letter) => format!("%{letter}"),
                        None => format!("%x{}", parameters.len()),
                    };
                    let of = if *constant { "const " } else { "" };
                    parameters.push(format!("{name}: {of}Tensor<{}>", dtype.name()));
                    name
                }
            },
            Term::Apply {
                op,
                operands,
                results,
                ..
            } => {
                let operands: Vec<String> = operands
                    .iter()
                    .map(|&operand| self.line(operand, names, parameters, lines))
                    .collect();
                let name = format!("%{}", lines.len() + 1);
                let bound: Vec<String> = match results {
                    1 => vec![name.clone()],
                    _ => (0..*results).map(|of| result_name(&name, of)).collect(),
                };
                let operands = operands.join(", ");
                lines.push(format!("{} = {op}({operands})", bound.join(", ")));
                name
            }
            Term::Result { index, of } => {
                result_name(&self.line(*of, names, parameters, lines), *index)
            }
        };
        names.insert(term, name.clone());
        name
    }
}

/// What a result of an operator with several is called.
fn result_name(node: &str, index: u32) -> String {
    format!("{node}.{index}")
}

const SCALE: f64 = 0.5;
const ZERO_POINT: i64 = 3;

/// What is known of a tensor that comes from outside.
fn facts(dtype: DType) -> Facts {
    let mut facts = Facts::tensor(Some(dtype), Some([2, 4, 6, 6].map(Dim::Known).into()));
    if dtype.is_quantized() {
        facts.qparams = QParams::PerTensor {
            scale: SCALE,
            zero_point: ZERO_POINT,
        };
    }
    facts
}

/// A small constant; no two with one number are alike.
fn tensor(dtype: DType, number: usize) -> Tensor {
    let bytes = vec![(number % 251) as u8; 2 * 2 * dtype.size()];
    let mut tensor = Tensor::contiguous(dtype, vec![2, 2], bytes);
    if dtype.is_quantized() {
        tensor.quantization = Some(Quantization::PerTensor {
            scale: SCALE,
            zero_point: if dtype == DType::QI8 { 0 } else { ZERO_POINT },
        });
    }
    tensor
}

/// What something open in an operand of this type may hold, likely ones first.
fn contents(ty: &Type, bare: bool, is_dtype: bool, written: &[&Constraint]) -> Vec<Content> {
    let literals = |list: &[Literal]| list.iter().cloned().map(Content::Literal).collect();
    if is_dtype {
        let codes = [DType::QU8, DType::QI8, DType::F32, DType::F16, DType::I64];
        return literals(&codes.map(|dtype| Literal::Int(torch_dtype_code(dtype))));
    }
    let wanted = written.iter().find_map(|constraint| constraint.ty.as_ref());
    of_type(wanted.unwrap_or(ty), bare, written)
}

fn of_type(ty: &Type, bare: bool, written: &[&Constraint]) -> Vec<Content> {
    let literals = |list: &[Literal]| list.iter().cloned().map(Content::Literal).collect();
    let constant = written.iter().any(|constraint| constraint.constant);
    let dtypes: Vec<DType> = written.iter().flat_map(|c| c.dtypes.clone()).collect();
    let dims = written
        .iter()
        .find_map(|constraint| constraint.dims.as_ref());
    match ty {
        Type::Optional(inner) => {
            let mut found = of_type(inner, bare, written);
            found.push(Content::Literal(Literal::None));
            found
        }
        Type::Float => literals(&[SCALE, 1.0, 0.0, -1.0, 6.0].map(Literal::Float)),
        Type::Int => literals(&[ZERO_POINT, 1, 0, 2, -1].map(Literal::Int)),
        Type::Scalar => literals(&[
            Literal::Int(1),
            Literal::Int(0),
            Literal::Float(SCALE),
            Literal::Float(1000.0),
        ]),
        Type::Bool => literals(&[false, true].map(Literal::Bool)),
        Type::Str => literals(&[Literal::str("mean")]),
        Type::List(inner) => match &**inner {
            Type::Int => literals(&[
                Literal::ints([1, 1]),
                Literal::ints([1]),
                Literal::ints([1, 1, 1]),
                Literal::ints([0, 0]),
                Literal::ints([0, 2, 1, 3]),
            ]),
            Type::Float => literals(&[Literal::list([Literal::Float(SCALE)])]),
            _ => literals(&[Literal::list([])]),
        },
        Type::Any | Type::Variable(_) if bare => {
            literals(&[Literal::Int(1), Literal::Int(0), Literal::Bool(false)])
        }
        _ if bare => literals(&[Literal::Int(1), Literal::None]),
        _ => {
            let all = [DType::QU8, DType::F32, DType::QI8, DType::F16, DType::I64];
            // Constants are small matrices; a type with other dimensions is one of values from outside.
            let flat = dims.is_none_or(|dims| {
                let open = dims.iter().any(|dim| matches!(dim, DimPattern::Rest));
                open || dims.len() == 2
            });
            let of = |constant: bool| {
                all.into_iter()
                    .filter(|dtype| dtypes.is_empty() || dtypes.contains(dtype))
                    .map(move |dtype| Content::Tensor { dtype, constant })
            };
            match (constant, flat) {
                (true, _) => of(true).collect(),
                (false, true) => of(false).chain(of(true)).collect(),
                (false, false) => of(false).collect(),
            }
        }
    }
}
