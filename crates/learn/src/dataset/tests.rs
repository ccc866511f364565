use super::*;
use crate::DicomKey;

/// Numbers from 0 to 255 without any order.
fn noise(seed: u32, at: u32) -> u8 {
    let mut state = (seed * 7919 + at).wrapping_mul(2_654_435_761);
    state ^= state >> 15;
    (state.wrapping_mul(2_246_822_519) >> 24) as u8
}

/// An example unlike any other.
pub(crate) fn example(place: usize, label: usize) -> Example {
    let pixels: Vec<f32> = (0..16).map(|at| f32::from(noise(place as u32, at))).collect();
    Example {
        source: format!("{place}.png"),
        line: Some(place as u64 + 2),
        patient: None,
        side: None,
        thumbnail: pixels.clone(),
        pixels,
        label,
        truths: Vec::new(),
    }
}

/// The recipe of a shipped model of two labels, with these changes.
pub(crate) fn recipe(changes: &[(&str, &str)]) -> Recipe {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/recipes/chest-pneumonia.toml");
    let text = std::fs::read_to_string(place).expect("the recipe of a shipped model");
    let text = changes.iter().fold(text, |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replacen(old, new, 1)
    });
    Recipe::from_toml(&text).expect("a recipe")
}

#[test]
fn patients_are_part_of_the_data_s_hash_and_data_without_any_keep_theirs() {
    let examples: Vec<Example> = (0..4).map(|place| example(place, place % 2)).collect();
    let without = Dataset::new(examples.clone());
    let with = |patients: [usize; 4]| {
        let mut examples = examples.clone();
        examples.iter_mut().zip(patients).for_each(|(example, patient)| example.patient = Some(patient));
        Dataset::new(examples).sha256
    };
    let mut hash = Sha256::new();
    for example in &examples {
        hash.update(example.label.to_le_bytes());
        example.pixels.iter().for_each(|pixel| hash.update(pixel.to_le_bytes()));
    }
    let plain: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(without.sha256, plain);
    assert_ne!(with([1, 1, 2, 2]), plain);
    assert_ne!(with([1, 1, 2, 2]), with([1, 2, 2, 2]));
    let mut stated = examples;
    stated.iter_mut().for_each(|example| example.side = Some(Side::Training));
    let all_training = Dataset::new(stated.clone()).sha256;
    stated[3].side = Some(Side::Validation);
    assert!(all_training != plain && Dataset::new(stated).sha256 != all_training);
}

/// Writes a picture of noise.
pub(crate) fn picture(place: &Path, seed: u32) {
    let pixels: Vec<u8> = (0..16 * 16).map(|at| noise(seed, at)).collect();
    let png = wilhelm_formats::encode_png_gray(16, 16, &pixels).expect("a picture");
    std::fs::create_dir_all(place.parent().expect("a folder")).expect("made");
    std::fs::write(place, png).expect("written");
}

/// A recipe of a table of pictures; `more` are lines of its `[data]`.
fn of_table(more: &str) -> Recipe {
    let data =
        format!("[data]\nkind = \"table\"\ntable = \"t.csv\"\nclasses = [\"n\", \"p\"]\n{more}\n[input]");
    let changes = [(OLD_DATA, data.as_str()), ("validation_share = 0.12\n", "")];
    recipe(&changes[..if more.contains("split") || more.contains("validation") { 2 } else { 1 }])
}

/// The data of the recipe that tests change.
const OLD_DATA: &str = "[data]\nkind = \"npz\"\nfile = \"dev/pneumoniamnist_trainval.npz\"\n\n[input]";

#[test]
fn sides_come_from_a_column_or_a_list_and_a_wrong_one_is_named_by_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    (0..3).for_each(|seed| picture(&folder.path().join(format!("{seed}.png")), seed));
    write("t.csv", "file,class,part\n0.png,n,Train\n1.png,p,val\n2.png,p,test\n");
    let sides = |more: &str| -> Result<Vec<Option<Side>>, String> {
        let data = load(&of_table(more), folder.path()).map_err(|error| error.to_string())?;
        Ok(data.examples.iter().map(|example| example.side).collect())
    };
    let all = [Side::Training, Side::Validation, Side::Test].map(Some).to_vec();
    assert_eq!(sides("split = \"part\""), Ok(all));
    assert_eq!(sides(""), Ok(vec![None; 3]));
    write("val.txt", "2.png\n\n");
    let listed = [Side::Training, Side::Training, Side::Validation].map(Some).to_vec();
    assert_eq!(sides("validation = \"val.txt\""), Ok(listed));
    write("val.txt", "2.png\n7.png\n");
    let said = "val.txt, line 2: no image of these data; expected names like 0.png";
    assert_eq!(sides("validation = \"val.txt\""), Err(said.to_owned()));
    write("t.csv", "file,class,part\n0.png,n,train\n1.png,p,dev\n");
    let said = "t.csv, line 3, column part: none of train, training, val, valid, validation, test";
    assert_eq!(sides("split = \"part\""), Err(said.to_owned()));
}

fn of_folders(more: &[(&str, &str)]) -> Recipe {
    let data = "[data]\nkind = \"folders\"\nclasses = [\"n\", \"p\"]\n[input]";
    let changes: Vec<(&str, &str)> = [(OLD_DATA, data)].into_iter().chain(more.iter().copied()).collect();
    recipe(&changes)
}

#[test]
fn images_in_folders_are_those_of_a_table_and_all_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let names = ["n/0.png", "n/1.png", "p/2.png"];
    (0_u32..).zip(names).for_each(|(seed, name)| picture(&at(name), seed));
    let listed = names.map(|name| format!("{name},{}\n", &name[..1])).concat();
    std::fs::write(at("t.csv"), format!("file,class\n{listed}")).expect("written");
    let of_folders = || load(&of_folders(&[]), folder.path());
    let (folders, table) = (of_folders().expect("data"), load(&of_table(""), folder.path()).expect("data"));
    assert_eq!(folders.sha256, table.sha256);
    let seen: Vec<(&str, usize)> =
        folders.examples.iter().map(|example| (example.source.as_str(), example.label)).collect();
    assert_eq!(seen, [("n/0.png", 0), ("n/1.png", 0), ("p/2.png", 1)]);
    std::fs::write(at("n/notes.txt"), "no image").expect("written");
    std::fs::write(at("p/broken.png"), b"\x89PNG\r\n\x1a\nbroken").expect("written");
    let said = of_folders().expect_err("not readable").to_string();
    assert!(said.contains("2 of 5 images cannot be used: n/notes.txt: "), "{said}");
    assert!(said.contains("; p/broken.png: ") && said.ends_with("; mend them or take them out"), "{said}");
}

/// A NIfTI volume that grows brighter from slice to slice.
fn volume(place: &Path, slices: usize) {
    use wilhelm_study::{Arbitrary, Geometry, Mm, Spacing, Volume};
    let spacing = Spacing::new(Mm(1.0), Mm(1.0), Mm(2.0)).expect("positive");
    let geometry = Geometry::axis_aligned([8, 6, slices], spacing).expect("a grid");
    let values = (0..48 * slices).map(|at| (at / 48 * 100 + at % 48) as f32).collect();
    let volume = Volume::<Arbitrary>::new(geometry, values).expect("a volume");
    let bytes = wilhelm_formats::encode_nifti(&volume, wilhelm_formats::Compression::Gzip);
    std::fs::create_dir_all(place.parent().expect("a folder")).expect("made");
    std::fs::write(place, bytes).expect("written");
}

#[test]
fn volumes_in_files_are_brought_to_the_network_s_slices_and_flat_images_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    volume(&at("n/0.nii.gz"), 5);
    volume(&at("p/1.nii.gz"), 9);
    let side = recipe(&[]).architecture.side;
    let (old, new) = (format!("\nside = {side}\n"), format!("\nside = {side}\nslices = 3\n"));
    let of_slices = of_folders(&[(&old, &new)]);
    let data = load(&of_slices, folder.path()).expect("volumes");
    for example in &data.examples {
        assert_eq!(example.pixels.len(), 3 * side * side);
        let mean = |slice: usize| {
            let pixels = &example.pixels[slice * side * side..][..side * side];
            pixels.iter().sum::<f32>() / pixels.len() as f32
        };
        assert!(mean(0) + 0.2 < mean(1) && mean(1) + 0.2 < mean(2), "{} {} {}", mean(0), mean(1), mean(2));
    }
    let said = load(&of_folders(&[]), folder.path()).expect_err("a flat network").to_string();
    assert!(said.contains("n/0.nii.gz: is a volume, but the network reads flat images"), "{said}");
    picture(&at("p/2.png"), 3);
    let said = load(&of_slices, folder.path()).expect_err("a flat image").to_string();
    assert!(
        said.contains("1 of 3 images cannot be used: p/2.png: is a flat image, but the network"),
        "{said}"
    );
}

/// CT phantoms in a folder each, the even ones without noise; and a table that names them by `key`.
fn phantoms(folder: &Path, key: DicomKey, count: u64) -> Vec<String> {
    use wilhelm_formats::dicom::objects::references;
    use wilhelm_formats::phantom::{CtPhantom, write_ct_series};
    let mut named = Vec::new();
    for seed in 0..count {
        let place = folder.join(format!("scans/{seed:02}"));
        let noise_hu = if seed % 2 == 0 { 0.0 } else { 600.0 };
        // Each has its own spacing, so that none is a copy of another.
        let phantom = CtPhantom {
            columns: 16 + seed as u16,
            rows: 16 + seed as u16,
            slices: 4,
            noise_hu,
            seed: seed + 1,
            ..CtPhantom::default()
        };
        std::fs::create_dir_all(&place).expect("made");
        write_ct_series(&place, &phantom).expect("written");
        let header = references(&[place], &[], &wilhelm_formats::Limits::default()).expect("headers");
        named.push(match key {
            DicomKey::StudyInstanceUid => header.study().as_str().to_owned(),
            _ => header.series().as_str().to_owned(),
        });
    }
    let row = |(at, uid): (usize, &String)| format!("{uid},{},{at}\n", if at % 2 == 0 { "n" } else { "p" });
    let rows: String = named.iter().enumerate().map(row).collect();
    std::fs::write(folder.join("t.csv"), format!("{},class,who\n{rows}", key.column())).expect("written");
    named
}

fn of_dicom(key: &str, more: &str) -> Recipe {
    let data = format!(
        "[data]\nkind = \"dicom\"\nfolder = \"scans\"\ntable = \"t.csv\"\nkey = \"{key}\"\nclasses = [\"n\", \"p\"]\n{more}[input]"
    );
    let side = recipe(&[]).architecture.side;
    let (old, new) = (format!("\nside = {side}\n"), "\nside = 12\nslices = 4\n".to_owned());
    recipe(&[
        (OLD_DATA, &data),
        (&old, &new),
        ("modalities = [\"CR\", \"DX\"]", "modalities = [\"CT\"]"),
        ("views = [\"PA\", \"AP\"]\n", ""),
    ])
}

#[test]
fn dicom_series_are_found_by_their_identifiers_and_no_identifier_goes_further() {
    for (key, word) in [
        (DicomKey::SeriesInstanceUid, "series_instance_uid"),
        (DicomKey::StudyInstanceUid, "study_instance_uid"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let uids = phantoms(folder.path(), key, 4);
        std::fs::write(folder.path().join("scans/notes.txt"), "no image").expect("written");
        let data = load(&of_dicom(word, ""), folder.path()).expect("data");
        let seen: Vec<(&str, usize, Option<usize>, usize)> = data
            .examples
            .iter()
            .map(|one| (one.source.as_str(), one.label, one.patient, one.pixels.len()))
            .collect();
        let first = |nth: usize| seen[nth].0.starts_with(&format!("{nth:02}/"));
        assert!((0..4).all(first), "{seen:?}");
        assert_eq!(seen.iter().map(|one| one.1).collect::<Vec<_>>(), [0, 1, 0, 1]);
        // All headers have one Patient ID.
        assert!(seen.iter().all(|one| one.2 == Some(1) && one.3 == 4 * 12 * 12), "{seen:?}");
        assert!(!format!("{:?}", data.examples).contains(&uids[0]));
        // A row without an image is named by its line, not by its identifier.
        let table = folder.path().join("t.csv");
        let text = std::fs::read_to_string(&table).expect("a table");
        std::fs::write(&table, text + "1.2.3.4.5,p,x\n").expect("written");
        let said = load(&of_dicom(word, ""), folder.path()).expect_err("no such image").to_string();
        assert!(
            said.contains(&format!(
                "1 of 5 rows name no image that can be used: line 6: no image has this {word}"
            )),
            "{said}"
        );
        assert!(!said.contains("1.2.3.4.5"), "{said}");
    }
}

#[test]
fn a_dicom_image_of_another_modality_is_refused_by_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    phantoms(folder.path(), DicomKey::SeriesInstanceUid, 2);
    let mut other = of_dicom("series_instance_uid", "");
    other.input.modalities = vec![wilhelm_study::Modality::Mr];
    let said = load(&other, folder.path()).expect_err("of CT").to_string();
    assert!(said.contains("of modality CT, the recipe is for MR"), "{said}");
}

#[test]
fn a_network_learns_from_dicom_series_and_a_table_of_identifiers() {
    let folder = tempfile::tempdir().expect("a folder");
    phantoms(folder.path(), DicomKey::SeriesInstanceUid, 120);
    let mut recipe = of_dicom("series_instance_uid", "patient = \"who\"\n");
    recipe.architecture.widths = vec![4, 8];
    recipe.architecture.features = 16;
    recipe.architecture.model_width = 8;
    recipe.architecture.heads = 2;
    recipe.architecture.encoder_layers = 0;
    recipe.architecture.decoder_layers = 0;
    recipe.validation_share = Some(0.34);
    recipe.duplicates_above = 1.1;
    recipe.optimization.epochs = 20;
    recipe.optimization.batch = 4;
    recipe.optimization.learning_rate = 0.01;
    recipe.augmentation.noise = 0.0;
    let data = load(&recipe, folder.path()).expect("data");
    let division = crate::divide(&recipe, &data).expect("a split");
    assert_eq!(division.patients, Some(120), "a patient each, by the table");
    struct Quiet;
    impl crate::TrainProgress for Quiet {
        fn step(&mut self, _: usize, _: usize) {}
        fn epoch(&mut self, _: crate::EpochReport) {}
        fn cancelled(&self) -> bool {
            false
        }
        fn seconds(&self) -> f64 {
            0.0
        }
    }
    let start = crate::Start::Fresh;
    let trained =
        crate::train_classifier(&division, start, None, "r.toml", "a command", &mut Quiet).expect("trained");
    let auc = trained.card.validation.macro_auc;
    assert!(auc.low > 0.6 && auc.estimate > 0.8, "noise is told from none: {auc:?}");
}
