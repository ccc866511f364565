use super::gamma::{GammaShare, digamma, ln_gamma, mixture_quantile};
use crate::StatsError;
use crate::error::{check_level, check_range};
use serde::{Deserialize, Serialize};
use std::f64::consts::LN_2;

/// What ratios of observed to expected counts are like over all pairs: a mixture of two gamma distributions.
///
/// Fitted by [`crate::disproportionality::fit_gamma_poisson`]. The first part is the one with the greater mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GammaPoissonPrior {
    /// Shape of the first part.
    pub alpha1: f64,
    /// Rate of the first part.
    pub beta1: f64,
    /// Shape of the second part.
    pub alpha2: f64,
    /// Rate of the second part.
    pub beta2: f64,
    /// Share of the first part.
    pub share: f64,
}

/// A ratio of observed to expected cases, shrunk towards what ratios are like.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShrunkenRatio {
    /// The chance that the pair belongs to the prior's first part (Q).
    pub share: f64,
    /// The geometric mean of the ratio's posterior distribution (EBGM).
    pub ebgm: f64,
    /// Lower end; EB05 at a level of 0.9.
    pub low: f64,
    /// Upper end; EB95 at a level of 0.9.
    pub high: f64,
}

impl GammaPoissonPrior {
    /// The posterior of a pair's ratio (EBGM with its quantiles).
    ///
    /// # Units
    /// None: 1 is as expected. `level` is the coverage: 0.9 gives EB05 and EB95.
    ///
    /// # Errors
    /// [`StatsError::Range`] for an expected count that is not above 0, an impossible prior, or a level outside 0 to 1.
    ///
    /// # Source
    /// DuMouchel 1999, doi:10.1080/00031305.1999.10474456 (equations 6 to 11)
    pub fn posterior(&self, observed: u64, expected: f64, level: f64) -> Result<ShrunkenRatio, StatsError> {
        self.check()?;
        check_range("expected count", expected, f64::MIN_POSITIVE, f64::MAX)?;
        check_level(level)?;
        let count = observed as f64;
        let share = self.share_of(count, expected);
        let parts = self.parts().map(|(alpha, beta)| (alpha + count, beta + expected));
        let logarithm = |(shape, rate): (f64, f64)| digamma(shape) - rate.ln();
        let mean = share * logarithm(parts[0]) + (1.0 - share) * logarithm(parts[1]);
        let shares = [share, 1.0 - share];
        let mixture: [GammaShare; 2] = std::array::from_fn(|part| GammaShare {
            share: shares[part],
            shape: parts[part].0,
            rate: parts[part].1,
        });
        Ok(ShrunkenRatio {
            share,
            ebgm: mean.exp(),
            low: mixture_quantile(&mixture, (1.0 - level) / 2.0),
            high: mixture_quantile(&mixture, f64::midpoint(1.0, level)),
        })
    }

    /// The empirical Bayes information component of a pair: the logarithm of EBGM to the base of two.
    ///
    /// # Errors
    /// As [`Self::posterior`].
    pub fn information(&self, observed: u64, expected: f64) -> Result<f64, StatsError> {
        Ok(self.posterior(observed, expected, 0.9)?.ebgm.ln() / LN_2)
    }

    pub(super) fn check(&self) -> Result<(), StatsError> {
        for (what, value) in [
            ("shape of the prior", self.alpha1),
            ("rate of the prior", self.beta1),
            ("shape of the prior", self.alpha2),
            ("rate of the prior", self.beta2),
        ] {
            check_range(what, value, f64::MIN_POSITIVE, f64::MAX)?;
        }
        check_range("share of the prior", self.share, 0.0, 1.0)
    }

    pub(super) fn parts(&self) -> [(f64, f64); 2] {
        [(self.alpha1, self.beta1), (self.alpha2, self.beta2)]
    }

    fn share_of(&self, count: f64, expected: f64) -> f64 {
        let [first, second] = self.parts().map(|(alpha, beta)| log_count(count, expected, alpha, beta));
        let odds = self.share.ln() + first - (1.0 - self.share).ln() - second;
        crate::sigmoid(odds, 1.0)
    }
}

/// The logarithm of the chance of a count under one part, but for the factorial of the count: a negative binomial.
pub(super) fn log_count(count: f64, expected: f64, alpha: f64, beta: f64) -> f64 {
    let sum = beta + expected;
    ln_gamma(alpha + count) - ln_gamma(alpha) + alpha * (beta / sum).ln() + count * (expected / sum).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_alone_is_a_gamma_distribution() {
        let prior = GammaPoissonPrior { alpha1: 1.0, beta1: 1.0, alpha2: 1.0, beta2: 1.0, share: 0.4 };
        let found = prior.posterior(0, 1.0, 0.9).expect("sound");
        // Exponential of rate 2: its quantiles, and the geometric mean exp(-gamma) / 2.
        assert!((found.low + 0.95_f64.ln() / 2.0).abs() < 1e-9, "{found:?}");
        assert!((found.high + 0.05_f64.ln() / 2.0).abs() < 1e-9, "{found:?}");
        assert!((found.ebgm - (-0.577_215_664_901_532_9_f64).exp() / 2.0).abs() < 1e-9, "{found:?}");
        assert!((found.share - 0.4).abs() < 1e-12);
        assert!((prior.information(0, 1.0).expect("sound") - found.ebgm.log2()).abs() < 1e-12);
    }

    #[test]
    fn impossible_numbers_are_refused() {
        let prior = GammaPoissonPrior { alpha1: 1.0, beta1: 1.0, alpha2: 1.0, beta2: 1.0, share: 0.4 };
        assert!(prior.posterior(1, 0.0, 0.9).is_err());
        assert!(prior.posterior(1, f64::NAN, 0.9).is_err());
        assert!(prior.posterior(1, 1.0, 1.0).is_err());
        assert!(GammaPoissonPrior { share: 1.5, ..prior }.posterior(1, 1.0, 0.9).is_err());
        assert!(GammaPoissonPrior { beta2: 0.0, ..prior }.posterior(1, 1.0, 0.9).is_err());
        // The ends of the share are sound: one part is then the only one.
        for share in [0.0, 1.0] {
            assert!(GammaPoissonPrior { share, ..prior }.posterior(1, 1.0, 0.9).is_ok());
        }
    }
}
