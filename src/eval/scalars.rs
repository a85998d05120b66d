//! Numbers, truth values, texts and lists: what TorchScript computes beside tensors.
//!
//! In: literals and lists. Out: the same.
//! Invariant: Python's meaning: division floors, the remainder has the divisor's sign, negative indices count from the end.
//! Invariant: overflow and division by zero are faults.
//!
//! The overload is not looked at: operands say themselves whether they are integers, doubles, texts or lists.

use std::cmp::Ordering;

use crate::graph::Literal;

use super::Value;
use super::arguments::Arguments;
use super::error::Fault;
use super::table::Kernel;

/// The kernels of this file. Tensor overloads of the same operators are elsewhere.
pub(super) fn kernel(op: &str) -> Option<Kernel> {
    let (base, overload) = op.split_once('.').unwrap_or((op, ""));
    let of_tensor = [
        "aten::eq", "aten::ne", "aten::lt", "aten::gt", "aten::le", "aten::ge",
    ];
    let of_tensor = of_tensor.contains(&base) && overload == "Scalar";
    if overload.contains("Tensor") || overload.contains("Dict") || of_tensor {
        return None;
    }
    Some(match base {
        "aten::add" => add,
        "aten::sub" => |a| arithmetic(a, i64::checked_sub, |x, y| x - y),
        "aten::mul" => multiply,
        "aten::div" => divide,
        "aten::floordiv" => |a| {
            nonzero(a)?;
            arithmetic(a, floor_div, |x, y| (x / y).floor())
        },
        "aten::remainder" => |a| {
            nonzero(a)?;
            arithmetic(a, remainder, |x, y| x - y * (x / y).floor())
        },
        "aten::neg" => |a| match number(a, 0)? {
            Number::Int(n) => int(n.checked_neg()),
            Number::Float(x) => float(-x),
        },
        "prim::min" => |a| extreme(a, Ordering::Less),
        "prim::max" => |a| extreme(a, Ordering::Greater),
        "aten::sqrt" => |a| float(a.float(0)?.sqrt()),
        "aten::ceil" => |a| whole(a.float(0)?.ceil()),
        "aten::floor" => |a| whole(a.float(0)?.floor()),
        "aten::eq" => |a| truth(equal(a, 0, 1)?),
        "aten::ne" => |a| truth(!equal(a, 0, 1)?),
        "aten::lt" => |a| truth(compare(a)? == Some(Ordering::Less)),
        "aten::gt" => |a| truth(compare(a)? == Some(Ordering::Greater)),
        "aten::le" => |a| truth(compare(a)?.is_some_and(Ordering::is_le)),
        "aten::ge" => |a| truth(compare(a)?.is_some_and(Ordering::is_ge)),
        "aten::__is__" => |a| truth(identical(a)),
        "aten::__isnot__" => |a| truth(!identical(a)),
        "aten::__not__" => |a| truth(!a.bool(0)?),
        "aten::__and__" => |a| truth(a.bool(0)? & a.bool(1)?),
        "aten::__or__" => |a| truth(a.bool(0)? | a.bool(1)?),
        "aten::__xor__" => |a| truth(a.bool(0)? ^ a.bool(1)?),
        "aten::Bool" => |a| truth(a.float(0)? != 0.0),
        "aten::Int" => |a| match number(a, 0)? {
            Number::Int(n) => int(Some(n)),
            Number::Float(x) => whole(x.trunc()),
        },
        "aten::Float" => |a| float(a.float(0)?),
        "aten::format" => format,
        "aten::str" => |a| Ok(vec![Value::str(&text(a.value(0)))]),
        "aten::len" => |a| Ok(vec![Value::int(items(a, 0)?.len() as i64)]),
        "aten::__getitem__" | "prim::TupleIndex" => |a| {
            let items = items(a, 0)?;
            let at = index(a.int(1)?, items.len())?;
            Ok(items.into_iter().skip(at).take(1).collect())
        },
        "aten::slice" => slice,
        "aten::list" => |a| Ok(vec![Value::list(items(a, 0)?)]),
        "aten::append" => |a| {
            let mut items = items(a, 0)?;
            items.push(a.value(1).clone());
            Ok(vec![Value::list(items)])
        },
        "aten::_set_item" => |a| {
            let mut items = items(a, 0)?;
            let at = index(a.int(1)?, items.len())?;
            items[at] = a.value(2).clone();
            Ok(vec![Value::list(items)])
        },
        "aten::__contains__" => contains,
        "aten::__range_length" => range_length,
        "aten::__derive_index" => |a| {
            let (trip, start, step) = (a.int(0)?, a.int(1)?, a.int(2)?);
            int(trip.checked_mul(step).and_then(|n| n.checked_add(start)))
        },
        _ => return None,
    })
}

enum Number {
    Int(i64),
    Float(f64),
}

fn number(a: Arguments, position: usize) -> Result<Number, Fault> {
    match a.value(position) {
        Value::Literal(Literal::Int(n)) => Ok(Number::Int(*n)),
        Value::Literal(Literal::Bool(b)) => Ok(Number::Int((*b).into())),
        Value::Literal(Literal::Float(x)) => Ok(Number::Float(*x)),
        _ => Err(a.wrong(position, "a number")),
    }
}

fn int(n: Option<i64>) -> Result<Vec<Value>, Fault> {
    match n {
        Some(n) => Ok(vec![Value::int(n)]),
        None => Err(Fault::new("an integer does not fit into 64 bits")),
    }
}

fn float(x: f64) -> Result<Vec<Value>, Fault> {
    Ok(vec![Value::float(x)])
}

fn truth(b: bool) -> Result<Vec<Value>, Fault> {
    Ok(vec![Value::bool(b)])
}

/// A double without a fraction as an integer.
fn whole(x: f64) -> Result<Vec<Value>, Fault> {
    let fits = x >= i64::MIN as f64 && x < i64::MAX as f64;
    int(fits.then_some(x as i64))
}

fn arithmetic(
    a: Arguments,
    on_integers: fn(i64, i64) -> Option<i64>,
    on_floats: fn(f64, f64) -> f64,
) -> Result<Vec<Value>, Fault> {
    match (number(a, 0)?, number(a, 1)?) {
        (Number::Int(x), Number::Int(y)) => int(on_integers(x, y)),
        _ => float(on_floats(a.float(0)?, a.float(1)?)),
    }
}

fn nonzero(a: Arguments) -> Result<(), Fault> {
    if a.float(1)? == 0.0 {
        return Err(Fault::new("division by zero"));
    }
    Ok(())
}

fn floor_div(x: i64, y: i64) -> Option<i64> {
    let quotient = x.checked_div(y)?;
    Some(quotient - i64::from(x.wrapping_rem(y) != 0 && (x < 0) != (y < 0)))
}

fn remainder(x: i64, y: i64) -> Option<i64> {
    let rest = x.checked_rem(y)?;
    Some(if rest != 0 && (rest < 0) != (y < 0) {
        rest + y
    } else {
        rest
    })
}

/// Sum of numbers, or one after the other of texts and lists.
fn add(a: Arguments) -> Result<Vec<Value>, Fault> {
    if let (Ok(x), Ok(y)) = (a.str(0), a.str(1)) {
        return Ok(vec![Value::str(&format!("{x}{y}"))]);
    }
    if a.value(0).items().is_some() {
        let mut all = items(a, 0)?;
        all.extend(items(a, 1)?);
        return Ok(vec![Value::list(all)]);
    }
    arithmetic(a, i64::checked_add, |x, y| x + y)
}

/// Product of numbers, or a list as often as a number says.
fn multiply(a: Arguments) -> Result<Vec<Value>, Fault> {
    if a.value(0).items().is_some() {
        let (items, times) = (items(a, 0)?, a.int(1)?.clamp(0, 1 << 20) as usize);
        if items.len().saturating_mul(times) > 1 << 24 {
            return Err(Fault::new("a list that is too long"));
        }
        let repeated = std::iter::repeat_n(items, times).flatten().collect();
        return Ok(vec![Value::list(repeated)]);
    }
    arithmetic(a, i64::checked_mul, |x, y| x * y)
}

/// True division: a double.
fn divide(a: Arguments) -> Result<Vec<Value>, Fault> {
    number(a, 0)?;
    number(a, 1)?;
    nonzero(a)?;
    float(a.float(0)? / a.float(1)?)
}

/// The least or greatest of two numbers or of a list.
fn extreme(a: Arguments, wanted: Ordering) -> Result<Vec<Value>, Fault> {
    let all = match a.value(0).items() {
        Some(items) => items,
        None => a.0.to_vec(),
    };
    let mut best: Option<(f64, Value)> = None;
    for (position, value) in all.into_iter().enumerate() {
        let key = value.as_literal().and_then(Literal::as_float);
        let key = key.ok_or_else(|| a.wrong(position.min(1), "a number"))?;
        if best
            .as_ref()
            .is_none_or(|(b, _)| key.partial_cmp(b) == Some(wanted))
        {
            best = Some((key, value));
        }
    }
    let (_, value) = best.ok_or_else(|| Fault::new("the extreme of an empty list"))?;
    Ok(vec![value])
}

fn literal(a: Arguments<'_>, position: usize) -> Result<&Literal, Fault> {
    a.value(position)
        .as_literal()
        .ok_or_else(|| a.wrong(position, "a literal"))
}

fn equal(a: Arguments, i: usize, j: usize) -> Result<bool, Fault> {
    Ok(same(literal(a, i)?, literal(a, j)?))
}

/// Python's `==`: numbers by value, truth values as numbers.
fn same(x: &Literal, y: &Literal) -> bool {
    let plain = |l: &Literal| match l {
        Literal::Bool(b) => Literal::Int((*b).into()),
        other => other.clone(),
    };
    match (x.items(), y.items()) {
        (Some(x), Some(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y)),
        _ => match (x, y) {
            (Literal::Float(x), Literal::Float(y)) => x == y,
            _ => plain(x).same_value(&plain(y)),
        },
    }
}

fn compare(a: Arguments) -> Result<Option<Ordering>, Fault> {
    if let (Ok(x), Ok(y)) = (a.str(0), a.str(1)) {
        return Ok(Some(x.cmp(y)));
    }
    Ok(match (number(a, 0)?, number(a, 1)?) {
        (Number::Int(x), Number::Int(y)) => Some(x.cmp(&y)),
        _ => a.float(0)?.partial_cmp(&a.float(1)?),
    })
}

/// `is`: TorchScript only asks it of `None`, truth values and element types.
fn identical(a: Arguments) -> bool {
    match (a.value(0), a.value(1)) {
        (Value::Literal(x), Value::Literal(y)) => x == y,
        _ => false,
    }
}

fn items(a: Arguments, position: usize) -> Result<Vec<Value>, Fault> {
    match a.value(position) {
        Value::Literal(Literal::Str(text)) => Ok(text
            .chars()
            .map(|c| Value::str(c.encode_utf8(&mut [0; 4])))
            .collect()),
        value => value.items().ok_or_else(|| a.wrong(position, "a list")),
    }
}

fn index(given: i64, len: usize) -> Result<usize, Fault> {
    let at = if given < 0 {
        given.saturating_add(len as i64)
    } else {
        given
    };
    usize::try_from(at)
        .ok()
        .filter(|&at| at < len)
        .ok_or_else(|| Fault::new(format!("index {given} of a list of {len}")))
}

/// `slice(t[] l, int? start, int? end, int step)`.
fn slice(a: Arguments) -> Result<Vec<Value>, Fault> {
    let all = items(a, 0)?;
    let len = all.len() as i64;
    let clip = |at: i64| if at < 0 { at.saturating_add(len) } else { at }.clamp(0, len) as usize;
    let (start, end) = (clip(a.int_or(1, 0)?), clip(a.int_or(2, i64::MAX)?));
    let step = a.int_or(3, 1)?;
    if step < 1 {
        return Err(Fault::new(format!("step {step}")));
    }
    let kept: Vec<Value> = all
        .into_iter()
        .take(end)
        .skip(start)
        .step_by(step as usize)
        .collect();
    if a.str(0).is_ok() {
        let joined: String = kept.iter().map(text).collect();
        return Ok(vec![Value::str(&joined)]);
    }
    Ok(vec![Value::list(kept)])
}

/// `__contains__(t[] l, t item)`; of a text, whether the item is a part of it.
fn contains(a: Arguments) -> Result<Vec<Value>, Fault> {
    if let (Ok(whole), Ok(part)) = (a.str(0), a.str(1)) {
        return truth(whole.contains(part));
    }
    let item = literal(a, 1)?;
    let found = items(a, 0)?
        .iter()
        .any(|have| have.as_literal().is_some_and(|have| same(have, item)));
    truth(found)
}

/// `__range_length(int lo, int hi, int step)`: trips of `for i in range(lo, hi, step)`.
fn range_length(a: Arguments) -> Result<Vec<Value>, Fault> {
    let (low, high, step) = (i128::from(a.int(0)?), i128::from(a.int(1)?), a.int(2)?);
    let span: i128 = match step {
        0 => return Err(Fault::new("a range with step 0")),
        1.. => high - low,
        _ => low - high,
    };
    let step = i128::from(step).abs();
    int(i64::try_from((span.max(0) + step - 1) / step).ok())
}

/// `format(str self, ...)`: each `{}` is replaced by the next value.
fn format(a: Arguments) -> Result<Vec<Value>, Fault> {
    let mut parts = a.str(0)?.split("{}");
    let mut out = parts.next().unwrap_or_default().to_string();
    for (i, part) in parts.enumerate() {
        match a.0.get(i + 1) {
            Some(value) => out.push_str(&text(value)),
            None => return Err(Fault::new("fewer values than places for them")),
        }
        out.push_str(part);
    }
    Ok(vec![Value::str(&out)])
}

/// A value as Python's `str` writes it.
fn text(value: &Value) -> String {
    let join = |items: &[Literal]| {
        let texts: Vec<String> = items
            .iter()
            .map(|item| match item {
                Literal::Str(s) => format!("'{s}'"),
                other => text(&other.clone().into()),
            })
            .collect();
        texts.join(", ")
    };
    match value {
        Value::Literal(literal) => match literal {
            Literal::None => "None".into(),
            Literal::Bool(true) => "True".into(),
            Literal::Bool(false) => "False".into(),
            Literal::Int(n) => n.to_string(),
            Literal::Float(x) => format!("{x:?}"),
            Literal::Str(text) | Literal::Device(text) => text.to_string(),
            Literal::DType(dtype) => dtype.to_string(),
            Literal::List(items) => format!("[{}]", join(items)),
            Literal::Tuple(items) => format!("({})", join(items)),
            other => format!("{other:?}"),
        },
        other => other.kind().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::call;

    fn ints(items: &[i64]) -> Value {
        Value::ints(items.iter().copied())
    }

    fn run(op: &str, operands: &[Value]) -> Option<Literal> {
        let results = call(op, operands).ok()?;
        results.first()?.as_literal().cloned()
    }

    #[test]
    fn numbers_divide_as_in_python() {
        let i = Value::int;
        let pair = |op, x, y| run(op, &[i(x), i(y)]).and_then(|l| l.as_int());
        assert_eq!(pair("aten::floordiv.int", -7, 2), Some(-4));
        assert_eq!(pair("aten::remainder.int", -7, 2), Some(1));
        assert_eq!(pair("aten::floordiv.int", 7, -2), Some(-4));
        assert_eq!(pair("aten::remainder.int", 7, -2), Some(-1));
        assert_eq!(pair("aten::floordiv.int", 7, 0), None);
        assert_eq!(pair("aten::mul.int", i64::MAX, 2), None);
        assert_eq!(pair("prim::max.int", 3, 9), Some(9));
        assert_eq!(
            run("aten::div.int", &[i(7), i(2)]),
            Some(Literal::Float(3.5))
        );
        assert_eq!(
            run("aten::add.float", &[i(1), Value::float(0.5)]),
            Some(Literal::Float(1.5))
        );
        assert_eq!(
            run("aten::Int.float", &[Value::float(-2.7)]),
            Some(Literal::Int(-2))
        );
    }

    #[test]
    fn comparisons() {
        let (one, real) = (Value::int(1), Value::float(1.0));
        let yes = Some(Literal::Bool(true));
        assert_eq!(run("aten::eq.float", &[one.clone(), real.clone()]), yes);
        assert_eq!(run("aten::eq.bool", &[one.clone(), Value::bool(true)]), yes);
        assert_eq!(run("aten::ne.int_list", &[ints(&[1]), ints(&[1, 2])]), yes);
        assert_eq!(run("aten::lt.int", &[one.clone(), Value::int(2)]), yes);
        assert_eq!(run("aten::__isnot__", &[one.clone(), Value::NONE]), yes);
        assert_eq!(
            run("aten::__contains__.int_list", &[ints(&[3, 1]), one]),
            yes
        );
        assert_eq!(run("aten::le", &[Value::str("a"), real]), None);
    }

    #[test]
    fn lists_and_texts() {
        let list = ints(&[1, 2, 3, 4]);
        let slice = [list.clone(), Value::int(1), Value::NONE, Value::int(2)];
        assert_eq!(run("aten::slice.t", &slice), Some(Literal::ints([2, 4])));
        assert_eq!(
            run("aten::__getitem__.t", &[list.clone(), Value::int(-1)]),
            Some(Literal::Int(4))
        );
        assert_eq!(
            run("aten::__getitem__.t", &[list.clone(), Value::int(4)]),
            None
        );
        assert_eq!(
            run("aten::add.t", &[ints(&[1]), ints(&[2])]),
            Some(Literal::ints([1, 2]))
        );
        assert_eq!(
            run("aten::len.t", std::slice::from_ref(&list)),
            Some(Literal::Int(4))
        );
        assert_eq!(
            run("aten::append.t", &[ints(&[1]), Value::int(5)]),
            Some(Literal::ints([1, 5]))
        );
        let format = [Value::str("got {} of {}"), Value::float(2.0), list];
        assert_eq!(
            run("aten::format", &format),
            Some(Literal::str("got 2.0 of [1, 2, 3, 4]"))
        );
    }

    #[test]
    fn ranges() {
        let length = |low, high, step| {
            let operands = [low, high, step].map(Value::int);
            run("aten::__range_length", &operands).and_then(|l| l.as_int())
        };
        assert_eq!(length(2, 7, 2), Some(3));
        assert_eq!(length(7, 2, -2), Some(3));
        assert_eq!(length(7, 2, 1), Some(0));
        assert_eq!(length(0, 1, 0), None);
        let derived = [2, 10, -3].map(Value::int);
        assert_eq!(run("aten::__derive_index", &derived), Some(Literal::Int(4)));
    }
}
