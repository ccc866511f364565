//! Sending by DICOMweb (STOW-RS) to another archive, over lines that are slow and break.
//!
//! The principal function is [`send`]. It asks what is there already, sends the rest in small requests, one image of each
//! series first and then from the smallest, and asks again after each break; in the end it asks whether all is there.
//!
//! Invariants held here: nothing goes in the clear to another machine; nobody is sent to who is not on a list; no redirect is
//! followed; a token stands in no message.

mod http;
mod remote;
mod send;

pub use http::HttpError;
pub use remote::{Remote, RemoteError, Remotes};
pub use send::{Outbound, SendError, SendReport, SentObject, Watch, send};
