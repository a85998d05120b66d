//! Questions about values, answered from what is known of them.
//!
//! Invariant: an answer is given only if every model run gives it.

use super::literals::fold_literals;
use crate::graph::{Dim, Facts, Literal, QParams, Type};
use crate::ops::element_type::torch_dtype_code;
use crate::ops::table::base_of;

/// The results of a carried operator, as far as facts of its operands fix all of them.
pub fn fold_from_facts(op: &str, operands: &[Facts]) -> Option<Vec<Literal>> {
    let literals: Option<Vec<Literal>> = operands.iter().map(|f| f.literal.clone()).collect();
    if let Some(folded) = literals.and_then(|literals| fold_literals(op, &literals)) {
        return Some(folded);
    }
    if matches!(base_of(op), "prim::ListUnpack" | "prim::TupleUnpack") {
        let list = operands.first()?;
        let elements = list.elements.as_ref().filter(|_| list.shape.is_none())?;
        return elements.iter().map(|e| e.literal.clone()).collect();
    }
    answer(op, operands).map(|literal| vec![literal])
}

fn answer(op: &str, operands: &[Facts]) -> Option<Literal> {
    let x = operands.first()?;
    let second = || operands.get(1)?.literal.as_ref();
    match op {
        "aten::q_scale" => match x.qparams {
            QParams::PerTensor { scale, .. } => Some(Literal::Float(scale)),
            _ => None,
        },
        "aten::q_zero_point" => match x.qparams {
            QParams::PerTensor { zero_point, .. } => Some(Literal::Int(zero_point)),
            _ => None,
        },
        "aten::q_per_channel_axis" => match x.qparams {
            QParams::PerChannel { axis } => i64::try_from(axis).ok().map(Literal::Int),
            _ => None,
        },
        "prim::dtype" => x.dtype.map(torch_dtype_code).map(Literal::Int),
        "prim::itemsize" => i64::try_from(x.dtype?.size()).ok().map(Literal::Int),
        "prim::is_quantized" => x.dtype.map(|d| Literal::Bool(d.is_quantized())),
        "aten::is_floating_point" => x.dtype.map(|d| Literal::Bool(d.is_float())),
        "aten::is_complex" => x.dtype.map(|d| Literal::Bool(d.is_complex())),
        "aten::dim" => i64::try_from(x.rank()?).ok().map(Literal::Int),
        "aten::size" | "prim::shape" => {
            let sizes: Option<Vec<Literal>> = x.shape.as_ref()?.iter().map(|&d| size(d)).collect();
            sizes.map(Literal::list)
        }
        "aten::size.int" => size(*at(x.shape.as_ref()?, second()?.as_int()?)?),
        "aten::len.Tensor" => size(*x.shape.as_ref()?.first()?),
        "aten::len.t" => {
            let elements = x.elements.as_ref().filter(|_| x.shape.is_none())?;
            i64::try_from(elements.len()).ok().map(Literal::Int)
        }
        "aten::numel" => {
            let mut sizes = x.shape.as_ref()?.iter().map(|&d| size(d)?.as_int());
            let total = sizes.try_fold(1_i64, |n, size| n.checked_mul(size?));
            total.map(Literal::Int)
        }
        "aten::__getitem__.t" | "prim::TupleIndex" => {
            let index = second()?.as_int()?;
            // Without a certain length nothing is certain: the index may be out of range.
            let elements = x.elements.as_ref().filter(|_| x.shape.is_none())?;
            at(elements, index)?.literal.clone()
        }
        "aten::__is__" => is_none(operands).map(Literal::Bool),
        "aten::__isnot__" => is_none(operands).map(|none| Literal::Bool(!none)),
        _ => None,
    }
}

fn size(dim: Dim) -> Option<Literal> {
    match dim {
        Dim::Known(n) => i64::try_from(n).ok().map(Literal::Int),
        Dim::Unknown => None,
    }
}

fn at<T>(items: &[T], index: i64) -> Option<&T> {
    let length = i64::try_from(items.len()).ok()?;
    let index = if index < 0 { index + length } else { index };
    items.get(usize::try_from(index).ok()?)
}

/// Whether the one operand beside a `None` is `None` too.
fn is_none(operands: &[Facts]) -> Option<bool> {
    let none = |facts: &Facts| facts.literal == Some(Literal::None);
    let other = match operands {
        [a, b] if none(b) => a,
        [a, b] if none(a) => b,
        _ => return None,
    };
    let something = other.dtype.is_some()
        || other.shape.is_some()
        || other.elements.is_some()
        || other.constant.is_some()
        || other.literal.as_ref().is_some_and(|l| *l != Literal::None)
        || matches!(
            other.ty,
            Some(
                Type::Tensor(_)
                    | Type::Int
                    | Type::Float
                    | Type::Bool
                    | Type::Str
                    | Type::Scalar
                    | Type::List(_)
                    | Type::Tuple(_)
                    | Type::Class(_)
            )
        );
    if something {
        Some(false)
    } else {
        (none(other) || other.ty == Some(Type::None)).then_some(true)
    }
}
