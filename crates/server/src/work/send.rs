use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use wilhelm_privacy::audit::{Action, Actor, Event, Outcome};
use wilhelm_store::queue::Job;
use wilhelm_store::{Located, Place, Store, describe};
use wilhelm_study::StudyInstanceUid;

use super::unnamed::{Unnamed, unnamed};
use super::{Progress, Work, WorkError};
use crate::Ledger;
use crate::dimse::{DimseError, Kind, Outgoing, Peer, Requestor};
use crate::http::patient;

/// Most objects of one association: their kinds have to fit into its contexts.
const TOGETHER: usize = 1000;

/// Sends a study to another application entity by C-STORE.
///
/// A job that was broken off sends the whole study again: whoever has an object takes it a second time as the same.
#[derive(Debug)]
pub struct SendStudy {
    /// The archive.
    pub store: Arc<Store>,
    /// What is sent stands in it.
    pub ledger: Option<Arc<Ledger>>,
    /// Our AE title.
    pub ae_title: String,
    /// Whom is sent to, as the configuration lists them.
    pub peers: Vec<Peer>,
    /// Longest wait for the other side.
    pub timeout: Duration,
}

/// How the objects of a study fared.
#[derive(Default)]
struct Sent {
    done: u64,
    refused: u64,
    /// Why the first was refused.
    reason: String,
    /// Whether the other side had no room for one of them: it may have later.
    is_full: bool,
}

impl SendStudy {
    /// Its kind of job.
    pub const KIND: &'static str = "send";

    /// The peer that a job names, if the configuration still lists it.
    fn peer(&self, job: &Job) -> Result<&Peer, WorkError> {
        let to = job.details["to"].as_str().unwrap_or_default();
        self.peers.iter().find(|peer| peer.to_string() == to).ok_or_else(|| {
            let reason = "the receiver is none of server.peers: list it there as TITLE@HOST:PORT, and retry";
            WorkError::Never(reason.to_owned())
        })
    }

    /// Writes into the audit log what is about to leave; what cannot be written down is not sent.
    fn note(
        &self,
        job: &Job,
        study: &str,
        peer: &Peer,
        outcome: Outcome,
        (objects, left_out): (u64, Option<usize>),
    ) -> Result<(), WorkError> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        let mut event = Event::new(Actor::peer(&job.by), Action::StudySent, ledger.study(study), outcome)
            .with("to", peer.to_string())
            .with("objects", objects.to_string())
            .with("job", job.id.to_string());
        if let Some(left_out) = left_out {
            event = event.with("de-identified", "yes").with("left out", left_out.to_string());
        }
        event.object.patient = patient(&self.store, ledger, study);
        ledger.always(&event, Utc::now()).map_err(|error| WorkError::Retry(error.to_string()))
    }

    fn outgoing(&self, located: &Located, names: Option<&Unnamed<'_>>) -> Result<Outgoing, WorkError> {
        if let Some(names) = names {
            let content = names.content(&self.store, located)?;
            let described = describe(&content, self.store.limits())?;
            return Ok(Outgoing {
                sop_class: described.attributes.instance.sop_class,
                sop_uid: described.attributes.sop_uid.as_str().to_owned(),
                transfer_syntax: described.transfer_syntax,
                data_set: described.data_set,
                content: Arc::new(content),
            });
        }
        Ok(Outgoing {
            sop_class: located.sop_class.clone(),
            sop_uid: located.sop_uid.clone(),
            transfer_syntax: located.transfer_syntax.clone(),
            data_set: located.data_set,
            content: Arc::new(self.store.content(located)?),
        })
    }

    fn send(
        &self,
        peer: &Peer,
        (objects, names): (&[Located], Option<&Unnamed<'_>>),
        total: u64,
        sent: &mut Sent,
        at: &dyn Progress,
    ) -> Result<(), WorkError> {
        let failed = |error: DimseError| WorkError::Retry(format!("{peer}: {error}"));
        let kinds: BTreeSet<Kind> =
            objects.iter().map(|one| (one.sop_class.clone(), one.transfer_syntax.clone())).collect();
        let mut requestor =
            Requestor::associate(peer, &self.ae_title, &kinds, self.timeout).map_err(failed)?;
        for located in objects {
            let object = self.outgoing(located, names)?;
            match requestor.store(&object, None) {
                Ok(_) => sent.done += 1,
                Err(error) if Requestor::goes_on_after(&error) => {
                    sent.is_full |= matches!(error, DimseError::Status { status: 0xA700..=0xA7FF });
                    if sent.refused == 0 {
                        sent.reason = error.to_string();
                    }
                    sent.refused += 1;
                }
                Err(error) => return Err(failed(error)),
            }
            at.say("objects", sent.done + sent.refused, Some(total))?;
        }
        requestor.release().map_err(failed)
    }
}

impl Work for SendStudy {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn run(&self, job: &Job, at: &dyn Progress) -> Result<(), WorkError> {
        let peer = self.peer(job)?;
        let study = job.study.as_deref().and_then(|study| StudyInstanceUid::new(study).ok());
        let study = study.ok_or_else(|| WorkError::Never("the job names no study".to_owned()))?;
        let name = study.as_str().to_owned();
        let objects = self.store.locate(&Place { study_uid: study, series_uid: None, sop_uid: None })?;
        let hides = job.details["deidentify"].as_bool().unwrap_or(false);
        let names = hides.then(|| Unnamed::of(&self.store, self.ledger.as_deref(), &name)).transpose()?;
        let (objects, left_out) = unnamed(&self.store, objects, hides)?;
        let total = objects.len() as u64;
        at.say("objects", 0, Some(total))?;
        self.note(job, &name, peer, Outcome::Done, (total, hides.then_some(left_out)))?;
        let mut sent = Sent::default();
        let outcome = objects
            .chunks(TOGETHER)
            .try_for_each(|objects| self.send(peer, (objects, names.as_ref()), total, &mut sent, at));
        let outcome = outcome.and_then(|()| {
            if sent.refused == 0 {
                return Ok(());
            }
            let Sent { done, refused, reason, is_full } = &sent;
            let reason = format!("{peer} took {done} of {total} objects and refused {refused}: {reason}");
            Err(if *is_full { WorkError::Retry(reason) } else { WorkError::Never(reason) })
        });
        if outcome.is_err() {
            self.note(job, &name, peer, Outcome::Failed, (sent.done, None))?;
        }
        outcome
    }
}
