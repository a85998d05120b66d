//! Ops of a pattern whose operands may change places.
//!
//! In: a sketch with its overloads. Out: a [`Swap`] for each op that the catalogue calls commutative, where that is true.
//! Invariant: an operand that must be a literal for that can be it: it is written so, or is an open name without a type.

use super::fill::Fill;
use super::overloads::{Chosen, Solution, Variable};
use super::sketch::{Piece, Sketch, SketchNode};
use crate::check::expression::Key;
use crate::graph::Literal;
use crate::ops::Catalogue;

/// A node whose operands may change places.
#[derive(Clone, Debug)]
pub(in crate::check) struct Swap<'a> {
    pub(super) node: usize,
    pub(super) operands: (usize, usize),
    /// An operand that must be this literal then, and the name that stands for it.
    pub(super) condition: Option<(usize, Literal, Option<Variable<'a>>)>,
}

/// The nodes of a solution whose operands may change places.
pub(in crate::check) fn swaps<'a>(
    catalogue: &Catalogue,
    sketch: &Sketch<'a>,
    solution: &Solution<'a>,
) -> Vec<Swap<'a>> {
    let mut found = Vec::new();
    for (index, (node, chosen)) in sketch.nodes.iter().zip(&solution.nodes).enumerate() {
        let Some(commutes) = catalogue.commutative(chosen.schema.full.as_str()) else {
            continue;
        };
        let condition = match &commutes.condition {
            None => None,
            Some((at, literal)) => match demanded(sketch, node, chosen, *at, literal) {
                Some(variable) => Some((*at, literal.clone(), variable)),
                None => continue,
            },
        };
        found.push(Swap {
            node: index,
            operands: commutes.operands,
            condition,
        });
    }
    found
}

/// Whether an operand can be the literal, and the name that then stands for it.
fn demanded<'a>(
    sketch: &Sketch<'a>,
    node: &SketchNode<'a>,
    chosen: &Chosen<'a>,
    at: usize,
    literal: &Literal,
) -> Option<Option<Variable<'a>>> {
    let (operand, element) = match chosen.filled.params.get(at)? {
        Fill::Any => return Some(None),
        Fill::Default(default) => return default.same_value(literal).then_some(None),
        Fill::Operand(operand) => (*operand, None),
        Fill::Element(operand, element) => (*operand, Some(*element)),
    };
    match node.operands.get(operand)?.piece.as_ref()? {
        Piece::Any => Some(None),
        Piece::Literal(written) => written.same_value(literal).then_some(None),
        Piece::Bare { name, .. } => Some(Some((Key::bare(name), element))),
        Piece::Value { name, ty: None, .. } => {
            let is_it = |piece: &Piece<'a>| matches!(piece, Piece::Value { name: other, .. } if other == name);
            // What has a type written on it stays a value.
            if sketch.typed.iter().any(|(piece, _)| is_it(piece)) {
                return None;
            }
            Some(name.map(|name| (Key::value(name), element)))
        }
        Piece::Value { .. } | Piece::Node { .. } => None,
    }
}
