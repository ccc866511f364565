mod drawn;

pub(crate) use drawn::{Draws, Scored};

use wilhelm_nets::{Calibration, ClassMetric, Validation};
use wilhelm_stats::{
    Rows, accuracy, brier_score_multiclass, fit_recalibration, roc_auc, top_label_calibration_error,
};

use crate::{LearnError, Recipe};
use drawn::pick;

/// What the validation split says: calibration and figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Temperature, biases and how sure they are.
    pub calibration: Calibration,
    /// Figures with intervals.
    pub figures: Validation,
}

/// Fits the calibration and measures, on the logits of the validation images; where `patients` say whose each is,
/// intervals draw whole patients.
///
/// # Shapes
/// One row of logits an image, one number a label.
///
/// # Errors
/// [`LearnError::Stats`] where a figure is not defined, for example a label without images;
/// [`LearnError::NoSignal`] if the network is no better than chance.
pub fn evaluate(
    recipe: &Recipe,
    logits: &[Vec<f64>],
    labels: &[usize],
    patients: Option<&[usize]>,
    split: String,
    command: String,
) -> Result<Evaluation, LearnError> {
    let calibration = calibrate(logits, labels)?;
    let probabilities: Vec<Vec<f64>> = logits.iter().map(|row| calibration.probabilities(row)).collect();
    let figures = measure(recipe, &probabilities, labels, patients, split, command)?;
    Ok(Evaluation { calibration, figures })
}

/// Temperature and biases of logits, one row an image.
///
/// # Errors
/// [`LearnError::NoSignal`] if they say nothing of the labels, or the opposite.
pub(crate) fn calibrate(logits: &[Vec<f64>], labels: &[usize]) -> Result<Calibration, LearnError> {
    let flat: Vec<f64> = logits.iter().flatten().copied().collect();
    let fit = fit_recalibration(Rows::new(&flat, logits.first().map_or(0, Vec::len))?, labels)?;
    if fit.slope <= 0.0 {
        return Err(LearnError::NoSignal { slope: fit.slope });
    }
    Ok(Calibration { temperature: 1.0 / fit.slope, bias: fit.bias, covariance: fit.covariance })
}

/// The figures of probabilities, one row an image.
///
/// # Errors
/// [`LearnError::Stats`] where a figure is not defined.
pub(crate) fn measure(
    recipe: &Recipe,
    probabilities: &[Vec<f64>],
    labels: &[usize],
    patients: Option<&[usize]>,
    split: String,
    command: String,
) -> Result<Validation, LearnError> {
    let classes = recipe.labels.len();
    let flat: Vec<f64> = probabilities.iter().flatten().copied().collect();
    let table = Rows::new(&flat, classes)?;
    let scored = Scored::new(probabilities, labels);
    let draws = Draws { images: labels.len(), patients, seed: recipe.seed };
    let mut metrics = Vec::new();
    for (label, known) in recipe.labels.iter().enumerate() {
        let auc = draws.interval(|rows| {
            let scores: Vec<f64> = rows.iter().map(|row| probabilities[*row][label]).collect();
            let positives: Vec<bool> = rows.iter().map(|row| labels[*row] == label).collect();
            roc_auc(&scores, &positives).ok()
        })?;
        let recall = draws.interval(|rows| {
            let of: Vec<usize> = rows.iter().copied().filter(|row| labels[*row] == label).collect();
            accuracy(&pick(&of, labels), &pick(&of, scored.predicted())).ok()
        })?;
        let images = labels.iter().filter(|truth| **truth == label).count();
        metrics.push(ClassMetric { label: known.key.clone(), images, auc, recall });
    }
    let macro_auc = draws.interval(|rows| scored.macro_auc(rows))?;
    let right = draws.interval(|rows| scored.accuracy(rows))?;
    let commonest = metrics.iter().map(|metric| metric.images).max().unwrap_or(0);
    Ok(Validation {
        split,
        images: labels.len(),
        macro_auc,
        accuracy: right,
        accuracy_of_commonest: commonest as f64 / labels.len() as f64,
        brier: brier_score_multiclass(table, labels)?,
        calibration_error: top_label_calibration_error(table, labels, 10)?,
        labels: metrics,
        command,
        baselines: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_nets::Interval;

    #[test]
    fn intervals_of_few_patients_are_wider_than_those_of_as_many_single_images() {
        let recipe = crate::dataset::tests::recipe(&[]);
        // Patient after patient has five images of one label, all right or, of every fourth patient and the first, all wrong.
        let labels: Vec<usize> = (0..100).map(|place| place / 5 % 2).collect();
        let logits: Vec<Vec<f64>> = (0..100)
            .map(|place| {
                let right = if place / 5 % 4 == 3 || place < 5 { -1.0 } else { 1.0 };
                let sign = if labels[place] == 0 { right } else { -right };
                vec![sign + place as f64 / 1000.0, 0.0]
            })
            .collect();
        let patients: Vec<usize> = (0..100).map(|place| place / 5).collect();
        let of = |patients: Option<&[usize]>| {
            evaluate(&recipe, &logits, &labels, patients, String::new(), String::new())
                .expect("figures")
                .figures
        };
        let (images, by_patient) = (of(None), of(Some(&patients)));
        let width = |interval: Interval| interval.high - interval.low;
        assert_eq!(images.accuracy.estimate, by_patient.accuracy.estimate);
        assert!(
            width(by_patient.accuracy) > 1.5 * width(images.accuracy),
            "{:?} {:?}",
            by_patient.accuracy,
            images.accuracy
        );
    }
}
