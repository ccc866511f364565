pub(crate) mod on_disk;

use serde::{Deserialize, Serialize};
use wilhelm_filters::Preparation;
use wilhelm_study::{CodedConcept, Modality, Observation, QuantityKind, View};

use crate::arch::ClassifierConfig;
use crate::explain::ReadsImage;
use crate::{Calibration, Targets};
use on_disk::CardOnDisk;

/// What is wrong with a model's card.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CardError {
    /// Not TOML, or keys this program does not know.
    #[error("card is not readable: {0}")]
    Form(String),
    /// Readable, but contradicting itself.
    #[error("card of model {model} is not consistent: {what}")]
    Inconsistent {
        /// The model's name.
        model: String,
        /// Which rule is broken.
        what: String,
    },
}

/// A number with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
}

/// One label a model gives a probability for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Stable key, also the column's name in a table of predictions.
    pub key: String,
    /// The noun phrase a report uses.
    pub name: String,
    /// Other noun phrases that mean the same.
    #[serde(default)]
    pub synonyms: Vec<String>,
    /// Its code.
    pub code: Option<CodedConcept>,
    /// Whether it is a state of health rather than a disease.
    #[serde(default)]
    pub normal: bool,
}

impl Label {
    /// The label as what was looked for.
    pub fn observation(&self) -> Observation {
        Observation {
            key: self.key.clone(),
            name: self.name.clone(),
            synonyms: self.synonyms.clone(),
            code: self.code.clone(),
        }
    }
}

/// What a model accepts; everything else is refused by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptedInput {
    /// Modalities, as DICOM writes them. A picture file states none and is judged by its pixels.
    pub modalities: Vec<Modality>,
    /// Body parts (upper case); a file that states none is judged by its pixels.
    pub body_parts: Vec<String>,
    /// Views; empty where views have no meaning.
    #[serde(default)]
    pub views: Vec<View>,
    /// What a pixel's number means.
    pub quantity: QuantityKind,
    /// Fewest columns and rows.
    pub least_side: usize,
    /// Longer side over shorter side, at most.
    pub greatest_aspect: f64,
    /// Whether pictures with colors are accepted.
    #[serde(default)]
    pub color: bool,
    /// In words, for people.
    pub words: String,
    /// Ages of the patients it was trained on, years, inclusive; a caution, not a refusal.
    pub age_years: Option<[f64; 2]>,
    /// The patients it was trained on, in words.
    pub population: String,
}

/// The outlier detector that goes with the weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutlierCard {
    /// File beside the card.
    pub file: String,
    /// SHA-256 of that file.
    pub sha256: String,
    /// Scores above this abstain.
    pub threshold: f64,
    /// Share of the validation images above the threshold.
    pub validation_abstained: f64,
}

/// How the weights were made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// The data set, in words.
    pub data: String,
    /// Its license.
    pub data_license: String,
    /// How to cite it.
    pub citation: String,
    /// Images trained on.
    pub images: usize,
    /// SHA-256 over the training images' pixels and labels, in order.
    pub data_sha256: String,
    /// Passes over them.
    pub epochs: usize,
    /// Seed of everything random.
    pub seed: u64,
    /// Version of the program.
    pub program: String,
    /// The recipe file.
    pub recipe: String,
}

/// One label's figures on the validation split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassMetric {
    /// The label's key.
    pub label: String,
    /// Validation images that have it.
    pub images: usize,
    /// Area under the ROC curve, this label against the rest.
    pub auc: Interval,
    /// Share of its images that were given it.
    pub recall: Interval,
}

/// A network's figures less those of something else, image by image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FigureDifferences {
    /// Of the mean AUC.
    pub macro_auc: Interval,
    /// Of the accuracy.
    pub accuracy: Interval,
    /// Of the Brier score, where less is better.
    pub brier: Interval,
}

/// What something without a network reached on the same validation images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineMetric {
    /// What it is called.
    pub name: String,
    /// What it does, with what was chosen on the training images.
    pub what: String,
    /// Mean over the labels of the area under the ROC curve.
    pub macro_auc: Interval,
    /// Share of images whose likeliest label is right.
    pub accuracy: Interval,
    /// Brier score (sum over labels).
    pub brier: Interval,
    /// The network's figures less these.
    pub network_less: Option<FigureDifferences>,
}

/// What was measured on the validation split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// How the split was cut, and what that does to the figures.
    pub split: String,
    /// Validation images.
    pub images: usize,
    /// Mean over the labels of the area under the ROC curve.
    pub macro_auc: Interval,
    /// Share of images whose likeliest label is right.
    pub accuracy: Interval,
    /// Accuracy of always saying the commonest label.
    pub accuracy_of_commonest: f64,
    /// Brier score after calibration (sum over labels).
    pub brier: Interval,
    /// Expected calibration error of the likeliest label, 10 bins.
    pub calibration_error: Interval,
    /// Label by label.
    pub labels: Vec<ClassMetric>,
    /// The command that printed these figures.
    pub command: String,
    /// What is reached without a network.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<BaselineMetric>,
    /// Of labels that are not one of all, each for itself. The figures above are then means over these: accuracy is the
    /// share of known labels that are called right at the operating points, Brier score and calibration error the means of
    /// the labels'.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub each: Vec<LabelFigures>,
}

/// The figures of a label that is right or wrong for itself, on the validation images that say which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelFigures {
    /// The label's key.
    pub label: String,
    /// Images of which it is known whether they have it.
    pub known: usize,
    /// Those that have it.
    pub positives: usize,
    /// Area under the ROC curve.
    pub auc: Interval,
    /// Brier score of its calibrated probability.
    pub brier: Interval,
    /// Brier score of its share for every image.
    pub brier_of_share: f64,
    /// Expected calibration error, 10 bins.
    pub calibration_error: f64,
    /// The calibrated probability from which on it is called.
    pub threshold: f64,
    /// Share of the images with it that are called.
    pub sensitivity: Interval,
    /// Share of the images without it that are not called.
    pub specificity: Interval,
    /// What is reached without a network, the label against its absence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<BaselineMetric>,
}

/// A model's card: what it is, what it accepts, how good it is, what it must not be used for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Version of this card's form.
    pub schema: u32,
    /// The name by which the model is chosen.
    pub name: String,
    /// Version of the weights.
    pub version: String,
    /// One line for people.
    pub title: String,
    /// License of the weights.
    pub license: String,
    /// What it must not be used for, a sentence each.
    pub must_not: Vec<String>,
    /// Weights beside the card.
    pub weights: String,
    /// SHA-256 of the weights.
    pub weights_sha256: String,
    /// Whether the mirror image is read too and the logits are averaged.
    #[serde(default)]
    pub mirror: bool,
    /// Which of its labels go together; left out, exactly one of all is right (softmax).
    #[serde(default, skip_serializing_if = "Targets::is_one_of")]
    pub targets: Targets,
    /// What it accepts.
    pub input: AcceptedInput,
    /// How its input is made.
    pub preparation: Preparation,
    /// Sizes of the network.
    pub architecture: ClassifierConfig,
    /// Its labels.
    pub labels: Vec<Label>,
    /// From logits to calibrated probabilities.
    pub calibration: Calibration,
    /// The outlier detector.
    pub outlier: OutlierCard,
    /// How it was made.
    pub training: Training,
    /// How good it was on validation data.
    pub validation: Validation,
    /// What it makes of images that are none: whether it reads the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads_image: Option<ReadsImage>,
}

impl Card {
    /// The form this program reads and writes.
    pub const SCHEMA: u32 = 1;

    /// Reads and checks a card.
    ///
    /// # Errors
    /// [`CardError`] for a text that is no card, or one that contradicts itself.
    pub fn from_toml(text: &str) -> Result<Self, CardError> {
        on_disk::read(text)
    }

    /// The card as TOML.
    ///
    /// # Errors
    /// [`CardError`] if the card contradicts itself.
    pub fn to_toml(&self) -> Result<String, CardError> {
        on_disk::write(self)
    }
}

impl CardOnDisk for Card {
    const FORM: u32 = Self::SCHEMA;

    fn form(&self) -> u32 {
        self.schema
    }

    fn named(&self) -> &str {
        &self.name
    }

    fn weights(&self) -> (&str, &str) {
        (&self.weights, &self.weights_sha256)
    }

    fn other_files(&self) -> Vec<&str> {
        vec![&self.outlier.file]
    }

    fn fault(&self) -> Option<String> {
        if let Some(fault) = self.architecture.fault() {
            return Some(fault);
        }
        if let Some(fault) = self.targets.fault(&self.labels) {
            return Some(fault);
        }
        let labels = self.labels.len();
        if self.architecture.labels != labels {
            return Some(format!("{labels} labels, but a network for {}", self.architecture.labels));
        }
        if let Some(fault) = self.calibration.fault(labels) {
            return Some(fault);
        }
        let groups = self.targets.groups(&self.labels);
        let calibrated: Vec<&Vec<usize>> =
            self.calibration.groups.iter().map(|group| &group.labels).collect();
        if self.targets.is_one_of() != calibrated.is_empty()
            || (!calibrated.is_empty() && !groups.iter().eq(calibrated))
        {
            return Some("calibration is of other groups of labels than the targets".to_owned());
        }
        let side = self.architecture.side;
        if self.preparation.columns != side || self.preparation.rows != side {
            return Some(format!("input is prepared at another size than the network's {side}"));
        }
        if let Some(fault) = self.reads_image.as_ref().and_then(ReadsImage::fault) {
            return Some(fault);
        }
        let normal = self.preparation.deviation > 0.0 && self.preparation.mean.is_finite();
        (!(normal && self.outlier.threshold > 0.0))
            .then(|| "deviation and outlier threshold must be above 0".to_owned())
    }
}

/// Whether a name is one within a folder: nothing that leads out of it.
pub(crate) fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
