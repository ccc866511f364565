use crate::distribution::student_reach;
use crate::{Estimate, StatsError};

/// The mean of numbers that are alike in all but chance (runs with other seeds), with Student's interval.
///
/// # Errors
/// [`StatsError`] for fewer than two numbers, one that is not finite, or a level that is not between 0 and 1.
///
/// # Source
/// Student 1908, doi:10.1093/biomet/6.1.1
pub fn mean_interval(values: &[f64], level: f64) -> Result<Estimate, StatsError> {
    if values.len() < 2 {
        return Err(StatsError::TooFew { what: "numbers", found: values.len(), expected: 2 });
    }
    if let Some(position) = values.iter().position(|value| !value.is_finite()) {
        return Err(StatsError::NotFinite { what: "number", position });
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    Ok(Estimate::around(mean, student_reach(level, count - 1.0)? * (variance / count).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_mean_worked_on_paper() {
        // Mean 3, standard error sqrt(2.5 / 5) = 0.7071, t(0.975, 4) = 2.776445 (tables).
        let found = mean_interval(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.95).expect("five numbers");
        assert!((found.value - 3.0).abs() < 1e-12);
        assert!((found.high - 3.0 - 2.776_445 * 0.5_f64.sqrt()).abs() < 1e-5, "{found:?}");
        assert!((found.low + found.high - 6.0).abs() < 1e-12);
        assert!(mean_interval(&[1.0], 0.95).is_err());
        assert!(mean_interval(&[1.0, f64::NAN], 0.95).is_err());
    }
}
