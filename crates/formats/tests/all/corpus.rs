//! The corpus of the fuzz targets, replayed: every file through the function of its target.
//!
//! A file that once made a reader panic, run on or take too much memory lies in
//! `fuzz/corpus/<target>` under a name that says what it did. `make fuzz` looks for more.

use std::path::Path;

#[path = "../../../../fuzz/src/replay.rs"]
mod replay;
#[path = "../../../../fuzz/src/targets.rs"]
mod targets;

#[test]
fn every_file_of_the_corpus_is_read_or_refused_in_good_order() {
    replay::replay(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz"), &targets::ALL);
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
