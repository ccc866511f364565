use serde::{Deserialize, Serialize};
use wilhelm_stats::text::TfIdf;
use wilhelm_stats::{SoftmaxRegression, SparseRows, fit_sparse_softmax_regression};

use super::TextExample;
use crate::{LearnError, Split, folds_by_group};

/// How the linear classifier of weighted terms was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TermsBaseline {
    /// In words.
    pub what: String,
    /// Terms of the training texts.
    pub terms: usize,
    /// Each strength that was tried, and its mean log loss over the folds of the training texts.
    pub tried: Vec<(f64, f64)>,
}

/// Most words in a row that make a term.
const ORDER: usize = 2;
/// Training texts that a term must stand in.
const LEAST: usize = 2;
/// How strongly weights may follow the data; scikit-learn's C.
const STRENGTHS: [f64; 5] = [0.3, 1.0, 3.0, 10.0, 30.0];
const FOLDS: usize = 5;

/// What weighted terms say of the texts held out: a row of probabilities each.
///
/// The strength is the one with the least log loss over folds of the training texts, whole groups at a time.
///
/// # Errors
/// [`LearnError::Stats`] where no strength can be fitted.
pub(super) fn terms(
    examples: &[TextExample],
    split: &Split,
    classes: usize,
    seed: u64,
) -> Result<(Vec<Vec<f64>>, TermsBaseline), LearnError> {
    let training = &split.training;
    let groups: Vec<usize> = training.iter().map(|place| examples[*place].group).collect();
    let labels: Vec<usize> = training.iter().map(|place| examples[*place].label).collect();
    let folds = folds_by_group(&groups, &labels, FOLDS, seed);
    let mut losses = vec![(0.0, 0_usize); STRENGTHS.len()];
    for fold in 1..=FOLDS {
        let (out, within): (Vec<usize>, Vec<usize>) =
            (0..training.len()).partition(|place| folds[*place] == fold);
        let pick = |places: &[usize]| places.iter().map(|place| training[*place]).collect::<Vec<_>>();
        let (within, out) = (pick(&within), pick(&out));
        let (terms, rows, of_rows) = weighted(examples, &within);
        // A fold without one of the labels says nothing.
        if out.is_empty() || (0..classes).any(|class| !of_rows.contains(&class)) {
            continue;
        }
        for (strength, (loss, count)) in STRENGTHS.iter().zip(&mut losses) {
            let Ok(fitted) = fit_sparse_softmax_regression(&rows, &of_rows, classes, *strength) else {
                continue;
            };
            for (row, place) in said(&fitted, &terms, examples, &out).iter().zip(&out) {
                *loss -= row[examples[*place].label].max(1e-15).ln();
                *count += 1;
            }
        }
    }
    let tried: Vec<(f64, f64)> = STRENGTHS
        .into_iter()
        .zip(losses)
        .filter(|(_, (_, count))| *count > 0)
        .map(|(strength, (loss, count))| (strength, loss / count as f64))
        .collect();
    let best = tried.iter().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(1.0, |(strength, _)| *strength);
    let (terms, rows, of_rows) = weighted(examples, training);
    let fitted = fit_sparse_softmax_regression(&rows, &of_rows, classes, best)?;
    let what = format!(
        "logistic regression (L2, C = {best}) on TF-IDF weights of words and pairs of words that at least {LEAST} training \
         texts have; C has the least log loss over {FOLDS} folds of the training texts"
    );
    let baseline = TermsBaseline { what, terms: terms.len(), tried };
    Ok((said(&fitted, &terms, examples, &split.validation), baseline))
}

fn weighted(examples: &[TextExample], places: &[usize]) -> (TfIdf, SparseRows, Vec<usize>) {
    let texts = || places.iter().map(|place| examples[*place].text.as_str());
    let terms = TfIdf::of(texts(), ORDER, LEAST);
    let rows = terms.rows(texts());
    (terms, rows, places.iter().map(|place| examples[*place].label).collect())
}

fn said(
    fitted: &SoftmaxRegression,
    terms: &TfIdf,
    examples: &[TextExample],
    places: &[usize],
) -> Vec<Vec<f64>> {
    places.iter().map(|place| fitted.sparse_probabilities(&terms.weights(&examples[*place].text))).collect()
}
