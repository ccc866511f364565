use std::path::Path;

use chrono::{DateTime, Utc};

use super::entry::Entry;
use super::segment::{self, LOCK};
use super::{Action, AuditError, ObjectKind, Outcome, Reference};
use crate::durable::Lock;

/// Which entries to show; what is not given holds of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Name of the actor.
    pub actor: Option<String>,
    /// What was done.
    pub action: Option<Action>,
    /// On which kind of object.
    pub kind: Option<ObjectKind>,
    /// On which object, or of which patient.
    pub reference: Option<Reference>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// From this time on.
    pub since: Option<DateTime<Utc>>,
    /// Before this time.
    pub until: Option<DateTime<Utc>>,
    /// From this entry on.
    pub from: Option<u64>,
}

impl Filter {
    /// Whether an entry is meant.
    pub fn holds_of(&self, entry: &Entry) -> bool {
        let event = &entry.event;
        let is = |wanted: &Option<Reference>| {
            wanted.is_none() || [&event.object.reference, &event.object.patient].contains(&wanted)
        };
        self.actor.as_ref().is_none_or(|actor| *actor == event.actor.name)
            && self.action.is_none_or(|action| action == event.action)
            && self.kind.is_none_or(|kind| kind == event.object.kind)
            && is(&self.reference)
            && self.outcome.is_none_or(|outcome| outcome == event.outcome)
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
            && self.from.is_none_or(|from| entry.sequence >= from)
    }
}

/// The entries of a folder that a filter holds of, in their order. Whether they are as they were written, `verify` says.
///
/// # Errors
/// [`AuditError::NoLog`], [`AuditError::Unreadable`] at a line that is no entry, and what the disk says. Bytes behind the
/// last whole line are no entry yet, and no error.
pub fn entries(folder: &Path, filter: &Filter) -> Result<Vec<Entry>, AuditError> {
    let _lock = Lock::shared(&folder.join(LOCK));
    let numbers = if folder.is_dir() { segment::numbers(folder)? } else { Vec::new() };
    if numbers.is_empty() {
        return Err(AuditError::NoLog { path: folder.to_owned() });
    }
    let mut found = Vec::new();
    for number in numbers {
        let bytes = segment::read(folder, number)?;
        for (place, line) in segment::lines(&bytes).0.iter().enumerate() {
            let (entry, ..) = Entry::parse(line).ok_or_else(|| AuditError::Unreadable {
                path: segment::path_of(folder, number),
                line: place + 1,
            })?;
            if filter.holds_of(&entry) {
                found.push(entry);
            }
        }
    }
    Ok(found)
}
