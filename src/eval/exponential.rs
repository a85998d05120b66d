//! The exponential function in doubles, from additions and multiplications only.
//!
//! In: a double. Out: its exponential, good to about 2 units in the last place.
//! Invariant: the same bits on every machine, which the one of the system's library does not promise.
//!
//! `e^x = 2^k * e^r` with `|r| <= ln 2 / 2`; `ln 2` is split so that `x - k ln 2` is exact to well below one unit (Cody and Waite);
//! `e^r` by its Taylor polynomial of degree 13, whose remainder is below 5e-18.

/// `e^x`.
pub(super) fn exp(x: f64) -> f64 {
    const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    if x.is_nan() {
        return x;
    }
    if x > 710.0 {
        return f64::INFINITY;
    }
    if x < -746.0 {
        return 0.0;
    }
    let k = (x * std::f64::consts::LOG2_E).round_ties_even();
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    let mut sum = 1.0;
    for n in (1..=13).rev() {
        sum = sum * r / f64::from(n) + 1.0;
    }
    // Two steps, because 2^k alone may overflow or be subnormal.
    let half = (k / 2.0).floor();
    sum * power_of_two(half) * power_of_two(k - half)
}

fn power_of_two(k: f64) -> f64 {
    f64::from_bits(((k as i64 + 1023) as u64) << 52)
}

/// `e^x` rounded to `f32`.
pub(super) fn exp_f32(x: f32) -> f32 {
    exp(x.into()) as f32
}

/// `tanh x` rounded to `f32`.
pub(super) fn tanh_f32(x: f32) -> f32 {
    let wide = f64::from(x);
    if wide.abs() < 1e-3 {
        // Below this the series is exact to a double, and `1 - 2 / (e^2x + 1)` would cancel.
        let square = wide * wide;
        return (wide * (1.0 - square / 3.0 * (1.0 - square * 0.4))) as f32;
    }
    (1.0 - 2.0 / (exp(2.0 * wide) + 1.0)) as f32
}

/// The error function, by the series of positive terms `2 / sqrt(pi) e^(-x^2) sum 2^n x^(2n+1) / (1 3 .. (2n+1))`, which does not cancel.
pub(super) fn erf(x: f64) -> f64 {
    if x.is_nan() || x.abs() > 6.0 {
        // The difference to 1 is below 2e-17.
        return if x.is_nan() { x } else { x.signum() };
    }
    let (mut term, mut sum, mut odd) = (x, x, 1.0);
    while term.abs() > sum.abs() * 1e-17 {
        odd += 2.0;
        term *= 2.0 * x * x / odd;
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * exp(-x * x) * sum
}

/// `1 / (1 + e^-x)`, each step rounded to `f32`.
pub(super) fn sigmoid_f32(x: f32) -> f32 {
    1.0 / (1.0 + exp_f32(-x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_to_the_library() {
        for i in -7400..7090 {
            let x = f64::from(i) * 0.1 + 0.001_3;
            let (got, want) = (exp(x), x.exp());
            let error = (got - want).abs();
            assert!(
                error <= want * 1e-15 + f64::from_bits(4),
                "e^{x}: {got} {want}"
            );
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f64::NEG_INFINITY), 0.0);
        assert_eq!(exp(f64::INFINITY), f64::INFINITY);
        assert!(exp(f64::NAN).is_nan());
    }

    #[test]
    fn the_error_function_has_its_known_values() {
        // From tables of ten digits.
        for (x, want) in [
            (0.5, 0.520_499_877_8),
            (1.0, 0.842_700_792_9),
            (2.0, 0.995_322_265_0),
            (3.5, 0.999_999_256_9),
        ] {
            assert!((erf(x) - want).abs() < 1e-10, "erf {x}: {}", erf(x));
            assert_eq!(erf(-x), -erf(x));
        }
        assert_eq!(erf(0.0), 0.0);
        assert_eq!(erf(7.0), 1.0);
        assert!(erf(f64::NAN).is_nan());
    }

    #[test]
    fn hyperbolic_tangent_is_rounded_well() {
        for i in -4000..4000 {
            let x = i as f32 * 0.002_7;
            let want = f64::from(x).tanh() as f32;
            assert!((tanh_f32(x) - want).abs() <= want.abs() * 6e-8, "tanh {x}");
        }
        assert_eq!(tanh_f32(1e-20), 1e-20);
        assert_eq!(tanh_f32(-100.0), -1.0);
        assert_eq!(sigmoid_f32(0.0), 0.5);
    }
}
