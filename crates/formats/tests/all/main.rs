//! All integration tests of the room, in one program.
#![allow(clippy::unwrap_used)]

mod archives;
mod bytes;
mod cines;
mod conformance;
mod corpus;
mod crooked;
mod documents;
mod golden;
mod hostile;
mod jpeg2000;
mod jpeg_xl;
mod label_maps;
mod metaimage;
mod npz;
mod nrrd;
mod objects;
mod orientation;
mod peers;
mod pictures;
mod shared;
mod volumes;
mod writing;
