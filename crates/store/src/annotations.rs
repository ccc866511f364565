//! Annotation in the archive: projects with their items, who answers which, and answers that are added and never changed.
//!
//! What a project asks and what people answer are bytes to the store, and lie sealed where the archive is. An item's images
//! are written down when it is made: whatever arrives later, everybody answers of the same ones.

mod answers;
mod sound;
mod write;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::objects::Checksum;
use crate::reports::part::{self, Kept, Owner};
use crate::{Store, StoreError};
pub use answers::StoredAnswer;
pub use sound::AnnotationFault;
pub use write::{ItemOrder, NewItem, NewProject};

/// What a project is called as a part.
const DOCUMENT: &str = "document";

/// A project, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectRow {
    /// Its name.
    pub id: String,
    /// When it was made, as RFC 3339 writes it.
    pub made: String,
    /// The account that made it.
    pub made_by: String,
    /// `open` or `closed`.
    pub state: String,
    /// How many people answer each item.
    pub wanted: u32,
    /// Whether annotators see neither names nor dates nor identifiers.
    pub is_blinded: bool,
    /// How items are ordered: `given`, `random` or `ranking`.
    pub ordering: String,
    /// Accounts that answer.
    pub annotators: Vec<String>,
    /// Accounts that decide where answers differ.
    pub adjudicators: Vec<String>,
}

/// An item of a project.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemRow {
    /// Its number in the project, from 1.
    pub number: u32,
    /// Study Instance UID.
    pub study_uid: String,
    /// Series Instance UID; empty for a whole study.
    pub series_uid: String,
    /// SOP Instance UID; empty for a whole series or study.
    pub sop_uid: String,
    /// Its place in the order.
    pub rank: i64,
    /// By what it was put there, where a ranking says so.
    pub score: Option<f64>,
    /// The ranking's reason; empty where there is none.
    pub reason: String,
    /// Whether its study is in the archive.
    pub is_there: bool,
    /// Who answers it, and how far they are.
    pub tasks: Vec<TaskRow>,
    /// Versions of the final answer; 0 is none.
    pub finals: u32,
}

/// What one person has to do of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskRow {
    /// The account.
    pub account: String,
    /// `open`, `started`, `done` or `skipped`.
    pub state: String,
    /// Versions of the answer; 0 is none.
    pub version: u32,
    /// Time of the last change, as RFC 3339 writes it; empty where there was none.
    pub updated: String,
}

/// An image of an item, as it was when the item was made.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemImage {
    /// SOP Instance UID.
    pub sop_uid: String,
    /// Number of columns.
    pub columns: u32,
    /// Number of rows.
    pub rows: u32,
    /// Number of frames.
    pub frames: u32,
    /// Distance between columns and between rows, mm, where the header says so.
    pub spacing: Option<[f64; 2]>,
}

/// The projects of an archive.
#[derive(Clone, Copy, Debug)]
pub struct Annotations<'a> {
    store: &'a Store,
}

impl Store {
    /// The projects of annotation of this archive.
    pub const fn annotations(&self) -> Annotations<'_> {
        Annotations { store: self }
    }
}

const NO_PROJECT: StoreError = StoreError::NotFound { what: "annotation project" };
const NO_ITEM: StoreError = StoreError::NotFound { what: "item of the project" };

fn project(row: &Row<'_>) -> rusqlite::Result<(i64, ProjectRow)> {
    let project = ProjectRow {
        id: row.get(1)?,
        made: row.get(2)?,
        made_by: row.get(3)?,
        state: row.get(4)?,
        wanted: row.get(5)?,
        is_blinded: row.get(6)?,
        ordering: row.get(7)?,
        annotators: Vec::new(),
        adjudicators: Vec::new(),
    };
    Ok((row.get(0)?, project))
}

const PROJECT: &str =
    "SELECT key, id, made, made_by, state, wanted, blinded, ordering FROM annotation_project";

/// Puts the people in.
fn with_people(connection: &Connection, key: i64, mut project: ProjectRow) -> rusqlite::Result<ProjectRow> {
    let mut prepared = connection.prepare_cached(
        "SELECT part, account FROM annotation_person WHERE project_key = ? ORDER BY part, place",
    )?;
    let mut rows = prepared.query([key])?;
    while let Some(row) = rows.next()? {
        let (part, account): (String, String) = (row.get(0)?, row.get(1)?);
        let people = if part == "annotator" { &mut project.annotators } else { &mut project.adjudicators };
        people.push(account);
    }
    Ok(project)
}

/// The key of an item, by the names of its project and its own number.
fn item_key(connection: &Connection, id: &str, number: u32) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(
            "SELECT i.key FROM annotation_item i JOIN annotation_project p ON p.key = i.project_key
             WHERE p.id = ? AND i.number = ?",
        )?
        .query_row(params![id, number], |row| row.get(0))
        .optional()
}

impl Annotations<'_> {
    /// All projects, the last made first.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn list(&self) -> Result<Vec<ProjectRow>, StoreError> {
        self.store.reading("listing annotation projects", |connection| {
            let mut prepared = connection.prepare_cached(&format!("{PROJECT} ORDER BY key DESC"))?;
            let found = prepared.query_map([], project)?.collect::<rusqlite::Result<Vec<_>>>()?;
            found.into_iter().map(|(key, project)| with_people(connection, key, project)).collect()
        })
    }

    /// A project by its name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Catalog`].
    pub fn project(&self, id: &str) -> Result<ProjectRow, StoreError> {
        let found = self.store.reading("finding an annotation project", |connection| {
            let sql = format!("{PROJECT} WHERE id = ?");
            let found = connection.prepare_cached(&sql)?.query_row([id], project).optional()?;
            found.map(|(key, project)| with_people(connection, key, project)).transpose()
        })?;
        found.ok_or(NO_PROJECT)
    }

    /// What a project asks, compared with its hash.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Annotation`] for what is not as it was written; [`StoreError::Sealed`],
    /// [`StoreError::NoKeys`], [`StoreError::Catalog`].
    pub fn document(&self, id: &str) -> Result<Vec<u8>, StoreError> {
        let found = self.store.reading("reading an annotation project", |connection| {
            let mut prepared = connection
                .prepare_cached("SELECT sha256, sealed, bytes FROM annotation_project WHERE id = ?")?;
            prepared.query_row([id], |row| kept(row, 0)).optional()
        })?;
        part::opened_of(&self.store.folders, Owner::Project(id), DOCUMENT, found.ok_or(NO_PROJECT)?)
    }

    /// The items of a project in their order, with the tasks of each.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn items(&self, id: &str) -> Result<Vec<ItemRow>, StoreError> {
        self.item_rows(id, None)
    }

    /// An item by its number.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also where its study is not in the archive; [`StoreError::Catalog`].
    pub fn item(&self, id: &str, number: u32) -> Result<ItemRow, StoreError> {
        let found = self.item_rows(id, Some(number))?.into_iter().next();
        found.filter(|item| item.is_there).ok_or(NO_ITEM)
    }

    fn item_rows(&self, id: &str, number: Option<u32>) -> Result<Vec<ItemRow>, StoreError> {
        self.store.reading("listing items", |connection| {
            let mut prepared = connection.prepare_cached(
                "SELECT i.key, i.number, i.study_uid, i.series_uid, i.sop_uid, i.rank, i.score, i.reason,
                 EXISTS (SELECT 1 FROM study WHERE uid = i.study_uid),
                 (SELECT count(*) FROM annotation_answer a WHERE a.item_key = i.key AND a.account = '')
                 FROM annotation_item i JOIN annotation_project p ON p.key = i.project_key
                 WHERE p.id = ?1 AND (?2 IS NULL OR i.number = ?2) ORDER BY i.rank, i.number",
            )?;
            let rows = prepared.query_map(params![id, number], |row| {
                let item = ItemRow {
                    number: row.get(1)?,
                    study_uid: row.get(2)?,
                    series_uid: row.get(3)?,
                    sop_uid: row.get(4)?,
                    rank: row.get(5)?,
                    score: row.get(6)?,
                    reason: row.get(7)?,
                    is_there: row.get(8)?,
                    tasks: Vec::new(),
                    finals: row.get(9)?,
                };
                Ok((row.get::<_, i64>(0)?, item))
            })?;
            let mut tasks = connection.prepare_cached(
                "SELECT account, state, version, updated FROM annotation_task WHERE item_key = ? ORDER BY key",
            )?;
            let mut with_tasks = |(key, mut item): (i64, ItemRow)| -> rusqlite::Result<ItemRow> {
                let found = tasks.query_map([key], |row| {
                    let (account, state) = (row.get(0)?, row.get(1)?);
                    Ok(TaskRow { account, state, version: row.get(2)?, updated: row.get(3)? })
                })?;
                item.tasks = found.collect::<rusqlite::Result<_>>()?;
                Ok(item)
            };
            rows.map(|row| with_tasks(row?)).collect()
        })
    }

    /// The images of an item, in their order.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Catalog`].
    pub fn images(&self, id: &str, number: u32) -> Result<Vec<ItemImage>, StoreError> {
        let found = self.store.reading("listing images of an item", |connection| {
            let Some(key) = item_key(connection, id, number)? else { return Ok(None) };
            let mut prepared = connection.prepare_cached(
                "SELECT sop_uid, columns, rows, frames, between_columns, between_rows FROM annotation_image
                 WHERE item_key = ? ORDER BY place",
            )?;
            let rows = prepared.query_map([key], |row| {
                let between: (Option<f64>, Option<f64>) = (row.get(4)?, row.get(5)?);
                Ok(ItemImage {
                    sop_uid: row.get(0)?,
                    columns: row.get(1)?,
                    rows: row.get(2)?,
                    frames: row.get(3)?,
                    spacing: between.0.zip(between.1).map(|(columns, rows)| [columns, rows]),
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>().map(Some)
        })?;
        found.ok_or(NO_ITEM)
    }
}

/// Hash, seal and bytes from a column on.
fn kept(row: &Row<'_>, from: usize) -> rusqlite::Result<Kept> {
    let sha256: Checksum = row.get(from)?;
    Ok(Kept { sha256, is_sealed: row.get(from + 1)?, bytes: row.get(from + 2)? })
}
