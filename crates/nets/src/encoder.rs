use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use wilhelm_filters::Preparation;

use crate::arch::{ClassifierConfig, CnnName, Encoder, HeadKind};
use crate::card::on_disk::{self, CardOnDisk};
use crate::{CardError, Model, ModelError, Training};

/// What was measured of an encoder on images that it did not learn from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContrastiveFigures {
    /// Images.
    pub images: usize,
    /// Mean NT-Xent loss.
    pub loss: f64,
    /// The loss of knowing nothing: the logarithm of how many views there are to choose from.
    pub loss_of_chance: f64,
    /// Share of views whose most similar view is the other one of the same image.
    pub accuracy: f64,
}

/// The card of an encoder that was trained without labels: `encoder.toml` beside its weights.
///
/// It is no model: it names no labels and predicts nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderCard {
    /// Version of this card's form.
    pub schema: u32,
    /// What it is called.
    pub name: String,
    /// How it was trained.
    pub method: String,
    /// License of the weights.
    pub license: String,
    /// Weights beside the card.
    pub weights: String,
    /// SHA-256 of the weights.
    pub weights_sha256: String,
    /// How its input is made.
    pub preparation: Preparation,
    /// Sizes of the network that it is a part of.
    pub architecture: ClassifierConfig,
    /// How it was made.
    pub training: Training,
    /// What was measured on the validation split, its labels unread; nothing of weights that others trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<ContrastiveFigures>,
}

impl EncoderCard {
    /// The form this program reads and writes.
    pub const SCHEMA: u32 = 1;
    /// Its file's name.
    pub const FILE: &str = "encoder.toml";

    /// Reads and checks a card.
    ///
    /// # Errors
    /// [`CardError`] for a text that is no card, or one that contradicts itself.
    pub fn from_toml(text: &str) -> Result<Self, CardError> {
        on_disk::read(text)
    }

    /// The card as TOML.
    ///
    /// # Errors
    /// [`CardError`] if the card contradicts itself.
    pub fn to_toml(&self) -> Result<String, CardError> {
        on_disk::write(self)
    }

    /// Whether others trained its weights.
    pub const fn is_imported(&self) -> bool {
        self.validation.is_none()
    }

    /// In what a network of these sizes has another encoder; `None` where it is the same.
    pub fn misfit(&self, other: &ClassifierConfig) -> Option<String> {
        let own = &self.architecture;
        let differs = |key: &str, own: &dyn std::fmt::Debug, other: &dyn std::fmt::Debug| {
            Some(format!("{key} is {own:?} there, {other:?} in the recipe"))
        };
        if own.cnn != other.cnn {
            let word = |of: &ClassifierConfig| {
                of.cnn.as_ref().map_or_else(
                    || "this program's own".to_owned(),
                    |cnn| toml::to_string(cnn).unwrap_or_default().trim().replace('\n', ", "),
                )
            };
            return Some(format!("cnn is {} there, {} in the recipe", word(own), word(other)));
        }
        if own.widths != other.widths {
            return differs("widths", &own.widths, &other.widths);
        }
        if own.stem_stride != other.stem_stride {
            return differs("stem_stride", &own.stem_stride, &other.stem_stride);
        }
        // What was imported names no feature vector: the recipe's is made anew.
        let names_none = own.head == HeadKind::Linear && own.features == own.last_width();
        if !names_none && own.features != other.features {
            return differs("features", &own.features, &other.features);
        }
        // Convolutions read any side, positions of patches only their own.
        let of_any_side =
            own.cnn.as_ref().is_some_and(|cnn| cnn.name != CnnName::VitSmall) && self.is_imported();
        if !of_any_side && own.side != other.side {
            return differs("side", &own.side, &other.side);
        }
        if own.slices != other.slices {
            return differs("slices", &own.slices, &other.slices);
        }
        if own.volumetric != other.volumetric {
            return differs("volumetric", &own.volumetric, &other.volumetric);
        }
        None
    }
}

impl CardOnDisk for EncoderCard {
    const FORM: u32 = Self::SCHEMA;
    const NAMES: &'static str = "a file name or its name";

    fn form(&self) -> u32 {
        self.schema
    }

    fn named(&self) -> &str {
        &self.name
    }

    fn weights(&self) -> (&str, &str) {
        (&self.weights, &self.weights_sha256)
    }

    fn fault(&self) -> Option<String> {
        if let Some(fault) = self.architecture.fault() {
            return Some(fault);
        }
        let (side, preparation) = (self.architecture.side, &self.preparation);
        if preparation.columns != side || preparation.rows != side {
            return Some(format!("input is prepared at another size than the network's {side}"));
        }
        (!(preparation.deviation > 0.0 && preparation.mean.is_finite()))
            .then(|| "the deviation of its input must be above 0".to_owned())
    }
}

/// An encoder that learns no more: images in, feature vectors out.
#[derive(Debug)]
pub struct FrozenEncoder {
    name: String,
    weights_sha256: String,
    preparation: Preparation,
    architecture: ClassifierConfig,
    network: Encoder,
}

impl FrozenEncoder {
    /// Images in one pass, divided by their slices.
    const BATCH: usize = 64;

    /// Of an encoder's files; the hash on the card is checked before the bytes are parsed.
    ///
    /// # Errors
    /// [`ModelError`] for a wrong hash, or weights that do not fit.
    pub fn from_parts(card: &EncoderCard, weights: Vec<u8>) -> Result<Self, ModelError> {
        on_disk::check_weights(card, &weights)?;
        let network = Encoder::load(&card.architecture, weights, &Device::flex())
            .map_err(|what| ModelError::Weights { model: card.name.clone(), what })?;
        Ok(Self {
            name: card.name.clone(),
            weights_sha256: card.weights_sha256.clone(),
            preparation: card.preparation,
            architecture: card.architecture.clone(),
            network: network.valid(),
        })
    }

    /// The encoder of a classifier.
    pub fn of_model(model: &Model) -> Self {
        let card = model.card();
        Self {
            name: card.name.clone(),
            weights_sha256: card.weights_sha256.clone(),
            preparation: card.preparation,
            architecture: card.architecture.clone(),
            network: model.network.encoder(),
        }
    }

    /// An encoder that never learned anything: what its sizes alone are worth.
    pub fn random(architecture: &ClassifierConfig, preparation: Preparation, seed: u64) -> Self {
        let device = Device::flex();
        device.seed(seed);
        Self {
            name: "random".to_owned(),
            weights_sha256: format!("random weights, seed {seed}"),
            preparation,
            architecture: architecture.clone(),
            network: Encoder::new(architecture, &device).valid(),
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What tells its weights from others.
    pub fn weights_sha256(&self) -> &str {
        &self.weights_sha256
    }

    /// How its input is made.
    pub const fn preparation(&self) -> &Preparation {
        &self.preparation
    }

    /// Sizes of the network that it is a part of.
    pub const fn architecture(&self) -> &ClassifierConfig {
        &self.architecture
    }

    /// Feature vectors of images with gray values from 0 to 1 on its grid; they are normalized here.
    ///
    /// # Shapes
    /// Each image has `slices * side * side` values, columns fastest.
    ///
    /// # Errors
    /// [`ModelError::Size`] for images of another size.
    pub fn features(
        &self,
        images: &[&[f32]],
        mut done: impl FnMut(usize),
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        let (side, slices) = (self.architecture.side, self.architecture.slices);
        let device = Device::flex();
        let mut all = Vec::with_capacity(images.len());
        for batch in images.chunks(Self::BATCH.div_ceil(slices)) {
            let mut values: Vec<f32> = Vec::with_capacity(batch.len() * slices * side * side);
            for image in batch {
                if image.len() != slices * side * side {
                    let root = image.len().isqrt();
                    let (columns, rows) =
                        if root * root == image.len() { (root, root) } else { (image.len(), 1) };
                    return Err(ModelError::Size { model: self.name.clone(), columns, rows, side, slices });
                }
                let Preparation { mean, deviation, .. } = self.preparation;
                values.extend(image.iter().map(|pixel| (pixel - mean) / deviation));
            }
            let input =
                Tensor::<4>::from_data(TensorData::new(values, [batch.len(), slices, side, side]), &device);
            all.extend(crate::model::rows(self.network.forward(input)));
            done(all.len());
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ClassifierConfig {
        ClassifierConfig {
            widths: vec![4, 8],
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
            encoder_layers: 1,
            decoder_layers: 1,
            labels: 2,
        }
    }

    fn preparation() -> Preparation {
        Preparation { columns: 8, rows: 8, fit: wilhelm_filters::Fit::Stretch, mean: 0.5, deviation: 0.25 }
    }

    fn card() -> EncoderCard {
        EncoderCard {
            schema: 1,
            name: "e".to_owned(),
            method: "none".to_owned(),
            license: "none".to_owned(),
            weights: "weights.safetensors".to_owned(),
            weights_sha256: String::new(),
            preparation: preparation(),
            architecture: config(),
            training: Training {
                data: String::new(),
                data_license: String::new(),
                citation: String::new(),
                images: 1,
                data_sha256: String::new(),
                epochs: 1,
                seed: 1,
                program: String::new(),
                recipe: String::new(),
            },
            validation: Some(ContrastiveFigures { images: 2, loss: 1.0, loss_of_chance: 1.1, accuracy: 0.5 }),
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_features_and_another_size_is_refused() {
        let images: Vec<Vec<f32>> = (0..3)
            .map(|image| (0..64).map(|at| ((at * 7 + image * 13) % 64) as f32 / 64.0).collect())
            .collect();
        let borrowed: Vec<&[f32]> = images.iter().map(Vec::as_slice).collect();
        let of = |seed: u64| FrozenEncoder::random(&config(), preparation(), seed);
        let mut steps = Vec::new();
        let once = of(3).features(&borrowed, |done| steps.push(done)).expect("features");
        assert_eq!((once.len(), once[0].len(), steps), (3, 10, vec![3]));
        assert_eq!(once, of(3).features(&borrowed, |_| ()).expect("again"));
        assert_ne!(once, of(4).features(&borrowed, |_| ()).expect("another"));
        let said = of(3).features(&[&[0.0; 49]], |_| ()).expect_err("too small").to_string();
        assert_eq!(said, "model random: image of 7 x 7, expected 8 x 8 in 1 slices");
    }

    #[test]
    fn a_card_is_read_as_it_was_written_and_vouches_for_its_weights() {
        let card = card();
        assert_eq!(EncoderCard::from_toml(&card.to_toml().expect("TOML")).expect("a card"), card);
        assert!(EncoderCard::from_toml("schema = 1").is_err());
        assert!(EncoderCard { weights: "../w".to_owned(), ..card.clone() }.to_toml().is_err());
        assert!(EncoderCard { schema: 2, ..card.clone() }.to_toml().is_err());
        let refused = FrozenEncoder::from_parts(&card, b"other".to_vec()).expect_err("another hash");
        assert!(matches!(refused, ModelError::Hash { .. }), "{refused}");
    }

    #[test]
    fn a_network_of_other_sizes_is_told_by_the_first_that_differs() {
        assert_eq!(card().misfit(&config()), None);
        let more_labels = ClassifierConfig { labels: 9, decoder_layers: 3, ..config() };
        assert_eq!(card().misfit(&more_labels), None, "labels are none of an encoder's");
        let wider = ClassifierConfig { widths: vec![4, 9], ..config() };
        assert_eq!(card().misfit(&wider).expect("differs"), "widths is [4, 8] there, [4, 9] in the recipe");
        for other in [
            ClassifierConfig { stem_stride: 2, ..config() },
            ClassifierConfig { features: 11, ..config() },
            ClassifierConfig { side: 16, ..config() },
            ClassifierConfig { slices: 2, ..config() },
        ] {
            assert!(card().misfit(&other).is_some());
        }
    }
}
