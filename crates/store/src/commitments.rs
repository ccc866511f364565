//! Promises of storage that were asked for and not answered yet: they outlive the program.

use rusqlite::{OptionalExtension, params};

use crate::{Store, StoreError};

/// Its table; a step that was published is never edited.
pub(crate) const STEP: &str = "
CREATE TABLE commitment (
    key INTEGER PRIMARY KEY,
    peer TEXT NOT NULL,
    transaction_uid TEXT NOT NULL,
    asked TEXT NOT NULL,
    made INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due INTEGER NOT NULL,
    UNIQUE (peer, transaction_uid)
) STRICT;
CREATE INDEX commitment_due ON commitment (due);
";

/// Most promises that one who asks may wait for.
const MOST_PROMISES: u64 = 1000;

/// A promise that somebody waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// Its row.
    pub key: i64,
    /// AE title of who asked.
    pub peer: String,
    /// Transaction UID (0008,1195).
    pub transaction_uid: String,
    /// SOP Class and SOP Instance UIDs, as they were asked for.
    pub objects: Vec<(String, String)>,
    /// When it was asked for, in seconds since 1970.
    pub made: i64,
    /// How often an answer was tried.
    pub attempts: u32,
}

impl Store {
    /// Keeps a promise to be answered from `now` on, in seconds since 1970; the same asked again begins anew. Gives its row.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] where its peer waits for as many as may be; [`StoreError::Catalog`].
    pub fn promise(
        &self,
        peer: String,
        transaction_uid: String,
        objects: &[(String, String)],
        now: i64,
    ) -> Result<i64, StoreError> {
        let asked = serde_json::json!(objects).to_string();
        self.writing("keeping a promise", move |transaction| {
            let others = || -> rusqlite::Result<u64> {
                transaction.query_row(
                    "SELECT count(*) FROM commitment WHERE peer = ? AND transaction_uid <> ?",
                    params![peer, transaction_uid],
                    |row| row.get(0),
                )
            };
            let found = others().map_err(StoreError::catalog("keeping a promise"))? + 1;
            if found > MOST_PROMISES {
                let what = "number of promises that this peer waits for";
                return Err(StoreError::TooLarge { what, found, limit: MOST_PROMISES });
            }
            let run = || {
                transaction.execute(
                    "INSERT OR REPLACE INTO commitment (peer, transaction_uid, asked, made, attempts, due) VALUES (?, ?, ?, ?, 0, ?)",
                    params![peer, transaction_uid, asked, now, now],
                )?;
                Ok(transaction.last_insert_rowid())
            };
            run().map_err(StoreError::catalog("keeping a promise"))
        })
    }

    /// The rows of promises whose answer is due, at most 100, the longest due first.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn due_promises(&self, now: i64) -> Result<Vec<i64>, StoreError> {
        self.reading("reading promises", |connection| {
            let mut prepared = connection
                .prepare_cached("SELECT key FROM commitment WHERE due <= ? ORDER BY due, key LIMIT 100")?;
            prepared.query_map([now], |row| row.get(0))?.collect()
        })
    }

    /// A promise by its row, `None` where it is not there any more.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn promised(&self, key: i64) -> Result<Option<Commitment>, StoreError> {
        self.reading("reading a promise", |connection| {
            let mut prepared = connection.prepare_cached(
                "SELECT key, peer, transaction_uid, asked, made, attempts FROM commitment WHERE key = ?",
            )?;
            let read = |row: &rusqlite::Row<'_>| {
                let asked: String = row.get(3)?;
                Ok(Commitment {
                    key: row.get(0)?,
                    peer: row.get(1)?,
                    transaction_uid: row.get(2)?,
                    objects: serde_json::from_str(&asked).unwrap_or_default(),
                    made: row.get(4)?,
                    attempts: row.get(5)?,
                })
            };
            prepared.query_row([key], read).optional()
        })
    }

    /// Tries a promise's answer again at `due`, in seconds since 1970.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn put_promise_off(&self, key: i64, due: i64) -> Result<(), StoreError> {
        self.writing("putting a promise off", move |transaction| {
            transaction
                .execute(
                    "UPDATE commitment SET attempts = attempts + 1, due = ? WHERE key = ?",
                    params![due, key],
                )
                .map(drop)
                .map_err(StoreError::catalog("putting a promise off"))
        })
    }

    /// A promise was answered, or given up.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn end_promise(&self, key: i64) -> Result<(), StoreError> {
        self.writing("ending a promise", move |transaction| {
            transaction
                .execute("DELETE FROM commitment WHERE key = ?", [key])
                .map(drop)
                .map_err(StoreError::catalog("ending a promise"))
        })
    }
}
