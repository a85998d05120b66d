//! The smallest contents that still show a difference.
//!
//! In: contents for which two graphs differ, and a way to ask whether others do too. Out: smaller ones: fewer elements, then plainer.
//! Invariant: what comes out was asked about, and differs.

use std::sync::Arc;

use crate::graph::Quantization;

use super::content::{Contents, Drawn};
use super::given::Sample;

/// How often it may be asked.
const QUESTIONS: usize = 800;

/// Makes a sample smaller as long as `differs` holds.
pub(super) fn shrink(
    sample: Sample,
    sizes: bool,
    differs: &mut dyn FnMut(&Sample) -> bool,
) -> Sample {
    let mut search = Search {
        best: sample,
        left: QUESTIONS,
        differs,
    };
    if sizes {
        while search.sizes() && search.left > 0 {}
    }
    search.kinds();
    search.values();
    search.best
}

struct Search<'a> {
    best: Sample,
    left: usize,
    differs: &'a mut dyn FnMut(&Sample) -> bool,
}

impl Search<'_> {
    fn try_out(&mut self, sample: Sample) -> bool {
        if self.left == 0 || sample == self.best {
            return false;
        }
        self.left -= 1;
        let differs = (self.differs)(&sample);
        if differs {
            self.best = sample;
        }
        differs
    }

    /// Makes all dimensions of one size smaller, then single ones; whether something became smaller.
    fn sizes(&mut self) -> bool {
        let mut found: Vec<usize> = tensors(&self.best).flat_map(|c| c.shape.clone()).collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.dedup();
        for size in found.into_iter().filter(|&size| size > 1) {
            for smaller in [1, size / 2, size - 1] {
                let resized = map(&self.best, |contents| {
                    let shape = contents.shape.iter();
                    let shape = shape.map(|&n| if n == size { smaller } else { n });
                    cut(contents, shape.collect())
                });
                if self.try_out(resized) {
                    return true;
                }
            }
        }
        let ranks: Vec<usize> = tensors(&self.best).map(|c| c.shape.len()).collect();
        for (number, rank) in ranks.into_iter().enumerate() {
            for axis in 0..rank {
                for half in [true, false] {
                    let mut at = 0;
                    let resized = map(&self.best, |contents| {
                        at += 1;
                        let mut shape = contents.shape.clone();
                        if at == number + 1 && shape[axis] > 1 {
                            shape[axis] = if half {
                                shape[axis] / 2
                            } else {
                                shape[axis] - 1
                            };
                        }
                        cut(contents, shape)
                    });
                    if self.try_out(resized) {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// Plain memory, one scale, plain scale.
    fn kinds(&mut self) {
        let count = tensors(&self.best).count();
        for number in 0..count {
            for plain in [plain_memory, one_scale, plain_zero, plain_scale] {
                let mut at = 0;
                let simpler = map(&self.best, |contents| {
                    at += 1;
                    let mut contents = contents.clone();
                    if at == number + 1 {
                        plain(&mut contents);
                    }
                    contents
                });
                self.try_out(simpler);
            }
        }
    }

    /// Plainer elements, many at once first.
    fn values(&mut self) {
        let lengths: Vec<usize> = tensors(&self.best).map(|c| c.elements.len()).collect();
        for (number, length) in lengths.into_iter().enumerate() {
            let mut step = length.max(1);
            loop {
                for start in (0..length).step_by(step) {
                    for plainer in [zero, one, halved] {
                        let range = start..(start + step).min(length);
                        let mut at = 0;
                        let simpler = map(&self.best, |contents| {
                            at += 1;
                            let mut contents = contents.clone();
                            if at == number + 1 {
                                let zero_point = zero_point(&contents);
                                for x in &mut contents.elements[range.clone()] {
                                    *x = plainer(*x, zero_point);
                                }
                            }
                            contents
                        });
                        if self.try_out(simpler) {
                            break;
                        }
                    }
                }
                if step == 1 || self.left == 0 {
                    break;
                }
                step = step.div_ceil(4).min(step - 1);
            }
        }
    }
}

fn tensors(sample: &Sample) -> impl Iterator<Item = &Contents> {
    sample.iter().flat_map(|drawn| match drawn {
        Drawn::Tensor(contents) => std::slice::from_ref(contents).iter(),
        Drawn::List(items) => items.iter(),
        Drawn::Literal(_) => [].iter(),
    })
}

fn map(sample: &Sample, mut change: impl FnMut(&Contents) -> Contents) -> Sample {
    sample
        .iter()
        .map(|drawn| match drawn {
            Drawn::Tensor(contents) => Drawn::Tensor(change(contents)),
            Drawn::List(items) => Drawn::List(items.iter().map(&mut change).collect()),
            Drawn::Literal(literal) => Drawn::Literal(literal.clone()),
        })
        .collect()
}

/// The corner of a tensor at the origin.
fn cut(contents: &Contents, shape: Vec<usize>) -> Contents {
    if shape == contents.shape {
        return contents.clone();
    }
    let mut elements = Vec::new();
    for (at, &element) in contents.elements.iter().enumerate() {
        let mut left = at;
        let mut inside = true;
        for (&old, &new) in contents.shape.iter().zip(&shape).rev() {
            inside &= left % old < new;
            left /= old;
        }
        if inside {
            elements.push(element);
        }
    }
    let quantization = match &contents.quantization {
        Some(Quantization::PerChannel {
            scales,
            zero_points,
            axis,
        }) => {
            let count = shape.get(*axis).copied().unwrap_or(1);
            Some(Quantization::PerChannel {
                scales: scales.iter().take(count).copied().collect(),
                zero_points: zero_points.iter().take(count).copied().collect(),
                axis: *axis,
            })
        }
        other => other.clone(),
    };
    Contents {
        shape,
        elements,
        quantization,
        ..contents.clone()
    }
}

fn plain_memory(contents: &mut Contents) {
    contents.reversed = false;
}

fn one_scale(contents: &mut Contents) {
    if let Some(Quantization::PerChannel { scales, .. }) = &contents.quantization {
        let scale = scales.first().copied().unwrap_or(1.0);
        contents.quantization = Some(Quantization::PerTensor {
            scale,
            zero_point: 0,
        });
    }
}

fn plain_zero(contents: &mut Contents) {
    if let Some(Quantization::PerTensor { zero_point, .. }) = &mut contents.quantization {
        *zero_point = 0;
    }
}

fn plain_scale(contents: &mut Contents) {
    match &mut contents.quantization {
        Some(Quantization::PerTensor { scale, .. }) => *scale = 1.0,
        Some(Quantization::PerChannel { scales, .. }) => {
            *scales = scales.iter().map(|_| 1.0).collect::<Arc<[f64]>>();
        }
        None => {}
    }
}

fn zero_point(contents: &Contents) -> f64 {
    match &contents.quantization {
        Some(Quantization::PerTensor { zero_point, .. }) => *zero_point as f64,
        _ => 0.0,
    }
}

fn zero(_: f64, zero_point: f64) -> f64 {
    zero_point
}

fn one(_: f64, zero_point: f64) -> f64 {
    // The largest element of a type may be the zero point.
    if zero_point >= 1.0 {
        zero_point - 1.0
    } else {
        zero_point + 1.0
    }
}

fn halved(x: f64, _: f64) -> f64 {
    if x.abs() > 1.0 {
        (x / 2.0).trunc()
    } else {
        x.trunc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::DType;

    #[test]
    fn what_matters_is_left() {
        let contents = Contents {
            dtype: DType::F32,
            shape: vec![4, 5],
            elements: (0..20).map(|n| n as f64 * 1.25 - 3.0).collect(),
            quantization: None,
            reversed: true,
        };
        let mut differs = |sample: &Sample| match &sample[0] {
            Drawn::Tensor(c) => c.shape[0] >= 2 && c.elements.iter().any(|&x| x >= 2.0),
            _ => false,
        };
        let sample = vec![Drawn::Tensor(contents)];
        let small = shrink(sample, true, &mut differs);
        assert!(differs(&small));
        let Drawn::Tensor(contents) = &small[0] else {
            panic!("a tensor");
        };
        assert_eq!(contents.shape, [2, 1]);
        assert!(!contents.reversed);
        let mut elements = contents.elements.clone();
        elements.sort_by(f64::total_cmp);
        assert_eq!(elements[0], 0.0);
        assert!((2.0..4.0).contains(&elements[1]), "{elements:?}");
    }
}
