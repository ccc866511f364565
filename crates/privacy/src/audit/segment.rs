//! The files of a log, and its checkpoint.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{AuditError, AuditKey};

/// Name of the checkpoint.
pub(super) const HEAD: &str = "head.json";
/// Name of the lock between processes.
pub(super) const LOCK: &str = "lock";

/// The file of a segment's number, from 1.
pub(super) fn path_of(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("audit-{number:06}.jsonl"))
}

/// The numbers of all segments, in order.
pub(super) fn numbers(folder: &Path) -> Result<Vec<u64>, AuditError> {
    let failed = |source: io::Error| AuditError::Io { action: "listed", path: folder.to_owned(), source };
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let number: Option<u64> = name
            .to_str()
            .and_then(|name| name.strip_prefix("audit-")?.strip_suffix(".jsonl"))
            .filter(|digits| digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The bytes of a segment.
pub(super) fn read(folder: &Path, number: u64) -> Result<Vec<u8>, AuditError> {
    let path = path_of(folder, number);
    std::fs::read(&path).map_err(|source| AuditError::Io { action: "read", path, source })
}

/// Whole lines without their ends, and the bytes behind the last of them.
pub(super) fn lines(bytes: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let torn = lines.pop().unwrap_or_default();
    (lines, torn)
}

/// The checkpoint: how far the log went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    /// Number of the last entry.
    pub sequence: u64,
    /// SHA-256 of its line.
    pub hash: String,
    /// HMAC of both.
    pub mac: String,
}

impl Head {
    pub(super) fn new(sequence: u64, hash: String, key: &AuditKey) -> Self {
        let mac = key.sign_head(Self::signed(sequence, &hash).as_bytes());
        Self { sequence, hash, mac }
    }

    fn signed(sequence: u64, hash: &str) -> String {
        format!("{sequence} {hash}")
    }

    pub(super) fn is_of(&self, key: &AuditKey) -> bool {
        key.is_head(Self::signed(self.sequence, &self.hash).as_bytes(), &self.mac)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut text = serde_json::to_string(self).expect("a checkpoint is JSON");
        text.push('\n');
        text.into_bytes()
    }

    /// The checkpoint of a folder: none, or none that can be read (in the inner `Err`).
    pub(super) fn read(folder: &Path) -> Result<Option<Result<Self, ()>>, AuditError> {
        let path = folder.join(HEAD);
        match std::fs::read(&path) {
            Ok(bytes) => {
                let head = serde_json::from_slice::<Self>(&bytes).ok();
                Ok(Some(head.filter(|head| head.to_bytes() == bytes).ok_or(())))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(AuditError::Io { action: "read", path, source }),
        }
    }
}
