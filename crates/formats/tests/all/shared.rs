//! What several tests need: real data beside the repository, and small ways to read it.

use std::path::{Path, PathBuf};

use wilhelm_formats::{Limits, Reading, Silent, read};
use wilhelm_study::{DefectKind, Series};

/// A path in the folder of real data, or `None` with a stated reason.
pub fn data(path: &str) -> Option<PathBuf> {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(path);
    if full.exists() {
        return Some(full);
    }
    eprintln!("skipped: {} is not here", full.display());
    None
}

pub fn read_one(path: &Path) -> Reading {
    read(&[path.to_owned()], &Limits::default(), &Silent)
}

/// The only series of a path, which reads without failures.
pub fn only(path: &Path) -> Series {
    let mut reading = read_one(path);
    assert!(reading.failures.is_empty(), "{:?}", reading.failures);
    assert_eq!(reading.series.len(), 1, "{:?}", titles(&reading));
    reading.series.remove(0)
}

pub fn titles(reading: &Reading) -> Vec<&str> {
    reading.series.iter().map(|series| series.title.as_str()).collect()
}

pub fn kinds(series: &Series) -> Vec<DefectKind> {
    series.defects.iter().map(|defect| defect.kind).collect()
}

/// The message of the only failure.
pub fn refusal(path: &Path) -> String {
    let reading = read_one(path);
    assert!(reading.series.is_empty(), "{:?}", titles(&reading));
    assert_eq!(reading.failures.len(), 1, "{:?}", reading.failures);
    assert!(reading.failures[0].error.is_callers_fault());
    reading.failures[0].error.to_string()
}

/// A folder with one file in it, and the file's path.
pub fn written(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// A generator of bytes that depend on the seed alone.
pub fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}
