//! The audit log: who did what to what, when, and how it ended.
//!
//! Lines of JSON in files `audit-000001.jsonl`, `audit-000002.jsonl` of one folder. Each line holds the SHA-256 of the line
//! before it, a sequence number and an HMAC; `head.json` is a checkpoint under the same key, so that a missing end is found
//! too. A patient, a study or a report stands there as a keyed [`Reference`], never by its own identifier.

mod entry;
mod event;
mod fhir;
mod filter;
mod key;
mod log;
mod segment;
mod verify;

pub use entry::Entry;
pub use event::{Action, Actor, Event, Object, ObjectKind, Outcome};
pub use fhir::{audit_event, bundle};
pub use filter::{Filter, entries};
pub use key::{AuditKey, Reference, ReferenceError};
pub use log::{AuditLog, Receipt};
pub use verify::{Anchor, Flaw, FlawKind, Verdict, verify};

use std::io;
use std::path::PathBuf;

use crate::entropy::EntropyError;

/// What keeps an entry from being written or a log from being read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The disk or the system refuses.
    #[error("the audit log cannot be {action} at {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no log.
    #[error("{path} holds no audit log, expected files like audit-000001.jsonl")]
    NoLog {
        /// The folder.
        path: PathBuf,
    },
    /// The end is not as it was written, so nothing is added to it.
    #[error(
        "the audit log in {path} is not as it was written ({what}): look with `wilhelm audit verify`, keep the folder, and begin another"
    )]
    Broken {
        /// The folder.
        path: PathBuf,
        /// In what.
        what: String,
    },
    /// The key is another one.
    #[error("the audit key is not the one that {path} was written with")]
    WrongKey {
        /// The folder.
        path: PathBuf,
    },
    /// An event holds what no line may hold.
    #[error("an audit event's {field} is {found} characters, expected at most {expected}")]
    TooLong {
        /// Which text.
        field: &'static str,
        /// Its length.
        found: usize,
        /// The limit.
        expected: usize,
    },
    /// A line that is no entry.
    #[error("{path}, line {line} is no entry of an audit log")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
    },
    /// No random numbers.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

impl AuditError {
    /// Whether the input is at fault rather than this machine.
    pub const fn is_callers_fault(&self) -> bool {
        !matches!(self, Self::Io { .. } | Self::Entropy(_))
    }
}
