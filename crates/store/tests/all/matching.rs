//! The matching rules of PS3.4 Section C.2.2.2.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use wilhelm_store::{Level, Query, Store, StoreError};

use crate::objects::{keep, of_patient, open};

fn archive(folder: &std::path::Path) -> std::sync::Arc<Store> {
    let store = open(folder);
    for bytes in [
        of_patient("1.2.1", "A1", "Doe^Jane", "20200105", "CT"),
        of_patient("1.2.2", "A1", "Doe^Jane", "20210310", "MR"),
        of_patient("1.2.3", "B[2]", "M\u{fc}ller^Hans^Peter", "20210311", "CT"),
        of_patient("1.2.4", "C3", "Wang^XiaoDong=\u{738b}^\u{5c0f}\u{6771}", "", "US"),
    ] {
        keep(&store, &bytes).expect("kept");
    }
    store
}

fn studies(store: &Store, query: &Query) -> String {
    let answers = store.query(query).expect("answers");
    let mut last: Vec<&str> = answers
        .iter()
        .map(|answer| answer.text(tags::STUDY_INSTANCE_UID).rsplit('.').next().unwrap_or_default())
        .collect();
    last.sort_unstable();
    last.concat()
}

#[test]
fn keys_match_as_the_standard_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = archive(folder.path());
    let check = |tag: Tag, value: &str, expected: &str| {
        let query = Query::new(Level::Study).with(tag, value);
        assert_eq!(studies(&store, &query), expected, "{tag} {value}");
    };
    // Universal, single value, wildcards.
    check(tags::PATIENT_ID, "", "1234");
    check(tags::PATIENT_ID, "*", "1234");
    check(tags::PATIENT_ID, "A1", "12");
    check(tags::PATIENT_ID, "a1", "");
    check(tags::PATIENT_ID, "?1", "12");
    check(tags::PATIENT_ID, "B[2]", "3");
    check(tags::PATIENT_ID, "B[*", "3");
    check(tags::PATIENT_ID, "[AB]*", "");
    check(tags::PATIENT_ID, "A1\\C3", "124");
    check(tags::PATIENT_ID, "' OR 1=1 --", "");
    // Names without regard to case, group by group.
    check(tags::PATIENT_NAME, "DOE^JANE", "12");
    check(tags::PATIENT_NAME, "doe", "");
    check(tags::PATIENT_NAME, "doe*", "12");
    check(tags::PATIENT_NAME, "M\u{dc}LLER*", "3");
    check(tags::PATIENT_NAME, "\u{738b}*", "4");
    check(tags::PATIENT_NAME, "wang*", "4");
    // Lists of UIDs.
    check(tags::STUDY_INSTANCE_UID, "1.2.1\\1.2.3", "13");
    check(tags::STUDY_INSTANCE_UID, "1.2.1,1.2.4", "14");
    // Ranges.
    check(tags::STUDY_DATE, "20210310", "2");
    check(tags::STUDY_DATE, "20210310-20210311", "23");
    check(tags::STUDY_DATE, "-20201231", "1");
    check(tags::STUDY_DATE, "20210311-", "3");
    check(tags::STUDY_TIME, "10-10", "1234");
    check(tags::STUDY_TIME, "1031-", "");
    // Of the series below.
    check(tags::MODALITIES_IN_STUDY, "CT", "13");
    check(tags::MODALITIES_IN_STUDY, "MR\\US", "24");
}

#[test]
fn fuzzy_names_match_from_the_beginning_of_each_word() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = archive(folder.path());
    let check = |value: &str, expected: &str| {
        let query = Query { fuzzy: true, ..Query::new(Level::Study).with(tags::PATIENT_NAME, value) };
        assert_eq!(studies(&store, &query), expected, "{value}");
    };
    check("jane", "12");
    check("Hans M\u{fc}l", "3");
    check("peter^hans", "3");
    check("ane", "");
    check("\u{5c0f}", "4");
}

#[test]
fn levels_below_and_above_answer_with_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = archive(folder.path());
    let patients = store.query(&Query::new(Level::Patient)).expect("answers");
    assert_eq!(patients.len(), 3);
    assert_eq!(patients[0].text(tags::NUMBER_OF_PATIENT_RELATED_STUDIES), "2");
    let query = Query::new(Level::Series).with(tags::PATIENT_ID, "A1").with(tags::MODALITY, "MR");
    assert_eq!(studies(&store, &query), "2");
    let query = Query::new(Level::Instance).with(tags::SERIES_INSTANCE_UID, "1.2.3.1").with(tags::ROWS, "16");
    let answers = store.query(&query).expect("answers");
    assert_eq!((answers.len(), answers[0].text(tags::SOP_INSTANCE_UID)), (1, "1.2.3.1.1"));
    let paged = Query { limit: Some(1), offset: 1, ..Query::new(Level::Study) };
    assert_eq!(studies(&store, &paged), "2", "the newest first, by date");
}

#[test]
fn a_key_that_says_nothing_is_refused_without_showing_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = archive(folder.path());
    for (tag, value) in [
        (tags::STUDY_DATE, "Doe^Jane"),
        (tags::STUDY_DATE, "-"),
        (tags::STUDY_DATE, "2020-2021-2022"),
        (tags::INSTANCE_NUMBER, "Doe"),
    ] {
        let refused = store.query(&Query::new(Level::Instance).with(tag, value)).expect_err("refused");
        assert!(matches!(refused, StoreError::Query { .. }) && !refused.to_string().contains("Doe"));
    }
}
