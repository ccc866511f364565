//! How far a few labels go: simple classifiers on frozen features, as curves over the number of labeled cases.
//!
//! The principal function is [`learning_curves`]: features of all images, the same draws of labeled cases for every source
//! of features and every method, and figures on the validation side of one split. Nothing is tuned.

mod cache;
mod draws;
mod methods;
mod page;
mod sources;

pub use cache::cached_features;
pub use methods::{Method, MethodSettings};
pub use page::{csv, document};
pub use sources::{Features, encoder_features, pixel_features, radiomic_features, training_preparation};

pub(crate) use cache::cached;
pub(crate) use methods::{Asked, Known, Probe};
pub(crate) use sources::{LEVELS, Standardized, measured, values};

use rayon::prelude::*;
use serde::Serialize;
use wilhelm_stats::{Rows, macro_one_vs_rest_auc};

use crate::{Division, LearnError, RunMean};
use draws::{Draw, draws};

/// Numbers of labeled cases of each label that curves have, unless told otherwise.
pub const CASES: [usize; 7] = [1, 2, 5, 10, 20, 50, 100];

/// What is measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CurveSettings {
    /// Numbers of labeled cases of each label; all of them are measured too.
    pub cases: Vec<usize>,
    /// Whether numbers that a label has no cases for are left out with a note, rather than refused.
    pub as_far_as_there_are: bool,
    /// Draws of each number.
    pub repeats: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// What the methods are told.
    pub method: MethodSettings,
}

/// Images of one label.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelCount {
    /// The label's key.
    pub label: String,
    /// Images to draw from.
    pub training: usize,
    /// Images that the figures are measured on.
    pub held_out: usize,
}

/// Where features come from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceFacts {
    /// What it is called.
    pub name: String,
    /// What it is.
    pub words: String,
    /// Numbers that tell images apart; those that are the same for all training images are left out.
    pub width: usize,
    /// Whether the labels of these very images took part in making it: then its curve is no curve of few labels.
    pub saw_labels: bool,
}

/// One number of labeled cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Labeled cases of each label; none where all were taken.
    pub cases: Option<usize>,
    /// Labeled cases in all.
    pub images: usize,
    /// AUC, the mean over the labels each against the rest, over the draws.
    pub auc: RunMean,
    /// Accuracy over the draws.
    pub accuracy: RunMean,
    /// AUC less that of the first source with the same method, draw by draw; none for the first source.
    pub auc_difference: Option<RunMean>,
    /// The same of the accuracy.
    pub accuracy_difference: Option<RunMean>,
    /// AUC of each draw.
    pub auc_of_draws: Vec<f64>,
    /// Accuracy of each draw.
    pub accuracy_of_draws: Vec<f64>,
}

/// The curve of one method on one source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// The source's name.
    pub source: String,
    /// The method.
    pub method: Method,
    /// Its points, by the number of cases.
    pub points: Vec<Point>,
}

/// What is reached without a look at any image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Blind {
    /// Accuracy of calling the commonest label of the training side.
    pub majority_accuracy: f64,
    /// That label's key.
    pub majority: String,
    /// Expected accuracy of calling labels by chance as often as the training side has them.
    pub prevalence_accuracy: f64,
}

/// Learning curves of several sources and methods on one split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LearningCurves {
    /// The number of this shape of file.
    pub schema: u32,
    /// The program's version.
    pub program: String,
    /// The data, in words.
    pub data: String,
    /// SHA-256 over them.
    pub data_sha256: String,
    /// How they were split.
    pub split: String,
    /// Images by label.
    pub labels: Vec<LabelCount>,
    /// What was measured.
    pub settings: CurveSettings,
    /// What was left out and why.
    pub notes: Vec<String>,
    /// The sources.
    pub sources: Vec<SourceFacts>,
    /// What needs no look at the images.
    pub blind: Blind,
    /// Every method on every source.
    pub curves: Vec<Curve>,
}

/// Measures every method on every source of features.
///
/// The same draws are given to all of them, and a larger draw holds the smaller ones of its repeat. Features are brought to
/// mean 0 and deviation 1 by the training side, whose labels play no part in that. `progress` is told of every fit.
///
/// # Errors
/// [`LearnError::Few`] for fewer than two labels, sources of other images, or more cases than a label has;
/// [`LearnError::Data`] for features that are no numbers.
pub fn learning_curves(
    division: &Division<'_>,
    sources: &[Features],
    settings: &CurveSettings,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<LearningCurves, LearnError> {
    let Division { recipe, data, split, words, .. } = division;
    let classes = recipe.labels.len();
    if classes < 2 {
        return Err(LearnError::Few(format!(
            "the recipe has {classes} label, expected at least 2: there is nothing to tell apart"
        )));
    }
    if sources.is_empty() {
        return Err(LearnError::Few("no source of features was named".to_owned()));
    }
    if let Some(twice) =
        (1..sources.len()).find(|at| sources[..*at].iter().any(|other| other.name == sources[*at].name))
    {
        return Err(LearnError::Few(format!(
            "two sources of features are called {}: give one folder another name",
            sources[twice].name
        )));
    }
    settings.method.check()?;
    let label_of: Vec<usize> = data.examples.iter().map(|example| example.label).collect();
    let (draws, notes) = draws(recipe, &label_of, &split.training, settings)?;
    let held_out: Vec<usize> = split.validation.iter().map(|place| label_of[*place]).collect();
    let total = sources.len() * Method::ALL.len() * draws.len();
    let done = std::sync::atomic::AtomicUsize::new(0);
    let (mut facts, mut curves) = (Vec::new(), Vec::<Curve>::new());
    for source in sources {
        let features = Standardized::new(source, data, &split.training)?;
        facts.push(SourceFacts {
            name: source.name.clone(),
            words: source.words.clone(),
            width: features.width,
            saw_labels: source.saw_labels,
        });
        let asked = Asked::new(&features, &split.validation);
        for method in Method::ALL {
            let figures = draws
                .par_iter()
                .map(|draw| {
                    let known = Known::new(&features, &draw.places, &label_of, classes);
                    let scores = method.scores(&known, &asked, &settings.method)?;
                    let at = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
                    progress(at, total);
                    figures(&scores, &held_out, classes)
                })
                .collect::<Result<Vec<(f64, f64)>, LearnError>>()?;
            let first = curves.iter().find(|curve| curve.method == method);
            let points = points(&draws, &figures, first)?;
            curves.push(Curve { source: source.name.clone(), method, points });
        }
    }
    let count =
        |places: &[usize], label: usize| places.iter().filter(|place| label_of[**place] == label).count();
    let labels: Vec<LabelCount> = recipe
        .labels
        .iter()
        .enumerate()
        .map(|(label, known)| LabelCount {
            label: known.key.clone(),
            training: count(&split.training, label),
            held_out: count(&split.validation, label),
        })
        .collect();
    Ok(LearningCurves {
        schema: 1,
        program: format!("wilhelm {}", env!("CARGO_PKG_VERSION")),
        data: recipe.data_words.clone(),
        data_sha256: data.sha256.clone(),
        split: words.clone(),
        blind: blind(&labels),
        labels,
        settings: settings.clone(),
        notes,
        sources: facts,
        curves,
    })
}

/// AUC and accuracy of scores, a row a case.
pub(crate) fn figures(
    scores: &[Vec<f64>],
    labels: &[usize],
    classes: usize,
) -> Result<(f64, f64), LearnError> {
    let flat = scores.concat();
    let auc = macro_one_vs_rest_auc(Rows::new(&flat, classes)?, labels)?;
    let right = scores.iter().zip(labels).filter(|(row, label)| largest(row) == **label).count();
    Ok((auc, right as f64 / labels.len().max(1) as f64))
}

/// The place of the greatest number, the first of equals.
pub(crate) fn largest(row: &[f64]) -> usize {
    (1..row.len()).fold(0, |best, place| if row[place] > row[best] { place } else { best })
}

fn points(draws: &[Draw], figures: &[(f64, f64)], first: Option<&Curve>) -> Result<Vec<Point>, LearnError> {
    let mut sizes: Vec<Option<usize>> = Vec::new();
    for draw in draws {
        if !sizes.contains(&draw.cases) {
            sizes.push(draw.cases);
        }
    }
    sizes
        .into_iter()
        .enumerate()
        .map(|(at, cases)| {
            let of_size = || draws.iter().zip(figures).filter(move |(draw, _)| draw.cases == cases);
            let auc: Vec<f64> = of_size().map(|(_, (auc, _))| *auc).collect();
            let accuracy: Vec<f64> = of_size().map(|(_, (_, accuracy))| *accuracy).collect();
            let mean = |values: &[f64]| {
                RunMean::of(values).ok_or_else(|| LearnError::Few("a number of cases has no draw".to_owned()))
            };
            let less = |own: &[f64], other: &[f64]| -> Vec<f64> {
                own.iter().zip(other).map(|(own, other)| own - other).collect()
            };
            let first = first.map(|curve| &curve.points[at]);
            Ok(Point {
                cases,
                images: of_size().next().map_or(0, |(draw, _)| draw.places.len()),
                auc: mean(&auc)?,
                accuracy: mean(&accuracy)?,
                auc_difference: first.and_then(|first| RunMean::of(&less(&auc, &first.auc_of_draws))),
                accuracy_difference: first
                    .and_then(|first| RunMean::of(&less(&accuracy, &first.accuracy_of_draws))),
                auc_of_draws: auc,
                accuracy_of_draws: accuracy,
            })
        })
        .collect()
}

fn blind(labels: &[LabelCount]) -> Blind {
    let training: usize = labels.iter().map(|label| label.training).sum();
    let held_out: usize = labels.iter().map(|label| label.held_out).sum();
    let share = |of: usize, all: usize| of as f64 / all.max(1) as f64;
    let commonest = (1..labels.len())
        .fold(0, |best, label| if labels[label].training > labels[best].training { label } else { best });
    Blind {
        majority_accuracy: share(labels[commonest].held_out, held_out),
        majority: labels[commonest].label.clone(),
        prevalence_accuracy: labels
            .iter()
            .map(|label| share(label.training, training) * share(label.held_out, held_out))
            .sum(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
