use crate::StatsError;
use crate::discrimination::check_two_kinds;
use crate::error::check_finite;
use crate::logistic::fit_line;
use serde::{Deserialize, Serialize};

/// A sigmoid that turns scores into probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlattFit {
    /// Multiplies the score.
    pub slope: f64,
    /// Added to it.
    pub intercept: f64,
}

impl PlattFit {
    /// The probability of a score: `1 / (1 + exp(-(slope * score + intercept)))`.
    ///
    /// # Errors
    /// [`StatsError::NotFinite`] for a score that is not a finite number.
    pub fn probability(&self, score: f64) -> Result<f64, StatsError> {
        check_finite("score", &[score])?;
        Ok(crate::sigmoid(self.slope * score + self.intercept, 1.0))
    }
}

/// Fits a sigmoid to scores of any kind, with Platt's targets: `(P + 1) / (P + 2)` for each of `P`
/// positive and `1 / (N + 2)` for each of `N` negative cases.
///
/// The targets keep the fit finite even where the scores part the two kinds without error.
///
/// # Errors
/// [`StatsError::NoValue`] if all scores are equal; as [`crate::roc_auc`] otherwise.
///
/// # Source
/// Lin, Lin and Weng 2007, doi:10.1007/s10994-007-5018-6 (after Platt 1999)
pub fn fit_platt(scores: &[f64], positives: &[bool]) -> Result<PlattFit, StatsError> {
    let (positive_count, negative_count) = check_two_kinds(scores, positives)?;
    let above = (positive_count as f64 + 1.0) / (positive_count as f64 + 2.0);
    let below = 1.0 / (negative_count as f64 + 2.0);
    let targets: Vec<f64> = positives.iter().map(|&positive| if positive { above } else { below }).collect();
    let line = fit_line("Platt's sigmoid", scores, &targets)?;
    Ok(PlattFit { slope: line.slope, intercept: line.intercept })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_scores_meet_their_targets_exactly() {
        // Eight positive at 3 (target 9/10), two negative at 1 (target 1/4): log odds ln 9 and -ln 3.
        let scores = [3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 1.0, 1.0];
        let positives: Vec<bool> = scores.iter().map(|&score| score > 2.0).collect();
        let fit = fit_platt(&scores, &positives).expect("both kinds");
        let at = |score| fit.probability(score).expect("finite");
        assert!((at(3.0) - 0.9).abs() < 1e-10 && (at(1.0) - 0.25).abs() < 1e-10);
        assert!(fit.probability(f64::NAN).is_err());
        assert!((fit.slope - 27.0_f64.ln() / 2.0).abs() < 1e-9);
    }

    #[test]
    fn scores_without_information_are_refused() {
        let equal = fit_platt(&[1.0; 3], &[true, false, true]);
        assert!(matches!(equal, Err(StatsError::NoValue { .. })));
        assert!(fit_platt(&[1.0, 2.0], &[true, true]).is_err());
    }
}
