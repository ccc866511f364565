//! The acknowledgment of a message.

use chrono::{DateTime, Utc};
use wilhelm_formats::hl7::{Message, MessageError};
use wilhelm_store::StoreError;

/// How a message was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// Not done because of what it says: sent again, it is refused again.
    Error,
    /// Of a type, event or version that is not handled, or not possible now.
    Reject,
}

/// Why a message was not taken: a code of table 0357, and a sentence without a patient's values.
#[derive(Debug)]
pub(super) struct Refusal {
    pub code: Code,
    pub condition: u16,
    pub why: String,
}

impl Refusal {
    pub(super) fn error(condition: u16, why: impl Into<String>) -> Self {
        Self { code: Code::Error, condition, why: why.into() }
    }

    pub(super) fn reject(condition: u16, why: impl Into<String>) -> Self {
        Self { code: Code::Reject, condition, why: why.into() }
    }

    pub(super) fn missing(place: &str, what: &str) -> Self {
        Self::error(101, format!("{place} is empty, expected {what}"))
    }
}

impl From<MessageError> for Refusal {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::Escape { .. } => Self::error(102, error.to_string()),
            _ => Self::error(100, error.to_string()),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        if error.is_callers_fault() {
            return Self::error(204, error.to_string());
        }
        tracing::error!(%error, "a message could not be carried out");
        Self::reject(207, "the archive failed: send it again later")
    }
}

/// An acknowledgment as the answer to a message, of which `header` may be all that could be read.
///
/// # Source
/// HL7 v2.5.1 Section 2.9.2, 2.15.1, 2.15.5
pub(super) fn acknowledgment(
    header: Option<&Message>,
    refused: Option<&Refusal>,
    now: DateTime<Utc>,
) -> Vec<u8> {
    let field = |number| header.map_or("", |message| message.header().field(number).raw());
    let event = header.map_or("", |message| message.header().field(9).component(2).raw());
    // Fields are repeated as they came where they have our separators, and left out where they have not.
    let ours = header.is_none_or(|message| {
        let header = message.header();
        header.field(1).raw() == "|" && header.field(2).raw().starts_with("^~\\&")
    });
    let kept = |text: &str| if ours { text.chars().take(199).collect() } else { plain(text) };
    let version = match kept(field(12)) {
        version if version.is_empty() => "2.5.1".to_owned(),
        version => version,
    };
    let kind = if event.is_empty() { "ACK".to_owned() } else { format!("ACK^{}", plain(event)) };
    let stamp = now.format("%Y%m%d%H%M%S");
    let control = kept(field(10));
    let processing = match kept(field(11)) {
        processing if processing.is_empty() => "P".to_owned(),
        processing => processing,
    };
    let ours_id = format!("{}{:09}", now.timestamp(), now.timestamp_subsec_nanos());
    let mut text = format!(
        "MSH|^~\\&|WILHELM||{}|{}|{stamp}||{kind}|{ours_id}|{processing}|{version}||||||UNICODE UTF-8\r",
        kept(field(3)),
        kept(field(4)),
    );
    match refused {
        None => text.push_str(&format!("MSA|AA|{control}\r")),
        Some(Refusal { code, condition, why }) => {
            let code = if *code == Code::Error { "AE" } else { "AR" };
            let why = plain(why);
            text.push_str(&format!("MSA|{code}|{control}|{}\r", why.chars().take(80).collect::<String>()));
            text.push_str(&format!("ERR|||{condition}^{}^HL70357|E||||{why}\r", words(*condition)));
        }
    }
    text.into_bytes()
}

/// A text without separators and control characters.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '|' | '^' | '~' | '\\' | '&')).take(199).collect()
}

/// Table 0357.
const fn words(condition: u16) -> &'static str {
    match condition {
        100 => "Segment sequence error",
        101 => "Required field missing",
        102 => "Data type error",
        103 => "Table value not found",
        200 => "Unsupported message type",
        201 => "Unsupported event code",
        203 => "Unsupported version id",
        204 => "Unknown key identifier",
        _ => "Application internal error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(message: &[u8], refused: Option<&Refusal>) -> String {
        let message = Message::read(message).ok();
        let now = "2026-07-05T09:30:00.5Z".parse().expect("a time");
        String::from_utf8(acknowledgment(message.as_ref(), refused, now)).expect("text")
    }

    #[test]
    fn an_answer_names_the_message_and_says_why() {
        let message = b"MSH|^~\\&|RIS|H|W|A|20260705||ORM^O01^ORM_O01|M\\F\\1|T|2.3.1\r";
        assert_eq!(
            answer(message, None),
            "MSH|^~\\&|WILHELM||RIS|H|20260705093000||ACK^O01|1783243800500000000|T|2.3.1||||||UNICODE UTF-8\rMSA|AA|M\\F\\1\r"
        );
        let refusal = Refusal::missing("PID-3", "the patient's ID");
        let text = answer(message, Some(&refusal));
        assert!(text.contains("\rMSA|AE|M\\F\\1|PID-3 is empty, expected the patient's ID\r"), "{text}");
        assert!(
            text.ends_with(
                "\rERR|||101^Required field missing^HL70357|E||||PID-3 is empty, expected the patient's ID\r"
            ),
            "{text}"
        );
        let text = answer(b"GET /", Some(&Refusal::reject(200, "no | message")));
        assert!(text.contains("|ACK|") && text.contains("\rMSA|AR||no  message\r"), "{text}");
    }
}
