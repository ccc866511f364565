//! The log as a whole: what was written is found again, and nothing that was done to it stays unseen.

use std::path::Path;
use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use wilhelm_privacy::Secret;
use wilhelm_privacy::audit::{
    Action, Actor, Anchor, AuditError, AuditKey, AuditLog, Event, Filter, FlawKind, Object, ObjectKind,
    Outcome, Verdict, bundle, entries, verify,
};
use wilhelm_study::Phi;

fn key() -> AuditKey {
    AuditKey::new(&Secret::new([9; 32]))
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + second, 0).expect("a time")
}

fn event(number: usize) -> Event {
    let patient = key().reference(ObjectKind::Patient, &Phi::new(format!("PATIENT-{number}")));
    let study = key().reference(ObjectKind::Study, &Phi::new(format!("1.2.3.{number}")));
    let object = Object::new(ObjectKind::Study, study).of(patient);
    Event::new(Actor::user("jane").as_role("radiologist"), Action::StudySeen, object, Outcome::Done)
        .with("images", number.to_string())
}

/// A log of ten entries in files of three or so each.
fn written(folder: &Path) {
    let log = AuditLog::open_with(folder, key(), at(0), 1000).expect("opened");
    for number in 1..10 {
        log.append(at(number), &event(usize::try_from(number).expect("small"))).expect("written");
    }
}

/// Files of a folder by name.
type Files = Vec<(String, Vec<u8>)>;

fn files(folder: &Path) -> Files {
    let mut files: Files = std::fs::read_dir(folder)
        .expect("listed")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
            (name, std::fs::read(path).expect("read"))
        })
        .filter(|(name, _)| name != "lock")
        .collect();
    files.sort();
    files
}

/// The files of [`written`], which are made once.
fn pristine() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        written(folder.path());
        files(folder.path())
    })
}

fn verdict_of(files: &Files, with_key: bool) -> Verdict {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).expect("written");
    }
    let key = key();
    verify(folder.path(), with_key.then_some(&key)).expect("a log")
}

#[test]
fn what_was_written_is_found_again_without_a_patients_value() {
    let folder = tempfile::tempdir().expect("a folder");
    written(folder.path());
    let verdict = verify(folder.path(), Some(&key())).expect("a log");
    assert_eq!((verdict.entries, verdict.last, verdict.behind_checkpoint), (10, 10, 0));
    assert!(verdict.files > 2 && verdict.flaws.is_empty(), "{verdict:?}");
    assert!(verify(folder.path(), None).expect("a log").flaws.is_empty());
    for (name, bytes) in files(folder.path()) {
        let text = String::from_utf8(bytes).expect("text");
        assert!(!text.contains("PATIENT") && !text.contains("1.2.3"), "{name} names a patient or a study");
    }
    let patient = key().reference(ObjectKind::Patient, &Phi::new("PATIENT-4".to_owned()));
    let of_patient = Filter { reference: Some(patient), ..Filter::default() };
    let found = entries(folder.path(), &of_patient).expect("read");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].event, event(4));
    let late = Filter { since: Some(at(8)), actor: Some("jane".to_owned()), ..Filter::default() };
    assert_eq!(entries(folder.path(), &late).expect("read").len(), 2);
}

#[test]
fn a_log_goes_on_where_it_ended_and_wants_the_same_key() {
    let folder = tempfile::tempdir().expect("a folder");
    written(folder.path());
    let other = AuditKey::new(&Secret::new([8; 32]));
    let refused = AuditLog::open(folder.path(), other.clone(), at(20)).expect_err("another key");
    assert!(matches!(refused, AuditError::WrongKey { .. }), "{refused}");
    assert!(!verify(folder.path(), Some(&other)).expect("a log").flaws.is_empty());
    let log = AuditLog::open(folder.path(), key(), at(20)).expect("opened");
    assert_eq!(log.append(at(20), &event(20)).expect("written").sequence, 11);
}

#[test]
fn writers_of_two_logs_and_many_threads_make_one_chain() {
    let folder = tempfile::tempdir().expect("a folder");
    let logs: Vec<AuditLog> =
        (0..2).map(|_| AuditLog::open_with(folder.path(), key(), at(0), 4000).expect("opened")).collect();
    std::thread::scope(|scope| {
        for log in &logs {
            for thread in 0..3 {
                scope.spawn(move || {
                    for number in 0..10 {
                        log.append(at(number), &event(thread)).expect("written");
                    }
                });
            }
        }
    });
    let verdict = verify(folder.path(), Some(&key())).expect("a log");
    assert_eq!(verdict.entries, 61);
    assert!(verdict.flaws.is_empty(), "{verdict:?}");
}

#[test]
fn a_torn_line_is_named_and_then_kept_beside_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    written(folder.path());
    let (name, bytes) =
        files(folder.path()).into_iter().rfind(|(name, _)| name.starts_with("audit")).expect("a file");
    let path = folder.path().join(name);
    let torn = b"{\"sequence\":11,\"at\":\"2026-";
    std::fs::write(&path, [bytes.as_slice(), torn].concat()).expect("written");
    let verdict = verify(folder.path(), Some(&key())).expect("a log");
    assert_eq!(verdict.flaws.len(), 1, "{verdict:?}");
    assert_eq!(verdict.flaws[0].kind, FlawKind::Torn { bytes: torn.len() });
    assert_eq!(entries(folder.path(), &Filter::default()).expect("read").len(), 10);

    drop(AuditLog::open(folder.path(), key(), at(30)).expect("repaired"));
    assert!(verify(folder.path(), Some(&key())).expect("a log").flaws.is_empty());
    let last = entries(folder.path(), &Filter::default()).expect("read").pop().expect("an entry");
    assert_eq!((last.sequence, last.event.action), (11, Action::LogTorn));
    let kept = std::fs::read(folder.path().join(&last.event.details["file"])).expect("kept");
    assert_eq!(kept, torn);
}

#[test]
fn a_kill_before_the_checkpoint_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = AuditLog::open(folder.path(), key(), at(0)).expect("opened");
    log.append(at(1), &event(1)).expect("written");
    let head = std::fs::read(folder.path().join("head.json")).expect("read");
    log.append(at(2), &event(2)).expect("written");
    std::fs::write(folder.path().join("head.json"), head).expect("set back");
    let verdict = verify(folder.path(), Some(&key())).expect("a log");
    assert_eq!((verdict.flaws.len(), verdict.behind_checkpoint), (0, 1));
    drop(log);
    let log = AuditLog::open(folder.path(), key(), at(3)).expect("opened");
    assert_eq!(log.append(at(3), &event(3)).expect("written").sequence, 4);
    assert_eq!(verify(folder.path(), Some(&key())).expect("a log").behind_checkpoint, 0);
}

#[test]
fn a_log_whose_end_is_gone_takes_no_more_entries() {
    let folder = tempfile::tempdir().expect("a folder");
    written(folder.path());
    let (name, bytes) =
        files(folder.path()).into_iter().rfind(|(name, _)| name.starts_with("audit")).expect("a file");
    let kept = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    std::fs::write(folder.path().join(name), &bytes[..kept]).expect("cut");
    let refused = AuditLog::open(folder.path(), key(), at(30)).expect_err("cut");
    assert!(matches!(refused, AuditError::Broken { .. }), "{refused}");
    let verdict = verify(folder.path(), Some(&key())).expect("a log");
    assert_eq!(verdict.flaws[0].kind, FlawKind::Truncated { last: 9, expected: 10 });
}

#[test]
fn an_anchor_finds_a_folder_that_was_set_back_as_a_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = AuditLog::open(folder.path(), key(), at(0)).expect("opened");
    let early = files(folder.path());
    let receipt = log.append(at(1), &event(1)).expect("written");
    let anchor = [Anchor { sequence: receipt.sequence, hash: receipt.hash }];
    let check = || Verdict::with_anchors(folder.path(), Some(&key()), &anchor).expect("a log").flaws;
    assert!(check().is_empty());
    for (name, bytes) in early {
        std::fs::write(folder.path().join(name), bytes).expect("set back");
    }
    assert!(verify(folder.path(), Some(&key())).expect("a log").flaws.is_empty(), "consistent in itself");
    assert_eq!(check()[0].kind, FlawKind::NotTheAnchors { sequence: 2 });
}

#[test]
fn a_clock_that_was_set_back_is_told_and_no_flaw() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = AuditLog::open(folder.path(), key(), at(10)).expect("opened");
    log.append(at(5), &event(1)).expect("written");
    let verdict = verify(folder.path(), Some(&key())).expect("a log");
    assert_eq!((verdict.back_in_time, verdict.flaws.len()), (vec![2], 0));
}

#[test]
fn texts_that_are_too_long_and_folders_without_a_log_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = AuditLog::open(folder.path(), key(), at(0)).expect("opened");
    let refused = log.append(at(1), &event(1).because("x".repeat(1001))).expect_err("too long");
    assert!(refused.to_string().contains("reason is 1001"), "{refused}");
    let none = folder.path().join("none");
    assert!(matches!(verify(&none, None), Err(AuditError::NoLog { .. })));
    assert!(matches!(entries(&none, &Filter::default()), Err(AuditError::NoLog { .. })));
}

#[test]
fn every_action_is_an_audit_event() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = AuditLog::open(folder.path(), key(), at(0)).expect("opened");
    for action in Action::ALL {
        assert_eq!(Action::parse(action.name()), Some(*action));
        let event = Event { action: *action, ..event(1) };
        log.append(at(1), &event).expect("written");
    }
    let all = entries(folder.path(), &Filter::default()).expect("read");
    let bundle: serde_json::Value = serde_json::from_str(&bundle(&all, "0")).expect("JSON");
    let events = bundle["entry"].as_array().expect("entries");
    assert_eq!(events.len(), Action::ALL.len() + 1);
    assert!(events.iter().all(|event| event["resource"]["agent"][0]["requestor"] == true));
}

/// The place of the line that holds a byte: the file's number in the list, and the line.
fn mutate(files: &mut Files, kind: u8, file: usize, place: usize, bit: u8) -> bool {
    let audit: Vec<usize> = (0..files.len()).filter(|at| files[*at].0.starts_with("audit")).collect();
    let chosen = audit[file % audit.len()];
    let lines = |bytes: &[u8]| -> Vec<Vec<u8>> {
        bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    };
    match kind {
        // One bit of one byte, the checkpoint included.
        0 => {
            let any = file % files.len();
            let length = files[any].1.len();
            files[any].1[place % length] ^= 1 << (bit % 8);
        }
        // A line less.
        1 => {
            let mut all = lines(&files[chosen].1);
            all.remove(place % all.len());
            files[chosen].1 = all.concat();
        }
        // Two lines in each other's place.
        2 => {
            let mut all = lines(&files[chosen].1);
            let (one, two) = (place % all.len(), usize::from(bit) % all.len());
            if one == two {
                return false;
            }
            all.swap(one, two);
            files[chosen].1 = all.concat();
        }
        // A line twice.
        3 => {
            let mut all = lines(&files[chosen].1);
            let line = all[place % all.len()].clone();
            all.insert(usize::from(bit) % (all.len() + 1), line);
            files[chosen].1 = all.concat();
        }
        // The end cut anywhere.
        4 => {
            let length = files[chosen].1.len();
            files[chosen].1.truncate(place % length);
        }
        // A file less, the checkpoint included.
        5 => {
            files.remove(file % files.len());
        }
        // A byte less, or one more.
        6 => {
            let length = files[chosen].1.len();
            if bit.is_multiple_of(2) {
                files[chosen].1.remove(place % length);
            } else {
                files[chosen].1.insert(place % (length + 1), bit);
            }
        }
        // A whole entry of somebody without the key, chained as it should be.
        _ => {
            let folder = tempfile::tempdir().expect("a folder");
            for (name, bytes) in files.iter() {
                std::fs::write(folder.path().join(name), bytes).expect("written");
            }
            let last = entries(folder.path(), &Filter::default()).expect("read").pop().expect("an entry");
            let line = files[*audit.last().expect("a file")].1.clone();
            let hash = Verdict::with_anchors(folder.path(), None, &[]).expect("a log").hash;
            let text = String::from_utf8(lines(&line).pop().expect("a line")).expect("text");
            let forged = text
                .replace(
                    &format!("\"sequence\":{}", last.sequence),
                    &format!("\"sequence\":{}", last.sequence + 1),
                )
                .replace(&last.before, &hash);
            files[*audit.last().expect("a file")].1.extend_from_slice(forged.as_bytes());
        }
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_change_of_a_log_stays_unseen(kind in 0_u8..8, file in 0_usize..64, place in 0_usize..100_000, bit in 0_u8..=255) {
        let mut files = pristine().clone();
        if mutate(&mut files, kind, file, place, bit) && &files != pristine() {
            let verdict = verdict_of(&files, true);
            prop_assert!(!verdict.flaws.is_empty(), "{kind} {file} {place} {bit}: {verdict:?}");
        }
    }
}

#[test]
fn every_byte_of_a_log_matters() {
    for (file, (name, bytes)) in pristine().iter().enumerate() {
        for place in 0..bytes.len() {
            let mut files = pristine().clone();
            files[file].1[place] ^= 1;
            let verdict = verdict_of(&files, true);
            assert!(!verdict.flaws.is_empty(), "byte {place} of {name}");
            if name.starts_with("audit") && bytes[place] != b'\n' && bytes[place] ^ 1 != b'\n' {
                let line = bytes[..place].iter().filter(|byte| **byte == b'\n').count() + 1;
                assert_eq!(verdict.flaws[0].line, Some(line), "byte {place} of {name}: {verdict:?}");
            }
        }
    }
}

#[test]
fn a_removed_or_moved_line_is_named_by_its_file_and_line() {
    let mut files = pristine().clone();
    let first = files.iter().position(|(name, _)| name == "audit-000001.jsonl").expect("a file");
    let mut lines: Vec<Vec<u8>> =
        files[first].1.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    lines.remove(1);
    files[first].1 = lines.concat();
    let verdict = verdict_of(&files, true);
    assert_eq!(verdict.flaws[0].kind, FlawKind::Removed { from: 2, to: 2 });
    assert_eq!(verdict.flaws[0].line, Some(2).filter(|_| lines.len() > 1).or(Some(1)));
    let shown = verdict.flaws[0].to_string();
    assert!(shown.contains("audit-00000") && shown.contains("entry 2 was removed"), "{shown}");
}
