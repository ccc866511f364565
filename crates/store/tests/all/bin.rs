use std::time::{Duration, SystemTime};

use dicom_core::VR;
use dicom_dictionary_std::tags;
use wilhelm_store::{Deleted, Level, Query, Receipt, Settings, Store, StoreError};

use crate::objects::{keep, open, slice};

fn deleted() -> Deleted {
    Deleted { by: "root".to_owned(), reason: "sent twice".to_owned() }
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn study(store: &Store) -> String {
    let answer = store.query(&Query::new(Level::Study)).expect("answers").remove(0);
    answer.text(tags::STUDY_INSTANCE_UID).to_owned()
}

fn objects(folder: &std::path::Path) -> usize {
    let below = |path: std::path::PathBuf| std::fs::read_dir(path).expect("a folder").count();
    std::fs::read_dir(folder.join("objects"))
        .expect("a folder")
        .map(|entry| below(entry.expect("an entry").path()))
        .sum()
}

#[test]
fn a_deleted_study_is_out_of_sight_and_comes_back_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    for number in 0..4 {
        keep(&store, &slice(number, &[])).expect("kept");
    }
    let uid = study(&store);
    let before = store.count().expect("counted");
    let metadata = |store: &Store| {
        let mut all = Vec::new();
        let study_uid = wilhelm_study::StudyInstanceUid::new(&uid).expect("a UID");
        let place = wilhelm_store::Place { study_uid, series_uid: None, sop_uid: None };
        let found = store.metadata(&place, |_, json| {
            all.push(json.to_owned());
            true
        });
        found.map(|()| all)
    };
    let whole = metadata(&store).expect("metadata");
    assert_eq!(store.delete(&uid, deleted(), now()).expect("deleted"), 4);
    assert!(matches!(store.delete(&uid, deleted(), now()), Err(StoreError::NotFound { .. })));
    assert!(store.query(&Query::new(Level::Study)).expect("answers").is_empty());
    assert!(matches!(metadata(&store), Err(StoreError::NotFound { .. })));
    assert_eq!(store.count().expect("counted").instances, 0);
    assert_eq!(objects(folder.path()), 4);
    let checked = store.check(true).expect("checked");
    assert!(checked.is_sound() && checked.strays.is_empty(), "the files of the bin are no strays");
    let binned = store.binned().expect("the bin").remove(0);
    assert_eq!((binned.instances, binned.by.as_str(), binned.reason.as_str()), (4, "root", "sent twice"));
    assert_eq!((binned.bytes, binned.deleted), (before.bytes, now()));
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.restore(&uid).expect("back"), 4);
    assert_eq!(store.count().expect("counted"), before);
    assert_eq!(metadata(&store).expect("metadata"), whole);
    assert!(store.binned().expect("the bin").is_empty());
    assert!(matches!(store.restore(&uid), Err(StoreError::NotFound { .. })));
    assert!(store.check(false).expect("checked").is_sound());
}

#[test]
fn what_came_again_in_the_meantime_is_not_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let (first, other) = (slice(0, &[]), slice(0, &[(tags::SERIES_DESCRIPTION, VR::LO, "other")]));
    keep(&store, &first).expect("kept");
    keep(&store, &slice(1, &[])).expect("kept");
    let uid = study(&store);
    store.delete(&uid, deleted(), now()).expect("deleted");
    assert_eq!(keep(&store, &other).expect("kept anew"), Receipt::Stored);
    assert!(matches!(store.restore(&uid), Err(StoreError::Conflict)));
    assert_eq!(store.count().expect("counted").instances, 1, "all or nothing");
    assert_eq!(store.binned().expect("the bin")[0].instances, 2);
    // Deleted again: the bin grows, and the one that arrived last comes back.
    store.delete(&uid, deleted(), now()).expect("deleted");
    assert_eq!(store.binned().expect("the bin")[0].instances, 3);
    assert_eq!(store.restore(&uid).expect("back"), 2);
    let sop_uid = wilhelm_store::describe(&wilhelm_store::Content::Memory(other.clone()), store.limits());
    let sop_uid = sop_uid.expect("described").attributes.sop_uid;
    let back = store.find(sop_uid.as_str()).expect("back");
    let mut bytes = vec![0; other.len()];
    store.content(&back).and_then(|content| content.read_at(0, &mut bytes)).expect("read");
    assert_eq!(bytes, other);
    // The same bytes as in the archive are no conflict.
    store.delete(&uid, deleted(), now()).expect("deleted");
    keep(&store, &other).expect("kept anew");
    assert_eq!(store.restore(&uid).expect("back"), 2);
    assert_eq!(store.count().expect("counted").instances, 2);
}

#[test]
fn the_bin_is_emptied_when_its_time_is_over_and_shared_files_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    keep(&store, &slice(0, &[])).expect("kept");
    keep(&store, &slice(1, &[])).expect("kept");
    let uid = study(&store);
    store.delete(&uid, deleted(), now()).expect("deleted");
    keep(&store, &slice(0, &[])).expect("came again");
    let day = Duration::from_secs(24 * 3600);
    assert!(store.overdue(day, now()).expect("looked").is_empty());
    assert!(store.overdue(day, now() - 30 * day).expect("looked").is_empty(), "a clock set back waits");
    assert_eq!(store.overdue(day, now() + day).expect("looked"), [uid.as_str()]);
    let early = store.purge(&uid, day, now() + day - Duration::from_millis(1));
    assert!(matches!(early, Err(StoreError::NotFound { .. })), "as if deleted anew since somebody looked");
    assert_eq!(
        store.purge(&uid, day, now() + day).expect("emptied"),
        1,
        "the other file is the archive's again"
    );
    assert_eq!(objects(folder.path()), 1);
    assert!(matches!(store.purge(&uid, day, now() + day), Err(StoreError::NotFound { .. })));
    assert!(store.check(false).expect("checked").is_sound());
}

#[test]
fn beyond_the_quota_nothing_is_taken_and_what_is_there_already_is_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, second) = (slice(0, &[]), slice(1, &[]));
    let quota = first.len() as u64 + second.len() as u64 - 1;
    let settings = || Settings { quota_bytes: Some(quota), ..Settings::default() };
    let store = Store::open(folder.path(), settings()).expect("an archive");
    keep(&store, &first).expect("kept");
    let refused = keep(&store, &second).expect_err("over the quota");
    assert!(matches!(refused, StoreError::OverQuota { .. }) && !refused.is_callers_fault());
    assert!(refused.to_string().contains(&format!("{} of the {quota} bytes", first.len())), "{refused}");
    assert_eq!(keep(&store, &first).expect("the same"), Receipt::AlreadyThere);
    assert_eq!(objects(folder.path()), 1, "no file without a row");
    // The bin counts; emptied, there is room.
    let uid = study(&store);
    store.delete(&uid, deleted(), now()).expect("deleted");
    assert!(matches!(keep(&store, &second), Err(StoreError::OverQuota { .. })));
    drop(store);
    let store = Store::open(folder.path(), settings()).expect("an archive");
    store.purge(&uid, Duration::ZERO, now()).expect("emptied");
    keep(&store, &second).expect("there is room");
}
