use crate::distribution::{normal_reach, student_reach};
use crate::error::{check_at_least, check_finite, check_length};
use crate::{Estimate, StatsError};
use serde::{Deserialize, Serialize};

/// How far two measurements of the same things lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitsOfAgreement {
    /// Mean of first minus second.
    pub bias: Estimate,
    /// Standard deviation of the differences.
    pub standard_deviation: f64,
    /// Below this lie few differences.
    pub lower: Estimate,
    /// Above this lie few differences.
    pub upper: Estimate,
    /// Share of differences between the limits, if they are normal.
    pub coverage: f64,
    /// Coverage of the three intervals.
    pub level: f64,
    /// Pairs measured.
    pub pairs: usize,
}

/// Bland and Altman's limits of agreement: bias and the range that holds a share `coverage` of normal
/// differences, each with its interval.
///
/// The intervals of the limits use the approximate variance of the limits and Student's distribution; they
/// assume that pairs are independent and that differences do not grow with size.
///
/// # Units
/// Those of the measurements.
///
/// # Errors
/// [`StatsError::TooFew`] for fewer than two pairs; [`StatsError`] for lists that differ in length, numbers
/// that are not finite, or a share outside 0 to 1 (exclusive).
///
/// # Source
/// Bland and Altman 1999, doi:10.1177/096228029900800204
pub fn limits_of_agreement(
    first: &[f64],
    second: &[f64],
    coverage: f64,
    level: f64,
) -> Result<LimitsOfAgreement, StatsError> {
    check_finite("first measurements", first)?;
    check_length("second measurements", second.len(), first.len())?;
    check_finite("second measurements", second)?;
    check_at_least("pairs", first.len(), 2)?;
    let width = normal_reach(coverage)?;
    let count = first.len() as f64;
    let reach = student_reach(level, count - 1.0)?;
    let differences: Vec<f64> = first.iter().zip(second).map(|(first, second)| first - second).collect();
    check_finite("differences", &differences)?;
    let bias = differences.iter().sum::<f64>() / count;
    let squares: f64 = differences.iter().map(|difference| (difference - bias).powi(2)).sum();
    let deviation = (squares / (count - 1.0)).sqrt();
    check_finite("deviation of the differences", &[bias, deviation])?;
    let limit_error = deviation * (1.0 / count + width * width / (2.0 * (count - 1.0))).sqrt();
    Ok(LimitsOfAgreement {
        bias: Estimate::around(bias, reach * deviation / count.sqrt()),
        standard_deviation: deviation,
        lower: Estimate::around(bias - width * deviation, reach * limit_error),
        upper: Estimate::around(bias + width * deviation, reach * limit_error),
        coverage,
        level,
        pairs: first.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_by_hand() {
        // Differences 1, -1, 2, 2: mean 1, deviation sqrt((0 + 4 + 1 + 1) / 3).
        let found =
            limits_of_agreement(&[2.0, 1.0, 5.0, 7.0], &[1.0, 2.0, 3.0, 5.0], 0.95, 0.95).expect("four");
        let (z, t) = (1.959_963_984_540_054_f64, 3.182_446_305_284_263);
        let deviation = 2.0_f64.sqrt();
        let check = |found: Estimate, value: f64, half: f64| {
            assert!((found.value - value).abs() < 1e-12, "{found:?}");
            assert!((found.high - value - half).abs() < 1e-9 && (value - found.low - half).abs() < 1e-9);
        };
        check(found.bias, 1.0, t * deviation / 2.0);
        let half = t * deviation * (0.25 + z * z / 6.0).sqrt();
        check(found.lower, 1.0 - z * deviation, half);
        check(found.upper, 1.0 + z * deviation, half);
    }

    #[test]
    fn a_constant_difference_has_no_width_and_few_pairs_are_refused() {
        let found = limits_of_agreement(&[1.0, 2.0, 3.0], &[0.0, 1.0, 2.0], 0.95, 0.95).expect("three");
        assert_eq!((found.bias.low, found.lower.low, found.upper.high), (1.0, 1.0, 1.0));
        assert!(limits_of_agreement(&[1.0], &[2.0], 0.95, 0.95).is_err());
        assert!(limits_of_agreement(&[1.0, 2.0], &[2.0], 0.95, 0.95).is_err());
        assert!(limits_of_agreement(&[f64::MAX, 1.0], &[f64::MIN, 1.0], 0.95, 0.95).is_err());
        assert!(limits_of_agreement(&[1.0, 2.0], &[2.0, 3.0], 1.0, 0.95).is_err());
    }
}
