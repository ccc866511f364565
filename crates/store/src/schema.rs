//! The catalog's tables, version by version.

use rusqlite::Connection;

use crate::StoreError;

/// One step a version; a step that was published is never edited.
const STEPS: [&str; 5] =
    [FIRST, crate::worklist::STEP, crate::patients::STEP, crate::commitments::STEP, crate::workitems::STEP];

const FIRST: &str = "
CREATE TABLE study (
    key INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    patient_id TEXT NOT NULL,
    issuer TEXT NOT NULL,
    patient_name TEXT NOT NULL,
    patient_name_folded TEXT NOT NULL,
    birth_date TEXT NOT NULL,
    sex TEXT NOT NULL,
    date TEXT NOT NULL,
    time TEXT NOT NULL,
    accession TEXT NOT NULL,
    study_id TEXT NOT NULL,
    description TEXT NOT NULL,
    referring_physician TEXT NOT NULL,
    referring_physician_folded TEXT NOT NULL,
    series_count INTEGER NOT NULL,
    instance_count INTEGER NOT NULL,
    arrived INTEGER NOT NULL
) STRICT;
CREATE INDEX study_patient ON study (patient_id, issuer);
CREATE INDEX study_date ON study (date DESC, key DESC);
CREATE INDEX study_accession ON study (accession);
CREATE TABLE series (
    key INTEGER PRIMARY KEY,
    study_key INTEGER NOT NULL REFERENCES study (key) ON DELETE CASCADE,
    uid TEXT NOT NULL,
    modality TEXT NOT NULL,
    number TEXT NOT NULL,
    description TEXT NOT NULL,
    body_part TEXT NOT NULL,
    date TEXT NOT NULL,
    time TEXT NOT NULL,
    station TEXT NOT NULL,
    manufacturer TEXT NOT NULL,
    step_date TEXT NOT NULL,
    step_time TEXT NOT NULL,
    instance_count INTEGER NOT NULL,
    UNIQUE (study_key, uid)
) STRICT;
CREATE INDEX series_uid ON series (uid);
CREATE TABLE instance (
    key INTEGER PRIMARY KEY,
    series_key INTEGER NOT NULL REFERENCES series (key) ON DELETE CASCADE,
    uid TEXT NOT NULL UNIQUE,
    sop_class TEXT NOT NULL,
    number TEXT NOT NULL,
    sort INTEGER NOT NULL,
    rows TEXT NOT NULL,
    columns TEXT NOT NULL,
    bits_allocated TEXT NOT NULL,
    samples TEXT NOT NULL,
    frames TEXT NOT NULL,
    content_date TEXT NOT NULL,
    content_time TEXT NOT NULL,
    transfer_syntax TEXT NOT NULL,
    data_set INTEGER NOT NULL,
    pixel_start INTEGER,
    pixel_length INTEGER,
    bytes INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    arrived INTEGER NOT NULL
) STRICT;
CREATE INDEX instance_sha256 ON instance (sha256);
CREATE INDEX instance_series ON instance (series_key, sort, key);
CREATE TABLE metadata (
    instance_key INTEGER PRIMARY KEY REFERENCES instance (key) ON DELETE CASCADE,
    json TEXT NOT NULL
) STRICT;
";

/// The latest version that this program knows.
pub(crate) const VERSION: i64 = STEPS.len() as i64;

/// Brings the catalog to the latest version, each step whole or not at all.
///
/// # Errors
/// [`StoreError::TooNew`] where a later program wrote it; [`StoreError::Catalog`].
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let found: i64 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(StoreError::catalog("reading its version"))?;
    let done = usize::try_from(found).ok().filter(|done| *done <= STEPS.len());
    let done = done.ok_or(StoreError::TooNew { found, known: VERSION })?;
    for (number, step) in STEPS.iter().enumerate().skip(done) {
        let failed = StoreError::catalog("bringing it to this program's version");
        let run = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            transaction.execute_batch(step)?;
            transaction.pragma_update(None, "user_version", number as i64 + 1)?;
            transaction.commit()
        };
        run(connection).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalog_of_a_later_program_is_refused_and_an_old_one_is_brought_up_once() {
        let mut connection = Connection::open_in_memory().expect("memory");
        migrate(&mut connection).expect("from nothing");
        migrate(&mut connection).expect("again");
        connection.pragma_update(None, "user_version", VERSION + 1).expect("set");
        assert!(
            matches!(migrate(&mut connection), Err(StoreError::TooNew { found, .. }) if found == VERSION + 1)
        );
    }
}
