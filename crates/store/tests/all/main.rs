//! The archive as its users see it.

mod archive;
mod backup;
mod bin;
mod hostile;
mod killed;
mod killed_reports;
mod matching;
mod objects;
mod queue;
mod reports;
mod sealed;
mod worklist;
