//! The gamma distribution: its tail, its quantiles in mixtures, and the derivatives of its logarithm's constant.

use crate::normal_quantile;
use statrs::function::gamma::gamma_lr;

pub(super) use statrs::function::gamma::{digamma, ln_gamma};

/// A part with a smaller share does not move a quantile by a digit.
const NEGLIGIBLE: f64 = 1e-18;

/// A gamma distribution with its share in a mixture.
#[derive(Clone, Copy, Debug)]
pub(super) struct GammaShare {
    pub share: f64,
    pub shape: f64,
    pub rate: f64,
}

/// The value below which a variable of the mixture lies with chance `below`, which is above 0 and below 1.
///
/// Newton's steps on the logarithm, kept within what is known to hold the value.
pub(super) fn mixture_quantile(parts: &[GammaShare], below: f64) -> f64 {
    let constants: Vec<f64> = parts.iter().map(|part| ln_gamma(part.shape)).collect();
    let z = normal_quantile(below).unwrap_or(0.0);
    let guess: f64 = parts.iter().map(|part| part.share * guess(part, z)).sum();
    let (mut low, mut high) = (-745.0_f64, 709.0_f64);
    let mut place = guess.ln().clamp(low, high);
    for _ in 0..200 {
        let value = place.exp();
        let (mut mass, mut slope) = (0.0, 0.0);
        for (part, constant) in parts.iter().zip(&constants) {
            let scaled = value * part.rate;
            if part.share > NEGLIGIBLE && scaled > 0.0 {
                mass += part.share * gamma_lr(part.shape, scaled);
                slope += part.share * (part.shape * scaled.ln() - scaled - constant).exp();
            }
        }
        if mass < below {
            low = place;
        } else {
            high = place;
        }
        let step = (below - mass) / slope;
        let next = place + step;
        // The error of what follows such a step is its square.
        if step.abs() < 1e-8 {
            return next.exp();
        }
        place = if next > low && next < high { next } else { f64::midpoint(low, high) };
    }
    place.exp()
}

/// The quantile of one part, nearly.
///
/// # Source
/// Wilson and Hilferty 1931, doi:10.1073/pnas.17.12.684
fn guess(part: &GammaShare, z: f64) -> f64 {
    let root = 1.0 - 1.0 / (9.0 * part.shape) + z / (3.0 * part.shape.sqrt());
    part.shape / part.rate * root.max(0.1).powi(3)
}

/// The second derivative of the logarithm of the gamma function, of numbers above 0.
///
/// # Source
/// Abramowitz and Stegun 1964, 6.4.6 and 6.4.12
pub(super) fn trigamma(x: f64) -> f64 {
    let (mut x, mut sum) = (x, 0.0);
    while x < 12.0 {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = 1.0 / 6.0
        - square * (1.0 / 30.0 - square * (1.0 / 42.0 - square * (1.0 / 30.0 - square * 5.0 / 66.0)));
    sum + 1.0 / x + square / 2.0 + square * series / x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let pi_squared = std::f64::consts::PI.powi(2);
        for (x, expected) in [(1.0, pi_squared / 6.0), (0.5, pi_squared / 2.0), (2.0, pi_squared / 6.0 - 1.0)]
        {
            assert!((trigamma(x) - expected).abs() < 1e-12, "{x}: {}", trigamma(x));
        }
        // Shape 1 is exponential; two alike are as one.
        let one = |share| GammaShare { share, shape: 1.0, rate: 2.0 };
        for below in [1e-9, 0.05, 0.5, 0.95, 1.0 - 1e-9_f64] {
            let expected = -(-below).ln_1p() / 2.0;
            for parts in [&[one(1.0)][..], &[one(0.3), one(0.7)]] {
                let found = mixture_quantile(parts, below);
                assert!((found / expected - 1.0).abs() < 1e-6, "{below}: {found} for {expected}");
            }
        }
    }

    #[test]
    fn a_gap_between_two_distant_parts_is_crossed() {
        let parts = [
            GammaShare { share: 0.5, shape: 1e4, rate: 1e6 },
            GammaShare { share: 0.5, shape: 1e4, rate: 1.0 },
        ];
        let (low, high) = (mixture_quantile(&parts, 0.25), mixture_quantile(&parts, 0.75));
        assert!((low - 0.01).abs() < 1e-4 && (high / 1e4 - 1.0).abs() < 1e-2, "{low} and {high}");
        let middle = mixture_quantile(&parts, 0.5);
        assert!(middle > 0.01 && middle < 1e4, "{middle}");
    }
}
