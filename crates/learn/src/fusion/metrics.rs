use serde::{Deserialize, Serialize};
use wilhelm_nets::{InputBaseline, SubsetCard, Validation};

use super::FusionTrained;
use crate::RunMetrics;

/// What came out of a run: its `metrics.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FusionMetrics {
    /// The model's name.
    pub model: String,
    /// Version of its weights.
    pub version: String,
    /// Where the inputs meet.
    pub fusion: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Numbers in the network.
    pub parameters: usize,
    /// The pass that the weights are from; of late fusion each network has its own.
    pub epoch: Option<usize>,
    /// Seconds of training of all networks.
    pub seconds: f64,
    /// SHA-256 of the weights.
    pub weights_sha256: String,
    /// SHA-256 over values, labels and which inputs each case has.
    pub data_sha256: String,
    /// Figures on the validation split, each case with the inputs that it has.
    pub validation: Validation,
    /// Figures with some of the inputs, the others hidden.
    pub subsets: Vec<SubsetCard>,
    /// Networks of one input alone.
    pub baselines: Vec<InputBaseline>,
}

impl FusionMetrics {
    /// Of a run that ended.
    pub fn of(trained: &FusionTrained) -> Self {
        let card = &trained.card;
        Self {
            model: card.name.clone(),
            version: card.version.clone(),
            fusion: card.architecture.fusion.name().to_owned(),
            seed: card.training.seed,
            parameters: trained.parameters,
            epoch: trained.epoch,
            seconds: trained.seconds,
            weights_sha256: card.weights_sha256.clone(),
            data_sha256: card.training.data_sha256.clone(),
            validation: card.validation.clone(),
            subsets: card.subsets.clone(),
            baselines: card.baselines.clone(),
        }
    }

    /// What it has in common with the metrics of a classifier of one input.
    pub fn plain(&self) -> RunMetrics {
        RunMetrics {
            model: self.model.clone(),
            version: self.version.clone(),
            seed: self.seed,
            parameters: self.parameters,
            epoch: self.epoch,
            seconds: Some(self.seconds),
            weights_sha256: self.weights_sha256.clone(),
            data_sha256: self.data_sha256.clone(),
            validation: self.validation.clone(),
        }
    }
}
