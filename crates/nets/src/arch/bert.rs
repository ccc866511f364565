mod config;
mod heads;
mod reader;
#[cfg(test)]
mod tests;

pub use config::HubConfigError;
pub use heads::{BertClassifier, BertLabeler};
pub use reader::{ReaderConfig, TextReader};

pub(super) use config::HubConfig;

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Embedding, LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Device, Int, Tensor};
use serde_json::Value;

use crate::kernels::{Mask, attend_masked, drop, gelu};

use super::first_weights::{embedding, linear};
use super::torch::{TorchNames, WeightsError, load_torch, names_in};

/// Sizes of a [`Bert`].
#[derive(Clone, Debug, PartialEq)]
pub struct BertConfig {
    /// Tokens of the vocabulary.
    pub vocabulary: usize,
    /// Most tokens of a text.
    pub positions: usize,
    /// Kinds of tokens: those of the first text and of the second.
    pub kinds: usize,
    /// Length of a token's vector.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Layers.
    pub layers: usize,
    /// Width within the perceptron of a layer.
    pub inner: usize,
    /// Added to the variance in a normalization.
    pub epsilon: f64,
    /// Share of numbers dropped in training, of embeddings and of what a layer adds.
    pub dropout: f64,
    /// Share of attention weights dropped in training.
    pub attention_dropout: f64,
    /// Names of the classes of a [`BertClassifier`] or [`BertLabeler`]; none where the network has no such head.
    pub classes: Vec<String>,
}

impl BertConfig {
    /// The sizes that a `config.json` of the model hub states.
    ///
    /// # Errors
    /// [`HubConfigError`] naming the key: another `model_type`, an activation other than the exact GELU, positions that
    /// are not absolute, a decoder, a size that is missing or beyond what any BERT has.
    pub fn from_hub(json: &str) -> Result<Self, HubConfigError> {
        let config = HubConfig::read(json, "bert")?;
        config.word("hidden_act", &["gelu"])?;
        config.only("position_embedding_type", &Value::from("absolute"))?;
        config.only("is_decoder", &Value::from(false))?;
        config.only("add_cross_attention", &Value::from(false))?;
        let read = Self {
            vocabulary: config.whole("vocab_size", 1, 1 << 18)?,
            positions: config.whole("max_position_embeddings", 1, 1 << 14)?,
            kinds: config.whole("type_vocab_size", 1, 16)?,
            width: config.whole("hidden_size", 1, 4096)?,
            heads: config.whole("num_attention_heads", 1, 128)?,
            layers: config.whole("num_hidden_layers", 0, 96)?,
            inner: config.whole("intermediate_size", 1, 1 << 14)?,
            epsilon: config.number("layer_norm_eps", 0.0, 1.0)?,
            dropout: config.number("hidden_dropout_prob", 0.0, 1.0)?,
            attention_dropout: config.number("attention_probs_dropout_prob", 0.0, 1.0)?,
            classes: config.classes()?,
        };
        if !read.width.is_multiple_of(read.heads) {
            return Err(HubConfigError::Value {
                key: "hidden_size",
                found: read.width.to_string(),
                expected: format!("a multiple of the {} of num_attention_heads", read.heads),
            });
        }
        Ok(read)
    }

    /// How many weights an encoder of these sizes has, that of the pooled vector included.
    pub fn parameters(&self) -> usize {
        let linear = |input: usize, output: usize| (input + 1) * output;
        let (width, inner) = (self.width, self.inner);
        let layer = 4 * linear(width, width) + linear(width, inner) + linear(inner, width) + 4 * width;
        (self.vocabulary + self.positions + self.kinds + 2) * width
            + self.layers * layer
            + linear(width, width)
    }
}

/// What a [`Bert`] gives of a batch.
#[derive(Debug)]
pub struct BertForward {
    /// A vector for each token: `[batch, tokens, width]`.
    pub tokens: Tensor<3>,
    /// The first token's vector once more through a linear map and a hyperbolic tangent, where the network has
    /// that: `[batch, width]`.
    pub pooled: Option<Tensor<2>>,
}

/// Attention among the tokens that count, then a perceptron for each; what comes is normalized after either.
///
/// # Shapes
/// `[batch, tokens, width]` to the same.
#[derive(Module, Debug)]
pub struct BertLayer {
    pub(crate) query: Linear,
    pub(crate) key: Linear,
    pub(crate) value: Linear,
    pub(crate) projection: Linear,
    pub(crate) attention_norm: LayerNorm,
    pub(crate) widening: Linear,
    pub(crate) narrowing: Linear,
    pub(crate) norm: LayerNorm,
    pub(crate) attention_dropout: Dropout,
    pub(crate) dropout: Dropout,
    pub(crate) heads: usize,
}

impl BertLayer {
    /// A layer with random weights.
    pub fn new(config: &BertConfig, device: &Device) -> Self {
        let (width, inner) = (config.width, config.inner);
        Self {
            query: linear(width, width, device),
            key: linear(width, width, device),
            value: linear(width, width, device),
            projection: linear(width, width, device),
            attention_norm: norm(config, device),
            widening: linear(width, inner, device),
            narrowing: linear(inner, width, device),
            norm: norm(config, device),
            attention_dropout: DropoutConfig::new(config.attention_dropout).init(),
            dropout: DropoutConfig::new(config.dropout).init(),
            heads: config.heads,
        }
    }

    /// The whole layer; `valid` is 1 for tokens that count and 0 for padding, `[batch, tokens]`.
    pub fn forward(&self, tokens: Tensor<3>, valid: Option<&Tensor<2>>) -> Tensor<3> {
        let read = self.attend(tokens.clone(), valid);
        let tokens = self.attention_norm.forward(tokens + drop(&self.dropout, read));
        let perceived = self.perceive(tokens.clone());
        self.norm.forward(tokens + drop(&self.dropout, perceived))
    }

    fn attend(&self, tokens: Tensor<3>, valid: Option<&Tensor<2>>) -> Tensor<3> {
        let queries = self.query.forward(tokens.clone());
        let (keys, values) = (self.key.forward(tokens.clone()), self.value.forward(tokens));
        let mask = Mask { valid, causal: false };
        let dropout = Some(&self.attention_dropout);
        self.projection.forward(attend_masked(queries, keys, values, self.heads, dropout, mask))
    }

    fn perceive(&self, tokens: Tensor<3>) -> Tensor<3> {
        self.narrowing.forward(gelu(self.widening.forward(tokens)))
    }
}

/// The encoder of BERT: tokens, positions and kinds as vectors, and layers that normalize after they add.
///
/// # Shapes
/// Numbers of tokens `[batch, tokens]` to [`BertForward`].
///
/// # Source
/// Devlin et al. 2019, doi:10.18653/v1/N19-1423
#[derive(Module, Debug)]
pub struct Bert {
    pub(crate) words: Embedding,
    pub(crate) positions: Embedding,
    pub(crate) kinds: Embedding,
    pub(crate) norm: LayerNorm,
    pub(crate) dropout: Dropout,
    pub(crate) layers: Vec<BertLayer>,
    pub(crate) pooler: Option<Linear>,
}

impl Bert {
    /// A network with random weights; the device's seed decides them.
    pub fn new(config: &BertConfig, pooled: bool, device: &Device) -> Self {
        let width = config.width;
        Self {
            words: embedding(config.vocabulary, width, device),
            positions: embedding(config.positions, width, device),
            kinds: embedding(config.kinds, width, device),
            norm: norm(config, device),
            dropout: DropoutConfig::new(config.dropout).init(),
            layers: (0..config.layers).map(|_| BertLayer::new(config, device)).collect(),
            pooler: pooled.then(|| linear(width, width, device)),
        }
    }

    /// A network with the weights of a safetensors file by the model hub's names, with `bert.` before them or without.
    ///
    /// It pools where the file has weights for that. What only pre-training needs (`cls.`) is passed over.
    ///
    /// # Errors
    /// [`WeightsError`] naming what is missing, left over or misshapen.
    pub fn load(config: &BertConfig, weights: Vec<u8>, device: &Device) -> Result<Self, WeightsError> {
        let pooled = names_in(&weights)?.iter().any(|name| name.ends_with("pooler.dense.weight"));
        load_torch(Self::new(config, pooled, device), weights)
    }

    /// The whole pass, of the numbers of tokens, the number of each one's kind, and 1 for tokens that count and 0 for
    /// padding (none where all count).
    ///
    /// # Shapes
    /// `[batch, tokens]` each.
    ///
    /// # Panics
    /// If there are more tokens than positions, or a number is beyond the vocabulary or the kinds.
    pub fn forward(
        &self,
        tokens: Tensor<2, Int>,
        kinds: Tensor<2, Int>,
        valid: Option<&Tensor<2>>,
    ) -> BertForward {
        let tokens =
            self.layers.iter().fold(self.embed(tokens, kinds), |tokens, layer| layer.forward(tokens, valid));
        let pooled = self.pooler.as_ref().map(|pooler| {
            let first = tokens.clone().narrow(1, 0, 1).squeeze_dim::<2>(1);
            pooler.forward(first).tanh()
        });
        BertForward { tokens, pooled }
    }

    /// The vectors before the first layer.
    fn embed(&self, tokens: Tensor<2, Int>, kinds: Tensor<2, Int>) -> Tensor<3> {
        let [_, count] = tokens.dims();
        let positions = self.positions.weight.val().narrow(0, 0, count).unsqueeze_dim::<3>(0);
        let sum = self.words.forward(tokens) + self.kinds.forward(kinds) + positions;
        drop(&self.dropout, self.norm.forward(sum))
    }
}

impl TorchNames for Bert {
    fn torch_name(&self, own: &str) -> String {
        match own.split('.').collect::<Vec<_>>()[..] {
            ["words", leaf] => format!("embeddings.word_embeddings.{leaf}"),
            ["positions", leaf] => format!("embeddings.position_embeddings.{leaf}"),
            ["kinds", leaf] => format!("embeddings.token_type_embeddings.{leaf}"),
            ["norm", leaf] => format!("embeddings.LayerNorm.{leaf}"),
            ["pooler", leaf] => format!("pooler.dense.{leaf}"),
            ["layers", at, part, leaf] => {
                let part = match part {
                    "query" => "attention.self.query",
                    "key" => "attention.self.key",
                    "value" => "attention.self.value",
                    "projection" => "attention.output.dense",
                    "attention_norm" => "attention.output.LayerNorm",
                    "widening" => "intermediate.dense",
                    "narrowing" => "output.dense",
                    _ => "output.LayerNorm",
                };
                format!("encoder.layer.{at}.{part}.{leaf}")
            }
            _ => own.to_owned(),
        }
    }

    fn current_name(&self, found: &str) -> Option<String> {
        let name = found.strip_prefix("bert.").unwrap_or(found);
        if name.starts_with("cls.") || name == "embeddings.position_ids" {
            return None;
        }
        Some(modern(name))
    }
}

/// Scale and offset of a normalization under the names that they have had since 2019.
fn modern(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((module, "gamma")) => format!("{module}.weight"),
        Some((module, "beta")) => format!("{module}.bias"),
        _ => name.to_owned(),
    }
}

fn norm(config: &BertConfig, device: &Device) -> LayerNorm {
    LayerNormConfig::new(config.width).with_epsilon(config.epsilon).init(device)
}
