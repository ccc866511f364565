//! Loops over rows of numbers on the widest registers the processor has.
//!
//! A kernel is written as plain loops over slices. [`wide!`] compiles it once for every level of the
//! processor and picks one at run time. No kernel contracts a product and a sum or adds across lanes,
//! so every level gives the same bytes.

use rayon::prelude::*;

/// Runs a kernel, an expression, compiled for what the processor has; functions called inside must be inlined.
///
/// A macro, so that no kernel goes without `#[inline(always)]`: a closure can become a function of its own, which the
/// compiler makes for the least processor.
macro_rules! wide {
    ($kernel:expr) => {
        pulp::Arch::new().dispatch($crate::lanes::Kernel(
            #[inline(always)]
            || $kernel,
        ))
    };
}
pub(crate) use wide;

/// The closure that [`wide!`] makes. It is called by reference: a call by value goes through a function that is not inlined.
pub(crate) struct Kernel<F>(pub(crate) F);

impl<T, F: FnMut() -> T> pulp::NullaryFnOnce for Kernel<F> {
    type Output = T;

    #[inline(always)]
    fn call(mut self) -> T {
        (self.0)()
    }
}

/// e to the power of `-x` for `x` from 0 to 80; relative error below 3e-7, and 8e-8 more for each unit of `x`.
///
/// The exponent is split into a whole power of two, which is written into the float's bits, and a
/// rest of at most one half, for which a polynomial stands. Outside the range the result is undefined
/// but harmless, so that a caller may compute first and select later.
#[inline(always)]
pub(crate) fn exp_negative(x: f32) -> f32 {
    // Adding 1.5 * 2^23 leaves the nearest whole number in the low bits of the sum.
    const ROUND: f32 = 12_582_912.0;
    let power = x * -std::f32::consts::LOG2_E;
    let shifted = power + ROUND;
    let rest = power - (shifted - ROUND);
    let mut sum = 1.540_353e-4_f32;
    for factor in [1.333_355_8e-3, 9.618_129e-3, 5.550_411e-2, 2.402_265e-1, std::f32::consts::LN_2, 1.0] {
        sum = sum * rest + factor;
    }
    let whole = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3F80_0000));
    sum * whole
}

/// Mean, and sum of squared deviations from it.
///
/// Chunks are summed in their order, so the number of threads changes nothing. NaN where there is no value.
pub(crate) fn moments(values: &[f32]) -> (f64, f64) {
    // Deviations from a value that is there are small, so that their squares keep their digits.
    let pivot = values.first().copied().map_or(0.0, f64::from);
    let parts: Vec<[f64; 2]> = values
        .par_chunks(1 << 14)
        .map(|chunk| {
            wide!({
                let (eights, rest) = chunk.as_chunks::<8>();
                let (mut sums, mut squares) = ([0.0_f64; 8], [0.0_f64; 8]);
                for eight in eights {
                    for ((sum, square), value) in sums.iter_mut().zip(&mut squares).zip(eight) {
                        let apart = f64::from(*value) - pivot;
                        *sum += apart;
                        *square += apart * apart;
                    }
                }
                for value in rest {
                    let apart = f64::from(*value) - pivot;
                    sums[0] += apart;
                    squares[0] += apart * apart;
                }
                [sums.iter().sum(), squares.iter().sum()]
            })
        })
        .collect();
    let count = values.len() as f64;
    let [sum, square] = parts.iter().fold([0.0, 0.0], |[a, b], [c, d]| [a + c, b + d]);
    (pivot + sum / count, (square - sum * sum / count).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_right_to_the_last_digits() {
        for step in 0..=80_000 {
            let x = step as f32 * 1e-3;
            let expected = (-f64::from(x)).exp();
            let off = (f64::from(exp_negative(x)) - expected).abs() / expected;
            // The product with log2 e is rounded, and so is log2 e: 6e-8 and 1.4e-8 of the exponent.
            assert!(off < 3e-7 + f64::from(x) * 8e-8, "e^-{x} is off by {off}");
        }
        assert_eq!(exp_negative(0.0), 1.0);
    }

    #[test]
    fn moments_are_those_of_two_passes() {
        let values: Vec<f32> =
            (0..40_003).map(|step| 1000.0 + ((step * 7919) % 1013) as f32 * 0.01).collect();
        let count = values.len() as f64;
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum();
        let found = moments(&values);
        assert!((found.0 - mean).abs() < 1e-10 && (found.1 / squares - 1.0).abs() < 1e-12, "{found:?}");
        assert_eq!(moments(&[7.25; 50]), (7.25, 0.0));
        assert!(moments(&[]).0.is_nan());
    }

    #[test]
    fn every_level_of_the_processor_gives_the_same_bytes() {
        let values: Vec<f32> = (0..1000).map(|step| step as f32 * 0.017).collect();
        let plain: Vec<u32> = values.iter().map(|x| exp_negative(*x).to_bits()).collect();
        let mut out = vec![0.0; values.len()];
        wide!(out.iter_mut().zip(&values).for_each(|(out, x)| *out = exp_negative(*x)));
        assert_eq!(out.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), plain);
    }
}
