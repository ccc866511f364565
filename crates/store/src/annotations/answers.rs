//! What was answered, read back and compared with its hash.

use rusqlite::params;

use super::{Annotations, NO_ITEM, item_key, kept};
use crate::StoreError;
use crate::objects::{Checksum, hexadecimal};
use crate::reports::part::{self, Kept, Owner};

/// The account under which final answers are kept: no account is called so.
pub(super) const FINAL: &str = "";

/// One version of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The item's number.
    pub item: u32,
    /// Whose answer it is; empty for a final one.
    pub account: String,
    /// Its number, from 1; the latest counts.
    pub version: u32,
    /// The account that gave it.
    pub by: String,
    /// When, as RFC 3339 writes it.
    pub at: String,
    /// SHA-256 of the document in hexadecimal digits.
    pub sha256: String,
    /// The document.
    pub bytes: Vec<u8>,
}

/// What a version is called as a part.
pub(super) fn part_of(item: u32, account: &str, version: u32) -> String {
    match account {
        FINAL => format!("item {item} final {version}"),
        account => format!("item {item} answer {version} of {account}"),
    }
}

/// A row of the table of answers.
pub(super) struct Raw {
    pub item: u32,
    pub account: String,
    pub version: u32,
    pub by: String,
    pub at: String,
    pub previous: Option<Checksum>,
    pub kept: Kept,
}

impl Annotations<'_> {
    /// All versions of somebody's answer to an item, the first first, each compared with its hash and with the one before.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for no such item; [`StoreError::Annotation`] for what is not as it was written;
    /// [`StoreError::Sealed`], [`StoreError::NoKeys`], [`StoreError::Catalog`].
    pub fn history(&self, id: &str, item: u32, account: &str) -> Result<Vec<StoredAnswer>, StoreError> {
        let rows = self.raw(id, Some(item), Some(account), false)?;
        if rows.is_empty() {
            let there = self.store.reading("finding an item", |connection| item_key(connection, id, item))?;
            there.ok_or(NO_ITEM)?;
        }
        let mut before = None;
        let mut answers = Vec::with_capacity(rows.len());
        for (number, raw) in (1..).zip(rows) {
            if raw.version != number || raw.previous != before {
                let part = part_of(item, account, number);
                return Err(StoreError::Annotation { project: id.to_owned(), part });
            }
            before = Some(raw.kept.sha256);
            answers.push(self.opened(id, raw)?);
        }
        Ok(answers)
    }

    /// All versions of the final answer to an item, as [`history`](Self::history) gives answers.
    ///
    /// # Errors
    /// As [`history`](Self::history).
    pub fn finals(&self, id: &str, item: u32) -> Result<Vec<StoredAnswer>, StoreError> {
        self.history(id, item, FINAL)
    }

    /// The latest answers to one item or to all, in the order of items and accounts; final ones have no account.
    ///
    /// # Errors
    /// As [`history`](Self::history).
    pub fn latest_answers(&self, id: &str, item: Option<u32>) -> Result<Vec<StoredAnswer>, StoreError> {
        self.raw(id, item, None, true)?.into_iter().map(|raw| self.opened(id, raw)).collect()
    }

    fn opened(&self, id: &str, raw: Raw) -> Result<StoredAnswer, StoreError> {
        let Raw { item, account, version, by, at, kept, .. } = raw;
        let sha256 = hexadecimal(&kept.sha256);
        let part = part_of(item, &account, version);
        let bytes = part::opened_of(&self.store.folders, Owner::Project(id), &part, kept)?;
        Ok(StoredAnswer { item, account, version, by, at, sha256, bytes })
    }

    pub(super) fn raw(
        &self,
        id: &str,
        item: Option<u32>,
        account: Option<&str>,
        latest: bool,
    ) -> Result<Vec<Raw>, StoreError> {
        self.store.reading("reading answers", |connection| {
            let mut prepared = connection.prepare_cached(
                "SELECT i.number, a.account, a.number, a.by_whom, a.at, a.previous, a.sha256, a.sealed, a.bytes
                 FROM annotation_answer a JOIN annotation_item i ON i.key = a.item_key
                 JOIN annotation_project p ON p.key = i.project_key
                 WHERE p.id = ?1 AND (?2 IS NULL OR i.number = ?2) AND (?3 IS NULL OR a.account = ?3)
                 AND (NOT ?4 OR a.number = (SELECT max(b.number) FROM annotation_answer b
                      WHERE b.item_key = a.item_key AND b.account = a.account))
                 ORDER BY i.number, a.account, a.number",
            )?;
            let rows = prepared.query_map(params![id, item, account, latest], |row| {
                Ok(Raw {
                    item: row.get(0)?,
                    account: row.get(1)?,
                    version: row.get(2)?,
                    by: row.get(3)?,
                    at: row.get(4)?,
                    previous: row.get(5)?,
                    kept: kept(row, 6)?,
                })
            })?;
            rows.collect()
        })
    }
}
