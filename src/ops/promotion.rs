//! PyTorch's type promotion: the element type of a sum, product or comparison of two operands.
//!
//! In: two operands, each a tensor with dimensions, a tensor without, or a number. Out: the type that both are converted to.
//! Invariant: a number decides only where it is of a higher kind (bool, integer, float) than the tensor beside it, and so does a tensor
//! without dimensions beside one with dimensions; a number that is a float then counts as `f32`, PyTorch's default.
//! Invariant: types that PyTorch does not promote, or that nothing here computes with, have no answer.

use crate::graph::DType;

/// An operand of an operator on elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Promoted {
    /// A tensor with dimensions.
    Tensor(DType),
    /// A tensor without dimensions.
    Single(DType),
    /// A number that is an integer.
    Int,
    /// A number that is a float.
    Float,
}

impl Promoted {
    /// A tensor with this type and number of dimensions.
    pub fn tensor(dtype: DType, rank: usize) -> Promoted {
        match rank {
            0 => Promoted::Single(dtype),
            _ => Promoted::Tensor(dtype),
        }
    }

    fn dtype(self) -> DType {
        match self {
            Promoted::Tensor(dtype) | Promoted::Single(dtype) => dtype,
            Promoted::Int => DType::I64,
            Promoted::Float => DType::F32,
        }
    }

    fn priority(self) -> u8 {
        match self {
            Promoted::Tensor(_) => 2,
            Promoted::Single(_) => 1,
            Promoted::Int | Promoted::Float => 0,
        }
    }
}

/// The type that two operands are converted to.
pub fn promoted(a: Promoted, b: Promoted) -> Option<DType> {
    let (high, low) = if a.priority() < b.priority() {
        (b, a)
    } else {
        (a, b)
    };
    let (higher, lower) = (high.dtype(), low.dtype());
    let both = joined(higher, lower)?;
    if high.priority() > low.priority() && kind(lower)? <= kind(higher)? {
        return Some(higher);
    }
    Some(both)
}

/// Bool, integer or float, lowest first.
fn kind(dtype: DType) -> Option<u8> {
    match dtype {
        DType::Bool => Some(0),
        DType::U8 | DType::I8 | DType::I16 | DType::I32 | DType::I64 => Some(1),
        DType::F16 | DType::BF16 | DType::F32 | DType::F64 => Some(2),
        _ => None,
    }
}

/// The type of two tensors of one standing.
fn joined(a: DType, b: DType) -> Option<DType> {
    let (high, low) = if kind(a)? < kind(b)? { (b, a) } else { (a, b) };
    if a == b || kind(high) != kind(low) {
        return Some(high);
    }
    Some(match (a, b) {
        (DType::F64, _) | (_, DType::F64) => DType::F64,
        (DType::F16 | DType::BF16 | DType::F32, _) => DType::F32,
        // One of them has a sign: the narrowest type with a sign that holds both.
        (DType::U8, DType::I8) | (DType::I8, DType::U8) => DType::I16,
        (a, b) if a.size() > b.size() => a,
        (_, b) => b,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_pytorchs() {
        use DType::{BF16, Bool, F16, F32, F64, I8, I16, I32, I64, U8};
        use Promoted::{Float, Int, Single, Tensor};
        for (a, b, expected) in [
            (Tensor(F16), Tensor(F32), F32),
            (Tensor(F16), Tensor(BF16), F32),
            (Tensor(BF16), Single(F64), BF16),
            (Single(F16), Single(F64), F64),
            (Tensor(F16), Float, F16),
            (Tensor(F64), Int, F64),
            (Tensor(I32), Float, F32),
            (Tensor(I32), Single(F64), F64),
            (Tensor(U8), Tensor(I8), I16),
            (Tensor(U8), Tensor(I32), I32),
            (Tensor(U8), Int, U8),
            (Tensor(Bool), Int, I64),
            (Tensor(I16), Single(I64), I16),
            (Tensor(I64), Tensor(F16), F16),
        ] {
            assert_eq!(promoted(a, b), Some(expected), "{a:?} {b:?}");
            assert_eq!(promoted(b, a), Some(expected), "{b:?} {a:?}");
        }
        assert_eq!(promoted(Tensor(DType::QU8), Int), None);
        assert_eq!(promoted(Tensor(F32), Tensor(DType::C64)), None);
    }
}
