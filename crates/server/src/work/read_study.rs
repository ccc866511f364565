use std::collections::BTreeMap;
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
        // The latest says how it stands: what failed before a reading that was done no longer matters.
        let unfinished = [JobState::Queued, JobState::Running, JobState::Failed, JobState::Dead];
        let jobs = self
            .store
            .queue()
            .latest(ReadStudy::KIND, studies, &unfinished)
            .unwrap_or_else(|error| silent(&error));
        let state = |job: Job| {
            let state = job.state.name().to_owned();
            job.study.map(|study| (study, ReadingState { job: job.id.to_string(), state, error: job.error }))
        };
        jobs.into_iter().filter_map(state).collect()
    }

    fn of_state(&self, states: &[&str]) -> Vec<String> {
        let states: Vec<JobState> = states.iter().filter_map(|state| JobState::parse(state)).collect();
        self.store.queue().studies(ReadStudy::KIND, &states, MOST).unwrap_or_else(|error| silent(&error))
    }
}

/// Nothing, where the queue does not answer.
fn silent<T>(error: &wilhelm_store::StoreError) -> Vec<T> {
    tracing::warn!(%error, "the queue does not say which studies are being read");
    Vec::new()
}

/// Studies of some states at most.
const MOST: u64 = 20_000;
