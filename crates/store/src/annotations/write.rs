//! Projects made, items added, answers given and decided.

use rusqlite::{OptionalExtension, Transaction, params};

use super::answers::{FINAL, part_of};
use super::{Annotations, DOCUMENT, ItemImage, NO_ITEM, NO_PROJECT, item_key};
use crate::StoreError;
use crate::objects::Checksum;
use crate::reports::part::{self, Kept, Owner};

/// A project to be made.
#[derive(Clone, Debug)]
pub struct NewProject {
    /// Its name, which no other has.
    pub id: String,
    /// When, as RFC 3339 writes it.
    pub made: String,
    /// The account that makes it.
    pub made_by: String,
    /// How many people answer each item.
    pub wanted: u32,
    /// Whether annotators see neither names nor dates nor identifiers.
    pub is_blinded: bool,
    /// How items are ordered.
    pub ordering: String,
    /// Accounts that answer.
    pub annotators: Vec<String>,
    /// Accounts that decide where answers differ.
    pub adjudicators: Vec<String>,
    /// What it asks.
    pub document: Vec<u8>,
}

/// An item to be added.
#[derive(Clone, Debug)]
pub struct NewItem {
    /// Study Instance UID.
    pub study_uid: String,
    /// Series Instance UID; empty for a whole study.
    pub series_uid: String,
    /// SOP Instance UID; empty for a whole series or study.
    pub sop_uid: String,
    /// Its images.
    pub images: Vec<ItemImage>,
}

/// Where an item stands in the order.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemOrder {
    /// The item's number.
    pub number: u32,
    /// Its place: less is sooner.
    pub rank: i64,
    /// By what it was put there.
    pub score: Option<f64>,
    /// Why, for people.
    pub reason: String,
}

fn failed(error: rusqlite::Error) -> StoreError {
    StoreError::catalog("writing annotations")(error)
}

fn project_key(transaction: &Transaction<'_>, id: &str) -> Result<(i64, bool), StoreError> {
    let found = transaction
        .prepare_cached("SELECT key, state FROM annotation_project WHERE id = ?")
        .and_then(|mut found| {
            found.query_row([id], |row| Ok((row.get(0)?, row.get::<_, String>(1)? == "open"))).optional()
        })
        .map_err(failed)?;
    found.ok_or(NO_PROJECT)
}

impl Annotations<'_> {
    /// Makes a project without items.
    ///
    /// # Errors
    /// [`StoreError::Sealed`], [`StoreError::Catalog`].
    pub fn make(&self, project: NewProject) -> Result<(), StoreError> {
        let owner = Owner::Project(&project.id);
        let kept = part::kept_of(&self.store.folders, owner, DOCUMENT, project.document.clone())?;
        self.store.committing("making an annotation project", move |transaction| {
            transaction.execute(
                "INSERT INTO annotation_project (id, made, made_by, state, wanted, blinded, ordering, sha256, sealed, bytes)
                 VALUES (?,?,?,'open',?,?,?,?,?,?)",
                params![
                    project.id,
                    project.made,
                    project.made_by,
                    project.wanted,
                    project.is_blinded,
                    project.ordering,
                    kept.sha256,
                    kept.is_sealed,
                    kept.bytes
                ],
            )?;
            let key = transaction.last_insert_rowid();
            let mut put = transaction.prepare_cached(
                "INSERT OR IGNORE INTO annotation_person (project_key, part, place, account) VALUES (?,?,?,?)",
            )?;
            for (part, people) in [("annotator", &project.annotators), ("adjudicator", &project.adjudicators)] {
                for (place, account) in people.iter().enumerate() {
                    put.execute(params![key, part, place as i64, account])?;
                }
            }
            Ok(())
        })
    }

    /// Adds items, each with tasks for as many of the project's annotators as it wants, in turn; gives how many. Those that
    /// are there already are passed over.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::ProjectClosed`], [`StoreError::Catalog`].
    pub fn add_items(&self, id: &str, items: Vec<NewItem>) -> Result<u32, StoreError> {
        let project = self.project(id)?;
        let id = id.to_owned();
        self.store.writing("adding items", move |transaction| {
            let (key, is_open) = project_key(transaction, &id)?;
            if !is_open {
                return Err(StoreError::ProjectClosed);
            }
            let first: u32 = transaction
                .query_row(
                    "SELECT coalesce(max(number), 0) FROM annotation_item WHERE project_key = ?",
                    [key],
                    |row| row.get(0),
                )
                .map_err(failed)?;
            let mut added = 0;
            for item in &items {
                let number = first + added + 1;
                if let Some(item) = add(transaction, key, number, item).map_err(failed)? {
                    let turn = (&project.annotators[..], project.wanted);
                    tasks(transaction, item, number, turn).map_err(failed)?;
                    added += 1;
                }
            }
            Ok(added)
        })
    }

    /// Puts items in another order; those that are not named keep theirs.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a project or an item that is not there; [`StoreError::Catalog`].
    pub fn set_order(&self, id: &str, ordering: &str, order: Vec<ItemOrder>) -> Result<(), StoreError> {
        let (id, ordering) = (id.to_owned(), ordering.to_owned());
        self.store.writing("ordering items", move |transaction| {
            let (key, _) = project_key(transaction, &id)?;
            let set = "UPDATE annotation_project SET ordering = ? WHERE key = ?";
            transaction.execute(set, params![ordering, key]).map_err(failed)?;
            let sql = "UPDATE annotation_item SET rank = ?, score = ?, reason = ? WHERE project_key = ? AND number = ?";
            let mut put = transaction.prepare_cached(sql).map_err(failed)?;
            for one in &order {
                let changed = put.execute(params![one.rank, one.score, one.reason, key, one.number]).map_err(failed)?;
                if changed == 0 {
                    return Err(NO_ITEM);
                }
            }
            Ok(())
        })
    }

    /// Opens or closes a project: a closed one takes no items and no answers.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Catalog`].
    pub fn set_open(&self, id: &str, is_open: bool) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.store.writing("changing an annotation project", move |transaction| {
            let (key, _) = project_key(transaction, &id)?;
            let state = if is_open { "open" } else { "closed" };
            let sql = "UPDATE annotation_project SET state = ? WHERE key = ?";
            transaction.execute(sql, params![state, key]).map(drop).map_err(failed)
        })
    }

    /// Says that somebody looks at an item for the first time.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the item is not theirs; [`StoreError::Catalog`].
    pub fn start(&self, id: &str, item: u32, account: &str, at: &str) -> Result<(), StoreError> {
        let (id, account, at) = (id.to_owned(), account.to_owned(), at.to_owned());
        self.store.writing("starting a task", move |transaction| {
            let key = item_key(transaction, &id, item).map_err(failed)?.ok_or(NO_ITEM)?;
            let task = state_of(transaction, key, &account)?;
            if task.0 == "open" {
                let sql = "UPDATE annotation_task SET state = 'started', updated = ? WHERE item_key = ? AND account = ?";
                transaction.execute(sql, params![at, key, account]).map_err(failed)?;
            }
            Ok(())
        })
    }

    /// Adds a version to somebody's answer, which was at version `seen`; gives its number. `is_skipped` says that the document
    /// holds why there is no answer.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the item is not theirs; [`StoreError::AnswerOutdated`], [`StoreError::ProjectClosed`],
    /// [`StoreError::Sealed`], [`StoreError::Catalog`].
    pub fn answer(
        &self,
        (id, item, account): (&str, u32, &str),
        seen: u32,
        document: Vec<u8>,
        is_skipped: bool,
        at: &str,
    ) -> Result<u32, StoreError> {
        let state = if is_skipped { "skipped" } else { "done" };
        self.put((id, item, account), seen, document, (account, at), Some(state))
    }

    /// Adds a version to what is decided as final of an item, which was at version `seen`; gives its number.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub fn decide(
        &self,
        (id, item): (&str, u32),
        seen: u32,
        document: Vec<u8>,
        (by, at): (&str, &str),
    ) -> Result<u32, StoreError> {
        self.put((id, item, FINAL), seen, document, (by, at), None)
    }

    fn put(
        &self,
        (id, item, account): (&str, u32, &str),
        seen: u32,
        document: Vec<u8>,
        (by, at): (&str, &str),
        state: Option<&'static str>,
    ) -> Result<u32, StoreError> {
        let version = seen.saturating_add(1);
        let part = part_of(item, account, version);
        let kept = part::kept_of(&self.store.folders, Owner::Project(id), &part, document)?;
        let [id, account, by, at] = [id, account, by, at].map(str::to_owned);
        self.store.writing("writing an answer", move |transaction| {
            let (_, is_open) = project_key(transaction, &id)?;
            if !is_open {
                return Err(StoreError::ProjectClosed);
            }
            let key = item_key(transaction, &id, item).map_err(failed)?.ok_or(NO_ITEM)?;
            if state.is_some() {
                state_of(transaction, key, &account)?;
            }
            let last = last(transaction, key, &account).map_err(failed)?;
            let found = last.map_or(0, |(number, _)| number);
            if found != seen {
                return Err(StoreError::AnswerOutdated { version: found });
            }
            insert(transaction, key, (&account, version), last.map(|(_, hash)| hash), (&by, &at), kept)
                .map_err(failed)?;
            if let Some(state) = state {
                let sql = "UPDATE annotation_task SET state = ?, version = ?, updated = ? WHERE item_key = ? AND account = ?";
                transaction.execute(sql, params![state, version, at, key, account]).map_err(failed)?;
            }
            Ok(version)
        })
    }
}

/// Adds an item unless it is there; gives its key where it was added.
fn add(
    transaction: &Transaction<'_>,
    project: i64,
    number: u32,
    item: &NewItem,
) -> rusqlite::Result<Option<i64>> {
    let added = transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO annotation_item (project_key, number, study_uid, series_uid, sop_uid, rank, score, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?2, NULL, '')",
        )?
        .execute(params![project, number, item.study_uid, item.series_uid, item.sop_uid])?;
    if added == 0 {
        return Ok(None);
    }
    let key = transaction.last_insert_rowid();
    let mut put = transaction.prepare_cached(
        "INSERT INTO annotation_image (item_key, place, sop_uid, columns, rows, frames, between_columns, between_rows)
         VALUES (?,?,?,?,?,?,?,?)",
    )?;
    for (place, image) in (1_i64..).zip(&item.images) {
        let [columns, rows] = image.spacing.map_or([None; 2], |spacing| spacing.map(Some));
        put.execute(params![
            key,
            place,
            image.sop_uid,
            image.columns,
            image.rows,
            image.frames,
            columns,
            rows
        ])?;
    }
    Ok(Some(key))
}

/// Gives an item to as many annotators as are wanted, each item to those after the ones before.
fn tasks(
    transaction: &Transaction<'_>,
    item: i64,
    number: u32,
    (annotators, wanted): (&[String], u32),
) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached(
        "INSERT INTO annotation_task (item_key, account, state, version, updated) VALUES (?, ?, 'open', 0, '')",
    )?;
    let wanted = (wanted as usize).min(annotators.len());
    let first = (number as usize - 1) * wanted;
    for turn in 0..wanted {
        put.execute(params![item, annotators[(first + turn) % annotators.len()]])?;
    }
    Ok(())
}

fn state_of(transaction: &Transaction<'_>, item: i64, account: &str) -> Result<(String, u32), StoreError> {
    let found = transaction
        .prepare_cached("SELECT state, version FROM annotation_task WHERE item_key = ? AND account = ?")
        .and_then(|mut found| {
            found.query_row(params![item, account], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .map_err(failed)?;
    found.ok_or(NO_ITEM)
}

fn last(
    transaction: &Transaction<'_>,
    item: i64,
    account: &str,
) -> rusqlite::Result<Option<(u32, Checksum)>> {
    transaction
        .prepare_cached(
            "SELECT number, sha256 FROM annotation_answer WHERE item_key = ? AND account = ? ORDER BY number DESC LIMIT 1",
        )?
        .query_row(params![item, account], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

fn insert(
    transaction: &Transaction<'_>,
    item: i64,
    (account, version): (&str, u32),
    previous: Option<Checksum>,
    (by, at): (&str, &str),
    kept: Kept,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO annotation_answer (item_key, account, number, by_whom, at, sha256, previous, sealed, bytes)
             VALUES (?,?,?,?,?,?,?,?,?)",
        )?
        .execute(params![item, account, version, by, at, kept.sha256, previous, kept.is_sealed, kept.bytes])
        .map(drop)
}
