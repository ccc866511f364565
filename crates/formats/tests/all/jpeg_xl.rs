//! JPEG XL against pictures made by rule, coded by libjxl (`tools/golden/formats_jpeg_xl.py`).

use std::path::Path;

use wilhelm_formats::dicom::{StoredPixels, decode};
use wilhelm_formats::{FormatError, Limits};

const COLUMNS: usize = 48;
const ROWS: usize = 32;

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/jpeg_xl").join(name)).unwrap()
}

fn decoded(name: &str) -> StoredPixels {
    decode(&bytes(name), &Limits::default()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn values(pixels: &StoredPixels) -> Vec<usize> {
    match pixels.bits {
        8 => pixels.bytes.iter().map(|byte| usize::from(*byte)).collect(),
        _ => pixels.bytes.as_chunks().0.iter().map(|two| usize::from(u16::from_le_bytes(*two))).collect(),
    }
}

fn places(samples: usize) -> impl Iterator<Item = [usize; 3]> {
    (0..ROWS).flat_map(move |row| {
        (0..COLUMNS).flat_map(move |column| (0..samples).map(move |sample| [row, column, sample]))
    })
}

fn mean_difference(a: &[usize], b: &[usize]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b) as f64).sum::<f64>() / a.len() as f64
}

#[test]
fn lossless_pictures_are_the_same_to_the_bit() {
    for (name, bits, samples) in [("gray_8", 8, 1), ("gray_12", 12, 1), ("gray_16", 16, 1), ("rgb", 8, 3)] {
        let pixels = decoded(&format!("{name}.dcm"));
        assert_eq!([pixels.columns, pixels.rows, pixels.samples], [COLUMNS, ROWS, samples], "{name}");
        let steep = places(samples).map(|[row, column, sample]| {
            (977 * column + 2411 * row * row + 55 * column * row + 31013 * sample) % (1 << bits)
        });
        assert_eq!(values(&pixels), steep.collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn a_recompressed_jpeg_is_the_jpeg() {
    let (found, expected) = (decoded("recompressed.dcm"), decoded("source.dcm"));
    assert!(!found.ycbcr && !expected.ycbcr);
    // The colors of a recompressed JPEG are not rounded before they become RGB: libjxl's own decoder lies 0.85 from libjpeg.
    let apart = mean_difference(&values(&found), &values(&expected));
    assert!(apart <= 1.0, "{apart}");
}

#[test]
fn a_lossy_picture_in_xyb_is_near_its_original_in_rgb() {
    let pixels = decoded("lossy.dcm");
    assert!(!pixels.ycbcr);
    let even: Vec<usize> = places(3)
        .map(|[row, column, sample]| match sample {
            0 => 4 * column + 20,
            1 => 5 * row + 30,
            _ => 220 - 2 * column - 2 * row,
        })
        .collect();
    // A butteraugli distance of 1 is what an eye does not see.
    let apart = mean_difference(&values(&pixels), &even);
    assert!(apart <= 2.0, "{apart}");
}

#[test]
fn a_stream_that_is_cut_anywhere_is_refused() {
    let whole = bytes("gray_12.dcm");
    let first = whole.windows(2).rposition(|two| two == [0xFF, 0x0A]).expect("a codestream");
    // What ends the sequence of frames: a delimiter without a length. A byte of padding may stand before it.
    let last = whole.len() - 8 - 1;
    assert!(decode(&whole, &Limits::default()).is_ok());
    for left in (0..last).rev() {
        let error = decode(&whole[..left], &Limits::default()).expect_err("cut");
        assert!(!matches!(error, FormatError::Io { .. }), "{left} of {last}: {error}");
        if left > first {
            assert!(!error.to_string().contains("the codec failed"), "{left} of {last}: it panicked");
        }
    }
}
