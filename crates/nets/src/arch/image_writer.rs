use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use burn_store::{ModuleSnapshot, SafetensorsStore};

use super::classifier::with_weights;
use super::{ClassifierConfig, Encoder, GptConfig, PrefixConfig, PrefixedGpt, Speaking, TextBatch};

/// A network that writes about an image: an encoder's feature vector stands before the text as a prefix, and a decoder
/// goes on from there.
///
/// # Shapes
/// Images `[batch, slices, side, side]`; texts as a [`TextBatch`].
///
/// # Source
/// Mokady et al. 2021, arXiv:2111.09734
#[derive(Module, Debug)]
pub struct ImageWriter {
    encoder: Encoder,
    writer: PrefixedGpt,
}

impl ImageWriter {
    /// A network with random weights; the device's seed decides them.
    ///
    /// # Panics
    /// As [`PrefixedGpt::new`], and if the prefix is of feature vectors of another length than the encoder's.
    pub fn new(image: &ClassifierConfig, text: &GptConfig, prefix: &PrefixConfig, device: &Device) -> Self {
        assert_eq!(image.features, prefix.features, "the prefix is made of the encoder's feature vector");
        Self { encoder: Encoder::new(image, device), writer: PrefixedGpt::new(text, prefix, device) }
    }

    /// The same network with another encoder, which must have its sizes.
    #[must_use]
    pub fn with_encoder(self, encoder: Encoder) -> Self {
        Self { encoder, ..self }
    }

    /// A network with the weights of a safetensors file.
    ///
    /// # Errors
    /// The first tensor that does not fit.
    pub fn load(
        image: &ClassifierConfig,
        text: &GptConfig,
        prefix: &PrefixConfig,
        weights: Vec<u8>,
    ) -> Result<Self, String> {
        with_weights(Self::new(image, text, prefix, &Device::flex()), weights)
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

    /// The mean over the tokens of text of the negative logarithm of their probability.
    ///
    /// # Units
    /// Nats.
    pub fn loss(&self, images: Tensor<4>, texts: &TextBatch) -> Tensor<1> {
        let features = self.encoder.forward(images).unsqueeze_dim::<3>(1);
        self.writer.loss(features, texts)
    }

    /// The feature vectors of images, for [`ImageWriter::speak`].
    ///
    /// # Shapes
    /// `[batch, slices, side, side]` to one list a picture.
    pub fn features(&self, images: TensorData) -> Vec<Vec<f32>> {
        crate::model::rows(self.encoder.forward(Tensor::from_data(images, &Device::flex())))
    }

    /// What comes after a feature vector and an indication (which may have no tokens), word by word.
    ///
    /// # Panics
    /// As [`PrefixedGpt::speak`].
    pub fn speak(&self, features: &[f32], indication: &[u32]) -> Speaking<'_> {
        let features = TensorData::new(features.to_vec(), [1, features.len()]);
        self.writer.speak(Tensor::from_data(features, &Device::flex()), indication)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Activation, learning};
    use super::*;
    use crate::text::decoding::{Limits, greedy};
    use burn::tensor::Distribution;

    fn sizes() -> (ClassifierConfig, GptConfig, PrefixConfig) {
        let image = ClassifierConfig {
            widths: vec![4, 8],
            stem_stride: 1,
            side: 8,
            slices: 1,
            volumetric: false,
            recurrent: None,
            cnn: None,
            head: crate::arch::HeadKind::Transformer,
            features: 12,
            model_width: 8,
            heads: 2,
            encoder_layers: 0,
            decoder_layers: 0,
            labels: 2,
        };
        let text = GptConfig {
            vocabulary: 9,
            positions: 12,
            width: 12,
            heads: 2,
            layers: 1,
            inner: 24,
            activation: Activation::Tangent,
            epsilon: 1e-5,
            dropout: 0.0,
            tied: true,
        };
        (image, text, PrefixConfig { features: 12, inner: 16, tokens: 2 })
    }

    #[test]
    fn what_to_say_of_four_pictures_is_learned_by_heart_said_and_kept_in_a_file() {
        let (image, text, prefix) = sizes();
        let device = Device::flex().autodiff();
        device.seed(11);
        let said: [&[u32]; 4] = [&[1, 2, 3], &[3, 2, 1, 4], &[5], &[5, 5, 6]];
        let texts: Vec<(&[u32], &[u32])> = said.iter().map(|said| (&[][..], *said)).collect();
        let batch = TextBatch::new(&texts, 0, 10, 9, &device).expect("they fit");
        let pictures = Tensor::<4>::random([4, 1, 8, 8], Distribution::Normal(0.0, 1.0), &device);
        let network = ImageWriter::new(&image, &text, &prefix, &device);
        let network =
            learning::check_learning(network, 2e-2, 200, |network| network.loss(pictures.clone(), &batch));
        let bytes = network.valid().to_bytes().expect("it can be written");
        let read = ImageWriter::load(&image, &text, &prefix, bytes.clone()).expect("its own file");
        assert_eq!(read.to_bytes().expect("written again"), bytes);
        for (features, said) in read.features(pictures.into_data()).iter().zip(said) {
            let mut speaking = read.speak(features, &[]);
            let found = greedy(&mut speaking, Limits { end: 0, most: 10 }).expect("a text");
            assert_eq!(found.tokens, said);
        }
        let wider = GptConfig { width: 16, ..text };
        assert!(ImageWriter::load(&image, &wider, &prefix, bytes).is_err());
    }
}
