//! Phrases that accounts keep for their reports: bytes to the store, one set an account.

use rusqlite::{OptionalExtension, params};

use super::Reports;
use super::part::{self, Kept};
use crate::StoreError;

/// What a set of macros is called, as a part.
const PART: &str = "macros";

impl Reports<'_> {
    /// The macros of an account; `None` where it has none.
    ///
    /// # Errors
    /// [`StoreError::Report`], [`StoreError::Sealed`], [`StoreError::NoKeys`], [`StoreError::Catalog`].
    pub fn macros(&self, account: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.store.reading("reading macros", |connection| {
            connection
                .prepare_cached("SELECT sha256, sealed, bytes FROM account_macros WHERE account = ?")?
                .query_row([account], |row| {
                    Ok(Kept { sha256: row.get(0)?, is_sealed: row.get(1)?, bytes: row.get(2)? })
                })
                .optional()
        })?;
        found.map(|kept| part::opened(&self.store.folders, account, PART, kept)).transpose()
    }

    /// Puts macros in the place of those of an account.
    ///
    /// # Errors
    /// [`StoreError::Sealed`], [`StoreError::Catalog`].
    pub fn set_macros(&self, account: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let kept = part::kept(&self.store.folders, account, PART, bytes)?;
        let account = account.to_owned();
        self.store.writing("writing macros", move |transaction| {
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO account_macros (account, sha256, sealed, bytes) VALUES (?,?,?,?)",
                )
                .and_then(|mut put| put.execute(params![account, kept.sha256, kept.is_sealed, kept.bytes]))
                .map(drop)
                .map_err(StoreError::catalog("writing macros"))
        })
    }
}
