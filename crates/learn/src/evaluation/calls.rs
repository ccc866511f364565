use serde::{Deserialize, Serialize};
use wilhelm_stats::{AverageRates, Averaging, ConfusionMatrix, KappaWeights, cohen_kappa};

use super::figure::Sampler;
use super::headline::{likeliest, matrix};
use super::{Cases, Figure, Method};

/// What calling the likeliest label gets right and wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallFigures {
    /// Row: true label. Column: called one.
    pub confusion: ConfusionMatrix,
    /// Each label.
    pub labels: Vec<LabelCalls>,
    /// Labels in one: each alike, each case alike, each label by its cases.
    pub averages: Vec<AverageCalls>,
    /// Cohen's kappa of truth and calls.
    pub kappa: Figure,
}

/// The calls of one label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelCalls {
    /// The label.
    pub label: String,
    /// Cases of the label.
    pub cases: u64,
    /// Its cases that are found: recall.
    pub sensitivity: Figure,
    /// Other cases that are left alone.
    pub specificity: Figure,
    /// Its calls that are right.
    pub precision: Figure,
    /// Other calls that are right.
    pub negative_predictive_value: Figure,
    /// Harmonic mean of sensitivity and precision.
    pub f1: Figure,
    /// Matthews' correlation of the label against all others.
    pub matthews_correlation: Figure,
}

/// Rates of all labels in one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AverageCalls {
    /// How they become one.
    pub averaging: Averaging,
    /// Recall.
    pub sensitivity: Figure,
    /// True negatives of all actual negatives.
    pub specificity: Figure,
    /// Calls that are right.
    pub precision: Figure,
    /// F1 of each label, then averaged.
    pub f1: Figure,
}

const AVERAGES: [Averaging; 3] = [Averaging::Macro, Averaging::Micro, Averaging::Weighted];

pub(super) fn call_figures(cases: &Cases, sampler: &Sampler) -> Option<CallFigures> {
    let classes = cases.labels.len();
    let called = likeliest(cases);
    let all: Vec<usize> = (0..cases.len()).collect();
    let confusion = matrix(classes, &cases.truth, &called, &all)?;
    // Three averages of four rates each, then two numbers a label.
    let mut drawn = sampler
        .figures(12 + 2 * classes + 1, |rows, numbers| {
            let Some(matrix) = matrix(classes, &cases.truth, &called, rows) else { return };
            for (place, averaging) in AVERAGES.into_iter().enumerate() {
                let AverageRates { sensitivity, specificity, precision, f1, .. } = matrix.average(averaging);
                let rates = [sensitivity, specificity, precision, f1];
                numbers[4 * place..][..4].copy_from_slice(&rates.map(|rate| rate.unwrap_or(f64::NAN)));
            }
            for label in 0..classes {
                let pair = [matrix.rates(label).f1, matrix.class_matthews_correlation(label)];
                numbers[12 + 2 * label..][..2].copy_from_slice(&pair.map(|rate| rate.unwrap_or(f64::NAN)));
            }
            if let Ok(found) = cohen_kappa(&matrix, KappaWeights::None, 0.95) {
                numbers[12 + 2 * classes] = found.kappa;
            }
        })
        .into_iter();
    let mut next = || drawn.next().expect("as many figures as were asked for");
    let averages = AVERAGES
        .into_iter()
        .map(|averaging| AverageCalls {
            averaging,
            sensitivity: next(),
            specificity: next(),
            precision: next(),
            f1: next(),
        })
        .collect();
    let labels = (0..classes)
        .map(|label| {
            let is = |of: &[usize]| of.iter().map(|found| *found == label).collect::<Vec<bool>>();
            let not = |of: &[bool]| of.iter().map(|found| !found).collect::<Vec<bool>>();
            let (actual, calls) = (is(&cases.truth), is(&called));
            let (others, passes) = (not(&actual), not(&calls));
            LabelCalls {
                label: cases.labels[label].clone(),
                cases: confusion.rates(label).cases,
                sensitivity: sampler.share(&calls, &actual),
                specificity: sampler.share(&passes, &others),
                precision: sampler.share(&actual, &calls),
                negative_predictive_value: sampler.share(&others, &passes),
                f1: next(),
                matthews_correlation: next(),
            }
        })
        .collect();
    let drawn_kappa = next();
    let kappa = match cohen_kappa(&confusion, KappaWeights::None, sampler.settings.level) {
        Ok(found) if !sampler.is_clustered() => Figure::new(found.kappa, found.low, found.high, Method::Wald),
        _ => drawn_kappa,
    };
    Some(CallFigures { confusion, labels, averages, kappa })
}
