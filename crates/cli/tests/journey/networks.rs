//! Published networks in a classifier, several labels at once, and weights that others trained with PyTorch.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::training::{RECIPE, pictures};
use crate::{code, json, path, root, stderr, wilhelm};

/// The recipe of the pictures with other parts.
fn recipe(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(RECIPE.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replacen(old, new, 1)
    })
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("data")).expect("made");
        pictures(&folder.path().join("data"));
        Self(folder)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.at(name), text).expect("written");
    }

    fn train(&self, recipe: &str, out: &str, more: &[&str]) -> std::process::Output {
        let [recipe, data, out] = [recipe, "data", out].map(|name| path(&self.at(name)).to_owned());
        let fixed = ["train", "classifier", "--recipe", &recipe, "--data", &data, "--out", &out];
        wilhelm(&[&fixed[..], more].concat())
    }
}

const OWN_CNN: &str = "widths = [4, 8]\nstem_stride = 2\n";
const RESNET: &str = "cnn = { name = \"resnet-18\", small_stem = true }\n";
const FEW: (&str, &str) = ("epochs = 40", "epochs = 4");

#[test]
fn a_resnet_is_trained_resumed_shown_asked_explained_and_exported_like_any_model() {
    let place = Place::new();
    place.write("recipe.toml", &recipe(&[(OWN_CNN, RESNET), FEW]));
    let trained = place.train("recipe.toml", "models/one", &["--json", "--no-baselines"]);
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    assert!(json(&trained.stdout)["macro_auc"]["estimate"].as_f64().expect("a figure") > 0.9);
    let models = path(&place.at("models")).to_owned();
    let card = std::fs::read_to_string(place.at("models/one/card.toml")).expect("a card");
    assert!(card.contains("name = \"resnet-18\"") && !card.contains("widths"), "{card}");
    // Measured once more by the weights alone.
    let weights = path(&place.at("models/one/weights.safetensors")).to_owned();
    let again = place.train("recipe.toml", "again", &["--weights", &weights, "--json", "--no-baselines"]);
    assert_eq!(json(&again.stdout)["macro_auc"], json(&trained.stdout)["macro_auc"], "{}", stderr(&again));

    let image = path(&place.at("data/1.png")).to_owned();
    let csv = path(&place.at("p.csv")).to_owned();
    let said = wilhelm(&["predict", "--model", "middle", "--models", &models, &image, "--csv", &csv]);
    assert!(code(&said) <= 1, "{}", stderr(&said));
    let out = path(&place.at("maps")).to_owned();
    let method = ["--method", "grad-cam,rollout", "--no-scores", "--json"];
    let explained =
        [&["explain", &image, "--model", "middle", "--models", &models, "--out", &out][..], &method];
    let explained = wilhelm(&explained.concat());
    assert!(code(&explained) <= 1, "{}", stderr(&explained));
    assert!(
        place.at("maps/overlay-grad-cam.png").is_file() && place.at("maps/overlay-rollout.png").is_file()
    );
    let onnx = path(&place.at("one.onnx")).to_owned();
    let exported =
        wilhelm(&["models", "--models", &models, "export", "middle", "--format", "onnx", "--out", &onnx]);
    assert_eq!(code(&exported), 0, "{}", stderr(&exported));
}

#[test]
fn sizes_that_make_no_network_stop_a_recipe_with_a_sentence() {
    let place = Place::new();
    for (architecture, words) in [
        ("cnn = { name = \"resnet-18\" }\nwidths = [4]\n", "leave widths and stem_stride out"),
        ("cnn = { name = \"vit-small\", patch = 5 }\n", "no multiple of vit-small's patch of 5"),
        ("cnn = { name = \"densenet-121\" }\nvolumetric = true\n", "slices one by one"),
        ("cnn = { name = \"resnet-19\" }\n", "unknown variant `resnet-19`"),
        ("", "name a cnn under [architecture.cnn]"),
    ] {
        place.write("recipe.toml", &recipe(&[(OWN_CNN, architecture)]));
        let refused = place.train("recipe.toml", "none", &[]);
        assert_ne!(code(&refused), 0);
        assert!(stderr(&refused).contains(words), "{}", stderr(&refused));
        assert!(!place.at("none").exists());
    }
}

/// The pictures' classes as two labels: a bright middle, and a dark one, which is in doubt or not said of some.
fn two_labels(place: &Place) {
    let table = std::fs::read_to_string(place.at("data/labels.csv")).expect("the classes");
    let mut text = "file,Bright,Left\n".to_owned();
    for (number, line) in table.lines().skip(1).enumerate() {
        let (file, class) = line.split_once(',').expect("two cells");
        let bright = if class == "bright" { "1" } else { "0" };
        let left = match number % 10 {
            7 => "",
            8 => "-1",
            _ if class == "dark" => "1",
            _ => "0",
        };
        text += &format!("{file},{bright},{left}\n");
    }
    place.write("data/two.csv", &text);
}

#[test]
fn several_labels_at_once_are_trained_calibrated_predicted_and_refused_where_one_is_right() {
    let place = Place::new();
    two_labels(&place);
    let changes = [
        (
            "mirror = false",
            "mirror = false\ntargets = \"multi_label\"\nmulti_label = { uncertain = \"present\" }",
        ),
        ("kind = \"table\"", "kind = \"label_table\""),
        ("labels.csv", "two.csv"),
        ("classes = [\"bright\", \"dark\"]", "columns = [\"Bright\", \"Left\"]"),
        ("epochs = 40", "epochs = 20"),
    ];
    place.write("recipe.toml", &recipe(&changes));
    let trained = place.train("recipe.toml", "models/two", &["--json"]);
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    let figures = json(&trained.stdout);
    let each = figures["each"].as_array().expect("of each label");
    assert_eq!(each.len(), 2);
    for label in each {
        assert!(label["auc"]["estimate"].as_f64().expect("a figure") > 0.9, "{label}");
        for key in ["sensitivity", "specificity", "brier"] {
            assert!(label[key]["low"].as_f64() <= label[key]["estimate"].as_f64(), "{label}");
        }
        assert_eq!(label["baselines"].as_array().map(Vec::len), Some(4));
    }
    assert!(each[1]["known"].as_u64() < each[0]["known"].as_u64(), "doubt and silence are no answers");
    let models = path(&place.at("models")).to_owned();
    let csv = path(&place.at("p.csv")).to_owned();
    let images: Vec<String> =
        (0..3).map(|at| path(&place.at(&format!("data/{at}.png"))).to_owned()).collect();
    let mut asked = vec!["predict", "--model", "middle", "--models", &models, "--csv", &csv];
    asked.extend(images.iter().map(String::as_str));
    let said = wilhelm(&asked);
    assert!(code(&said) <= 1, "{}", stderr(&said));
    assert!(std::fs::read_to_string(&csv).expect("a table").starts_with("image,bright,dark,"));
    let out = path(&place.at("out")).to_owned();
    let data = path(&place.at("data")).to_owned();
    let recipe = path(&place.at("recipe.toml")).to_owned();
    let refused: [&[&str]; 2] = [
        &["explain", "certificate", "--model", "middle", "--models", &models, "--data", &data],
        &["train", "classifier", "--recipe", &recipe, "--data", &data, "--out", &out, "--folds", "3"],
    ];
    for arguments in refused {
        let refused = wilhelm(arguments);
        assert!(code(&refused) >= 2, "{arguments:?}: {}", stderr(&refused));
        assert!(stderr(&refused).contains("several labels at once"), "{}", stderr(&refused));
    }
}

/// A state dict of torchvision's ResNet-18 with small numbers.
fn state_dict(at: &Path, without: Option<&str>) {
    let golden = root().join("crates/nets/tests/golden/architectures.json");
    let golden: serde_json::Value = json(&std::fs::read(golden).expect("the golden file"));
    let tensors: BTreeMap<String, Vec<usize>> =
        serde_json::from_value(golden["cases"]["resnet18"]["tensors"].clone()).expect("names and shapes");
    let (mut header, mut bytes) = (serde_json::Map::new(), Vec::new());
    for (name, shape) in tensors {
        if name.ends_with("num_batches_tracked") || without == Some(name.as_str()) {
            continue;
        }
        let from = bytes.len();
        for at in 0..shape.iter().product::<usize>() {
            let value: f32 =
                if name.ends_with("running_var") { 1.0 } else { ((at * 7 + 3) % 11) as f32 / 200.0 - 0.025 };
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        let entry =
            serde_json::json!({ "dtype": "F32", "shape": shape, "data_offsets": [from, bytes.len()] });
        header.insert(name, entry);
    }
    let header = serde_json::to_vec(&header).expect("JSON");
    let length = (header.len() as u64).to_le_bytes();
    std::fs::write(at, [&length[..], &header, &bytes].concat()).expect("written");
}

const STATEMENT: &str = r#"
name = "theirs"
version = "1"
title = "Ten kinds, by others"
license = "BSD-3-Clause"
must_not = ["It must not be used for anything but tests."]
preset = "torchvision"
side = 32
fit = "stretch"
[input]
modalities = ["MR"]
body_parts = ["BRAIN"]
quantity = "arbitrary"
least_side = 8
greatest_aspect = 1.5
words = "a made-up picture"
population = "none"
[source]
url = "none"
copyright = "none"
citation = "none"
data = "none"
figures = "none"
"#;

#[test]
fn weights_of_pytorch_become_a_model_behind_a_gate_or_what_a_recipe_begins_with() {
    let place = Place::new();
    let [weights, statement, model, encoder] = ["r18.safetensors", "theirs.toml", "models/theirs", "encoder"]
        .map(|name| path(&place.at(name)).to_owned());
    state_dict(Path::new(&weights), None);
    let labels: String =
        (0..10).map(|at| format!("[[labels]]\nkey = \"kind{at}\"\nname = \"kind {at}\"\n")).collect();
    place.write("theirs.toml", &format!("{STATEMENT}{labels}"));
    let import = |more: &[&str]| {
        wilhelm(&[&["models", "import", weights.as_str(), "--card", &statement][..], more].concat())
    };
    let made = import(&["--out", &model]);
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    let models = path(&place.at("models")).to_owned();
    let shown = wilhelm(&["models", "--models", &models, "show", "theirs"]);
    assert!(
        String::from_utf8_lossy(&shown.stdout).contains("kind = \"adopted-classifier\""),
        "{}",
        stderr(&shown)
    );
    let (image, csv) = (path(&place.at("data/1.png")).to_owned(), path(&place.at("p.csv")).to_owned());
    let said = wilhelm(&["predict", "--model", "theirs", "--models", &models, &image, "--csv", &csv]);
    assert_eq!(code(&said), 0, "{}", stderr(&said));
    assert!(stderr(&said).contains("was made by others"));
    let table = std::fs::read_to_string(&csv).expect("a table");
    let row: Vec<&str> = table.lines().nth(1).expect("a row").split(',').collect();
    let sum: f64 = row[1..11].iter().map(|cell| cell.parse::<f64>().expect("a number")).sum();
    assert!((sum - 1.0).abs() < 1e-4, "{table}");

    let made = import(&["--as", "encoder", "--out", &encoder]);
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    let own = std::fs::read_to_string(Path::new(&encoder).join("encoder.toml")).expect("a card");
    assert!(own.contains("trained by others"), "{own}");
    let cnn = "cnn = { name = \"resnet-18\", channels = 3, channel_means = [0.485, 0.456, 0.406], \
               channel_deviations = [0.229, 0.224, 0.225] }\n";
    place.write("recipe.toml", &recipe(&[(OWN_CNN, cnn), ("side = 16", "side = 32"), FEW]));
    let refused = place.train("recipe.toml", "none", &["--start", &encoder]);
    assert!(
        stderr(&refused).contains("set normalization = { mean = 0.0, deviation = 1.0 }"),
        "{}",
        stderr(&refused)
    );
    let normalized = [
        (OWN_CNN, cnn),
        ("side = 16", "side = 32"),
        FEW,
        ("fit = \"stretch\"", "fit = \"stretch\"\nnormalization = { mean = 0.0, deviation = 1.0 }"),
    ];
    place.write("recipe.toml", &recipe(&normalized));
    let begun = place.train("recipe.toml", "begun", &["--start", &encoder, "--no-baselines", "--json"]);
    // Four passes from such weights may have learned nothing, which is said.
    assert!(code(&begun) == 0 || stderr(&begun).contains("no better than chance"), "{}", stderr(&begun));
    let plain = recipe(&[FEW]);
    place.write("recipe.toml", &plain);
    let refused = place.train("recipe.toml", "none", &["--start", &encoder]);
    assert!(stderr(&refused).contains("in the recipe"), "{}", stderr(&refused));
}

#[test]
fn weights_of_another_network_are_refused_by_name() {
    let place = Place::new();
    let [weights, statement, model] =
        ["r18.safetensors", "theirs.toml", "model"].map(|name| path(&place.at(name)).to_owned());
    let import = || wilhelm(&["models", "import", &weights, "--card", &statement, "--out", &model]);
    place.write("theirs.toml", STATEMENT);
    state_dict(Path::new(&weights), Some("layer3.1.bn2.weight"));
    let refused = import();
    assert_ne!(code(&refused), 0);
    assert!(stderr(&refused).contains("missing layer3.1.bn2.weight"), "{}", stderr(&refused));
    state_dict(Path::new(&weights), None);
    let refused = import();
    assert!(stderr(&refused).contains("10 scores and the card has 0 labels"), "{}", stderr(&refused));
    place.write("theirs.toml", &format!("cnn = \"densenet-121\"\n{STATEMENT}"));
    let refused = import();
    assert!(stderr(&refused).contains("of resnet-18, densenet-121 was stated"), "{}", stderr(&refused));
    std::fs::write(&weights, b"a pickle").expect("written");
    assert!(stderr(&import()).contains("not readable as safetensors"));
    assert!(!Path::new(&model).exists());
}
