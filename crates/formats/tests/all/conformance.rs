//! Collected DICOM files against pydicom's decoded pixels.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};
use wilhelm_formats::dicom::{StoredPixels, decode};
use wilhelm_formats::{FormatError, Limits};

use crate::shared::{data, read_one};

/// One line of the index of the collection.
struct Row {
    file: String,
    parse: String,
    transfer_syntax: String,
    pixels: String,
    sha256: String,
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

fn index(path: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .skip(1)
        .map(fields)
        .map(|f| Row {
            file: f[0].clone(),
            parse: f[2].clone(),
            transfer_syntax: f[5].clone(),
            pixels: f[11].clone(),
            sha256: f[12].clone(),
        })
        .collect()
}

/// Lossless transfer syntaxes that are read: native, deflated, JPEG lossless, JPEG 2000 lossless,
/// HTJ2K lossless, RLE, deflated frames.
fn is_lossless_and_read(transfer_syntax: &str) -> bool {
    let tail = transfer_syntax.strip_prefix("1.2.840.10008.1.2").unwrap_or("none");
    matches!(tail, "" | ".1" | ".1.99" | ".2" | ".4.57" | ".4.70" | ".4.90" | ".5" | ".8.1")
}

/// The first 16 digits of SHA-256, as the index has them.
fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The file's bytes, unpacked where it is a gzip file.
fn content(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    if !bytes.starts_with(&[0x1F, 0x8B]) {
        return bytes;
    }
    let mut content = Vec::new();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut content).unwrap();
    content
}

/// The bytes as the index hashed them: big-endian arrays high byte first, YCbCr as RGB.
fn as_pydicom(pixels: &StoredPixels, declared: &str) -> Vec<u8> {
    let mut bytes = pixels.bytes.clone();
    if declared.contains(") >") {
        bytes.chunks_exact_mut(pixels.bits / 8).for_each(<[u8]>::reverse);
    }
    if pixels.ycbcr {
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
    bytes
}

#[test]
fn lossless_files_decode_to_the_pixels_that_pydicom_decodes() {
    let Some(root) = data("dicom_conformance") else { return };
    let (mut same, mut total) = (0, 0);
    let mut others: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in index(&root.join("INDEX.csv")) {
        let path = root.join(&row.file);
        if row.parse != "ok"
            || row.sha256.is_empty()
            || !is_lossless_and_read(&row.transfer_syntax)
            || !path.exists()
        {
            continue;
        }
        total += 1;
        let outcome = match decode(&content(&path), &Limits::default()) {
            Ok(pixels) if digest(&as_pydicom(&pixels, &row.pixels)) == row.sha256 => {
                same += 1;
                continue;
            }
            Ok(pixels) => format!(
                "other pixels: {}x{}x{}x{} {} bits, expected {}",
                pixels.frames, pixels.rows, pixels.columns, pixels.samples, pixels.bits, row.pixels
            ),
            Err(error) => error.to_string(),
        };
        others.entry(outcome).or_default().push(format!("{} ({})", row.file, row.transfer_syntax));
    }
    eprintln!("{same} of {total} lossless files decode to the same pixels; the others: {others:#?}");
    assert!(same >= EXPECTED_SAME, "{same} of {total}: {others:#?}");
}

/// Raised when more decode, never lowered.
const EXPECTED_SAME: usize = 160;

#[test]
fn every_file_of_the_collection_is_read_or_refused_and_none_panics() {
    let Some(root) = data("dicom_conformance") else { return };
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    let mut read = 0;
    for row in index(&root.join("INDEX.csv")) {
        let path = root.join(&row.file);
        if !path.exists() {
            continue;
        }
        let reading = read_one(&path);
        read += usize::from(!reading.series.is_empty());
        for failure in &reading.failures {
            let kind = match &failure.error {
                FormatError::NotAnImage { .. } => "not an image".to_owned(),
                error => error.to_string(),
            };
            *refused.entry(kind).or_default() += 1;
        }
        assert!(!reading.series.is_empty() || !reading.failures.is_empty(), "{}", row.file);
    }
    eprintln!("{read} files give a series; refusals: {refused:#?}");
    assert!(read > 100, "{read}: {refused:#?}");
}
