//! Collected DICOM files against pydicom's decoded pixels.

mod collection;
mod page;

use std::collections::BTreeMap;
use std::path::Path;

use wilhelm_formats::dicom::decode;
use wilhelm_formats::{FormatError, Limits};

use crate::shared::{data, read_one};

/// Raised when more decode. Lossy files may be near instead (docs/adr/0009 has lowered it by ten), lossless ones not.
const EXPECTED_SAME: usize = 190;

#[test]
fn the_committed_page_is_what_the_files_give_and_every_lossless_file_is_identical() {
    let Some(root) = data("dicom_conformance") else { return };
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = page::page(&root, &crate_root.join("tests/golden/lossy.json"));
    assert_eq!(page.lossless_but_other, [""; 0]);
    assert_eq!(page.nema_but_other, [""; 0]);
    assert!(page.identical >= EXPECTED_SAME, "{} files", page.identical);
    // The page is that of the default codecs: OpenJPEG itself gives lossy files the reference's own bits.
    if cfg!(feature = "openjpeg") {
        eprintln!("skipped: the committed page is that of a build without the feature openjpeg");
        return;
    }
    let committed = std::fs::read_to_string(crate_root.join("../../docs/conformance.md")).unwrap();
    assert!(committed == page.text, "docs/conformance.md is not what `make conformance` prints now");
}

#[test]
fn every_file_of_the_collection_is_read_or_refused_and_none_panics() {
    let Some(root) = data("dicom_conformance") else { return };
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    let mut read = 0;
    for row in collection::index(&root) {
        let reading = read_one(&root.join(&row.file));
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

#[test]
fn masks_of_single_bits_are_the_same_in_every_coding() {
    // The reference decodes neither of these codings for single bits: the same masks uncompressed stand in for it.
    let Some(root) = data("dicom_conformance/pydicom_data") else { return };
    let decoded = |name: &str| {
        decode(&std::fs::read(root.join(name)).unwrap(), &Limits::default())
            .unwrap_or_else(|e| panic!("{name}: {e}"))
    };
    for grid in ["liver", "liver_nonbyte_aligned"] {
        let plain = decoded(&format!("{grid}.dcm"));
        for coding in ["rle", "deflate", "j2k"] {
            assert!(decoded(&format!("{grid}_{coding}.dcm")).bytes == plain.bytes, "{grid} {coding}");
        }
    }
}
