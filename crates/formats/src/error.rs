use std::io;
use std::path::{Path, PathBuf};

use wilhelm_study::{GeometryError, VoxelError};

/// Why something could not be read or written: the place, what was found, what was expected.
///
/// No variant holds a patient's value; the path is the one the caller gave and travels in
/// [`Failure`](crate::Failure).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The operating system refused.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was attempted, for example `reading`.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Nothing is at the given path.
    #[error("{} does not exist", path.display())]
    NotFound {
        /// The path.
        path: PathBuf,
    },
    /// The target exists and overwriting was not asked for.
    #[error("{} exists already and overwriting was not asked for", path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// The folder of a target cannot be written to.
    #[error("folder {} cannot be written to: {source}", path.display())]
    UnwritableFolder {
        /// The folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The disk is full.
    #[error("no space left on the disk of {}", path.display())]
    DiskFull {
        /// The target.
        path: PathBuf,
    },
    /// A file of 0 bytes.
    #[error("file is empty")]
    Empty,
    /// Content that is no image this program knows.
    #[error("not an image: found {found}, expected DICOM, NIfTI, NRRD, MetaImage, PNG, JPEG or TIFF")]
    NotAnImage {
        /// What the content looks like.
        found: String,
    },
    /// A DICOM object without pixels to look at.
    #[error("DICOM object ({sop_class}) is no picture to read")]
    NotAnImageObject {
        /// Name or UID of its SOP class.
        sop_class: String,
    },
    /// Content that ends before what it declares.
    #[error("{place} ends after {found} bytes, expected {expected}")]
    Truncated {
        /// Where.
        place: String,
        /// Bytes there.
        found: u64,
        /// Bytes declared.
        expected: u64,
    },
    /// Content locked with a password.
    #[error("{place} is encrypted, expected readable content")]
    Encrypted {
        /// Which file or entry.
        place: String,
    },
    /// A transfer syntax this program cannot decode.
    #[error("transfer syntax {name} ({uid}) is not supported")]
    TransferSyntax {
        /// Its name in the Standard, `unknown` where it has none.
        name: String,
        /// Its UID; `not a UID` where the field holds something else.
        uid: String,
    },
    /// Something declared that this program does not read.
    #[error("{what} is not supported{}", expected.map(|e| format!(", expected {e}")).unwrap_or_default())]
    Unsupported {
        /// What was found.
        what: String,
        /// What would have been read.
        expected: Option<&'static str>,
    },
    /// More than the configured limit.
    #[error("{what} is {declared}, the limit is {limit}")]
    TooLarge {
        /// What is too large, for example `number of voxels`.
        what: &'static str,
        /// How much was declared or found.
        declared: u64,
        /// The limit.
        limit: u64,
    },
    /// A small file that declares a far larger image than it can hold.
    #[error("declares {declared} bytes of pixels but holds {held}: refused as a pixel bomb")]
    PixelBomb {
        /// Bytes of pixels declared.
        declared: u64,
        /// Bytes that the file holds for them.
        held: u64,
    },
    /// An archive that expands beyond reason.
    #[error("{place} expands to {expanded} bytes from {stored}: refused as an archive bomb (limit {limit})")]
    ArchiveBomb {
        /// Which archive.
        place: String,
        /// Bytes after expansion, as declared or as counted until the refusal.
        expanded: u64,
        /// Bytes stored.
        stored: u64,
        /// The limit that was passed: a number of bytes.
        limit: u64,
    },
    /// An archive inside an archive.
    #[error("{place} is an archive inside an archive, expected images")]
    NestedArchive {
        /// Which entry.
        place: String,
    },
    /// Content that contradicts its own format.
    #[error("{place}: {message}")]
    Malformed {
        /// DICOM tag, header field or offset.
        place: String,
        /// What was found and what was expected.
        message: String,
    },
    /// Values that are all not numbers.
    #[error("all {count} values are not finite, expected at least one number")]
    NoFiniteValue {
        /// How many values there are.
        count: u64,
    },
    /// The grid declared is no grid.
    #[error("geometry: {0}")]
    Geometry(#[from] GeometryError),
    /// Pixels that do not fit their grid.
    #[error("pixels: {0}")]
    Voxels(#[from] VoxelError),
    /// The caller asked to stop.
    #[error("reading was cancelled")]
    Cancelled,
}

impl FormatError {
    /// Whether the input is at fault (exit code 3, HTTP 4xx) rather than this machine.
    pub fn is_callers_fault(&self) -> bool {
        match self {
            Self::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory
            ),
            Self::DiskFull { .. } => false,
            _ => true,
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { path: path.to_owned() },
            io::ErrorKind::StorageFull => Self::DiskFull { path: path.to_owned() },
            _ => Self::Io { action, path: path.to_owned(), source },
        }
    }

    pub(crate) fn malformed(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Malformed { place: place.into(), message: message.into() }
    }

    pub(crate) fn unsupported(what: impl Into<String>, expected: &'static str) -> Self {
        Self::Unsupported { what: what.into(), expected: Some(expected) }
    }
}
