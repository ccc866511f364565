use crate::StatsError;
use crate::error::{check_finite, check_range};

/// What a median absolute deviation is multiplied by to estimate the standard deviation of a normal
/// distribution: 1 over its 0.75 quantile.
///
/// # Source
/// Rousseeuw and Croux 1993, doi:10.1080/01621459.1993.10476408
pub const MAD_TO_SIGMA: f64 = 1.482_602_218_505_602;

/// The value below which a `share` of the values lie, with linear interpolation between neighbors.
///
/// This is type 7 of Hyndman and Fan, the default of NumPy and R.
///
/// # Units
/// Those of `values`.
///
/// # Errors
/// [`StatsError`] if there is no value, one is not finite, or `share` is outside 0 to 1.
///
/// # Source
/// Hyndman and Fan 1996, doi:10.1080/00031305.1996.10473566
pub fn quantile(values: &[f64], share: f64) -> Result<f64, StatsError> {
    check_finite("values", values)?;
    check_range("share", share, 0.0, 1.0)?;
    Ok(quantile_of_sorted(&sorted(values), share))
}

/// The middle value, or the mean of the two middle ones.
///
/// # Units
/// Those of `values`.
///
/// # Errors
/// [`StatsError`] if there is no value or one is not finite.
pub fn median(values: &[f64]) -> Result<f64, StatsError> {
    quantile(values, 0.5)
}

/// The median distance from the median.
///
/// Multiply by [`MAD_TO_SIGMA`] to compare it with a standard deviation.
///
/// # Units
/// Those of `values`.
///
/// # Errors
/// As [`median`].
///
/// # Source
/// Hampel 1974, doi:10.1080/01621459.1974.10482962
pub fn median_absolute_deviation(values: &[f64]) -> Result<f64, StatsError> {
    let middle = median(values)?;
    let distances: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    median(&distances)
}

pub(crate) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Type 7 quantile of values that are sorted, not empty, and a share within 0 to 1.
pub(crate) fn quantile_of_sorted(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let weight = place - below as f64;
    sorted[below] + weight * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_by_hand() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(median(&values), Ok(2.5));
        assert_eq!(quantile(&values, 0.0), Ok(1.0));
        assert_eq!(quantile(&values, 1.0), Ok(4.0));
        assert_eq!(quantile(&values, 0.25), Ok(1.75)); // place 0.75 between 1 and 2
        assert_eq!(quantile(&[7.0], 0.9), Ok(7.0));
    }

    #[test]
    fn the_deviation_ignores_one_wild_value() {
        assert_eq!(median_absolute_deviation(&[1.0, 2.0, 3.0, 4.0, 1e9]), Ok(1.0));
        let sigma = 1.0 / crate::normal_quantile(0.75).expect("inside 0 to 1");
        assert!((MAD_TO_SIGMA - sigma).abs() < 1e-12);
    }

    #[test]
    fn an_impossible_share_is_refused() {
        assert!(matches!(quantile(&[1.0], 1.1), Err(StatsError::Range { .. })));
        assert!(matches!(quantile(&[1.0], f64::NAN), Err(StatsError::Range { .. })));
        assert!(matches!(median(&[]), Err(StatsError::TooFew { .. })));
    }
}
