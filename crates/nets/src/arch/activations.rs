//! What a network holds while it computes, from its sizes alone.
//!
//! The counts are of what the layers here keep under burn's automatic differentiation; the factors were fitted to the most
//! memory that training runs held on a main processor (docs/training.md has them), and a test of the program compares.

use super::{ClassifierConfig, Fusion, FusionConfig, UNetConfig};

/// Numbers of four bytes that one example needs within a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Activations {
    /// Kept from the way forward until the gradients are there.
    pub kept: f64,
    /// There at once where no gradients are asked for.
    pub passing: f64,
}

/// What is kept for each number that a convolution with batch normalization gives.
const OF_BATCH_NORM: f64 = 1.3;
/// The same with normalization within an image, of burn's plain operations.
const OF_INSTANCE_NORM: f64 = 3.2;
/// Maps of a residual stage that are there at once.
const MAPS_AT_ONCE: f64 = 6.0;
/// What is kept of each number of a token in a layer of the Transformer's encoder and of its decoder, and before them.
const OF_LAYERS: [f64; 3] = [14.0, 3.0, 4.0];

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
        let halved = |length: usize| length.div_ceil(2);
        let stem = |length: usize| length.div_ceil(self.stem_stride);
        let (mut side, mut slices) =
            (stem(self.side), if self.volumetric { stem(self.slices) } else { self.slices });
        let (mut maps, mut largest) = (0.0_f64, 0.0_f64);
        for (stage, width) in self.widths.iter().enumerate() {
            if stage > 0 {
                side = halved(side);
                slices = if self.volumetric { halved(slices) } else { slices };
            }
            let map = (width * side * side * slices) as f64;
            // Two convolutions with their normalizations; the stem's before the first stage, a shortcut's in the others.
            maps += 6.0 * map;
            largest = largest.max(map);
        }
        let input = (channels * self.side * self.side * self.slices) as f64;
        Activations { kept: OF_BATCH_NORM * maps + 2.0 * input, passing: MAPS_AT_ONCE * largest + input }
    }

    /// Of what comes after the CNN, over the tokens of so many inputs.
    fn token_activations(&self, inputs: usize) -> Activations {
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
        // Read as one, the second stage has half the slices.
        assert!(kept(config(8, 6, true)) < kept(config(8, 6, false)));
        let of = |fusion: Fusion| {
            FusionConfig { fusion, inputs: 3, shared: false, network: config(8, 1, false) }.activations().kept
        };
        assert!(of(Fusion::Intermediate) > 2.9 * of(Fusion::Late) && of(Fusion::Early) > of(Fusion::Late));
    }
}
