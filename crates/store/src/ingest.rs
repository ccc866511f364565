//! The one thread that writes the catalog: what is waiting goes in with one commit.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::activity;
use crate::backup::Hold;
use crate::bell::Bell;
use crate::bin::held_bytes;
use crate::describe::Description;
use crate::objects::{Checksum, Folders, Kept, same_data_set, sync_folder};
use crate::patients::{merged_into, note_arrival};
use crate::text::folded;
use crate::{Duplicates, Settings, StoreError};

/// What became of an object that arrived. Whatever it is, the object is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// It is new.
    Stored,
    /// The same object was there.
    AlreadyThere,
    /// Another object with its identifier was there, and was replaced.
    Replaced,
}

/// An object on its way into the catalog.
pub(crate) struct Entry {
    pub description: Description,
    pub kept: Kept,
    pub arrived: i64,
    /// AE title of who sent it, empty where it came otherwise.
    pub from: String,
    /// Whether the archive made it itself.
    pub is_own: bool,
    pub answer: SyncSender<Result<Receipt, StoreError>>,
}

/// What the writer is asked to do.
pub(crate) enum Order {
    Ingest(Box<Entry>),
    /// Removes an instance's row, as its file is gone or broken.
    Remove(i64, SyncSender<Result<(), StoreError>>),
    /// Anything else, after what waits before it.
    Run(Box<dyn FnOnce(&mut Connection) + Send>),
}

/// Most objects of one commit.
const BATCH: usize = 256;
/// Most keys remembered between commits.
const REMEMBERED: usize = 4096;

pub(crate) struct Writer {
    pub connection: Connection,
    pub folders: Folders,
    pub duplicates: Duplicates,
    quota: Option<u64>,
    arrivals: Arc<Bell>,
    /// Files of no use that are still there, as a backup was being made.
    obsolete: Vec<PathBuf>,
    studies: HashMap<String, i64>,
    series: HashMap<(i64, String), i64>,
}

impl Writer {
    pub(crate) fn new(
        connection: Connection,
        folders: Folders,
        settings: &Settings,
        arrivals: Arc<Bell>,
    ) -> Self {
        let (duplicates, quota) = (settings.duplicates, settings.quota_bytes);
        let (studies, series) = (HashMap::new(), HashMap::new());
        Self { connection, folders, duplicates, quota, arrivals, obsolete: Vec::new(), studies, series }
    }

    /// Writes until nobody can give orders any more.
    pub(crate) fn run(mut self, orders: &Receiver<Order>) {
        while let Ok(first) = orders.recv() {
            let mut batch = Vec::new();
            let mut next = Some(first);
            while let Some(order) = next.take() {
                match order {
                    Order::Ingest(entry) => batch.push(*entry),
                    Order::Remove(key, answer) => {
                        let _ = answer.send(self.remove(key));
                    }
                    Order::Run(work) => {
                        // What was handed in before is written before.
                        if !batch.is_empty() {
                            self.write(std::mem::take(&mut batch));
                        }
                        work(&mut self.connection);
                        // It may have removed what is remembered.
                        self.forget();
                    }
                }
                if batch.len() < BATCH {
                    next = orders.try_recv().ok();
                }
            }
            if !batch.is_empty() {
                self.write(batch);
            }
        }
        let _ = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
    }

    /// Writes a batch and answers each of its objects once all are durable.
    fn write(&mut self, batch: Vec<Entry>) {
        match self.try_write(&batch) {
            Ok(receipts) => {
                for (entry, receipt) in batch.into_iter().zip(receipts) {
                    let _ = entry.answer.send(receipt);
                }
            }
            // Nothing of the batch is in; one object may be what fails, so that each is tried alone.
            Err(error) if batch.len() == 1 => {
                self.forget();
                for entry in batch {
                    let _ = entry.answer.send(Err(again(&error)));
                }
            }
            Err(_) => {
                self.forget();
                for entry in batch {
                    self.write(vec![entry]);
                }
            }
        }
    }

    fn forget(&mut self) {
        self.studies.clear();
        self.series.clear();
    }

    fn try_write(&mut self, batch: &[Entry]) -> Result<Vec<Result<Receipt, StoreError>>, StoreError> {
        let folders: BTreeSet<_> = batch.iter().filter_map(|entry| entry.kept.path.parent()).collect();
        for folder in folders {
            sync_folder(folder)?;
        }
        if self.studies.len() + self.series.len() > REMEMBERED {
            self.forget();
        }
        let failed = StoreError::catalog("writing objects");
        let mut receipts = Vec::with_capacity(batch.len());
        let mut obsolete = Vec::new();
        let mut changed = BTreeMap::new();
        let mut run = || {
            let transaction = self.connection.transaction()?;
            let mut left = match self.quota {
                Some(quota) => Some(Left { quota, used: held_bytes(&transaction)? }),
                None => None,
            };
            for entry in batch {
                // Its bytes may have been removed as an older object's, just replaced: it has to be sent again.
                if !entry.kept.path.exists() {
                    let source = std::io::ErrorKind::NotFound.into();
                    receipts.push(Err(StoreError::io("looking for", &entry.kept.path, source)));
                    continue;
                }
                let mut tables = Tables {
                    transaction: &transaction,
                    studies: &mut self.studies,
                    series: &mut self.series,
                };
                let receipt = match tables.find(entry)? {
                    None => match left.as_mut().map_or(Ok(()), |left| left.take(entry.kept.length)) {
                        Ok(()) => tables.insert(entry).map(|()| Ok(Receipt::Stored))?,
                        Err(full) => Err(full),
                    },
                    Some(present) => match (same(&self.folders, &present, entry), self.duplicates) {
                        (Ok(true), _) => Ok(Receipt::AlreadyThere),
                        (Ok(false), Duplicates::KeepFirst) => Err(StoreError::Conflict),
                        (Ok(false), Duplicates::Replace) => {
                            tables.remove(present.key)?;
                            tables.insert(entry)?;
                            obsolete.extend(self.folders.present(&present.checksum).map(|(path, _)| path));
                            Ok(Receipt::Replaced)
                        }
                        (Err(error), _) => Err(error),
                    },
                };
                // A file that no row names is of no use; the row's own may have the same name.
                if matches!(receipt, Ok(Receipt::AlreadyThere) | Err(_)) {
                    obsolete.push(entry.kept.path.clone());
                }
                if matches!(receipt, Ok(Receipt::Stored | Receipt::Replaced)) && !entry.is_own {
                    let study = entry.description.attributes.study_uid.as_str();
                    changed.insert(study, (entry.from.as_str(), entry.arrived));
                }
                receipts.push(receipt);
            }
            for (study, (from, arrived)) in &changed {
                activity::note(&transaction, study, from, *arrived)?;
            }
            transaction.commit()
        };
        run().map_err(failed)?;
        if !changed.is_empty() {
            self.arrivals.ring();
        }
        self.obsolete.append(&mut obsolete);
        self.discard_obsolete();
        Ok(receipts)
    }

    /// Removes files of no use, unless a backup is being made, which may still want them: then with a later batch.
    fn discard_obsolete(&mut self) {
        if self.obsolete.is_empty() {
            return;
        }
        if let Ok(Some(_hold)) = Hold::of(&self.folders.root) {
            for path in std::mem::take(&mut self.obsolete) {
                self.discard(&path);
            }
        }
    }

    /// Removes a file if no row names it.
    fn discard(&self, path: &PathBuf) {
        let named = path
            .file_stem()
            .and_then(|name| name.to_str())
            .and_then(|name| {
                self.connection.prepare_cached(NAMED).and_then(|mut find| find.exists([name])).ok()
            })
            .unwrap_or(true);
        if !named {
            let _ = std::fs::remove_file(path);
        }
    }

    fn remove(&mut self, key: i64) -> Result<(), StoreError> {
        self.forget();
        let mut run = || {
            let transaction = self.connection.transaction()?;
            let mut tables =
                Tables { transaction: &transaction, studies: &mut self.studies, series: &mut self.series };
            tables.remove(key)?;
            transaction.commit()
        };
        let done = run().map_err(StoreError::catalog("removing an object"));
        self.forget();
        done
    }
}

/// Whether a row names the file with a checksum: an object's, or one of the bin.
pub(crate) const NAMED: &str = "SELECT 1 FROM instance WHERE sha256 = unhex(?1)
    UNION ALL SELECT 1 FROM bin_object WHERE sha256 = unhex(?1)";

/// Room below the quota, while a batch is written.
struct Left {
    quota: u64,
    used: u64,
}

impl Left {
    fn take(&mut self, bytes: u64) -> Result<(), StoreError> {
        let used = self.used.saturating_add(bytes);
        if used > self.quota {
            return Err(StoreError::OverQuota { used: self.used, quota: self.quota });
        }
        self.used = used;
        Ok(())
    }
}

/// The same error for each object of a batch of one.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::DiskFull { path } => StoreError::DiskFull { path: path.clone() },
        StoreError::Catalog { action, source: rusqlite::Error::SqliteFailure(code, _) } => {
            StoreError::Catalog { action, source: rusqlite::Error::SqliteFailure(*code, None) }
        }
        StoreError::Io { action, path, source } => {
            StoreError::Io { action, path: path.clone(), source: source.kind().into() }
        }
        _ => StoreError::Closed,
    }
}

/// A row with the identifier of an object that arrived.
struct Present {
    key: i64,
    checksum: Checksum,
    data_set: u64,
    placed_alike: bool,
}

fn same(folders: &Folders, present: &Present, entry: &Entry) -> Result<bool, StoreError> {
    if present.checksum == entry.kept.checksum {
        return Ok(true);
    }
    if !present.placed_alike {
        return Ok(false);
    }
    let one = folders.content(&present.checksum)?;
    let other = folders.content(&entry.kept.checksum)?;
    same_data_set((&one, present.data_set), (&other, entry.description.data_set))
}

/// Puts objects back that lie in `objects`, within a transaction; `false` where another has the identifier of one of them.
pub(crate) fn put_back(transaction: &Transaction<'_>, entries: &[Entry]) -> rusqlite::Result<bool> {
    let (mut studies, mut series) = (HashMap::new(), HashMap::new());
    let mut tables = Tables { transaction, studies: &mut studies, series: &mut series };
    let mut new = Vec::new();
    for entry in entries {
        match tables.find(entry)? {
            None => new.push(entry),
            Some(present) if present.checksum == entry.kept.checksum => {}
            Some(_) => return Ok(false),
        }
    }
    for entry in new {
        tables.insert(entry)?;
    }
    Ok(true)
}

struct Tables<'a> {
    transaction: &'a Transaction<'a>,
    studies: &'a mut HashMap<String, i64>,
    series: &'a mut HashMap<(i64, String), i64>,
}

impl Tables<'_> {
    fn find(&self, entry: &Entry) -> rusqlite::Result<Option<Present>> {
        let transfer_syntax = &entry.description.transfer_syntax;
        self.transaction
            .prepare_cached("SELECT key, sha256, data_set, transfer_syntax = ? FROM instance WHERE uid = ?")?
            .query_row(params![transfer_syntax, entry.description.attributes.sop_uid.as_str()], |row| {
                Ok(Present {
                    key: row.get(0)?,
                    checksum: row.get(1)?,
                    data_set: row.get(2)?,
                    placed_alike: row.get(3)?,
                })
            })
            .optional()
    }

    fn insert(&mut self, entry: &Entry) -> rusqlite::Result<()> {
        let study = self.study(entry)?;
        let series = self.series(entry, study)?;
        let Description { attributes, metadata, pixels, transfer_syntax, data_set } = &entry.description;
        let instance = &attributes.instance;
        let sort: i64 = instance.number.trim().parse().unwrap_or(i64::from(i32::MAX));
        self.transaction
            .prepare_cached(
                "INSERT INTO instance (series_key, uid, sop_class, number, sort, rows, columns, bits_allocated,
                 samples, frames, content_date, content_time, transfer_syntax, data_set, pixel_start, pixel_length,
                 bytes, sha256, arrived) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            )?
            .execute(params![
                series,
                attributes.sop_uid.as_str(),
                instance.sop_class,
                instance.number,
                sort,
                instance.rows,
                instance.columns,
                instance.bits_allocated,
                instance.samples,
                instance.frames,
                instance.content_date.expose(),
                instance.content_time.expose(),
                transfer_syntax,
                data_set,
                pixels.map(|place| place.start),
                pixels.and_then(|place| place.length),
                entry.kept.length,
                entry.kept.checksum,
                entry.arrived,
            ])?;
        let key = self.transaction.last_insert_rowid();
        self.transaction
            .prepare_cached("INSERT INTO metadata (instance_key, json) VALUES (?, ?)")?
            .execute(params![key, metadata])?;
        self.count(study, series, 1)
    }

    fn count(&self, study: i64, series: i64, by: i64) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached("UPDATE series SET instance_count = instance_count + ? WHERE key = ?")?
            .execute([by, series])?;
        self.transaction
            .prepare_cached("UPDATE study SET instance_count = instance_count + ? WHERE key = ?")?
            .execute([by, study])?;
        Ok(())
    }

    fn study(&mut self, entry: &Entry) -> rusqlite::Result<i64> {
        let attributes = &entry.description.attributes;
        let uid = attributes.study_uid.as_str();
        if let Some(key) = self.studies.get(uid) {
            return Ok(*key);
        }
        let found = self
            .transaction
            .prepare_cached("SELECT key FROM study WHERE uid = ?")?
            .query_row([uid], |row| row.get(0))
            .optional()?;
        let key = match found {
            Some(key) => key,
            None => {
                let study = &attributes.study;
                let (id, issuer) = (study.patient_id.expose(), study.issuer.expose());
                let merged = merged_into(self.transaction, id, issuer)?;
                if let Some((id, issuer)) = &merged {
                    note_arrival(self.transaction, uid, study, (id, issuer), entry.arrived)?;
                }
                let (id, issuer) = merged.as_ref().map_or((id, issuer), |(id, issuer)| (id, issuer));
                self.transaction
                    .prepare_cached(
                        "INSERT INTO study (uid, patient_id, issuer, patient_name, patient_name_folded, birth_date, sex,
                         date, time, accession, study_id, description, referring_physician,
                         referring_physician_folded, series_count, instance_count, arrived)
                         VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,0,0,?)",
                    )?
                    .execute(params![
                        uid,
                        id,
                        issuer,
                        study.patient_name.expose(),
                        folded(study.patient_name.expose()),
                        study.birth_date.expose(),
                        study.sex.expose(),
                        study.date.expose(),
                        study.time.expose(),
                        study.accession.expose(),
                        study.study_id.expose(),
                        study.description.expose(),
                        study.referring_physician.expose(),
                        folded(study.referring_physician.expose()),
                        entry.arrived,
                    ])?;
                self.transaction.last_insert_rowid()
            }
        };
        self.studies.insert(uid.to_owned(), key);
        Ok(key)
    }

    fn series(&mut self, entry: &Entry, study: i64) -> rusqlite::Result<i64> {
        let attributes = &entry.description.attributes;
        let uid = attributes.series_uid.as_str();
        if let Some(key) = self.series.get(&(study, uid.to_owned())) {
            return Ok(*key);
        }
        let found = self
            .transaction
            .prepare_cached("SELECT key FROM series WHERE study_key = ? AND uid = ?")?
            .query_row(params![study, uid], |row| row.get(0))
            .optional()?;
        let key = match found {
            Some(key) => key,
            None => {
                let series = &attributes.series;
                self.transaction
                    .prepare_cached(
                        "INSERT INTO series (study_key, uid, modality, number, description, body_part, date, time,
                         station, manufacturer, step_date, step_time, instance_count)
                         VALUES (?,?,?,?,?,?,?,?,?,?,?,?,0)",
                    )?
                    .execute(params![
                        study,
                        uid,
                        series.modality,
                        series.number,
                        series.description.expose(),
                        series.body_part,
                        series.date.expose(),
                        series.time.expose(),
                        series.station,
                        series.manufacturer,
                        series.step_date.expose(),
                        series.step_time.expose(),
                    ])?;
                let key = self.transaction.last_insert_rowid();
                self.transaction
                    .prepare_cached("UPDATE study SET series_count = series_count + 1 WHERE key = ?")?
                    .execute([study])?;
                key
            }
        };
        self.series.insert((study, uid.to_owned()), key);
        Ok(key)
    }

    /// Removes an instance, and series and study where it was their last.
    fn remove(&mut self, key: i64) -> rusqlite::Result<()> {
        let (series, study): (i64, i64) = self
            .transaction
            .prepare_cached(
                "SELECT series.key, series.study_key FROM instance JOIN series ON series.key = series_key WHERE instance.key = ?",
            )?
            .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))?;
        self.transaction.execute("DELETE FROM instance WHERE key = ?", [key])?;
        self.count(study, series, -1)?;
        let gone =
            self.transaction.execute("DELETE FROM series WHERE key = ? AND instance_count = 0", [series])?;
        self.transaction.execute(
            "UPDATE study SET series_count = series_count - ? WHERE key = ?",
            [i64::try_from(gone).unwrap_or(0), study],
        )?;
        self.transaction.execute("DELETE FROM study WHERE key = ? AND series_count = 0", [study])?;
        self.studies.clear();
        self.series.clear();
        Ok(())
    }
}
