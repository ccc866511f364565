//! Encoders that learn from images alone: two views of one image shall be alike, and unlike all others (SimCLR).

mod contrast;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use wilhelm_filters::Preparation;
use wilhelm_nets::arch::Activations;
use wilhelm_nets::{ContrastiveFigures, EncoderCard};

use crate::fit::{Footprint, Lessons, Validated, device_of};
use crate::hash::sha256;
use crate::origin::Origin;
use crate::recorder::recorded;
use crate::seed::generator;
use crate::train::preparation;
use crate::{
    Augmentation, Division, EpochReport, Example, Keep, LearnError, Loss, Optimization, Optimizer, Recipe,
    Run, Schedule, TrainProgress,
};
use contrast::{Contrastive, partners, similarities};

/// Streams of randomness above those of a classifier's training.
const VIEWS: u64 = 1 << 32;

/// How an encoder is trained without labels: `[pretraining]` of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pretraining {
    /// Passes over the images.
    pub epochs: usize,
    /// Passes with a rising learning rate.
    pub warm_up_epochs: usize,
    /// Images a step; each gives two views, and is told from as many others.
    pub batch: usize,
    /// Greatest learning rate; it falls along a cosine.
    pub learning_rate: f64,
    /// How strongly weights are drawn to 0.
    pub weight_decay: f32,
    /// By what cosines are divided: the smaller, the more the nearest views count.
    pub temperature: f32,
    /// Length of the projection that is thrown away.
    pub projection: usize,
    /// How the two views of an image are varied.
    pub augmentation: Augmentation,
}

impl Pretraining {
    /// What is wrong with its numbers.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let faults = [
            (self.epochs == 0).then_some("epochs under [pretraining] must be at least 1"),
            (self.batch < 2).then_some(
                "batch under [pretraining] must be at least 2: one image has no other to be told from",
            ),
            (!(self.learning_rate.is_finite() && self.learning_rate > 0.0))
                .then_some("learning_rate under [pretraining] must be above 0"),
            (!(self.weight_decay.is_finite() && self.weight_decay >= 0.0))
                .then_some("weight_decay under [pretraining] must be at least 0"),
            (!(0.01..=10.0).contains(&self.temperature))
                .then_some("temperature under [pretraining] must lie from 0.01 to 10"),
            (!(1..=4096).contains(&self.projection))
                .then_some("projection under [pretraining] must lie from 1 to 4096"),
            (self.augmentation.mix > 0.0).then_some(
                "mix under [pretraining.augmentation] must be 0: a view of two images has no other view",
            ),
        ];
        faults.into_iter().flatten().next()
    }

    fn optimization(&self) -> Optimization {
        Optimization {
            epochs: self.epochs,
            warm_up_epochs: self.warm_up_epochs,
            batch: self.batch,
            learning_rate: self.learning_rate,
            schedule: Schedule::Cosine,
            optimizer: Optimizer::Adamw,
            weight_decay: self.weight_decay,
            clip_norm: 1.0,
            loss: Loss::CrossEntropy,
            average: 0.0,
            patience: 0,
            keep: Keep::Last,
            label_smoothing: 0.0,
            class_balance: 0.0,
        }
    }
}

/// What pre-training gives.
#[derive(Clone, Debug)]
pub struct Pretrained {
    /// The card.
    pub card: EncoderCard,
    /// `weights.safetensors`
    pub weights: Vec<u8>,
    /// Every pass; losses are NT-Xent, and the accuracy is the share of views that find their image's other view.
    pub history: Vec<EpochReport>,
    /// Seconds, over all parts of an interrupted run.
    pub seconds: f64,
    /// Numbers in the encoder.
    pub parameters: usize,
}

/// Trains an encoder on the training side of a division; no label is read but by the split, which keeps the labels' shares.
///
/// The validation side measures it. With a `run`, checkpoints and history are written to its folder, and training goes on
/// from the newest checkpoint there.
///
/// # Errors
/// [`LearnError::Recipe`] for a recipe that does not say how; [`LearnError::Split`] for too few images; as
/// [`train_classifier`](crate::train_classifier) otherwise.
///
/// # Source
/// Chen et al. 2020, arXiv:2002.05709
pub fn pretrain(
    division: &Division<'_>,
    run: Option<&Run>,
    recipe_name: &str,
    progress: &mut dyn TrainProgress,
) -> Result<Pretrained, LearnError> {
    let Division { recipe, data, split, .. } = division;
    let Some(settings) = &recipe.pretraining else {
        return Err(LearnError::Recipe(
            "it does not say how to pre-train: add [pretraining], as docs/few-labels.md shows".to_owned(),
        ));
    };
    data.check_finite()?;
    for (side, places) in [("train on", &split.training), ("measure by", &split.validation)] {
        if places.len() < 2 {
            return Err(LearnError::Split(format!(
                "{} images to {side}, expected at least 2: an image is told from others",
                places.len()
            )));
        }
    }
    if let Some(run) = run {
        run.put_division(division)?;
    }
    let preparation = preparation(recipe, &data.examples, split);
    let views = Views {
        recipe,
        settings,
        examples: &data.examples,
        training: &split.training,
        validation: &split.validation,
        preparation: &preparation,
    };
    let fresh = |device: &Device| Contrastive::new(&recipe.architecture, settings.projection, device);
    let fitted = recorded(&recipe.name, &settings.optimization(), recipe.seed, &views, fresh, run, progress)?;
    let validation = views.figures(&fitted.network)?;
    let weights = fitted.network.encoder.to_bytes().map_err(LearnError::Weights)?;
    let card = EncoderCard {
        schema: EncoderCard::SCHEMA,
        name: recipe.name.clone(),
        method: format!(
            "SimCLR: NT-Xent at temperature {}, {} images a step, projection of {} thrown away; labels unread",
            settings.temperature, settings.batch, settings.projection
        ),
        license: recipe.license.clone(),
        weights: "weights.safetensors".to_owned(),
        weights_sha256: sha256(&weights),
        preparation,
        architecture: recipe.architecture.clone(),
        training: Origin { epochs: settings.epochs, ..recipe.origin() }.training(
            split.training.len(),
            &data.sha256,
            recipe_name,
        ),
        validation: Some(validation),
    };
    let parameters = fitted.network.encoder.num_params();
    Ok(Pretrained { card, weights, history: fitted.history, seconds: fitted.seconds, parameters })
}

/// Pairs of views.
struct Views<'a> {
    recipe: &'a Recipe,
    settings: &'a Pretraining,
    examples: &'a [Example],
    training: &'a [usize],
    validation: &'a [usize],
    preparation: &'a Preparation,
}

impl Views<'_> {
    /// The first views of some images, then their second views.
    fn pairs(&self, epoch: usize, places: &[usize]) -> TensorData {
        let ClassifierSize { side, slices } = ClassifierSize::of(self.recipe);
        let both: Vec<(u64, usize)> =
            (0..2).flat_map(|view| places.iter().map(move |place| (view, *place))).collect();
        let rows: Vec<Vec<f32>> = both
            .par_iter()
            .map(|(view, place)| {
                let mut random = generator(self.recipe.seed, VIEWS + 2 * epoch as u64 + view, *place as u64);
                let mut pixels =
                    self.settings.augmentation.apply(&self.examples[*place].pixels, side, &mut random);
                let Preparation { mean, deviation, .. } = self.preparation;
                pixels.iter_mut().for_each(|pixel| *pixel = (*pixel - mean) / deviation);
                pixels
            })
            .collect();
        TensorData::new(rows.concat(), [2 * places.len(), slices, side, side])
    }

    /// How similar each view is to each: `[views, views]`.
    fn similar(&self, network: &Contrastive, inputs: TensorData, device: &Device) -> Tensor<2> {
        similarities(network.forward(Tensor::from_data(inputs, device)), self.settings.temperature)
    }

    /// Loss and accuracy on the validation side, whose views are the same after each pass; as many images at once as in
    /// training, so that the losses can be compared.
    fn figures(&self, network: &Contrastive) -> Result<ContrastiveFigures, LearnError> {
        let device = device_of(network);
        let batch = self.settings.batch.min(self.validation.len()).min(self.training.len());
        let (mut loss, mut right, mut images) = (0.0, 0.0, 0);
        for places in self.validation.chunks_exact(batch) {
            let logits = self.similar(network, self.pairs(0, places), &device);
            let rows = logits.into_data().try_to_vec::<f32>();
            let rows = rows.map_err(|error| LearnError::Weights(format!("{error:?}")))?;
            let views = 2 * batch;
            for (view, row) in rows.chunks_exact(views).enumerate() {
                let partner = f64::from(row[(view + batch) % views]);
                let greatest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let sum: f64 = row.iter().map(|similar| f64::from(similar - greatest).exp()).sum();
                loss += f64::from(greatest) + sum.ln() - partner;
                right += f64::from(u8::from(partner >= f64::from(greatest)));
            }
            images += batch;
        }
        let views = 2.0 * images as f64;
        let loss_of_chance = (2.0 * batch as f64 - 1.0).ln();
        Ok(ContrastiveFigures { images, loss: loss / views, loss_of_chance, accuracy: right / views })
    }
}

impl Lessons for Views<'_> {
    type Network = Contrastive;
    type Inputs = TensorData;

    fn training(&self) -> &[usize] {
        self.training
    }

    fn batch(&self, epoch: usize, places: &[usize]) -> (TensorData, TensorData) {
        (self.pairs(epoch, places), partners(places.len()))
    }

    fn loss(
        &self,
        network: &Contrastive,
        inputs: TensorData,
        targets: TensorData,
        device: &Device,
    ) -> Tensor<1> {
        self.settings
            .optimization()
            .loss
            .of(self.similar(network, inputs, device), Tensor::from_data(targets, device))
    }

    fn footprint(&self) -> Option<Footprint> {
        // Two views of each image.
        let Activations { kept, passing } = self.recipe.architecture.cnn_activations(1);
        Some(Footprint {
            activations: Activations { kept: 2.0 * kept, passing: 2.0 * passing },
            at_once: None,
            sizes: "side, slices or widths under [architecture]",
        })
    }

    fn validate(&self, network: &Contrastive) -> Result<Validated, LearnError> {
        let ContrastiveFigures { loss, accuracy, .. } = self.figures(network)?;
        Ok(Validated { loss: loss as f32, accuracy: Some(accuracy as f32), dice: None })
    }
}

/// What the network reads.
struct ClassifierSize {
    side: usize,
    slices: usize,
}

impl ClassifierSize {
    fn of(recipe: &Recipe) -> Self {
        Self { side: recipe.architecture.side, slices: recipe.architecture.slices }
    }
}

#[cfg(test)]
mod tests;
