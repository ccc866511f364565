use serde::{Deserialize, Serialize};
use wilhelm_study::{ProbabilityInterval, UnitError};

/// Quantile of the normal distribution that a 95 % interval reaches on either side.
const Z: f64 = 1.959_963_984_540_054;

/// From logits to probabilities: softmax at a temperature and with a bias for each label, fitted on the
/// validation split, and how sure that fit is, which gives each probability its interval.
///
/// # Source
/// Guo et al. 2017, arXiv:1706.04599; Alexandari et al. 2020, arXiv:1901.06852
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Divides the logits; above 1 the network was too sure.
    pub temperature: f64,
    /// Added to the divided logits, one for each label; the first is 0.
    pub bias: Vec<f64>,
    /// Covariance of 1 over the temperature and of the biases after the first, row after row: as many
    /// rows as labels.
    pub covariance: Vec<f64>,
    /// Of labels that are not one of all: each group's own, in the place of the above.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupCalibration>,
}

/// The calibration of labels of which one is right, or of one that is right or wrong for itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupCalibration {
    /// Places of its labels on the card, from 0.
    pub labels: Vec<usize>,
    /// Divides the logits.
    pub temperature: f64,
    /// Added to the divided logits: one for each label, the first 0; of a single label 0 (of its absence) and its own.
    pub bias: Vec<f64>,
    /// As [`Calibration::covariance`]; of a single label of 1 over the temperature and its bias.
    pub covariance: Vec<f64>,
}

impl GroupCalibration {
    /// Of the labels at these places.
    pub fn new(labels: Vec<usize>, fitted: Calibration) -> Self {
        let Calibration { temperature, bias, covariance, .. } = fitted;
        Self { labels, temperature, bias, covariance }
    }

    /// The logits that it is of, of all labels' logits: a single label's behind a 0, which is its absence's.
    pub fn logits(labels: &[usize], all: &[f64]) -> Vec<f64> {
        match labels {
            [label] => vec![0.0, all[*label]],
            labels => labels.iter().map(|label| all[*label]).collect(),
        }
    }

    /// The same as one by itself.
    fn alone(&self) -> Calibration {
        Calibration {
            temperature: self.temperature,
            bias: self.bias.clone(),
            covariance: self.covariance.clone(),
            groups: Vec::new(),
        }
    }

    /// Where a label stands in what [`logits`](Self::logits) gives.
    fn place(&self, label: usize) -> Option<usize> {
        match self.labels[..] {
            [only] => (only == label).then_some(1),
            ref labels => labels.iter().position(|own| *own == label),
        }
    }
}

impl Calibration {
    /// What is wrong with its numbers, if anything.
    pub(crate) fn fault(&self, labels: usize) -> Option<String> {
        let sound = |values: &[f64]| values.iter().all(|value| value.is_finite());
        if !self.groups.is_empty() {
            let mut seen = vec![false; labels];
            for group in &self.groups {
                for label in &group.labels {
                    if *label >= labels || std::mem::replace(&mut seen[*label], true) {
                        return Some(format!(
                            "calibration has label {label} twice, or the card has none of that place"
                        ));
                    }
                }
                if let Some(fault) = group.alone().fault(group.labels.len().max(2)) {
                    return Some(fault);
                }
            }
            return (!seen.iter().all(|seen| *seen)).then(|| "calibration leaves labels out".to_owned());
        }
        if self.bias.len() != labels || self.covariance.len() != labels * labels {
            return Some(format!(
                "calibration has {} biases and {} covariances, expected {labels} and {}",
                self.bias.len(),
                self.covariance.len(),
                labels * labels
            ));
        }
        if self.temperature <= 0.0 || !self.temperature.is_finite() {
            return Some("temperature must be above 0".to_owned());
        }
        (!sound(&self.bias) || !sound(&self.covariance)).then(|| "calibration is not finite".to_owned())
    }

    /// Each group's own.
    pub const fn of_groups(groups: Vec<GroupCalibration>) -> Self {
        Self { temperature: 1.0, bias: Vec::new(), covariance: Vec::new(), groups }
    }

    /// Calibrated probabilities: of labels of which exactly one is right they add up to 1, those of groups each for itself.
    pub fn probabilities(&self, logits: &[f64]) -> Vec<f64> {
        if !self.groups.is_empty() {
            let mut all = vec![0.0; logits.len()];
            for group in &self.groups {
                let own = group.alone().probabilities(&GroupCalibration::logits(&group.labels, logits));
                for label in &group.labels {
                    all[*label] = group.place(*label).map_or(0.0, |place| own[place]);
                }
            }
            return all;
        }
        softmax(&self.scaled(logits))
    }

    /// A label's calibrated probability with the 95 % interval that the size of the validation split
    /// leaves open, by the delta method on its log odds. It holds for images like those.
    ///
    /// # Errors
    /// [`UnitError`] if a logit is no number.
    ///
    /// # Panics
    /// If there is no such label.
    pub fn interval(&self, label: usize, logits: &[f64]) -> Result<ProbabilityInterval, UnitError> {
        let of_group = self.groups.iter().find_map(|group| Some((group, group.place(label)?)));
        if let Some((group, place)) = of_group {
            return group.alone().interval(place, &GroupCalibration::logits(&group.labels, logits));
        }
        let scaled = self.scaled(logits);
        let probability = softmax(&scaled)[label];
        // Log odds are the label's logit less the log of the sum over the others.
        let mut others = scaled.clone();
        others[label] = f64::NEG_INFINITY;
        let shares = softmax(&others);
        let along = |place: usize| if place == label { 1.0 } else { -shares[place] };
        let mut gradient: Vec<f64> = (0..logits.len()).map(along).collect();
        gradient[0] = logits.iter().enumerate().map(|(place, logit)| along(place) * logit).sum();
        let variance: f64 = self
            .covariance
            .chunks_exact(logits.len())
            .zip(&gradient)
            .map(|(row, left)| left * row.iter().zip(&gradient).map(|(c, right)| c * right).sum::<f64>())
            .sum();
        let half = Z * variance.max(0.0).sqrt();
        let odds = scaled[label] - log_sum(&others);
        let (low, high) = (logistic(odds - half), logistic(odds + half));
        ProbabilityInterval::new(low.min(probability), probability, high.max(probability), 0.95)
    }

    fn scaled(&self, logits: &[f64]) -> Vec<f64> {
        logits.iter().zip(&self.bias).map(|(logit, bias)| logit / self.temperature + bias).collect()
    }
}

fn log_sum(logits: &[f64]) -> f64 {
    let greatest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    greatest + logits.iter().map(|logit| (logit - greatest).exp()).sum::<f64>().ln()
}

/// Shares that add up to 1, by the exponentials.
pub(crate) fn softmax(logits: &[f64]) -> Vec<f64> {
    let whole = log_sum(logits);
    logits.iter().map(|logit| (logit - whole).exp()).collect()
}

fn logistic(odds: f64) -> f64 {
    1.0 / (1.0 + (-odds).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration() -> Calibration {
        Calibration {
            temperature: 2.0,
            bias: vec![0.0, 0.5],
            covariance: vec![0.04, 0.0, 0.0, 0.09],
            groups: Vec::new(),
        }
    }

    #[test]
    fn groups_are_calibrated_each_for_itself() {
        // Label 1 alone by temperature 2 and bias 0.5; labels 2 and 0 together by temperature 1 and biases 0 and -1.
        let single = GroupCalibration::new(vec![1], calibration());
        let pair = Calibration { temperature: 1.0, bias: vec![0.0, -1.0], ..calibration() };
        let both = Calibration::of_groups(vec![single, GroupCalibration::new(vec![2, 0], pair)]);
        assert_eq!(both.fault(3), None);
        let logits = [3.0, -2.0, 1.0];
        let found = both.probabilities(&logits);
        // -2 / 2 + 0.5 = -0.5; of the pair 3 - 1 against 1: log odds 1.
        assert!((found[1] - logistic(-0.5)).abs() < 1e-12, "{found:?}");
        assert!((found[0] - logistic(1.0)).abs() < 1e-12 && (found[0] + found[2] - 1.0).abs() < 1e-12);
        for (label, found) in found.iter().enumerate() {
            let interval = both.interval(label, &logits).expect("a probability");
            assert!((interval.estimate.value() - found).abs() < 1e-12);
        }
        // Platt's line has the variance z z var(slope) + var(bias): 4 * 0.04 + 0.09, deviation 0.5.
        let interval = both.interval(1, &logits).expect("a probability");
        assert!((interval.low.value() - logistic(-0.5 - 0.5 * Z)).abs() < 1e-12, "{interval:?}");
        assert!(both.fault(4).expect("one left out").contains("leaves labels out"));
        assert!(both.fault(2).is_some());
        let text = toml::to_string(&both).expect("TOML");
        assert_eq!(toml::from_str::<Calibration>(&text).expect("again"), both);
    }

    #[test]
    fn temperature_and_bias_on_paper() {
        let found = calibration().probabilities(&[2.0, 0.0]);
        // Logits 1 and 0.5.
        assert!((found[0] - 1.0 / (1.0 + (-0.5_f64).exp())).abs() < 1e-12);
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn an_interval_worked_on_paper() {
        // Log odds of label 1: (0 - 2) s + b = -0.5; variance 4 * 0.04 + 0.09 = 0.25, deviation 0.5.
        let interval = calibration().interval(1, &[2.0, 0.0]).expect("a probability");
        assert!((interval.estimate.value() - logistic(-0.5)).abs() < 1e-12);
        assert!((interval.low.value() - logistic(-0.5 - 0.5 * Z)).abs() < 1e-12, "{interval:?}");
        assert!((interval.high.value() - logistic(-0.5 + 0.5 * Z)).abs() < 1e-12, "{interval:?}");
        // Of two labels the other's interval is the mirror image.
        let other = calibration().interval(0, &[2.0, 0.0]).expect("a probability");
        assert!((other.low.value() + interval.high.value() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_interval_of_three_labels_agrees_with_finite_differences() {
        let covariance = vec![0.02, 0.003, -0.004, 0.003, 0.05, 0.01, -0.004, 0.01, 0.03];
        let of = |slope: f64, one: f64, two: f64| Calibration {
            temperature: 1.0 / slope,
            bias: vec![0.0, one, two],
            covariance: covariance.clone(),
            groups: Vec::new(),
        };
        let logits = [0.4, -1.2, 2.0];
        let odds = |c: &Calibration| {
            let p = c.probabilities(&logits)[2];
            (p / (1.0 - p)).ln()
        };
        let (middle, step) = ([0.8, 0.3, -0.6], 1e-5);
        let gradient: Vec<f64> = (0..3)
            .map(|place| {
                let shifted = |by: f64| {
                    let mut at = middle;
                    at[place] += by;
                    odds(&of(at[0], at[1], at[2]))
                };
                (shifted(step) - shifted(-step)) / (2.0 * step)
            })
            .collect();
        let variance: f64 = (0..9).map(|i| gradient[i / 3] * covariance[i] * gradient[i % 3]).sum();
        let fitted = of(0.8, 0.3, -0.6);
        let interval = fitted.interval(2, &logits).expect("a probability");
        let expected = logistic(odds(&fitted) + Z * variance.sqrt());
        assert!((interval.high.value() - expected).abs() < 1e-8, "{interval:?} {expected}");
    }

    #[test]
    fn a_sure_network_has_an_interval_still_and_nan_is_refused() {
        let interval = calibration().interval(0, &[900.0, -900.0]).expect("a probability");
        // Log odds 899.5, deviation 360 from the temperature alone.
        assert!(interval.low.value() > 0.999_999 && interval.high.value() >= interval.low.value());
        let other = calibration().interval(1, &[900.0, -900.0]).expect("a probability");
        assert!(other.high.value() < 1e-6, "{other:?}");
        assert!(calibration().interval(0, &[f64::NAN, 0.0]).is_err());
    }

    #[test]
    fn numbers_that_do_not_fit_are_named() {
        assert!(calibration().fault(2).is_none());
        assert!(calibration().fault(3).is_some());
        assert!(Calibration { temperature: 0.0, ..calibration() }.fault(2).is_some());
        assert!(Calibration { bias: vec![0.0, f64::NAN], ..calibration() }.fault(2).is_some());
    }
}
