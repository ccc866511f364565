//! The loop on a network small enough to be trained in milliseconds.

use super::*;
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::activation::relu;
use std::cell::Cell;

#[derive(Module, Debug)]
struct Small {
    first: Linear,
    dropout: Dropout,
    second: Linear,
}

impl Small {
    fn new(device: &Device) -> Self {
        Self {
            first: LinearConfig::new(4, 16).init(device),
            dropout: DropoutConfig::new(0.3).init(),
            second: LinearConfig::new(16, 3).init(device),
        }
    }
}

/// Points about three centers.
struct Points {
    training: Vec<usize>,
    /// After how many batches a target is no number.
    spoiled_after: Option<usize>,
    /// After how many batches targets count ten thousand times.
    grown_after: Option<usize>,
    batches: Cell<usize>,
    loss: Loss,
}

fn point(place: usize) -> ([f32; 4], usize) {
    let label = place % 3;
    let noise = |axis: usize| ((place * 37 + axis * 101) % 97) as f32 / 97.0 - 0.5;
    (std::array::from_fn(|axis| noise(axis) + if axis == label { 1.0 } else { 0.0 }), label)
}

fn points() -> Points {
    Points {
        training: (0..90).collect(),
        spoiled_after: None,
        grown_after: None,
        batches: Cell::new(0),
        loss: Loss::CrossEntropy,
    }
}

impl Lessons for Points {
    type Network = Small;
    type Inputs = TensorData;

    fn training(&self) -> &[usize] {
        &self.training
    }

    fn batch(&self, _: usize, places: &[usize]) -> (TensorData, TensorData) {
        self.batches.set(self.batches.get() + 1);
        let spoiled = self.spoiled_after.is_some_and(|after| self.batches.get() > after);
        let inputs: Vec<f32> = places.iter().flat_map(|place| point(*place).0).collect();
        let grown = self.grown_after.is_some_and(|after| self.batches.get() > after);
        let one = if spoiled {
            f32::NAN
        } else if grown {
            1e4
        } else {
            1.0
        };
        let targets: Vec<f32> = places
            .iter()
            .flat_map(|place| (0..3).map(move |label| if label == point(*place).1 { one } else { 0.0 }))
            .collect();
        let rows = places.len();
        (TensorData::new(inputs, [rows, 4]), TensorData::new(targets, [rows, 3]))
    }

    fn loss(&self, network: &Small, inputs: TensorData, targets: TensorData, device: &Device) -> Tensor<1> {
        self.loss.of(logits(network, inputs, device), Tensor::from_data(targets, device))
    }

    fn validate(&self, network: &Small) -> Result<Validated, LearnError> {
        let places: Vec<usize> = (90..150).collect();
        let (inputs, _) = self.batch(1, &places);
        let values = logits(network, inputs, &Device::flex()).into_data();
        let values = values.try_to_vec::<f32>().expect("floats");
        let (mut loss, mut right) = (0.0, 0.0);
        for (row, place) in values.chunks_exact(3).zip(&places) {
            let label = point(*place).1;
            let greatest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = row.iter().map(|logit| (logit - greatest).exp()).sum();
            loss += greatest + sum.ln() - row[label];
            right += f32::from(row.iter().all(|logit| *logit <= row[label]));
        }
        Ok(Validated { loss: loss / 60.0, accuracy: Some(right / 60.0), dice: None })
    }
}

fn logits(network: &Small, inputs: TensorData, device: &Device) -> Tensor<2> {
    let input = Tensor::<2>::from_data(inputs, device);
    network.second.forward(network.dropout.forward(relu(network.first.forward(input))))
}

pub(super) fn settings() -> Optimization {
    Optimization {
        epochs: 6,
        warm_up_epochs: 1,
        batch: 10,
        learning_rate: 0.02,
        schedule: Schedule::Cosine,
        optimizer: Optimizer::Adamw,
        weight_decay: 0.01,
        clip_norm: 1.0,
        loss: Loss::CrossEntropy,
        average: 0.0,
        patience: 0,
        keep: Keep::Last,
        label_smoothing: 0.0,
        class_balance: 0.0,
    }
}

/// Stops after some steps.
struct Until {
    left: usize,
    seconds: f64,
    reports: Vec<EpochReport>,
}

impl TrainProgress for Until {
    fn step(&mut self, _: usize, _: usize) {
        self.left -= 1;
        self.seconds += 1.0;
    }
    fn epoch(&mut self, report: EpochReport) {
        self.reports.push(report);
    }
    fn cancelled(&self) -> bool {
        self.left == 0
    }
    fn seconds(&self) -> f64 {
        self.seconds
    }
}

fn until(steps: usize) -> Until {
    Until { left: steps, seconds: 0.0, reports: Vec::new() }
}

fn trained(
    settings: &Optimization,
    lessons: &Points,
    checkpoints: Option<(&Checkpoints, f64)>,
    progress: &mut Until,
) -> Result<Fitted<Small>, LearnError> {
    fit(settings, 11, lessons, Small::new, checkpoints, progress)
}

#[test]
fn every_optimizer_learns_the_points_and_the_same_seed_gives_the_same_weights() {
    let sgd = Optimizer::Sgd { momentum: 0.9, nesterov: true };
    for (optimizer, learning_rate) in
        [(Optimizer::Adamw, 0.02), (Optimizer::Adam, 0.02), (sgd, 0.1), (Optimizer::Adagrad, 0.1)]
    {
        let settings = Optimization { optimizer, learning_rate, ..settings() };
        let once = trained(&settings, &points(), None, &mut until(1000)).expect("trained");
        let last = once.history.last().expect("six passes");
        assert!(last.validation_accuracy > Some(0.9), "{optimizer:?}: {last:?}");
        assert!(last.training_loss < once.history[0].training_loss, "{optimizer:?}");
        let twice = trained(&settings, &points(), None, &mut until(1000)).expect("trained");
        assert_eq!(to_bytes_alike(&once.network), to_bytes_alike(&twice.network), "{optimizer:?}");
    }
}

fn to_bytes_alike(network: &Small) -> Vec<u8> {
    Average::new(0.5, network).to_bytes()
}

#[test]
fn a_run_stopped_at_any_step_goes_on_to_the_same_weights_and_history() {
    let sgd = Optimizer::Sgd { momentum: 0.9, nesterov: false };
    let kinds = [
        Optimization { average: 0.9, keep: Keep::Best, ..settings() },
        Optimization { optimizer: sgd, learning_rate: 0.1, ..settings() },
        Optimization { optimizer: Optimizer::Adagrad, loss: Loss::Focal { gamma: 2.0 }, ..settings() },
    ];
    for settings in kinds {
        let points = || Points { loss: settings.loss, ..points() };
        let unbroken = trained(&settings, &points(), None, &mut until(1000)).expect("trained");
        // Nine steps a pass: in the first pass, at its end, after it, in the last.
        for stop in [1, 8, 9, 10, 31, 53] {
            let place = tempfile::tempdir().expect("a folder");
            let checkpoints = Checkpoints::new(place.path().to_owned());
            let stopped = trained(&settings, &points(), Some((&checkpoints, 4.0)), &mut until(stop));
            assert!(matches!(stopped, Err(LearnError::Cancelled)), "{stop}");
            let mut rest = until(1000);
            let resumed =
                trained(&settings, &points(), Some((&checkpoints, 4.0)), &mut rest).expect("resumed");
            assert_eq!(rest.seconds, 54.0 - stop as f64, "steps are not made again");
            assert_eq!(resumed.history, unbroken.history, "{stop}");
            assert_eq!(rest.reports, unbroken.history, "{stop}");
            assert_eq!(resumed.epoch, unbroken.epoch);
            assert_eq!(to_bytes_alike(&resumed.network), to_bytes_alike(&unbroken.network), "{stop}");
        }
    }
}

#[test]
fn a_checkpoint_before_each_step_changes_nothing() {
    // No average, whose start looks at all weights.
    let unbroken = trained(&settings(), &points(), None, &mut until(1000)).expect("trained");
    let place = tempfile::tempdir().expect("a folder");
    let checkpoints = Checkpoints::new(place.path().to_owned());
    let always = Some((&checkpoints, -1.0));
    let stopped = trained(&settings(), &points(), always, &mut until(2));
    assert!(matches!(stopped, Err(LearnError::Cancelled)));
    let resumed = trained(&settings(), &points(), always, &mut until(1000)).expect("resumed");
    assert_eq!(to_bytes_alike(&resumed.network), to_bytes_alike(&unbroken.network));
    assert_eq!(resumed.history, unbroken.history);
}

#[test]
fn a_diverging_loss_stops_the_run_and_the_last_good_checkpoint_stays() {
    let place = tempfile::tempdir().expect("a folder");
    let checkpoints = Checkpoints::new(place.path().to_owned());
    // Nine batches and one for validation make a pass.
    let spoiled = Points { spoiled_after: Some(12), ..points() };
    let stopped = trained(&settings(), &spoiled, Some((&checkpoints, 1e9)), &mut until(1000));
    let error = stopped.expect_err("the loss is no number").to_string();
    assert!(error.contains("in epoch 2") && error.contains("last good checkpoint"), "{error}");
    let (standing, _) = checkpoints.newest().expect("read").expect("the first pass's");
    assert_eq!((standing.epoch, standing.steps), (2, 9));
    let again = trained(&settings(), &points(), Some((&checkpoints, 1e9)), &mut until(1000));
    assert!(again.is_ok());
}

#[test]
fn a_loss_that_explodes_and_stays_a_number_stops_the_run_and_the_last_good_checkpoint_stays() {
    let place = tempfile::tempdir().expect("a folder");
    let checkpoints = Checkpoints::new(place.path().to_owned());
    let sgd = Optimizer::Sgd { momentum: 0.0, nesterov: false };
    // From the third pass on the targets count ten thousand times.
    let exploding = Points { grown_after: Some(20), ..points() };
    let settings = Optimization { optimizer: sgd, learning_rate: 1e-6, epochs: 9, ..settings() };
    let stopped = trained(&settings, &exploding, Some((&checkpoints, 1e9)), &mut until(1000));
    let error = stopped.expect_err("the loss explodes");
    assert!(matches!(error, LearnError::Exploded { epoch: 5, passes: 3, kept: true, .. }), "{error:?}");
    let said = error.to_string();
    assert!(said.contains("in epoch 5 and was above 10 times that of the first step"), "{said}");
    assert!(said.ends_with("the run's folder keeps the last good checkpoint"), "{said}");
    // Nine steps a pass: what was kept is the end of the second.
    let (standing, _) = checkpoints.newest().expect("read").expect("the second pass's");
    assert_eq!((standing.epoch, standing.steps, standing.history.len()), (3, 18, 2));
    // Killed within the explosion, it goes on from there and stops at the same pass.
    let again = trained(&settings, &exploding, Some((&checkpoints, 1e9)), &mut until(1000));
    assert!(matches!(again, Err(LearnError::Exploded { .. })), "{again:?}");
}

#[test]
fn a_loss_that_starts_near_nothing_may_rise_and_two_bad_passes_are_forgiven() {
    let standing = |first: f32, losses: &[f32]| {
        let report = |training_loss: f32| EpochReport {
            epoch: 1,
            epochs: 1,
            learning_rate: 0.1,
            training_loss,
            validation_loss: 1.0,
            validation_accuracy: None,
            validation_dice: None,
        };
        let history = losses.iter().map(|loss| report(*loss)).collect();
        Standing { first: Some(first), history, ..Standing::default() }
    };
    assert_eq!(standing(1.0, &[1.0, 10.5, 11.0]).exploded(), 2);
    assert_eq!(standing(1.0, &[11.0, 11.0, 9.0]).exploded(), 0);
    assert_eq!(standing(0.01, &[0.2, 0.9, 0.9]).exploded(), 0);
    assert_eq!(standing(0.01, &[1.1, 1.1, 1.1]).exploded(), 3);
    assert_eq!(Standing::default().exploded(), 0);
}

#[test]
fn a_run_without_progress_stops_early_and_the_best_pass_is_kept() {
    let hopeless = Optimization { patience: 2, keep: Keep::Best, ..settings() };
    // So large a rate that the best pass is not beaten for long, and not so large that the loss explodes.
    let wild = Optimization { learning_rate: 0.2, epochs: 40, ..hopeless };
    let fitted = trained(&wild, &points(), None, &mut until(10_000)).expect("trained");
    assert!(fitted.history.len() < 40, "{}", fitted.history.len());
    assert_eq!(fitted.epoch + 2, fitted.history.len());
    let least = fitted.history.iter().map(|report| report.validation_loss).fold(f32::INFINITY, f32::min);
    assert_eq!(fitted.history[fitted.epoch - 1].validation_loss, least);
    let Validated { loss, .. } = points().validate(&fitted.network).expect("validated");
    assert!((loss - least).abs() < 1e-5, "{loss} for {least}");
}

#[test]
fn a_checkpoint_of_another_network_is_refused() {
    let place = tempfile::tempdir().expect("a folder");
    let checkpoints = Checkpoints::new(place.path().to_owned());
    let parts = vec![(NETWORK.to_owned(), b"no burnpack".to_vec()), (OPTIMIZER.to_owned(), vec![])];
    checkpoints.save(&Standing { epoch: 1, ..Standing::default() }, &parts).expect("saved");
    let refused = trained(&settings(), &points(), Some((&checkpoints, 60.0)), &mut until(1000));
    assert!(matches!(refused, Err(LearnError::Checkpoint { .. })), "{refused:?}");
}
