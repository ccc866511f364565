//! What is written of reports: each call one transaction, refused where the report is not as its caller saw it.

use rusqlite::{OptionalExtension, Transaction, params};

use super::part::{self, Kept};
use super::{Reports, Seen};
use crate::StoreError;
use crate::objects::Checksum;

/// A draft that comes into the archive.
#[derive(Clone, Debug)]
pub struct NewReport {
    /// Its name; the same draft has the same.
    pub id: String,
    /// Study Instance UID.
    pub study_uid: String,
    /// Series Instance UID.
    pub series_uid: String,
    /// Which part of the series, from 0.
    pub part: u32,
    /// What was examined, as a title.
    pub title: String,
    /// The first version.
    pub version: NewVersion,
    /// Files that belong to it, by their names; they are never changed.
    pub files: Vec<(String, Vec<u8>)>,
}

/// A version on its way into the archive.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// The state that it says.
    pub state: String,
    /// How soon the report is looked at from here on; 0 is not said.
    pub urgency: u8,
    /// The account that makes it.
    pub by: String,
    /// When, as RFC 3339 writes it.
    pub at: String,
    /// The document.
    pub bytes: Vec<u8>,
    /// Decisions that come with it.
    pub decisions: Vec<NewDecision>,
}

/// A decision on its way into the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDecision {
    /// The finding's name in the report.
    pub finding: String,
    /// Key of what was looked for.
    pub observation: String,
    /// The model that found it.
    pub model: String,
    /// What is decided.
    pub decision: String,
}

/// What became of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is the report of its series.
    New,
    /// It took the place of a draft that nobody had touched.
    InPlaceOf(String),
    /// It was there.
    AlreadyThere,
    /// A person worked on the report of its series, which stays; the draft was not kept.
    Refused(String),
}

impl Reports<'_> {
    /// Takes a draft in as the report of its series. One that was superseded counts again where nobody touched what took its
    /// place: the same models read the study again.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where a report of another series has the name;     /// [`StoreError::Sealed`], [`StoreError::Catalog`].
    pub fn add(&self, report: NewReport) -> Result<Added, StoreError> {
        let folders = &self.store.folders;
        let document = part::kept(folders, &report.id, &part::version(1), report.version.bytes.clone())?;
        let mut files = Vec::with_capacity(report.files.len());
        for (name, bytes) in &report.files {
            let kept = part::kept(folders, &report.id, &part::file(name), bytes.clone())?;
            files.push((name.clone(), kept));
        }
        let write = move |transaction: &Transaction<'_>| {
            let run = || {
                let there = transaction
                    .prepare_cached(
                        "SELECT key, superseded, study_uid = ? AND series_uid = ? AND part = ? FROM report WHERE id = ?",
                    )?
                    .query_row(
                        params![report.study_uid, report.series_uid, report.part, report.id],
                        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?, row.get::<_, bool>(2)?)),
                    )
                    .optional()?;
                match there {
                    Some((_, _, false)) => return Ok(None),
                    // Emptying the bin removes files; whoever reads the study again brings them.
                    Some((key, ..)) => put_files(transaction, key, &files)?,
                    None => {}
                }
                if let Some((_, false, _)) = there {
                    return Ok(Some(Added::AlreadyThere));
                }
                let current = transaction
                    .prepare_cached(
                        "SELECT key, id, version, decisions FROM report
                         WHERE study_uid = ? AND series_uid = ? AND part = ? AND superseded = 0",
                    )?
                    .query_row(params![report.study_uid, report.series_uid, report.part], |row| {
                        let (key, id): (i64, String) = (row.get(0)?, row.get(1)?);
                        Ok((key, id, row.get::<_, u32>(2)? > 1 || row.get::<_, u32>(3)? > 0))
                    })
                    .optional()?;
                let added = match current {
                    Some((_, id, true)) => return Ok(Some(Added::Refused(id))),
                    Some((key, id, false)) => {
                        transaction
                            .prepare_cached("UPDATE report SET superseded = 1 WHERE key = ?")?
                            .execute([key])?;
                        Added::InPlaceOf(id)
                    }
                    None => Added::New,
                };
                match there {
                    Some((key, ..)) => {
                        transaction
                            .prepare_cached("UPDATE report SET superseded = 0 WHERE key = ?")?
                            .execute([key])?;
                    }
                    None => insert(transaction, &report, document, &files)?,
                }
                Ok(Some(added))
            };
            run().map_err(StoreError::catalog("adding a report"))?.ok_or(StoreError::Conflict)
        };
        self.store.writing("adding a report", write)
    }

    /// Puts a version behind those that are there, with the decisions that come with it; gives how far the report is then.
    ///
    /// # Errors
    /// [`StoreError::Outdated`] where the report is not as `seen`; [`StoreError::Superseded`], [`StoreError::NotFound`],
    /// [`StoreError::Sealed`], [`StoreError::Catalog`].
    pub fn append(&self, id: &str, seen: Seen, version: NewVersion) -> Result<Seen, StoreError> {
        let number = seen.version + 1;
        let kept = part::kept(&self.store.folders, id, &part::version(number), version.bytes.clone())?;
        let id = id.to_owned();
        self.store.writing("writing a version", move |transaction| {
            let key = as_seen(transaction, &id, seen)?;
            let run = || {
                let previous: Checksum = transaction
                    .prepare_cached("SELECT sha256 FROM report_version WHERE report_key = ? AND number = ?")?
                    .query_row(params![key, seen.version], |row| row.get(0))?;
                let line = (number, Some(previous), &version);
                insert_version(transaction, key, line, kept)?;
                let after = Seen { version: number, ..seen };
                decided(transaction, key, after, &version.decisions, (&version.by, &version.at)).and_then(
                    |after| update(transaction, key, after, &version.state, &version).map(|()| after),
                )
            };
            run().map_err(StoreError::catalog("writing a version"))
        })
    }

    /// Writes decisions on findings; gives how far the report is then. `urgency` is how soon it is looked at from here on.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn decide(
        &self,
        id: &str,
        seen: Seen,
        decisions: Vec<NewDecision>,
        urgency: u8,
        (by, at): (&str, &str),
    ) -> Result<Seen, StoreError> {
        let (id, by, at) = (id.to_owned(), by.to_owned(), at.to_owned());
        self.store.writing("writing decisions", move |transaction| {
            let key = as_seen(transaction, &id, seen)?;
            let run = || {
                let after = decided(transaction, key, seen, &decisions, (&by, &at))?;
                transaction
                    .prepare_cached(
                        "UPDATE report SET decisions = ?, urgency = ?, updated = ? WHERE key = ?",
                    )?
                    .execute(params![after.decisions, urgency, at, key])?;
                Ok(after)
            };
            run().map_err(StoreError::catalog("writing decisions"))
        })
    }

    /// Writes down that a version was put into the study as an object.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn delivered(&self, id: &str, version: u32) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.store.writing("writing what was delivered", move |transaction| {
            transaction
                .prepare_cached("UPDATE report SET delivered = max(delivered, ?) WHERE id = ?")
                .and_then(|mut update| update.execute(params![version, id]))
                .map(drop)
                .map_err(StoreError::catalog("writing what was delivered"))
        })
    }
}

/// The key of a report that is as its caller saw it.
fn as_seen(transaction: &Transaction<'_>, id: &str, seen: Seen) -> Result<i64, StoreError> {
    let run = || {
        transaction
            .prepare_cached("SELECT key, version, decisions, superseded FROM report WHERE id = ?")?
            .query_row([id], |row| {
                let found = Seen { version: row.get(1)?, decisions: row.get(2)? };
                Ok((row.get::<_, i64>(0)?, found, row.get::<_, bool>(3)?))
            })
            .optional()
    };
    let failed = StoreError::catalog("finding a report");
    let (key, found, is_superseded) =
        run().map_err(failed)?.ok_or(StoreError::NotFound { what: "report" })?;
    if is_superseded {
        return Err(StoreError::Superseded);
    }
    if found == seen {
        return Ok(key);
    }
    let table = if found.version == seen.version && found.decisions > 0 {
        "report_decision"
    } else {
        "report_version"
    };
    let last = format!("SELECT by_whom, at FROM {table} WHERE report_key = ? ORDER BY number DESC LIMIT 1");
    let (by, at) = transaction
        .query_row(&last, [key], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(StoreError::catalog("finding who changed a report"))?;
    Err(StoreError::Outdated { version: found.version, decisions: found.decisions, by, at })
}

fn insert(
    transaction: &Transaction<'_>,
    report: &NewReport,
    document: Kept,
    files: &[(String, Kept)],
) -> rusqlite::Result<()> {
    let version = &report.version;
    transaction
        .prepare_cached(
            "INSERT INTO report (id, study_uid, series_uid, part, title, state, version, decisions, urgency, updated,
             delivered, superseded) VALUES (?,?,?,?,?,?,1,0,?,?,0,0)",
        )?
        .execute(params![
            report.id,
            report.study_uid,
            report.series_uid,
            report.part,
            report.title,
            version.state,
            version.urgency,
            version.at,
        ])?;
    let key = transaction.last_insert_rowid();
    insert_version(transaction, key, (1, None, version), document)?;
    put_files(transaction, key, files)
}

/// Puts those files of a report in that are not there.
fn put_files(transaction: &Transaction<'_>, key: i64, files: &[(String, Kept)]) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached(
        "INSERT OR IGNORE INTO report_file (report_key, name, sha256, sealed, bytes) VALUES (?,?,?,?,?)",
    )?;
    for (name, kept) in files {
        put.execute(params![key, name, kept.sha256, kept.is_sealed, kept.bytes])?;
    }
    Ok(())
}

fn insert_version(
    transaction: &Transaction<'_>,
    key: i64,
    (number, previous, version): (u32, Option<Checksum>, &NewVersion),
    kept: Kept,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO report_version (report_key, number, state, by_whom, at, sha256, previous, sealed, bytes)
             VALUES (?,?,?,?,?,?,?,?,?)",
        )?
        .execute(params![
            key,
            number,
            version.state,
            version.by,
            version.at,
            kept.sha256,
            previous,
            kept.is_sealed,
            kept.bytes,
        ])
        .map(drop)
}

fn decided(
    transaction: &Transaction<'_>,
    key: i64,
    seen: Seen,
    decisions: &[NewDecision],
    (by, at): (&str, &str),
) -> rusqlite::Result<Seen> {
    let mut after = seen;
    let mut put = transaction.prepare_cached(
        "INSERT INTO report_decision (report_key, number, finding, observation, model, decision, by_whom, at)
         VALUES (?,?,?,?,?,?,?,?)",
    )?;
    for one in decisions {
        after.decisions += 1;
        put.execute(params![
            key,
            after.decisions,
            one.finding,
            one.observation,
            one.model,
            one.decision,
            by,
            at
        ])?;
    }
    Ok(after)
}

fn update(
    transaction: &Transaction<'_>,
    key: i64,
    after: Seen,
    state: &str,
    version: &NewVersion,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "UPDATE report SET state = ?, version = ?, decisions = ?, urgency = ?, updated = ? WHERE key = ?",
        )?
        .execute(params![state, after.version, after.decisions, version.urgency, version.at, key])
        .map(drop)
}
