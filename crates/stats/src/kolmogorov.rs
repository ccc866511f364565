use crate::StatsError;
use crate::distribution::kolmogorov_above;
use crate::error::check_finite;
use crate::order::sorted;
use serde::{Deserialize, Serialize};

/// Samples of at most this many values each get an exact chance.
pub const KOLMOGOROV_EXACT_LIMIT: usize = 5_000;

/// How far the distributions of two samples lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KolmogorovSmirnov {
    /// The largest distance between the shares of both samples at or below a value.
    pub statistic: f64,
    /// The value where it is reached, the least of several.
    pub location: f64,
    /// Chance of at least this distance if both came from one distribution without ties.
    pub p: f64,
    /// Whether the chance counts all orders of the values; otherwise it is that of endless samples.
    pub exact: bool,
}

/// The two-sample test of Kolmogorov and Smirnov, two-sided.
///
/// Ties make the chance too large, never too small. With many cases the least shift is certain: read the
/// statistic beside the chance.
///
/// # Units
/// The statistic is a difference of shares, from 0 to 1.
///
/// # Errors
/// [`StatsError`] if a sample is empty or holds a number that is not finite.
///
/// # Source
/// Smirnov 1948, doi:10.1214/aoms/1177730256; Hodges 1958, doi:10.1007/BF02589501 (exact chance)
pub fn kolmogorov_smirnov(first: &[f64], second: &[f64]) -> Result<KolmogorovSmirnov, StatsError> {
    check_finite("first sample", first)?;
    check_finite("second sample", second)?;
    let (first, second) = (sorted(first), sorted(second));
    let (m, n) = (first.len() as u128, second.len() as u128);
    let (mut below_first, mut below_second) = (0, 0);
    let (mut widest, mut location) = (0_u128, first[0].min(second[0]));
    while below_first < first.len() && below_second < second.len() {
        let value = first[below_first].min(second[below_second]);
        below_first += first[below_first..].iter().take_while(|&&other| other <= value).count();
        below_second += second[below_second..].iter().take_while(|&&other| other <= value).count();
        // In whole numbers, so that equal distances are equal.
        let distance = (below_first as u128 * n).abs_diff(below_second as u128 * m);
        if distance > widest {
            (widest, location) = (distance, value);
        }
    }
    let statistic = widest as f64 / (m * n) as f64;
    let exact = first.len().max(second.len()) <= KOLMOGOROV_EXACT_LIMIT;
    let p = if exact {
        // Both are small here, so nothing is cut.
        share_of_orders(first.len() as u64, second.len() as u64, widest as u64)
    } else {
        let (m, n) = (m as f64, n as f64);
        kolmogorov_above(statistic * (m / (m + n) * n).sqrt())
    };
    Ok(KolmogorovSmirnov { statistic, location, p, exact })
}

/// The share of all orders of `m` and `n` values in which the distance reaches `widest` (times `m n`).
///
/// An order is a path over the grid; of the paths to a place, as many came from the left as its column has
/// of all its steps. Shares of paths that were outside are added up, so that small ones keep their digits.
fn share_of_orders(m: u64, n: u64, widest: u64) -> f64 {
    let outside = |i: u64, j: u64| (i * n).abs_diff(j * m) >= widest;
    let mut shares = vec![0.0_f64; n as usize + 1];
    for i in 0..=m {
        let mut left = 0.0;
        for j in 0..=n {
            let share = &mut shares[j as usize];
            *share = if outside(i, j) {
                1.0
            } else {
                // At the start no step is taken, and nothing was outside.
                let steps = (i + j).max(1) as f64;
                (i as f64 * *share + j as f64 * left) / steps
            };
            left = *share;
        }
    }
    shares[n as usize].min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_apart_by_hand() {
        // Of the 20 orders of three and three values two are fully apart.
        let found = kolmogorov_smirnov(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]).expect("numbers");
        assert_eq!((found.statistic, found.location, found.exact), (1.0, 3.0, true));
        assert!((found.p - 0.1).abs() < 1e-15);
        // Two against three, distance 2/3: of ten orders only abbab, abbba, babab and babba never reach it.
        let found = kolmogorov_smirnov(&[1.0, 3.5], &[2.0, 3.0, 5.0]).expect("numbers");
        assert!((found.statistic - 0.5).abs() < 1e-15);
        let found = kolmogorov_smirnov(&[3.0, 3.5], &[1.0, 2.0, 5.0]).expect("numbers");
        assert!((found.statistic - 2.0 / 3.0).abs() < 1e-15 && (found.p - 0.6).abs() < 1e-15, "{found:?}");
    }

    #[test]
    fn equal_samples_do_not_differ() {
        let found = kolmogorov_smirnov(&[1.0, 2.0, 2.0], &[2.0, 1.0, 2.0]).expect("numbers");
        assert_eq!((found.statistic, found.p), (0.0, 1.0));
    }

    #[test]
    fn the_exact_and_the_endless_chance_are_near_for_many_values() {
        let first: Vec<f64> = (0..3000).map(f64::from).collect();
        let second: Vec<f64> = (0..2900).map(|value| f64::from(value) * 1.06 + 0.5).collect();
        let found = kolmogorov_smirnov(&first, &second).expect("numbers");
        let endless = kolmogorov_above(found.statistic * (3000.0 * 2900.0 / 5900.0_f64).sqrt());
        assert!(found.exact && (found.p / endless - 1.0).abs() < 0.05, "{found:?} and {endless}");
        let long: Vec<f64> = (0..=KOLMOGOROV_EXACT_LIMIT).map(|value| value as f64).collect();
        assert!(kolmogorov_smirnov(&long, &second).is_ok_and(|found| !found.exact && found.p < 1e-9));
        assert!(kolmogorov_smirnov(&[], &[1.0]).is_err());
        assert!(kolmogorov_smirnov(&[1.0], &[f64::NAN]).is_err());
    }
}
