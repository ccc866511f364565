//! Objects without their patient, on their way out: the same names and identifiers each time, made under the archive's key.

use dicom_dictionary_std::tags;
use serde_json::Value;
use wilhelm_formats::dicom::{Pseudonyms, deidentify, may_show_patient};
use wilhelm_privacy::audit::ObjectKind;
use wilhelm_store::{Content, Level, Located, Place, Query, Store, StoreError};
use wilhelm_study::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};

use super::WorkError;
use crate::Ledger;
use crate::desk::whole;

/// Largest object that is held in memory to be de-identified, in bytes.
const LARGEST: u64 = 1 << 30;

/// What takes the place of a patient's name and of identifiers.
pub(super) struct Unnamed<'a> {
    ledger: &'a Ledger,
    patient: String,
}

impl<'a> Unnamed<'a> {
    /// The names of a study's patient.
    ///
    /// # Errors
    /// [`WorkError::Never`] where the archive has no key to make them under; [`WorkError`] of the catalog.
    pub(super) fn of(store: &Store, ledger: Option<&'a Ledger>, study: &str) -> Result<Self, WorkError> {
        let none = "there is no key for pseudonyms, as this archive keeps no audit log";
        let ledger = ledger.ok_or_else(|| WorkError::Never(none.to_owned()))?;
        let query =
            Query { limit: Some(1), ..Query::new(Level::Study) }.with(tags::STUDY_INSTANCE_UID, study);
        let answers = store.query(&query)?;
        let text = |tag| answers.first().map(|answer| answer.text(tag).to_owned()).unwrap_or_default();
        let (id, issuer) = (text(tags::PATIENT_ID), text(tags::ISSUER_OF_PATIENT_ID));
        // Studies without a number are of nobody: each has a name of its own.
        let who = if id.is_empty() { format!("study {study}") } else { format!("{id}\n{issuer}") };
        let reference = ledger.reference(ObjectKind::Setting, &format!("pseudonym of patient {who}"));
        Ok(Self { ledger, patient: format!("P-{}", &reference.as_str()[..12]) })
    }

    /// The identifier in another's place: derived under the key, so that nobody without it finds the way back.
    ///
    /// # Source
    /// UUID-derived UID, PS3.5 Annex B.2; UUID version 8, RFC 9562 Section 5.8
    pub(super) fn uid(&self, uid: &str) -> String {
        let reference = self.ledger.reference(ObjectKind::Setting, &format!("pseudonym of identifier {uid}"));
        let number = u128::from_str_radix(reference.as_str(), 16).unwrap_or_default();
        let version = (number & !(0xF << 76)) | (0x8 << 76);
        let number = (version & !(0x3 << 62)) | (0x2 << 62);
        format!("2.25.{number}")
    }

    /// An object without its patient.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], [`StoreError::Malformed`] where it cannot be read.
    pub(super) fn content(&self, store: &Store, located: &Located) -> Result<Content, StoreError> {
        if located.bytes > LARGEST {
            let what = "object to be de-identified in bytes";
            return Err(StoreError::TooLarge { what, found: located.bytes, limit: LARGEST });
        }
        let bytes = whole(store, located)?;
        let uid = |uid: &str| self.uid(uid);
        let names = Pseudonyms { patient: &self.patient, uid: &uid };
        let out = deidentify(&bytes, &names).map_err(|error| StoreError::Malformed {
            place: "an object to be de-identified".to_owned(),
            message: error.to_string(),
        })?;
        Ok(Content::Memory(out))
    }
}

/// Those of some objects whose kind and header say that their pixels show no names, and how many are left out; all of them where
/// none is to be hidden.
///
/// # Errors
/// [`WorkError::Never`] where none is left; [`WorkError`] of the catalog.
pub(super) fn unnamed(
    store: &Store,
    located: Vec<Located>,
    hides: bool,
) -> Result<(Vec<Located>, usize), WorkError> {
    if !hides {
        return Ok((located, 0));
    }
    let before = located.len();
    let mut kept = Vec::new();
    let mut reason = "the study has no objects";
    for one in located {
        match shows(store, &one)? {
            None => kept.push(one),
            Some(why) => reason = why,
        }
    }
    if kept.is_empty() {
        let reason = format!("none of the {before} objects can be de-identified: {reason}");
        return Err(WorkError::Never(reason));
    }
    let left_out = before - kept.len();
    Ok((kept, left_out))
}

fn shows(store: &Store, located: &Located) -> Result<Option<&'static str>, WorkError> {
    let unknown = || WorkError::Never("an object of the catalog has no UID".to_owned());
    let place = Place {
        study_uid: StudyInstanceUid::new(&located.study_uid).map_err(|_| unknown())?,
        series_uid: Some(SeriesInstanceUid::new(&located.series_uid).map_err(|_| unknown())?),
        sop_uid: Some(SopInstanceUid::new(&located.sop_uid).map_err(|_| unknown())?),
    };
    let mut why = Some("its header cannot be read");
    store.metadata(&place, |_, json| {
        let header: Value = wilhelm_store::read_metadata(json).unwrap_or_default();
        let texts = |key: &str| {
            let list = header[key]["Value"].as_array().map(Vec::as_slice).unwrap_or_default();
            list.iter().filter_map(Value::as_str).collect::<Vec<&str>>().join("\\")
        };
        why = may_show_patient(&located.sop_class, &texts("00280301"), &texts("00080008"));
        true
    })?;
    Ok(why)
}
