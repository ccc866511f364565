use std::io;
use std::path::PathBuf;

use wilhelm_privacy::seal::SealError;

/// Why the archive could not do what was asked.
///
/// No variant holds a value of a patient: places are named by their tags, objects by their files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The bytes are no DICOM object, or break off.
    #[error("{place}: {message}")]
    Malformed {
        /// The element or part of the file.
        place: String,
        /// What was found, and what was expected.
        message: String,
    },
    /// An identifier without which the object has no place.
    #[error("element {tag} ({name}) is missing or no UID of 1 to 64 digits and dots")]
    NoIdentifier {
        /// The tag, as `(0008,0018)`.
        tag: &'static str,
        /// The attribute's keyword.
        name: &'static str,
    },
    /// More than a limit allows.
    #[error("{what} is {found}, the limit is {limit}")]
    TooLarge {
        /// What was measured, with its unit.
        what: &'static str,
        /// As found.
        found: u64,
        /// As allowed.
        limit: u64,
    },
    /// An object that says to be another than it was announced as.
    #[error("the object's {what} is not the one that it was sent as")]
    Mismatch {
        /// Which identifier.
        what: &'static str,
    },
    /// Another object with the same SOP Instance UID is there, with other content.
    #[error("another object with this SOP Instance UID is there, with other content: the first is kept")]
    Conflict,
    /// A query that cannot be understood.
    #[error("the query key {key} {message}")]
    Query {
        /// The attribute or parameter.
        key: String,
        /// What is wrong with it.
        message: String,
    },
    /// No such study, series, instance or frame.
    #[error("there is no such {what} in the archive")]
    NotFound {
        /// What was asked for.
        what: &'static str,
    },
    /// An order that cannot be made, changed or canceled.
    #[error("the order {message}")]
    Order {
        /// Why not.
        message: &'static str,
    },
    /// Patients that cannot be changed so.
    #[error("the patient {message}")]
    Patient {
        /// Why not.
        message: &'static str,
    },
    /// A work item whose UID is taken.
    #[error("a work item with this UID is there")]
    WorkitemThere,
    /// The disk is full.
    #[error("the disk of {} is full: nothing was kept of this object", path.display())]
    DiskFull {
        /// The archive's folder.
        path: PathBuf,
    },
    /// As many bytes are kept as may be.
    #[error(
        "the archive holds {used} of the {quota} bytes that it may hold (server.quota_bytes): nothing was kept of this object; empty the bin, delete studies or raise it"
    )]
    OverQuota {
        /// Bytes that are held, in the bin too.
        used: u64,
        /// As allowed.
        quota: u64,
    },
    /// A job that is in another state than what was asked of it wants.
    #[error("the job is {found}, expected one that is {expected}")]
    JobState {
        /// As it is.
        found: &'static str,
        /// As it would have to be.
        expected: &'static str,
    },
    /// A backup that cannot be made, read or used.
    #[error("the backup: {message}")]
    Backup {
        /// What was found, and what to do.
        message: String,
    },
    /// Files cannot be removed now.
    #[error("a backup is being made: nothing is removed until it is done")]
    BackingUp,
    /// A file or folder that cannot be used.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The catalog cannot be used.
    #[error("the catalog: {action}: {source}")]
    Catalog {
        /// What was being done.
        action: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A catalog that a later program wrote.
    #[error(
        "the catalog has version {found}, this program knows up to {known}: use the program that wrote it, or a later one"
    )]
    TooNew {
        /// The catalog's version.
        found: i64,
        /// The latest that this program knows.
        known: i64,
    },
    /// Another program holds the archive.
    #[error("the archive in {} is in use by another program", path.display())]
    InUse {
        /// The archive's folder.
        path: PathBuf,
    },
    /// A sealed object does not open.
    #[error("the object {}: {source}", path.display())]
    Sealed {
        /// Its file.
        path: PathBuf,
        /// Why not.
        source: Box<SealError>,
    },
    /// A sealed object, and no keys.
    #[error("the object {} is sealed, and the archive was opened without keys: set archive.sealed", path.display())]
    NoKeys {
        /// Its file.
        path: PathBuf,
    },
    /// A report that was changed after it was looked at.
    #[error(
        "the report was changed in the meantime by {by} at {at}: it is at version {version} with {decisions} decisions; look at it again"
    )]
    Outdated {
        /// Its latest version.
        version: u32,
        /// How many decisions were made on it.
        decisions: u32,
        /// The account that changed it last.
        by: String,
        /// When, as RFC 3339 writes it.
        at: String,
    },
    /// A draft that is no longer the report of its series.
    #[error("a later reading of the series took the place of this draft, which is kept as it is")]
    Superseded,
    /// A version, a picture or another part of a report that is not what was written.
    #[error("{part} of report {report} is not what was written: run `wilhelm store check`")]
    Report {
        /// The report's name.
        report: String,
        /// Which part.
        part: String,
    },
    /// An answer or a final label that was changed after it was looked at.
    #[error("it was changed in the meantime and is at version {version}: look at it again")]
    AnswerOutdated {
        /// Its latest version.
        version: u32,
    },
    /// A project of annotation that takes no answers.
    #[error("the project is closed: it takes no answers until it is opened again")]
    ProjectClosed,
    /// A part of a project of annotation that is not what was written.
    #[error("{part} of annotation project {project} is not what was written: run `wilhelm store check`")]
    Annotation {
        /// The project's name.
        project: String,
        /// Which part.
        part: String,
    },
    /// A consultation that is over, or whose link opens nothing any more.
    #[error("the consultation {message}")]
    Consultation {
        /// Why not.
        message: &'static str,
    },
    /// The archive is being closed.
    #[error("the archive is being closed")]
    Closed,
}

impl StoreError {
    pub(crate) fn malformed(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Malformed { place: place.into(), message: message.into() }
    }

    pub(crate) fn backup(message: impl Into<String>) -> Self {
        Self::Backup { message: message.into() }
    }

    /// Wraps what the system said about a file; a full disk is told apart.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path: path.into() },
            _ => Self::Io { action, path: path.into(), source },
        }
    }

    pub(crate) fn sealed(path: impl Into<PathBuf>, source: SealError) -> Self {
        Self::Sealed { path: path.into(), source: Box::new(source) }
    }

    pub(crate) fn catalog(action: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Catalog { action, source }
    }

    /// Whether who asked can do something about it; otherwise it is the archive's own trouble.
    pub fn is_callers_fault(&self) -> bool {
        matches!(
            self,
            Self::Malformed { .. }
                | Self::NoIdentifier { .. }
                | Self::TooLarge { .. }
                | Self::Conflict
                | Self::Mismatch { .. }
                | Self::Query { .. }
                | Self::JobState { .. }
                | Self::Backup { .. }
                | Self::NotFound { .. }
                | Self::Outdated { .. }
                | Self::Superseded
                | Self::AnswerOutdated { .. }
                | Self::ProjectClosed
                | Self::Consultation { .. }
                | Self::Order { .. }
                | Self::WorkitemThere
                | Self::Patient { .. }
        )
    }
}
