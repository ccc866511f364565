//! What remains of a model's figures when images are worse than those it was trained on.
//!
//! [`Corruption::apply`] makes an image worse, in five severities; [`summarize`] puts what a model says of the images as they
//! are and of the corrupted ones side by side. Which corruptions an image can meet depends on its modality.
//!
//! # Source
//! After MedMNIST-C (Di Salvo et al. 2024, arXiv:2406.17536) and ImageNet-C (Hendrycks and Dietterich 2019, arXiv:1903.12261)

mod corrupt;
mod page;

pub use corrupt::{Corruption, SEVERITIES};
pub use page::{csv, document};

use serde::Serialize;
use wilhelm_stats::{bootstrap_interval, mean_interval};

use crate::LearnError;
use crate::fewshot::{figures, largest};

/// What a model says of a set of images.
#[derive(Clone, Debug, PartialEq)]
pub struct Answers {
    /// Probabilities of the labels, a row an image.
    pub probabilities: Vec<Vec<f64>>,
    /// Images on which the model abstains; their probabilities count all the same.
    pub abstained: usize,
}

/// Figures at one severity, or of the images as they are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Level {
    /// From 1; 0 is the images as they are.
    pub severity: usize,
    /// What was done, in numbers.
    pub what: String,
    /// AUC, the mean over the labels each against the rest.
    pub auc: f64,
    /// Share of images whose likeliest label is right.
    pub accuracy: f64,
    /// Share of images on which the model abstains.
    pub abstained: f64,
}

/// A figure's fall, with its 95 % interval over the images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Fall {
    /// The figure of the images as they are less that of the corrupted ones.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// One corruption at every severity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CorruptionFigures {
    /// The corruption.
    pub corruption: Corruption,
    /// Each severity.
    pub levels: Vec<Level>,
    /// Mean AUC over the severities.
    pub mean_auc: f64,
    /// Mean accuracy over the severities.
    pub mean_accuracy: f64,
    /// How far the AUC falls; bootstrap over the images.
    pub auc_fall: Fall,
    /// How far the accuracy falls; Student's interval over the images.
    pub accuracy_fall: Fall,
}

/// Every corruption, and the means over them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Robustness {
    /// The number of this shape of file.
    pub schema: u32,
    /// The program's version.
    pub program: String,
    /// The model's name and version.
    pub model: String,
    /// SHA-256 of its weights.
    pub weights_sha256: String,
    /// The file or folder of the images.
    pub data: String,
    /// Images.
    pub images: usize,
    /// Seed of everything random.
    pub seed: u64,
    /// The images as they are.
    pub clean: Level,
    /// Each corruption.
    pub corruptions: Vec<CorruptionFigures>,
    /// Mean AUC over all corruptions and severities.
    pub mean_auc: f64,
    /// Mean accuracy over all corruptions and severities.
    pub mean_accuracy: f64,
    /// What should be known beside the figures.
    pub notes: Vec<String>,
}

/// What was read, for [`summarize`].
#[derive(Clone, Debug, PartialEq)]
pub struct Reading<'a> {
    /// The model's name and version.
    pub model: String,
    /// SHA-256 of its weights.
    pub weights_sha256: String,
    /// The file or folder of the images.
    pub data: String,
    /// Keys of the labels.
    pub labels: &'a [String],
    /// The label of each image.
    pub truth: &'a [usize],
    /// Seed of everything random.
    pub seed: u64,
    /// Resamples behind an interval.
    pub replicates: usize,
}

/// Puts figures of the images as they are beside those of each corruption, whose answers are in the order of the severities.
///
/// # Errors
/// [`LearnError::Few`] where a label has no image, or answers are missing.
pub fn summarize(
    reading: &Reading<'_>,
    clean: &Answers,
    corrupted: &[(Corruption, Vec<Answers>)],
) -> Result<Robustness, LearnError> {
    let Reading { labels, truth, .. } = reading;
    for (label, key) in labels.iter().enumerate() {
        if !truth.contains(&label) {
            return Err(LearnError::Few(format!(
                "label {key} has no image to be measured on: add some, or its area under the curve has no value"
            )));
        }
    }
    let answers = || corrupted.iter().flat_map(|(_, levels)| levels).chain([clean]);
    if answers().any(|one| one.probabilities.len() != truth.len()) {
        return Err(LearnError::Few(format!("answers are not those of {} images", truth.len())));
    }
    let level = |severity: usize, what: String, answers: &Answers| -> Result<Level, LearnError> {
        let (auc, accuracy) = figures(&answers.probabilities, truth, labels.len())?;
        let abstained = answers.abstained as f64 / truth.len().max(1) as f64;
        Ok(Level { severity, what, auc, accuracy, abstained })
    };
    let own = level(0, "the images as they are".to_owned(), clean)?;
    let corruptions = corrupted
        .iter()
        .map(|(corruption, answers)| {
            let levels = answers
                .iter()
                .enumerate()
                .map(|(at, answers)| level(at + 1, corruption.words(at + 1), answers))
                .collect::<Result<Vec<_>, _>>()?;
            let mean = |figure: &dyn Fn(&Level) -> f64| {
                levels.iter().map(figure).sum::<f64>() / levels.len().max(1) as f64
            };
            Ok(CorruptionFigures {
                corruption: *corruption,
                mean_auc: mean(&|level| level.auc),
                mean_accuracy: mean(&|level| level.accuracy),
                auc_fall: auc_fall(reading, clean, answers)?,
                accuracy_fall: accuracy_fall(truth, clean, answers)?,
                levels,
            })
        })
        .collect::<Result<Vec<CorruptionFigures>, LearnError>>()?;
    let mean = |figure: &dyn Fn(&CorruptionFigures) -> f64| {
        corruptions.iter().map(figure).sum::<f64>() / corruptions.len().max(1) as f64
    };
    Ok(Robustness {
        schema: 1,
        program: format!("wilhelm {}", env!("CARGO_PKG_VERSION")),
        model: reading.model.clone(),
        weights_sha256: reading.weights_sha256.clone(),
        data: reading.data.clone(),
        images: truth.len(),
        seed: reading.seed,
        clean: own,
        mean_auc: mean(&|one| one.mean_auc),
        mean_accuracy: mean(&|one| one.mean_accuracy),
        corruptions,
        notes: vec![
            "images are corrupted on the network's grid, before they are normalized".to_owned(),
            "intervals draw images, not patients".to_owned(),
        ],
    })
}

fn accuracy_fall(truth: &[usize], clean: &Answers, corrupted: &[Answers]) -> Result<Fall, LearnError> {
    let right = |answers: &Answers, image: usize| {
        f64::from(u8::from(largest(&answers.probabilities[image]) == truth[image]))
    };
    let falls: Vec<f64> = (0..truth.len())
        .map(|image| {
            let left: f64 = corrupted.iter().map(|answers| right(answers, image)).sum();
            right(clean, image) - left / corrupted.len().max(1) as f64
        })
        .collect();
    let found = mean_interval(&falls, 0.95)?;
    Ok(Fall { value: found.value, low: found.low, high: found.high })
}

fn auc_fall(reading: &Reading<'_>, clean: &Answers, corrupted: &[Answers]) -> Result<Fall, LearnError> {
    let Reading { labels, truth, seed, replicates, .. } = reading;
    let auc = |answers: &Answers, images: &[usize]| -> Option<f64> {
        let rows: Vec<Vec<f64>> = images.iter().map(|image| answers.probabilities[*image].clone()).collect();
        let truth: Vec<usize> = images.iter().map(|image| truth[*image]).collect();
        figures(&rows, &truth, labels.len()).ok().map(|(auc, _)| auc)
    };
    let fall = |images: &[usize]| -> Option<f64> {
        let left = corrupted.iter().map(|answers| auc(answers, images)).sum::<Option<f64>>()?;
        Some(auc(clean, images)? - left / corrupted.len().max(1) as f64)
    };
    let found = bootstrap_interval(truth.len(), *replicates, 0.95, *seed, fall)?;
    Ok(Fall { value: found.estimate, low: found.low, high: found.high })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::document::{html, markdown};

    fn answers(positive: &[f64]) -> Answers {
        let probabilities = positive.iter().map(|p| vec![1.0 - p, *p]).collect();
        Answers { probabilities, abstained: 1 }
    }

    fn reading<'a>(labels: &'a [String], truth: &'a [usize]) -> Reading<'a> {
        Reading {
            model: "m 1.0.0".to_owned(),
            weights_sha256: "aa".to_owned(),
            data: "d".to_owned(),
            labels,
            truth,
            seed: 1,
            replicates: 100,
        }
    }

    #[test]
    fn falls_worked_on_paper() {
        let labels = ["well".to_owned(), "sick".to_owned()];
        let truth = [0, 0, 1, 1];
        let clean = answers(&[0.1, 0.2, 0.8, 0.9]);
        // At the first severity one sick image is missed and ranks below one well; at the second all look alike, which is
        // half the area and both sick images missed.
        let levels = vec![answers(&[0.1, 0.4, 0.3, 0.9]), answers(&[0.2; 4])];
        let found =
            summarize(&reading(&labels, &truth), &clean, &[(Corruption::Pixelate, levels)]).expect("figures");
        assert_eq!((found.clean.auc, found.clean.accuracy, found.clean.abstained), (1.0, 1.0, 0.25));
        let own = &found.corruptions[0];
        assert_eq!((own.levels[0].auc, own.levels[0].accuracy), (0.75, 0.75));
        assert_eq!((own.levels[1].auc, own.levels[1].accuracy), (0.5, 0.5));
        assert_eq!((own.mean_auc, own.mean_accuracy), (0.625, 0.625));
        assert!(
            (own.auc_fall.value - 0.375).abs() < 1e-12 && (own.accuracy_fall.value - 0.375).abs() < 1e-12
        );
        assert!(own.accuracy_fall.low < 0.375 && own.accuracy_fall.high > 0.375);
        assert_eq!((found.mean_auc, found.mean_accuracy), (0.625, 0.625));

        let page = document(&found).expect("a page");
        assert!(markdown(&page).contains("pixelate") && html(&page).contains("<svg "));
        assert_eq!(csv(&found).lines().count(), 1 + 1 + 2);
    }

    #[test]
    fn a_label_without_images_and_missing_answers_are_refused() {
        let labels = ["well".to_owned(), "sick".to_owned()];
        let clean = answers(&[0.1, 0.2]);
        let said = |truth: &[usize]| {
            summarize(&reading(&labels, truth), &clean, &[]).expect_err("refused").to_string()
        };
        assert!(said(&[0, 0]).contains("label sick has no image"));
        assert!(said(&[0, 1, 1]).contains("not those of 3 images"));
    }
}
