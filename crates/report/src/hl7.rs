//! A report as an HL7 version 2.5 message (ORU^R01), the message read again, the block it travels in (MLLP), and its
//! answer.
//!
//! Segments MSH, PID, OBR, one OBX a sentence and several a finding, in UTF-8. Nothing here opens a connection.
//!
//! # Source
//! HL7 v2.5, chapters 2 (control), 3 (PID) and 7 (OBR, OBX); Minimal Lower Layer Protocol, release 1

mod answer;
mod escape;
mod message;
mod read;

pub use answer::{Acknowledgment, AcknowledgmentCode, AnswerError, control_id, frame, unframe};
pub use message::{Parties, message};
pub use read::{MessageError, Received, read};
