use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use chrono::Utc;
use serde_json::json;
use wilhelm_store::Store;
use wilhelm_store::queue::{Enqueued, Job, JobState, NewJob};

use super::{Progress, Work, WorkError};
use crate::desk::{Desk, ReadFailure, ReadingRefused, ReadingState, Readings, read_study};
use crate::events::{Event, Events};

/// Reads a study into drafts at the report desk.
#[derive(Debug)]
pub struct ReadStudy(Arc<Desk>);

impl ReadStudy {
    /// Its kind of job.
    pub const KIND: &'static str = "read";

    /// With the reader of a desk.
    pub const fn new(desk: Arc<Desk>) -> Self {
        Self(desk)
    }
}

impl Work for ReadStudy {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn run(&self, job: &Job, at: &dyn Progress) -> Result<(), WorkError> {
        let none = || WorkError::Never("the job names no study".to_owned());
        let study = job.study.as_deref().ok_or_else(none)?;
        let mut say =
            |words: &str, done: usize, total: usize| at.say(words, done as u64, Some(total as u64)).is_ok();
        match read_study(&self.0, study, &job.by, Utc::now(), &mut say) {
            Ok(_) => Ok(()),
            Err(ReadFailure::Cancelled) => Err(WorkError::Cancelled),
            Err(failure) if failure.may_pass() => Err(WorkError::Retry(failure.to_string())),
            Err(failure) => Err(WorkError::Never(failure.to_string())),
        }
    }
}

/// The archive's queue, as the report desk asks for readings.
pub(crate) struct QueuedReadings {
    store: Arc<Store>,
    events: Events,
}

impl QueuedReadings {
    pub(crate) const fn new(store: Arc<Store>, events: Events) -> Self {
        Self { store, events }
    }
}

impl Readings for QueuedReadings {
    fn begin(&self, study: &str, by: &str) -> Result<String, ReadingRefused> {
        let closed = |error: wilhelm_store::StoreError| ReadingRefused::Closed(error.to_string());
        let job = NewJob::of_study(ReadStudy::KIND, study, json!({}), by);
        match self.store.queue().enqueue(job, SystemTime::now()).map_err(closed)? {
            Enqueued::There(id) => Err(ReadingRefused::Busy { job: id.to_string() }),
            Enqueued::Made(id) => {
                self.events.publish(Event::Job(Box::new(self.store.queue().job(id).map_err(closed)?)));
                Ok(id.to_string())
            }
        }
    }

    fn latest(&self, studies: &[&str]) -> BTreeMap<String, ReadingState> {
        let mut found = BTreeMap::new();
        for study in studies {
            let jobs = match self.store.queue().list(None, Some(study), LOOKED_AT) {
                Ok(jobs) => jobs,
                Err(error) => {
                    tracing::warn!(%error, "the queue does not say which studies are being read");
                    return found;
                }
            };
            // The latest says how it stands: what failed before a reading that was done no longer matters.
            let last = jobs.into_iter().find(|job| job.kind == ReadStudy::KIND);
            let unfinished = last.filter(|job| !matches!(job.state, JobState::Done | JobState::Cancelled));
            if let Some(job) = unfinished {
                let state = ReadingState {
                    job: job.id.to_string(),
                    state: job.state.name().to_owned(),
                    error: job.error,
                };
                found.insert((*study).to_owned(), state);
            }
        }
        found
    }

    fn of_state(&self, states: &[&str]) -> Vec<String> {
        let mut found = BTreeSet::new();
        for state in states.iter().filter_map(|state| JobState::parse(state)) {
            match self.store.queue().list(Some(state), None, MOST) {
                Ok(jobs) => found.extend(
                    jobs.into_iter().filter(|job| job.kind == ReadStudy::KIND).filter_map(|job| job.study),
                ),
                Err(error) => tracing::warn!(%error, "the queue does not say which studies are being read"),
            }
        }
        let all: Vec<&str> = found.iter().map(String::as_str).collect();
        // What failed once and was done later is not failed.
        let latest = self.latest(&all);
        let wanted =
            |study: &&str| latest.get(*study).is_some_and(|now| states.contains(&now.state.as_str()));
        all.into_iter().filter(wanted).map(str::to_owned).collect()
    }
}

/// Jobs of a study that are looked through for the latest reading.
const LOOKED_AT: u64 = 20;
/// Jobs of a state that are looked through.
const MOST: u64 = 5000;
