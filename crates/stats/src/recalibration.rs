use crate::error::check_labels;
use crate::mahalanobis::{back_substitute, cholesky, forward_substitute, triangle};
use crate::{Rows, StatsError};
use serde::{Deserialize, Serialize};

/// Deviation of the prior around slope 1 and bias 0. It matters only where the cases would pull a
/// parameter to infinity, as when every case is right.
pub const RECALIBRATION_PRIOR: f64 = 10.0;

/// A temperature and a bias for each class, which turn logits into probabilities that can be believed,
/// and how sure they are.
///
/// A bias mends what a temperature cannot: a network trained with class weights is wrong by a constant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecalibrationFit {
    /// Multiplies the logits: 1 over the temperature.
    pub slope: f64,
    /// Added to the scaled logits, one a class; the first is 0.
    pub bias: Vec<f64>,
    /// Covariance of the slope and the biases after the first, row after row, as wide as there are
    /// classes.
    pub covariance: Vec<f64>,
    /// Mean negative log-likelihood of the logits as they are, in nats.
    pub loss_before: f64,
    /// Mean negative log-likelihood at the fit, in nats.
    pub loss_after: f64,
}

/// Fits slope and biases by Newton steps on the negative log-likelihood, which is convex; their covariance
/// is the sandwich estimate, which does not assume that the model is right.
///
/// # Shapes
/// One row a case, one column a class; `labels` the class of each case.
///
/// # Errors
/// [`StatsError`] if a label names no class.
///
/// # Source
/// Alexandari, Kundaje and Shrikumar 2020, arXiv:1901.06852 (bias-corrected temperature scaling); White 1982,
/// doi:10.2307/1912526 (covariance)
pub fn fit_recalibration(logits: Rows<'_>, labels: &[usize]) -> Result<RecalibrationFit, StatsError> {
    check_labels(labels, logits.len(), logits.columns())?;
    let classes = logits.columns();
    let cases = labels.len() as f64;
    let mut start = vec![0.0; classes];
    start[0] = 1.0;
    let mut at = start.clone();
    let mut here = derivatives(logits, labels, &at);
    for _ in 0..100 {
        let factor = cholesky(&here.hessian, classes)?;
        let step = back_substitute(&factor, forward_substitute(&factor, here.gradient.clone()));
        let along = |share: f64| -> Vec<f64> { at.iter().zip(&step).map(|(x, d)| x - share * d).collect() };
        let mut share = 1.0;
        let mut next = derivatives(logits, labels, &along(share));
        while next.loss > here.loss && share > 1e-9 {
            share /= 2.0;
            next = derivatives(logits, labels, &along(share));
        }
        at = along(share);
        here = next;
        if step.iter().all(|moved| moved.abs() * share < 1e-11) {
            break;
        }
    }
    let factor = cholesky(&here.hessian, classes)?;
    let solve = |column: Vec<f64>| back_substitute(&factor, forward_substitute(&factor, column));
    let square = |packed: &[f64], i: usize, j: usize| packed[triangle(i.max(j)) + i.min(j)];
    // A^-1 B, column after column; then A^-1 of its rows.
    let half: Vec<Vec<f64>> = (0..classes)
        .map(|column| solve((0..classes).map(|row| square(&here.scores, row, column)).collect()))
        .collect();
    let covariance =
        (0..classes).flat_map(|row| solve(half.iter().map(|column| column[row]).collect())).collect();
    let mut bias = at.clone();
    bias[0] = 0.0;
    Ok(RecalibrationFit {
        slope: at[0],
        bias,
        covariance,
        loss_before: derivatives(logits, labels, &start).likelihood / cases,
        loss_after: here.likelihood / cases,
    })
}

/// Sums over all cases, at slope and biases.
struct Derivatives {
    /// Negative log-likelihood.
    likelihood: f64,
    /// That and the prior.
    loss: f64,
    gradient: Vec<f64>,
    /// Lower triangle.
    hessian: Vec<f64>,
    /// Lower triangle of the sum of outer products of each case's gradient.
    scores: Vec<f64>,
}

fn derivatives(logits: Rows<'_>, labels: &[usize], at: &[f64]) -> Derivatives {
    let classes = at.len();
    let precision = 1.0 / (RECALIBRATION_PRIOR * RECALIBRATION_PRIOR);
    let off: Vec<f64> =
        at.iter().enumerate().map(|(place, x)| if place == 0 { x - 1.0 } else { *x }).collect();
    let mut sums = Derivatives {
        likelihood: 0.0,
        loss: 0.0,
        gradient: off.iter().map(|x| precision * x).collect(),
        hessian: vec![0.0; triangle(classes)],
        scores: vec![0.0; triangle(classes)],
    };
    for (place, x) in off.iter().enumerate() {
        sums.loss += precision * x * x / 2.0;
        sums.hessian[triangle(place) + place] += precision;
    }
    for (row, &label) in logits.iter().zip(labels) {
        let scaled: Vec<f64> =
            row.iter().enumerate().map(|(k, z)| at[0] * z + if k == 0 { 0.0 } else { at[k] }).collect();
        let largest = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = scaled.iter().map(|value| (value - largest).exp()).collect();
        let total: f64 = weights.iter().sum();
        let p: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
        sums.likelihood += total.ln() + largest - scaled[label];
        let mean: f64 = p.iter().zip(row).map(|(p, z)| p * z).sum();
        let square: f64 = p.iter().zip(row).map(|(p, z)| p * z * z).sum();
        let own = |place: usize| match place {
            0 => mean - row[label],
            k => p[k] - if k == label { 1.0 } else { 0.0 },
        };
        for i in 0..classes {
            sums.gradient[i] += own(i);
            for j in 0..=i {
                let curvature = match (i, j) {
                    (0, 0) => square - mean * mean,
                    (k, 0) => p[k] * (row[k] - mean),
                    (k, l) if k == l => p[k] * (1.0 - p[k]),
                    (k, l) => -p[k] * p[l],
                };
                sums.hessian[triangle(i) + j] += curvature;
                sums.scores[triangle(i) + j] += own(i) * own(j);
            }
        }
    }
    sums.loss += sums.likelihood;
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bias_alone_worked_on_paper() {
        // Equal logits say nothing: the bias is the log odds of the counts, its variance 1/30 + 1/10.
        let logits = [0.0; 80];
        let labels: Vec<usize> = (0..40).map(|case| usize::from(case < 30)).collect();
        let fit = fit_recalibration(Rows::new(&logits, 2).expect("pairs"), &labels).expect("two kinds");
        assert!((fit.bias[1] - 3.0_f64.ln()).abs() < 2e-3, "{fit:?}");
        assert!((fit.covariance[3] - (1.0 / 30.0 + 1.0 / 10.0)).abs() < 1e-3, "{fit:?}");
        assert!((fit.slope - 1.0).abs() < 1e-9);
        assert!(fit.loss_after < fit.loss_before);
    }

    #[test]
    fn cases_that_are_all_right_end_at_a_finite_slope() {
        let logits = [2.0, 0.0, 0.0, 2.0, 3.0, 0.0, 0.0, 1.0];
        let fit = fit_recalibration(Rows::new(&logits, 2).expect("pairs"), &[0, 1, 0, 1]).expect("separable");
        assert!(fit.slope > 1.0 && fit.slope < 20.0, "{fit:?}");
        assert!(fit.covariance.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn what_names_no_class_is_refused() {
        assert!(fit_recalibration(Rows::new(&[0.0, 1.0], 2).expect("a pair"), &[2]).is_err());
    }
}
