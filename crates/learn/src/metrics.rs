use serde::{Deserialize, Serialize};
use wilhelm_nets::Validation;

use crate::Trained;

/// What came out of a training run: its `metrics.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunMetrics {
    /// The model's name.
    pub model: String,
    /// Version of its weights.
    pub version: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Numbers in the network.
    pub parameters: usize,
    /// The pass that the weights are from.
    pub epoch: Option<usize>,
    /// Seconds of training.
    pub seconds: Option<f64>,
    /// SHA-256 of the weights.
    pub weights_sha256: String,
    /// SHA-256 over the training images' pixels and labels.
    pub data_sha256: String,
    /// Figures on the validation split.
    pub validation: Validation,
}

impl RunMetrics {
    /// Of a run that ended.
    pub fn of(trained: &Trained) -> Self {
        let card = &trained.card;
        Self {
            model: card.name.clone(),
            version: card.version.clone(),
            seed: card.training.seed,
            parameters: trained.parameters,
            epoch: trained.epoch,
            seconds: trained.seconds,
            weights_sha256: card.weights_sha256.clone(),
            data_sha256: card.training.data_sha256.clone(),
            validation: card.validation.clone(),
        }
    }
}
