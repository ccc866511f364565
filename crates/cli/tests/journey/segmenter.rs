//! A segmenter of one's own: trained, killed and resumed, used, and measured against masks.

#[path = "../../../../testdata/squares/rule.rs"]
mod rule;

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::killed::killed;
use crate::{code, gray_png, json, path, stderr, wilhelm};
use rule::SIDE;

/// A picture of a bright square on noise, and its mask.
fn square(folder: &Path, seed: u32) -> (PathBuf, PathBuf) {
    let all = |value: fn(u32, u32, u32, bool) -> u8| -> Vec<u8> {
        (0..SIDE * SIDE).map(|at| value(seed, at % SIDE, at / SIDE, true)).collect()
    };
    (
        gray_png(folder, &format!("{seed}.png"), SIDE, &all(rule::pixel)),
        gray_png(folder, &format!("{seed}_mask.png"), SIDE, &all(rule::mask)),
    )
}

/// The recipe, with more passes, and pictures that are varied.
fn recipe() -> String {
    let changes = [
        ("epochs = 30", "epochs = 40"),
        ("validation_share = 0.34", "validation_share = 0.25"),
        ("mirror = false", "mirror = true"),
        ("rotation_degrees = 0.0", "rotation_degrees = 5.0"),
        ("mix = 0.0", "mix = 0.0\nelastic = { amplitude = 0.01, sigma = 0.1 }"),
    ];
    let text = include_str!("../../../../testdata/squares/recipe.toml").to_owned();
    changes.iter().fold(text, |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replacen(old, new, 1)
    })
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        std::fs::create_dir(&data).expect("made");
        (0..24).for_each(|seed| drop(square(&data, seed)));
        std::fs::write(folder.path().join("recipe.toml"), recipe()).expect("written");
        Self { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn arguments(&self, out: &str, more: &[&str]) -> Vec<String> {
        let [recipe, data, out] = ["recipe.toml", "data", out].map(|name| path(&self.at(name)).to_owned());
        let fixed = ["train", "segmenter", "--recipe", &recipe, "--data", &data, "--out", &out];
        fixed.iter().chain(more).map(|argument| (*argument).to_owned()).collect()
    }

    fn train(&self, out: &str, more: &[&str]) -> Output {
        let arguments = self.arguments(out, more);
        wilhelm(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

#[test]
fn a_segmenter_is_trained_outlines_a_picture_and_is_measured() {
    let place = Place::new();
    let trained = place.train("model", &[]);
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    let said = String::from_utf8_lossy(&trained.stdout).into_owned();
    assert!(said.contains("square: Dice 0.") || said.contains("square: Dice 1."), "{said}");
    assert!(said.contains("to compare: mean shape of the training masks"), "{said}");
    for name in [
        "run.json",
        "split.json",
        "history.json",
        "curves.html",
        "curves.svg",
        "curves.png",
        "metrics.json",
        "held-out.json",
    ] {
        assert!(place.at("model.run").join(name).is_file(), "{name}");
    }
    let again = place.train("model", &[]);
    assert_eq!(code(&again), 2, "{}", stderr(&again));

    let apart = place.at("apart");
    std::fs::create_dir(&apart).expect("made");
    let (image, _) = square(&apart, 31);
    let out = place.at("out");
    let model = place.at("model");
    let outlined =
        wilhelm(&["segment", "model", path(&image), "--model", path(&model), "--out", path(&out), "--json"]);
    assert!(code(&outlined) <= 1, "{}", stderr(&outlined));
    if cfg!(target_os = "linux") {
        assert!(stderr(&outlined).contains("GB of memory were held; "), "{}", stderr(&outlined));
    }
    let summary = json(&outlined.stdout);
    let area = summary["measurements"][0]["value"].as_f64().expect("a number");
    assert!((55.0..90.0).contains(&area), "{area} pixels of 72");
    assert_eq!(summary["measurements"][0]["unit"], "pixels");
    assert_eq!(summary["segments"]["1"]["name"], "square");

    // The mask's 255 is the model's label 1.
    let truth: Vec<u8> =
        (0..SIDE * SIDE).map(|at| u8::from(rule::inside(31, at % SIDE, at / SIDE))).collect();
    let truth = gray_png(&apart, "truth.png", SIDE, &truth);
    let figures = place.at("figures");
    let labels = out.join("labels.png");
    let measured =
        wilhelm(&["evaluate", "masks", path(&labels), path(&truth), "--out", path(&figures), "--json"]);
    assert_eq!(code(&measured), 0, "{}", stderr(&measured));
    let dice = json(&measured.stdout)["segments"][0]["dice"]["value"].as_f64().expect("a Dice");
    assert!(dice > 0.8, "{dice}");

    let listed = wilhelm(&["models", "list", "--models", path(place.folder.path())]);
    assert!(
        String::from_utf8_lossy(&listed.stdout).contains("validation: square Dice"),
        "{}",
        stderr(&listed)
    );
    let file = place.at("square.onnx");
    let exported = wilhelm(&[
        "models",
        "--models",
        path(place.folder.path()),
        "export",
        "square",
        "--format",
        "onnx",
        "--out",
        path(&file),
    ]);
    assert_eq!(code(&exported), 0, "{}", stderr(&exported));
    let bytes = std::fs::read(&file).expect("written");
    for words in ["probabilities", "InstanceNormalization", "a rule", "class 0 is the background"] {
        assert!(bytes.windows(words.len()).any(|window| window == words.as_bytes()), "{words}");
    }
    let unknown = wilhelm(&["segment", "model", path(&image), "--model", "nothing"]);
    assert_eq!(code(&unknown), 3);
    assert!(stderr(&unknown).contains("no segmenter is called nothing"), "{}", stderr(&unknown));
    let pair = wilhelm(&["segment", "model", path(&image), "--model", "brain-mask"]);
    assert!(stderr(&pair).contains("brain-mask was not trained here"), "{}", stderr(&pair));
    let unnamed = wilhelm(&["segment", "model", path(&image)]);
    assert_eq!(code(&unnamed), 2, "{}", stderr(&unnamed));
}

#[test]
fn a_segmenter_s_run_killed_again_and_again_ends_with_the_weights_of_an_unbroken_one() {
    let place = Place::new();
    let whole = place.train("whole", &[]);
    assert_eq!(code(&whole), 0, "{}", stderr(&whole));
    let arguments = place.arguments("broken", &["--resume", "--checkpoint-every", "0"]);
    killed(&arguments, &place.at("broken.run"), 4);
    let rest = place.train("broken", &["--resume"]);
    assert_eq!(code(&rest), 0, "{}", stderr(&rest));
    let read = |run: &str, name: &str| std::fs::read(place.at(run).join(name)).expect("there");
    assert!(read("whole", "weights.safetensors") == read("broken", "weights.safetensors"), "weights differ");
    let history = |run: &str| json(&read(run, "history.json"));
    assert_eq!(history("whole.run"), history("broken.run"));
}

#[test]
fn data_that_do_not_fit_leave_no_run_behind() {
    let place = Place::new();
    std::fs::remove_file(place.at("data/3_mask.png")).expect("removed");
    let refused = place.train("model", &[]);
    assert_eq!(code(&refused), 3, "{}", stderr(&refused));
    assert!(stderr(&refused).contains("1 images have no mask: 3.png"), "{}", stderr(&refused));
    assert!(!place.at("model.run").exists() && !place.at("model").exists());
}

#[test]
fn a_segmenter_has_folds_in_which_every_picture_is_outlined_by_a_network_that_has_not_seen_it() {
    let place = Place::new();
    let recipe = recipe().replace("validation_share = 0.25\n", "").replace("epochs = 40", "epochs = 15");
    std::fs::write(place.at("recipe.toml"), recipe).expect("written");
    let folds = || place.train("folds", &["--folds", "2", "--json"]);
    let found = folds();
    assert_eq!(code(&found), 0, "{}", stderr(&found));
    let told = json(&found.stdout);
    let segment = &told["segments"][0];
    assert_eq!((&told["unit"], &segment["segment"]), (&"pixels".into(), &"square".into()));
    assert_eq!(told["folds"].as_array().expect("a list").len(), 2);
    let dice = segment["dice"]["mean"].as_f64().expect("a mean");
    assert!(dice > 0.6, "{told}");
    assert_eq!(segment["together"]["images"], 24);
    assert!(segment["hausdorff_95_spread"]["median"].is_f64(), "{segment}");
    assert!(segment["baselines"][0]["network_less"]["mean"].is_f64(), "{segment}");
    let table = std::fs::read_to_string(place.at("folds/out-of-fold.csv")).expect("written");
    assert_eq!(
        table.lines().next(),
        Some("image,fold,segment,dice,iou,hausdorff_95,average_surface_distance,surface_dice,note")
    );
    assert_eq!(table.lines().count(), 25);
    // The mean of the table is the mean that is told.
    let all: Vec<f64> = table
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(3).expect("a cell").parse().expect("a Dice"))
        .collect();
    let together = segment["together"]["dice"]["estimate"].as_f64().expect("a mean");
    assert!((all.iter().sum::<f64>() / 24.0 - together).abs() < 1e-5);
    assert!(place.at("folds/fold-2/card.toml").is_file());
    let again = folds();
    assert!(!stderr(&again).contains("epoch"), "{}", stderr(&again));
    assert_eq!(json(&again.stdout), told);
    let both = place.train("both", &["--folds", "2", "--run", "somewhere"]);
    assert_eq!(code(&both), 2, "{}", stderr(&both));
    let many = place.train("many", &["--folds", "25"]);
    assert_eq!(code(&many), 3, "{}", stderr(&many));
    assert!(stderr(&many).contains("fold"), "{}", stderr(&many));
}

#[test]
fn a_segmenter_is_swept_and_what_cannot_be_swept_is_said() {
    let place = Place::new();
    let short = recipe().replace("epochs = 40", "epochs = 8");
    std::fs::write(place.at("recipe.toml"), &short).expect("written");
    let arms =
        "seeds = [1, 2]\n[[arm]]\nname = \"plain\"\n[[arm]]\nname = \"wide\"\nset = { widths = [8, 16] }\n";
    std::fs::write(place.at("sweep.toml"), arms).expect("written");
    let sweep = |out: &str| {
        let [recipe, sweep, data, out] =
            ["recipe.toml", "sweep.toml", "data", out].map(|name| path(&place.at(name)).to_owned());
        wilhelm(&["sweep", "--recipe", &recipe, "--sweep", &sweep, "--data", &data, "--out", &out])
    };
    let swept = sweep("swept");
    assert_eq!(code(&swept), 0, "{}", stderr(&swept));
    let said = String::from_utf8_lossy(&swept.stdout).into_owned();
    assert!(said.contains("| plain | square | 2 |") && said.contains("| wide | square | 2 |"), "{said}");
    assert!(said.contains("HD95, pixels"), "{said}");
    let told = json(&std::fs::read(place.at("swept/sweep.json")).expect("written"));
    assert!(told["arms"][1]["segments"][0]["dice_difference"]["interval"].is_array(), "{told}");
    assert!(place.at("swept/wide/seed-2.run/curves.html").is_file());
    for (keys, words) in [("[decoder]\nlayers = 1", "train report"), ("[reader]\nhidden = 1", "train text")] {
        std::fs::write(place.at("recipe.toml"), keys).expect("written");
        let refused = sweep("refused");
        assert_eq!(code(&refused), 2, "{}", stderr(&refused));
        assert!(stderr(&refused).contains(words), "{}", stderr(&refused));
    }
}

/// Gigabytes that were held and that were foretold, as a training says them.
fn memory(said: &str) -> (f64, f64) {
    let line =
        said.lines().find(|line| line.contains("GB were foretold")).unwrap_or_else(|| panic!("{said}"));
    let numbers: Vec<f64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    (numbers[0], numbers[1])
}

#[test]
fn the_memory_of_a_training_is_foretold_within_the_stated_factor() {
    if !cfg!(target_os = "linux") {
        eprintln!("skipped: only Linux says how much memory a process held");
        return;
    }
    let place = Place::new();
    let of = |name: &str, window: usize, batch: usize, widths: &str| {
        let changed = recipe()
            .replace("epochs = 40", "epochs = 1")
            .replace("window = [1, 16, 16]", &format!("window = [1, {window}, {window}]"))
            .replace("batch = 4", &format!("batch = {batch}"))
            .replace("widths = [4, 8]", widths);
        std::fs::write(place.at("recipe.toml"), changed).expect("written");
        let trained = place.train(name, &[]);
        assert_eq!(code(&trained), 0, "{}", stderr(&trained));
        memory(&stderr(&trained))
    };
    // docs/training.md states the factor.
    const FACTOR: f64 = 1.4;
    let small = of("small", 96, 4, "widths = [8, 16]");
    let large = of("large", 96, 16, "widths = [8, 16, 32]");
    // Pages of the program's own file come and go with what else the machine does.
    const PROGRAM: f64 = 0.05;
    for (held, foretold) in [small, large] {
        assert!(
            foretold < FACTOR * held + PROGRAM && held < FACTOR * foretold + PROGRAM,
            "{held} GB held, {foretold} GB foretold"
        );
    }
    // What a larger step holds more is foretold too, not only what every process holds.
    let (held, foretold) = (large.0 - small.0, large.1 - small.1);
    assert!(
        foretold < FACTOR * held && held < FACTOR * foretold,
        "{held} GB held more, {foretold} GB foretold"
    );
}

/// An untrained network of volumes as a model's folder: what its numbers are does not change the memory.
fn untrained(folder: &Path) {
    use sha2::{Digest, Sha256};
    use wilhelm_nets::arch::{UNet3d, UNetConfig, save_torch};
    use wilhelm_nets::{
        AcceptedVolume, DistanceUnit, OutputKind, Processor, SegmentClass, SegmenterArchitecture,
        SegmenterCard, SegmenterValidation, TrainedSegmenter, Training, WindowPreparation,
    };
    use wilhelm_study::{CodedConcept, Modality, QuantityKind};
    let none = || "none".to_owned();
    let config = UNetConfig { channels: 1, widths: vec![4, 8], classes: 2 };
    let device = Processor::Cpu.device().expect("always there");
    device.seed(1);
    let weights = save_torch(&UNet3d::new(&config, &device)).expect("weights");
    let card = SegmenterCard {
        schema: SegmenterCard::SCHEMA,
        kind: SegmenterCard::KIND.to_owned(),
        name: "untrained".to_owned(),
        version: "0".to_owned(),
        title: "An untrained network".to_owned(),
        license: none(),
        must_not: Vec::new(),
        weights: "weights.safetensors".to_owned(),
        weights_sha256: Sha256::digest(&weights).iter().map(|byte| format!("{byte:02x}")).collect(),
        architecture: SegmenterArchitecture::UNet3d(config),
        input: AcceptedVolume {
            modalities: vec![Modality::Mr],
            quantity: QuantityKind::Arbitrary,
            words: none(),
            population: none(),
        },
        preparation: None,
        segment: None,
        source: None,
        agreement: Vec::new(),
        trained: Some(TrainedSegmenter {
            output: OutputKind::Softmax,
            truth: none(),
            preparation: WindowPreparation {
                window: [32; 3],
                overlap: 0.5,
                spacing: None,
                bounds: None,
                mean: 0.5,
                deviation: 0.3,
            },
            segments: vec![SegmentClass {
                name: "part".to_owned(),
                code: CodedConcept::new("SCT", "123037004", "Anatomical Structure"),
                abnormal: false,
            }],
            training: Training {
                data: none(),
                data_license: none(),
                citation: none(),
                images: 0,
                data_sha256: none(),
                epochs: 0,
                seed: 1,
                program: none(),
                recipe: none(),
            },
            validation: SegmenterValidation {
                split: none(),
                images: 0,
                empty: 0,
                unit: DistanceUnit::Millimeters,
                tolerance: 1.0,
                command: none(),
                segments: Vec::new(),
                baselines: Vec::new(),
            },
        }),
    };
    std::fs::create_dir_all(folder).expect("made");
    std::fs::write(folder.join("card.toml"), card.to_toml().expect("a card")).expect("written");
    std::fs::write(folder.join("weights.safetensors"), weights).expect("written");
}

#[test]
fn the_memory_of_outlining_is_foretold_and_grows_with_a_volume_by_its_voxels_alone() {
    use wilhelm_study::{Arbitrary, Geometry, Mm, Spacing, Volume};
    if !cfg!(target_os = "linux") {
        eprintln!("skipped: only Linux says how much memory a process held");
        return;
    }
    let place = tempfile::tempdir().expect("a folder");
    let model = place.path().join("untrained");
    untrained(&model);
    let of = |slices: usize| {
        let one = Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0)).expect("positive");
        let geometry = Geometry::axis_aligned([128, 128, slices], one).expect("a grid");
        let values = (0..geometry.voxels()).map(|at| ((at % 977) + (at / 4099) % 53) as f32).collect();
        let volume = Volume::<Arbitrary>::new(geometry, values).expect("a volume");
        let file = place.path().join(format!("{slices}.nii"));
        let bytes = wilhelm_formats::encode_nifti(&volume, wilhelm_formats::Compression::None);
        std::fs::write(&file, bytes).expect("written");
        let out = place.path().join(format!("out-{slices}"));
        let outlined =
            wilhelm(&["segment", "model", path(&file), "--model", path(&model), "--out", path(&out)]);
        assert!(code(&outlined) <= 1, "{}", stderr(&outlined));
        assert!(out.join("overview.png").is_file() && out.join("labels.nii.gz").is_file());
        memory(&stderr(&outlined))
    };
    let (short, long) = (of(64), of(256));
    const FACTOR: f64 = 1.4;
    const PROGRAM: f64 = 0.05;
    for (held, foretold) in [short, long] {
        assert!(held < FACTOR * foretold + PROGRAM, "{held} GB held, {foretold} GB foretold");
    }
    // Values, labels and their copies for the overview; no sums of windows beyond one layer of them.
    let voxels = 128.0 * 128.0 * 192.0;
    assert!(long.0 - short.0 < 24e-9 * voxels + PROGRAM, "{short:?} {long:?}");
}

#[test]
fn a_step_that_no_machine_here_holds_is_refused_before_it_begins() {
    if !cfg!(target_os = "linux") {
        eprintln!("skipped: only Linux says how much memory there is");
        return;
    }
    let place = Place::new();
    let huge = recipe()
        .replace("window = [1, 16, 16]", "window = [1, 1024, 1024]")
        .replace("widths = [4, 8]", "widths = [512, 512]")
        .replace("batch = 4", "batch = 18");
    std::fs::write(place.at("recipe.toml"), huge).expect("written");
    let refused = place.train("huge", &[]);
    let said = stderr(&refused);
    assert_eq!(code(&refused), 3, "{said}");
    for words in [
        "training would need about",
        "examples a step",
        "window under [grid], or widths",
        "--no-memory-check",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}
