//! Reports in the archive: documents in versions, each chained to the one before, with pictures and decisions.
//!
//! A document is bytes to the store. What stands beside it (state, who, when) is what lists are made of; a patient's values
//! stand in none of it, and the bytes lie sealed where the archive is.

mod macros;
pub(crate) mod part;
mod sound;
mod worklist;
mod write;

use rusqlite::{OptionalExtension, Row, params};

use crate::objects::{Checksum, hexadecimal};
use crate::{Store, StoreError};
pub use sound::ReportFault;
pub use worklist::{WorklistQuery, WorklistRow};
pub use write::{Added, NewDecision, NewReport, NewVersion};

/// How far somebody saw a report: a change names it, and is refused where the report went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Number of the latest version, from 1.
    pub version: u32,
    /// Number of decisions made so far.
    pub decisions: u32,
}

/// What lists show of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRow {
    /// Its name.
    pub id: String,
    /// Study Instance UID.
    pub study_uid: String,
    /// Series Instance UID.
    pub series_uid: String,
    /// Which part of the series, from 0.
    pub part: u32,
    /// What was examined, as a title.
    pub title: String,
    /// State of the latest version.
    pub state: String,
    /// How far it is.
    pub seen: Seen,
    /// How soon it is looked at: 0 is not said, more is sooner.
    pub urgency: u8,
    /// Time of the last change, as RFC 3339 writes it.
    pub updated: String,
    /// The latest version that was put into the study as an object; 0 is none.
    pub delivered: u32,
    /// Whether a later reading of its series took its place.
    pub is_superseded: bool,
}

/// One version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredVersion {
    /// Its number, from 1.
    pub number: u32,
    /// The state that it says.
    pub state: String,
    /// The account that made it.
    pub by: String,
    /// When, as RFC 3339 writes it.
    pub at: String,
    /// SHA-256 of the document in hexadecimal digits.
    pub sha256: String,
    /// The document.
    pub bytes: Vec<u8>,
}

/// One decision on a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDecision {
    /// Its number, from 1; the latest of a finding counts.
    pub number: u32,
    /// The finding's name in the report.
    pub finding: String,
    /// What was decided.
    pub decision: String,
    /// The account that decided.
    pub by: String,
    /// When, as RFC 3339 writes it.
    pub at: String,
}

/// How often findings of a kind by a model were decided how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionCount {
    /// Key of what was looked for.
    pub observation: String,
    /// The model that found it.
    pub model: String,
    /// What was decided.
    pub decision: String,
    /// On how many findings it is the latest decision.
    pub count: u64,
}

/// The reports of an archive.
#[derive(Clone, Copy, Debug)]
pub struct Reports<'a> {
    store: &'a Store,
}

const ROW: &str = "SELECT id, study_uid, series_uid, part, title, state, version, decisions, urgency, updated, delivered, superseded FROM report";

fn row(row: &Row<'_>) -> rusqlite::Result<ReportRow> {
    Ok(ReportRow {
        id: row.get(0)?,
        study_uid: row.get(1)?,
        series_uid: row.get(2)?,
        part: row.get(3)?,
        title: row.get(4)?,
        state: row.get(5)?,
        seen: Seen { version: row.get(6)?, decisions: row.get(7)? },
        urgency: row.get(8)?,
        updated: row.get(9)?,
        delivered: row.get(10)?,
        is_superseded: row.get(11)?,
    })
}

impl Store {
    /// The reports of this archive.
    pub const fn reports(&self) -> Reports<'_> {
        Reports { store: self }
    }
}

impl Reports<'_> {
    /// A report by its name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Catalog`].
    pub fn find(&self, id: &str) -> Result<ReportRow, StoreError> {
        let found = self.store.reading("finding a report", |connection| {
            connection.prepare_cached(&format!("{ROW} WHERE id = ?"))?.query_row([id], row).optional()
        })?;
        found.ok_or(StoreError::NotFound { what: "report" })
    }

    /// A report by its name, where its study is in the archive: one whose study lies in the bin is found by nobody outside.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Catalog`].
    pub fn served(&self, id: &str) -> Result<ReportRow, StoreError> {
        let found = self.rows("WHERE id = ? AND EXISTS (SELECT 1 FROM study WHERE uid = study_uid)", id)?;
        found.into_iter().next().ok_or(StoreError::NotFound { what: "report" })
    }

    /// The reports of a study that count, in the order in which its series were read.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn of_study(&self, study: &str) -> Result<Vec<ReportRow>, StoreError> {
        self.rows("WHERE study_uid = ? AND superseded = 0 ORDER BY key", study)
    }

    /// The reports of a patient's studies that count and are signed, the last changed first.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn signed_of_patient(&self, of_study: &str) -> Result<Vec<ReportRow>, StoreError> {
        self.rows(
            "WHERE superseded = 0 AND state <> 'draft' AND study_uid IN (SELECT o.uid FROM study s JOIN study o
             ON o.patient_id = s.patient_id AND o.issuer = s.issuer WHERE s.uid = ? AND s.patient_id <> '')
             ORDER BY updated DESC, key DESC",
            of_study,
        )
    }

    /// The reports of studies in the archive that count and were signed by somebody, the last changed first; of the patient with
    /// an ID and issuer, or of all; of all names, or of one.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn signed(
        &self,
        patient: Option<(&str, &str)>,
        name: Option<&str>,
        limit: u64,
        offset: u64,
    ) -> Result<Vec<ReportRow>, StoreError> {
        let (is_any, (id, issuer)) = (patient.is_none(), patient.unwrap_or_default());
        let most = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.store.reading("listing reports", |connection| {
            let sql = format!(
                "{ROW} WHERE superseded = 0 AND state <> 'draft' AND EXISTS (SELECT 1 FROM study
                 WHERE uid = study_uid AND (?1 OR patient_id = ?2 AND issuer = ?3)) AND (?4 IS NULL OR id = ?4)
                 ORDER BY updated DESC, key DESC LIMIT ?5 OFFSET ?6"
            );
            let mut prepared = connection.prepare_cached(&sql)?;
            prepared.query_map(params![is_any, id, issuer, name, most(limit), most(offset)], row)?.collect()
        })
    }

    /// The reports whose latest version should be in the study as an object and is not.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn undelivered(&self) -> Result<Vec<ReportRow>, StoreError> {
        self.rows(
            "WHERE superseded = 0 AND delivered < version AND ? AND state IN ('final', 'amended', 'addendum') ORDER BY key",
            true,
        )
    }

    fn rows(&self, condition: &str, parameter: impl rusqlite::ToSql) -> Result<Vec<ReportRow>, StoreError> {
        self.store.reading("listing reports", |connection| {
            let mut prepared = connection.prepare_cached(&format!("{ROW} {condition}"))?;
            prepared.query_map([parameter], row)?.collect()
        })
    }

    /// All versions of a report, the first first, each compared with its hash and with the one before.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Report`] for what is not as it was written; [`StoreError::Sealed`],
    /// [`StoreError::NoKeys`], [`StoreError::Catalog`].
    pub fn versions(&self, id: &str) -> Result<Vec<StoredVersion>, StoreError> {
        let rows = self.store.reading("reading a report", |connection| {
            let mut prepared = connection.prepare_cached(
                "SELECT v.number, v.state, v.by_whom, v.at, v.sha256, v.previous, v.sealed, v.bytes, r.version
                 FROM report r JOIN report_version v ON v.report_key = r.key WHERE r.id = ? ORDER BY v.number",
            )?;
            let rows = prepared.query_map([id], |row| {
                let (number, sha256): (u32, Checksum) = (row.get(0)?, row.get(4)?);
                let kept = part::Kept { sha256, is_sealed: row.get(6)?, bytes: row.get(7)? };
                let previous: Option<Checksum> = row.get(5)?;
                Ok((row.get::<_, usize>(8)?, number, row.get(1)?, row.get(2)?, row.get(3)?, previous, kept))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let Some((count, ..)) = rows.first() else { return Err(StoreError::NotFound { what: "report" }) };
        if *count != rows.len() {
            // The last may be what is missing.
            let part = format!("the chain of {count} versions");
            return Err(StoreError::Report { report: id.to_owned(), part });
        }
        let mut before: Option<Checksum> = None;
        let mut versions = Vec::with_capacity(rows.len());
        for (place, (_, number, state, by, at, previous, kept)) in rows.into_iter().enumerate() {
            if number as usize != place + 1 || previous != before {
                let part = format!("version {}", place + 1);
                return Err(StoreError::Report { report: id.to_owned(), part });
            }
            before = Some(kept.sha256);
            let sha256 = hexadecimal(&kept.sha256);
            let bytes = part::opened(&self.store.folders, id, &part::version(number), kept)?;
            versions.push(StoredVersion { number, state, by, at, sha256, bytes });
        }
        Ok(versions)
    }

    /// The document of a report's latest version, compared with its hash.
    ///
    /// # Errors
    /// As [`versions`](Self::versions).
    pub fn latest(&self, id: &str) -> Result<Vec<u8>, StoreError> {
        let found = self.store.reading("reading a report", |connection| {
            connection
                .prepare_cached(
                    "SELECT v.number, v.sha256, v.sealed, v.bytes FROM report r JOIN report_version v
                     ON v.report_key = r.key AND v.number = r.version WHERE r.id = ?",
                )?
                .query_row([id], |row| {
                    let kept = part::Kept { sha256: row.get(1)?, is_sealed: row.get(2)?, bytes: row.get(3)? };
                    Ok((row.get::<_, u32>(0)?, kept))
                })
                .optional()
        })?;
        let (number, kept) = found.ok_or(StoreError::NotFound { what: "report" })?;
        part::opened(&self.store.folders, id, &part::version(number), kept)
    }

    /// A file that was added with a report, compared with its hash.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; as [`versions`](Self::versions).
    pub fn file(&self, id: &str, name: &str) -> Result<Vec<u8>, StoreError> {
        let found = self.store.reading("reading a file of a report", |connection| {
            connection
                .prepare_cached(
                    "SELECT f.sha256, f.sealed, f.bytes FROM report r JOIN report_file f ON f.report_key = r.key
                     WHERE r.id = ? AND f.name = ?",
                )?
                .query_row([id, name], |row| {
                    Ok(part::Kept { sha256: row.get(0)?, is_sealed: row.get(1)?, bytes: row.get(2)? })
                })
                .optional()
        })?;
        let kept = found.ok_or(StoreError::NotFound { what: "file of a report" })?;
        part::opened(&self.store.folders, id, &part::file(name), kept)
    }

    /// All decisions on a report's findings, the first first.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn decisions(&self, id: &str) -> Result<Vec<StoredDecision>, StoreError> {
        self.store.reading("reading decisions", |connection| {
            let mut prepared = connection.prepare_cached(
                "SELECT d.number, d.finding, d.decision, d.by_whom, d.at
                 FROM report r JOIN report_decision d ON d.report_key = r.key WHERE r.id = ? ORDER BY d.number",
            )?;
            let decided = |row: &Row<'_>| {
                let (number, finding) = (row.get(0)?, row.get(1)?);
                Ok(StoredDecision {
                    number,
                    finding,
                    decision: row.get(2)?,
                    by: row.get(3)?,
                    at: row.get(4)?,
                })
            };
            prepared.query_map([id], decided)?.collect()
        })
    }

    /// How findings were decided, by what was looked for and by model; of each finding the latest decision.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn decision_counts(&self) -> Result<Vec<DecisionCount>, StoreError> {
        self.store.reading("counting decisions", |connection| {
            let mut prepared = connection.prepare_cached(
                "SELECT observation, model, decision, count(*) FROM report_decision d WHERE number =
                 (SELECT max(number) FROM report_decision o WHERE o.report_key = d.report_key AND o.finding = d.finding)
                 GROUP BY observation, model, decision ORDER BY observation, model, decision",
            )?;
            let counted = |row: &Row<'_>| {
                let count: i64 = row.get(3)?;
                Ok(DecisionCount {
                    observation: row.get(0)?,
                    model: row.get(1)?,
                    decision: row.get(2)?,
                    count: count.try_into().unwrap_or(0),
                })
            };
            prepared.query_map([], counted)?.collect()
        })
    }
}
