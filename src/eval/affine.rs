//! The one rounding rule of affine quantization: `clamp(rint(x * (1 / scale)) + zero point)`, ties to even.
//!
//! In: floats, a scale and a zero point. Out: the integers PyTorch stores, bit for bit.
//! Invariant: scale and its inverse are 32-bit floats, the product is rounded before it is rounded to an integer: never fused, never divided.
//! Invariant: not-a-number becomes the smallest integer of the type.
//!
//! Source: `quantize_val` of PyTorch's `affine_quantizer_base.cpp` and `fbgemm::Quantize`; checked on 12.8 million elements, where
//! dividing by the scale gives 12 others.

use crate::graph::{DType, Quantization, Tensor};

use super::elements;
use super::error::Fault;

/// 1.5 * 2^23: adding it to a float of magnitude below 2^22 leaves the nearest integer, ties to even, in the low bits.
const ROUNDER: f32 = 12_582_912.0;

/// Quantization with one scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine {
    /// `QU8`, `QI8` or `QI32`.
    pub(super) dtype: DType,
    /// Step between integers, as it is written.
    pub(super) scale: f64,
    /// The integer that stands for zero.
    pub(super) zero: i32,
}

impl Affine {
    /// Quantization with these parameters. The type must be quantized, and the zero point in its range.
    pub(super) fn new(dtype: DType, scale: f64, zero_point: i64) -> Result<Affine, Fault> {
        if !dtype.is_quantized() {
            return Err(Fault::new(format!("{dtype} is no quantized type")));
        }
        let (low, high) = range(dtype);
        let zero = i32::try_from(zero_point)
            .ok()
            .filter(|zero| (low..=high).contains(zero))
            .ok_or_else(|| {
                Fault::new(format!(
                    "zero point {zero_point} is outside of type {dtype}"
                ))
            })?;
        Ok(Affine { dtype, scale, zero })
    }

    /// The parameters of a tensor with one scale.
    pub(super) fn of(tensor: &Tensor) -> Result<Affine, Fault> {
        match &tensor.quantization {
            Some(Quantization::PerTensor { scale, zero_point }) => {
                Affine::new(tensor.dtype, *scale, *zero_point)
            }
            Some(Quantization::PerChannel { .. }) => Err(Fault::new(
                "a tensor with one scale is needed, this one has a scale for each channel",
            )),
            None => Err(Fault::new(format!(
                "a quantized tensor is needed, not {}",
                tensor.dtype
            ))),
        }
    }

    /// Parameters as a tensor carries them.
    pub(super) fn quantization(self) -> Quantization {
        Quantization::PerTensor {
            scale: self.scale,
            zero_point: self.zero.into(),
        }
    }

    /// The scale in the precision of the kernels.
    pub(super) fn step(self) -> f32 {
        self.scale as f32
    }

    /// `1 / scale` in the precision of the kernels.
    pub(super) fn inverse(self) -> f32 {
        1.0 / self.step()
    }

    /// Smallest and largest integer.
    pub(super) fn range(self) -> (i32, i32) {
        range(self.dtype)
    }

    /// The nearest integer to a real.
    pub(super) fn quantize(self, x: f32) -> i32 {
        self.round(x * self.inverse())
    }

    /// The integer for a real that has been divided by the scale.
    pub(super) fn round(self, scaled: f32) -> i32 {
        let (low, high) = self.range();
        if scaled.is_nan() {
            return low;
        }
        let rounded = f64::from(scaled.round_ties_even()) + f64::from(self.zero);
        // The cast saturates, so infinities end at the ends of the range.
        (rounded as i64).clamp(low.into(), high.into()) as i32
    }

    /// The integer clamped to the type.
    pub(super) fn clamp(self, q: i64) -> i32 {
        let (low, high) = self.range();
        q.clamp(low.into(), high.into()) as i32
    }

    /// The real that an integer stands for: `(q - zero) * scale` in 32-bit floats.
    pub(super) fn dequantize(self, q: i32) -> f32 {
        (i64::from(q) - i64::from(self.zero)) as f32 * self.step()
    }

    /// A contiguous tensor of these integers.
    pub(super) fn tensor(self, shape: Vec<usize>, elements: &[i32]) -> Tensor {
        elements::tensor_quantized(self.dtype, shape, elements, self.quantization())
    }
}

/// Smallest and largest integer of a quantized type.
pub(super) fn range(dtype: DType) -> (i32, i32) {
    match dtype {
        DType::QU8 => (0, 255),
        DType::QI8 => (-128, 127),
        _ => (i32::MIN, i32::MAX),
    }
}

/// Quantizes little-endian `f32`s into bytes of the type, one parameter pair for all. Extra elements on either side are left.
///
/// For 8-bit types this is branch-free and vectorises: clamping before rounding gives the same integer as after, because the bounds
/// are integers and rounding is monotone; within the bounds adding [`ROUNDER`] rounds exactly.
pub(super) fn quantize_run(floats: &[u8], affine: Affine, out: &mut [u8]) {
    let inverse = affine.inverse();
    let (low, high) = affine.range();
    let (floats, _) = floats.as_chunks::<4>();
    if affine.dtype.size() == 1 {
        let (least, most) = ((low - affine.zero) as f32, (high - affine.zero) as f32);
        let back = affine.zero.wrapping_sub(ROUNDER.to_bits() as i32);
        for (q, x) in out.iter_mut().zip(floats) {
            let scaled = f32::from_le_bytes(*x) * inverse;
            let floor = if scaled > least { scaled } else { least };
            let inside = if floor < most { floor } else { most };
            *q = ((inside + ROUNDER).to_bits() as i32).wrapping_add(back) as u8;
        }
    } else {
        let (out, _) = out.as_chunks_mut::<4>();
        for (q, x) in out.iter_mut().zip(floats) {
            *q = affine.round(f32::from_le_bytes(*x) * inverse).to_le_bytes();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn run(dtype: DType, scale: f64, zero: i64, floats: &[f32]) -> Vec<i32> {
        let affine = Affine::new(dtype, scale, zero).unwrap();
        let bytes: Vec<u8> = floats.iter().flat_map(|x| x.to_le_bytes()).collect();
        let mut out = vec![0; floats.len() * dtype.size()];
        quantize_run(&bytes, affine, &mut out);
        match dtype {
            DType::QU8 => out.iter().map(|&b| b.into()).collect(),
            DType::QI8 => out.iter().map(|&b| (b as i8).into()).collect(),
            _ => out
                .as_chunks()
                .0
                .iter()
                .map(|&b| i32::from_le_bytes(b))
                .collect(),
        }
    }

    #[test]
    fn ties_round_to_even_before_the_zero_point_is_added() {
        let ties = [0.25, 0.75, 1.25, 1.75, -0.25, -0.75];
        assert_eq!(run(DType::QU8, 0.5, 10, &ties), [10, 12, 12, 14, 10, 8]);
        assert_eq!(run(DType::QI32, 0.5, 10, &ties), [10, 12, 12, 14, 10, 8]);
    }

    #[test]
    fn the_inverse_is_multiplied_not_divided_by() {
        // 0.273939937 / 0.00214854861 is below 127.5, the product with the inverse is 127.5.
        let x = 0.273_939_94_f32;
        assert_eq!(run(DType::QU8, 0.002_148_548_61, 0, &[x]), [128]);
    }

    #[test]
    fn extremes_saturate() {
        let wild = [
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
            f32::MAX,
            f32::MIN,
            1e9,
            -1e9,
            8_388_609.0,
            -0.0,
            f32::MIN_POSITIVE,
        ];
        let high = run(DType::QU8, 1.0, 3, &wild);
        assert_eq!(high, [255, 0, 0, 255, 0, 255, 0, 255, 3, 3]);
        let signed = run(DType::QI8, 1.0, 0, &wild);
        assert_eq!(signed, [127, -128, -128, 127, -128, 127, -128, 127, 0, 0]);
        let wide = run(DType::QI32, 1.0, 0, &wild[..5]);
        assert_eq!(wide, [i32::MAX, i32::MIN, i32::MIN, i32::MAX, i32::MIN]);
    }

    #[test]
    fn the_fast_form_is_round_ties_even() {
        let mut bits: u32 = 12345;
        let mut floats = Vec::new();
        for i in 0..200_000 {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            floats.push(f32::from_bits(bits));
            floats.push((i - 100_000) as f32 * 0.125);
        }
        for (dtype, scale, zero) in [
            (DType::QU8, 1.0, 0),
            (DType::QU8, 0.25, 255),
            (DType::QI8, 0.031_25, -128),
            (DType::QI8, 0.007_843_138, 127),
            (DType::QU8, 1e-38, 7),
        ] {
            let affine = Affine::new(dtype, scale, zero).unwrap();
            let got = run(dtype, scale, zero, &floats);
            let want: Vec<i32> = floats.iter().map(|&x| affine.quantize(x)).collect();
            assert_eq!(got, want);
        }
    }

    #[test]
    fn zero_points_outside_the_type_are_faults() {
        assert!(Affine::new(DType::QU8, 1.0, 256).is_err());
        assert!(Affine::new(DType::QI8, 1.0, -129).is_err());
        assert!(Affine::new(DType::F32, 1.0, 0).is_err());
    }
}
