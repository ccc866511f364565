use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use burn_store::{ModuleSnapshot, SafetensorsStore};

use super::{Classifier, ClassifierConfig, feature_maps, flat_backbone, misfit, volume_backbone};
use crate::arch::{Backbone, VolumeBackbone};

/// The part of a [`Classifier`] that knows no labels: its CNN and what makes the named feature vector.
///
/// Its weights are called as they are in the classifier, so that either can be read from the other's file.
///
/// # Shapes
/// `[batch, slices, side, side]` to `[batch, features]`; the vector of a volume is the mean of its slices'.
#[derive(Module, Debug)]
pub struct Encoder {
    /// Reads images, or each slice; this or the other is there.
    backbone: Option<Backbone>,
    /// Reads volumes as one.
    volume_backbone: Option<VolumeBackbone>,
    feature: Linear,
}

impl Encoder {
    /// An encoder with random weights; the device's seed decides them.
    pub fn new(config: &ClassifierConfig, device: &Device) -> Self {
        let last = config.widths.last().copied().unwrap_or(1);
        Self {
            backbone: flat_backbone(config, 1, device),
            volume_backbone: volume_backbone(config, 1, device),
            feature: LinearConfig::new(last, config.features).init(device),
        }
    }

    /// An encoder with the weights of a safetensors file, an encoder's or a classifier's.
    ///
    /// # Errors
    /// The first tensor that does not fit.
    pub fn load(config: &ClassifierConfig, weights: Vec<u8>, device: &Device) -> Result<Self, String> {
        let mut encoder = Self::new(config, device);
        let mut store = SafetensorsStore::from_bytes(Some(weights)).validate(false).allow_partial(true);
        let result = encoder.load_from(&mut store).map_err(|error| error.to_string())?;
        if let Some((missing, _)) = result.missing.first() {
            return Err(format!("{missing} is missing"));
        }
        match result.errors.first() {
            Some(error) => Err(misfit(error)),
            None => Ok(encoder),
        }
    }

    /// Its weights as a safetensors file; the same weights give the same bytes.
    ///
    /// # Errors
    /// What the store says.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let mut store = SafetensorsStore::from_bytes(None).clear_metadata();
        self.save_into(&mut store).map_err(|error| error.to_string())?;
        store.get_bytes().map_err(|error| error.to_string())
    }

    /// The named feature vectors.
    pub fn forward(&self, input: Tensor<4>) -> Tensor<2> {
        let [batch, slices, _, _] = input.dims();
        let slices = if self.volume_backbone.is_some() { 1 } else { slices };
        let maps =
            feature_maps(self.backbone.as_ref(), self.volume_backbone.as_ref(), input.unsqueeze_dim::<5>(1));
        let last = maps.into_iter().next_back().expect("a backbone has at least one stage");
        let [images, channels, _, _] = last.dims();
        let pooled = last.mean_dim(3).mean_dim(2).reshape([images, channels]);
        let features = relu(self.feature.forward(pooled));
        if slices == 1 {
            return features;
        }
        let [_, length] = features.dims();
        features.reshape([batch, slices, length]).mean_dim(1).reshape([batch, length])
    }
}

impl Classifier {
    /// Its CNN and what makes its feature vector.
    pub fn encoder(&self) -> Encoder {
        Encoder {
            backbone: self.backbone.clone(),
            volume_backbone: self.volume_backbone.clone(),
            feature: self.feature.clone(),
        }
    }

    /// The same network with the encoder of another, which must have its sizes.
    #[must_use]
    pub fn with_encoder(self, encoder: Encoder) -> Self {
        let Encoder { backbone, volume_backbone, feature } = encoder;
        Self { backbone, volume_backbone, feature, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::config;
    use super::*;
    use burn::tensor::Distribution;

    fn values(tensor: Tensor<2>) -> Vec<f32> {
        tensor.into_data().try_to_vec::<f32>().expect("floats")
    }

    #[test]
    fn an_encoder_gives_the_classifier_s_features_and_is_read_from_either_s_file() {
        let device = Device::flex();
        device.seed(4);
        for (slices, volumetric) in [(1, false), (3, false), (3, true)] {
            let config = ClassifierConfig { slices, volumetric, ..config() };
            let network = Classifier::new(&config, &device).valid();
            let input = Tensor::<4>::random([2, slices, 8, 8], Distribution::Normal(0.0, 1.0), &device);
            let expected = values(network.forward(input.clone()).features);
            let encoder = network.encoder();
            assert_eq!(values(encoder.forward(input.clone())), expected);

            let mut store = SafetensorsStore::from_bytes(None).clear_metadata();
            network.save_into(&mut store).expect("saved");
            let whole = store.get_bytes().expect("bytes");
            let own = encoder.to_bytes().expect("bytes");
            assert!(own.len() < whole.len());
            for bytes in [whole, own] {
                let read = Encoder::load(&config, bytes, &device).expect("it fits").valid();
                assert_eq!(values(read.forward(input.clone())), expected);
            }
        }
    }

    #[test]
    fn a_classifier_with_another_s_encoder_has_its_features_and_its_own_labels() {
        let device = Device::flex();
        device.seed(7);
        let (first, second) = (Classifier::new(&config(), &device), Classifier::new(&config(), &device));
        let input = Tensor::<4>::random([2, 1, 8, 8], Distribution::Normal(0.0, 1.0), &device);
        let expected = values(second.valid().forward(input.clone()).features);
        let both = first.with_encoder(second.encoder()).valid().forward(input);
        assert_eq!(values(both.features), expected);
        assert_eq!(both.logits.dims(), [2, 3]);
    }

    #[test]
    fn weights_of_other_sizes_are_refused() {
        let device = Device::flex();
        let bytes = Encoder::new(&config(), &device).to_bytes().expect("bytes");
        let wider = ClassifierConfig { widths: vec![4, 16], ..config() };
        let said = Encoder::load(&wider, bytes.clone(), &device).expect_err("wider");
        assert!(said.contains("in the file,") && said.len() < 200, "{said}");
        let deeper = ClassifierConfig { widths: vec![4, 8, 8], ..config() };
        let said = Encoder::load(&deeper, bytes, &device).expect_err("a stage more");
        assert!(said.contains("missing"), "{said}");
        assert!(Encoder::load(&config(), b"no weights".to_vec(), &device).is_err());
    }
}
