//! The program as a person runs it: files in, reports out, and one clear sentence where it cannot.

#[path = "journey/archive.rs"]
mod archive;
#[path = "journey/asking.rs"]
mod asking;
#[path = "journey/baselines.rs"]
mod baselines;
#[path = "journey/concepts.rs"]
mod concepts;
#[path = "journey/desk.rs"]
mod desk;
#[path = "journey/diagnosis.rs"]
mod diagnosis;
#[path = "journey/editions.rs"]
mod editions;
#[path = "journey/embed.rs"]
mod embed;
#[path = "journey/evaluate.rs"]
mod evaluate;
#[path = "journey/fewshot.rs"]
mod fewshot;
#[path = "journey/fusion.rs"]
mod fusion;
#[path = "journey/kb.rs"]
mod kb;
#[path = "journey/killed.rs"]
mod killed;
#[path = "journey/mcp.rs"]
mod mcp;
#[path = "journey/networks.rs"]
mod networks;
#[path = "journey/onnx.rs"]
mod onnx;
#[path = "journey/outputs.rs"]
mod outputs;
#[path = "journey/priors.rs"]
mod priors;
#[path = "journey/privacy.rs"]
mod privacy;
#[path = "journey/reading.rs"]
mod reading;
#[path = "journey/record.rs"]
mod record;
#[path = "journey/reference.rs"]
mod reference;
#[path = "journey/rules.rs"]
mod rules;
#[path = "journey/safety.rs"]
mod safety;
#[path = "journey/segmenter.rs"]
mod segmenter;
#[path = "journey/texts.rs"]
mod texts;
#[path = "journey/training.rs"]
mod training;
#[path = "journey/volumes.rs"]
mod volumes;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs the program in the checkout, with a cache of its own so that no language model is found.
fn wilhelm(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wilhelm"))
        .args(arguments)
        .current_dir(root())
        .env("WILHELM_CACHE", "/nonexistent/wilhelm")
        .env_remove("WILHELM_CONFIG")
        .output()
        .expect("the program runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("the program was not killed")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn path(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}

/// Reads an image without a language model and gives its `report.json`.
fn report_of(image: &Path, folder: &Path) -> Value {
    let output = wilhelm(&["read", path(image), "--no-llm", "--out", path(folder)]);
    assert!(code(&output) <= 1, "{}", stderr(&output));
    json(&std::fs::read(folder.join("report.json")).expect("a report was written"))
}

fn gray_png(folder: &Path, name: &str, side: u32, pixels: &[u8]) -> PathBuf {
    let png = wilhelm_formats::encode_png_gray(side, side, pixels).expect("a picture");
    let place = folder.join(name);
    std::fs::write(&place, png).expect("written");
    place
}

/// Noise without any structure, from a linear congruential generator.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x1234_5678_u64;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect()
}

#[test]
fn each_sample_becomes_a_report_whose_every_sentence_bears_evidence() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let samples = [
        ("chest_xray/chest_pa.dcm", "chest-pneumonia"),
        ("breast_ultrasound/breast_mass.png", "breast-ultrasound"),
        ("brain_mr/brain_axial_t1c.jpg", "brain-mr-tumor"),
    ];
    for (sample, model) in samples {
        let folder = place.path().join(model);
        let report = report_of(&root().join("testdata").join(sample), &folder);
        assert_eq!(report["models"][0]["name"], model, "{sample}");
        assert!(!report["findings"].as_array().expect("findings").is_empty());
        for section in report["sections"].as_array().expect("sections") {
            for sentence in section["sentences"].as_array().expect("sentences") {
                assert!(!sentence["bears"].as_array().expect("evidence").is_empty(), "{sentence}");
            }
        }
        let html = std::fs::read_to_string(folder.join("report.html")).expect("a page");
        assert!(html.contains("not a medical device") && html.contains("data:image/png;base64,"));
        assert!(
            !html.contains("http://") && !html.contains("<script"),
            "the page asks something of the network"
        );
        let heatmap = std::fs::read(folder.join("heatmap.png")).expect("a heat map");
        assert_eq!(&heatmap[..8], b"\x89PNG\r\n\x1a\n");
        let provenance = json(&std::fs::read(folder.join("provenance.json")).expect("provenance"));
        assert_eq!(provenance["inputs"][0]["sha256"].as_str().map(str::len), Some(64));
        assert_eq!(provenance["models"].as_array().map(Vec::len), Some(3));
    }
}

#[test]
fn the_same_reading_twice_gives_the_same_bytes() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let image = root().join("testdata/brain_mr/brain_axial_t1c.jpg");
    report_of(&image, &place.path().join("a"));
    report_of(&image, &place.path().join("b"));
    for file in ["report.json", "report.html", "heatmap.png", "provenance.json"] {
        let read = |folder: &str| std::fs::read(place.path().join(folder).join(file)).expect("written");
        assert!(read("a") == read("b"), "{file} differs");
    }
}

#[test]
fn noise_and_a_blank_image_are_read_by_no_model_and_never_a_diagnosis() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let images = [
        gray_png(place.path(), "noise.png", 256, &noise(256 * 256)),
        gray_png(place.path(), "blank.png", 256, &[128; 256 * 256]),
        gray_png(place.path(), "ramp.png", 256, &(0..=255).cycle().take(256 * 256).collect::<Vec<u8>>()),
    ];
    for (number, image) in images.iter().enumerate() {
        let report = report_of(image, &place.path().join(number.to_string()));
        assert_eq!(report["findings"].as_array().map(Vec::len), Some(0), "{image:?}");
        assert_eq!(report["abstentions"].as_array().map(Vec::len), Some(3), "{image:?}");
        let text = report.to_string();
        assert!(text.contains("did not read the image"), "{image:?}");
    }
}

#[test]
fn an_image_of_another_modality_is_refused_by_name() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let image = root().join("testdata/brain_mr/brain_axial_t1c.jpg");
    let folder = place.path().join("out");
    let output =
        wilhelm(&["read", path(&image), "--no-llm", "--modality", "CT", "--out", path(&folder), "--json"]);
    let result = json(&output.stdout);
    let abstentions = result["reports"][0]["report"]["abstentions"].as_array().expect("abstentions").clone();
    assert_eq!(abstentions.len(), 3);
    for abstention in abstentions {
        let reason = abstention["reason"].as_str().expect("a reason");
        assert!(reason.contains("modality is CT"), "{reason}");
    }
}

#[test]
fn what_cannot_be_read_ends_in_one_sentence_that_names_the_file() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, bytes: &[u8]| {
        let file = place.path().join(name);
        std::fs::write(&file, bytes).expect("written");
        file
    };
    let dicom = std::fs::read(root().join("testdata/chest_xray/chest_pa.dcm")).expect("the sample");
    let cases = [
        write("empty.dcm", b""),
        write("text.png", b"this is no picture"),
        write("cut.dcm", &dicom[..200]),
        place.path().join("missing.dcm"),
    ];
    let out = place.path().join("out");
    for file in cases {
        let output = wilhelm(&["read", path(&file), "--no-llm", "--out", path(&out)]);
        let said = stderr(&output);
        assert_eq!(code(&output), 3, "{file:?}: {said}");
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(said.contains(&name), "{said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
        assert!(!out.exists(), "{file:?} left output behind");
    }
}

#[test]
fn one_bad_file_in_a_folder_does_not_stop_the_others() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let folder = place.path().join("in");
    std::fs::create_dir(&folder).expect("made");
    std::fs::copy(root().join("testdata/brain_mr/brain_axial_t1c.jpg"), folder.join("good.jpg"))
        .expect("copied");
    std::fs::write(folder.join("bad.png"), b"\x89PNG\r\n\x1a\n and then nothing").expect("written");
    let out = place.path().join("out");
    let output = wilhelm(&["read", path(&folder), "--no-llm", "--out", path(&out)]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    assert!(stderr(&output).contains("bad.png"));
    assert!(out.join("report.html").is_file());
}

#[test]
fn a_report_is_not_overwritten_without_force_and_an_unwritable_folder_is_named() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let image = root().join("testdata/brain_mr/brain_axial_t1c.jpg");
    let out = place.path().join("out");
    report_of(&image, &out);
    let again = wilhelm(&["read", path(&image), "--no-llm", "--out", path(&out)]);
    assert_eq!(code(&again), 2);
    assert!(stderr(&again).contains("--force"));
    let file = place.path().join("a-file");
    std::fs::write(&file, b"x").expect("written");
    let blocked = wilhelm(&["read", path(&image), "--no-llm", "--out", path(&file.join("below"))]);
    assert_eq!(code(&blocked), 3, "{}", stderr(&blocked));
    assert!(stderr(&blocked).contains("a-file"));
}

#[test]
fn a_model_file_with_a_flipped_byte_is_not_loaded() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let folder = place.path().join("brain-mr-tumor");
    std::fs::create_dir(&folder).expect("made");
    for file in ["card.toml", "weights.safetensors", "outliers.safetensors"] {
        std::fs::copy(root().join("models/brain-mr-tumor").join(file), folder.join(file)).expect("copied");
    }
    let weights = folder.join("weights.safetensors");
    let mut bytes = std::fs::read(&weights).expect("weights");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&weights, bytes).expect("written");
    let image = root().join("testdata/brain_mr/brain_axial_t1c.jpg");
    let out = place.path().join("out");
    let output =
        wilhelm(&["read", path(&image), "--no-llm", "--models", path(place.path()), "--out", path(&out)]);
    assert_eq!(code(&output), 4);
    let said = stderr(&output);
    assert!(said.contains("SHA-256 of weights.safetensors") && said.contains("brain-mr-tumor"), "{said}");
    assert!(!out.exists());
}

#[test]
fn the_gate_judges_sentences_of_ones_own() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let out = place.path().join("out");
    let report = report_of(&root().join("testdata/brain_mr/brain_axial_t1c.jpg"), &out);
    let own: Vec<String> = report["sections"]
        .as_array()
        .expect("sections")
        .iter()
        .filter(|section| section["heading"] == "findings")
        .flat_map(|section| section["sentences"].as_array().expect("sentences").clone())
        .filter(|sentence| sentence["claim"]["kind"] == "finding")
        .map(|sentence| sentence["text"].as_str().expect("text").to_owned())
        .collect();
    assert!(!own.is_empty());
    let text = place.path().join("sentences.txt");
    std::fs::write(&text, format!("{}\nThere is a hemorrhage in the left frontal lobe.\n", own.join("\n")))
        .expect("written");
    let output = wilhelm(&["ground", path(&out.join("report.json")), "--text", path(&text), "--json"]);
    assert_eq!(code(&output), 1);
    let result = json(&output.stdout);
    assert_eq!(result["accepted"], own.len());
    assert_eq!(result["refused"], 1);
}

#[test]
fn a_table_of_predictions_has_one_row_an_image_and_probabilities_that_add_to_one() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let csv = place.path().join("table.csv");
    let image = root().join("testdata/breast_ultrasound/breast_mass.png");
    let output = wilhelm(&["predict", "--model", "breast-ultrasound", path(&image), "--csv", path(&csv)]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = std::fs::read_to_string(&csv).expect("a table");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("image,benign,malignant,normal,outlier_score,abstained"));
    let row: Vec<&str> = lines.next().expect("a row").split(',').collect();
    let sum: f64 = row[1..4].iter().map(|cell| cell.parse::<f64>().expect("a number")).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{text}");
    assert_eq!(row[5], "", "{text}");
    assert_eq!(lines.next(), None);
    let unknown = wilhelm(&["predict", "--model", "nothing", path(&image), "--csv", "-"]);
    assert_eq!(code(&unknown), 3);
    assert!(stderr(&unknown).contains("breast-ultrasound"));
}

#[test]
fn several_models_are_asked_together_if_they_have_the_same_labels() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let image = root().join("testdata/breast_ultrasound/breast_mass.png");
    // The same network under two names: the mean is what either says, and they do not contradict each other.
    for name in ["first", "second"] {
        let folder = place.path().join("models").join(name);
        std::fs::create_dir_all(&folder).expect("made");
        for file in ["card.toml", "weights.safetensors", "outliers.safetensors"] {
            let text = std::fs::read(root().join("models/breast-ultrasound").join(file)).expect("shipped");
            let text = match String::from_utf8(text) {
                Ok(card) => card.replacen("breast-ultrasound", name, 1).into_bytes(),
                Err(weights) => weights.into_bytes(),
            };
            std::fs::write(folder.join(file), text).expect("written");
        }
    }
    let models = place.path().join("models");
    let ask = |names: &[&str], csv: &Path| {
        let mut words = vec!["predict", path(&image), "--csv", path(csv), "--models", path(&models)];
        names.iter().for_each(|name| words.extend(["--model", name]));
        wilhelm(&words)
    };
    let (one, both) = (place.path().join("one.csv"), place.path().join("both.csv"));
    assert_eq!(code(&ask(&["first"], &one)), 0);
    let output = ask(&["first", "second"], &both);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let cells = |file: &Path| -> Vec<String> {
        let text = std::fs::read_to_string(file).expect("a table");
        text.lines().nth(1).expect("a row").split(',').map(str::to_owned).collect()
    };
    let (one, several) = (cells(&one), cells(&both));
    assert_eq!(one[..5], several[..5]);
    assert_eq!(several[5], "0.000000");
    assert_eq!(code(&ask(&["first", "first"], &place.path().join("c.csv"))), 2);
    let words =
        ["predict", path(&image), "--csv", "-", "--model", "breast-ultrasound", "--model", "chest-pneumonia"];
    let output = wilhelm(&words);
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("have other labels (benign, malignant, normal and"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_patients_name_reaches_neither_report_nor_error() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let sample = std::fs::read(root().join("testdata/chest_xray/chest_pa.dcm")).expect("the sample");
    // Patient's Name (0010,0010) follows its VR and length; its value is replaced in place.
    let tag = [0x10, 0x00, 0x10, 0x00, b'P', b'N'];
    let at = sample.windows(6).position(|window| window == tag).expect("the sample has a name");
    let length = usize::from(u16::from_le_bytes([sample[at + 6], sample[at + 7]]));
    let mut named = sample.clone();
    let name: Vec<u8> =
        b"ZZQUERY^SECRETNAMEZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ"[..length].to_vec();
    named[at + 8..at + 8 + length].copy_from_slice(&name);
    let file = place.path().join("named.dcm");
    std::fs::write(&file, &named).expect("written");
    let cut = place.path().join("cut.dcm");
    std::fs::write(&cut, &named[..named.len() / 2]).expect("written");
    let needle = String::from_utf8_lossy(&name).into_owned();
    assert!(length >= 4, "the sample's name is too short to look for");
    for image in [&file, &cut] {
        let out = place.path().join(image.file_stem().expect("a name"));
        let output = wilhelm(&["read", path(image), "--no-llm", "-vv", "--out", path(&out)]);
        let mut all = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
        for file in ["report.html", "report.json", "provenance.json"] {
            all += &std::fs::read_to_string(out.join(file)).unwrap_or_default();
        }
        assert!(!all.contains(&needle), "the name is in the output of {image:?}");
    }
}

/// The first and only volume of a NIfTI file.
fn volume_of(file: &Path) -> wilhelm_study::Image {
    let reading = wilhelm_formats::read(
        std::slice::from_ref(&file.to_owned()),
        &wilhelm_formats::Limits::default(),
        &wilhelm_formats::Silent,
    );
    assert!(reading.failures.is_empty(), "{:?}", reading.failures);
    reading.series.into_iter().next().expect("a volume").image
}

#[test]
fn an_explanation_shows_every_map_with_its_scores_on_the_grid_of_the_image() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let image = root().join("testdata/breast_ultrasound/breast_mass.png");
    // The truth of this test: the left half.
    let half: Vec<u8> = (0..256 * 256).map(|at| if at % 256 < 128 { 255 } else { 0 }).collect();
    let mask = gray_png(place.path(), "mask.png", 256, &half);
    let out = place.path().join("out");
    let quick = ["--steps", "20", "--samples", "4", "--window", "16"];
    let arguments =
        ["explain", path(&image), "--model", "breast-ultrasound", "--mask", path(&mask), "--json"];
    let output = wilhelm(&[&arguments[..], &quick, &["--out", path(&out)]].concat());
    assert!(code(&output) <= 1, "{}", stderr(&output));
    let found = json(&output.stdout);
    assert_eq!(found, json(&std::fs::read(out.join("explanation.json")).expect("written")));
    assert_eq!(found["label"], "malignant");
    assert!(found["notes"][0].as_str().expect("a note").contains("not what causes disease"));
    let maps = found["maps"].as_array().expect("maps");
    let methods: Vec<&str> = maps.iter().map(|map| map["method"].as_str().expect("a method")).collect();
    assert_eq!(
        methods,
        ["grad-cam", "grad-cam-plus-plus", "integrated-gradients", "smooth-grad", "occlusion", "rollout"]
    );
    for map in maps {
        let steps = map["sanity"]["randomization"]["steps"].as_array().expect("steps");
        assert_eq!(steps.len(), 4);
        for score in ["deletion", "insertion"] {
            let area = map["sanity"]["faithfulness"][score]["area"].as_f64().expect("an area");
            assert!((0.0..=1.0).contains(&area), "{map}");
            let random = &map["sanity"]["faithfulness"][format!("{score}_random")];
            assert!(random["low"].as_f64() <= random["high"].as_f64(), "{map}");
        }
        let volume = volume_of(&out.join(map["map"].as_str().expect("a file")));
        assert_eq!(volume.size(), [256, 256, 1]);
        // The greatest value stands where the JSON and the truth say.
        let greatest = volume.values().iter().copied().fold(f32::MIN, f32::max);
        assert!((f64::from(greatest) - map["greatest"].as_f64().expect("a number")).abs() < 1e-9, "{map}");
        let at = volume.values().iter().position(|value| *value == greatest).expect("it is there");
        assert_eq!(map["greatest_at"], serde_json::json!({ "column": at % 256, "row": at / 256 }));
        assert_eq!(map["pointing"]["hit"], at % 256 < 128);
        assert_eq!(map["pointing"]["truth_share"], 0.5);
        let overlay = std::fs::read(out.join(map["overlay"].as_str().expect("a file"))).expect("a picture");
        assert_eq!(&overlay[..8], b"\x89PNG\r\n\x1a\n");
    }
    assert_eq!(maps[0]["computed_on"], serde_json::json!([8, 8]));
    // A rough path from blank to image wants many more steps: what is missing is said.
    let error = |map: &Value| map["completeness"]["error"].as_f64().expect("it is defined");
    assert!(error(&maps[2]) <= 0.05 || found["notes"].to_string().contains("more --steps bring them"));
    let brain = root().join("testdata/brain_mr/brain_axial_t1c.jpg");
    let smooth = ["explain", path(&brain), "--model", "brain-mr-tumor", "--method", "integrated-gradients"];
    let elsewhere = place.path().join("brain");
    let output = wilhelm(&[&smooth[..], &["--no-scores", "--json", "--out", path(&elsewhere)]].concat());
    let off = error(&json(&output.stdout)["maps"][0]);
    assert!(off < 0.1, "integrated gradients are off by {off}");
    let html = std::fs::read_to_string(out.join("explanation.html")).expect("a page");
    assert!(html.contains("not a medical device") || html.contains("Not a medical device"));
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("<script"));
    // The same again is the same to the byte; another layer is another grid.
    let again = place.path().join("again");
    let one = ["explain", path(&image), "--model", "breast-ultrasound", "--method", "grad-cam,smooth-grad"];
    let output = wilhelm(&[&one[..], &quick, &["--no-scores", "--out", path(&again)]].concat());
    assert!(code(&output) <= 1, "{}", stderr(&output));
    for file in ["overlay-grad-cam.png", "overlay-smooth-grad.png", "map-grad-cam.nii.gz"] {
        let read = |folder: &Path| std::fs::read(folder.join(file)).expect("written");
        // The truth is outlined on the first pictures.
        assert!(read(&again) == read(&out) || file.ends_with(".png"), "{file} differs");
    }
    assert!(!again.join("overlay-rollout.png").exists());
    let coarse = place.path().join("coarse");
    let output =
        wilhelm(&[&one[..], &["--no-scores", "--layer", "4", "--json", "--out", path(&coarse)]].concat());
    assert_eq!(json(&output.stdout)["maps"][0]["computed_on"], serde_json::json!([4, 4]));
}

#[test]
fn what_cannot_be_explained_ends_in_one_sentence_and_leaves_nothing() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let image = root().join("testdata/breast_ultrasound/breast_mass.png");
    let blank = gray_png(place.path(), "blank.png", 256, &[77; 256 * 256]);
    let small = gray_png(place.path(), "small.png", 16, &[255; 256]);
    let dark = gray_png(place.path(), "dark.png", 256, &[0; 256 * 256]);
    let out = place.path().join("out");
    let model = ["--model", "breast-ultrasound", "--no-scores", "--out", path(&out)];
    let cases: [(Vec<&str>, i32, &str); 11] = [
        (vec![path(&image), "--label", "cancer"], 2, "benign, malignant, normal"),
        (vec![path(&image), "--method", "guess"], 2, "grad-cam"),
        (vec![path(&image), "--layer", "5"], 2, "1 (32 x 32), 2 (16 x 16), 3 (8 x 8), 4 (4 x 4)"),
        (vec![path(&image), "--layer", "0"], 2, "1 (32 x 32)"),
        (vec![path(&image), "--mask", path(&small)], 3, "16 x 16 pixels, the image has 256 x 256"),
        (vec![path(&image), "--mask", path(&dark)], 3, "no pixel is above 0"),
        (
            vec![path(&image), "--method", "occlusion", "--window", "4", "--stride", "5"],
            3,
            "stride is 5, expected 1 to the window's 4",
        ),
        (
            vec![path(&image), "--method", "integrated-gradients", "--steps", "0"],
            3,
            "steps is 0, expected 1 to 10000",
        ),
        (vec![path(&image), "--cases", path(&small)], 3, "stored cases"),
        (vec![path(&blank)], 3, "blank.png"),
        (vec![path(place.path())], 2, "expected one image"),
    ];
    for (arguments, exit, needle) in cases {
        let output = wilhelm(&[&["explain"][..], &arguments, &model].concat());
        let said = stderr(&output);
        assert_eq!(code(&output), exit, "{arguments:?}: {said}");
        assert!(said.contains(needle), "{arguments:?}: {said}");
        assert!(!out.exists(), "{arguments:?} left output behind");
    }
    let nothing = wilhelm(&["explain"]);
    assert_eq!(code(&nothing), 2, "{}", stderr(&nothing));
    let folder = place.path().join("cats");
    std::fs::create_dir_all(folder.join("tabby")).expect("made");
    let output =
        wilhelm(&["explain", "certificate", "--model", "breast-ultrasound", "--data", path(&folder)]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(stderr(&output).contains("tabby"), "{}", stderr(&output));
}

#[test]
fn a_certificate_has_a_row_for_each_disturbance_and_the_nearest_case_of_an_image_is_itself() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let sample = root().join("testdata/breast_ultrasound/breast_mass.png");
    let data = place.path().join("data");
    for (label, name) in [("malignant", "a.png"), ("Benign", "b.png")] {
        std::fs::create_dir_all(data.join(label)).expect("made");
        std::fs::copy(&sample, data.join(label).join(name)).expect("copied");
    }
    gray_png(&data.join("Benign"), "noise.png", 128, &noise(128 * 128));
    let of = ["--model", "breast-ultrasound", "--data", path(&data)];
    let output = wilhelm(&[&["explain", "certificate", "--json"][..], &of].concat());
    // Noise is not fit to be read, here as elsewhere.
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let found = json(&output.stdout);
    assert_eq!(found["left_out"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["left_out"][0]["image"], "Benign/noise.png");
    let reason = found["left_out"][0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("not fit to be read"), "{reason}");
    let rows = found["certificate"]["rows"].as_array().expect("rows").clone();
    let inputs: Vec<&str> = rows.iter().map(|row| row["input"].as_str().expect("a name")).collect();
    assert_eq!(
        inputs,
        ["none", "mirrored", "upside-down", "shuffled-patches", "shuffled-pixels", "blank", "noise"]
    );
    assert_eq!((&rows[0]["same_label"], &rows[4]["refused"]), (&1.0.into(), &1.0.into()));
    // The model averages an image with its mirror: both are one to it.
    assert_eq!(rows[0]["confidence"], rows[1]["confidence"]);
    assert_eq!(found["sentences"].as_array().map(Vec::len), Some(7));

    let table = place.path().join("cases.safetensors");
    let output = wilhelm(&[&["explain", "cases", "--out", path(&table)][..], &of].concat());
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let arguments = ["--label", "malignant", "--method", "rollout", "--no-scores", "--json"];
    let out = place.path().join("out");
    let shown = ["--model", "breast-ultrasound", "--cases", path(&table), "--out", path(&out)];
    let output = wilhelm(&[&["explain", path(&sample)][..], &arguments, &shown].concat());
    assert!(code(&output) <= 1, "{}", stderr(&output));
    let similar = json(&output.stdout)["similar_cases"].clone();
    assert_eq!(similar["alike"].as_array().map(Vec::len), Some(1));
    assert_eq!(similar["alike"][0]["name"], "malignant/a.png");
    assert_eq!(similar["otherwise"][0]["name"], "Benign/b.png");
    assert!(similar["alike"][0]["distance"].as_f64().expect("a distance") < 1e-6);
    let other = wilhelm(&["explain", path(&sample), "--model", "chest-pneumonia", "--cases", path(&table)]);
    assert_eq!(code(&other), 3, "{}", stderr(&other));
    assert!(stderr(&other).contains("other weights"), "{}", stderr(&other));
}

/// A label map of cubes of 1 mm, in axial slices.
fn label_map(
    folder: &Path,
    name: &str,
    size: [usize; 3],
    label: impl Fn(usize, usize, usize) -> u16,
) -> PathBuf {
    use wilhelm_study::{CodedConcept, Geometry, LabelMap, Mm, Segment, Spacing};
    let spacing = Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0)).expect("positive");
    let [columns, rows, _] = size;
    let labels: Vec<u16> = (0..size.iter().product())
        .map(|at: usize| label(at % columns, at / columns % rows, at / (columns * rows)))
        .collect();
    let known: std::collections::BTreeSet<u16> = labels.iter().copied().filter(|label| *label > 0).collect();
    let part =
        |label| Segment::anatomy(&format!("part {label}"), CodedConcept::new("99T", "1", "Part"), "test");
    let segments = known.into_iter().map(|label| (label, part(label))).collect();
    let geometry = Geometry::axis_aligned(size, spacing).expect("a grid");
    let map = LabelMap::new(geometry, labels, segments).expect("labels");
    let bytes = wilhelm_formats::encode_nrrd(&map, wilhelm_formats::Compression::None);
    let place = folder.join(name);
    std::fs::write(&place, bytes).expect("written");
    place
}

#[test]
fn ratios_from_outlines_worked_on_paper() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let folder = place.path();
    // A heart of 40 pixels between lungs that reach from 10 to 89.
    let chest = |at: usize| match (at % 100, at / 100) {
        (30..70, 50..80) => 1,
        (10..30, 20..90) => 2,
        (70..90, 20..90) => 3,
        _ => 0,
    };
    let chest = gray_png(folder, "chest.png", 100, &(0..10_000).map(chest).collect::<Vec<u8>>());
    let output =
        wilhelm(&["ratio", "cardiothoracic", path(&chest), "--heart", "1", "--lungs", "2,3", "--json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(json(&output.stdout)["cardiothoracic"]["ratio"]["value"], 0.5);

    // Horns of 30 mm in a skull of 100 mm, in one of three slices.
    let head = label_map(folder, "head.seg.nrrd", [120, 120, 3], |column, row, slice| match (column, row) {
        (45..75, 40..60) if slice == 1 => 4,
        (10..110, 10..110) => 5,
        _ => 0,
    });
    let output = wilhelm(&["ratio", "evans", path(&head), "--horns", "4", "--inside", "5", "--json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let found = json(&output.stdout);
    assert_eq!((&found["evans"]["ratio"]["value"], &found["evans"]["slice"]), (&0.3.into(), &1.into()));
    let output = wilhelm(&["ratio", "asymmetry", path(&head), "--label", "4,5"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("left 15.00 mL ("), "{:?}", output.stdout);

    // A ventricle of 20 x 20, then of 20 x 10 pixels.
    let heart = label_map(folder, "heart.seg.nrrd", [40, 40, 2], |column, row, frame| {
        u16::from((10..30).contains(&column) && (10..30 - 10 * frame).contains(&row))
    });
    let output = wilhelm(&["ratio", "area-change", path(&heart), "--chamber", "1", "--json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let found = json(&output.stdout);
    assert_eq!(found["area_change"]["fractional_area_change"]["value"], 50.0);
    assert_eq!(found["area_change"]["areas"], serde_json::json!([400.0, 200.0]));

    let output = wilhelm(&["ratio", "evans", path(&head), "--horns", "9", "--inside", "5"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("label 9: the map has the labels 4, 5"), "{}", stderr(&output));
    let output = wilhelm(&["ratio", "cardiothoracic", path(&chest), "--heart", "7", "--lungs", "2,3"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("no pixel of label 7; there are 1, 2, 3"), "{}", stderr(&output));
}
