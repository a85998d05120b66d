//! Random contents of parameters: tensors of a type with scales, zero points, strides and edge values drawn for them; numbers, lists.
//!
//! In: a type as a test writes it, a stream of random numbers. Out: contents that can be made smaller and turned into values.
//! Invariant: elements of quantized tensors lie in the range of their type; a scale is positive.

use std::sync::Arc;

use crate::eval::Value;
use crate::graph::{DType, Dim, Literal, Quantization, Tensor, TensorType, Type};

use super::random::Random;

/// How far from ordinary numbers are drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Style {
    /// One scale for a tensor, numbers that nothing is special about.
    Tame,
    /// Also zeros of both signs, very small and large numbers, the ends of the range, scales by channel, other strides.
    Finite,
    /// Infinities and NaN too.
    Any,
}

/// What a parameter holds.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Drawn {
    /// A tensor.
    Tensor(Contents),
    /// A number, text or list of them.
    Literal(Literal),
    /// A list of tensors.
    List(Vec<Contents>),
}

/// What a tensor holds.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Contents {
    pub(super) dtype: DType,
    pub(super) shape: Vec<usize>,
    /// In row-major order; of a quantized tensor the integers.
    pub(super) elements: Vec<f64>,
    pub(super) quantization: Option<Quantization>,
    /// Whether the last dimension is the outermost in memory.
    pub(super) reversed: bool,
}

/// Draws what a parameter of this type holds; the error says why there is nothing to draw.
pub(super) fn draw(ty: &Type, style: Style, random: &mut Random) -> Result<Drawn, String> {
    Ok(match ty {
        Type::Tensor(tensor) => Drawn::Tensor(Contents::draw(tensor, style, random)),
        Type::Optional(inner) => return draw(inner, style, random),
        Type::List(inner) => match &**inner {
            Type::Tensor(tensor) => {
                let count = random.within(1, 3);
                let one = |_| Contents::draw(tensor, style, random);
                Drawn::List((0..count).map(one).collect())
            }
            inner => {
                let count = random.within(1, 3);
                let items = (0..count).map(|_| literal(inner, random));
                Drawn::Literal(Literal::list(items.collect::<Result<Vec<_>, _>>()?))
            }
        },
        ty => Drawn::Literal(literal(ty, random)?),
    })
}

fn literal(ty: &Type, random: &mut Random) -> Result<Literal, String> {
    Ok(match ty {
        Type::Int => Literal::Int(random.within(-4, 4)),
        Type::Float => Literal::Float(random.within(-8, 8) as f64 / 4.0),
        Type::Scalar => match random.once_in(2) {
            true => Literal::Int(random.within(-4, 4)),
            false => Literal::Float(random.within(-8, 8) as f64 / 4.0),
        },
        Type::Bool => Literal::Bool(random.once_in(2)),
        Type::None => Literal::None,
        Type::Str => Literal::str("text"),
        Type::Device => Literal::Device("cpu".into()),
        other => {
            let text = crate::graph::text::TypeText(other);
            return Err(format!("no content can be drawn for type {text}"));
        }
    })
}

/// Scales that tests meet: powers of two make exact results, the others round.
const SCALES: [f64; 8] = [0.05, 0.1, 0.5, 1.0, 0.0078125, 0.037, 0.25, 0.013];

impl Contents {
    fn draw(ty: &TensorType, style: Style, random: &mut Random) -> Contents {
        let dtype = ty.dtype.unwrap_or(DType::F32);
        let shape: Vec<usize> = match &ty.shape {
            Some(dims) => dims
                .iter()
                .map(|dim| match dim {
                    Dim::Known(n) => usize::try_from(*n).unwrap_or(usize::MAX),
                    Dim::Unknown => random.within(1, 4) as usize,
                })
                .collect(),
            None => {
                let rank = random.within(1, 4);
                (0..rank).map(|_| random.within(1, 4) as usize).collect()
            }
        };
        let numel = shape.iter().product::<usize>();
        let quantization = dtype
            .is_quantized()
            .then(|| quantization(dtype, &shape, style, random));
        let elements = if dtype.is_float() {
            floats(dtype, numel, style, random)
        } else {
            integers(dtype, numel, style, random)
        };
        let reversed = style != Style::Tame && shape.len() > 1 && random.once_in(3);
        Contents {
            dtype,
            shape,
            elements,
            quantization,
            reversed,
        }
    }

    /// The tensor.
    pub(super) fn tensor(&self) -> Tensor {
        let row_major = self.elements.iter().copied();
        let mut tensor = if self.reversed {
            self.reversed_tensor()
        } else {
            Tensor::contiguous(self.dtype, self.shape.clone(), bytes(self.dtype, row_major))
        };
        tensor.quantization = self.quantization.clone();
        tensor
    }

    /// The same elements with the dimensions in reverse order in memory.
    fn reversed_tensor(&self) -> Tensor {
        let memory: Vec<usize> = self.shape.iter().rev().copied().collect();
        let strides: Vec<usize> = (0..self.shape.len())
            .map(|axis| self.shape.iter().take(axis).product())
            .collect();
        let mut elements = vec![0.0; self.elements.len()];
        let mut index = vec![0; self.shape.len()];
        for &element in &self.elements {
            let at: usize = index.iter().zip(&strides).map(|(i, s)| i * s).sum();
            elements[at] = element;
            for (i, &size) in index.iter_mut().zip(&self.shape).rev() {
                *i += 1;
                if *i < size {
                    break;
                }
                *i = 0;
            }
        }
        let mut tensor =
            Tensor::contiguous(self.dtype, memory, bytes(self.dtype, elements.into_iter()));
        tensor.shape = self.shape.clone();
        tensor.strides = strides;
        tensor
    }
}

impl Drawn {
    /// The value.
    pub(super) fn value(&self) -> Value {
        match self {
            Drawn::Tensor(contents) => contents.tensor().into(),
            Drawn::Literal(literal) => literal.clone().into(),
            Drawn::List(items) => Value::list(items.iter().map(|c| c.tensor().into()).collect()),
        }
    }
}

/// The integers that a type stores.
pub(super) fn range(dtype: DType) -> (i64, i64) {
    match dtype {
        DType::QU8 | DType::U8 => (0, 255),
        DType::QI8 | DType::I8 => (-128, 127),
        DType::Bool => (0, 1),
        DType::I16 => (-32768, 32767),
        DType::U16 => (0, 65535),
        _ => (-1_000_000, 1_000_000),
    }
}

fn quantization(dtype: DType, shape: &[usize], style: Style, random: &mut Random) -> Quantization {
    let (low, high) = range(dtype);
    let zero_point = |random: &mut Random| match (dtype, style) {
        (DType::QU8, Style::Tame) => random.within(100, 140),
        (_, Style::Tame) => 0,
        (DType::QU8, _) if random.once_in(6) => random.pick(&[low, high]),
        (DType::QU8, _) => random.within(low, high),
        (DType::QI8, _) if random.once_in(12) => random.pick(&[low, high]),
        (DType::QI8, _) if random.once_in(3) => random.within(-10, 10),
        _ => 0,
    };
    let per_channel = dtype == DType::QI8 && shape.len() > 1 && shape[0] > 0;
    if per_channel && style != Style::Tame && random.once_in(2) {
        let scales: Arc<[f64]> = (0..shape[0]).map(|_| random.pick(&SCALES)).collect();
        return Quantization::PerChannel {
            zero_points: scales.iter().map(|_| 0).collect(),
            scales,
            axis: 0,
        };
    }
    Quantization::PerTensor {
        scale: random.pick(&SCALES),
        zero_point: zero_point(random),
    }
}

fn floats(dtype: DType, count: usize, style: Style, random: &mut Random) -> Vec<f64> {
    let manner = match style {
        Style::Tame => 0,
        Style::Finite | Style::Any => random.below(8),
    };
    let one = |random: &mut Random| match manner {
        0..3 => random.unit() * 4.0 - 2.0,
        // Without negative numbers, as variances need them.
        3..5 => 0.25 + random.unit() * 1.75,
        // On a grid, so that sums are exact and ties happen.
        5..7 => random.within(-16, 16) as f64 / 4.0,
        _ => edge(style, random),
    };
    (0..count).map(|_| rounded(dtype, one(random))).collect()
}

fn edge(style: Style, random: &mut Random) -> f64 {
    const EDGES: [f64; 10] = [
        0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1e-20, -1e-20, 1000.0, -1000.0,
    ];
    const BEYOND: [f64; 3] = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    match style {
        Style::Any if random.once_in(4) => random.pick(&BEYOND),
        _ => random.pick(&EDGES),
    }
}

fn integers(dtype: DType, count: usize, style: Style, random: &mut Random) -> Vec<f64> {
    let (low, high) = range(dtype);
    let small = !dtype.is_quantized() && high > 1;
    (0..count)
        .map(|_| {
            let n = match style {
                _ if small => random.within(low.max(-4), 4),
                Style::Finite | Style::Any if random.once_in(8) => random.pick(&[low, high]),
                _ => random.within(low.max(-1000), high.min(1000)),
            };
            n as f64
        })
        .collect()
}

/// The nearest number that the type holds.
pub(super) fn rounded(dtype: DType, x: f64) -> f64 {
    match dtype {
        DType::F64 => x,
        DType::F16 => half::f16::from_f64(x).to_f64(),
        DType::BF16 => half::bf16::from_f64(x).to_f64(),
        _ => f64::from(x as f32),
    }
}

fn bytes(dtype: DType, elements: impl Iterator<Item = f64>) -> Vec<u8> {
    let mut out = Vec::new();
    for x in elements {
        match dtype {
            DType::F64 => out.extend(x.to_le_bytes()),
            DType::F32 => out.extend((x as f32).to_le_bytes()),
            DType::F16 => out.extend(half::f16::from_f64(x).to_le_bytes()),
            DType::BF16 => out.extend(half::bf16::from_f64(x).to_le_bytes()),
            other => {
                // Two's complement, cut to the size of the type.
                let all = (x as i64).to_le_bytes();
                out.extend(all.iter().cycle().take(other.size()));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::numbers;

    fn ty(dtype: DType, dims: &[u64]) -> Type {
        Type::Tensor(TensorType {
            dtype: Some(dtype),
            shape: Some(dims.iter().map(|&n| Dim::Known(n)).collect()),
        })
    }

    #[test]
    fn contents_become_the_tensors_they_say() {
        let mut random = Random::new(3, "contents");
        for dtype in [
            DType::F32,
            DType::F16,
            DType::QU8,
            DType::QI8,
            DType::I64,
            DType::Bool,
        ] {
            for _ in 0..50 {
                let drawn = draw(&ty(dtype, &[2, 3, 4]), Style::Finite, &mut random);
                let Ok(Drawn::Tensor(contents)) = drawn else {
                    panic!("a tensor");
                };
                let tensor = contents.tensor();
                assert_eq!(tensor.shape, [2, 3, 4]);
                assert_eq!(numbers(&tensor), Some(contents.elements.clone()), "{dtype}");
                assert_eq!(tensor.quantization.is_some(), dtype.is_quantized());
            }
        }
    }

    #[test]
    fn both_kinds_of_quantization_and_of_strides_are_drawn() {
        let mut random = Random::new(4, "kinds");
        let mut seen = [false; 4];
        for _ in 0..100 {
            let drawn = draw(&ty(DType::QI8, &[2, 3]), Style::Finite, &mut random);
            let Ok(Drawn::Tensor(contents)) = drawn else {
                panic!("a tensor");
            };
            let channel = matches!(contents.quantization, Some(Quantization::PerChannel { .. }));
            seen[usize::from(channel)] = true;
            seen[2 + usize::from(contents.reversed)] = true;
        }
        assert_eq!(seen, [true; 4]);
        let class = Type::Class("a.B".into());
        assert!(draw(&class, Style::Tame, &mut random).is_err());
    }
    /// All elements, and all zero points, that are drawn for a type.
    fn drawn(dtype: DType, style: Style) -> (Vec<f64>, Vec<i64>) {
        let mut random = Random::new(5, "edges");
        let (mut elements, mut zero_points) = (Vec::new(), Vec::new());
        for _ in 0..400 {
            let drawn = draw(&ty(dtype, &[2, 3]), style, &mut random);
            let Ok(Drawn::Tensor(contents)) = drawn else {
                panic!("a tensor");
            };
            elements.extend(contents.elements);
            if let Some(Quantization::PerTensor { zero_point, .. }) = contents.quantization {
                zero_points.push(zero_point);
            }
        }
        (elements, zero_points)
    }

    #[test]
    fn edges_are_drawn() {
        let (finite, _) = drawn(DType::F32, Style::Finite);
        let has = |wanted: f64| finite.iter().any(|x| x.to_bits() == wanted.to_bits());
        assert!([0.0, -0.0, 1000.0, -1000.0].into_iter().all(has));
        assert!(finite.iter().any(|x| *x != 0.0 && x.abs() < 1e-15));
        assert!(finite.iter().all(|x| x.is_finite()));
        let (any, _) = drawn(DType::F32, Style::Any);
        assert!(any.contains(&f64::INFINITY) && any.contains(&f64::NEG_INFINITY));
        assert!(any.iter().any(|x| x.is_nan()));
        for dtype in [DType::QU8, DType::QI8] {
            let (low, high) = range(dtype);
            let (elements, zero_points) = drawn(dtype, Style::Finite);
            assert!(elements.contains(&(low as f64)) && elements.contains(&(high as f64)));
            assert!(zero_points.iter().any(|&zero| zero < 0) || dtype == DType::QU8);
            assert!(
                zero_points.contains(&low) && zero_points.contains(&high),
                "{dtype}"
            );
        }
    }
}
