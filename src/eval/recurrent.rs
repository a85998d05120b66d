//! Recurrent layers over whole sequences.
//!
//! In: a sequence, the state to begin with, weights by layer and direction. Out: the outputs of the last layer and the last state of each.
//! Invariant: sums are taken in doubles and rounded to `f32` once, as those of `linear` are.
//!
//! Source: `RNN.cpp` of PyTorch; gates stand in the order input, forget, cell, output.

use crate::graph::Tensor;

use super::Value;
use super::arguments::Arguments;
use super::elements::{self, tensor_f32};
use super::error::Fault;
use super::exponential::{sigmoid_f32, tanh_f32};
use super::table::Kernel;

/// The kernels of this file.
pub(super) fn kernel(op: &str) -> Option<Kernel> {
    Some(match op {
        "aten::lstm.input" => lstm,
        _ => return None,
    })
}

/// A matrix of floats, read once.
struct Matrix {
    rows: usize,
    columns: usize,
    elements: Vec<f32>,
}

impl Matrix {
    fn read(tensor: &Tensor) -> Result<Matrix, Fault> {
        let [rows, columns] = tensor.shape[..] else {
            return Err(Fault::new("a weight of a recurrent layer is a matrix"));
        };
        let elements = elements::read_f32(tensor)?;
        Ok(Matrix {
            rows,
            columns,
            elements,
        })
    }

    /// The product with a vector, in doubles.
    fn times(&self, x: &[f32]) -> impl Iterator<Item = f64> {
        self.elements.chunks(self.columns.max(1)).map(move |row| {
            let pairs = row.iter().zip(x);
            pairs.map(|(&w, &x)| f64::from(w) * f64::from(x)).sum()
        })
    }
}

/// The weights of one layer in one direction.
struct Direction {
    input: Matrix,
    hidden: Matrix,
    bias: Vec<f32>,
}

impl Direction {
    /// From `w_ih, w_hh` and, if there are any, `b_ih, b_hh`.
    fn read(weights: &[Tensor], size: usize) -> Result<Direction, Fault> {
        let wrong = || Fault::new("the weights of a recurrent layer do not fit each other");
        let (input, hidden) = match weights {
            [input, hidden, ..] => (Matrix::read(input)?, Matrix::read(hidden)?),
            _ => return Err(wrong()),
        };
        let mut bias = vec![0.0; input.rows];
        for tensor in weights.iter().skip(2) {
            let part = elements::read_f32(tensor)?;
            if part.len() != bias.len() {
                return Err(wrong());
            }
            bias.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
        }
        let fits = hidden.rows == input.rows
            && input.columns == size
            && hidden.columns.checked_mul(4) == Some(hidden.rows);
        fits.then_some(Direction {
            input,
            hidden,
            bias,
        })
        .ok_or_else(wrong)
    }

    /// One step: the next hidden and cell state.
    fn step(&self, x: &[f32], h: &mut [f32], c: &mut [f32]) {
        let sums = self.input.times(x).zip(self.hidden.times(h));
        let gates: Vec<f32> = sums
            .zip(&self.bias)
            .map(|((x, h), &bias)| (x + h + f64::from(bias)) as f32)
            .collect();
        let size = h.len();
        for at in 0..size {
            let gate = |k: usize| gates[k * size + at];
            c[at] = sigmoid_f32(gate(1)) * c[at] + sigmoid_f32(gate(0)) * tanh_f32(gate(2));
            h[at] = sigmoid_f32(gate(3)) * tanh_f32(c[at]);
        }
    }
}

/// `lstm.input(Tensor input, Tensor[] hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train,
/// bool bidirectional, bool batch_first) -> (Tensor, Tensor, Tensor)`.
fn lstm(a: Arguments) -> Result<Vec<Value>, Fault> {
    let wrong = || Fault::new("the state or weights of a recurrent layer do not fit its input");
    let (x, state, weights) = (a.tensor(0)?, a.tensors(1)?, a.tensors(2)?);
    if a.bool(6)? && a.float(5)? > 0.0 {
        return Err(Fault::new("dropout between layers is random"));
    }
    let directions = if a.bool(7)? { 2 } else { 1 };
    let each = if a.bool(3)? { 4 } else { 2 };
    let ([hidden, cell], [first, second, inner]) = (&state[..], &x.shape[..]) else {
        return Err(wrong());
    };
    let layers = usize::try_from(a.int(4)?).map_err(|_| wrong())?;
    let batch_first = a.bool(8)?;
    let (steps, batch) = if batch_first {
        (*second, *first)
    } else {
        (*first, *second)
    };
    let [parts, of_batch, size] = hidden.shape[..] else {
        return Err(wrong());
    };
    if layers.checked_mul(directions) != Some(parts)
        || parts.checked_mul(each) != Some(weights.len())
        || (of_batch, &cell.shape) != (batch, &hidden.shape)
    {
        return Err(wrong());
    }
    let (mut h, mut c) = (elements::read_f32(hidden)?, elements::read_f32(cell)?);
    let mut values = elements::read_f32(x)?;
    let mut width = *inner;
    let row = |step: usize, sample: usize| {
        if batch_first {
            sample * steps + step
        } else {
            step * batch + sample
        }
    };
    for layer in 0..layers {
        let mut next = vec![0.0; elements::count(&[steps, batch, directions * size])?];
        for direction in 0..directions {
            let part = layer * directions + direction;
            let weights = Direction::read(&weights[part * each..][..each], width)?;
            if weights.hidden.columns != size {
                return Err(wrong());
            }
            for sample in 0..batch {
                let at = (part * batch + sample) * size;
                let (h, c) = (&mut h[at..at + size], &mut c[at..at + size]);
                for step in 0..steps {
                    let step = if direction == 1 {
                        steps - 1 - step
                    } else {
                        step
                    };
                    let row = row(step, sample);
                    weights.step(&values[row * width..][..width], h, c);
                    let to = (row * directions + direction) * size;
                    next[to..to + size].copy_from_slice(h);
                }
            }
        }
        (values, width) = (next, directions * size);
    }
    let mut shape = x.shape.clone();
    shape[2] = width;
    Ok(vec![
        tensor_f32(shape, &values).into(),
        tensor_f32(hidden.shape.clone(), &h).into(),
        tensor_f32(cell.shape.clone(), &c).into(),
    ])
}
