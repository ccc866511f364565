use wilhelm_nets::{Calibration, ClassMetric, GroupCalibration, Interval, LabelFigures, Validation};
use wilhelm_stats::{
    StatsError, brier_score, expected_calibration_error, roc_auc, threshold_for_sensitivity,
    threshold_for_youden,
};

use super::labels::truth;
use super::settings::CallRule;
use crate::evaluate::{Draws, Evaluation, calibrate};
use crate::fit::Validated;
use crate::{Example, LearnError, Recipe};

/// What the figures take of the validation images: whether each has each label, and whose it is.
struct Held<'a> {
    recipe: &'a Recipe,
    /// A row a label.
    truths: Vec<Vec<Option<bool>>>,
    patients: Option<Vec<usize>>,
}

impl Held<'_> {
    /// The images of which it is known whether they have a label, and whether they do.
    fn known(&self, label: usize) -> (Vec<usize>, Vec<bool>) {
        let known = self.truths[label].iter().enumerate();
        known.filter_map(|(image, truth)| Some((image, (*truth)?))).unzip()
    }

    fn draws<'a>(&self, images: usize, patients: Option<&'a [usize]>) -> Draws<'a> {
        Draws { images, patients, seed: self.recipe.seed }
    }
}

/// The mean loss of the groups that take part, and the share of known labels that are called right at one half (of a group of
/// several: the likeliest).
pub(crate) fn validated(recipe: &Recipe, logits: &[Vec<f64>], examples: &[&Example]) -> Validated {
    let (mut loss, mut right, mut parts) = (0.0, 0.0, 0.0_f64);
    for group in recipe.targets.groups(&recipe.labels) {
        for (row, example) in logits.iter().zip(examples) {
            let Some(place) = place_of(recipe, &group, example) else { continue };
            let own = GroupCalibration::logits(&group, row);
            let greatest = own.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = own.iter().map(|logit| (logit - greatest).exp()).sum();
            loss += greatest + sum.ln() - own[place];
            right += f64::from(u8::from(own[place] >= greatest));
            parts += 1.0;
        }
    }
    let parts = parts.max(1.0);
    Validated { loss: (loss / parts) as f32, accuracy: Some((right / parts) as f32), dice: None }
}

/// Which of a group's logits is the image's; `None` where that is not known.
fn place_of(recipe: &Recipe, group: &[usize], example: &Example) -> Option<usize> {
    let there = |label: &usize| truth(&recipe.multi_label, example, *label);
    match group {
        [only] => there(only).map(usize::from),
        group => group.iter().position(|label| there(label) == Some(true)),
    }
}

/// Calibrates each group and measures each label, on the logits of the validation images.
///
/// # Errors
/// [`LearnError::NoSignal`] if a group's logits say nothing of it, [`LearnError::Stats`] where a figure has no value.
pub(crate) fn measure_labels(
    recipe: &Recipe,
    logits: &[Vec<f64>],
    examples: &[&Example],
    split: String,
    command: String,
) -> Result<Evaluation, LearnError> {
    let calibration = calibration(recipe, logits, examples)?;
    let probabilities: Vec<Vec<f64>> = logits.iter().map(|row| calibration.probabilities(row)).collect();
    let labels = 0..recipe.labels.len();
    let of = |label: usize| {
        examples.iter().map(|example| truth(&recipe.multi_label, example, label)).collect::<Vec<_>>()
    };
    let held = Held {
        recipe,
        truths: labels.clone().map(of).collect(),
        patients: examples.iter().map(|example| example.patient).collect(),
    };
    let each = labels.map(|label| figures(&held, label, &probabilities)).collect::<Result<Vec<_>, _>>()?;
    let figures = together(&held, &probabilities, each, split, command)?;
    Ok(Evaluation { calibration, figures })
}

fn calibration(
    recipe: &Recipe,
    logits: &[Vec<f64>],
    examples: &[&Example],
) -> Result<Calibration, LearnError> {
    let groups = recipe.targets.groups(&recipe.labels).into_iter().map(|group| {
        let (rows, places): (Vec<Vec<f64>>, Vec<usize>) = logits
            .iter()
            .zip(examples)
            .filter_map(|(row, example)| {
                Some((GroupCalibration::logits(&group, row), place_of(recipe, &group, example)?))
            })
            .unzip();
        Ok(GroupCalibration::new(group, calibrate(&rows, &places)?))
    });
    Ok(Calibration::of_groups(groups.collect::<Result<_, LearnError>>()?))
}

/// A label's own figures.
fn figures(held: &Held<'_>, label: usize, probabilities: &[Vec<f64>]) -> Result<LabelFigures, LearnError> {
    let (images, positives) = held.known(label);
    let scores: Vec<f64> = images.iter().map(|image| probabilities[*image][label]).collect();
    let patients: Option<Vec<usize>> =
        held.patients.as_ref().map(|all| images.iter().map(|image| all[*image]).collect());
    let draws = held.draws(images.len(), patients.as_deref());
    let threshold = match held.recipe.multi_label.operating_point {
        CallRule::Youden => threshold_for_youden(&scores, &positives)?,
        CallRule::Sensitivity(least) => threshold_for_sensitivity(&scores, &positives, least)?,
    };
    let pick = |rows: &[usize]| -> (Vec<f64>, Vec<bool>) {
        rows.iter().map(|row| (scores[*row], positives[*row])).unzip()
    };
    let rate = |wanted: bool| {
        let (scores, positives) = (&scores, &positives);
        move |rows: &[usize]| {
            let of: Vec<&usize> = rows.iter().filter(|row| positives[**row] == wanted).collect();
            let right = of.iter().filter(|row| (scores[***row] >= threshold) == wanted).count();
            (!of.is_empty()).then(|| right as f64 / of.len() as f64)
        }
    };
    let auc = draws.interval(|rows| {
        let (scores, positives) = pick(rows);
        roc_auc(&scores, &positives).ok()
    })?;
    let brier = draws.interval(|rows| {
        let (scores, positives) = pick(rows);
        brier_score(&scores, &positives).ok()
    })?;
    let count = positives.iter().filter(|there| **there).count();
    let share = count as f64 / positives.len() as f64;
    Ok(LabelFigures {
        label: held.recipe.labels[label].key.clone(),
        known: images.len(),
        positives: count,
        auc,
        brier,
        brier_of_share: share * (1.0 - share),
        calibration_error: expected_calibration_error(&scores, &positives, 10)?,
        threshold,
        sensitivity: draws.interval(rate(true))?,
        specificity: draws.interval(rate(false))?,
        baselines: Vec::new(),
    })
}

/// The means over the labels, with the labels' own figures behind them.
fn together(
    held: &Held<'_>,
    probabilities: &[Vec<f64>],
    each: Vec<LabelFigures>,
    split: String,
    command: String,
) -> Result<Validation, LearnError> {
    let images = probabilities.len();
    let draws = held.draws(images, held.patients.as_deref());
    let count = each.len();
    let mean_of = |of: fn(&[f64], &[bool]) -> Result<f64, StatsError>| {
        draws.interval(|rows| {
            let mut sum = 0.0;
            for (label, truths) in held.truths.iter().enumerate() {
                let known = rows
                    .iter()
                    .filter_map(|row| truths[*row].map(|there| (probabilities[*row][label], there)));
                let (scores, positives): (Vec<f64>, Vec<bool>) = known.unzip();
                sum += of(&scores, &positives).ok()?;
            }
            Some(sum / count as f64)
        })
    };
    let macro_auc = mean_of(roc_auc)?;
    let accuracy: Result<Interval, StatsError> = draws.interval(|rows| {
        let (mut right, mut all) = (0.0, 0.0);
        for row in rows {
            for (label, figures) in each.iter().enumerate() {
                if let Some(there) = held.truths[label][*row] {
                    let called = probabilities[*row][label] >= figures.threshold;
                    right += f64::from(u8::from(called == there));
                    all += 1.0;
                }
            }
        }
        (all > 0.0).then(|| right / all)
    });
    let known: usize = each.iter().map(|figures| figures.known).sum();
    let common: usize =
        each.iter().map(|figures| figures.positives.max(figures.known - figures.positives)).sum();
    let labels = each
        .iter()
        .map(|figures| ClassMetric {
            label: figures.label.clone(),
            images: figures.positives,
            auc: figures.auc,
            recall: figures.sensitivity,
        })
        .collect();
    Ok(Validation {
        split,
        images,
        macro_auc,
        accuracy: accuracy?,
        accuracy_of_commonest: common as f64 / known.max(1) as f64,
        brier: mean_of(brier_score)?,
        calibration_error: mean_of(|scores, positives| expected_calibration_error(scores, positives, 10))?,
        labels,
        command,
        baselines: Vec::new(),
        each,
    })
}
