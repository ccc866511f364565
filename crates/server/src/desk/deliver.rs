//! A final report into its study, as a structured report: once a version, however often it is tried.

use std::sync::{Condvar, Mutex, PoisonError};

use chrono::Utc;
use wilhelm_privacy::audit::{Action, Actor, Event, Outcome};
use wilhelm_report::Report;
use wilhelm_store::{Expected, StoreError};

use super::document::{Document, leaving, meta, pictures};
use super::reading::patient;
use super::{Desk, Wanted, header_length, header_of};

/// What became of a final report's object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It is in the study.
    There,
    /// It could not be made or kept; the next start tries again.
    Problem(String),
    /// No reader is there to make it.
    NoReader,
}

/// Why a form that wants the study is not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FormFailure {
    /// The headers of its images are more than what is held at once.
    TooLarge(String),
    /// Any other reason, as a sentence.
    Other(String),
}

impl From<StoreError> for FormFailure {
    fn from(error: StoreError) -> Self {
        Self::Other(error.to_string())
    }
}

/// Most forms that are made at once, each with the headers of its images in memory.
const AT_ONCE: usize = 2;
/// Most bytes of headers of one form.
const MOST_BYTES: u64 = 512 << 20;

/// How many forms are being made.
#[derive(Debug, Default)]
pub(crate) struct Forms {
    made: Mutex<usize>,
    freed: Condvar,
}

/// One of the forms that are being made.
struct Turn<'a>(&'a Forms);

impl Forms {
    /// Waits until fewer than [`AT_ONCE`] are being made.
    fn turn(&self) -> Turn<'_> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let mut made =
            self.freed.wait_while(made, |made| *made >= AT_ONCE).unwrap_or_else(PoisonError::into_inner);
        *made += 1;
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.made.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.freed.notify_one();
    }
}

impl Desk {
    /// Puts the latest version of a final report into its study.
    ///
    /// The time that the object says is that of the last signature, and its identifiers come of the report and its version: made
    /// again it is the same object, which the archive has already.
    pub(crate) fn deliver(&self, id: &str) -> Delivery {
        if self.reader.is_none() {
            return Delivery::NoReader;
        }
        match self.try_deliver(id) {
            Ok(()) => Delivery::There,
            Err(problem) => {
                tracing::warn!(report = id, problem, "a final report is not in its study yet");
                Delivery::Problem(problem)
            }
        }
    }

    /// Tries again what a killed program left, or a full disk.
    pub(crate) fn deliver_missing(&self) {
        if self.reader.is_none() {
            return;
        }
        match self.store.reports().undelivered() {
            Ok(rows) => rows.iter().for_each(|row| drop(self.deliver(&row.id))),
            Err(error) => tracing::error!(%error, "final reports that are not in their studies"),
        }
    }

    fn try_deliver(&self, id: &str) -> Result<(), String> {
        let words = |error: StoreError| error.to_string();
        let document = Document::read(&self.store, id).map_err(words)?;
        let version = document.seen().version;
        let report = &document.latest().report;
        if !report.state.is_final() || document.row.delivered >= version {
            return Ok(());
        }
        let left = leaving(report, &document.decisions);
        let bytes = self.form(&document.row.id, &document.row.study_uid, &left, ("sr", true), None);
        let bytes = bytes.map_err(|failure| match failure {
            FormFailure::TooLarge(why) | FormFailure::Other(why) => why,
        })?;
        let mut arriving = self.store.arrive();
        arriving.write(&bytes).map_err(words)?;
        let study_uid = Some(document.row.study_uid.as_str());
        let expected = Expected { study_uid, is_own: true, ..Expected::default() };
        let taken = self.store.take(arriving, expected).map_err(words)?;
        match taken.pending.wait() {
            // Another program version words the same object otherwise: the first is kept.
            Ok(_) | Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.to_string()),
        }
        self.note_object(&document.row.study_uid)?;
        self.store.reports().delivered(id, version).map_err(words)
    }

    fn note_object(&self, study: &str) -> Result<(), String> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        let event = Event::new(Actor::program(), Action::StudyReceived, ledger.study(study), Outcome::Done);
        let patient = || crate::http::patient(&self.store, ledger, study);
        ledger.note(event, patient, Utc::now()).map_err(|error| {
            tracing::error!(%error, "the audit log takes no entry");
            "the audit log takes no entry".to_owned()
        })
    }

    /// A version of a report in a form that wants the study; `at` is now for a draft, which has no signature.
    ///
    /// # Errors
    /// [`FormFailure`].
    pub(crate) fn form(
        &self,
        id: &str,
        study: &str,
        report: &Report,
        (form, names_patient): (&str, bool),
        at: Option<&wilhelm_report::Moment>,
    ) -> Result<Vec<u8>, FormFailure> {
        let other = |why: &str| FormFailure::Other(why.to_owned());
        let none = || other("this archive was started without a reader");
        let reader = self.reader.as_ref().ok_or_else(none)?;
        let _turn = self.forms.turn();
        let mut held = 0_u64;
        let mut objects: Vec<Vec<u8>> = Vec::new();
        let mut last = None;
        for image in meta(&self.store, id)?.images {
            // Frames of one object follow each other.
            if last.as_ref() != Some(&image.instance) {
                let located = self.store.find(&image.instance)?;
                held = held.saturating_add(header_length(&located));
                if held > MOST_BYTES {
                    return Err(FormFailure::TooLarge(format!(
                        "the headers of the images have more than the {MOST_BYTES} bytes that are held for a form at once"
                    )));
                }
                objects.push(header_of(&self.store, &located)?);
                last = Some(image.instance);
            }
        }
        let pictures = pictures(&self.store, id)?;
        let signed = report.signatures.last().map(|signature| &signature.at);
        let at = signed.or(at).ok_or_else(|| other("the report is not signed, and no time is given"))?;
        let patient = patient(&self.store.reports().listed(study)?);
        let wanted = Wanted {
            report,
            pictures: &pictures,
            form,
            names_patient,
            patient: &patient,
            objects: &objects,
            at,
        };
        reader.output(&wanted).map_err(|error| FormFailure::Other(error.to_string()))
    }
}
