use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, Transaction, params, params_from_iter};
use wilhelm_privacy::seal::Keyring;
use wilhelm_study::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};

use crate::bell::Bell;
use crate::content::Content;
use crate::describe::{PixelPlace, describe};
use crate::ingest::{Entry, Order, Receipt, Writer};
use crate::objects::{Arriving, Checksum, Folders};
use crate::query::{Answer, Answered, Query, statement};
use crate::schema;
use crate::{Limits, StoreError};
use wilhelm_study::Phi;

/// What happens to an object whose identifier is there with other content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Duplicates {
    /// The first is kept, the second refused.
    #[default]
    KeepFirst,
    /// The second replaces the first.
    Replace,
}

/// How an archive is opened.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What it takes at most.
    pub limits: Limits,
    /// Of two objects with one identifier.
    pub duplicates: Duplicates,
    /// Keys that objects are sealed with as they arrive; `None` leaves them open.
    pub keys: Option<Arc<Keyring>>,
    /// Bytes of all objects, those in the bin with them, beyond which nothing more is taken; `None` is as many as the disk holds.
    pub quota_bytes: Option<u64>,
}

/// Objects waiting for the writer; more make their senders wait.
const WAITING: usize = 512;
/// Most reading connections kept open.
const READERS: usize = 8;

/// An archive: one program has it at a time, its threads share it.
#[derive(Debug)]
pub struct Store {
    pub(crate) folders: Folders,
    settings: Settings,
    readers: Mutex<Vec<Connection>>,
    orders: Option<SyncSender<Order>>,
    writer: Option<JoinHandle<()>>,
    /// How often the archive has been opened, this time with it: what an earlier opening left undone is told by that.
    pub(crate) opening: i64,
    /// Rung where something arrived.
    arrivals: Arc<Bell>,
    /// Rung where a job may be there to be done.
    jobs: Bell,
    _lock: File,
}

/// An object that is with the writer; it is durable once [`wait`](Self::wait) says so.
#[derive(Debug)]
pub struct Pending(Receiver<Result<Receipt, StoreError>>);

impl Pending {
    /// Waits until the object and its row are on the disk.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], or why it could not be kept.
    pub fn wait(self) -> Result<Receipt, StoreError> {
        self.0.recv().unwrap_or(Err(StoreError::Closed))
    }
}

/// What an object was announced as, before it came. What is `None` was not said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected<'a> {
    /// Study Instance UID.
    pub study_uid: Option<&'a str>,
    /// SOP Class UID.
    pub sop_class: Option<&'a str>,
    /// SOP Instance UID.
    pub sop_uid: Option<&'a str>,
    /// Who sends it: an AE title.
    pub from: Option<&'a str>,
    /// Whether the archive made it itself: the study did not change by it, as far as rules ask, and its sender stays.
    pub is_own: bool,
}

/// What was found of an object that arrived, beside what becomes of it.
#[derive(Debug)]
pub struct Taken {
    /// Its study.
    pub study_uid: StudyInstanceUid,
    /// Its series.
    pub series_uid: SeriesInstanceUid,
    /// Its own identifier.
    pub sop_uid: SopInstanceUid,
    /// Its SOP class.
    pub sop_class: String,
    /// What becomes of it.
    pub pending: Pending,
}

/// An object of the catalog.
#[derive(Clone, Debug)]
pub struct Located {
    /// Its row.
    pub key: i64,
    /// Its study.
    pub study_uid: String,
    /// Its series.
    pub series_uid: String,
    /// Its own identifier.
    pub sop_uid: String,
    /// Its SOP class.
    pub sop_class: String,
    /// Transfer Syntax UID.
    pub transfer_syntax: String,
    /// Where its data set begins in the file, in bytes.
    pub data_set: u64,
    /// Where its pixels are.
    pub pixels: Option<PixelPlace>,
    /// Number of Frames, 1 where the object does not say.
    pub frames: u32,
    /// Bits of one uncompressed frame, where the object says enough.
    pub frame_bits: Option<u64>,
    /// Length of the file in bytes.
    pub bytes: u64,
    pub(crate) checksum: Checksum,
}

/// Which objects are meant.
#[derive(Clone, Debug)]
pub struct Place {
    /// Of this study.
    pub study_uid: StudyInstanceUid,
    /// Of this series, or of all.
    pub series_uid: Option<SeriesInstanceUid>,
    /// This one, or all.
    pub sop_uid: Option<SopInstanceUid>,
}

/// How much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Number of studies.
    pub studies: u64,
    /// Number of series.
    pub series: u64,
    /// Number of objects.
    pub instances: u64,
    /// Bytes of all objects.
    pub bytes: u64,
}

fn connect(folder: &Path, writing: bool) -> Result<Connection, StoreError> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if writing {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let open = || {
        let connection = Connection::open_with_flags(folder.join("catalog.sqlite"), flags)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.set_prepared_statement_cache_capacity(64);
        if writing {
            connection.pragma_update(None, "journal_mode", "WAL")?;
            // A commit is on the disk before it is acknowledged.
            connection.pragma_update(None, "synchronous", "FULL")?;
        } else {
            connection.pragma_update(None, "query_only", true)?;
        }
        Ok(connection)
    };
    open().map_err(StoreError::catalog("opening"))
}

impl Store {
    /// Opens the archive in `folder`, or makes one there.
    ///
    /// # Errors
    /// [`StoreError::InUse`] where another program has it, [`StoreError::TooNew`], [`StoreError::Io`],
    /// [`StoreError::Catalog`].
    pub fn open(folder: &Path, settings: Settings) -> Result<Arc<Self>, StoreError> {
        std::fs::create_dir_all(folder)
            .map_err(|error| StoreError::io("making the folder", folder, error))?;
        let lock = folder.join("lock");
        let failed = |error| StoreError::io("opening", &lock, error);
        let file = File::options().create(true).truncate(false).write(true).open(&lock).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path: folder.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let folders = Folders::open(folder, settings.keys.clone())?;
        folders.sweep()?;
        let mut connection = connect(folder, true)?;
        schema::migrate(&mut connection)?;
        let opening = crate::queue::begin(&mut connection, SystemTime::now())?;
        let (orders, waiting) = sync_channel(WAITING);
        let arrivals = Arc::new(Bell::default());
        let writer = Writer::new(connection, folders.clone(), &settings, Arc::clone(&arrivals));
        let writer = std::thread::Builder::new()
            .name("catalog".to_owned())
            .spawn(move || writer.run(&waiting))
            .map_err(|error| StoreError::io("starting the writer of", folder, error))?;
        Ok(Arc::new(Self {
            folders,
            settings,
            readers: Mutex::new(Vec::new()),
            orders: Some(orders),
            writer: Some(writer),
            opening,
            arrivals,
            jobs: Bell::default(),
            _lock: file,
        }))
    }

    /// A place for the bytes of an object that arrives: a file of PS3.10.
    pub fn arrive(&self) -> Arriving {
        Arriving::new(self.folders.clone(), self.settings.limits)
    }

    /// What the archive takes at most.
    pub fn limits(&self) -> &Limits {
        &self.settings.limits
    }

    /// Looks at an object that arrived, puts its bytes on the disk, and hands it to the catalog's writer.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] and the like where it is no object for the archive: its bytes then lie in
    /// `quarantine`, with the reason. [`StoreError::Mismatch`] where it is another than announced.
    /// [`StoreError::DiskFull`], [`StoreError::Io`].
    pub fn take(&self, mut arriving: Arriving, expected: Expected<'_>) -> Result<Taken, StoreError> {
        let content = arriving.content()?;
        let description = match describe(&content, &self.settings.limits) {
            Ok(description) => description,
            Err(error) => {
                self.set_aside(arriving, content, &error);
                return Err(error);
            }
        };
        let attributes = &description.attributes;
        let (study_uid, series_uid) = (attributes.study_uid.clone(), attributes.series_uid.clone());
        let (sop_uid, sop_class) = (attributes.sop_uid.clone(), attributes.instance.sop_class.clone());
        let differs =
            |expected: Option<&str>, found: &str| expected.is_some_and(|expected| expected != found);
        for (what, differs) in [
            ("Study Instance UID", differs(expected.study_uid, study_uid.as_str())),
            ("SOP Class UID", differs(expected.sop_class, &sop_class)),
            ("SOP Instance UID", differs(expected.sop_uid, sop_uid.as_str())),
        ] {
            if differs {
                return Err(StoreError::Mismatch { what });
            }
        }
        let kept = arriving.keep(content)?;
        let arrived = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
        let from = expected.from.unwrap_or_default().to_owned();
        let (answer, receipt) = sync_channel(1);
        self.order(Order::Ingest(Box::new(Entry {
            description,
            kept,
            arrived,
            from,
            is_own: expected.is_own,
            answer,
        })))?;
        Ok(Taken { study_uid, series_uid, sop_uid, sop_class, pending: Pending(receipt) })
    }

    /// Bytes in quarantine beyond which nothing more is set aside.
    const QUARANTINE: u64 = 1 << 30;

    fn set_aside(&self, arriving: Arriving, content: Content, reason: &StoreError) {
        if !reason.is_callers_fault() || content.length() == 0 {
            return;
        }
        let held: u64 = std::fs::read_dir(&self.folders.quarantine)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.metadata().ok())
            .map(|metadata| metadata.len())
            .sum();
        if held + content.length() > Self::QUARANTINE {
            tracing::warn!(bytes = held, "the quarantine is full: a broken object was not kept");
            return;
        }
        match arriving.quarantine(content, &reason.to_string()) {
            Ok(path) => tracing::warn!(file = %path.display(), %reason, "an object was set aside"),
            Err(error) => tracing::error!(%error, "a broken object could not be set aside"),
        }
    }

    pub(crate) fn order(&self, order: Order) -> Result<(), StoreError> {
        let orders = self.orders.as_ref().ok_or(StoreError::Closed)?;
        orders.send(order).map_err(|_| StoreError::Closed)
    }

    pub(crate) fn remove_row(&self, key: i64) -> Result<(), StoreError> {
        let (answer, done) = sync_channel(1);
        self.order(Order::Remove(key, answer))?;
        done.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Writes in one transaction on the writer's thread: all of it is on the disk, or nothing.
    pub(crate) fn writing<T: Send + 'static>(
        &self,
        action: &'static str,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, done) = sync_channel(1);
        let work = move |connection: &mut Connection| {
            let run = || {
                let transaction = connection.transaction().map_err(StoreError::catalog(action))?;
                let written = write(&transaction)?;
                transaction.commit().map_err(StoreError::catalog(action))?;
                Ok(written)
            };
            let _ = answer.send(run());
        };
        self.order(Order::Run(Box::new(work)))?;
        done.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// As [`writing`](Self::writing), where nothing but the catalog can fail.
    pub(crate) fn committing<T: Send + 'static>(
        &self,
        action: &'static str,
        write: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writing(action, move |transaction| write(transaction).map_err(StoreError::catalog(action)))
    }

    /// Rung where something arrived.
    pub fn arrivals(&self) -> &Bell {
        &self.arrivals
    }

    /// Rung where a job may be there to be done.
    pub fn jobs(&self) -> &Bell {
        &self.jobs
    }

    /// Lends a reading connection.
    pub(crate) fn reading<T>(
        &self,
        action: &'static str,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let held = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match held {
            Some(connection) => connection,
            None => connect(&self.folders.root, false)?,
        };
        let answer = read(&connection).map_err(StoreError::catalog(action));
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS {
            readers.push(connection);
        }
        answer
    }

    /// Asks the catalog.
    ///
    /// # Errors
    /// [`StoreError::Query`] where a key cannot be understood; [`StoreError::Catalog`].
    pub fn query(&self, query: &Query) -> Result<Vec<Answer>, StoreError> {
        let statement = statement(query)?;
        self.reading("answering a query", |connection| {
            let mut prepared = connection.prepare_cached(&statement.sql)?;
            let rows = prepared.query_map(params_from_iter(statement.parameters.iter()), |row| {
                let attributes = statement.columns.iter().enumerate().map(|(number, (tag, vr))| {
                    let value: Option<String> = row.get(number + 1)?;
                    Ok(Answered { tag: *tag, vr: *vr, value: Phi::new(value.unwrap_or_default()) })
                });
                Ok(Answer { key: row.get(0)?, attributes: attributes.collect::<rusqlite::Result<_>>()? })
            })?;
            rows.collect()
        })
    }

    /// The objects of a place, in order of series and number.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there are none; [`StoreError::Catalog`].
    pub fn locate(&self, place: &Place) -> Result<Vec<Located>, StoreError> {
        let (condition, parameters) = conditions(place);
        let sql = format!(
            "SELECT i.key, s.uid, e.uid, i.uid, i.sop_class, i.transfer_syntax, i.data_set, i.pixel_start,
             i.pixel_length, i.frames, i.bytes, i.sha256, i.rows, i.columns,
             i.samples, i.bits_allocated
             FROM study s JOIN series e ON e.study_key = s.key JOIN instance i ON i.series_key = e.key
             WHERE {condition} ORDER BY e.key, i.sort, i.key"
        );
        let found = self.reading("finding objects", |connection| {
            let mut prepared = connection.prepare_cached(&sql)?;
            prepared.query_map(params_from_iter(parameters), located)?.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        if found.is_empty() { Err(StoreError::NotFound { what: what(place) }) } else { Ok(found) }
    }

    /// The object with a SOP Instance UID, wherever it is.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Catalog`].
    pub fn find(&self, sop_uid: &str) -> Result<Located, StoreError> {
        self.reading("finding an object", |connection| {
            connection
                .prepare_cached(
                    "SELECT i.key, s.uid, e.uid, i.uid, i.sop_class, i.transfer_syntax, i.data_set, i.pixel_start,
                     i.pixel_length, i.frames, i.bytes, i.sha256, i.rows, i.columns,
             i.samples, i.bits_allocated
                     FROM instance i JOIN series e ON e.key = i.series_key JOIN study s ON s.key = e.study_key
                     WHERE i.uid = ?",
                )?
                .query_row([sop_uid], located)
                .optional()
        })?
        .ok_or(StoreError::NotFound { what: "instance" })
    }

    /// Gives the metadata of each object of a place to `each`: study, series and SOP Instance UID, and the JSON with
    /// [`BULK_MARK`](crate::BULK_MARK) before the path of each bulk value. Stops where `each` gives `false`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is none; [`StoreError::Catalog`].
    pub fn metadata(
        &self,
        place: &Place,
        mut each: impl FnMut([&str; 3], &str) -> bool,
    ) -> Result<(), StoreError> {
        let (condition, parameters) = conditions(place);
        let sql = format!(
            "SELECT s.uid, e.uid, i.uid, m.json
             FROM study s JOIN series e ON e.study_key = s.key JOIN instance i ON i.series_key = e.key
             JOIN metadata m ON m.instance_key = i.key
             WHERE {condition} ORDER BY e.key, i.sort, i.key"
        );
        let any = self.reading("reading metadata", |connection| {
            let mut prepared = connection.prepare_cached(&sql)?;
            let mut rows = prepared.query(params_from_iter(parameters))?;
            let mut any = false;
            while let Some(row) = rows.next()? {
                any = true;
                let text = |number| row.get_ref(number)?.as_str().map_err(rusqlite::Error::from);
                if !each([text(0)?, text(1)?, text(2)?], text(3)?) {
                    break;
                }
            }
            Ok(any)
        })?;
        if any { Ok(()) } else { Err(StoreError::NotFound { what: what(place) }) }
    }

    /// The metadata of the first object of a row that [`query`](Self::query) gave.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Catalog`].
    pub fn first_metadata(&self, level: crate::Level, key: i64) -> Result<String, StoreError> {
        let condition = match level {
            crate::Level::Patient | crate::Level::Study => "e.study_key = ?",
            crate::Level::Series => "e.key = ?",
            crate::Level::Instance => "i.key = ?",
        };
        let sql = format!(
            "SELECT m.json FROM series e JOIN instance i ON i.series_key = e.key
             JOIN metadata m ON m.instance_key = i.key WHERE {condition} ORDER BY e.key, i.sort, i.key LIMIT 1"
        );
        self.reading("reading metadata", |connection| {
            connection.prepare_cached(&sql)?.query_row([key], |row| row.get(0)).optional()
        })?
        .ok_or(StoreError::NotFound { what: "object" })
    }

    /// Opens an object's file.
    ///
    /// # Errors
    /// [`StoreError::Io`] where it is gone.
    pub fn content(&self, located: &Located) -> Result<Content, StoreError> {
        self.folders.content(&located.checksum)
    }

    /// Seals the objects and the parts of reports and annotations that lie open, as they came before sealing was set; gives how many.
    ///
    /// An object is never without a whole file: the sealed one is on the disk before the open one is removed.
    ///
    /// # Errors
    /// [`StoreError::Sealed`], [`StoreError::DiskFull`], [`StoreError::Io`], [`StoreError::Catalog`].
    pub fn seal(&self) -> Result<u64, StoreError> {
        let (mut after, mut count) = (0, 0);
        loop {
            let page = self.page(after)?;
            let Some(last) = page.last() else {
                return Ok(count
                    + self.seal_reports()?
                    + self.seal_annotations()?
                    + self.seal_consultations()?);
            };
            after = last.key;
            for object in page {
                count += u64::from(self.folders.seal(&object.checksum)?);
            }
        }
    }

    /// How much there is.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn count(&self) -> Result<Count, StoreError> {
        self.reading("counting", |connection| {
            connection.query_row(
                "SELECT (SELECT count(*) FROM study), (SELECT count(*) FROM series), count(*), coalesce(sum(bytes), 0) FROM instance",
                params![],
                |row| {
                    let count = |number| row.get::<_, i64>(number).map(|value| value.try_into().unwrap_or(0));
                    Ok(Count { studies: count(0)?, series: count(1)?, instances: count(2)?, bytes: count(3)? })
                },
            )
        })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn what(place: &Place) -> &'static str {
    match (&place.series_uid, &place.sop_uid) {
        (_, Some(_)) => "instance",
        (Some(_), None) => "series",
        (None, None) => "study",
    }
}

fn conditions(place: &Place) -> (String, Vec<Value>) {
    let mut condition = "s.uid = ?".to_owned();
    let mut parameters = vec![Value::Text(place.study_uid.as_str().to_owned())];
    if let Some(series) = &place.series_uid {
        condition.push_str(" AND e.uid = ?");
        parameters.push(Value::Text(series.as_str().to_owned()));
    }
    if let Some(sop) = &place.sop_uid {
        condition.push_str(" AND i.uid = ?");
        parameters.push(Value::Text(sop.as_str().to_owned()));
    }
    (condition, parameters)
}

pub(crate) fn located(row: &Row<'_>) -> rusqlite::Result<Located> {
    let unsigned = |number| row.get::<_, i64>(number).map(|value| u64::try_from(value).unwrap_or(0));
    let start: Option<i64> = row.get(7)?;
    let frames: String = row.get(9)?;
    let mut frame_bits = Some(1_u64);
    for number in 12..16 {
        let text: String = row.get(number)?;
        let value = text.trim().parse::<u16>().ok().filter(|value| *value > 0);
        frame_bits = frame_bits.zip(value).and_then(|(bits, value)| bits.checked_mul(u64::from(value)));
    }
    Ok(Located {
        key: row.get(0)?,
        study_uid: row.get(1)?,
        series_uid: row.get(2)?,
        sop_uid: row.get(3)?,
        sop_class: row.get(4)?,
        transfer_syntax: row.get(5)?,
        data_set: unsigned(6)?,
        pixels: match start {
            Some(start) => Some(PixelPlace { start: u64::try_from(start).unwrap_or(0), length: row.get(8)? }),
            None => None,
        },
        frames: frames.trim().parse().ok().filter(|frames| *frames > 0).unwrap_or(1),
        frame_bits,
        bytes: unsigned(10)?,
        checksum: row.get(11)?,
    })
}
