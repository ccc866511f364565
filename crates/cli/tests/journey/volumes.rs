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

fn archive(place: &Path) {
    let mut voxels = Vec::new();
    for nth in 0..VOLUMES {
        for slice in 0..SLICES {
            for row in 0..SIDE {
                voxels.extend((0..SIDE).map(|column| 255 * u8::from(inside(nth, column, row, slice))));
            }
        }
    }
    let labels: Vec<u8> = (0..VOLUMES).map(|nth| (nth % 2) as u8).collect();
    let mut writer = zip::ZipWriter::new(std::fs::File::create(place).expect("made"));
    let arrays = [
        ("train_images.npy", npy(&format!("({VOLUMES}, {SLICES}, {SIDE}, {SIDE})"), &voxels)),
        ("train_labels.npy", npy(&format!("({VOLUMES}, 1)"), &labels)),
    ];
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
    archive(&at("data/masks.npz"));
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
    let explain = wilhelm(&["explain", path(&mask), "--model", "middle", "--models", &models]);
    assert_eq!(code(&explain), 3);
    assert!(stderr(&explain).contains("model middle reads volumes"), "{}", stderr(&explain));
    let out = path(&at("report")).to_owned();
    let read = wilhelm(&["read", path(&mask), "--models", &models, "--no-llm", "--out", &out]);
    assert!(code(&read) <= 1, "{}", stderr(&read));
    let report = std::fs::read_to_string(at("report/report.json")).expect("a report");
    assert!(report.contains("it reads whole volumes"), "{report}");
}
