//! The corpus of the fuzz targets of this crate's readers, replayed: every file through the function of its target.

#![allow(clippy::disallowed_methods, reason = "the corpus lies in files, and the time is what is tested")]

use std::path::Path;
use std::time::{Duration, Instant};

#[path = "../../../fuzz/src/knowledge_targets.rs"]
mod targets;

/// Far more than any file takes, on a slow and busy machine too.
const MOST: Duration = Duration::from_secs(20);

#[test]
fn every_file_of_the_corpus_is_read_or_refused_in_good_order() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    for (name, target) in targets::ALL {
        assert!(fuzz.join("fuzz_targets").join(format!("{name}.rs")).is_file(), "{name} has no file");
        let mut files: Vec<_> = std::fs::read_dir(fuzz.join("corpus").join(name))
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
