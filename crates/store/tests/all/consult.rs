//! Consultations: opened as often as was said, over when they are over, and their words as they were written.

use std::time::{Duration, SystemTime};

use rusqlite::Connection;
use wilhelm_store::{GuestRole, NewConsultation, NewOpinion, Store, StoreError};

use crate::objects::{keep, of_patient, open};

const STUDY: &str = "1.2.3";

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn later(seconds: u64) -> SystemTime {
    now() + Duration::from_secs(seconds)
}

fn new(id: &str, opens: u32) -> NewConsultation {
    NewConsultation {
        id: id.to_owned(),
        link_hash: "ab".repeat(32),
        study_uid: STUDY.to_owned(),
        made_by: "jane".to_owned(),
        expires: later(3600),
        role: GuestRole::SecondReader,
        hides_patient: true,
        shows_reports: false,
        opens,
        question: b"is this a nodule?".to_vec(),
    }
}

fn with_study(folder: &std::path::Path) -> std::sync::Arc<Store> {
    let store = open(folder);
    let kept = keep(&store, &of_patient(STUDY, "4711", "Doe^Jane", "20260131", "CT"));
    kept.expect("kept");
    store
}

fn is_over<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Consultation { .. }))
}

#[test]
fn a_link_is_opened_as_often_as_was_said_and_ends_with_its_consultation() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = with_study(folder.path());
    let consultations = store.consultations();
    consultations.make(new("c1", 2), now()).expect("made");
    assert!(matches!(
        consultations.make(NewConsultation { study_uid: "9.9".to_owned(), ..new("c2", 1) }, now()),
        Err(StoreError::NotFound { .. })
    ));
    let (found, hash) = consultations.of_link("c1").expect("found");
    assert_eq!((hash, found.role, found.hides_patient), ("ab".repeat(32), GuestRole::SecondReader, true));
    assert_eq!(consultations.question(&found).expect("read"), b"is this a nodule?");
    let open_as = |session: &str| consultations.open("c1", (session, "cd"), "Dr Li", later(1));
    assert_eq!(open_as("g1").expect("the first").left, 1);
    assert_eq!(open_as("g2").expect("the second").left, 0);
    assert!(is_over(open_as("g3")), "no third");
    let (of, guest, hash) = consultations.of_session("g1").expect("a session");
    assert_eq!((of.id.as_str(), guest.name.as_str(), hash.as_str()), ("c1", "Dr Li", "cd"));
    assert!(of.is_open(later(3599)) && !of.is_open(later(3600)));
    assert!(!of.is_open(now() - Duration::from_secs(301)), "a clock that was set back opens nothing");
    assert!(is_over(consultations.note(&of, ("Dr Li", true), b"late", later(3600))));
    consultations.leave("g2", later(2)).expect("left");
    assert!(matches!(consultations.of_session("g2"), Err(StoreError::NotFound { .. })));
    assert_eq!(
        consultations.guests(&of).expect("listed").iter().map(|one| one.has_left).collect::<Vec<_>>(),
        [false, true]
    );
    consultations.end("c1", "jane", later(10)).expect("ended");
    assert!(is_over(consultations.end("c1", "jane", later(11))), "once");
    let (of, ..) = consultations.of_session("g1").expect("known still");
    assert!(!of.is_open(later(11)));
    // What is over in the catalog takes nothing, though its caller looked before.
    assert!(is_over(consultations.note(&found, ("Dr Li", true), b"late", later(12))));
    assert!(is_over(consultations.give_opinion(&found, opinion(later(12)), |_, _| b"late".to_vec())));
}

fn opinion(at: SystemTime) -> NewOpinion {
    NewOpinion {
        by: "Dr Li".to_owned(),
        is_guest: true,
        agreement: "differs".to_owned(),
        report: "r1".to_owned(),
        report_version: 2,
        at,
    }
}

#[test]
fn notes_and_opinions_are_as_they_were_written_and_nobody_changes_them() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let store = with_study(folder.path());
        let consultations = store.consultations();
        consultations.make(new("c1", 1), now()).expect("made");
        let found = consultations.find("c1").expect("found");
        for number in 1..=3 {
            let text = format!("note {number}");
            let given =
                consultations.note(&found, ("jane", false), text.as_bytes(), later(number)).expect("noted");
            assert_eq!(u64::from(given), number);
        }
        let texts: Vec<Vec<u8>> =
            consultations.notes(&found).expect("read").into_iter().map(|note| note.bytes).collect();
        assert_eq!(texts, [b"note 1".to_vec(), b"note 2".to_vec(), b"note 3".to_vec()]);
        for number in 1..=2_u64 {
            let given =
                consultations.give_opinion(&found, opinion(later(number)), move |number, previous| {
                    format!("opinion {number} after {}", previous.unwrap_or("none")).into_bytes()
                });
            assert_eq!(u64::from(given.expect("given")), number);
        }
        let opinions = consultations.opinions(STUDY).expect("read");
        assert_eq!(opinions[0].bytes, b"opinion 1 after none");
        assert_eq!(opinions[1].previous.as_deref(), Some(opinions[0].sha256.as_str()));
        assert_eq!(opinions[1].bytes, format!("opinion 2 after {}", opinions[0].sha256).into_bytes());
        assert_eq!(consultations.studies_with_undelivered().expect("listed"), [STUDY]);
        consultations.opinion_delivered(STUDY, 1).expect("written");
        consultations.opinion_delivered(STUDY, 2).expect("written");
        assert!(consultations.studies_with_undelivered().expect("listed").is_empty());
    }
    let catalog = Connection::open(folder.path().join("catalog.sqlite")).expect("opened");
    for refused in [
        "DELETE FROM consultation_note",
        "UPDATE consultation_note SET at = 0",
        "DELETE FROM opinion",
        "UPDATE opinion SET agreement = 'agrees'",
    ] {
        let error = catalog.execute(refused, []).expect_err(refused).to_string();
        assert!(error.contains("never"), "{error}");
    }
    // Bytes may be sealed later, and so are not held by a trigger: their hash finds a change.
    catalog.execute("UPDATE opinion SET bytes = x'00' WHERE number = 1", []).expect("changed from outside");
    drop(catalog);
    let store = open(folder.path());
    let wrong = store.consultations().opinions(STUDY).expect_err("changed");
    assert!(matches!(&wrong, StoreError::Report { part, .. } if part == "opinion 1"), "{wrong}");
    let checked = store.check(false).expect("checked");
    assert!(
        checked.report_faults.iter().any(|fault| fault.part == "opinion 1"),
        "{:?}",
        checked.report_faults
    );
}

#[test]
fn a_study_that_was_deleted_takes_its_consultations_out_of_sight() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = with_study(folder.path());
    let consultations = store.consultations();
    consultations.make(new("c1", 1), now()).expect("made");
    consultations.open("c1", ("g1", "cd"), "Dr Li", now()).expect("opened");
    let deleted = wilhelm_store::Deleted { by: "root".to_owned(), reason: "a test".to_owned() };
    store.delete(STUDY, deleted, now()).expect("deleted");
    assert!(matches!(consultations.find("c1"), Err(StoreError::NotFound { .. })));
    assert!(matches!(consultations.of_session("g1"), Err(StoreError::NotFound { .. })));
    assert!(consultations.list(None, 10).expect("listed").is_empty());
    store.restore(STUDY).expect("put back");
    assert_eq!(consultations.list(Some(STUDY), 10).expect("listed").len(), 1);
}

#[test]
fn words_of_a_consultation_lie_sealed_where_the_archive_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("archive");
    {
        let store = with_study(&archive);
        store.consultations().make(new("c1", 1), now()).expect("made");
        let found = store.consultations().find("c1").expect("found");
        store.consultations().note(&found, ("jane", false), b"a spiculated nodule", later(1)).expect("noted");
        store
            .consultations()
            .give_opinion(&found, opinion(later(2)), |_, _| b"a granuloma, I think".to_vec())
            .expect("given");
    }
    let holds = |words: &str| {
        let bytes = std::fs::read(archive.join("catalog.sqlite")).expect("read");
        bytes.windows(words.len()).any(|window| window == words.as_bytes())
    };
    assert!(holds("a spiculated nodule"));
    let keys = crate::sealed::keys(&folder.path().join("keyring.json"));
    let settings = || wilhelm_store::Settings { keys: Some(keys.clone()), ..Default::default() };
    {
        let store = Store::open(&archive, settings()).expect("opened");
        assert_eq!(store.seal().expect("sealed"), 1 + 3, "an object, a question, a note and an opinion");
        let found = store.consultations().find("c1").expect("found");
        assert_eq!(store.consultations().notes(&found).expect("read")[0].bytes, b"a spiculated nodule");
        assert_eq!(store.consultations().opinions(STUDY).expect("read")[0].bytes, b"a granuloma, I think");
        store.consultations().note(&found, ("jane", false), b"another one", later(3)).expect("noted");
        assert!(store.check(false).expect("checked").is_sound());
        assert_eq!(store.seal().expect("nothing is left"), 0);
    }
    assert!(!holds("another one"));
    let store = open(&archive);
    let found = store.consultations().find("c1").expect("found");
    assert!(matches!(store.consultations().notes(&found), Err(StoreError::NoKeys { .. })));
}
