use wilhelm_nets::{Calibration, ClassMetric, Interval, Validation};
use wilhelm_stats::{
    BootstrapInterval, Rows, accuracy, bootstrap_interval, brier_score_multiclass, fit_recalibration,
    macro_one_vs_rest_auc, roc_auc, top_label_calibration_error,
};

use crate::{LearnError, Recipe};

/// Replicates behind each interval.
const REPLICATES: usize = 1000;

/// What the validation split says: calibration and figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Temperature, biases and how sure they are.
    pub calibration: Calibration,
    /// Figures with intervals.
    pub figures: Validation,
}

/// Fits the calibration and measures, on the logits of the validation images.
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
    split: String,
    command: String,
) -> Result<Evaluation, LearnError> {
    let classes = recipe.labels.len();
    let flat: Vec<f64> = logits.iter().flatten().copied().collect();
    let fit = fit_recalibration(Rows::new(&flat, classes)?, labels)?;
    if fit.slope <= 0.0 {
        return Err(LearnError::NoSignal { slope: fit.slope });
    }
    let calibration =
        Calibration { temperature: 1.0 / fit.slope, bias: fit.bias, covariance: fit.covariance };
    let probabilities: Vec<Vec<f64>> = logits.iter().map(|row| calibration.probabilities(row)).collect();
    let flat: Vec<f64> = probabilities.iter().flatten().copied().collect();
    let table = Rows::new(&flat, classes)?;
    let predicted: Vec<usize> = probabilities.iter().map(|row| likeliest(row)).collect();
    let boot = |statistic: &dyn Fn(&[usize]) -> Option<f64>| -> Result<Interval, LearnError> {
        Ok(interval(bootstrap_interval(labels.len(), REPLICATES, 0.95, recipe.seed, statistic)?))
    };
    let pick = |rows: &[usize], of: &[usize]| rows.iter().map(|row| of[*row]).collect::<Vec<usize>>();
    let mut metrics = Vec::new();
    for (label, known) in recipe.labels.iter().enumerate() {
        let auc = boot(&|rows: &[usize]| {
            let scores: Vec<f64> = rows.iter().map(|row| probabilities[*row][label]).collect();
            let positives: Vec<bool> = rows.iter().map(|row| labels[*row] == label).collect();
            roc_auc(&scores, &positives).ok()
        })?;
        let recall = boot(&|rows: &[usize]| {
            let of: Vec<usize> = rows.iter().copied().filter(|row| labels[*row] == label).collect();
            accuracy(&pick(&of, labels), &pick(&of, &predicted)).ok()
        })?;
        let images = labels.iter().filter(|truth| **truth == label).count();
        metrics.push(ClassMetric { label: known.key.clone(), images, auc, recall });
    }
    let macro_auc = boot(&|rows: &[usize]| {
        let scores: Vec<f64> = rows.iter().flat_map(|row| probabilities[*row].iter().copied()).collect();
        macro_one_vs_rest_auc(Rows::new(&scores, classes).ok()?, &pick(rows, labels)).ok()
    })?;
    let right = boot(&|rows: &[usize]| accuracy(&pick(rows, labels), &pick(rows, &predicted)).ok())?;
    let commonest = metrics.iter().map(|metric| metric.images).max().unwrap_or(0);
    let figures = Validation {
        split,
        images: labels.len(),
        macro_auc,
        accuracy: right,
        accuracy_of_commonest: commonest as f64 / labels.len() as f64,
        brier: brier_score_multiclass(table, labels)?,
        calibration_error: top_label_calibration_error(table, labels, 10)?,
        labels: metrics,
        command,
    };
    Ok(Evaluation { calibration, figures })
}

fn likeliest(row: &[f64]) -> usize {
    row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(label, _)| label)
}

fn interval(found: BootstrapInterval) -> Interval {
    Interval { estimate: found.estimate, low: found.low, high: found.high }
}
