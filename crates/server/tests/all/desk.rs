//! The report desk as its users and other programs meet it.

mod fhir;
mod gate;
mod life;
mod queue;
mod reader;
mod rights;
pub mod site;
mod triage;
