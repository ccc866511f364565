use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wilhelm_filters::Preparation;

use crate::card::on_disk::{self, CardOnDisk};
use crate::{AcceptedInput, CardError, InputFacts, Label, Refusal};

/// How the numbers of a picture lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// `[batch, channels, rows, columns]`, as PyTorch has it.
    ChannelsFirst,
    /// `[batch, rows, columns, channels]`, as TensorFlow has it.
    ChannelsLast,
}

/// What a network says of each label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnnxOutput {
    /// Scores; a softmax makes probabilities of them.
    Logits,
    /// Probabilities that add up to 1.
    Probabilities,
}

/// Which input and output of an ONNX file are meant, and how they are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnnxGraph {
    /// Name of the input.
    pub input: String,
    /// How its numbers lie.
    pub layout: Layout,
    /// Channels of the input, 1 or 3; the gray picture is each of them.
    pub channels: usize,
    /// Subtracted from each channel, after [`OnnxCard::preparation`]; empty subtracts nothing.
    #[serde(default)]
    pub channel_means: Vec<f32>,
    /// Divides each channel after that; empty divides by nothing.
    #[serde(default)]
    pub channel_deviations: Vec<f32>,
    /// Name of the output with a number for each label; others are not read.
    pub output: String,
    /// What these numbers are.
    pub gives: OnnxOutput,
}

/// Where a network made by others comes from, in its makers' words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnnxSource {
    /// Where it is described.
    pub url: String,
    /// Who holds the copyright.
    pub copyright: String,
    /// How to cite it.
    pub citation: String,
    /// What it was trained on.
    pub data: String,
    /// How good it is said to be.
    pub figures: String,
}

/// The card of a classifier made by others, an ONNX file: what it is, what it accepts, what it must not be used for.
///
/// It has no calibration and no outlier detector: what it gives are not the probabilities of this program's own
/// models, and it abstains from nothing that its card accepts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnnxCard {
    /// Version of this card's form.
    pub schema: u32,
    /// Always `onnx-classifier`: cards without a kind are those of this program's own classifiers.
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
    /// The ONNX file beside the card.
    pub weights: String,
    /// SHA-256 of that file.
    pub weights_sha256: String,
    /// What it accepts: a single image.
    pub input: AcceptedInput,
    /// How its input is made.
    pub preparation: Preparation,
    /// Which input and output are meant.
    pub network: OnnxGraph,
    /// Its labels, in the order of the output; exactly one is right.
    pub labels: Vec<Label>,
    /// Who made it.
    pub source: OnnxSource,
}

impl OnnxCard {
    /// The form this program reads and writes.
    pub const SCHEMA: u32 = 1;
    /// What `kind` says.
    pub const KIND: &'static str = "onnx-classifier";

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

impl CardOnDisk for OnnxCard {
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
        let fail = |what: &str| Some(what.to_owned());
        let recipe = &self.preparation;
        // A hostile card could ask for all memory.
        let is_side = |side: usize| (1..=4096).contains(&side);
        if !is_side(recipe.columns) || !is_side(recipe.rows) {
            return fail("input is prepared at a size out of bounds: expected 1 to 4096 columns and rows");
        }
        let divides = |deviation: f32| deviation > 0.0 && deviation.is_finite();
        if !divides(recipe.deviation) || !recipe.mean.is_finite() {
            return fail("deviation must be above 0 and the mean a number");
        }
        let network = &self.network;
        if network.input.is_empty() || network.output.is_empty() {
            return fail("input and output of the network must have names");
        }
        if !matches!(network.channels, 1 | 3) {
            return fail("channels must be 1 or 3");
        }
        let fits = |values: &[f32]| values.is_empty() || values.len() == network.channels;
        if !fits(&network.channel_means) || !fits(&network.channel_deviations) {
            return fail("channel means and deviations must be one for each channel, or none");
        }
        let are_numbers = network.channel_means.iter().all(|mean| mean.is_finite());
        if !are_numbers || !network.channel_deviations.iter().copied().all(divides) {
            return fail("channel deviations must be above 0 and channel means numbers");
        }
        let keys: BTreeSet<&str> = self.labels.iter().map(|label| label.key.as_str()).collect();
        if !(2..=4096).contains(&self.labels.len()) || keys.len() != self.labels.len() || keys.contains("") {
            return fail("labels must be 2 to 4096, each with a key of its own");
        }
        None
    }
}
