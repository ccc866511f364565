//! The catalog's tables, version by version.

use rusqlite::Connection;

use crate::StoreError;

/// One step a version; a step that was published is never edited.
const STEPS: [&str; 13] = [
    FIRST,
    include_str!("schema/reports.sql"),
    include_str!("schema/queue.sql"),
    include_str!("schema/activity.sql"),
    include_str!("schema/bin.sql"),
    crate::worklist::STEP,
    crate::patients::STEP,
    crate::commitments::STEP,
    crate::workitems::STEP,
    crate::worklist::NAMESPACES,
    crate::bin::PATIENT_STEP,
    include_str!("schema/annotations.sql"),
    include_str!("schema/consult.sql"),
];

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
    fn a_catalog_of_an_earlier_program_keeps_its_rows() {
        let mut connection = Connection::open_in_memory().expect("memory");
        connection.execute_batch(STEPS[0]).expect("the first version");
        connection.pragma_update(None, "user_version", 1).expect("set");
        let row = "INSERT INTO study VALUES (7,'1.2','4711','','Doe^Jane','DOE^JANE','','','','','','','','','',0,0,0)";
        connection.execute_batch(row).expect("a row");
        migrate(&mut connection).expect("brought up");
        let kept: i64 = connection
            .query_row("SELECT key FROM study WHERE uid = '1.2'", [], |row| row.get(0))
            .expect("there");
        assert_eq!(kept, 7);
        let reports: i64 =
            connection.query_row("SELECT count(*) FROM report", [], |row| row.get(0)).expect("there");
        assert_eq!(reports, 0);
    }

    #[test]
    fn what_an_earlier_program_kept_counts_as_held() {
        let mut connection = Connection::open_in_memory().expect("memory");
        connection.execute_batch(STEPS[0]).expect("the first version");
        connection.pragma_update(None, "user_version", 1).expect("set");
        let rows = "INSERT INTO study VALUES (7,'1.2','','','','','','','','','','','','','',1,2,0);
            INSERT INTO series VALUES (8,7,'1.2.3','CT','','','','','','','','','',2);
            INSERT INTO instance VALUES (1,8,'1.2.3.4','','',0,'','','','','','','','',0,NULL,NULL,300,x'00',0);
            INSERT INTO instance VALUES (2,8,'1.2.3.5','','',0,'','','','','','','','',0,NULL,NULL,40,x'01',0)";
        connection.execute_batch(rows).expect("rows");
        migrate(&mut connection).expect("brought up");
        let held = |connection: &Connection| -> i64 {
            connection.query_row("SELECT bytes FROM held", [], |row| row.get(0)).expect("a number")
        };
        assert_eq!(held(&connection), 340);
        connection.pragma_update(None, "foreign_keys", true).expect("set");
        connection.execute("DELETE FROM study", []).expect("deleted with all below");
        assert_eq!(held(&connection), 0);
    }

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
