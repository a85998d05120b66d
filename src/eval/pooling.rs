//! Pooling over windows of one to three dimensions, fixed and adaptive.
//!
//! In: `[batch, channels, spatial..]`, or without the batch. Out: a contiguous tensor.
//! Invariant: a maximum of quantized elements is a maximum of integers; an average is `rint(sum(q - z) * (1 / n)) + z` with the input's
//! parameters. Padding counts as zero in averages and not at all in maxima.
//! Invariant: float sums are `f32`, one after the other; where one window covers everything, in the order of `summation`, because PyTorch
//! takes a mean there.
//!
//! Sources: `Pool.h` (sizes), `AveragePool2d.cpp`, `AdaptiveAveragePooling.cpp` and `Pooling.cpp` of PyTorch.

use std::ops::Range;

use crate::graph::Tensor;

use super::Value;
use super::affine::Affine;
use super::arguments::Arguments;
use super::elements::{self, tensor_float};
use super::error::Fault;
use super::summation;
use super::table::Kernel;

/// The kernels of this file.
pub(super) fn kernel(op: &str) -> Option<Kernel> {
    Some(match op {
        "aten::max_pool1d" | "quantized::max_pool1d" => |a| max_pool(a, 1),
        "aten::max_pool2d" | "quantized::max_pool2d" => |a| max_pool(a, 2),
        "aten::max_pool3d" => |a| max_pool(a, 3),
        "aten::avg_pool1d" => |a| average_pool(a, 1),
        "aten::avg_pool2d" => |a| average_pool(a, 2),
        "aten::avg_pool3d" => |a| average_pool(a, 3),
        "aten::adaptive_avg_pool1d" => |a| adaptive_average_pool(a, 1),
        "aten::adaptive_avg_pool2d" | "aten::_adaptive_avg_pool2d" => {
            |a| adaptive_average_pool(a, 2)
        }
        "aten::adaptive_avg_pool3d" | "aten::_adaptive_avg_pool3d" => {
            |a| adaptive_average_pool(a, 3)
        }
        _ => return None,
    })
}

/// The window of one output position along one dimension.
struct Window {
    /// Input positions from first to last, `step` apart.
    inside: Range<usize>,
    step: usize,
    /// Positions that an average may count: those of the padding too.
    padded: usize,
}

/// Numbers that define fixed windows along one dimension.
struct Fixed {
    kernel: i64,
    stride: i64,
    padding: i64,
    dilation: i64,
    ceil: bool,
}

impl Fixed {
    /// A window for each output position.
    fn windows(&self, size: usize) -> Result<Vec<Window>, Fault> {
        let wrong = || {
            Fault::new(format!(
                "windows of {}, stride {}, padding {}, dilation {} over a dimension of {size}",
                self.kernel, self.stride, self.padding, self.dilation
            ))
        };
        let size = size as i64;
        let limit = 1..1i64 << 31;
        let sensible = [self.kernel, self.stride, self.dilation]
            .iter()
            .all(|n| limit.contains(n));
        if !sensible || self.padding < 0 || self.padding > self.kernel / 2 || size >= limit.end {
            return Err(wrong());
        }
        let reach = self.dilation * (self.kernel - 1) + 1;
        let slack = if self.ceil { self.stride - 1 } else { 0 };
        let mut count = (size + 2 * self.padding - reach + slack).div_euclid(self.stride) + 1;
        // The last window must begin inside the input or its left padding.
        if self.ceil && (count - 1) * self.stride >= size + self.padding {
            count -= 1;
        }
        if count < 1 {
            return Err(wrong());
        }
        Ok((0..count)
            .map(|position| {
                let start = position * self.stride - self.padding;
                let end = (start + reach).min(size + self.padding);
                let skipped = (-start).max(0).unsigned_abs();
                let skipped = skipped.div_ceil(self.dilation.unsigned_abs()) as i64 * self.dilation;
                let first = start + skipped;
                Window {
                    inside: first as usize..end.min(size).max(first) as usize,
                    step: self.dilation as usize,
                    padded: (end - start).max(0) as usize,
                }
            })
            .collect())
    }
}

/// `count` windows that together cover a dimension: from `floor(i * size / count)` to `ceil((i + 1) * size / count)`.
fn adaptive_windows(size: usize, count: i64) -> Result<Vec<Window>, Fault> {
    let wrong = || Fault::new(format!("a dimension of {size} in {count} windows"));
    let count = usize::try_from(count).map_err(|_| wrong())?;
    if count.checked_mul(size).is_none() || count > 1 << 31 || size == 0 {
        return Err(wrong());
    }
    Ok((0..count)
        .map(|i| {
            let inside = i * size / count..((i + 1) * size).div_ceil(count);
            Window {
                padded: inside.len(),
                inside,
                step: 1,
            }
        })
        .collect())
}

/// Windows over the last dimensions of a tensor, led by dimensions of size 1 up to three.
struct Windows {
    planes: usize,
    sizes: [usize; 3],
    along: [Vec<Window>; 3],
    shape: Vec<usize>,
}

impl Windows {
    fn new(
        tensor: &Tensor,
        rank: usize,
        along: impl Fn(usize, usize) -> Result<Vec<Window>, Fault>,
    ) -> Result<Windows, Fault> {
        let lead = tensor.shape.len().wrapping_sub(rank);
        if lead != 1 && lead != 2 {
            return Err(Fault::new(format!(
                "an input of shape {:?} for pooling over {rank} dimensions",
                tensor.shape
            )));
        }
        elements::count(&tensor.shape)?;
        let whole = || adaptive_windows(1, 1);
        let mut windows = Windows {
            planes: tensor.shape[..lead].iter().product(),
            sizes: [1; 3],
            along: [whole()?, whole()?, whole()?],
            shape: tensor.shape[..lead].to_vec(),
        };
        for dim in 0..rank {
            let (at, size) = (3 - rank + dim, tensor.shape[lead + dim]);
            windows.sizes[at] = size;
            windows.along[at] = along(dim, size)?;
            windows.shape.push(windows.along[at].len());
        }
        elements::count(&windows.shape)?;
        Ok(windows)
    }

    /// For each output element in row-major order, the three windows and the elements inside them.
    fn map<T: Copy, R>(&self, input: &[T], f: impl Fn([&Window; 3], &[T]) -> R) -> Vec<R> {
        let [depth, height, width] = self.sizes;
        let mut results = Vec::new();
        let mut members = Vec::new();
        for plane in 0..self.planes {
            let plane = &input[plane * depth * height * width..][..depth * height * width];
            for d in &self.along[0] {
                for h in &self.along[1] {
                    for w in &self.along[2] {
                        members.clear();
                        for z in d.inside.clone().step_by(d.step) {
                            for y in h.inside.clone().step_by(h.step) {
                                let row = &plane[(z * height + y) * width..][..width];
                                for x in w.inside.clone().step_by(w.step) {
                                    members.push(row[x]);
                                }
                            }
                        }
                        results.push(f([d, h, w], &members));
                    }
                }
            }
        }
        results
    }
}

fn fixed(a: Arguments, rank: usize, dilation: Vec<i64>, ceil: bool) -> Result<Windows, Fault> {
    let kernel = a.spatial(1, rank, 1)?;
    // Without strides windows lie side by side.
    let stride = if a.is_none(2) || a.ints(2)?.is_empty() {
        kernel.clone()
    } else {
        a.spatial(2, rank, 1)?
    };
    let padding = a.spatial(3, rank, 0)?;
    Windows::new(a.tensor(0)?, rank, |dim, size| {
        Fixed {
            kernel: kernel[dim],
            stride: stride[dim],
            padding: padding[dim],
            dilation: dilation[dim],
            ceil,
        }
        .windows(size)
    })
}

/// `max_pool*d(Tensor self, int[] kernel_size, int[] stride, int[] padding, int[] dilation, bool ceil_mode)`.
fn max_pool(a: Arguments, rank: usize) -> Result<Vec<Value>, Fault> {
    let tensor = a.tensor(0)?;
    let windows = fixed(a, rank, a.spatial(4, rank, 1)?, a.bool_or(5, false)?)?;
    if tensor.dtype.is_quantized() {
        let affine = Affine::of(tensor)?;
        let low = affine.range().0;
        let codes = windows.map(&elements::read_quantized(tensor)?, |_, members| {
            members.iter().copied().max().unwrap_or(low)
        });
        return Ok(vec![affine.tensor(windows.shape, &codes).into()]);
    }
    let most = |_: [&Window; 3], members: &[f32]| {
        members.iter().fold(f32::NEG_INFINITY, |most, &x| {
            // Not-a-number wins, as in PyTorch.
            if x > most || x.is_nan() { x } else { most }
        })
    };
    let out = windows.map(&elements::read_f32(tensor)?, most);
    Ok(vec![
        tensor_float(tensor.dtype, windows.shape, &out)?.into(),
    ])
}

/// `avg_pool*d(Tensor self, int[] kernel_size, int[] stride, int[] padding, bool ceil_mode, bool count_include_pad, int? divisor)`.
fn average_pool(a: Arguments, rank: usize) -> Result<Vec<Value>, Fault> {
    let windows = fixed(a, rank, vec![1; rank], a.bool_or(4, false)?)?;
    let with_padding = a.bool_or(5, true)?;
    let divisor = match a.is_none(6) {
        true => None,
        false => Some(a.int(6)?),
    };
    if divisor == Some(0) {
        return Err(Fault::new("the divisor is zero"));
    }
    average(a.tensor(0)?, windows, |along, members| match divisor {
        Some(divisor) => divisor,
        None if with_padding => along.iter().map(|w| w.padded as i64).product(),
        None => members as i64,
    })
}

/// `adaptive_avg_pool*d(Tensor self, int[] output_size)`.
fn adaptive_average_pool(a: Arguments, rank: usize) -> Result<Vec<Value>, Fault> {
    let (tensor, counts) = (a.tensor(0)?, a.spatial(1, rank, 1)?);
    let windows = Windows::new(tensor, rank, |dim, size| {
        adaptive_windows(size, counts[dim])
    })?;
    average(tensor, windows, |_, members| members as i64)
}

fn average(
    tensor: &Tensor,
    windows: Windows,
    divisor: impl Fn([&Window; 3], usize) -> i64,
) -> Result<Vec<Value>, Fault> {
    if tensor.dtype.is_quantized() {
        let affine = Affine::of(tensor)?;
        let codes = windows.map(&elements::read_quantized(tensor)?, |along, members| {
            let n = divisor(along, members.len());
            let centered = |&q: &i32| i64::from(q) - i64::from(affine.zero);
            let sum: i64 = members.iter().map(centered).sum();
            affine.round(sum as f32 * (1.0 / n as f64) as f32)
        });
        return Ok(vec![affine.tensor(windows.shape, &codes).into()]);
    }
    let whole = windows.along.iter().all(|along| along.len() == 1);
    let out = windows.map(&elements::read_f32(tensor)?, |along, members| {
        let sum = match whole {
            true => summation::inner(members),
            false => members.iter().fold(0.0, |sum, x| sum + x),
        };
        sum / divisor(along, members.len()) as f32
    });
    Ok(vec![
        tensor_float(tensor.dtype, windows.shape, &out)?.into(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::call;
    use crate::eval::elements::{read_f32, read_quantized, tensor_f32};
    use crate::graph::DType;

    fn line(op: &str, floats: &[f32], rest: &[Value]) -> Vec<f32> {
        let mut operands = vec![tensor_f32(vec![1, 1, floats.len()], floats).into()];
        operands.extend_from_slice(rest);
        read_f32(call(op, &operands).unwrap()[0].as_tensor().unwrap()).unwrap()
    }

    fn ints(n: i64) -> Value {
        Value::ints([n])
    }

    #[test]
    fn windows_follow_stride_padding_dilation_and_ceiling() {
        let x = [1.0, 5.0, 2.0, 4.0, 3.0];
        let max = |rest: &[Value]| line("aten::max_pool1d", &x, rest);
        assert_eq!(max(&[ints(2)]), [5.0, 4.0]);
        assert_eq!(max(&[ints(2), ints(2), ints(1)]), [1.0, 5.0, 4.0]);
        assert_eq!(max(&[ints(2), ints(1), ints(0), ints(2)]), [2.0, 5.0, 3.0]);
        let ceil = [ints(2), ints(2), ints(0), ints(1), Value::bool(true)];
        assert_eq!(max(&ceil), [5.0, 4.0, 3.0]);
        let dilated = [ints(3), ints(1), ints(1), ints(2)];
        assert_eq!(max(&dilated), [5.0, 3.0, 5.0]);
    }

    #[test]
    fn averages_count_padding_or_not() {
        let x = [2.0, 4.0, 6.0];
        let average = |rest: &[Value]| line("aten::avg_pool1d", &x, rest);
        let mut rest = vec![
            ints(2),
            ints(2),
            ints(1),
            Value::bool(false),
            Value::bool(true),
        ];
        assert_eq!(average(&rest), [1.0, 5.0]);
        rest[4] = Value::bool(false);
        assert_eq!(average(&rest), [2.0, 5.0]);
        rest[3] = Value::bool(true);
        rest[4] = Value::bool(true);
        assert_eq!(average(&rest), [1.0, 5.0]);
        let square = Value::from(tensor_f32(vec![1, 1, 2, 2], &[1.0, 2.0, 3.0, 4.0]));
        let rest = [
            square,
            ints(2),
            ints(2),
            ints(0),
            Value::bool(false),
            Value::bool(true),
            Value::int(8),
        ];
        let out = call("aten::avg_pool2d", &rest).unwrap();
        assert_eq!(read_f32(out[0].as_tensor().unwrap()).unwrap(), [1.25]);
    }

    #[test]
    fn adaptive_windows_overlap_where_they_must() {
        let x = [1.0, 2.0, 3.0, 4.0, 6.0];
        assert_eq!(
            line("aten::adaptive_avg_pool1d", &x, &[ints(2)]),
            [2.0, 13.0 / 3.0]
        );
        assert_eq!(line("aten::adaptive_avg_pool1d", &x, &[ints(5)]), x);
    }

    #[test]
    fn quantized_pools_keep_parameters() {
        let affine = Affine::new(DType::QU8, 0.5, 10).unwrap();
        let q = Value::from(affine.tensor(vec![1, 1, 4], &[0, 11, 12, 255]));
        let codes = |op: &str, rest: &[Value]| {
            let mut operands = vec![q.clone()];
            operands.extend_from_slice(rest);
            read_quantized(call(op, &operands).unwrap()[0].as_tensor().unwrap()).unwrap()
        };
        assert_eq!(codes("aten::max_pool1d", &[ints(2)]), [11, 255]);
        // (-10 + 1) / 2 = -4.5 rounds to -4, (2 + 245) / 2 = 123.5 to 124.
        assert_eq!(codes("aten::avg_pool1d", &[ints(2)]), [6, 134]);
        assert_eq!(codes("aten::adaptive_avg_pool1d", &[ints(1)]), [70]);
    }

    #[test]
    fn impossible_windows_are_errors() {
        let x = Value::from(tensor_f32(vec![1, 1, 3], &[0.0; 3]));
        for rest in [
            vec![ints(0)],
            vec![ints(4)],
            vec![ints(2), ints(0)],
            vec![ints(2), ints(1), ints(2)],
            vec![ints(i64::MAX)],
            vec![Value::ints([1, 2])],
        ] {
            let mut operands = vec![x.clone()];
            operands.extend(rest.clone());
            assert!(call("aten::max_pool1d", &operands).is_err(), "{rest:?}");
        }
        assert!(call("aten::max_pool3d", &[x.clone(), ints(1)]).is_err());
        assert!(call("aten::adaptive_avg_pool1d", &[x, ints(-1)]).is_err());
    }
}
