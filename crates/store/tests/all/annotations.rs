//! Annotation in the archive: who answers what, answers that are chained, and found where they were changed.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use wilhelm_privacy::seal::{Keyring, Root};
use wilhelm_privacy::{Secret, SystemEntropy};
use wilhelm_store::{Fault, ItemImage, ItemOrder, NewItem, NewProject, Settings, Store, StoreError};

use crate::objects::{keep, of_patient, open};

const AT: &str = "2026-11-27T10:00:00Z";

fn project(annotators: &[&str], wanted: u32) -> NewProject {
    NewProject {
        id: "p1".to_owned(),
        made: AT.to_owned(),
        made_by: "rita".to_owned(),
        wanted,
        is_blinded: true,
        ordering: "given".to_owned(),
        annotators: annotators.iter().map(|name| (*name).to_owned()).collect(),
        adjudicators: vec!["ada".to_owned()],
        document: b"{\"title\": \"nodules\"}".to_vec(),
    }
}

fn item(study: &str) -> NewItem {
    NewItem {
        study_uid: study.to_owned(),
        series_uid: format!("{study}.1"),
        sop_uid: String::new(),
        images: vec![ItemImage {
            sop_uid: format!("{study}.1.1"),
            columns: 16,
            rows: 16,
            frames: 1,
            spacing: Some([0.7, 0.7]),
        }],
    }
}

/// An archive with studies 1.2.1 to 1.2.3, and a project of them.
fn filled(folder: &Path, annotators: &[&str], wanted: u32) -> Arc<Store> {
    let store = open(folder);
    for number in 1..=3 {
        keep(&store, &of_patient(&format!("1.2.{number}"), "4711", "Doe^Jane", "20260131", "CT"))
            .expect("kept");
    }
    let annotations = store.annotations();
    annotations.make(project(annotators, wanted)).expect("made");
    let items = (1..=3).map(|number| item(&format!("1.2.{number}"))).collect();
    assert_eq!(annotations.add_items("p1", items).expect("added"), 3);
    store
}

#[test]
fn items_go_to_annotators_in_turn_and_each_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = filled(folder.path(), &["a", "b", "c"], 2);
    let annotations = store.annotations();
    assert_eq!(annotations.add_items("p1", vec![item("1.2.2")]).expect("nothing new"), 0);
    let people = |number: u32| -> Vec<String> {
        annotations.item("p1", number).expect("there").tasks.into_iter().map(|task| task.account).collect()
    };
    assert_eq!([people(1), people(2), people(3)], [["a", "b"], ["c", "a"], ["b", "c"]]);
    let found = annotations.project("p1").expect("there");
    assert_eq!((found.annotators.len(), found.adjudicators, found.wanted), (3, vec!["ada".to_owned()], 2));
    assert_eq!(annotations.document("p1").expect("read"), b"{\"title\": \"nodules\"}");
    assert_eq!(annotations.images("p1", 2).expect("read")[0].spacing, Some([0.7, 0.7]));
    assert!(matches!(annotations.images("p1", 4), Err(StoreError::NotFound { .. })));
    // Another order, and items of a deleted study are out of sight.
    let order = |number, rank| ItemOrder { number, rank, score: Some(0.5), reason: "even".to_owned() };
    annotations.set_order("p1", "ranking", vec![order(3, 1), order(1, 2), order(2, 3)]).expect("ordered");
    let numbers: Vec<u32> = annotations.items("p1").expect("items").iter().map(|item| item.number).collect();
    assert_eq!(numbers, [3, 1, 2]);
    assert!(matches!(
        annotations.set_order("p1", "ranking", vec![order(9, 1)]),
        Err(StoreError::NotFound { .. })
    ));
    assert_eq!(annotations.project("p1").expect("there").ordering, "ranking");
    let deleted = wilhelm_store::Deleted { by: "rita".to_owned(), reason: "by mistake".to_owned() };
    store.delete("1.2.3", deleted, std::time::SystemTime::UNIX_EPOCH).expect("deleted");
    assert!(matches!(annotations.item("p1", 3), Err(StoreError::NotFound { .. })));
}

#[test]
fn answers_follow_each_other_and_who_comes_second_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = filled(folder.path(), &["a", "b"], 2);
    let annotations = store.annotations();
    annotations.start("p1", 1, "a", AT).expect("begun");
    let state = || annotations.item("p1", 1).expect("there").tasks[0].clone();
    assert_eq!((state().state.as_str(), state().version), ("started", 0));
    let answer = |seen, text: &str, skips| annotations.answer(("p1", 1, "a"), seen, text.into(), skips, AT);
    assert_eq!(answer(0, "first", false).expect("kept"), 1);
    assert!(matches!(answer(0, "other", false), Err(StoreError::AnswerOutdated { version: 1 })));
    assert_eq!(answer(1, "second", true).expect("kept"), 2);
    assert_eq!((state().state.as_str(), state().version), ("skipped", 2));
    let none = annotations.answer(("p1", 1, "c"), 0, b"x".to_vec(), false, AT);
    assert!(matches!(none, Err(StoreError::NotFound { .. })), "the item is not theirs");
    assert_eq!(annotations.decide(("p1", 1), 0, b"final".to_vec(), ("ada", AT)).expect("decided"), 1);
    annotations.set_open("p1", false).expect("closed");
    assert!(matches!(answer(2, "third", false), Err(StoreError::ProjectClosed)));
    drop(store);
    let store = open(folder.path());
    let annotations = store.annotations();
    let history = annotations.history("p1", 1, "a").expect("read");
    let texts: Vec<&[u8]> = history.iter().map(|one| one.bytes.as_slice()).collect();
    assert_eq!(texts, [b"first".as_slice(), b"second"]);
    let latest = annotations.latest_answers("p1", None).expect("read");
    let latest: Vec<(&str, u32, &str)> =
        latest.iter().map(|one| (one.account.as_str(), one.version, one.by.as_str())).collect();
    assert_eq!(latest, [("", 1, "ada"), ("a", 2, "a")]);
    assert_eq!(annotations.finals("p1", 1).expect("read")[0].bytes, b"final");
    assert_eq!(annotations.item("p1", 1).expect("there").finals, 1);
    let checked = store.check(false).expect("checked");
    assert!(checked.is_sound(), "{checked:?}");
    assert_eq!(checked.annotation_parts, 4);
}

#[test]
fn what_was_changed_behind_the_archive_is_found_and_shown_as_whole_no_more() {
    for (sql, part, fault) in [
        (
            "UPDATE annotation_answer SET bytes = x'00' WHERE account = 'a' AND number = 1",
            "item 1 answer 1 of a",
            Fault::Changed,
        ),
        (
            "DROP TRIGGER annotation_answer_stays; DELETE FROM annotation_answer WHERE account = 'a' AND number = 2",
            "item 1 answer 2 of a",
            Fault::Missing,
        ),
        ("UPDATE annotation_project SET bytes = x'00'", "document", Fault::Changed),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let store = filled(folder.path(), &["a"], 1);
        let annotations = store.annotations();
        annotations.answer(("p1", 1, "a"), 0, b"first".to_vec(), false, AT).expect("kept");
        annotations.answer(("p1", 1, "a"), 1, b"second".to_vec(), false, AT).expect("kept");
        drop(store);
        let catalog = Connection::open(folder.path().join("catalog.sqlite")).expect("opens");
        catalog.execute_batch(sql).expect("changed");
        drop(catalog);
        let store = open(folder.path());
        let checked = store.check(false).expect("checked");
        let found: Vec<(&str, Fault)> =
            checked.annotation_faults.iter().map(|one| (one.part.as_str(), one.fault)).collect();
        assert_eq!((found, checked.is_sound()), (vec![(part, fault)], false), "{sql}");
        if part.ends_with("1 of a") {
            assert!(matches!(store.annotations().history("p1", 1, "a"), Err(StoreError::Annotation { .. })));
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let store = filled(folder.path(), &["a"], 1);
    store.annotations().answer(("p1", 1, "a"), 0, b"first".to_vec(), false, AT).expect("kept");
    drop(store);
    let catalog = Connection::open(folder.path().join("catalog.sqlite")).expect("opens");
    for sql in [
        "DELETE FROM annotation_answer",
        "UPDATE annotation_answer SET by_whom = 'joe'",
        "UPDATE annotation_image SET columns = 1",
    ] {
        let refused = catalog.execute_batch(sql).expect_err(sql).to_string();
        assert!(refused.contains("is never"), "{refused}");
    }
}

#[test]
fn what_is_asked_and_answered_lies_sealed_where_the_archive_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("archive");
    let store = filled(&archive, &["a"], 1);
    store.annotations().answer(("p1", 1, "a"), 0, b"spiculated".to_vec(), false, AT).expect("kept");
    drop(store);
    let root = Root::Key(Secret::new([9; 32]));
    let at = "2026-01-31T14:05:00Z".parse().expect("a time");
    let ring = folder.path().join("keyring.json");
    let keys = Arc::new(Keyring::make(&ring, &root, at, &mut SystemEntropy::default()).expect("a keyring"));
    let settings = Settings { keys: Some(keys), ..Settings::default() };
    let store = Store::open(&archive, settings).expect("an archive opens");
    assert_eq!(store.seal().expect("sealed"), 3 + 2, "three objects, a document and an answer");
    assert_eq!(store.seal().expect("again"), 0);
    let annotations = store.annotations();
    annotations.answer(("p1", 1, "a"), 1, b"lobulated".to_vec(), false, AT).expect("kept");
    let history = annotations.history("p1", 1, "a").expect("read");
    assert_eq!(
        (history[0].bytes.as_slice(), history[1].bytes.as_slice()),
        (&b"spiculated"[..], &b"lobulated"[..])
    );
    assert!(store.check(false).expect("checked").is_sound());
    drop(store);
    let bytes = std::fs::read(archive.join("catalog.sqlite")).expect("read");
    assert!(!bytes.windows(9).any(|piece| piece == b"lobulated"));
    let store = open(&archive);
    assert!(matches!(store.annotations().document("p1"), Err(StoreError::NoKeys { .. })));
    let checked = store.check(false).expect("checked");
    assert!(checked.annotation_faults.iter().all(|one| one.fault == Fault::Locked), "{checked:?}");
}
