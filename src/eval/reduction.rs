//! Means and sums along dimensions, extremes, and softmax.
//!
//! In: a tensor and dimensions (none means all). Out: a contiguous tensor.
//! Invariant: float sums are taken in the order of `summation`.
//! Invariant: a quantized mean has the input's parameters: over innermost dimensions it is `rint((sum of (q - z)) / n) + z`, over others
//! the quantized mean of the reals, as in PyTorch.

use crate::graph::Tensor;

use super::Value;
use super::affine::Affine;
use super::arguments::{Arguments, dimension};
use super::elements::{self, tensor_float};
use super::error::Fault;
use super::exponential::exp;
use super::quantize::reals;
use super::queries::converted;
use super::shape::walk;
use super::summation;
use super::table::Kernel;

/// The kernels of this file.
pub(super) fn kernel(op: &str) -> Option<Kernel> {
    Some(match op {
        "aten::mean" => |a| mean(a.tensor(0)?, &[], false),
        "aten::mean.dim" => |a| mean(a.tensor(0)?, &dims(a, 1)?, a.bool_or(2, false)?),
        "aten::sum" => |a| sum(a.tensor(0)?, &[], false),
        "aten::sum.dim_IntList" => |a| sum(a.tensor(0)?, &dims(a, 1)?, a.bool_or(2, false)?),
        "aten::max" => |a| extreme(a.tensor(0)?, |new, best| new > best, |new, best| new > best),
        "aten::min" => |a| extreme(a.tensor(0)?, |new, best| new < best, |new, best| new < best),
        "aten::softmax.int" | "aten::_softmax" => softmax,
        _ => return None,
    })
}

fn dims(a: Arguments, position: usize) -> Result<Vec<i64>, Fault> {
    if a.is_none(position) {
        return Ok(Vec::new());
    }
    a.ints(position)
}

/// A reduction: where each group of elements starts, where its members lie from there, and the shape of the result.
struct Groups {
    starts: Vec<usize>,
    members: Vec<usize>,
    shape: Vec<usize>,
}

impl Groups {
    /// Whether the members of each group lie one after the other.
    fn together(&self) -> bool {
        self.members
            .iter()
            .enumerate()
            .all(|(i, &member)| i == member)
    }
}

fn groups(tensor: &Tensor, dims: &[i64], keep: bool) -> Result<Groups, Fault> {
    elements::count(&tensor.shape)?;
    let rank = tensor.shape.len();
    let mut reduced = vec![dims.is_empty(); rank];
    for &dim in dims {
        if let Some(flag) = reduced.get_mut(dimension(dim, rank)?) {
            *flag = true;
        }
    }
    let mut steps = vec![1; rank];
    for dim in (1..rank).rev() {
        steps[dim - 1] = steps[dim] * tensor.shape[dim].max(1);
    }
    let side = |wanted: bool| {
        let (shape, steps): (Vec<usize>, Vec<usize>) = (0..rank)
            .filter(|&dim| reduced[dim] == wanted)
            .map(|dim| (tensor.shape[dim], steps[dim]))
            .unzip();
        walk(&shape, &steps)
    };
    let shape = (0..rank)
        .filter(|&dim| keep || !reduced[dim])
        .map(|dim| if reduced[dim] { 1 } else { tensor.shape[dim] })
        .collect();
    Ok(Groups {
        starts: side(false),
        members: side(true),
        shape,
    })
}

fn mean(tensor: &Tensor, dims: &[i64], keep: bool) -> Result<Vec<Value>, Fault> {
    let groups = groups(tensor, dims, keep)?;
    let n = groups.members.len();
    if tensor.dtype.is_quantized() && groups.together() {
        let affine = Affine::of(tensor)?;
        let codes = elements::read_quantized(tensor)?;
        let means: Vec<i32> = groups
            .starts
            .iter()
            .map(|&start| {
                let centered = |&q: &i32| i64::from(q) - i64::from(affine.zero);
                let sum: i64 = codes[start..][..n].iter().map(centered).sum();
                affine.round(sum as f32 / n as f32)
            })
            .collect();
        return Ok(vec![affine.tensor(groups.shape, &means).into()]);
    }
    if tensor.dtype.is_quantized() {
        let affine = Affine::of(tensor)?;
        let x = reals(tensor)?;
        let means: Vec<i32> = sums(&groups, &x)
            .map(|sum| affine.quantize(sum / n as f32))
            .collect();
        return Ok(vec![affine.tensor(groups.shape, &means).into()]);
    }
    let x = elements::read_f32(tensor)?;
    let means: Vec<f32> = sums(&groups, &x).map(|sum| sum / n as f32).collect();
    Ok(vec![
        tensor_float(tensor.dtype, groups.shape, &means)?.into(),
    ])
}

fn sum(tensor: &Tensor, dims: &[i64], keep: bool) -> Result<Vec<Value>, Fault> {
    let groups = groups(tensor, dims, keep)?;
    let x = elements::read_f32(tensor)?;
    let sums: Vec<f32> = sums(&groups, &x).collect();
    Ok(vec![
        tensor_float(tensor.dtype, groups.shape, &sums)?.into(),
    ])
}

fn sums(groups: &Groups, x: &[f32]) -> impl Iterator<Item = f32> {
    let (members, together) = (&groups.members, groups.together());
    groups.starts.iter().map(move |&start| match together {
        true => summation::inner(&x[start..][..members.len()]),
        false => summation::outer(members.iter().map(|member| x[start + member])),
    })
}

/// `softmax(Tensor self, int dim)` in doubles, rounded once.
fn softmax(a: Arguments) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    let groups = groups(tensor, &[a.int(1)?], true)?;
    let x = elements::read_f32(tensor)?;
    let mut out = vec![0.0; x.len()];
    for start in &groups.starts {
        let at = |member: &usize| start + member;
        let most = groups
            .members
            .iter()
            .fold(f32::NEG_INFINITY, |most, m| most.max(x[at(m)]));
        let weight = |m: &usize| exp(f64::from(x[at(m)]) - f64::from(most));
        let total: f64 = groups.members.iter().map(weight).sum();
        for member in &groups.members {
            out[at(member)] = (weight(member) / total) as f32;
        }
    }
    Ok(vec![
        tensor_float(tensor.dtype, tensor.shape.clone(), &out)?.into(),
    ])
}

/// The element that is better than all others, without dimensions; not-a-number is better than any.
fn extreme(
    tensor: &Tensor,
    better: fn(f64, f64) -> bool,
    better_integer: fn(i64, i64) -> bool,
) -> Result<Vec<Value>, Fault> {
    let empty = || Fault::new("a tensor without elements has no extreme");
    if tensor.dtype.is_quantized() {
        return Err(Fault::new("extremes of quantized tensors are not taken"));
    }
    let best = if tensor.dtype.is_float() {
        let best = elements::read_f64(tensor)?.into_iter().reduce(|best, new| {
            if best.is_nan() || (!new.is_nan() && !better(new, best)) {
                best
            } else {
                new
            }
        });
        elements::tensor_f64(vec![], &[best.ok_or_else(empty)?])
    } else {
        let best = elements::read_i64(tensor)?
            .into_iter()
            .reduce(|best, new| if better_integer(new, best) { new } else { best });
        elements::tensor_i64(vec![], &[best.ok_or_else(empty)?])
    };
    Ok(vec![converted(&best, tensor.dtype)?.into()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::call;
    use crate::eval::elements::{read_f32, read_quantized, tensor_f32};
    use crate::graph::DType;

    #[test]
    fn means_keep_or_drop_dimensions() {
        let x = Value::from(tensor_f32(vec![2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 9.0]));
        let run = |dims: &[i64], keep: bool| {
            let dims = Value::ints(dims.iter().copied());
            let out = call("aten::mean.dim", &[x.clone(), dims, Value::bool(keep)]).unwrap();
            let out = out[0].as_tensor().unwrap().clone();
            (out.shape.clone(), read_f32(&out).unwrap())
        };
        assert_eq!(run(&[-1], false), (vec![2], vec![2.0, 6.0]));
        assert_eq!(run(&[0], true), (vec![1, 3], vec![2.5, 3.5, 6.0]));
        assert_eq!(run(&[0, 1], false), (vec![], vec![4.0]));
        assert_eq!(run(&[], false), (vec![], vec![4.0]));
        assert!(call("aten::mean.dim", &[x.clone(), Value::ints([2])]).is_err());
        let sum = call("aten::sum.dim_IntList", &[x, Value::ints([1])]).unwrap();
        assert_eq!(read_f32(sum[0].as_tensor().unwrap()).unwrap(), [6.0, 18.0]);
    }

    #[test]
    fn quantized_means_keep_parameters() {
        let affine = Affine::new(DType::QU8, 0.5, 10).unwrap();
        let q = affine.tensor(vec![2, 2], &[10, 13, 0, 255]);
        let out = call("aten::mean.dim", &[q.into(), Value::ints([1])]).unwrap();
        let out = out[0].as_tensor().unwrap();
        assert_eq!(Affine::of(out).unwrap(), affine);
        assert_eq!(read_quantized(out).unwrap(), [12, 128]);
    }

    #[test]
    fn extremes_have_no_dimensions() {
        let x = |values: &[f32]| vec![tensor_f32(vec![values.len()], values).into()];
        let out = call("aten::max", &x(&[1.0, 7.0, -2.0])).unwrap();
        let out = out[0].as_tensor().unwrap();
        assert_eq!((out.shape.len(), read_f32(out).unwrap()), (0, vec![7.0]));
        let out = call("aten::min", &x(&[1.0, f32::NAN, -2.0])).unwrap();
        assert!(read_f32(out[0].as_tensor().unwrap()).unwrap()[0].is_nan());
        assert!(call("aten::min", &x(&[])).is_err());
    }

    #[test]
    fn softmax_sums_to_one() {
        let x = tensor_f32(vec![2, 2], &[0.0, 0.0, 1000.0, 0.0]);
        let out = call("aten::softmax.int", &[x.into(), Value::int(1)]).unwrap();
        assert_eq!(
            read_f32(out[0].as_tensor().unwrap()).unwrap(),
            [0.5, 0.5, 1.0, 0.0]
        );
    }
}
