//! The training loop: batches in order, steps, passes, checkpoints.

mod average;
mod checkpoint;
mod dense_loss;
mod loss;
mod memory;
mod optimizer;
mod schedule;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Bytes, Device, Tensor, TensorData};
use burn_store::{BurnpackStore, ModuleSnapshot};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use wilhelm_nets::Processor;

pub use dense_loss::SegmentationLoss;
pub use loss::Loss;
pub use memory::Room;
pub use optimizer::Optimizer;
pub use schedule::Schedule;

pub(crate) use checkpoint::Checkpoints;
pub(crate) use memory::Footprint;

use crate::seed::generator;
use crate::{LearnError, Optimization};
use average::Average;
use checkpoint::{Parts, Standing};

const NETWORK: &str = "network.bpk";
const OPTIMIZER: &str = "optimizer.bpk";
const AVERAGE: &str = "average.bin";
const BEST: &str = "best.bpk";

/// Times the loss of the first step above which the mean loss of a pass has exploded.
const EXPLODED: f32 = 10.0;
/// The loss of the first step counts as at least this: a network that was trained before begins near 0, and a bump there is
/// no explosion.
const LEAST_START: f32 = 0.1;
/// Passes one after another whose loss exploded, after which a run stops.
const EXPLODED_PASSES: usize = 3;

/// What happened in one pass over the training data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochReport {
    /// The pass, from 1.
    pub epoch: usize,
    /// Passes in all.
    pub epochs: usize,
    /// Learning rate of its last step.
    pub learning_rate: f32,
    /// Mean training loss, with varied images and smoothed targets.
    pub training_loss: f32,
    /// Loss of the validation images; of a classifier the cross-entropy.
    pub validation_loss: f32,
    /// Share of the validation images whose likeliest label is right; of a classifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_accuracy: Option<f32>,
    /// Mean Dice of the validation images on the network's grid; of a segmenter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_dice: Option<f32>,
}

impl EpochReport {
    /// What the validation images say beside their loss: its name and its value.
    pub fn score(&self) -> Option<(&'static str, f32)> {
        let accuracy = self.validation_accuracy.map(|value| ("accuracy", value));
        accuracy.or(self.validation_dice.map(|value| ("Dice", value)))
    }
}

/// What the validation images say after a pass.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Validated {
    /// By this the best pass is chosen.
    pub loss: f32,
    /// Of a classifier.
    pub accuracy: Option<f32>,
    /// Of a segmenter.
    pub dice: Option<f32>,
}

/// Told how a training run goes, and asked whether to go on.
pub trait TrainProgress {
    /// Before one of several networks is trained: what it reads.
    fn network(&mut self, _words: &str) {}
    /// After each step.
    fn step(&mut self, done: usize, total: usize);
    /// After each pass.
    fn epoch(&mut self, report: EpochReport);
    /// Whether to stop.
    fn cancelled(&self) -> bool;
    /// Seconds since some moment before the run: time comes in here.
    fn seconds(&self) -> f64;
    /// Before the first step, where the network's sizes tell: about how many bytes training will hold beside those that are
    /// held already. What comes back is how many may be taken, and training that needs more is refused; `None` goes on.
    fn memory(&mut self, _needed_bytes: u64) -> Option<Room> {
        None
    }
    /// What computes the network while it learns.
    fn processor(&self) -> Processor {
        Processor::Cpu
    }
}

/// What a network learns from, and how it is asked.
pub(crate) trait Lessons {
    /// The network.
    type Network: Module;
    /// What it is given of some examples.
    type Inputs;

    /// The examples to learn from.
    fn training(&self) -> &[usize];

    /// Varied inputs of some examples and their soft targets, the same at each call.
    fn batch(&self, epoch: usize, places: &[usize]) -> (Self::Inputs, TensorData);

    /// `[1]`: the mean loss of a batch.
    fn loss(
        &self,
        network: &Self::Network,
        inputs: Self::Inputs,
        targets: TensorData,
        device: &Device,
    ) -> Tensor<1>;

    /// What one example needs in memory, where the network's sizes tell.
    fn footprint(&self) -> Option<Footprint> {
        None
    }

    /// What the validation examples say.
    fn validate(&self, network: &Self::Network) -> Result<Validated, LearnError>;
}

/// A fitted network and how it came about.
#[derive(Debug)]
pub(crate) struct Fitted<N> {
    /// Ready to read.
    pub network: N,
    /// Every pass.
    pub history: Vec<EpochReport>,
    /// The pass that the weights are from.
    pub epoch: usize,
    /// Seconds of all parts of the run.
    pub seconds: f64,
}

/// A run under way.
struct Course<N> {
    network: N,
    optimizer: ModuleOptimizer,
    average: Option<Average>,
    best: Option<Vec<u8>>,
    standing: Standing,
}

/// Fits a network; goes on from the newest checkpoint where there is one.
///
/// The same settings, lessons and seed give the same weights, however often the run was interrupted.
pub(crate) fn fit<L: Lessons, K>(
    settings: &Optimization<K>,
    seed: u64,
    lessons: &L,
    fresh: impl FnOnce(&Device) -> L::Network,
    checkpoints: Option<(&Checkpoints, f64)>,
    progress: &mut dyn TrainProgress,
) -> Result<Fitted<L::Network>, LearnError> {
    let plain = progress.processor().device()?;
    plain.seed(seed);
    let device = plain.clone().autodiff();
    let mut course = start(settings, fresh(&device), checkpoints)?;
    // Of a graphics processor's own memory nothing is known here.
    if let (Some(footprint), Processor::Cpu) = (lessons.footprint(), progress.processor()) {
        let (parameters, examples) = (course.network.num_params(), lessons.training().len());
        let needed = memory::needed(&footprint, settings, parameters, examples);
        if let Some(room) = progress.memory(needed) {
            memory::check(&footprint, settings, parameters, examples, &room)?;
        }
    }
    let began = progress.seconds() - course.standing.seconds;
    let steps_an_epoch = (lessons.training().len() / settings.batch).max(1);
    let steps = steps_an_epoch * settings.epochs;
    let warm_up = (steps_an_epoch * settings.warm_up_epochs).max(1);
    let mut saved = progress.seconds();
    for report in &course.standing.history {
        progress.epoch(*report);
    }
    while course.standing.epoch <= settings.epochs && !stopped_early(settings, &course.standing) {
        let epoch = course.standing.epoch;
        let mut order = lessons.training().to_vec();
        order.sort_unstable();
        order.shuffle(&mut generator(seed, 2, epoch as u64));
        let batches = order.chunks(settings.batch).take(steps_an_epoch);
        for batch in batches.skip(course.standing.steps_in_epoch) {
            let stop = progress.cancelled();
            // Before the first step there is nothing to keep, and weights that nobody has looked at are not drawn yet:
            // saving them would draw them at another moment.
            if let Some((checkpoints, every)) = checkpoints
                && course.standing.steps > 0
                && (stop || progress.seconds() - saved > every)
            {
                saved = progress.seconds();
                course.standing.seconds = saved - began;
                course.save(checkpoints)?;
            }
            if stop {
                return Err(LearnError::Cancelled);
            }
            // Dropout draws from the device's own generator: each step has its own start.
            plain.seed(
                seed.wrapping_add((course.standing.steps as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            );
            let (inputs, targets) = lessons.batch(epoch, batch);
            let loss = lessons.loss(&course.network, inputs, targets, &device);
            let value = loss.clone().into_data().try_to_vec::<f32>().map_or(f32::NAN, |values| values[0]);
            if !value.is_finite() {
                return Err(diverged(epoch, value, checkpoints));
            }
            course.standing.first.get_or_insert(value);
            let gradients = GradientsParams::from_grads(loss.backward(), &course.network);
            let rate = settings.schedule.rate(settings.learning_rate, course.standing.steps, warm_up, steps);
            course.network = course.optimizer.step(rate, course.network, gradients);
            if let Some(average) = &mut course.average {
                average.add(&course.network);
            }
            let standing = &mut course.standing;
            standing.losses = (f64::from_bits(standing.losses) + f64::from(value)).to_bits();
            standing.steps += 1;
            standing.steps_in_epoch += 1;
            progress.step(standing.steps, steps);
        }
        if !is_finite(&course.network) {
            return Err(diverged(epoch, f32::NAN, checkpoints));
        }
        let validated = lessons.validate(&course.usable())?;
        if !validated.loss.is_finite() {
            return Err(diverged(epoch, validated.loss, checkpoints));
        }
        let last = course.standing.steps.saturating_sub(1);
        let report = EpochReport {
            epoch,
            epochs: settings.epochs,
            learning_rate: settings.schedule.rate(settings.learning_rate, last, warm_up, steps) as f32,
            training_loss: (f64::from_bits(course.standing.losses) / steps_an_epoch as f64) as f32,
            validation_loss: validated.loss,
            validation_accuracy: validated.accuracy,
            validation_dice: validated.dice,
        };
        course.end_epoch(settings, report)?;
        progress.epoch(report);
        let exploded = course.standing.exploded();
        if exploded >= EXPLODED_PASSES {
            return Err(LearnError::Exploded {
                epoch,
                loss: report.training_loss,
                first: course.standing.first.unwrap_or(f32::NAN),
                times: EXPLODED,
                passes: exploded,
                kept: is_kept(checkpoints),
            });
        }
        if let Some((checkpoints, _)) = checkpoints {
            saved = progress.seconds();
            course.standing.seconds = saved - began;
            course.save(checkpoints)?;
        }
    }
    let seconds = progress.seconds() - began;
    course.finished(settings, seconds)
}

fn stopped_early<K>(settings: &Optimization<K>, standing: &Standing) -> bool {
    let since = standing.best.map_or(0, |(epoch, _)| standing.epoch - 1 - epoch);
    settings.patience > 0 && since >= settings.patience
}

fn start<N: Module, K>(
    settings: &Optimization<K>,
    network: N,
    checkpoints: Option<(&Checkpoints, f64)>,
) -> Result<Course<N>, LearnError> {
    let average = (settings.average > 0.0).then(|| Average::new(settings.average, &network));
    let fresh = Course {
        network,
        optimizer: optimizer::optimizer(settings),
        average,
        best: None,
        standing: Standing { epoch: 1, ..Standing::default() },
    };
    match checkpoints.map(|(checkpoints, _)| checkpoints.newest()).transpose()?.flatten() {
        Some((standing, parts)) => fresh.at(standing, parts),
        None => Ok(fresh),
    }
}

impl<N: Module> Course<N> {
    /// The network that would be kept now.
    fn usable(&self) -> N {
        match &self.average {
            Some(average) => average.apply(self.network.valid()),
            None => self.network.valid(),
        }
    }

    fn end_epoch<K>(&mut self, settings: &Optimization<K>, report: EpochReport) -> Result<(), LearnError> {
        if self.standing.best.is_none_or(|(_, least)| report.validation_loss < least) {
            self.standing.best = Some((report.epoch, report.validation_loss));
            if settings.keep == Keep::Best {
                self.best = Some(to_bytes(&self.usable())?);
            }
        }
        self.standing.history.push(report);
        self.standing.epoch += 1;
        self.standing.steps_in_epoch = 0;
        self.standing.losses = 0.0_f64.to_bits();
        Ok(())
    }

    fn save(&self, checkpoints: &Checkpoints) -> Result<(), LearnError> {
        if self.standing.exploded() > 0 || !is_finite(&self.network) {
            // The newest checkpoint is the last good one.
            return Ok(());
        }
        let optimizer = self.optimizer.into_bytes();
        let optimizer = optimizer.map_err(|error| LearnError::Weights(error.to_string()))?.to_vec();
        let mut parts: Parts =
            vec![(NETWORK.to_owned(), to_bytes(&self.network)?), (OPTIMIZER.to_owned(), optimizer)];
        parts.extend(self.average.as_ref().map(|average| (AVERAGE.to_owned(), average.to_bytes())));
        parts.extend(self.best.as_ref().map(|best| (BEST.to_owned(), best.clone())));
        checkpoints.save(&self.standing, &parts)
    }

    fn at(mut self, standing: Standing, parts: Parts) -> Result<Self, LearnError> {
        let other = |what: &str| LearnError::Checkpoint { what: what.to_owned() };
        let part = |name: &str| parts.iter().find(|(part, _)| part == name).map(|(_, bytes)| bytes);
        let network = part(NETWORK).ok_or_else(|| other("has no network"))?;
        self.network = from_bytes(self.network, network)?;
        let optimizer = part(OPTIMIZER).ok_or_else(|| other("has no state of the optimizer"))?.clone();
        self.optimizer = self
            .optimizer
            .from_bytes(Bytes::from_bytes_vec(optimizer))
            .map_err(|error| LearnError::Checkpoint { what: error.to_string() })?;
        if let Some(average) = self.average {
            let bytes = part(AVERAGE).ok_or_else(|| other("has no average of the weights"))?;
            let again = Average::from_bytes(average.decay(), &self.network, bytes);
            self.average = Some(again.ok_or_else(|| other("has the average of another network"))?);
        }
        self.best = part(BEST).cloned();
        self.standing = standing;
        Ok(self)
    }

    fn finished<K>(self, settings: &Optimization<K>, seconds: f64) -> Result<Fitted<N>, LearnError> {
        let network = self.usable();
        let last = self.standing.epoch - 1;
        let (network, epoch) = match (settings.keep, &self.best, self.standing.best) {
            (Keep::Best, Some(best), Some((epoch, _))) => (from_bytes(network, best)?.valid(), epoch),
            _ => (network, last),
        };
        // Figures, cards and predictions are those of the main processor, wherever it learned.
        let network = network.to_device(&Device::flex());
        Ok(Fitted { network, history: self.standing.history, epoch, seconds })
    }
}

/// Where a network's weights lie, all of them.
pub(crate) fn device_of(network: &impl Module) -> Device {
    network.devices().into_iter().next().unwrap_or_else(Device::flex)
}

/// Which pass the weights are taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// The last.
    #[default]
    Last,
    /// The one with the least validation loss; the validation figures are then chosen, and look better than they are.
    Best,
}

fn to_bytes(network: &impl Module) -> Result<Vec<u8>, LearnError> {
    let fail = |error: &dyn std::fmt::Display| LearnError::Weights(error.to_string());
    let mut store = BurnpackStore::from_bytes(None);
    // Running statistics take in their last update only when they are asked so, as `valid` does.
    network.valid().save_into(&mut store).map_err(|error| fail(&error))?;
    Ok(store.get_bytes().map_err(|error| fail(&error))?.to_vec())
}

/// Burnpack keeps the identity of each parameter, by which the optimizer knows its state.
fn from_bytes<N: Module>(mut network: N, bytes: &[u8]) -> Result<N, LearnError> {
    let fail = |what: String| LearnError::Checkpoint { what };
    let mut store = BurnpackStore::from_bytes(Some(Bytes::from_bytes_vec(bytes.to_vec())));
    let result = network.load_from(&mut store).map_err(|error| fail(error.to_string()))?;
    if let Some(missing) = result.missing.first() {
        return Err(fail(format!("{missing:?} is missing")));
    }
    match result.errors.first() {
        Some(error) => Err(fail(error.to_string())),
        None => Ok(network),
    }
}

fn diverged(epoch: usize, loss: f32, checkpoints: Option<(&Checkpoints, f64)>) -> LearnError {
    LearnError::Diverged { epoch, loss, kept: is_kept(checkpoints) }
}

/// Whether there is a checkpoint to go on from.
fn is_kept(checkpoints: Option<(&Checkpoints, f64)>) -> bool {
    checkpoints.is_some_and(|(checkpoints, _)| matches!(checkpoints.newest(), Ok(Some(_))))
}

impl Standing {
    /// How many of the last passes, one after another, had a loss far above that of the first step.
    fn exploded(&self) -> usize {
        let Some(first) = self.first else { return 0 };
        let bound = EXPLODED * first.max(LEAST_START);
        self.history.iter().rev().take_while(|report| report.training_loss > bound).count()
    }
}

/// Draws all random weights now, from the device's seed: otherwise each is drawn when it is first looked at, which for one
/// that no pass uses may be when a checkpoint is written.
pub(crate) fn drawn<N: Module>(network: N) -> N {
    network.visit(&mut Look { finite: true });
    network
}

fn is_finite(network: &impl Module) -> bool {
    let mut look = Look { finite: true };
    network.visit(&mut look);
    look.finite
}

struct Look {
    finite: bool,
}

impl ModuleVisitor for Look {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let values = param.val().into_data().try_to_vec::<f32>();
        self.finite &= values.is_ok_and(|values| values.iter().all(|value| value.is_finite()));
    }
}

#[cfg(test)]
mod tests;
