//! Few labels: an encoder from images alone, learning curves, what to label next; corrupted images.

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::training::{RECIPE, pictures};
use crate::{code, json, path, root, stderr, wilhelm};

const PRETRAINING: &str = r"
[pretraining]
epochs = 3
warm_up_epochs = 1
batch = 16
learning_rate = 0.003
weight_decay = 0.0001
temperature = 0.5
projection = 16

[pretraining.augmentation]
mirror = true
rotation_degrees = 5.0
scale = 0.05
shift = 0.05
contrast = 0.2
brightness = 0.05
log_gamma = 0.1
noise = 0.02
erase = 0.0
mix = 0.0
";

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a folder") };
        std::fs::create_dir(place.at("data")).expect("made");
        pictures(&place.at("data"));
        place.write("recipe.toml", &format!("{RECIPE}{PRETRAINING}"));
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.at(name), text).expect("written");
    }

    /// Runs a verb on the recipe and its data.
    fn run(&self, verb: &[&str], more: &[&str]) -> Output {
        let [recipe, data] = ["recipe.toml", "data"].map(|name| path(&self.at(name)).to_owned());
        let arguments = [verb, &["--recipe", &recipe, "--data", &data], more].concat();
        wilhelm(&arguments)
    }
}

fn done(output: &Output) -> serde_json::Value {
    assert_eq!(code(output), 0, "{}", stderr(output));
    json(&output.stdout)
}

fn names(folder: &Path) -> Vec<String> {
    let listed = std::fs::read_dir(folder).expect("listed");
    let mut names: Vec<String> =
        listed.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn an_encoder_learns_without_labels_and_begins_a_classifier_and_curves() {
    let place = Place::new();
    let encoder = path(&place.at("encoder")).to_owned();
    let trained = done(&place.run(&["train", "pretrain"], &["--out", &encoder, "--json"]));
    assert!(trained["validation"]["loss_of_chance"].as_f64().expect("a figure") > 2.0);
    assert_eq!(names(&place.at("encoder")), ["encoder.toml", "validation.txt", "weights.safetensors"]);
    assert!(place.at("encoder.run/metrics.json").exists() && place.at("encoder.run/curves.html").exists());
    let again = place.run(&["train", "pretrain"], &["--out", &encoder]);
    assert_eq!(code(&again), 2, "{}", stderr(&again));

    let model = path(&place.at("model")).to_owned();
    let begun = place.run(&["train", "classifier"], &["--out", &model, "--start", &encoder]);
    assert_eq!(code(&begun), 0, "{}", stderr(&begun));
    let card = std::fs::read_to_string(place.at("model/card.toml")).expect("a card");
    let weights = trained["weights_sha256"].as_str().expect("a hash");
    assert!(card.contains(&format!("begun with the encoder of SHA-256 {weights}")), "{card}");

    let out = path(&place.at("curves")).to_owned();
    let probe = |more: &[&str]| {
        let fixed = ["--model", &encoder, "--model", &model, "--out", &out, "--repeats", "3"];
        place.run(&["fewshot", "probe"], &[&fixed[..], more].concat())
    };
    let curves = done(&probe(&["--cases", "1,5", "--json"]));
    let sources: Vec<&str> = curves["sources"]
        .as_array()
        .expect("sources")
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert_eq!(sources, ["encoder", "model", "random", "pixels", "radiomics"]);
    let saw: Vec<bool> = curves["sources"]
        .as_array()
        .expect("sources")
        .iter()
        .filter_map(|one| one["saw_labels"].as_bool())
        .collect();
    assert_eq!(saw, [false, true, false, false, false]);
    assert_eq!(
        names(&place.at("curves")),
        ["features", "fewshot.csv", "fewshot.html", "fewshot.json", "fewshot.md"]
    );
    assert_eq!(
        names(&place.at("curves/features")),
        ["encoder.safetensors", "model.safetensors", "random.safetensors"]
    );
    assert_eq!(code(&probe(&["--cases", "1"])), 2, "it is there already");
    let forced = done(&probe(&["--cases", "1,5", "--json", "--force"]));
    assert_eq!(forced, curves, "features that are read again are the same");
    let most = probe(&["--cases", "1000", "--force"]);
    assert_eq!(code(&most), 3);
    assert!(stderr(&most).contains("1000 were asked for"), "{}", stderr(&most));

    let out = path(&place.at("simulation")).to_owned();
    let fixed =
        ["--model", "random", "--out", &out, "--repeats", "2", "--step", "4", "--rounds", "2", "--json"];
    let played = done(&place.run(&["fewshot", "simulate"], &fixed));
    assert_eq!(played["curves"].as_array().expect("curves").len(), 6);
    assert!(place.at("simulation/simulation.html").exists());
}

#[test]
fn a_sweep_compares_fine_tuned_networks_with_new_ones_by_the_share_of_labels() {
    let place = Place::new();
    let encoder = path(&place.at("encoder")).to_owned();
    done(&place.run(&["train", "pretrain"], &["--out", &encoder, "--json"]));
    place.write("recipe.toml", &format!("{RECIPE}{PRETRAINING}").replace("epochs = 40", "epochs = 20"));
    place.write(
        "sweep.toml",
        &format!(
            "seeds = [1, 2]\n[[arm]]\nname = \"new\"\n[[arm]]\nname = \"fine-tuned\"\nset = {{ start = {encoder:?} }}\n\
             [[grid]]\nkey = \"labeled_share\"\nvalues = [0.5, 1.0]\n"
        ),
    );
    let [sweep, out] = ["sweep.toml", "sweep"].map(|name| path(&place.at(name)).to_owned());
    let swept = done(&place.run(&["sweep"], &["--sweep", &sweep, "--out", &out, "--json"]));
    let arms: Vec<&str> =
        swept["arms"].as_array().expect("arms").iter().filter_map(|arm| arm["arm"].as_str()).collect();
    let shares = ["labeled_share-0.5", "labeled_share-1.0"];
    let named = ["new", "fine-tuned"].map(|arm| shares.map(|share| format!("{arm}_{share}"))).concat();
    assert_eq!(arms, named);
    let card = |arm: &str| {
        std::fs::read_to_string(place.at("sweep").join(arm).join("seed-1/card.toml")).expect("a card")
    };
    let fine = card("fine-tuned_labeled_share-0.5");
    assert!(fine.contains("begun with the encoder of SHA-256"), "{fine}");
    assert!(fine.contains("22 of 42 images to train on have a label (50 % of each label's"), "{fine}");
    assert!(!card("new_labeled_share-1.0").contains("begun with"));
    // The images held out are the same ones, whatever the share.
    let held = |arm: &str| {
        std::fs::read_to_string(place.at("sweep").join(arm).join("seed-2/validation.txt")).expect("a list")
    };
    assert_eq!(held(arms[0]), held(arms[3]));
    // Of one seed a share is the same images for both arms; of two seeds, others.
    let trained = |run: &str| {
        json(&std::fs::read(place.at("sweep").join(run).join("split.json")).expect("there"))["training"]
            .clone()
    };
    let half = trained("new_labeled_share-0.5/seed-1.run");
    assert_eq!(half, trained("fine-tuned_labeled_share-0.5/seed-1.run"));
    assert_ne!(half, trained("new_labeled_share-0.5/seed-2.run"));

    // By another split the encoder has seen what is held out.
    let other = format!("{RECIPE}{PRETRAINING}").replace("seed = 5", "seed = 6");
    place.write("recipe.toml", &other);
    let [sweep, out] = ["sweep.toml", "other"].map(|name| path(&place.at(name)).to_owned());
    let refused = place.run(&["sweep"], &["--sweep", &sweep, "--out", &out]);
    assert_eq!(code(&refused), 3, "{}", stderr(&refused));
    assert!(stderr(&refused).contains("by another split"), "{}", stderr(&refused));
    let model = path(&place.at("model")).to_owned();
    let refused = place.run(&["train", "classifier"], &["--start", &encoder, "--out", &model]);
    assert_eq!(code(&refused), 3, "{}", stderr(&refused));
    assert!(stderr(&refused).contains("by another split"), "{}", stderr(&refused));
    place.write("recipe.toml", &format!("start = {encoder:?}\n{RECIPE}"));
    let refused = place.run(&["train", "classifier"], &["--folds", "2", "--out", &model]);
    assert!(stderr(&refused).contains("the folds hold out: take start out"), "{}", stderr(&refused));
}

#[test]
fn what_few_labels_cannot_use_ends_in_one_sentence() {
    let place = Place::new();
    let refused = |verb: &[&str], more: &[&str], words: &str| {
        let output = place.run(verb, more);
        assert_eq!(code(&output), 3, "{}", stderr(&output));
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    };
    let [out, nothing] = ["out", "nothing"].map(|name| path(&place.at(name)).to_owned());
    // A shipped model reads 28 x 28 pixels, the recipe has 16 x 16.
    let probe = ["fewshot", "probe"];
    refused(&probe, &["--model", "chest-pneumonia", "--out", &out], "reads images of 28 x 28");
    refused(&probe, &["--model", "nothing", "--out", &out], "no model is called nothing");
    refused(&["train", "classifier"], &["--start", &nothing, "--out", &out], "holds no encoder");
    place.write("recipe.toml", RECIPE);
    refused(&["train", "pretrain"], &["--out", &out], "add [pretraining]");
    let table = std::fs::read_to_string(place.at("data/labels.csv")).expect("a table");
    let one: String =
        table.lines().filter(|line| !line.ends_with("dark")).map(|line| format!("{line}\n")).collect();
    place.write("data/labels.csv", &one);
    refused(&probe, &["--out", &out], "label dark has no image to train on");
    assert!(!place.at("out").exists());
}

#[test]
fn unlabeled_images_are_put_in_order_with_reasons_in_words() {
    let place = tempfile::tempdir().expect("a folder");
    let images = path(&root().join("testdata/breast_ultrasound")).to_owned();
    let csv = path(&place.path().join("order.csv")).to_owned();
    let rank = |more: &[&str]| {
        let fixed = ["fewshot", "rank", "--model", "breast-ultrasound", "--csv", &csv];
        wilhelm(&[&fixed[..], more].concat())
    };
    for strategy in ["random", "entropy", "margin", "disagreement", "core-set", "badge"] {
        let output = rank(&[&images, "--strategy", strategy, "--force", "--json"]);
        assert!(code(&output) <= 1, "{}", stderr(&output));
        let found = json(&output.stdout);
        let first = &found["order"][0];
        assert!(first["reason"].as_str().is_some_and(|reason| reason.len() > 10), "{found}");
        assert_eq!(first["disagreement"].is_null(), strategy != "disagreement", "{found}");
        let text = std::fs::read_to_string(&csv).expect("a table");
        assert!(text.starts_with("order,image,reason,likeliest,probability,"), "{text}");
        assert_eq!(text.lines().count(), 1 + found["order"].as_array().expect("an order").len());
    }
    let there = rank(&[&images]);
    assert_eq!(code(&there), 2, "{}", stderr(&there));
    let mixed = rank(&[&images, "--model", "chest-pneumonia", "--force"]);
    assert_eq!(code(&mixed), 3);
    assert!(stderr(&mixed).contains("a committee has the same ones"), "{}", stderr(&mixed));
    let none = rank(&["--force", path(&place.path().join("nothing.png"))]);
    assert_eq!(code(&none), 3, "{}", stderr(&none));
    let alone = rank(&[&images, "--strategy", "disagreement", "--copies", "1", "--force"]);
    assert_eq!(code(&alone), 2);
}

#[test]
fn a_model_is_measured_on_corrupted_images_of_its_modality_beside_the_images_as_they_are() {
    let place = tempfile::tempdir().expect("a folder");
    let sample = root().join("testdata/breast_ultrasound/breast_mass.png");
    let data = place.path().join("data");
    let put = |label: &str| {
        std::fs::create_dir_all(data.join(label)).expect("made");
        for name in ["a.png", "b.png", "c.png", "d.png"] {
            std::fs::copy(&sample, data.join(label).join(name)).expect("copied");
        }
    };
    ["malignant", "benign"].into_iter().for_each(put);
    let out = place.path().join("out");
    let fixed = [
        "evaluate",
        "robustness",
        "--model",
        "breast-ultrasound",
        "--data",
        path(&data),
        "--out",
        path(&out),
    ];
    let run = |more: &[&str]| wilhelm(&[&fixed[..], more].concat());
    let lacks = run(&[]);
    assert_eq!(code(&lacks), 3);
    assert!(stderr(&lacks).contains("label normal has no image"), "{}", stderr(&lacks));
    put("normal");
    let list = place.path().join("list.txt");
    std::fs::write(&list, "nothing.png\n").expect("written");
    assert_eq!(code(&run(&["--only", path(&list)])), 3);
    let found = done(&run(&["--json", "--replicates", "50"]));
    let named: Vec<&str> = found["corruptions"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["corruption"].as_str())
        .collect();
    assert!(
        named.contains(&"speckle_noise") && named.contains(&"jpeg") && !named.contains(&"shot_noise"),
        "{named:?}"
    );
    // Twelve copies of one picture cannot be told apart; a third of them is called right.
    assert_eq!(found["clean"]["auc"], 0.5);
    assert!((found["clean"]["accuracy"].as_f64().expect("a share") - 1.0 / 3.0).abs() < 1e-9);
    assert_eq!(names(&out), ["robustness.csv", "robustness.html", "robustness.json", "robustness.md"]);
    assert_eq!(code(&run(&[])), 2, "it is there already");
}
