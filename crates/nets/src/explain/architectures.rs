//! What is explained of each architecture.

use burn::tensor::Tensor;

use super::network::{Attending, AttentionTrace, Explained, Mapped};
use crate::arch::{Classifier, DenseNet, ResNet, ResNet3d, VisionTransformer};

impl Explained<4> for Classifier {
    fn logits(&self, input: Tensor<4>) -> Tensor<2> {
        self.forward(input).logits
    }
}

impl Mapped<4> for Classifier {
    fn maps(&self, input: Tensor<4>) -> Vec<Tensor<4>> {
        let mut maps = self.feature_maps(input);
        if !self.reads_its_map() {
            return Vec::new();
        }
        if !self.has_stages() {
            // The tokens of the patches lead to the logits only behind the last layer: before, the class token does too.
            maps.drain(..maps.len() - 1);
        }
        maps
    }

    fn logits_of_map(&self, map: Tensor<4>, layer: usize) -> Tensor<2> {
        self.head(self.last_map(map, layer)).0
    }
}

impl Attending<4> for Classifier {
    fn attention(&self, input: Tensor<4>) -> AttentionTrace {
        let last = self.feature_maps(input.clone()).pop().expect("a backbone has at least one stage");
        let [_, _, rows, columns] = last.dims();
        // A vision transformer's class token and patches become the first token and the places.
        let mut layers = self.attention_in_trunk(input).map_or_else(Vec::new, |(layers, _)| layers);
        let mut readings = Vec::new();
        if let Some(attention) = self.attention_of_map(last) {
            layers.extend(attention.among);
            readings = attention.of_labels;
        }
        // The first token is the feature vector.
        AttentionTrace { layers, readings, summaries: 1, places: [columns, rows, 1] }
    }
}

impl Explained<4> for ResNet {
    fn logits(&self, input: Tensor<4>) -> Tensor<2> {
        self.forward(input).logits
    }
}

impl Mapped<4> for ResNet {
    fn maps(&self, input: Tensor<4>) -> Vec<Tensor<4>> {
        self.feature_maps(input)
    }

    fn logits_of_map(&self, map: Tensor<4>, layer: usize) -> Tensor<2> {
        self.logits_after(map, layer)
    }
}

impl Explained<5> for ResNet3d {
    fn logits(&self, input: Tensor<5>) -> Tensor<2> {
        self.forward(input).logits
    }
}

impl Mapped<5> for ResNet3d {
    fn maps(&self, input: Tensor<5>) -> Vec<Tensor<5>> {
        self.feature_maps(input)
    }

    fn logits_of_map(&self, map: Tensor<5>, layer: usize) -> Tensor<2> {
        self.logits_after(map, layer)
    }
}

impl Explained<4> for DenseNet {
    fn logits(&self, input: Tensor<4>) -> Tensor<2> {
        self.forward(input).logits
    }
}

impl Mapped<4> for DenseNet {
    fn maps(&self, input: Tensor<4>) -> Vec<Tensor<4>> {
        self.feature_maps(input)
    }

    fn logits_of_map(&self, map: Tensor<4>, layer: usize) -> Tensor<2> {
        self.logits_after(map, layer)
    }
}

impl Explained<4> for VisionTransformer {
    fn logits(&self, input: Tensor<4>) -> Tensor<2> {
        self.forward(input).logits
    }
}

impl Attending<4> for VisionTransformer {
    fn attention(&self, input: Tensor<4>) -> AttentionTrace {
        let (layers, [rows, columns]) = self.attention_weights(input);
        // The first token is the class token, and the one that is scored.
        AttentionTrace { layers, readings: Vec::new(), summaries: 1, places: [columns, rows, 1] }
    }
}

#[cfg(test)]
mod tests {
    use burn::module::Module;
    use burn::tensor::{Device, Distribution};

    use super::super::network::values;
    use super::*;
    use crate::arch::*;

    /// The logits of each map are those of the input.
    fn check_maps<const D: usize, N: Mapped<D>>(network: &N, shape: [usize; D], layers: usize) {
        let network = network.valid();
        let input = Tensor::<D>::random(shape, Distribution::Normal(0.0, 1.0), &Device::flex());
        let whole = values(network.logits(input.clone()));
        let maps = network.maps(input);
        assert_eq!(maps.len(), layers);
        for (layer, map) in maps.into_iter().enumerate() {
            let after = values(network.logits_of_map(map, layer));
            // The same operations in the same order.
            assert_eq!(after, whole, "layer {layer}");
        }
    }

    fn classifier() -> Classifier {
        let config = ClassifierConfig {
            widths: vec![4, 6, 8],
            stem_stride: 1,
            side: 8,
            slices: 1,
            volumetric: false,
            recurrent: None,
            cnn: None,
            head: crate::arch::HeadKind::Transformer,
            features: 10,
            model_width: 8,
            heads: 2,
            encoder_layers: 2,
            decoder_layers: 2,
            labels: 3,
        };
        let device = Device::flex();
        device.seed(21);
        Classifier::new(&config, &device)
    }

    #[test]
    fn the_logits_of_every_map_of_every_network_are_those_of_its_input() {
        let device = Device::flex();
        device.seed(20);
        check_maps(&classifier(), [1, 1, 8, 8], 3);
        let resnet = ResNetConfig {
            depth: ResNetDepth::Eighteen,
            channels: 1,
            small_stem: true,
            features: Some(7),
            classes: 3,
        };
        check_maps(&ResNet::new(&resnet, &device), [1, 1, 8, 8], 4);
        check_maps(
            &ResNet3d::new(&ResNetConfig { small_stem: false, ..resnet }, &device),
            [1, 1, 8, 9, 8],
            4,
        );
        let densenet = DenseNetConfig {
            channels: 2,
            stem: 4,
            small_stem: false,
            growth: 3,
            blocks: vec![1, 2, 1],
            features: None,
            classes: 2,
        };
        check_maps(&DenseNet::new(&densenet, &device), [1, 2, 32, 32], 3);
    }

    #[test]
    fn classifiers_with_published_networks_are_explained_by_what_leads_to_their_logits() {
        let device = Device::flex();
        device.seed(23);
        let with = |cnn: Cnn, side: usize| ClassifierConfig {
            widths: Vec::new(),
            stem_stride: 0,
            cnn: Some(cnn),
            head: HeadKind::Transformer,
            side,
            slices: 1,
            volumetric: false,
            recurrent: None,
            features: 10,
            model_width: 8,
            heads: 2,
            encoder_layers: 1,
            decoder_layers: 1,
            labels: 3,
        };
        let small = |name| Cnn { small_stem: true, ..Cnn::new(name) };
        for name in [CnnName::ResNet18, CnnName::DenseNet121] {
            check_maps(&Classifier::new(&with(small(name), 16), &device), [1, 1, 16, 16], 4);
        }
        let linear = ClassifierConfig {
            head: HeadKind::Linear,
            features: 512,
            model_width: 0,
            heads: 0,
            encoder_layers: 0,
            decoder_layers: 0,
            ..with(small(CnnName::ResNet18), 16)
        };
        let network = Classifier::new(&linear, &device);
        assert!(!network.attends() && network.reads_its_map());
        check_maps(&network, [1, 1, 16, 16], 4);
        // Of a vision transformer the last map alone, where the head reads it, and attention through both.
        let patch = || Cnn { patch: Some(8), ..Cnn::new(CnnName::VitSmall) };
        let vit = Classifier::new(&with(patch(), 16), &device);
        check_maps(&vit, [1, 1, 16, 16], 1);
        let input = Tensor::<4>::random([1, 1, 16, 16], Distribution::Normal(0.0, 1.0), &device);
        let trace = vit.valid().attention(input.clone());
        assert_eq!((trace.places, trace.layers.len(), trace.readings.len()), ([2, 2, 1], 13, 1));
        let alone = Classifier::new(
            &ClassifierConfig { features: 384, ..ClassifierConfig { cnn: Some(patch()), ..linear } },
            &device,
        );
        assert!(alone.maps(input.clone()).is_empty() && !alone.reads_its_map() && alone.attends());
        assert_eq!(alone.valid().attention(input).layers.len(), 12);
    }

    #[test]
    fn rows_of_attention_add_to_one_and_a_classifier_has_one_reading_a_label() {
        let input = Tensor::<4>::random([2, 1, 8, 8], Distribution::Normal(0.0, 1.0), &Device::flex());
        let trace = classifier().valid().attention(input.clone());
        assert_eq!(trace.places, [2, 2, 1]);
        assert_eq!(trace.layers.iter().map(Tensor::dims).collect::<Vec<_>>(), [[2, 2, 5, 5]; 2]);
        assert_eq!(trace.readings.iter().map(Tensor::dims).collect::<Vec<_>>(), [[2, 2, 3, 5]; 2]);
        let config = VisionTransformerConfig {
            side: 8,
            patch: 4,
            channels: 1,
            width: 6,
            heads: 2,
            layers: 3,
            inner: 7,
            classes: 3,
        };
        let other = VisionTransformer::new(&config, &Device::flex()).valid().attention(input);
        assert_eq!((other.places, other.layers.len(), other.readings.len()), ([2, 2, 1], 3, 0));
        for weights in trace.layers.into_iter().chain(trace.readings).chain(other.layers) {
            for row in values(weights).chunks_exact(5) {
                assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{row:?}");
            }
        }
    }
}
