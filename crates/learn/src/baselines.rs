//! What classifiers without a network reach on the images that a network is measured on.
//!
//! The principal function is [`baselines`]. The commonest label and the labels' shares do not look at an image; the nearest
//! neighbors look at small pictures, logistic regression at radiomics. All are fitted on the training side of a split, where
//! their settings are chosen too (no copy of an image and no image of the same patient helps there), and measured on its
//! validation side with the figures, calibration and draws of the network's own.

mod features;
mod measured;
mod neighbors;
mod over_runs;
mod regression;

pub use over_runs::{BaselineMean, baseline_means, baseline_table};

use std::path::Path;

use serde::Serialize;
use wilhelm_filters::Fit;
use wilhelm_nets::{BaselineMetric, Interval};

use crate::evaluate::{Draws, Scored, crossed, parts};
use crate::{Division, LearnError, Recipe, Split};
use measured::{Measured, logarithms};

/// What a network says of the images held out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NetworkAnswers<'a> {
    /// Its name and version.
    pub model: &'a str,
    /// SHA-256 of its weights.
    pub weights_sha256: &'a str,
    /// Calibrated probabilities: a row an image of the validation side, in its order.
    pub probabilities: &'a [Vec<f64>],
}

/// The network's own figures on the same images.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NetworkFigures {
    /// Its name and version.
    pub model: String,
    /// SHA-256 of its weights.
    pub weights_sha256: String,
    /// Mean over the labels of the area under the ROC curve.
    pub macro_auc: Interval,
    /// Share of images whose likeliest label is right.
    pub accuracy: Interval,
    /// Brier score (sum over labels).
    pub brier: Interval,
}

/// A setting that was tried on the training images.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tried {
    /// The setting.
    pub setting: String,
    /// Mean log loss on training images that were left out for it, in nats; none where nothing could be fitted.
    pub log_loss: Option<f64>,
}

/// One baseline, and how its settings were chosen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Baseline {
    /// What it reached.
    pub metric: BaselineMetric,
    /// The settings that were tried; none where there are none.
    pub tried: Vec<Tried>,
}

/// Baselines beside a network, on one split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Baselines {
    /// The number of this shape of file.
    pub schema: u32,
    /// The program's version.
    pub program: String,
    /// The command that printed these figures.
    pub command: String,
    /// The data, in words.
    pub data: String,
    /// SHA-256 over them.
    pub data_sha256: String,
    /// How they were split.
    pub split: String,
    /// Images that the baselines were fitted to.
    pub training: usize,
    /// Images that they were measured on.
    pub images: usize,
    /// The network, where one was named.
    pub network: Option<NetworkFigures>,
    /// The baselines, from those that look least.
    pub baselines: Vec<Baseline>,
    /// What should be known beside the figures.
    pub notes: Vec<String>,
}

impl Baselines {
    /// The present [`Baselines::schema`].
    pub const SCHEMA: u32 = 1;

    /// The figures as a card has them.
    pub fn metrics(&self) -> Vec<BaselineMetric> {
        self.baselines.iter().map(|baseline| baseline.metric.clone()).collect()
    }
}

/// Baselines fitted to the training side of one division: they stand beside every network that was trained on it.
#[derive(Clone, Debug)]
pub struct FittedBaselines {
    of: Identity,
    measured: Vec<Measured>,
}

/// What decides them.
#[derive(Clone, Debug, PartialEq)]
struct Identity {
    data_sha256: String,
    split: Split,
    seed: u64,
    fit: Fit,
    side: usize,
    slices: usize,
}

impl Identity {
    fn of(division: &Division<'_>) -> Self {
        let Division { recipe, data, split, .. } = division;
        let Recipe { fit, architecture, .. } = recipe;
        Self {
            data_sha256: data.sha256.clone(),
            split: split.clone(),
            seed: recipe.split_seed(),
            fit: *fit,
            side: architecture.side,
            slices: architecture.slices,
        }
    }
}

/// Fits every baseline to the training side of `division`.
///
/// Radiomics, which take longest, are kept in `cache` where it is named. `progress` is told what is done and how far.
///
/// # Errors
/// [`LearnError::Data`] for images with pixels that are no numbers, [`LearnError::Stats`] where a figure has no value.
pub fn fit_baselines(
    division: &Division<'_>,
    cache: Option<&Path>,
    progress: &(dyn Fn(&str, usize, usize) + Sync),
) -> Result<FittedBaselines, LearnError> {
    division.data.check_finite()?;
    let measured = vec![
        Measured::majority(division),
        Measured::prevalence(division),
        neighbors::nearest(division, progress)?,
        regression::radiomics(division, cache, progress)?,
    ];
    Ok(FittedBaselines { of: Identity::of(division), measured })
}

impl FittedBaselines {
    /// Whether fitting them to `division` would give the same again: the same images on both sides, brought to the same grid.
    pub fn are_of(&self, division: &Division<'_>) -> bool {
        self.of == Identity::of(division)
    }

    /// Measures them on the validation side of the division that they are of, beside `network` where it is given.
    ///
    /// `command` is written down.
    ///
    /// # Errors
    /// [`LearnError::Few`] for answers of other images, or another division; [`LearnError::Stats`] where a figure has no value.
    pub fn beside(
        &self,
        division: &Division<'_>,
        network: Option<NetworkAnswers<'_>>,
        command: &str,
    ) -> Result<Baselines, LearnError> {
        let Division { recipe, data, split, .. } = division;
        if !self.are_of(division) {
            return Err(LearnError::Few("the baselines were fitted to other images".to_owned()));
        }
        let labels: Vec<usize> = split.validation.iter().map(|place| data.examples[*place].label).collect();
        if let Some(network) = &network
            && network.probabilities.len() != labels.len()
        {
            return Err(LearnError::Few(format!(
                "the network's answers are those of {} images, {} are held out",
                network.probabilities.len(),
                labels.len()
            )));
        }
        let patients: Option<Vec<usize>> =
            split.validation.iter().map(|place| data.examples[*place].patient).collect();
        let draws = Draws { images: labels.len(), patients: patients.as_deref(), seed: recipe.seed };
        let groups: Vec<usize> = split.validation.iter().map(|place| division.groups[*place]).collect();
        let parts = parts(&groups, &labels, recipe.split_seed());
        let answers =
            network.as_ref().map(|network| crossed(&logarithms(network.probabilities), &labels, &parts));
        let rival = answers.as_ref().map(|answers| Scored::new(answers, &labels));
        let mut notes = vec![
            "temperature and biases of the network and of both baselines that look at the image were fitted ten times, \
             each on nine tenths of the images and measured on the rest"
                .to_owned(),
        ];
        let mut found = Vec::with_capacity(self.measured.len());
        for measured in &self.measured {
            let (baseline, note) = measured.figures(&labels, &parts, &draws, rival.as_ref())?;
            found.push(baseline);
            notes.extend(note);
        }
        let figures =
            |network: &NetworkAnswers<'_>, rival: &Scored<'_>| -> Result<NetworkFigures, LearnError> {
                Ok(NetworkFigures {
                    model: network.model.to_owned(),
                    weights_sha256: network.weights_sha256.to_owned(),
                    macro_auc: draws.interval(|drawn| rival.macro_auc(drawn))?,
                    accuracy: draws.interval(|drawn| rival.accuracy(drawn))?,
                    brier: draws.interval(|drawn| rival.brier(drawn))?,
                })
            };
        Ok(Baselines {
            schema: Baselines::SCHEMA,
            program: format!("wilhelm {}", env!("CARGO_PKG_VERSION")),
            command: command.to_owned(),
            data: recipe.data_words.clone(),
            data_sha256: data.sha256.clone(),
            split: division.words.clone(),
            training: split.training.len(),
            images: labels.len(),
            network: network
                .as_ref()
                .zip(rival.as_ref())
                .map(|(own, rival)| figures(own, rival))
                .transpose()?,
            baselines: found,
            notes,
        })
    }
}

/// Fits every baseline on the training side of `division` and measures it on the other, beside `network` where it is given.
///
/// `cache` and `progress` as [`fit_baselines`] has them, `command` as [`FittedBaselines::beside`].
///
/// # Errors
/// As both have them.
pub fn baselines(
    division: &Division<'_>,
    network: Option<NetworkAnswers<'_>>,
    command: &str,
    cache: Option<&Path>,
    progress: &(dyn Fn(&str, usize, usize) + Sync),
) -> Result<Baselines, LearnError> {
    fit_baselines(division, cache, progress)?.beside(division, network, command)
}

#[cfg(test)]
mod tests;
