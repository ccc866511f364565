//! Classifiers whose weights others trained with PyTorch, as this program's own networks.

mod card;
mod convert;
mod presets;
#[cfg(test)]
mod tests;

use burn::tensor::{Device, Tensor, TensorData};
use wilhelm_filters::Prepared;

use crate::arch::Classifier;
use crate::calibration::softmax;
use crate::card::on_disk;
use crate::model::rows;
use crate::{ModelError, Targets};

pub use card::AdoptedCard;
pub use convert::{AdoptError, Adopted, adopt};
pub use presets::Preset;

/// A classifier made by others, its weights in this program's own network, with its [`AdoptedCard`].
///
/// It has no calibration and no outlier detector: its probabilities are the network's own, and it abstains from nothing that
/// its card accepts. Both come with `wilhelm train classifier --weights`, on data of whoever uses it.
#[derive(Debug)]
pub struct AdoptedClassifier {
    card: AdoptedCard,
    network: Classifier,
    device: Device,
}

impl AdoptedClassifier {
    /// Images in one pass.
    const BATCH: usize = 16;

    /// Puts a classifier together; the hash on the card is checked before the bytes are parsed.
    ///
    /// # Errors
    /// [`ModelError`] for a wrong hash, or weights that do not fit.
    pub fn from_parts(card: AdoptedCard, weights: Vec<u8>) -> Result<Self, ModelError> {
        on_disk::check_weights(&card, &weights)?;
        let device = Device::flex();
        let network = Classifier::load(&card.architecture, weights, &device)
            .map_err(|what| ModelError::Weights { model: card.name.clone(), what })?;
        Ok(Self { card, network, device })
    }

    /// The card.
    pub const fn card(&self) -> &AdoptedCard {
        &self.card
    }

    /// The network's own probabilities of images that were prepared as the card says, a number for each label, in the card's
    /// order: of labels of which one is right by softmax, of others by sigmoid.
    ///
    /// # Errors
    /// [`ModelError::Size`] for images of another size, [`ModelError::Output`] for numbers that are none.
    pub fn predict(&self, images: &[&Prepared]) -> Result<Vec<Vec<f64>>, ModelError> {
        let side = self.card.architecture.side;
        let groups = self.card.targets.groups(&self.card.labels);
        let mut all = Vec::with_capacity(images.len());
        for batch in images.chunks(Self::BATCH) {
            let mut values: Vec<f32> = Vec::with_capacity(batch.len() * side * side);
            for image in batch {
                if (image.columns, image.rows) != (side, side) {
                    return Err(ModelError::Size {
                        model: self.card.name.clone(),
                        columns: image.columns,
                        rows: image.rows,
                        side,
                        slices: 1,
                    });
                }
                values.extend(&image.pixels);
            }
            let input =
                Tensor::<4>::from_data(TensorData::new(values, [batch.len(), 1, side, side]), &self.device);
            for row in rows(self.network.forward(input).logits) {
                let row: Vec<f64> = row.into_iter().map(f64::from).collect();
                if let Some(value) = row.iter().copied().find(|value| !value.is_finite()) {
                    let source = wilhelm_study::UnitError::Probability { found: value };
                    return Err(ModelError::Output { model: self.card.name.clone(), source });
                }
                all.push(probabilities(&groups, &row));
            }
        }
        Ok(all)
    }
}

/// By softmax within groups of several, by sigmoid of labels by themselves.
fn probabilities(groups: &[Vec<usize>], logits: &[f64]) -> Vec<f64> {
    let mut found = vec![0.0; logits.len()];
    for group in groups {
        match group[..] {
            [only] => found[only] = 1.0 / (1.0 + (-logits[only]).exp()),
            ref group => {
                let own: Vec<f64> = group.iter().map(|label| logits[*label]).collect();
                for (label, share) in group.iter().zip(softmax(&own)) {
                    found[*label] = share;
                }
            }
        }
    }
    found
}

impl Targets {
    /// How a network's own scores become probabilities, in words.
    pub const fn activation(&self) -> &'static str {
        match self {
            Self::OneOf => "softmax",
            Self::MultiLabel => "sigmoid",
            Self::Groups(_) => "softmax and sigmoid",
        }
    }
}
