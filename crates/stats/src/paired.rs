use crate::bootstrap::{Resampling, draw, estimate_of, members, percentile_interval, singles};
use crate::error::{check_at_least, check_length};
use crate::{BootstrapInterval, StatsError};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// How a metric of two models of the same cases differs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairedDifference {
    /// The metric of the first model.
    pub first: f64,
    /// The metric of the second model.
    pub second: f64,
    /// First minus second, with its interval over resamples of the cases.
    pub difference: BootstrapInterval,
    /// Two-sided: twice the share of resamples in which the difference is on the rarer side of 0.
    pub p: f64,
}

/// Whether a difference of two models is more than exchanging their outputs case by case gives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PermutationTest {
    /// The metric of the first model less that of the second.
    pub difference: f64,
    /// Two-sided chance of at least this difference if outputs were exchangeable.
    pub p: f64,
    /// Exchanges tried.
    pub replicates: usize,
    /// Exchanges on which the metric was undefined; they are left out.
    pub undefined: usize,
    /// Whether every exchange was tried, so that the chance is exact.
    pub exact: bool,
}

/// Bootstrap of the difference of any metric between two models on the same cases.
///
/// Both metrics see the same resamples, so that what makes a case hard for both cancels. Draws are those
/// of [`crate::bootstrap_interval`] with the same seed.
///
/// # Units
/// Those of the metric.
///
/// # Errors
/// As [`crate::bootstrap_interval`], where a difference is undefined if either metric is.
///
/// # Source
/// Efron and Tibshirani 1993, doi:10.1201/9780429246593 (chapters 13 and 16); Davison and Hinkley 1997,
/// doi:10.1017/CBO9780511802843 (section 4.4, one added to the count)
pub fn paired_bootstrap(
    cases: usize,
    settings: Resampling,
    first: impl FnMut(&[usize]) -> Option<f64>,
    second: impl FnMut(&[usize]) -> Option<f64>,
) -> Result<PairedDifference, StatsError> {
    compare(&singles(cases), settings, first, second)
}

/// As [`paired_bootstrap`], drawing whole groups of cases, such as all images of a patient.
///
/// # Errors
/// As [`paired_bootstrap`].
///
/// # Source
/// As [`crate::bootstrap_interval_by_group`].
pub fn paired_bootstrap_by_group<G: Ord>(
    group_of: &[G],
    settings: Resampling,
    first: impl FnMut(&[usize]) -> Option<f64>,
    second: impl FnMut(&[usize]) -> Option<f64>,
) -> Result<PairedDifference, StatsError> {
    let groups: Vec<Vec<usize>> = members(group_of).into_values().collect();
    compare(&groups, settings, first, second)
}

fn compare(
    groups: &[Vec<usize>],
    settings: Resampling,
    mut first: impl FnMut(&[usize]) -> Option<f64>,
    mut second: impl FnMut(&[usize]) -> Option<f64>,
) -> Result<PairedDifference, StatsError> {
    settings.check(groups.len())?;
    let of_first = estimate_of(groups, settings.replicates, &mut first)?;
    let of_second = estimate_of(groups, settings.replicates, &mut second)?;
    let values = draw(groups, settings, |rows| Some(first(rows)? - second(rows)?));
    let difference = percentile_interval(of_first - of_second, &values, settings)?;
    let at_most = values.iter().filter(|&&value| value <= 0.0).count();
    let at_least = values.iter().filter(|&&value| value >= 0.0).count();
    let rarer = at_most.min(at_least) as f64;
    let p = (2.0 * (rarer + 1.0) / (values.len() as f64 + 1.0)).min(1.0);
    Ok(PairedDifference { first: of_first, second: of_second, difference, p })
}

/// Permutation test of the difference of any metric between two models on the same cases: the outputs of
/// each case are exchanged or not, at random.
///
/// If all exchanges are no more than `replicates`, each is tried once. Outputs must mean the same in both
/// models: a metric that ranks scores across cases needs both on one scale, such as probabilities.
///
/// # Shapes
/// `first` and `second` hold the output of each model for each case, in the same order.
///
/// # Units
/// Those of the metric.
///
/// # Errors
/// [`StatsError`] if there is no case or no replicate, the lists differ in length, or the metric is
/// undefined on the models themselves or on more than half of the exchanges.
///
/// # Source
/// Good 2005, doi:10.1007/b138696; Phipson and Smyth 2010, doi:10.2202/1544-6115.1585 (one added to the
/// count)
pub fn paired_permutation<S: Clone>(
    first: &[S],
    second: &[S],
    replicates: usize,
    seed: u64,
    mut metric: impl FnMut(&[S]) -> Option<f64>,
) -> Result<PermutationTest, StatsError> {
    check_at_least("cases", first.len(), 1)?;
    check_at_least("replicates", replicates, 1)?;
    check_length("outputs of the second model", second.len(), first.len())?;
    let mut difference_of =
        |first: &[S], second: &[S]| Some(metric(first)? - metric(second)?).filter(|value| value.is_finite());
    let difference =
        difference_of(first, second).ok_or(StatsError::Undefined { undefined: replicates, replicates })?;
    let all = u32::try_from(first.len()).ok().and_then(|cases| 1_usize.checked_shl(cases));
    let all = all.filter(|&all| all > 0 && all <= replicates);
    let replicates = all.unwrap_or(replicates);
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let (mut one, mut other) = (first.to_vec(), second.to_vec());
    let (mut extreme, mut undefined) = (0_usize, 0_usize);
    // A trifle below, since the same sum in another order may differ by rounding.
    let bar = difference.abs() * (1.0 - 1e-12);
    for replicate in 0..replicates {
        for case in 0..first.len() {
            let exchange = match all {
                Some(_) => (replicate >> case) & 1 == 1,
                None => generator.random_range(0..2_u8) == 1,
            };
            let (left, right) = if exchange { (second, first) } else { (first, second) };
            one[case].clone_from(&left[case]);
            other[case].clone_from(&right[case]);
        }
        match difference_of(&one, &other) {
            Some(value) if value.abs() >= bar => extreme += 1,
            Some(_) => {}
            None => undefined += 1,
        }
    }
    if undefined > replicates / 2 {
        return Err(StatsError::Undefined { undefined, replicates });
    }
    let defined = (replicates - undefined) as f64;
    // The order found is among all exchanges, but not among random ones: there it is added.
    let p = if all.is_some() { extreme as f64 / defined } else { (extreme as f64 + 1.0) / (defined + 1.0) };
    Ok(PermutationTest { difference, p, replicates, undefined, exact: all.is_some() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Resampling = Resampling { replicates: 400, level: 0.95, seed: 8 };

    fn mean_of(values: &[f64]) -> impl FnMut(&[usize]) -> Option<f64> + '_ {
        |rows| Some(rows.iter().map(|&row| values[row]).sum::<f64>() / rows.len() as f64)
    }

    fn mean(values: &[f64]) -> Option<f64> {
        Some(values.iter().sum::<f64>() / values.len() as f64)
    }

    #[test]
    fn a_model_that_is_better_by_a_constant_is_surely_better() {
        let second: Vec<f64> = (0..20).map(|case| f64::from(case % 7)).collect();
        let first: Vec<f64> = second.iter().map(|value| value + 1.0).collect();
        let found = paired_bootstrap(20, SETTINGS, mean_of(&first), mean_of(&second)).expect("means");
        assert!((found.difference.low - 1.0).abs() < 1e-12 && (found.difference.high - 1.0).abs() < 1e-12);
        assert_eq!(found.p, 2.0 / 401.0);
        let patients: Vec<usize> = (0..20).map(|case| case / 2).collect();
        let grouped = paired_bootstrap_by_group(&patients, SETTINGS, mean_of(&first), mean_of(&second));
        assert!(grouped.is_ok_and(|grouped| grouped.first == found.first && grouped.p == found.p));
    }

    #[test]
    fn a_model_does_not_differ_from_itself() {
        let values: Vec<f64> = (0..20).map(|case| f64::from(case % 7)).collect();
        let found = paired_bootstrap(20, SETTINGS, mean_of(&values), mean_of(&values)).expect("means");
        assert_eq!((found.difference.estimate, found.p), (0.0, 1.0));
        let found = paired_permutation(&values, &values, 100, 1, mean).expect("means");
        assert_eq!((found.difference, found.p, found.exact), (0.0, 1.0, false));
    }

    #[test]
    fn every_exchange_of_few_cases_is_tried() {
        // Differences 1, 2, 3: sums of all signs reach 6 twice in eight; 1, 2, -3 gives 0.
        let found = paired_permutation(&[1.0, 2.0, 3.0], &[0.0; 3], 8, 1, mean).expect("means");
        assert_eq!((found.p, found.replicates, found.exact), (0.25, 8, true));
        let found = paired_permutation(&[1.0, 2.0, 0.0], &[0.0, 0.0, 1.0], 8, 1, mean).expect("means");
        // Differences 1, 2, -1 sum to 2: sums are +-4, +-2, +-2, 0, 0.
        assert_eq!(found.p, 6.0 / 8.0);
    }

    #[test]
    fn a_metric_without_a_value_and_lists_that_do_not_fit_are_refused() {
        let never = paired_permutation(&[1.0], &[2.0], 10, 1, |_| None);
        assert_eq!(never, Err(StatsError::Undefined { undefined: 10, replicates: 10 }));
        assert!(paired_permutation(&[1.0], &[2.0, 3.0], 10, 1, mean).is_err());
        assert!(paired_permutation::<f64>(&[], &[], 10, 1, mean).is_err());
        assert!(paired_bootstrap(0, SETTINGS, |_| Some(1.0), |_| Some(1.0)).is_err());
        assert!(paired_bootstrap(3, SETTINGS, |_| None, |_| Some(1.0)).is_err());
    }
}
