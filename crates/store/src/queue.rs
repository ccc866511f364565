//! Jobs that outlive the program: what is to be done, who does it now, and what became of it.
//!
//! The principal type is [`Queue`]. What [`Queue::enqueue`] acknowledged is on the disk and is done at least once, or ends in
//! a state that says why not.
//!
//! Invariants held here: a job is held by the opening of the archive that claimed it, and one program has the archive open
//! at a time: what an earlier opening held goes back to the queue, whatever the clock says. A worker's word counts only
//! while the job is still its own: a late one changes nothing and is told so. Of jobs with one key, one at most is queued or running.

mod listing;
mod pause;
mod row;
mod table;

use std::time::{Duration, SystemTime};

use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::objects::hexadecimal;
use crate::{Store, StoreError};

pub use pause::pause;
use row::{COLUMNS, read};
pub use row::{Job, JobState, Step};
pub(crate) use row::{milliseconds, time};
pub(crate) use table::begin;

/// Most bytes of a job's details.
const DETAILS_BYTES: usize = 64 << 10;
/// Most characters of a key, and of words that a worker says.
const TEXT: usize = 300;
/// Most jobs that wait.
const MOST_WAITING: u64 = 100_000;
/// Jobs that ended and are remembered.
const MOST_ENDED: u64 = 10_000;

/// A job to be done.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// What kind of work it is, as `send`.
    pub kind: String,
    /// Of jobs with the same key, one at most is queued or running.
    pub key: String,
    /// The study it is about.
    pub study: Option<String>,
    /// What the work has to know; never a value of a patient.
    pub details: Value,
    /// Whoever wants it: an account, or `rule NAME`.
    pub by: String,
    /// How often it is tried, 1 at least.
    pub most_attempts: u32,
}

impl NewJob {
    /// A job of a kind about a study: tried five times, once at a time for this study and these details.
    pub fn of_study(kind: &str, study: &str, details: Value, by: &str) -> Self {
        let digest = hexadecimal(&Sha256::digest(details.to_string()).into());
        let key = format!("{kind} {study} {}", &digest[..32]);
        let study = Some(study.to_owned());
        Self { kind: kind.to_owned(), key, study, details, by: by.to_owned(), most_attempts: 5 }
    }
}

/// What became of a job that was to be enqueued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// It is new.
    Made(i64),
    /// One with its key is queued or running: this one.
    There(i64),
}

impl Enqueued {
    /// The job's number.
    pub const fn id(self) -> i64 {
        match self {
            Self::Made(id) | Self::There(id) => id,
        }
    }
}

/// What a worker finds in the queue.
#[derive(Debug)]
pub enum Claimed {
    /// A job, now its own.
    Job(Box<Job>),
    /// Nothing; the next job may be tried after this long, where one waits.
    Nothing(Option<Duration>),
}

/// Whether a worker shall go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It shall.
    GoOn,
    /// Somebody cancelled the job.
    Cancelled,
    /// The job is no longer this worker's.
    Lost,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is done.
    Done,
    /// It failed and is tried again, as long as there are attempts; the reason holds no value of a patient.
    Retry(String),
    /// It failed, and would again.
    Never(String),
    /// It stopped because it was cancelled.
    Cancelled,
    /// It stopped because the program ends: the attempt does not count.
    PutBack,
}

/// The jobs of an archive.
#[derive(Clone, Copy, Debug)]
pub struct Queue<'a>(&'a Store);

impl Store {
    /// The jobs of this archive.
    pub const fn queue(&self) -> Queue<'_> {
        Queue(self)
    }
}

impl Queue<'_> {
    /// Puts a job into the queue; it is on the disk when this returns.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] where its texts are too long or too many jobs wait; [`StoreError::Catalog`].
    pub fn enqueue(&self, job: NewJob, now: SystemTime) -> Result<Enqueued, StoreError> {
        check(&job)?;
        let waiting = self.0.reading("counting jobs", |connection| {
            connection
                .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM job WHERE state = 'queued' LIMIT ?)")?
                .query_row([MOST_WAITING], |row| row.get::<_, u64>(0))
        })?;
        if waiting >= MOST_WAITING {
            return Err(StoreError::TooLarge {
                what: "queue in jobs",
                found: waiting + 1,
                limit: MOST_WAITING,
            });
        }
        let made = self.0.committing("enqueuing a job", move |transaction| insert(transaction, &job, now))?;
        self.0.jobs().ring();
        Ok(made)
    }

    /// Takes the oldest job that is due, of some kinds. Its attempt is counted now, so that one that ends the program is not
    /// tried forever.
    ///
    /// A job waits out its pause by the clock, unless the clock stands before the moment when the pause began: it was set back.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn claim(&self, kinds: &[&str], now: SystemTime) -> Result<Claimed, StoreError> {
        let kinds = Value::from(kinds).to_string();
        // Looked for without writing first: an idle queue costs no commit.
        let (is_due, next) = self.0.reading("looking for a job", |connection| {
            let due = connection.prepare_cached(table::DUE)?.exists(params![kinds, milliseconds(now)])?;
            let next: Option<i64> =
                connection.prepare_cached(table::NEXT)?.query_row([&kinds], |row| row.get(0))?;
            Ok((due, next))
        })?;
        let opening = self.0.opening;
        let claimed = if is_due {
            self.0.committing("claiming a job", move |transaction| {
                transaction
                    .prepare_cached(&table::claim())?
                    .query_row(params![kinds, milliseconds(now), opening], read)
                    .optional()
            })?
        } else {
            None
        };
        Ok(claimed.map_or_else(
            || Claimed::Nothing(next.map(|next| time(next).duration_since(now).unwrap_or_default())),
            |job| Claimed::Job(Box::new(job)),
        ))
    }

    /// Writes how far a claimed job is, and says whether to go on.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn progress(&self, job: &Job, step: &Step) -> Result<Standing, StoreError> {
        let (id, attempts, opening) = (job.id, job.attempts, self.0.opening);
        let Step { words, done, total } = step.clone();
        let words: String = words.chars().take(TEXT).collect();
        self.0.committing("writing a job's progress", move |transaction| {
            transaction
                .prepare_cached(
                    "UPDATE job SET words = ?, done = ?, total = ? WHERE id = ? AND state = 'running' AND opening = ? AND attempts = ?",
                )?
                .execute(params![words, done, total, id, opening, attempts])
        })?;
        self.standing(job)
    }

    /// Whether the worker that holds a job shall go on.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn standing(&self, job: &Job) -> Result<Standing, StoreError> {
        let found = self.0.reading("looking at a job", |connection| {
            connection
                .prepare_cached(
                    "SELECT stop FROM job WHERE id = ? AND state = 'running' AND opening = ? AND attempts = ?",
                )?
                .query_row(params![job.id, self.0.opening, job.attempts], |row| row.get::<_, bool>(0))
                .optional()
        })?;
        Ok(match found {
            None => Standing::Lost,
            Some(true) => Standing::Cancelled,
            Some(false) => Standing::GoOn,
        })
    }

    /// Ends the attempt of a claimed job. A failed one is tried again after a pause, as long as it has attempts; then it is dead.
    ///
    /// # Errors
    /// [`StoreError::JobState`] where the job is no longer this worker's; [`StoreError::Catalog`].
    pub fn end(&self, job: &Job, ending: Ending, now: SystemTime) -> Result<Job, StoreError> {
        let (id, attempts, most, opening) = (job.id, job.attempts, job.most_attempts, self.0.opening);
        let clipped = |text: String| text.chars().take(2 * TEXT).collect::<String>();
        let (state, error, until) = match ending {
            Ending::Done => (JobState::Done, None, None),
            Ending::Cancelled => (JobState::Cancelled, None, None),
            Ending::Never(reason) => (JobState::Failed, Some(clipped(reason)), None),
            Ending::Retry(reason) if attempts >= most => (JobState::Dead, Some(clipped(reason)), None),
            Ending::Retry(reason) => {
                let until = now + pause(attempts, id.unsigned_abs());
                (JobState::Queued, Some(clipped(reason)), Some(milliseconds(until)))
            }
            Ending::PutBack => (JobState::Queued, job.error.clone(), None),
        };
        let counted =
            if state == JobState::Queued && until.is_none() { attempts.saturating_sub(1) } else { attempts };
        let ended = self.0.committing("ending a job", move |transaction| {
            let now = milliseconds(now);
            let ended = (state != JobState::Queued).then_some(now);
            let since = until.map(|_| now);
            // Cancelled while its last attempt failed: it is not tried again.
            transaction
                .prepare_cached(&table::end())?
                .query_row(
                    params![state.name(), counted, error, ended, since, until, id, opening, attempts, now],
                    read,
                )
                .optional()
        })?;
        self.0.jobs().ring();
        ended.ok_or(StoreError::JobState { found: "no longer this worker's", expected: "held by it" })
    }

    /// Cancels a job: one that waits at once, one that runs at its next word of progress.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::JobState`] where it has ended; [`StoreError::Catalog`].
    pub fn cancel(&self, id: i64, now: SystemTime) -> Result<Job, StoreError> {
        self.change(id, "queued or running", &table::cancel(), Some(milliseconds(now)))
    }

    /// Puts a job back into the queue that failed, is dead or was cancelled, with all its attempts.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::JobState`] where it is in another state, or one with its key is queued or running;
    /// [`StoreError::Catalog`].
    pub fn retry(&self, id: i64) -> Result<Job, StoreError> {
        let changed = self.change(id, "failed, dead or cancelled", &table::retry(), None);
        self.0.jobs().ring();
        changed
    }

    fn change(
        &self,
        id: i64,
        expected: &'static str,
        sql: &str,
        now: Option<i64>,
    ) -> Result<Job, StoreError> {
        let sql = sql.to_owned();
        let changed = self.0.committing("changing a job", move |transaction| {
            transaction.prepare_cached(&sql)?.query_row(params![id, now], read).optional()
        });
        match changed {
            Ok(Some(job)) => Ok(job),
            Ok(None) => Err(StoreError::JobState { found: self.job(id)?.state.name(), expected }),
            Err(StoreError::Catalog { source, .. })
                if source.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) =>
            {
                let found = "there again: one with its key is queued or running";
                Err(StoreError::JobState { found, expected })
            }
            Err(error) => Err(error),
        }
    }

    /// Forgets the oldest jobs that are done or cancelled, beyond the last 10,000; gives how many.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn forget_ended(&self) -> Result<usize, StoreError> {
        self.0.committing("forgetting jobs", |transaction| transaction.execute(table::FORGET, [MOST_ENDED]))
    }
}

fn check(job: &NewJob) -> Result<(), StoreError> {
    let bytes = job.details.to_string().len();
    let key = job.key.chars().count().max(job.by.chars().count()).max(job.kind.chars().count());
    for (what, found, limit) in [
        ("job's details in bytes", bytes, DETAILS_BYTES),
        ("job's key, kind or origin in characters", key, TEXT),
    ] {
        if found > limit {
            return Err(StoreError::TooLarge { what, found: found as u64, limit: limit as u64 });
        }
    }
    Ok(())
}

/// Puts a job into the queue within a transaction: with whatever else is written by it, or not at all.
pub(crate) fn insert(
    transaction: &Transaction<'_>,
    job: &NewJob,
    now: SystemTime,
) -> rusqlite::Result<Enqueued> {
    let there = transaction
        .prepare_cached("SELECT id FROM job WHERE key = ? AND state IN ('queued', 'running')")?
        .query_row([&job.key], |row| row.get(0))
        .optional()?;
    if let Some(id) = there {
        return Ok(Enqueued::There(id));
    }
    transaction
        .prepare_cached(
            "INSERT INTO job (key, kind, study, details, wanted_by, state, attempts, most_attempts, made)
             VALUES (?, ?, ?, ?, ?, 'queued', 0, ?, ?)",
        )?
        .execute(params![
            job.key,
            job.kind,
            job.study,
            job.details.to_string(),
            job.by,
            job.most_attempts.max(1),
            milliseconds(now),
        ])?;
    Ok(Enqueued::Made(transaction.last_insert_rowid()))
}
