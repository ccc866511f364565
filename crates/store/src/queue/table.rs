use std::time::SystemTime;

use rusqlite::{Connection, params};

use super::{COLUMNS, milliseconds};
use crate::StoreError;

/// Counts an opening of the archive, and takes back what an earlier one held: no program but this one has it open now. A job that
/// was cancelled stays so; one whose attempts are all used up is dead, as it may be what ended the program.
///
/// # Errors
/// [`StoreError::Catalog`].
pub(crate) fn begin(connection: &mut Connection, now: SystemTime) -> Result<i64, StoreError> {
    let run = |connection: &mut Connection| {
        let transaction = connection.transaction()?;
        let number =
            transaction
                .query_row("UPDATE opening SET number = number + 1 RETURNING number", [], |row| row.get(0))?;
        transaction.execute(
            "UPDATE job SET opening = NULL, stop = 0, since = NULL, not_before = NULL,
             error = CASE WHEN stop THEN error ELSE 'the program ended while it was at it' END,
             ended = CASE WHEN stop OR attempts >= most_attempts THEN ?1 END,
             state = CASE WHEN stop THEN 'cancelled' WHEN attempts >= most_attempts THEN 'dead' ELSE 'queued' END
             WHERE state = 'running'",
            params![milliseconds(now)],
        )?;
        transaction.commit()?;
        Ok(number)
    };
    run(connection).map_err(StoreError::catalog("taking jobs back"))
}

/// Of the kinds ?1, at the time ?2: jobs whose pause is over, or began in the future, as the clock was set back.
macro_rules! due {
    () => {
        "FROM job WHERE state = 'queued' AND kind IN (SELECT value FROM json_each(?1))
         AND (not_before IS NULL OR not_before <= ?2 OR since > ?2)"
    };
}

/// Whether a job is due.
pub(super) const DUE: &str = concat!("SELECT 1 ", due!(), " LIMIT 1");

/// When the next job of the kinds ?1 is due.
pub(super) const NEXT: &str = "SELECT min(not_before) FROM job
    WHERE state = 'queued' AND kind IN (SELECT value FROM json_each(?1))";

/// Takes the oldest job that is due, in the opening ?3.
pub(super) fn claim() -> String {
    let due = due!();
    format!(
        "UPDATE job SET state = 'running', attempts = attempts + 1, started = ?2, opening = ?3, stop = 0,
         since = NULL, not_before = NULL, words = NULL, done = NULL, total = NULL
         WHERE id = (SELECT id {due} ORDER BY id LIMIT 1) RETURNING {COLUMNS}"
    )
}

/// Ends the attempt ?9 of job ?7 in the opening ?8; one that is to stop is not put back.
pub(super) fn end() -> String {
    format!(
        "UPDATE job SET attempts = ?2, error = ?3, opening = NULL,
         state = CASE WHEN stop AND ?1 = 'queued' THEN 'cancelled' ELSE ?1 END,
         ended = CASE WHEN stop AND ?1 = 'queued' THEN ?10 ELSE ?4 END,
         since = CASE WHEN stop THEN NULL ELSE ?5 END, not_before = CASE WHEN stop THEN NULL ELSE ?6 END, stop = 0
         WHERE id = ?7 AND state = 'running' AND opening = ?8 AND attempts = ?9 RETURNING {COLUMNS}"
    )
}

/// Cancels job ?1 at the time ?2.
pub(super) fn cancel() -> String {
    format!(
        "UPDATE job SET stop = (state = 'running'), ended = CASE WHEN state = 'queued' THEN ?2 END,
         since = NULL, not_before = NULL, state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END
         WHERE id = ?1 AND state IN ('queued', 'running') RETURNING {COLUMNS}"
    )
}

/// Puts job ?1 back; ?2 is not used.
pub(super) fn retry() -> String {
    format!(
        "UPDATE job SET state = 'queued', attempts = 0, ended = NULL, since = NULL, not_before = NULL, stop = 0
         WHERE id = ?1 AND coalesce(?2, 1) AND state IN ('failed', 'dead', 'cancelled') RETURNING {COLUMNS}"
    )
}

/// Forgets what ended well or was cancelled, but for the last ?1.
pub(super) const FORGET: &str = "DELETE FROM job WHERE state IN ('done', 'cancelled') AND id <= (
    SELECT id FROM job WHERE state IN ('done', 'cancelled') ORDER BY id DESC LIMIT 1 OFFSET ?1)";
