//! DIMSE: the archive as an application entity, and as one that sends to others.

mod association;
mod command;
mod commitment;
mod courier;
mod error;
mod identifier;
mod link;
mod requestor;
mod requestor_into;
mod requestor_query;
mod requestor_retrieve;
mod retrieve;
mod service;
mod socket;
#[cfg(test)]
mod tests;
mod worklist;

pub use error::DimseError;
pub use requestor::{Kind, Outgoing, Peer, Requestor};
pub use requestor_into::{IntoArchive, IntoFolder};
pub use requestor_query::{Question, Rows};
pub use requestor_retrieve::{Incoming, Moved};
pub use service::{Service, Settings};
pub use socket::Socket;
