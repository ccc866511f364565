//! The archive on the network: DIMSE, DICOMweb, and a page of studies.

pub mod dimse;
mod transcode;

pub use transcode::TranscodeError;

/// DICOM's application context.
pub(crate) const APPLICATION_CONTEXT: &str = "1.2.840.10008.3.1.1.1";
/// Identifies this program as the writer of files and the speaker of associations (PS3.7 Annex D.3.3.2).
pub(crate) const IMPLEMENTATION_CLASS_UID: &str = "2.25.329800735698586629295641978511506172918";
/// The program's version in 16 characters.
pub(crate) const IMPLEMENTATION_VERSION: &str = concat!("WILHELM_", env!("CARGO_PKG_VERSION"));
