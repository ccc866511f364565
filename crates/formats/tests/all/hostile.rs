//! Content that is no image, or means harm.

use std::path::PathBuf;

use crate::shared::{noise, read_one, refusal};

fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn check(name: &str, bytes: &[u8], expected: &str) {
    let (_folder, path) = file(name, bytes);
    let message = refusal(&path);
    assert!(message.contains(expected), "{name}: {message}");
}

#[test]
fn what_is_no_image_is_refused_by_what_it_is() {
    check("empty.dcm", b"", "file is empty");
    check("notes.dcm", b"patient seen today\n", "not an image: found text");
    check("report.png", b"%PDF-1.7 ...", "not an image: found a PDF document");
    check("random.dcm", &noise(1, 4096), "not an image: found unknown content");
    check("volume.nrrd", b"NRRD0005\n# a comment\n", "NRRD header ends after 21 bytes");
}

#[test]
fn a_missing_path_is_named_and_the_others_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nowhere");
    assert!(refusal(&missing).ends_with("nowhere does not exist"));
    assert!(refusal(folder.path()).contains("found a folder without images"));
}

#[test]
fn random_bytes_behind_each_magic_never_panic() {
    let magics: [&[u8]; 12] = [
        b"\x89PNG\r\n\x1a\n",
        b"\xFF\xD8\xFF\xE0",
        b"\x1F\x8B\x08\x00",
        b"PK\x03\x04",
        b"\x5C\x01\x00\x00",
        b"\x08\x00\x05\x00CS",
        b"\x02\x00\x00\x00UL\x04\x00",
        b"NRRD0004\ntype: short\ndimension: 3\nsizes: 4 4 4\nencoding: gzip\nendian: little\n",
        b"NRRD0005\n",
        b"ObjectType = Image\nNDims = 3\nDimSize = 4 4 4\nElementType = MET_SHORT\n",
        b"II\x2A\x00\x08\x00\x00\x00",
        b"MM\x00\x2B\x00\x08\x00\x00",
    ];
    for magic in magics {
        for seed in 0..40 {
            let bytes = [magic, &noise(seed, 700)].concat();
            let (_folder, path) = file("x", &bytes);
            let reading = read_one(&path);
            assert!(reading.failures.len() + reading.series.len() >= 1, "{magic:?} {seed}");
        }
    }
    for seed in 0..40 {
        let mut bytes = vec![0; 128];
        bytes.extend(b"DICM\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\0");
        bytes.extend(noise(seed, 700));
        let (_folder, path) = file("x", &bytes);
        assert_eq!(read_one(&path).failures.len(), 1);
    }
}

#[test]
fn text_and_reports_beside_images_are_passed_over_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let phantom =
        wilhelm_formats::phantom::CtPhantom { columns: 16, rows: 16, slices: 2, ..Default::default() };
    wilhelm_formats::phantom::write_ct_series(folder.path(), &phantom).unwrap();
    std::fs::write(folder.path().join("README.md"), "# a study").unwrap();
    std::fs::write(folder.path().join("table.csv"), "a,b\n1,2\n").unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(inner.join("broken.dcm"), "no DICOM at all").unwrap();
    let reading = read_one(folder.path());
    assert_eq!(reading.series.len(), 1);
    let names: Vec<_> = reading.skipped.iter().map(|skipped| skipped.path.rsplit('/').next()).collect();
    assert_eq!(names, [Some("README.md"), Some("table.csv")]);
    // A name that promises an image is worth a word.
    assert_eq!(reading.failures.len(), 1);
    assert!(reading.failures[0].path.ends_with("broken.dcm"));
}

#[cfg(unix)]
#[test]
fn a_loop_of_links_ends() {
    let folder = tempfile::tempdir().unwrap();
    let phantom =
        wilhelm_formats::phantom::CtPhantom { columns: 16, rows: 16, slices: 2, ..Default::default() };
    wilhelm_formats::phantom::write_ct_series(folder.path(), &phantom).unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
    let reading = read_one(folder.path());
    assert_eq!(reading.series.len(), 1);
    assert!(reading.failures.is_empty());
}
