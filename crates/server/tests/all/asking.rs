//! The asking side against this archive: questions, moves and gets.

use std::time::Duration;

use dicom_dictionary_std::tags;
use wilhelm_server::dimse::{
    DimseError, IntoArchive, IntoFolder, Peer, Question, Requestor, Settings as Entity,
};
use wilhelm_store::Level;

use crate::site::{Site, served, slice};

const PATIENCE: Duration = Duration::from_secs(20);

fn peer(site: &Site) -> Peer {
    let address = site.server.dimse().expect("listened for");
    Peer { ae_title: "WILHELM".to_owned(), host: address.ip().to_string(), port: address.port() }
}

fn uid_of(site: &Site) -> String {
    let question =
        Question::new(Level::Study).with(tags::STUDY_INSTANCE_UID, "").with(tags::PATIENT_NAME, "phan*");
    let mut requestor = Requestor::to_ask(&peer(site), "ASKER", &question, PATIENCE).expect("accepted");
    let answers = requestor.find(&question, 10).expect("answered");
    requestor.release().expect("released");
    assert_eq!((answers.rows.len(), answers.cut), (1, false));
    let of = |tag| {
        answers.rows[0].iter().find(|(found, _)| *found == tag).map(|(_, value)| value.expose().clone())
    };
    assert!(of(tags::PATIENT_NAME).is_some_and(|name| name.starts_with("Phantom")));
    of(tags::STUDY_INSTANCE_UID).expect("a UID")
}

#[test]
fn a_question_is_answered_as_far_as_is_wanted() {
    let site = served(Entity::default());
    site.send(&(0..120).map(slice).collect::<Vec<_>>());
    let uid = uid_of(&site);
    let question = Question::new(Level::Instance)
        .with(tags::STUDY_INSTANCE_UID, &uid)
        .with(tags::SERIES_INSTANCE_UID, "")
        .with(tags::SOP_INSTANCE_UID, "");
    let mut requestor = Requestor::to_ask(&peer(&site), "ASKER", &question, PATIENCE).expect("accepted");
    let some = requestor.find(&question, 7).expect("answered");
    assert_eq!((some.rows.len(), some.cut), (7, true));
    // The association goes on after a question was taken back.
    let all = requestor.find(&question, 1000).expect("answered");
    assert_eq!((all.rows.len(), all.cut), (120, false));
    requestor.release().expect("released");
}

#[test]
fn objects_are_moved_to_an_archive_that_the_other_side_knows() {
    let ours = served(Entity { ae_title: "OURS".to_owned(), ..Entity::default() });
    let known = Peer { ae_title: "OURS".to_owned(), ..peer(&ours) };
    let theirs = served(Entity { peers: vec![known], ..Entity::default() });
    theirs.send(&(0..5).map(slice).collect::<Vec<_>>());
    let question = Question::new(Level::Study).with(tags::STUDY_INSTANCE_UID, &uid_of(&theirs));
    let mut requestor = Requestor::to_move(&peer(&theirs), "ASKER", &question, PATIENCE).expect("accepted");
    let moved = requestor.move_to(&question, "OURS").expect("moved");
    assert_eq!((moved.completed, moved.failed, moved.status), (5, 0, 0));
    assert_eq!(ours.store.count().expect("counted").instances, 5);
    let unknown = requestor.move_to(&question, "NOBODY").expect_err("not known");
    assert!(matches!(unknown, DimseError::Status { status: 0xA801 }), "{unknown}");
    requestor.release().expect("released");
}

#[test]
fn objects_are_given_on_the_same_association() {
    let theirs = served(Entity::default());
    let ours = served(Entity::default());
    let files: Vec<Vec<u8>> = (0..5).map(slice).collect();
    theirs.send(&files);
    let question = Question::new(Level::Study).with(tags::STUDY_INSTANCE_UID, &uid_of(&theirs));
    let mut requestor = Requestor::to_get(&peer(&theirs), "ASKER", &question, PATIENCE).expect("accepted");
    // What is not of the study that was asked for is not taken.
    let other = &mut IntoArchive::new(&ours.store).of_study("1.2.3");
    let got = requestor.get(&question, other).expect("answered");
    assert_eq!((got.completed, got.failed, ours.store.count().expect("counted").instances), (0, 5, 0));
    let into = &mut IntoArchive::new(&ours.store).of_study(uid_of(&theirs));
    let got = requestor.get(&question, into).expect("given");
    assert_eq!((got.completed, got.failed, got.status), (5, 0, 0));
    let folder = tempfile::tempdir().expect("a folder");
    let mut files = IntoFolder::new(folder.path().to_owned());
    assert_eq!(requestor.get(&question, &mut files).expect("given").completed, 5);
    // They are there and the same: they count. Where another file has the name of one, it is left as it is.
    assert_eq!(requestor.get(&question, &mut files).expect("given").completed, 5);
    let one = std::fs::read_dir(folder.path()).expect("listed").next().expect("one").expect("a file").path();
    std::fs::write(&one, b"another").expect("written");
    let again = requestor.get(&question, &mut files).expect("answered");
    assert_eq!((again.completed, again.failed, again.status), (4, 1, 0xB000));
    assert_eq!(std::fs::read(&one).expect("read"), b"another");
    requestor.release().expect("released");
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).expect("listed").map(|one| one.expect("a file").path()).collect();
    assert!(names.len() == 5 && names.iter().all(|name| name.extension().is_some_and(|ext| ext == "dcm")));
    assert_eq!(ours.store.count().expect("counted").instances, 5);
    let (theirs, ours) = (theirs.store.count().expect("counted"), ours.store.count().expect("counted"));
    assert_eq!((theirs.studies, theirs.series), (ours.studies, ours.series));
}
