//! The collection of DICOM files: its index, each file decoded here, and the reference's pixels.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};
use wilhelm_formats::dicom::{StoredPixels, decode};
use wilhelm_formats::{FormatError, Limits};

/// One line of the index of the collection.
pub struct Row {
    pub file: String,
    /// Whether the reference parses the file.
    pub parsed: bool,
    pub transfer_syntax: String,
    /// Shape, type and range of the reference's pixels, or why it has none.
    pub pixels: String,
    /// The first 16 digits of SHA-256 of the reference's pixels; empty where it has none.
    pub sha256: String,
}

/// Splits a line at commas that are not inside quotes.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut().unwrap().push(c),
        }
    }
    fields
}

/// The rows of the index whose files are here.
pub fn index(root: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(root.join("INDEX.csv")).unwrap();
    text.lines()
        .skip(1)
        .map(fields)
        .map(|f| Row {
            file: f[0].clone(),
            parsed: f[2] == "ok",
            transfer_syntax: f[5].clone(),
            pixels: f[11].clone(),
            sha256: f[12].clone(),
        })
        .filter(|row| root.join(&row.file).exists())
        .collect()
}

/// The file's bytes, unpacked where it is a gzip file.
pub fn content(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    if !bytes.starts_with(&[0x1F, 0x8B]) {
        return bytes;
    }
    let mut content = Vec::new();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut content).unwrap();
    content
}

/// Expected values of a lossy file at places made by rule, by `tools/golden/formats_lossy.py`.
pub struct Sampled {
    pub by: String,
    count: usize,
    mean: f64,
    values: Vec<f64>,
}

pub fn sampled(golden: &Path) -> BTreeMap<String, Sampled> {
    let golden: serde_json::Value = serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
    let case = |case: &serde_json::Value| {
        let text = |key: &str| case[key].as_str().unwrap().to_owned();
        let values = case["values"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap());
        let sampled = Sampled {
            by: text("by"),
            count: case["samples"].as_u64().unwrap() as usize,
            mean: case["mean"].as_f64().unwrap(),
            values: values.collect(),
        };
        (text("file"), sampled)
    };
    golden["cases"].as_array().unwrap().iter().map(case).collect()
}

/// How far two pictures are apart, in stored values.
#[derive(Clone, Copy, Debug)]
pub struct Apart {
    pub mean: f64,
    pub largest: f64,
}

impl Apart {
    pub fn of(a: impl IntoIterator<Item = f64>, b: impl IntoIterator<Item = f64>) -> Self {
        let (mut sum, mut largest, mut count) = (0.0, 0.0_f64, 0_usize);
        for (a, b) in a.into_iter().zip(b) {
            let apart = (a - b).abs();
            (sum, largest, count) = (sum + apart, largest.max(apart), count + 1);
        }
        Self { mean: sum / count.max(1) as f64, largest }
    }
}

/// What came of one file.
pub enum Outcome {
    /// The same pixels as the reference's, each of them.
    Identical,
    /// A lossy file whose pixels differ from the reference's by this.
    Near(Apart, String),
    /// Pixels that differ.
    Other(String),
    /// Pixels here, and none from the reference.
    Alone(String),
    /// An object without pictures, named as what it is.
    NoPicture,
    Refused(String),
}

/// Mean absolute difference allowed between two decoders of one lossy file, in stored values.
///
/// One gray level: inverse transforms of JPEG may round either way (T.83 allows it), and two
/// decoders may interpolate subsampled chroma differently.
pub const TOLERANCE: f64 = 1.0;

pub fn outcome(root: &Path, row: &Row, sampled: &BTreeMap<String, Sampled>) -> Outcome {
    let pixels = match decode(&content(&root.join(&row.file)), &Limits::default()) {
        Ok(pixels) => pixels,
        Err(FormatError::NotAnImageObject { .. }) => return Outcome::NoPicture,
        Err(error) => return Outcome::Refused(error.to_string()),
    };
    let found = format!(
        "{} frames, {} rows, {} columns, {} samples, {} bits",
        pixels.frames, pixels.rows, pixels.columns, pixels.samples, pixels.bits
    );
    let bytes = as_pydicom(&pixels, &row.pixels);
    if !row.sha256.is_empty() && digest(&bytes) == row.sha256 {
        return Outcome::Identical;
    }
    if let Some(expected) = sampled.get(&row.file) {
        let values = values(&pixels);
        if values.len() != expected.count {
            return Outcome::Other(format!("{found}, expected {} values", expected.count));
        }
        let places = places(values.len());
        let apart = Apart::of(places.iter().map(|place| values[*place]), expected.values.iter().copied());
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        // The means of all values stand for what lies between the samples.
        let apart = Apart { mean: apart.mean.max((mean - expected.mean).abs()), ..apart };
        return match apart.mean <= TOLERANCE {
            true => Outcome::Near(apart, expected.by.clone()),
            false => Outcome::Other(format!(
                "mean absolute difference {:.2}, largest {} to {}",
                apart.mean, apart.largest, expected.by
            )),
        };
    }
    if row.sha256.is_empty() {
        Outcome::Alone(found)
    } else {
        Outcome::Other(format!("{found}: other values"))
    }
}

/// The places that `tools/golden/formats_lossy.py` samples.
fn places(count: usize) -> Vec<usize> {
    const SAMPLES: usize = 200;
    let mut places: Vec<usize> = (0..SAMPLES).map(|i| (i * count / SAMPLES + (i * 7) % 11) % count).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// The first 16 digits of SHA-256, as the index has them.
fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes as the index hashed them: big-endian arrays high byte first, YCbCr as RGB.
fn as_pydicom(pixels: &StoredPixels, declared: &str) -> Vec<u8> {
    let mut bytes = pixels.bytes.clone();
    if declared.contains(") >") {
        bytes.chunks_exact_mut(pixels.bits / 8).for_each(<[u8]>::reverse);
    }
    if pixels.ycbcr {
        to_rgb(&mut bytes);
    }
    bytes
}

fn to_rgb(bytes: &mut [u8]) {
    for pixel in bytes.chunks_exact_mut(3) {
        let [luma, blue, red] = [0, 1, 2].map(|i| f64::from(pixel[i]));
        let (blue, red) = (blue - 128.0, red - 128.0);
        // PS3.3 Section C.7.6.3.1.2, with the digits that pydicom uses.
        let channels = [
            luma + 1.402 * red,
            luma - (0.114 * 1.772 / 0.587) * blue - (0.299 * 1.402 / 0.587) * red,
            luma + 1.772 * blue,
        ];
        pixel.copy_from_slice(&channels.map(|channel| (channel + 0.5).floor().clamp(0.0, 255.0) as u8));
    }
}

/// All samples as numbers, YCbCr as RGB.
pub fn values(pixels: &StoredPixels) -> Vec<f64> {
    let mut bytes = pixels.bytes.clone();
    if pixels.ycbcr {
        to_rgb(&mut bytes);
    }
    let signed = pixels.signed;
    match (pixels.floating, pixels.bits) {
        (true, 32) => bytes.as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect(),
        (true, _) => bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
        (_, 8) if signed => bytes.iter().map(|b| f64::from(b.cast_signed())).collect(),
        (_, 8) => bytes.iter().map(|b| f64::from(*b)).collect(),
        (_, 16) if signed => bytes.as_chunks().0.iter().map(|b| f64::from(i16::from_le_bytes(*b))).collect(),
        (_, 16) => bytes.as_chunks().0.iter().map(|b| f64::from(u16::from_le_bytes(*b))).collect(),
        _ if signed => bytes.as_chunks().0.iter().map(|b| f64::from(i32::from_le_bytes(*b))).collect(),
        _ => bytes.as_chunks().0.iter().map(|b| f64::from(u32::from_le_bytes(*b))).collect(),
    }
}
