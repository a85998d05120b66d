//! Lists, with tensors in them or not. What has only literals for operands is computed in `ops`.
//!
//! In: lists and literals. Out: the same.
//! Invariant: Python's meaning: negative indices count from the end, bounds of slices are clipped.
//! Invariant: operators that write to a list give the list as it is then; who else holds it is the interpreter's business.

use super::Value;
use super::arguments::Arguments;
use super::error::Fault;
use super::table::Kernel;

/// The kernels of this file.
pub(super) fn kernel(op: &str) -> Option<Kernel> {
    Some(match op {
        "aten::len.t" | "aten::len.any" => |a| Ok(vec![Value::int(items(a, 0)?.len() as i64)]),
        "aten::__getitem__.t" | "prim::TupleIndex" => |a| {
            let items = items(a, 0)?;
            let at = index(a.int(1)?, items.len())?;
            Ok(items.into_iter().skip(at).take(1).collect())
        },
        "aten::slice.t" => slice,
        "aten::list.t" => |a| Ok(vec![Value::list(items(a, 0)?)]),
        "aten::add.t" => |a| {
            let mut all = items(a, 0)?;
            all.extend(items(a, 1)?);
            Ok(vec![Value::list(all)])
        },
        "aten::append.t" => |a| {
            let mut items = items(a, 0)?;
            items.push(a.value(1).clone());
            Ok(vec![Value::list(items)])
        },
        "aten::_set_item.t" => |a| {
            let mut items = items(a, 0)?;
            let at = index(a.int(1)?, items.len())?;
            items[at] = a.value(2).clone();
            Ok(vec![Value::list(items)])
        },
        "aten::_unwrap_optional" => |a| match a.is_none(0) {
            true => Err(Fault::new("nothing to unwrap")),
            false => Ok(vec![a.value(0).clone()]),
        },
        "aten::__is__" => |a| Ok(vec![Value::bool(a.is_none(0) && a.is_none(1))]),
        "aten::__isnot__" => |a| Ok(vec![Value::bool(!(a.is_none(0) && a.is_none(1)))]),
        _ => return None,
    })
}

fn items(a: Arguments, position: usize) -> Result<Vec<Value>, Fault> {
    let items = a.value(position).items();
    items.ok_or_else(|| a.wrong(position, "a list"))
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
    Ok(vec![Value::list(kept)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::call;
    use crate::eval::elements::tensor_f32;
    use crate::graph::Literal;

    fn run(op: &str, operands: &[Value]) -> Option<Value> {
        Some(call(op, operands).ok()?.remove(0))
    }

    #[test]
    fn lists_may_hold_tensors() {
        let x = Value::from(tensor_f32(vec![1], &[7.0]));
        let list = run("aten::append.t", &[Value::ints([]), x.clone()]).unwrap();
        let both = run("aten::add.t", &[list.clone(), list.clone()]).unwrap();
        let two = run("aten::len.t", std::slice::from_ref(&both)).unwrap();
        assert_eq!(two.as_literal(), Some(&Literal::Int(2)));
        let last = run("aten::__getitem__.t", &[both.clone(), Value::int(-1)]).unwrap();
        assert_eq!(last.as_tensor().unwrap().shape, [1]);
        assert!(run("aten::__getitem__.t", &[both.clone(), Value::int(2)]).is_none());
        let tail = run("aten::slice.t", &[both.clone(), Value::int(-1)]).unwrap();
        assert_eq!(tail.items().unwrap().len(), 1);
        let set = run("aten::_set_item.t", &[both, Value::int(1), Value::int(5)]).unwrap();
        let second = run("aten::__getitem__.t", &[set, Value::int(1)]).unwrap();
        assert_eq!(second.as_literal(), Some(&Literal::Int(5)));
        let there = run("aten::__isnot__", &[x, Value::NONE]).unwrap();
        assert_eq!(there.as_literal(), Some(&Literal::Bool(true)));
    }

    #[test]
    fn literals_are_computed_too() {
        let int = |op: &str, x: i64, y: i64| {
            let result = run(op, &[Value::int(x), Value::int(y)])?;
            result.as_literal().cloned()
        };
        assert_eq!(int("aten::floordiv.int", -7, 2), Some(Literal::Int(-4)));
        assert_eq!(int("aten::floordiv.int", 7, 0), None);
        assert_eq!(int("aten::lt.int", 1, 2), Some(Literal::Bool(true)));
        assert!(crate::eval::supports("aten::floordiv.int"));
        assert!(!crate::eval::supports("aten::eq.Tensor"));
    }
}
