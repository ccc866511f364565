use std::collections::BTreeMap;

use burn::module::{Module, Param};
use burn::nn::transformer::{
    TransformerDecoder, TransformerDecoderConfig, TransformerEncoder, TransformerEncoderConfig,
};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use super::{FusionConfig, chosen, images, rows_with};
use crate::arch::classifier::{Scores, Tokens, feature_maps, flat_backbone, random, taps, volume_backbone};
use crate::arch::{Backbone, ClassifierConfig, Recurrent, VolumeBackbone};

/// The CNN of an input, and what makes tokens of its last feature map.
#[derive(Module, Debug)]
pub struct InputReader {
    /// Reads images, or each slice; this or the other is there.
    backbone: Option<Backbone>,
    /// Reads volumes as one.
    volume_backbone: Option<VolumeBackbone>,
    feature: Linear,
    feature_token: Linear,
    recurrent: Option<Recurrent>,
    token: Linear,
    position: Param<Tensor<3>>,
}

impl InputReader {
    fn new(config: &ClassifierConfig, device: &Device) -> Self {
        let last = config.widths.last().copied().unwrap_or(1);
        let width = config.model_width;
        Self {
            backbone: flat_backbone(config, 1, device),
            volume_backbone: volume_backbone(config, 1, device),
            feature: LinearConfig::new(last, config.features).init(device),
            feature_token: LinearConfig::new(config.features, width).init(device),
            recurrent: config.recurrent_config().map(|recurrent| Recurrent::new(&recurrent, device)),
            token: LinearConfig::new(config.token_length(), width).init(device),
            position: random([1, 1 + config.places(), width], 0.02, device),
        }
    }

    /// Its maps, and how many of them stand one after another for an image.
    fn maps(&self, images: Tensor<4>) -> (Vec<Tensor<4>>, usize) {
        let slices = if self.volume_backbone.is_some() { 1 } else { images.dims()[1] };
        let images = images.unsqueeze_dim::<5>(1);
        (feature_maps(self.backbone.as_ref(), self.volume_backbone.as_ref(), images), slices)
    }

    /// `[batch, slices, side, side]` to `[batch, 1 + places, width]`
    fn tokens(&self, images: Tensor<4>) -> Tensor<3> {
        let (maps, slices) = self.maps(images);
        let last = maps.into_iter().next_back().expect("a backbone has at least one stage");
        let tokens = Tokens {
            feature: &self.feature,
            feature_token: &self.feature_token,
            recurrent: self.recurrent.as_ref(),
            token: &self.token,
            position: self.position.val(),
        };
        tokens.of_map(last, slices).0
    }
}

/// Several inputs as tokens of one Transformer encoder-decoder.
///
/// Each input has a CNN of its own, or all share one; its tokens are those of a [`Classifier`](crate::arch::Classifier),
/// and a learned vector of the input is added to each. All tokens attend to one another in the encoder, and the labels'
/// queries to all of them in the decoder. An input that is missing is not read, and its tokens are left out of the
/// attention, which is what a mask of minus infinity does: cases with the same inputs go through the Transformer together.
///
/// # Shapes
/// `[batch, inputs, slices, side, side]` to `[batch, labels]`
///
/// # Source
/// Vaswani et al. 2017, arXiv:1706.03762; one Transformer over the tokens of several inputs after Nagrani et al. 2021,
/// arXiv:2107.00135
#[derive(Module, Debug)]
pub struct CrossAttention {
    /// One an input, or one for all.
    readers: Vec<InputReader>,
    /// `[inputs, 1, width]`
    pub(super) inputs: Param<Tensor<3>>,
    pub(super) encoder: TransformerEncoder,
    pub(super) queries: Param<Tensor<3>>,
    pub(super) decoder: TransformerDecoder,
    pub(super) norm: LayerNorm,
    pub(super) scorer: Param<Tensor<3>>,
    pub(super) bias: Param<Tensor<2>>,
}

impl CrossAttention {
    pub(super) fn new(config: &FusionConfig, device: &Device) -> Self {
        let FusionConfig { inputs, shared, ref network, .. } = *config;
        let (width, heads, labels) = (network.model_width, network.heads, network.labels);
        Self {
            readers: (0..if shared { 1 } else { inputs })
                .map(|_| InputReader::new(network, device))
                .collect(),
            inputs: random([inputs, 1, width], 0.02, device),
            encoder: TransformerEncoderConfig::new(width, 2 * width, heads, network.encoder_layers)
                .with_norm_first(true)
                .init(device),
            queries: random([1, labels, width], 0.5, device),
            decoder: TransformerDecoderConfig::new(width, 2 * width, heads, network.decoder_layers)
                .with_norm_first(true)
                .init(device),
            norm: LayerNormConfig::new(width).init(device),
            scorer: random([1, labels, width], 1.0 / (width as f64).sqrt(), device),
            bias: Param::from_tensor(Tensor::<2>::zeros([1, labels], device)),
        }
    }

    pub(super) fn forward(&self, values: &Tensor<5>, present: &[Vec<bool>]) -> Tensor<2> {
        let rows: Vec<Vec<usize>> = (0..values.dims()[1]).map(|input| rows_with(present, input)).collect();
        let tokens = self.tokens(values, &rows);
        let scores = Scores {
            encoder: &self.encoder,
            queries: self.queries.val(),
            decoder: &self.decoder,
            norm: &self.norm,
            scorer: self.scorer.val(),
            bias: self.bias.val(),
        };
        // Cases with the same inputs, in an order that does not depend on the others.
        let mut alike: BTreeMap<&[bool], Vec<usize>> = BTreeMap::new();
        for (case, inputs) in present.iter().enumerate() {
            alike.entry(inputs).or_default().push(case);
        }
        let mut order = vec![0; present.len()];
        let (mut logits, mut done) = (Vec::with_capacity(alike.len()), 0);
        for cases in alike.values() {
            let of_inputs = tokens.iter().zip(&rows).filter_map(|(tokens, rows)| {
                let places: Option<Vec<usize>> =
                    cases.iter().map(|case| rows.binary_search(case).ok()).collect();
                Some(chosen(tokens.clone()?, &places?))
            });
            logits.push(scores.of_tokens(Tensor::cat(of_inputs.collect(), 1)));
            for case in cases {
                order[*case] = done;
                done += 1;
            }
        }
        chosen(Tensor::cat(logits, 0), &order)
    }

    /// The tokens of each input, of the cases that have it.
    pub(super) fn tokens(&self, values: &Tensor<5>, rows: &[Vec<usize>]) -> Vec<Option<Tensor<3>>> {
        let named = |tokens: Tensor<3>, input: usize| tokens + self.inputs.val().narrow(0, input, 1);
        let images = rows.iter().enumerate().map(|(input, rows)| images(values, input, rows));
        if self.readers.len() == rows.len() {
            let read = |(input, images): (usize, Option<Tensor<4>>)| {
                images.map(|images| named(self.readers[input].tokens(images), input))
            };
            return images.enumerate().map(read).collect();
        }
        // Together, so that batch normalization sees in training what it will see in use.
        let all = self.readers[0].tokens(Tensor::cat(images.flatten().collect(), 0));
        let mut start = 0;
        let part = |(input, rows): (usize, &Vec<usize>)| {
            let from = start;
            start += rows.len();
            (!rows.is_empty()).then(|| named(all.clone().narrow(0, from, rows.len()), input))
        };
        rows.iter().enumerate().map(part).collect()
    }

    pub(super) fn taps(&self, input: usize, images: Tensor<4>) -> Vec<Tensor<2>> {
        let (maps, slices) = self.readers[input.min(self.readers.len() - 1)].maps(images);
        taps(&maps, slices)
    }
}
