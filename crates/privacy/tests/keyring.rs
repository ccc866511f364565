//! The keyring as a file: what it opens, and what is said when it does not.

use std::io::Read;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use wilhelm_privacy::seal::{Keyring, Opener, Root, SealError, key_of, open, seal};
use wilhelm_privacy::{KeyPurpose, Secret, SystemEntropy, make_key, read_key};
use wilhelm_study::Phi;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + second, 0).expect("a time")
}

fn entropy() -> SystemEntropy {
    SystemEntropy::default()
}

struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
    root: Root,
}

fn place() -> Place {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("root.key");
    make_key(&file, KeyPurpose::Root, &mut entropy()).expect("made");
    let root = Root::Key(read_key(&file, KeyPurpose::Root).expect("read"));
    Place { path: folder.path().join("keys/keyring.json"), root, _folder: folder }
}

fn sealed(ring: &Keyring, text: &[u8]) -> Vec<u8> {
    let mut target = Vec::new();
    seal(text, &mut target, b"1.2.3", ring, &mut entropy()).expect("sealed");
    target
}

#[test]
fn what_was_sealed_before_a_rotation_opens_after_it_and_is_not_written_again() {
    let Place { path, root, _folder } = place();
    let ring = Keyring::make(&path, &root, at(0), &mut entropy()).expect("made");
    let before = sealed(&ring, b"before");
    let index = ring.column("patient_id").index(&Phi::new("4711".to_owned()));
    let cell =
        ring.column("patient_id").seal("1", &Phi::new("4711".to_owned()), &mut entropy()).expect("sealed");
    let new_root = Root::Key(Secret::new([8; 32]));
    Keyring::rotate(&path, &root, Some(&new_root), at(1), &mut entropy()).expect("rotated");
    let refused = Keyring::open(&path, &root).expect_err("the old root is void");
    assert!(matches!(refused, SealError::WrongRoot { .. }), "{refused}");
    let ring = Keyring::open(&path, &new_root).expect("opened");
    let states = ring.states();
    assert_eq!(states.len(), 2);
    assert!(!states[0].is_active && states[1].is_active && states[1].made == at(1));
    let after = sealed(&ring, b"after");
    assert_eq!(key_of(before.as_slice()).expect("a key").to_string(), states[0].id);
    assert_eq!(key_of(after.as_slice()).expect("a key").to_string(), states[1].id);
    for (sealed, text) in [(before, "before"), (after, "after")] {
        let mut opened = String::new();
        let mut opener = Opener::new(sealed.as_slice(), b"1.2.3", &ring).expect("begun");
        opener.read_to_string(&mut opened).expect("read");
        assert_eq!(opened, text);
    }
    let column = ring.column("patient_id");
    assert_eq!(column.index(&Phi::new("4711".to_owned())), index, "rows are found as before");
    assert_eq!(column.open("1", &cell).expect("opened").expose(), "4711");
}

#[test]
fn a_keyring_is_never_written_over_and_its_loss_is_told() {
    let Place { path, root, _folder } = place();
    assert!(matches!(Keyring::open(&path, &root), Err(SealError::NoKeyring { .. })));
    let gone = Keyring::rotate(&path, &root, None, at(0), &mut entropy());
    assert!(matches!(gone, Err(SealError::NoKeyring { .. })));
    let ring = Keyring::make(&path, &root, at(0), &mut entropy()).expect("made");
    let again = Keyring::make(&path, &root, at(1), &mut entropy());
    assert!(matches!(again, Err(SealError::KeyringExists { .. })));
    let whole = sealed(&ring, b"text");
    let other_path = path.with_file_name("other.json");
    let other = Keyring::make(&other_path, &root, at(1), &mut entropy()).expect("made");
    let lost = open(whole.as_slice(), std::io::sink(), b"1.2.3", &other).expect_err("another keyring");
    assert!(matches!(lost, SealError::NoKey { .. }) && lost.is_callers_fault(), "{lost}");
}

#[test]
fn a_keyring_that_was_changed_is_named_and_never_a_panic() {
    let Place { path, root, _folder } = place();
    Keyring::make(&path, &root, at(0), &mut entropy()).expect("made");
    let text = std::fs::read_to_string(&path).expect("read");
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let id = value["active"].as_str().expect("a name");
    for changed in [
        text.replace(id, "0123456789abcdef"),
        text.replace(&format!("\"active\": \"{id}\""), "\"active\": \"0123456789abcdef\""),
        text.replace("\"form\": 1", "\"form\": 7"),
        text.replace("key-file", "command"),
        text.replace("\"index\"", "\"more\""),
        text[..text.len() / 2].to_owned(),
        String::new(),
    ] {
        assert_ne!(changed, text);
        std::fs::write(&path, &changed).expect("written");
        let refused = Keyring::open(&path, &root).expect_err("changed");
        assert!(matches!(refused, SealError::Keyring { .. } | SealError::WrongRoot { .. }), "{refused}");
    }
    #[cfg(unix)]
    {
        std::fs::write(&path, &text).expect("written");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o604)).expect("set");
        assert!(matches!(Keyring::open(&path, &root), Err(SealError::Open { mode: 0o604, .. })));
    }
}
