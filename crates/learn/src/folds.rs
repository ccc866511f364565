//! Cross-validation: one recipe trained once without each part of the data, and what is said of the part left out.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;
use toml::{Table, Value};
use wilhelm_nets::Calibration;
use wilhelm_stats::{Rows, accuracy, brier_score_multiclass, fit_recalibration, macro_one_vs_rest_auc};

use crate::baselines::{BaselineMean, baseline_means, baseline_table};
use crate::evaluation::Headline;
use crate::{
    Dataset, HeldOut, HeldOutCase, Keep, LearnError, Optimization, Recipe, RunMean, RunMetrics, WrittenRecipe,
};

/// The recipe of one fold.
#[derive(Clone, Debug, PartialEq)]
pub struct FoldRun<R = Recipe> {
    /// Its number, from 1.
    pub number: usize,
    /// The recipe as TOML.
    pub text: String,
    /// The recipe.
    pub recipe: R,
}

/// The recipes of all folds: `fold` stands in the place of `validation_share`.
///
/// # Errors
/// [`LearnError::Recipe`] for a count below 2 or above [`Fold::MOST`](crate::Fold::MOST), and for a recipe that is one fold already,
/// whose data state their split, or with a label named as another column of the table.
pub fn fold_runs<R: WrittenRecipe>(recipe: &str, count: usize) -> Result<Vec<FoldRun<R>>, LearnError> {
    let base: Table =
        toml::from_str(recipe).map_err(|error| LearnError::Recipe(error.message().to_owned()))?;
    if base.contains_key("fold") {
        return Err(LearnError::Recipe("it is of one fold already: take fold out to have all".to_owned()));
    }
    if base.contains_key("start") {
        return Err(LearnError::Recipe(
            "start names one encoder, which has seen images that the folds hold out: take start out"
                .to_owned(),
        ));
    }
    let whole = |value: usize| Value::Integer(i64::try_from(value).unwrap_or(i64::MAX));
    let run = |number: usize| {
        let mut table = base.clone();
        table.remove("validation_share");
        let fold = [("number".to_owned(), whole(number)), ("of".to_owned(), whole(count))];
        table.insert("fold".to_owned(), Value::Table(Table::from_iter(fold)));
        let text = toml::to_string(&table).map_err(|error| LearnError::Recipe(error.to_string()))?;
        let recipe = R::read(&text)?;
        if let Some(fault) = recipe.fault_of_folds() {
            return Err(LearnError::Recipe(fault));
        }
        Ok(FoldRun { number, text, recipe })
    };
    // The first one says what is wrong with the count.
    let first = run(1)?;
    std::iter::once(Ok(first)).chain((2..=count).map(run)).collect()
}

/// An image with what the network said that had not seen it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutOfFold {
    /// Its name.
    pub image: String,
    /// Index of its label.
    pub label: usize,
    /// The fold that it is in, from 1.
    pub fold: usize,
    /// Whose it is, as a running number.
    pub patient: Option<usize>,
    /// One number a label.
    pub probabilities: Vec<f64>,
}

/// Brings what the folds' networks said together, in the order of the data.
///
/// Each fold is calibrated on the images of all others, so that no image's own label takes part in its probabilities.
///
/// # Errors
/// [`LearnError::NoSignal`] if the outputs of the other folds say nothing of their labels, [`LearnError::Split`]
/// where folds and data do not go together.
pub fn out_of_fold(
    recipe: &Recipe,
    data: &Dataset,
    held_out: &[HeldOut],
) -> Result<Vec<OutOfFold>, LearnError> {
    let classes = recipe.labels.len();
    let mut found: BTreeMap<&str, (usize, &[f64])> = BTreeMap::new();
    let mut calibrations = Vec::with_capacity(held_out.len());
    for (at, own) in held_out.iter().enumerate() {
        found.extend(own.cases.iter().map(|case| (case.image.as_str(), (at, case.logits.as_slice()))));
        calibrations.push(calibration(&of_others(held_out, at).collect::<Vec<_>>(), classes)?);
    }
    data.examples
        .iter()
        .map(|example| {
            let (at, logits) = found.get(example.source.as_str()).ok_or_else(|| {
                LearnError::Split(format!("{} is in no fold: begin in another folder", example.place()))
            })?;
            Ok(OutOfFold {
                image: example.source.clone(),
                label: example.label,
                fold: at + 1,
                patient: example.patient,
                probabilities: calibrations[*at].probabilities(logits),
            })
        })
        .collect()
}

/// What the networks of the other folds said.
pub(crate) fn of_others(held_out: &[HeldOut], fold: usize) -> impl Iterator<Item = &HeldOutCase> {
    let others = held_out.iter().enumerate().filter(move |(other, _)| *other != fold);
    others.flat_map(|(_, other)| &other.cases)
}

/// Temperature and biases of some cases' logits.
///
/// # Errors
/// [`LearnError::NoSignal`] if they say nothing of the labels, [`LearnError::Stats`] for a label without cases.
pub(crate) fn calibration(cases: &[&HeldOutCase], classes: usize) -> Result<Calibration, LearnError> {
    let logits: Vec<f64> = cases.iter().flat_map(|case| case.logits.iter().copied()).collect();
    let labels: Vec<usize> = cases.iter().map(|case| case.label).collect();
    let fit = fit_recalibration(Rows::new(&logits, classes)?, &labels)?;
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

/// One fold's line in the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FoldLine {
    /// Its number, from 1.
    pub fold: usize,
    /// Its images.
    pub images: usize,
    /// Mean over labels of the area under the ROC curve.
    pub macro_auc: f64,
    /// Share of images whose likeliest label is right.
    pub accuracy: f64,
    /// Brier score: summed over labels where there are more than two, as `wilhelm evaluate` has it.
    pub brier: f64,
    /// The pass that the weights are from.
    pub epoch: Option<usize>,
    /// Seconds of training.
    pub seconds: Option<f64>,
    /// Why the fold made no model, if it made none; its predictions count all the same.
    pub failed: Option<String>,
}

/// What the folds gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FoldSummary {
    /// Fold by fold.
    pub folds: Vec<FoldLine>,
    /// Mean of the areas.
    pub macro_auc: RunMean,
    /// Mean of the accuracies.
    pub accuracy: RunMean,
    /// Mean of the Brier scores.
    pub brier: RunMean,
    /// What is reached without a network, over the folds that made a model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<BaselineMean>,
    /// What makes these figures better than those of new data, if anything.
    pub caution: Option<String>,
}

/// Measures each fold on its out-of-fold predictions; `results` are what training without it gave, or why it gave no
/// model.
///
/// # Errors
/// [`LearnError::Stats`] for a fold without one of the labels.
pub fn summarize_folds(
    recipe: &Recipe,
    cases: &[OutOfFold],
    results: &[Result<RunMetrics, String>],
) -> Result<FoldSummary, LearnError> {
    let classes = recipe.labels.len();
    let mut folds = Vec::with_capacity(results.len());
    for (fold, result) in (1..).zip(results) {
        let own: Vec<&OutOfFold> = cases.iter().filter(|case| case.fold == fold).collect();
        let flat: Vec<f64> = own.iter().flat_map(|case| case.probabilities.iter().copied()).collect();
        let labels: Vec<usize> = own.iter().map(|case| case.label).collect();
        let likeliest = |case: &&OutOfFold| {
            let p = &case.probabilities;
            (1..p.len()).fold(0, |best, label| if p[label] > p[best] { label } else { best })
        };
        let called: Vec<usize> = own.iter().map(likeliest).collect();
        let table = Rows::new(&flat, classes)?;
        let brier = brier_score_multiclass(table, &labels)?;
        let metrics = result.as_ref().ok();
        folds.push(FoldLine {
            fold,
            images: own.len(),
            macro_auc: macro_one_vs_rest_auc(table, &labels)?,
            accuracy: accuracy(&labels, &called)?,
            brier: if classes == 2 { brier / 2.0 } else { brier },
            epoch: metrics.and_then(|metrics| metrics.epoch),
            seconds: metrics.and_then(|metrics| metrics.seconds),
            failed: result.as_ref().err().cloned(),
        });
    }
    let mean = |figure: fn(&FoldLine) -> f64| {
        RunMean::of(&folds.iter().map(figure).collect::<Vec<f64>>())
            .ok_or_else(|| LearnError::Split("there are no folds".to_owned()))
    };
    let caution = caution_of(&recipe.optimization);
    Ok(FoldSummary {
        macro_auc: mean(|line| line.macro_auc)?,
        accuracy: mean(|line| line.accuracy)?,
        brier: mean(|line| line.brier)?,
        baselines: baseline_means(results.iter().flatten().map(|metrics| &metrics.validation)),
        folds,
        caution,
    })
}

/// What makes the figures of folds better than those of new data.
pub(crate) fn caution_of<K>(optimization: &Optimization<K>) -> Option<String> {
    let chosen = optimization.keep == Keep::Best || optimization.patience > 0;
    chosen.then(|| {
        "the pass was chosen by the loss on the fold that is then measured (keep or patience), so the figures flatter"
            .to_owned()
    })
}

/// The table as Markdown; `pooled` are the figures of all out-of-fold predictions together.
pub fn folds_table(summary: &FoldSummary, pooled: &[Headline]) -> String {
    let images: usize = summary.folds.iter().map(|line| line.images).sum();
    let mut text = "Each fold was measured by a network that had not seen it, calibrated on the other folds. The mean has \
                    Student's 95 % interval over the folds; folds share most of their training data, so it is narrower \
                    than one over new data would be. The last line takes all predictions together, with the intervals \
                    of `wilhelm evaluate`.\n\n\
                    | fold | images | macro AUC | accuracy | Brier | pass | seconds |\n\
                    |---|---:|---|---|---|---:|---:|\n"
        .to_owned();
    let or_dash = |number: Option<String>| number.unwrap_or_else(|| "-".to_owned());
    for line in &summary.folds {
        let _ = writeln!(
            text,
            "| {} | {} | {:.4} | {:.4} | {:.4} | {} | {} |",
            line.fold,
            line.images,
            line.macro_auc,
            line.accuracy,
            line.brier,
            or_dash(line.epoch.map(|epoch| epoch.to_string())),
            or_dash(line.seconds.map(|seconds| format!("{seconds:.0}"))),
        );
    }
    let _ = writeln!(
        text,
        "| mean | {images} | {} | {} | {} | | |",
        summary.macro_auc.words(4),
        summary.accuracy.words(4),
        summary.brier.words(4)
    );
    let together = |key: &str| {
        let figure = pooled.iter().find(|headline| headline.key == key).map(|headline| &headline.figure);
        or_dash(figure.and_then(|figure| {
            Some(match (figure.low, figure.high) {
                (Some(low), Some(high)) => format!("{:.4} ({low:.4} to {high:.4})", figure.value?),
                _ => format!("{:.4}", figure.value?),
            })
        }))
    };
    let _ = writeln!(
        text,
        "| together | {images} | {} | {} | {} | | |",
        together("roc_auc"),
        together("accuracy"),
        together("brier")
    );
    for line in &summary.folds {
        if let Some(reason) = &line.failed {
            let _ = writeln!(
                text,
                "\nfold {} made no model, its predictions count all the same: {reason}",
                line.fold
            );
        }
    }
    if let Some(caution) = &summary.caution {
        let _ = writeln!(text, "\n{caution}");
    }
    text + &baseline_table("networks", &[("of all folds", &summary.baselines)])
}

#[cfg(test)]
mod tests;
