//! The corpus of the fuzz targets, replayed: every file through the function of its target.
//!
//! A file that once made a reader panic, run on or take too much memory lies in
//! `fuzz/corpus/<target>` under a name that says what it did. `make fuzz` looks for more.

use std::path::Path;
use std::time::{Duration, Instant};

#[path = "../../../../fuzz/src/targets.rs"]
mod targets;

/// Far more than any file takes, on a slow and busy machine too.
const MOST: Duration = Duration::from_secs(20);

#[test]
fn every_file_of_the_corpus_is_read_or_refused_in_good_order() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, target) in targets::ALL {
        let mut files: Vec<_> = std::fs::read_dir(corpus.join(name))
            .unwrap_or_else(|error| panic!("corpus of {name}: {error}"))
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "corpus of {name} is empty");
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            let start = Instant::now();
            let outcome = std::panic::catch_unwind(|| target(&bytes));
            assert!(outcome.is_ok(), "{}", file.display());
            assert!(start.elapsed() < MOST, "{} took {:?}", file.display(), start.elapsed());
        }
    }
}

#[test]
fn every_target_has_its_file_and_every_file_its_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/fuzz_targets");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        // Those are replayed by the tests of their crates.
        .filter(|name| !name.starts_with("knowledge_") && !name.starts_with("report_"))
        .collect();
    files.sort();
    assert_eq!(files, targets::ALL.map(|(name, _)| name));
}
