//! HL7 v2 over MLLP: orders into the worklist, and what becomes of patients.
//!
//! Source: HL7 v2.5.1 Chapters 2, 3 and 4, IHE RAD TF-2 RAD-2, RAD-4 and RAD-12, and the Minimal Lower Layer Protocol, release 1.

mod answer;
mod block;
mod order;
mod patient;
mod service;
mod take;
mod value;

pub use service::{Service, Settings};
