//! The bytes of a version, a picture or a set of macros as they lie in the catalog: sealed where the archive is.

use std::path::PathBuf;

use sha2::{Digest, Sha256};
use wilhelm_privacy::SystemEntropy;
use wilhelm_privacy::seal::{open, seal};

use crate::StoreError;
use crate::objects::{Checksum, Folders};

/// Bytes as they lie, with the hash of what they were before.
pub(super) struct Kept {
    pub sha256: Checksum,
    pub is_sealed: bool,
    pub bytes: Vec<u8>,
}

/// What a version is called.
pub(super) fn version(number: u32) -> String {
    format!("version {number}")
}

/// What a file is called.
pub(super) fn file(name: &str) -> String {
    format!("file {name}")
}

/// What bytes are sealed for: the report and the part, so that no other part stands in their place.
fn context(report: &str, part: &str) -> String {
    format!("wilhelm archive report {report} {part}")
}

/// Bytes on their way into the catalog.
///
/// # Errors
/// [`StoreError::Sealed`].
pub(super) fn kept(folders: &Folders, report: &str, part: &str, bytes: Vec<u8>) -> Result<Kept, StoreError> {
    let sha256: Checksum = Sha256::digest(&bytes).into();
    let Some(keys) = &folders.keys else { return Ok(Kept { sha256, is_sealed: false, bytes }) };
    let mut sealed = Vec::new();
    let context = context(report, part);
    seal(bytes.as_slice(), &mut sealed, context.as_bytes(), keys, &mut SystemEntropy::default())
        .map_err(|source| StoreError::sealed(called(report, part), source))?;
    Ok(Kept { sha256, is_sealed: true, bytes: sealed })
}

/// Bytes as they were before, compared with their hash.
///
/// # Errors
/// [`StoreError::NoKeys`], [`StoreError::Sealed`], [`StoreError::Report`].
pub(super) fn opened(folders: &Folders, report: &str, part: &str, kept: Kept) -> Result<Vec<u8>, StoreError> {
    let bytes = if kept.is_sealed {
        let keys = folders.keys.as_ref().ok_or_else(|| StoreError::NoKeys { path: called(report, part) })?;
        let mut plain = Vec::new();
        open(kept.bytes.as_slice(), &mut plain, context(report, part).as_bytes(), keys)
            .map_err(|source| StoreError::sealed(called(report, part), source))?;
        plain
    } else {
        kept.bytes
    };
    if Checksum::from(Sha256::digest(&bytes)) == kept.sha256 {
        Ok(bytes)
    } else {
        Err(StoreError::Report { report: report.to_owned(), part: part.to_owned() })
    }
}

/// The part as errors name it.
fn called(report: &str, part: &str) -> PathBuf {
    PathBuf::from(format!("{part} of report {report}"))
}
