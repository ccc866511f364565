//! The archive as its users see it.

mod archive;
mod hostile;
mod killed;
mod matching;
mod objects;
mod reports;
mod sealed;
