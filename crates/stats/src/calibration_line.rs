use crate::discrimination::check_two_kinds;
use crate::distribution::normal_reach;
use crate::logistic::{fit_intercept, fit_line};
use crate::{Estimate, StatsError};
use serde::{Deserialize, Serialize};

/// How the log odds that were promised relate to those that came true.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationLine {
    /// What the promised log odds must be multiplied by: 1 is right, below 1 the promises are too extreme.
    pub slope: Estimate,
    /// What must be added after that; 0 is right if the slope is 1.
    pub intercept: Estimate,
    /// What must be added while the slope stays 1: below 0 too much is promised on the whole.
    pub in_the_large: Estimate,
    /// Coverage of the three intervals, for example 0.95.
    pub level: f64,
}

/// Cox's calibration line: the logistic regression of what happened on the log odds that were promised,
/// with Wald intervals.
///
/// # Units
/// Log odds (the slope has none).
///
/// # Errors
/// [`StatsError::NoValue`] if all log odds are equal, or a single cut parts positive from negative cases
/// so that no slope is steep enough; as [`crate::roc_auc`] otherwise.
///
/// # Source
/// Cox 1958, doi:10.1093/biomet/45.3-4.562; Van Calster et al. 2016, doi:10.1016/j.jclinepi.2015.12.005
pub fn calibration_line(
    logits: &[f64],
    positives: &[bool],
    level: f64,
) -> Result<CalibrationLine, StatsError> {
    check_two_kinds(logits, positives)?;
    let reach = normal_reach(level)?;
    let ends = |kind: bool| {
        let of_kind = logits.iter().zip(positives).filter(|(_, positive)| **positive == kind);
        of_kind.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (&logit, _)| {
            (low.min(logit), high.max(logit))
        })
    };
    let (positive, negative) = (ends(true), ends(false));
    let what = "calibration line";
    if positive.0 >= negative.1 || negative.0 >= positive.1 {
        let reason = "a single cut parts the two kinds, or all log odds are equal";
        return Err(StatsError::NoValue { what, reason });
    }
    let targets: Vec<f64> = positives.iter().map(|&positive| f64::from(u8::from(positive))).collect();
    let line = fit_line(what, logits, &targets)?;
    let (in_the_large, variance) = fit_intercept(logits, &targets);
    if !variance.is_finite() {
        return Err(StatsError::NoValue { what, reason: "all promises are certain" });
    }
    Ok(CalibrationLine {
        slope: Estimate::around(line.slope, reach * line.slope_variance.sqrt()),
        intercept: Estimate::around(line.intercept, reach * line.intercept_variance.sqrt()),
        in_the_large: Estimate::around(in_the_large, reach * variance.sqrt()),
        level,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_twice_as_bold_as_what_happened_have_slope_one_half() {
        // Log odds of -2 ln 3 and 2 ln 3 are promised; 1 in 4 and 3 in 4 came true.
        let bold = 2.0 * 3.0_f64.ln();
        let logits = [-bold, -bold, -bold, -bold, bold, bold, bold, bold];
        let positives = [true, false, false, false, true, true, true, false];
        let line = calibration_line(&logits, &positives, 0.95).expect("they overlap");
        assert!((line.slope.value - 0.5).abs() < 1e-10);
        assert!(line.intercept.value.abs() < 1e-10 && line.in_the_large.value.abs() < 1e-10);
        // The variance of the intercept is half of 1/1 + 1/3, that of the two groups' mean.
        let half = 1.959_963_984_540_054 * (2.0 / 3.0_f64).sqrt();
        assert!((line.intercept.high - half).abs() < 1e-9 && (line.intercept.low + half).abs() < 1e-9);
    }

    #[test]
    fn cases_that_one_cut_parts_have_no_line() {
        for positives in [[false, false, true, true], [true, true, false, false]] {
            let found = calibration_line(&[-1.0, 0.0, 0.0, 2.0], &positives, 0.95);
            assert!(matches!(found, Err(StatsError::NoValue { .. })), "found {found:?}");
        }
        let flat = calibration_line(&[1.0; 4], &[true, false, true, false], 0.95);
        assert!(matches!(flat, Err(StatsError::NoValue { .. })));
    }
}
