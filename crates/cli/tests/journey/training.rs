//! Training runs that are killed, resumed and refused.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::killed::killed;
use crate::{code, gray_png, json, path, root, stderr, wilhelm};

const SIDE: u32 = 16;

/// Pictures of a bright and of a dark middle on noise, with their table.
pub fn pictures(folder: &Path) {
    let mut table = "file,class\n".to_owned();
    each_picture(|number, class, pixels| {
        let name = format!("{number}.png");
        gray_png(folder, &name, SIDE, pixels);
        table += &format!("{name},{class}\n");
    });
    std::fs::write(folder.join("labels.csv"), table).expect("written");
}

fn each_picture(mut with: impl FnMut(u32, &str, &[u8])) {
    for number in 0..60_u32 {
        let bright = number % 2 == 0;
        let pixels: Vec<u8> = (0..SIDE * SIDE)
            .map(|at| {
                let (column, row) = (at % SIDE, at / SIDE);
                let inside = (5..11).contains(&column) && (5..11).contains(&row);
                let mut state = (number * 7919 + at).wrapping_mul(2_654_435_761);
                state ^= state >> 15;
                let noise = (state.wrapping_mul(2_246_822_519) >> 26) as u8;
                90 + noise + if inside == bright { 60 } else { 0 }
            })
            .collect();
        with(number, if bright { "bright" } else { "dark" }, &pixels);
    }
}

pub const RECIPE: &str = r#"
name = "middle"
version = "1.0.0"
title = "Brightness of the middle"
license = "Apache-2.0"
must_not = ["It must not be used for anything but tests."]
seed = 5
mirror = false
validation_share = 0.3
duplicates_above = 0.9999
fit = "stretch"
data_words = "made-up pictures"
data_license = "none"
citation = "none"
[data]
kind = "table"
table = "labels.csv"
classes = ["bright", "dark"]
[input]
modalities = ["MR"]
body_parts = ["BRAIN"]
quantity = "arbitrary"
least_side = 8
greatest_aspect = 1.5
words = "a made-up picture"
population = "none"
[architecture]
widths = [4, 8]
stem_stride = 2
side = 16
features = 16
model_width = 8
heads = 2
encoder_layers = 1
decoder_layers = 1
labels = 2
[[labels]]
key = "bright"
name = "bright middle"
[[labels]]
key = "dark"
name = "dark middle"
normal = true
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
mix = 0.2
[optimization]
epochs = 40
warm_up_epochs = 1
batch = 8
learning_rate = 0.01
weight_decay = 0.01
clip_norm = 1.0
label_smoothing = 0.05
class_balance = 0.0
average = 0.95
"#;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        std::fs::create_dir(&data).expect("made");
        pictures(&data);
        std::fs::write(folder.path().join("recipe.toml"), RECIPE).expect("written");
        Self { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn arguments(&self, out: &str, more: &[&str]) -> Vec<String> {
        let [recipe, data, out] = ["recipe.toml", "data", out].map(|name| path(&self.at(name)).to_owned());
        let fixed = ["train", "classifier", "--recipe", &recipe, "--data", &data, "--out", &out];
        fixed.iter().chain(more).map(|argument| (*argument).to_owned()).collect()
    }

    fn train(&self, out: &str, more: &[&str]) -> std::process::Output {
        let arguments = self.arguments(out, more);
        wilhelm(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

#[test]
fn a_run_killed_ten_times_ends_with_the_weights_of_an_unbroken_one() {
    let place = Place::new();
    let whole = place.train("whole", &["--json"]);
    assert_eq!(code(&whole), 0, "{}", stderr(&whole));
    assert!(json(&whole.stdout)["macro_auc"]["estimate"].as_f64().expect("a figure") > 0.95);

    let arguments = place.arguments("broken", &["--resume", "--checkpoint-every", "0"]);
    let reached = killed(&arguments, &place.at("broken.run"), 10);
    assert!(reached.len() == 10 && reached[9] < 200, "{reached:?} of 40 passes of 5 steps");
    let rest = place.train("broken", &["--resume"]);
    assert_eq!(code(&rest), 0, "{}", stderr(&rest));
    for name in ["weights.safetensors", "outliers.safetensors"] {
        let read = |run: &str| std::fs::read(place.at(run).join(name)).expect("there");
        assert!(read("whole") == read("broken"), "{name} differs");
    }
    let history = |run: &str| json(&std::fs::read(place.at(run).join("history.json")).expect("there"));
    assert_eq!(history("whole.run"), history("broken.run"));
    assert_eq!(history("whole.run").as_array().expect("passes").len(), 40);
}

#[test]
fn a_run_s_folder_is_not_taken_by_another_recipe_and_a_wrong_key_is_named() {
    let place = Place::new();
    let short = RECIPE.replace("epochs = 40", "epochs = 1");
    std::fs::write(place.at("recipe.toml"), &short).expect("written");
    let first = place.train("model", &[]);
    assert_eq!(code(&first), 0, "{}", stderr(&first));
    let metrics = json(&std::fs::read(place.at("model.run/metrics.json")).expect("there"));
    assert_eq!(metrics["epoch"], 1);
    let again = place.train("model", &["--force"]);
    assert_eq!(code(&again), 3, "{}", stderr(&again));
    assert!(stderr(&again).contains("holds a finished run"), "{}", stderr(&again));
    std::fs::write(place.at("recipe.toml"), short.replace("seed = 5", "seed = 6")).expect("written");
    let other = place.train("other", &["--run", path(&place.at("model.run"))]);
    assert!(stderr(&other).contains("its recipe.toml differs"), "{}", stderr(&other));
    std::fs::write(place.at("recipe.toml"), short + "learning = 3\n").expect("written");
    let unknown = place.train("third", &[]);
    assert!(stderr(&unknown).contains("unknown field `learning`"), "{}", stderr(&unknown));
}

#[test]
fn a_sweep_compares_its_arms_and_reads_what_is_finished() {
    let place = Place::new();
    std::fs::write(place.at("recipe.toml"), RECIPE.replace("epochs = 40", "epochs = 6")).expect("written");
    let sweep = r#"
        seeds = [1, 2]
        [[arm]]
        name = "cnn"
        set = { architecture = { encoder_layers = 0, decoder_layers = 0 } }
        [[arm]]
        name = "transformer"
        [[arm]]
        name = "wild"
        set = { optimization = { learning_rate = 1e30, clip_norm = 0.0 } }
    "#;
    std::fs::write(place.at("sweep.toml"), sweep).expect("written");
    let run = || {
        let [recipe, sweep, data, out] =
            ["recipe.toml", "sweep.toml", "data", "out"].map(|name| path(&place.at(name)).to_owned());
        let arguments =
            ["sweep", "--recipe", &recipe, "--sweep", &sweep, "--data", &data, "--out", &out, "--json"];
        let output = wilhelm(&arguments);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        output
    };
    let first = run();
    let table = json(&first.stdout);
    let arm = |at: usize| &table["arms"][at];
    assert_eq!([0, 1, 2].map(|at| arm(at)["seeds"].as_u64()), [Some(2), Some(2), Some(0)], "{table}");
    assert!(arm(1)["parameters"].as_u64() > arm(0)["parameters"].as_u64());
    assert_eq!(arm(1)["accuracy_difference"]["interval"].as_array().map(Vec::len), Some(2));
    let reasons = arm(2)["failed"].as_array().expect("a list");
    assert!(
        reasons.len() == 2
            && reasons[0].as_str().is_some_and(|text| text.contains("lower the learning rate"))
    );
    assert!(place.at("out/cnn/seed-1/card.toml").exists());
    let shown = std::fs::read_to_string(place.at("out/sweep.md")).expect("a table");
    assert!(shown.contains("| transformer | 2 |"), "{shown}");
    // Each arm has its networks' differences to what knows no network; none where no network came out.
    let baselines = |at: usize| arm(at)["baselines"].as_array().map_or(0, Vec::len);
    assert_eq!([0, 1, 2].map(baselines), [4, 4, 0], "{table}");
    let nearest = &arm(1)["baselines"][2];
    assert_eq!((nearest["name"].as_str(), nearest["runs"].as_u64()), (Some("nearest neighbors"), Some(2)));
    let [own, of_arm, less] = [&nearest["accuracy"], &arm(1)["accuracy"], &nearest["network_less_accuracy"]]
        .map(|figure| figure["mean"].as_f64().expect("a figure"));
    assert!((of_arm - own - less).abs() < 1e-9, "{table}");
    assert!(shown.contains("| transformer | logistic regression on radiomics |"), "{shown}");
    // Finished runs are read, not trained again: their seconds are those of the first time.
    let again = json(&run().stdout);
    for at in [0, 1] {
        assert_eq!(to_nine_places(&again["runs"][at]), to_nine_places(&table["runs"][at]));
    }
}

/// A float that went through JSON can differ in its last bit.
fn to_nine_places(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().map(to_nine_places).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), to_nine_places(value))).collect(),
        Value::Number(number) if number.is_f64() => {
            number.as_f64().map_or(Value::Null, |float| format!("{float:.9}").into())
        }
        other => other.clone(),
    }
}

#[test]
fn a_cross_validation_from_folders_gives_a_table_that_evaluate_reads() {
    let place = Place::new();
    let data = place.at("data");
    std::fs::remove_dir_all(&data).expect("removed");
    for class in ["bright", "dark"] {
        std::fs::create_dir_all(data.join(class)).expect("made");
    }
    each_picture(|number, class, pixels| {
        gray_png(&data.join(class), &format!("{number}.png"), SIDE, pixels);
    });
    let table = "kind = \"table\"\ntable = \"labels.csv\"";
    assert!(RECIPE.contains(table));
    let recipe = RECIPE.replace(table, "kind = \"folders\"").replace("epochs = 40", "epochs = 12");
    std::fs::write(place.at("recipe.toml"), recipe).expect("written");

    let first = place.train("out", &["--folds", "2", "--json"]);
    assert_eq!(code(&first), 0, "{}", stderr(&first));
    let summary = json(&first.stdout);
    assert_eq!(summary["folds"].as_array().map(Vec::len), Some(2), "{summary}");
    assert_eq!(summary["accuracy"]["interval"].as_array().map(Vec::len), Some(2), "{summary}");
    let predictions = place.at("out/out-of-fold.csv");
    let read = || std::fs::read_to_string(&predictions).expect("a table");
    let text = read();
    let images: std::collections::BTreeSet<&str> =
        text.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    assert_eq!((text.lines().count(), images.len()), (61, 60), "{text}");
    assert!(text.starts_with("image,label,fold,bright,dark\nbright/0.png,bright,"), "{text}");
    let shown = std::fs::read_to_string(place.at("out/folds.md")).expect("a table");
    assert!(shown.contains("| mean | 60 |") && shown.contains("| together | 60 |"), "{shown}");
    assert!(shown.contains("| of all folds | nearest neighbors |"), "{shown}");
    assert_eq!(summary["baselines"].as_array().map(Vec::len), Some(4), "{summary}");
    let card = std::fs::read_to_string(place.at("out/fold-2/card.toml")).expect("a card");
    assert!(
        card.contains("fold 2 of 2 held out") && card.contains("no patient identifiers were given"),
        "{card}"
    );

    let page = path(&place.at("evaluation")).to_owned();
    let evaluated =
        wilhelm(&["evaluate", path(&predictions), "--positive", "bright", "--out", &page, "--json"]);
    assert_eq!(code(&evaluated), 0, "{}", stderr(&evaluated));
    let report = json(&evaluated.stdout);
    assert_eq!(report["headlines"], summary["together"]);
    assert!(report["headlines"][0]["value"].as_f64().expect("an area") > 0.8, "{report}");

    // A cross-validation that lost its second fold makes it anew and ends with the same table.
    std::fs::remove_dir_all(place.at("out/fold-2.run")).expect("removed");
    let again = place.train("out", &["--folds", "2"]);
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    assert!(read() == text, "the table differs");
}

#[test]
fn a_stated_split_that_leaks_is_refused_by_file_and_line() {
    let place = Place::new();
    let data = place.at("data");
    let table = std::fs::read_to_string(data.join("labels.csv")).expect("a table");
    std::fs::copy(data.join("1.png"), data.join("again.png")).expect("copied");
    let mut split = "file,class,who,part\n".to_owned();
    for (number, line) in table.lines().skip(1).enumerate() {
        split += &format!("{line},Doe^{},{}\n", number / 2, if number < 40 { "train" } else { "val" });
    }
    std::fs::write(data.join("labels.csv"), format!("{split}again.png,dark,Doe^29,val\n")).expect("written");
    let recipe = RECIPE
        .replace("validation_share = 0.3\n", "")
        .replace("classes = ", "patient = \"who\"\nsplit = \"part\"\nclasses = ");
    std::fs::write(place.at("recipe.toml"), &recipe).expect("written");
    let refused = place.train("model", &[]);
    assert_eq!(code(&refused), 3, "{}", stderr(&refused));
    let said = stderr(&refused);
    assert!(
        said.contains(
            "1 pair: 1.png (line 3) in training and again.png (line 62) in validation show the same"
        ),
        "{said}"
    );
    std::fs::write(data.join("labels.csv"), split.replace("40.png,bright,Doe^20", "40.png,bright,Doe^3"))
        .expect("written");
    let said = stderr(&place.train("model", &[]));
    assert!(
        said.contains("6.png (line 8) in training and 40.png (line 42) in validation are of one patient")
            && !said.contains("Doe"),
        "{said}"
    );
}

#[test]
fn data_and_weights_at_fault_are_told_in_one_sentence_each() {
    let place = Place::new();
    let check = |recipe: &str, table: Option<&str>, more: &[&str], words: &str| {
        std::fs::write(place.at("recipe.toml"), recipe).expect("written");
        if let Some(table) = table {
            std::fs::write(place.at("data/labels.csv"), table).expect("written");
        }
        let refused = place.train("model", more);
        let said = stderr(&refused);
        assert_eq!(code(&refused), 3, "{said}");
        assert!(said.contains(words), "{said}");
        assert!(said.len() < 1000 && said.lines().count() == 1, "{said}");
        assert!(!place.at("model").exists(), "nothing is left behind");
    };
    let table = std::fs::read_to_string(place.at("data/labels.csv")).expect("a table");
    let weights = path(&root().join("models/chest-pneumonia/weights.safetensors")).to_owned();
    check(
        RECIPE,
        None,
        &["--weights", &weights],
        "weights to start from do not fit the recipe's architecture: ",
    );
    std::fs::write(place.at("weights.bin"), "no weights").expect("written");
    let none = path(&place.at("weights.bin")).to_owned();
    check(RECIPE, None, &["--weights", &none], "weights to start from do not fit");
    let alone = RECIPE
        .replace("labels = 2", "labels = 1")
        .replace("classes = [\"bright\", \"dark\"]", "classes = [\"bright\"]")
        .replace("[[labels]]\nkey = \"dark\"\nname = \"dark middle\"\nnormal = true\n", "");
    check(&alone, None, &[], "at least two labels apart");
    let bright: String =
        table.lines().filter(|line| !line.ends_with("dark")).map(|line| format!("{line}\n")).collect();
    check(RECIPE, Some(&bright), &[], "label dark has no image to train on and none for validation");
    check(RECIPE, Some(&format!("{table}gone.png,dark\n")), &[], "gone.png (line 62): ");
    check(
        RECIPE,
        Some(&table.replacen("3.png,dark", "3.png,drak", 1)),
        &[],
        "labels.csv, line 5, column class",
    );
    // A value that is no number is not learned from, though reading replaces it.
    let mut volume =
        b"NRRD0004\ntype: float\ndimension: 3\nsizes: 16 16 2\nencoding: raw\nendian: little\n\n".to_vec();
    for at in 0..512_u16 {
        let value = if at == 300 { f32::NAN } else { f32::from(at) };
        volume.extend(value.to_le_bytes());
    }
    std::fs::write(place.at("data/nan.nrrd"), volume).expect("written");
    let spoiled = table.replacen("3.png,dark", "nan.nrrd,dark", 1);
    check(RECIPE, Some(&spoiled), &[], "nan.nrrd (line 5): 1 of 512 values are not finite");
    let wild = RECIPE
        .replace("learning_rate = 0.01", "learning_rate = 1e30")
        .replace("clip_norm = 1.0", "clip_norm = 0.0");
    std::fs::write(place.at("recipe.toml"), wild).expect("written");
    std::fs::write(place.at("data/labels.csv"), &table).expect("written");
    let diverged = place.train("wild", &[]);
    assert_eq!(code(&diverged), 3, "{}", stderr(&diverged));
    assert!(stderr(&diverged).contains("lower the learning rate"), "{}", stderr(&diverged));
}
