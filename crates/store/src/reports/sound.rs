//! Whether the reports are as they were written, and the sealing of those that lie open.

use rusqlite::{Row, params};
use wilhelm_privacy::seal::SealError;

use super::part::{self, Kept};
use crate::check::Fault;
use crate::objects::Checksum;
use crate::{Store, StoreError};

/// What is wrong with a part of a report. Nothing of a report is ever repaired or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFault {
    /// The report's name.
    pub report: String,
    /// Which part: `version 2`, `file picture 0`, `decision 3`.
    pub part: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// A report's row, as far as it says what has to be there.
struct Named {
    key: i64,
    id: String,
    version: u32,
    decisions: u32,
}

fn kept(row: &Row<'_>) -> rusqlite::Result<Kept> {
    Ok(Kept { sha256: row.get(1)?, is_sealed: row.get(2)?, bytes: row.get(3)? })
}

impl Store {
    /// Compares every version and file of every report with its hash, and each version with the one before; gives how many
    /// parts were looked at, and what is wrong.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub(crate) fn check_reports(&self) -> Result<(u64, Vec<ReportFault>), StoreError> {
        let (mut count, mut faults) = (0, Vec::new());
        for report in self.named()? {
            let mut found = |part: String, fault| {
                faults.push(ReportFault { report: report.id.clone(), part, fault });
            };
            let mut before: Option<Checksum> = None;
            for number in 1..=report.version {
                let part = part::version(number);
                let Some((previous, kept)) = self.version_of_report(report.key, number)? else {
                    found(part, Fault::Missing);
                    before = None;
                    continue;
                };
                count += 1;
                let is_chained = number == 1 && previous.is_none() || number > 1 && previous == before;
                before = Some(kept.sha256);
                match self.fault(&report.id, &part, kept) {
                    Some(fault) => found(part, fault),
                    None if !is_chained => found(part, Fault::Changed),
                    None => {}
                }
            }
            for (name, kept) in self.files_of_report(report.key)? {
                count += 1;
                let part = part::file(&name);
                if let Some(fault) = self.fault(&report.id, &part, kept) {
                    found(part, fault);
                }
            }
            for number in self.decisions_missing(&report)? {
                found(format!("decision {number}"), Fault::Missing);
            }
        }
        Ok((count, faults))
    }

    pub(crate) fn fault(&self, report: &str, part: &str, kept: Kept) -> Option<Fault> {
        match part::opened(&self.folders, report, part, kept) {
            Ok(_) => None,
            Err(StoreError::NoKeys { .. }) => Some(Fault::Locked),
            Err(StoreError::Sealed { source, .. }) if matches!(*source, SealError::NoKey { .. }) => {
                Some(Fault::Locked)
            }
            Err(_) => Some(Fault::Changed),
        }
    }

    fn named(&self) -> Result<Vec<Named>, StoreError> {
        self.reading("listing reports", |connection| {
            let mut prepared =
                connection.prepare_cached("SELECT key, id, version, decisions FROM report ORDER BY key")?;
            let named = |row: &Row<'_>| {
                Ok(Named { key: row.get(0)?, id: row.get(1)?, version: row.get(2)?, decisions: row.get(3)? })
            };
            prepared.query_map([], named)?.collect()
        })
    }

    fn version_of_report(
        &self,
        key: i64,
        number: u32,
    ) -> Result<Option<(Option<Checksum>, Kept)>, StoreError> {
        self.reading("reading a version", |connection| {
            let mut prepared = connection.prepare_cached(
                "SELECT previous, sha256, sealed, bytes FROM report_version WHERE report_key = ? AND number = ?",
            )?;
            let mut rows = prepared.query_map(params![key, number], |row| Ok((row.get(0)?, kept(row)?)))?;
            rows.next().transpose()
        })
    }

    fn files_of_report(&self, key: i64) -> Result<Vec<(String, Kept)>, StoreError> {
        self.reading("reading files of a report", |connection| {
            let mut prepared = connection.prepare_cached(
                "SELECT name, sha256, sealed, bytes FROM report_file WHERE report_key = ? ORDER BY name",
            )?;
            prepared.query_map([key], |row| Ok((row.get(0)?, kept(row)?)))?.collect()
        })
    }

    fn decisions_missing(&self, report: &Named) -> Result<Vec<u32>, StoreError> {
        let there: Vec<u32> = self.reading("reading decisions", |connection| {
            let mut prepared =
                connection.prepare_cached("SELECT number FROM report_decision WHERE report_key = ?")?;
            prepared.query_map([report.key], |row| row.get(0))?.collect()
        })?;
        Ok((1..=report.decisions).filter(|number| !there.contains(number)).collect())
    }

    /// Seals what lies open of reports; gives how many parts. Their hashes, which are of what they say, stay.
    ///
    /// # Errors
    /// [`StoreError::Sealed`], [`StoreError::Report`] for a part that is not what was written, [`StoreError::Catalog`].
    pub(crate) fn seal_reports(&self) -> Result<u64, StoreError> {
        if self.folders.keys.is_none() {
            return Ok(0);
        }
        let mut count = 0;
        for report in self.named()? {
            for number in 1..=report.version {
                let Some((_, kept)) = self.version_of_report(report.key, number)? else { continue };
                let sql =
                    "UPDATE report_version SET sealed = 1, bytes = ?1 WHERE report_key = ?2 AND number = ?3";
                count += self.seal_part(&report, &part::version(number), kept, (sql, number.to_string()))?;
            }
            for (name, kept) in self.files_of_report(report.key)? {
                let sql = "UPDATE report_file SET sealed = 1, bytes = ?1 WHERE report_key = ?2 AND name = ?3";
                count += self.seal_part(&report, &part::file(&name), kept, (sql, name))?;
            }
        }
        Ok(count)
    }

    fn seal_part(
        &self,
        report: &Named,
        part: &str,
        kept: Kept,
        (sql, which): (&'static str, String),
    ) -> Result<u64, StoreError> {
        if kept.is_sealed {
            return Ok(0);
        }
        let plain = part::opened(&self.folders, &report.id, part, kept)?;
        let sealed = part::kept(&self.folders, &report.id, part, plain)?;
        let key = report.key;
        self.writing("sealing a report", move |transaction| {
            transaction
                .execute(sql, params![sealed.bytes, key, which])
                .map_err(StoreError::catalog("sealing a report"))
        })?;
        Ok(1)
    }
}
