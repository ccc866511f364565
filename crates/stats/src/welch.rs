use crate::StatsError;
use crate::distribution::fisher_above;
use crate::error::check_finite;
use serde::{Deserialize, Serialize};

/// Whether the means of two samples differ by more than chance gives, whatever their variances are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WelchTest {
    /// Mean of the first less that of the second.
    pub difference: f64,
    /// That over its standard error.
    pub t: f64,
    /// Degrees of freedom, by Welch and Satterthwaite.
    pub freedom: f64,
    /// Two-sided chance of at least this difference if the means were the same.
    pub p: f64,
}

/// Welch's two-sided test of the means of two independent samples.
///
/// # Errors
/// [`StatsError::TooFew`] for fewer than two numbers in one of them, [`StatsError::NotFinite`],
/// [`StatsError::NoValue`] where neither varies.
///
/// # Source
/// Welch 1947, doi:10.1093/biomet/34.1-2.28
pub fn welch_test(first: &[f64], second: &[f64]) -> Result<WelchTest, StatsError> {
    let (one, other) = (Sample::of("first sample", first)?, Sample::of("second sample", second)?);
    let variance = one.of_mean + other.of_mean;
    if variance <= 0.0 {
        return Err(StatsError::NoValue { what: "the test of two means", reason: "neither sample varies" });
    }
    let difference = one.mean - other.mean;
    let t = difference / variance.sqrt();
    let freedom = variance * variance
        / (one.of_mean.powi(2) / (one.count - 1.0) + other.of_mean.powi(2) / (other.count - 1.0));
    Ok(WelchTest { difference, t, freedom, p: fisher_above(t * t, 1.0, freedom) })
}

struct Sample {
    count: f64,
    mean: f64,
    /// Variance of the mean.
    of_mean: f64,
}

impl Sample {
    fn of(what: &'static str, values: &[f64]) -> Result<Self, StatsError> {
        if values.len() < 2 {
            return Err(StatsError::TooFew { what, found: values.len(), expected: 2 });
        }
        check_finite(what, values)?;
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Ok(Self { count, mean, of_mean: variance / count })
    }
}

/// Chances of several tests, raised by Holm's rule so that all of them together err at the level of one.
///
/// # Shapes
/// One number a test, in the order given.
///
/// # Errors
/// [`StatsError`] for no test, or a number that is none.
///
/// # Source
/// Holm 1979, Scandinavian Journal of Statistics 6:65-70, jstor.org/stable/4615733
pub fn holm_adjusted(chances: &[f64]) -> Result<Vec<f64>, StatsError> {
    check_finite("chances", chances)?;
    let mut order: Vec<usize> = (0..chances.len()).collect();
    order.sort_by(|a, b| chances[*a].total_cmp(&chances[*b]));
    let mut adjusted = vec![0.0; chances.len()];
    let mut reached = 0.0_f64;
    for (rank, place) in order.into_iter().enumerate() {
        reached = reached.max(chances[place] * (chances.len() - rank) as f64).min(1.0);
        adjusted[place] = reached;
    }
    Ok(adjusted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_samples_worked_on_paper() {
        // Means 2 and 5, variances 1 and 4 over 3 and 3: t = -3 / sqrt(5 / 3), freedom (5/3)^2 / (1/18 + 16/18) = 50/17.
        let found = welch_test(&[1.0, 2.0, 3.0], &[3.0, 5.0, 7.0]).expect("both vary");
        assert!((found.t + 3.0 / (5.0_f64 / 3.0).sqrt()).abs() < 1e-12, "{found:?}");
        assert!((found.freedom - 50.0 / 17.0).abs() < 1e-12, "{found:?}");
        let other = welch_test(&[3.0, 5.0, 7.0], &[1.0, 2.0, 3.0]).expect("both vary");
        assert_eq!((other.t, other.p), (-found.t, found.p));
        assert!(welch_test(&[1.0], &[1.0, 2.0]).is_err());
        assert!(welch_test(&[1.0, f64::NAN], &[1.0, 2.0]).is_err());
        assert!(matches!(welch_test(&[1.0, 1.0], &[2.0, 2.0]), Err(StatsError::NoValue { .. })));
        // One that does not vary is tested against the other: t = 1 / sqrt(1 / 3), freedom 2.
        assert_eq!(welch_test(&[3.0, 3.0], &[1.0, 2.0, 3.0]).expect("one varies").freedom, 2.0);
    }

    #[test]
    fn holm_s_rule_worked_on_paper() {
        // 0.01 * 4, then 0.02 * 3, 0.03 * 2 raised to what came before, 0.5.
        assert_eq!(holm_adjusted(&[0.5, 0.01, 0.03, 0.02]), Ok(vec![0.5, 0.04, 0.06, 0.06]));
        assert_eq!(holm_adjusted(&[0.6, 0.9]), Ok(vec![1.0, 1.0]));
        assert!(holm_adjusted(&[f64::NAN]).is_err() && holm_adjusted(&[]).is_err());
    }
}
