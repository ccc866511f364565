//! The quality card against other implementations, on images made by rule, and on real ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wilhelm_filters::quality::{QualityCard, Severity, quality};

const GRAY: Option<(f32, f32)> = Some((0.0, 255.0));

/// An image, or several slices of one size.
struct Picture {
    values: Vec<f32>,
    columns: usize,
    rows: usize,
}

impl Picture {
    fn from_rule(columns: usize, rows: usize, rule: impl Fn(usize, usize) -> f32) -> Self {
        let values = (0..columns * rows).map(|place| rule(place % columns, place / columns)).collect();
        Self { values, columns, rows }
    }

    fn read(path: &Path) -> Self {
        let gray = image::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).to_luma8();
        let (columns, rows) = (gray.width() as usize, gray.height() as usize);
        Self { values: gray.into_raw().into_iter().map(f32::from).collect(), columns, rows }
    }

    fn card(&self) -> QualityCard {
        quality(&self.values, self.columns, self.rows, GRAY)
    }

    /// Every value changed by one rule.
    fn with(mut self, rule: impl Fn(f32) -> f32) -> Self {
        self.values.iter_mut().for_each(|value| *value = rule(*value));
        self
    }

    /// The same pixels in random order: the same histogram, and nothing to see.
    fn shuffled(&self, seed: u32) -> Self {
        let mut values = self.values.clone();
        let mut next = congruential(seed);
        for last in (1..values.len()).rev() {
            values.swap(last, (next() as usize) % (last + 1));
        }
        Self { values, columns: self.columns, rows: self.rows }
    }

    /// Enlarged by a whole factor, between pixels by straight lines.
    fn enlarged(&self, factor: usize) -> Self {
        let at = |column: usize, row: usize| self.values[row * self.columns + column];
        Self::from_rule((self.columns - 1) * factor, (self.rows - 1) * factor, |column, row| {
            let (left, top) = (column / factor, row / factor);
            let x = (column % factor) as f32 / factor as f32;
            let y = (row % factor) as f32 / factor as f32;
            let upper = at(left, top) * (1.0 - x) + at(left + 1, top) * x;
            let lower = at(left, top + 1) * (1.0 - x) + at(left + 1, top + 1) * x;
            upper * (1.0 - y) + lower * y
        })
    }

    /// Means over squares of `2 * radius + 1` pixels a side, cut at the edges.
    fn smoothed(&self, radius: usize) -> Self {
        Self::from_rule(self.columns, self.rows, |column, row| {
            let columns = column.saturating_sub(radius)..(column + radius + 1).min(self.columns);
            let rows = row.saturating_sub(radius)..(row + radius + 1).min(self.rows);
            let count = (columns.len() * rows.len()) as f32;
            let lines = rows.map(|row| &self.values[row * self.columns..][columns.clone()]);
            lines.map(|line| line.iter().sum::<f32>()).sum::<f32>() / count
        })
    }
}

/// The same generator as in tools/golden/filters_quality.py; its upper 24 bits.
fn congruential(seed: u32) -> impl FnMut() -> u32 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 8
    }
}

/// Upper 8 bits of each state.
fn bytes(count: usize, seed: u32) -> Vec<u32> {
    let mut next = congruential(seed);
    (0..count).map(|_| next() >> 16).collect()
}

fn noise(side: usize, seed: u32) -> Picture {
    let values = bytes(side * side, seed).into_iter().map(|byte| byte as f32).collect();
    Picture { values, columns: side, rows: side }
}

fn ramp() -> Picture {
    let noise = bytes(40 * 48, 2);
    let grain = |column: usize, row: usize| (noise[row * 48 + column] / 32) as f32;
    Picture::from_rule(48, 40, |column, row| (2 * column + 3 * row) as f32 + grain(column, row))
}

fn disk() -> Picture {
    let noise = bytes(80 * 96, 3);
    Picture::from_rule(96, 80, |column, row| {
        let (across, down) = (column.abs_diff(50), row.abs_diff(40));
        let level = if across * across + down * down <= 25 * 25 { 180 } else { 30 };
        (level + row / 4) as f32 + (noise[row * 96 + column] / 64) as f32
    })
}

/// The disk, and upside down at half its brightness.
fn stack() -> Picture {
    let mut stack = disk();
    let lines: Vec<Vec<f32>> = stack.values.chunks(96).map(<[f32]>::to_vec).collect();
    stack.values.extend(lines.iter().rev().flatten().map(|value| (value / 2.0).floor()));
    stack
}

fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(path)
}

fn near(found: f64, expected: f64, tolerance: f64, what: &str) {
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(error <= tolerance, "{what}: found {found}, expected {expected}");
}

#[test]
fn every_number_on_the_card_is_that_of_numpy_scipy_and_scikit_image() {
    let golden = std::fs::read_to_string(testdata("filters_quality/expected.json")).expect("golden numbers");
    let golden: serde_json::Value = serde_json::from_str(&golden).expect("JSON");
    let images = [
        ("noise", noise(64, 1)),
        ("ramp", ramp()),
        ("disk", disk()),
        ("stack", stack()),
        ("breast_mass", Picture::read(&testdata("breast_ultrasound/breast_mass.png"))),
    ];
    assert_eq!(golden["cards"].as_object().map(serde_json::Map::len), Some(images.len()));
    for (name, picture) in images {
        let card = serde_json::to_value(picture.card()).expect("a card is JSON");
        let compare = |pointer: &str, tolerance: f64| {
            let number = |value: &serde_json::Value| value.pointer(pointer).and_then(|found| found.as_f64());
            let what = format!("{name}{pointer}");
            let (found, expected) = (number(&card), number(&golden["cards"][name]));
            near(found.expect(&what), expected.expect(&what), tolerance, &what);
        };
        for exact in ["/slices", "/rows", "/columns", "/distinct_levels"] {
            compare(exact, 0.0);
        }
        for double in [
            "/saturated_low",
            "/saturated_high",
            "/mean",
            "/standard_deviation",
            "/commonest_share",
            "/entropy_bits",
            "/noise_sigma",
            "/laplacian_variance",
            "/pixel_correlation/along_rows",
            "/pixel_correlation/along_columns",
        ] {
            compare(double, 1e-9);
        }
        for single in
            ["/sharpness", "/structure_correlation/along_rows", "/structure_correlation/along_columns"]
        {
            compare(single, 1e-5);
        }
        compare("/contrast_to_noise", 1e-3);
    }
    let wavelet = golden["cards"]["noise"]["wavelet_noise_sigma"].as_f64().expect("a number");
    near(noise(64, 1).card().noise_sigma.expect("measured"), wavelet, 0.05, "two estimators of pure noise");
}

#[test]
fn random_noise_is_unfit_at_every_size_also_enlarged_or_smoothed() {
    for seed in 1..=20 {
        for (name, picture) in [
            ("28", noise(28, seed)),
            ("64", noise(64, seed)),
            ("224", noise(224, seed)),
            ("33 enlarged 2 times", noise(33, seed).enlarged(2)),
            ("65 enlarged 4 times", noise(65, seed).enlarged(4)),
            ("29 enlarged 8 times", noise(29, seed).enlarged(8)),
            ("256 smoothed over 3", noise(256, seed).smoothed(1)),
            ("256 smoothed over 9", noise(256, seed).smoothed(4)),
        ] {
            let card = picture.card();
            assert_eq!(card.worst(), Some(Severity::Unfit), "{name}, seed {seed}: {card:?}");
        }
    }
}

/// The severity and a part of the gravest remark; `None` where the card says nothing.
fn check(picture: Picture, expected: Option<(Severity, &str)>) {
    let card = picture.card();
    match (card.remarks.first(), expected) {
        (None, None) => {}
        (Some(remark), Some((severity, words))) => {
            assert_eq!(remark.severity, severity, "{words}: {card:?}");
            assert!(remark.text.contains(words), "{words} not in {remark:?}");
        }
        (found, expected) => panic!("found {found:?}, expected {expected:?}"),
    }
    assert_eq!(card.is_fit(), expected.is_none_or(|(severity, _)| severity != Severity::Unfit));
}

#[test]
fn what_the_card_says_of_images_made_by_hand() {
    let square = |side: usize, inside: bool| if inside && side < 5 { 255.0 } else { 0.0 };
    let mut broken = disk();
    broken.values[4000] = f32::NAN;
    let mut grainy = disk();
    let grain = bytes(grainy.values.len(), 9);
    grainy.values.iter_mut().zip(&grain).for_each(|(value, grain)| *value += *grain as f32 / 2.0);
    let organ = |column: usize, row: usize| column.abs_diff(32) < 9 && row.abs_diff(20) < 6;

    check(disk(), None);
    check(Picture::from_rule(64, 64, |_, _| 0.0), Some((Severity::Unfit, "blank")));
    check(
        Picture::from_rule(64, 64, |column, _| 100.0 + column as f32 / 64.0),
        Some((Severity::Unfit, "blank")),
    );
    check(
        Picture::from_rule(300, 300, |column, row| square(column, row < 5)),
        Some((Severity::Unfit, "blank")),
    );
    check(
        Picture::from_rule(64, 64, |column, row| ((column + row) % 2 * 255) as f32),
        Some((Severity::Unfit, "pattern")),
    );
    check(Picture::from_rule(64, 64, |_, _| f32::NAN), Some((Severity::Unfit, "no value")));
    check(
        disk().with(|value| (value * 1.5).min(255.0)),
        Some((Severity::Warning, "% of the pixels are saturated white")),
    );
    check(disk().with(|value| 100.0 + value / 16.0), Some((Severity::Warning, "little contrast")));
    check(broken, Some((Severity::Warning, "of the values are not finite")));
    check(
        Picture::from_rule(64, 64, |column, row| if organ(column, row) { 255.0 } else { 0.0 }),
        Some((Severity::Warning, "only 2 different values")),
    );
    check(disk().smoothed(12), Some((Severity::Warning, "blurred")));
    check(grainy, Some((Severity::Warning, "very noisy")));
    check(
        Picture::from_rule(6, 6, |column, row| (40 * column + row) as f32),
        Some((Severity::Warning, "too few")),
    );
}

#[test]
fn an_array_that_does_not_fill_its_slices_is_unfit_in_words() {
    for (values, columns, rows) in [(11, 4, 3), (0, 4, 3), (12, 0, 3)] {
        let card = quality(&vec![1.0; values], columns, rows, GRAY);
        assert_eq!((card.worst(), card.slices), (Some(Severity::Unfit), 0));
        assert_eq!(
            card.remarks[0].text,
            format!("{values} values do not fill slices of {columns} x {rows} pixels")
        );
    }
}

#[test]
fn without_a_range_the_extremes_of_the_values_stand_in() {
    let hounsfield = disk().with(|value| value * 10.0 - 1000.0);
    let card = quality(&hounsfield.values, 96, 80, None);
    let range = card.range.expect("finite values");
    assert!(!range.stated && range.low == -700.0 && range.high > 900.0, "{range:?}");
    assert_eq!(card.remarks, []);
    // Scale and offset change no ratio.
    let gray = disk().card();
    near(card.sharpness.expect("measured"), gray.sharpness.expect("measured"), 1e-5, "sharpness");
    let contrasts = (card.contrast_to_noise.expect("measured"), gray.contrast_to_noise.expect("measured"));
    near(contrasts.0, contrasts.1, 1e-4, "contrast");
    near(card.noise_sigma.expect("measured"), 10.0 * gray.noise_sigma.expect("measured"), 1e-9, "noise");
}

/// Pictures of one folder with labels.csv: every `step`-th of those that are there.
fn labeled(folder: &Path, step: usize) -> Vec<Picture> {
    let labels = std::fs::read_to_string(folder.join("labels.csv")).expect("labels");
    let files = labels.lines().skip(1).filter_map(|line| line.split(',').next());
    let there = files.map(|file| folder.join(file)).filter(|path| path.is_file());
    there.step_by(step).map(|path| Picture::read(&path)).collect()
}

/// The first `count` training images of an NPZ file; volumes keep their slices together.
fn training(path: &Path, count: usize) -> Vec<Picture> {
    let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut archive = zip::ZipArchive::new(file).expect("an archive");
    let member = archive.by_name("train_images.npy").expect("the array");
    let array = npyz::NpyFile::new(member).expect("an array");
    let shape: Vec<usize> = array.shape().iter().map(|side| *side as usize).collect();
    let values: Vec<u8> = array.into_vec().expect("bytes");
    let (rows, columns) = (shape[shape.len() - 2], shape[shape.len() - 1]);
    let picture =
        |one: &[u8]| Picture { values: one.iter().map(|byte| f32::from(*byte)).collect(), columns, rows };
    values.chunks_exact(shape[1..].iter().product()).take(count).map(picture).collect()
}

#[test]
fn real_images_are_fit_and_their_shuffled_pixels_are_not() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !shared.is_dir() {
        eprintln!("skipped: no real images in ../shared/data");
        return;
    }
    let nih = ["00000001_000.png", "00027426_000.png"].map(|name| shared.join("nih_cxr_samples").join(name));
    let npz = |path: &str, count| training(&shared.join(path), count);
    let sets = [
        ("busi_256", labeled(&shared.join("busi_256"), 3)),
        ("brain_tumor_mri_224", labeled(&shared.join("brain_tumor_mri_224"), 8)),
        ("nih_cxr_samples", nih.iter().map(|path| Picture::read(path)).collect()),
        ("medmnist_pneumonia28", npz("medmnist_pneumonia28/dev/pneumoniamnist_trainval.npz", 400)),
        ("medmnist_breast28", npz("medmnist_breast28/dev/breastmnist_trainval.npz", 400)),
        ("medmnist_adrenal3d", npz("medmnist_adrenal3d/dev/adrenalmnist3d_trainval.npz", 100)),
    ];
    for (name, pictures) in sets {
        assert!(!pictures.is_empty(), "{name} has no pictures");
        let mut gravest = BTreeMap::new();
        for (place, picture) in pictures.iter().enumerate() {
            let card = picture.card();
            assert!(card.is_fit(), "{name}, picture {place}: {:?}", card.remarks);
            *gravest.entry(card.worst()).or_insert(0) += 1;
            if place % 4 != 0 {
                continue;
            }
            let shuffled = picture.shuffled(place as u32).card();
            assert!(!shuffled.is_fit(), "{name}, picture {place}, shuffled: {:?}", shuffled.remarks);
        }
        eprintln!("{name}: {} images, none unfit, gravest remark {gravest:?}", pictures.len());
    }
}
