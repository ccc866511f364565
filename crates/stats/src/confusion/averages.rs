use super::{ClassRates, ConfusionMatrix};
use crate::{StatsError, wilson_interval};
use serde::{Deserialize, Serialize};

/// How the rates of the classes become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Averaging {
    /// Each class counts alike.
    Macro,
    /// Counts of all classes are added up first: each case counts alike.
    Micro,
    /// Each class counts by its cases.
    Weighted,
}

/// The rates of all classes in one; a rate that no class has is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AverageRates {
    /// Recall.
    pub sensitivity: Option<f64>,
    /// True negatives of all actual negatives.
    pub specificity: Option<f64>,
    /// Positive predictive value.
    pub precision: Option<f64>,
    /// Other calls that were right.
    pub negative_predictive_value: Option<f64>,
    /// Harmonic mean of sensitivity and precision of each class, then averaged.
    pub f1: Option<f64>,
}

/// The Wilson intervals of the rates of a class: lower and upper end, or `None` as the rate itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassIntervals {
    /// Of the sensitivity.
    pub sensitivity: Option<(f64, f64)>,
    /// Of the specificity.
    pub specificity: Option<(f64, f64)>,
    /// Of the precision.
    pub precision: Option<(f64, f64)>,
    /// Of the negative predictive value.
    pub negative_predictive_value: Option<(f64, f64)>,
    /// Coverage aimed at.
    pub level: f64,
}

impl ClassRates {
    /// The mean of sensitivity and specificity of the class, if it has both.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        Some(f64::midpoint(self.sensitivity?, self.specificity?))
    }
}

impl ConfusionMatrix {
    /// The rates of all classes in one.
    ///
    /// A class that lacks a rate (no case, or never called) takes no part in the mean of that rate; its
    /// absence shows in [`ConfusionMatrix::rates`].
    ///
    /// # Source
    /// Sokolova and Lapalme 2009, doi:10.1016/j.ipm.2009.03.002
    pub fn average(&self, averaging: Averaging) -> AverageRates {
        if averaging == Averaging::Micro {
            // Wider than a count: every class adds all cases once.
            let mut sums = [0_u128; 4];
            for class in 0..self.classes() {
                sums.iter_mut().zip(self.quadrants(class)).for_each(|(sum, own)| *sum += u128::from(own));
            }
            let [hits, misses, alarms, passes] = sums;
            let share = |part: u128, whole: u128| (whole > 0).then(|| part as f64 / whole as f64);
            return AverageRates {
                sensitivity: share(hits, hits + misses),
                specificity: share(passes, passes + alarms),
                precision: share(hits, hits + alarms),
                negative_predictive_value: share(passes, passes + misses),
                f1: share(2 * hits, 2 * hits + misses + alarms),
            };
        }
        let rates: Vec<ClassRates> = (0..self.classes()).map(|class| self.rates(class)).collect();
        let mean = |rate: fn(&ClassRates) -> Option<f64>| {
            let weight =
                |class: &ClassRates| if averaging == Averaging::Macro { 1.0 } else { class.cases as f64 };
            let (sum, weights) = rates
                .iter()
                .filter_map(|class| Some((rate(class)?, weight(class))))
                .fold((0.0, 0.0), |(sum, weights), (rate, weight)| (sum + weight * rate, weights + weight));
            (weights > 0.0).then(|| sum / weights)
        };
        AverageRates {
            sensitivity: mean(|class| class.sensitivity),
            specificity: mean(|class| class.specificity),
            precision: mean(|class| class.precision),
            negative_predictive_value: mean(|class| class.negative_predictive_value),
            f1: mean(|class| class.f1),
        }
    }

    /// The correlation between actual and predicted class; for two classes that of Matthews.
    ///
    /// `None` if all cases are of one class or all are called one.
    ///
    /// # Units
    /// None: 1 is perfect, 0 is guessing, below 0 is worse than that.
    ///
    /// # Source
    /// Matthews 1975, doi:10.1016/0005-2795(75)90109-9; Gorodkin 2004,
    /// doi:10.1016/j.compbiolchem.2004.09.006 (more classes)
    pub fn matthews_correlation(&self) -> Option<f64> {
        correlation(self.counts())
    }

    /// Matthews' correlation of one class against all others; `None` as
    /// [`ConfusionMatrix::matthews_correlation`].
    ///
    /// # Panics
    /// If `class` is not below [`ConfusionMatrix::classes`].
    pub fn class_matthews_correlation(&self, class: usize) -> Option<f64> {
        let [hits, misses, alarms, passes] = self.quadrants(class);
        correlation(&[vec![hits, misses], vec![alarms, passes]])
    }

    /// The Wilson intervals of the rates of one class.
    ///
    /// # Errors
    /// [`StatsError::Range`] for a level outside 0 to 1 (exclusive).
    ///
    /// # Panics
    /// If `class` is not below [`ConfusionMatrix::classes`].
    ///
    /// # Source
    /// As [`wilson_interval`].
    pub fn rate_intervals(&self, class: usize, level: f64) -> Result<ClassIntervals, StatsError> {
        let [hits, misses, alarms, passes] = self.quadrants(class);
        let of = |part: u64, rest: u64| match part + rest {
            0 => Ok(None),
            whole => wilson_interval(part, whole, level).map(Some),
        };
        crate::error::check_level(level)?;
        Ok(ClassIntervals {
            sensitivity: of(hits, misses)?,
            specificity: of(passes, alarms)?,
            precision: of(hits, alarms)?,
            negative_predictive_value: of(passes, misses)?,
            level,
        })
    }

    /// Of one class against all others: found, missed, called wrongly, left alone.
    fn quadrants(&self, class: usize) -> [u64; 4] {
        let hits = self.count(class, class);
        let cases: u64 = self.counts()[class].iter().sum();
        let called: u64 = self.counts().iter().map(|row| row[class]).sum();
        [hits, cases - hits, called - hits, self.total() + hits - cases - called]
    }
}

/// Gorodkin's correlation of a square table.
fn correlation(counts: &[Vec<u64>]) -> Option<f64> {
    let all: f64 = counts.iter().flatten().map(|&count| count as f64).sum();
    let share = |count: u64| count as f64 / all;
    let actual: Vec<f64> = counts.iter().map(|row| row.iter().map(|&count| share(count)).sum()).collect();
    let called: Vec<f64> =
        (0..counts.len()).map(|class| counts.iter().map(|row| share(row[class])).sum()).collect();
    let right: f64 = (0..counts.len()).map(|class| share(counts[class][class])).sum();
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    // Exact emptiness is read from the counts: 1 minus a sum of squares may miss 0 by rounding.
    let varies = |counts: &mut dyn Iterator<Item = u64>| counts.filter(|&count| count > 0).count() > 1;
    let several = varies(&mut counts.iter().map(|row| row.iter().sum()))
        && varies(&mut (0..counts.len()).map(|class| counts.iter().map(|row| row[class]).sum()));
    several.then(|| {
        let spread = (1.0 - product(&actual, &actual)) * (1.0 - product(&called, &called));
        ((right - product(&actual, &called)) / spread.sqrt()).clamp(-1.0, 1.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Actual a: 3 right, 1 taken for b. Actual b: 2 right, 2 taken for a, 1 for c. No actual c.
    fn matrix() -> ConfusionMatrix {
        ConfusionMatrix::try_from(vec![vec![3, 1, 0], vec![2, 2, 1], vec![0, 0, 0]]).expect("square")
    }

    #[track_caller]
    fn check(found: Option<f64>, expected: f64) {
        assert!(found.is_some_and(|found| (found - expected).abs() < 1e-12), "found {found:?}");
    }

    #[test]
    fn averages_by_hand() {
        let macro_rates = matrix().average(Averaging::Macro);
        // Class c has no sensitivity, but a specificity of 8/9 and a precision of 0.
        check(macro_rates.sensitivity, (0.75 + 0.4) / 2.0);
        check(macro_rates.specificity, (0.6 + 0.75 + 8.0 / 9.0) / 3.0);
        check(macro_rates.precision, (0.6 + 2.0 / 3.0 + 0.0) / 3.0);
        check(macro_rates.f1, matrix().macro_f1());
        let micro = matrix().average(Averaging::Micro);
        for rate in [micro.sensitivity, micro.precision, micro.f1] {
            check(rate, matrix().accuracy());
        }
        check(micro.specificity, 14.0 / 18.0);
        let weighted = matrix().average(Averaging::Weighted);
        check(weighted.sensitivity, matrix().accuracy());
        check(weighted.precision, (4.0 * 0.6 + 5.0 * 2.0 / 3.0) / 9.0);
    }

    #[test]
    fn the_correlation_by_hand() {
        // (s * right - sum of products) / sqrt(...) with s = 9, right = 5, actual (4, 5, 0), called (5, 3, 1).
        let expected = (9.0 * 5.0 - 35.0) / ((81.0 - 35.0) * (81.0 - 41.0_f64)).sqrt();
        check(matrix().matthews_correlation(), expected);
        // a against the rest: 3 found, 1 missed, 2 called wrongly, 3 left alone.
        check(matrix().class_matthews_correlation(0), (9.0 - 2.0) / (4.0 * 5.0 * 5.0 * 4.0_f64).sqrt());
        assert_eq!(matrix().class_matthews_correlation(2), None);
        let one = ConfusionMatrix::new(2, &[0, 0], &[0, 1]).expect("two cases");
        assert_eq!(one.matthews_correlation(), None);
    }

    #[test]
    fn each_rate_has_its_interval_or_neither() {
        let intervals = matrix().rate_intervals(2, 0.95).expect("a level");
        assert_eq!(intervals.sensitivity, None);
        assert_eq!(intervals.precision, wilson_interval(0, 1, 0.95).ok());
        assert_eq!(intervals.specificity, wilson_interval(8, 9, 0.95).ok());
        check(matrix().rates(0).balanced_accuracy(), (0.75 + 0.6) / 2.0);
        assert_eq!(matrix().rates(2).balanced_accuracy(), None);
        assert!(matrix().rate_intervals(0, 1.0).is_err());
    }
}
