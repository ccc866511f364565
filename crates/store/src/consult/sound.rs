//! Whether what was said in consultations is as it was written, and the sealing of what lies open.

use rusqlite::{Row, params};

use super::{QUESTION, kept, opinion, owner, thread};
use crate::objects::Checksum;
use crate::reports::part::{self, Kept};
use crate::{ReportFault, Store, StoreError};

/// What is kept of a consultation or an opinion: where, whose, which part, and its bytes.
struct Part {
    table: &'static str,
    row: i64,
    owner: String,
    part: String,
    /// Of an opinion: the hash of the one before as it says, and as it is.
    chain: Option<(Option<Checksum>, Option<Checksum>)>,
    kept: Kept,
}

impl Store {
    /// Compares every question, note and opinion with its hash, and each opinion with the one before; gives how many were looked
    /// at, and what is wrong.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub(crate) fn check_consultations(&self) -> Result<(u64, Vec<ReportFault>), StoreError> {
        let (mut count, mut faults) = (0, Vec::new());
        for Part { owner, part, chain, kept, .. } in self.parts()? {
            count += 1;
            let is_chained = chain.is_none_or(|(said, found)| said == found);
            let fault = self.fault(&owner, &part, kept);
            let fault = fault.or_else(|| (!is_chained).then_some(crate::Fault::Changed));
            faults.extend(fault.map(|fault| ReportFault { report: owner, part, fault }));
        }
        Ok((count, faults))
    }

    /// Seals what lies open; gives how many parts.
    ///
    /// # Errors
    /// [`StoreError::Sealed`], [`StoreError::Report`] for a part that is not what was written, [`StoreError::Catalog`].
    pub(crate) fn seal_consultations(&self) -> Result<u64, StoreError> {
        if self.folders.keys.is_none() {
            return Ok(0);
        }
        let mut count = 0;
        for Part { table, row, owner, part, kept, .. } in self.parts()? {
            if kept.is_sealed {
                continue;
            }
            let plain = part::opened(&self.folders, &owner, &part, kept)?;
            let sealed = part::kept(&self.folders, &owner, &part, plain)?;
            let sql = format!("UPDATE {table} SET sealed = 1, bytes = ? WHERE rowid = ?");
            self.committing("sealing a consultation", move |transaction| {
                transaction.execute(&sql, params![sealed.bytes, row])
            })?;
            count += 1;
        }
        Ok(count)
    }

    fn parts(&self) -> Result<Vec<Part>, StoreError> {
        let of = |sql: &str, read: fn(&Row<'_>) -> rusqlite::Result<Part>| {
            self.reading("listing consultations", |connection| {
                let mut prepared = connection.prepare_cached(sql)?;
                prepared.query_map([], read)?.collect::<rusqlite::Result<Vec<Part>>>()
            })
        };
        let mut parts =
            of("SELECT rowid, id, sha256, sealed, bytes FROM consultation ORDER BY key", |row| {
                let id: String = row.get(1)?;
                let (owner, part) = (owner(&id), QUESTION.to_owned());
                Ok(Part {
                    table: "consultation",
                    row: row.get(0)?,
                    owner,
                    part,
                    chain: None,
                    kept: kept(row, 2)?,
                })
            })?;
        parts.extend(of(
            "SELECT n.rowid, c.id, n.number, n.sha256, n.sealed, n.bytes FROM consultation_note n
             JOIN consultation c ON c.key = n.consultation_key ORDER BY c.key, n.number",
            |row| {
                let id: String = row.get(1)?;
                let (owner, part) = (owner(&id), thread::called(row.get(2)?));
                let table = "consultation_note";
                Ok(Part { table, row: row.get(0)?, owner, part, chain: None, kept: kept(row, 3)? })
            },
        )?);
        parts.extend(of(
            "SELECT o.rowid, o.study_uid, o.number, o.previous,
             (SELECT b.sha256 FROM opinion b WHERE b.study_uid = o.study_uid AND b.number = o.number - 1),
             o.sha256, o.sealed, o.bytes FROM opinion o ORDER BY o.study_uid, o.number",
            |row| {
                let study: String = row.get(1)?;
                let (owner, part) = (opinion::owner(&study), opinion::called(row.get(2)?));
                let chain = Some((row.get(3)?, row.get(4)?));
                Ok(Part { table: "opinion", row: row.get(0)?, owner, part, chain, kept: kept(row, 5)? })
            },
        )?);
        Ok(parts)
    }
}
