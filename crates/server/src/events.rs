//! What happens in the archive, told to whoever listens while it happens.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::sync::broadcast;
use wilhelm_store::queue::Job;

/// Events that a listener may be behind; beyond, it has lost some and is told so.
const BEHIND: usize = 1024;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Objects of a study arrived.
    Study {
        /// Study Instance UID.
        study: String,
        /// How many objects it has now.
        instances: u64,
    },
    /// A job came, went on or ended.
    Job(Box<Job>),
    /// A report has a new version, or a decision was made on one of its findings.
    Report {
        /// Its name.
        report: String,
        /// Study Instance UID.
        study: String,
        /// Number of its latest version.
        version: u32,
        /// Its state, as `preliminary`.
        state: String,
        /// Number of decisions on its findings.
        decisions: u32,
    },
    /// Something happened in a consultation.
    Consultation {
        /// Its name.
        consultation: String,
        /// Study Instance UID.
        study: String,
        /// `made`, `opened`, `note`, `opinion` or `ended`.
        what: &'static str,
    },
    /// Somebody opened a report or left it.
    Readers {
        /// The report's name.
        report: String,
        /// Study Instance UID.
        study: String,
        /// The accounts that have it open.
        who: Vec<String>,
    },
}

impl Event {
    /// Its name on the line `event:`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Study { .. } => "study",
            Self::Job(_) => "job",
            Self::Report { .. } => "report",
            Self::Consultation { .. } => "consultation",
            Self::Readers { .. } => "readers",
        }
    }

    /// The study it is about; whoever may not see that does not hear of it.
    pub fn study(&self) -> Option<&str> {
        match self {
            Self::Study { study, .. }
            | Self::Report { study, .. }
            | Self::Consultation { study, .. }
            | Self::Readers { study, .. } => Some(study),
            Self::Job(job) => job.study.as_deref(),
        }
    }

    /// What stands on the line `data:`.
    pub fn json(&self) -> Value {
        match self {
            Self::Study { study, instances } => json!({ "study": study, "instances": instances }),
            Self::Job(job) => job_json(job),
            Self::Report { report, study, version, state, decisions } => json!({
                "report": report, "study": study, "version": version, "state": state, "decisions": decisions,
            }),
            Self::Consultation { consultation, study, what } => {
                json!({ "consultation": consultation, "study": study, "what": what })
            }
            Self::Readers { report, study, who } => json!({ "report": report, "study": study, "who": who }),
        }
    }
}

/// A moment as RFC 3339 writes it, in UTC.
pub(crate) fn moment(time: std::time::SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A job as the page reads it.
pub fn job_json(job: &Job) -> Value {
    let progress = job
        .progress
        .as_ref()
        .map(|step| json!({ "words": step.words, "done": step.done, "total": step.total }));
    json!({
        "id": job.id,
        "kind": job.kind,
        "study": job.study,
        "state": job.state.name(),
        "attempts": job.attempts,
        "most_attempts": job.most_attempts,
        "made": moment(job.made),
        "started": job.started.map(moment),
        "ended": job.ended.map(moment),
        "not_before": job.not_before.map(moment),
        "error": job.error,
        "progress": progress,
        "by": job.by,
    })
}

/// Where events are told: to all that listen now, and kept for nobody.
#[derive(Clone, Debug)]
pub struct Events(broadcast::Sender<Option<Event>>);

/// What a listener hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// Something happened.
    Event(Event),
    /// It was too slow, and lost so many events.
    Lost(u64),
    /// Nothing more is told: the program ends.
    End,
}

/// Somebody who listens.
#[derive(Debug)]
pub struct Listener(broadcast::Receiver<Option<Event>>);

impl Listener {
    /// The next that is heard; what was not waited for to its end is not lost.
    pub async fn next(&mut self) -> Heard {
        match self.0.recv().await {
            Ok(Some(event)) => Heard::Event(event),
            Err(broadcast::error::RecvError::Lagged(lost)) => Heard::Lost(lost),
            Ok(None) | Err(broadcast::error::RecvError::Closed) => Heard::End,
        }
    }

    /// What is there to be heard without waiting.
    pub fn try_next(&mut self) -> Option<Heard> {
        match self.0.try_recv() {
            Ok(Some(event)) => Some(Heard::Event(event)),
            Err(broadcast::error::TryRecvError::Lagged(lost)) => Some(Heard::Lost(lost)),
            Ok(None) | Err(broadcast::error::TryRecvError::Closed) => Some(Heard::End),
            Err(broadcast::error::TryRecvError::Empty) => None,
        }
    }
}

impl Default for Events {
    fn default() -> Self {
        Self(broadcast::channel(BEHIND).0)
    }
}

impl Events {
    /// Tells an event. It never waits: whoever does not listen fast enough loses events and is told how many.
    pub fn publish(&self, event: Event) {
        // Nobody listening is no error.
        let _ = self.0.send(Some(event));
    }

    /// Listens from now on.
    pub fn listen(&self) -> Listener {
        Listener(self.0.subscribe())
    }

    /// Tells everybody who listens that this is the end.
    pub fn end(&self) {
        let _ = self.0.send(None);
    }

    /// How many listen.
    pub fn listeners(&self) -> usize {
        self.0.receiver_count()
    }
}
