//! Zip and gzip: read in memory, refused where they are locked, nested or bombs.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use wilhelm_formats::phantom::{self, CtPhantom};
use wilhelm_formats::{Limits, Silent, read};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::shared::{only, read_one, refusal};

fn phantom() -> CtPhantom {
    CtPhantom { columns: 20, rows: 16, slices: 4, ..CtPhantom::default() }
}

fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in entries {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn in_folder(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_zipped_series_is_the_series_and_its_entries_are_labels() {
    let folder = tempfile::tempdir().unwrap();
    let paths = phantom::write_ct_series(folder.path(), &phantom()).unwrap();
    let expected = only(folder.path());
    let contents: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    // Names that would escape, were they paths.
    let names = ["../../a.dcm", "/etc/b.dcm", "c", "deep/d.dcm"];
    let mut entries: Vec<(&str, &[u8])> =
        names.iter().copied().zip(contents.iter().map(Vec::as_slice)).collect();
    entries.push(("notes.txt", b"beside the images"));
    let outside = tempfile::tempdir().unwrap();
    let path = in_folder(outside.path(), "study.zip", &zip_of(&entries));
    let reading = read_one(&path);
    assert!(reading.failures.is_empty(), "{:?}", reading.failures);
    assert_eq!(reading.skipped.len(), 1);
    assert_eq!(reading.series.len(), 1);
    assert_eq!(reading.series[0].image, expected.image);
    assert!(reading.series[0].sources[0].path.ends_with("study.zip!../../a.dcm"));
    assert_eq!(reading.series[0].sources[0].sha256, expected.sources[0].sha256);
    let left: Vec<_> = std::fs::read_dir(outside.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing was written beside the archive");
}

#[test]
fn an_archive_in_an_archive_and_one_without_images_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let inner = zip_of(&[("a.txt", b"text")]);
    let path = in_folder(folder.path(), "outer.zip", &zip_of(&[("inner.zip", &inner)]));
    assert!(refusal(&path).contains("is an archive inside an archive"));
    let path = in_folder(folder.path(), "texts.zip", &inner);
    assert!(refusal(&path).contains("found an archive without images"));
}

#[test]
fn an_encrypted_archive_is_named_as_such() {
    let mut bytes = zip_of(&[("a.dcm", &[0; 100]), ("b.dcm", &[1; 100])]);
    // The flag of encryption, bit 0 of the general purpose flags, in both headers of each entry.
    for (magic, at) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let places: Vec<usize> = (0..bytes.len() - 4).filter(|i| bytes[*i..].starts_with(magic)).collect();
        for place in places {
            bytes[place + at] |= 1;
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(folder.path(), "locked.zip", &bytes);
    assert!(refusal(&path).contains("archive is encrypted"));
}

#[test]
fn a_zip_bomb_is_refused_by_what_it_declares() {
    let zeros = vec![0; 80 << 20];
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(folder.path(), "bomb.zip", &zip_of(&[("zeros.dcm", &zeros)]));
    let message = refusal(&path);
    assert!(message.contains("archive bomb"), "{message}");
}

#[test]
fn a_zip_bomb_that_lies_about_its_size_is_refused_by_what_comes_out() {
    let zeros = vec![0; 80 << 20];
    let mut bytes = zip_of(&[("zeros.dcm", &zeros)]);
    let truth = ((80_u32) << 20).to_le_bytes();
    let places: Vec<usize> = (0..bytes.len() - 4).filter(|i| bytes[*i..].starts_with(&truth)).collect();
    for place in places {
        bytes[place..place + 4].copy_from_slice(&1000_u32.to_le_bytes());
    }
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(folder.path(), "lie.zip", &bytes);
    let reading = read_one(&path);
    assert!(reading.series.is_empty());
    assert_eq!(reading.failures.len(), 1, "{:?}", reading.failures);
}

#[test]
fn more_entries_than_the_limit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(folder.path(), "many.zip", &zip_of(&[("a", b"1"), ("b", b"2"), ("c", b"3")]));
    let limits = Limits { archive_entries: 2, ..Limits::default() };
    let reading = read(&[path], &limits, &Silent);
    assert_eq!(
        reading.failures[0].error.to_string(),
        "number of entries in the archive is 3, the limit is 2"
    );
}

#[test]
fn a_gzipped_dicom_file_keeps_the_digest_of_the_file_that_was_given() {
    let phantom = CtPhantom { slices: 1, ..phantom() };
    let plain = phantom::part_10(phantom.slice_object(0)).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&plain).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let zipped = only(&in_folder(folder.path(), "a.dcm.gz", &encoder.finish().unwrap()));
    let expected = only(&in_folder(folder.path(), "a.dcm", &plain));
    assert_eq!(zipped.image, expected.image);
    assert_ne!(zipped.sources[0].sha256, expected.sources[0].sha256);
}

#[test]
fn a_gzip_bomb_of_dicom_is_refused() {
    let phantom = CtPhantom { slices: 1, ..phantom() };
    let mut content = phantom::part_10(phantom.slice_object(0)).unwrap();
    content.resize(content.len() + (80 << 20), 0);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&content).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(folder.path(), "bomb.dcm.gz", &encoder.finish().unwrap());
    assert!(refusal(&path).contains("archive bomb"));
}
