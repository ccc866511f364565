//! The report desk: drafts made of studies, edited, decided and signed by people, in the archive.
//!
//! The principal type is [`Desk`]. Models are behind [`StudyReader`], the queue of work behind [`Readings`]; without either, what
//! is there is shown, edited and signed all the same.

mod deliver;
pub(crate) mod document;
mod place;
mod reader;
mod reading;
mod wilson;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use dicom_dictionary_std::uids;
use wilhelm_report::Urgency;
use wilhelm_store::{Content, Located, Seen, Store, StoreError};

use crate::Ledger;
use crate::events::Event;
pub(crate) use deliver::{Delivery, FormFailure, Forms};
pub(crate) use document::{Document, decided, leaving, model_of, rejected};
pub(crate) use place::places;
pub use reader::{
    Drafted, EarlierReport, ObjectToRead, ReadFailure, ReadImage, StudyReader, StudyToRead, Wanted,
};
pub use reading::{Outcome, read_study};
pub(crate) use wilson::wilson;

/// The name under which the program itself writes versions.
pub(crate) const PROGRAM: &str = "wilhelm";

/// The queue in which studies wait to be read.
pub trait Readings: Send + Sync {
    /// Puts the reading of a study into the queue; gives the job's name. `by` is the account that asks.
    ///
    /// # Errors
    /// [`ReadingRefused`].
    fn begin(&self, study: &str, by: &str) -> Result<String, ReadingRefused>;

    /// The last reading of each of some studies, where it waits, runs or has failed.
    fn latest(&self, studies: &[&str]) -> BTreeMap<String, ReadingState>;

    /// The studies whose last reading is in one of some states; some thousands at most.
    fn of_state(&self, states: &[&str]) -> Vec<String>;
}

/// Where the reading of a study stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadingState {
    /// The job's name.
    pub job: String,
    /// `queued`, `running`, `failed` or `dead`.
    pub state: String,
    /// Why it failed.
    pub error: Option<String>,
}

/// Why the reading of a study is not put into the queue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadingRefused {
    /// It is there already.
    #[error("the study waits to be read or is being read by job {job}: GET /api/jobs/{job}")]
    Busy {
        /// The job's name.
        job: String,
    },
    /// The queue takes nothing.
    #[error("{0}")]
    Closed(String),
}

/// A report that was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportChanged {
    /// Its name.
    pub report: String,
    /// Study Instance UID.
    pub study: String,
    /// How far it is.
    pub seen: Seen,
    /// State of its latest version.
    pub state: String,
}

impl ReportChanged {
    /// As those who listen are told of it.
    pub(crate) fn event(&self) -> Event {
        Event::Report {
            report: self.report.clone(),
            study: self.study.clone(),
            version: self.seen.version,
            state: self.state.clone(),
            decisions: self.seen.decisions,
        }
    }
}

/// What is told of reports that change.
type Listener = Arc<dyn Fn(&ReportChanged) + Send + Sync>;

/// The desk of one archive; its threads share it.
pub struct Desk {
    pub(crate) store: Arc<Store>,
    pub(crate) reader: Option<Arc<dyn StudyReader>>,
    pub(crate) ledger: Option<Arc<Ledger>>,
    forms: Forms,
    readings: OnceLock<Arc<dyn Readings>>,
    listener: OnceLock<Listener>,
}

impl Desk {
    /// A desk over an archive; without a `reader` no study is read, and no form made that lies in a study.
    pub fn new(
        store: Arc<Store>,
        reader: Option<Arc<dyn StudyReader>>,
        ledger: Option<Arc<Ledger>>,
    ) -> Arc<Self> {
        let (forms, readings, listener) = (Forms::default(), OnceLock::new(), OnceLock::new());
        Arc::new(Self { store, reader, ledger, forms, readings, listener })
    }

    /// Says in which queue studies wait to be read; the first that is given stays.
    pub fn connect(&self, readings: Arc<dyn Readings>) {
        let _ = self.readings.set(readings);
    }

    /// Says who is told of reports that change; the first that is given stays.
    pub fn on_change(&self, listener: Arc<dyn Fn(&ReportChanged) + Send + Sync>) {
        let _ = self.listener.set(listener);
    }

    /// Whether somebody here reads studies.
    pub(crate) fn reads(&self) -> bool {
        self.reader.is_some()
    }

    pub(crate) fn readings(&self) -> Option<&dyn Readings> {
        self.readings.get().map(Arc::as_ref)
    }

    pub(crate) fn changed(&self, report: &str) {
        let Some(listener) = self.listener.get() else { return };
        match self.store.reports().find(report) {
            Ok(row) => {
                let (study, state) = (row.study_uid, row.state);
                listener(&ReportChanged { report: row.id, study, seen: row.seen, state });
            }
            Err(error) => tracing::warn!(%error, "a changed report is not announced"),
        }
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Desk").field("reads", &self.reader.is_some()).finish_non_exhaustive()
    }
}

/// How soon a report is looked at, as the archive keeps it.
pub(crate) const fn urgency(level: Option<Urgency>) -> u8 {
    match level {
        None => 0,
        Some(Urgency::Routine) => 1,
        Some(Urgency::Soon) => 2,
        Some(Urgency::Urgent) => 3,
    }
}

/// All bytes of an object's file, unsealed, in memory.
pub(crate) fn whole(store: &Store, located: &Located) -> Result<Vec<u8>, StoreError> {
    beginning(store, located, u64::MAX)
}

/// The bytes of an object's file up to its pixels, unsealed, in memory; all of them where it is deflated or has no pixels.
pub(crate) fn header_of(store: &Store, located: &Located) -> Result<Vec<u8>, StoreError> {
    beginning(store, located, header_length(located))
}

/// How many bytes [`header_of`] gives at most.
pub(crate) fn header_length(located: &Located) -> u64 {
    let is_deflated = located.transfer_syntax == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN;
    let pixels = located.pixels.filter(|_| !is_deflated);
    pixels.map_or(located.bytes, |pixels| pixels.start.min(located.bytes))
}

fn beginning(store: &Store, located: &Located, most: u64) -> Result<Vec<u8>, StoreError> {
    let content = store.content(located)?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    if let Content::Memory(mut bytes) = content {
        bytes.truncate(most);
        return Ok(bytes);
    }
    let length = usize::try_from(content.length()).unwrap_or(usize::MAX).min(most);
    let mut bytes = vec![0; length];
    let read = content.read_at(0, &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}
