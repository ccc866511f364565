use std::path::{Path, PathBuf};
use std::sync::Arc;

use wilhelm_privacy::seal::{Keyring, Root};
use wilhelm_privacy::{Secret, SystemEntropy};
use wilhelm_store::{Content, Fault, Limits, Settings, Store, StoreError};

use crate::objects::{slice, take};

/// A keyring in a file of its own, which is made on first use.
pub fn keys(path: &Path) -> Arc<Keyring> {
    let root = Root::Key(Secret::new([9; 32]));
    let at = "2026-01-31T14:05:00Z".parse().expect("a time");
    let ring = if path.exists() {
        Keyring::open(path, &root)
    } else {
        Keyring::make(path, &root, at, &mut SystemEntropy::default())
    };
    Arc::new(ring.expect("a keyring"))
}

fn open(folder: &Path, keys: Option<Arc<Keyring>>, memory_bytes: u64) -> Arc<Store> {
    let limits = Limits { memory_bytes, ..Limits::default() };
    Store::open(folder, Settings { keys, limits, ..Settings::default() }).expect("an archive opens")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn whole(content: &Content) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(content.length()).expect("small")];
    assert_eq!(content.read_at(0, &mut bytes).expect("read"), bytes.len());
    bytes
}

#[test]
fn objects_lie_sealed_and_are_read_as_they_arrived() {
    // In memory as they arrive, and in a file of `incoming`.
    for memory_bytes in [1 << 20, 100] {
        let folder = tempfile::tempdir().expect("a folder");
        let ring = keys(&folder.path().join("keyring.json"));
        let archive = folder.path().join("archive");
        let bytes = slice(0, &[]);
        let taken = {
            let store = open(&archive, Some(Arc::clone(&ring)), memory_bytes);
            let taken = take(&store, &bytes).expect("taken");
            taken.pending.wait().expect("kept");
            taken.sop_uid
        };
        let lying = files(&archive.join("objects"));
        assert!(lying.len() == 1 && lying[0].extension().is_some_and(|extension| extension == "sealed"));
        assert!(files(&archive.join("incoming")).is_empty());
        let sealed = std::fs::read(&lying[0]).expect("read");
        assert!(
            sealed.starts_with(b"wilhelm sealed 1") && !sealed.windows(7).any(|seven| seven == b"Phantom")
        );
        let store = open(&archive, Some(ring), memory_bytes);
        let content = store.content(&store.find(taken.as_str()).expect("found")).expect("opened");
        assert_eq!(whole(&content), bytes);
        for (at, length) in [(0, 1), (131, 4), (bytes.len() - 5, 50), (bytes.len(), 3)] {
            let mut piece = vec![0; length];
            let count = content.read_at(at as u64, &mut piece).expect("read");
            assert_eq!(piece[..count], bytes[at..bytes.len().min(at + length)]);
        }
        let again = take(&store, &bytes).expect("taken").pending.wait();
        assert_eq!(again.expect("there"), wilhelm_store::Receipt::AlreadyThere);
        assert!(store.check(false).expect("checked").is_sound());
    }
}

#[test]
fn large_objects_are_sealed_chunk_by_chunk() {
    let folder = tempfile::tempdir().expect("a folder");
    let ring = keys(&folder.path().join("keyring.json"));
    let phantom =
        wilhelm_formats::phantom::CtPhantom { columns: 512, rows: 512, slices: 1, ..Default::default() };
    let bytes = wilhelm_formats::phantom::part_10(phantom.slice_object(0)).expect("a phantom");
    assert!(bytes.len() > 7 * 65_536);
    let store = open(&folder.path().join("archive"), Some(ring), 70_000);
    let taken = take(&store, &bytes).expect("taken");
    taken.pending.wait().expect("kept");
    let content = store.content(&store.find(taken.sop_uid.as_str()).expect("found")).expect("opened");
    assert_eq!(whole(&content), bytes);
    let mut across = vec![0; 10];
    assert_eq!(content.read_at(2 * 65_536 - 5, &mut across).expect("read"), 10);
    assert_eq!(across, bytes[2 * 65_536 - 5..2 * 65_536 + 5]);
}

#[test]
fn a_lost_key_is_said_and_repairs_nothing_and_a_changed_byte_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let ring = keys(&folder.path().join("keyring.json"));
    let other = keys(&folder.path().join("other.json"));
    let archive = folder.path().join("archive");
    let uid = {
        let store = open(&archive, Some(Arc::clone(&ring)), 1 << 20);
        let taken = take(&store, &slice(0, &[])).expect("taken");
        taken.pending.wait().expect("kept");
        taken.sop_uid
    };
    for (keys, expected) in [(Some(other), "which this keyring does not hold"), (None, "set archive.sealed")]
    {
        let store = open(&archive, keys, 1 << 20);
        let located = store.find(uid.as_str()).expect("found");
        let error = store.content(&located).expect_err("no key");
        assert!(error.to_string().contains(expected) && !error.is_callers_fault(), "{error}");
        let checked = store.check(true).expect("checked");
        assert_eq!(checked.faults[0].2, Fault::Locked);
        store.find(uid.as_str()).expect("it is still there");
    }
    let file = files(&archive.join("objects")).remove(0);
    let sound = std::fs::read(&file).expect("read");
    for place in [60, 120, sound.len() - 1] {
        let mut changed = sound.clone();
        changed[place] ^= 1;
        std::fs::write(&file, &changed).expect("written");
        let store = open(&archive, Some(Arc::clone(&ring)), 1 << 20);
        assert_eq!(store.check(false).expect("checked").faults[0].2, Fault::Changed, "byte {place}");
        let located = store.find(uid.as_str()).expect("found");
        let read = store.content(&located).and_then(|content| content.read_at(0, &mut [0; 100]));
        assert!(matches!(read, Err(StoreError::Sealed { .. })), "{read:?}");
    }
    std::fs::write(&file, &sound[..sound.len() - 20]).expect("cut");
    let store = open(&archive, Some(ring), 1 << 20);
    assert_eq!(store.check(true).expect("checked").faults[0].2, Fault::Changed);
    store.find(uid.as_str()).expect_err("set aside");
}

#[test]
fn objects_that_lay_open_are_sealed_later_and_one_does_not_stand_for_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let ring = keys(&folder.path().join("keyring.json"));
    let archive = folder.path().join("archive");
    {
        let store = open(&archive, None, 1 << 20);
        for number in 0..3 {
            take(&store, &slice(number, &[])).expect("taken").pending.wait().expect("kept");
        }
    }
    let store = open(&archive, Some(ring), 1 << 20);
    assert!(store.check(false).expect("checked").is_sound(), "what lies open is read too");
    assert_eq!((store.seal().expect("sealed"), store.seal().expect("again")), (3, 0));
    let lying = files(&archive.join("objects"));
    // Broken off before the open one was removed: it goes the next time, and not where the sealed one is not whole.
    let left = lying[0].with_extension("dcm");
    std::fs::write(&left, slice(0, &[])).expect("written");
    assert_eq!(store.seal().expect("sealed"), 1);
    assert!(!left.exists());
    assert!(lying.len() == 3 && lying.iter().all(|path| path.extension().is_some_and(|end| end == "sealed")));
    assert!(store.check(false).expect("checked").is_sound());
    std::fs::copy(&lying[0], &lying[1]).expect("copied");
    assert_eq!(store.check(false).expect("checked").faults.len(), 1);
}

#[test]
fn what_is_set_aside_is_sealed_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let ring = keys(&folder.path().join("keyring.json"));
    let store = open(&folder.path().join("archive"), Some(ring), 1 << 20);
    let bytes = slice(0, &[]);
    take(&store, &bytes[..bytes.len() - 9]).expect_err("it breaks off");
    let aside = files(&folder.path().join("archive/quarantine"));
    let sealed = aside.iter().find(|path| path.extension().is_some_and(|end| end == "sealed"));
    let sealed = std::fs::read(sealed.expect("set aside")).expect("read");
    assert!(sealed.starts_with(b"wilhelm sealed 1"));
}
