//! Lists, tuples and texts: comparison, elements, parts.
//!
//! Invariant: texts are taken apart only where they are ASCII, since TorchScript counts bytes.

use std::cmp::Ordering;

use super::number::{Pair, add, int, pair};
use crate::graph::Literal;

/// No list longer than this is built.
const LONGEST: usize = 1 << 16;

/// Equality as `==` means it: numbers by value, texts, devices, lists element by element.
pub(super) fn equal(operands: &[Literal]) -> Option<bool> {
    let [a, b] = operands else {
        return None;
    };
    same(a, b)
}

fn same(a: &Literal, b: &Literal) -> Option<bool> {
    match (a, b) {
        (Literal::Bool(a), Literal::Bool(b)) => Some(a == b),
        (Literal::Str(a), Literal::Str(b)) => Some(a == b),
        (Literal::List(a), Literal::List(b)) => {
            if a.len() != b.len() {
                return Some(false);
            }
            let pairs = a.iter().zip(b.iter());
            pairs
                .map(|(a, b)| same(a, b))
                .try_fold(true, |all, one| Some(all && one?))
        }
        (a, b) => match pair(&[a.clone(), b.clone()])? {
            Pair::Ints(a, b) => Some(a == b),
            Pair::Floats(a, b) => Some(a == b),
        },
    }
}

/// Order of numbers and texts; lists have none that all versions agree on.
pub(super) fn compared(operands: &[Literal], holds: fn(Ordering) -> bool) -> Option<Literal> {
    let order = match operands {
        [Literal::Str(a), Literal::Str(b)] => Some(a.cmp(b)),
        numbers => match pair(numbers)? {
            Pair::Ints(a, b) => Some(a.cmp(&b)),
            Pair::Floats(a, b) => a.partial_cmp(&b),
        },
    };
    // Nothing is less, equal or greater than what is no number.
    Some(Literal::Bool(order.is_some_and(holds)))
}

/// Whether both are `None`; whether two other values are one object is not known.
pub(super) fn both_none(operands: &[Literal]) -> Option<bool> {
    match operands {
        [Literal::None, other] | [other, Literal::None] => Some(*other == Literal::None),
        _ => None,
    }
}

pub(super) fn len(operands: &[Literal]) -> Option<Literal> {
    let length = match operands.first()? {
        Literal::Str(text) => text.len(),
        list => list.items()?.len(),
    };
    Some(Literal::Int(i64::try_from(length).ok()?))
}

/// A position counted from either end.
fn position(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let index = if index < 0 { index + length } else { index };
    usize::try_from(index).ok().filter(|_| index < length)
}

pub(super) fn item(operands: &[Literal]) -> Option<Literal> {
    let [of, index] = operands else {
        return None;
    };
    let index = int(index)?;
    match of {
        Literal::Str(text) if text.is_ascii() => {
            let at = position(index, text.len())?;
            text.get(at..=at).map(Literal::str)
        }
        list => {
            let items = list.items()?;
            items.get(position(index, items.len())?).cloned()
        }
    }
}

/// Positions of `[start:end:step]`.
fn positions(length: usize, bounds: &[Literal]) -> Option<Vec<usize>> {
    let [start, end, step] = bounds else {
        return None;
    };
    let length = i64::try_from(length).ok()?;
    let step = int(step).filter(|&step| step != 0)?;
    let forward = step > 0;
    let (least, most) = if forward {
        (0, length)
    } else {
        (-1, length - 1)
    };
    let bound = |at: &Literal, absent: i64| match at {
        Literal::None => Some(absent),
        at => {
            let at = int(at)?;
            let at = if at < 0 { at + length } else { at };
            Some(at.clamp(least, most))
        }
    };
    let (first, last) = if forward {
        (least, most)
    } else {
        (most, least)
    };
    let (mut at, end) = (bound(start, first)?, bound(end, last)?);
    let mut found = Vec::new();
    while (forward && at < end) || (!forward && at > end) {
        found.push(usize::try_from(at).ok()?);
        at = at.saturating_add(step);
    }
    Some(found)
}

pub(super) fn slice(operands: &[Literal]) -> Option<Literal> {
    let (of, bounds) = operands.split_first()?;
    match of {
        Literal::Str(text) if text.is_ascii() && bounds.last().and_then(int)? > 0 => {
            let bytes = text.as_bytes();
            let chars = positions(bytes.len(), bounds)?;
            let part: String = chars
                .into_iter()
                .filter_map(|i| bytes.get(i).map(|b| char::from(*b)))
                .collect();
            Some(Literal::str(&part))
        }
        Literal::List(items) => {
            let at = positions(items.len(), bounds)?;
            Some(Literal::list(
                at.into_iter().filter_map(|i| items.get(i).cloned()),
            ))
        }
        _ => None,
    }
}

pub(super) fn contains(operands: &[Literal]) -> Option<Literal> {
    let [Literal::List(items), wanted] = operands else {
        return None;
    };
    let found = items
        .iter()
        .try_fold(false, |found, item| Some(same(item, wanted)? || found));
    found.map(Literal::Bool)
}

/// A list as it is; a text letter by letter.
pub(super) fn list(operands: &[Literal]) -> Option<Literal> {
    match operands.first()? {
        Literal::Str(text) if text.is_ascii() => Some(Literal::list(
            text.chars()
                .map(|c| Literal::str(c.encode_utf8(&mut [0; 4]))),
        )),
        list @ Literal::List(_) => Some(list.clone()),
        _ => None,
    }
}

fn truths(operands: &[Literal]) -> Option<Vec<bool>> {
    let items = operands.first()?.items()?;
    items
        .iter()
        .map(|item| match item {
            Literal::Bool(b) => Some(*b),
            number => Some(number.as_float()? != 0.0),
        })
        .collect()
}

pub(super) fn all(operands: &[Literal]) -> Option<Literal> {
    Some(Literal::Bool(truths(operands)?.into_iter().all(|b| b)))
}

pub(super) fn any(operands: &[Literal]) -> Option<Literal> {
    Some(Literal::Bool(truths(operands)?.into_iter().any(|b| b)))
}

/// The sum of integers; doubles may be added in another order.
pub(super) fn sum(operands: &[Literal]) -> Option<Literal> {
    let items = operands.first()?.items()?;
    items.iter().try_fold(Literal::Int(0), |sum, item| {
        int(item)?;
        add(&[sum, item.clone()])
    })
}

pub(super) fn joined(operands: &[Literal]) -> Option<Literal> {
    match operands {
        [Literal::Str(a), Literal::Str(b)] => Some(Literal::str(&format!("{a}{b}"))),
        [Literal::List(a), Literal::List(b)] => {
            Some(Literal::list(a.iter().chain(b.iter()).cloned()))
        }
        _ => None,
    }
}

pub(super) fn repeated(operands: &[Literal]) -> Option<Literal> {
    let (items, times) = match operands {
        [Literal::List(items), n] | [n, Literal::List(items)] => (items, int(n)?),
        _ => return None,
    };
    let times = usize::try_from(times).ok()?;
    let length = items.len().checked_mul(times)?;
    (length <= LONGEST).then(|| Literal::list(items.iter().cycle().take(length).cloned()))
}

pub(super) fn range(operands: &[Literal]) -> Option<Literal> {
    let length = int(operands.first()?)?;
    usize::try_from(length)
        .ok()
        .filter(|&length| length <= LONGEST)
        .map(|_| Literal::ints(0..length))
}
