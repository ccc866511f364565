//! Everything in `testdata` says where it came from, and is what it says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Folders whose picture the demonstration reads, with an invented indication.
const DEMONSTRATION: [&str; 3] = ["brain_mr", "breast_ultrasound", "chest_xray"];

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

/// The SHA-256 digests of the files of a folder, with their names.
fn digests(folder: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.is_file())
        .map(|path| {
            let digest = Sha256::digest(std::fs::read(&path).expect("readable"));
            let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            (hex, path.file_name().expect("a file").to_string_lossy().into_owned())
        })
        .collect()
}

/// The digests written between backticks.
fn stated(source: &str) -> Vec<&str> {
    let digest = |word: &&str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    source.split('`').filter(digest).collect()
}

#[test]
fn every_folder_of_test_data_names_its_source_and_matches_its_digests() {
    for entry in std::fs::read_dir(testdata()).expect("test data") {
        let folder = entry.expect("readable").path();
        if !folder.is_dir() {
            continue;
        }
        let place = folder.display();
        let source = std::fs::read_to_string(folder.join("SOURCE.md"))
            .unwrap_or_else(|error| panic!("{place}/SOURCE.md: {error}"));
        let found = digests(&folder);
        let stated = stated(&source);
        for digest in &stated {
            assert!(found.contains_key(*digest), "{place}: no file has the stated digest {digest}");
        }
        let pictures = found.iter().filter(|(_, name)| {
            [".dcm", ".png", ".jpg", ".nii", ".nii.gz", ".npz"].iter().any(|end| name.ends_with(end))
        });
        for (digest, name) in pictures {
            assert!(
                stated.contains(&digest.as_str()),
                "{place}: SOURCE.md does not state the digest of {name}"
            );
        }
    }
}

#[test]
fn the_samples_of_the_demonstration_have_a_license_and_an_invented_indication() {
    for name in DEMONSTRATION {
        let folder = testdata().join(name);
        let source = std::fs::read_to_string(folder.join("SOURCE.md")).expect("a source");
        assert_eq!(stated(&source).len(), 1, "{name}");
        for word in ["**License**", "**Attribution**", "**Origin**", "is fiction"] {
            assert!(source.contains(word), "{name}: SOURCE.md does not say {word}");
        }
        let indication = std::fs::read_to_string(folder.join("indication.txt")).expect("an indication");
        assert!(indication.trim().len() > 20, "{name}");
    }
}
