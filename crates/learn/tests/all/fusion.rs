//! What each fusion can and cannot learn.

#[path = "../../examples/fusion/phantom.rs"]
mod phantom;

use phantom::{Truth, cases, recipe};
use wilhelm_filters::{Fit, Prepared, Region};
use wilhelm_learn::fusion::{
    FusionCase, FusionData, FusionFigures, FusionRecipe, FusionRuns, divide_cases, fit_fusion, train_fusion,
};
use wilhelm_learn::{EpochReport, Keeping, LearnError, Maker, Resume, TrainProgress};
use wilhelm_nets::{FusionCard, FusionModel, ModelError};

struct Quiet;

impl TrainProgress for Quiet {
    fn step(&mut self, _: usize, _: usize) {}
    fn epoch(&mut self, _: EpochReport) {}
    fn cancelled(&self) -> bool {
        false
    }
    fn seconds(&self) -> f64 {
        0.0
    }
}

fn fitted(recipe: &FusionRecipe, truth: Truth, count: usize) -> FusionFigures {
    let data = cases(recipe, truth, count, 1);
    let division = divide_cases(recipe, &data).expect("both labels on both sides");
    fit_fusion(recipe, &data, &division.split, None, &mut Quiet).expect("fitted").figures
}

fn auc(figures: &FusionFigures, inputs: [bool; 2]) -> f64 {
    let subset = figures.subset(&inputs).expect("each subset is measured");
    subset.figures.as_ref().expect("both labels are there").macro_auc.estimate
}

const BOTH: [bool; 2] = [true, true];
const FIRST: [bool; 2] = [true, false];
const SECOND: [bool; 2] = [false, true];

#[test]
fn what_shows_in_two_inputs_together_is_learned_by_early_and_intermediate_fusion_and_not_by_late() {
    for fusion in ["early", "intermediate"] {
        let figures = fitted(&recipe(fusion, 0.2, "baselines = false"), Truth::OneOfBoth, 400);
        assert!(auc(&figures, BOTH) > 0.9, "{fusion}: {}", auc(&figures, BOTH));
        for alone in [FIRST, SECOND] {
            assert!((auc(&figures, alone) - 0.5).abs() < 0.15, "{fusion}: {}", auc(&figures, alone));
        }
    }
    let figures = fitted(&recipe("late", 0.0, ""), Truth::OneOfBoth, 400);
    assert!((auc(&figures, BOTH) - 0.5).abs() < 0.15, "{}", auc(&figures, BOTH));
    for baseline in &figures.baselines {
        assert!((baseline.macro_auc.expect("both labels are there").estimate - 0.5).abs() < 0.15);
    }
}

#[test]
fn evidence_of_two_inputs_adds_up_in_every_fusion_and_one_alone_still_says_something() {
    for (fusion, drop) in [("early", 0.3), ("intermediate", 0.3), ("late", 0.0)] {
        let more = if drop > 0.0 { "baselines = false" } else { "" };
        let figures = fitted(&recipe(fusion, drop, more), Truth::Brightness, 400);
        let (both, first, second) = (auc(&figures, BOTH), auc(&figures, FIRST), auc(&figures, SECOND));
        assert!(both > first.max(second) + 0.02, "{fusion}: {both} of {first} and {second}");
        // 0.856 of the best reader of one input, 0.933 of both.
        assert!(first > 0.75 && second > 0.75 && both > 0.87, "{fusion}: {both} of {first} and {second}");
    }
}

/// A recipe that is trained in a second.
fn quick(fusion: &str, more: &str) -> FusionRecipe {
    let drop_input = if fusion == "late" { 0.0 } else { 0.3 };
    let mut recipe = recipe(fusion, drop_input, more);
    recipe.recipe.optimization.epochs = 12;
    recipe.recipe.optimization.average = 0.9;
    recipe.recipe.mirror = true;
    recipe
}

/// Cases of which some lack an input.
fn crooked(recipe: &FusionRecipe) -> FusionData {
    let cases = (0..120).map(|number| {
        let mut case = phantom::case(Truth::Brightness, number, 2);
        if number % 5 == 1 {
            case.inputs[0] = None;
        } else if number % 7 == 2 {
            case.inputs[1] = None;
        }
        case
    });
    FusionData::new(recipe, cases.collect()).expect("cases")
}

#[test]
fn a_trained_model_says_of_its_validation_cases_what_it_was_measured_by_and_the_same_seed_the_same() {
    for (fusion, more) in [("early", "baselines = false"), ("intermediate", "shared = true"), ("late", "")] {
        let recipe = quick(fusion, more);
        let data = crooked(&recipe);
        let division = divide_cases(&recipe, &data).expect("a split");
        let train = || {
            train_fusion(&recipe, &data, &division, None, ("r.toml", "a command"), &mut Quiet)
                .expect("trained")
        };
        let trained = train();
        assert!(trained.weights == train().weights, "{fusion}: the same seed gives the same weights");
        let card = &trained.card;
        assert_eq!(FusionCard::from_toml(&card.to_toml().expect("TOML")).expect("read again"), *card);
        assert_eq!(card.subsets.len(), 3);
        assert_eq!(card.baselines.len(), if more.contains("false") { 0 } else { 2 });
        assert!(card.inputs.iter().all(|input| input.cases < division.split.training.len()));
        let model = FusionModel::from_parts(card.clone(), trained.weights.clone(), &trained.detectors);
        let model = model.expect("a model");
        let prepared: Vec<Vec<Option<Prepared>>> = trained
            .held_out
            .cases
            .iter()
            .map(|case| {
                let number: usize = case.image.parse().expect("the cases are numbered");
                let values = phantom::case(Truth::Brightness, number, 2).inputs;
                let there = &data.present[number];
                values
                    .into_iter()
                    .zip(there)
                    .zip(&card.inputs)
                    .map(|((values, there), input)| {
                        assert_eq!(input.preparation.fit, Fit::Stretch);
                        let normal =
                            |value: f32| (value - input.preparation.mean) / input.preparation.deviation;
                        let pixels: Vec<f32> = values?.into_iter().map(normal).collect();
                        let (columns, rows) = (phantom::SIDE, phantom::SIDE * phantom::SLICES);
                        let region = Region { column: 0, row: 0, columns, rows };
                        there.then_some(Prepared { pixels, columns, rows, region })
                    })
                    .collect()
            })
            .collect();
        let borrowed: Vec<Vec<Option<&Prepared>>> =
            prepared.iter().map(|case| case.iter().map(Option::as_ref).collect()).collect();
        let predictions = model.predict(&borrowed).expect("predicted");
        for ((prediction, case), there) in predictions.iter().zip(&trained.held_out.cases).zip(&borrowed) {
            let present: Vec<bool> = there.iter().map(Option::is_some).collect();
            let subset = card.subset(&present).expect("it is on the card");
            let labels = prediction.labels.as_ref().expect("it has a calibration");
            let expected = subset.calibration.as_ref().expect("as above").probabilities(&case.logits);
            for (label, expected) in labels.iter().zip(expected) {
                let found = label.probability.estimate.value();
                // The stack of a validation case's figures had not seen it; that of the card has.
                let most = if fusion == "late" { 0.3 } else { 1e-5 };
                assert!((found - expected).abs() < most, "{fusion}: {found} and {expected}");
            }
            let scored: Vec<bool> = prediction.outlier_scores.iter().map(Option::is_some).collect();
            assert_eq!(scored, present);
        }
        let none = model.predict(&[vec![None, None]]).expect_err("nothing to read");
        assert!(matches!(none, ModelError::Missing { .. }), "{none}");
    }
}

/// Stops a run after so many steps.
struct Stopping {
    left: usize,
}

impl TrainProgress for Stopping {
    fn step(&mut self, _: usize, _: usize) {
        self.left = self.left.saturating_sub(1);
    }
    fn epoch(&mut self, _: EpochReport) {}
    fn cancelled(&self) -> bool {
        self.left == 0
    }
    fn seconds(&self) -> f64 {
        0.0
    }
}

#[test]
fn a_run_that_was_stopped_again_and_again_ends_with_the_weights_of_an_unbroken_one() {
    let mut recipe = quick("intermediate", "");
    recipe.recipe.optimization.epochs = 4;
    let data = crooked(&recipe);
    let division = divide_cases(&recipe, &data).expect("a split");
    let words = ("r.toml", "a command");
    let whole = train_fusion(&recipe, &data, &division, None, words, &mut Quiet).expect("trained");
    let folder = tempfile::tempdir().expect("a folder");
    let keeping = |resume: bool| Keeping {
        resume: if resume { Resume::Alike } else { Resume::No },
        every: 60.0,
        maker: Maker { program: "a test".to_owned(), device: "paper".to_owned() },
    };
    let open = |resume: bool| {
        FusionRuns::open(folder.path(), (&recipe, "text"), &data.data.sha256, &keeping(resume))
    };
    let mut stops = 0;
    let (runs, broken) = loop {
        let runs = open(stops > 0).expect("a run to go on with");
        match train_fusion(&recipe, &data, &division, Some(&runs), words, &mut Stopping { left: 11 }) {
            Ok(trained) => break (runs, trained),
            Err(LearnError::Cancelled) => stops += 1,
            Err(error) => panic!("{error}"),
        }
    };
    assert!(stops > 5, "{stops} stops");
    assert!(whole.weights == broken.weights);
    assert_eq!(whole.card.subsets, broken.card.subsets);
    assert_eq!(whole.card.baselines, broken.card.baselines);
    runs.finish(&broken).expect("over");
    for file in ["metrics.json", "held-out.json", "alone-a/metrics.json", "alone-b/history.json"] {
        assert!(folder.path().join(file).is_file(), "{file}");
    }
    assert!(open(true).expect_err("it is over").to_string().contains("finished run"));
}

#[test]
fn data_that_do_not_fit_are_refused() {
    let recipe = quick("early", "");
    let case =
        |inputs: Vec<Option<Vec<f32>>>| FusionCase { name: "x".to_owned(), patient: None, inputs, label: 0 };
    let said = |inputs| FusionData::new(&recipe, vec![case(inputs)]).expect_err("refused").to_string();
    let values = phantom::SIDE * phantom::SIDE * phantom::SLICES;
    assert_eq!(said(vec![None, None]), "data in x: has no input");
    let expected = format!("data in x: expected 2 inputs of {values} finite values each");
    assert_eq!(said(vec![Some(vec![0.0; 3]), None]), expected);
    assert_eq!(said(vec![Some(vec![f32::NAN; values]), None]), expected);
    assert_eq!(said(vec![Some(vec![0.0; values])]), expected);
    // An input that no case has cannot be learned.
    let cases = (0..40).map(|number| {
        let mut case = phantom::case(Truth::Brightness, number, 3);
        case.inputs[1] = None;
        case
    });
    let data = FusionData::new(&recipe, cases.collect()).expect("cases");
    let error = divide_cases(&recipe, &data).expect_err("refused");
    assert!(matches!(error, LearnError::Split(_)));
    assert!(error.to_string().contains("input b is missing in all cases to train on"), "{error}");
}
