//! The operands of a node by name, as facts.
//!
//! In: a schema and facts of operands in its order. Out: what is known of the operand with a name.
//! Invariant: an operand that is missing or unknown gives nothing; it is never taken for its default.

use std::sync::LazyLock;

use crate::graph::{DType, Dim, Facts, Literal, QParams, Shape};
use crate::ops::element_type::torch_dtype;
use crate::ops::schema::Schema;

static UNKNOWN: LazyLock<Facts> = LazyLock::new(Facts::default);

/// What an inference rule sees.
#[derive(Clone, Copy)]
pub(super) struct Operands<'a> {
    pub(super) schema: &'a Schema,
    pub(super) facts: &'a [Facts],
}

impl<'a> Operands<'a> {
    /// The operand at a position.
    pub(super) fn at(self, i: usize) -> &'a Facts {
        self.facts.get(i).unwrap_or(&UNKNOWN)
    }

    /// The first operand: the tensor most rules are about.
    pub(super) fn input(self) -> &'a Facts {
        self.at(0)
    }

    /// The operand of the first parameter that has one of these names.
    pub(super) fn named(self, names: &[&str]) -> &'a Facts {
        match names.iter().find_map(|name| self.schema.param(name)) {
            Some(i) => self.at(i),
            None => &UNKNOWN,
        }
    }

    pub(super) fn has(self, name: &str) -> bool {
        self.schema.param(name).is_some()
    }

    pub(super) fn literal(self, name: &str) -> Option<&'a Literal> {
        self.named(&[name]).literal.as_ref()
    }

    pub(super) fn int(self, name: &str) -> Option<i64> {
        self.literal(name)?.as_int()
    }

    pub(super) fn bool(self, name: &str) -> Option<bool> {
        self.literal(name)?.as_bool()
    }

    /// A list of integers that is wholly known. A single number stands for as many as the schema says.
    pub(super) fn ints(self, name: &str) -> Option<Vec<i64>> {
        match self.literal(name)? {
            Literal::Int(n) => {
                let param = &self.schema.params[self.schema.param(name)?];
                Some(vec![*n; param.fixed_len.unwrap_or(1) as usize])
            }
            list => list.as_ints(),
        }
    }

    /// A list of sizes, each known or not; `None` if not even their number is known.
    pub(super) fn sizes(self, name: &str) -> Option<Vec<Option<i64>>> {
        if let Some(known) = self.ints(name) {
            return Some(known.into_iter().map(Some).collect());
        }
        let facts = self.named(&[name]);
        if facts.shape.is_some() {
            return None;
        }
        let elements = facts.elements.as_ref()?;
        Some(
            elements
                .iter()
                .map(|e| e.literal.as_ref().and_then(Literal::as_int))
                .collect(),
        )
    }

    /// The element type that an operand asks for by code. `None` in the outer layer if that is not known, in the inner one if it is absent.
    pub(super) fn dtype(self, name: &str) -> Option<Option<DType>> {
        match self.literal(name)? {
            Literal::None => Some(None),
            Literal::Int(code) => torch_dtype(*code).map(Some),
            Literal::DType(dtype) => Some(Some(*dtype)),
            _ => None,
        }
    }

    /// The dimension that an operand names, counted from the front.
    pub(super) fn dim(self, name: &str, rank: usize) -> Option<usize> {
        wrap(self.int(name)?, rank)
    }
}

/// A dimension counted from either end, counted from the front.
pub(super) fn wrap(dim: i64, rank: usize) -> Option<usize> {
    let rank_i = i64::try_from(rank).ok()?;
    let dim = if dim < 0 { dim + rank_i } else { dim };
    usize::try_from(dim).ok().filter(|&d| d < rank)
}

/// The size, if it is known.
pub(super) fn known(dim: Dim) -> Option<i64> {
    match dim {
        Dim::Known(n) => i64::try_from(n).ok(),
        Dim::Unknown => None,
    }
}

/// A dimension of this size; a size nobody knows, or that cannot be, is unknown.
pub(super) fn dim_of(size: Option<i64>) -> Dim {
    match size.map(u64::try_from) {
        Some(Ok(n)) => Dim::Known(n),
        _ => Dim::Unknown,
    }
}

/// Per-tensor parameters; parameters per channel hold only where the dimensions stay as they are.
pub(super) fn per_tensor(qparams: QParams) -> QParams {
    match qparams {
        QParams::PerTensor { .. } => qparams,
        QParams::PerChannel { .. } | QParams::Unknown => QParams::Unknown,
    }
}

/// Number of elements, if all sizes are known.
pub(super) fn numel(shape: &Shape) -> Option<i64> {
    shape
        .iter()
        .try_fold(1_i64, |n, &d| n.checked_mul(known(d)?))
}
