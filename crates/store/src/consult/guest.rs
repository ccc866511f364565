//! Guests: who opened a link, and under which session.

use std::time::SystemTime;

use rusqlite::{OptionalExtension, params};

use super::{Consultation, Consultations, ROW, row};
use crate::StoreError;
use crate::queue::{milliseconds, time};

/// Somebody who opened a link.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The name of the session.
    pub id: String,
    /// What they say they are called: nobody has proven it.
    pub name: String,
    /// Since when.
    pub begun: SystemTime,
    /// Whether they left.
    pub has_left: bool,
}

/// A link that was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The consultation.
    pub consultation: Consultation,
    /// How often its link may still be opened.
    pub left: u32,
}

impl Consultations<'_> {
    /// The consultation of a link, with the hash of its secret, whether or not it is still open.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Catalog`].
    pub fn of_link(&self, id: &str) -> Result<(Consultation, String), StoreError> {
        let consultation = self.find(id)?;
        let hash = self.store.reading("finding a link", |connection| {
            connection
                .prepare_cached("SELECT link_hash FROM consultation WHERE key = ?")?
                .query_row([consultation.key], |row| row.get(0))
        })?;
        Ok((consultation, hash))
    }

    /// Opens a link whose secret was compared: a session of this name and hash begins, until the consultation is over.
    ///
    /// # Errors
    /// [`StoreError::Consultation`] where it is over, or was opened as often as may be; [`StoreError::NotFound`],
    /// [`StoreError::Catalog`].
    pub fn open(
        &self,
        id: &str,
        (session, hash): (&str, &str),
        name: &str,
        now: SystemTime,
    ) -> Result<Opened, StoreError> {
        let found = self.find(id)?;
        found.open(now)?;
        let (session, hash, name) = (session.to_owned(), hash.to_owned(), name.to_owned());
        let (key, at) = (found.key, milliseconds(now));
        let opened = self.store.committing("opening a link", move |transaction| {
            // Whoever is first: the number is looked at and raised at once.
            let count = transaction
                .prepare_cached(
                    "UPDATE consultation SET opened = opened + 1
                     WHERE key = ? AND ended IS NULL AND expires > ? AND opened < opens",
                )?
                .execute(params![key, at])?;
            if count == 1 {
                transaction
                    .prepare_cached(
                        "INSERT INTO consultation_guest (consultation_key, id, name, begun, session_hash)
                         VALUES (?,?,?,?,?)",
                    )?
                    .execute(params![key, session, name, at, hash])?;
            }
            Ok(count == 1)
        })?;
        if !opened {
            let message = "was opened as often as its link may be: ask who invited you for another";
            return Err(StoreError::Consultation { message });
        }
        let consultation = self.find(id)?;
        let left = consultation.opens.saturating_sub(consultation.opened);
        Ok(Opened { consultation, left })
    }

    /// The consultation, guest and hash of a guest's session that has not ended; whether the consultation is open is for the
    /// caller to ask.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Catalog`].
    pub fn of_session(&self, session: &str) -> Result<(Consultation, Guest, String), StoreError> {
        let found = self.store.reading("finding a guest", |connection| {
            let sql = format!(
                "{ROW} JOIN study s ON s.uid = c.study_uid JOIN consultation_guest g ON g.consultation_key = c.key
                 WHERE g.id = ? AND g.ended IS NULL"
            );
            let consultation = connection.prepare_cached(&sql)?.query_row([session], row).optional()?;
            let Some(consultation) = consultation else { return Ok(None) };
            let (guest, hash) = connection
                .prepare_cached("SELECT id, name, begun, session_hash FROM consultation_guest WHERE id = ?")?
                .query_row([session], |row| {
                    let guest = Guest {
                        id: row.get(0)?,
                        name: row.get(1)?,
                        begun: time(row.get(2)?),
                        has_left: false,
                    };
                    Ok((guest, row.get(3)?))
                })?;
            Ok(Some((consultation, guest, hash)))
        })?;
        found.ok_or(StoreError::NotFound { what: "session of a guest" })
    }

    /// Ends a guest's session.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn leave(&self, session: &str, now: SystemTime) -> Result<(), StoreError> {
        let session = session.to_owned();
        self.store.committing("ending a guest's session", move |transaction| {
            transaction
                .prepare_cached("UPDATE consultation_guest SET ended = ? WHERE id = ? AND ended IS NULL")?
                .execute(params![milliseconds(now), session])
                .map(drop)
        })
    }

    /// Who opened the link of a consultation, the first first.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn guests(&self, consultation: &Consultation) -> Result<Vec<Guest>, StoreError> {
        self.store.reading("listing guests", |connection| {
            let mut prepared = connection.prepare_cached(
                "SELECT id, name, begun, ended IS NOT NULL FROM consultation_guest WHERE consultation_key = ? ORDER BY key",
            )?;
            let guest = |row: &rusqlite::Row<'_>| {
                Ok(Guest { id: row.get(0)?, name: row.get(1)?, begun: time(row.get(2)?), has_left: row.get(3)? })
            };
            prepared.query_map([consultation.key], guest)?.collect()
        })
    }
}
