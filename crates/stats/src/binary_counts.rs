use crate::StatsError;
use crate::distribution::normal_reach;
use crate::error::{check_at_least, check_length, check_range};
use crate::{Estimate, sigmoid};
use serde::{Deserialize, Serialize};

/// The four counts of a yes-or-no test.
///
/// ```
/// use wilhelm_stats::BinaryCounts;
///
/// let counts = BinaryCounts { true_positives: 90, false_negatives: 10, false_positives: 20, true_negatives: 80 };
/// let site = counts.predictive_values(0.01, 0.95)?;
/// // One in a hundred has it: a call is right in 4 of 100.
/// assert!(site.positive.is_some_and(|value| (value.value - 0.0435).abs() < 1e-4));
/// # Ok::<(), wilhelm_stats::StatsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinaryCounts {
    /// Positive cases that were called.
    pub true_positives: u64,
    /// Positive cases that were not called.
    pub false_negatives: u64,
    /// Negative cases that were called.
    pub false_positives: u64,
    /// Negative cases that were not called.
    pub true_negatives: u64,
}

/// What a call means where the condition is as common as stated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PredictiveValues {
    /// The share of calls that are right; `None` if the test never calls.
    pub positive: Option<Estimate>,
    /// The share of passes that are right; `None` if the test always calls.
    pub negative: Option<Estimate>,
    /// The share of positive cases assumed.
    pub prevalence: f64,
    /// Coverage aimed at.
    pub level: f64,
    /// Whether a count was 0, so that the intervals are those of Mercaldo's adjusted counts.
    pub adjusted: bool,
}

/// How much a call, or a pass, shifts the odds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LikelihoodRatios {
    /// Of a call: sensitivity over 1 minus specificity; `None` if a count it needs is 0.
    pub positive: Option<Estimate>,
    /// Of a pass: 1 minus sensitivity over specificity; `None` if a count it needs is 0.
    pub negative: Option<Estimate>,
    /// Coverage aimed at.
    pub level: f64,
}

impl BinaryCounts {
    /// Counts what calling scores at or above `threshold` gets right and wrong.
    ///
    /// # Errors
    /// [`StatsError`] if there is no case, the lists differ in length, or a score or the threshold is NaN.
    pub fn at(scores: &[f64], positives: &[bool], threshold: f64) -> Result<Self, StatsError> {
        crate::error::check_finite("scores", scores)?;
        crate::error::check_finite("threshold", &[threshold])?;
        let calls: Vec<bool> = scores.iter().map(|&score| score >= threshold).collect();
        Self::of_calls(&calls, positives)
    }

    /// Counts calls against what is the case.
    ///
    /// # Errors
    /// [`StatsError`] if there is no case or the lists differ in length.
    pub fn of_calls(calls: &[bool], positives: &[bool]) -> Result<Self, StatsError> {
        check_at_least("cases", calls.len(), 1)?;
        check_length("positives", positives.len(), calls.len())?;
        let mut counts =
            Self { true_positives: 0, false_negatives: 0, false_positives: 0, true_negatives: 0 };
        for pair in calls.iter().zip(positives) {
            *match pair {
                (true, true) => &mut counts.true_positives,
                (false, true) => &mut counts.false_negatives,
                (true, false) => &mut counts.false_positives,
                (false, false) => &mut counts.true_negatives,
            } += 1;
        }
        Ok(counts)
    }

    /// Positive cases that were called; `None` without positive cases.
    pub fn sensitivity(&self) -> Option<f64> {
        share(self.true_positives, self.false_negatives)
    }

    /// Negative cases that were not called; `None` without negative cases.
    pub fn specificity(&self) -> Option<f64> {
        share(self.true_negatives, self.false_positives)
    }

    /// Predictive values where a share `prevalence` of cases is positive, with intervals on the log odds.
    ///
    /// Sensitivity and specificity are carried over from where they were counted; the prevalence there
    /// plays no part. Where a count is 0 the log odds have no variance, and the interval is that of counts
    /// to which `z^2 / 2` is added (all four), which [`PredictiveValues::adjusted`] says; the value stays
    /// that of the counts as they are, and the interval is widened to hold it.
    ///
    /// # Units
    /// None: shares from 0 to 1.
    ///
    /// # Errors
    /// [`StatsError::OneKind`] without positive or negative cases; [`StatsError::Range`] for a prevalence
    /// or a level outside 0 to 1 (exclusive).
    ///
    /// # Source
    /// Mercaldo, Lau and Zhou 2007, doi:10.1002/sim.2677
    pub fn predictive_values(&self, prevalence: f64, level: f64) -> Result<PredictiveValues, StatsError> {
        let [hits, misses, alarms, passes] = self.checked()?;
        check_range("prevalence", prevalence, f64::MIN_POSITIVE, 1.0 - f64::EPSILON)?;
        let z = normal_reach(level)?;
        let adjusted = [hits, misses, alarms, passes].contains(&0.0);
        let added = if adjusted { z * z / 2.0 } else { 0.0 };
        // Of a call: hits count among positives, alarms among negatives; of a pass the other two.
        let value = |right: f64, right_kind: f64, wrong: f64, wrong_kind: f64, common: f64| {
            if right + wrong == 0.0 {
                return None;
            }
            let (right_rate, wrong_rate) = (right / right_kind, wrong / wrong_kind);
            let value = right_rate * common / (right_rate * common + wrong_rate * (1.0 - common));
            let (right, wrong) = (right + added, wrong + added);
            let (right_kind, wrong_kind) = (right_kind + 2.0 * added, wrong_kind + 2.0 * added);
            let odds = (right / right_kind * common / (wrong / wrong_kind * (1.0 - common))).ln();
            let variance = 1.0 / right - 1.0 / right_kind + 1.0 / wrong - 1.0 / wrong_kind;
            let half = z * variance.sqrt();
            let (low, high) = (sigmoid(odds - half, 1.0), sigmoid(odds + half, 1.0));
            Some(Estimate { value, low: low.min(value), high: high.max(value) })
        };
        let (positives, negatives) = (hits + misses, alarms + passes);
        Ok(PredictiveValues {
            positive: value(hits, positives, alarms, negatives, prevalence),
            negative: value(passes, negatives, misses, positives, 1.0 - prevalence),
            prevalence,
            level,
            adjusted,
        })
    }

    /// Likelihood ratios with intervals on their logarithm.
    ///
    /// # Units
    /// None: 1 says nothing, a good call is above 10, a good pass below 0.1.
    ///
    /// # Errors
    /// [`StatsError::OneKind`] without positive or negative cases; [`StatsError::Range`] for a level
    /// outside 0 to 1 (exclusive).
    ///
    /// # Source
    /// Simel, Samsa and Matchar 1991, doi:10.1016/0895-4356(91)90128-V
    pub fn likelihood_ratios(&self, level: f64) -> Result<LikelihoodRatios, StatsError> {
        let [hits, misses, alarms, passes] = self.checked()?;
        let z = normal_reach(level)?;
        let (positives, negatives) = (hits + misses, alarms + passes);
        let ratio = |of_positives: f64, of_negatives: f64| {
            if of_positives == 0.0 || of_negatives == 0.0 {
                return None;
            }
            let value = of_positives / positives / (of_negatives / negatives);
            let variance = 1.0 / of_positives - 1.0 / positives + 1.0 / of_negatives - 1.0 / negatives;
            let factor = (z * variance.sqrt()).exp();
            Some(Estimate { value, low: value / factor, high: value * factor })
        };
        Ok(LikelihoodRatios { positive: ratio(hits, alarms), negative: ratio(misses, passes), level })
    }

    /// Hits, misses, alarms and passes, with some of either kind.
    fn checked(&self) -> Result<[f64; 4], StatsError> {
        if self.sensitivity().is_none() {
            return Err(StatsError::OneKind { missing: "positive" });
        }
        if self.specificity().is_none() {
            return Err(StatsError::OneKind { missing: "negative" });
        }
        let counts = [self.true_positives, self.false_negatives, self.false_positives, self.true_negatives];
        Ok(counts.map(|count| count as f64))
    }
}

fn share(part: u64, rest: u64) -> Option<f64> {
    let whole = part as f64 + rest as f64;
    (whole > 0.0).then(|| part as f64 / whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTS: BinaryCounts =
        BinaryCounts { true_positives: 80, false_negatives: 20, false_positives: 10, true_negatives: 90 };
    const Z: f64 = 1.959_963_984_540_054;

    #[track_caller]
    fn check(found: Option<Estimate>, value: f64, low: f64, high: f64) {
        let found = found.expect("counts are there");
        for (found, expected) in [(found.value, value), (found.low, low), (found.high, high)] {
            assert!(
                (found - expected).abs() < 1e-12 * expected.max(1.0),
                "found {found}, expected {expected}"
            );
        }
    }

    #[test]
    fn predictive_values_by_hand() {
        // Sensitivity 0.8, specificity 0.9, one in five positive: odds of a call 0.16 to 0.08.
        let found = COUNTS.predictive_values(0.2, 0.95).expect("both kinds");
        let half = Z * (0.2 / 80.0 + 0.9 / 10.0_f64).sqrt();
        let share = |odds: f64| odds / (1.0 + odds);
        check(found.positive, 2.0 / 3.0, share(2.0 * (-half).exp()), share(2.0 * half.exp()));
        // Odds of a pass 0.72 to 0.04.
        let half = Z * (0.8 / 20.0 + 0.1 / 90.0_f64).sqrt();
        check(found.negative, 18.0 / 19.0, share(18.0 * (-half).exp()), share(18.0 * half.exp()));
        assert!(!found.adjusted);
    }

    #[test]
    fn an_empty_cell_still_has_an_interval_and_says_so() {
        let counts = BinaryCounts { false_positives: 0, true_negatives: 100, ..COUNTS };
        let found = counts.predictive_values(0.2, 0.95).expect("both kinds");
        let positive = found.positive.expect("it calls");
        assert!(found.adjusted && positive.value == 1.0 && positive.high == 1.0);
        assert!(positive.low > 0.5 && positive.low < 0.99, "{positive:?}");
        let ratios = counts.likelihood_ratios(0.95).expect("both kinds");
        assert!(ratios.positive.is_none() && ratios.negative.is_some());
    }

    #[test]
    fn likelihood_ratios_by_hand() {
        let found = COUNTS.likelihood_ratios(0.95).expect("both kinds");
        let factor = (Z * (1.0 / 80.0 - 0.01 + 0.1 - 0.01_f64).sqrt()).exp();
        check(found.positive, 8.0, 8.0 / factor, 8.0 * factor);
        let factor = (Z * (1.0 / 20.0 - 0.01 + 1.0 / 90.0 - 0.01_f64).sqrt()).exp();
        check(found.negative, 2.0 / 9.0, 2.0 / 9.0 / factor, 2.0 / 9.0 * factor);
    }

    #[test]
    fn calls_are_counted_and_a_missing_kind_is_named() {
        let found = BinaryCounts::at(&[0.9, 0.5, 0.5, 0.1], &[true, true, false, true], 0.5);
        let expected =
            BinaryCounts { true_positives: 2, false_negatives: 1, false_positives: 1, true_negatives: 0 };
        assert_eq!(found, Ok(expected));
        let one = BinaryCounts { false_positives: 0, true_negatives: 0, ..COUNTS };
        assert_eq!(one.specificity(), None);
        assert_eq!(one.likelihood_ratios(0.95), Err(StatsError::OneKind { missing: "negative" }));
        assert!(one.predictive_values(0.1, 0.95).is_err() && COUNTS.predictive_values(0.0, 0.95).is_err());
        assert!(BinaryCounts::of_calls(&[], &[]).is_err() && BinaryCounts::of_calls(&[true], &[]).is_err());
    }
}
