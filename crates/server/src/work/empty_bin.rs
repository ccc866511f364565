use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::Utc;
use serde_json::json;
use wilhelm_privacy::audit::{Action, Actor, Event, Outcome};
use wilhelm_store::queue::{Job, NewJob};
use wilhelm_store::{Store, StoreError};

use super::{Progress, Work, WorkError};
use crate::Ledger;

/// Removes for good what has been in the bin for long enough.
#[derive(Debug)]
pub struct EmptyBin {
    store: Arc<Store>,
    ledger: Option<Arc<Ledger>>,
    keep: Duration,
}

impl EmptyBin {
    /// Its kind of job.
    pub const KIND: &'static str = "empty-bin";

    /// Keeps deleted studies so long.
    pub const fn new(store: Arc<Store>, ledger: Option<Arc<Ledger>>, keep: Duration) -> Self {
        Self { store, ledger, keep }
    }

    fn note(&self, study: &str, outcome: Outcome) -> Result<(), WorkError> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        let object = ledger.study(study);
        let event = Event::new(Actor::program(), Action::StudyDeleted, object, outcome).with("from", "bin");
        ledger.always(&event, Utc::now()).map_err(|error| WorkError::Retry(error.to_string()))
    }

    /// The job; one at a time.
    pub fn job() -> NewJob {
        NewJob {
            kind: Self::KIND.to_owned(),
            key: Self::KIND.to_owned(),
            study: None,
            details: json!({}),
            by: "the archive".to_owned(),
            most_attempts: 5,
        }
    }
}

impl Work for EmptyBin {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn run(&self, _: &Job, at: &dyn Progress) -> Result<(), WorkError> {
        let now = SystemTime::now();
        let overdue = self.store.overdue(self.keep, now)?;
        let total = overdue.len() as u64;
        for (done, study) in overdue.iter().enumerate() {
            at.say("studies", done as u64, Some(total))?;
            // Written down first: what cannot be written down is not done.
            self.note(study, Outcome::Done)?;
            match self.store.purge(study, self.keep, now) {
                Ok(_) => {}
                // It was put back in this moment, or deleted anew.
                Err(StoreError::NotFound { .. }) => self.note(study, Outcome::Failed)?,
                Err(error) => {
                    self.note(study, Outcome::Failed)?;
                    return Err(error.into());
                }
            }
        }
        at.say("studies", total, Some(total)).map_err(Into::into)
    }
}
