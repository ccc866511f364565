//! What is done over the network, into the audit log: at once, and what repeats itself within a minute as a number.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};
use wilhelm_privacy::audit::{
    Action, Actor, AuditError, AuditLog, Event, Object, ObjectKind, Outcome, Reference,
};
use wilhelm_study::Phi;

/// How long an entry stands for the same again, in seconds.
const WINDOW_SECONDS: i64 = 60;
/// Entries that are remembered; beyond, those whose time is over are forgotten first.
const REMEMBERED: usize = 10_000;

/// What makes two events the same: who, from where, what, on which object, how it ended, and what was wanted.
type Key =
    (String, Option<String>, Action, &'static str, Option<Reference>, Outcome, BTreeMap<String, String>);

/// An entry that was written, and how often the same came after it.
#[derive(Debug)]
struct Recent {
    at: DateTime<Utc>,
    event: Event,
    further: u64,
}

/// The audit log of a served archive.
///
/// A viewer reads a study in hundreds of requests, a scanner sends it in hundreds of objects; each entry waits for the disk. So
/// the first of what one actor does to one study, from one address and with one outcome, is written and on the disk before it
/// is answered; the same again within a minute is counted, and the count written as a second entry (`further`) with the first entry
/// after the minute, or when the archive stops. What a killed program loses is that count, never the first entry.
#[derive(Debug)]
pub struct Ledger {
    log: AuditLog,
    recent: Mutex<BTreeMap<Key, Recent>>,
}

impl Ledger {
    /// Writes into a log that is open.
    pub fn new(log: AuditLog) -> Self {
        Self { log, recent: Mutex::new(BTreeMap::new()) }
    }

    /// The log itself.
    pub fn log(&self) -> &AuditLog {
        &self.log
    }

    /// What a study, a patient or another thing is called in the log.
    pub(crate) fn reference(&self, kind: ObjectKind, identifier: &str) -> Reference {
        self.log.key().reference(kind, &Phi::new(identifier.to_owned()))
    }

    /// A study as the object of an event.
    pub(crate) fn study(&self, uid: &str) -> Object {
        Object::new(ObjectKind::Study, self.reference(ObjectKind::Study, uid))
    }

    /// Writes an event of the program itself.
    ///
    /// # Errors
    /// [`AuditError`].
    pub(crate) fn of_program(&self, action: Action, now: DateTime<Utc>) -> Result<(), AuditError> {
        let event = Event::new(Actor::program(), action, Object::whole(ObjectKind::Program), Outcome::Done);
        self.log.append(now, &event).map(drop)
    }

    /// Writes an event each time it happens: what is no access to a study, such as a sign-in.
    ///
    /// # Errors
    /// [`AuditError`]; then what it is about should not happen.
    pub(crate) fn always(&self, event: &Event, now: DateTime<Utc>) -> Result<(), AuditError> {
        self.log.append(now, event).map(drop)
    }

    /// Writes an event, or counts it where its like was written within the last minute; `patient` is asked where it is
    /// written.
    ///
    /// # Errors
    /// [`AuditError`]; then nothing may be given out.
    pub(crate) fn note(
        &self,
        event: Event,
        patient: impl FnOnce() -> Option<Reference>,
        now: DateTime<Utc>,
    ) -> Result<(), AuditError> {
        let key = (
            event.actor.name.clone(),
            event.actor.from.clone(),
            event.action,
            event.object.kind.name(),
            event.object.reference.clone(),
            event.outcome,
            event.details.clone(),
        );
        // Held while the first is written, so that no repetition is answered before it is on the disk.
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = recent.get_mut(&key)
            && (0..WINDOW_SECONDS).contains(&(now - one.at).num_seconds())
        {
            one.further += 1;
            return Ok(());
        }
        let mut event = event;
        event.object.patient = event.object.patient.take().or_else(patient);
        let over = now - Duration::seconds(WINDOW_SECONDS);
        let full = recent.len() >= REMEMBERED;
        let ended: Vec<Key> =
            recent.iter().filter(|(_, one)| full || one.at <= over).map(|(key, _)| key.clone()).collect();
        let mut events: Vec<Event> =
            ended.iter().filter_map(|key| recent.get(key)).filter_map(summary).collect();
        events.push(event.clone());
        self.log.append_all(now, &events)?;
        for key in ended {
            recent.remove(&key);
        }
        recent.insert(key, Recent { at: now, event, further: 0 });
        Ok(())
    }

    /// Writes the numbers that are still held.
    ///
    /// # Errors
    /// [`AuditError`].
    pub(crate) fn settle(&self, now: DateTime<Utc>) -> Result<(), AuditError> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let events: Vec<Event> = recent.values().filter_map(summary).collect();
        if !events.is_empty() {
            self.log.append_all(now, &events)?;
        }
        recent.clear();
        Ok(())
    }
}

/// An event as often as it came again; `None` where it did not.
fn summary(recent: &Recent) -> Option<Event> {
    (recent.further > 0).then(|| recent.event.clone().with("further", recent.further.to_string()))
}

#[cfg(test)]
mod tests {
    use wilhelm_privacy::audit::{AuditKey, Filter, entries, verify};
    use wilhelm_privacy::{Secret, SystemEntropy};

    use super::*;

    #[test]
    fn what_repeats_itself_is_counted_and_the_chain_holds() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = AuditKey::new(&Secret::random(&mut SystemEntropy::default()).expect("a key"));
        let now: DateTime<Utc> = "2026-01-31T14:05:00Z".parse().expect("a time");
        let log = AuditLog::open(folder.path(), key.clone(), now).expect("a log");
        let ledger = Ledger::new(log);
        let seen = |uid: &str, outcome| {
            Event::new(Actor::user("jane").from("127.0.0.1"), Action::StudySeen, ledger.study(uid), outcome)
        };
        let patient = ledger.reference(ObjectKind::Patient, "4711");
        for second in 0..59 {
            let at = now + Duration::seconds(second);
            ledger.note(seen("1.2", Outcome::Done), || Some(patient.clone()), at).expect("noted");
        }
        ledger.note(seen("1.3", Outcome::Done), || None, now).expect("another study");
        ledger.note(seen("1.2", Outcome::Refused), || None, now).expect("another outcome");
        // The minute of the first is over: its 58 repetitions are written before the next of its kind.
        ledger
            .note(seen("1.2", Outcome::Done), || None, now + Duration::seconds(60))
            .expect("the next minute");
        ledger.note(seen("1.2", Outcome::Done), || None, now + Duration::seconds(61)).expect("counted");
        ledger.settle(now + Duration::seconds(62)).expect("settled");
        let filter = Filter { action: Some(Action::StudySeen), ..Filter::default() };
        let further: Vec<Option<String>> = entries(folder.path(), &filter)
            .expect("entries")
            .iter()
            .map(|entry| entry.event.details.get("further").cloned())
            .collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(further, [None, None, None, some("58"), None, some("1")]);
        let of_patient = Filter { reference: Some(patient), ..Filter::default() };
        assert_eq!(entries(folder.path(), &of_patient).expect("entries").len(), 2);
        assert!(verify(folder.path(), Some(&key)).expect("a verdict").flaws.is_empty());
    }
}
