//! The whole way on images small enough to be learned in seconds.

#[path = "../../../../testdata/squares/rule.rs"]
mod rule;

use std::path::Path;

use super::*;
use crate::{EpochReport, Example, Keeping, LearnError, Run, TrainProgress};
use rule::SIDE;
use wilhelm_nets::{
    DistanceUnit, Interval, SegmentBaseline, SegmentMetric, Segmenter, SegmenterArchitecture,
    SegmenterValidation,
};
use wilhelm_study::{Arbitrary, CodedConcept, Geometry, LabelMap, Mm, Segment, Spacing, Volume};

/// An image and its mask by a rule of the place.
pub(super) fn outline(size: [usize; 3], rule: impl Fn([usize; 3]) -> (f32, u16)) -> Outline {
    let [slices, rows, columns] = size;
    let all: Vec<(f32, u16)> = (0..slices * rows * columns)
        .map(|at| rule([at / (rows * columns), at / columns % rows, at % columns]))
        .collect();
    let (values, labels): (Vec<f32>, Vec<u16>) = all.into_iter().unzip();
    Outline {
        example: Example {
            label: usize::from(labels.iter().all(|label| *label == 0)),
            ..crate::dataset::tests::example(0, 0)
        },
        mask: "m.png".to_owned(),
        paths: Default::default(),
        size,
        values,
        labels,
        has_spacing: false,
    }
}

const RECIPE: &str = include_str!("../../../../testdata/squares/recipe.toml");

pub(super) fn recipe(changes: &[(&str, &str)]) -> Result<SegmenterRecipe, String> {
    let text = changes.iter().fold(RECIPE.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replacen(old, new, 1)
    });
    SegmenterRecipe::from_toml(&text).map_err(|error| error.to_string())
}

/// What one image's only segment is measured as.
pub(super) fn segment_figures(
    dice: f64,
    hausdorff_95: Option<f64>,
) -> crate::evaluation::masks::SegmentFigures {
    crate::evaluation::masks::SegmentFigures {
        label: 1,
        name: "square".to_owned(),
        true_ml: 1.0,
        predicted_ml: if dice > 0.0 { 1.0 } else { 0.0 },
        dice: Some(dice),
        iou: Some(dice / (2.0 - dice)),
        hausdorff_95_mm: hausdorff_95,
        average_surface_distance_mm: hausdorff_95,
        surface_dice: Some(dice),
    }
}

/// Metrics of a run whose one segment has this Dice, and a distance of ten times what it lacks.
pub(super) fn metrics_of(seed: u64, images: usize, dice: f64, baseline: f64) -> SegmenterMetrics {
    let interval = |estimate: f64| Some(Interval { estimate, low: estimate, high: estimate });
    let metric = SegmentMetric {
        segment: "square".to_owned(),
        images,
        missed: 0,
        false_alarms: 0,
        dice: interval(dice),
        hausdorff_95: interval(10.0 * (1.0 - dice)),
        surface_dice: interval(dice),
    };
    let simple = SegmentBaseline {
        name: "mean shape of the training masks".to_owned(),
        segment: "square".to_owned(),
        dice: interval(baseline),
    };
    SegmenterMetrics {
        model: "square".to_owned(),
        version: "1".to_owned(),
        seed,
        parameters: 7,
        epoch: 3,
        seconds: 2.0 * seed as f64,
        weights_sha256: String::new(),
        data_sha256: String::new(),
        truth: "a rule".to_owned(),
        validation: SegmenterValidation {
            split: String::new(),
            images,
            empty: 0,
            unit: DistanceUnit::Pixels,
            tolerance: 1.0,
            command: String::new(),
            segments: vec![metric],
            baselines: vec![simple],
        },
    }
}

fn gray(place: &Path, size: [u32; 2], pixel: impl Fn(u32, u32) -> u8) {
    let pixels: Vec<u8> = (0..size[0] * size[1]).map(|at| pixel(at % size[0], at / size[0])).collect();
    let png = wilhelm_formats::encode_png_gray(size[0], size[1], &pixels).expect("a picture");
    std::fs::create_dir_all(place.parent().expect("a folder")).expect("made");
    std::fs::write(place, png).expect("written");
}

/// Pictures of a bright square on noise, each with its mask; the first of `empty` have none.
fn squares(folder: &Path, count: u32, empty: u32) {
    for seed in 0..count {
        let filled = seed >= empty;
        gray(&folder.join(format!("{seed:02}.png")), [SIDE; 2], |column, row| {
            rule::pixel(seed, column, row, filled)
        });
        gray(&folder.join(format!("{seed:02}_mask.png")), [SIDE; 2], |column, row| {
            rule::mask(seed, column, row, filled)
        });
    }
}

/// Stops after some steps.
struct Until {
    left: usize,
    reports: Vec<EpochReport>,
    seconds: f64,
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

fn trained(
    recipe: &SegmenterRecipe,
    folder: &Path,
    run: Option<&Run>,
    steps: usize,
) -> Result<TrainedOutlines, LearnError> {
    let data = load_masks(recipe, folder)?;
    let division = divide_masks(recipe, &data)?;
    let mut progress = Until { left: steps, reports: Vec::new(), seconds: 0.0 };
    train_segmenter(&division, run, "square.toml", "wilhelm", &mut progress)
}

#[test]
fn a_segmenter_learns_squares_and_its_card_says_how_well_it_and_simpler_things_do() {
    let folder = tempfile::tempdir().expect("a folder");
    squares(folder.path(), 12, 2);
    let recipe = recipe(&[]).expect("a recipe");
    let found = trained(&recipe, folder.path(), None, usize::MAX).expect("trained");
    assert_eq!(found.history.len(), 30);
    let last = found.history[29];
    assert!(last.validation_dice > Some(0.9) && last.validation_accuracy.is_none(), "{last:?}");
    let card = &found.card;
    assert_eq!(
        wilhelm_nets::SegmenterCard::from_toml(&card.to_toml().expect("sound")).as_ref().ok(),
        Some(card)
    );
    let told = card.trained.as_ref().expect("trained here");
    let validation = &told.validation;
    assert_eq!((validation.images, validation.unit), (found.cases.cases.len(), DistanceUnit::Pixels));
    assert!(validation.split.contains("2 masks are empty"), "{}", validation.split);
    let metric = &validation.segments[0];
    let dice = metric.dice.expect("a Dice");
    assert!(dice.estimate > 0.85 && dice.low <= dice.estimate && dice.estimate <= dice.high, "{dice:?}");
    assert!(metric.hausdorff_95.expect("surfaces").estimate < 3.0, "{metric:?}");
    // A false alarm counts as 0.
    assert!(metric.surface_dice.expect("surfaces").estimate > 0.7, "{metric:?}");
    let names: Vec<&str> = validation.baselines.iter().map(|baseline| baseline.name.as_str()).collect();
    assert_eq!(names, ["mean shape of the training masks", "brighter than Otsu's threshold"]);
    let shape = validation.baselines[0].dice.expect("a Dice").estimate;
    assert!(shape < dice.estimate, "{shape}");
    assert_eq!(SegmenterMetrics::of(&found).expect("metrics").validation, *validation);

    // Weights and card are a segmenter, which finds the square of an image that is not among the data.
    let segmenter = Segmenter::from_parts(card.clone(), found.weights.clone()).expect("a segmenter");
    assert!(matches!(segmenter.card().architecture, SegmenterArchitecture::UNet(_)));
}

#[test]
fn the_same_seed_gives_the_same_weights_and_a_resumed_run_those_of_an_unbroken_one() {
    // Without deep supervision the coarser scorers are weights that no step uses.
    let stages = ("widths = [4, 8]", "widths = [4, 6, 8]");
    let varied = [
        stages,
        ("epochs = 30", "epochs = 3\naverage = 0.9\nkeep = \"best\""),
        ("rotation_degrees = 0.0", "rotation_degrees = 10.0\nelastic = { amplitude = 0.03, sigma = 0.1 }"),
        ("batch = 4", "batch = 2"),
        ("tolerance = 1.0", "tolerance = 1.0\ndeep_supervision = true"),
    ];
    check_resumed(&recipe(&varied).expect("a recipe"));
    check_resumed(
        &recipe(&[stages, ("epochs = 30", "epochs = 3"), ("batch = 4", "batch = 2")]).expect("a recipe"),
    );
}

/// Nine squares, of which six train: three steps a pass.
fn check_resumed(recipe: &SegmenterRecipe) {
    let folder = tempfile::tempdir().expect("a folder");
    squares(folder.path(), 9, 0);
    let unbroken = trained(recipe, folder.path(), None, usize::MAX).expect("trained");
    let again = trained(recipe, folder.path(), None, usize::MAX).expect("trained");
    assert!(unbroken.weights == again.weights && unbroken.card == again.card);
    for stop in [1, 3, 4, 8] {
        let place = tempfile::tempdir().expect("a folder");
        let open = |resume| {
            Run::open(&place.path().join("run"), "r", "d", &Keeping::for_tests(resume, -1.0)).expect("a run")
        };
        let run = open(false);
        let stopped = trained(recipe, folder.path(), Some(&run), stop);
        assert!(matches!(stopped, Err(LearnError::Cancelled)), "{stop}");
        drop(run);
        let run = open(true);
        let resumed = trained(recipe, folder.path(), Some(&run), usize::MAX).expect("resumed");
        assert!(resumed.weights == unbroken.weights, "{stop}");
        assert_eq!(resumed.history, unbroken.history, "{stop}");
        run.finish(&SegmenterMetrics::of(&resumed)).expect("finished");
        let held = std::fs::read(place.path().join("run/held-out.json")).expect("there");
        assert!(held == serde_json::to_vec_pretty(&unbroken.cases).expect("JSON"), "{stop}");
        let curves = std::fs::read_to_string(place.path().join("run/curves.html")).expect("there");
        assert!(curves.contains("validation Dice"), "{stop}");
    }
}

#[test]
fn four_images_are_learned_by_heart() {
    let folder = tempfile::tempdir().expect("a folder");
    squares(folder.path(), 6, 0);
    // Each image in training at every step; noise that says nothing of the mask would not matter either.
    let changes =
        [("epochs = 30", "epochs = 80"), ("[optimization]", "[optimization]\nschedule = \"constant\"")];
    let recipe = recipe(&changes).expect("a recipe");
    let found = trained(&recipe, folder.path(), None, usize::MAX).expect("trained");
    let (first, last) = (found.history[0].training_loss, found.history[79].training_loss);
    assert!(last < 0.1 * first, "{first} to {last}");
}

/// A NIfTI volume and its mask, with a ball of brightness; `value` is that of the mask.
fn ball(folder: &Path, seed: usize, spacing: [f64; 3], value: u16) {
    let [x, y, z] = spacing.map(Mm);
    let geometry =
        Geometry::axis_aligned([14, 12, 10], Spacing::new(x, y, z).expect("positive")).expect("a grid");
    let middle = [6 + seed % 3, 5 + seed % 2, 4 + seed % 3];
    let labels: Vec<u16> = (0..geometry.voxels())
        .map(|at| {
            let place = [at % 14, at / 14 % 12, at / 168];
            let far: usize = (0..3).map(|axis| place[axis].abs_diff(middle[axis]).pow(2)).sum();
            if far <= 12 { value } else { 0 }
        })
        .collect();
    let values = labels
        .iter()
        .enumerate()
        .map(|(at, label)| ((at * 31 + seed * 77) % 40) as f32 + if *label > 0 { 100.0 } else { 0.0 })
        .collect();
    let volume = Volume::<Arbitrary>::new(geometry, values).expect("a volume");
    let part = Segment::anatomy("ball", CodedConcept::new("SCT", "4147007", "Mass"), "test");
    let map = LabelMap::new(geometry, labels, [(value, part)].into()).expect("a map");
    let gzip = wilhelm_formats::Compression::Gzip;
    std::fs::write(folder.join(format!("{seed}.nii.gz")), wilhelm_formats::encode_nifti(&volume, gzip))
        .expect("written");
    std::fs::write(folder.join(format!("{seed}_mask.nii.gz")), wilhelm_formats::encode_nifti(&map, gzip))
        .expect("written");
}

#[test]
fn volumes_are_learned_from_windows_and_outlined_on_their_own_grid() {
    let folder = tempfile::tempdir().expect("a folder");
    (0..6).for_each(|seed| ball(folder.path(), seed, [1.0, 1.0, 1.5], 7));
    let changes = [
        ("window = [1, 16, 16]", "window = [8, 8, 8]\nspacing = [1.0, 1.0, 1.0]"),
        ("value = 255", "value = 7"),
        ("modalities = [\"US\"]", "modalities = [\"MR\"]"),
        ("duplicates_above = 0.999", "duplicates_above = 0.9999"),
        ("epochs = 30", "epochs = 20"),
        ("batch = 4", "batch = 2\nloss = { output = \"sigmoid\", over_batch = true }"),
        ("[augmentation]", "[patches]\nper_image = 4\nforeground = 0.5\n\n[augmentation]"),
    ];
    let recipe = recipe(&changes).expect("a recipe");
    let found = trained(&recipe, folder.path(), None, usize::MAX).expect("trained");
    let told = found.card.trained.as_ref().expect("trained here");
    assert_eq!(told.validation.unit, DistanceUnit::Millimeters);
    let dice = told.validation.segments[0].dice.expect("a Dice");
    assert!(dice.estimate > 0.7, "{dice:?}");
    assert!(matches!(found.card.architecture, SegmenterArchitecture::UNet3d(_)));
}

#[test]
fn masks_that_do_not_fit_their_images_are_named_with_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    squares(folder.path(), 3, 0);
    let at = |name: &str| folder.path().join(name);
    let of_squares = recipe(&[]).expect("a recipe");
    let said = || {
        let error = load_masks(&of_squares, folder.path()).expect_err("refused").to_string();
        error.replace(&folder.path().display().to_string(), "DIR")
    };
    gray(&at("01_mask.png"), [20, 19], |_, _| 255);
    assert_eq!(
        said(),
        "data in DIR: 1 of 3 images cannot be used: 01.png: its mask 01_mask.png lies on another grid: 20 x 19 pixels \
         against 20 x 20 pixels of the image; mend them or take them out"
    );
    gray(&at("01_mask.png"), [20, 20], |column, _| if column == 3 { 128 } else { 0 });
    assert!(
        said().contains(
            "01.png: its mask 01_mask.png has the value 128, which is none of the recipe's 255 (0 is background)"
        ),
        "{}",
        said()
    );
    gray(&at("01_mask.png"), [20, 20], |column, _| if column < 3 { 7 + column as u8 } else { 255 });
    assert!(said().contains("has the values 7, 8, 9, which are none of the recipe's 255"), "{}", said());
    gray(&at("01_mask.png"), [20, 20], |_, _| 0);
    let data = load_masks(&of_squares, folder.path()).expect("an empty mask is allowed");
    assert_eq!((data.empty, data.outlines[1].is_empty()), (1, true));

    let volumes = tempfile::tempdir().expect("a folder");
    ball(volumes.path(), 0, [1.0; 3], 7);
    ball(volumes.path(), 1, [1.0, 1.0, 2.0], 7);
    std::fs::copy(volumes.path().join("1_mask.nii.gz"), volumes.path().join("0_mask.nii.gz"))
        .expect("copied");
    let changes = [("window = [1, 16, 16]", "window = [8, 8, 8]"), ("value = 255", "value = 7")];
    let of_volumes = recipe(&changes).expect("a recipe");
    let said = load_masks(&of_volumes, volumes.path()).expect_err("another grid").to_string();
    assert!(
        said.contains(
            "0.nii.gz: its mask 0_mask.nii.gz lies on another grid than the image: spacing 1.0000 x"
        ),
        "{said}"
    );
    let flat = recipe(&[("window = [1, 16, 16]", "window = [8, 8, 8]")]).expect("a recipe");
    let said = load_masks(&flat, folder.path()).expect_err("pictures").to_string();
    assert!(said.contains("00.png: image is a flat picture, expected a volume"), "{said}");
    let hounsfield = recipe(&[("quantity = \"arbitrary\"", "quantity = \"hounsfield\"")]).expect("a recipe");
    let said = load_masks(&hounsfield, folder.path()).expect_err("no CT").to_string();
    assert!(said.contains("00.png: holds arbitrary values, but [input] says hounsfield"), "{said}");
}

#[test]
fn patients_and_copies_stay_on_one_side_and_a_stated_split_that_leaks_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    squares(folder.path(), 8, 0);
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    let lines = |more: &dyn Fn(usize) -> String| -> String {
        (0..8).map(|seed| format!("{seed:02}.png,{seed:02}_mask.png,{}\n", more(seed))).collect()
    };
    write("t.csv", &format!("file,mask,who\n{}", lines(&|seed| format!("Doe {}", seed / 2))));
    let table = "kind = \"table\"\ntable = \"t.csv\"";
    let by_patient =
        recipe(&[("kind = \"folders\"", &format!("{table}\npatient = \"who\""))]).expect("a recipe");
    let data = load_masks(&by_patient, folder.path()).expect("data");
    let division = divide_masks(&by_patient, &data).expect("a split");
    assert_eq!(division.patients, Some(4));
    let patients = |places: &[usize]| -> std::collections::BTreeSet<Option<usize>> {
        places.iter().map(|place| data.outlines[*place].example.patient).collect()
    };
    assert!(patients(&division.split.training).is_disjoint(&patients(&division.split.validation)));
    assert!(division.words.contains("split by patient (4 patients)"), "{}", division.words);

    std::fs::copy(folder.path().join("01.png"), folder.path().join("05.png")).expect("copied");
    let side = |seed: usize| if seed < 4 { "train".to_owned() } else { "val".to_owned() };
    write("t.csv", &format!("file,mask,part\n{}", lines(&side)));
    let changes = [
        ("kind = \"folders\"", "kind = \"table\"\ntable = \"t.csv\"\nsplit = \"part\""),
        ("validation_share = 0.34\n", ""),
    ];
    let stated = recipe(&changes).expect("a recipe");
    let data = load_masks(&stated, folder.path()).expect("data");
    let said = divide_masks(&stated, &data).expect_err("a leak").to_string();
    assert!(
        said.contains("01.png (line 3) in training and 05.png (line 7) in validation show the same"),
        "{said}"
    );

    let nothing = tempfile::tempdir().expect("a folder");
    squares(nothing.path(), 6, 6);
    let empty = recipe(&[]).expect("a recipe");
    let data = load_masks(&empty, nothing.path()).expect("data");
    let said = divide_masks(&empty, &data).expect_err("nothing to learn").to_string();
    assert!(said.contains("no image to train on has anything outlined"), "{said}");
}

#[test]
fn a_recipe_that_cannot_be_is_refused_with_the_key() {
    let refused = |old: &str, new: &str, words: &str| {
        let said = recipe(&[(old, new)]).expect_err(words);
        assert!(said.contains(words), "{said}");
    };
    refused("window = [1, 16, 16]", "window = [1, 16, 15]", "side of 15, expected multiples of 2");
    refused("value = 255", "value = 0", "segment square has the value 0");
    refused("mix = 0.0", "mix = 0.5", "mix under [augmentation] must be 0");
    refused(
        "mix = 0.0",
        "mix = 0.0\nelastic = { amplitude = 0.9, sigma = 0.1 }",
        "elastic needs an amplitude",
    );
    refused("widths = [4, 8]", "widths = [4]", "widths are out of bounds");
    refused("batch = 4", "batch = 4\nloss = { dice = 0.0, entropy = 0.0 }", "dice and entropy must be");
    refused("batch = 4", "batch = 4\nloss = { focal = 1.0 }", "unknown field `focal`");
    refused("kind = \"folders\"", "kind = \"folders\"\nsuffix = \"\"", "suffix under [data] is empty");
    refused("validation_share = 0.34", "", "does not say which images validate");
    refused("tolerance = 1.0", "tolerance = -1.0", "tolerance must be at least 0");
    refused("[augmentation]", "[patches]\nper_image = 0\n[augmentation]", "patches need per_image");
    let defaults = recipe(&[("widths = [4, 8]\n", ""), ("[1, 16, 16]", "[1, 32, 32]")]).expect("a recipe");
    assert_eq!(defaults.architecture().widths, [16, 32, 64, 128, 256]);
    assert_eq!(defaults.architecture().classes, 2);
}
