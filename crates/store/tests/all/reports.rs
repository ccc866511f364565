//! Reports in the archive: versions that are chained, refused where somebody was faster, and found where they were changed.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use wilhelm_privacy::seal::{Keyring, Root};
use wilhelm_privacy::{Secret, SystemEntropy};
use wilhelm_store::{
    Added, Fault, NewDecision, NewReport, NewVersion, Seen, Settings, Store, StoreError, WorklistQuery,
};
use wilhelm_study::Phi;

use crate::objects::{keep, of_patient, open};

const AT: &str = "2026-11-27T10:00:00Z";

fn version(text: &str, state: &str, urgency: u8, by: &str, at: &str) -> NewVersion {
    NewVersion {
        state: state.to_owned(),
        urgency,
        by: by.to_owned(),
        at: at.to_owned(),
        bytes: text.as_bytes().to_vec(),
        decisions: Vec::new(),
    }
}

fn draft(id: &str, study: &str, urgency: u8) -> NewReport {
    NewReport {
        id: id.to_owned(),
        study_uid: study.to_owned(),
        series_uid: format!("{study}.1"),
        part: 0,
        title: "CT of the chest".to_owned(),
        version: version("first: pneumothorax", "draft", urgency, "wilhelm", AT),
        files: vec![("picture 0".to_owned(), vec![7; 100_000]), ("meta.json".to_owned(), b"{}".to_vec())],
    }
}

fn decision(finding: &str, decision: &str) -> NewDecision {
    NewDecision {
        finding: finding.to_owned(),
        observation: "pneumonia".to_owned(),
        model: "chest 1".to_owned(),
        decision: decision.to_owned(),
    }
}

const FIRST: Seen = Seen { version: 1, decisions: 0 };

fn keys(path: &Path) -> Arc<Keyring> {
    let root = Root::Key(Secret::new([9; 32]));
    let at = "2026-01-31T14:05:00Z".parse().expect("a time");
    Arc::new(Keyring::make(path, &root, at, &mut SystemEntropy::default()).expect("a keyring"))
}

fn bytes_in(folder: &Path, text: &str) -> bool {
    ["catalog.sqlite", "catalog.sqlite-wal"].iter().any(|name| {
        let bytes = std::fs::read(folder.join(name)).unwrap_or_default();
        bytes.windows(text.len()).any(|piece| piece == text.as_bytes())
    })
}

#[test]
fn versions_follow_each_other_and_who_comes_second_is_told_who_was_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let reports = store.reports();
    assert_eq!(reports.add(draft("r1", "1.2", 0)).expect("added"), Added::New);
    assert_eq!(reports.add(draft("r1", "1.2", 0)).expect("again"), Added::AlreadyThere);
    let second = version("second", "draft", 0, "jane", "2026-11-27T10:01:00Z");
    let seen = reports.append("r1", FIRST, second.clone()).expect("appended");
    assert_eq!(seen, Seen { version: 2, decisions: 0 });
    let refused = reports.append("r1", FIRST, version("other", "final", 0, "joe", AT)).expect_err("too late");
    match &refused {
        StoreError::Outdated { version: 2, decisions: 0, by, at } => {
            assert_eq!((by.as_str(), at.as_str()), ("jane", "2026-11-27T10:01:00Z"));
        }
        other => panic!("{other}"),
    }
    let after = reports
        .decide("r1", seen, vec![decision("F1", "rejected")], 0, ("joe", "2026-11-27T10:02:00Z"))
        .expect("decided");
    assert_eq!(after, Seen { version: 2, decisions: 1 });
    let refused = reports.append("r1", seen, second.clone()).expect_err("a decision came between");
    assert!(matches!(&refused, StoreError::Outdated { by, .. } if by == "joe"), "{refused}");
    let with =
        NewVersion { decisions: vec![decision("F2", "edited")], ..version("third", "final", 0, "jane", AT) };
    assert_eq!(reports.append("r1", after, with).expect("signed"), Seen { version: 3, decisions: 2 });
    assert!(matches!(reports.append("none", FIRST, second), Err(StoreError::NotFound { .. })));
    drop(store);
    // All of it is there after a restart, and sound.
    let store = open(folder.path());
    let reports = store.reports();
    let versions = reports.versions("r1").expect("versions");
    let texts: Vec<&[u8]> = versions.iter().map(|version| version.bytes.as_slice()).collect();
    assert_eq!(texts, [b"first: pneumothorax".as_slice(), b"second", b"third"]);
    assert_eq!(reports.latest("r1").expect("the last"), b"third");
    assert_eq!(reports.file("r1", "picture 0").expect("a file").len(), 100_000);
    let decisions: Vec<(String, String)> =
        reports.decisions("r1").expect("decisions").into_iter().map(|one| (one.finding, one.by)).collect();
    assert_eq!(decisions, [("F1".into(), "joe".into()), ("F2".into(), "jane".into())]);
    let checked = store.check(false).expect("checked");
    assert!(checked.is_sound(), "{checked:?}");
    assert_eq!(checked.report_parts, 5);
}

#[test]
fn of_many_who_change_at_once_one_wins_each_round() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    store.reports().add(draft("r1", "1.2", 0)).expect("added");
    let won: usize = std::thread::scope(|scope| {
        let run = |number: usize| {
            let store = &store;
            scope.spawn(move || {
                let reports = store.reports();
                let mut won = 0;
                for round in 0..20 {
                    let seen = reports.find("r1").expect("there").seen;
                    let text = format!("{number} {round}");
                    match reports.append("r1", seen, version(&text, "draft", 0, "x", AT)) {
                        Ok(_) => won += 1,
                        Err(StoreError::Outdated { .. }) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
                won
            })
        };
        let runs: Vec<_> = (0..4).map(run).collect();
        runs.into_iter().map(|run| run.join().expect("no panic")).sum()
    });
    assert!(won >= 20, "somebody wins each round");
    assert_eq!(store.reports().versions("r1").expect("versions").len(), won + 1);
    assert!(store.check(false).expect("checked").is_sound());
}

#[test]
fn a_later_reading_takes_the_place_of_a_draft_that_nobody_touched_and_of_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let reports = store.reports();
    reports.add(draft("r1", "1.2", 0)).expect("added");
    assert_eq!(reports.add(draft("r2", "1.2", 0)).expect("added"), Added::InPlaceOf("r1".to_owned()));
    assert_eq!(reports.of_study("1.2").expect("listed").len(), 1);
    assert!(reports.find("r1").expect("kept").is_superseded);
    // Read again by the earlier model, the earlier draft counts again; a name is of one series alone.
    assert_eq!(reports.add(draft("r1", "1.2", 0)).expect("added"), Added::InPlaceOf("r2".to_owned()));
    assert!(!reports.find("r1").expect("kept").is_superseded);
    assert_eq!(reports.add(draft("r2", "1.2", 0)).expect("added"), Added::InPlaceOf("r1".to_owned()));
    assert!(matches!(reports.add(draft("r2", "1.3", 0)), Err(StoreError::Conflict)));
    let refused = reports.append("r1", FIRST, version("x", "draft", 0, "jane", AT)).expect_err("superseded");
    assert!(matches!(refused, StoreError::Superseded), "{refused}");
    reports.decide("r2", FIRST, vec![decision("F1", "accepted")], 0, ("jane", AT)).expect("decided");
    assert_eq!(reports.add(draft("r3", "1.2", 0)).expect("answered"), Added::Refused("r2".to_owned()));
    assert!(matches!(reports.find("r3"), Err(StoreError::NotFound { .. })));
}

#[test]
fn a_changed_byte_a_missing_row_and_a_broken_chain_are_found_and_nothing_is_repaired() {
    for (sql, part, fault) in [
        ("UPDATE report_version SET bytes = X'00' WHERE number = 2", "version 2", Fault::Changed),
        (
            "DROP TRIGGER report_version_is_as_written; UPDATE report_version SET previous = X'00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF' WHERE number = 2",
            "version 2",
            Fault::Changed,
        ),
        (
            "DROP TRIGGER report_version_stays; DELETE FROM report_version WHERE number = 2",
            "version 2",
            Fault::Missing,
        ),
        ("UPDATE report_file SET bytes = X'00' WHERE name = 'picture 0'", "file picture 0", Fault::Changed),
        ("DROP TRIGGER report_decision_stays; DELETE FROM report_decision", "decision 1", Fault::Missing),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(folder.path());
        let reports = store.reports();
        reports.add(draft("r1", "1.2", 0)).expect("added");
        let seen = reports.append("r1", FIRST, version("second", "draft", 0, "jane", AT)).expect("appended");
        reports.decide("r1", seen, vec![decision("F1", "accepted")], 0, ("jane", AT)).expect("decided");
        assert!(store.check(false).expect("checked").is_sound());
        drop(store);
        let catalog = Connection::open(folder.path().join("catalog.sqlite")).expect("opens");
        catalog.execute_batch(sql).expect("changed");
        drop(catalog);
        let store = open(folder.path());
        let checked = store.check(true).expect("checked");
        assert!(!checked.is_sound(), "{sql}");
        let found: Vec<(&str, Fault)> =
            checked.report_faults.iter().map(|one| (one.part.as_str(), one.fault)).collect();
        assert_eq!(found, [(part, fault)], "{sql}");
        assert_eq!(store.check(false).expect("again").report_faults.len(), 1, "nothing is repaired");
        if part == "version 2" {
            assert!(store.reports().versions("r1").is_err(), "and nothing is shown as whole: {sql}");
        }
    }
}

#[test]
fn the_catalog_itself_lets_no_version_be_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    store.reports().add(draft("r1", "1.2", 0)).expect("added");
    drop(store);
    let catalog = Connection::open(folder.path().join("catalog.sqlite")).expect("opens");
    for sql in [
        "DELETE FROM report_version",
        "UPDATE report_version SET state = 'final'",
        "UPDATE report_version SET by_whom = 'joe'",
    ] {
        let refused = catalog.execute_batch(sql).expect_err(sql).to_string();
        assert!(refused.contains("is never"), "{refused}");
    }
}

#[test]
fn versions_lie_sealed_where_the_archive_is_and_those_that_lay_open_are_sealed_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("archive");
    let store = open(&archive);
    store.reports().add(draft("r1", "1.2", 0)).expect("added");
    store.reports().set_macros("jane", b"[]".to_vec()).expect("kept");
    drop(store);
    assert!(bytes_in(&archive, "first: pneumothorax"));
    let ring = keys(&folder.path().join("keyring.json"));
    let sealed = || {
        let settings = Settings { keys: Some(Arc::clone(&ring)), ..Settings::default() };
        Store::open(&archive, settings).expect("an archive opens")
    };
    let store = sealed();
    // What lay open is read, and what is new lies sealed.
    let reports = store.reports();
    reports.append("r1", FIRST, version("second: hemorrhage", "draft", 0, "jane", AT)).expect("appended");
    assert_eq!(reports.versions("r1").expect("read").len(), 2);
    assert_eq!(store.seal().expect("sealed"), 3);
    assert_eq!(store.seal().expect("again"), 0);
    assert_eq!(reports.versions("r1").expect("read")[0].bytes, b"first: pneumothorax");
    assert!(store.check(false).expect("checked").is_sound());
    drop(store);
    assert!(!bytes_in(&archive, "second: hemorrhage"));
    let store = open(&archive);
    assert!(matches!(store.reports().versions("r1"), Err(StoreError::NoKeys { .. })));
    let checked = store.check(true).expect("checked");
    assert!(checked.report_faults.iter().all(|one| one.fault == Fault::Locked), "{checked:?}");
    drop(store);
    // One part does not stand for another.
    let catalog = Connection::open(archive.join("catalog.sqlite")).expect("opens");
    catalog
        .execute_batch(
            "UPDATE report_version SET bytes = (SELECT bytes FROM report_version WHERE number = 1)",
        )
        .expect("changed");
    drop(catalog);
    let store = sealed();
    assert!(matches!(store.reports().versions("r1"), Err(StoreError::Sealed { .. })));
}

#[test]
fn the_worklist_is_by_urgency_of_drafts_then_by_arrival_and_is_searched() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    for (root, id, name, modality) in [
        ("1.1", "A1", "Doe^Jane", "CT"),
        ("1.2", "B2", "M\u{fc}ller^J\u{f6}rg", "MR"),
        ("1.3", "C3", "Roe^Richard", "CT"),
    ] {
        keep(&store, &of_patient(root, id, name, "20260131", modality)).expect("kept");
    }
    let reports = store.reports();
    reports.add(draft("r1", "1.1", 3)).expect("added");
    reports.add(draft("r2", "1.2", 1)).expect("added");
    let listed = |query: WorklistQuery| {
        let (total, rows) = reports.worklist(&query).expect("listed");
        let studies: Vec<String> = rows.into_iter().map(|row| row.study_uid).collect();
        (total, studies)
    };
    let all = WorklistQuery { limit: 10, ..WorklistQuery::default() };
    assert_eq!(listed(all.clone()), (3, vec!["1.1".into(), "1.3".into(), "1.2".into()]));
    assert_eq!(listed(WorklistQuery { limit: 1, offset: 1, ..all.clone() }), (3, vec!["1.3".into()]));
    let text = |text: &str| WorklistQuery { text: Some(Phi::new(text.to_owned())), ..all.clone() };
    assert_eq!(listed(text("m\u{fc}ller j\u{f6}")), (1, vec!["1.2".into()]));
    assert_eq!(listed(text("c3")), (1, vec!["1.3".into()]));
    assert_eq!(listed(text("%")).0, 0);
    let state = |state: &str| WorklistQuery { state: Some(state.to_owned()), ..all.clone() };
    assert_eq!(listed(state("unread")), (1, vec!["1.3".into()]));
    assert_eq!(listed(state("draft")).0, 2);
    let some = || vec!["1.1".to_owned(), "1.2".to_owned(), "9.9".to_owned()];
    assert_eq!(listed(WorklistQuery { among: Some(some()), ..all.clone() }).0, 2);
    assert_eq!(listed(WorklistQuery { among: Some(Vec::new()), ..all.clone() }).0, 0);
    assert_eq!(listed(WorklistQuery { except: some(), ..all.clone() }), (1, vec!["1.3".into()]));
    assert_eq!(listed(WorklistQuery { modality: Some("MR".to_owned()), ..all.clone() }).0, 1);
    // What is signed waits for nobody.
    reports.append("r1", FIRST, version("signed", "final", 0, "jane", AT)).expect("signed");
    assert_eq!(listed(all).1[2], "1.1");
    assert_eq!(reports.signed(Some(("A1", "")), None, 10, 0).expect("listed").len(), 1);
    assert_eq!(reports.signed(Some(("B2", "")), None, 10, 0).expect("listed").len(), 0);
    assert_eq!(reports.undelivered().expect("listed").len(), 1);
    reports.delivered("r1", 2).expect("noted");
    assert_eq!(reports.undelivered().expect("listed").len(), 0);
}

#[test]
fn of_each_finding_the_latest_decision_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let reports = store.reports();
    for (id, study) in [("r1", "1.1"), ("r2", "1.2")] {
        reports.add(draft(id, study, 0)).expect("added");
    }
    let decide = |id: &str, seen, finding: &str, word: &str| {
        reports.decide(id, seen, vec![decision(finding, word)], 0, ("jane", AT)).expect("decided")
    };
    let seen = decide("r1", FIRST, "F1", "accepted");
    let seen = decide("r1", seen, "F1", "rejected");
    decide("r1", seen, "F2", "accepted");
    decide("r2", FIRST, "F1", "accepted");
    let counts: Vec<(String, u64)> = reports
        .decision_counts()
        .expect("counted")
        .into_iter()
        .map(|one| (format!("{} {} {}", one.observation, one.model, one.decision), one.count))
        .collect();
    assert_eq!(
        counts,
        [("pneumonia chest 1 accepted".to_owned(), 2), ("pneumonia chest 1 rejected".to_owned(), 1)]
    );
}
