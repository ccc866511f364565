use crate::discrimination::check_two_kinds;
use crate::error::check_labels;
use crate::{Rows, StatsError};
use serde::{Deserialize, Serialize};

/// Least and greatest temperature a fit returns.
///
/// Validation cases that are all right pull the temperature toward 0 without end, those that are no
/// better than chance toward infinity; a fit that meets an end says so.
pub const TEMPERATURE_RANGE: (f64, f64) = (0.01, 100.0);

/// The one number by which logits are divided so that their probabilities can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemperatureFit {
    /// Divides the logits; above 1 softens, below 1 sharpens.
    pub temperature: f64,
    /// Mean negative log-likelihood at temperature 1, in nats.
    pub loss_before: f64,
    /// Mean negative log-likelihood at the fitted temperature, in nats.
    pub loss_after: f64,
    /// Whether the fit ended at one end of [`TEMPERATURE_RANGE`], so that the cases do not determine it.
    pub at_bound: bool,
}

/// Probability of a logit: `1 / (1 + exp(-logit / temperature))`.
pub fn sigmoid(logit: f64, temperature: f64) -> f64 {
    1.0 / (1.0 + (-logit / temperature).exp())
}

/// Probabilities of a row of logits divided by `temperature`; they add up to 1.
pub fn softmax(logits: &[f64], temperature: f64) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logits.iter().map(|logit| ((logit - largest) / temperature).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// Fits the temperature of a single-logit (sigmoid) classifier.
///
/// # Errors
/// [`StatsError::OneKind`] if all cases are of one kind; [`StatsError`] for lists that differ in length
/// or a logit that is not finite.
///
/// # Source
/// Guo et al. 2017, doi:10.48550/arXiv.1706.04599
pub fn fit_sigmoid_temperature(logits: &[f64], positives: &[bool]) -> Result<TemperatureFit, StatsError> {
    check_two_kinds(logits, positives)?;
    // A sigmoid is the softmax of the pair (0, logit).
    let pairs: Vec<f64> = logits.iter().flat_map(|&logit| [0.0, logit]).collect();
    let labels: Vec<usize> = positives.iter().map(|&positive| usize::from(positive)).collect();
    fit_softmax_temperature(Rows::new(&pairs, 2)?, &labels)
}

/// Fits the temperature of a softmax classifier by safeguarded Newton steps on `1 / temperature`, in
/// which the loss is convex.
///
/// # Shapes
/// One row a case, one column a class; `labels` the class of each case.
///
/// # Errors
/// [`StatsError`] if a label names no class.
///
/// # Source
/// Guo et al. 2017, doi:10.48550/arXiv.1706.04599
pub fn fit_softmax_temperature(logits: Rows<'_>, labels: &[usize]) -> Result<TemperatureFit, StatsError> {
    check_labels(labels, logits.len(), logits.columns())?;
    let at = |sharpness: f64| loss_and_slopes(logits, labels, sharpness);
    let (mut low, mut high) = (1.0 / TEMPERATURE_RANGE.1, 1.0 / TEMPERATURE_RANGE.0);
    // Convex: where the slope at an end points outward, that end is the optimum.
    let bound = if at(low).1 >= 0.0 {
        Some(low)
    } else if at(high).1 <= 0.0 {
        Some(high)
    } else {
        None
    };
    let sharpness = bound.unwrap_or_else(|| {
        let mut sharpness = 1.0;
        for _ in 0..200 {
            let (_, slope, curvature) = at(sharpness);
            if slope > 0.0 {
                high = sharpness;
            } else {
                low = sharpness;
            }
            let newton = sharpness - slope / curvature;
            let next = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
            let moved = (next - sharpness).abs();
            sharpness = next;
            if moved <= 1e-12 * sharpness {
                break;
            }
        }
        sharpness
    });
    Ok(TemperatureFit {
        temperature: 1.0 / sharpness,
        loss_before: at(1.0).0,
        loss_after: at(sharpness).0,
        at_bound: bound.is_some(),
    })
}

/// Mean loss at `sharpness = 1 / temperature`, with its first and second derivative there.
fn loss_and_slopes(logits: Rows<'_>, labels: &[usize], sharpness: f64) -> (f64, f64, f64) {
    let (mut loss, mut slope, mut curvature) = (0.0, 0.0, 0.0);
    for (row, &label) in logits.iter().zip(labels) {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
        for &logit in row {
            let below = logit - largest;
            let weight = (sharpness * below).exp();
            sum += weight;
            first += weight * below;
            second += weight * below * below;
        }
        let (first, second) = (first / sum, second / sum);
        let actual = row[label] - largest;
        loss += sum.ln() - sharpness * actual;
        slope += first - actual;
        curvature += second - first * first;
    }
    let cases = labels.len() as f64;
    (loss / cases, slope / cases, curvature / cases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_temperature_of_equal_logits_by_hand() {
        // Eight of ten cases are right at logit 4: the best probability is 0.8, so 4 / T = ln 4.
        let logits = [4.0; 10];
        let positives: Vec<bool> = (0..10).map(|case| case < 8).collect();
        let fit = fit_sigmoid_temperature(&logits, &positives).expect("both kinds are there");
        assert!((fit.temperature - 4.0 / 4.0_f64.ln()).abs() < 1e-9, "found {}", fit.temperature);
        assert!((sigmoid(4.0, fit.temperature) - 0.8).abs() < 1e-9);
        assert!(fit.loss_after < fit.loss_before && !fit.at_bound);
    }

    #[test]
    fn scaling_the_logits_scales_the_temperature() {
        let logits = [2.0, -1.0, 0.5, -3.0, 1.5, -0.2, 0.3, -0.9];
        let labels = [0, 1, 1, 1, 0, 0, 0, 1, 0, 1, 1, 0];
        let table: Vec<f64> =
            (0..12).flat_map(|case| [logits[case % 8], logits[(3 * case + 1) % 8]]).collect();
        let tripled: Vec<f64> = table.iter().map(|logit| 3.0 * logit).collect();
        let fit = |values: &[f64]| fit_softmax_temperature(Rows::new(values, 2).expect("pairs"), &labels);
        let (once, thrice) = (fit(&table).expect("sound"), fit(&tripled).expect("sound"));
        assert!(!once.at_bound);
        assert!((thrice.temperature / once.temperature - 3.0).abs() < 1e-9);
        assert!((thrice.loss_after - once.loss_after).abs() < 1e-12);
    }

    #[test]
    fn cases_that_are_all_right_or_all_wrong_meet_an_end_and_say_so() {
        let right = fit_sigmoid_temperature(&[2.0, -1.0], &[true, false]).expect("both kinds");
        assert!(right.at_bound && (right.temperature - TEMPERATURE_RANGE.0).abs() < 1e-12);
        let wrong = fit_sigmoid_temperature(&[2.0, -1.0], &[false, true]).expect("both kinds");
        assert!(wrong.at_bound && (wrong.temperature - TEMPERATURE_RANGE.1).abs() < 1e-9);
        // Equal logits carry no information: any temperature is as good, and the fit says so.
        let flat = fit_sigmoid_temperature(&[0.0, 0.0], &[false, true]).expect("both kinds");
        assert!(flat.at_bound);
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let probabilities = softmax(&[1e4, 0.0, -1e4], 1.0);
        assert_eq!(probabilities, [1.0, 0.0, 0.0]);
        assert_eq!(softmax(&[0.0, 0.0], 3.0), [0.5, 0.5]);
        assert_eq!((sigmoid(-1e4, 1.0), sigmoid(1e4, 1.0), sigmoid(0.0, 2.0)), (0.0, 1.0, 0.5));
    }
}
