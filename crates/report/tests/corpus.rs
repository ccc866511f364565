//! The corpus of the fuzz targets of this crate's readers, replayed: every file through the function of its target.

#![allow(clippy::disallowed_methods, reason = "the corpus lies in files, and the time is what is tested")]

use std::path::Path;

#[path = "../../../fuzz/src/replay.rs"]
mod replay;
#[path = "../../../fuzz/src/report_targets.rs"]
mod targets;

#[test]
fn every_file_of_the_corpus_is_read_or_refused_in_good_order() {
    replay::replay(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz"), &targets::ALL);
}
