//! Element types and quantization parameters of results.
//!
//! In: operands. Out: the element type, or the parameters, of the one tensor an operator gives.
//! Invariant: promotion between different element types is left unknown, unless a tensor with dimensions decides beside one without.

use super::operands::{Operands, per_tensor};
use crate::graph::{DType, Facts, Literal, QParams};
use crate::ops::promotion::{self, Promoted};

/// The input's element type.
pub(super) fn same(o: Operands) -> Option<DType> {
    o.input().dtype
}

/// The input's, where it is floating or quantized; integers may become floats.
pub(super) fn same_float(o: Operands) -> Option<DType> {
    o.input().dtype.filter(|d| d.is_float() || d.is_quantized())
}

/// The input's, where it is floating; quantized and integer inputs fail or become something else.
pub(super) fn only_float(o: Operands) -> Option<DType> {
    o.input().dtype.filter(|d| d.is_float())
}

/// The floating type that input and weight must share, known from either.
pub(super) fn of_weighted(o: Operands) -> Option<DType> {
    let known = o.input().dtype.or(o.named(&["weight"]).dtype);
    known.filter(|dtype| dtype.is_float())
}

/// The type of all tensors among the operands, if they have one; a number does not change a floating tensor's.
pub(super) fn promoted(o: Operands) -> Option<DType> {
    let first = o.input().dtype.filter(|d| !d.is_quantized())?;
    for (i, param) in o.schema.params.iter().enumerate().skip(1) {
        let facts = o.at(i);
        let fits = match &param.ty {
            ty if ty.is_tensor() => facts.dtype == Some(first) || decides(o.input(), facts),
            crate::graph::Type::Scalar if param.name == "alpha" => {
                first.is_float() || matches!(facts.literal, Some(Literal::Int(_)))
            }
            crate::graph::Type::Scalar => match &facts.literal {
                Some(Literal::Int(_) | Literal::Bool(_)) => first != DType::Bool,
                Some(Literal::Float(_)) => first.is_float(),
                _ => false,
            },
            _ => true,
        };
        if !fits {
            return None;
        }
    }
    Some(first)
}

/// Whether a tensor's element type is that of a result with another tensor as well.
fn decides(tensor: &Facts, other: &Facts) -> bool {
    let known = |facts: &Facts| Some(Promoted::tensor(facts.dtype?, facts.shape.as_ref()?.len()));
    let (Some(a), Some(b)) = (known(tensor), known(other)) else {
        return false;
    };
    promotion::promoted(a, b) == tensor.dtype
}

/// As [`promoted`], for operators that make floats of integers.
pub(super) fn promoted_float(o: Operands) -> Option<DType> {
    promoted(o).filter(|d| d.is_float())
}

/// The type that `dtype` asks for, else the input's (where that is floating).
pub(super) fn asked_or_same(o: Operands) -> Option<DType> {
    match o.dtype("dtype")? {
        Some(dtype) => Some(dtype),
        None => same_float(o),
    }
}

/// The type that `dtype` asks for, else the input's (where that is floating and not quantized).
pub(super) fn asked_or_float(o: Operands) -> Option<DType> {
    match o.dtype("dtype")? {
        Some(dtype) => Some(dtype),
        None => only_float(o),
    }
}

/// The type that `dtype` asks for, else the input's, whatever it is.
pub(super) fn asked_or_any(o: Operands) -> Option<DType> {
    match o.dtype("dtype")? {
        Some(dtype) => Some(dtype),
        None => same(o),
    }
}

/// The type that `dtype` asks for; what is meant without it depends on global settings.
pub(super) fn asked(o: Operands) -> Option<DType> {
    o.dtype("dtype")?
}

pub(super) fn of_other(o: Operands) -> Option<DType> {
    o.named(&["other"]).dtype
}

pub(super) fn f32(_: Operands) -> Option<DType> {
    Some(DType::F32)
}

pub(super) fn f64(_: Operands) -> Option<DType> {
    Some(DType::F64)
}

pub(super) fn bool(_: Operands) -> Option<DType> {
    Some(DType::Bool)
}

pub(super) fn i64(_: Operands) -> Option<DType> {
    Some(DType::I64)
}

pub(super) fn unknown(_: Operands) -> Option<DType> {
    None
}

/// The element type of the stored integers.
pub(super) fn stored(o: Operands) -> Option<DType> {
    match o.input().dtype? {
        DType::QU8 => Some(DType::U8),
        DType::QI8 => Some(DType::I8),
        DType::QI32 => Some(DType::I32),
        _ => None,
    }
}

/// The quantized type over stored integers.
pub(super) fn over_stored(o: Operands) -> Option<DType> {
    match o.input().dtype? {
        DType::U8 => Some(DType::QU8),
        DType::I8 => Some(DType::QI8),
        DType::I32 => Some(DType::QI32),
        _ => None,
    }
}

/// The element type of the tensors in a list, if they share one.
pub(super) fn of_list(o: Operands) -> Option<DType> {
    let elements = o.input().elements.as_ref()?;
    let first = elements.first()?.dtype?;
    elements
        .iter()
        .all(|e| e.dtype == Some(first))
        .then_some(first)
}

/// The type of the tensor that a number becomes.
pub(super) fn of_scalar(o: Operands) -> Option<DType> {
    match o.input().literal.as_ref()? {
        Literal::Int(_) => Some(DType::I64),
        Literal::Float(_) => Some(DType::F64),
        Literal::Bool(_) => Some(DType::Bool),
        _ => None,
    }
}

/// Not quantized.
pub(super) fn none(_: Operands) -> QParams {
    QParams::Unknown
}

/// The input's parameters: values and order of elements stay.
pub(super) fn kept(o: Operands) -> QParams {
    o.input().qparams
}

/// The input's parameters where one pair holds for all elements.
pub(super) fn kept_per_tensor(o: Operands) -> QParams {
    per_tensor(o.input().qparams)
}

/// The parameters that all tensors of a list share.
pub(super) fn kept_of_list(o: Operands) -> QParams {
    let shared = || {
        let elements = o.input().elements.as_ref()?;
        let first = per_tensor(elements.first()?.qparams);
        elements.iter().all(|e| e.qparams == first).then_some(first)
    };
    shared().unwrap_or(QParams::Unknown)
}

/// The parameters written as operands.
pub(super) fn written(o: Operands) -> QParams {
    let scale = o.named(&["output_scale", "scale", "Y_scale_i"]);
    let zero_point = o.named(&["output_zero_point", "zero_point", "Y_zero_point_i"]);
    match (&scale.literal, &zero_point.literal) {
        (Some(scale), Some(Literal::Int(zero_point))) => match scale.as_float() {
            Some(scale) => QParams::PerTensor {
                scale,
                zero_point: *zero_point,
            },
            None => QParams::Unknown,
        },
        _ => QParams::Unknown,
    }
}

/// The parameters written as operands, or the first tensor's where they are absent.
pub(super) fn written_or_first(o: Operands) -> QParams {
    let (scale, zero_point) = (o.literal("scale"), o.literal("zero_point"));
    let first = || {
        let elements = o.input().elements.as_ref()?;
        elements.first().map(|e| e.qparams)
    };
    match (scale, zero_point) {
        (Some(Literal::None), Some(Literal::None)) => first().map_or(QParams::Unknown, per_tensor),
        _ => written(o),
    }
}

/// Parameters for each index along `axis`.
pub(super) fn per_channel(o: Operands) -> QParams {
    match o.int("axis").map(usize::try_from) {
        Some(Ok(axis)) => QParams::PerChannel { axis },
        _ => QParams::Unknown,
    }
}

/// `[0, 1)` in 256 steps.
pub(super) fn unit(o: Operands) -> QParams {
    of_quint8(o, 1.0 / 256.0, 0)
}

/// `[-1, 1)` in 256 steps.
pub(super) fn symmetric_unit(o: Operands) -> QParams {
    of_quint8(o, 2.0 / 256.0, 128)
}

fn of_quint8(o: Operands, scale: f64, zero_point: i64) -> QParams {
    match o.input().dtype {
        Some(DType::QU8) => QParams::PerTensor { scale, zero_point },
        _ => QParams::Unknown,
    }
}

/// A quantized tensor, and a number beside it (either may come first).
fn tensor_and_number(o: Operands) -> Option<(f64, i64, f64, (i64, i64))> {
    let tensor = o.named(&["qa"]);
    let number = o.named(&["b"]).literal.as_ref()?.as_float()?;
    let range = match tensor.dtype? {
        DType::QU8 => (0, 255),
        DType::QI8 => (-128, 127),
        _ => return None,
    };
    match tensor.qparams {
        QParams::PerTensor { scale, zero_point } => Some((scale, zero_point, number, range)),
        _ => None,
    }
}

/// Parameters of a quantized tensor plus a number: the zero point moves, and where it would leave the range the scale widens.
pub(super) fn plus_number(o: Operands) -> QParams {
    let Some((scale, zero_point, number, (least, most))) = tensor_and_number(o) else {
        return QParams::Unknown;
    };
    let steps = (number / scale).round_ties_even();
    if !steps.is_finite() || steps.abs() > 1e9 {
        return QParams::Unknown;
    }
    let moved = zero_point - steps as i64;
    let widened = |span: i64| span as f64 / (most - least) as f64 * scale;
    let (scale, zero_point) = if moved < least {
        (widened(most - moved), least)
    } else if moved > most {
        (widened(moved - least), most)
    } else {
        (scale, moved)
    };
    QParams::PerTensor { scale, zero_point }
}

/// Parameters of a quantized tensor times a number: the scale grows with it, a negative one mirrors the zero point.
pub(super) fn times_number(o: Operands) -> QParams {
    let Some((scale, zero_point, number, (least, most))) = tensor_and_number(o) else {
        return QParams::Unknown;
    };
    if number > 0.0 {
        QParams::PerTensor {
            scale: number * scale,
            zero_point,
        }
    } else if number < 0.0 {
        QParams::PerTensor {
            scale: number.abs() * scale,
            zero_point: most - (zero_point - least),
        }
    } else if number == 0.0 {
        QParams::PerTensor {
            scale: 1.0,
            zero_point: 0,
        }
    } else {
        QParams::Unknown
    }
}

/// The element type of the operand named `qa`.
pub(super) fn of_qa(o: Operands) -> Option<DType> {
    o.named(&["qa"]).dtype
}
