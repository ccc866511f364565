//! What a network holds while it computes, from its sizes alone.
//!
//! The counts are of what the layers here keep under burn's automatic differentiation; the factors were fitted to the most
//! memory that training runs held on a main processor (docs/training.md has them), and a test of the program compares.

use super::{
    ClassifierConfig, Cnn, CnnName, EfficientNetLite, Fusion, FusionConfig, HeadKind, ResNetDepth, Stage,
    UNetConfig,
};

/// Numbers of four bytes that one example needs within a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Activations {
    /// Kept from the way forward until the gradients are there.
    pub kept: f64,
    /// There at once where no gradients are asked for.
    pub passing: f64,
}

/// What is kept for each number that a convolution with batch normalization gives.
pub(super) const OF_BATCH_NORM: f64 = 1.3;
/// The same with normalization within an image, of burn's plain operations.
const OF_INSTANCE_NORM: f64 = 3.2;
/// Maps of a residual stage that are there at once.
const MAPS_AT_ONCE: f64 = 6.0;
/// What is kept of each number of a token in a layer of the Transformer's encoder and of its decoder, and before them.
const OF_LAYERS: [f64; 3] = [14.0, 3.0, 4.0];

/// What is kept of each number of a token in a layer of a vision transformer: two normalizations, queries, keys and values,
/// what was read, its projection, the perceptron at four times the width before and behind its activation, and the sums.
const OF_VISION_LAYER: f64 = 19.0;

impl Activations {
    fn plus(self, other: Self) -> Self {
        Self { kept: self.kept + other.kept, passing: self.passing.max(other.passing) }
    }

    fn times(self, count: usize) -> Self {
        Self { kept: self.kept * count as f64, passing: self.passing * count as f64 }
    }
}

impl ClassifierConfig {
    /// Of the whole network and one image or volume.
    pub fn activations(&self) -> Activations {
        self.cnn_activations(1).plus(self.token_activations(1))
    }

    /// Of the CNN alone and one image or volume of so many channels.
    pub fn cnn_activations(&self, channels: usize) -> Activations {
        if let Some(cnn) = &self.cnn {
            return self.published(cnn);
        }
        let (mut maps, mut largest) = (0.0_f64, 0.0_f64);
        for stage in self.stages() {
            let map = (stage.channels * stage.side * stage.side * stage.slices) as f64;
            // Two convolutions with their normalizations; the stem's before the first stage, a shortcut's in the others.
            maps += 6.0 * map;
            largest = largest.max(map);
        }
        let input = (channels * self.side * self.side * self.slices) as f64;
        Activations { kept: OF_BATCH_NORM * maps + 2.0 * input, passing: MAPS_AT_ONCE * largest + input }
    }

    /// Of a published network alone and one image or volume.
    fn published(&self, cnn: &Cnn) -> Activations {
        let input = (cnn.channels * self.side * self.side * self.slices) as f64;
        let stages = self.stages();
        let places = |stage: &Stage| (stage.side * stage.side * stage.slices) as f64;
        if cnn.name == CnnName::VitSmall {
            let tokens = stages.last().map_or(0.0, places) + self.slices as f64;
            let sizes = cnn.vision_transformer(self);
            let along = tokens / self.slices as f64;
            let attention = (sizes.heads * self.slices) as f64 * along * along;
            let kept = sizes.layers as f64 * (OF_VISION_LAYER * tokens * sizes.width as f64 + attention);
            return Activations {
                kept: kept + 2.0 * input,
                passing: 12.0 * tokens * sizes.width as f64 + input,
            };
        }
        if cnn.name == CnnName::EfficientNetLite0 {
            return EfficientNetLite::activations(self.side, self.slices);
        }
        let stem = |length: usize| if cnn.small_stem { length } else { length.div_ceil(2) };
        let stem = 64.0
            * (stem(self.side).pow(2) * if self.volumetric { stem(self.slices) } else { self.slices }) as f64;
        let pooled = if cnn.small_stem { 0.0 } else { stem / if self.volumetric { 8.0 } else { 4.0 } };
        // A convolution and its normalization.
        let mut maps = 2.0 * stem + pooled;
        let mut largest = stem;
        if let Some(sizes) = cnn.resnet(self) {
            for (number, (stage, blocks)) in stages.iter().zip(sizes.depth.blocks()).enumerate() {
                let width = (64 << number) as f64;
                let (map, inner) = (stage.channels as f64 * places(stage), width * places(stage));
                let within = match sizes.depth {
                    ResNetDepth::Eighteen => 4.0 * inner,
                    ResNetDepth::Fifty => 4.0 * inner + 2.0 * map,
                };
                let shortcut = if stage.channels == 64 { 0.0 } else { 2.0 * map };
                maps += blocks as f64 * within + shortcut;
                largest = largest.max(map);
            }
        } else {
            let sizes = cnn.densenet(self);
            let mut width = sizes.stem as f64;
            // The grid of a block is that of the stem, halved before each of the others.
            let mut grid = if cnn.small_stem { stem } else { pooled } / 64.0;
            for (block, layers) in sizes.blocks.iter().enumerate() {
                if block > 0 {
                    maps += width * grid + width / 2.0 * grid;
                    width /= 2.0;
                    grid /= 4.0;
                }
                for _ in 0..*layers {
                    let (inner, growth) = (4.0 * sizes.growth as f64, sizes.growth as f64);
                    // What came in, normalized; what is made of it, normalized; what is added; both together.
                    maps += (width + 2.0 * inner + growth + width + growth) * grid;
                    width += growth;
                }
                largest = largest.max(width * grid);
            }
            maps += width * grid;
        }
        Activations { kept: OF_BATCH_NORM * maps + 2.0 * input, passing: MAPS_AT_ONCE * largest + input }
    }

    /// Of what comes after the CNN, over the tokens of so many inputs.
    fn token_activations(&self, inputs: usize) -> Activations {
        if self.head == HeadKind::Linear {
            return Activations { kept: 4.0 * self.features as f64, passing: 2.0 * self.features as f64 };
        }
        let tokens = (inputs * (1 + self.places()) * self.model_width) as f64;
        let [encoder, decoder, before] = OF_LAYERS;
        let layers = encoder * self.encoder_layers as f64 + decoder * self.decoder_layers as f64 + before;
        let memory = self.recurrent.map_or(0, |memory| 24 * memory.hidden * self.slices * inputs);
        Activations { kept: layers * tokens + memory as f64, passing: 8.0 * tokens }
    }
}

impl FusionConfig {
    /// Of the whole network and one case with all its inputs; of late fusion those of the network of one input, which are
    /// trained one after the other.
    pub fn activations(&self) -> Activations {
        let network = &self.network;
        match self.fusion {
            Fusion::Early => network.cnn_activations(2 * self.inputs).plus(network.token_activations(1)),
            Fusion::Intermediate => {
                network.cnn_activations(1).times(self.inputs).plus(network.token_activations(self.inputs))
            }
            Fusion::Late => network.activations(),
        }
    }
}

impl UNetConfig {
    /// Of the whole network and one window of so many slices, rows and columns; with one slice that of pictures.
    pub fn activations(&self, window: [usize; 3]) -> Activations {
        let mut size = window.map(|side| if side == 1 { 1 } else { side.next_multiple_of(self.multiple()) });
        let places = size.iter().product::<usize>() as f64;
        let last = self.widths.len().saturating_sub(1);
        let (mut blocks, mut joined, mut seen) = (0.0, 0.0, 0.0);
        for (stage, width) in self.widths.iter().enumerate() {
            if stage > 0 {
                size = size.map(|side| side.div_ceil(2));
            }
            let map = *width as f64 * size.iter().product::<usize>() as f64;
            seen += map;
            // Two blocks on the way down; on the way up two more, behind what came up and what was seen before.
            blocks += if stage < last { 4.0 } else { 2.0 } * map;
            joined += if stage < last { 3.0 } else { 0.0 } * map;
        }
        let finest = self.widths.first().map_or(0.0, |width| *width as f64 * places);
        let (logits, input) = (self.classes as f64 * places, self.channels as f64 * places);
        Activations {
            kept: OF_INSTANCE_NORM * blocks + joined + 6.0 * logits + input,
            passing: seen + 5.0 * finest + 3.0 * logits + input,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_u_net_s_numbers_are_those_worked_on_paper() {
        // Window of 8 x 8, widths 4 and 8: maps of 256 and 128 numbers. Blocks 4 * 256 + 2 * 128 = 1280, joined 768,
        // logits 2 * 64 = 128.
        let config = UNetConfig { channels: 1, widths: vec![4, 8], classes: 2 };
        let found = config.activations([1, 8, 8]);
        assert!((found.kept - (3.2 * 1280.0 + 768.0 + 768.0 + 64.0)).abs() < 1e-9, "{found:?}");
        assert!((found.passing - (384.0 + 1280.0 + 384.0 + 64.0)).abs() < 1e-9, "{found:?}");
        // A side that is no multiple is padded.
        assert_eq!(config.activations([1, 7, 8]), found);
    }

    #[test]
    fn a_classifier_s_numbers_grow_with_its_side_slices_and_inputs() {
        let config = |side: usize, slices: usize, volumetric: bool| ClassifierConfig {
            widths: vec![4, 8],
            stem_stride: 1,
            side,
            slices,
            volumetric,
            recurrent: None,
            cnn: None,
            head: crate::arch::HeadKind::Transformer,
            features: 8,
            model_width: 8,
            heads: 2,
            encoder_layers: 1,
            decoder_layers: 1,
            labels: 2,
        };
        // Side 8: maps of 256 and 8 * 16 = 128 numbers; tokens (1 + 16) * 8.
        let flat = config(8, 1, false).activations();
        assert!((flat.kept - (1.3 * 6.0 * 384.0 + 128.0 + 21.0 * 136.0)).abs() < 1e-9, "{flat:?}");
        assert!((flat.passing - (6.0 * 256.0 + 64.0)).abs() < 1e-9, "{flat:?}");
        let kept = |config: ClassifierConfig| config.cnn_activations(1).kept;
        assert!((kept(config(8, 5, false)) - 5.0 * kept(config(8, 1, false))).abs() < 1e-9);
        // Of ResNet-18 at side 8 with the small stem, by hand: 64 channels of 8 x 8 are 4096 numbers, each stage after it half
        // as many. The stem's convolution and normalization twice that; four convolutions with their normalizations a stage,
        // and a shortcut's in the three later ones: (2 + 8) 4096 + 10 (2048 + 1024 + 512).
        let cnn = Cnn { small_stem: true, ..Cnn::new(CnnName::ResNet18) };
        let published = |cnn: Cnn, side: usize| {
            let sizes = config(side, 1, false);
            let sizes = ClassifierConfig { widths: Vec::new(), stem_stride: 0, cnn: Some(cnn), ..sizes };
            sizes.cnn_activations(1)
        };
        let resnet = published(cnn.clone(), 8);
        assert!((resnet.kept - (1.3 * (10.0 * 4096.0 + 10.0 * 3584.0) + 128.0)).abs() < 1e-6, "{resnet:?}");
        assert!((resnet.passing - (6.0 * 4096.0 + 64.0)).abs() < 1e-9, "{resnet:?}");
        for name in [CnnName::ResNet50, CnnName::DenseNet121, CnnName::VitSmall] {
            let at = |side: usize| published(Cnn::new(name), side).kept;
            // Four times the places, about four times the numbers; attention grows faster.
            assert!(at(128) > 3.5 * at(64) && at(128) < 5.0 * at(64), "{name:?}");
        }
        // Read as one, the second stage has half the slices.
        assert!(kept(config(8, 6, true)) < kept(config(8, 6, false)));
        let of = |fusion: Fusion| {
            FusionConfig { fusion, inputs: 3, shared: false, network: config(8, 1, false) }.activations().kept
        };
        assert!(of(Fusion::Intermediate) > 2.9 * of(Fusion::Late) && of(Fusion::Early) > of(Fusion::Late));
    }
}
