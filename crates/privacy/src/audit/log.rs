use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, SubsecRound, Utc};

use super::entry::{Entry, GENESIS, hash};
use super::segment::{self, HEAD, Head, LOCK};
use super::{Action, Actor, AuditError, AuditKey, Event, Object, ObjectKind, Outcome};
use crate::durable::{self, Lock};
use crate::hex;

/// Size from which on a new file begins, in bytes.
const SEGMENT_BYTES: u64 = 8 << 20;

/// An append-only, chained log in a folder, for several writers in one process and several processes.
#[derive(Debug)]
pub struct AuditLog {
    folder: PathBuf,
    key: AuditKey,
    segment_bytes: u64,
    end: Mutex<Option<End>>,
}

/// What an append gives back, once it is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Number of the entry, of several the last.
    pub sequence: u64,
    /// SHA-256 of its line: kept elsewhere, it proves that the log once held it.
    pub hash: String,
}

/// Where the log ends, as this process left it.
#[derive(Debug)]
struct End {
    file: File,
    number: u64,
    length: u64,
    sequence: u64,
    hash: String,
}

impl AuditLog {
    /// Opens the log of a folder, or begins one.
    ///
    /// What a killed writer left of a line that nobody was told of is set aside in a file `torn-...` of the folder, and an
    /// entry says so. The chain is followed by [`super::verify`]; here the end alone is looked at.
    ///
    /// # Errors
    /// [`AuditError::Broken`] if the end is not where the checkpoint has it, [`AuditError::WrongKey`], and whatever the
    /// disk says.
    pub fn open(folder: &Path, key: AuditKey, at: DateTime<Utc>) -> Result<Self, AuditError> {
        Self::open_with(folder, key, at, SEGMENT_BYTES)
    }

    /// As [`AuditLog::open`], with another size from which on a new file begins, in bytes.
    ///
    /// # Errors
    /// As [`AuditLog::open`].
    pub fn open_with(
        folder: &Path,
        key: AuditKey,
        at: DateTime<Utc>,
        segment_bytes: u64,
    ) -> Result<Self, AuditError> {
        durable::create_folder(folder).map_err(|source| AuditError::Io {
            action: "made",
            path: folder.to_owned(),
            source,
        })?;
        let log = Self { folder: folder.to_owned(), key, segment_bytes, end: Mutex::new(None) };
        log.write(at, &[])?;
        Ok(log)
    }

    /// The key, for references.
    pub const fn key(&self) -> &AuditKey {
        &self.key
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes one entry, and returns when it is on the disk.
    ///
    /// # Errors
    /// [`AuditError`]; then nothing was acknowledged, and what it was about should not happen.
    pub fn append(&self, at: DateTime<Utc>, event: &Event) -> Result<Receipt, AuditError> {
        self.append_all(at, std::slice::from_ref(event))
    }

    /// Writes several entries at once, all or none, and returns when they are on the disk.
    ///
    /// # Errors
    /// As [`AuditLog::append`].
    pub fn append_all(&self, at: DateTime<Utc>, events: &[Event]) -> Result<Receipt, AuditError> {
        events.iter().try_for_each(Event::check)?;
        self.write(at, events)
    }

    fn write(&self, at: DateTime<Utc>, events: &[Event]) -> Result<Receipt, AuditError> {
        // A writer that panicked left the file as a killed one does: it is looked at again.
        let mut slot = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        let lock_path = self.folder.join(LOCK);
        let _lock =
            Lock::exclusive(&lock_path).map_err(|source| self.failed("locked", &lock_path, source))?;
        let mut own: Vec<Event> = Vec::new();
        let end = match slot.take() {
            Some(end) if self.is_current(&end) => end,
            _ => self.find_end(&mut own)?,
        };
        own.extend_from_slice(events);
        let end = if own.is_empty() { end } else { self.extend(end, at, &own)? };
        let receipt = Receipt { sequence: end.sequence, hash: end.hash.clone() };
        *slot = Some(end);
        Ok(receipt)
    }

    /// Whether nobody else wrote since.
    fn is_current(&self, end: &End) -> bool {
        let path = segment::path_of(&self.folder, end.number);
        let is_last = !segment::path_of(&self.folder, end.number + 1).exists();
        is_last && std::fs::metadata(path).is_ok_and(|there| there.len() == end.length)
    }

    /// Looks where the log ends; events that have to be written first are added to `own`.
    fn find_end(&self, own: &mut Vec<Event>) -> Result<End, AuditError> {
        let broken = |what: String| AuditError::Broken { path: self.folder.clone(), what };
        let numbers = segment::numbers(&self.folder)?;
        let head = Head::read(&self.folder)?;
        let whole =
            |action| Event::new(Actor::program(), action, Object::whole(ObjectKind::Log), Outcome::Done);
        let Some(number) = numbers.last().copied() else {
            if head.is_some() {
                return Err(broken("there is a checkpoint and no entry".to_owned()));
            }
            own.push(whole(Action::LogBegun));
            return self.begin(1, 0, GENESIS.to_owned());
        };
        let bytes = segment::read(&self.folder, number)?;
        let (lines, torn) = segment::lines(&bytes);
        let mut last = lines.last().map(|line| line.to_vec());
        // A file that was begun and holds no line yet: the end is that of the file before it.
        if last.is_none() && number > 1 {
            let earlier = segment::read(&self.folder, number - 1)?;
            last = segment::lines(&earlier).0.last().map(|line| line.to_vec());
        }
        let (sequence, line_hash) = match &last {
            None => (0, GENESIS.to_owned()),
            Some(line) => {
                let (entry, body, mac) = Entry::parse(line)
                    .ok_or_else(|| broken(format!("its last line, in file {number}, is no entry")))?;
                if !self.key.is_entry(body.as_bytes(), &mac) {
                    return Err(AuditError::WrongKey { path: self.folder.clone() });
                }
                (entry.sequence, hash(line))
            }
        };
        match head {
            // Killed between the first entry and its checkpoint.
            None if sequence <= 1 => {}
            None => return Err(broken("its checkpoint is missing".to_owned())),
            Some(Err(())) => return Err(broken("its checkpoint is unreadable".to_owned())),
            Some(Ok(head)) if !head.is_of(&self.key) => {
                return Err(AuditError::WrongKey { path: self.folder.clone() });
            }
            Some(Ok(head)) if head.sequence > sequence => {
                return Err(broken(format!(
                    "it ends with entry {sequence}, and its checkpoint is of entry {}",
                    head.sequence
                )));
            }
            Some(Ok(head)) if head.sequence == sequence && head.hash != line_hash => {
                return Err(broken(format!("entry {sequence} is not the one of its checkpoint")));
            }
            Some(Ok(_)) => {}
        }
        let length = (bytes.len() - torn.len()) as u64;
        let path = segment::path_of(&self.folder, number);
        let file = OpenOptions::new()
            .append(true)
            .open(&path)
            .map_err(|source| self.failed("opened", &path, source))?;
        if sequence == 0 {
            own.push(whole(Action::LogBegun));
        }
        if !torn.is_empty() {
            own.push(self.set_aside(torn, sequence + 1, whole(Action::LogTorn))?);
            file.set_len(length)
                .and_then(|()| file.sync_all())
                .map_err(|source| self.failed("repaired", &path, source))?;
        }
        Ok(End { file, number, length, sequence, hash: line_hash })
    }

    /// Keeps what a killed writer left, and makes the event that says so.
    fn set_aside(&self, torn: &[u8], sequence: u64, event: Event) -> Result<Event, AuditError> {
        let sha256 = hex::sha256(torn);
        let name = format!("torn-{sequence:06}-{}.bin", &sha256[..8]);
        let path = self.folder.join(&name);
        durable::replace(&path, torn, true).map_err(|source| self.failed("repaired", &path, source))?;
        Ok(event.with("bytes", torn.len().to_string()).with("file", name).with("sha256", sha256))
    }

    fn begin(&self, number: u64, sequence: u64, hash: String) -> Result<End, AuditError> {
        let path = segment::path_of(&self.folder, number);
        let file = durable::private(OpenOptions::new().create_new(true).append(true))
            .open(&path)
            .map_err(|source| self.failed("begun", &path, source))?;
        durable::sync_folder(&self.folder).map_err(|source| self.failed("begun", &path, source))?;
        Ok(End { file, number, length: 0, sequence, hash })
    }

    /// Writes events behind an end.
    fn extend(&self, mut end: End, at: DateTime<Utc>, events: &[Event]) -> Result<End, AuditError> {
        if end.length >= self.segment_bytes {
            end = self.begin(end.number + 1, end.sequence, end.hash)?;
        }
        let at = at.trunc_subsecs(3);
        let mut bytes = Vec::new();
        for event in events {
            let entry = Entry { sequence: end.sequence + 1, at, before: end.hash, event: event.clone() };
            let line = entry.line(&self.key);
            end.sequence = entry.sequence;
            end.hash = hash(line.as_bytes());
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
        }
        let path = segment::path_of(&self.folder, end.number);
        if let Err(source) = end.file.write_all(&bytes).and_then(|()| end.file.sync_data()) {
            // Nothing was acknowledged; where this fails too, the next writer sets the rest aside.
            let _ = end.file.set_len(end.length);
            return Err(self.failed("written", &path, source));
        }
        end.length += bytes.len() as u64;
        let head = Head::new(end.sequence, end.hash.clone(), &self.key);
        let path = self.folder.join(HEAD);
        durable::replace(&path, &head.to_bytes(), false)
            .map_err(|source| self.failed("checkpointed", &path, source))?;
        Ok(end)
    }

    fn failed(&self, action: &'static str, path: &Path, source: io::Error) -> AuditError {
        AuditError::Io { action, path: path.to_owned(), source }
    }
}
