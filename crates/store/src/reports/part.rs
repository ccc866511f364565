//! The bytes of a version, a picture or a set of macros as they lie in the catalog: sealed where the archive is.

use std::path::PathBuf;

use sha2::{Digest, Sha256};
use wilhelm_privacy::SystemEntropy;
use wilhelm_privacy::seal::{open, seal};

use crate::StoreError;
use crate::objects::{Checksum, Folders};

/// Bytes as they lie, with the hash of what they were before.
pub(crate) struct Kept {
    pub sha256: Checksum,
    pub is_sealed: bool,
    pub bytes: Vec<u8>,
}

/// What a version is called.
pub(crate) fn version(number: u32) -> String {
    format!("version {number}")
}

/// What a file is called.
pub(crate) fn file(name: &str) -> String {
    format!("file {name}")
}

/// Whose part it is.
#[derive(Clone, Copy)]
pub(crate) enum Owner<'a> {
    /// A report, by its name.
    Report(&'a str),
    /// A project of annotation, by its name.
    Project(&'a str),
}

impl Owner<'_> {
    fn words(self) -> String {
        match self {
            Self::Report(id) => format!("report {id}"),
            Self::Project(id) => format!("annotation project {id}"),
        }
    }

    /// What bytes are sealed for: the owner and the part, so that no other part stands in their place.
    fn context(self, part: &str) -> String {
        format!("wilhelm archive {} {part}", self.words())
    }

    /// The part as errors name it.
    fn called(self, part: &str) -> PathBuf {
        PathBuf::from(format!("{part} of {}", self.words()))
    }

    fn changed(self, part: &str) -> StoreError {
        let part = part.to_owned();
        match self {
            Self::Report(id) => StoreError::Report { report: id.to_owned(), part },
            Self::Project(id) => StoreError::Annotation { project: id.to_owned(), part },
        }
    }
}

/// Bytes on their way into the catalog.
///
/// # Errors
/// [`StoreError::Sealed`].
pub(crate) fn kept(folders: &Folders, report: &str, part: &str, bytes: Vec<u8>) -> Result<Kept, StoreError> {
    kept_of(folders, Owner::Report(report), part, bytes)
}

/// Bytes as they were before, compared with their hash.
///
/// # Errors
/// [`StoreError::NoKeys`], [`StoreError::Sealed`], [`StoreError::Report`].
pub(crate) fn opened(folders: &Folders, report: &str, part: &str, kept: Kept) -> Result<Vec<u8>, StoreError> {
    opened_of(folders, Owner::Report(report), part, kept)
}

/// As [`kept`], of any owner.
///
/// # Errors
/// [`StoreError::Sealed`].
pub(crate) fn kept_of(
    folders: &Folders,
    owner: Owner<'_>,
    part: &str,
    bytes: Vec<u8>,
) -> Result<Kept, StoreError> {
    let sha256: Checksum = Sha256::digest(&bytes).into();
    let Some(keys) = &folders.keys else { return Ok(Kept { sha256, is_sealed: false, bytes }) };
    let mut sealed = Vec::new();
    let context = owner.context(part);
    seal(bytes.as_slice(), &mut sealed, context.as_bytes(), keys, &mut SystemEntropy::default())
        .map_err(|source| StoreError::sealed(owner.called(part), source))?;
    Ok(Kept { sha256, is_sealed: true, bytes: sealed })
}

/// As [`opened`], of any owner.
///
/// # Errors
/// [`StoreError::NoKeys`], [`StoreError::Sealed`], and what says that the owner's part was changed.
pub(crate) fn opened_of(
    folders: &Folders,
    owner: Owner<'_>,
    part: &str,
    kept: Kept,
) -> Result<Vec<u8>, StoreError> {
    let bytes = if kept.is_sealed {
        let keys = folders.keys.as_ref().ok_or_else(|| StoreError::NoKeys { path: owner.called(part) })?;
        let mut plain = Vec::new();
        open(kept.bytes.as_slice(), &mut plain, owner.context(part).as_bytes(), keys)
            .map_err(|source| StoreError::sealed(owner.called(part), source))?;
        plain
    } else {
        kept.bytes
    };
    if Checksum::from(Sha256::digest(&bytes)) == kept.sha256 { Ok(bytes) } else { Err(owner.changed(part)) }
}
