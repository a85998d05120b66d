//! Arithmetic on numbers and truth values as TorchScript does it.
//!
//! Invariant: integers that overflow, and functions whose last bit depends on the machine's library, give nothing.

use crate::graph::Literal;
use crate::ops::element_type::torch_dtype_code;

/// Two operands: both integers, or both doubles once one is.
pub(super) enum Pair {
    Ints(i64, i64),
    Floats(f64, f64),
}

/// The integer; element types are integers in TorchScript.
pub(super) fn int(literal: &Literal) -> Option<i64> {
    match literal {
        Literal::Int(n) => Some(*n),
        Literal::DType(dtype) => Some(torch_dtype_code(*dtype)),
        _ => None,
    }
}

pub(super) fn pair(operands: &[Literal]) -> Option<Pair> {
    let [a, b, ..] = operands else {
        return None;
    };
    match (int(a), int(b)) {
        (Some(a), Some(b)) => Some(Pair::Ints(a, b)),
        _ => Some(Pair::Floats(a.as_float()?, b.as_float()?)),
    }
}

fn arithmetic(
    operands: &[Literal],
    ints: fn(i64, i64) -> Option<i64>,
    floats: fn(f64, f64) -> f64,
) -> Option<Literal> {
    match pair(operands)? {
        Pair::Ints(a, b) => ints(a, b).map(Literal::Int),
        Pair::Floats(a, b) => Some(Literal::Float(floats(a, b))),
    }
}

pub(super) fn add(operands: &[Literal]) -> Option<Literal> {
    arithmetic(operands, i64::checked_add, |a, b| a + b)
}

pub(super) fn sub(operands: &[Literal]) -> Option<Literal> {
    arithmetic(operands, i64::checked_sub, |a, b| a - b)
}

pub(super) fn mul(operands: &[Literal]) -> Option<Literal> {
    arithmetic(operands, i64::checked_mul, |a, b| a * b)
}

/// Two doubles of which the second is not zero.
fn divided(operands: &[Literal], f: fn(f64, f64) -> f64) -> Option<Literal> {
    let (a, b) = match pair(operands)? {
        Pair::Ints(a, b) => (a as f64, b as f64),
        Pair::Floats(a, b) => (a, b),
    };
    (b != 0.0).then(|| Literal::Float(f(a, b)))
}

pub(super) fn div(operands: &[Literal]) -> Option<Literal> {
    divided(operands, |a, b| a / b)
}

pub(super) fn fmod(operands: &[Literal]) -> Option<Literal> {
    divided(operands, |a, b| a % b)
}

/// Rounded down; the remainder has the divisor's sign.
pub(super) fn floordiv(operands: &[Literal]) -> Option<Literal> {
    match pair(operands)? {
        Pair::Ints(a, b) => {
            let (quotient, rest) = (a.checked_div(b)?, a.checked_rem(b)?);
            let down = i64::from(rest != 0 && (rest < 0) != (b < 0));
            Some(Literal::Int(quotient - down))
        }
        Pair::Floats(..) => divided(operands, |a, b| (a / b).floor()),
    }
}

pub(super) fn remainder(operands: &[Literal]) -> Option<Literal> {
    match pair(operands)? {
        Pair::Ints(a, b) => {
            let rest = b.checked_add(a.checked_rem(b)?)?;
            Some(Literal::Int(rest.checked_rem(b)?))
        }
        // TorchScript adds the divisor before it takes the rest once more, which rounds.
        Pair::Floats(..) => divided(operands, |a, b| (b + a % b) % b),
    }
}

pub(super) fn neg(operands: &[Literal]) -> Option<Literal> {
    match operands.first()? {
        Literal::Float(x) => Some(Literal::Float(-x)),
        n => int(n)?.checked_neg().map(Literal::Int),
    }
}

pub(super) fn abs(operands: &[Literal]) -> Option<Literal> {
    match operands.first()? {
        Literal::Float(x) => Some(Literal::Float(x.abs())),
        n => int(n)?.checked_abs().map(Literal::Int),
    }
}

pub(super) fn max(operands: &[Literal]) -> Option<Literal> {
    extreme(operands, |a, b| a > b, |a, b| a > b)
}

pub(super) fn min(operands: &[Literal]) -> Option<Literal> {
    extreme(operands, |a, b| a < b, |a, b| a < b)
}

/// The better of two numbers, or the best of a list.
fn extreme(
    operands: &[Literal],
    int_better: fn(i64, i64) -> bool,
    float_better: fn(f64, f64) -> bool,
) -> Option<Literal> {
    if let [list] = operands {
        let (first, rest) = list.items()?.split_first()?;
        return rest.iter().try_fold(first.clone(), |best, item| {
            extreme(&[best, item.clone()], int_better, float_better)
        });
    }
    match pair(operands)? {
        Pair::Ints(a, b) => Some(Literal::Int(if int_better(b, a) { b } else { a })),
        Pair::Floats(a, b) if a.is_nan() || b.is_nan() => None,
        Pair::Floats(a, b) => Some(Literal::Float(if float_better(b, a) { b } else { a })),
    }
}

/// IEEE demands the exact bit of a square root; other functions differ between libraries.
pub(super) fn sqrt(operands: &[Literal]) -> Option<Literal> {
    let x = operands.first()?.as_float()?;
    (x >= 0.0).then(|| Literal::Float(x.sqrt()))
}

pub(super) fn ceil(operands: &[Literal]) -> Option<Literal> {
    whole(operands.first()?, f64::ceil)
}

pub(super) fn floor(operands: &[Literal]) -> Option<Literal> {
    whole(operands.first()?, f64::floor)
}

/// To even where two integers are as near; the result stays a double.
pub(super) fn round(operands: &[Literal]) -> Option<Literal> {
    let x = operands.first()?.as_float()?;
    Some(Literal::Float(x.round_ties_even()))
}

fn whole(number: &Literal, round: fn(f64) -> f64) -> Option<Literal> {
    match number {
        Literal::Float(x) => in_range(round(*x)).map(Literal::Int),
        n => int(n).map(Literal::Int),
    }
}

/// The integer that a double is, or is cut to.
fn in_range(x: f64) -> Option<i64> {
    // 2^63 is the first double too great.
    (x.is_finite() && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&x))
        .then_some(x as i64)
}

pub(super) fn to_bool(operands: &[Literal]) -> Option<Literal> {
    match operands.first()? {
        Literal::Bool(b) => Some(Literal::Bool(*b)),
        number => Some(Literal::Bool(number.as_float()? != 0.0)),
    }
}

pub(super) fn to_int(operands: &[Literal]) -> Option<Literal> {
    match operands.first()? {
        Literal::Bool(b) => Some(Literal::Int(i64::from(*b))),
        number => whole(number, f64::trunc),
    }
}

pub(super) fn to_float(operands: &[Literal]) -> Option<Literal> {
    match operands.first()? {
        Literal::Bool(b) => Some(Literal::Float(f64::from(u8::from(*b)))),
        number => number.as_float().map(Literal::Float),
    }
}

fn bitwise(
    operands: &[Literal],
    bools: fn(bool, bool) -> bool,
    ints: fn(i64, i64) -> i64,
) -> Option<Literal> {
    match operands {
        [Literal::Bool(a), Literal::Bool(b)] => Some(Literal::Bool(bools(*a, *b))),
        [Literal::Int(a), Literal::Int(b)] => Some(Literal::Int(ints(*a, *b))),
        _ => None,
    }
}

pub(super) fn and(operands: &[Literal]) -> Option<Literal> {
    bitwise(operands, |a, b| a && b, |a, b| a & b)
}

pub(super) fn or(operands: &[Literal]) -> Option<Literal> {
    bitwise(operands, |a, b| a || b, |a, b| a | b)
}

pub(super) fn xor(operands: &[Literal]) -> Option<Literal> {
    bitwise(operands, |a, b| a != b, |a, b| a ^ b)
}

pub(super) fn not(operands: &[Literal]) -> Option<Literal> {
    Some(Literal::Bool(!operands.first()?.as_bool()?))
}

fn three_ints(operands: &[Literal]) -> Option<(i64, i64, i64)> {
    match operands {
        [a, b, c] => Some((int(a)?, int(b)?, int(c)?)),
        _ => None,
    }
}

/// How many numbers `range(from, to, step)` has.
pub(super) fn range_length(operands: &[Literal]) -> Option<Literal> {
    let (from, to, step) = three_ints(operands)?;
    let span = if step > 0 {
        to.checked_sub(from)?
    } else {
        from.checked_sub(to)?
    };
    let width = step.checked_abs().filter(|&width| width > 0)?;
    let count = if span > 0 { 1 + (span - 1) / width } else { 0 };
    Some(Literal::Int(count))
}

/// The number at an index of `range(from, _, step)`.
pub(super) fn derive_index(operands: &[Literal]) -> Option<Literal> {
    let (index, from, step) = three_ints(operands)?;
    Some(Literal::Int(from.checked_add(index.checked_mul(step)?)?))
}
