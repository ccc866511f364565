//! A second opinion into its study, as a text document: once, however often it is tried.

use chrono::{DateTime, Utc};
use serde_json::Value;
use wilhelm_formats::Limits;
use wilhelm_formats::dicom::objects::{Imprint, Stamp, TextDocument, references_of_bytes, text_document};
use wilhelm_store::{Expected, Located, Place, Store, StoreError, StoredOpinion};
use wilhelm_study::{CodedConcept, StudyInstanceUid};

use crate::desk::header_of;

/// Series of second opinions, behind those of reports.
const SERIES_NUMBER: u32 = 9100;
/// Most images whose headers are tried for the patient and the study.
const TRIED: usize = 20;

/// Puts a study's opinions into it that are not there yet.
///
/// # Errors
/// A sentence for the first that could not be put there; the next start tries again.
pub(crate) fn deliver(store: &Store, study: &str) -> Result<(), String> {
    let opinions = store.consultations().opinions(study).map_err(|error| error.to_string())?;
    opinions.iter().filter(|opinion| !opinion.is_delivered).try_for_each(|opinion| one(store, opinion))
}

/// Tries again what a killed program left, or a full disk.
pub(crate) fn deliver_missing(store: &Store) {
    let studies = match store.consultations().studies_with_undelivered() {
        Ok(studies) => studies,
        Err(error) => return tracing::error!(%error, "second opinions that are not in their studies"),
    };
    for study in studies {
        if let Err(problem) = deliver(store, &study) {
            tracing::warn!(problem, "a second opinion is not in its study yet");
        }
    }
}

fn one(store: &Store, opinion: &StoredOpinion) -> Result<(), String> {
    let words = |error: StoreError| error.to_string();
    let bytes = document(store, opinion)?;
    let mut arriving = store.arrive();
    arriving.write(&bytes).map_err(words)?;
    let study_uid = Some(opinion.study_uid.as_str());
    let expected = Expected { study_uid, is_own: true, ..Expected::default() };
    match store.take(arriving, expected).map_err(words)?.pending.wait() {
        // Another program version words the same object otherwise: the first is kept.
        Ok(_) | Err(StoreError::Conflict) => {}
        Err(error) => return Err(error.to_string()),
    }
    store.consultations().opinion_delivered(&opinion.study_uid, opinion.number).map_err(words)
}

/// The image whose header says whose study it is: the one that the opinion points at, else the first that says enough.
fn document(store: &Store, stored: &StoredOpinion) -> Result<Vec<u8>, String> {
    let limits = Limits::default();
    let said: Value =
        serde_json::from_slice(&stored.bytes).map_err(|_| "the opinion is no JSON".to_owned())?;
    let pointed = said["image"]["instance"].as_str().unwrap_or_default();
    let study_uid = StudyInstanceUid::new(&stored.study_uid).map_err(|error| error.to_string())?;
    let place = Place { study_uid, series_uid: None, sop_uid: None };
    let mut images: Vec<Located> = store.locate(&place).map_err(|error| error.to_string())?;
    images.retain(|one| one.pixels.is_some());
    images.sort_by_key(|one| one.sop_uid != pointed);
    let at = DateTime::<Utc>::from(stored.opinion.at);
    let (date, time) = (at.format("%Y%m%d").to_string(), at.format("%H%M%S").to_string());
    let mut last = "the study has no image whose header says whose it is".to_owned();
    for image in images.into_iter().take(TRIED) {
        let header = header_of(store, &image).map_err(|error| error.to_string())?;
        let reference = match references_of_bytes(&[header.as_slice()], &limits) {
            Ok(reference) => reference,
            Err(error) => {
                last = error.to_string();
                continue;
            }
        };
        // Of the opinion alone: made again it is the same object.
        let content: [&[u8]; 2] = [stored.study_uid.as_bytes(), stored.sha256.as_bytes()];
        let stamp = Stamp::of_content(&content, &date, &time).map_err(|error| error.to_string())?;
        let imprint = Imprint {
            series_number: SERIES_NUMBER,
            instance_number: stored.number,
            ..Imprint::new("Second opinion", stamp)
        };
        let images = if image.sop_uid == pointed { vec![0] } else { Vec::new() };
        let document = TextDocument { images, ..words(stored, &said) };
        let written = text_document(&document, &reference, &imprint).map_err(|error| error.to_string())?;
        return Ok(written.bytes);
    }
    Err(last)
}

fn words(stored: &StoredOpinion, said: &Value) -> TextDocument {
    let dcm = |value: &str, meaning: &str| CodedConcept::new("DCM", value, meaning);
    let opinion = &stored.opinion;
    let about = match opinion.report.as_str() {
        "" => "The images were looked at without a report of this archive.".to_owned(),
        report => format!(
            "It {} the report {report}, version {} (SHA-256 {}).",
            match opinion.agreement.as_str() {
                "agrees" => "agrees with",
                "differs" => "differs from",
                _ => "adds to",
            },
            opinion.report_version,
            said["report"]["sha256"].as_str().unwrap_or_default()
        ),
    };
    let standing = if opinion.is_guest {
        let by = said["by"]["invited_by"].as_str().unwrap_or_default();
        format!(
            "{} is a guest without an account, under the name that was given; invited by {by}.",
            opinion.by
        )
    } else {
        format!("{} is an account of this archive.", opinion.by)
    };
    TextDocument {
        title: CodedConcept::new("LN", "11488-4", "Consult note"),
        observer: opinion.by.clone(),
        sections: vec![
            (dcm("121076", "Conclusions"), said["text"].as_str().unwrap_or_default().to_owned()),
            (dcm("121106", "Comment"), about),
            (dcm("121106", "Comment"), standing),
        ],
        images: Vec::new(),
    }
}
