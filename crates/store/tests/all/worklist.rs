//! The worklist as scanners ask it, and patients who are merged.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use wilhelm_store::{
    Demographics, Level, OrderChange, OrderControl, PatientKey, Query, ScheduledStep, Store, StoreError,
};
use wilhelm_study::Phi;

use crate::objects::{keep, of_patient, open};

const STEP: Tag = tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE;
const PLACER: &[Tag] = &[tags::PLACER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST];
const FILLER: &[Tag] = &[tags::FILLER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST];
const ID: &[Tag] = &[tags::PATIENT_ID];
const NAME: &[Tag] = &[tags::PATIENT_NAME];
const STATION: &[Tag] = &[STEP, tags::SCHEDULED_STATION_AE_TITLE];
const MODALITY: &[Tag] = &[STEP, tags::MODALITY];
const DATE: &[Tag] = &[STEP, tags::SCHEDULED_PROCEDURE_STEP_START_DATE];
const TIME: &[Tag] = &[STEP, tags::SCHEDULED_PROCEDURE_STEP_START_TIME];
const STEP_ID: &[Tag] = &[STEP, tags::SCHEDULED_PROCEDURE_STEP_ID];
const STUDY: &[Tag] = &[tags::STUDY_INSTANCE_UID];

fn step(
    placer: &str,
    id: &str,
    name: &str,
    station: &str,
    modality: &str,
    date: &str,
    time: &str,
) -> ScheduledStep {
    ScheduledStep::default()
        .with(PLACER, placer)
        .with(ID, id)
        .with(NAME, name)
        .with(STATION, station)
        .with(MODALITY, modality)
        .with(DATE, date)
        .with(TIME, time)
}

fn change(
    store: &Store,
    control: OrderControl,
    steps: Vec<ScheduledStep>,
) -> Result<(usize, usize), StoreError> {
    let done = store.change_orders(vec![OrderChange { control, steps }], 1_780_000_000)?;
    Ok((done[0].made, done[0].changed))
}

fn found(store: &Store, keys: &[(&[Tag], &str)]) -> String {
    let keys: Vec<_> =
        keys.iter().map(|(place, value)| (place.to_vec(), Phi::new((*value).to_owned()))).collect();
    let steps = store.worklist(&keys, 100, 0).expect("answers");
    steps.iter().map(|step| step.text(PLACER).to_owned()).collect()
}

fn worklist(store: &Store) {
    for step in [
        step("A", "P1", "Doe^Jane", "CT1", "CT", "20260705", "093000"),
        step("B", "P2", "Roe^Richard", "CT2", "CT", "20260705", "183000"),
        step("C", "P1", "Doe^Jane", "MR1", "MR", "20260706", "080000"),
        step("D", "P3", "M\u{fc}ller^Hans", "", "CT", "20260707", "190000"),
    ] {
        assert_eq!(change(store, OrderControl::Make, vec![step]).expect("made"), (1, 0));
    }
}

#[test]
fn keys_of_scanners_match_as_the_standard_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    worklist(&store);
    let check =
        |keys: &[(&[Tag], &str)], expected: &str| assert_eq!(found(&store, keys), expected, "{keys:?}");
    check(&[], "ABCD");
    check(&[(MODALITY, "CT")], "ABD");
    // No station was named for D: it is for all.
    check(&[(STATION, "CT1")], "AD");
    check(&[(STATION, "CT*"), (MODALITY, "CT")], "ABD");
    check(&[(DATE, "20260705")], "AB");
    check(&[(DATE, "20260705-20260706")], "ABC");
    check(&[(DATE, "20260706-")], "CD");
    check(&[(DATE, "-20260705")], "AB");
    // Both are ranges, and one range: from the 5th at ten to the 7th at six in the evening.
    check(&[(DATE, "20260705-20260707"), (TIME, "1000-1800")], "BC");
    // A date alone with a range of times: those times of that day.
    check(&[(DATE, "20260705"), (TIME, "1000-1900")], "B");
    check(&[(NAME, "doe*")], "AC");
    check(&[(NAME, "m\u{dc}ller^hans")], "D");
    check(&[(ID, "P2")], "B");
    check(&[(ID, "P?"), (MODALITY, "MR")], "C");
    check(&[(PLACER, "' OR 1=1 --")], "");
    let keys = [(DATE.to_vec(), Phi::new("Doe".to_owned()))];
    let error = store.worklist(&keys, 10, 0).expect_err("refused");
    assert!(matches!(&error, StoreError::Query { .. }) && !error.to_string().contains("Doe"), "{error}");
}

#[test]
fn orders_are_made_once_changed_and_canceled_with_all_their_steps() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let one = step("A", "P1", "Doe^Jane", "CT1", "CT", "20260705", "0930").with(STEP_ID, "S1");
    let two = step("A", "P1", "Doe^Jane", "CT1", "CT", "20260705", "1000").with(STEP_ID, "S2");
    assert_eq!(change(&store, OrderControl::Make, vec![one.clone(), two]).expect("made"), (2, 0));
    let uids = |store: &Store| -> Vec<String> {
        let steps = store.worklist(&[], 10, 0).expect("answers");
        steps.iter().map(|step| step.text(STUDY).to_owned()).collect()
    };
    let before = uids(&store);
    assert!(before[0] == before[1] && before[0].starts_with("2.25.") && before[0].len() <= 64, "{before:?}");
    // The same message again, since its answer was lost.
    assert_eq!(change(&store, OrderControl::Make, vec![one]).expect("made already"), (0, 1));
    // What is not said stays; what is said to be empty is emptied.
    let moved =
        ScheduledStep::default().with(PLACER, "A").with(STEP_ID, "S2").with(STATION, "CT2").with(TIME, "");
    assert_eq!(change(&store, OrderControl::Change, vec![moved]).expect("changed"), (0, 1));
    let steps = store.worklist(&[(STEP_ID.to_vec(), Phi::new("S2".to_owned()))], 10, 0).expect("answers");
    assert_eq!(
        [STATION, TIME, NAME, DATE].map(|place| steps[0].text(place)),
        ["CT2", "", "Doe^Jane", "20260705"]
    );
    assert_eq!(uids(&store), before);
    // The filler's number comes later, and is then enough.
    let numbered = ScheduledStep::default().with(PLACER, "A").with(FILLER, "F7").with(STEP_ID, "S1");
    change(&store, OrderControl::Change, vec![numbered]).expect("numbered");
    let unknown = change(&store, OrderControl::Cancel, vec![ScheduledStep::default().with(FILLER, "F8")]);
    assert!(matches!(unknown, Err(StoreError::Order { .. })), "{unknown:?}");
    let nameless = change(&store, OrderControl::Make, vec![ScheduledStep::default().with(ID, "P1")]);
    assert!(nameless.expect_err("no number").to_string().contains("number"));
    let other = ScheduledStep::default().with(PLACER, "A").with(ID, "P9");
    let refused = change(&store, OrderControl::Cancel, vec![other]).expect_err("of another");
    assert!(refused.to_string().contains("another patient"), "{refused}");
    change(&store, OrderControl::Cancel, vec![ScheduledStep::default().with(PLACER, "A")]).expect("canceled");
    assert_eq!(found(&store, &[]), "");
    let again = change(&store, OrderControl::Make, vec![ScheduledStep::default().with(PLACER, "A")]);
    assert!(again.expect_err("canceled").to_string().contains("canceled"));
}

#[test]
fn what_was_carried_out_is_not_scheduled_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let made = step("A", "P1", "Doe^Jane", "CT1", "CT", "20260705", "0930").with(STEP_ID, "S1");
    change(&store, OrderControl::Make, vec![made.clone()]).expect("made");
    change(&store, OrderControl::Complete, vec![ScheduledStep::default().with(PLACER, "A")]).expect("done");
    assert_eq!(found(&store, &[]), "");
    let moved = ScheduledStep::default().with(PLACER, "A").with(STATION, "CT2");
    assert_eq!(change(&store, OrderControl::Change, vec![moved]).expect("changed"), (0, 1));
    assert_eq!(change(&store, OrderControl::Make, vec![made.clone()]).expect("made already"), (0, 1));
    let more = change(&store, OrderControl::Make, vec![made.with(STEP_ID, "S2")]).expect_err("refused");
    assert!(more.to_string().contains("carried out"), "{more}");
    assert_eq!(found(&store, &[]), "");
}

#[test]
fn a_change_that_names_no_step_is_one_of_all_and_an_unknown_step_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let one = step("A", "P1", "Doe^Jane", "CT1", "CT", "20260705", "0930").with(STEP_ID, "S1");
    let two = one.clone().with(STEP_ID, "S2");
    change(&store, OrderControl::Make, vec![one, two]).expect("made");
    let moved = ScheduledStep::default().with(PLACER, "A").with(STATION, "CT2").with(STEP_ID, "");
    assert_eq!(change(&store, OrderControl::Change, vec![moved.clone()]).expect("changed"), (0, 2));
    assert_eq!(found(&store, &[(STATION, "CT2"), (STEP_ID, "S?")]), "AA");
    let unknown = change(&store, OrderControl::Change, vec![moved.with(STEP_ID, "S3")]);
    assert!(unknown.expect_err("refused").to_string().contains("no such step"));
    assert_eq!(found(&store, &[]), "AA");
}

#[test]
fn an_order_number_of_another_namespace_is_another_order() {
    const NAMESPACE: &[Tag] = &[tags::ORDER_PLACER_IDENTIFIER_SEQUENCE, tags::LOCAL_NAMESPACE_ENTITY_ID];
    const ISSUER: &[Tag] = &[tags::ISSUER_OF_PATIENT_ID];
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let plain = step("A", "P1", "Doe^Jane", "CT1", "CT", "20260705", "0930").with(ISSUER, "H");
    let of = |namespace: &str| plain.clone().with(NAMESPACE, namespace);
    assert_eq!(change(&store, OrderControl::Make, vec![of("RIS")]).expect("made"), (1, 0));
    assert_eq!(change(&store, OrderControl::Make, vec![plain.clone()]).expect("the same"), (0, 1));
    assert_eq!(change(&store, OrderControl::Make, vec![of("KIS")]).expect("another"), (1, 0));
    let both = change(&store, OrderControl::Cancel, vec![plain.clone()]).expect_err("of two");
    assert!(both.to_string().contains("several namespaces"), "{both}");
    let other = change(&store, OrderControl::Cancel, vec![of("RIS").with(ISSUER, "G")]).expect_err("refused");
    assert!(other.to_string().contains("another patient"), "{other}");
    assert_eq!(change(&store, OrderControl::Cancel, vec![of("RIS")]).expect("canceled"), (0, 1));
    assert_eq!(found(&store, &[]), "A");
}

#[test]
fn one_order_that_cannot_be_changed_leaves_all_of_its_message_undone() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let made = OrderChange {
        control: OrderControl::Make,
        steps: vec![step("A", "P1", "Doe^Jane", "CT1", "CT", "20260705", "0930")],
    };
    let unknown = OrderChange {
        control: OrderControl::Cancel,
        steps: vec![ScheduledStep::default().with(PLACER, "Z")],
    };
    store.change_orders(vec![made, unknown], 0).expect_err("the second is not there");
    assert_eq!(found(&store, &[]), "");
}

#[test]
fn merged_patients_are_one_in_the_catalog_and_their_history_says_what_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    for bytes in [
        of_patient("1.2.1", "OLD", "Doe^Jane", "20200105", "CT"),
        of_patient("1.2.2", "NEW", "Smith^Jane", "20210105", "CT"),
        of_patient("1.2.3", "OTHER", "Roe^Richard", "20210105", "CT"),
    ] {
        keep(&store, &bytes).expect("kept");
    }
    change(&store, OrderControl::Make, vec![step("A", "OLD", "Doe^Jane", "CT1", "CT", "20260705", "0930")])
        .expect("made");
    let named = Demographics { name: Some(Phi::new("Smith^Jane".to_owned())), ..Demographics::default() };
    let (old, new) = (PatientKey::new("OLD", "HOSP"), PatientKey::new("NEW", "HOSP"));
    let changed =
        store.merge_patients(old.clone(), new.clone(), named.clone(), "7".to_owned(), 5).expect("merged");
    assert_eq!((changed.studies, changed.steps), (vec!["1.2.1".to_owned()], 1));
    let of = |id: &str| {
        let answers = store.query(&Query::new(Level::Study).with(tags::PATIENT_ID, id)).expect("answers");
        let mut uids: Vec<_> =
            answers.iter().map(|answer| answer.text(tags::STUDY_INSTANCE_UID).to_owned()).collect();
        uids.sort();
        uids
    };
    assert_eq!((of("OLD").len(), of("NEW"), of("OTHER").len()), (0, vec!["1.2.1".into(), "1.2.2".into()], 1));
    assert_eq!(found(&store, &[(ID, "NEW"), (NAME, "smith*")]), "A");
    // A study of the old number that comes later belongs to the patient too.
    keep(&store, &of_patient("1.2.4", "OLD", "Doe^Jane", "20220105", "CT")).expect("kept");
    assert_eq!(of("NEW").len(), 3);
    let history = store.patient_history("1.2.1").expect("a history");
    assert_eq!((history.len(), history[0].kind.as_str(), history[0].at), (1, "merge", 5));
    assert!(
        history[0].before.expose().contains("\"OLD\"") && history[0].after.expose().contains("Smith^Jane")
    );
    let late = store.patient_history("1.2.4").expect("a history");
    assert!(late.len() == 1 && late[0].source == "arrival" && late[0].before.expose().contains("\"OLD\""));
    // The message again: it names the study that came later, and leaves no second row of the first.
    let again = || store.merge_patients(old.clone(), new.clone(), named.clone(), "8".to_owned(), 6);
    assert_eq!(again().expect("merged already").studies, ["1.2.4"]);
    let third = again().expect("merged already");
    assert!(third.studies.is_empty() && third.steps == 0);
    assert_eq!(store.patient_history("1.2.1").expect("a history").len(), 1);
    assert!(store.merge_patients(old.clone(), old, Demographics::default(), "9".to_owned(), 7).is_err());
}

#[test]
fn rows_without_an_issuer_are_nobodys_where_two_issuers_gave_out_the_number() {
    const ISSUER: &[Tag] = &[tags::ISSUER_OF_PATIENT_ID];
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    keep(&store, &of_patient("1.2.1", "OLD", "Doe^Jane", "20200105", "CT")).expect("kept");
    let other = step("A", "OLD", "Roe^Jane", "CT1", "CT", "20260705", "0930").with(ISSUER, "OTHER");
    change(&store, OrderControl::Make, vec![other]).expect("made");
    let merge = || {
        let (old, new) = (PatientKey::new("OLD", "HOSP"), PatientKey::new("NEW", "HOSP"));
        store.merge_patients(old, new, Demographics::default(), "7".to_owned(), 5).expect("merged")
    };
    let changed = merge();
    assert!(changed.studies.is_empty() && changed.steps == 0, "{changed:?}");
    // One that arrives later is nobody's either.
    keep(&store, &of_patient("1.2.2", "OLD", "Doe^Jane", "20220105", "CT")).expect("kept");
    let of =
        |id: &str| store.query(&Query::new(Level::Study).with(tags::PATIENT_ID, id)).expect("answers").len();
    assert_eq!((of("OLD"), of("NEW")), (2, 0));
}

#[test]
fn patients_of_other_birth_dates_are_not_merged() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    for (placer, id, born) in [("A", "P1", "19600229"), ("B", "P2", "19710101"), ("C", "P3", "")] {
        let made = step(placer, id, "Doe^Jane", "CT1", "CT", "20260705", "0930");
        change(&store, OrderControl::Make, vec![made.with(&[tags::PATIENT_BIRTH_DATE], born)]).expect("made");
    }
    let merge = |prior: &str, surviving: &str| {
        let (prior, surviving) = (PatientKey::new(prior, "H"), PatientKey::new(surviving, "H"));
        store.merge_patients(prior, surviving, Demographics::default(), "1".to_owned(), 5)
    };
    let refused = merge("P1", "P2").expect_err("refused");
    assert!(refused.is_callers_fault() && !refused.to_string().contains("19"), "{refused}");
    assert_eq!(merge("P3", "P2").expect("merged").steps, 1);
}

#[test]
fn a_patient_renamed_is_found_by_the_new_name_and_the_object_keeps_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    keep(&store, &of_patient("1.2.1", "A1", "Doe^Jane", "20200105", "CT")).expect("kept");
    let said = Demographics {
        name: Some(Phi::new("Miller^Jane".to_owned())),
        sex: Some(Phi::new("F".to_owned())),
        birth_date: None,
    };
    let changed = store.update_patient(PatientKey::new("A1", ""), said, "1".to_owned(), 9).expect("updated");
    assert_eq!(changed.studies, ["1.2.1"]);
    let answers =
        store.query(&Query::new(Level::Study).with(tags::PATIENT_NAME, "miller*")).expect("answers");
    assert_eq!((answers.len(), answers[0].text(tags::PATIENT_SEX)), (1, "F"));
    let metadata = store.first_metadata(Level::Study, answers[0].key).expect("metadata");
    assert!(metadata.contains("Doe^Jane") && !metadata.contains("Miller"));
    let nobody = store.update_patient(PatientKey::new("A2", ""), Demographics::default(), "2".to_owned(), 9);
    assert!(nobody.expect("nobody").studies.is_empty());
}

#[test]
fn corrections_outlive_the_bin_and_reach_what_is_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    keep(&store, &of_patient("1.2.1", "A1", "Doe^Jane", "20200105", "CT")).expect("kept");
    let said = |name: Option<&str>, sex: Option<&str>| Demographics {
        name: name.map(|name| Phi::new(name.to_owned())),
        sex: sex.map(|sex| Phi::new(sex.to_owned())),
        birth_date: Some(Phi::new("19700101".to_owned())),
    };
    let update = |said| store.update_patient(PatientKey::new("A1", ""), said, "1".to_owned(), 9);
    update(said(Some("Miller^Jane"), None)).expect("updated");
    let deleted = wilhelm_store::Deleted { by: "root".to_owned(), reason: "sent twice".to_owned() };
    store.delete("1.2.1", deleted, std::time::SystemTime::UNIX_EPOCH).expect("deleted");
    let changed = update(said(None, Some("F"))).expect("updated");
    assert!(changed.studies.is_empty(), "nobody sees it");
    store.restore("1.2.1").expect("back");
    let answers =
        store.query(&Query::new(Level::Study).with(tags::PATIENT_NAME, "miller*")).expect("answers");
    let of = |tag| answers[0].text(tag);
    assert_eq!((of(tags::PATIENT_ID), of(tags::PATIENT_SEX)), ("A1", "F"));
    assert_eq!(of(tags::PATIENT_BIRTH_DATE), "19700101");
    assert_eq!(store.patient_history("1.2.1").expect("a history").len(), 2);
}

#[test]
fn promises_outlive_the_program_and_come_back_when_they_are_due() {
    let folder = tempfile::tempdir().expect("a folder");
    let objects = [("1.2.840.10008.5.1.4.1.1.2".to_owned(), "1.2.3".to_owned())];
    let store = open(folder.path());
    let key = store.promise("CT1".to_owned(), "9.1".to_owned(), &objects, 100).expect("kept");
    assert!(store.due_promises(99).expect("none").is_empty());
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.due_promises(100).expect("one"), [key]);
    let promised = || store.promised(key).expect("read");
    let due = promised().expect("there");
    assert_eq!((due.peer.as_str(), &due.objects[..], due.attempts), ("CT1", &objects[..], 0));
    store.put_promise_off(key, 200).expect("put off");
    assert!(store.due_promises(199).expect("none").is_empty());
    assert_eq!(store.due_promises(200).expect("one"), [key]);
    assert_eq!(promised().expect("there").attempts, 1);
    store.end_promise(key).expect("ended");
    assert!(store.due_promises(1000).expect("none").is_empty() && promised().is_none());
    for number in 0..1000 {
        store.promise("CT1".to_owned(), format!("9.{number}"), &objects, 100).expect("kept");
    }
    let promise = |peer: &str, uid: &str| store.promise(peer.to_owned(), uid.to_owned(), &objects, 100);
    assert!(matches!(promise("CT1", "8.1"), Err(StoreError::TooLarge { .. })));
    assert!(promise("CT1", "9.7").is_ok() && promise("CT2", "8.1").is_ok());
}
