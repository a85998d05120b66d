//! Constants that are expressions: computed when somebody wants the value, once.
//!
//! In: a store and ids. Out: values, kept in the store's entries.
//! Invariant: computing twice at once is harmless: kernels are pure, the first value stays.
//! Invariant: the error of [`force_all`] is that of the first id that fails, whatever thread met it.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::graph::{Constant, ConstantId, ConstantOperand, ConstantStore};

use super::{EvalError, Value, call};

/// The value of a constant; its expression and those it needs are computed if they have not been.
///
/// # Errors
///
/// An expression that its operator's kernel refuses, or whose value is no tensor or packed weight.
pub fn force(store: &ConstantStore, id: ConstantId) -> Result<Constant, EvalError> {
    let entry = store.get(id);
    if let Some(value) = entry.value.get() {
        return Ok(value.clone());
    }
    let Some(expression) = &entry.expression else {
        unreachable!("a constant without an expression is born with its value");
    };
    let within = |source| EvalError::Constant {
        id,
        source: Box::new(source),
    };
    let operands = expression
        .operands
        .iter()
        .map(|operand| force_operand(store, operand))
        .collect::<Result<Vec<_>, _>>()
        .map_err(within)?;
    let op = expression.op.as_str();
    let result = call(op, &operands)
        .map_err(within)?
        .into_iter()
        .nth(expression.result as usize);
    let value = match result {
        Some(Value::Tensor(tensor)) => Constant::Tensor(tensor),
        Some(Value::Packed(packed)) => Constant::Packed(packed),
        Some(Value::Object(object)) => Constant::Object(object),
        other => {
            let found = other.map_or("missing", |value| value.kind());
            return Err(within(EvalError::Invalid {
                op: op.to_string(),
                reason: format!("result {} is {found}, not a constant", expression.result),
            }));
        }
    };
    Ok(entry.value.get_or_init(|| value).clone())
}

fn force_operand(store: &ConstantStore, operand: &ConstantOperand) -> Result<Value, EvalError> {
    Ok(match operand {
        ConstantOperand::Constant(id) => force(store, *id)?.into(),
        ConstantOperand::Literal(literal) => Value::Literal(literal.clone()),
        ConstantOperand::List(items) => Value::list(
            items
                .iter()
                .map(|item| force_operand(store, item))
                .collect::<Result<_, _>>()?,
        ),
    })
}

/// Computes these constants, in parallel over the cores. The values are then in the store; the largest are begun first.
///
/// # Errors
///
/// As [`force`].
pub fn force_all(store: &ConstantStore, ids: &[ConstantId]) -> Result<(), EvalError> {
    let mut queue: Vec<(usize, ConstantId)> = ids
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, id)| store.get(*id).value.get().is_none())
        .collect();
    queue.sort_by_key(|&(at, id)| (std::cmp::Reverse(store.get(id).bytes), at));
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut first: Option<(usize, EvalError)> = None;
        while let Some(&(at, id)) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = force(store, id)
                && first.as_ref().is_none_or(|(earlier, _)| at < *earlier)
            {
                first = Some((at, error));
            }
        }
        first
    };
    let failures: Vec<(usize, EvalError)> = if cores.min(queue.len()) <= 1 {
        work().into_iter().collect()
    } else {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..cores.min(queue.len()))
                .map(|_| scope.spawn(work))
                .collect();
            threads
                .into_iter()
                .filter_map(|thread| match thread.join() {
                    Ok(first) => first,
                    Err(panic) => std::panic::resume_unwind(panic),
                })
                .collect()
        })
    };
    match failures.into_iter().min_by_key(|(at, _)| *at) {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::elements::{tensor_f32, tensor_i64};
    use crate::graph::{Expression, Facts, Literal, Name};

    fn expression(op: &str, operands: Vec<ConstantOperand>) -> Expression {
        Expression {
            op: Name::new(op),
            operands,
            result: 0,
        }
    }

    /// A weight with its scales, quantized and packed; the id of the packed object.
    fn packed(store: &mut ConstantStore, seed: f32) -> ConstantId {
        use ConstantOperand::{Constant as Known, Literal as Number};
        let intern = |store: &mut ConstantStore, tensor| {
            Known(store.intern(Constant::Tensor(tensor), Facts::default()))
        };
        let weight = intern(store, tensor_f32(vec![2, 2], &[seed, 1.0, -1.0, 0.5]));
        let scales = intern(store, tensor_f32(vec![2], &[0.5, 0.25]));
        let zeros = intern(store, tensor_i64(vec![2], &[0, 0]));
        let quantize = expression(
            "aten::quantize_per_channel",
            vec![
                weight,
                scales,
                zeros,
                Number(Literal::Int(0)),
                Number(Literal::Int(12)),
            ],
        );
        let quantized = store.expression(quantize, Facts::default(), 4);
        let pack = expression(
            "quantized::linear_prepack",
            vec![Known(quantized), Number(Literal::None)],
        );
        store.expression(pack, Facts::default(), 4)
    }

    #[test]
    fn expressions_are_computed_once() {
        let mut store = ConstantStore::default();
        let id = packed(&mut store, 2.0);
        let Constant::Packed(first) = force(&store, id).unwrap() else {
            panic!("a packed weight");
        };
        assert_eq!(first.weight.storage.bytes(), [4, 2, 252, 2]);
        let Constant::Packed(again) = force(&store, id).unwrap() else {
            panic!("a packed weight");
        };
        assert!(std::sync::Arc::ptr_eq(&first, &again));
    }

    #[test]
    fn many_are_computed_over_the_cores() {
        let mut store = ConstantStore::default();
        let ids: Vec<_> = (0..20).map(|i| packed(&mut store, i as f32)).collect();
        force_all(&store, &ids).unwrap();
        assert!(ids.iter().all(|&id| store.get(id).value.get().is_some()));
    }

    #[test]
    fn the_first_failure_is_reported() {
        let mut store = ConstantStore::default();
        let good = packed(&mut store, 1.0);
        let bad = |name: &str| expression(name, Vec::new());
        let first = store.expression(bad("aten::first"), Facts::default(), 1);
        let second = store.expression(bad("aten::second"), Facts::default(), 9);
        let error = force_all(&store, &[good, first, second]).expect_err("no kernels");
        assert!(error.to_string().contains("aten::first"));
        let number = expression("aten::q_scale", vec![ConstantOperand::Constant(good)]);
        let number = store.expression(number, Facts::default(), 1);
        assert!(force(&store, number).is_err());
    }
}
