//! What a classifier does after its CNN, over borrowed weights: networks of one input and of several share it.

use burn::nn::transformer::{TransformerDecoder, TransformerEncoder};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::Tensor;
use burn::tensor::activation::relu;

use crate::arch::{Backbone, Recurrent, VolumeBackbone};
use crate::kernels::{decode, encode};

/// What makes tokens of the last feature map.
pub(crate) struct Tokens<'a> {
    pub feature: &'a Linear,
    pub feature_token: &'a Linear,
    pub recurrent: Option<&'a Recurrent>,
    pub token: &'a Linear,
    /// `[1, 1 + places, width]`
    pub position: Tensor<3>,
}

impl Tokens<'_> {
    /// One token for the feature vector and one a place, and the feature vectors.
    ///
    /// # Shapes
    /// `[batch * slices, channels, rows, columns]` to `[batch, 1 + places, width]` and `[batch, features]`.
    pub fn of_map(&self, map: Tensor<4>, slices: usize) -> (Tensor<3>, Tensor<2>) {
        let batch = map.dims()[0] / slices;
        let features = self.features(map.clone());
        if slices == 1 {
            return (self.of_features(features.clone(), map), features);
        }
        let [_, length] = features.dims();
        let sequence = features.reshape([batch, slices, length]);
        let features = sequence.clone().mean_dim(1).reshape([batch, length]);
        let places = match self.recurrent {
            Some(recurrent) => recurrent.forward(sequence, &vec![slices; batch]).states,
            None => sequence,
        };
        (self.tokens(features.clone(), places), features)
    }

    /// The feature vector of each map: `[images, channels, rows, columns]` to `[images, features]`.
    pub fn features(&self, map: Tensor<4>) -> Tensor<2> {
        let [images, channels, _, _] = map.dims();
        relu(self.feature.forward(map.mean_dim(3).mean_dim(2).reshape([images, channels])))
    }

    /// The tokens of flat images: one for the feature vector and one a place of the map.
    pub fn of_features(&self, features: Tensor<2>, map: Tensor<4>) -> Tensor<3> {
        let [batch, channels, rows, columns] = map.dims();
        self.tokens(features, map.reshape([batch, channels, rows * columns]).swap_dims(1, 2))
    }

    fn tokens(&self, features: Tensor<2>, places: Tensor<3>) -> Tensor<3> {
        let summary = self.feature_token.forward(features).unsqueeze_dim::<3>(1);
        Tensor::cat(vec![summary, self.token.forward(places)], 1) + self.position.clone()
    }
}

/// What makes logits of tokens.
pub(crate) struct Scores<'a> {
    pub encoder: &'a TransformerEncoder,
    /// `[1, labels, width]`
    pub queries: Tensor<3>,
    pub decoder: &'a TransformerDecoder,
    pub norm: &'a LayerNorm,
    /// `[1, labels, width]`
    pub scorer: Tensor<3>,
    /// `[1, labels]`
    pub bias: Tensor<2>,
}

impl Scores<'_> {
    /// `[batch, tokens, width]` to `[batch, labels]`; the first token is a feature vector's.
    pub fn of_tokens(&self, tokens: Tensor<3>) -> Tensor<2> {
        let [batch, _, _] = tokens.dims();
        let memory = encode(self.encoder, tokens);
        let [_, labels, _] = self.queries.dims();
        let read = if self.decoder.layers.is_empty() {
            memory.narrow(1, 0, 1).repeat_dim(1, labels)
        } else {
            decode(self.decoder, self.queries.clone().repeat_dim(0, batch), &memory)
        };
        let read = self.norm.forward(read);
        (read * self.scorer.clone()).sum_dim(2).reshape([batch, labels]) + self.bias.clone()
    }
}

/// The feature maps of every stage by the backbone that is there, shallowest first; those of slices read one by one stand
/// one after another, those of a volume read as one have its slices as rows.
///
/// # Shapes
/// `[batch, channels, slices, rows, columns]` to `[batch * slices, width, rows, columns]`, or to
/// `[batch, width, slices * rows, columns]`.
pub(crate) fn feature_maps(
    backbone: Option<&Backbone>,
    volume_backbone: Option<&VolumeBackbone>,
    input: Tensor<5>,
) -> Vec<Tensor<4>> {
    let [batch, channels, slices, rows, columns] = input.dims();
    if let Some(backbone) = volume_backbone {
        let flat = |map: Tensor<5>| {
            let [batch, channels, slices, rows, columns] = map.dims();
            map.reshape([batch, channels, slices * rows, columns])
        };
        return backbone.forward(input).into_iter().map(flat).collect();
    }
    let backbone = backbone.expect("one of the two is made");
    let input = if channels == 1 { input } else { input.swap_dims(1, 2) };
    backbone.forward(input.reshape([batch * slices, channels, rows, columns]))
}

/// What the outlier detector looks at: mean and deviation of each channel of each map, over all slices.
///
/// # Shapes
/// Maps of `[batch * slices, width, rows, columns]` to `[batch, 2 * width]` each.
pub(crate) fn taps(maps: &[Tensor<4>], slices: usize) -> Vec<Tensor<2>> {
    maps.iter().map(|map| over_slices(channel_statistics(map.clone()), slices)).collect()
}

/// The mean of each volume's slices: `[batch * slices, n]` to `[batch, n]`.
fn over_slices(rows: Tensor<2>, slices: usize) -> Tensor<2> {
    let [images, width] = rows.dims();
    rows.reshape([images / slices, slices, width]).mean_dim(1).reshape([images / slices, width])
}

/// Mean and standard deviation of each channel over the places of a map: `[batch, 2 * channels]`.
fn channel_statistics(map: Tensor<4>) -> Tensor<2> {
    let [batch, channels, rows, columns] = map.dims();
    let flat = map.reshape([batch, channels, rows * columns]);
    let mean = flat.clone().mean_dim(2);
    let centered = flat - mean.clone();
    let deviation = (centered.clone() * centered).mean_dim(2).sqrt();
    Tensor::cat(vec![mean, deviation], 1).reshape([batch, 2 * channels])
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn channel_statistics_worked_on_paper() {
        let map = Tensor::<4>::from_data([[[[1.0, 3.0]], [[2.0, 2.0]]]], &Device::flex());
        let found = channel_statistics(map).into_data().try_to_vec::<f32>().expect("floats");
        assert_eq!(found, [2.0, 2.0, 1.0, 0.0]);
    }
}
