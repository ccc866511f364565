use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use wilhelm_stats::StatsError;

use super::Tried;
use super::features::whole_radiomics;
use super::measured::{Measured, least};
use crate::fewshot::{Asked, Features, Known, Probe, Standardized};
use crate::{Division, LearnError, folds_by_group};

/// Weights of the cases' loss against the length of the weights: scikit-learn's `C`.
const STRENGTHS: [f64; 9] = [0.0001, 0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0];
/// The strength where there are too few images to choose one.
const UNCHOSEN: f64 = 1.0;
/// Parts of the training images of which each is left out once.
const FOLDS: usize = 5;

/// Logistic regression on radiomics of the whole image, each feature brought to mean 0 and deviation 1.
///
/// Its strength has the least log loss where fifths of the training images are left out, whole groups at a time.
///
/// # Source
/// Hastie, Tibshirani and Friedman 2009, sections 7.10 and 18.3.2; doi:10.1007/978-0-387-84858-7
pub(super) fn radiomics(
    division: &Division<'_>,
    cache: Option<&Path>,
    progress: &(dyn Fn(&str, usize, usize) + Sync),
) -> Result<Measured, LearnError> {
    let Division { recipe, data, split, .. } = division;
    let features = whole_radiomics(recipe, data, cache, &|done, total| progress("radiomics", done, total))?;
    let label_of: Vec<usize> = data.examples.iter().map(|example| example.label).collect();
    let tried = strengths(division, &features, &label_of, progress)?;
    let strength = least(&tried).map_or(UNCHOSEN, |best| STRENGTHS[best]);
    let standardized = Standardized::new(&features, data, &split.training)?;
    let classes = recipe.labels.len();
    let known = Known::new(&standardized, &split.training, &label_of, classes);
    let probe = Probe::fit(&known, strength)?;
    let answers = Asked::new(&standardized, &split.validation)
        .rows()
        .map(|row| probe.log_probabilities(row).into_iter().map(f64::exp).collect())
        .collect();
    let chosen = if tried.is_empty() {
        "with too few images to choose it".to_owned()
    } else {
        format!("chosen by {FOLDS} folds of the training images")
    };
    let what = format!("L2 of strength {strength}, {chosen}, on {} {}", standardized.width, features.words);
    Ok(Measured::of_images("logistic regression on radiomics", what, answers, tried))
}

/// Each strength's loss on the parts left out; none where some part leaves a label without images.
fn strengths(
    division: &Division<'_>,
    features: &Features,
    label_of: &[usize],
    progress: &(dyn Fn(&str, usize, usize) + Sync),
) -> Result<Vec<Tried>, LearnError> {
    let Division { recipe, data, split, groups, .. } = division;
    let classes = recipe.labels.len();
    let of = |what: &[usize]| split.training.iter().map(|place| what[*place]).collect::<Vec<usize>>();
    let folds = folds_by_group(&of(groups), &of(label_of), FOLDS, recipe.split_seed());
    let mut parts = Vec::with_capacity(FOLDS);
    for fold in 1..=FOLDS {
        let side = |out: bool| -> Vec<usize> {
            let of_side = split.training.iter().zip(&folds).filter(|(_, own)| (**own == fold) == out);
            of_side.map(|(place, _)| *place).collect()
        };
        let (out, kept) = (side(true), side(false));
        let has = |label: usize| kept.iter().any(|place| label_of[*place] == label);
        if out.is_empty() || !(0..classes).all(has) {
            return Ok(Vec::new());
        }
        let standardized = Standardized::new(features, data, &kept)?;
        parts.push((standardized, kept, out));
    }
    let total = STRENGTHS.len() * FOLDS;
    let done = AtomicUsize::new(0);
    let sums = (0..total)
        .into_par_iter()
        .map(|at| {
            let (standardized, kept, out) = &parts[at % FOLDS];
            let known = Known::new(standardized, kept, label_of, classes);
            let sum = match Probe::fit(&known, STRENGTHS[at / FOLDS]) {
                Ok(probe) => {
                    let rows = Asked::new(standardized, out);
                    let losses = rows
                        .rows()
                        .zip(out)
                        .map(|(row, place)| -probe.log_probabilities(row)[label_of[*place]]);
                    Some(losses.sum::<f64>())
                }
                // A strength that holds nothing back may have no end.
                Err(LearnError::Stats(StatsError::NoValue { .. })) => None,
                Err(error) => return Err(error),
            };
            progress("logistic regression", done.fetch_add(1, Ordering::Relaxed) + 1, total);
            Ok(sum)
        })
        .collect::<Result<Vec<Option<f64>>, LearnError>>()?;
    let tried = |(strength, sums): (f64, &[Option<f64>])| {
        let sum: Option<f64> = sums.iter().copied().sum();
        Tried {
            setting: format!("strength {strength}"),
            log_loss: sum.map(|sum| sum / split.training.len() as f64),
        }
    };
    Ok(STRENGTHS.into_iter().zip(sums.chunks_exact(FOLDS)).map(tried).collect())
}
