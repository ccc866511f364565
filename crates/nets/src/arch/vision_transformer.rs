use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Distribution, Tensor};
use serde::{Deserialize, Serialize};

use crate::kernels::{attend, gelu};

use super::head::MOST_PARAMETERS;
use super::torch::TorchNames;
use super::trunk::Seen;

/// Sizes of a [`VisionTransformer`]; stands on a model's card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisionTransformerConfig {
    /// Columns and rows of the input (it is square).
    pub side: usize,
    /// Columns and rows of a patch, of which each becomes one token.
    pub patch: usize,
    /// Channels of the input.
    pub channels: usize,
    /// Length of a token.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Layers.
    pub layers: usize,
    /// Width within the perceptron of a layer.
    pub inner: usize,
    /// Classes, a logit each.
    pub classes: usize,
}

impl VisionTransformerConfig {
    /// timm's `vit_small_patch16_224`: 384 features.
    pub fn small_patch16_224(channels: usize, classes: usize) -> Self {
        Self { side: 224, patch: 16, channels, width: 384, heads: 6, layers: 12, inner: 1536, classes }
    }

    /// Patches of an image and the class token.
    pub fn tokens(&self) -> usize {
        let along = self.side / self.patch.max(1);
        along * along + 1
    }

    /// How many weights a network of these sizes has.
    pub fn parameters(&self) -> usize {
        let linear = |input: usize, output: usize| (input + 1) * output;
        let (width, inner) = (self.width, self.inner);
        let layer = 4 * width
            + linear(width, 3 * width)
            + linear(width, width)
            + linear(width, inner)
            + linear(inner, width);
        linear(self.channels * self.patch * self.patch, width)
            + (self.tokens() + 1) * width
            + self.layers * layer
            + 2 * width
            + linear(width, self.classes)
    }

    /// Whether the sizes make a network, and one that a hostile card cannot blow up memory with.
    pub fn is_sound(&self) -> bool {
        let within = |value: usize, most: usize| (1..=most).contains(&value);
        within(self.side, 1024)
            && within(self.patch, 64)
            && self.side.is_multiple_of(self.patch)
            && self.tokens() <= 4097
            && within(self.channels, 64)
            && within(self.width, 1024)
            && within(self.heads, 32)
            && self.width.is_multiple_of(self.heads)
            && within(self.layers, 24)
            && within(self.inner, 4096)
            && within(self.classes, 4096)
            && self.parameters() <= MOST_PARAMETERS
    }
}

/// What a [`VisionTransformer`] gives of a batch.
#[derive(Debug)]
pub struct VisionTransformerForward {
    /// The class token and a token for each patch, row by row: `[batch, tokens, width]`.
    pub tokens: Tensor<3>,
    /// The class token, `[batch, width]`: the feature vector.
    pub features: Tensor<2>,
    /// `[batch, classes]`
    pub logits: Tensor<2>,
}

/// Attention among all tokens, then a perceptron for each; both of what was normalized, both added to what was there.
///
/// # Shapes
/// `[batch, tokens, width]` to the same.
#[derive(Module, Debug)]
pub struct TransformerLayer {
    pub(crate) attention_norm: LayerNorm,
    pub(crate) queries_keys_values: Linear,
    pub(crate) projection: Linear,
    pub(crate) norm: LayerNorm,
    pub(crate) widening: Linear,
    pub(crate) narrowing: Linear,
    pub(crate) heads: usize,
}

impl TransformerLayer {
    /// A layer with random weights.
    pub fn new(width: usize, heads: usize, inner: usize, device: &Device) -> Self {
        Self {
            attention_norm: norm(width, device),
            queries_keys_values: LinearConfig::new(width, 3 * width).init(device),
            projection: LinearConfig::new(width, width).init(device),
            norm: norm(width, device),
            widening: LinearConfig::new(width, inner).init(device),
            narrowing: LinearConfig::new(inner, width).init(device),
            heads,
        }
    }

    /// The whole layer.
    pub fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        let tokens = tokens.clone() + self.attend(self.attention_norm.forward(tokens));
        tokens.clone() + self.perceive(self.norm.forward(tokens))
    }

    fn attend(&self, tokens: Tensor<3>) -> Tensor<3> {
        let [batch, count, width] = tokens.dims();
        let all = self.queries_keys_values.forward(tokens).reshape([batch, count, 3, width]);
        let part = |at: usize| all.clone().narrow(2, at, 1).reshape([batch, count, width]);
        self.projection.forward(attend(part(0), part(1), part(2), self.heads, None))
    }

    fn perceive(&self, tokens: Tensor<3>) -> Tensor<3> {
        self.narrowing.forward(gelu(self.widening.forward(tokens)))
    }
}

/// A vision transformer with timm's layers: patches as tokens, a class token, learned positions.
///
/// # Shapes
/// `[batch, channels, side, side]` to [`VisionTransformerForward`].
///
/// # Source
/// Dosovitskiy et al. 2021, arXiv:2010.11929
#[derive(Module, Debug)]
pub struct VisionTransformer {
    pub(crate) patches: Conv2d,
    pub(crate) class_token: Param<Tensor<3>>,
    pub(crate) positions: Param<Tensor<3>>,
    pub(crate) layers: Vec<TransformerLayer>,
    pub(crate) norm: LayerNorm,
    /// Not there where something else reads the tokens.
    pub(crate) scorer: Option<Linear>,
}

impl VisionTransformer {
    /// timm's guard against a deviation of 0 in the normalization of tokens.
    pub(crate) const EPSILON: f64 = 1e-6;

    /// A network with random weights; the device's seed decides them.
    pub fn new(config: &VisionTransformerConfig, device: &Device) -> Self {
        Self::with_head(config, true, device)
    }

    /// The same with or without its scorer.
    pub(super) fn with_head(config: &VisionTransformerConfig, with_head: bool, device: &Device) -> Self {
        let width = config.width;
        let random = |count: usize| {
            let values = Tensor::<3>::random([1, count, width], Distribution::Normal(0.0, 0.02), device);
            Param::from_tensor(values)
        };
        Self {
            patches: Conv2dConfig::new([config.channels, width], [config.patch; 2])
                .with_stride([config.patch; 2])
                .init(device),
            class_token: random(1),
            positions: random(config.tokens()),
            layers: (0..config.layers)
                .map(|_| TransformerLayer::new(width, config.heads, config.inner, device))
                .collect(),
            norm: norm(width, device),
            scorer: with_head.then(|| LinearConfig::new(width, config.classes).init(device)),
        }
    }

    /// The whole pass.
    ///
    /// # Panics
    /// If the image has another side than the network's positions, or it was made without a scorer.
    pub fn forward(&self, input: Tensor<4>) -> VisionTransformerForward {
        let (tokens, _) = self.tokens(input);
        let tokens = self.layers.iter().fold(tokens, |tokens, layer| layer.forward(tokens));
        let tokens = self.norm.forward(tokens);
        let features = tokens.clone().narrow(1, 0, 1).squeeze_dim::<2>(1);
        let scorer = self.scorer.as_ref().expect("a network by itself has a scorer");
        let logits = scorer.forward(features.clone());
        VisionTransformerForward { tokens, features, logits }
    }

    /// The tokens of the patches as maps after each quarter of the layers, the last normalized, and the class token.
    pub(super) fn see(&self, images: Tensor<4>) -> Seen {
        let (mut tokens, [rows, columns]) = self.tokens(images);
        let [batch, _, width] = tokens.dims();
        let map = |tokens: Tensor<3>| {
            tokens.narrow(1, 1, rows * columns).swap_dims(1, 2).reshape([batch, width, rows, columns])
        };
        let count = self.layers.len();
        let mut maps = Vec::with_capacity(4);
        for (number, layer) in self.layers.iter().enumerate() {
            tokens = layer.forward(tokens);
            if number + 1 < count && Self::ends_a_quarter(number, count) {
                maps.push(map(tokens.clone()));
            }
        }
        let tokens = self.norm.forward(tokens);
        maps.push(map(tokens.clone()));
        Seen { maps, class_token: Some(tokens.narrow(1, 0, 1).squeeze_dim::<2>(1)) }
    }

    /// Whether a layer of so many, counted from 0, is the last of a quarter of them.
    pub(crate) fn ends_a_quarter(number: usize, layers: usize) -> bool {
        (1..=4).any(|quarter| number + 1 == (quarter * layers).div_ceil(4))
    }
}

impl TransformerLayer {
    /// How much each token reads of each: `[batch, heads, tokens, tokens]`.
    fn weights(&self, tokens: Tensor<3>) -> Tensor<4> {
        let [batch, count, width] = tokens.dims();
        let of_a_head = width / self.heads;
        let all: Tensor<5> = self
            .queries_keys_values
            .forward(self.attention_norm.forward(tokens))
            .reshape([batch, count, 3, self.heads, of_a_head]);
        let all = all.permute([2, 0, 3, 1, 4]);
        let part = |at: usize| all.clone().narrow(0, at, 1).squeeze_dim::<4>(0);
        softmax(part(0).matmul(part(1).swap_dims(2, 3)) / (of_a_head as f64).sqrt(), 3)
    }
}

impl VisionTransformer {
    /// How much each token reads of each in every layer, with the rows and columns of patches.
    pub(crate) fn attention_weights(&self, input: Tensor<4>) -> (Vec<Tensor<4>>, [usize; 2]) {
        let (mut tokens, grid) = self.tokens(input);
        let mut weights = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            weights.push(layer.weights(tokens.clone()));
            tokens = layer.forward(tokens);
        }
        (weights, grid)
    }

    /// The class token and a token for each patch, with the rows and columns of patches.
    fn tokens(&self, input: Tensor<4>) -> (Tensor<3>, [usize; 2]) {
        let patches = self.patches.forward(input);
        let [batch, width, rows, columns] = patches.dims();
        let patches = patches.reshape([batch, width, rows * columns]).swap_dims(1, 2);
        let class = self.class_token.val().repeat_dim(0, batch);
        (Tensor::cat(vec![class, patches], 1) + self.positions.val(), [rows, columns])
    }
}

impl TorchNames for VisionTransformer {
    fn torch_name(&self, own: &str) -> String {
        match own.split('.').collect::<Vec<_>>()[..] {
            ["patches", leaf] => format!("patch_embed.proj.{leaf}"),
            ["class_token"] => "cls_token".to_owned(),
            ["positions"] => "pos_embed".to_owned(),
            ["layers", at, part, leaf] => {
                let part = match part {
                    "attention_norm" => "norm1",
                    "queries_keys_values" => "attn.qkv",
                    "projection" => "attn.proj",
                    "norm" => "norm2",
                    "widening" => "mlp.fc1",
                    _ => "mlp.fc2",
                };
                format!("blocks.{at}.{part}.{leaf}")
            }
            ["scorer", leaf] => format!("head.{leaf}"),
            _ => own.to_owned(),
        }
    }
}

fn norm(width: usize, device: &Device) -> LayerNorm {
    LayerNormConfig::new(width).with_epsilon(VisionTransformer::EPSILON).init(device)
}

#[cfg(test)]
mod tests {
    use super::super::{golden, learning};
    use super::*;

    fn config() -> VisionTransformerConfig {
        VisionTransformerConfig {
            side: 8,
            patch: 4,
            channels: 1,
            width: 6,
            heads: 2,
            layers: 2,
            inner: 7,
            classes: 3,
        }
    }

    fn close(found: Tensor<3>, expected: &[f32]) {
        let found = found.into_data().try_into_vec::<f32>().expect("floats");
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} for {expected}");
        }
    }

    #[test]
    fn shapes_of_every_output() {
        let device = Device::flex();
        let out = VisionTransformer::new(&config(), &device).forward(Tensor::zeros([2, 1, 8, 8], &device));
        assert_eq!(out.tokens.dims(), [2, 5, 6]);
        assert_eq!(out.features.dims(), [2, 6]);
        assert_eq!(out.logits.dims(), [2, 3]);
    }

    #[test]
    fn attention_normalization_and_perceptron_worked_on_paper() {
        let device = Device::flex();
        let linear = |weight: &[f32], bias: &[f32]| {
            let mut made = LinearConfig::new(weight.len() / bias.len(), bias.len()).init(&device);
            let shape = [weight.len() / bias.len(), bias.len()];
            made.weight = Param::from_data(burn::tensor::TensorData::new(weight.to_vec(), shape), &device);
            made.bias =
                Some(Param::from_data(burn::tensor::TensorData::new(bias.to_vec(), [bias.len()]), &device));
            made
        };
        let mut layer = TransformerLayer::new(1, 1, 1, &device);
        // Query, key and value of a token t are t ln 3, t and 4 t.
        layer.queries_keys_values = linear(&[3.0_f32.ln(), 1.0, 4.0], &[0.0; 3]);
        layer.projection = linear(&[1.0], &[0.5]);
        let tokens = Tensor::<3>::from_data([[[0.0], [1.0]]], &device);
        // Token 0 asks nothing: half of each value. Token 1 weighs them 1 to 3.
        close(layer.attend(tokens), &[2.5, 3.5]);
        // A normalization that gives 0 and 1: the same weights as matrices.
        let weights = |tokens: Tensor<3>| {
            let mut layer = layer.clone();
            layer.attention_norm = norm(2, &device);
            layer.queries_keys_values = LinearConfig::new(2, 6).init(&device);
            let mut weight = vec![0.0; 12];
            // Tokens are normalized to -1, 1: the query is the first number times ln 3, the key the second.
            weight[0] = -(3.0_f32.ln()) * 2.0_f32.sqrt();
            weight[6 + 2] = 1.0;
            layer.queries_keys_values.weight =
                Param::from_data(burn::tensor::TensorData::new(weight, [2, 6]), &device);
            layer.queries_keys_values.bias = None;
            layer.weights(tokens)
        };
        let found = weights(Tensor::<3>::from_data([[[0.0, 2.0], [1.0, 1.0]]], &device));
        // Normalized: (-1, 1) and (0, 0). The first asks with ln 3 for keys 1 and 0: 3 to 1. The second asks nothing.
        close(found.squeeze_dim::<3>(1), &[0.75, 0.25, 0.5, 0.5]);
        layer.widening = linear(&[2.0], &[-1.0]);
        layer.narrowing = linear(&[3.0], &[1.0]);
        // gelu(1) = 0.8413447 (the normal distribution's share below 1), gelu(-1) = -0.1586553
        close(layer.perceive(Tensor::from_data([[[1.0], [0.0]]], &device)), &[3.5240342, 0.5240342]);
        close(
            norm(2, &device).forward(Tensor::<3>::from_data([[[1.0, 3.0], [4.0, 4.0]]], &device)),
            &[-1.0, 1.0, 0.0, 0.0],
        );
    }

    #[test]
    fn the_number_of_weights_is_what_the_card_foretells() {
        let network = VisionTransformer::new(&config(), &Device::flex());
        assert_eq!(config().parameters(), golden::count(&network));
        // As timm counts those of vit_small_patch16_224.
        assert_eq!(VisionTransformerConfig::small_patch16_224(3, 1000).parameters(), 22_050_664);
    }

    #[test]
    fn the_gradient_of_a_layer_agrees_with_finite_differences() {
        let device = Device::flex().autodiff();
        device.seed(15);
        let layer = TransformerLayer::new(6, 2, 7, &device);
        learning::check_gradient([2, 3, 6], &device, |tokens| layer.forward(tokens));
    }

    #[test]
    fn a_card_that_asks_for_too_much_is_not_sound() {
        assert!(config().is_sound());
        assert!(VisionTransformerConfig::small_patch16_224(3, 14).is_sound());
        assert!(!VisionTransformerConfig { heads: 4, ..config() }.is_sound());
        assert!(!VisionTransformerConfig { patch: 0, ..config() }.is_sound());
        assert!(!VisionTransformerConfig { side: 9, ..config() }.is_sound());
        assert!(!VisionTransformerConfig { width: 1024, inner: 4096, layers: 24, ..config() }.is_sound());
    }
}
