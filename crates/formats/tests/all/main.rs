//! All integration tests of the room, in one program.
#![allow(clippy::unwrap_used)]

mod archives;
mod conformance;
mod crooked;
mod documents;
mod golden;
mod hostile;
mod npz;
mod objects;
mod pictures;
mod shared;
mod volumes;
mod writing;
