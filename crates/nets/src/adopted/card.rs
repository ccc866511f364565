use serde::{Deserialize, Serialize};
use wilhelm_filters::Preparation;

use crate::arch::{ClassifierConfig, HeadKind};
use crate::card::on_disk::{self, CardOnDisk};
use crate::onnx::OnnxSource;
use crate::{AcceptedInput, CardError, InputFacts, Label, Refusal, Targets};

/// The card of a classifier whose weights others trained: what it is, what it accepts, what it must not be used for, as
/// whoever took it over states it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdoptedCard {
    /// Version of this card's form.
    pub schema: u32,
    /// Always `adopted-classifier`.
    pub kind: String,
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
    /// Weights beside the card, by this program's names.
    pub weights: String,
    /// SHA-256 of that file.
    pub weights_sha256: String,
    /// SHA-256 of the file that they were read from.
    pub source_sha256: String,
    /// Which of its labels go together; left out, exactly one of all is right.
    #[serde(default, skip_serializing_if = "Targets::is_one_of")]
    pub targets: Targets,
    /// The network's own probabilities from which on its makers call each label; empty where they name none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<f64>,
    /// What it accepts: a single image.
    pub input: AcceptedInput,
    /// How its input is made.
    pub preparation: Preparation,
    /// Sizes of the network.
    pub architecture: ClassifierConfig,
    /// Its labels, in the order of the network's scores.
    pub labels: Vec<Label>,
    /// Who made it.
    pub source: OnnxSource,
}

impl AdoptedCard {
    /// The form this program reads and writes.
    pub const SCHEMA: u32 = 1;
    /// What `kind` says.
    pub const KIND: &'static str = "adopted-classifier";

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

    /// Whether the card accepts an image with these properties, as [`Card::accepts`](crate::Card::accepts) does.
    ///
    /// # Errors
    /// [`Refusal`] with what was found and what is accepted.
    pub fn accepts(&self, facts: &InputFacts) -> Result<(), Refusal> {
        self.input.accepts(facts, 1)
    }
}

impl CardOnDisk for AdoptedCard {
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

    fn other_kind(&self) -> Option<String> {
        (self.kind != Self::KIND).then(|| format!("kind is {:?}, expected {:?}", self.kind, Self::KIND))
    }

    fn fault(&self) -> Option<String> {
        if let Some(fault) = self.architecture.fault().or_else(|| self.targets.fault(&self.labels)) {
            return Some(fault);
        }
        if self.architecture.head != HeadKind::Linear || self.architecture.slices != 1 {
            return Some("an adopted network reads flat images and has a linear head".to_owned());
        }
        let labels = self.labels.len();
        if self.architecture.labels != labels {
            return Some(format!("{labels} labels, but a network for {}", self.architecture.labels));
        }
        let in_range = self.thresholds.iter().all(|threshold| (0.0..=1.0).contains(threshold));
        if !in_range || !(self.thresholds.is_empty() || self.thresholds.len() == labels) {
            return Some("thresholds must be from 0 to 1 and one for each label, or none".to_owned());
        }
        let (side, recipe) = (self.architecture.side, &self.preparation);
        if recipe.columns != side || recipe.rows != side {
            return Some(format!("input is prepared at another size than the network's {side}"));
        }
        let sound = recipe.deviation > 0.0 && recipe.deviation.is_finite() && recipe.mean.is_finite();
        (!sound).then(|| "deviation must be above 0 and the mean a number".to_owned())
    }
}
