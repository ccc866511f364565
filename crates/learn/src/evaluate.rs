mod crossed;
mod drawn;

pub(crate) use crossed::{crossed, parts};
pub(crate) use drawn::{Draws, Scored};

use wilhelm_nets::{Calibration, ClassMetric, Validation};
use wilhelm_stats::{Rows, accuracy, fit_recalibration, roc_auc};

use crate::{LearnError, Recipe};
use drawn::pick;

/// What the validation split says: calibration and figures.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Evaluation {
    /// Temperature, biases and how sure they are.
    pub calibration: Calibration,
    /// Figures with intervals.
    pub figures: Validation,
}

/// What the figures of a validation split are of.
pub(crate) const CROSSED: &str = "for the figures, temperature and biases were fitted ten times, each on nine tenths of these \
                                  images and measured on the rest; the model has those of all of them";

/// The validation images.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Images<'a> {
    /// The label of each.
    pub labels: &'a [usize],
    /// The group of each, which is not parted: copies, and images of one patient.
    pub groups: &'a [usize],
    /// Whose each is, where that is known: intervals then draw whole patients.
    pub patients: Option<&'a [usize]>,
}

/// Fits the calibration and measures, on the logits of the validation images.
///
/// The figures are of [`crossed`] probabilities, in which no image's own label takes part; the calibration is that of all
/// images.
///
/// # Shapes
/// One row of logits an image, one number a label.
///
/// # Errors
/// [`LearnError::Stats`] where a figure is not defined, for example a label without images;
/// [`LearnError::NoSignal`] if the network is no better than chance.
pub(crate) fn evaluate(
    recipe: &Recipe,
    logits: &[Vec<f64>],
    images: Images<'_>,
    split: String,
    command: String,
) -> Result<Evaluation, LearnError> {
    let Images { labels, groups, patients } = images;
    let calibration = calibrate(logits, labels)?;
    let probabilities = crossed(logits, labels, &parts(groups, labels, recipe.split_seed()));
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
    Ok(Calibration {
        temperature: 1.0 / fit.slope,
        bias: fit.bias,
        covariance: fit.covariance,
        groups: Vec::new(),
    })
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
        brier: draws.interval(|rows| scored.brier(rows))?,
        calibration_error: draws.interval(|rows| scored.calibration_error(rows))?,
        labels: metrics,
        command,
        baselines: Vec::new(),
        each: Vec::new(),
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
        let by_patient: Vec<usize> = (0..100).map(|place| place / 5).collect();
        let of = |patients: Option<&[usize]>| {
            let images = Images { labels: &labels, groups: &by_patient, patients };
            evaluate(&recipe, &logits, images, String::new(), String::new()).expect("figures").figures
        };
        let (images, by_patient) = (of(None), of(Some(&by_patient)));
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
