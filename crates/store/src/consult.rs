//! Consultations: somebody is asked about one study by a link, until a time.
//!
//! The principal type is [`Consultations`]. What is said there is bytes to the store, sealed where the archive is.
//!
//! Invariants held here: of a link and of a guest's session a hash is kept alone; a consultation that is over, by its time or
//! by somebody's word, opens nothing and takes nothing; a link is opened as often as was said and no more, whoever is first;
//! notes and opinions are appended and never changed (triggers see to it), each opinion of a study chained to the one before.

mod guest;
mod opinion;
mod sound;
mod thread;

use std::time::{Duration, SystemTime};

use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::queue::{milliseconds, time};
use crate::reports::part::{self, Kept};
use crate::{Store, StoreError};

pub use guest::{Guest, Opened};
pub use opinion::{NewOpinion, StoredOpinion};
pub use thread::StoredNote;

/// Consultations of one study that are open at once.
const MOST_OPEN: u64 = 50;
/// How far a clock may have been set back since a consultation was made; beyond, it opens nothing.
const CLOCK: Duration = Duration::from_secs(300);

/// What a guest may do beside looking and writing notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestRole {
    /// Nothing.
    Viewer,
    /// Write a second opinion, which is recorded in the study.
    SecondReader,
}

impl GuestRole {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::SecondReader => "second-reader",
        }
    }

    /// The role of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Viewer, Self::SecondReader].into_iter().find(|role| role.name() == name)
    }
}

/// A consultation on its way into the archive.
#[derive(Clone, Debug)]
pub struct NewConsultation {
    /// Its name, which stands in the link.
    pub id: String,
    /// SHA-256 of the secret that stands in the link, in hexadecimal digits.
    pub link_hash: String,
    /// Study Instance UID.
    pub study_uid: String,
    /// The account that asks.
    pub made_by: String,
    /// Until when it is open.
    pub expires: SystemTime,
    /// What its guests may do.
    pub role: GuestRole,
    /// Whether guests see nothing that names the patient in headers.
    pub hides_patient: bool,
    /// Whether guests see the study's reports.
    pub shows_reports: bool,
    /// How often the link may be opened.
    pub opens: u32,
    /// What is asked.
    pub question: Vec<u8>,
}

/// A consultation.
#[derive(Clone, Debug)]
pub struct Consultation {
    pub(crate) key: i64,
    /// Its name.
    pub id: String,
    /// Study Instance UID.
    pub study_uid: String,
    /// The account that asked.
    pub made_by: String,
    /// When it was made.
    pub made: SystemTime,
    /// Until when it is open.
    pub expires: SystemTime,
    /// What its guests may do.
    pub role: GuestRole,
    /// Whether guests see nothing that names the patient in headers.
    pub hides_patient: bool,
    /// Whether guests see the study's reports.
    pub shows_reports: bool,
    /// How often the link may be opened.
    pub opens: u32,
    /// How often it was.
    pub opened: u32,
    /// When it was ended before its time, and by which account.
    pub ended: Option<(SystemTime, String)>,
}

impl Consultation {
    /// Whether it is open. A clock that stands well before its making says nothing of its end: it is not open then.
    pub fn is_open(&self, now: SystemTime) -> bool {
        self.ended.is_none() && now < self.expires && now + CLOCK >= self.made
    }

    pub(crate) fn open(&self, now: SystemTime) -> Result<(), StoreError> {
        if self.is_open(now) {
            return Ok(());
        }
        let message = if self.ended.is_some() { "was ended" } else { "is over: its time has passed" };
        Err(StoreError::Consultation { message })
    }
}

const ROW: &str =
    "SELECT c.key, c.id, c.study_uid, c.made_by, c.made, c.expires, c.guest_role, c.hides_patient,
 c.shows_reports, c.opens, c.opened, c.ended, c.ended_by FROM consultation c";

fn row(row: &Row<'_>) -> rusqlite::Result<Consultation> {
    let role: String = row.get(6)?;
    let (ended, ended_by): (Option<i64>, Option<String>) = (row.get(11)?, row.get(12)?);
    Ok(Consultation {
        key: row.get(0)?,
        id: row.get(1)?,
        study_uid: row.get(2)?,
        made_by: row.get(3)?,
        made: time(row.get(4)?),
        expires: time(row.get(5)?),
        // What a later program wrote is held to the least.
        role: GuestRole::parse(&role).unwrap_or(GuestRole::Viewer),
        hides_patient: row.get(7)?,
        shows_reports: row.get(8)?,
        opens: row.get(9)?,
        opened: row.get(10)?,
        ended: ended.map(|at| (time(at), ended_by.unwrap_or_default())),
    })
}

/// What the parts of a consultation are sealed for.
fn owner(id: &str) -> String {
    format!("consultation {id}")
}

const QUESTION: &str = "question";

/// The consultations of an archive.
#[derive(Clone, Copy, Debug)]
pub struct Consultations<'a> {
    store: &'a Store,
}

impl Store {
    /// The consultations of this archive.
    pub const fn consultations(&self) -> Consultations<'_> {
        Consultations { store: self }
    }
}

impl Consultations<'_> {
    /// Makes a consultation; it is on the disk when this returns.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no such study; [`StoreError::Consultation`] where as many are open on it as may
    /// be; [`StoreError::Sealed`], [`StoreError::Catalog`].
    pub fn make(&self, new: NewConsultation, now: SystemTime) -> Result<(), StoreError> {
        let kept = part::kept(&self.store.folders, &owner(&new.id), QUESTION, new.question.clone())?;
        self.store.writing("making a consultation", move |transaction| {
            let failed = || StoreError::catalog("making a consultation");
            let (there, open) = looked(transaction, &new.study_uid, now).map_err(failed())?;
            if !there {
                return Err(StoreError::NotFound { what: "study" });
            }
            if open >= MOST_OPEN {
                return Err(StoreError::Consultation { message: "is one too many: 50 are open on this study" });
            }
            let run = || {
                transaction
                    .prepare_cached(
                        "INSERT INTO consultation (id, study_uid, made_by, made, expires, guest_role, hides_patient,
                         shows_reports, opens, opened, link_hash, sha256, sealed, bytes)
                         VALUES (?,?,?,?,?,?,?,?,?,0,?,?,?,?)",
                    )?
                    .execute(params![
                        new.id,
                        new.study_uid,
                        new.made_by,
                        milliseconds(now),
                        milliseconds(new.expires),
                        new.role.name(),
                        new.hides_patient,
                        new.shows_reports,
                        new.opens,
                        new.link_hash,
                        kept.sha256,
                        kept.is_sealed,
                        kept.bytes,
                    ])
                    .map(drop)
            };
            run().map_err(failed())
        })
    }

    /// A consultation by its name, where its study is in the archive.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Catalog`].
    pub fn find(&self, id: &str) -> Result<Consultation, StoreError> {
        let found = self.store.reading("finding a consultation", |connection| {
            connection
                .prepare_cached(&format!("{ROW} JOIN study s ON s.uid = c.study_uid WHERE c.id = ?"))?
                .query_row([id], row)
                .optional()
        })?;
        found.ok_or(StoreError::NotFound { what: "consultation" })
    }

    /// The consultations on a study, or on all studies of the archive, the latest first; up to `limit`.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn list(&self, study: Option<&str>, limit: u32) -> Result<Vec<Consultation>, StoreError> {
        self.store.reading("listing consultations", |connection| {
            let mut prepared = connection.prepare_cached(&format!(
                "{ROW} JOIN study s ON s.uid = c.study_uid WHERE ?1 IS NULL OR c.study_uid = ?1 ORDER BY c.key DESC LIMIT ?2"
            ))?;
            prepared.query_map(params![study, limit], row)?.collect()
        })
    }

    /// What is asked.
    ///
    /// # Errors
    /// [`StoreError::Report`] where it is not what was written; [`StoreError::Sealed`], [`StoreError::NoKeys`],
    /// [`StoreError::Catalog`].
    pub fn question(&self, consultation: &Consultation) -> Result<Vec<u8>, StoreError> {
        let kept = self.store.reading("reading a question", |connection| {
            connection
                .prepare_cached("SELECT sha256, sealed, bytes FROM consultation WHERE key = ?")?
                .query_row([consultation.key], |row| kept(row, 0))
        })?;
        part::opened(&self.store.folders, &owner(&consultation.id), QUESTION, kept)
    }

    /// Ends a consultation before its time: its link and the sessions of its guests open nothing from now on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Consultation`] where it is over; [`StoreError::Catalog`].
    pub fn end(&self, id: &str, by: &str, now: SystemTime) -> Result<(), StoreError> {
        let (consultation, by) = (self.find(id)?, by.to_owned());
        consultation.open(now)?;
        let ended = self.store.committing("ending a consultation", move |transaction| {
            transaction
                .prepare_cached(
                    "UPDATE consultation SET ended = ?, ended_by = ? WHERE key = ? AND ended IS NULL",
                )?
                .execute(params![milliseconds(now), by, consultation.key])
        })?;
        if ended == 0 { Err(StoreError::Consultation { message: "was ended" }) } else { Ok(()) }
    }
}

/// Whether a study is there, and how many consultations on it are open.
fn looked(transaction: &Transaction<'_>, study: &str, now: SystemTime) -> rusqlite::Result<(bool, u64)> {
    let there = transaction.prepare_cached("SELECT 1 FROM study WHERE uid = ?")?.exists([study])?;
    let open = transaction
        .prepare_cached(
            "SELECT count(*) FROM consultation WHERE study_uid = ? AND ended IS NULL AND expires > ?",
        )?
        .query_row(params![study, milliseconds(now)], |row| row.get(0))?;
    Ok((there, open))
}

/// Bytes of a row as they lie, from a column on.
fn kept(row: &Row<'_>, from: usize) -> rusqlite::Result<Kept> {
    Ok(Kept { sha256: row.get(from)?, is_sealed: row.get(from + 1)?, bytes: row.get(from + 2)? })
}
