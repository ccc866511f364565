use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use burn_store::{ModuleSnapshot, SafetensorsStore};

use super::{Classifier, ClassifierConfig, HeadKind, feature_maps, flat_backbone, misfit, volume_backbone};
use crate::arch::trunk::{Seen, Trunk};
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
    /// Reads either in their place.
    trunk: Option<Trunk>,
    /// Not there where the last map's means are the feature vector, or the trunk names its own.
    feature: Option<Linear>,
}

impl Encoder {
    /// An encoder with random weights; the device's seed decides them.
    pub fn new(config: &ClassifierConfig, device: &Device) -> Self {
        let last = config.last_width();
        let trunk = Trunk::of(config, device);
        Self {
            backbone: flat_backbone(config, 1, device),
            volume_backbone: volume_backbone(config, 1, device),
            // Its own linear head is there for the vector that it names, if any.
            trunk: if config.features == last { trunk.map(Trunk::headless) } else { trunk },
            feature: (config.head == HeadKind::Transformer)
                .then(|| LinearConfig::new(last, config.features).init(device)),
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
        let is_read_as_one =
            self.volume_backbone.is_some() || self.trunk.as_ref().is_some_and(Trunk::is_volumetric);
        let slices = if is_read_as_one { 1 } else { slices };
        let input = input.unsqueeze_dim::<5>(1);
        let Seen { maps, class_token } = match &self.trunk {
            Some(trunk) => trunk.see(input),
            None => {
                let maps = feature_maps(self.backbone.as_ref(), self.volume_backbone.as_ref(), input);
                Seen { maps, class_token: None }
            }
        };
        let last = maps.into_iter().next_back().expect("a backbone has at least one stage");
        let features = match (&self.feature, &self.trunk) {
            (Some(feature), _) => {
                let [images, channels, _, _] = last.dims();
                relu(feature.forward(last.mean_dim(3).mean_dim(2).reshape([images, channels])))
            }
            (None, Some(trunk)) => trunk.features(last, class_token),
            (None, None) => unreachable!("one of the two is made"),
        };
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
        let names_none = self.feature.is_some() || self.trunk.as_ref().is_some_and(|trunk| !trunk.names());
        let trunk = self.trunk.clone();
        Encoder {
            backbone: self.backbone.clone(),
            volume_backbone: self.volume_backbone.clone(),
            trunk: if names_none { trunk.map(Trunk::headless) } else { trunk },
            feature: self.feature.clone(),
        }
    }

    /// The same network with the encoder of another, which must have its sizes; of one that names no feature vector only
    /// what reads the images.
    #[must_use]
    pub fn with_encoder(self, encoder: Encoder) -> Self {
        let Encoder { backbone, volume_backbone, trunk, feature } = encoder;
        let trunk = match (self.trunk, trunk) {
            (Some(own), Some(other)) => Some(own.reading_as(other)),
            (own, _) => own,
        };
        Self { backbone, volume_backbone, trunk, feature: feature.or(self.feature), ..self }
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
