//! The archive as its users see it.

mod archive;
mod hostile;
mod matching;
mod objects;
mod reports;
mod reports_killed;
mod sealed;
