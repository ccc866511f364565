use std::path::{Path, PathBuf};

use dicom_core::VR;
use dicom_dictionary_std::tags;
use wilhelm_store::{
    BULK_MARK, Content, Duplicates, Expected, Fault, Level, Limits, Place, Query, Receipt, Settings, Store,
    StoreError, describe,
};
use wilhelm_study::StudyInstanceUid;

use crate::objects::{keep, open, slice, take};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect();
    found.sort();
    found
}

fn place(store: &Store) -> Place {
    let study = store.query(&Query::new(Level::Study)).expect("answers").remove(0);
    let study_uid = StudyInstanceUid::new(study.text(tags::STUDY_INSTANCE_UID)).expect("a UID");
    Place { study_uid, series_uid: None, sop_uid: None }
}

#[test]
fn what_was_acknowledged_is_there_after_the_archive_was_opened_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let slices: Vec<Vec<u8>> = (0..5).map(|number| slice(number, &[])).collect();
    {
        let store = open(folder.path());
        assert!(matches!(Store::open(folder.path(), Settings::default()), Err(StoreError::InUse { .. })));
        // All are with the writer before the first is waited for, last to first.
        let taken: Vec<_> = slices.iter().rev().map(|bytes| take(&store, bytes).expect("taken")).collect();
        for one in taken {
            assert_eq!(one.pending.wait().expect("kept"), Receipt::Stored);
        }
    }
    std::fs::write(folder.path().join("incoming/7.part"), b"half an object").expect("written");
    let store = open(folder.path());
    assert!(files(&folder.path().join("incoming")).is_empty());
    let count = store.count().expect("counted");
    assert_eq!((count.studies, count.series, count.instances), (1, 1, 5));
    let located = store.locate(&place(&store)).expect("found");
    for (object, bytes) in located.iter().zip(&slices) {
        let content = store.content(object).expect("a file");
        let mut read = vec![0; bytes.len() + 1];
        assert_eq!(content.read_at(0, &mut read).expect("read"), bytes.len());
        assert_eq!(&read[..bytes.len()], bytes);
        let pixels = object.pixels.expect("pixels");
        assert_eq!(pixels.length, Some(16 * 16 * 2));
        assert_eq!(pixels.start + 16 * 16 * 2, bytes.len() as u64);
    }
    let study = store.query(&Query::new(Level::Study)).expect("answers").remove(0);
    assert_eq!(study.text(tags::NUMBER_OF_STUDY_RELATED_INSTANCES), "5");
    assert_eq!(study.text(tags::MODALITIES_IN_STUDY), "CT");
    assert!(store.check(false).expect("checked").is_sound());
}

#[test]
fn metadata_is_json_with_addresses_instead_of_pixels() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    keep(&store, &slice(0, &[(tags::PATIENT_NAME, VR::PN, "Doe^Jane")])).expect("kept");
    let mut seen = 0;
    store
        .metadata(&place(&store), |[_, _, sop], json| {
            seen += 1;
            assert!(json.contains(&format!("\"BulkDataURI\":\"{BULK_MARK}/bulkdata/7FE00010\"")));
            let value: serde_json::Value =
                serde_json::from_str(&json.replace(BULK_MARK, "http://x")).expect("JSON");
            assert_eq!(value["00080018"]["Value"][0], sop);
            assert_eq!(value["00100010"]["Value"][0]["Alphabetic"], "Doe^Jane");
            assert_eq!(value["00280010"]["Value"][0], 16);
            assert_eq!(value["00280030"]["vr"], "DS");
            assert!(value["00280030"]["Value"][0].is_number());
            true
        })
        .expect("metadata");
    assert_eq!(seen, 1);
}

#[test]
fn a_second_object_with_the_same_identifier_is_the_same_or_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let first = slice(0, &[]);
    let other = slice(0, &[(tags::SERIES_DESCRIPTION, VR::LO, "other")]);
    // The same data set behind another File Meta Information is the same object.
    let mut renamed = first.clone();
    renamed[..128].fill(7);
    assert_eq!(keep(&store, &first).expect("kept"), Receipt::Stored);
    assert_eq!(keep(&store, &first).expect("kept"), Receipt::AlreadyThere);
    assert_eq!(keep(&store, &renamed).expect("kept"), Receipt::AlreadyThere);
    assert!(matches!(keep(&store, &other), Err(StoreError::Conflict)));
    assert_eq!(files(&folder.path().join("objects")).len(), 1);
    drop(store);
    let settings = Settings { duplicates: Duplicates::Replace, ..Settings::default() };
    let store = Store::open(folder.path(), settings).expect("opens");
    assert_eq!(keep(&store, &other).expect("kept"), Receipt::Replaced);
    assert_eq!(files(&folder.path().join("objects")).len(), 1);
    let series = store.query(&Query::new(Level::Series)).expect("answers").remove(0);
    assert_eq!(series.text(tags::SERIES_DESCRIPTION), "other");
    assert_eq!(store.count().expect("counted").instances, 1);
    assert!(store.check(false).expect("checked").is_sound());
}

#[test]
fn a_broken_object_is_refused_and_set_aside_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let whole = slice(0, &[(tags::PATIENT_NAME, VR::PN, "Doe^Jane")]);
    let refused = take(&store, &whole[..whole.len() - 7]).expect_err("cut");
    assert!(refused.is_callers_fault() && refused.to_string().contains("7FE0"), "{refused}");
    let none = slice(0, &[(tags::STUDY_INSTANCE_UID, VR::UI, "Doe^Jane")]);
    let refused = take(&store, &none).expect_err("no UID");
    assert!(!refused.to_string().contains("Doe"), "{refused}");
    let aside = files(&folder.path().join("quarantine"));
    assert_eq!(aside.len(), 4);
    for reason in aside.iter().filter(|path| path.extension().is_some_and(|ending| ending == "txt")) {
        assert!(!std::fs::read_to_string(reason).expect("a reason").contains("Doe"));
    }
    assert_eq!(store.count().expect("counted").instances, 0);
    assert!(files(&folder.path().join("objects")).is_empty());
}

#[test]
fn a_changed_a_missing_and_a_stray_file_are_named_and_put_right() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    for number in 0..3 {
        keep(&store, &slice(number, &[])).expect("kept");
    }
    let all = files(&folder.path().join("objects"));
    let mut bytes = std::fs::read(&all[0]).expect("read");
    *bytes.last_mut().expect("bytes") ^= 1;
    std::fs::write(&all[0], bytes).expect("written");
    std::fs::remove_file(&all[1]).expect("removed");
    let stray = folder.path().join("objects/00").join(format!("{}.dcm", "0".repeat(64)));
    std::fs::write(&stray, b"stray").expect("written");
    let checked = store.check(true).expect("checked");
    let mut faults: Vec<Fault> = checked.faults.iter().map(|(_, _, fault)| *fault).collect();
    faults.sort_by_key(|fault| *fault == Fault::Missing);
    assert_eq!((checked.objects, faults), (3, vec![Fault::Changed, Fault::Missing]));
    assert_eq!(checked.strays.len(), 1);
    assert!(!checked.is_sound() && !stray.exists());
    let again = store.check(false).expect("checked");
    assert!(again.is_sound() && again.strays.is_empty());
    assert_eq!((again.objects, store.count().expect("counted").instances), (1, 1));
    assert_eq!(files(&folder.path().join("quarantine")).len(), 2);
}

#[test]
fn an_object_too_large_for_memory_goes_through_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits { memory_bytes: 100, object_bytes: 4000, ..Limits::default() };
    let store =
        Store::open(folder.path(), Settings { limits, ..Settings::default() }).expect("an archive opens");
    let bytes = slice(0, &[]);
    let in_memory = describe(&Content::Memory(bytes.clone()), &limits).expect("described");
    let mut arriving = store.arrive();
    for piece in bytes.chunks(33) {
        arriving.write(piece).expect("written");
    }
    store.take(arriving, Expected::default()).expect("taken").pending.wait().expect("kept");
    store
        .metadata(&place(&store), |_, json| {
            assert_eq!(json, in_memory.metadata);
            true
        })
        .expect("metadata");
    let mut arriving = store.arrive();
    arriving.write(&[0; 3000]).expect("below the limit");
    assert!(matches!(arriving.write(&[0; 1001]), Err(StoreError::TooLarge { .. })));
    drop(arriving);
    assert!(files(&folder.path().join("incoming")).is_empty());
}
