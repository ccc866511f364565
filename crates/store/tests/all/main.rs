//! The archive as its users see it.

mod annotations;
mod archive;
mod backup;
mod bin;
mod consult;
mod hostile;
mod killed;
mod matching;
mod objects;
mod queue;
mod reports;
mod reports_killed;
mod sealed;
mod worklist;
