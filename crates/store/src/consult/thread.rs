//! The notes of a consultation, in the order in which they came.

use std::time::SystemTime;

use rusqlite::params;

use super::{Consultation, Consultations, kept, owner};
use crate::StoreError;
use crate::queue::{milliseconds, time};
use crate::reports::part;

/// Most notes of one consultation.
const MOST_NOTES: u32 = 2000;

/// A note as the archive keeps it.
#[derive(Clone, Debug)]
pub struct StoredNote {
    /// Its place in the thread, from 1.
    pub number: u32,
    /// Who wrote it: an account, or the name that a guest gave.
    pub by: String,
    /// Whether a guest wrote it.
    pub is_guest: bool,
    /// When.
    pub at: SystemTime,
    /// What was written.
    pub bytes: Vec<u8>,
}

pub(super) fn called(number: u32) -> String {
    format!("note {number}")
}

impl Consultations<'_> {
    /// Appends a note; gives its place.
    ///
    /// # Errors
    /// [`StoreError::Consultation`] where the consultation is over or its thread is full; [`StoreError::Sealed`],
    /// [`StoreError::Catalog`].
    pub fn note(
        &self,
        consultation: &Consultation,
        (by, is_guest): (&str, bool),
        bytes: &[u8],
        now: SystemTime,
    ) -> Result<u32, StoreError> {
        consultation.open(now)?;
        let (key, id, by, bytes) =
            (consultation.key, consultation.id.clone(), by.to_owned(), bytes.to_owned());
        let folders = self.store.folders.clone();
        self.store.writing("writing a note", move |transaction| {
            let failed = || StoreError::catalog("writing a note");
            let last: Option<u32> = transaction
                .prepare_cached(
                    "SELECT (SELECT coalesce(max(number), 0) FROM consultation_note WHERE consultation_key = c.key)
                     FROM consultation c WHERE c.key = ? AND c.ended IS NULL AND c.expires > ?",
                )
                .and_then(|mut last| {
                    use rusqlite::OptionalExtension;
                    last.query_row(params![key, milliseconds(now)], |row| row.get(0)).optional()
                })
                .map_err(failed())?;
            let number = 1 + last.ok_or(StoreError::Consultation { message: "was ended" })?;
            if number > MOST_NOTES {
                return Err(StoreError::Consultation { message: "has 2000 notes, which is all it takes" });
            }
            // The place belongs to what is sealed: it is known here alone.
            let kept = part::kept(&folders, &owner(&id), &called(number), bytes)?;
            transaction
                .prepare_cached(
                    "INSERT INTO consultation_note (consultation_key, number, by_whom, is_guest, at, sha256, sealed, bytes)
                     VALUES (?,?,?,?,?,?,?,?)",
                )
                .and_then(|mut put| {
                    put.execute(params![
                        key,
                        number,
                        by,
                        is_guest,
                        milliseconds(now),
                        kept.sha256,
                        kept.is_sealed,
                        kept.bytes
                    ])
                })
                .map_err(failed())?;
            Ok(number)
        })
    }

    /// The notes of a consultation, the first first, each compared with its hash.
    ///
    /// # Errors
    /// [`StoreError::Report`] where one is not what was written; [`StoreError::Sealed`], [`StoreError::NoKeys`],
    /// [`StoreError::Catalog`].
    pub fn notes(&self, consultation: &Consultation) -> Result<Vec<StoredNote>, StoreError> {
        let rows = self.store.reading("reading notes", |connection| {
            let mut prepared = connection.prepare_cached(
                "SELECT number, by_whom, is_guest, at, sha256, sealed, bytes FROM consultation_note
                 WHERE consultation_key = ? ORDER BY number",
            )?;
            let rows = prepared.query_map([consultation.key], |row| {
                let number: u32 = row.get(0)?;
                Ok((number, row.get(1)?, row.get(2)?, time(row.get(3)?), kept(row, 4)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let note = |(number, by, is_guest, at, kept)| {
            let bytes = part::opened(&self.store.folders, &owner(&consultation.id), &called(number), kept)?;
            Ok(StoredNote { number, by, is_guest, at, bytes })
        };
        rows.into_iter().map(note).collect()
    }
}
