mod encoder;
mod parts;

pub use encoder::Encoder;
pub(super) use parts::{Scores, Tokens, feature_maps, taps};

use burn::module::{Module, Param};
use burn::nn::attention::MhaInput;
use burn::nn::transformer::{
    TransformerDecoder, TransformerDecoderConfig, TransformerEncoder, TransformerEncoderConfig,
};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Tensor};
use burn_store::{ApplyError, ModuleSnapshot, SafetensorsStore};
use serde::{Deserialize, Serialize};

use crate::kernels::encode_layer;

use super::{Backbone, Recurrent, RecurrentCell, RecurrentConfig, SequencePooling, VolumeBackbone};

/// The recurrent network over the slices of a volume; stands on the model's card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SliceMemory {
    /// What remembers.
    pub cell: RecurrentCell,
    /// Length of the state in each direction.
    pub hidden: usize,
}

/// Sizes of a [`Classifier`]; stands on the model's card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifierConfig {
    /// Channels of the CNN's stages.
    pub widths: Vec<usize>,
    /// Stride of the stem: 1 for small images, 2 otherwise.
    pub stem_stride: usize,
    /// Columns and rows of the input (it is square).
    pub side: usize,
    /// Slices of the input, each read by the CNN; 1 is a flat image.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub slices: usize,
    /// Whether the CNN convolves across the slices too and halves them as it does columns and rows; otherwise it reads
    /// each slice for itself.
    #[serde(default, skip_serializing_if = "is_false")]
    pub volumetric: bool,
    /// What reads the slices' feature vectors in order, forward and backward; without it the Transformer has
    /// them alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrent: Option<SliceMemory>,
    /// Length of the named feature vector.
    pub features: usize,
    /// Width of the Transformer.
    pub model_width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Encoder layers; with 0 the tokens stay as they are.
    pub encoder_layers: usize,
    /// Decoder layers; with 0 each label's scorer reads the token of the feature vector.
    pub decoder_layers: usize,
    /// Labels, one query each.
    pub labels: usize,
}

const fn one() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_one(slices: &usize) -> bool {
    *slices == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(yes: &bool) -> bool {
    !*yes
}

impl ClassifierConfig {
    /// Side of the last feature map.
    pub fn token_side(&self) -> usize {
        self.halved(self.side)
    }

    /// Places of the last feature map; of slices that are read one by one, their number.
    pub(super) fn places(&self) -> usize {
        let places = self.token_side() * self.token_side();
        match self.slices {
            1 => places,
            slices if self.volumetric => self.halved(slices) * places,
            slices => slices,
        }
    }

    /// Length of what becomes a token: a place's channels, a slice's feature vector or what is remembered at it.
    pub(super) fn token_length(&self) -> usize {
        match self.recurrent {
            Some(memory) => 2 * memory.hidden,
            None if self.slices == 1 || self.volumetric => self.widths.last().copied().unwrap_or(1),
            None => self.features,
        }
    }

    /// Sizes of what reads the slices' feature vectors.
    pub(super) fn recurrent_config(&self) -> Option<RecurrentConfig> {
        self.recurrent.map(|memory| RecurrentConfig {
            cell: memory.cell,
            features: self.features,
            hidden: memory.hidden,
            layers: 1,
            pooling: SequencePooling::Mean,
            classes: 1,
        })
    }

    /// What is left of an axis in the last feature map.
    fn halved(&self, length: usize) -> usize {
        (1..self.widths.len()).fold(length.div_ceil(self.stem_stride), |length, _| length.div_ceil(2))
    }

    /// Numbers in the greatest feature map of one input.
    fn greatest_map(&self) -> usize {
        let mut side = self.side.div_ceil(self.stem_stride);
        let mut slices = if self.volumetric { self.slices.div_ceil(self.stem_stride) } else { self.slices };
        let mut most = 0;
        for width in &self.widths {
            most = most.max(slices * width * side * side);
            side = side.div_ceil(2);
            slices = if self.volumetric { slices.div_ceil(2) } else { slices };
        }
        most
    }

    /// Whether the sizes make a network, and one that a hostile card cannot blow up memory with.
    pub fn is_sound(&self) -> bool {
        let within = |value: usize, most: usize| (1..=most).contains(&value);
        within(self.widths.len(), 6)
            && self.widths.iter().all(|width| within(*width, 1024))
            && within(self.stem_stride, 2)
            && within(self.side, 1024)
            && within(self.features, 4096)
            && within(self.model_width, 1024)
            && within(self.heads, 32)
            && self.model_width.is_multiple_of(self.heads)
            && self.encoder_layers <= 12
            && self.decoder_layers <= 12
            && within(self.labels, 256)
            && self.token_side() <= 64
            && within(self.slices, 1024)
            && self.greatest_map() <= 1 << 28
            && self.places() <= 4096
            && (!self.volumetric || (self.slices > 1 && self.recurrent.is_none()))
            && match self.recurrent {
                None => true,
                // Without a Transformer the labels read the feature vector, and nothing what is remembered.
                Some(memory) => {
                    self.slices > 1
                        && within(memory.hidden, 1024)
                        && self.encoder_layers + self.decoder_layers > 0
                }
            }
    }
}

/// What a forward pass gives.
#[derive(Debug)]
pub struct Forward {
    /// `[batch, labels]`
    pub logits: Tensor<2>,
    /// The CNN feature vector, `[batch, features]`
    pub features: Tensor<2>,
    /// What the outlier detector looks at: mean and deviation of each channel, for each stage,
    /// `[batch, 2 * width]`
    pub taps: Vec<Tensor<2>>,
}

/// Who attended to whom between the last feature map and the logits.
pub(crate) struct Attention {
    /// Among the tokens in each encoder layer, `[batch, heads, tokens, tokens]`.
    pub among: Vec<Tensor<4>>,
    /// Of each label's query in each decoder layer, `[batch, heads, labels, tokens]`.
    pub of_labels: Vec<Tensor<4>>,
    /// What the queries read at the end, `[batch, labels, width]`: shown to be what `head` scores.
    #[cfg_attr(not(test), expect(dead_code, reason = "the test compares it with what the head reads"))]
    pub read: Tensor<3>,
}

/// CNN features into a Transformer encoder-decoder: one token a place of the last feature map and
/// one for the feature vector; in the decoder one learned query a label, read by its own scorer.
///
/// Of a volume the CNN reads every slice; a recurrent network reads the slices' feature vectors in both
/// directions, and the tokens are the slices. The volume's feature vector is the mean of its slices'. A volumetric CNN
/// reads the volume as one, and its places are the tokens.
///
/// # Shapes
/// `[batch, slices, side, side]` to `[batch, labels]` logits; a flat image has one slice.
///
/// # Source
/// Vaswani et al. 2017, arXiv:1706.03762; label queries after Carion et al. 2020 and Liu et al.
/// 2021, arXiv:2107.10834
#[derive(Module, Debug)]
pub struct Classifier {
    /// Reads images, or each slice; this or the other is there.
    pub(crate) backbone: Option<Backbone>,
    /// Reads volumes as one.
    pub(crate) volume_backbone: Option<VolumeBackbone>,
    pub(crate) feature: Linear,
    pub(crate) feature_token: Linear,
    pub(crate) recurrent: Option<Recurrent>,
    pub(crate) token: Linear,
    pub(crate) position: Param<Tensor<3>>,
    pub(crate) encoder: TransformerEncoder,
    pub(crate) queries: Param<Tensor<3>>,
    pub(crate) decoder: TransformerDecoder,
    pub(crate) norm: LayerNorm,
    pub(crate) scorer: Param<Tensor<3>>,
    pub(crate) bias: Param<Tensor<2>>,
}

impl Classifier {
    /// A network with the weights of a safetensors file.
    ///
    /// # Errors
    /// The first tensor that does not fit.
    pub fn load(config: &ClassifierConfig, weights: Vec<u8>, device: &Device) -> Result<Self, String> {
        with_weights(Self::new(config, device), weights)
    }

    /// A network with random weights; the device's seed decides them.
    pub fn new(config: &ClassifierConfig, device: &Device) -> Self {
        Self::of_channels(config, 1, device)
    }

    /// The same for images of so many channels.
    pub(super) fn of_channels(config: &ClassifierConfig, channels: usize, device: &Device) -> Self {
        let last = config.widths.last().copied().unwrap_or(1);
        let width = config.model_width;
        let recurrent = config.recurrent_config();
        let random = |shape: [usize; 3], deviation: f64| random(shape, deviation, device);
        Self {
            backbone: flat_backbone(config, channels, device),
            volume_backbone: volume_backbone(config, channels, device),
            feature: LinearConfig::new(last, config.features).init(device),
            feature_token: LinearConfig::new(config.features, width).init(device),
            recurrent: recurrent.map(|recurrent| Recurrent::new(&recurrent, device)),
            token: LinearConfig::new(config.token_length(), width).init(device),
            position: random([1, 1 + config.places(), width], 0.02),
            encoder: TransformerEncoderConfig::new(width, 2 * width, config.heads, config.encoder_layers)
                .with_norm_first(true)
                .init(device),
            queries: random([1, config.labels, width], 0.5),
            decoder: TransformerDecoderConfig::new(width, 2 * width, config.heads, config.decoder_layers)
                .with_norm_first(true)
                .init(device),
            norm: LayerNormConfig::new(width).init(device),
            scorer: random([1, config.labels, width], 1.0 / (width as f64).sqrt()),
            bias: Param::from_tensor(Tensor::<2>::zeros([1, config.labels], device)),
        }
    }

    /// How many labels it scores.
    pub(super) fn labels(&self) -> usize {
        self.bias.dims()[1]
    }

    /// The feature maps of every stage, shallowest first; those of a volume's slices one after another. The slices of
    /// a volumetric network's maps stand one below the other, as rows.
    ///
    /// # Shapes
    /// `[batch, slices, side, side]` to `[batch * slices, channels, rows, columns]`, of a volumetric network to
    /// `[batch, channels, slices * rows, columns]`.
    pub fn feature_maps(&self, input: Tensor<4>) -> Vec<Tensor<4>> {
        self.feature_maps_of_channels(input.unsqueeze_dim::<5>(1))
    }

    /// The same of images of several channels, `[batch, channels, slices, side, side]`.
    pub(super) fn feature_maps_of_channels(&self, input: Tensor<5>) -> Vec<Tensor<4>> {
        feature_maps(self.backbone.as_ref(), self.volume_backbone.as_ref(), input)
    }

    /// From the last feature map of flat images to logits and the feature vector.
    pub fn head(&self, map: Tensor<4>) -> (Tensor<2>, Tensor<2>) {
        self.head_of_slices(map, 1)
    }

    /// From the last feature maps of volumes to logits and the feature vector.
    ///
    /// # Shapes
    /// `[batch * slices, channels, rows, columns]` to `[batch, labels]` and `[batch, features]`.
    pub fn head_of_slices(&self, map: Tensor<4>, slices: usize) -> (Tensor<2>, Tensor<2>) {
        let (tokens, features) = self.tokens().of_map(map, slices);
        (self.scores().of_tokens(tokens), features)
    }

    /// The feature vector of the last feature map of flat images.
    pub(crate) fn features_of_map(&self, map: Tensor<4>) -> Tensor<2> {
        self.tokens().features(map)
    }

    /// The logits of a feature vector beside the last feature map of flat images.
    pub(crate) fn logits_of_features(&self, features: Tensor<2>, map: Tensor<4>) -> Tensor<2> {
        self.scores().of_tokens(self.tokens().of_features(features, map))
    }

    fn tokens(&self) -> Tokens<'_> {
        Tokens {
            feature: &self.feature,
            feature_token: &self.feature_token,
            recurrent: self.recurrent.as_ref(),
            token: &self.token,
            position: self.position.val(),
        }
    }

    fn scores(&self) -> Scores<'_> {
        Scores {
            encoder: &self.encoder,
            queries: self.queries.val(),
            decoder: &self.decoder,
            norm: &self.norm,
            scorer: self.scorer.val(),
            bias: self.bias.val(),
        }
    }

    /// The last feature map that follows from the map of a stage, counted from 0; of a network of flat images.
    pub(crate) fn last_map(&self, map: Tensor<4>, stage: usize) -> Tensor<4> {
        self.backbone.as_ref().expect("volumetric networks are not asked").after(map, stage)
    }

    /// Attention on the way from the last feature map to the logits: among the tokens in each encoder layer, then of
    /// each label's query in each decoder layer.
    ///
    /// This is [`head`](Self::head) once more, layer by layer, as it predicts (without dropout): burn's layers keep
    /// their attention to themselves.
    pub(crate) fn attention_of_map(&self, map: Tensor<4>) -> Attention {
        let [batch, channels, rows, columns] = map.dims();
        let pooled = map.clone().mean_dim(3).mean_dim(2).reshape([batch, channels]);
        let features = relu(self.feature.forward(pooled));
        let places = map.reshape([batch, channels, rows * columns]).swap_dims(1, 2);
        let summary = self.feature_token.forward(features).unsqueeze_dim::<3>(1);
        let mut tokens = Tensor::cat(vec![summary, self.token.forward(places)], 1) + self.position.val();
        let mut among = Vec::with_capacity(self.encoder.layers.len());
        for layer in &self.encoder.layers {
            // Normalized first, as the network was made.
            let normalized = layer.norm_2.forward(tokens.clone());
            among.push(layer.mha.forward(MhaInput::self_attn(normalized)).weights);
            tokens = encode_layer(layer, tokens);
        }
        let mut target = self.queries.val().repeat_dim(0, batch);
        let mut of_labels = Vec::with_capacity(self.decoder.layers.len());
        for layer in &self.decoder.layers {
            let normalized = layer.norm_3.forward(target.clone());
            let asked = target + layer.self_attn.forward(MhaInput::self_attn(normalized)).context;
            let query = layer.norm_1.forward(asked.clone());
            let read = layer.cross_attn.forward(MhaInput::new(query, tokens.clone(), tokens.clone()));
            of_labels.push(read.weights);
            let sum = asked + read.context;
            target = sum.clone() + layer.pwff.forward(layer.norm_2.forward(sum));
        }
        Attention { among, of_labels, read: target }
    }

    /// The whole pass.
    pub fn forward(&self, input: Tensor<4>) -> Forward {
        self.forward_channels(input.unsqueeze_dim::<5>(1))
    }

    /// The whole pass over images of several channels, `[batch, channels, slices, side, side]`.
    pub(super) fn forward_channels(&self, input: Tensor<5>) -> Forward {
        let [_, _, slices, _, _] = input.dims();
        let slices = if self.volume_backbone.is_some() { 1 } else { slices };
        let maps = self.feature_maps_of_channels(input);
        let taps = taps(&maps, slices);
        let last = maps.into_iter().next_back().expect("a backbone has at least one stage");
        let (logits, features) = self.head_of_slices(last, slices);
        Forward { logits, features, taps }
    }
}

/// A network with the weights of a safetensors file in the place of its own.
pub(super) fn with_weights<M: Module + ModuleSnapshot>(
    mut network: M,
    weights: Vec<u8>,
) -> Result<M, String> {
    // What does not fit is told by its first tensor: the store's own words are a list of all.
    let mut store = SafetensorsStore::from_bytes(Some(weights)).validate(false).allow_partial(true);
    let result = network.load_from(&mut store).map_err(|error| error.to_string())?;
    if let Some((missing, _)) = result.missing.first() {
        return Err(format!("{missing} is missing in the file"));
    }
    match result.errors.first() {
        Some(error) => Err(misfit(error)),
        None => Ok(network.valid()),
    }
}

/// What does not fit, in words.
pub(super) fn misfit(error: &ApplyError) -> String {
    match error {
        ApplyError::ShapeMismatch { path, expected, found } => {
            format!("{path} has the shape {:?} in the file, {:?} in the network", &found[..], &expected[..])
        }
        other => other.to_string(),
    }
}

/// A parameter of normal numbers about 0.
pub(super) fn random(shape: [usize; 3], deviation: f64, device: &Device) -> Param<Tensor<3>> {
    Param::from_tensor(Tensor::<3>::random(shape, Distribution::Normal(0.0, deviation), device))
}

/// The CNN of networks that read images, or slices one by one.
pub(super) fn flat_backbone(config: &ClassifierConfig, channels: usize, device: &Device) -> Option<Backbone> {
    (!config.volumetric).then(|| Backbone::of_channels(channels, &config.widths, config.stem_stride, device))
}

/// The CNN of networks that read volumes as one.
pub(super) fn volume_backbone(
    config: &ClassifierConfig,
    channels: usize,
    device: &Device,
) -> Option<VolumeBackbone> {
    config
        .volumetric
        .then(|| VolumeBackbone::of_channels(channels, &config.widths, config.stem_stride, device))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn config() -> ClassifierConfig {
        ClassifierConfig {
            widths: vec![4, 8],
            stem_stride: 1,
            side: 8,
            slices: 1,
            volumetric: false,
            recurrent: None,
            features: 10,
            model_width: 8,
            heads: 2,
            encoder_layers: 1,
            decoder_layers: 1,
            labels: 3,
        }
    }

    fn scalar(tensor: Tensor<1>) -> f32 {
        tensor.into_data().try_to_vec::<f32>().expect("floats")[0]
    }

    #[test]
    fn shapes_of_every_named_output() {
        let device = Device::flex();
        let out = Classifier::new(&config(), &device).forward(Tensor::zeros([2, 1, 8, 8], &device));
        assert_eq!(out.logits.dims(), [2, 3]);
        assert_eq!(out.features.dims(), [2, 10]);
        assert_eq!(out.taps.iter().map(Tensor::dims).collect::<Vec<[usize; 2]>>(), [[2, 8], [2, 16]]);
    }

    #[test]
    fn a_volume_is_read_slice_by_slice_and_its_vectors_are_means() {
        let device = Device::flex();
        device.seed(9);
        let memory = SliceMemory { cell: RecurrentCell::Gru, hidden: 6 };
        for recurrent in [None, Some(memory)] {
            let config = ClassifierConfig { slices: 5, recurrent, ..config() };
            assert!(config.is_sound());
            let network = Classifier::new(&config, &device);
            let volumes = Tensor::<4>::random([2, 5, 8, 8], Distribution::Normal(0.0, 1.0), &device);
            let out = network.forward(volumes.clone());
            assert_eq!((out.logits.dims(), out.features.dims()), ([2, 3], [2, 10]));
            assert_eq!(out.taps.iter().map(Tensor::dims).collect::<Vec<[usize; 2]>>(), [[2, 8], [2, 16]]);
            // The slices in another order have the same means, and other logits: their order counts.
            let turned = network.forward(volumes.clone().flip([1]));
            let far = |a: Tensor<2>, b: Tensor<2>| scalar((a - b).abs().max());
            assert!(far(out.features.clone(), turned.features) < 1e-5);
            assert!(far(out.taps[1].clone(), turned.taps[1].clone()) < 1e-5);
            assert!(far(out.logits.clone(), turned.logits) > 1e-4);
            // A volume's logits do not depend on its neighbors in the batch.
            let alone = network.forward(volumes.narrow(0, 1, 1));
            assert!(far(out.logits.narrow(0, 1, 1), alone.logits) < 1e-5);
        }
        let flat = ClassifierConfig { recurrent: Some(memory), ..config() };
        assert!(!flat.is_sound(), "a flat image has nothing to remember");
        let unread = ClassifierConfig { encoder_layers: 0, decoder_layers: 0, slices: 5, ..flat };
        assert!(!unread.is_sound(), "nothing would read what is remembered");
    }

    #[test]
    fn a_volumetric_network_halves_the_slices_too_and_reads_places() {
        let device = Device::flex();
        device.seed(12);
        let config = ClassifierConfig { slices: 6, volumetric: true, ..config() };
        assert!(config.is_sound());
        assert_eq!(config.places(), 3 * 4 * 4);
        let network = Classifier::new(&config, &device);
        let volumes = Tensor::<4>::random([2, 6, 8, 8], Distribution::Normal(0.0, 1.0), &device);
        let maps = network.feature_maps(volumes.clone());
        assert_eq!(
            maps.iter().map(Tensor::dims).collect::<Vec<[usize; 4]>>(),
            [[2, 4, 48, 8], [2, 8, 12, 4]]
        );
        let out = network.forward(volumes.clone());
        assert_eq!((out.logits.dims(), out.features.dims()), ([2, 3], [2, 10]));
        assert_eq!(out.taps.iter().map(Tensor::dims).collect::<Vec<[usize; 2]>>(), [[2, 8], [2, 16]]);
        let far = |a: Tensor<2>, b: Tensor<2>| scalar((a - b).abs().max());
        // What is beside a slice matters to what is made of it, unlike where slices are read one by one.
        let turned = network.forward(volumes.clone().flip([1]));
        assert!(far(out.features.clone(), turned.features) > 1e-4);
        let alone = network.forward(volumes.narrow(0, 1, 1));
        assert!(far(out.logits.narrow(0, 1, 1), alone.logits) < 1e-5);
        let memory = Some(SliceMemory { cell: RecurrentCell::Gru, hidden: 6 });
        assert!(
            !ClassifierConfig { recurrent: memory, ..config.clone() }.is_sound(),
            "there are no slices left"
        );
        assert!(!ClassifierConfig { slices: 1, ..config }.is_sound(), "a flat image is no volume");
    }

    #[test]
    fn without_a_transformer_the_labels_are_read_from_the_feature_vector_alone() {
        let device = Device::flex();
        let plain = ClassifierConfig { encoder_layers: 0, decoder_layers: 0, ..config() };
        assert!(plain.is_sound());
        let network = Classifier::new(&plain, &device);
        let map = Tensor::<4>::random([2, 8, 4, 4], Distribution::Normal(0.0, 1.0), &device);
        let (logits, features) = network.head(map.clone());
        assert_eq!(logits.dims(), [2, 3]);
        // Places in another order have the same mean, and so the same feature vector and logits.
        let (other, same) = network.head(map.flip([2, 3]));
        let near = |a: Tensor<2>, b: Tensor<2>| scalar((a - b).abs().max()) < 1e-5;
        assert!(near(features, same) && near(logits, other));
    }

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let plain = Device::flex();
        plain.seed(5);
        let device = plain.clone().autodiff();
        let network = Classifier::new(&config(), &device);
        let map = Tensor::<4>::random([1, 8, 4, 4], Distribution::Normal(0.0, 1.0), &plain);
        let evaluate = network.valid();
        let score = |map: Tensor<4>| scalar(evaluate.head(map).0.slice([0..1, 1..2]).reshape([1]));
        // Dropout is off in `valid`, so the graph must be made of the same function.
        let traced = Tensor::<4>::from_data(map.to_data(), &device).require_grad();
        let trained = evaluate.clone().fork(&device).no_grad();
        let output = trained.valid().fork(&device).head(traced.clone()).0.slice([0..1, 1..2]).sum();
        let gradient = traced
            .grad(&output.backward())
            .expect("a gradient")
            .into_data()
            .try_to_vec::<f32>()
            .expect("floats");
        let values = map.to_data().try_to_vec::<f32>().expect("floats");
        let step = 1e-2_f32;
        for place in [0, 17, 63, 127] {
            let shifted = |by: f32| {
                let mut moved = values.clone();
                moved[place] += by;
                score(Tensor::from_data(burn::tensor::TensorData::new(moved, [1, 8, 4, 4]), &plain))
            };
            let numeric = (shifted(step) - shifted(-step)) / (2.0 * step);
            assert!(
                (numeric - gradient[place]).abs() < 2e-3 + 0.03 * numeric.abs(),
                "place {place}: {numeric} by differences, {} by autodiff",
                gradient[place]
            );
        }
    }

    #[test]
    fn attention_is_followed_along_the_way_that_the_head_takes() {
        let device = Device::flex();
        device.seed(6);
        let config = ClassifierConfig { encoder_layers: 2, decoder_layers: 2, ..config() };
        let network = Classifier::new(&config, &device);
        let map = Tensor::<4>::random([2, 8, 4, 4], Distribution::Normal(0.0, 1.0), &device);
        let read = network.norm.forward(network.attention_of_map(map.clone()).read);
        let logits = (read * network.scorer.val()).sum_dim(2).reshape([2, 3]) + network.bias.val();
        // The layers that tell their attention are burn's, and add in another order.
        assert!(scalar((logits - network.head(map).0).abs().max()) < 1e-5);
    }

    #[test]
    fn a_card_that_asks_for_too_much_is_not_sound() {
        assert!(config().is_sound());
        assert!(!ClassifierConfig { widths: vec![1 << 40], ..config() }.is_sound());
        assert!(!ClassifierConfig { heads: 3, ..config() }.is_sound());
        assert!(!ClassifierConfig { side: 0, ..config() }.is_sound());
        let vast =
            ClassifierConfig { slices: 1024, side: 1024, stem_stride: 2, widths: vec![1024; 6], ..config() };
        assert!(!vast.is_sound());
    }
}
