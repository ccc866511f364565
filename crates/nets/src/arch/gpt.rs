mod layer;
mod memory;
mod prefixed;
#[cfg(test)]
mod tests;

pub use layer::{Activation, GptLayer, Map};
pub use memory::GptMemory;
pub use prefixed::{PrefixConfig, PrefixedGpt, Projector, Speaking, TextBatch, TextBatchError};

use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, Embedding, LayerNorm, LayerNormConfig};
use burn::tensor::module::linear;
use burn::tensor::{Device, Int, Tensor};
use serde_json::Value;

use crate::kernels::drop;

use super::bert::{HubConfig, HubConfigError};
use super::entropy::counted_entropy;
use super::first_weights::{self, embedding};
use super::torch::{TorchNames, WeightsError, load_torch, names_in};

/// Sizes of a [`Gpt`].
#[derive(Clone, Debug, PartialEq)]
pub struct GptConfig {
    /// Tokens of the vocabulary.
    pub vocabulary: usize,
    /// Most tokens of a text, a prefix included.
    pub positions: usize,
    /// Length of a token's vector.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Layers.
    pub layers: usize,
    /// Width within the perceptron of a layer.
    pub inner: usize,
    /// What bends within the perceptron.
    pub activation: Activation,
    /// Added to the variance in a normalization.
    pub epsilon: f64,
    /// Share of numbers dropped in training: of embeddings, of what a layer adds, and of attention weights.
    pub dropout: f64,
    /// Whether the scores of tokens are made with the vectors that tokens come in with.
    pub tied: bool,
}

impl GptConfig {
    /// The sizes that GPT-2's `config.json` of the model hub states.
    ///
    /// # Errors
    /// [`HubConfigError`] naming the key: another `model_type` or activation, attention that is scaled otherwise or
    /// crosses to another text, shares of dropout that differ, a size that is missing or beyond what any GPT-2 has.
    pub fn from_hub(json: &str) -> Result<Self, HubConfigError> {
        let config = HubConfig::read(json, "gpt2")?;
        config.only("add_cross_attention", &Value::from(false))?;
        config.only("scale_attn_weights", &Value::from(true))?;
        config.only("scale_attn_by_inverse_layer_idx", &Value::from(false))?;
        let activations = [Activation::Tangent, Activation::Tangent, Activation::Exact];
        let activation =
            activations[config.word("activation_function", &["gelu_new", "gelu_pytorch_tanh", "gelu"])?];
        let dropout = config.number("resid_pdrop", 0.0, 1.0)?;
        for key in ["embd_pdrop", "attn_pdrop"] {
            config.only(key, &Value::from(dropout))?;
        }
        let width = config.whole("n_embd", 1, 4096)?;
        let heads = config.whole("n_head", 1, 128)?;
        if !width.is_multiple_of(heads) {
            return Err(HubConfigError::Value {
                key: "n_embd",
                found: width.to_string(),
                expected: format!("a multiple of the {heads} of n_head"),
            });
        }
        Ok(Self {
            vocabulary: config.whole("vocab_size", 1, 1 << 18)?,
            positions: config.whole("n_positions", 1, 1 << 14)?,
            width,
            heads,
            layers: config.whole("n_layer", 0, 96)?,
            inner: if config.has("n_inner") { config.whole("n_inner", 1, 1 << 14)? } else { 4 * width },
            activation,
            epsilon: config.number("layer_norm_epsilon", 0.0, 1.0)?,
            dropout,
            tied: true,
        })
    }

    /// How many weights a network of these sizes has.
    pub fn parameters(&self) -> usize {
        let linear = |input: usize, output: usize| (input + 1) * output;
        let (width, inner) = (self.width, self.inner);
        let layer = linear(width, 3 * width)
            + linear(width, width)
            + linear(width, inner)
            + linear(inner, width)
            + 4 * width;
        let scores = if self.tied { 0 } else { self.vocabulary * width };
        (self.vocabulary + self.positions + 2) * width + self.layers * layer + scores
    }

    /// Whether the sizes make a network.
    pub fn is_sound(&self) -> bool {
        let sizes = [self.vocabulary, self.positions, self.width, self.heads, self.inner];
        sizes.iter().all(|size| *size > 0)
            && self.width.is_multiple_of(self.heads)
            && (0.0..1.0).contains(&self.dropout)
            && self.epsilon >= 0.0
    }
}

/// A decoder as GPT-2 is: each token reads those before it, and scores every token for the place after it.
///
/// # Shapes
/// Numbers of tokens `[batch, tokens]` to scores `[batch, tokens, vocabulary]`.
///
/// # Source
/// Radford et al. 2019, "Language models are unsupervised multitask learners"
#[derive(Module, Debug)]
pub struct Gpt {
    pub(crate) words: Embedding,
    pub(crate) positions: Embedding,
    pub(crate) dropout: Dropout,
    pub(crate) layers: Vec<GptLayer>,
    pub(crate) norm: LayerNorm,
    /// `[vocabulary, width]`; none where the words' vectors are used.
    pub(crate) scorer: Option<Param<Tensor<2>>>,
}

impl Gpt {
    /// A network with random weights; the device's seed decides them.
    ///
    /// # Panics
    /// If the sizes are not sound.
    pub fn new(config: &GptConfig, device: &Device) -> Self {
        assert!(config.is_sound(), "the sizes make no network: {config:?}");
        let (width, vocabulary) = (config.width, config.vocabulary);
        Self {
            words: embedding(vocabulary, width, device),
            positions: embedding(config.positions, width, device),
            dropout: DropoutConfig::new(config.dropout).init(),
            layers: (0..config.layers).map(|_| GptLayer::new(config, device)).collect(),
            norm: LayerNormConfig::new(width).with_epsilon(config.epsilon).init(device),
            scorer: (!config.tied).then(|| first_weights::matrix(vocabulary, width, device)),
        }
    }

    /// A network with the weights of a safetensors file by the model hub's names, with `transformer.` before them or
    /// without. Where the file has `lm_head.weight`, the scores are made with that.
    ///
    /// # Errors
    /// [`WeightsError`] naming what is missing, left over or misshapen.
    pub fn load(config: &GptConfig, weights: Vec<u8>, device: &Device) -> Result<Self, WeightsError> {
        let tied = !names_in(&weights)?.iter().any(|name| name == "lm_head.weight");
        load_torch(Self::new(&GptConfig { tied, ..config.clone() }, device), weights)
    }

    /// The vectors of tokens before positions are added: `[batch, tokens, width]`.
    ///
    /// # Panics
    /// If a number is beyond the vocabulary.
    pub fn vectors(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        self.words.forward(tokens)
    }

    /// The scores after each of some vectors, which stand at the first positions.
    ///
    /// Padding belongs at the end, where no vector that counts reads it.
    ///
    /// # Shapes
    /// `[batch, tokens, width]` to `[batch, tokens, vocabulary]`
    ///
    /// # Panics
    /// If there are more vectors than positions.
    pub fn forward(&self, vectors: Tensor<3>) -> Tensor<3> {
        let tokens = self.layers.iter().fold(self.placed(vectors, 0), |tokens, layer| layer.forward(tokens));
        self.score(self.norm.forward(tokens))
    }

    /// The scores after each of some vectors, which follow those that are remembered, and are remembered with them.
    ///
    /// # Shapes
    /// As [`Gpt::forward`].
    ///
    /// # Panics
    /// If there are more vectors than positions left, or another number of texts than remembered.
    pub fn go_on(&self, vectors: Tensor<3>, memory: &mut GptMemory) -> Tensor<3> {
        let mut tokens = self.placed(vectors, memory.tokens());
        memory.ready(self.layers.len());
        for (layer, remembered) in self.layers.iter().zip(memory.layers()) {
            tokens = layer.go_on(tokens, remembered);
        }
        self.score(self.norm.forward(tokens))
    }

    /// How many vectors have a position.
    pub fn most_tokens(&self) -> usize {
        let [positions, _] = self.positions.weight.dims();
        positions
    }

    fn placed(&self, vectors: Tensor<3>, after: usize) -> Tensor<3> {
        let [_, count, _] = vectors.dims();
        let positions = self.positions.weight.val().narrow(0, after, count).unsqueeze_dim::<3>(0);
        drop(&self.dropout, vectors + positions)
    }

    fn score(&self, tokens: Tensor<3>) -> Tensor<3> {
        let with = self.scorer.as_ref().unwrap_or(&self.words.weight).val();
        linear(tokens, with.transpose(), None)
    }
}

/// The mean over the tokens that count of the negative logarithm of their probability, each by the scores after the
/// token before it. The first token of a text follows nothing, and never counts.
///
/// # Shapes
/// Scores `[batch, tokens, vocabulary]`, the numbers of the same tokens and 1 for those that count and 0 for others,
/// `[batch, tokens]` each, to `[1]`
///
/// # Units
/// Nats.
///
/// # Panics
/// If there are fewer than two tokens.
pub fn next_token_loss(scores: Tensor<3>, tokens: Tensor<2, Int>, counted: Tensor<2>) -> Tensor<1> {
    let [batch, count, vocabulary] = scores.dims();
    let rows = batch * (count - 1);
    let scores = scores.narrow(1, 0, count - 1).reshape([rows, vocabulary]);
    let next = tokens.narrow(1, 1, count - 1).reshape([rows]);
    counted_entropy(scores, next, counted.narrow(1, 1, count - 1).reshape([rows]))
}

impl TorchNames for Gpt {
    fn torch_name(&self, own: &str) -> String {
        match own.split('.').collect::<Vec<_>>()[..] {
            ["words", leaf] => format!("wte.{leaf}"),
            ["positions", leaf] => format!("wpe.{leaf}"),
            ["norm", leaf] => format!("ln_f.{leaf}"),
            ["scorer"] => "lm_head.weight".to_owned(),
            ["layers", at, part, leaf] => {
                let part = match part {
                    "attention_norm" => "ln_1",
                    "queries_keys_values" => "attn.c_attn",
                    "projection" => "attn.c_proj",
                    "norm" => "ln_2",
                    "widening" => "mlp.c_fc",
                    _ => "mlp.c_proj",
                };
                format!("h.{at}.{part}.{leaf}")
            }
            _ => own.to_owned(),
        }
    }

    fn current_name(&self, found: &str) -> Option<String> {
        let name = found.strip_prefix("transformer.").unwrap_or(found);
        // The masks of attention, which older files hold as tensors.
        let mask = name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias");
        (!mask).then(|| name.to_owned())
    }
}
