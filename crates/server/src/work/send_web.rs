use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use wilhelm_privacy::audit::{Action, Actor, Event, Outcome};
use wilhelm_store::queue::Job;
use wilhelm_store::{Place, Store};
use wilhelm_study::StudyInstanceUid;

use super::unnamed::{Unnamed, unnamed};
use super::{Progress, Work, WorkError};
use crate::Ledger;
use crate::http::patient;
use crate::web::{Outbound, Remotes, SendError, SendReport, Watch, send};

/// Sends a study to another archive by STOW-RS: what is there already is asked for, and the rest sent.
///
/// A job that was broken off goes on where it was: the other side is asked what arrived.
#[derive(Debug)]
pub struct SendWeb {
    /// The archive.
    pub store: Arc<Store>,
    /// What is sent stands in it.
    pub ledger: Option<Arc<Ledger>>,
    /// Whom is sent to, as the configuration lists them.
    pub remotes: Arc<Remotes>,
}

/// A job whose progress is looked at.
struct Looked<'a>(&'a dyn Progress);

impl Watch for Looked<'_> {
    fn step(&self, done: u64, total: u64) -> bool {
        self.0.say("objects", done, Some(total)).is_ok()
    }

    fn pause(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        while Instant::now() < until {
            if self.0.is_cancelled() {
                return false;
            }
            std::thread::sleep(
                Duration::from_millis(200).min(until.saturating_duration_since(Instant::now())),
            );
        }
        !self.0.is_cancelled()
    }
}

impl SendWeb {
    /// Its kind of job.
    pub const KIND: &'static str = "send-web";

    fn note(
        &self,
        job: &Job,
        study: &str,
        to: &str,
        outcome: Outcome,
        details: Vec<(&'static str, String)>,
    ) -> Result<(), WorkError> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        let mut event = Event::new(Actor::peer(&job.by), Action::StudySent, ledger.study(study), outcome)
            .with("to", to.chars().take(200).collect::<String>())
            .with("job", job.id.to_string());
        event = details.into_iter().fold(event, |event, (name, value)| event.with(name, value));
        event.object.patient = patient(&self.store, ledger, study);
        ledger.always(&event, Utc::now()).map_err(|error| WorkError::Retry(error.to_string()))
    }
}

impl Work for SendWeb {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn run(&self, job: &Job, at: &dyn Progress) -> Result<(), WorkError> {
        let to = job.details["to"].as_str().unwrap_or_default();
        let remote = self.remotes.find(to).map_err(|error| WorkError::Never(error.to_string()))?;
        let hides = job.details["deidentify"].as_bool().unwrap_or(false);
        let uid = job.study.as_deref().and_then(|study| StudyInstanceUid::new(study).ok());
        let uid = uid.ok_or_else(|| WorkError::Never("the job names no study".to_owned()))?;
        let study = uid.as_str().to_owned();
        let located = self.store.locate(&Place { study_uid: uid, series_uid: None, sop_uid: None })?;
        let names = hides.then(|| Unnamed::of(&self.store, self.ledger.as_deref(), &study)).transpose()?;
        let (located, left_out) = unnamed(&self.store, located, hides)?;
        let objects: Vec<Outbound<'_>> = located
            .iter()
            .map(|one| {
                let names = names.as_ref();
                Outbound {
                    series_uid: one.series_uid.clone(),
                    sop_uid: names.map_or_else(|| one.sop_uid.clone(), |names| names.uid(&one.sop_uid)),
                    bytes: one.bytes,
                    open: Box::new(move || match names {
                        None => self.store.content(one),
                        Some(names) => names.content(&self.store, one),
                    }),
                }
            })
            .collect();
        let as_sent = names.as_ref().map_or_else(|| study.clone(), |names| names.uid(&study));
        let total = objects.len() as u64;
        at.say("objects", 0, Some(total))?;
        let mut begun = vec![("objects", total.to_string())];
        if hides {
            begun.push(("de-identified", "yes".to_owned()));
            begun.push(("left out", left_out.to_string()));
        }
        self.note(job, &study, to, Outcome::Done, begun)?;
        let outcome = send(&self.remotes, remote, &as_sent, &objects, &Looked(at));
        let (outcome, report) = match outcome {
            Ok(report) => (judged(&report, total), report),
            Err(SendError::Later(why)) => (Err(WorkError::Retry(why)), SendReport::default()),
            Err(SendError::Never(why)) => (Err(WorkError::Never(why)), SendReport::default()),
            Err(SendError::Cancelled) => return Err(WorkError::Cancelled),
        };
        let ended = if outcome.is_ok() { Outcome::Done } else { Outcome::Failed };
        let details = vec![
            ("sent", report.sent.len().to_string()),
            ("there before", report.there.to_string()),
            ("refused", report.refused.len().to_string()),
            ("sha256", report.sha256()),
            ("breaks", report.breaks.to_string()),
        ];
        self.note(job, &study, to, ended, details)?;
        outcome
    }
}

fn judged(report: &SendReport, total: u64) -> Result<(), WorkError> {
    if let Some((_, why)) = report.refused.first() {
        let (refused, taken) = (report.refused.len(), report.sent.len() as u64 + report.there);
        let reason = format!("{taken} of {total} objects are there, and {refused} were refused: {why}");
        return Err(WorkError::Never(reason));
    }
    if report.is_confirmed == Some(false) {
        let reason = "the other side took every object, and does not find all of them: it may still be at it";
        return Err(WorkError::Retry(reason.to_owned()));
    }
    Ok(())
}
