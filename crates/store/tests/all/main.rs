//! The archive as its users see it.

mod archive;
mod backup;
mod bin;
mod hostile;
mod killed;
mod matching;
mod objects;
mod queue;
mod reports;
mod reports_killed;
mod sealed;
mod worklist;
