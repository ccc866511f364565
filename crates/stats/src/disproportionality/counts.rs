use crate::distribution::{normal_reach, normal_two_sided};
use crate::{Estimate, StatsError};
use serde::{Deserialize, Serialize};

/// The fourfold table of a drug and an event, in cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportCounts {
    /// Cases with the drug and the event (a).
    pub both: u64,
    /// Cases with the drug without the event (b).
    pub drug_alone: u64,
    /// Cases with the event without the drug (c).
    pub event_alone: u64,
    /// Cases without either (d).
    pub neither: u64,
}

/// A ratio with its interval, or why it has none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum SignalRatio {
    /// The ratio and its interval.
    Defined(Estimate),
    /// No ratio, or none whose interval means anything.
    Undefined {
        /// Why.
        reason: UndefinedRatio,
        /// The ratio, where it is finite all the same.
        value: Option<f64>,
    },
}

/// Why a ratio has no value or no variance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndefinedRatio {
    /// No case has both.
    NoReports,
    /// There are no cases without the drug to compare with.
    NoOtherCases,
    /// The event was never reported without the drug: the ratio is infinite.
    EventOnlyWithDrug,
    /// Each case with the drug has the event, which makes the variance of that share 0 even for a single case.
    DrugOnlyWithEvent,
    /// Each case without the drug has the event, which makes the variance of that share 0.
    EventInAllOthers,
}

/// Pearson's test of a fourfold table.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChiSquared {
    /// The statistic, of one degree of freedom.
    pub statistic: f64,
    /// The chance of at least this statistic if drug and event had nothing to do with each other; two-sided.
    pub p: f64,
}

impl ReportCounts {
    /// All cases.
    pub fn total(&self) -> u64 {
        self.both + self.drug_alone + self.event_alone + self.neither
    }

    /// Cases that would have both if drug and event had nothing to do with each other.
    ///
    /// # Units
    /// Cases; 0 without any.
    pub fn expected(&self) -> f64 {
        let [a, b, c, _] = self.numbers();
        let total = self.total() as f64;
        if total > 0.0 { (a + b) * (a + c) / total } else { 0.0 }
    }

    /// The share of the drug's cases that have the event, over that share among all other cases (PRR).
    ///
    /// # Units
    /// None: 1 is no more than elsewhere. `level` is the coverage, for example 0.95.
    ///
    /// # Errors
    /// [`StatsError::Range`] for a level outside 0 to 1.
    ///
    /// # Source
    /// Evans, Waller and Davis 2001, doi:10.1002/pds.677; the interval is normal on the logarithm
    pub fn proportional_reporting_ratio(&self, level: f64) -> Result<SignalRatio, StatsError> {
        let z = normal_reach(level)?;
        let [a, b, c, d] = self.numbers();
        let value = a / (a + b) / (c / (c + d));
        let variance = 1.0 / a - 1.0 / (a + b) + 1.0 / c - 1.0 / (c + d);
        Ok(self.ratio(value, variance, z))
    }

    /// The odds of the event among the drug's cases over its odds among all others (ROR).
    ///
    /// # Units
    /// As [`Self::proportional_reporting_ratio`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Source
    /// Van Puijenbroek et al. 2002, doi:10.1002/pds.668; the interval is Woolf's
    pub fn reporting_odds_ratio(&self, level: f64) -> Result<SignalRatio, StatsError> {
        let z = normal_reach(level)?;
        let [a, b, c, d] = self.numbers();
        let variance = 1.0 / a + 1.0 / b + 1.0 / c + 1.0 / d;
        Ok(self.ratio(a * d / (b * c), variance, z))
    }

    /// Pearson's statistic, with Yates' correction if `is_corrected`; `None` if a row or a column is empty.
    ///
    /// The correction takes half a case off each distance, and no more than the distance.
    ///
    /// # Source
    /// Yates 1934, doi:10.2307/2983604
    pub fn chi_squared(&self, is_corrected: bool) -> Option<ChiSquared> {
        let [a, b, c, d] = self.numbers();
        let margins = (a + b) * (c + d) * (a + c) * (b + d);
        if margins == 0.0 {
            return None;
        }
        let total = a + b + c + d;
        let correction = if is_corrected { total / 2.0 } else { 0.0 };
        let distance = ((a * d - b * c).abs() - correction).max(0.0);
        let statistic = total * distance * distance / margins;
        Some(ChiSquared { statistic, p: normal_two_sided(statistic.sqrt()) })
    }

    /// Fisher's exact chance of at least as many cases with both, all margins as they are; one-sided.
    ///
    /// # Source
    /// Fisher 1922, doi:10.2307/2340521
    pub fn fisher_above(&self) -> f64 {
        let [a, b, c, d] = self.numbers();
        // Each side is summed from where it is greatest: far below it the first chance is too small for a number.
        if a > self.expected() {
            tail(a, b, c, d).min(1.0)
        } else if a == 0.0 || d == 0.0 {
            1.0
        } else {
            // One case fewer with both is one more with either alone: the other diagonal.
            (1.0 - tail(b + 1.0, a - 1.0, d - 1.0, c + 1.0)).max(0.0)
        }
    }

    fn numbers(&self) -> [f64; 4] {
        [self.both, self.drug_alone, self.event_alone, self.neither].map(|count| count as f64)
    }

    fn ratio(&self, value: f64, variance: f64, z: f64) -> SignalRatio {
        let reason = match (self.both, self.drug_alone, self.event_alone, self.neither) {
            (_, _, 0, 0) => UndefinedRatio::NoOtherCases,
            (0, ..) => UndefinedRatio::NoReports,
            (_, _, 0, _) => UndefinedRatio::EventOnlyWithDrug,
            (_, 0, ..) => UndefinedRatio::DrugOnlyWithEvent,
            (.., 0) => UndefinedRatio::EventInAllOthers,
            _ => {
                let half = z * variance.sqrt();
                let (low, high) = (value * (-half).exp(), value * half.exp());
                return SignalRatio::Defined(Estimate { value, low, high });
            }
        };
        SignalRatio::Undefined { reason, value: value.is_finite().then_some(value) }
    }
}

/// The chance of at least `a` in the first cell, all margins as they are.
fn tail(a: f64, b: f64, c: f64, d: f64) -> f64 {
    let factorial = |count: f64| libm::lgamma(count + 1.0);
    let margins = factorial(a + b) + factorial(c + d) + factorial(a + c) + factorial(b + d);
    let cells = factorial(a) + factorial(b) + factorial(c) + factorial(d);
    let mut term = (margins - cells - factorial(a + b + c + d)).exp();
    let (mut sum, mut moved) = (0.0, 0.0);
    while term > sum * f64::EPSILON / 16.0 {
        sum += term;
        // One case more has both, one less has either alone.
        term *= (b - moved) * (c - moved) / ((a + moved + 1.0) * (d + moved + 1.0));
        moved += 1.0;
    }
    sum
}

impl SignalRatio {
    /// The lower end of its interval; `None` if it has none.
    pub fn low(&self) -> Option<f64> {
        match self {
            Self::Defined(estimate) => Some(estimate.low),
            Self::Undefined { .. } => None,
        }
    }
}

/// Places of the ratios from the greatest lower end to the least; those without an interval come last.
///
/// Ranking by the ratio itself would put pairs with one case first. Equal ones keep their order.
pub fn rank_by_lower_end(ratios: &[SignalRatio]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..ratios.len()).collect();
    let low = |place: &usize| ratios[*place].low().unwrap_or(f64::NEG_INFINITY);
    places.sort_by(|one, other| low(other).total_cmp(&low(one)));
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(a: u64, b: u64, c: u64, d: u64) -> ReportCounts {
        ReportCounts { both: a, drug_alone: b, event_alone: c, neither: d }
    }

    #[test]
    fn a_drug_with_a_single_case_does_not_rank_first() {
        // The only case of the drug has the event: the variance of the share 1/1 comes out as 0, and a program that
        // believes it reports p = 0.
        let single = counts(1, 0, 64_271, 1_132_215);
        let found = single.proportional_reporting_ratio(0.95).expect("a level");
        let SignalRatio::Undefined { reason, value } = found else { panic!("{found:?}") };
        assert_eq!(reason, UndefinedRatio::DrugOnlyWithEvent);
        assert!(value.is_some_and(|value| (value - 18.616_266).abs() < 1e-3), "{value:?}");
        let weak = counts(5, 95, 400, 9500).proportional_reporting_ratio(0.95).expect("a level");
        let strong = counts(50, 50, 400, 9500).proportional_reporting_ratio(0.95).expect("a level");
        assert_eq!(rank_by_lower_end(&[found, weak, strong]), [2, 1, 0]);
    }

    #[test]
    fn tables_with_a_0_say_why_they_have_no_ratio() {
        for (table, expected) in [
            (counts(0, 5, 5, 90), UndefinedRatio::NoReports),
            (counts(5, 5, 0, 0), UndefinedRatio::NoOtherCases),
            (counts(0, 0, 0, 0), UndefinedRatio::NoOtherCases),
            (counts(5, 5, 0, 90), UndefinedRatio::EventOnlyWithDrug),
            (counts(5, 0, 5, 90), UndefinedRatio::DrugOnlyWithEvent),
            (counts(5, 5, 90, 0), UndefinedRatio::EventInAllOthers),
        ] {
            for found in [table.proportional_reporting_ratio(0.95), table.reporting_odds_ratio(0.95)] {
                let found = found.expect("a level");
                assert!(
                    matches!(found, SignalRatio::Undefined { reason, .. } if reason == expected),
                    "{table:?}: {found:?}"
                );
            }
        }
        assert_eq!(counts(0, 0, 5, 90).chi_squared(true), None);
        assert_eq!(counts(0, 0, 0, 0).expected(), 0.0);
        assert!(counts(1, 1, 1, 1).proportional_reporting_ratio(1.0).is_err());
    }

    #[test]
    fn a_table_worked_on_paper() {
        // Chances 3/4 and 1/4 of four each: odds ratio 9, chi squared 8 (9 - 1)^2 / 256 = 2, corrected 8 * 4^2 / 256.
        let table = counts(3, 1, 1, 3);
        assert_eq!(table.chi_squared(false).map(|found| found.statistic), Some(2.0));
        assert_eq!(table.chi_squared(true).map(|found| found.statistic), Some(0.5));
        assert!(
            matches!(table.reporting_odds_ratio(0.95), Ok(SignalRatio::Defined(ratio)) if ratio.value == 9.0)
        );
        // The lady tasting tea: 17 of 70.
        assert!((table.fisher_above() - 17.0 / 70.0).abs() < 1e-12);
        assert!((counts(0, 4, 4, 0).fisher_above() - 1.0).abs() < 1e-12);
        // All but none at all, which is one way in seventy.
        assert!((counts(1, 3, 3, 1).fisher_above() - (1.0 - 1.0 / 70.0)).abs() < 1e-12);
        // A million cases fewer than expected: nothing is surer than at least so many.
        assert_eq!(counts(10, 999_990, 999_990, 1_000_000).fisher_above(), 1.0);
        assert_eq!(table.expected(), 2.0);
    }
}
