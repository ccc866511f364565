use std::time::{Duration, SystemTime};

use rusqlite::Row;
use serde_json::Value;

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It waits, for the first time or for another try.
    Queued,
    /// A worker has it.
    Running,
    /// It is done.
    Done,
    /// It failed, and would again.
    Failed,
    /// All its attempts failed.
    Dead,
    /// Somebody cancelled it.
    Cancelled,
}

impl JobState {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Dead, Self::Cancelled];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is counted, as `slices`.
    pub words: String,
    /// How many are done.
    pub done: u64,
    /// Of how many, where that is known.
    pub total: Option<u64>,
}

/// A job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its number; none is given twice.
    pub id: i64,
    /// What kind of work it is.
    pub kind: String,
    /// The study it is about.
    pub study: Option<String>,
    /// What the work has to know.
    pub details: Value,
    /// Whoever wants it.
    pub by: String,
    /// How it stands.
    pub state: JobState,
    /// How often it was tried, the attempt that runs with them.
    pub attempts: u32,
    /// How often it is tried.
    pub most_attempts: u32,
    /// When it was enqueued.
    pub made: SystemTime,
    /// When its last attempt began.
    pub started: Option<SystemTime>,
    /// When it ended.
    pub ended: Option<SystemTime>,
    /// When it is tried again.
    pub not_before: Option<SystemTime>,
    /// Why its last attempt failed.
    pub error: Option<String>,
    /// How far its last attempt is, or was.
    pub progress: Option<Step>,
}

/// The columns that [`read`] reads, in their order.
pub(crate) const COLUMNS: &str = "id, kind, study, details, wanted_by, state, attempts, most_attempts, made, started, ended, not_before, error, words, done, total";

/// Milliseconds since 1970; before, 0.
pub(crate) fn milliseconds(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

pub(crate) fn time(milliseconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0))
}

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Job> {
    let moment = |number| row.get::<_, Option<i64>>(number).map(|found| found.map(time));
    let state: String = row.get(5)?;
    let state = JobState::parse(&state).ok_or_else(|| rusqlite::Error::InvalidQuery)?;
    let details: String = row.get(3)?;
    let progress = match row.get::<_, Option<String>>(13)? {
        Some(words) => Some(Step { words, done: row.get(14)?, total: row.get(15)? }),
        None => None,
    };
    Ok(Job {
        id: row.get(0)?,
        kind: row.get(1)?,
        study: row.get(2)?,
        details: serde_json::from_str(&details).unwrap_or_default(),
        by: row.get(4)?,
        state,
        attempts: row.get(6)?,
        most_attempts: row.get(7)?,
        made: time(row.get(8)?),
        started: moment(9)?,
        ended: moment(10)?,
        not_before: moment(11)?,
        error: row.get(12)?,
        progress,
    })
}
