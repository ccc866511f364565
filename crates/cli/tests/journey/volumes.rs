//! A classifier of volumes: trained, asked by an archive and by a mask in a file, and refused where it cannot be used.

use std::io::Write;
use std::path::Path;

use crate::training::RECIPE;
use crate::{code, gray_png, json, label_map, path, stderr, wilhelm};

const SIDE: usize = 8;
const SLICES: usize = 4;
const VOLUMES: usize = 60;

/// Whether a voxel of the nth mask is inside: a bar that gets thicker or thinner from the first slice to the last.
fn inside(nth: usize, column: usize, row: usize, slice: usize) -> bool {
    let width = 1 + if nth.is_multiple_of(2) { slice } else { SLICES - 1 - slice };
    let (left, top) = (nth / 2 % 5, nth / 10 % 6);
    (left..left + width).contains(&column) && (top..top + 3).contains(&row)
}

fn npy(shape: &str, content: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}");
    header += &" ".repeat(63 - (10 + header.len()) % 64);
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(content);
    bytes
}

fn voxels(nth: usize) -> impl Iterator<Item = u8> {
    (0..SLICES * SIDE * SIDE)
        .map(move |at| 255 * u8::from(inside(nth, at % SIDE, at / SIDE % SIDE, at / (SIDE * SIDE))))
}

/// Masks to learn from, and a test of checkers and of some of the masks.
fn archive(place: &Path, test: &[usize]) {
    let learned: Vec<u8> = (0..VOLUMES).flat_map(voxels).collect();
    let labels: Vec<u8> = (0..VOLUMES).map(|nth| (nth % 2) as u8).collect();
    let mut writer = zip::ZipWriter::new(std::fs::File::create(place).expect("made"));
    let mut arrays = vec![
        ("train_images.npy", npy(&format!("({VOLUMES}, {SLICES}, {SIDE}, {SIDE})"), &learned)),
        ("train_labels.npy", npy(&format!("({VOLUMES}, 1)"), &labels)),
    ];
    if !test.is_empty() {
        let checkers = (0..SLICES * SIDE * SIDE).map(|at| 255 * u8::from((at + at / SIDE).is_multiple_of(2)));
        let all: Vec<u8> = checkers.chain(test.iter().flat_map(|nth| voxels(*nth))).collect();
        let count = test.len() + 1;
        arrays.push(("test_images.npy", npy(&format!("({count}, {SLICES}, {SIDE}, {SIDE})"), &all)));
    }
    for (name, bytes) in arrays {
        writer.start_file(name, zip::write::SimpleFileOptions::default()).expect("begun");
        writer.write_all(&bytes).expect("written");
    }
    writer.finish().expect("closed");
}

fn recipe() -> String {
    let begin = RECIPE.find("[data]").expect("a table");
    let end = RECIPE.find("[input]").expect("a table");
    let data = "[data]\nkind = \"npz\"\nfile = \"masks.npz\"\n";
    let text = format!("{}{data}{}", &RECIPE[..begin], &RECIPE[end..]);
    let changes = [
        ("side = 16", "side = 8\nslices = 4\nrecurrent = { cell = \"gru\", hidden = 6 }"),
        ("least_side = 8", "least_side = 4"),
        ("duplicates_above = 0.9999", "duplicates_above = 1.1"),
        ("epochs = 40", "epochs = 25"),
        ("mirror = true\nrotation", "mirror = false\nrotation"),
    ];
    changes.iter().fold(text, |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replace(old, new)
    })
}

/// The probabilities of a table's only row, or of the first.
fn probabilities(output: &std::process::Output) -> Vec<f64> {
    assert!(code(output) <= 1, "{}", stderr(output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let row = text.lines().nth(1).unwrap_or_else(|| panic!("no row in {text}"));
    let cells: Vec<&str> = row.split(',').collect();
    let number = |cell: &str| cell.parse().unwrap_or_else(|_| panic!("no number in {text}"));
    cells[1..3].iter().map(|cell| number(cell)).collect()
}

#[test]
fn a_model_of_volumes_says_the_same_of_a_mask_in_an_archive_and_in_a_file() {
    let place = tempfile::tempdir().expect("a folder");
    let at = |name: &str| place.path().join(name);
    std::fs::create_dir(at("data")).expect("made");
    archive(&at("data/masks.npz"), &[]);
    std::fs::write(at("recipe.toml"), recipe()).expect("written");
    let [recipe, data, model] =
        ["recipe.toml", "data", "models/middle"].map(|name| path(&at(name)).to_owned());
    let trained =
        wilhelm(&["train", "classifier", "--recipe", &recipe, "--data", &data, "--out", &model, "--json"]);
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    // Only the order of the slices tells the classes apart.
    let auc = json(&trained.stdout)["macro_auc"]["estimate"].as_f64().expect("a figure");
    assert!(auc > 0.9, "{auc}");

    let models = path(&at("models")).to_owned();
    let predict = |file: &Path| {
        wilhelm(&["predict", "--model", "middle", "--models", &models, "--csv", "-", path(file)])
    };
    let of_archive = probabilities(&predict(&at("data/masks.npz")));
    // Labels of 0 and 1 where the archive has 0 and 255.
    let size = [SIDE, SIDE, SLICES];
    let mask = label_map(place.path(), "mask.nrrd", size, |column, row, slice| {
        u16::from(inside(0, column, row, slice))
    });
    let of_file = probabilities(&predict(&mask));
    assert_eq!(of_archive, of_file);

    let flat = gray_png(place.path(), "flat.png", 16, &[100; 256]);
    let refused = predict(&flat);
    let said = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert!(said.contains("number of slices is 1, the model accepts 2 to 16 slices"), "{said}");
    explained(&mask, &models, &at("explained"));
    certified(&at("data/masks.npz"), &at("models"));
    let out = path(&at("report")).to_owned();
    let read = wilhelm(&["read", path(&mask), "--models", &models, "--no-llm", "--out", &out]);
    assert!(code(&read) <= 1, "{}", stderr(&read));
    let report = std::fs::read_to_string(at("report/report.json")).expect("a report");
    assert!(report.contains("it reads whole volumes"), "{report}");
}

#[test]
fn an_archive_whose_own_test_has_copies_is_refused_by_name_or_does_without_them() {
    let place = tempfile::tempdir().expect("a folder");
    let at = |name: &str| place.path().join(name);
    std::fs::create_dir(at("data")).expect("made");
    archive(&at("data/masks.npz"), &[3, 44]);
    let short = recipe().replace("epochs = 25", "epochs = 1");
    let train = |recipe: &str| {
        std::fs::write(at("recipe.toml"), recipe).expect("written");
        let [recipe, data, model] = ["recipe.toml", "data", "model"].map(|name| path(&at(name)).to_owned());
        wilhelm(&[
            "train",
            "classifier",
            "--recipe",
            &recipe,
            "--data",
            &data,
            "--out",
            &model,
            "--no-baselines",
        ])
    };
    let refused = train(&short);
    assert_eq!(code(&refused), 3, "{}", stderr(&refused));
    let said = stderr(&refused);
    assert!(said.contains("2 of 60 images to learn from show the same as one of its test"), "{said}");
    // The test comes after the images to learn from, its checkers first.
    let pairs = "masks.npz#3 and masks.npz#61 of its test; masks.npz#44 and masks.npz#62 of its test";
    assert!(said.contains(pairs) && said.contains("copies_of_test = \"leave_out\""), "{said}");
    assert!(!at("model.run").exists(), "a split that is refused leaves no run behind");
    let without =
        short.replace("file = \"masks.npz\"", "file = \"masks.npz\"\ncopies_of_test = \"leave_out\"");
    let trained = train(&without);
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    let split = json(&std::fs::read(at("model.run/split.json")).expect("a split"));
    assert!(split["words"].as_str().is_some_and(|words| words.starts_with("58 images")), "{split}");
}

/// Maps of a volume: on its own grid, drawn slice by slice, with their scores; and what cannot be explained is said.
fn explained(mask: &Path, models: &str, out: &Path) {
    let fixed =
        ["explain", path(mask), "--model", "middle", "--models", models, "--out", path(out), "--force"];
    let quick =
        ["--steps", "4", "--samples", "2", "--window", "4", "--mask", path(mask), "--every-slice", "--json"];
    let output = wilhelm(&[&fixed[..], &quick].concat());
    assert!(code(&output) <= 1, "{}", stderr(&output));
    let found = json(&output.stdout);
    assert_eq!(found["slices"], SLICES);
    let maps = found["maps"].as_array().expect("maps");
    let methods: Vec<&str> = maps.iter().filter_map(|map| map["method"].as_str()).collect();
    // The network reads slices one by one, and its attention is among slices.
    assert_eq!(
        methods,
        ["grad-cam", "grad-cam-plus-plus", "integrated-gradients", "smooth-grad", "occlusion"]
    );
    for map in maps {
        let name = map["map"].as_str().expect("a file");
        let reading = wilhelm_formats::read(
            &[out.join(name)],
            &wilhelm_formats::Limits::default(),
            &wilhelm_formats::Silent,
        );
        let image = &reading.series.first().expect("a volume").image;
        assert_eq!(image.size(), [SIDE, SIDE, SLICES]);
        let greatest = image.values().iter().copied().fold(f32::MIN, f32::max);
        let at = image.values().iter().position(|value| *value == greatest).expect("it is there");
        let place = serde_json::json!({
            "column": at % SIDE, "row": at / SIDE % SIDE, "slice": at / (SIDE * SIDE)
        });
        assert_eq!(map["greatest_at"], place);
        let truth = inside(0, at % SIDE, at / SIDE % SIDE, at / (SIDE * SIDE));
        assert_eq!(map["pointing"]["hit"], truth);
        assert_eq!(map["slices_shown"], serde_json::json!([0, 1, 2, 3]));
        assert!(map["sanity"]["faithfulness"]["deletion"]["area"].is_number(), "{map}");
        let method = map["method"].as_str().expect("a method");
        for file in [format!("slices-{method}.png"), format!("overlay-{method}-slice-0004.png")] {
            assert!(out.join(&file).is_file(), "{file}");
        }
    }
    assert_eq!(maps[0]["computed_on"].as_array().map(Vec::len), Some(3));
    let rollout = wilhelm(&[&fixed[..], &["--method", "rollout"]].concat());
    assert_eq!(code(&rollout), 3);
    assert!(stderr(&rollout).contains("reads slices one by one"), "{}", stderr(&rollout));
    let dicom = wilhelm(&[&fixed[..], &["--dicom"]].concat());
    assert_eq!(code(&dicom), 2);
    assert!(stderr(&dicom).contains("did not come as DICOM"), "{}", stderr(&dicom));
}

/// The certificate of a training stands on its card, and is what the verb measures on the images held out.
fn certified(data: &Path, models: &Path) {
    let card = models.join("middle/card.toml");
    let certificate = || {
        let shown = wilhelm(&["models", "--models", path(models), "show", "middle", "--json"]);
        assert_eq!(code(&shown), 0, "{}", stderr(&shown));
        json(&shown.stdout)["reads_image"].clone()
    };
    let of_training = certificate();
    let inputs: Vec<&str> = of_training["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row["input"].as_str())
        .collect();
    assert_eq!(
        inputs,
        ["none", "mirrored", "upside-down", "shuffled-patches", "shuffled-pixels", "blank", "noise"]
    );
    let only = models.join("middle/validation.txt");
    let verb =
        ["explain", "certificate", "--model", "middle", "--models", path(models), "--data", path(data)];
    let of_list = ["--only", path(&only), "--seed", "5", "--on-card", "--json"];
    let output = wilhelm(&[&verb[..], &of_list].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let of_verb = certificate();
    assert_eq!(of_verb["images"], of_training["images"]);
    for (one, other) in
        of_verb["rows"].as_array().expect("rows").iter().zip(of_training["rows"].as_array().expect("rows"))
    {
        for figure in ["same_label", "confidence", "commonest", "refused"] {
            let [one, other] = [one, other].map(|row| row[figure].as_f64().expect("a share"));
            assert!((one - other).abs() < 1e-6, "{figure}: {one} {other}");
        }
    }
    // The brightness of a mask is how much is inside: what stays of the label when only that stays is on the card.
    let text =
        String::from_utf8_lossy(&wilhelm(&["models", "--models", path(models), "show", "middle"]).stdout)
            .into_owned();
    assert!(
        text.contains("# Does it read the image? On the images of masks.npz that validation.txt names"),
        "{text}"
    );
    let before = std::fs::read(&card).expect("a card");
    std::fs::write(&only, "masks.npz#0\nmasks.npz#600\n").expect("written");
    let missing = wilhelm(&[&verb[..], &of_list].concat());
    assert_eq!(code(&missing), 3);
    assert!(
        stderr(&missing).contains("names 1 of 2 images that are not in these data"),
        "{}",
        stderr(&missing)
    );
    assert_eq!(std::fs::read(&card).expect("a card"), before, "nothing was written");
    let unlisted = wilhelm(&[&verb[..], &["--on-card"]].concat());
    assert_eq!(code(&unlisted), 2, "{}", stderr(&unlisted));
}
