use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, LayerNorm, LayerNormConfig};
use burn::tensor::activation::gelu_approximate;
use burn::tensor::module::linear;
use burn::tensor::{Device, Tensor};

use crate::kernels::{Mask, attend_masked, drop, gelu};

use super::super::first_weights;
use super::GptConfig;
use super::memory::Remembered;

/// The Gaussian error linear unit, in one of its two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// By the error function.
    Exact,
    /// By a hyperbolic tangent, as GPT-2 has it; up to 5e-4 from the other.
    Tangent,
}

impl Activation {
    fn apply(self, input: Tensor<3>) -> Tensor<3> {
        match self {
            Self::Exact => gelu(input),
            Self::Tangent => gelu_approximate(input),
        }
    }
}

/// A linear map whose weights lie as GPT-2's files have them, an input a row.
///
/// # Shapes
/// `[batch, tokens, input]` to `[batch, tokens, output]`, with weights `[input, output]`
#[derive(Module, Debug)]
pub struct Map {
    pub(crate) weight: Param<Tensor<2>>,
    pub(crate) bias: Param<Tensor<1>>,
}

impl Map {
    /// A map with random weights.
    pub fn new(input: usize, output: usize, device: &Device) -> Self {
        let made = first_weights::linear(input, output, device);
        Self { weight: made.weight, bias: made.bias.expect("it was made with offsets") }
    }

    /// The map of each token.
    pub fn forward(&self, input: Tensor<3>) -> Tensor<3> {
        linear(input, self.weight.val(), Some(self.bias.val()))
    }
}

/// Attention of each token to itself and those before it, then a perceptron; both of what was normalized, both added
/// to what was there.
///
/// # Shapes
/// `[batch, tokens, width]` to the same.
#[derive(Module, Debug)]
pub struct GptLayer {
    pub(crate) attention_norm: LayerNorm,
    pub(crate) queries_keys_values: Map,
    pub(crate) projection: Map,
    pub(crate) norm: LayerNorm,
    pub(crate) widening: Map,
    pub(crate) narrowing: Map,
    pub(crate) dropout: Dropout,
    #[module(skip)]
    pub(crate) activation: Activation,
    pub(crate) heads: usize,
}

impl GptLayer {
    /// A layer with random weights.
    pub fn new(config: &GptConfig, device: &Device) -> Self {
        let (width, inner) = (config.width, config.inner);
        let norm = || LayerNormConfig::new(width).with_epsilon(config.epsilon).init(device);
        Self {
            attention_norm: norm(),
            queries_keys_values: Map::new(width, 3 * width, device),
            projection: Map::new(width, width, device),
            norm: norm(),
            widening: Map::new(width, inner, device),
            narrowing: Map::new(inner, width, device),
            dropout: DropoutConfig::new(config.dropout).init(),
            activation: config.activation,
            heads: config.heads,
        }
    }

    /// The whole layer.
    pub fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        let [queries, keys, values] = self.parts(tokens.clone());
        self.after(tokens, queries, keys, values)
    }

    /// The layer for tokens that follow remembered ones, and are remembered with them.
    pub(super) fn go_on(&self, tokens: Tensor<3>, remembered: &mut Option<Remembered>) -> Tensor<3> {
        let [queries, keys, values] = self.parts(tokens.clone());
        let all = match remembered.take() {
            None => Remembered { keys, values },
            Some(before) => before.and(keys, values),
        };
        let read = self.after(tokens, queries, all.keys.clone(), all.values.clone());
        *remembered = Some(all);
        read
    }

    /// Queries, keys and values.
    fn parts(&self, tokens: Tensor<3>) -> [Tensor<3>; 3] {
        let [_, _, width] = tokens.dims();
        let all = self.queries_keys_values.forward(self.attention_norm.forward(tokens));
        std::array::from_fn(|at| all.clone().narrow(2, at * width, width))
    }

    fn after(&self, tokens: Tensor<3>, queries: Tensor<3>, keys: Tensor<3>, values: Tensor<3>) -> Tensor<3> {
        let mask = Mask { valid: None, causal: true };
        let read = attend_masked(queries, keys, values, self.heads, Some(&self.dropout), mask);
        let tokens = tokens + drop(&self.dropout, self.projection.forward(read));
        let perceived = self.perceive(self.norm.forward(tokens.clone()));
        tokens + drop(&self.dropout, perceived)
    }

    pub(super) fn perceive(&self, tokens: Tensor<3>) -> Tensor<3> {
        self.narrowing.forward(self.activation.apply(self.widening.forward(tokens)))
    }
}
