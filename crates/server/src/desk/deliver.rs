//! A final report into its study, as a structured report: once a version, however often it is tried.

use chrono::Utc;
use wilhelm_privacy::audit::{Action, Actor, Event, Outcome};
use wilhelm_report::Report;
use wilhelm_store::{Expected, StoreError};

use super::document::{Document, meta, pictures};
use super::{Desk, Wanted, whole};

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
        let bytes = self.form(id, report, "sr", true, None)?;
        let mut arriving = self.store.arrive();
        arriving.write(&bytes).map_err(words)?;
        let expected = Expected { study_uid: Some(&document.row.study_uid), ..Expected::default() };
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
    /// A sentence that says why not.
    pub(crate) fn form(
        &self,
        id: &str,
        report: &Report,
        form: &str,
        names_patient: bool,
        at: Option<&wilhelm_report::Moment>,
    ) -> Result<Vec<u8>, String> {
        let reader = self.reader.as_ref().ok_or("this archive was started without a reader")?;
        let words = |error: StoreError| error.to_string();
        let mut objects: Vec<Vec<u8>> = Vec::new();
        let mut last = None;
        for image in meta(&self.store, id).map_err(words)?.images {
            // Frames of one object follow each other.
            if last.as_ref() != Some(&image.instance) {
                let located = self.store.find(&image.instance).map_err(words)?;
                objects.push(whole(&self.store, &located).map_err(words)?);
                last = Some(image.instance);
            }
        }
        let pictures = pictures(&self.store, id).map_err(words)?;
        let signed = report.signatures.last().map(|signature| &signature.at);
        let at = signed.or(at).ok_or("the report is not signed, and no time is given")?;
        let wanted = Wanted { report, pictures: &pictures, form, names_patient, objects: &objects, at };
        reader.output(&wanted).map_err(|error| error.to_string())
    }
}
