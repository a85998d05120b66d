//! Constant tensors in expressions: what is computed from them, known by type and shape before anybody computes it.
//!
//! In: constant tensors of the graph, and numbers. Out: a [`Term`], an operator on them with the element type and sizes of its result.
//! Invariant: a term can be computed: what its operator would refuse (sizes that do not fit, types without arithmetic) is unknown instead.
//! Invariant: types and rounding are PyTorch's, step by step in the order of the text.

use std::sync::Arc;

use super::arithmetic::{items, literal};
use super::{Scope, Val};
use crate::check::rule::{Binary, Function};
use crate::graph::{DType, Literal};
use crate::ops::{self, Promoted, promoted};

/// A constant tensor that is computed when somebody wants it: an operator on constants and literals.
#[derive(Clone, PartialEq, Debug)]
pub struct Term<V> {
    /// The operator, with its overload.
    pub op: &'static str,
    /// Its operands in the order of the schema; each is a value, a term or a literal.
    pub operands: Vec<Val<V>>,
    /// Element type of the result.
    pub dtype: DType,
    /// Sizes of the result.
    pub sizes: Vec<i64>,
}

/// Element type and sizes of a tensor.
type Form = (DType, Vec<i64>);

impl<V> Term<V> {
    fn val(op: &'static str, operands: Vec<Val<V>>, dtype: DType, sizes: Vec<i64>) -> Val<V> {
        Val::Tensor(Arc::new(Term {
            op,
            operands,
            dtype,
            sizes,
        }))
    }
}

/// The element type and sizes of a constant tensor; `None` for everything else.
fn form<S: Scope>(scope: &S, value: &Val<S::Value>) -> Option<Form> {
    match value {
        Val::Tensor(term) => Some((term.dtype, term.sizes.clone())),
        Val::Value(value) => scope.tensor(value),
        _ => None,
    }
}

/// Whether it is a constant tensor, at hand or to be computed.
pub(super) fn is_tensor<S: Scope>(scope: &S, value: &Val<S::Value>) -> bool {
    form(scope, value).is_some()
}

/// Types that arithmetic is done in.
fn is_number(dtype: DType) -> bool {
    use DType::{BF16, F16, F32, F64, I8, I16, I32, I64, U8};
    matches!(dtype, F16 | BF16 | F32 | F64 | U8 | I8 | I16 | I32 | I64)
}

/// A number of the language as PyTorch's promotion sees it.
fn number(literal: &Literal) -> Option<Promoted> {
    match literal {
        Literal::Int(_) => Some(Promoted::Int),
        Literal::Float(_) => Some(Promoted::Float),
        _ => None,
    }
}

/// `a op b`, at least one of which is a constant tensor.
pub(super) fn binary<S: Scope>(
    scope: &S,
    op: Binary,
    a: &Val<S::Value>,
    b: &Val<S::Value>,
) -> Val<S::Value> {
    let done = match (form(scope, a), form(scope, b)) {
        (Some(left), Some(right)) => of_two(op, (a, left), (b, right)),
        (Some(left), None) => literal(scope, b).and_then(|n| with_number(op, (a, left), &n)),
        (None, Some(right)) => literal(scope, a).and_then(|n| number_with(op, &n, (b, right))),
        (None, None) => None,
    };
    done.unwrap_or(Val::Unknown)
}

fn of_two<V: Clone>(op: Binary, a: (&Val<V>, Form), b: (&Val<V>, Form)) -> Option<Val<V>> {
    let name = match op {
        Binary::Add => "aten::add.Tensor",
        Binary::Sub => "aten::sub.Tensor",
        Binary::Mul => "aten::mul.Tensor",
        Binary::Div => "aten::div.Tensor",
        _ => return None,
    };
    elementwise(name, op, a, b)
}

/// An operator on two tensors whose sizes broadcast.
fn elementwise<V: Clone>(
    name: &'static str,
    op: Binary,
    (a, (left, left_sizes)): (&Val<V>, Form),
    (b, (right, right_sizes)): (&Val<V>, Form),
) -> Option<Val<V>> {
    let dtype = promoted(
        Promoted::tensor(left, left_sizes.len()),
        Promoted::tensor(right, right_sizes.len()),
    )?;
    let sizes = broadcast(&left_sizes, &right_sizes)?;
    let operands = vec![a.clone(), b.clone()];
    arithmetic(name, op, operands, dtype, sizes)
}

/// With `alpha` behind the operands of sums; a quotient of integers is a float.
fn arithmetic<V>(
    name: &'static str,
    op: Binary,
    mut operands: Vec<Val<V>>,
    dtype: DType,
    sizes: Vec<i64>,
) -> Option<Val<V>> {
    if matches!(op, Binary::Add | Binary::Sub) {
        operands.push(Val::Literal(Literal::Int(1)));
    }
    let dtype = match op {
        Binary::Div if !dtype.is_float() => DType::F32,
        _ => dtype,
    };
    is_number(dtype).then(|| Term::val(name, operands, dtype, sizes))
}

fn with_number<V: Clone>(
    op: Binary,
    (a, (dtype, sizes)): (&Val<V>, Form),
    n: &Literal,
) -> Option<Val<V>> {
    let name = match op {
        Binary::Add => "aten::add.Scalar",
        Binary::Sub => "aten::sub.Scalar",
        Binary::Mul => "aten::mul.Scalar",
        Binary::Div => "aten::div.Scalar",
        _ => return None,
    };
    let dtype = promoted(Promoted::tensor(dtype, sizes.len()), number(n)?)?;
    let operands = vec![a.clone(), Val::Literal(n.clone())];
    arithmetic(name, op, operands, dtype, sizes)
}

/// A number first: `n - x` is one step, `n / x` is `reciprocal(x) * n` as in PyTorch.
fn number_with<V: Clone>(
    op: Binary,
    n: &Literal,
    (b, (dtype, sizes)): (&Val<V>, Form),
) -> Option<Val<V>> {
    match op {
        Binary::Add | Binary::Mul => with_number(op, (b, (dtype, sizes)), n),
        Binary::Sub => {
            let dtype = promoted(Promoted::tensor(dtype, sizes.len()), number(n)?)?;
            let operands = vec![b.clone(), Val::Literal(n.clone())];
            arithmetic("aten::rsub.Scalar", op, operands, dtype, sizes)
        }
        Binary::Div if dtype.is_float() => {
            let inverse = unary("aten::reciprocal", b, dtype, sizes.clone())?;
            with_number(Binary::Mul, (&inverse, (dtype, sizes)), n)
        }
        _ => None,
    }
}

/// An operator on the elements of one float tensor.
fn unary<V: Clone>(
    op: &'static str,
    value: &Val<V>,
    dtype: DType,
    sizes: Vec<i64>,
) -> Option<Val<V>> {
    let may = dtype.is_float() && is_number(dtype);
    may.then(|| Term::val(op, vec![value.clone()], dtype, sizes))
}

/// `-x`
pub(super) fn negate<S: Scope>(scope: &S, value: &Val<S::Value>) -> Option<Val<S::Value>> {
    let (dtype, sizes) = form(scope, value)?;
    unary("aten::neg", value, dtype, sizes)
}

/// The sizes that both broadcast to.
fn broadcast(a: &[i64], b: &[i64]) -> Option<Vec<i64>> {
    let rank = a.len().max(b.len());
    let at = |sizes: &[i64], dim: usize| {
        let dim = (dim + sizes.len()).checked_sub(rank);
        dim.and_then(|dim| sizes.get(dim).copied()).unwrap_or(1)
    };
    (0..rank)
        .map(|dim| match (at(a, dim), at(b, dim)) {
            (a, b) if a == b => Some(a),
            (1, other) | (other, 1) => Some(other),
            _ => None,
        })
        .collect()
}

/// Elements of a tensor of these sizes; `None` if no tensor has them.
fn count(sizes: &[i64]) -> Option<i64> {
    /// Constants that rules compute are no larger than this.
    const MOST: i64 = 1 << 31;
    let positive = sizes.iter().all(|&n| n >= 0);
    let count = sizes
        .iter()
        .try_fold(1_i64, |n, &size| n.checked_mul(size.max(1)));
    let fits = positive && count? <= MOST;
    fits.then(|| sizes.iter().product())
}

/// What a function about values says of a tensor that is computed; `None` for a function that says nothing of tensors.
pub(super) fn fact<V>(function: Function, term: &Term<V>) -> Val<V> {
    match function {
        Function::DType => Val::Literal(Literal::DType(term.dtype)),
        Function::Shape => Val::Literal(Literal::ints(term.sizes.iter().copied())),
        Function::Rank => Val::Literal(Literal::Int(term.sizes.len() as i64)),
        Function::IsConst => Val::truth(Some(true)),
        _ => Val::Unknown,
    }
}

/// The first size of a constant tensor: what `len` says.
pub(super) fn length<S: Scope>(scope: &S, value: &Val<S::Value>) -> Option<i64> {
    form(scope, value)?.1.first().copied()
}

/// A function that makes constant tensors, or one of numbers asked of a tensor. `None`: unknown.
pub(super) fn call<S: Scope>(
    scope: &S,
    function: Function,
    arguments: &[Val<S::Value>],
) -> Option<Val<S::Value>> {
    let first = arguments.first()?;
    let second = arguments.get(1);
    match function {
        Function::Zeros => return zeros(scope, first, second),
        Function::Least | Function::Greatest => {
            let dtype = dtype_of(scope, first)?;
            let (least, greatest) = range(dtype)?;
            let is_least = function == Function::Least;
            return Some(Val::Literal(if is_least { least } else { greatest }));
        }
        _ => {}
    }
    let (dtype, sizes) = form(scope, first)?;
    match function {
        Function::Tensor => Some(first.clone()),
        Function::Cast => cast(first, dtype, sizes, dtype_of(scope, second?)?),
        Function::Reshape => {
            let wanted = sizes_of(scope, second?)?;
            reshape(first, dtype, &sizes, wanted)
        }
        Function::Flatten => {
            let all = count(&sizes)?;
            reshape(first, dtype, &sizes, vec![all])
        }
        Function::Broadcast => {
            let wanted = sizes_of(scope, second?)?;
            stretch(first, dtype, &sizes, wanted)
        }
        Function::Min | Function::Max => match arguments {
            [only] => {
                let op = match function {
                    Function::Min => "aten::min",
                    _ => "aten::max",
                };
                let may = is_number(dtype) && count(&sizes)? > 0;
                may.then(|| Term::val(op, vec![only.clone()], dtype, Vec::new()))
            }
            [first, others @ ..] => {
                let op = match function {
                    Function::Min => "aten::minimum",
                    _ => "aten::maximum",
                };
                others.iter().try_fold(first.clone(), |best, other| {
                    let (a, b) = (form(scope, &best)?, form(scope, other)?);
                    elementwise(op, Binary::Mul, (&best, a), (other, b))
                })
            }
            [] => None,
        },
        Function::Abs => unary("aten::abs", first, dtype, sizes),
        Function::Round => unary("aten::round", first, dtype, sizes),
        Function::Sqrt => unary("aten::sqrt", first, dtype, sizes),
        Function::Rsqrt => unary("aten::rsqrt", first, dtype, sizes),
        _ => None,
    }
}

fn cast<V: Clone>(value: &Val<V>, from: DType, sizes: Vec<i64>, to: DType) -> Option<Val<V>> {
    if from == to {
        return Some(value.clone());
    }
    let may = |dtype| is_number(dtype) || dtype == DType::Bool;
    if !may(from) || !may(to) {
        return None;
    }
    let operands = vec![
        value.clone(),
        Val::Literal(Literal::Int(ops::torch_dtype_code(to))),
        Val::Literal(Literal::Bool(false)),
        Val::Literal(Literal::Bool(false)),
        Val::Literal(Literal::None),
    ];
    Some(Term::val("aten::to.dtype", operands, to, sizes))
}

/// One of the sizes may be -1, which takes what is left.
fn reshape<V: Clone>(
    value: &Val<V>,
    dtype: DType,
    sizes: &[i64],
    mut wanted: Vec<i64>,
) -> Option<Val<V>> {
    let total = count(sizes)?;
    let open: Vec<usize> = (0..wanted.len())
        .filter(|&i| wanted.get(i) == Some(&-1))
        .collect();
    match open.as_slice() {
        [] => {}
        [one] => {
            let others = wanted.iter().filter(|&&n| n != -1);
            let others = count(&others.copied().collect::<Vec<_>>())?;
            *wanted.get_mut(*one)? = total.checked_div(others)?;
        }
        _ => return None,
    }
    if count(&wanted)? != total {
        return None;
    }
    if wanted == sizes {
        return Some(value.clone());
    }
    let list = Val::Literal(Literal::ints(wanted.iter().copied()));
    Some(Term::val(
        "aten::reshape",
        vec![value.clone(), list],
        dtype,
        wanted,
    ))
}

/// Sizes of 1 and missing leading ones are repeated; the result has memory for all elements.
fn stretch<V: Clone>(
    value: &Val<V>,
    dtype: DType,
    sizes: &[i64],
    wanted: Vec<i64>,
) -> Option<Val<V>> {
    count(&wanted)?;
    if broadcast(sizes, &wanted)? != wanted {
        return None;
    }
    if wanted == sizes {
        return Some(value.clone());
    }
    let list = Val::Literal(Literal::ints(wanted.iter().copied()));
    let no = Val::Literal(Literal::Bool(false));
    let view = Term::val(
        "aten::expand",
        vec![value.clone(), list, no],
        dtype,
        wanted.clone(),
    );
    let contiguous = Val::Literal(Literal::Int(0));
    Some(Term::val(
        "aten::contiguous",
        vec![view, contiguous],
        dtype,
        wanted,
    ))
}

/// `zeros(sizes)` of f32, `zeros(sizes, dtype)`.
fn zeros<S: Scope>(
    scope: &S,
    sizes: &Val<S::Value>,
    dtype: Option<&Val<S::Value>>,
) -> Option<Val<S::Value>> {
    let dtype = match dtype {
        Some(dtype) => dtype_of(scope, dtype)?,
        None => DType::F32,
    };
    if !is_number(dtype) && dtype != DType::Bool {
        return None;
    }
    let sizes = sizes_of(scope, sizes)?;
    let code = Val::Literal(Literal::Int(ops::torch_dtype_code(dtype)));
    let none = || Val::Literal(Literal::None);
    let operands = vec![Val::Literal(Literal::Int(0)), code, none(), none(), none()];
    let zero = Term::val("aten::scalar_tensor", operands, dtype, Vec::new());
    stretch(&zero, dtype, &[], sizes)
}

/// An element type: of its own, or as the number that operands write.
fn dtype_of<S: Scope>(scope: &S, value: &Val<S::Value>) -> Option<DType> {
    match literal(scope, value)? {
        Literal::DType(dtype) => Some(dtype),
        Literal::Int(code) => ops::torch_dtype(code),
        _ => None,
    }
}

fn sizes_of<S: Scope>(scope: &S, value: &Val<S::Value>) -> Option<Vec<i64>> {
    let size = |item: &Val<S::Value>| literal(scope, item)?.as_int();
    items(scope, value)?.iter().map(size).collect()
}

/// The least and greatest number of an element type; those of a quantized type are its integers'.
fn range(dtype: DType) -> Option<(Literal, Literal)> {
    let integers = |least: i64, greatest: i64| Some((Literal::Int(least), Literal::Int(greatest)));
    let floats = |most: f64| Some((Literal::Float(-most), Literal::Float(most)));
    match dtype {
        DType::U8 | DType::QU8 => integers(0, u8::MAX.into()),
        DType::I8 | DType::QI8 => integers(i8::MIN.into(), i8::MAX.into()),
        DType::I16 => integers(i16::MIN.into(), i16::MAX.into()),
        DType::I32 | DType::QI32 => integers(i32::MIN.into(), i32::MAX.into()),
        DType::I64 => integers(i64::MIN, i64::MAX),
        DType::F16 => floats(65504.0),
        DType::BF16 => floats(f64::from(f32::from_bits(0x7f7f_0000))),
        DType::F32 => floats(f32::MAX.into()),
        DType::F64 => floats(f64::MAX),
        _ => None,
    }
}
