//! Operators of expressions, as Python means them.
//!
//! Invariant: integers that overflow, quotients of integers that are not exact, and indices outside are unknown.

use super::{Scope, Val, tensors};
use crate::check::rule::Binary;
use crate::graph::Literal;
use crate::ops::torch_dtype_code;

/// Lists and texts longer than any model has are a mistake, not a value.
const MOST: usize = 1 << 16;

/// The literal that something is, a value of the graph included.
pub(super) fn literal<S: Scope>(scope: &S, value: &Val<S::Value>) -> Option<Literal> {
    match value {
        Val::Literal(literal) => Some(literal.clone()),
        Val::Value(value) => scope.literal(value),
        Val::List(items) => Some(Literal::list(literals(scope, items)?)),
        Val::Tuple(items) => Some(Literal::Tuple(literals(scope, items)?.into())),
        Val::Tensor(_) | Val::Unknown => None,
    }
}

fn literals<S: Scope>(scope: &S, items: &[Val<S::Value>]) -> Option<Vec<Literal>> {
    items.iter().map(|item| literal(scope, item)).collect()
}

/// The elements of a list or tuple.
pub(super) fn items<S: Scope>(scope: &S, value: &Val<S::Value>) -> Option<Vec<Val<S::Value>>> {
    let of_literal = |literal: &Literal| {
        literal
            .items()
            .map(|items| items.iter().cloned().map(Val::Literal).collect())
    };
    match value {
        Val::List(items) | Val::Tuple(items) => Some(items.clone()),
        Val::Literal(literal) => of_literal(literal),
        Val::Value(value) => match scope.literal(value) {
            Some(literal) => of_literal(&literal),
            None => scope.elements(value),
        },
        Val::Tensor(_) | Val::Unknown => None,
    }
}

/// Whether two are equal; `None` if that is not known.
pub(super) fn equal<S: Scope>(scope: &S, a: &Val<S::Value>, b: &Val<S::Value>) -> Option<bool> {
    match (a, b) {
        (Val::Unknown, _) | (_, Val::Unknown) => None,
        // Only `none` is certainly no tensor; two of them may turn out to hold the same.
        (Val::Tensor(a), Val::Tensor(b)) => (a == b).then_some(true),
        (Val::Tensor(_), other) | (other, Val::Tensor(_)) => {
            (literal(scope, other)? == Literal::None).then_some(false)
        }
        (Val::Literal(a), Val::Literal(b)) => Some(same_value(a, b)),
        (Val::Value(a), Val::Value(b)) if a == b => Some(true),
        (Val::Value(v), Val::Value(w)) => match (scope.literal(v), scope.literal(w)) {
            (Some(a), Some(b)) => Some(same_value(&a, &b)),
            (Some(a), None) => scope.same_as_literal(w, &a),
            (None, Some(b)) => scope.same_as_literal(v, &b),
            (None, None) => scope.same(v, w),
        },
        (Val::Value(v), Val::Literal(l)) | (Val::Literal(l), Val::Value(v)) => {
            match scope.literal(v) {
                Some(other) => Some(same_value(&other, l)),
                None => scope.same_as_literal(v, l),
            }
        }
        _ => equal_items(scope, a, b),
    }
}

/// Equality by value. Where a format writes element types as integers, a value of the graph is such an integer.
fn same_value(a: &Literal, b: &Literal) -> bool {
    match (a, b) {
        (Literal::DType(dtype), Literal::Int(code))
        | (Literal::Int(code), Literal::DType(dtype)) => torch_dtype_code(*dtype) == *code,
        _ => match (a.items(), b.items()) {
            (Some(a), Some(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b))
            }
            _ => a.same_value(b),
        },
    }
}

/// At least one side is a list or tuple with something else than literals in it.
fn equal_items<S: Scope>(scope: &S, a: &Val<S::Value>, b: &Val<S::Value>) -> Option<bool> {
    let (Some(a_items), Some(b_items)) = (items(scope, a), items(scope, b)) else {
        let is_literal = |v: &Val<S::Value>| matches!(v, Val::Literal(_));
        return (is_literal(a) || is_literal(b)).then_some(false);
    };
    if a_items.len() != b_items.len() {
        return Some(false);
    }
    let mut all = Some(true);
    for (a, b) in a_items.iter().zip(&b_items) {
        match equal(scope, a, b) {
            Some(true) => {}
            Some(false) => return Some(false),
            None => all = None,
        }
    }
    all
}

/// Every operator but `and` and `or`, which do not always look at both sides.
pub(super) fn binary<S: Scope>(
    scope: &S,
    op: Binary,
    a: &Val<S::Value>,
    b: &Val<S::Value>,
) -> Val<S::Value> {
    match op {
        Binary::Eq => Val::truth(equal(scope, a, b)),
        Binary::Ne => Val::truth(equal(scope, a, b).map(|equal| !equal)),
        Binary::In => Val::truth(contains(scope, b, a)),
        Binary::NotIn => Val::truth(contains(scope, b, a).map(|inside| !inside)),
        Binary::Add | Binary::Mul => match joined(scope, op, a, b) {
            Some(list) => list,
            None => sum(scope, op, a, b),
        },
        _ => sum(scope, op, a, b),
    }
}

/// Whether `inside` is an element of the list, or a part of the text.
pub(super) fn contains<S: Scope>(
    scope: &S,
    whole: &Val<S::Value>,
    inside: &Val<S::Value>,
) -> Option<bool> {
    if let Some(Literal::Str(text)) = literal(scope, whole) {
        return Some(text.contains(literal(scope, inside)?.as_str()?));
    }
    let mut found = Some(false);
    for item in items(scope, whole)? {
        match equal(scope, &item, inside) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => found = None,
        }
    }
    found
}

/// `+` of two lists and `*` of a list and a number; `None` for everything else.
fn joined<S: Scope>(
    scope: &S,
    op: Binary,
    a: &Val<S::Value>,
    b: &Val<S::Value>,
) -> Option<Val<S::Value>> {
    match op {
        Binary::Add => {
            let (mut left, right) = (items(scope, a)?, items(scope, b)?);
            if left.len().saturating_add(right.len()) > MOST {
                return Some(Val::Unknown);
            }
            left.extend(right);
            Some(Val::list(left))
        }
        _ => {
            let (list, times) = match (items(scope, a), items(scope, b)) {
                (Some(list), None) => (list, literal(scope, b)?),
                (None, Some(list)) => (list, literal(scope, a)?),
                _ => return None,
            };
            let times = usize::try_from(times.as_int()?.max(0)).ok()?;
            if list.len().checked_mul(times)? > MOST {
                return Some(Val::Unknown);
            }
            let len = list.len() * times;
            Some(Val::list(list.into_iter().cycle().take(len).collect()))
        }
    }
}

/// Numbers, texts, or tensors.
fn sum<S: Scope>(scope: &S, op: Binary, a: &Val<S::Value>, b: &Val<S::Value>) -> Val<S::Value> {
    if tensors::is_tensor(scope, a) || tensors::is_tensor(scope, b) {
        return tensors::binary(scope, op, a, b);
    }
    numbers(scope, op, a, b)
}

fn numbers<S: Scope>(scope: &S, op: Binary, a: &Val<S::Value>, b: &Val<S::Value>) -> Val<S::Value> {
    let (Some(a), Some(b)) = (literal(scope, a), literal(scope, b)) else {
        return Val::Unknown;
    };
    Val::literal(match (&a, &b) {
        (Literal::Int(a), Literal::Int(b)) => integers(op, *a, *b),
        (Literal::Str(a), Literal::Str(b)) => texts(op, a, b),
        _ => match (a.as_float(), b.as_float()) {
            (Some(a), Some(b)) => floats(op, a, b),
            _ => None,
        },
    })
}

fn integers(op: Binary, a: i64, b: i64) -> Option<Literal> {
    Some(match op {
        Binary::Add => Literal::Int(a.checked_add(b)?),
        Binary::Sub => Literal::Int(a.checked_sub(b)?),
        Binary::Mul => Literal::Int(a.checked_mul(b)?),
        Binary::Div => quotient(a, b)?,
        _ => Literal::Bool(ordered(op, a.cmp(&b))?),
    })
}

/// Exact or unknown: an integer if `b` divides `a`, else the double if it is the very number.
fn quotient(a: i64, b: i64) -> Option<Literal> {
    if a.checked_rem(b)? == 0 {
        return Some(Literal::Int(a.checked_div(b)?));
    }
    let (mut top, mut bottom) = (a.unsigned_abs(), b.unsigned_abs());
    while bottom != 0 {
        (top, bottom) = (bottom, top % bottom);
    }
    let reduced = b.unsigned_abs() / top;
    let small = |n: i64| n.unsigned_abs() < 1 << 53;
    (reduced.is_power_of_two() && small(a) && small(b)).then(|| Literal::Float(a as f64 / b as f64))
}

fn texts(op: Binary, a: &str, b: &str) -> Option<Literal> {
    match op {
        Binary::Add if a.len().saturating_add(b.len()) > MOST => None,
        Binary::Add => Some(Literal::Str(format!("{a}{b}").into())),
        _ => ordered(op, a.cmp(b)).map(Literal::Bool),
    }
}

fn floats(op: Binary, a: f64, b: f64) -> Option<Literal> {
    Some(match op {
        Binary::Add => Literal::Float(a + b),
        Binary::Sub => Literal::Float(a - b),
        Binary::Mul => Literal::Float(a * b),
        Binary::Div if b == 0.0 => return None,
        Binary::Div => Literal::Float(a / b),
        _ => Literal::Bool(match a.partial_cmp(&b) {
            Some(order) => ordered(op, order)?,
            // A comparison with NaN is false.
            None => false,
        }),
    })
}

fn ordered(op: Binary, order: std::cmp::Ordering) -> Option<bool> {
    Some(match op {
        Binary::Lt => order.is_lt(),
        Binary::Le => order.is_le(),
        Binary::Gt => order.is_gt(),
        Binary::Ge => order.is_ge(),
        _ => return None,
    })
}

/// `-a`
pub(super) fn negate<S: Scope>(scope: &S, a: &Val<S::Value>) -> Val<S::Value> {
    if tensors::is_tensor(scope, a) {
        return tensors::negate(scope, a).unwrap_or(Val::Unknown);
    }
    Val::literal(match literal(scope, a) {
        Some(Literal::Int(n)) => n.checked_neg().map(Literal::Int),
        Some(Literal::Float(x)) => Some(Literal::Float(-x)),
        _ => None,
    })
}

/// `base[index]`, counted from the end if negative.
pub(super) fn index<S: Scope>(
    scope: &S,
    base: &Val<S::Value>,
    index: &Val<S::Value>,
) -> Val<S::Value> {
    let Some(at) = literal(scope, index).and_then(|index| index.as_int()) else {
        return Val::Unknown;
    };
    let place = |len: usize| {
        let from_end = if at < 0 { len as i64 } else { 0 };
        usize::try_from(at.checked_add(from_end)?).ok()
    };
    if let Some(items) = items(scope, base) {
        let item = place(items.len()).and_then(|place| items.get(place).cloned());
        return item.unwrap_or(Val::Unknown);
    }
    let text = literal(scope, base);
    let letter = text.as_ref().and_then(Literal::as_str).and_then(|text| {
        let place = place(text.chars().count())?;
        text.chars().nth(place)
    });
    Val::literal(letter.map(|letter| Literal::Str(letter.to_string().into())))
}

/// `base[from:to]`, each clipped to the list or text.
pub(super) fn slice<S: Scope>(
    scope: &S,
    base: &Val<S::Value>,
    from: Option<&Val<S::Value>>,
    to: Option<&Val<S::Value>>,
) -> Val<S::Value> {
    let bound = |bound: Option<&Val<S::Value>>, len: usize, open: usize| match bound {
        None => Some(open),
        Some(bound) => {
            let n = literal(scope, bound)?.as_int()?;
            let n = if n < 0 {
                n.saturating_add(len as i64).max(0)
            } else {
                n
            };
            Some(usize::try_from(n).map_or(len, |n| n.min(len)))
        }
    };
    let range = |len: usize| {
        let (from, to) = (bound(from, len, 0)?, bound(to, len, len)?);
        Some((from, to.saturating_sub(from)))
    };
    if let Some(items) = items(scope, base) {
        return match range(items.len()) {
            Some((from, len)) => Val::list(items.into_iter().skip(from).take(len).collect()),
            None => Val::Unknown,
        };
    }
    let text = literal(scope, base);
    let part = text.as_ref().and_then(Literal::as_str).and_then(|text| {
        let (from, len) = range(text.chars().count())?;
        Some(text.chars().skip(from).take(len).collect::<String>())
    });
    Val::literal(part.map(|part| Literal::Str(part.into())))
}

#[cfg(test)]
mod tests {
    use super::super::Nothing;
    use super::*;

    fn apply(op: Binary, a: Literal, b: Literal) -> Option<Literal> {
        binary(&Nothing, op, &Val::Literal(a), &Val::Literal(b)).into_literal()
    }

    #[test]
    fn quotients_of_integers_are_exact_or_unknown() {
        let quotient = |a, b| apply(Binary::Div, Literal::Int(a), Literal::Int(b));
        assert_eq!(quotient(1, 256), Some(Literal::Float(1.0 / 256.0)));
        assert_eq!(quotient(-6, 4), Some(Literal::Float(-1.5)));
        assert_eq!(quotient(12, 4), Some(Literal::Int(3)));
        assert_eq!(quotient(1, 3), None);
        assert_eq!(quotient(1, 0), None);
        assert_eq!(quotient(i64::MIN, -1), None);
    }

    #[test]
    fn lists_and_texts_join_and_repeat() {
        assert_eq!(
            apply(Binary::Add, Literal::ints([1]), Literal::ints([2])),
            Some(Literal::ints([1, 2]))
        );
        assert_eq!(
            apply(Binary::Mul, Literal::Int(2), Literal::ints([7])),
            Some(Literal::ints([7, 7]))
        );
        assert_eq!(
            apply(Binary::Add, Literal::str("a"), Literal::str("b")),
            Some(Literal::str("ab"))
        );
        assert_eq!(apply(Binary::Add, Literal::str("a"), Literal::Int(1)), None);
        assert_eq!(
            apply(Binary::Mul, Literal::ints([7]), Literal::Int(i64::MAX)),
            None
        );
    }

    #[test]
    fn equality_is_by_value_and_membership_follows() {
        let yes = Some(Literal::Bool(true));
        assert_eq!(apply(Binary::Eq, Literal::Int(1), Literal::Float(1.0)), yes);
        assert_eq!(
            apply(Binary::In, Literal::Float(2.0), Literal::ints([1, 2])),
            yes
        );
        assert_eq!(
            apply(Binary::In, Literal::str("bc"), Literal::str("abcd")),
            yes
        );
        let unsure = Val::List(vec![Val::Unknown, Val::Literal(Literal::Int(1))]);
        let pair = |n| Val::Literal(Literal::ints([5, n]));
        assert_eq!(equal(&Nothing, &unsure, &pair(1)), None);
        assert_eq!(equal(&Nothing, &unsure, &pair(2)), Some(false));
    }

    #[test]
    fn indices_count_from_both_ends() {
        let list = Val::Literal(Literal::ints([1, 2, 3]));
        let at = |n| index(&Nothing, &list, &Val::Literal(Literal::Int(n))).into_literal();
        assert_eq!(at(-1), Some(Literal::Int(3)));
        assert_eq!(at(3), None);
        let from = |n| {
            let n = Val::Literal(Literal::Int(n));
            slice(&Nothing, &list, Some(&n), None).into_literal()
        };
        assert_eq!(from(-2), Some(Literal::ints([2, 3])));
        assert_eq!(from(9), Some(Literal::ints([])));
    }
}
