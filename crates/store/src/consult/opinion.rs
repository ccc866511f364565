//! Second opinions: documents of a study, each chained to the one before.

use std::time::SystemTime;

use rusqlite::{OptionalExtension, Row, params};

use super::{Consultation, Consultations, kept};
use crate::StoreError;
use crate::objects::{Checksum, hexadecimal};
use crate::queue::{milliseconds, time};
use crate::reports::part;

/// Most opinions on one study.
const MOST_OPINIONS: u32 = 1000;

/// An opinion on its way into the archive.
#[derive(Clone, Debug)]
pub struct NewOpinion {
    /// Who gives it: an account, or the name that a guest gave.
    pub by: String,
    /// Whether a guest gives it.
    pub is_guest: bool,
    /// How it stands to the report.
    pub agreement: String,
    /// The report that it is about; empty for none.
    pub report: String,
    /// Which version of it; 0 for none.
    pub report_version: u32,
    /// When.
    pub at: SystemTime,
}

/// An opinion as the archive keeps it.
#[derive(Clone, Debug)]
pub struct StoredOpinion {
    /// Study Instance UID.
    pub study_uid: String,
    /// Its place among the study's opinions, from 1.
    pub number: u32,
    /// The consultation in which it was given.
    pub consultation: String,
    /// Who gave it, how it stands to which report, and when.
    pub opinion: NewOpinion,
    /// SHA-256 of the document, in hexadecimal digits.
    pub sha256: String,
    /// That of the one before.
    pub previous: Option<String>,
    /// Whether it lies in the study as an object.
    pub is_delivered: bool,
    /// The document.
    pub bytes: Vec<u8>,
}

pub(super) fn owner(study: &str) -> String {
    format!("study {study}")
}

pub(super) fn called(number: u32) -> String {
    format!("opinion {number}")
}

impl Consultations<'_> {
    /// Appends an opinion to the record of the consultation's study; `document` makes it, of its number and of the hash of the one
    /// before. Gives its number.
    ///
    /// # Errors
    /// [`StoreError::Consultation`] where the consultation is over, or the study has as many as may be; [`StoreError::Sealed`],
    /// [`StoreError::Catalog`].
    pub fn give_opinion(
        &self,
        consultation: &Consultation,
        new: NewOpinion,
        document: impl FnOnce(u32, Option<&str>) -> Vec<u8> + Send + 'static,
    ) -> Result<u32, StoreError> {
        consultation.open(new.at)?;
        let (key, id, study) = (consultation.key, consultation.id.clone(), consultation.study_uid.clone());
        let folders = self.store.folders.clone();
        self.store.writing("writing an opinion", move |transaction| {
            let failed = || StoreError::catalog("writing an opinion");
            let at = milliseconds(new.at);
            let look = || {
                let open = transaction
                    .prepare_cached("SELECT 1 FROM consultation WHERE key = ? AND ended IS NULL AND expires > ?")?
                    .exists(params![key, at])?;
                let last: Option<(u32, Checksum)> = transaction
                    .prepare_cached(
                        "SELECT number, sha256 FROM opinion WHERE study_uid = ? ORDER BY number DESC LIMIT 1",
                    )?
                    .query_row([&study], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()?;
                Ok((open, last))
            };
            let (open, last) = look().map_err(failed())?;
            if !open {
                return Err(StoreError::Consultation { message: "was ended" });
            }
            let number = 1 + last.map_or(0, |(number, _)| number);
            if number > MOST_OPINIONS {
                return Err(StoreError::Consultation { message: "is on a study with 1000 opinions, which is all it takes" });
            }
            let previous = last.map(|(_, sha256)| sha256);
            let bytes = document(number, previous.map(|sha256| hexadecimal(&sha256)).as_deref());
            let kept = part::kept(&folders, &owner(&study), &called(number), bytes)?;
            transaction
                .prepare_cached(
                    "INSERT INTO opinion (study_uid, number, consultation, by_whom, is_guest, agreement, report,
                     report_version, at, sha256, previous, sealed, bytes, delivered) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,0)",
                )
                .and_then(|mut put| {
                    put.execute(params![
                        study,
                        number,
                        id,
                        new.by,
                        new.is_guest,
                        new.agreement,
                        new.report,
                        new.report_version,
                        at,
                        kept.sha256,
                        previous,
                        kept.is_sealed,
                        kept.bytes
                    ])
                })
                .map_err(failed())?;
            Ok(number)
        })
    }

    /// The opinions on a study, the first first, each compared with its hash and with the one before.
    ///
    /// # Errors
    /// [`StoreError::Report`] where one is not what was written; [`StoreError::Sealed`], [`StoreError::NoKeys`],
    /// [`StoreError::Catalog`].
    pub fn opinions(&self, study: &str) -> Result<Vec<StoredOpinion>, StoreError> {
        let rows = self.store.reading("reading opinions", |connection| {
            let mut prepared = connection.prepare_cached(
                "SELECT number, consultation, by_whom, is_guest, agreement, report, report_version, at, previous, delivered,
                 sha256, sealed, bytes FROM opinion WHERE study_uid = ? ORDER BY number",
            )?;
            let read = |row: &Row<'_>| {
                let opinion = NewOpinion {
                    by: row.get(2)?,
                    is_guest: row.get(3)?,
                    agreement: row.get(4)?,
                    report: row.get(5)?,
                    report_version: row.get(6)?,
                    at: time(row.get(7)?),
                };
                let (number, consultation): (u32, String) = (row.get(0)?, row.get(1)?);
                let previous: Option<Checksum> = row.get(8)?;
                Ok((number, consultation, opinion, previous, row.get::<_, bool>(9)?, kept(row, 10)?))
            };
            prepared.query_map([study], read)?.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let (mut opinions, mut before) = (Vec::with_capacity(rows.len()), None);
        for (place, (number, consultation, opinion, previous, is_delivered, kept)) in
            rows.into_iter().enumerate()
        {
            let part = called(number);
            if number as usize != place + 1 || previous != before {
                return Err(StoreError::Report { report: owner(study), part });
            }
            before = Some(kept.sha256);
            let sha256 = hexadecimal(&kept.sha256);
            let previous = previous.map(|sha256| hexadecimal(&sha256));
            let bytes = part::opened(&self.store.folders, &owner(study), &part, kept)?;
            opinions.push(StoredOpinion {
                study_uid: study.to_owned(),
                number,
                consultation,
                opinion,
                sha256,
                previous,
                is_delivered,
                bytes,
            });
        }
        Ok(opinions)
    }

    /// Studies of the archive with an opinion that does not lie in them as an object.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn studies_with_undelivered(&self) -> Result<Vec<String>, StoreError> {
        self.store.reading("listing opinions", |connection| {
            let mut prepared = connection.prepare_cached(
                "SELECT DISTINCT o.study_uid FROM opinion o JOIN study s ON s.uid = o.study_uid
                 WHERE o.delivered = 0 ORDER BY o.study_uid",
            )?;
            prepared.query_map([], |row| row.get(0))?.collect()
        })
    }

    /// Writes down that an opinion was put into the study as an object.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn opinion_delivered(&self, study: &str, number: u32) -> Result<(), StoreError> {
        let study = study.to_owned();
        self.store.committing("writing what was delivered", move |transaction| {
            transaction
                .prepare_cached("UPDATE opinion SET delivered = 1 WHERE study_uid = ? AND number = ?")?
                .execute(params![study, number])
                .map(drop)
        })
    }
}
