//! Replays the corpus of fuzz targets: every file through the function of its target. Tests of the crates include this file.

use std::path::Path;
use std::time::{Duration, Instant};

/// Far more than any file takes, on a slow and busy machine too.
const MOST: Duration = Duration::from_secs(20);

/// A target's name, and what it does with its bytes.
type Target = (&'static str, fn(&[u8]));

/// Every file of `fuzz/corpus/<target>` is read or refused in good order: without a panic, and in time.
pub fn replay(fuzz: &Path, targets: &[Target]) {
    for (name, target) in targets {
        assert!(fuzz.join("fuzz_targets").join(format!("{name}.rs")).is_file(), "{name} has no file");
        let mut files: Vec<_> = std::fs::read_dir(fuzz.join("corpus").join(name))
            .unwrap_or_else(|error| panic!("corpus of {name}: {error}"))
            .map(|entry| entry.expect("a listed file").path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "corpus of {name} is empty");
        for file in files {
            let bytes = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let start = Instant::now();
            let outcome = std::panic::catch_unwind(|| target(&bytes));
            assert!(outcome.is_ok(), "{}", file.display());
            assert!(start.elapsed() < MOST, "{} took {:?}", file.display(), start.elapsed());
        }
    }
}
