use super::gamma::digamma;
use super::gamma_poisson::log_count;
use super::{GammaPoissonPrior, RatePoint};
use crate::StatsError;
use crate::descent::least;
use crate::error::{check_at_least, check_range};
use serde::{Deserialize, Serialize};

/// Which pairs the fit was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellsCounted {
    /// Only pairs with a case: the chance of none is divided out.
    Reported,
    /// All pairs of a drug and an event, also those without a case.
    All,
}

/// Where one search for the prior began and ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FitStart {
    /// Where it began.
    pub start: GammaPoissonPrior,
    /// Where it ended.
    pub prior: GammaPoissonPrior,
    /// The logarithm of the likelihood there, without constants.
    pub log_likelihood: f64,
    /// The greatest slope that was left, a pair, on the logarithms of the parameters.
    pub slope: f64,
    /// Whether it is flat there, and within the limits of the search.
    pub converged: bool,
}

/// A fitted prior, with all that is needed to believe it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GammaPoissonFit {
    /// The likeliest of what the searches found.
    pub prior: GammaPoissonPrior,
    /// The logarithm of its likelihood, without constants.
    pub log_likelihood: f64,
    /// Whether that search converged.
    pub converged: bool,
    /// Searches that ended within 0.01 of that likelihood's logarithm: one of many is no reason to believe it.
    pub agreeing: usize,
    /// Every search.
    pub starts: Vec<FitStart>,
}

/// Slope, a pair, at which a search has converged.
const FLAT: f64 = 1e-7;
/// Parameters are sought within `exp(-WALL)` to `exp(WALL)`.
const WALL: f64 = 12.0;
/// Where searches begin; the first is DuMouchel's.
const STARTS: [[f64; 5]; 5] = [
    [0.2, 0.1, 2.0, 4.0, 1.0 / 3.0],
    [2.0, 0.5, 2.0, 2.0, 0.1],
    [3.0, 0.3, 1.0, 1.0, 0.05],
    [0.5, 0.3, 5.0, 5.0, 0.5],
    [1.0, 0.1, 0.5, 1.0, 0.2],
];

/// Fits the mixture of two gamma distributions by maximum likelihood, from several starts.
///
/// # Shapes
/// At least five points; [`crate::disproportionality::squash`] makes fewer of many.
///
/// # Errors
/// [`StatsError`] for fewer than five points, a point with an expected count or a weight that is not above 0, and a
/// count of 0 where only reported pairs are counted; [`StatsError::NoValue`] if no search ends at a finite likelihood.
/// A search that does not converge is no error: see [`GammaPoissonFit::converged`].
///
/// # Source
/// DuMouchel 1999, doi:10.1080/00031305.1999.10474456 (equation 12); pairs with cases alone: DuMouchel and Pregibon
/// 2001, doi:10.1145/502512.502526
pub fn fit_gamma_poisson(points: &[RatePoint], cells: CellsCounted) -> Result<GammaPoissonFit, StatsError> {
    check_at_least("pairs", points.len(), STARTS[0].len())?;
    for point in points {
        check_range("expected count", point.expected, f64::MIN_POSITIVE, f64::MAX)?;
        check_range("pairs of a point", point.pairs, f64::MIN_POSITIVE, f64::MAX)?;
        if cells == CellsCounted::Reported {
            check_range("observed count", point.observed as f64, 1.0, f64::MAX)?;
        }
    }
    let pairs: f64 = points.iter().map(|point| point.pairs).sum();
    let search = |[alpha1, beta1, alpha2, beta2, share]: [f64; 5]| {
        let start = GammaPoissonPrior { alpha1, beta1, alpha2, beta2, share };
        let at = [alpha1.ln(), beta1.ln(), alpha2.ln(), beta2.ln(), (share / (1.0 - share)).ln()];
        let found = least(at.to_vec(), FLAT, 500, |at, slopes| {
            let value = log_likelihood(points, cells, at, slopes);
            slopes.iter_mut().for_each(|slope| *slope /= -pairs);
            -value / pairs
        });
        let mut slopes = [0.0; 5];
        let log_likelihood = log_likelihood(points, cells, &found.at, &mut slopes);
        let slope = found.gradient;
        // The line search may end a few digits above what was asked where sums of many pairs round.
        // A part that wants to be a single value or nothing at all runs to a limit.
        let is_within = found.at.iter().all(|value| value.abs() < WALL - 1.0);
        let converged = log_likelihood.is_finite() && is_within && slope <= 1e2 * FLAT;
        FitStart { start, prior: prior(&found.at), log_likelihood, slope, converged }
    };
    let starts: Vec<FitStart> = STARTS.map(search).to_vec();
    let best = starts
        .iter()
        .filter(|start| start.log_likelihood.is_finite())
        .max_by(|one, other| one.log_likelihood.total_cmp(&other.log_likelihood))
        .ok_or(StatsError::NoValue { what: "prior of the ratios", reason: "no search found a likelihood" })?;
    Ok(GammaPoissonFit {
        prior: best.prior,
        log_likelihood: best.log_likelihood,
        converged: best.converged,
        agreeing: starts
            .iter()
            .filter(|start| (start.log_likelihood - best.log_likelihood).abs() < 0.01)
            .count(),
        starts: starts.clone(),
    })
}

/// The prior of a place in the search, its parts in the order of their means.
fn prior(at: &[f64]) -> GammaPoissonPrior {
    let [alpha1, beta1, alpha2, beta2] = [0, 1, 2, 3].map(|place| at[place].exp());
    let share = crate::sigmoid(at[4], 1.0);
    if alpha1 / beta1 >= alpha2 / beta2 {
        GammaPoissonPrior { alpha1, beta1, alpha2, beta2, share }
    } else {
        GammaPoissonPrior { alpha1: alpha2, beta1: beta2, alpha2: alpha1, beta2: beta1, share: 1.0 - share }
    }
}

/// The logarithm of the likelihood, without factorials of counts; its slopes are written into `slopes`.
fn log_likelihood(points: &[RatePoint], cells: CellsCounted, at: &[f64], slopes: &mut [f64]) -> f64 {
    slopes.fill(0.0);
    if at.iter().any(|value| value.is_nan() || value.abs() > WALL) {
        return f64::NEG_INFINITY;
    }
    let [alpha1, beta1, alpha2, beta2] = [0, 1, 2, 3].map(|place| at[place].exp());
    let parts = [(alpha1, beta1), (alpha2, beta2)];
    let bases = parts.map(|(alpha, _)| digamma(alpha));
    let share = crate::sigmoid(at[4], 1.0);
    let shares = [share.ln(), crate::sigmoid(-at[4], 1.0).ln()];
    let mut sum = 0.0;
    for point in points {
        let (count, expected) = (point.observed as f64, point.expected);
        let mut logs = [0.0; 2];
        let mut slope = [[0.0; 2]; 2];
        for (part, (alpha, beta)) in parts.into_iter().enumerate() {
            let total = beta + expected;
            let none = (beta / total).ln();
            logs[part] = shares[part] + log_count(count, expected, alpha, beta);
            // The slope of `none` by beta.
            let by_beta = 1.0 / beta - 1.0 / total;
            slope[part] = [digamma(alpha + count) - bases[part] + none, alpha * by_beta - count / total];
            if cells == CellsCounted::Reported {
                // Divided by the chance of at least one case.
                let some = -(alpha * none).exp_m1();
                let odds = (alpha * none).exp() / some;
                logs[part] -= some.ln();
                slope[part][0] += odds * none;
                slope[part][1] += odds * alpha * by_beta;
            }
        }
        let greater = logs[0].max(logs[1]);
        let log = greater + ((logs[0] - greater).exp() + (logs[1] - greater).exp()).ln();
        sum += point.pairs * log;
        let of_first = (logs[0] - log).exp();
        for (part, chance) in [of_first, 1.0 - of_first].into_iter().enumerate() {
            let weight = point.pairs * chance;
            slopes[2 * part] += weight * slope[part][0] * parts[part].0;
            slopes[2 * part + 1] += weight * slope[part][1] * parts[part].1;
        }
        slopes[4] += point.pairs * (of_first - share);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disproportionality::gamma::ln_gamma;

    fn points() -> Vec<RatePoint> {
        // Counts of a made-up table: most as expected, some five times.
        (1..200_u32)
            .map(|place| {
                let expected = 0.2 + f64::from(place % 13) / 4.0;
                let rate = if place % 9 == 0 { 5.0 } else { 0.9 };
                RatePoint { observed: 1 + (expected * rate) as u64, expected, pairs: 1.0 }
            })
            .collect()
    }

    #[test]
    fn slopes_agree_with_differences() {
        let at = [0.3, -0.7, 0.9, 0.4, -1.5];
        for cells in [CellsCounted::Reported, CellsCounted::All] {
            let mut slopes = [0.0; 5];
            log_likelihood(&points(), cells, &at, &mut slopes);
            for place in 0..5 {
                let moved = |by: f64| {
                    let mut at = at;
                    at[place] += by;
                    log_likelihood(&points(), cells, &at, &mut [0.0; 5])
                };
                let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert!(
                    (slopes[place] - difference).abs() < 1e-4 * (1.0 + difference.abs()),
                    "{cells:?} {place}: {} for {difference}",
                    slopes[place]
                );
            }
        }
    }

    #[test]
    fn weights_are_as_pairs_said_again() {
        let twice: Vec<RatePoint> = points().iter().flat_map(|point| [*point; 2]).collect();
        let weighted: Vec<RatePoint> =
            points().iter().map(|point| RatePoint { pairs: 2.0, ..*point }).collect();
        let at = [0.3, -0.7, 0.9, 0.4, -1.5];
        let value = |points: &[RatePoint]| log_likelihood(points, CellsCounted::Reported, &at, &mut [0.0; 5]);
        assert!((value(&twice) - value(&weighted)).abs() < 1e-9);
        assert!(value(&twice).is_finite());
    }

    #[test]
    fn too_few_pairs_and_pairs_without_a_case_are_refused() {
        assert!(fit_gamma_poisson(&points()[..4], CellsCounted::Reported).is_err());
        let mut none = points();
        none[3].observed = 0;
        assert!(fit_gamma_poisson(&none, CellsCounted::Reported).is_err());
        assert!(fit_gamma_poisson(&none, CellsCounted::All).is_ok());
        none[3].expected = 0.0;
        assert!(fit_gamma_poisson(&none, CellsCounted::All).is_err());
    }

    #[test]
    fn the_constant_left_out_is_that_of_the_counts() {
        // One part, one case expected: the chance of two cases under shape 1 and rate 1 is (1/2)^3.
        let log = log_count(2.0, 1.0, 1.0, 1.0) - ln_gamma(3.0);
        assert!((log - 0.125_f64.ln()).abs() < 1e-12);
    }
}
