//! DIMSE: the archive as an application entity, and as one that sends to others.

mod association;
mod command;
mod error;
mod identifier;
mod link;
mod requestor;
mod retrieve;
mod service;
mod socket;

pub use error::DimseError;
pub use requestor::{Kind, Outgoing, Peer, Requestor};
pub use service::{Service, Settings};
pub use socket::Socket;
