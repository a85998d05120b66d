//! The operators that are computed on literals.
//!
//! A kernel sees the literals alone: TorchScript's overloads on `int`, `float` and both mixed do what the types of the literals say.
//! Invariant: an overload with a tensor among its operands is never computed here.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::{number, sequence, text};
use crate::graph::{Literal, Type};
use crate::ops::Schema;
use crate::ops::table::{base_of, schema};

/// Computes the one result of an operator.
type Kernel = fn(&[Literal]) -> Option<Literal>;

/// Operators without overload, and what they do.
#[rustfmt::skip]
static KERNELS: [(&str, Kernel); 57] = [
    ("aten::add", number::add),
    ("aten::sub", number::sub),
    ("aten::mul", number::mul),
    ("aten::div", number::div),
    ("aten::floordiv", number::floordiv),
    ("aten::remainder", number::remainder),
    ("aten::fmod", number::fmod),
    ("aten::neg", number::neg),
    ("prim::abs", number::abs),
    ("prim::max", number::max),
    ("prim::min", number::min),
    ("aten::sqrt", number::sqrt),
    ("aten::ceil", number::ceil),
    ("aten::floor", number::floor),
    ("aten::round", number::round),
    ("aten::Bool", number::to_bool),
    ("aten::Int", number::to_int),
    ("aten::Float", number::to_float),
    ("aten::__and__", number::and),
    ("aten::__or__", number::or),
    ("aten::__xor__", number::xor),
    ("aten::__not__", number::not),
    ("aten::eq", |l| sequence::equal(l).map(Literal::Bool)),
    ("aten::ne", |l| sequence::equal(l).map(|same| Literal::Bool(!same))),
    ("aten::lt", |l| sequence::compared(l, |o| o.is_lt())),
    ("aten::le", |l| sequence::compared(l, |o| o.is_le())),
    ("aten::gt", |l| sequence::compared(l, |o| o.is_gt())),
    ("aten::ge", |l| sequence::compared(l, |o| o.is_ge())),
    ("aten::__is__", |l| sequence::both_none(l).map(Literal::Bool)),
    ("aten::__isnot__", |l| sequence::both_none(l).map(|both| Literal::Bool(!both))),
    ("aten::__range_length", number::range_length),
    ("aten::__derive_index", number::derive_index),
    ("prim::rangelist", sequence::range),
    ("aten::len", sequence::len),
    ("aten::__getitem__", sequence::item),
    ("prim::TupleIndex", sequence::item),
    ("aten::slice", sequence::slice),
    ("aten::__contains__", sequence::contains),
    ("aten::list", sequence::list),
    ("aten::all", sequence::all),
    ("aten::any", sequence::any),
    ("aten::sum", sequence::sum),
    ("aten::str", |l| text::str(l.first()?)),
    ("aten::format", text::format),
    ("aten::device", text::device),
    ("prim::StringIndex", sequence::item),
    ("prim::unchecked_cast", present),
    ("prim::unchecked_unwrap_optional", present),
    ("aten::_unwrap_optional", present),
    ("prim::ListConstruct", |l| Some(Literal::list(l.iter().cloned()))),
    ("prim::TupleConstruct", |l| Some(Literal::Tuple(l.into()))),
    ("aten::add.t", sequence::joined),
    ("aten::add.str", sequence::joined),
    ("aten::mul.left_t", sequence::repeated),
    ("aten::mul.right_", sequence::repeated),
    ("aten::is_scripting", |_| Some(Literal::Bool(true))),
    ("aten::copy", same),
];

static INDEX: LazyLock<FxHashMap<&'static str, Kernel>> =
    LazyLock::new(|| KERNELS.into_iter().collect());

/// The results of a carried operator on literals; `None` if it cannot be computed before the model runs.
///
/// Lists that something changes later must not be folded; who calls knows which.
pub fn fold_literals(op: &str, operands: &[Literal]) -> Option<Vec<Literal>> {
    if is_unpack(op) {
        return Some(operands.first()?.items()?.to_vec());
    }
    let (kernel, schema) = kernel(op)?;
    if operands.len() < schema.params.len() {
        return None;
    }
    kernel(operands).map(|result| vec![result])
}

/// Whether [`fold_literals`] computes the operator, given literals that suit it.
pub fn folds_literals(op: &str) -> bool {
    is_unpack(op) || kernel(op).is_some()
}

fn is_unpack(op: &str) -> bool {
    matches!(base_of(op), "prim::ListUnpack" | "prim::TupleUnpack")
}

fn kernel(op: &str) -> Option<(Kernel, &'static Schema)> {
    let kernel = INDEX.get(op).or_else(|| INDEX.get(base_of(op)))?;
    let on_tensors = |ty: &Type| ty.is_tensor() || matches!(ty, Type::List(t) if t.is_tensor());
    let schema = schema(op)?;
    let plain = !schema.params.iter().any(|p| on_tensors(&p.ty));
    plain.then_some((*kernel, schema))
}

fn same(operands: &[Literal]) -> Option<Literal> {
    operands.first().cloned()
}

fn present(operands: &[Literal]) -> Option<Literal> {
    operands.first().filter(|l| **l != Literal::None).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::table::schemas;

    #[test]
    fn kernels_have_operators() {
        for (op, _) in KERNELS {
            assert!(schema(op).is_some() || !schemas(op).is_empty(), "{op}");
        }
        assert_eq!(INDEX.len(), KERNELS.len());
    }
}
