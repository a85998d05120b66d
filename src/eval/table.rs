//! Which operators have a kernel, here or, for literals, in `ops`.
//!
//! In: an operator's full name. Out: its kernel.
//! Invariant: an in-place operator computes the value of its functional partner; who else sees the change is the interpreter's business.

use crate::ops::{fold_literals, folds_literals};

use super::arguments::Arguments;
use super::error::Fault;
use super::{
    EvalError, Value, activation, arithmetic, convolve, elementwise, fill, linear, lists,
    normalization, pack, pooling, quantize, queries, recurrent, reduction, resample, sections,
    views, xnnpack,
};

/// Computes the results of an operator.
pub(super) type Kernel = fn(Arguments) -> Result<Vec<Value>, Fault>;

const FILES: [fn(&str) -> Option<Kernel>; 18] = [
    quantize::kernel,
    pack::kernel,
    convolve::kernel,
    linear::kernel,
    activation::kernel,
    arithmetic::kernel,
    elementwise::kernel,
    normalization::kernel,
    pooling::kernel,
    reduction::kernel,
    resample::kernel,
    views::kernel,
    sections::kernel,
    queries::kernel,
    lists::kernel,
    fill::kernel,
    recurrent::kernel,
    xnnpack::kernel,
];

fn kernel(op: &str) -> Option<Kernel> {
    let find = |op: &str| FILES.iter().find_map(|file| file(op));
    find(op).or_else(|| find(&functional(op)?))
}

/// `aten::add_.Tensor` to `aten::add.Tensor`; `None` if the operator is not in place.
pub(super) fn functional(op: &str) -> Option<String> {
    let (name, overload) = match op.split_once('.') {
        Some((name, overload)) => (name, Some(overload)),
        None => (op, None),
    };
    let base = name.strip_suffix('_').filter(|base| !base.ends_with('_'))?;
    Some(match overload {
        Some(overload) => format!("{base}.{overload}"),
        None => base.to_string(),
    })
}

/// Whether [`call`] can compute the operator (full name with overload, such as `aten::add.Tensor`).
pub fn supports(op: &str) -> bool {
    kernel(op).is_some() || folds_literals(op)
}

/// The results of an operator on these operands, which stand in the order of its schema; trailing ones that are missing read as `None`.
///
/// # Errors
///
/// An operator without a kernel, an operand of the wrong kind, shapes that do not fit.
pub fn call(op: &str, operands: &[Value]) -> Result<Vec<Value>, EvalError> {
    let literals = operands.iter().map(|operand| operand.as_literal().cloned());
    if let Some(literals) = literals.collect::<Option<Vec<_>>>()
        && let Some(results) = fold_literals(op, &literals)
    {
        return Ok(results.into_iter().map(Value::from).collect());
    }
    match kernel(op) {
        Some(kernel) => kernel(Arguments(operands)).map_err(|fault| fault.of(op)),
        None if folds_literals(op) => Err(Fault::new("these operands have no result").of(op)),
        None => Err(EvalError::Unsupported { op: op.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_place_operators_are_their_partners() {
        assert_eq!(
            functional("aten::add_.Tensor").as_deref(),
            Some("aten::add.Tensor")
        );
        assert_eq!(functional("aten::relu_").as_deref(), Some("aten::relu"));
        assert_eq!(functional("aten::__and__.bool"), None);
        assert_eq!(functional("aten::relu"), None);
    }

    #[test]
    fn unknown_operators_are_named() {
        let error = call("aten::no_such.thing", &[]).expect_err("no kernel");
        assert!(error.to_string().contains("`aten::no_such.thing`"));
        assert!(!supports("aten::no_such.thing"));
    }
}
