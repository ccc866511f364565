//! The reading of a study into drafts.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use wilhelm_privacy::audit::{Action, Actor, Event, Object, ObjectKind, Outcome as Ended};
use wilhelm_report::State;
use wilhelm_store::{Added, Located, Place, StoreError, WorklistRow};
use wilhelm_study::{Patient, Phi, StudyInstanceUid};

use super::document::{keep, latest, leaving};
use super::{Desk, Drafted, EarlierReport, ObjectToRead, ReadFailure, StudyToRead, whole};

/// What became of the draft of one series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Series Instance UID.
    pub series: String,
    /// The report that counts for it now.
    pub report: String,
    /// Whether the draft is that report; where a person worked on an earlier one, that stays.
    pub is_new: bool,
    /// What was wrong with the series without stopping the reading.
    pub defects: Vec<String>,
}

fn archive(error: &StoreError) -> ReadFailure {
    ReadFailure::Archive(error.to_string())
}

/// Reads a study and keeps a draft of each series that could be read; nothing is kept where reading fails.
///
/// Reading the same study by the same models again gives the same drafts, which are there already. `by` is the account or the
/// rule that asked for it, and `at` the time of the drafts.
///
/// # Errors
/// [`ReadFailure`].
pub fn read_study(
    desk: &Desk,
    study: &str,
    by: &str,
    at: DateTime<Utc>,
    progress: &mut dyn FnMut(&str, usize, usize) -> bool,
) -> Result<Vec<Outcome>, ReadFailure> {
    let none =
        || ReadFailure::Study("this archive has no reader: no model is there to read studies".to_owned());
    let reader = desk.reader.as_ref().ok_or_else(none)?;
    let uid = StudyInstanceUid::new(study)
        .map_err(|_| ReadFailure::Study("the study is not named by a UID".to_owned()))?;
    let place = Place { study_uid: uid, series_uid: None, sop_uid: None };
    let located = desk.store.locate(&place).map_err(|error| missing(&error))?;
    let listed = desk.store.reports().listed(study).map_err(|error| missing(&error))?;
    let objects: Vec<ObjectToRead> = located.iter().map(object).collect();
    let earlier = earlier(desk, study, &listed)?;
    let patient = patient(&listed);
    let open = |place: usize| {
        let none = || ReadFailure::Archive("an object beyond the last of the study is asked for".to_owned());
        whole(&desk.store, located.get(place).ok_or_else(none)?).map_err(|error| archive(&error))
    };
    let to_read = StudyToRead {
        study,
        patient: &patient,
        date: stated(&listed.date),
        time: stated(&listed.time),
        objects: &objects,
        earlier: &earlier,
        open: &open,
    };
    let drafts = reader.read(&to_read, progress)?;
    let mut parts = BTreeSet::new();
    for drafted in &drafts {
        check(drafted, &objects)?;
        if !parts.insert((drafted.series.as_str(), drafted.part)) {
            return Err(ReadFailure::Program("two drafts are of one part of a series".to_owned()));
        }
    }
    let at_text = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut outcomes = Vec::with_capacity(drafts.len());
    for drafted in &drafts {
        let added = keep(&desk.store, study, drafted, &at_text).map_err(|error| archive(&error))?;
        let is_new = matches!(added, Added::New | Added::InPlaceOf(_));
        let report = match added {
            Added::Refused(id) => id,
            _ => drafted.report.id.clone(),
        };
        if is_new {
            note(desk, study, &report, by, at)?;
            desk.changed(&report);
        }
        let defects = drafted.defects.iter().map(ToString::to_string).collect();
        outcomes.push(Outcome { series: drafted.series.clone(), report, is_new, defects });
    }
    Ok(outcomes)
}

/// A study that is not there will not be there another time.
fn missing(error: &StoreError) -> ReadFailure {
    match error {
        StoreError::NotFound { .. } => ReadFailure::Study(error.to_string()),
        other => archive(other),
    }
}

fn object(located: &Located) -> ObjectToRead {
    ObjectToRead {
        series: located.series_uid.clone(),
        instance: located.sop_uid.clone(),
        class: located.sop_class.clone(),
        length: located.bytes,
        has_pixels: located.pixels.is_some(),
    }
}

fn stated(value: &Phi<String>) -> Option<&Phi<String>> {
    Some(value).filter(|value| !value.expose().is_empty())
}

/// The patient of a study, as the catalog says.
pub(super) fn patient(row: &WorklistRow) -> Patient {
    Patient {
        name: stated(&row.patient_name).cloned(),
        id: stated(&row.patient_id).cloned(),
        birth_date: stated(&row.birth_date).cloned(),
        age_years: None,
        sex: row.sex.chars().next(),
    }
}

/// Signed reports of the same patient's studies that are not later than this one, the latest study first.
fn earlier(desk: &Desk, study: &str, now: &WorklistRow) -> Result<Vec<EarlierReport>, ReadFailure> {
    let reports = desk.store.reports();
    let mut found = Vec::new();
    for row in reports.signed_of_patient(study).map_err(|error| archive(&error))? {
        if row.study_uid == study {
            continue;
        }
        let of = reports.listed(&row.study_uid).map_err(|error| archive(&error))?;
        let of_study = |row: &WorklistRow| (row.date.expose().clone(), row.time.expose().clone());
        if of_study(&of) > of_study(now) {
            continue;
        }
        let report = latest(&desk.store, &row.id).map_err(|error| archive(&error))?;
        let decisions = reports.decisions(&row.id).map_err(|error| archive(&error))?;
        found.push(EarlierReport {
            patient: patient(&of),
            date: stated(&of.date).cloned(),
            time: stated(&of.time).cloned(),
            report: leaving(&report, &decisions),
            study: row.study_uid,
        });
    }
    let key = |report: &EarlierReport| {
        let text = |value: &Option<Phi<String>>| value.as_ref().map(|value| value.expose().clone());
        (text(&report.date), text(&report.time))
    };
    found.sort_by_key(|report| std::cmp::Reverse(key(report)));
    Ok(found)
}

/// Whether a draft is one that the archive can keep.
fn check(drafted: &Drafted, objects: &[ObjectToRead]) -> Result<(), ReadFailure> {
    let refused = |what: &str| Err(ReadFailure::Program(format!("a draft cannot be kept: {what}")));
    let report = &drafted.report;
    if let Err(error) = report.check() {
        return refused(&error.to_string());
    }
    // A name without a hyphen, so that a finding's name can follow one.
    let is_name =
        (1..=40).contains(&report.id.len()) && report.id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_name {
        return refused("its name is not 1 to 40 letters and digits");
    }
    if report.state != State::Draft || !report.signatures.is_empty() {
        return refused("it is no draft");
    }
    let is_of_series = |instance: &str| {
        objects.iter().any(|object| object.series == drafted.series && object.instance == instance)
    };
    if drafted.images.is_empty() || !drafted.images.iter().all(|image| is_of_series(&image.instance)) {
        return refused("its images are not of its series");
    }
    Ok(())
}

fn note(desk: &Desk, study: &str, report: &str, by: &str, at: DateTime<Utc>) -> Result<(), ReadFailure> {
    let Some(ledger) = &desk.ledger else { return Ok(()) };
    let object = Object {
        kind: ObjectKind::Report,
        reference: Some(ledger.reference(ObjectKind::Report, report)),
        patient: crate::http::patient(&desk.store, ledger, study),
    };
    let event = Event::new(Actor::program(), Action::ReportDrafted, object, Ended::Done)
        .with("asked by", by.chars().take(64).collect::<String>());
    ledger.always(&event, at).map_err(|error| {
        tracing::error!(%error, "the audit log takes no entry");
        ReadFailure::Archive("the audit log takes no entry".to_owned())
    })
}
