use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wilhelm_filters::Preparation;

use super::Stack;
use crate::arch::{Fusion, FusionConfig};
use crate::card::on_disk::{self, CardOnDisk};
use crate::{
    AcceptedInput, Calibration, CardError, InputFacts, Interval, Label, OutlierCard, Refusal, Training,
    Validation,
};

/// One input of a case: a volume or picture that may be there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputCard {
    /// What it is called on the command line and in tables.
    pub key: String,
    /// Whether no case is read without it.
    #[serde(default)]
    pub required: bool,
    /// The values that become black and white, in the unit of its quantity; left out, each file's own are found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<[f32; 2]>,
    /// Training cases that had it.
    pub cases: usize,
    /// What it accepts.
    pub accepts: AcceptedInput,
    /// How it is made.
    pub preparation: Preparation,
    /// Its outlier detector, which looks at it alone.
    pub outlier: OutlierCard,
}

/// What is said of cases that have just these inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubsetCard {
    /// Keys of the inputs.
    pub inputs: Vec<String>,
    /// Validation cases that have them; any others were hidden.
    pub cases: usize,
    /// Mean over the labels of the area under the ROC curve; left out where it has no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub macro_auc: Option<Interval>,
    /// Share of cases whose likeliest label is right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Interval>,
    /// Why there is no calibration: such cases are then abstained from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nothing: Option<String>,
    /// What makes logits of the networks' outputs, of late fusion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<Stack>,
    /// From logits to calibrated probabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
}

/// A network that was trained on one input alone, for comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputBaseline {
    /// Key of the input.
    pub input: String,
    /// Validation cases that have it.
    pub cases: usize,
    /// Mean over the labels of the area under the ROC curve; left out where it has no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub macro_auc: Option<Interval>,
    /// Share of cases whose likeliest label is right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Interval>,
}

/// The card of a classifier of several inputs: what each of them is, and how good it is with some of them missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FusionCard {
    /// Version of this card's form.
    pub schema: u32,
    /// Always `fusion-classifier`: cards without a kind are those of classifiers of one input.
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
    /// Weights beside the card.
    pub weights: String,
    /// SHA-256 of the weights.
    pub weights_sha256: String,
    /// Whether the mirror image is read too and the outputs are averaged.
    #[serde(default)]
    pub mirror: bool,
    /// Its inputs, on one grid.
    pub inputs: Vec<InputCard>,
    /// Sizes of the network.
    pub architecture: FusionConfig,
    /// Its labels; exactly one is right (softmax).
    pub labels: Vec<Label>,
    /// Every subset of the inputs that a case may have.
    pub subsets: Vec<SubsetCard>,
    /// Networks of one input alone; of late fusion those that are stacked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<InputBaseline>,
    /// Probability with which an input was hidden in training, though it was there.
    pub drop_input: f64,
    /// How it was made.
    pub training: Training,
    /// How good it was on the validation cases, each with the inputs that it has.
    pub validation: Validation,
}

/// The subsets of inputs that hold at least one and all that are required, fewest first.
///
/// # Shapes
/// One flag an input, each in the order of the inputs.
pub fn subsets(required: &[bool]) -> Vec<Vec<bool>> {
    let mut all: Vec<Vec<bool>> = (1..1_usize << required.len())
        .map(|bits| (0..required.len()).map(|input| bits >> input & 1 == 1).collect::<Vec<bool>>())
        .filter(|subset| subset.iter().zip(required).all(|(there, required)| *there || !required))
        .collect();
    all.sort_by_key(|subset| subset.iter().filter(|there| **there).count());
    all
}

impl FusionCard {
    /// The form this program reads and writes.
    pub const SCHEMA: u32 = 1;
    /// What `kind` says.
    pub const KIND: &'static str = "fusion-classifier";

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

    /// Keys of the inputs, in their order.
    pub fn keys(&self) -> Vec<&str> {
        self.inputs.iter().map(|input| input.key.as_str()).collect()
    }

    /// The place of an input by its key.
    pub fn place_of(&self, key: &str) -> Option<usize> {
        self.inputs.iter().position(|input| input.key == key)
    }

    /// What is known of cases that have just these inputs; none where one that is required is missing.
    pub fn subset(&self, present: &[bool]) -> Option<&SubsetCard> {
        let keys = self.keys_of(present);
        self.subsets.iter().find(|subset| subset.inputs.iter().map(String::as_str).eq(keys.iter().copied()))
    }

    fn keys_of(&self, present: &[bool]) -> Vec<&str> {
        self.keys().into_iter().zip(present).filter(|(_, there)| **there).map(|(key, _)| key).collect()
    }

    /// Whether an input accepts an image with these properties; the first mismatch is named.
    ///
    /// # Errors
    /// [`Refusal`] with what was found and what is accepted.
    pub fn accepts(&self, input: usize, facts: &InputFacts) -> Result<(), Refusal> {
        self.inputs[input].accepts.accepts(facts, self.architecture.network.slices)
    }

    fn fault_of(&self, subset: &SubsetCard) -> Option<String> {
        let labels = self.labels.len();
        match (&subset.calibration, &subset.nothing) {
            (Some(_), Some(_)) | (None, None) => {
                return Some("either a calibration or why there is none (nothing) is needed".to_owned());
            }
            _ => {}
        }
        if let Some(fault) = subset.calibration.as_ref().and_then(|calibration| calibration.fault(labels)) {
            return Some(fault);
        }
        let is_late = self.architecture.fusion == Fusion::Late;
        if subset.stack.is_some() != (is_late && subset.calibration.is_some()) {
            return Some("a stack is part of late fusion, and of nothing else".to_owned());
        }
        subset.stack.as_ref().and_then(|stack| stack.fault(subset.inputs.len(), labels))
    }
}

impl CardOnDisk for FusionCard {
    const FORM: u32 = Self::SCHEMA;
    const NAMES: &'static str = "a file name, key or model name";

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
        let files = self.inputs.iter().flat_map(|input| [&input.key, &input.outlier.file]);
        files.map(String::as_str).collect()
    }

    fn other_kind(&self) -> Option<String> {
        (self.kind != Self::KIND).then(|| format!("kind is {}, expected {}", self.kind, Self::KIND))
    }

    fn fault(&self) -> Option<String> {
        if let Some(fault) = self.architecture.fault() {
            return Some(fault);
        }
        let (inputs, labels) = (self.inputs.len(), self.labels.len());
        if self.architecture.inputs != inputs || self.architecture.network.labels != labels {
            return Some(format!(
                "{inputs} inputs and {labels} labels, but a network for {} and {}",
                self.architecture.inputs, self.architecture.network.labels
            ));
        }
        if self.keys().into_iter().collect::<BTreeSet<_>>().len() < inputs {
            return Some("two inputs have the same key".to_owned());
        }
        let side = self.architecture.network.side;
        for InputCard { key, preparation, outlier, bounds, .. } in &self.inputs {
            if preparation.columns != side || preparation.rows != side {
                return Some(format!("input {key} is prepared at another size than the network's {side}"));
            }
            if !(preparation.deviation > 0.0 && preparation.mean.is_finite() && outlier.threshold > 0.0) {
                return Some(format!("deviation and outlier threshold of input {key} must be above 0"));
            }
            if bounds.is_some_and(|[low, high]| !(high - low).is_finite() || high <= low) {
                return Some(format!("bounds of input {key} enclose nothing"));
            }
        }
        let required: Vec<bool> = self.inputs.iter().map(|input| input.required).collect();
        for present in subsets(&required) {
            let Some(subset) = self.subset(&present) else {
                return Some(format!("nothing is said of cases with {}", self.keys_of(&present).join(", ")));
            };
            if let Some(fault) = self.fault_of(subset) {
                return Some(format!("{fault} (of cases with {})", subset.inputs.join(", ")));
            }
        }
        None
    }
}
