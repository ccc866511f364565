use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{AuditKey, Event};
use crate::{hex, when};

/// What stands in the first entry in the place of the hash of the one before it.
pub(super) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What follows the body of a line: its HMAC.
const MAC_KEY: &str = ",\"mac\":\"";
const MAC_LENGTH: usize = MAC_KEY.len() + 64 + 2;

/// One entry of the log: an event with its place and time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its number, from 1, without a gap.
    pub sequence: u64,
    /// When, in UTC, to a millisecond; the clock of the machine that wrote it.
    #[serde(with = "when")]
    pub at: DateTime<Utc>,
    /// SHA-256 of the line before it.
    pub before: String,
    /// What happened.
    pub event: Event,
}

impl Entry {
    /// The line without its end: the entry and its HMAC.
    pub(super) fn line(&self, key: &AuditKey) -> String {
        let mut body = serde_json::to_string(self).expect("an entry is JSON");
        let mac = key.sign_entry(body.as_bytes());
        body.pop();
        format!("{body}{MAC_KEY}{mac}\"}}")
    }

    /// An entry and its HMAC out of a line without its end; `None` if it is none.
    pub(super) fn parse(line: &[u8]) -> Option<(Self, String, String)> {
        let line = str::from_utf8(line).ok()?;
        let (head, tail) = line.split_at_checked(line.len().checked_sub(MAC_LENGTH)?)?;
        let mac = tail.strip_prefix(MAC_KEY)?.strip_suffix("\"}")?;
        let body = format!("{head}}}");
        let entry: Self = serde_json::from_str(&body).ok()?;
        Some((entry, body, mac.to_owned()))
    }
}

/// The hash that the next line holds of this one.
pub(super) fn hash(line: &[u8]) -> String {
    hex::sha256(line)
}

#[cfg(test)]
mod tests {
    use super::super::{Action, Actor, Object, ObjectKind, Outcome};
    use super::*;
    use crate::Secret;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let key = AuditKey::new(&Secret::new([3; 32]));
        let event = Event::new(
            Actor::user("jane \"x\"\n"),
            Action::ReportSigned,
            Object::whole(ObjectKind::Report),
            Outcome::Done,
        );
        let entry = Entry {
            sequence: 7,
            at: "2026-01-31T14:05:00.123Z".parse().expect("a time"),
            before: GENESIS.to_owned(),
            event: event.because("why").with("version", "2"),
        };
        let line = entry.line(&key);
        assert!(!line.contains('\n'), "an entry is one line");
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
        let (read, body, mac) = Entry::parse(line.as_bytes()).expect("an entry");
        assert_eq!(read, entry);
        assert!(key.is_entry(body.as_bytes(), &mac));
        assert!(!AuditKey::new(&Secret::new([4; 32])).is_entry(body.as_bytes(), &mac));
    }
}
