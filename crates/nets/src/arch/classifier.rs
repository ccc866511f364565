mod config;
mod encoder;
mod parts;
mod volumes;

pub use config::{ClassifierConfig, HeadKind, SliceMemory};
pub use encoder::Encoder;
pub(crate) use parts::{Scores, Tokens};
pub(super) use parts::{feature_maps, taps};

use burn::module::{Module, Param};
use burn::nn::attention::MhaInput;
use burn::nn::transformer::{
    TransformerDecoder, TransformerDecoderConfig, TransformerEncoder, TransformerEncoderConfig,
};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{DType, Device, Distribution, Tensor};
use burn_store::{ApplyError, FloatCastAdapter, ModuleSnapshot, SafetensorsStore};

use crate::kernels::encode_layer;

use super::trunk::{Seen, Trunk, tapped};
use super::{Backbone, Recurrent, VolumeBackbone};

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
    /// Reads either in their place; with a linear head it is all there is.
    pub(crate) trunk: Option<Trunk>,
    pub(crate) feature: Option<Linear>,
    pub(crate) feature_token: Option<Linear>,
    pub(crate) recurrent: Option<Recurrent>,
    pub(crate) token: Option<Linear>,
    pub(crate) position: Option<Param<Tensor<3>>>,
    pub(crate) encoder: Option<TransformerEncoder>,
    pub(crate) queries: Option<Param<Tensor<3>>>,
    pub(crate) decoder: Option<TransformerDecoder>,
    pub(crate) norm: Option<LayerNorm>,
    pub(crate) scorer: Option<Param<Tensor<3>>>,
    pub(crate) bias: Option<Param<Tensor<2>>>,
    /// How many labels it scores.
    pub(crate) labels: usize,
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
        let is_transformer = config.head == HeadKind::Transformer;
        let width = config.model_width;
        let linear = |input: usize, output: usize| {
            is_transformer.then(|| LinearConfig::new(input, output).init(device))
        };
        let random =
            |shape: [usize; 3], deviation: f64| is_transformer.then(|| random(shape, deviation, device));
        let backbone = flat_backbone(config, channels, device);
        let volume_backbone = volume_backbone(config, channels, device);
        let trunk = Trunk::of(config, device);
        let recurrent = config.recurrent_config();
        Self {
            backbone,
            volume_backbone,
            trunk,
            feature: linear(config.last_width(), config.features),
            feature_token: linear(config.features, width),
            recurrent: recurrent.map(|recurrent| Recurrent::new(&recurrent, device)),
            token: linear(config.token_length(), width),
            position: random([1, 1 + config.places(), width], 0.02),
            encoder: is_transformer.then(|| {
                TransformerEncoderConfig::new(width, 2 * width, config.heads, config.encoder_layers)
                    .with_norm_first(true)
                    .init(device)
            }),
            queries: random([1, config.labels, width], 0.5),
            decoder: is_transformer.then(|| {
                TransformerDecoderConfig::new(width, 2 * width, config.heads, config.decoder_layers)
                    .with_norm_first(true)
                    .init(device)
            }),
            norm: is_transformer.then(|| LayerNormConfig::new(width).init(device)),
            scorer: random([1, config.labels, width], 1.0 / (width.max(1) as f64).sqrt()),
            bias: is_transformer.then(|| Param::from_tensor(Tensor::<2>::zeros([1, config.labels], device))),
            labels: config.labels,
        }
    }

    /// The same with the first stages of an EfficientNet left as they are in training: 1 is its stem, each further one a
    /// stage, 7 all of it.
    #[must_use]
    pub fn with_fixed_stages(self, fixed: usize) -> Self {
        Self { trunk: self.trunk.map(|trunk| trunk.with_fixed(fixed)), ..self }
    }

    /// How many labels it scores.
    pub(super) const fn labels(&self) -> usize {
        self.labels
    }

    /// How often the maps of one input stand one after another: its slices, where they are read one by one.
    fn slices_apart(&self, slices: usize) -> usize {
        let is_read_as_one =
            self.volume_backbone.is_some() || self.trunk.as_ref().is_some_and(Trunk::is_volumetric);
        if is_read_as_one { 1 } else { slices }
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
        self.see(input).maps
    }

    fn see(&self, input: Tensor<5>) -> Seen {
        match &self.trunk {
            Some(trunk) => trunk.see(input),
            None => {
                let maps = feature_maps(self.backbone.as_ref(), self.volume_backbone.as_ref(), input);
                Seen { maps, class_token: None }
            }
        }
    }

    /// Whether the last feature map alone decides the logits: not where a linear head reads a class token beside it.
    pub(crate) fn reads_its_map(&self) -> bool {
        let is_vision_transformer =
            self.trunk.as_ref().is_some_and(|trunk| trunk.vision_transformer.is_some());
        !(is_vision_transformer && self.scorer.is_none())
    }

    /// Whether tokens attend to each other on the way to its logits.
    pub(crate) fn attends(&self) -> bool {
        self.parts().is_some() || !self.has_stages()
    }

    /// Whether its maps of every stage lead to its logits, as those of convolutional networks do.
    pub(crate) fn has_stages(&self) -> bool {
        self.trunk.as_ref().is_none_or(|trunk| trunk.vision_transformer.is_none())
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
        self.score(map, None, slices)
    }

    fn score(
        &self,
        last: Tensor<4>,
        class_token: Option<Tensor<2>>,
        slices: usize,
    ) -> (Tensor<2>, Tensor<2>) {
        match self.parts() {
            Some((tokens, scores)) => {
                let (tokens, features) = tokens.of_map(last, slices);
                (scores.of_tokens(tokens), features)
            }
            None => self.linear().score(last, class_token),
        }
    }

    /// The feature vector of the last feature map of flat images.
    pub(crate) fn features_of_map(&self, map: Tensor<4>) -> Tensor<2> {
        match self.parts() {
            Some((tokens, _)) => tokens.features(map),
            None => self.linear().features(map, None),
        }
    }

    /// The logits of a feature vector beside the last feature map of flat images.
    pub(crate) fn logits_of_features(&self, features: Tensor<2>, map: Tensor<4>) -> Tensor<2> {
        match self.parts() {
            Some((tokens, scores)) => scores.of_tokens(tokens.of_features(features, map)),
            None => self.linear().logits_of_features(features),
        }
    }

    fn linear(&self) -> &Trunk {
        self.trunk.as_ref().expect("a network without a Transformer has a trunk with a head")
    }

    /// What makes tokens of the last feature map and logits of tokens; `None` with a linear head.
    pub(crate) fn parts(&self) -> Option<(Tokens<'_>, Scores<'_>)> {
        let tokens = Tokens {
            feature: self.feature.as_ref()?,
            feature_token: self.feature_token.as_ref()?,
            recurrent: self.recurrent.as_ref(),
            token: self.token.as_ref()?,
            position: self.position.as_ref()?.val(),
        };
        let scores = Scores {
            encoder: self.encoder.as_ref()?,
            queries: self.queries.as_ref()?.val(),
            decoder: self.decoder.as_ref()?,
            norm: self.norm.as_ref()?,
            scorer: self.scorer.as_ref()?.val(),
            bias: self.bias.as_ref()?.val(),
        };
        Some((tokens, scores))
    }

    /// The last feature map that follows from the map of a stage, counted from 0; of a network of flat images.
    pub(crate) fn last_map(&self, map: Tensor<4>, stage: usize) -> Tensor<4> {
        match (&self.trunk, &self.backbone) {
            (Some(trunk), _) => trunk.after(map, stage),
            (None, Some(backbone)) => backbone.after(map, stage),
            (None, None) => unreachable!("volumetric networks are not asked"),
        }
    }

    /// Attention on the way from the last feature map to the logits: among the tokens in each encoder layer, then of
    /// each label's query in each decoder layer.
    ///
    /// This is [`head`](Self::head) once more, layer by layer, as it predicts (without dropout): burn's layers keep
    /// their attention to themselves. `None` with a linear head.
    pub(crate) fn attention_of_map(&self, map: Tensor<4>) -> Option<Attention> {
        let (parts, scores) = self.parts()?;
        let batch = map.dims()[0];
        let features = parts.features(map.clone());
        let mut tokens = parts.of_features(features, map);
        let mut among = Vec::with_capacity(scores.encoder.layers.len());
        for layer in &scores.encoder.layers {
            // Normalized first, as the network was made.
            let normalized = layer.norm_2.forward(tokens.clone());
            among.push(layer.mha.forward(MhaInput::self_attn(normalized)).weights);
            tokens = encode_layer(layer, tokens);
        }
        let mut target = scores.queries.repeat_dim(0, batch);
        let mut of_labels = Vec::with_capacity(scores.decoder.layers.len());
        for layer in &scores.decoder.layers {
            let normalized = layer.norm_3.forward(target.clone());
            let asked = target + layer.self_attn.forward(MhaInput::self_attn(normalized)).context;
            let query = layer.norm_1.forward(asked.clone());
            let read = layer.cross_attn.forward(MhaInput::new(query, tokens.clone(), tokens.clone()));
            of_labels.push(read.weights);
            let sum = asked + read.context;
            target = sum.clone() + layer.pwff.forward(layer.norm_2.forward(sum));
        }
        Some(Attention { among, of_labels, read: target })
    }

    /// The attention among the tokens of a vision transformer that reads flat images, with the rows and columns of its
    /// patches; `None` of convolutional networks.
    pub(crate) fn attention_in_trunk(&self, input: Tensor<4>) -> Option<(Vec<Tensor<4>>, [usize; 2])> {
        self.trunk.as_ref()?.attention(input)
    }

    /// The whole pass.
    pub fn forward(&self, input: Tensor<4>) -> Forward {
        self.forward_channels(input.unsqueeze_dim::<5>(1))
    }

    /// The whole pass over images of several channels, `[batch, channels, slices, side, side]`.
    pub(crate) fn forward_channels(&self, input: Tensor<5>) -> Forward {
        let slices = self.slices_apart(input.dims()[2]);
        let Seen { maps, class_token } = self.see(input);
        let taps = match &self.trunk {
            Some(_) => taps(&maps.iter().map(tapped).collect::<Vec<_>>(), slices),
            None => taps(&maps, slices),
        };
        let last = maps.into_iter().next_back().expect("a backbone has at least one stage");
        let (logits, features) = self.score(last, class_token, slices);
        Forward { logits, features, taps }
    }
}

/// A network with the weights of a safetensors file in the place of its own.
pub(super) fn with_weights<M: Module + ModuleSnapshot>(
    mut network: M,
    weights: Vec<u8>,
) -> Result<M, String> {
    // What does not fit is told by its first tensor: the store's own words are a list of all.
    let mut store = SafetensorsStore::from_bytes(Some(weights))
        .validate(false)
        .allow_partial(true)
        .with_from_adapter(FloatCastAdapter::to(DType::F32));
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
    (!config.volumetric && config.cnn.is_none())
        .then(|| Backbone::of_channels(channels, &config.widths, config.stem_stride, device))
}

/// The CNN of networks that read volumes as one.
pub(super) fn volume_backbone(
    config: &ClassifierConfig,
    channels: usize,
    device: &Device,
) -> Option<VolumeBackbone> {
    (config.volumetric && config.cnn.is_none())
        .then(|| VolumeBackbone::of_channels(channels, &config.widths, config.stem_stride, device))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::arch::RecurrentCell;

    pub(crate) fn config() -> ClassifierConfig {
        ClassifierConfig {
            widths: vec![4, 8],
            stem_stride: 1,
            side: 8,
            slices: 1,
            volumetric: false,
            recurrent: None,
            cnn: None,
            head: HeadKind::Transformer,
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
        let (_, scores) = network.parts().expect("a Transformer");
        let attention = network.attention_of_map(map.clone()).expect("a Transformer");
        let read = scores.norm.forward(attention.read);
        let logits = (read * scores.scorer).sum_dim(2).reshape([2, 3]) + scores.bias;
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
