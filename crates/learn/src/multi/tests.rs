use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use wilhelm_nets::{Calibration, Card};

use super::*;
use crate::dataset::tests::example;
use crate::evaluation::Table;
use crate::evaluation::label_tables::LabelCell;
use crate::{Example, Loss, Recipe, Start, TrainProgress, divide, load, train_classifier};

/// A recipe of three labels; `targets` and more go before its tables.
fn recipe(targets: &str, more: &str) -> Result<Recipe, String> {
    let text = format!(
        r#"
name = "findings"
version = "1.0.0"
title = "Findings"
license = "Apache-2.0"
must_not = ["It must not be used for anything but tests."]
seed = 5
mirror = false
validation_share = 0.3
duplicates_above = 0.9999
fit = "stretch"
data_words = "breast ultrasound, its classes as findings"
data_license = "none"
citation = "none"
targets = {targets}
{more}
[data]
kind = "label_table"
table = "labels.csv"
columns = ["Lesion", "Malignant"]
[input]
modalities = ["US"]
body_parts = ["BREAST"]
quantity = "arbitrary"
least_side = 8
greatest_aspect = 3.0
words = "a breast ultrasound"
population = "none"
[architecture]
widths = [8, 16, 24]
stem_stride = 2
side = 32
features = 16
model_width = 16
heads = 2
encoder_layers = 1
decoder_layers = 1
labels = 2
[[labels]]
key = "lesion"
name = "a lesion"
[[labels]]
key = "malignant"
name = "a malignant lesion"
[augmentation]
mirror = true
rotation_degrees = 5.0
scale = 0.05
shift = 0.02
contrast = 0.1
brightness = 0.02
log_gamma = 0.1
noise = 0.02
erase = 0.0
mix = 0.1
[optimization]
epochs = 6
warm_up_epochs = 1
batch = 32
learning_rate = 0.003
weight_decay = 0.01
clip_norm = 1.0
label_smoothing = 0.0
class_balance = 0.5
"#
    );
    Recipe::from_toml(&text).map_err(|error| error.to_string())
}

fn of(cells: [LabelCell; 2]) -> Example {
    Example { truths: cells.to_vec(), ..example(0, 0) }
}

fn value(loss: Loss, groups: &[Vec<usize>], logits: &[[f32; 2]], goals: &[Vec<f32>]) -> f32 {
    let device = Device::flex();
    let rows = logits.len();
    let logits = TensorData::new(logits.concat(), [rows, 2]);
    let goals = TensorData::new(goals.concat(), [rows, 4]);
    let found = loss_of(loss, groups, Tensor::from_data(logits, &device), Tensor::from_data(goals, &device));
    found.into_data().try_to_vec::<f32>().expect("floats")[0]
}

fn near(found: f32, expected: f32) {
    assert!((found - expected).abs() < 1e-5, "{found} for {expected}");
}

#[test]
fn losses_of_labels_by_themselves_worked_on_paper() {
    let recipe = recipe("\"multi_label\"", "").expect("a recipe");
    let groups = recipe.targets.groups(&recipe.labels);
    // sigmoid(2) = 0.880797; the second image's second label is in doubt and takes no part.
    let images = [of([LabelCell::Present, LabelCell::Absent]), of([LabelCell::Absent, LabelCell::Uncertain])];
    let batch: Vec<(&Example, &Example, f32)> = images.iter().map(|image| (image, image, 0.0)).collect();
    let logits = [[2.0, 0.0], [2.0, 5.0]];
    let high = 0.880_797_f32;
    let plain = |weights: [f32; 2]| {
        let made = Recipe {
            multi_label: MultiLabel { positive_weights: weights.to_vec(), ..recipe.multi_label.clone() },
            ..recipe.clone()
        };
        let split = crate::Split { training: vec![0, 1], validation: Vec::new() };
        goals(&made, &Weights::of(&made, &images, &split), &batch)
    };
    let expected = -(high.ln() + 0.5_f32.ln() + (1.0 - high).ln()) / 3.0;
    near(value(Loss::CrossEntropy, &groups, &logits, &plain([1.0, 1.0])), expected);
    // A weight of 3 counts the one presence thrice, as PyTorch's `pos_weight` does.
    let weighted = -(3.0 * high.ln() + 0.5_f32.ln() + (1.0 - high).ln()) / 3.0;
    near(value(Loss::CrossEntropy, &groups, &logits, &plain([3.0, 1.0])), weighted);
    let focal =
        -((1.0 - high).powi(2) * high.ln() + 0.25 * 0.5_f32.ln() + high.powi(2) * (1.0 - high).ln()) / 3.0;
    near(value(Loss::Focal { gamma: 2.0 }, &groups, &logits, &plain([1.0, 1.0])), focal);
    // Balanced to the half power: of label 0 one with and one without, of label 1 none with.
    let split = crate::Split { training: vec![0, 1], validation: Vec::new() };
    let balanced = goals(&recipe, &Weights::of(&recipe, &images, &split), &batch);
    near(value(Loss::CrossEntropy, &groups, &logits, &balanced), expected);
}

#[test]
fn a_group_of_several_is_lowered_as_labels_of_which_one_is_right() {
    let recipe = recipe("{ groups = [[\"lesion\", \"malignant\"]] }", "").expect("a recipe");
    let groups = recipe.targets.groups(&recipe.labels);
    let images =
        [of([LabelCell::Present, LabelCell::Absent]), of([LabelCell::Absent, LabelCell::Unmentioned])];
    let split = crate::Split { training: vec![0, 1], validation: Vec::new() };
    let batch: Vec<(&Example, &Example, f32)> = images.iter().map(|image| (image, image, 0.0)).collect();
    let made = Recipe {
        multi_label: MultiLabel { positive_weights: vec![1.0; 2], ..MultiLabel::default() },
        ..recipe
    };
    let goals = goals(&made, &Weights::of(&made, &images, &split), &batch);
    // Of the second image none is known to be there: it takes no part.
    let found = value(Loss::CrossEntropy, &groups, &[[2.0, 0.0], [1.0, 4.0]], &goals);
    near(found, -0.880_797_f32.ln());
}

#[test]
fn the_gradient_agrees_with_finite_differences() {
    let device = Device::flex().autodiff();
    let base = [1.5_f32, -0.5, 0.25, 2.0];
    let goals = vec![0.3_f32, 0.1, 0.2, 0.4, 0.0, 0.7, 0.5, 0.0];
    let tensor = |values: &[f32], columns: usize| {
        Tensor::<2>::from_data(TensorData::new(values.to_vec(), [2, columns]), &device)
    };
    for groups in [vec![vec![0], vec![1]], vec![vec![1, 0]]] {
        for loss in [Loss::CrossEntropy, Loss::Focal { gamma: 2.0 }] {
            let logits = tensor(&base, 2).require_grad();
            let gradients = loss_of(loss, &groups, logits.clone(), tensor(&goals, 4)).backward();
            let found = logits.grad(&gradients).expect("a gradient").into_data();
            let found = found.try_to_vec::<f32>().expect("floats");
            for (place, found) in found.iter().enumerate() {
                let at = |by: f32| {
                    let mut moved = base;
                    moved[place] += by;
                    let value = loss_of(loss, &groups, tensor(&moved, 2), tensor(&goals, 4)).into_data();
                    value.try_to_vec::<f32>().expect("floats")[0]
                };
                let expected = (at(1e-2) - at(-1e-2)) / 2e-2;
                assert!((found - expected).abs() < 1e-3, "{loss:?} at {place}: {found} for {expected}");
            }
        }
    }
}

#[test]
fn recipes_whose_targets_and_data_do_not_go_together_are_refused_in_a_sentence() {
    let refused = |targets: &str, more: &str, words: &str| {
        let said = recipe(targets, more).expect_err(words);
        assert!(said.contains(words), "{said}");
    };
    refused("\"one_of\"", "", "several labels at once: set targets");
    refused("{ groups = [[\"lesion\"]] }", "", "leave out malignant");
    refused("\"multi_label\"", "multi_label = { uncertain_of = { mass = \"present\" } }", "names mass");
    refused("\"multi_label\"", "multi_label = { positive_weights = [1.0] }", "one for each label");
    let one = crate::dataset::tests::recipe(&[]);
    let text = toml::to_string(&one).expect("TOML");
    let said = Recipe::from_toml(&text.replacen("mirror =", "targets = \"multi_label\"\nmirror =", 1));
    assert!(said.expect_err("no columns").to_string().contains("a column a label"));
    let several = recipe("\"multi_label\"", "").expect("a recipe");
    assert!(
        several
            .require_one_of("folds are")
            .expect_err("several")
            .to_string()
            .contains("folds are for labels")
    );
    assert!(one.require_one_of("folds are").is_ok());
}

#[test]
fn a_table_with_a_column_a_label_names_its_bad_cell() {
    let columns = ["a".to_owned(), "b".to_owned()];
    let read = |text: &str| {
        let table = Table::parse("t.csv", text.as_bytes()).expect("a table");
        LabelColumns { labels: &columns, patient: None, split: None }
            .read(Path::new("d"), &table)
            .map_err(|error| error.to_string())
    };
    let (entries, cells) = read("file,b,a\n1.png,1,0\n2.png,,-1\n").expect("two rows");
    assert_eq!(entries.len(), 2);
    use LabelCell::{Absent, Present, Uncertain, Unmentioned};
    assert_eq!(cells, [vec![Absent, Present], vec![Uncertain, Unmentioned]]);
    let said = read("file,b,a\n1.png,1,maybe\n").expect_err("no cell");
    assert!(said.starts_with("t.csv, line 2, column a: none of 1"), "{said}");
    assert!(read("file,a\n1.png,1\n").expect_err("no column").contains("has no column b"));
}

struct Silent;

impl TrainProgress for Silent {
    fn step(&mut self, _: usize, _: usize) {}
    fn epoch(&mut self, _: crate::EpochReport) {}
    fn cancelled(&self) -> bool {
        false
    }
    fn seconds(&self) -> f64 {
        0.0
    }
}

/// BUSI's classes as two findings, each for itself: a lesion, and whether it is malignant, which a picture without a lesion
/// does not say.
#[test]
fn two_findings_of_real_ultrasound_are_learned_calibrated_and_measured_each_for_itself() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/busi_256");
    if !shared.is_dir() {
        eprintln!("skipped: no breast ultrasound in ../shared/data");
        return;
    }
    let table = std::fs::read_to_string(shared.join("labels.csv")).expect("the set's table");
    let place = tempfile::tempdir().expect("a folder");
    let mut text = "file,Lesion,Malignant\n".to_owned();
    for line in table.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [lesion, malignant] = match cells[1] {
            "benign" => ["1", "0"],
            "malignant" => ["1", "1"],
            _ => ["0", ""],
        };
        text += &format!("{},{lesion},{malignant}\n", shared.join(cells[0]).display());
    }
    std::fs::write(place.path().join("labels.csv"), text).expect("written");
    let recipe = recipe("\"multi_label\"", "").expect("a recipe");
    let data = load(&recipe, place.path()).expect("the images");
    assert_eq!(data.examples.len(), table.lines().count() - 1);
    let division = divide(&recipe, &data).expect("a split");
    let trained = train_classifier(&division, Start::Fresh, None, "r", "c", &mut Silent).expect("trained");
    let card = &trained.card;
    assert_eq!(Card::from_toml(&card.to_toml().expect("TOML")).expect("a card"), *card);
    let figures = &card.validation;
    assert_eq!(figures.each.len(), 2);
    let [lesion, malignant] = &figures.each[..] else { panic!("two labels") };
    assert!(lesion.known > malignant.known, "pictures without a lesion say nothing of malignancy");
    eprintln!("{figures:?}");
    // Well above chance after a few passes, and consistent with what was said of the same images.
    assert!(lesion.auc.estimate > 0.6 && malignant.auc.estimate > 0.6);
    let calibration: &Calibration = &card.calibration;
    let of_label = |label: usize| -> (Vec<f64>, Vec<bool>) {
        let cases = trained.held_out.cases.iter();
        cases
            .filter_map(|case| Some((calibration.probabilities(&case.logits)[label], case.known[label]?)))
            .unzip()
    };
    for (label, figures) in figures.each.iter().enumerate() {
        let (scores, positives) = of_label(label);
        let auc = wilhelm_stats::roc_auc(&scores, &positives).expect("two kinds");
        assert!((auc - figures.auc.estimate).abs() < 1e-12);
        assert_eq!(
            (figures.known, figures.positives),
            (scores.len(), positives.iter().filter(|there| **there).count())
        );
        // Platt's line fits the mean: calibrated probabilities add up to the positives.
        let sum: f64 = scores.iter().sum();
        assert!((sum - figures.positives as f64).abs() < 0.02 * scores.len() as f64, "{sum}");
        assert!(figures.auc.low <= auc && auc <= figures.auc.high);
    }
    let again =
        train_classifier(&division, Start::Trained(trained.weights.clone()), None, "r", "c", &mut Silent);
    assert_eq!(again.expect("measured").card.validation, *figures);
}
