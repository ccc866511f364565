//! The bin: studies that were deleted, out of sight, with their objects until it is emptied.

use std::time::{Duration, SystemTime};

use rusqlite::{OptionalExtension, Transaction, params};
use wilhelm_study::Phi;

use crate::backup::Hold;
use crate::describe::describe;
use crate::ingest::{Entry, NAMED, put_back};
use crate::objects::{Checksum, Kept, hexadecimal};
use crate::queue::{milliseconds, time};
use crate::text::folded;
use crate::{Store, StoreError};

/// What the bin keeps of a patient beside ID and name, NULL where an earlier program kept none; a step that was published is never
/// edited.
pub(crate) const PATIENT_STEP: &str = "
ALTER TABLE bin ADD COLUMN birth_date TEXT;
ALTER TABLE bin ADD COLUMN sex TEXT;
";

/// Bytes of all objects, those of the bin with them.
pub(crate) fn held_bytes(transaction: &Transaction<'_>) -> rusqlite::Result<u64> {
    transaction
        .prepare_cached("SELECT bytes FROM held")?
        .query_row([], |row| row.get::<_, i64>(0))
        .map(|bytes| bytes.try_into().unwrap_or(0))
}

/// Who deleted a study, and why.
#[derive(Clone, Debug)]
pub struct Deleted {
    /// Which account.
    pub by: String,
    /// In its words.
    pub reason: String,
}

/// A study in the bin.
#[derive(Clone, Debug)]
pub struct Binned {
    /// Study Instance UID.
    pub study: String,
    /// Patient ID.
    pub patient_id: Phi<String>,
    /// Issuer of Patient ID.
    pub issuer: Phi<String>,
    /// Patient's Name.
    pub patient_name: Phi<String>,
    /// Study Date.
    pub date: Phi<String>,
    /// Study Description.
    pub description: Phi<String>,
    /// When it was deleted.
    pub deleted: SystemTime,
    /// By which account.
    pub by: String,
    /// Why, in its words.
    pub reason: String,
    /// Number of its objects.
    pub instances: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The moment up to which what was deleted has been kept for so long.
fn before(keep: Duration, now: SystemTime) -> i64 {
    milliseconds(now).saturating_sub(i64::try_from(keep.as_millis()).unwrap_or(i64::MAX))
}

/// An object in the bin.
struct Object {
    checksum: Checksum,
    bytes: u64,
    arrived: i64,
}

impl Store {
    /// Moves a study out of sight: nothing finds it, and its objects stay until the bin is emptied. Where it was deleted before
    /// and came again, what is in the bin grows.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Catalog`].
    pub fn delete(&self, study: &str, deleted: Deleted, now: SystemTime) -> Result<u64, StoreError> {
        let study = study.to_owned();
        let moved = self.committing("moving a study into the bin", move |transaction| {
            let key: Option<i64> =
                transaction.query_row("SELECT key FROM study WHERE uid = ?", [&study], |row| row.get(0)).optional()?;
            let Some(key) = key else { return Ok(None) };
            transaction.execute(
                "INSERT INTO bin (study, patient_id, issuer, patient_name, birth_date, sex, date, description,
                 deleted, deleted_by, reason)
                 SELECT uid, patient_id, issuer, patient_name, birth_date, sex, date, description, ?2, ?3, ?4
                 FROM study WHERE key = ?1
                 ON CONFLICT (study) DO UPDATE SET deleted = ?2, deleted_by = ?3, reason = ?4",
                params![key, milliseconds(now), deleted.by, deleted.reason],
            )?;
            let count = transaction.execute(
                "INSERT OR IGNORE INTO bin_object (study, uid, sha256, bytes, arrived)
                 SELECT ?1, i.uid, i.sha256, i.bytes, i.arrived FROM instance i JOIN series e ON e.key = i.series_key
                 WHERE e.study_key = ?2 ORDER BY i.key",
                params![study, key],
            )?;
            // Series, objects and metadata go with it, by their foreign keys.
            transaction.execute("DELETE FROM study WHERE key = ?", [key])?;
            Ok(Some(count as u64))
        })?;
        moved.ok_or(StoreError::NotFound { what: "study" })
    }

    /// What is in the bin, what was deleted last first.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn binned(&self) -> Result<Vec<Binned>, StoreError> {
        self.reading("looking into the bin", |connection| {
            let mut prepared = connection.prepare_cached(
                "SELECT b.study, patient_id, issuer, patient_name, date, description, deleted, deleted_by, reason,
                 count(o.key), coalesce(sum(o.bytes), 0)
                 FROM bin b LEFT JOIN bin_object o ON o.study = b.study GROUP BY b.study ORDER BY deleted DESC, b.study",
            )?;
            let rows = prepared.query_map([], |row| {
                let phi = |number| row.get(number).map(Phi::new);
                Ok(Binned {
                    study: row.get(0)?,
                    patient_id: phi(1)?,
                    issuer: phi(2)?,
                    patient_name: phi(3)?,
                    date: phi(4)?,
                    description: phi(5)?,
                    deleted: time(row.get(6)?),
                    by: row.get(7)?,
                    reason: row.get(8)?,
                    instances: row.get(9)?,
                    bytes: row.get(10)?,
                })
            })?;
            rows.collect()
        })
    }

    /// Puts a study of the bin back into the archive, all of its objects or none; gives how many. Of two with one identifier, the
    /// one that arrived last is put back. Its patient is who the bin says, corrections with it. Rules do not look at it for that.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where it is not in the bin; [`StoreError::Conflict`] where another object with an identifier of
    /// its own arrived in the meantime; [`StoreError::Io`] where a file is gone; [`StoreError::Catalog`].
    pub fn restore(&self, study: &str) -> Result<u64, StoreError> {
        let objects = self.reading("looking into the bin", |connection| {
            let mut prepared = connection.prepare_cached(
                "SELECT sha256, bytes, arrived FROM bin_object
                 WHERE study = ?1 AND key IN (SELECT max(key) FROM bin_object WHERE study = ?1 GROUP BY uid) ORDER BY key",
            )?;
            let rows = prepared.query_map([study], |row| {
                Ok(Object { checksum: row.get(0)?, bytes: row.get(1)?, arrived: row.get(2)? })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        if objects.is_empty() {
            return Err(StoreError::NotFound { what: "study in the bin" });
        }
        let entries = objects.into_iter().map(|object| self.described(&object));
        let entries = entries.collect::<Result<Vec<Entry>, _>>()?;
        let (count, study) = (entries.len() as u64, study.to_owned());
        self.writing("putting a study back", move |transaction| {
            let run = || {
                let is_there =
                    transaction.prepare_cached("SELECT 1 FROM study WHERE uid = ?")?.exists([&study])?;
                let is_back = put_back(transaction, &entries)?;
                // One that came again has its patient already.
                if !is_there {
                    put_patient_back(transaction, &study)?;
                }
                Ok((is_back, transaction.execute("DELETE FROM bin WHERE study = ?", [&study])?))
            };
            // What is refused rolls all of it back.
            match run().map_err(StoreError::catalog("putting a study back"))? {
                (_, 0) => Err(StoreError::NotFound { what: "study in the bin" }),
                (false, _) => Err(StoreError::Conflict),
                (true, _) => Ok(()),
            }
        })?;
        Ok(count)
    }

    fn described(&self, object: &Object) -> Result<Entry, StoreError> {
        let content = self.folders.content(&object.checksum)?;
        let description = describe(&content, self.limits())?;
        let path = self.folders.object(&object.checksum);
        let kept = Kept { checksum: object.checksum, length: object.bytes, path };
        // Nobody waits for the answer to one of them: they are put back together.
        let (answer, _) = std::sync::mpsc::sync_channel(1);
        Ok(Entry { description, kept, arrived: object.arrived, from: String::new(), is_own: false, answer })
    }

    /// Studies of the bin that were deleted at least so long ago. With a clock that was set back, they wait longer.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn overdue(&self, keep: Duration, now: SystemTime) -> Result<Vec<String>, StoreError> {
        let before = before(keep, now);
        self.reading("looking into the bin", |connection| {
            let mut prepared =
                connection.prepare_cached("SELECT study FROM bin WHERE deleted <= ? ORDER BY deleted")?;
            prepared.query_map([before], |row| row.get(0))?.collect()
        })
    }

    /// Removes a study of the bin that was deleted at least so long ago, and the files of its objects, for good; gives how many
    /// files. A file that another row names stays. The pictures of its reports go with it, unless the study came again; versions
    /// and decisions stay.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where it is not in the bin, or was deleted anew since; [`StoreError::BackingUp`] while a backup is made; [`StoreError::Catalog`].
    pub fn purge(&self, study: &str, keep: Duration, now: SystemTime) -> Result<u64, StoreError> {
        let before = before(keep, now);
        let hold = Hold::of(&self.folders.root)?.ok_or(StoreError::BackingUp)?;
        let (study, folders) = (study.to_owned(), self.folders.clone());
        // On the writer, so that no object with the same bytes arrives between the look and the removal. Rows go first: a
        // program killed in between leaves files that no row names, which a check finds.
        let checksums = self.committing("emptying the bin", move |transaction| {
            let checksums = transaction
                .prepare_cached("SELECT DISTINCT sha256 FROM bin_object WHERE study = ?")?
                .query_map([&study], |row| row.get::<_, Checksum>(0))?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            let removed = transaction
                .execute("DELETE FROM bin WHERE study = ? AND deleted <= ?", params![study, before])?;
            if removed > 0 {
                transaction.execute(
                    "DELETE FROM report_file WHERE report_key IN (SELECT key FROM report WHERE study_uid = ?1)
                     AND NOT EXISTS (SELECT 1 FROM study WHERE uid = ?1)",
                    [&study],
                )?;
            }
            Ok((removed > 0).then_some(checksums))
        })?;
        let checksums = checksums.ok_or(StoreError::NotFound { what: "study in the bin" })?;
        self.committing("emptying the bin", move |transaction| {
            let mut count = 0;
            for checksum in checksums {
                let is_named = transaction.prepare_cached(NAMED)?.exists([hexadecimal(&checksum)])?;
                if let Some((path, _)) = folders.present(&checksum).filter(|_| !is_named) {
                    count += u64::from(std::fs::remove_file(path).is_ok());
                }
            }
            drop(hold);
            Ok(count)
        })
    }
}

/// Writes into a study that was put back who its patient is: as its row said when it was deleted, and as was said since. What the
/// bin of an earlier program did not keep stays as the objects say.
fn put_patient_back(transaction: &Transaction<'_>, study: &str) -> rusqlite::Result<()> {
    let name: Option<String> = transaction
        .query_row("SELECT patient_name FROM bin WHERE study = ?", [study], |row| row.get(0))
        .optional()?;
    let Some(name) = name else { return Ok(()) };
    transaction
        .execute(
            "UPDATE study SET patient_id = b.patient_id, issuer = b.issuer, patient_name = b.patient_name,
             patient_name_folded = ?2, birth_date = coalesce(b.birth_date, study.birth_date), sex = coalesce(b.sex, study.sex)
             FROM bin b WHERE b.study = ?1 AND uid = ?1",
            params![study, folded(&name)],
        )
        .map(drop)
}
