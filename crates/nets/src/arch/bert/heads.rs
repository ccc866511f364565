use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Linear};
use burn::tensor::{Device, Int, Tensor};

use crate::kernels::drop;

use super::super::first_weights::linear;
use super::super::torch::{TorchNames, WeightsError, load_torch};
use super::{Bert, BertConfig, modern};

/// A BERT that says what a text is, or how two texts stand to each other: a logit for each class.
///
/// # Shapes
/// Numbers of tokens `[batch, tokens]` to `[batch, classes]`.
#[derive(Module, Debug)]
pub struct BertClassifier {
    pub(crate) bert: Bert,
    pub(crate) dropout: Dropout,
    pub(crate) scorer: Linear,
}

impl BertClassifier {
    /// A network with random weights; the device's seed decides them.
    pub fn new(config: &BertConfig, device: &Device) -> Self {
        Self {
            bert: Bert::new(config, true, device),
            dropout: DropoutConfig::new(config.dropout).init(),
            scorer: linear(config.width, config.classes.len(), device),
        }
    }

    /// A fresh head on a trained encoder, which must pool.
    pub fn on(bert: Bert, config: &BertConfig, device: &Device) -> Self {
        Self { bert, ..Self::new(config, device) }
    }

    /// A network with the weights of the model hub's `BertForSequenceClassification`.
    ///
    /// # Errors
    /// [`WeightsError`] naming what is missing, left over or misshapen.
    pub fn load(config: &BertConfig, weights: Vec<u8>, device: &Device) -> Result<Self, WeightsError> {
        load_torch(Self::new(config, device), weights)
    }

    /// The logits, of what [`Bert::forward`] takes.
    ///
    /// # Panics
    /// As [`Bert::forward`], and if the encoder does not pool.
    pub fn forward(
        &self,
        tokens: Tensor<2, Int>,
        kinds: Tensor<2, Int>,
        valid: Option<&Tensor<2>>,
    ) -> Tensor<2> {
        let pooled = self.bert.forward(tokens, kinds, valid).pooled.expect("a classifier's encoder pools");
        self.scorer.forward(drop(&self.dropout, pooled))
    }
}

/// A BERT that says what each token is: a logit for each class.
///
/// # Shapes
/// Numbers of tokens `[batch, tokens]` to `[batch, tokens, classes]`.
#[derive(Module, Debug)]
pub struct BertLabeler {
    pub(crate) bert: Bert,
    pub(crate) dropout: Dropout,
    pub(crate) scorer: Linear,
}

impl BertLabeler {
    /// A network with random weights; the device's seed decides them.
    pub fn new(config: &BertConfig, device: &Device) -> Self {
        Self::on(Bert::new(config, false, device), config, device)
    }

    /// A fresh head on a trained encoder.
    pub fn on(bert: Bert, config: &BertConfig, device: &Device) -> Self {
        Self {
            bert: Bert { pooler: None, ..bert },
            dropout: DropoutConfig::new(config.dropout).init(),
            scorer: linear(config.width, config.classes.len(), device),
        }
    }

    /// A network with the weights of the model hub's `BertForTokenClassification`.
    ///
    /// # Errors
    /// [`WeightsError`] naming what is missing, left over or misshapen.
    pub fn load(config: &BertConfig, weights: Vec<u8>, device: &Device) -> Result<Self, WeightsError> {
        load_torch(Self::new(config, device), weights)
    }

    /// The logits, of what [`Bert::forward`] takes.
    ///
    /// # Panics
    /// As [`Bert::forward`].
    pub fn forward(
        &self,
        tokens: Tensor<2, Int>,
        kinds: Tensor<2, Int>,
        valid: Option<&Tensor<2>>,
    ) -> Tensor<3> {
        let tokens = self.bert.forward(tokens, kinds, valid).tokens;
        self.scorer.forward(drop(&self.dropout, tokens))
    }
}

impl TorchNames for BertClassifier {
    fn torch_name(&self, own: &str) -> String {
        torch_name(&self.bert, own)
    }

    fn current_name(&self, found: &str) -> Option<String> {
        current_name(found)
    }
}

impl TorchNames for BertLabeler {
    fn torch_name(&self, own: &str) -> String {
        torch_name(&self.bert, own)
    }

    fn current_name(&self, found: &str) -> Option<String> {
        current_name(found)
    }
}

fn torch_name(bert: &Bert, own: &str) -> String {
    match own.split_once('.') {
        Some(("bert", inner)) => format!("bert.{}", bert.torch_name(inner)),
        Some((_, leaf)) => format!("classifier.{leaf}"),
        None => own.to_owned(),
    }
}

fn current_name(found: &str) -> Option<String> {
    (found != "bert.embeddings.position_ids").then(|| modern(found))
}
