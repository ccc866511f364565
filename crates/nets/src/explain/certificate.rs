use std::fmt::Write;

use serde::{Deserialize, Serialize};
use wilhelm_filters::Prepared;
use wilhelm_stats::{Rows, bootstrap_interval, macro_one_vs_rest_auc, wilson_interval};

use super::disturb::Disturbance;
use super::draw::Draw;
use super::{ExplainError, gradients::within};
use crate::{Interval, Model};

/// How a [`Certificate`] is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CertificateSettings {
    /// Side of the patches that are shuffled, in pixels of the network's input.
    pub patch: usize,
    /// Resamples of each interval of an area under the curve.
    pub replicates: usize,
    /// Start of the draws.
    pub seed: u64,
}

/// What a model makes of images that are none, beside the real ones: whether it reads the image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Certificate {
    /// The model's name.
    pub model: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its weights.
    pub weights_sha256: String,
    /// Images of each label, in the card's order.
    pub images: Vec<(String, usize)>,
    /// Side of the patches, in pixels of the network's input.
    pub patch: usize,
    /// Start of the draws.
    pub seed: u64,
    /// The real images, then each disturbance.
    pub rows: Vec<CertificateRow>,
}

/// A [`Certificate`] on the card of the model whose it is: measured on images that were held out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadsImage {
    /// Which images, in words.
    pub data: String,
    /// How many.
    pub images: usize,
    /// Side of the patches, in pixels of the network's input.
    pub patch: usize,
    /// Start of the draws.
    pub seed: u64,
    /// The command that measured it.
    pub command: String,
    /// The real images, then each disturbance.
    pub rows: Vec<CertificateRow>,
}

/// The figures of one disturbance. The outlier detector is asked but not obeyed: what it would have refused counts too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateRow {
    /// What was done to the images.
    pub input: Disturbance,
    /// The mean over the labels of the area under the ROC curve, against the labels of the real images, with its
    /// bootstrap interval; nothing where a label is missing.
    #[serde(default)]
    pub macro_auc: Option<Interval>,
    /// The share of images whose likeliest label is that of the real image, with Wilson's interval.
    pub accuracy: Interval,
    /// The share of images that are given the same label as the real ones.
    pub same_label: f64,
    /// The mean of the likeliest label's calibrated probability.
    pub confidence: f64,
    /// The share of the likeliest label that was given most often: 1 where the answer is always the same.
    pub commonest: f64,
    /// The share that the outlier detector refuses.
    pub refused: f64,
}

impl Model {
    /// Reads images as they are and disturbed in every way, each with the index of its label.
    ///
    /// `step` is told how far it is.
    ///
    /// # Errors
    /// [`ExplainError`] for no images, a label that the card does not have, or an image of another size.
    pub fn certificate(
        &self,
        images: &[(Prepared, usize)],
        settings: &CertificateSettings,
        step: &mut dyn FnMut(usize, usize),
    ) -> Result<Certificate, ExplainError> {
        self.require_one_of("the certificate")?;
        let card = self.card();
        let (side, slices) = (card.architecture.side, card.architecture.slices);
        if images.is_empty() {
            return Err(ExplainError::Empty("the list of images"));
        }
        if !(1..=side).contains(&settings.patch) {
            return Err(ExplainError::parameter("patch", settings.patch, format!("1 to {side} pixels")));
        }
        within("replicates", settings.replicates)?;
        let count = card.labels.len();
        let labels: Vec<usize> = images.iter().map(|(_, label)| *label).collect();
        if let Some(label) = labels.iter().find(|label| **label >= count) {
            return Err(ExplainError::Logit { found: *label, logits: count });
        }
        for (image, _) in images {
            self.check_size(image)?;
        }
        let mut rows: Vec<CertificateRow> = Vec::new();
        let mut real: Vec<usize> = Vec::new();
        for (done, input) in Disturbance::ALL.into_iter().enumerate() {
            step(done, Disturbance::ALL.len());
            let mut draw = Draw::new(settings.seed, input.words());
            let mut answers = Answers::default();
            for chunk in images.chunks(64) {
                let disturbed: Vec<Prepared> = chunk
                    .iter()
                    .map(|(image, _)| input.of(image, slices, settings.patch, &mut draw))
                    .collect();
                for prediction in self.predict(&disturbed.iter().collect::<Vec<_>>())? {
                    let estimates = prediction.labels.iter().map(|label| label.probability.estimate.value());
                    answers.add(estimates, prediction.abstains);
                }
            }
            if input == Disturbance::None {
                real.clone_from(&answers.likeliest);
            }
            rows.push(answers.row(input, &labels, &real, count, settings)?);
        }
        let of = |label: usize| labels.iter().filter(|known| **known == label).count();
        let named = card.labels.iter().enumerate().map(|(at, label)| (label.key.clone(), of(at))).collect();
        Ok(Certificate {
            model: card.name.clone(),
            version: card.version.clone(),
            weights_sha256: card.weights_sha256.clone(),
            images: named,
            patch: settings.patch,
            seed: settings.seed,
            rows,
        })
    }
}

/// What was answered to one kind of input.
#[derive(Default)]
struct Answers {
    probabilities: Vec<f64>,
    likeliest: Vec<usize>,
    confidence: f64,
    refused: usize,
}

impl Answers {
    fn add(&mut self, estimates: impl Iterator<Item = f64>, abstains: bool) {
        let begin = self.probabilities.len();
        self.probabilities.extend(estimates);
        let all = &self.probabilities[begin..];
        let best = (0..all.len()).max_by(|a, b| all[*a].total_cmp(&all[*b]).then(b.cmp(a))).unwrap_or(0);
        self.confidence += all.get(best).copied().unwrap_or(0.0);
        self.likeliest.push(best);
        self.refused += usize::from(abstains);
    }

    fn row(
        &self,
        input: Disturbance,
        labels: &[usize],
        real: &[usize],
        count: usize,
        settings: &CertificateSettings,
    ) -> Result<CertificateRow, ExplainError> {
        let images = labels.len();
        let share = |hits: usize| hits as f64 / images as f64;
        let equal = |others: &[usize]| self.likeliest.iter().zip(others).filter(|(a, b)| a == b).count();
        let right = equal(labels);
        let (low, high) = wilson_interval(right as u64, images as u64, 0.95)?;
        let given = |label: usize| self.likeliest.iter().filter(|given| **given == label).count();
        let auc = bootstrap_interval(images, settings.replicates, 0.95, settings.seed, |drawn| {
            let rows: Vec<f64> = drawn
                .iter()
                .flat_map(|at| &self.probabilities[at * count..(at + 1) * count])
                .copied()
                .collect();
            let labels: Vec<usize> = drawn.iter().map(|at| labels[*at]).collect();
            macro_one_vs_rest_auc(Rows::new(&rows, count).ok()?, &labels).ok()
        });
        Ok(CertificateRow {
            input,
            macro_auc: auc.ok().map(|auc| Interval { estimate: auc.estimate, low: auc.low, high: auc.high }),
            accuracy: Interval { estimate: share(right), low, high },
            same_label: share(equal(real)),
            confidence: self.confidence / images as f64,
            commonest: share((0..count).map(given).max().unwrap_or(0)),
            refused: share(self.refused),
        })
    }
}

impl Certificate {
    /// As it stands on the model's card.
    pub fn on_card(&self, data: String, command: String) -> ReadsImage {
        let images = self.images.iter().map(|(_, count)| count).sum();
        let Self { patch, seed, rows, .. } = self.clone();
        ReadsImage { data, images, patch, seed, command, rows }
    }

    /// What the figures say, a sentence each.
    pub fn sentences(&self) -> Vec<String> {
        sentences(&self.rows)
    }
}

impl ReadsImage {
    /// What the figures say, a sentence each.
    pub fn sentences(&self) -> Vec<String> {
        sentences(&self.rows)
    }

    /// What is wrong with it.
    pub(crate) fn fault(&self) -> Option<String> {
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        let is_row = |row: &CertificateRow| {
            let auc = row.macro_auc.is_none_or(|auc| is_share(auc.estimate));
            auc && [row.accuracy.estimate, row.same_label, row.confidence, row.commonest, row.refused]
                .into_iter()
                .all(is_share)
        };
        let inputs: Vec<Disturbance> = self.rows.iter().map(|row| row.input).collect();
        (inputs != Disturbance::ALL || !self.rows.iter().all(is_row) || self.images == 0)
            .then(|| "the certificate lacks an input, or has shares that are none".to_owned())
    }
}

fn sentences(rows: &[CertificateRow]) -> Vec<String> {
    let mut said = Vec::new();
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    for row in rows {
        let mut sentence = format!("On {}", row.input.words());
        match (&row.macro_auc, row.input.stays()) {
            (Some(auc), Some(stays)) => {
                let _ =
                    write!(sentence, " the AUC is {:.3} ({:.3} to {:.3}): ", auc.estimate, auc.low, auc.high);
                sentence += &if auc.low > 0.5 {
                    format!("{stays} alone tells the model that much of the label")
                } else {
                    format!("no more than chance is shown to be left when only {stays} stays")
                };
            }
            (Some(auc), None) => {
                let _ =
                    write!(sentence, " the AUC is {:.3} ({:.3} to {:.3})", auc.estimate, auc.low, auc.high);
            }
            (None, _) => {
                let _ = write!(sentence, " the accuracy is {:.3}", row.accuracy.estimate);
            }
        }
        let _ = write!(
            sentence,
            "; it is {} sure on average, gives {} of them the commonest answer, and its outlier detector refuses \
                 {}.",
            percent(row.confidence),
            percent(row.commonest),
            percent(row.refused)
        );
        said.push(sentence);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_worked_on_paper() {
        let mut answers = Answers::default();
        answers.add([0.9, 0.1].into_iter(), false);
        answers.add([0.2, 0.8].into_iter(), true);
        answers.add([0.4, 0.6].into_iter(), false);
        answers.add([0.3, 0.7].into_iter(), false);
        let settings = CertificateSettings { patch: 2, replicates: 50, seed: 1 };
        let row = answers.row(Disturbance::Blank, &[0, 1, 0, 1], &[0, 1, 1, 1], 2, &settings).expect("a row");
        assert_eq!(
            (row.accuracy.estimate, row.same_label, row.commonest, row.refused),
            (0.75, 1.0, 0.75, 0.25)
        );
        assert!((row.confidence - 0.75).abs() < 1e-12);
        // Each of the sick has a higher probability of sickness than each of the healthy.
        assert_eq!(row.macro_auc.expect("both labels are there").estimate, 1.0);
        let one = answers.row(Disturbance::Blank, &[0; 4], &[0; 4], 2, &settings).expect("a row");
        assert_eq!(one.macro_auc, None);
    }
}
