use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::entry::{Entry, GENESIS, hash};
use super::segment::{self, HEAD, Head, LOCK};
use super::{AuditError, AuditKey};
use crate::durable::Lock;

/// What following the chain from its first entry to its checkpoint found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Entries that were read.
    pub entries: u64,
    /// Files that hold them.
    pub files: usize,
    /// Number of the last entry; 0 where there is none.
    pub last: u64,
    /// SHA-256 of the last line: kept elsewhere, it proves later that the log once held it.
    pub hash: String,
    /// Whether HMACs were checked, for which the key is needed.
    pub is_keyed: bool,
    /// Entries behind the checkpoint: a writer was killed before it came to it.
    pub behind_checkpoint: u64,
    /// Entries whose time is before that of the entry before them: the clock was set back.
    pub back_in_time: Vec<u64>,
    /// All that is not as it was written.
    pub flaws: Vec<Flaw>,
}

/// One place where the log is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flaw {
    /// The file.
    pub file: PathBuf,
    /// Its line, from 1; none where it is of the whole file.
    pub line: Option<usize>,
    /// What is wrong.
    #[serde(flatten)]
    pub kind: FlawKind,
}

/// What is wrong at a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "flaw", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FlawKind {
    /// A line that is no entry.
    Unreadable,
    /// An entry whose HMAC is not its own.
    Changed {
        /// The number it bears.
        sequence: u64,
    },
    /// An entry that holds the hash of another line than the one before it: one of the two was changed.
    Unchained {
        /// The number it bears.
        sequence: u64,
    },
    /// Entries that are not there.
    Removed {
        /// Number of the first.
        from: u64,
        /// Number of the last.
        to: u64,
    },
    /// An entry that stands again, or in the wrong place.
    OutOfOrder {
        /// The number it bears.
        sequence: u64,
        /// The number that belongs there.
        expected: u64,
    },
    /// A file that is not there.
    FileMissing {
        /// Its number.
        number: u64,
    },
    /// Bytes behind the last whole line: a writer was killed, or the end was cut.
    Torn {
        /// How many.
        bytes: usize,
    },
    /// The end is not there.
    Truncated {
        /// Number of the last entry that is there.
        last: u64,
        /// Number of the last entry that was there.
        expected: u64,
    },
    /// The entry of the checkpoint is another one.
    NotTheCheckpoints {
        /// Its number.
        sequence: u64,
    },
    /// The checkpoint is not there.
    CheckpointMissing,
    /// The checkpoint is not what a checkpoint looks like.
    CheckpointUnreadable,
    /// The checkpoint's HMAC is not its own.
    CheckpointForged,
    /// The entry that was noted elsewhere is another one, or is not there.
    NotTheAnchors {
        /// Its number.
        sequence: u64,
    },
}

impl fmt::Display for FlawKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => f.write_str("is no entry: it was changed or inserted"),
            Self::Changed { sequence } => {
                write!(f, "entry {sequence} was changed or inserted: its HMAC is not its own")
            }
            Self::Unchained { sequence } => {
                write!(
                    f,
                    "entry {sequence} does not follow the line before it: one of the two was changed, or between them one was removed or inserted"
                )
            }
            Self::Removed { from, to } if from == to => write!(f, "entry {from} was removed before it"),
            Self::Removed { from, to } => write!(f, "entries {from} to {to} were removed before it"),
            Self::OutOfOrder { sequence, expected } => {
                write!(f, "entry {sequence} stands where entry {expected} belongs")
            }
            Self::FileMissing { number } => write!(f, "file {number} of the log is missing"),
            Self::Torn { bytes } => {
                write!(
                    f,
                    "{bytes} bytes without an end of line: a writer was killed there, or the end was cut"
                )
            }
            Self::Truncated { last, expected } => {
                write!(
                    f,
                    "the log ends with entry {last}, and its checkpoint is of entry {expected}: the end was removed"
                )
            }
            Self::NotTheCheckpoints { sequence } => {
                write!(f, "entry {sequence} is not the one of the checkpoint")
            }
            Self::CheckpointMissing => f.write_str("the checkpoint was removed"),
            Self::CheckpointUnreadable => f.write_str("the checkpoint is unreadable"),
            Self::CheckpointForged => {
                f.write_str("the checkpoint's HMAC is not its own: it was changed, or the key is another one")
            }
            Self::NotTheAnchors { sequence } => {
                write!(f, "entry {sequence} is not the one that was noted, or is not there")
            }
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.file.display(), self.kind),
            None => write!(f, "{}: {}", self.file.display(), self.kind),
        }
    }
}

/// An entry that was noted elsewhere, out of reach of whoever can write the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Its number.
    pub sequence: u64,
    /// SHA-256 of its line.
    pub hash: String,
}

/// Follows the chain of a folder, and names each place that is not as it was written.
///
/// Without the key the chain of hashes and the checkpoint's hash are followed, which whoever can write the folder could
/// make anew; with it each entry and the checkpoint have to bear their own HMAC. A folder that was set back as a whole to
/// an earlier state, checkpoint included, is found by an [`Anchor`] alone.
///
/// # Errors
/// [`AuditError::NoLog`] if there is none, and what the disk says; never because of what a line holds.
pub fn verify(folder: &Path, key: Option<&AuditKey>) -> Result<Verdict, AuditError> {
    verify_with(folder, key, &[])
}

/// As [`verify`], with entries that were noted elsewhere.
fn verify_with(folder: &Path, key: Option<&AuditKey>, anchors: &[Anchor]) -> Result<Verdict, AuditError> {
    let _lock = Lock::shared(&folder.join(LOCK));
    let there = folder.is_dir();
    let numbers = if there { segment::numbers(folder)? } else { Vec::new() };
    let head = if there { Head::read(folder)? } else { None };
    if numbers.is_empty() && head.is_none() {
        return Err(AuditError::NoLog { path: folder.to_owned() });
    }
    let mut walk = Walk::new(folder, key, head.as_ref().and_then(|head| head.as_ref().ok()), anchors);
    let mut expected = 1;
    for (place, number) in numbers.iter().copied().enumerate() {
        for missing in expected..number.min(expected + 1000) {
            walk.flaw(missing, None, FlawKind::FileMissing { number: missing });
        }
        expected = number + 1;
        let bytes = segment::read(folder, number)?;
        let (lines, torn) = segment::lines(&bytes);
        for (line, text) in lines.iter().enumerate() {
            walk.line(number, line + 1, text);
        }
        if !torn.is_empty() {
            walk.flaw(number, Some(lines.len() + 1), FlawKind::Torn { bytes: torn.len() });
        }
        // A file begins where the one before it was full; an empty one was begun by a writer that was killed.
        if lines.is_empty() && torn.is_empty() && place + 1 < numbers.len() {
            walk.flaw(number, None, FlawKind::Unreadable);
        }
    }
    Ok(walk.end(numbers.len(), head.as_ref()))
}

impl Verdict {
    /// Follows the chain of a folder, which has to hold entries that were noted elsewhere as well.
    ///
    /// # Errors
    /// As [`verify`].
    pub fn with_anchors(
        folder: &Path,
        key: Option<&AuditKey>,
        anchors: &[Anchor],
    ) -> Result<Self, AuditError> {
        verify_with(folder, key, anchors)
    }
}

/// The chain while it is followed.
struct Walk<'a> {
    folder: &'a Path,
    key: Option<&'a AuditKey>,
    head: Option<&'a Head>,
    anchors: &'a [Anchor],
    met: Vec<bool>,
    head_hash: Option<String>,
    before: String,
    /// Whether the line before was already named.
    is_named: bool,
    next: u64,
    last: u64,
    last_at: Option<chrono::DateTime<chrono::Utc>>,
    entries: u64,
    back_in_time: Vec<u64>,
    flaws: Vec<Flaw>,
}

impl<'a> Walk<'a> {
    fn new(
        folder: &'a Path,
        key: Option<&'a AuditKey>,
        head: Option<&'a Head>,
        anchors: &'a [Anchor],
    ) -> Self {
        Self {
            folder,
            key,
            head,
            anchors,
            met: vec![false; anchors.len()],
            head_hash: None,
            before: GENESIS.to_owned(),
            is_named: false,
            next: 1,
            last: 0,
            last_at: None,
            entries: 0,
            back_in_time: Vec::new(),
            flaws: Vec::new(),
        }
    }

    fn flaw(&mut self, number: u64, line: Option<usize>, kind: FlawKind) {
        self.flaws.push(Flaw { file: segment::path_of(self.folder, number), line, kind });
    }

    fn line(&mut self, number: u64, line: usize, text: &[u8]) {
        let own_hash = hash(text);
        let Some((entry, body, mac)) = Entry::parse(text) else {
            self.flaw(number, Some(line), FlawKind::Unreadable);
            self.before = own_hash;
            self.is_named = true;
            self.next += 1;
            return;
        };
        let sequence = entry.sequence;
        let mut is_named = false;
        if self.key.is_some_and(|key| !key.is_entry(body.as_bytes(), &mac)) {
            self.flaw(number, Some(line), FlawKind::Changed { sequence });
            is_named = true;
        }
        if sequence > self.next {
            self.flaw(number, Some(line), FlawKind::Removed { from: self.next, to: sequence - 1 });
        } else if sequence < self.next {
            self.flaw(number, Some(line), FlawKind::OutOfOrder { sequence, expected: self.next });
        } else if entry.before != self.before && !self.is_named && !is_named {
            self.flaw(number, Some(line), FlawKind::Unchained { sequence });
        }
        if self.last_at.is_some_and(|last| entry.at < last) {
            self.back_in_time.push(sequence);
        }
        if self.head.is_some_and(|head| head.sequence == sequence) {
            self.head_hash = Some(own_hash.clone());
        }
        for (anchor, met) in self.anchors.iter().zip(&mut self.met) {
            *met |= anchor.sequence == sequence && anchor.hash == own_hash;
        }
        self.last_at = Some(entry.at);
        self.entries += 1;
        self.last = sequence;
        self.next = sequence.saturating_add(1);
        self.before = own_hash;
        self.is_named = is_named;
    }

    fn end(mut self, files: usize, head: Option<&Result<Head, ()>>) -> Verdict {
        let place = self.folder.join(HEAD);
        let mut behind_checkpoint = 0;
        let of_head = |kind| Flaw { file: place.clone(), line: None, kind };
        match head {
            // Killed between the first entry and its checkpoint.
            None if self.last <= 1 => behind_checkpoint = self.last,
            None => self.flaws.push(of_head(FlawKind::CheckpointMissing)),
            Some(Err(())) => self.flaws.push(of_head(FlawKind::CheckpointUnreadable)),
            Some(Ok(head)) => {
                if self.key.is_some_and(|key| !head.is_of(key)) {
                    self.flaws.push(of_head(FlawKind::CheckpointForged));
                }
                if head.sequence > self.last {
                    let kind = FlawKind::Truncated { last: self.last, expected: head.sequence };
                    self.flaws.push(of_head(kind));
                } else if self.head_hash.as_ref() != Some(&head.hash) {
                    self.flaws.push(of_head(FlawKind::NotTheCheckpoints { sequence: head.sequence }));
                }
                behind_checkpoint = self.last.saturating_sub(head.sequence);
            }
        }
        for (anchor, met) in self.anchors.iter().zip(&self.met) {
            if !met {
                self.flaws.push(of_head(FlawKind::NotTheAnchors { sequence: anchor.sequence }));
            }
        }
        Verdict {
            entries: self.entries,
            files,
            last: self.last,
            hash: self.before,
            is_keyed: self.key.is_some(),
            behind_checkpoint,
            back_in_time: self.back_in_time,
            flaws: self.flaws,
        }
    }
}
