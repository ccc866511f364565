//! Patients of the catalog: merged and renamed, with what was there before. Stored objects stay as they are.

mod change;

use rusqlite::{OptionalExtension, Transaction, params};
use wilhelm_study::Phi;

use crate::StudyAttributes;

pub use change::{PatientChange, PatientChanged};

/// Its tables; a step that was published is never edited.
pub(crate) const STEP: &str = "
CREATE TABLE patient_change (
    key INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    study_uid TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL
) STRICT;
CREATE INDEX patient_change_study ON patient_change (study_uid);
CREATE TABLE patient_merge (
    prior_id TEXT NOT NULL,
    prior_issuer TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    issuer TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (prior_id, prior_issuer)
) STRICT, WITHOUT ROWID;
";

/// Who a patient is in the catalog: a Patient ID, and who gave it out ("" where nobody is named).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatientKey {
    /// Patient ID (0010,0020).
    pub id: Phi<String>,
    /// Issuer of Patient ID (0010,0021).
    pub issuer: Phi<String>,
}

impl PatientKey {
    /// A patient by ID and issuer.
    pub fn new(id: impl Into<String>, issuer: impl Into<String>) -> Self {
        Self { id: Phi::new(id.into()), issuer: Phi::new(issuer.into()) }
    }
}

/// What is said of a patient. What is `None` was not said; "" was said to be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demographics {
    /// Patient's Name (0010,0010).
    pub name: Option<Phi<String>>,
    /// Patient's Birth Date (0010,0030).
    pub birth_date: Option<Phi<String>>,
    /// Patient's Sex (0010,0040).
    pub sex: Option<Phi<String>>,
}

/// Writes down that a study arrived under the number of a patient who was merged.
pub(crate) fn note_arrival(
    transaction: &Transaction<'_>,
    uid: &str,
    study: &StudyAttributes,
    (id, issuer): (&str, &str),
    at: i64,
) -> rusqlite::Result<()> {
    let before = change::json(study, study.patient_id.expose(), study.issuer.expose());
    let after = change::json(study, id, issuer);
    transaction
        .execute(
            "INSERT INTO patient_change (at, kind, source, study_uid, before, after) VALUES (?, 'merge', 'arrival', ?, ?, ?)",
            params![at, uid, before, after],
        )
        .map(drop)
}

/// The patient whom another was merged into, if they were.
pub(crate) fn merged_into(
    transaction: &Transaction<'_>,
    id: &str,
    issuer: &str,
) -> rusqlite::Result<Option<(String, String)>> {
    if id.is_empty() {
        return Ok(None);
    }
    // An object that names no issuer is taken as of the patient who was merged, where no other issuer gave the number out too.
    let found: Option<(String, String, String)> = transaction
        .prepare_cached(
            "SELECT patient_id, issuer, prior_issuer FROM patient_merge
             WHERE prior_id = ?1 AND (prior_issuer = ?2 OR ?2 = '') ORDER BY prior_issuer = ?2 DESC LIMIT 1",
        )?
        .query_row(params![id, issuer], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    Ok(match found {
        Some((_, _, prior)) if prior != issuer && !is_only_issuer(transaction, id, &prior)? => None,
        found => found.map(|(id, issuer, _)| (id, issuer)),
    })
}

/// Whether nobody else than `issuer` gave out an ID, as far as the catalog knows: then rows that name no issuer are taken as of it.
fn is_only_issuer(transaction: &Transaction<'_>, id: &str, issuer: &str) -> rusqlite::Result<bool> {
    transaction
        .prepare_cached(
            "SELECT NOT EXISTS (
                SELECT 1 FROM study WHERE patient_id = ?1 AND issuer NOT IN ('', ?2)
                UNION ALL SELECT 1 FROM worklist WHERE patient_id = ?1 AND issuer NOT IN ('', ?2)
                UNION ALL SELECT 1 FROM patient_merge WHERE prior_id = ?1 AND prior_issuer NOT IN ('', ?2)
                UNION ALL SELECT 1 FROM patient_merge WHERE patient_id = ?1 AND issuer NOT IN ('', ?2))",
        )?
        .query_row(params![id, issuer], |row| row.get(0))
}
