use super::ReportCounts;
use super::gamma::{GammaShare, digamma, mixture_quantile, trigamma};
use crate::distribution::normal_reach;
use crate::error::{check_level, check_range};
use crate::{Estimate, StatsError};
use std::f64::consts::LN_2;

/// Half a case is added to what was observed and to what was expected.
const SHRINKAGE: f64 = 0.5;

/// The information component with half a case added on both sides, `log2((observed + 0.5) / (expected + 0.5))`, and its
/// credibility interval by quantiles of the gamma distribution.
///
/// Few cases stay near 0, so a single one never stands out. `expected` may come from strata.
///
/// # Units
/// Powers of two: 0 is as expected, 1 twice as many. `level` is the coverage.
///
/// # Errors
/// [`StatsError::Range`] for an expected count below 0 or not finite, and a level outside 0 to 1.
///
/// # Source
/// Noren, Hopstadius and Bate 2013, doi:10.1177/0962280211403604 (equations 3 and 4)
pub fn information_component(observed: u64, expected: f64, level: f64) -> Result<Estimate, StatsError> {
    check_range("expected count", expected, 0.0, f64::MAX)?;
    check_level(level)?;
    let (shape, rate) = (observed as f64 + SHRINKAGE, expected + SHRINKAGE);
    let part = [GammaShare { share: 1.0, shape, rate }];
    let at = |below: f64| mixture_quantile(&part, below).log2();
    Ok(Estimate {
        value: (shape / rate).log2(),
        low: at((1.0 - level) / 2.0),
        high: at(f64::midpoint(1.0, level)),
    })
}

/// As [`information_component`] at 95 %, by the closed formula that WHO's monitoring center publishes.
///
/// # Units
/// As there.
///
/// # Errors
/// [`StatsError::Range`] for an expected count below 0 or not finite.
///
/// # Source
/// Noren, Hopstadius and Bate 2013, doi:10.1177/0962280211403604 (appendix)
pub fn information_component_approximate(observed: u64, expected: f64) -> Result<Estimate, StatsError> {
    check_range("expected count", expected, 0.0, f64::MAX)?;
    let shape = observed as f64 + SHRINKAGE;
    let value = (shape / (expected + SHRINKAGE)).log2();
    Ok(Estimate {
        value,
        low: value - 3.3 * shape.powf(-0.5) - 2.0 * shape.powf(-1.5),
        high: value + 2.4 * shape.powf(-0.5) - 0.5 * shape.powf(-1.5),
    })
}

/// The information component of the Bayesian confidence propagation neural network (BCPNN): mean and variance under
/// beta priors of the margins and of the pair, and the normal interval of these.
///
/// The prior of the pair is that drug and event have nothing to do with each other. It shrinks less than half a case
/// does; [`information_component`] is what the monitoring center uses today.
///
/// # Units
/// Powers of two. `level` is the coverage.
///
/// # Errors
/// [`StatsError`] without a case, or for a level outside 0 to 1.
///
/// # Source
/// Bate et al. 1998, doi:10.1007/s002280050466; moments: Gould 2003, doi:10.1002/pds.771
pub fn information_component_of_counts(counts: &ReportCounts, level: f64) -> Result<Estimate, StatsError> {
    crate::error::check_at_least("cases", usize::try_from(counts.total()).unwrap_or(usize::MAX), 1)?;
    let z = normal_reach(level)?;
    let total = counts.total() as f64;
    let both = counts.both as f64;
    let (drug, event) = (both + counts.drug_alone as f64, both + counts.event_alone as f64);
    let (drug_prior, event_prior) = (1.0 + drug, 1.0 + event);
    // What is left of the pair's prior weight, so that its mean is the product of those of the margins.
    let rest = total - both - 1.0 + (2.0 + total).powi(2) / (event_prior * drug_prior);
    let all = 2.0 + total;
    let pair = 1.0 + both;
    let mean = digamma(pair)
        - digamma(pair + rest)
        - (digamma(drug_prior) - digamma(all))
        - (digamma(event_prior) - digamma(all));
    let variance = trigamma(pair) - trigamma(pair + rest) + trigamma(drug_prior) - trigamma(all)
        + trigamma(event_prior)
        - trigamma(all);
    Ok(Estimate::around(mean / LN_2, z * variance.max(0.0).sqrt() / LN_2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_case_of_a_rare_pair_does_not_stand_out() {
        let found = information_component(1, 0.01, 0.95).expect("sound");
        assert!(found.value > 1.0 && found.low < 0.0, "{found:?}");
        let none = information_component(0, 0.0, 0.95).expect("sound");
        assert_eq!(none.value, 0.0);
        assert!(information_component(1, -1.0, 0.95).is_err());
        assert!(information_component(1, f64::NAN, 0.95).is_err());
        assert!(information_component(1, 1.0, 0.0).is_err());
        let empty = ReportCounts { both: 0, drug_alone: 0, event_alone: 0, neither: 0 };
        assert!(information_component_of_counts(&empty, 0.95).is_err());
    }
}
