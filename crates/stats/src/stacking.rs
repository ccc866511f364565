use crate::{Rows, StatsError, fit_softmax_regression};

/// How much each source of log odds counts, learned on cases of which the truth is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Stacking {
    /// What is added whatever the sources say: a base rate that was learned, natural logarithm of the odds.
    pub intercept: f64,
    /// What each source's log odds are multiplied by.
    pub weights: Vec<f64>,
}

impl Stacking {
    /// What each source adds to the log odds, in their order.
    ///
    /// # Panics
    /// If there are not as many sources as weights.
    pub fn added(&self, log_odds: &[f64]) -> Vec<f64> {
        assert_eq!(log_odds.len(), self.weights.len(), "sources of a case");
        self.weights.iter().zip(log_odds).map(|(weight, value)| weight * value).collect()
    }

    /// The log odds of one case: the intercept and what each source adds.
    ///
    /// # Panics
    /// As [`Stacking::added`].
    pub fn log_odds(&self, log_odds: &[f64]) -> f64 {
        self.intercept + self.added(log_odds).iter().sum::<f64>()
    }
}

/// Learns how sources that each state log odds are combined: logistic regression on them, with the weights held back (L2).
///
/// The sources' log odds of a case must come from models that never saw it, or the weights trust what was learned by heart.
///
/// # Shapes
/// One row a case, one column a source.
///
/// # Errors
/// As [`fit_softmax_regression`]; [`StatsError::Length`] if the truths are not as many as the cases.
///
/// # Source
/// Wolpert 1992, doi:10.1016/S0893-6080(05)80023-1; Breiman 1996, doi:10.1007/BF00117832
pub fn fit_stacking(log_odds: Rows<'_>, positives: &[bool], strength: f64) -> Result<Stacking, StatsError> {
    let labels: Vec<usize> = positives.iter().map(|positive| usize::from(*positive)).collect();
    let fitted = fit_softmax_regression(log_odds, &labels, 2, strength)?;
    Ok(Stacking { intercept: fitted.intercepts()[0], weights: fitted.weights().to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calibrated_source_gets_a_weight_of_1_and_a_silent_one_of_0() {
        // Of ten cases with log odds ln 4 eight are positive, of ten with -ln 4 two; the second source says 0 of all.
        let (mut values, mut positives) = (Vec::new(), Vec::new());
        for case in 0..20 {
            let high = case < 10;
            values.extend([if high { 4.0_f64.ln() } else { -4.0_f64.ln() }, 0.0]);
            positives.push(if high { case < 8 } else { case < 12 });
        }
        let found = fit_stacking(Rows::new(&values, 2).expect("rows"), &positives, 1e9).expect("both kinds");
        assert!((found.weights[0] - 1.0).abs() < 1e-5, "{found:?}");
        assert!(found.weights[1].abs() < 1e-9 && found.intercept.abs() < 1e-6, "{found:?}");
        let [first, second] = found.added(&[2.0, 5.0])[..] else { panic!("two sources") };
        assert!((found.log_odds(&[2.0, 5.0]) - found.intercept - first - second).abs() < 1e-15);
    }

    #[test]
    fn cases_of_one_kind_teach_nothing() {
        let rows = Rows::new(&[0.1, 0.2], 1).expect("rows");
        assert!(matches!(fit_stacking(rows, &[true, true], 1.0), Err(StatsError::LonelyClass { .. })));
        assert!(matches!(fit_stacking(rows, &[true], 1.0), Err(StatsError::Length { .. })));
    }
}
