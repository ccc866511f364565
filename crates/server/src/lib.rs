//! The archive on the network: DIMSE, DICOMweb, and a page of studies.
//!
//! The principal type is [`Server`]: an archive in, two listeners out. [`dimse::Requestor`] sends to others.
//!
//! Invariants held here: without sign-in and TLS, HTTP is for this machine alone; what is not public is asked for by somebody
//! whose roles hold it, and stands in the audit log before it is given; an object is acknowledged once the archive says that
//! it is durable; what is large is streamed, and a slow client holds back its own answer alone; the length of anything that
//! comes from outside is judged before it is taken; no log and no error holds a patient's value.

pub mod annotate;
mod consult;
pub mod desk;
pub mod dimse;
pub mod events;
pub mod hl7;
mod http;
mod jobs;
mod ledger;
mod lines;
pub mod rules;
mod serve;
mod sign_in;
mod tls;
mod transcode;
pub mod web;
pub mod work;

pub use jobs::Settings as JobSettings;
pub use ledger::Ledger;
pub use serve::{Orders, ServeError, Server, Settings};
pub use sign_in::SignIn;
pub use tls::{Tls, TlsError};
pub use transcode::TranscodeError;

/// DICOM's application context.
pub(crate) const APPLICATION_CONTEXT: &str = "1.2.840.10008.3.1.1.1";
/// Identifies this program as the writer of files and the speaker of associations (PS3.7 Annex D.3.3.2).
pub(crate) const IMPLEMENTATION_CLASS_UID: &str = "2.25.329800735698586629295641978511506172918";
/// The program's version in 16 characters.
pub(crate) const IMPLEMENTATION_VERSION: &str = concat!("WILHELM_", env!("CARGO_PKG_VERSION"));
