//! Operands of one call, read as what the schema says they are.
//!
//! In: values in the order of the schema. Out: numbers, lists and tensors, or a fault that names the operand.
//! Invariant: an operand that is missing at the end reads as `None`.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;

use crate::graph::{DType, Literal, Packed, Tensor};

use super::error::Fault;
use super::{Value, elements};

/// The operands of a call.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'a>(pub(super) &'a [Value]);

impl<'a> Arguments<'a> {
    /// The operand, or `None` past the end.
    pub(super) fn value(self, position: usize) -> &'a Value {
        self.0.get(position).unwrap_or(&Value::NONE)
    }

    /// Whether the operand is absent.
    pub(super) fn is_none(self, position: usize) -> bool {
        matches!(self.value(position), Value::Literal(Literal::None))
    }

    /// A fault: the operand is not what the schema says.
    pub(super) fn wrong(self, position: usize, expected: &'static str) -> Fault {
        let found = match self.0.get(position) {
            Some(value) => value.kind(),
            None => "missing",
        };
        Fault::Operand {
            position,
            expected,
            found,
        }
    }

    /// A tensor.
    pub(super) fn tensor(self, position: usize) -> Result<&'a Tensor, Fault> {
        self.value(position)
            .as_tensor()
            .ok_or_else(|| self.wrong(position, "a tensor"))
    }

    /// A tensor or `None`.
    pub(super) fn optional_tensor(self, position: usize) -> Result<Option<&'a Tensor>, Fault> {
        if self.is_none(position) {
            return Ok(None);
        }
        self.tensor(position).map(Some)
    }

    /// A list of tensors.
    pub(super) fn tensors(self, position: usize) -> Result<Vec<Tensor>, Fault> {
        let fault = || self.wrong(position, "a list of tensors");
        let items = self.value(position).items().ok_or_else(fault)?;
        items
            .iter()
            .map(|item| item.as_tensor().cloned())
            .collect::<Option<_>>()
            .ok_or_else(fault)
    }

    /// A packed weight of one of these families.
    pub(super) fn packed(self, position: usize, family: &str) -> Result<&'a Arc<Packed>, Fault> {
        match self.value(position) {
            Value::Packed(packed) if packed.family == family => Ok(packed),
            Value::Packed(packed) => Err(Fault::new(format!(
                "operand {position} is packed for {}, but {family} is needed",
                packed.family
            ))),
            _ => Err(self.wrong(position, "a packed weight")),
        }
    }

    /// An integer. A truth value counts as one, and so does a tensor of one integer.
    pub(super) fn int(self, position: usize) -> Result<i64, Fault> {
        let fault = || self.wrong(position, "an integer");
        match self.value(position) {
            Value::Literal(Literal::Int(n)) => Ok(*n),
            Value::Literal(Literal::Bool(b)) => Ok((*b).into()),
            Value::Tensor(t) if t.numel() == 1 && !t.dtype.is_float() => {
                elements::read_i64(t)?.first().copied().ok_or_else(fault)
            }
            _ => Err(fault()),
        }
    }

    /// An integer, or this one if the operand is absent.
    pub(super) fn int_or(self, position: usize, default: i64) -> Result<i64, Fault> {
        if self.is_none(position) {
            return Ok(default);
        }
        self.int(position)
    }

    /// A number as a double. A tensor of one number counts as one.
    pub(super) fn float(self, position: usize) -> Result<f64, Fault> {
        let fault = || self.wrong(position, "a number");
        match self.value(position) {
            Value::Literal(Literal::Bool(b)) => Ok(f64::from(u8::from(*b))),
            Value::Literal(literal) => literal.as_float().ok_or_else(fault),
            Value::Tensor(t) if t.numel() == 1 => {
                elements::read_f64(t)?.first().copied().ok_or_else(fault)
            }
            _ => Err(fault()),
        }
    }

    /// A number, or this one if the operand is absent.
    pub(super) fn float_or(self, position: usize, default: f64) -> Result<f64, Fault> {
        if self.is_none(position) {
            return Ok(default);
        }
        self.float(position)
    }

    /// A truth value.
    pub(super) fn bool(self, position: usize) -> Result<bool, Fault> {
        match self.value(position) {
            Value::Literal(Literal::Bool(b)) => Ok(*b),
            Value::Literal(Literal::Int(n)) => Ok(*n != 0),
            _ => Err(self.wrong(position, "a truth value")),
        }
    }

    /// A truth value, or this one if the operand is absent.
    pub(super) fn bool_or(self, position: usize, default: bool) -> Result<bool, Fault> {
        if self.is_none(position) {
            return Ok(default);
        }
        self.bool(position)
    }

    /// A text.
    pub(super) fn str(self, position: usize) -> Result<&'a str, Fault> {
        match self.value(position) {
            Value::Literal(Literal::Str(text)) => Ok(text),
            _ => Err(self.wrong(position, "a text")),
        }
    }

    /// A list of integers; one integer counts as a list of one.
    pub(super) fn ints(self, position: usize) -> Result<Vec<i64>, Fault> {
        match self.value(position) {
            Value::Literal(Literal::Int(n)) => Ok(vec![*n]),
            Value::Literal(literal) => literal
                .as_ints()
                .ok_or_else(|| self.wrong(position, "a list of integers")),
            _ => Err(self.wrong(position, "a list of integers")),
        }
    }

    /// A list of integers for `rank` spatial dimensions: one integer stands for all, `None` or an empty list for `default`.
    pub(super) fn spatial(
        self,
        position: usize,
        rank: usize,
        default: i64,
    ) -> Result<Vec<i64>, Fault> {
        if self.is_none(position) {
            return Ok(vec![default; rank]);
        }
        let given = self.ints(position)?;
        match given.as_slice() {
            [] => Ok(vec![default; rank]),
            [one] => Ok(vec![*one; rank]),
            _ if given.len() == rank => Ok(given),
            _ => Err(Fault::new(format!(
                "operand {position} has {} numbers for {rank} spatial dimensions",
                given.len()
            ))),
        }
    }

    /// A list of numbers, or a tensor of them, as doubles.
    pub(super) fn floats(self, position: usize) -> Result<Vec<f64>, Fault> {
        let fault = || self.wrong(position, "a list of numbers");
        match self.value(position) {
            Value::Tensor(t) => elements::read_f64(t),
            Value::Literal(literal) => literal
                .items()
                .and_then(|items| items.iter().map(Literal::as_float).collect())
                .ok_or_else(fault),
            _ => Err(fault()),
        }
    }

    /// An element type: a literal of its own, or the number TorchScript writes for it.
    pub(super) fn dtype(self, position: usize) -> Result<DType, Fault> {
        match self.value(position) {
            Value::Literal(Literal::DType(dtype)) => Ok(*dtype),
            Value::Literal(Literal::Int(code)) => crate::ops::torch_dtype(*code)
                .ok_or_else(|| Fault::new(format!("element type {code} is not supported"))),
            _ => Err(self.wrong(position, "an element type")),
        }
    }

    /// A dimension of a tensor of this rank; negative ones count from the end. A tensor of rank 0 has dimensions 0 and -1.
    pub(super) fn dim(self, position: usize, rank: usize) -> Result<usize, Fault> {
        dimension(self.int(position)?, rank)
    }
}

/// The dimension that a number stands for; negative ones count from the end.
pub(super) fn dimension(given: i64, rank: usize) -> Result<usize, Fault> {
    let span = rank.max(1) as i64;
    let dim = if given < 0 {
        given.saturating_add(span)
    } else {
        given
    };
    if (0..span).contains(&dim) {
        Ok(dim as usize)
    } else {
        Err(Fault::new(format!(
            "dimension {given} of a tensor with {rank} dimensions"
        )))
    }
}
