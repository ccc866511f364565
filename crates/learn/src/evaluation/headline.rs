use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use wilhelm_stats::{ConfusionMatrix, Rows, brier_score, brier_score_multiclass, log_loss_multiclass};

use super::figure::Sampler;
use super::ranking::Ranked;
use super::{Cases, Figure, Scale};

/// A figure by which models are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Headline {
    /// Its name in files.
    pub key: String,
    /// Its name for people.
    pub name: String,
    /// Whether more of it is better.
    pub higher_is_better: bool,
    /// The figure.
    #[serde(flatten)]
    pub figure: Figure,
}

type Statistic = Box<dyn Fn(&[usize]) -> Option<f64> + Send + Sync>;

/// How a headline is measured on a resample.
pub(super) struct Measure {
    pub key: &'static str,
    pub name: String,
    pub higher_is_better: bool,
    pub of: Statistic,
}

/// The likeliest label of each case, the first of equals.
pub(super) fn likeliest(cases: &Cases) -> Vec<usize> {
    let first_of_most =
        |row: &[f64]| (1..row.len()).fold(0, |best, label| if row[label] > row[best] { label } else { best });
    cases.values.chunks_exact(cases.labels.len()).map(first_of_most).collect()
}

/// All headlines that these cases have.
pub(super) fn measures(cases: &Cases, bins: usize) -> Vec<Measure> {
    let mut measures = Vec::new();
    let two = cases.labels.len() == 2;
    let mut add = |key, name: &str, higher_is_better, of: Statistic| {
        measures.push(Measure { key, name: name.to_owned(), higher_is_better, of });
    };
    let mean_over = if two { String::new() } else { ", mean over labels".to_owned() };
    add("roc_auc", &format!("ROC AUC{mean_over}"), true, over_labels(cases, Ranked::auc));
    let name = format!("average precision (PR AUC){mean_over}");
    add("average_precision", &name, true, over_labels(cases, Ranked::average_precision));
    if cases.scale == Scale::Score {
        return measures;
    }
    let classes = cases.labels.len();
    let called = likeliest(cases);
    let of_matrix = |value: fn(&ConfusionMatrix) -> Option<f64>| -> Statistic {
        let (truth, called) = (cases.truth.clone(), called.clone());
        Box::new(move |rows| value(&matrix(classes, &truth, &called, rows)?))
    };
    add("accuracy", "accuracy", true, of_matrix(|matrix| Some(matrix.accuracy())));
    add("balanced_accuracy", "balanced accuracy", true, of_matrix(|matrix| Some(matrix.balanced_accuracy())));
    add("macro_f1", "F1, mean over labels", true, of_matrix(|matrix| Some(matrix.macro_f1())));
    add(
        "matthews_correlation",
        "Matthews correlation",
        true,
        of_matrix(ConfusionMatrix::matthews_correlation),
    );
    let rows = Rows::new(&cases.values, classes).expect("numbers were checked when they were read");
    let each = |score: &dyn Fn(Rows<'_>, &[usize]) -> f64| -> Vec<f64> {
        rows.iter()
            .zip(&cases.truth)
            .map(|(row, label)| score(Rows::new(row, classes).expect("one case"), &[*label]))
            .collect()
    };
    let checked = "probabilities were checked when they were read";
    let brier = match cases.positive.filter(|_| two) {
        Some(positive) => {
            each(&|row, label| brier_score(&[row.row(0)[positive]], &[label[0] == positive]).expect(checked))
        }
        None => each(&|row, label| brier_score_multiclass(row, label).expect(checked)),
    };
    let loss = each(&|row, label| log_loss_multiclass(row, label).expect(checked));
    let mean_of = |terms: Vec<f64>| -> Statistic {
        Box::new(move |rows| Some(rows.iter().map(|row| terms[*row]).sum::<f64>() / rows.len() as f64))
    };
    add("brier", if two { "Brier score" } else { "Brier score, summed over labels" }, false, mean_of(brier));
    add("log_loss", "log loss", false, mean_of(loss));
    let (promised, came_true): (Vec<f64>, Vec<bool>) = match cases.positive.filter(|_| two) {
        Some(positive) => (cases.of_label(positive), cases.is_label(positive)),
        None => called
            .iter()
            .enumerate()
            .map(|(case, label)| (rows.row(case)[*label], cases.truth[case] == *label))
            .unzip(),
    };
    let name =
        if two { "expected calibration error" } else { "expected calibration error of the likeliest label" };
    add("calibration_error", name, false, calibration_error(promised, came_true, bins));
    measures
}

/// The matrix of some rows; `None` without any.
pub(super) fn matrix(
    classes: usize,
    truth: &[usize],
    called: &[usize],
    rows: &[usize],
) -> Option<ConfusionMatrix> {
    let pick = |of: &[usize]| rows.iter().map(|row| of[*row]).collect::<Vec<usize>>();
    ConfusionMatrix::new(classes, &pick(truth), &pick(called)).ok()
}

/// The area of the positive label; of several labels the mean over those that have cases.
fn over_labels(cases: &Cases, area: fn(&Ranked, &[f64]) -> Option<f64>) -> Statistic {
    let wanted: Vec<usize> = match cases.positive.filter(|_| cases.labels.len() == 2) {
        Some(positive) => vec![positive],
        None => (0..cases.labels.len()).collect(),
    };
    let ranked: Vec<Ranked> = wanted
        .into_iter()
        .filter_map(|label| Ranked::new(&cases.of_label(label), &cases.is_label(label)).ok())
        .collect();
    Box::new(move |rows| {
        let mut weights = Vec::new();
        let mut sum = 0.0;
        for ranked in &ranked {
            ranked.weigh(rows, &mut weights);
            sum += area(ranked, &weights)?;
        }
        (!ranked.is_empty()).then(|| sum / ranked.len() as f64)
    })
}

fn calibration_error(promised: Vec<f64>, came_true: Vec<bool>, bins: usize) -> Statistic {
    let edges: Vec<f64> = (1..bins).map(|bin| bin as f64 / bins as f64).collect();
    let bin: Vec<usize> = promised.iter().map(|value| edges.partition_point(|edge| edge < value)).collect();
    let gap: Vec<f64> = promised
        .iter()
        .zip(&came_true)
        .map(|(promised, came_true)| promised - f64::from(u8::from(*came_true)))
        .collect();
    Box::new(move |rows| {
        let mut gaps = vec![0.0; bins];
        rows.iter().for_each(|row| gaps[bin[*row]] += gap[*row]);
        Some(gaps.iter().map(|gap| gap.abs()).sum::<f64>() / rows.len() as f64)
    })
}

/// All headlines with their intervals.
pub(super) fn headlines(cases: &Cases, sampler: &Sampler, bins: usize) -> Vec<Headline> {
    let called = (cases.scale == Scale::Probability).then(|| likeliest(cases));
    measures(cases, bins)
        .into_par_iter()
        .map(|measure| {
            let figure = match (&called, measure.key) {
                (Some(called), "accuracy") => {
                    let right: Vec<bool> = called.iter().zip(&cases.truth).map(|(a, b)| a == b).collect();
                    sampler.share(&right, &vec![true; right.len()])
                }
                _ => sampler.figure(&measure.of),
            };
            let Measure { key, name, higher_is_better, .. } = measure;
            Headline { key: key.to_owned(), name, higher_is_better, figure }
        })
        .collect()
}
