//! How operators relate to themselves and to others: in-place forms, order of operands, shared memory.
//!
//! In: operator names. Out: the functional partner of an in-place operator, operands that may change places, operands whose memory
//! results share.
//! Invariant: what schemas show is read from them; the tables hold only what they do not show.

use super::catalogue::Catalogue;
use super::schema::{Param, Schema};
use super::table::{base_of, schema, schemas};
use crate::graph::{Literal, Type};

/// Two operands that may change places without changing a bit of the result.
#[derive(Clone, PartialEq, Debug)]
pub struct Commutes {
    /// The two.
    pub operands: (usize, usize),
    /// Only if this operand is this literal.
    pub condition: Option<(usize, Literal)>,
}

/// The operator that computes what an in-place one writes: `aten::relu` for `aten::relu_`, `aten::add.Tensor` for `aten::add_.Tensor`.
///
/// The written tensor keeps its element type and shape; the partner's result may be wider where the other operands are (`f32.add_(f64)`).
pub fn in_place_partner(op: &str) -> Option<&'static str> {
    let in_place = schema(op)?;
    let functional = in_place.base.as_str().strip_suffix('_')?;
    let target = in_place.params.first()?;
    if functional.ends_with('_') || !target.ty.is_tensor() || !target.alias?.write {
        return None;
    }
    // Names may differ: `dropout_(self, ...)` and `dropout(input, ...)`.
    let same = |a: &Param, b: &Param| a.ty == b.ty && a.default == b.default;
    let fits = |partner: &&Schema| {
        !partner.writes()
            && partner.params.len() == in_place.params.len()
            && partner
                .params
                .iter()
                .zip(&in_place.params)
                .all(|(a, b)| same(a, b))
            && matches!(partner.results.as_slice(), [one] if one.ty.is_tensor())
    };
    let partners = || schemas(functional).iter().filter(fits);
    let partner = partners()
        .find(|partner| partner.overload == in_place.overload)
        .or_else(|| partners().next())?;
    Some(partner.full.as_str())
}

/// Operators whose first two operands may change places where they have one type.
const COMMUTATIVE: [&str; 26] = [
    "aten::__and__",
    "aten::__or__",
    "aten::__xor__",
    "aten::add",
    "aten::bitwise_and",
    "aten::bitwise_or",
    "aten::bitwise_xor",
    "aten::eq",
    "aten::fmax",
    "aten::fmin",
    "aten::gcd",
    "aten::logical_and",
    "aten::logical_or",
    "aten::logical_xor",
    "aten::max",
    "aten::maximum",
    "aten::min",
    "aten::minimum",
    "aten::mul",
    "aten::ne",
    "quantized::add",
    "quantized::mul",
    "prim::max",
    "prim::min",
    "quantized::add_relu",
    "quantized::mul_relu",
];

/// Two operands of a carried operator that may change places.
pub fn commutative(full: &str) -> Option<Commutes> {
    let base = base_of(full);
    if !COMMUTATIVE.contains(&base) {
        return None;
    }
    let schema = schema(full)?;
    let [first, second, ..] = schema.params.as_slice() else {
        return None;
    };
    let ordered = match &first.ty {
        // `+` of texts and lists joins them.
        Type::Str | Type::List(_) => matches!(base, "aten::add" | "prim::max" | "prim::min"),
        // Which of two is the greater depends on their order where one is no number.
        Type::Float | Type::Scalar => matches!(base, "prim::max" | "prim::min"),
        _ => false,
    };
    if first.ty != second.ty || ordered || schema.writes() {
        return None;
    }
    Some(Commutes {
        operands: (0, 1),
        condition: schema.param("alpha").map(|at| (at, Literal::Int(1))),
    })
}

impl Catalogue {
    /// Two operands of an operator that may change places.
    pub fn commutative(&self, full: &str) -> Option<Commutes> {
        match self.custom(full) {
            Some(custom) => custom.commutative.map(|operands| Commutes {
                operands,
                condition: None,
            }),
            None => commutative(full),
        }
    }
}

/// Operators that may hand out an operand itself, or memory of it, though their schemas do not say so.
const MAY_RETURN_OPERAND: [&str; 31] = [
    "aten::alpha_dropout",
    "aten::atleast_1d",
    "aten::atleast_2d",
    "aten::atleast_3d",
    "aten::broadcast_tensors",
    "aten::cartesian_prod",
    "aten::dequantize",
    "aten::dropout",
    "aten::feature_alpha_dropout",
    "aten::feature_dropout",
    "aten::list",
    "aten::meshgrid",
    "aten::type_as",
    "prim::CallFunction",
    "prim::CallMethod",
    "prim::DictConstruct",
    "prim::Enter",
    "prim::If",
    "prim::ListConstruct",
    "prim::ListUnpack",
    "prim::Loop",
    "prim::SetAttr",
    "prim::TupleConstruct",
    "prim::TupleIndex",
    "prim::TupleSlice",
    "prim::TupleUnpack",
    "prim::GetAttr",
    "prim::fork",
    "prim::tolist",
    "prim::unchecked_cast",
    "aten::__getitem__",
];

/// Which operands' memory the results of a carried operator may share. With an unknown operator it may be any of `count`.
pub fn aliased_operands(op: &str, count: usize) -> Vec<usize> {
    let Some(schema) = schema(op) else {
        return (0..count).collect();
    };
    let base = schema.base.as_str();
    let holds_memory = |ty: &Type| {
        !matches!(
            ty,
            Type::Int | Type::Float | Type::Bool | Type::Scalar | Type::Str | Type::Complex
        )
    };
    let returns_operand = MAY_RETURN_OPERAND.contains(&base) || schema.varret;
    let shares = |param: &Param| {
        schema.results.iter().any(|result| {
            match (param.alias, result.alias) {
                (Some(a), Some(b)) => a.overlaps(b),
                // `t(*)` may be an element of any operand.
                (None, Some(b)) => b.set == "*",
                _ => false,
            }
        })
    };
    (0..count)
        .filter(|&i| match schema.params.get(i) {
            Some(param) => holds_memory(&param.ty) && (returns_operand || shares(param)),
            None => returns_operand,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_place_operators_have_partners() {
        for (op, partner) in [
            ("aten::relu_", Some("aten::relu")),
            ("aten::add_.Tensor", Some("aten::add.Tensor")),
            ("aten::add_.Scalar", Some("aten::add.Scalar")),
            ("aten::mul_.Scalar", Some("aten::mul.Scalar")),
            ("aten::hardtanh_", Some("aten::hardtanh")),
            ("aten::hardswish_", Some("aten::hardswish")),
            ("aten::hardsigmoid_", Some("aten::hardsigmoid")),
            ("aten::leaky_relu_", Some("aten::leaky_relu")),
            ("aten::elu_", Some("aten::elu")),
            ("aten::dropout_", Some("aten::dropout")),
            ("aten::clamp_", Some("aten::clamp")),
            ("aten::squeeze_.dim", Some("aten::squeeze.dim")),
            ("aten::relu", None),
            ("aten::append.t", None),
            ("aten::add_.t", None),
            ("aten::__getitem__.t", None),
            ("aten::__and__.bool", None),
        ] {
            assert_eq!(in_place_partner(op), partner, "{op}");
        }
    }

    #[test]
    fn some_operands_may_change_places() {
        for name in COMMUTATIVE {
            assert!(
                schemas(name)
                    .iter()
                    .any(|s| commutative(s.full.as_str()).is_some()),
                "{name}"
            );
        }
        let add = commutative("aten::add.Tensor").unwrap();
        assert_eq!(add.operands, (0, 1));
        assert_eq!(add.condition, Some((2, Literal::Int(1))));
        for op in [
            "aten::mul.Tensor",
            "aten::eq.int",
            "aten::ne.str",
            "quantized::add",
            "quantized::mul_relu",
            "aten::add.int",
            "aten::__and__.bool",
            "prim::max.int",
        ] {
            assert_eq!(commutative(op).unwrap().condition, None, "{op}");
        }
        for op in [
            "aten::add.Scalar",
            "aten::add.str",
            "aten::add.t",
            "aten::add.int_float",
            "aten::sub.Tensor",
            "aten::eq.Scalar",
            "aten::mul_.Tensor",
            "aten::mul.out",
            "prim::max.float",
            "aten::max.dim",
            "aten::lt.int",
        ] {
            assert_eq!(commutative(op), None, "{op}");
        }
    }

    #[test]
    fn results_share_memory_with_some_operands() {
        for (op, count, operands) in [
            ("aten::relu", 1, &[][..]),
            ("aten::relu_", 1, &[0]),
            ("aten::view", 2, &[0]),
            ("aten::chunk", 3, &[0]),
            ("aten::dropout", 3, &[0]),
            ("aten::dequantize.self", 1, &[0]),
            ("aten::__getitem__.t", 2, &[0]),
            ("aten::cat", 2, &[]),
            ("prim::ListConstruct", 3, &[0, 1, 2]),
            ("prim::ListUnpack", 1, &[0]),
            ("quantized::linear", 4, &[]),
            ("no::such", 2, &[0, 1]),
        ] {
            assert_eq!(aliased_operands(op, count), operands, "{op}");
        }
    }
}
