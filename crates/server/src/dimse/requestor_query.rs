//! C-FIND as the asking side.
//!
//! Source: PS3.4 Section C.4.1.

use std::time::Duration;

use dicom_core::Tag;
use dicom_core::VR;
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_dictionary_std::{StandardDataDictionary, tags, uids};
use serde_json::{Map, Value};
use wilhelm_store::{Content, Level, Limits, data_set_json};
use wilhelm_study::Phi;

use super::DimseError;
use super::command::{Command, field, kind, padded, status};
use super::identifier::{text_of, write};
use super::link::Link;
use super::requestor::{Peer, Proposal, Requestor};

/// Longest answer of a query, in bytes.
const LONGEST: usize = 1 << 20;
/// Most answers that may still come after a question was taken back.
const MOST_AFTER_CANCEL: usize = 10_000;

/// What another archive is asked for.
#[derive(Clone, Debug)]
pub struct Question {
    /// Studies, series or objects; patients are asked for in the Patient Root.
    pub level: Level,
    /// Keys with the values they are matched with; "" is only to be answered.
    pub keys: Vec<(Tag, Phi<String>)>,
}

impl Question {
    /// All of a level.
    pub fn new(level: Level) -> Self {
        Self { level, keys: Vec::new() }
    }

    /// The same question with one more key.
    #[must_use]
    pub fn with(mut self, tag: Tag, value: &str) -> Self {
        self.keys.push((tag, Phi::new(value.to_owned())));
        self
    }

    /// The root that it is asked in: 0 is find, 1 move, 2 get.
    pub(crate) fn class(&self, service: usize) -> &'static str {
        let of_patients = [
            uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_FIND,
            uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_MOVE,
            uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_GET,
        ];
        let of_studies = [
            uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_FIND,
            uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_MOVE,
            uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_GET,
        ];
        if self.level == Level::Patient { of_patients[service] } else { of_studies[service] }
    }

    /// Its identifier as a data set.
    pub(crate) fn data_set(&self, transfer_syntax: &str) -> Vec<u8> {
        let explicit = transfer_syntax != uids::IMPLICIT_VR_LITTLE_ENDIAN;
        let level = match self.level {
            Level::Patient => "PATIENT",
            Level::Study => "STUDY",
            Level::Series => "SERIES",
            Level::Instance => "IMAGE",
        };
        let mut elements = vec![(tags::QUERY_RETRIEVE_LEVEL, level)];
        elements.extend(self.keys.iter().map(|(tag, value)| (*tag, value.expose().as_str())));
        if elements.iter().any(|(_, value)| !value.is_ascii()) {
            elements.push((tags::SPECIFIC_CHARACTER_SET, "ISO_IR 192"));
        }
        elements.sort_by_key(|(tag, _)| *tag);
        elements.dedup_by_key(|(tag, _)| *tag);
        let mut bytes = Vec::with_capacity(256);
        for (tag, value) in elements {
            let vr = StandardDataDictionary.by_tag(tag).map_or(VR::LO, |entry| entry.vr().relaxed());
            write(&mut bytes, explicit, tag, vr, &padded(value, if vr == VR::UI { 0 } else { b' ' }));
        }
        bytes
    }
}

/// The answers to a question.
#[derive(Debug, Default)]
pub struct Rows {
    /// Each answer: its attributes as text, several values with `\` between them.
    pub rows: Vec<Vec<(Tag, Phi<String>)>>,
    /// Whether there were more than were wanted.
    pub cut: bool,
}

impl Requestor {
    /// Associates with a peer to ask a question.
    ///
    /// # Errors
    /// [`DimseError::Connection`], [`DimseError::Rejected`], [`DimseError::Protocol`].
    pub fn to_ask(
        peer: &Peer,
        our_title: &str,
        question: &Question,
        timeout: Duration,
    ) -> Result<Self, DimseError> {
        Self::propose(peer, our_title, &[Proposal::asking(question.class(0))], timeout)
    }

    /// Asks, and takes at most `most` answers; what comes after them is canceled. Where the other side goes on answering nevertheless,
    /// the association is aborted.
    ///
    /// # Errors
    /// [`DimseError::Status`] where the other side cannot answer; [`DimseError`].
    pub fn find(&mut self, question: &Question, most: usize) -> Result<Rows, DimseError> {
        let context = self.context_of(question.class(0))?;
        let message = self.next_message();
        let command = Command::new(kind::C_FIND, true)
            .number(field::MESSAGE_ID, message)
            .number(field::PRIORITY, 0)
            .uid(field::AFFECTED_SOP_CLASS, &context.abstract_syntax);
        let identifier = question.data_set(&context.transfer_syntax);
        self.link.send(context.id, &command, Some(&mut identifier.as_slice()))?;
        let mut answers = Rows::default();
        let mut after = 0;
        loop {
            let (on, response) = self.link.command()?.ok_or(DimseError::Released)?;
            if response.kind() != kind::C_FIND | kind::RESPONSE {
                let found = format!("a command {:04X}", response.kind());
                return Err(DimseError::protocol(found, "an answer to a query"));
            }
            let bytes = if response.has_data() { self.link.small_data_set(on, LONGEST)? } else { None };
            match response.u16(field::STATUS).unwrap_or(status::UNABLE_TO_PROCESS) {
                status::SUCCESS => return Ok(answers),
                status::CANCELED if answers.cut => return Ok(answers),
                status::PENDING | status::PENDING_WITH_UNSUPPORTED if answers.cut => {
                    after += 1;
                    if after > MOST_AFTER_CANCEL {
                        tracing::warn!(
                            "the other side goes on answering what was canceled: it was hung up on"
                        );
                        self.link.abort();
                        self.aborted = true;
                        return Ok(answers);
                    }
                }
                status::PENDING | status::PENDING_WITH_UNSUPPORTED => {
                    if answers.rows.len() == most {
                        answers.cut = true;
                        cancel(&mut self.link, context.id, message)?;
                        continue;
                    }
                    let bytes = bytes.ok_or_else(|| {
                        DimseError::protocol("an answer without a data set, or too long a one", "a data set")
                    })?;
                    answers.rows.push(row(bytes, &context.transfer_syntax)?);
                }
                status => return Err(DimseError::Status { status }),
            }
        }
    }
}

/// Takes a question back.
fn cancel(link: &mut Link, context: u8, message: u16) -> Result<(), DimseError> {
    let command = Command::new(kind::C_CANCEL, false).number(field::RESPONDED_TO, message);
    link.send(context, &command, None)
}

fn row(bytes: Vec<u8>, transfer_syntax: &str) -> Result<Vec<(Tag, Phi<String>)>, DimseError> {
    let json = data_set_json(&Content::Memory(bytes), transfer_syntax, &Limits::default())?;
    let unreadable = || DimseError::protocol("an answer that cannot be read", "a data set");
    let json: Map<String, Value> = serde_json::from_str(&json).map_err(|_| unreadable())?;
    json.iter()
        .map(|(key, attribute)| {
            let number = u32::from_str_radix(key, 16).map_err(|_| unreadable())?;
            let values = attribute["Value"].as_array().map(Vec::as_slice).unwrap_or_default();
            let text = values.iter().map(text_of).collect::<Vec<_>>().join("\\");
            Ok((Tag((number >> 16) as u16, (number & 0xFFFF) as u16), Phi::new(text)))
        })
        .collect()
}
