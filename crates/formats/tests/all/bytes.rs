//! Files that are at hand as bytes, read as those on a disk.

use std::sync::Arc;

use wilhelm_formats::phantom::{CtPhantom, write_ct_series};
use wilhelm_formats::{Limits, Silent, read, read_bytes};

#[test]
fn bytes_are_read_as_files_are_under_the_names_given_and_what_is_no_image_is_passed_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let phantom = CtPhantom { columns: 32, rows: 32, slices: 4, ..Default::default() };
    write_ct_series(folder.path(), &phantom).expect("written");
    let on_disk = read(&[folder.path().to_owned()], &Limits::default(), &Silent);
    let mut files: Vec<(String, Arc<[u8]>)> = std::fs::read_dir(folder.path())
        .expect("listed")
        .enumerate()
        .map(|(number, entry)| {
            let bytes = std::fs::read(entry.expect("a file").path()).expect("read");
            (format!("object {number}"), Arc::from(bytes))
        })
        .collect();
    files.reverse();
    files.push(("note".to_owned(), Arc::from(b"no image".as_slice())));
    let in_memory = read_bytes(files, &Limits::default(), &Silent);
    assert!(in_memory.failures.is_empty(), "{:?}", in_memory.failures);
    assert_eq!(in_memory.skipped.len(), 1);
    let (one, other) = (&on_disk.series[0], &in_memory.series[0]);
    assert_eq!(one.image, other.image);
    let hashes = |series: &wilhelm_study::Series| -> Vec<String> {
        series.sources.iter().map(|source| source.sha256.clone()).collect()
    };
    assert_eq!(hashes(one), hashes(other));
    assert!(other.sources.iter().all(|source| source.path.starts_with("object ")));
}
