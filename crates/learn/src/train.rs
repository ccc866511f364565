mod start;

pub use start::Start;

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor, TensorData};
use burn_store::{FloatCastAdapter, ModuleSnapshot, SafetensorsStore};
use rand::RngExt;
use rayon::prelude::*;
use wilhelm_filters::Preparation;
use wilhelm_nets::arch::Classifier;
use wilhelm_nets::{Card, OutlierCard, OutlierDetector, TapStatistics, appearance};
use wilhelm_stats::{Mahalanobis, Rows, quantile};

use crate::evaluate::{CROSSED, Images, evaluate};
use crate::fit::{Footprint, Lessons, Validated, device_of};
use crate::hash::sha256;
use crate::multi::{Weights, goals, loss_of, measure_labels, validated};
use crate::origin::mean_and_deviation;
use crate::recorder::recorded;
use crate::seed::generator;
use crate::{
    Division, EpochReport, Example, HeldOut, HeldOutCase, Keep, LearnError, Recipe, Run, Split, TrainProgress,
};

/// Shares of validation images that the outlier detector lets through: by what the network saw at one depth,
/// and by the appearance, which is what tells neighboring kinds of images apart.
const LET_THROUGH: (f64, f64) = (0.995, 0.97);
/// Images in one pass without gradients.
pub(crate) const EVALUATION_BATCH: usize = 64;

/// What a training run gives.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The card, with hashes and figures.
    pub card: Card,
    /// `weights.safetensors`
    pub weights: Vec<u8>,
    /// `outliers.safetensors`
    pub detector: Vec<u8>,
    /// The validation images and what the network says of them, for whoever repeats the figures.
    pub held_out: HeldOut,
    /// Numbers in the network.
    pub parameters: usize,
    /// Every pass; empty where the weights were trained before.
    pub history: Vec<EpochReport>,
    /// The pass that the weights are from.
    pub epoch: Option<usize>,
    /// Seconds of training, over all parts of an interrupted run.
    pub seconds: Option<f64>,
}

/// Trains a classifier as the recipe of `division` says on one part of its data and measures it on the other.
///
/// `start` says what it begins with. With a `run`, checkpoints and history are written to its folder,
/// and training goes on from the newest checkpoint there. `recipe_name` and `command` are written on the card.
///
/// # Errors
/// [`LearnError`].
pub fn train_classifier(
    division: &Division<'_>,
    start: Start,
    run: Option<&Run>,
    recipe_name: &str,
    command: &str,
    progress: &mut dyn TrainProgress,
) -> Result<Trained, LearnError> {
    let Division { recipe, data, split, .. } = division;
    let examples = &data.examples;
    if let Some(run) = run {
        run.put_division(division)?;
    }
    let preparation = preparation(recipe, examples, split);
    let (mut history, mut epoch, mut seconds) = (Vec::new(), None, None);
    start.check(recipe)?;
    let network = match &start {
        Start::Trained(weights) => Classifier::load(&recipe.architecture, weights.clone(), &Device::flex())
            .map_err(|what| LearnError::Start { what })?,
        Start::Fresh | Start::Encoder { .. } => {
            let (weights, presence) = if recipe.targets.is_one_of() {
                (class_weights(recipe, examples, split), None)
            } else {
                (Vec::new(), Some(Weights::of(recipe, examples, split)))
            };
            let pictures = Pictures { recipe, examples, split, preparation: &preparation, weights, presence };
            let fresh = |device: &Device| start.network(recipe, device);
            let fitted =
                recorded(&recipe.name, &recipe.optimization, recipe.seed, &pictures, fresh, run, progress)?;
            (history, epoch, seconds) = (fitted.history, Some(fitted.epoch), Some(fitted.seconds));
            fitted.network
        }
    };

    let (network, weights) = match start {
        Start::Trained(weights) => (network, weights),
        Start::Fresh | Start::Encoder { .. } => kept(recipe, network)?,
    };
    let validation = pass(&network, examples, &split.validation, &preparation, recipe.mirror)?;
    let mut held_out = held_out(examples, &split.validation, &validation.logits);
    let held: Vec<&Example> = split.validation.iter().map(|place| &examples[*place]).collect();
    if !recipe.targets.is_one_of() {
        for (case, example) in held_out.cases.iter_mut().zip(&held) {
            case.known = example.truths.iter().map(|cell| recipe.multi_label.known(*cell)).collect();
        }
    }
    if let Some(run) = run {
        // Before the figures, which a network that learned nothing does not have.
        run.put_held_out(&held_out)?;
    }
    let truth: Vec<usize> = split.validation.iter().map(|place| examples[*place].label).collect();
    let words = format!("{}; {CROSSED}", division.words);
    let words = match recipe.optimization.keep {
        Keep::Best => format!("{words}; the pass was chosen by them too"),
        Keep::Last => words,
    };
    let patients: Option<Vec<usize>> =
        split.validation.iter().map(|place| examples[*place].patient).collect();
    let patients = patients.as_deref();
    let evaluation = if recipe.targets.is_one_of() {
        let groups: Vec<usize> = split.validation.iter().map(|place| division.groups[*place]).collect();
        let images = Images { labels: &truth, groups: &groups, patients };
        evaluate(recipe, &validation.logits, images, words, command.to_owned())?
    } else {
        measure_labels(recipe, &validation.logits, &held, words, command.to_owned())?
    };
    let training = pass(&network, examples, &split.training, &preparation, false)?;
    let detector = fit_outliers(&training.taps, &validation.taps)?;
    let scores: Vec<f64> = validation.taps.iter().map(|taps| detector.score(taps)).collect();
    let above = scores.iter().filter(|score| **score > 1.0).count();

    let detector = detector.to_bytes()?;
    let card = Card {
        schema: Card::SCHEMA,
        name: recipe.name.clone(),
        version: recipe.version.clone(),
        title: recipe.title.clone(),
        license: recipe.license.clone(),
        must_not: recipe.must_not.clone(),
        weights: "weights.safetensors".to_owned(),
        weights_sha256: sha256(&weights),
        mirror: recipe.mirror,
        targets: recipe.targets.clone(),
        input: recipe.input.clone(),
        preparation,
        architecture: recipe.architecture.clone(),
        labels: recipe.labels.clone(),
        calibration: evaluation.calibration,
        outlier: OutlierCard {
            file: "outliers.safetensors".to_owned(),
            sha256: sha256(&detector),
            threshold: 1.0,
            validation_abstained: above as f64 / scores.len() as f64,
        },
        training: recipe.origin().training(split.training.len(), &data.sha256, recipe_name),
        validation: evaluation.figures,
        reads_image: None,
    };
    let parameters = network.num_params();
    Ok(Trained { card, weights, detector, held_out, parameters, history, epoch, seconds })
}

/// The weights as they are kept, and the network that has just these.
fn kept(recipe: &Recipe, network: Classifier) -> Result<(Classifier, Vec<u8>), LearnError> {
    // The store's own metadata have no order, and the same weights shall have the same hash.
    let mut store = SafetensorsStore::from_bytes(None).clear_metadata();
    if recipe.half_weights {
        store = store.with_to_adapter(FloatCastAdapter::to(DType::F16));
    }
    network.save_into(&mut store).map_err(|error| LearnError::Weights(error.to_string()))?;
    let weights = store.get_bytes().map_err(|error| LearnError::Weights(error.to_string()))?;
    if !recipe.half_weights {
        return Ok((network, weights));
    }
    let network = Classifier::load(&recipe.architecture, weights.clone(), &Device::flex());
    Ok((network.map_err(LearnError::Weights)?, weights))
}

pub(crate) fn held_out(examples: &[Example], places: &[usize], logits: &[Vec<f64>]) -> HeldOut {
    let case = |(place, logits): (&usize, &Vec<f64>)| HeldOutCase {
        image: examples[*place].source.clone(),
        label: examples[*place].label,
        known: Vec::new(),
        logits: logits.clone(),
    };
    HeldOut { schema: HeldOut::SCHEMA, cases: places.iter().zip(logits).map(case).collect() }
}

/// Mean and deviation of the training pixels.
pub(crate) fn preparation(recipe: &Recipe, examples: &[Example], split: &Split) -> Preparation {
    let measured =
        || mean_and_deviation(split.training.iter().map(|place| examples[*place].pixels.as_slice()));
    let (mean, deviation) =
        recipe.normalization.map_or_else(measured, |stated| (stated.mean, stated.deviation));
    let side = recipe.architecture.side;
    Preparation { columns: side, rows: side, fit: recipe.fit, mean, deviation }
}

/// The images of a classifier.
pub(crate) struct Pictures<'a> {
    pub recipe: &'a Recipe,
    pub examples: &'a [Example],
    pub split: &'a Split,
    pub preparation: &'a Preparation,
    /// One a label.
    pub weights: Vec<f32>,
    /// The same where labels are not one of all.
    pub presence: Option<Weights>,
}

impl Lessons for Pictures<'_> {
    type Network = Classifier;
    type Inputs = TensorData;

    fn training(&self) -> &[usize] {
        &self.split.training
    }

    fn batch(&self, epoch: usize, places: &[usize]) -> (TensorData, TensorData) {
        let drawn = varied(self.recipe, self.examples, places, self.preparation, epoch);
        let targets: Vec<Vec<f32>> = match &self.presence {
            Some(presence) => {
                let batch: Vec<(&Example, &Example, f32)> = drawn
                    .mixed
                    .iter()
                    .zip(places)
                    .map(|((other, mixed), own)| (&self.examples[*own], &self.examples[*other], *mixed))
                    .collect();
                goals(self.recipe, presence, &batch)
            }
            None => drawn
                .mixed
                .iter()
                .zip(places)
                .map(|((other, mixed), own)| {
                    let label = self.examples[*own].label;
                    let other = (self.examples[*other].label, *mixed);
                    soft_target(self.recipe, label, other, self.weights[label])
                })
                .collect(),
        };
        let columns = targets.first().map_or(0, Vec::len);
        (drawn.inputs, TensorData::new(targets.concat(), [places.len(), columns]))
    }

    fn loss(
        &self,
        network: &Classifier,
        inputs: TensorData,
        targets: TensorData,
        device: &Device,
    ) -> Tensor<1> {
        let logits = network.forward(Tensor::from_data(inputs, device)).logits;
        let targets = Tensor::from_data(targets, device);
        if !self.recipe.targets.is_one_of() {
            let groups = self.recipe.targets.groups(&self.recipe.labels);
            return loss_of(self.recipe.optimization.loss, &groups, logits, targets);
        }
        self.recipe.optimization.loss.of(logits, targets)
    }

    fn footprint(&self) -> Option<Footprint> {
        let sizes = &self.recipe.architecture;
        Some(Footprint {
            activations: sizes.activations(),
            at_once: Some(EVALUATION_BATCH.div_ceil(sizes.slices)),
            sizes: "side, slices or widths under [architecture]",
        })
    }

    fn validate(&self, network: &Classifier) -> Result<Validated, LearnError> {
        let places = &self.split.validation;
        let rows = pass(network, self.examples, places, self.preparation, false)?.logits;
        if !self.recipe.targets.is_one_of() {
            let held: Vec<&Example> = places.iter().map(|place| &self.examples[*place]).collect();
            return Ok(validated(self.recipe, &rows, &held));
        }
        let labels = places.iter().map(|place| self.examples[*place].label);
        let (loss, accuracy) = loss_and_accuracy(&rows, labels);
        Ok(Validated { loss, accuracy: Some(accuracy), dice: None })
    }
}

/// Mean cross-entropy, and the share whose greatest logit is the label's.
pub(crate) fn loss_and_accuracy(logits: &[Vec<f64>], labels: impl Iterator<Item = usize>) -> (f32, f32) {
    let (mut loss, mut right) = (0.0, 0.0);
    for (row, label) in logits.iter().zip(labels) {
        let greatest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = row.iter().map(|logit| (logit - greatest).exp()).sum();
        loss += greatest + sum.ln() - row[label];
        right += f64::from(row[label] >= greatest);
    }
    let count = logits.len().max(1) as f64;
    ((loss / count) as f32, (right / count) as f32)
}

/// How much a label's images count, by how few of them train.
pub(crate) fn class_weights(recipe: &Recipe, examples: &[Example], split: &Split) -> Vec<f32> {
    let mut counts = vec![0.0_f64; recipe.labels.len()];
    for place in &split.training {
        counts[examples[*place].label] += 1.0;
    }
    let mean = split.training.len() as f64 / counts.len() as f64;
    counts
        .iter()
        .map(|count| (mean / count.max(1.0)).powf(recipe.optimization.class_balance) as f32)
        .collect()
}

/// The target of an image, part of which is of another label, times a weight.
pub(crate) fn soft_target(
    recipe: &Recipe,
    label: usize,
    (other, mixed): (usize, f32),
    weight: f32,
) -> Vec<f32> {
    let smoothing = recipe.optimization.label_smoothing;
    let classes = recipe.labels.len();
    let mut target = vec![smoothing / classes as f32; classes];
    target[other] += (1.0 - smoothing) * mixed;
    target[label] += (1.0 - smoothing) * (1.0 - mixed);
    target.iter_mut().for_each(|value| *value *= weight);
    target
}

/// A batch of varied images.
struct Drawn {
    inputs: TensorData,
    /// With which image each was mixed, and how much of it there is.
    mixed: Vec<(usize, f32)>,
}

/// A batch of varied images.
fn varied(
    recipe: &Recipe,
    examples: &[Example],
    batch: &[usize],
    preparation: &Preparation,
    epoch: usize,
) -> Drawn {
    let side = recipe.architecture.side;
    let rows: Vec<(Vec<f32>, (usize, f32))> = batch
        .par_iter()
        .enumerate()
        .map(|(place, index)| {
            let mut random = generator(recipe.seed, 3 + epoch as u64, *index as u64);
            let example = &examples[*index];
            let mut pixels = recipe.augmentation.apply(&example.pixels, side, &mut random);
            let partner_of = batch[(place + 1) % batch.len()];
            let other = &examples[partner_of];
            let mut mixed = 0.0;
            if recipe.augmentation.mix > 0.0 {
                mixed = random.random_range(0.0..=recipe.augmentation.mix);
                let partner = recipe.augmentation.apply(&other.pixels, side, &mut random);
                for (pixel, second) in pixels.iter_mut().zip(partner) {
                    *pixel = *pixel * (1.0 - mixed) + second * mixed;
                }
            }
            for pixel in &mut pixels {
                *pixel = (*pixel - preparation.mean) / preparation.deviation;
            }
            (pixels, (partner_of, mixed))
        })
        .collect();
    let (pixels, mixed): (Vec<Vec<f32>>, Vec<(usize, f32)>) = rows.into_iter().unzip();
    let slices = recipe.architecture.slices;
    Drawn { inputs: TensorData::new(pixels.concat(), [batch.len(), slices, side, side]), mixed }
}

pub(crate) struct Pass {
    pub logits: Vec<Vec<f64>>,
    /// For each image, a vector a tap.
    pub taps: Vec<Vec<Vec<f32>>>,
}

/// Logits and taps of unvaried images.
pub(crate) fn pass(
    network: &Classifier,
    examples: &[Example],
    places: &[usize],
    preparation: &Preparation,
    mirror: bool,
) -> Result<Pass, LearnError> {
    let side = preparation.columns;
    let device = device_of(network);
    let mut all = Pass { logits: Vec::new(), taps: Vec::new() };
    let values = places.first().map_or(0, |place| examples[*place].pixels.len());
    let slices = (values / (side * side)).max(1);
    for batch in places.chunks(EVALUATION_BATCH.div_ceil(slices)) {
        let input = |mirror: bool| {
            let mut values: Vec<f32> = Vec::new();
            for place in batch {
                for row in examples[*place].pixels.chunks_exact(side) {
                    let normalize = |pixel: &f32| (pixel - preparation.mean) / preparation.deviation;
                    if mirror {
                        values.extend(row.iter().rev().map(normalize));
                    } else {
                        values.extend(row.iter().map(normalize));
                    }
                }
            }
            Tensor::<4>::from_data(TensorData::new(values, [batch.len(), slices, side, side]), &device)
        };
        let out = network.forward(input(false));
        let mut logits = rows(out.logits)?;
        if mirror {
            let mirrored = rows(network.forward(input(true)).logits)?;
            for (row, other) in logits.iter_mut().zip(mirrored) {
                row.iter_mut().zip(other).for_each(|(logit, second)| *logit = (*logit + second) / 2.0);
            }
        }
        let taps = out.taps.into_iter().map(rows).collect::<Result<Vec<_>, _>>()?;
        for (place, example) in batch.iter().enumerate() {
            let mut looks: Vec<Vec<f32>> = taps.iter().map(|tap| tap[place].clone()).collect();
            looks.push(appearance(&examples[*example].pixels, side));
            all.taps.push(looks);
        }
        all.logits.extend(logits.into_iter().map(|row| row.into_iter().map(f64::from).collect()));
    }
    Ok(all)
}

pub(crate) fn rows(tensor: Tensor<2>) -> Result<Vec<Vec<f32>>, LearnError> {
    let [_, columns] = tensor.dims();
    let values =
        tensor.into_data().try_to_vec::<f32>().map_err(|error| LearnError::Weights(format!("{error:?}")))?;
    Ok(values.chunks_exact(columns).map(<[f32]>::to_vec).collect())
}

/// Fits mean and precision of each tap on training images; its unit is the distance that its share of the
/// validation images stays below ([`LET_THROUGH`]; the appearance is the last).
pub(crate) fn fit_outliers(
    training: &[Vec<Vec<f32>>],
    validation: &[Vec<Vec<f32>>],
) -> Result<OutlierDetector, LearnError> {
    let taps = training.first().map_or(0, Vec::len);
    let taps = (0..taps)
        .map(|tap| {
            let width = training[0][tap].len();
            let column = |place: usize| training.iter().map(move |image| f64::from(image[tap][place]));
            // Channels differ in size by orders; the shrinkage toward a sphere wants one scale.
            let scales: Vec<f64> = (0..width)
                .map(|place| {
                    let mean = column(place).sum::<f64>() / training.len() as f64;
                    let variance = column(place).map(|value| (value - mean).powi(2)).sum::<f64>();
                    (variance / training.len() as f64).sqrt().max(1e-3)
                })
                .collect();
            let scaled: Vec<f64> = training
                .iter()
                .flat_map(|image| {
                    image[tap].iter().zip(&scales).map(|(value, scale)| f64::from(*value) / scale)
                })
                .collect();
            let fitted = Mahalanobis::fit(Rows::new(&scaled, width)?)?;
            let whitening = fitted.whitening();
            let mut statistics = TapStatistics {
                mean: fitted.mean(0).iter().zip(&scales).map(|(mean, scale)| (mean * scale) as f32).collect(),
                whitening: whitening
                    .chunks_exact(width)
                    .flat_map(|row| row.iter().zip(&scales).map(|(weight, scale)| (weight / scale) as f32))
                    .collect(),
                unit: 1.0,
            };
            let distances: Vec<f64> =
                validation.iter().map(|image| statistics.distance(&image[tap])).collect();
            let share = if tap + 1 == taps { LET_THROUGH.1 } else { LET_THROUGH.0 };
            statistics.unit = quantile(&distances, share)? as f32;
            Ok(statistics)
        })
        .collect::<Result<Vec<_>, LearnError>>()?;
    Ok(OutlierDetector { taps })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_and_accuracy_worked_on_paper() {
        // -ln(e / (e + 1)) = 0.313262 and -ln(1/2) = ln 2; equal logits count as right.
        let (loss, accuracy) = loss_and_accuracy(&[vec![1.0, 0.0], vec![3.0, 3.0]], [0, 1].into_iter());
        assert!((loss - (0.313_262 + std::f32::consts::LN_2) / 2.0).abs() < 1e-5, "{loss}");
        assert_eq!(accuracy, 1.0);
        assert_eq!(loss_and_accuracy(&[vec![1.0, 0.0]], [1].into_iter()).1, 0.0);
    }
}
