use crate::StatsError;
use crate::error::{check_at_least, check_level};
use crate::order::{quantile_of_sorted, sorted};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A statistic with the interval its resamples span.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BootstrapInterval {
    /// The statistic of the cases themselves.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Coverage aimed at, for example 0.95.
    pub level: f64,
    /// Resamples drawn.
    pub replicates: usize,
    /// Resamples on which the statistic was undefined; they are left out of the interval.
    pub undefined: usize,
}

/// How often cases are drawn again, how wide the interval is, and where the draws start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resampling {
    /// Resamples drawn.
    pub replicates: usize,
    /// Coverage aimed at, for example 0.95.
    pub level: f64,
    /// Start of the draws: the same seed gives the same figures on every machine.
    pub seed: u64,
}

impl Resampling {
    /// Refuses no cases, no replicates and an impossible level.
    pub(crate) fn check(self, cases: usize) -> Result<(), StatsError> {
        check_at_least("cases", cases, 1)?;
        check_at_least("replicates", self.replicates, 1)?;
        check_level(self.level)
    }
}

/// Percentile interval of a statistic by resampling cases with replacement.
///
/// `statistic` is given row numbers below `cases`, with repeats, and returns `None` where it is undefined
/// (for example an area under the curve when only one kind of case was drawn). Draws come from ChaCha8
/// with the given seed, so the same seed gives the same interval everywhere.
///
/// # Units
/// Those of the statistic.
///
/// # Errors
/// [`StatsError::Undefined`] if the statistic is undefined on the cases themselves or on more than half
/// of the resamples; [`StatsError`] for no cases, no replicates, or a level outside 0 to 1.
///
/// # Source
/// Efron and Tibshirani 1993, doi:10.1201/9780429246593 (chapter 13)
pub fn bootstrap_interval(
    cases: usize,
    replicates: usize,
    level: f64,
    seed: u64,
    statistic: impl FnMut(&[usize]) -> Option<f64>,
) -> Result<BootstrapInterval, StatsError> {
    resample(&singles(cases), replicates, level, seed, statistic)
}

/// Percentile interval of a statistic by resampling whole groups of cases with replacement.
///
/// Cases of one patient resemble each other; drawing patients instead of images keeps the interval
/// honest. `group_of[case]` names the group of each case; groups are ordered by that name, so the order
/// in which they appear does not matter to the draw.
///
/// # Errors
/// As [`bootstrap_interval`].
///
/// # Source
/// Davison and Hinkley 1997, doi:10.1017/CBO9780511802843 (section 3.8)
pub fn bootstrap_interval_by_group<G: Ord>(
    group_of: &[G],
    replicates: usize,
    level: f64,
    seed: u64,
    statistic: impl FnMut(&[usize]) -> Option<f64>,
) -> Result<BootstrapInterval, StatsError> {
    let groups: Vec<Vec<usize>> = members(group_of).into_values().collect();
    resample(&groups, replicates, level, seed, statistic)
}

fn resample(
    groups: &[Vec<usize>],
    replicates: usize,
    level: f64,
    seed: u64,
    mut statistic: impl FnMut(&[usize]) -> Option<f64>,
) -> Result<BootstrapInterval, StatsError> {
    let settings = Resampling { replicates, level, seed };
    settings.check(groups.len())?;
    let estimate = estimate_of(groups, replicates, &mut statistic)?;
    percentile_interval(estimate, &draw(groups, settings, statistic), settings)
}

/// One group a case.
pub(crate) fn singles(cases: usize) -> Vec<Vec<usize>> {
    (0..cases).map(|case| vec![case]).collect()
}

/// The cases of each group, groups in the order of their names.
pub(crate) fn members<G: Ord>(group_of: &[G]) -> BTreeMap<&G, Vec<usize>> {
    let mut groups: BTreeMap<&G, Vec<usize>> = BTreeMap::new();
    for (case, group) in group_of.iter().enumerate() {
        groups.entry(group).or_default().push(case);
    }
    groups
}

/// The statistic of the cases as they are.
pub(crate) fn estimate_of(
    groups: &[Vec<usize>],
    replicates: usize,
    statistic: &mut impl FnMut(&[usize]) -> Option<f64>,
) -> Result<f64, StatsError> {
    let all: Vec<usize> = (0..groups.iter().map(Vec::len).sum()).collect();
    statistic(&all)
        .filter(|value| value.is_finite())
        .ok_or(StatsError::Undefined { undefined: replicates, replicates })
}

/// The statistic of each resample on which it is defined, in the order of the draws.
pub(crate) fn draw(
    groups: &[Vec<usize>],
    settings: Resampling,
    mut statistic: impl FnMut(&[usize]) -> Option<f64>,
) -> Vec<f64> {
    let mut generator = ChaCha8Rng::seed_from_u64(settings.seed);
    let mut drawn = Vec::with_capacity(groups.iter().map(Vec::len).sum());
    let mut values = Vec::new();
    for _ in 0..settings.replicates {
        drawn.clear();
        for _ in 0..groups.len() {
            drawn.extend_from_slice(&groups[generator.random_range(0..groups.len())]);
        }
        values.extend(statistic(&drawn).filter(|value| value.is_finite()));
    }
    values
}

/// The interval that the values of the resamples span, unless more than half of them have none.
pub(crate) fn percentile_interval(
    estimate: f64,
    values: &[f64],
    settings: Resampling,
) -> Result<BootstrapInterval, StatsError> {
    let Resampling { replicates, level, .. } = settings;
    let undefined = replicates - values.len();
    if values.is_empty() || undefined > replicates / 2 {
        return Err(StatsError::Undefined { undefined, replicates });
    }
    let values = sorted(values);
    Ok(BootstrapInterval {
        estimate,
        low: quantile_of_sorted(&values, (1.0 - level) / 2.0),
        high: quantile_of_sorted(&values, f64::midpoint(1.0, level)),
        level,
        replicates,
        undefined,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_of(values: &[f64]) -> impl FnMut(&[usize]) -> Option<f64> + '_ {
        |rows| Some(rows.iter().map(|&row| values[row]).sum::<f64>() / rows.len() as f64)
    }

    #[test]
    fn the_same_seed_gives_the_same_interval_and_another_seed_another() {
        let values: Vec<f64> = (0..50).map(|value| f64::from(value % 7)).collect();
        let run = |seed| bootstrap_interval(50, 300, 0.9, seed, mean_of(&values)).expect("sound");
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
    }

    #[test]
    fn a_statistic_that_never_varies_has_no_width() {
        let interval = bootstrap_interval(5, 100, 0.95, 1, |_| Some(2.0)).expect("sound");
        assert_eq!((interval.low, interval.estimate, interval.high), (2.0, 2.0, 2.0));
    }

    #[test]
    fn groups_are_drawn_whole() {
        let patients = ["b", "a", "b", "c", "a", "b"];
        let interval = bootstrap_interval_by_group(&patients, 200, 0.95, 5, |rows| {
            let count = |case| rows.iter().filter(|&&row| row == case).count();
            assert_eq!(count(0), count(2));
            assert_eq!(count(0), count(5));
            assert_eq!(count(1), count(4));
            Some(rows.len() as f64)
        })
        .expect("sound");
        assert_eq!(interval.estimate, 6.0);
        // Three draws of groups of 3, 2 and 1 cases.
        assert!(interval.low >= 3.0 && interval.high <= 9.0 && interval.low < interval.high);
    }

    #[test]
    fn one_case_a_group_equals_drawing_cases() {
        let values = [1.0, 5.0, 2.0, 8.0];
        let single = bootstrap_interval(4, 50, 0.8, 9, mean_of(&values));
        assert_eq!(bootstrap_interval_by_group(&[0, 1, 2, 3], 50, 0.8, 9, mean_of(&values)), single);
    }

    #[test]
    fn undefined_resamples_are_counted_or_refused() {
        // Defined unless every draw is row 0: rare, but it happens.
        let some = |rows: &[usize]| rows.contains(&1).then_some(1.0);
        let interval = bootstrap_interval(2, 400, 0.95, 2, some).expect("three in four are defined");
        assert!(interval.undefined > 50 && interval.undefined < 150, "found {}", interval.undefined);
        let never = bootstrap_interval(2, 10, 0.95, 2, |_| None);
        assert_eq!(never, Err(StatsError::Undefined { undefined: 10, replicates: 10 }));
        let only_all = |rows: &[usize]| (rows == [0, 1, 2, 3, 4, 5]).then_some(1.0);
        assert!(matches!(bootstrap_interval(6, 10, 0.95, 2, only_all), Err(StatsError::Undefined { .. })));
    }

    #[test]
    fn impossible_settings_are_refused() {
        assert!(bootstrap_interval(0, 10, 0.95, 0, |_| Some(0.0)).is_err());
        assert!(bootstrap_interval(3, 0, 0.95, 0, |_| Some(0.0)).is_err());
        for level in [0.0, 1.0, f64::NAN] {
            assert!(bootstrap_interval(3, 10, level, 0, |_| Some(0.0)).is_err(), "{level} was accepted");
        }
    }
}
