//! A classifier of volumes as the methods take a network of volumes.

use burn::module::Module;
use burn::tensor::Tensor;

use super::network::{Attending, AttentionTrace, Explained, Mapped};
use crate::arch::Classifier;

/// A classifier that reads volumes.
///
/// # Shapes
/// Input: `[batch, 1, slices, rows, columns]`.
#[derive(Module, Debug)]
pub(super) struct OfVolumes {
    network: Classifier,
}

impl OfVolumes {
    /// The network as it predicts.
    pub fn new(network: &Classifier) -> Self {
        Self { network: network.clone() }
    }
}

/// Slices in the place of channels.
fn slices(input: Tensor<5>) -> Tensor<4> {
    let [batch, _, slices, rows, columns] = input.dims();
    input.reshape([batch, slices, rows, columns])
}

impl Explained<5> for OfVolumes {
    fn logits(&self, input: Tensor<5>) -> Tensor<2> {
        self.network.forward(slices(input)).logits
    }
}

impl Mapped<5> for OfVolumes {
    fn maps(&self, input: Tensor<5>) -> Vec<Tensor<5>> {
        let mut maps = self.network.maps_of_volumes(slices(input));
        if !self.network.has_own_stages() {
            maps.drain(..maps.len().saturating_sub(1));
        }
        maps
    }

    fn logits_of_map(&self, map: Tensor<5>, layer: usize) -> Tensor<2> {
        self.network.logits_of_volume_map(map, layer)
    }
}

impl Attending<5> for OfVolumes {
    /// Of networks that read a volume as one: where slices are read one by one, tokens are slices and no places.
    fn attention(&self, input: Tensor<5>) -> AttentionTrace {
        let trace = Attending::<4>::attention(&self.network, slices(input));
        let [columns, rows, _] = trace.places;
        AttentionTrace { places: [columns, columns, rows / columns.max(1)], ..trace }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution};

    use super::super::network::values;
    use super::super::{PathSettings, WindowSettings, grad_cam, integrated_gradients, occlusion};
    use super::*;
    use crate::arch::{ClassifierConfig, RecurrentCell, SliceMemory};

    fn configs() -> [ClassifierConfig; 3] {
        let flat = ClassifierConfig {
            cnn: None,
            head: crate::arch::HeadKind::Transformer,
            widths: vec![4, 6, 8],
            stem_stride: 1,
            side: 8,
            slices: 6,
            volumetric: false,
            recurrent: None,
            features: 10,
            model_width: 8,
            heads: 2,
            encoder_layers: 1,
            decoder_layers: 1,
            labels: 3,
        };
        let memory = Some(SliceMemory { cell: RecurrentCell::Gru, hidden: 5 });
        [
            ClassifierConfig { volumetric: true, ..flat.clone() },
            ClassifierConfig { recurrent: memory, ..flat.clone() },
            flat,
        ]
    }

    #[test]
    fn the_logits_of_every_map_of_a_volume_are_those_of_the_volume() {
        let device = Device::flex();
        device.seed(31);
        for config in configs() {
            let network = OfVolumes::new(&Classifier::new(&config, &device).valid());
            let input = Tensor::<5>::random([1, 1, 6, 8, 8], Distribution::Normal(0.0, 1.0), &device);
            let whole = values(network.logits(input.clone()));
            let maps = network.maps(input);
            let sizes: Vec<[usize; 5]> = maps.iter().map(Tensor::dims).collect();
            let expected = if config.volumetric {
                [[1, 4, 6, 8, 8], [1, 6, 3, 4, 4], [1, 8, 2, 2, 2]]
            } else {
                [[1, 4, 6, 8, 8], [1, 6, 6, 4, 4], [1, 8, 6, 2, 2]]
            };
            assert_eq!(sizes, expected);
            for (layer, map) in maps.into_iter().enumerate() {
                assert_eq!(values(network.logits_of_map(map, layer)), whole, "layer {layer}");
            }
        }
    }

    #[test]
    fn a_place_that_alone_decides_is_found_in_its_own_slice() {
        // What is covered elsewhere changes nothing: a volume of zeros has the logits of its baseline but for one cube.
        let device = Device::flex();
        device.seed(32);
        for config in configs() {
            let network = OfVolumes::new(&Classifier::new(&config, &device).valid());
            let mut voxels = vec![0.0_f32; 6 * 64];
            for (slice, row, column) in [(4, 6, 1), (4, 6, 0), (4, 7, 1), (5, 6, 1)] {
                voxels[(slice * 8 + row) * 8 + column] = 3.0;
            }
            let input =
                Tensor::<5>::from_data(burn::tensor::TensorData::new(voxels, [1, 1, 6, 8, 8]), &device);
            let window = WindowSettings { window: 2, stride: 1, baseline: 0.0, batch: 8 };
            let covered = occlusion(&network, &input, 1, &window).expect("a map");
            let (columns, rows) = (8, 8);
            let moved = covered.values().iter().enumerate().filter(|(_, value)| value.abs() > 1e-5);
            for (at, value) in moved {
                let [column, row, slice] = [at % columns, at / columns % rows, at / (columns * rows)];
                assert!(column <= 2 && row >= 5 && slice >= 3, "{column} {row} {slice}: {value}");
            }
            let path = PathSettings { baseline: 0.0, steps: 64, batch: 16 };
            let (map, sum) = integrated_gradients(&network, &input, 1, &path).expect("a map");
            assert_eq!(map.size(), [8, 8, 6]);
            let off = (sum.sum - sum.difference).abs();
            assert!(off < 0.02 + 0.1 * sum.difference.abs(), "{sum:?}");
            // A voxel that is as the baseline added nothing.
            assert!(map.values().iter().filter(|value| **value != 0.0).count() <= 4);
            assert_eq!(grad_cam(&network, &input, 1, 1).expect("a map").size(), [8, 8, 6]);
        }
    }

    #[test]
    fn attention_of_a_volume_has_a_weight_for_each_place() {
        let device = Device::flex();
        device.seed(33);
        let [volumetric, ..] = configs();
        let network = OfVolumes::new(&Classifier::new(&volumetric, &device).valid());
        let trace = network.attention(Tensor::<5>::ones([1, 1, 6, 8, 8], &device));
        // Columns, rows and slices of the last map, and the token of the feature vector.
        assert_eq!((trace.places, trace.summaries), ([2, 2, 2], 1));
        assert!(trace.readings.iter().all(|reading| reading.dims()[3] == 9));
    }
}
