//! Matrix products, float and quantized.
//!
//! In: matrices, or an input `[.., in]` and a weight `[out, in]`. Out: a contiguous result.
//! Invariant: float sums are taken in doubles and rounded to `f32` once.
//! Invariant: quantized sums are exact integers; everything after is `f32`, each step rounded, but for the one fused step of dynamic
//! linear, which fbgemm fuses and which is the same bits on every machine because it rounds once.
//!
//! Source of the quantized formulas: fbgemm's `ReQuantizeOutput` and `ReQuantizeForFloat`, which PyTorch's x86 engine takes for linear.

use crate::graph::{DType, Tensor};

use super::Value;
use super::affine::Affine;
use super::arguments::Arguments;
use super::convolution::{dot_floats, dot_integers};
use super::convolve::{Requantization, bias_of, centered_input};
use super::elements::{self, tensor_f32};
use super::error::Fault;
use super::quantize::{choose_parameters, quantize_all, weight_parameters};
use super::shape::{broadcast, broadcast_indices};
use super::table::Kernel;

/// The kernels of this file.
pub(super) fn kernel(op: &str) -> Option<Kernel> {
    Some(match op {
        "aten::linear" => linear,
        "aten::matmul" | "aten::mm" | "aten::bmm" => {
            |a| Ok(vec![matmul(a.tensor(0)?, a.tensor(1)?)?.into()])
        }
        "aten::addmm" => addmm,
        "quantized::linear" => |a| quantized(a, false),
        "quantized::linear_relu" => |a| quantized(a, true),
        "quantized::linear_dynamic" => |a| dynamic(a, false),
        "quantized::linear_relu_dynamic" => |a| dynamic(a, true),
        "quantized::linear_dynamic_fp16" => half,
        _ => return None,
    })
}

fn doubles(tensor: &Tensor) -> Result<Vec<f64>, Fault> {
    let floats = elements::read_f32(tensor)?;
    Ok(floats.into_iter().map(f64::from).collect())
}

/// Sizes of `x @ weight.T`: rows, inner size, columns and the shape of the result.
fn sizes(x: &Tensor, weight: &Tensor) -> Result<(usize, usize, Vec<usize>), Fault> {
    match (x.shape.as_slice(), weight.shape.as_slice()) {
        ([rows @ .., inner], [columns, other]) if inner == other => {
            let mut shape = rows.to_vec();
            shape.push(*columns);
            elements::count(&shape)?;
            Ok((*inner, *columns, shape))
        }
        (x, weight) => Err(Fault::new(format!(
            "an input of shape {x:?} does not fit a weight of shape {weight:?}"
        ))),
    }
}

/// `finish(column, dot(row of x, row of weight))` for every pair of rows.
fn products<T, A, R>(
    (x, weight): (&[T], &[T]),
    (inner, columns): (usize, usize),
    rows: usize,
    dot: fn(&[T], &[T]) -> A,
    finish: impl Fn(usize, A) -> R,
) -> Vec<R> {
    let mut results = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        let x = &x[row * inner..][..inner];
        for column in 0..columns {
            let weight = &weight[column * inner..][..inner];
            results.push(finish(column, dot(x, weight)));
        }
    }
    results
}

/// `linear(Tensor input, Tensor weight, Tensor? bias)`.
fn linear(a: Arguments) -> Result<Vec<Value>, Fault> {
    let (x, weight) = (a.tensor(0)?, a.tensor(1)?);
    let out = affine_map(x, weight, a.optional_tensor(2)?)?;
    Ok(vec![out.into()])
}

fn affine_map(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor, Fault> {
    let (inner, columns, shape) = sizes(x, weight)?;
    let rows = shape.iter().rev().skip(1).product();
    let bias = bias_of(bias, columns)?;
    let (left, right) = (doubles(x)?, doubles(weight)?);
    let finish = |column: usize, sum: f64| (sum + f64::from(bias[column])) as f32;
    let out = products((&left, &right), (inner, columns), rows, dot_floats, finish);
    elements::tensor_float(x.dtype, shape, &out)
}

/// `matmul(Tensor self, Tensor other)`: vectors are matrices of one row or column that the result lacks, leading dimensions broadcast.
fn matmul(left: &Tensor, right: &Tensor) -> Result<Tensor, Fault> {
    let wrong = || {
        Fault::new(format!(
            "matrices of shapes {:?} and {:?} cannot be multiplied",
            left.shape, right.shape
        ))
    };
    let (left_batch, rows, inner) = match left.shape.as_slice() {
        [inner] => (&[][..], None, *inner),
        [batch @ .., rows, inner] => (batch, Some(*rows), *inner),
        [] => return Err(wrong()),
    };
    let (right_batch, other, columns) = match right.shape.as_slice() {
        [inner] => (&[][..], *inner, None),
        [batch @ .., inner, columns] => (batch, *inner, Some(*columns)),
        [] => return Err(wrong()),
    };
    if inner != other {
        return Err(wrong());
    }
    let batch = broadcast(left_batch, right_batch)?;
    let mut shape = batch.clone();
    shape.extend(rows);
    shape.extend(columns);
    elements::count(&shape)?;
    let (rows, columns) = (rows.unwrap_or(1), columns.unwrap_or(1));
    let (a, b) = (doubles(left)?, doubles(right)?);
    let mut out = Vec::with_capacity(elements::count(&shape)?);
    let pairs = broadcast_indices(left_batch, &batch)
        .into_iter()
        .zip(broadcast_indices(right_batch, &batch));
    for (i, j) in pairs {
        let x = &a[i * rows * inner..][..rows * inner];
        let y = &b[j * inner * columns..][..inner * columns];
        let turned: Vec<f64> = (0..columns)
            .flat_map(|column| (0..inner).map(move |k| y[k * columns + column]))
            .collect();
        let finish = |_, sum: f64| sum as f32;
        out.extend(products(
            (x, &turned),
            (inner, columns),
            rows,
            dot_floats,
            finish,
        ));
    }
    elements::tensor_float(left.dtype, shape, &out)
}

/// `addmm(Tensor self, Tensor mat1, Tensor mat2, Scalar beta, Scalar alpha)`. With a vector and no factors it is `linear`, and rounds once.
fn addmm(a: Arguments) -> Result<Vec<Value>, Fault> {
    let (added, x, y) = (a.tensor(0)?, a.tensor(1)?, a.tensor(2)?);
    let plain = a.float_or(3, 1.0)? == 1.0 && a.float_or(4, 1.0)? == 1.0;
    if let (true, &[columns], [_, inner], &[other, found]) = (
        plain,
        added.shape.as_slice(),
        x.shape.as_slice(),
        y.shape.as_slice(),
    ) && columns == found
        && *inner == other
    {
        let mut weight = y.clone();
        weight.shape.reverse();
        weight.strides.reverse();
        return Ok(vec![affine_map(x, &weight, Some(added))?.into()]);
    }
    let product = matmul(a.tensor(1)?, a.tensor(2)?)?;
    let (beta, alpha) = (a.float_or(3, 1.0)?, a.float_or(4, 1.0)?);
    let added = a.tensor(0)?;
    let shape = broadcast(&added.shape, &product.shape)?;
    if shape != product.shape {
        return Err(Fault::new("the added matrix is larger than the product"));
    }
    let added_elements = doubles(added)?;
    let sums: Vec<f32> = broadcast_indices(&added.shape, &shape)
        .into_iter()
        .zip(doubles(&product)?)
        .map(|(at, product)| (beta * added_elements[at] + alpha * product) as f32)
        .collect();
    Ok(vec![tensor_f32(shape, &sums).into()])
}

/// The stored integers of a packed weight, and its scales by output channel; zero points must be 0, as packing demands of qint8.
fn packed_weight(
    weight: &Tensor,
    columns: usize,
) -> Result<(Vec<i16>, std::sync::Arc<[f64]>), Fault> {
    let (scales, zeros) = weight_parameters(weight, columns)?;
    if weight.dtype != DType::QI8 {
        return Err(Fault::new(format!("a weight of type {}", weight.dtype)));
    }
    let inner = weight.shape.get(1).copied().unwrap_or(1).max(1);
    let integers = elements::read_quantized(weight)?
        .chunks(inner)
        .zip(zeros.iter())
        .flat_map(|(row, &zero)| row.iter().map(move |&q| (i64::from(q) - zero) as i16))
        .collect();
    Ok((integers, scales))
}

/// `linear(Tensor X, packed, float Y_scale, int Y_zero_point)`, with `relu` fused or not.
fn quantized(a: Arguments, relu: bool) -> Result<Vec<Value>, Fault> {
    let (x, packed) = (a.tensor(0)?, a.packed(1, "linear")?);
    let affine = Affine::of(x)?;
    let out = Affine::new(affine.dtype, a.float(2)?, a.int(3)?)?;
    let (inner, columns, shape) = sizes(x, &packed.weight)?;
    let rows = shape.iter().rev().skip(1).product();
    let (weight, scales) = packed_weight(&packed.weight, columns)?;
    let bias = bias_of(packed.bias.as_ref(), columns)?;
    let input = centered_input(x, affine)?;
    let requantization = Requantization::new(affine, &scales, &bias, out, relu, true);
    let integers = products(
        (&input, &weight),
        (inner, columns),
        rows,
        dot_integers,
        |column, sum| requantization.finish(column, sum),
    );
    Ok(vec![out.tensor(shape, &integers).into()])
}

/// `linear_dynamic(Tensor X, packed, bool reduce_range)`: the input is quantized to its own range, the result is float:
/// `sum * (sx * sw) + bias`, rounded once.
fn dynamic(a: Arguments, relu: bool) -> Result<Vec<Value>, Fault> {
    let (x, packed) = (a.tensor(0)?, a.packed(1, "linear")?);
    let (inner, columns, shape) = sizes(x, &packed.weight)?;
    let rows = shape.iter().rev().skip(1).product();
    let affine = choose_parameters(x, DType::QU8, a.bool_or(2, false)?)?;
    let input = centered_input(&quantize_all(x, affine)?, affine)?;
    let (weight, scales) = packed_weight(&packed.weight, columns)?;
    let bias = bias_of(packed.bias.as_ref(), columns)?;
    let finish = |column: usize, sum: i32| {
        let real = (sum as f32).mul_add(affine.step() * scales[column] as f32, bias[column]);
        if relu && real < 0.0 { 0.0 } else { real }
    };
    let out = products(
        (&input, &weight),
        (inner, columns),
        rows,
        dot_integers,
        finish,
    );
    Ok(vec![tensor_f32(shape, &out).into()])
}

/// `linear_dynamic_fp16(Tensor X, packed)`: the weight rounded to half precision, everything else float.
fn half(a: Arguments) -> Result<Vec<Value>, Fault> {
    let (x, packed) = (a.tensor(0)?, a.packed(1, "linear_fp16")?);
    let weight: Vec<f32> = elements::read_f32(&packed.weight)?
        .into_iter()
        .map(|w| half::f16::from_f32(w).to_f32())
        .collect();
    let weight = tensor_f32(packed.weight.shape.clone(), &weight);
    Ok(vec![affine_map(x, &weight, packed.bias.as_ref())?.into()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::call;

    fn floats(value: &Value) -> (Vec<usize>, Vec<f32>) {
        let tensor = value.as_tensor().expect("a tensor");
        (
            tensor.shape.clone(),
            elements::read_f32(tensor).expect("floats"),
        )
    }

    #[test]
    fn matrices_vectors_and_batches_multiply() {
        let t = |shape: &[usize]| {
            let n: usize = shape.iter().product();
            let floats: Vec<f32> = (0..n).map(|i| i as f32).collect();
            Value::from(tensor_f32(shape.to_vec(), &floats))
        };
        let run = |a: &[usize], b: &[usize]| call("aten::matmul", &[t(a), t(b)]);
        let got = |a: &[usize], b: &[usize]| floats(&run(a, b).unwrap()[0]);
        assert_eq!(
            got(&[2, 2], &[2, 2]),
            (vec![2, 2], vec![2.0, 3.0, 6.0, 11.0])
        );
        assert_eq!(got(&[3], &[3]), (vec![], vec![5.0]));
        assert_eq!(got(&[3], &[3, 1]), (vec![1], vec![5.0]));
        let (shape, batched) = got(&[2, 1, 1, 2], &[3, 2, 1]);
        assert_eq!(shape, [2, 3, 1, 1]);
        assert_eq!(batched, [1.0, 3.0, 5.0, 3.0, 13.0, 23.0]);
        assert!(run(&[2, 3], &[2, 3]).is_err());
        assert!(run(&[], &[2]).is_err());
        let weighted = call(
            "aten::addmm",
            &[
                t(&[2]),
                t(&[1, 2]),
                t(&[2, 2]),
                Value::int(2),
                Value::int(3),
            ],
        );
        assert_eq!(floats(&weighted.unwrap()[0]), (vec![1, 2], vec![6.0, 11.0]));
    }

    #[test]
    fn quantized_linear_requantizes_by_channel() {
        let weight = Affine::new(DType::QI8, 0.5, 0).unwrap();
        let weight = weight.tensor(vec![2, 2], &[1, 2, -3, 4]);
        let bias = tensor_f32(vec![2], &[1.0, -40.0]);
        let packed = call("quantized::linear_prepack", &[weight.into(), bias.into()]).unwrap();
        let x = Affine::new(DType::QU8, 0.25, 10).unwrap();
        let x = x.tensor(vec![1, 2], &[14, 6]);
        let operands = [
            x.into(),
            packed[0].clone(),
            Value::float(0.125),
            Value::int(7),
        ];
        let codes = |op: &str| {
            let out = call(op, &operands).unwrap();
            elements::read_quantized(out[0].as_tensor().unwrap()).unwrap()
        };
        // (4 * 1 - 4 * 2) / 8 + 1 = 0.5 and (-12 - 16) / 8 - 40 = -43.5.
        assert_eq!(codes("quantized::linear"), [11, 0]);
        assert_eq!(codes("quantized::linear_relu"), [11, 7]);
    }

    #[test]
    fn dynamic_linear_chooses_its_parameters() {
        let weight = Affine::new(DType::QI8, 0.5, 0).unwrap();
        let weight = weight.tensor(vec![1, 2], &[2, -2]);
        let packed = call("quantized::linear_prepack", &[weight.into()]).unwrap();
        let x = tensor_f32(vec![2], &[0.0, 255.0]);
        let run = |op: &str| floats(&call(op, &[x.clone().into(), packed[0].clone()]).unwrap()[0]);
        assert_eq!(run("quantized::linear_dynamic"), (vec![1], vec![-255.0]));
        assert_eq!(run("quantized::linear_relu_dynamic"), (vec![1], vec![0.0]));
    }
}
